//! `manifest-differs`

use crate::finding::manifest_keys::findings_of;
use crate::finding::{Confidence, Description, Evidence, Finding, Risk, Rule, Severity, Weighing};

/// What the rule says of itself.
pub(super) const DESCRIPTION: Description = Description {
    rule: Rule::ManifestDiffers,
    id: "manifest-differs",
    severity: Severity::Warning,
    confidence: Confidence::High,
    risk: Risk::Medium,
    weighing: Weighing::Fixed,
    summary: "The manifest differs from the source's and no packer rule explains it.",
};

/// Judges.
pub(super) fn judge(evidence: &Evidence<'_>) -> Vec<Finding> {
    findings_of(Rule::ManifestDiffers, evidence)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::support::{manifest, paths_in};

    #[test]
    fn fires() {
        let ledger = manifest(&[("keywords", Some("new"), Some("old"))]);
        assert_eq!(paths_in(judge, &ledger), ["package.json"]);
    }

    #[test]
    fn stays_silent() {
        let ledger = manifest(&[("main", Some("dist/index.js"), Some("index.js"))]);
        assert!(paths_in(judge, &ledger).is_empty());
    }
}
