//! `unexpected-link`

use crate::artifact::EntryKind;
use crate::finding::{Confidence, Description, Evidence, Finding, Risk, Rule, Severity, Weighing};
use crate::ledger::LedgerFile;

/// What the rule says of itself.
pub(super) const DESCRIPTION: Description = Description {
    rule: Rule::UnexpectedLink,
    id: "unexpected-link",
    severity: Severity::Error,
    confidence: Confidence::VeryHigh,
    risk: Risk::High,
    weighing: Weighing::Fixed,
    summary: "An archive member is a link.",
};

/// Judges.
pub(super) fn judge(evidence: &Evidence<'_>) -> Vec<Finding> {
    let tell = |file: &LedgerFile| {
        let message = match &file.kind {
            EntryKind::SymbolicLink { target } => format!("a symbolic link to `{target}`"),
            EntryKind::HardLink { target } => format!("a hard link to `{target}`"),
            _ => return None,
        };
        Some(Finding::new(Rule::UnexpectedLink, Some(&file.path), message))
    };
    evidence.ledger.into_iter().flat_map(|ledger| &ledger.files).filter_map(tell).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::support::{ledger, member, paths_in};

    #[test]
    fn fires() {
        for kind in [EntryKind::SymbolicLink { target: "x".to_owned() }, EntryKind::HardLink { target: "x".to_owned() }]
        {
            let ledger = ledger(vec![member("odd", kind)]);
            assert_eq!(paths_in(judge, &ledger), ["odd"]);
        }
    }

    #[test]
    fn stays_silent() {
        let ledger = ledger(vec![member("index.js", EntryKind::File), member("other", EntryKind::Special(b'3'))]);
        assert!(paths_in(judge, &ledger).is_empty());
    }
}
