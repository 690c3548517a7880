//! `tag-moved`

use crate::finding::{Confidence, Description, Evidence, Finding, Risk, Rule, Severity, Weighing};
use crate::source::git::MovedTag;

/// What the rule says of itself.
pub(super) const DESCRIPTION: Description = Description {
    rule: Rule::TagMoved,
    id: "tag-moved",
    severity: Severity::Error,
    confidence: Confidence::High,
    risk: Risk::High,
    weighing: Weighing::Fixed,
    summary: "A tag names another commit than when it was last seen.",
};

/// Judges.
pub(super) fn judge(evidence: &Evidence<'_>) -> Vec<Finding> {
    let tell = |moved: &MovedTag| {
        let message =
            format!("the tag `{}` named {} and now names {}", moved.tag, moved.before.short(), moved.now.short());
        Finding::new(Rule::TagMoved, None, message)
    };
    evidence.moved_tags.iter().map(tell).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::support::commit;

    #[test]
    fn fires() {
        let moved = [MovedTag { tag: "v1.0.0".to_owned(), before: commit('a'), now: commit('b') }];
        assert_eq!(judge(&Evidence { moved_tags: &moved, ..Evidence::default() }).len(), 1);
    }

    #[test]
    fn stays_silent() {
        assert!(judge(&Evidence::default()).is_empty());
    }
}
