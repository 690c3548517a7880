//! `manifest-unreadable`

use crate::finding::{Confidence, Description, Evidence, Finding, Risk, Rule, Severity, Weighing};

/// What the rule says of itself.
pub(super) const DESCRIPTION: Description = Description {
    rule: Rule::ManifestUnreadable,
    id: "manifest-unreadable",
    severity: Severity::Error,
    confidence: Confidence::VeryHigh,
    risk: Risk::High,
    weighing: Weighing::Fixed,
    summary: "A manifest is not a JSON object.",
};

/// Judges.
pub(super) fn judge(evidence: &Evidence<'_>) -> Vec<Finding> {
    let missing = evidence.artifact.is_some_and(|artifact| artifact.manifest.is_none());
    let missing = missing.then(|| "the artifact holds no readable `package.json`".to_owned());
    let messages = evidence.manifest_error.clone().into_iter().chain(missing);
    messages.map(|message| Finding::new(Rule::ManifestUnreadable, Some("package.json"), message)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::ArtifactContents;
    use crate::finding::support::{contents, found_in_archive};

    #[test]
    fn fires() {
        let error = Some("it is nested too deep".to_owned());
        assert_eq!(judge(&Evidence { manifest_error: error, ..Evidence::default() }).len(), 1);
        let contents = ArtifactContents { manifest: None, ..contents(Vec::new(), &[]) };
        assert_eq!(judge(&Evidence { artifact: Some(&contents), ..Evidence::default() }).len(), 1);
    }

    #[test]
    fn stays_silent() {
        assert!(found_in_archive(judge, Vec::new()).is_empty());
    }
}
