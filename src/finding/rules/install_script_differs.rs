//! `install-script-differs`

use crate::finding::manifest_keys::findings_of;
use crate::finding::rules::speaker;
use crate::finding::{Confidence, Description, Evidence, Finding, Risk, Rule, Severity, Weighing};

/// What the rule says of itself.
pub(super) const DESCRIPTION: Description = Description {
    rule: Rule::InstallScriptDiffers,
    id: "install-script-differs",
    severity: Severity::Error,
    confidence: Confidence::High,
    risk: Risk::High,
    weighing: Weighing::Fixed,
    summary: "A script that runs at installation differs from the source's.",
};

/// Judges.
pub(super) fn judge(evidence: &Evidence<'_>) -> Vec<Finding> {
    let mut findings = findings_of(Rule::InstallScriptDiffers, evidence);
    let built = evidence.unexplained_files().filter(|file| speaker(evidence, file) == Some(Rule::InstallScriptDiffers));
    let message = "npm builds by this file at installation, and it differs from the source's";
    findings.extend(built.map(|file| Finding::new(Rule::InstallScriptDiffers, Some(&file.path), message)));
    findings
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::support::{added, file, ledger as of_files, manifest, modified, paths_in};

    #[test]
    fn fires() {
        let ledger = manifest(&[("scripts.install", Some("node setup.js"), Some("node-gyp rebuild"))]);
        assert_eq!(paths_in(judge, &ledger), ["package.json"]);
        let ledger = of_files(vec![file("binding.gyp", modified())]);
        assert_eq!(paths_in(judge, &ledger), ["binding.gyp"]);
    }

    #[test]
    fn stays_silent() {
        let ledger = manifest(&[("scripts.install", Some("node setup.js"), None)]);
        assert!(paths_in(judge, &ledger).is_empty());
        let ledger = of_files(vec![file("binding.gyp", added()), file("deps/binding.gyp", modified())]);
        assert!(paths_in(judge, &ledger).is_empty());
    }
}
