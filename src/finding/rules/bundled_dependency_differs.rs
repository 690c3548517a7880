//! `bundled-dependency-differs`

use crate::finding::rules::speaker;
use crate::finding::{Confidence, Description, Evidence, Finding, Risk, Rule, Severity, Weighing};
use crate::ledger::{Explanation, LedgerFile};

/// What the rule says of itself.
pub(super) const DESCRIPTION: Description = Description {
    rule: Rule::BundledDependencyDiffers,
    id: "bundled-dependency-differs",
    severity: Severity::Error,
    confidence: Confidence::High,
    risk: Risk::High,
    weighing: Weighing::Content,
    summary: "What the package brings of its dependencies, or a file that pins them, is not the source's.",
};

/// Judges.
pub(super) fn judge(evidence: &Evidence<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let speaks = |file: &&LedgerFile| speaker(evidence, file) == Some(Rule::BundledDependencyDiffers);
    for file in evidence.unexplained_files().filter(speaks) {
        let differs = match &file.explanation {
            Explanation::ArtifactOnly { .. } => "is not in the source",
            _ => "differs from the source's",
        };
        let (message, risk) = match Bundled::of(&file.path) {
            Some(Bundled::Shrinkwrap) => {
                (format!("the file decides which releases npm installs beside the package, and {differs}"), Risk::High)
            }
            Some(Bundled::Lockfile) => {
                (format!("the lockfile {differs}; npm does not read it in an installed package"), Risk::Medium)
            }
            _ => (format!("the bundled dependency's file {differs}"), Risk::High),
        };
        findings.push(Finding::new(Rule::BundledDependencyDiffers, Some(&file.path), message).with_risk(risk));
    }
    findings
}

/// What a path of a package can be to its dependencies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Bundled {
    /// The one lockfile that npm reads in an installed package.
    Shrinkwrap,
    /// A lockfile that nothing reads there.
    Lockfile,
    /// A file of a bundled dependency.
    File,
}

impl Bundled {
    pub(super) fn of(path: &str) -> Option<Self> {
        const LOCKFILES: [&str; 6] =
            ["package-lock.json", "npm-shrinkwrap.json", "yarn.lock", "pnpm-lock.yaml", "bun.lock", "bun.lockb"];
        let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
        if path == "npm-shrinkwrap.json" {
            Some(Self::Shrinkwrap)
        } else if folder.split('/').any(|part| part == "node_modules") {
            Some(Self::File)
        } else {
            LOCKFILES.contains(&name).then_some(Self::Lockfile)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::support::{added, file, ledger, modified, paths_in};

    #[test]
    fn fires() {
        let ledger = ledger(vec![
            file("node_modules/left/index.js", added()),
            file("npm-shrinkwrap.json", modified()),
            file("yarn.lock", added()),
        ]);
        let findings = judge(&Evidence { ledger: Some(&ledger), ..Evidence::default() });
        let risks: Vec<Risk> = findings.iter().map(|finding| finding.risk).collect();
        assert_eq!(risks, [Risk::High, Risk::High, Risk::Medium]);
    }

    #[test]
    fn stays_silent() {
        let files = vec![
            file("npm-shrinkwrap.json", Explanation::GitBlob),
            file("node_modules/left/index.js", Explanation::Rebuilt),
            file("lib/node_modules.js", added()),
        ];
        assert!(paths_in(judge, &ledger(files)).is_empty());
    }
}
