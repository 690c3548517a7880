//! `bin-added`

use crate::finding::manifest_keys::findings_of;
use crate::finding::{Confidence, Description, Evidence, Finding, Risk, Rule, Severity, Weighing};

/// What the rule says of itself.
pub(super) const DESCRIPTION: Description = Description {
    rule: Rule::BinAdded,
    id: "bin-added",
    severity: Severity::Error,
    confidence: Confidence::High,
    risk: Risk::High,
    weighing: Weighing::Fixed,
    summary: "A command is not in the source's manifest.",
};

/// Judges.
pub(super) fn judge(evidence: &Evidence<'_>) -> Vec<Finding> {
    findings_of(Rule::BinAdded, evidence)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::support::{manifest, paths_in};

    #[test]
    fn fires() {
        let ledger = manifest(&[("bin.tool", Some("cli.js"), None)]);
        assert_eq!(paths_in(judge, &ledger), ["package.json"]);
    }

    #[test]
    fn stays_silent() {
        let ledger = manifest(&[("bin.tool", Some("cli.js"), Some("bin.js"))]);
        assert!(paths_in(judge, &ledger).is_empty());
    }
}
