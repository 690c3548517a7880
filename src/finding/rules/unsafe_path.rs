//! `unsafe-path`

use crate::artifact::EntryKind;
use crate::finding::{Confidence, Description, Evidence, Finding, Risk, Rule, Severity, Weighing};
use crate::ledger::LedgerFile;

/// What the rule says of itself.
pub(super) const DESCRIPTION: Description = Description {
    rule: Rule::UnsafePath,
    id: "unsafe-path",
    severity: Severity::Error,
    confidence: Confidence::VeryHigh,
    risk: Risk::High,
    weighing: Weighing::Fixed,
    summary: "An archive member's path cannot be a file of the package.",
};

/// Judges.
pub(super) fn judge(evidence: &Evidence<'_>) -> Vec<Finding> {
    let tell = |file: &LedgerFile| {
        let message = match &file.kind {
            EntryKind::UnsafePath(error) => error.to_string(),
            _ => return None,
        };
        Some(Finding::new(Rule::UnsafePath, Some(&file.path), message))
    };
    evidence.ledger.into_iter().flat_map(|ledger| &ledger.files).filter_map(tell).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::PathError;
    use crate::finding::support::{ledger, member, paths_in};

    #[test]
    fn fires() {
        let ledger = ledger(vec![member("odd", EntryKind::UnsafePath(PathError::Traversal))]);
        assert_eq!(paths_in(judge, &ledger), ["odd"]);
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
