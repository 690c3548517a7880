//! `yara-match`

use crate::finding::{Confidence, Description, Evidence, Finding, Risk, Rule, Severity, Weighing};
use crate::yara::YaraMatch;

/// What the rule says of itself.
pub(super) const DESCRIPTION: Description = Description {
    rule: Rule::YaraMatch,
    id: "yara-match",
    severity: Severity::Warning,
    confidence: Confidence::Low,
    risk: Risk::Medium,
    weighing: Weighing::Content,
    summary: "A YARA rule of the user's matches an unexplained file.",
};

/// Judges.
pub(super) fn judge(evidence: &Evidence<'_>) -> Vec<Finding> {
    let finding = |path: &str, message: String| Finding::new(Rule::YaraMatch, Some(path), message);
    let mut findings = Vec::new();
    for text in evidence.unexplained {
        findings.extend(text.yara.matches.iter().map(|found| finding(&text.path, message(found))));
        if let Some(reason) = &text.yara.stopped {
            let message = format!("the YARA rules were not applied to its end: {reason}");
            findings.push(finding(&text.path, message).with_risk(Risk::Low));
        }
    }
    findings
}

fn message(found: &YaraMatch) -> String {
    let line = found.line.map(|line| format!(" in line {line}")).unwrap_or_default();
    let description = found.description.as_ref().map(|text| format!(": {text}")).unwrap_or_default();
    format!("the YARA rule `{}` of `{}` matches{line}{description}", found.rule, found.file)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::UnexplainedText;
    use crate::yara::YaraScan;

    fn judged(yara: YaraScan) -> Vec<String> {
        let texts =
            [UnexplainedText { path: "a.node".to_owned(), is_binary: true, yara, ..UnexplainedText::default() }];
        let findings = judge(&Evidence { unexplained: &texts, ..Evidence::default() });
        findings.into_iter().map(|finding| finding.message).collect()
    }

    #[test]
    fn fires() {
        let found = YaraMatch {
            rule: "miner".to_owned(),
            file: "coins.yar".to_owned(),
            line: Some(7),
            description: Some("digs for coins".to_owned()),
        };
        let bare = YaraMatch { line: None, description: None, ..found.clone() };
        assert_eq!(
            judged(YaraScan { matches: vec![found, bare], stopped: Some("it took more than 10 s".to_owned()) }),
            [
                "the YARA rule `miner` of `coins.yar` matches in line 7: digs for coins",
                "the YARA rule `miner` of `coins.yar` matches",
                "the YARA rules were not applied to its end: it took more than 10 s",
            ]
        );
    }

    #[test]
    fn stays_silent() {
        assert!(judged(YaraScan::default()).is_empty());
    }
}
