//! `binary-added`

use crate::finding::file_kind::hides_machine_code;
use crate::finding::rules::speaker;
use crate::finding::{Confidence, Description, Evidence, Finding, Risk, Rule, Severity, Weighing};

/// What the rule says of itself.
pub(super) const DESCRIPTION: Description = Description {
    rule: Rule::BinaryAdded,
    id: "binary-added",
    severity: Severity::Error,
    confidence: Confidence::High,
    risk: Risk::High,
    weighing: Weighing::Content,
    summary: "A binary file is not in the source.",
};

/// Judges.
pub(super) fn judge(evidence: &Evidence<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in evidence.unexplained_files().filter(|file| speaker(evidence, file) == Some(Rule::BinaryAdded)) {
        let machine_code = evidence.machine_code(file);
        let message = match machine_code {
            Some(found) => format!("a binary file that is not in the source: it begins as {found}"),
            None => "a binary file that is not in the source".to_owned(),
        };
        let risk = if machine_code.is_some() && hides_machine_code(&file.path) {
            // Among many images one program must not be one of many.
            Risk::Critical
        } else {
            DESCRIPTION.risk
        };
        findings.push(Finding::new(Rule::BinaryAdded, Some(&file.path), message).with_risk(risk));
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::support::{added, contents, file, ledger, paths};
    use crate::ledger::Explanation;

    #[test]
    fn fires() {
        let ledger = ledger(vec![file("lib/addon.node", added()), file("lib/helper.png", added())]);
        let contents = contents(Vec::new(), &[("lib/helper.png", b"\x7fELF\x02\x01\x01")]);
        let evidence = Evidence { ledger: Some(&ledger), artifact: Some(&contents), ..Evidence::default() };
        let findings = judge(&evidence);
        assert_eq!(paths(&findings), ["lib/addon.node", "lib/helper.png"]);
        assert!(findings[1].message.ends_with("an ELF file"));
        let risks: Vec<Risk> = findings.iter().map(|finding| finding.risk).collect();
        assert_eq!(risks, [Risk::High, Risk::Critical], "what its name hides is worse");
    }

    #[test]
    fn stays_silent() {
        let ledger = ledger(vec![
            file("lib/addon.node", Explanation::GitBlob),
            file("lib/logo.png", added()),
            file("lib/index.js", added()),
        ]);
        let contents = contents(Vec::new(), &[("lib/logo.png", b"\x89PNG\r\n\x1a\n")]);
        assert!(
            judge(&Evidence { ledger: Some(&ledger), artifact: Some(&contents), ..Evidence::default() }).is_empty()
        );
    }
}
