//! `claims-disagree`

use crate::finding::{Confidence, Description, Evidence, Finding, Risk, Rule, Severity, Weighing};
use crate::source::match_commit::{self, Candidate};
use crate::source::tags::TagForm;

/// What the rule says of itself.
pub(super) const DESCRIPTION: Description = Description {
    rule: Rule::ClaimsDisagree,
    id: "claims-disagree",
    severity: Severity::Warning,
    confidence: Confidence::Medium,
    risk: Risk::Medium,
    weighing: Weighing::Context,
    summary: "Tag, registry and manifest point to different commits.",
};

/// Judges.
pub(super) fn judge(evidence: &Evidence<'_>) -> Vec<Finding> {
    let Some(matched) = evidence.matched else { return Vec::new() };
    let winner = &matched.winner;
    if winner.evidence.contains(&match_commit::Evidence::Override) {
        return Vec::new();
    }
    let winner_tagged = tag_of(winner).is_some();
    let tell = |other: &Candidate| {
        let (claim, name) = match tag_of(other) {
            // Two tags of one version (`1.2.3` and `1.2.3-npm`) are two editions, not a contradiction.
            Some(tag) if !winner_tagged => ("the tag", format!("`{tag}`")),
            // A release commit that only sets the version is made, and tagged, by the workflow itself.
            _ if other.evidence.contains(&match_commit::Evidence::Provenance) && other.matched + 1 < winner.matched => {
                ("the publisher's", "provenance".to_owned())
            }
            _ if other.evidence.contains(&match_commit::Evidence::GitHead) => {
                ("the registry's", "`gitHead`".to_owned())
            }
            _ => return None,
        };
        let message = format!(
            "{claim} {name} names commit {} ({} files match), the artifact matches {} ({} files)",
            other.commit.short(),
            other.matched,
            winner.commit.short(),
            winner.matched
        );
        Some(Finding::new(Rule::ClaimsDisagree, None, message))
    };
    matched.others.iter().filter_map(tell).collect()
}

fn tag_of(candidate: &Candidate) -> Option<&str> {
    candidate.evidence.iter().find_map(|evidence| match evidence {
        match_commit::Evidence::Tag { form, name } if *form <= TagForm::Prefixed => Some(name.as_str()),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::support::{candidate, matched};

    fn judged(winner: match_commit::Evidence, other: match_commit::Evidence) -> usize {
        let mut matched = matched(match_commit::MatchStanding::Established);
        matched.winner.evidence.push(winner);
        matched.others.push(Candidate { evidence: vec![other], ..candidate('b') });
        judge(&Evidence { matched: Some(&matched), ..Evidence::default() }).len()
    }

    fn tag(form: TagForm) -> match_commit::Evidence {
        match_commit::Evidence::Tag { form, name: "v1.0.0".to_owned() }
    }

    #[test]
    fn fires() {
        assert_eq!(judged(tag(TagForm::Version), match_commit::Evidence::GitHead), 1);
        assert_eq!(judged(match_commit::Evidence::VersionIntroduced, tag(TagForm::Version)), 1);
    }

    #[test]
    fn stays_silent() {
        assert_eq!(judged(tag(TagForm::Version), tag(TagForm::Version)), 0);
        assert_eq!(judged(match_commit::Evidence::Override, match_commit::Evidence::GitHead), 0);
        assert_eq!(judged(match_commit::Evidence::VersionIntroduced, tag(TagForm::Foreign)), 0);
    }
}
