//! `install-script-added`

use crate::finding::manifest_keys::findings_of;
use crate::finding::rules::speaker;
use crate::finding::{Confidence, Description, Evidence, Finding, Risk, Rule, Severity, Weighing};

/// What the rule says of itself.
pub(super) const DESCRIPTION: Description = Description {
    rule: Rule::InstallScriptAdded,
    id: "install-script-added",
    severity: Severity::Error,
    confidence: Confidence::High,
    risk: Risk::High,
    weighing: Weighing::Fixed,
    summary: "A script that runs at installation is not in the source's manifest.",
};

/// Judges.
pub(super) fn judge(evidence: &Evidence<'_>) -> Vec<Finding> {
    let mut findings = findings_of(Rule::InstallScriptAdded, evidence);
    let built = evidence.unexplained_files().filter(|file| speaker(evidence, file) == Some(Rule::InstallScriptAdded));
    let message = "npm builds a package that has this file when it is installed";
    findings.extend(built.map(|file| Finding::new(Rule::InstallScriptAdded, Some(&file.path), message)));
    findings
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::support::{added, file, ledger as of_files, manifest, modified, paths_in};

    #[test]
    fn fires() {
        let ledger = manifest(&[("scripts.postinstall", Some("node setup.js"), None)]);
        assert_eq!(paths_in(judge, &ledger), ["package.json"]);
        let ledger = of_files(vec![file("binding.gyp", added())]);
        assert_eq!(paths_in(judge, &ledger), ["binding.gyp"]);
    }

    #[test]
    fn stays_silent() {
        let ledger = manifest(&[("scripts.test", Some("node test.js"), None)]);
        assert!(paths_in(judge, &ledger).is_empty());
        let ledger = of_files(vec![file("binding.gyp", modified()), file("deps/binding.gyp", added())]);
        assert!(paths_in(judge, &ledger).is_empty());
    }
}
