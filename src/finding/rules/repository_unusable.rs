//! `repository-unusable`

use crate::finding::{Confidence, Description, Evidence, Finding, Risk, Rule, Severity, Weighing};

/// What the rule says of itself.
pub(super) const DESCRIPTION: Description = Description {
    rule: Rule::RepositoryUnusable,
    id: "repository-unusable",
    severity: Severity::Warning,
    confidence: Confidence::VeryHigh,
    risk: Risk::Medium,
    weighing: Weighing::Context,
    summary: "The repository field names nothing that can be fetched.",
};

/// Judges.
pub(super) fn judge(evidence: &Evidence<'_>) -> Vec<Finding> {
    let refused = evidence.refused_locations.iter().map(ToString::to_string);
    let unreached = evidence.unreached.iter().map(|(location, reason)| {
        format!("`{location}`, which the release names, could not be opened, another was compared with: {reason}")
    });
    refused.chain(unreached).map(|message| Finding::new(Rule::RepositoryUnusable, None, message)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::location::{RepositoryLocation, claims};

    #[test]
    fn fires() {
        let (_, refused) = claims(Some(&serde_json::json!("file:///etc")), None, None);
        assert_eq!(judge(&Evidence { refused_locations: &refused, ..Evidence::default() }).len(), 1);
        let location = RepositoryLocation::from_metadata("https://git.example/a/b").unwrap();
        let unreached = Some((&location, "it is gone"));
        assert_eq!(judge(&Evidence { unreached, ..Evidence::default() }).len(), 1);
    }

    #[test]
    fn stays_silent() {
        let (_, refused) = claims(Some(&serde_json::json!("https://git.example/a/b")), None, None);
        assert!(judge(&Evidence { refused_locations: &refused, ..Evidence::default() }).is_empty());
    }
}
