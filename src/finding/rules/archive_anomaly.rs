//! `archive-anomaly`

use crate::artifact::ArchiveAnomaly;
use crate::finding::{Confidence, Description, Evidence, Finding, Risk, Rule, Severity, Weighing};

/// What the rule says of itself.
pub(super) const DESCRIPTION: Description = Description {
    rule: Rule::ArchiveAnomaly,
    id: "archive-anomaly",
    severity: Severity::Warning,
    confidence: Confidence::High,
    risk: Risk::Medium,
    weighing: Weighing::Context,
    summary: "The archive is built in an unusual way.",
};

/// Judges.
pub(super) fn judge(evidence: &Evidence<'_>) -> Vec<Finding> {
    let tell = |anomaly: &ArchiveAnomaly| match anomaly {
        ArchiveAnomaly::SeveralRoots { roots } => {
            let roots: Vec<String> = roots.iter().map(|root| format!("`{root}`")).collect();
            let message = format!("entries lie under several root folders: {}", roots.join(", "));
            Some(Finding::new(Rule::ArchiveAnomaly, None, message))
        }
        ArchiveAnomaly::TrailingData => {
            Some(Finding::new(Rule::ArchiveAnomaly, None, "zero bytes follow the compressed archive"))
        }
        ArchiveAnomaly::NotCompressed => {
            Some(Finding::new(Rule::ArchiveAnomaly, None, "the archive is not compressed"))
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
        let findings = found_in_archive(judge, vec![ArchiveAnomaly::TrailingData, ArchiveAnomaly::NotCompressed]);
        assert_eq!(findings.len(), 2);
    }

    #[test]
    fn stays_silent() {
        assert!(found_in_archive(judge, vec![ArchiveAnomaly::Sha1Collision { path: "a".into() }]).is_empty());
    }
}
