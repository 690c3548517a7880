//! `commit-missing`

use crate::finding::{Confidence, Description, Evidence, Finding, Risk, Rule, Severity, Weighing};
use crate::package::CommitId;

/// What the rule says of itself.
pub(super) const DESCRIPTION: Description = Description {
    rule: Rule::CommitMissing,
    id: "commit-missing",
    severity: Severity::Warning,
    confidence: Confidence::High,
    risk: Risk::Medium,
    weighing: Weighing::Context,
    summary: "A commit that metadata names is not in the repository.",
};

/// Judges.
pub(super) fn judge(evidence: &Evidence<'_>) -> Vec<Finding> {
    let tell = |commit: &CommitId| {
        let git_head = evidence.metadata.and_then(|metadata| metadata.git_head);
        let provenance = evidence.publisher.and_then(|publisher| publisher.provenance.verified());
        let commit_text = commit.short();
        let message = match provenance.filter(|provenance| provenance.commit == *commit && git_head != Some(*commit)) {
            Some(provenance) => format!(
                "the publisher's provenance names commit {commit_text} of {}, which the repository does not hold",
                provenance.repository
            ),
            None => format!("`gitHead` names commit {commit_text}, which the repository does not hold"),
        };
        Finding::new(Rule::CommitMissing, None, message)
    };
    evidence.matched.into_iter().flat_map(|matched| &matched.missing).map(tell).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::support::{commit, matched};
    use crate::source::match_commit::MatchStanding;

    #[test]
    fn fires() {
        let mut matched = matched(MatchStanding::Established);
        matched.missing.push(commit('b'));
        assert_eq!(judge(&Evidence { matched: Some(&matched), ..Evidence::default() }).len(), 1);
    }

    #[test]
    fn stays_silent() {
        let matched = matched(MatchStanding::Established);
        assert!(judge(&Evidence { matched: Some(&matched), ..Evidence::default() }).is_empty());
    }
}
