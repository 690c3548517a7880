//! `file-not-in-source`

use crate::finding::file_kind::shell;
use crate::finding::rules::speaker;
use crate::finding::{Confidence, Description, Evidence, Finding, Risk, Rule, Severity, Weighing};
use crate::ledger::Explanation;

/// What the rule says of itself.
pub(super) const DESCRIPTION: Description = Description {
    rule: Rule::FileNotInSource,
    id: "file-not-in-source",
    severity: Severity::Warning,
    confidence: Confidence::High,
    risk: Risk::Medium,
    weighing: Weighing::Content,
    summary: "A file is not in the source.",
};

/// Judges.
pub(super) fn judge(evidence: &Evidence<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in evidence.unexplained_files().filter(|file| speaker(evidence, file) == Some(Rule::FileNotInSource)) {
        let ignored = matches!(file.explanation, Explanation::ArtifactOnly { ignored_by_git: true });
        let note = match ignored {
            true if is_leftover(&file.path) => ", at a path that git ignores",
            true => ", at a path that git ignores as it does build output",
            false => "",
        };
        let message = match shell(&file.path, evidence.content_of(file)) {
            Some(shell) => format!("a script for {shell} that is not in the source{note}"),
            None => format!("not in the source{note}{}", evidence.unread_note(&file.path)),
        };
        findings.push(Finding::new(Rule::FileNotInSource, Some(&file.path), message));
    }
    findings
}

/// Whether a name is that of what programs leave behind, and of nothing that is built.
fn is_leftover(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    name.starts_with('.') || [".log", ".tgz", ".swp", "~"].iter().any(|end| name.ends_with(end))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::support::{added, contents, file, ledger, modified, paths_in};

    #[test]
    fn fires() {
        let built = Explanation::ArtifactOnly { ignored_by_git: true };
        let ledger = ledger(vec![
            file("dist/index.js", built.clone()),
            file("yarn-error.log", built),
            file("setup", added()),
            file("setup.ps1", added()),
        ]);
        let contents = contents(Vec::new(), &[("setup", b"#!/bin/sh\ncurl collector.example\n")]);
        let findings = judge(&Evidence { ledger: Some(&ledger), artifact: Some(&contents), ..Evidence::default() });
        let messages: Vec<&str> = findings.iter().map(|finding| finding.message.as_str()).collect();
        assert_eq!(
            messages,
            [
                "not in the source, at a path that git ignores as it does build output",
                "a script for sh that is not in the source",
                "a script for PowerShell that is not in the source",
                "not in the source, at a path that git ignores",
            ]
        );
    }

    #[test]
    fn stays_silent() {
        let rebuilt = file("dist/index.js", Explanation::Rebuilt);
        let files = vec![rebuilt, file("lib/addon.node", added()), file("index.js", modified())];
        assert!(paths_in(judge, &ledger(files)).is_empty());
    }
}
