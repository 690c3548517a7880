//! `release-not-served`

use crate::finding::{Confidence, Description, Evidence, Finding, Risk, Rule, Severity, Weighing};

/// What the rule says of itself.
pub(super) const DESCRIPTION: Description = Description {
    rule: Rule::ReleaseNotServed,
    id: "release-not-served",
    severity: Severity::Warning,
    confidence: Confidence::VeryHigh,
    risk: Risk::Medium,
    weighing: Weighing::Context,
    summary: "The registry does not serve the release that the given file is judged as.",
};

/// Judges.
pub(super) fn judge(evidence: &Evidence<'_>) -> Vec<Finding> {
    evidence.unserved.iter().map(|message| Finding::new(Rule::ReleaseNotServed, None, *message)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fires() {
        assert_eq!(
            judge(&Evidence { unserved: Some("the registry has no version 1.0.0"), ..Evidence::default() }).len(),
            1
        );
    }

    #[test]
    fn stays_silent() {
        assert!(judge(&Evidence::default()).is_empty());
    }
}
