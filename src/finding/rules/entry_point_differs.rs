//! `entry-point-differs`

use crate::finding::manifest_keys::findings_of;
use crate::finding::{Confidence, Description, Evidence, Finding, Risk, Rule, Severity, Weighing};

/// What the rule says of itself.
pub(super) const DESCRIPTION: Description = Description {
    rule: Rule::EntryPointDiffers,
    id: "entry-point-differs",
    severity: Severity::Error,
    confidence: Confidence::High,
    risk: Risk::High,
    weighing: Weighing::Fixed,
    summary: "The files that an import reaches are named differently than in the source.",
};

/// Judges.
pub(super) fn judge(evidence: &Evidence<'_>) -> Vec<Finding> {
    findings_of(Rule::EntryPointDiffers, evidence)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::support::{manifest, paths_in};

    #[test]
    fn fires() {
        let ledger = manifest(&[("main", Some("dist/index.js"), Some("index.js"))]);
        assert_eq!(paths_in(judge, &ledger), ["package.json"]);
    }

    #[test]
    fn stays_silent() {
        let ledger = manifest(&[("description", Some("new"), Some("old"))]);
        assert!(paths_in(judge, &ledger).is_empty());
    }
}
