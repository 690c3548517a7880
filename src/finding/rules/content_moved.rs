//! `content-moved`

use crate::compare::is_set_aside;
use crate::finding::{Confidence, Description, Evidence, FileKind, Finding, Risk, Rule, Severity, Weighing};
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
            let finding = Finding::new(Rule::ContentMoved, Some(&file.path), message);
            Some(if was_no_code(&file.path, from) { finding.with_risk(Risk::High) } else { finding })
        }
        _ => None,
    };
    evidence.files().filter_map(tell).collect()
}

/// Whether code has the content of something that was not written to be run in a package.
fn was_no_code(path: &str, from: &str) -> bool {
    let kind = FileKind::of(path);
    kind == FileKind::Code && (FileKind::of(from) != kind || is_set_aside(from) && !is_set_aside(path))
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
    fn what_was_no_code_is_urgent() {
        assert!(was_no_code("setup.js", "test/setup.txt") && was_no_code("a.js", "scripts/a.js"));
        assert!(!was_no_code("index.js", "src/index.js") && !was_no_code("test/a.js", "packages/a/test/a.js"));
    }

    #[test]
    fn stays_silent() {
        let from = "LICENSE".to_owned();
        let moved = file("LICENSE", Explanation::GitBlobMoved { from });
        let ledger = ledger(vec![moved, file("index.js", Explanation::GitBlob)]);
        assert!(paths_in(judge, &ledger).is_empty());
    }
}
