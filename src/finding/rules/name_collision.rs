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
            Some(Finding::new(Rule::NameCollision, Some(second), message))
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
    use crate::finding::support::found_in_archive;

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
    fn stays_silent() {
        assert!(found_in_archive(judge, vec![ArchiveAnomaly::NotCompressed]).is_empty());
    }
}
