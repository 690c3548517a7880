//! `commit-unreachable`

use crate::finding::{Confidence, Description, Evidence, Finding, Risk, Rule, Severity, Weighing};
use crate::source::match_commit::{self, Candidate};

/// What the rule says of itself.
pub(super) const DESCRIPTION: Description = Description {
    rule: Rule::CommitUnreachable,
    id: "commit-unreachable",
    severity: Severity::Error,
    confidence: Confidence::High,
    risk: Risk::High,
    weighing: Weighing::Context,
    summary: "A commit that metadata names is on no branch and under no tag.",
};

/// Judges.
pub(super) fn judge(evidence: &Evidence<'_>) -> Vec<Finding> {
    let tell = |candidate: &Candidate| {
        let by = |evidence| candidate.evidence.contains(&evidence);
        let named = if by(match_commit::Evidence::Override) {
            "`--commit`"
        } else if by(match_commit::Evidence::GitHead) {
            "`gitHead`"
        } else {
            "the publisher's provenance"
        };
        let message = format!(
            "{named} names commit {}, which no branch or tag reaches (it holds {} of the artifact's files)",
            candidate.commit.short(),
            candidate.matched
        );
        Finding::new(Rule::CommitUnreachable, None, message)
    };
    evidence.matched.into_iter().flat_map(|matched| &matched.unreachable).map(tell).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::support::{candidate, matched};
    use crate::source::match_commit::MatchStanding;

    #[test]
    fn fires() {
        let mut matched = matched(MatchStanding::Nearest);
        matched.unreachable.push(candidate('b'));
        assert_eq!(judge(&Evidence { matched: Some(&matched), ..Evidence::default() }).len(), 1);
    }

    #[test]
    fn stays_silent() {
        let mut matched = matched(MatchStanding::Established);
        matched.others.push(candidate('b'));
        assert!(judge(&Evidence { matched: Some(&matched), ..Evidence::default() }).is_empty());
    }
}
