//! `name-collision`

use crate::artifact::ArchiveAnomaly;
use crate::finding::{Confidence, Description, Evidence, Finding, Risk, Rule, Severity, Weighing};

/// What the rule says of itself.
pub(super) const DESCRIPTION: Description = Description {
    rule: Rule::NameCollision,
    id: "name-collision",
    severity: Severity::Warning,
    confidence: Confidence::High,
    risk: Risk::Medium,
    weighing: Weighing::Context,
    summary: "Two paths are one on some file systems.",
};

/// Judges.
pub(super) fn judge(evidence: &Evidence<'_>) -> Vec<Finding> {
    let tell = |anomaly: &ArchiveAnomaly| match anomaly {
        ArchiveAnomaly::NameCollision { first, second } => {
            let (one, other) = (spelled(first), spelled(second));
            let message = format!("`{one}` and `{other}` are one file where names ignore case or are normalised");
            let finding = Finding::new(Rule::NameCollision, Some(second), message);
            let runs = |path: &str| evidence.runs.is_some_and(|runs| runs(path));
            Some(match [first, second].into_iter().find(|path| runs(path)) {
                // Which of the two programs runs depends on the machine.
                Some(path) => {
                    let message = format!("{}, and `{}` is a file that runs", finding.message, spelled(path));
                    Finding { message, ..finding.with_risk(Risk::High) }
                }
                None => finding,
            })
        }
        ArchiveAnomaly::FileAndFolder { path } => {
            Some(Finding::new(Rule::NameCollision, Some(path), "the path is both a file and a folder"))
        }
        _ => None,
    };
    evidence.artifact.into_iter().flat_map(|artifact| &artifact.anomalies).filter_map(tell).collect()
}

/// A path whose letters can be told apart: two forms of one letter look the same.
fn spelled(path: &str) -> String {
    path.chars().fold(String::new(), |mut text, letter| {
        if letter.is_ascii() {
            text.push(letter);
        } else {
            text.extend(letter.escape_unicode());
        }
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::support::{contents, found_in_archive};

    #[test]
    fn fires() {
        let findings = found_in_archive(
            judge,
            vec![
                ArchiveAnomaly::NameCollision { first: "A.js".into(), second: "a.js".into() },
                ArchiveAnomaly::FileAndFolder { path: "a".into() },
            ],
        );
        assert_eq!(findings.len(), 2);
    }

    #[test]
    fn a_file_that_runs_stands_out() {
        let collision =
            |first: &str, second: &str| ArchiveAnomaly::NameCollision { first: first.into(), second: second.into() };
        let contents = contents(vec![collision("Docs.md", "docs.md"), collision("Index.js", "index.js")], &[]);
        let runs = |path: &str| path == "index.js";
        let findings = judge(&Evidence { artifact: Some(&contents), runs: Some(&runs), ..Evidence::default() });
        let risks: Vec<Risk> = findings.iter().map(|finding| finding.risk).collect();
        assert_eq!(risks, [Risk::Medium, Risk::High]);
        assert!(findings[1].message.ends_with("and `index.js` is a file that runs"), "{findings:?}");
    }

    #[test]
    fn stays_silent() {
        assert!(found_in_archive(judge, vec![ArchiveAnomaly::NotCompressed]).is_empty());
    }
}
