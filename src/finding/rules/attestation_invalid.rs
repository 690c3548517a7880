//! `attestation-invalid`

use crate::finding::{Confidence, Description, Evidence, Finding, Risk, Rule, Severity, Weighing};
use crate::provenance::Standing;
use crate::source::RepositoryLocation;

/// What the rule says of itself.
pub(super) const DESCRIPTION: Description = Description {
    rule: Rule::AttestationInvalid,
    id: "attestation-invalid",
    severity: Severity::Warning,
    confidence: Confidence::High,
    risk: Risk::High,
    weighing: Weighing::Fixed,
    summary: "A signature or provenance that the registry states does not hold, or is about another repository.",
};

/// Judges.
pub(super) fn judge(evidence: &Evidence<'_>) -> Vec<Finding> {
    let Some(publisher) = evidence.publisher else { return Vec::new() };
    let mut messages = Vec::new();
    if let Standing::Invalid(reason) = &publisher.signature {
        messages.push(format!("the registry's signature does not hold: {reason}"));
    }
    match &publisher.provenance {
        Standing::Invalid(reason) => messages.push(format!("the stated provenance does not hold: {reason}")),
        Standing::Verified(provenance) => {
            let named = RepositoryLocation::from_metadata(&provenance.repository).ok();
            let elsewhere = evidence
                .repository
                .filter(|_| !evidence.repository_given)
                .filter(|repository| named.as_ref().is_none_or(|named| !named.is_same_place(repository)));
            if let Some(repository) = elsewhere {
                messages.push(format!(
                    "the provenance names the repository {}, the metadata {}",
                    provenance.repository,
                    repository.as_str()
                ));
            }
        }
        Standing::Absent | Standing::Unknown(_) => {}
    }
    messages.into_iter().map(|message| Finding::new(Rule::AttestationInvalid, None, message)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::support::commit;
    use crate::provenance::{Provenance, PublisherEvidence};

    fn judged(publisher: &PublisherEvidence) -> Vec<String> {
        let repository = RepositoryLocation::from_metadata("https://git.example/studio/lamp.git").unwrap();
        let evidence = Evidence { publisher: Some(publisher), repository: Some(&repository), ..Evidence::default() };
        judge(&evidence).into_iter().map(|finding| finding.message).collect()
    }

    fn provenance(repository: &str) -> PublisherEvidence {
        let provenance = Provenance {
            commit: commit('a'),
            repository: repository.to_owned(),
            reference: None,
            workflow: None,
            issuer: "issuer".to_owned(),
            signed_at: None,
            published: true,
        };
        PublisherEvidence { provenance: Standing::Verified(Box::new(provenance)), ..PublisherEvidence::default() }
    }

    #[test]
    fn fires() {
        let wrong = PublisherEvidence {
            signature: Standing::Invalid("a".to_owned()),
            provenance: Standing::Invalid("b".to_owned()),
        };
        assert_eq!(judged(&wrong).len(), 2);
        assert_eq!(judged(&provenance("https://git.example/studio/other")).len(), 1);
    }

    #[test]
    fn stays_silent() {
        assert!(judged(&PublisherEvidence::default()).is_empty());
        assert!(judged(&provenance("https://git.example/Studio/lamp")).is_empty());
        let unknown =
            PublisherEvidence { signature: Standing::Unknown("a".to_owned()), ..PublisherEvidence::default() };
        assert!(judged(&unknown).is_empty());
    }
}
