//! `obfuscated-code`

use crate::finding::{Confidence, Description, Evidence, Finding, Risk, Rule, Severity, Weighing};

/// What the rule says of itself.
pub(super) const DESCRIPTION: Description = Description {
    rule: Rule::ObfuscatedCode,
    id: "obfuscated-code",
    severity: Severity::Error,
    confidence: Confidence::Medium,
    risk: Risk::High,
    weighing: Weighing::Content,
    summary: "The unexplained part of a file looks as an obfuscator writes.",
};

/// Judges.
pub(super) fn judge(evidence: &Evidence<'_>) -> Vec<Finding> {
    let message = "the part that the source does not have looks obfuscated";
    let files = evidence.texts().filter(|text| text.obfuscated);
    files.map(|text| Finding::new(Rule::ObfuscatedCode, Some(&text.path), message)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::UnexplainedText;
    use crate::finding::support::text;

    fn judged(obfuscated: bool, minified: bool) -> usize {
        let texts = [UnexplainedText { obfuscated, minified, ..text("index.js", "_0x1f") }];
        judge(&Evidence { unexplained: &texts, ..Evidence::default() }).len()
    }

    #[test]
    fn fires() {
        assert_eq!(judged(true, true), 1);
    }

    #[test]
    fn stays_silent() {
        assert_eq!(judged(false, true), 0, "a minifier hides nothing");
    }
}
