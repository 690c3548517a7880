//! `dist-tag-rollback`

use crate::finding::{Confidence, Description, Evidence, Finding, Risk, Rule, Severity, Weighing};
use crate::package::Version;
use crate::registry::{Neighbour, Neighbours};

/// What the rule says of itself.
pub(super) const DESCRIPTION: Description = Description {
    rule: Rule::DistTagRollback,
    id: "dist-tag-rollback",
    severity: Severity::Note,
    confidence: Confidence::Medium,
    risk: Risk::Low,
    weighing: Weighing::Fixed,
    summary: "The registry's `latest` names a lower version than one that was published before it.",
};

/// Judges.
pub(super) fn judge(evidence: &Evidence<'_>) -> Vec<Finding> {
    let Some(metadata) = evidence.metadata else { return Vec::new() };
    let Some(latest) = &metadata.latest else { return Vec::new() };
    let version = &metadata.release.version;
    let message = if latest == version {
        let Neighbours { earlier, higher, .. } = &metadata.neighbours;
        let passed = |other: &&Neighbour| {
            is_higher(&other.version, version)
                && matches!((other.published_at, metadata.published_at), (Some(other), Some(this)) if other < this)
        };
        earlier.iter().chain(higher).find(passed).map(|other| {
            format!("the registry's `latest` is this release, although {} was published before it", other.version)
        })
    } else if is_higher(version, latest) {
        Some(format!("the registry's `latest` is {latest}, which is lower than this release"))
    } else {
        None
    };
    message.map(|message| Finding::new(Rule::DistTagRollback, None, message)).into_iter().collect()
}

/// Whether `version` is a stable one above `other`.
fn is_higher(version: &Version, other: &Version) -> bool {
    !version.is_prerelease() && version.compare_precedence(other).is_gt()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::support::{metadata, neighbour, version};

    fn judged(this: &str, latest: &str, higher: Option<(&str, i64)>) -> usize {
        let mut metadata = metadata(this);
        metadata.latest = Some(version(latest));
        metadata.neighbours.higher = higher.map(|(text, at)| neighbour(text, at));
        judge(&Evidence { metadata: Some(&metadata), ..Evidence::default() }).len()
    }

    #[test]
    fn fires() {
        assert_eq!(judged("1.3.0", "1.2.0", None), 1);
        assert_eq!(judged("1.2.1", "1.2.1", Some(("1.3.0", 50))), 1);
    }

    #[test]
    fn stays_silent() {
        assert_eq!(judged("1.2.0", "1.2.0", None), 0);
        assert_eq!(judged("1.2.0", "1.3.0", Some(("1.3.0", 150))), 0);
        assert_eq!(judged("1.3.0-beta.1", "1.2.0", None), 0, "a pre-release is not meant to be the latest");
        assert_eq!(judged("1.2.1", "1.2.1", Some(("2.0.0-beta.1", 50))), 0);
        assert_eq!(judged("1.2.1", "1.2.1", Some(("1.3.0", 150))), 0);
    }
}
