//! `file-modified`

use crate::finding::file_kind::{has_binary_name, hides_machine_code};
use crate::finding::rules::speaker;
use crate::finding::{Confidence, Description, Evidence, Finding, Risk, Rule, Severity, Weighing};
use crate::ledger::Explanation;

/// What the rule says of itself.
pub(super) const DESCRIPTION: Description = Description {
    rule: Rule::FileModified,
    id: "file-modified",
    severity: Severity::Warning,
    confidence: Confidence::High,
    risk: Risk::Medium,
    weighing: Weighing::Content,
    summary: "A file differs from the source's.",
};

/// Judges.
pub(super) fn judge(evidence: &Evidence<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in evidence.unexplained_files().filter(|file| speaker(evidence, file) == Some(Rule::FileModified)) {
        let machine_code = evidence.machine_code(file);
        let machine = machine_code.is_some() || has_binary_name(&file.path);
        let what = if machine { "the binary content" } else { "the content" };
        let message = match &file.explanation {
            Explanation::Modified { same_as: Some(other), .. } => format!("{what} is that of `{other}` in the source"),
            _ => format!("{what} differs from the source's{}", evidence.unread_note(&file.path)),
        };
        let risk = match machine_code {
            Some(_) if hides_machine_code(&file.path) => Risk::Critical,
            _ if machine => Risk::High,
            _ => DESCRIPTION.risk,
        };
        findings.push(Finding::new(Rule::FileModified, Some(&file.path), message).with_risk(risk));
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::support::{added, file, ledger, manifest, modified, paths, paths_in};

    #[test]
    fn fires() {
        let ledger = ledger(vec![file("index.js", modified()), file("lib/addon.node", modified())]);
        let findings = judge(&Evidence { ledger: Some(&ledger), ..Evidence::default() });
        assert_eq!(paths(&findings), ["index.js", "lib/addon.node"]);
        assert_eq!((findings[0].risk, findings[1].risk), (Risk::Medium, Risk::High));
    }

    #[test]
    fn stays_silent() {
        let files = vec![file("index.js", Explanation::GitBlob), file("new.js", added())];
        assert!(paths_in(judge, &ledger(files)).is_empty());
        // The rules about keys speak for the manifest.
        assert!(paths_in(judge, &manifest(&[("main", Some("a"), Some("b"))])).is_empty());
    }
}
