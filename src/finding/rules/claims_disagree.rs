//! `claims-disagree`

use crate::count::counted;
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
    let winners = tag_of(winner).map(|(form, _)| form);
    // Where packages lie side by side, the plain tag of a version may be another one's.
    let is_one_of_many = winners == Some(TagForm::Package) && !winner.directory.path.is_empty();
    let files = |count: u32| counted(count as usize, "file");
    let tell = |other: &Candidate| {
        let (claim, name) = match tag_of(other) {
            Some((form, tag)) if !(is_one_of_many && form > TagForm::Package) => ("the tag", format!("`{tag}`")),
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
            "{claim} {name} names commit {}, which has {} of the artifact, and {} has {}",
            other.commit.short(),
            files(other.matched),
            winner.commit.short(),
            files(winner.matched)
        );
        Some(Finding::new(Rule::ClaimsDisagree, None, message))
    };
    matched.others.iter().filter_map(tell).collect()
}

/// A tag that means this version and no other edition of it, as `1.2.3-npm` may.
fn tag_of(candidate: &Candidate) -> Option<(TagForm, &str)> {
    candidate.evidence.iter().find_map(|evidence| match evidence {
        match_commit::Evidence::Tag { form, name } if *form <= TagForm::Prefixed => Some((*form, name.as_str())),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::support::{candidate, matched};

    fn judged(winner: match_commit::Evidence, other: match_commit::Evidence) -> usize {
        judged_in("", winner, other)
    }

    fn judged_in(directory: &str, winner: match_commit::Evidence, other: match_commit::Evidence) -> usize {
        let mut matched = matched(match_commit::MatchStanding::Established);
        matched.winner.directory.path = directory.to_owned();
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
        assert_eq!(judged(tag(TagForm::Package), tag(TagForm::Version)), 1);
        assert_eq!(judged(tag(TagForm::Prefixed), tag(TagForm::Version)), 1);
        assert_eq!(judged_in("packages/a", tag(TagForm::Package), tag(TagForm::Package)), 1);
    }

    #[test]
    fn stays_silent() {
        assert_eq!(judged(tag(TagForm::Version), tag(TagForm::Suffixed)), 0, "another edition");
        assert_eq!(judged_in("packages/a", tag(TagForm::Package), tag(TagForm::Version)), 0, "another package's");
        assert_eq!(judged(match_commit::Evidence::Override, match_commit::Evidence::GitHead), 0);
        assert_eq!(judged(match_commit::Evidence::VersionIntroduced, tag(TagForm::Foreign)), 0);
    }
}
