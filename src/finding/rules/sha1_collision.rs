//! `sha1-collision`

use crate::artifact::ArchiveAnomaly;
use crate::finding::{Confidence, Description, Evidence, Finding, Risk, Rule, Severity, Weighing};

/// What the rule says of itself.
pub(super) const DESCRIPTION: Description = Description {
    rule: Rule::Sha1Collision,
    id: "sha1-collision",
    severity: Severity::Error,
    confidence: Confidence::VeryHigh,
    risk: Risk::High,
    weighing: Weighing::Fixed,
    summary: "A file carries the marks of a SHA-1 collision attack.",
};

/// Judges.
pub(super) fn judge(evidence: &Evidence<'_>) -> Vec<Finding> {
    let tell = |anomaly: &ArchiveAnomaly| match anomaly {
        ArchiveAnomaly::Sha1Collision { path } => {
            let message = "the content was built to share its SHA-1 with another";
            Some(Finding::new(Rule::Sha1Collision, Some(path), message))
        }
        _ => None,
    };
    evidence.artifact.into_iter().flat_map(|artifact| &artifact.anomalies).filter_map(tell).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::support::found_in_archive;

    #[test]
    fn fires() {
        let findings = found_in_archive(judge, vec![ArchiveAnomaly::Sha1Collision { path: "a".into() }]);
        assert_eq!(findings.len(), 1);
    }

    #[test]
    fn stays_silent() {
        assert!(found_in_archive(judge, vec![ArchiveAnomaly::TrailingData]).is_empty());
    }
}
