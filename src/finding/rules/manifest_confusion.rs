//! `manifest-confusion`

use crate::finding::manifest_keys::side_by_side;
use crate::finding::{Confidence, Description, Evidence, Finding, Risk, Rule, Severity, Weighing};
use crate::pack::npm::manifest::ManifestDifference;

/// What the rule says of itself.
pub(super) const DESCRIPTION: Description = Description {
    rule: Rule::ManifestConfusion,
    id: "manifest-confusion",
    severity: Severity::Error,
    confidence: Confidence::High,
    risk: Risk::High,
    weighing: Weighing::Fixed,
    summary: "The registry's metadata and the manifest inside the artifact disagree.",
};

/// Judges.
pub(super) fn judge(evidence: &Evidence<'_>) -> Vec<Finding> {
    let tell = |difference: &ManifestDifference| {
        let sides = side_by_side(difference, ["manifest", "registry"]);
        let message = format!("the registry's metadata and the artifact's manifest disagree: {sides}");
        let mut finding = Finding::new(Rule::ManifestConfusion, Some("package.json"), message);
        finding.key = Some(difference.key_path.clone());
        finding
    };
    evidence.confusion.iter().map(tell).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::support::key;

    #[test]
    fn fires() {
        let confusion = [key("scripts.postinstall", Some("node setup.js".into()), None)];
        let findings = judge(&Evidence { confusion: &confusion, ..Evidence::default() });
        assert_eq!(findings.len(), 1);
        assert_eq!(findings[0].key.as_deref(), Some("scripts.postinstall"));
        assert!(findings[0].message.contains("`scripts.postinstall`"));
    }

    #[test]
    fn stays_silent() {
        assert!(judge(&Evidence::default()).is_empty());
    }
}
