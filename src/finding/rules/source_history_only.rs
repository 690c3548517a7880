//! `source-history-only`

use crate::finding::{Confidence, Description, Evidence, FileKind, Finding, Risk, Rule, Severity, Weighing};
use crate::ledger::{Explanation, LedgerFile};

/// What the rule says of itself.
pub(super) const DESCRIPTION: Description = Description {
    rule: Rule::SourceHistoryOnly,
    id: "source-history-only",
    severity: Severity::Warning,
    confidence: Confidence::High,
    risk: Risk::Low,
    weighing: Weighing::Fixed,
    summary: "A file's content is in the repository, but in another commit.",
};

/// Judges.
pub(super) fn judge(evidence: &Evidence<'_>) -> Vec<Finding> {
    let tell = |file: &LedgerFile| {
        let Explanation::History { commit } = &file.explanation else { return None };
        let is_later = evidence.is_later.is_some_and(|is_later| is_later(commit));
        let when = if is_later { "the later commit" } else { "commit" };
        let message = format!("the content is the source's at {when} {}", commit.short());
        let finding = Finding::new(Rule::SourceHistoryOnly, Some(&file.path), message);
        // An old text misleads nobody; old code has the faults that the release is to mend.
        Some(if !FileKind::of(&file.path).is_read_only() { finding.with_risk(Risk::Medium) } else { finding })
    };
    evidence.files().filter_map(tell).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::support::{added, commit, file, ledger, paths_in};

    #[test]
    fn fires() {
        let ledger = ledger(vec![file("index.js", Explanation::History { commit: commit('b') })]);
        assert_eq!(paths_in(judge, &ledger), ["index.js"]);
    }

    #[test]
    fn a_commit_after_the_release_is_called_so() {
        let ledger = ledger(vec![file("index.js", Explanation::History { commit: commit('b') })]);
        let told = |later: bool| {
            let is_later = |_: &crate::package::CommitId| later;
            let evidence = Evidence { ledger: Some(&ledger), is_later: Some(&is_later), ..Evidence::default() };
            judge(&evidence).remove(0).message
        };
        assert_eq!(told(true), "the content is the source's at the later commit bbbbbbbbbbbb");
        assert_eq!(told(false), "the content is the source's at commit bbbbbbbbbbbb");
    }

    #[test]
    fn stays_silent() {
        let ledger = ledger(vec![file("index.js", Explanation::GitBlob), file("new.js", added())]);
        assert!(paths_in(judge, &ledger).is_empty());
    }
}
