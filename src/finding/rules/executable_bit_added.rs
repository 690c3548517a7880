//! `executable-bit-added`

use crate::finding::{Confidence, Description, Evidence, Finding, Risk, Rule, Severity, Weighing};
use crate::ledger::LedgerFile;

/// What the rule says of itself.
pub(super) const DESCRIPTION: Description = Description {
    rule: Rule::ExecutableBitAdded,
    id: "executable-bit-added",
    severity: Severity::Note,
    confidence: Confidence::VeryHigh,
    risk: Risk::Low,
    weighing: Weighing::Fixed,
    summary: "A file is executable only in the artifact.",
};

/// Judges.
pub(super) fn judge(evidence: &Evidence<'_>) -> Vec<Finding> {
    let added = |file: &&LedgerFile| {
        file.executable && file.counterpart.as_ref().is_some_and(|counterpart| !counterpart.executable)
    };
    let files = evidence.ledger.into_iter().flat_map(|ledger| &ledger.files).filter(added);
    let message = "executable in the artifact but not in the source";
    files.map(|file| Finding::new(Rule::ExecutableBitAdded, Some(&file.path), message)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::support::{file, ledger, paths_in};
    use crate::ledger::{Counterpart, Explanation};
    use crate::package::BlobId;

    fn with_bits(published: bool, source: bool) -> LedgerFile {
        let counterpart = Counterpart { path: "run".to_owned(), blob: BlobId([0; 20]), executable: source };
        LedgerFile { executable: published, counterpart: Some(counterpart), ..file("run", Explanation::GitBlob) }
    }

    #[test]
    fn fires() {
        assert_eq!(paths_in(judge, &ledger(vec![with_bits(true, false)])), ["run"]);
    }

    #[test]
    fn stays_silent() {
        let files = vec![with_bits(true, true), with_bits(false, true), with_bits(false, false)];
        assert!(paths_in(judge, &ledger(files)).is_empty());
    }
}
