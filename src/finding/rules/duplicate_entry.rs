//! `duplicate-entry`

use crate::artifact::ArchiveAnomaly;
use crate::finding::{Confidence, Description, Evidence, Finding, Risk, Rule, Severity, Weighing};

/// What the rule says of itself.
pub(super) const DESCRIPTION: Description = Description {
    rule: Rule::DuplicateEntry,
    id: "duplicate-entry",
    severity: Severity::Error,
    confidence: Confidence::VeryHigh,
    risk: Risk::High,
    weighing: Weighing::Fixed,
    summary: "A path comes more than once in the archive.",
};

/// Judges.
pub(super) fn judge(evidence: &Evidence<'_>) -> Vec<Finding> {
    let tell = |anomaly: &ArchiveAnomaly| match anomaly {
        ArchiveAnomaly::DuplicateEntry { path, differs } => {
            let how = if *differs { "with other content" } else { "with the same content" };
            let message = format!("the path comes more than once, {how}; installers keep the last");
            // Old packers wrote a file twice; which copy is kept then makes no difference.
            let risk = if *differs { DESCRIPTION.risk } else { Risk::Low };
            Some(Finding::new(Rule::DuplicateEntry, Some(path), message).with_risk(risk))
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
        let findings = found_in_archive(
            judge,
            vec![
                ArchiveAnomaly::DuplicateEntry { path: "a".into(), differs: true },
                ArchiveAnomaly::DuplicateEntry { path: "b".into(), differs: false },
            ],
        );
        let risks: Vec<Risk> = findings.iter().map(|finding| finding.risk).collect();
        assert_eq!(risks, [Risk::High, Risk::Low]);
    }

    #[test]
    fn stays_silent() {
        assert!(found_in_archive(judge, vec![ArchiveAnomaly::TrailingData]).is_empty());
    }
}
