//! `attestation-invalid`

use crate::finding::{Confidence, Description, Evidence, Finding, Risk, Rule, Severity, Weighing};
use crate::provenance::Standing;

/// What the rule says of itself.
pub(super) const DESCRIPTION: Description = Description {
    rule: Rule::AttestationInvalid,
    id: "attestation-invalid",
    severity: Severity::Error,
    confidence: Confidence::High,
    risk: Risk::High,
    weighing: Weighing::Fixed,
    summary: "A signature or provenance that the registry states does not hold.",
};

/// Judges.
pub(super) fn judge(evidence: &Evidence<'_>) -> Vec<Finding> {
    let Some(publisher) = evidence.publisher else { return Vec::new() };
    let mut messages = Vec::new();
    if let Standing::Invalid(reason) = &publisher.signature {
        messages.push(format!("the registry's signature does not hold: {reason}"));
    }
    if let Standing::Invalid(reason) = &publisher.provenance {
        messages.push(format!("the stated provenance does not hold: {reason}"));
    }
    messages.into_iter().map(|message| Finding::new(Rule::AttestationInvalid, None, message)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provenance::PublisherEvidence;

    fn judged(publisher: &PublisherEvidence) -> usize {
        judge(&Evidence { publisher: Some(publisher), ..Evidence::default() }).len()
    }

    #[test]
    fn fires() {
        let wrong = PublisherEvidence {
            signature: Standing::Invalid("a".to_owned()),
            provenance: Standing::Invalid("b".to_owned()),
        };
        assert_eq!(judged(&wrong), 2);
    }

    #[test]
    fn stays_silent() {
        assert_eq!(judged(&PublisherEvidence::default()), 0);
        let unknown =
            PublisherEvidence { signature: Standing::Unknown("a".to_owned()), ..PublisherEvidence::default() };
        assert_eq!(judged(&unknown), 0);
    }
}
