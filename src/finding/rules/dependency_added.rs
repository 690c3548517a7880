//! `dependency-added`

use crate::finding::manifest_keys::findings_of;
use crate::finding::{Confidence, Description, Evidence, Finding, Risk, Rule, Severity, Weighing};

/// What the rule says of itself.
pub(super) const DESCRIPTION: Description = Description {
    rule: Rule::DependencyAdded,
    id: "dependency-added",
    severity: Severity::Error,
    confidence: Confidence::High,
    risk: Risk::High,
    weighing: Weighing::Fixed,
    summary: "A dependency is not in the source's manifest.",
};

/// Judges.
pub(super) fn judge(evidence: &Evidence<'_>) -> Vec<Finding> {
    findings_of(Rule::DependencyAdded, evidence)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::support::{manifest, paths_in};

    #[test]
    fn fires() {
        let ledger = manifest(&[("dependencies.left", Some("^1.0.0"), None)]);
        assert_eq!(paths_in(judge, &ledger), ["package.json"]);
    }

    #[test]
    fn stays_silent() {
        let ledger = manifest(&[
            ("dependencies.left", Some("^1.0.1"), Some("^1.0.0")),
            ("devDependencies.left", Some("1"), None),
        ]);
        assert!(paths_in(judge, &ledger).is_empty());
    }
}
