//! `source-file-missing`

use crate::compare::acts_by_name;
use crate::finding::{Confidence, Description, Evidence, Finding, Risk, Rule, Severity, Weighing};

/// What the rule says of itself.
pub(super) const DESCRIPTION: Description = Description {
    rule: Rule::SourceFileMissing,
    id: "source-file-missing",
    severity: Severity::Note,
    confidence: Confidence::Medium,
    risk: Risk::Low,
    weighing: Weighing::Fixed,
    summary: "A file that the packer would have included is not in the artifact.",
};

/// Judges.
pub(super) fn judge(evidence: &Evidence<'_>) -> Vec<Finding> {
    let missing = evidence.ledger.and_then(|ledger| ledger.source_only.as_ref());
    let tell = |path: &String| {
        let message = "the packer would have included it, the artifact lacks it";
        let finding = Finding::new(Rule::SourceFileMissing, Some(path), message);
        // Without these the files that are there become another program, or get other dependencies.
        if acts_by_name(path) { finding.with_risk(Risk::Medium) } else { finding }
    };
    missing.into_iter().flatten().map(tell).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::support::ledger;
    use crate::ledger::Ledger;

    #[test]
    fn fires() {
        let ledger = Ledger { source_only: Some(vec!["lib/check.js".to_owned()]), ..ledger(Vec::new()) };
        let findings = judge(&Evidence { ledger: Some(&ledger), ..Evidence::default() });
        assert_eq!(findings[0].path.as_deref(), Some("lib/check.js"));
    }

    #[test]
    fn what_changes_how_others_run_is_more_urgent() {
        let missing = ["lib/a.js", "lib/package.json", "node_modules/b/index.js", "npm-shrinkwrap.json"];
        let ledger = Ledger { source_only: Some(missing.map(str::to_owned).into()), ..ledger(Vec::new()) };
        let risks = judge(&Evidence { ledger: Some(&ledger), ..Evidence::default() }).into_iter().map(|f| f.risk);
        assert_eq!(risks.collect::<Vec<_>>(), [Risk::Low, Risk::Medium, Risk::Medium, Risk::Medium]);
    }

    #[test]
    fn stays_silent() {
        let unknown = Ledger { source_only: None, ..ledger(Vec::new()) };
        let complete = Ledger { source_only: Some(Vec::new()), ..ledger(Vec::new()) };
        for ledger in [unknown, complete] {
            assert!(judge(&Evidence { ledger: Some(&ledger), ..Evidence::default() }).is_empty());
        }
    }
}
