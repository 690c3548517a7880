//! `version-not-in-source`

use crate::finding::{Confidence, Description, Evidence, Finding, Risk, Rule, Severity, Weighing};
use crate::source::match_commit::MatchStanding;

/// What the rule says of itself.
pub(super) const DESCRIPTION: Description = Description {
    rule: Rule::VersionNotInSource,
    id: "version-not-in-source",
    severity: Severity::Error,
    confidence: Confidence::High,
    risk: Risk::High,
    weighing: Weighing::Fixed,
    summary: "No repository is named, or no tag and no commit of it has this version.",
};

/// Judges.
pub(super) fn judge(evidence: &Evidence<'_>) -> Vec<Finding> {
    if evidence.no_repository {
        let message = "the metadata names no repository that can be used, so nothing of the release can be compared";
        return vec![Finding::new(Rule::VersionNotInSource, None, message)];
    }
    let Some(matched) = evidence.matched else { return Vec::new() };
    if matched.standing != MatchStanding::Nearest || evidence.source_incomplete {
        return Vec::new();
    }
    let nearest = matched.winner.commit.short();
    let message = format!("nothing in the repository is this version of the package; commit {nearest} comes nearest");
    vec![Finding::new(Rule::VersionNotInSource, None, message)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::support::matched;

    fn judged(standing: MatchStanding, source_incomplete: bool) -> usize {
        let matched = matched(standing);
        judge(&Evidence { matched: Some(&matched), source_incomplete, ..Evidence::default() }).len()
    }

    #[test]
    fn fires() {
        assert_eq!(judged(MatchStanding::Nearest, false), 1);
    }

    #[test]
    fn stays_silent() {
        assert_eq!(judged(MatchStanding::Established, false), 0);
        assert_eq!(judged(MatchStanding::Nearest, true), 0);
    }
}
