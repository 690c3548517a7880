//! `digest-differs`

use crate::finding::{Confidence, Description, Evidence, Finding, Risk, Rule, Severity, Weighing};

/// What the rule says of itself.
pub(super) const DESCRIPTION: Description = Description {
    rule: Rule::DigestDiffers,
    id: "digest-differs",
    severity: Severity::Error,
    confidence: Confidence::VeryHigh,
    risk: Risk::High,
    weighing: Weighing::Fixed,
    summary: "The given file is not what the registry serves for this release.",
};

/// Judges.
pub(super) fn judge(evidence: &Evidence<'_>) -> Vec<Finding> {
    evidence.digest_differs.iter().map(|message| Finding::new(Rule::DigestDiffers, None, message.clone())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fires() {
        assert_eq!(
            judge(&Evidence { digest_differs: Some("another SHA-512".to_owned()), ..Evidence::default() }).len(),
            1
        );
    }

    #[test]
    fn stays_silent() {
        assert!(judge(&Evidence::default()).is_empty());
    }
}
