//! `content-moved`

use crate::finding::{Confidence, Description, Evidence, Finding, Risk, Rule, Severity, Weighing};
use crate::ledger::{Explanation, LedgerFile};
use crate::package::is_document_of_package;

/// What the rule says of itself.
pub(super) const DESCRIPTION: Description = Description {
    rule: Rule::ContentMoved,
    id: "content-moved",
    severity: Severity::Note,
    confidence: Confidence::High,
    risk: Risk::Low,
    weighing: Weighing::Fixed,
    summary: "Code is at another path than in the source.",
};

/// Judges.
pub(super) fn judge(evidence: &Evidence<'_>) -> Vec<Finding> {
    let tell = |file: &LedgerFile| match &file.explanation {
        Explanation::GitBlobMoved { from } if !is_document_of_package(&file.path) => {
            let message = format!("the content is at `{from}` in the source");
            Some(Finding::new(Rule::ContentMoved, Some(&file.path), message))
        }
        _ => None,
    };
    evidence.files().filter_map(tell).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::support::{file, ledger, paths_in};

    #[test]
    fn fires() {
        let from = "src/index.js".to_owned();
        let ledger = ledger(vec![file("index.js", Explanation::GitBlobMoved { from })]);
        assert_eq!(paths_in(judge, &ledger), ["index.js"]);
    }

    #[test]
    fn stays_silent() {
        let from = "LICENSE".to_owned();
        let moved = file("LICENSE", Explanation::GitBlobMoved { from });
        let ledger = ledger(vec![moved, file("index.js", Explanation::GitBlob)]);
        assert!(paths_in(judge, &ledger).is_empty());
    }
}
