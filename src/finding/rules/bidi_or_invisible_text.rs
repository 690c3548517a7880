//! `bidi-or-invisible-text`

use crate::finding::hidden_text::{Hidden, scan};
use crate::finding::{Confidence, Description, Evidence, Finding, Risk, Rule, Severity, UnexplainedText, Weighing};

/// What the rule says of itself.
pub(super) const DESCRIPTION: Description = Description {
    rule: Rule::BidiOrInvisibleText,
    id: "bidi-or-invisible-text",
    severity: Severity::Error,
    confidence: Confidence::Medium,
    risk: Risk::High,
    weighing: Weighing::Content,
    summary: "An unexplained text or path holds characters that make it read differently than it is.",
};

/// Judges.
pub(super) fn judge(evidence: &Evidence<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in evidence.unexplained_files() {
        for sighting in scan(&file.path) {
            let message = format!("the path holds {}, the first is {}", sighting.hidden, code_point(sighting.first));
            findings.push(Finding::new(Rule::BidiOrInvisibleText, Some(&file.path), message));
        }
    }
    for text in evidence.texts() {
        for sighting in scan(&text.text) {
            let mut message =
                format!("{}: {}, the first is {}", sighting.hidden, sighting.count, code_point(sighting.first));
            if let Some(line) = line_of(text, sighting.line) {
                message.push_str(&format!(" in line {line}"));
            }
            // Words of two scripts have honest causes: tables of letters, transliterations.
            let risk = if sighting.hidden == Hidden::MixedScripts { Risk::Medium } else { DESCRIPTION.risk };
            findings.push(Finding::new(Rule::BidiOrInvisibleText, Some(&text.path), message).with_risk(risk));
        }
    }
    findings
}

fn code_point(character: char) -> String {
    format!("U+{:04X}", u32::from(character))
}

/// The line of the published file, where the runs of lines are all that the text consists of.
fn line_of(text: &UnexplainedText, line: usize) -> Option<usize> {
    let runs = || text.lines.iter().map(|(first, last)| *first..=*last);
    let counted: usize = runs().map(Iterator::count).sum();
    (counted == text.text.lines().count()).then(|| runs().flatten().nth(line)).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::support::{added, file, ledger, modified, text};
    use crate::ledger::Explanation;

    fn judged(content: &str) -> Vec<Finding> {
        let texts = [UnexplainedText { lines: vec![(3, 3), (6, 6)], ..text("index.js", content) }];
        judge(&Evidence { unexplained: &texts, ..Evidence::default() })
    }

    #[test]
    fn fires() {
        let findings = judged("let a;\nif (x) { /*\u{202e} } \u{2066}if (isAdmin)\u{2069} \u{2066} begin */");
        assert_eq!(findings.len(), 1);
        assert_eq!(
            findings[0].message,
            "characters that change the direction of text: 4, the first is U+202E in line 6"
        );
        let files = vec![file("lib/indеx.js", added()), file("lib/a.js", modified())];
        let found = judge(&Evidence { ledger: Some(&ledger(files)), ..Evidence::default() });
        assert_eq!(found.len(), 1, "a Cyrillic letter in a Latin path");
        assert!(found[0].message.ends_with("U+0435"));
    }

    #[test]
    fn stays_silent() {
        assert!(judged("\u{feff}// ❤\u{fe0f} 👩\u{200d}💻 שלום\n").is_empty());
        let binary = [UnexplainedText { is_binary: true, ..text("a.bin", "\u{202e}") }];
        assert!(judge(&Evidence { unexplained: &binary, ..Evidence::default() }).is_empty());
        let files = vec![file("lib/indеx.js", Explanation::GitBlob), file("docs/привет.md", added())];
        assert!(judge(&Evidence { ledger: Some(&ledger(files)), ..Evidence::default() }).is_empty());
    }
}
