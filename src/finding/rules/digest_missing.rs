//! `digest-missing`

use crate::finding::{Confidence, Description, Evidence, Finding, Risk, Rule, Severity, Weighing};

/// What the rule says of itself.
pub(super) const DESCRIPTION: Description = Description {
    rule: Rule::DigestMissing,
    id: "digest-missing",
    severity: Severity::Note,
    confidence: Confidence::VeryHigh,
    risk: Risk::Low,
    weighing: Weighing::Fixed,
    summary: "The registry states no digest of the artifact.",
};

/// Judges.
pub(super) fn judge(evidence: &Evidence<'_>) -> Vec<Finding> {
    let message = "the registry states neither `integrity` nor `shasum` for this release";
    evidence.digest_missing.then(|| Finding::new(Rule::DigestMissing, None, message)).into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fires() {
        assert_eq!(judge(&Evidence { digest_missing: true, ..Evidence::default() }).len(), 1);
    }

    #[test]
    fn stays_silent() {
        assert!(judge(&Evidence::default()).is_empty());
    }
}
