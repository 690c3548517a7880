//! `special-entry`

use crate::artifact::EntryKind;
use crate::finding::{Confidence, Description, Evidence, Finding, Risk, Rule, Severity, Weighing};
use crate::ledger::LedgerFile;

/// What the rule says of itself.
pub(super) const DESCRIPTION: Description = Description {
    rule: Rule::SpecialEntry,
    id: "special-entry",
    severity: Severity::Error,
    confidence: Confidence::VeryHigh,
    risk: Risk::High,
    weighing: Weighing::Fixed,
    summary: "An archive member is neither a file nor a folder nor a link.",
};

/// Judges.
pub(super) fn judge(evidence: &Evidence<'_>) -> Vec<Finding> {
    let tell = |file: &LedgerFile| {
        let message = match &file.kind {
            EntryKind::Special(kind) => format!("a member of type `{}`", kind.escape_ascii()),
            _ => return None,
        };
        Some(Finding::new(Rule::SpecialEntry, Some(&file.path), message))
    };
    evidence.ledger.into_iter().flat_map(|ledger| &ledger.files).filter_map(tell).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::support::{ledger, member, paths_in};

    #[test]
    fn fires() {
        for kind in [EntryKind::Special(b'3'), EntryKind::Special(0xff)] {
            let ledger = ledger(vec![member("odd", kind)]);
            assert_eq!(paths_in(judge, &ledger), ["odd"]);
        }
    }

    #[test]
    fn stays_silent() {
        let ledger = ledger(vec![
            member("index.js", EntryKind::File),
            member("other", EntryKind::SymbolicLink { target: "x".to_owned() }),
        ]);
        assert!(paths_in(judge, &ledger).is_empty());
    }
}
