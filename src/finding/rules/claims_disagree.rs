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
    // The winner's tag may mean an edition of its own (`1.2.3-es`). Whoever can push a tag can also choose its suffix, so
    // that is said and silences nothing.
    let is_edition = winners.is_none() && winner.evidence.iter().any(is_edition);
    let files = |count: u32| counted(count as usize, "file");
    let tell = |other: &Candidate| {
        if evidence.is_same_package.is_some_and(|is_same| is_same(other)) {
            return None;
        }
        // The plain tag of a monorepo in which this package has another version is another package's.
        let is_anothers = !other.directory.path.is_empty() && other.version_agrees == Some(false);
        let is_meant = |form: TagForm| form <= TagForm::Package || !is_one_of_many && !is_anothers;
        let (claim, name, may_be_edition) = match tag_of(other) {
            Some((form, tag)) if is_meant(form) => {
                ("the tag", format!("`{tag}`"), is_edition && form > TagForm::Package)
            }
            // A release commit that only sets the version is made, and tagged, by the workflow itself.
            _ if other.evidence.contains(&match_commit::Evidence::Provenance) && other.matched + 1 < winner.matched => {
                ("the publisher's", "provenance".to_owned(), false)
            }
            _ if other.evidence.contains(&match_commit::Evidence::GitHead) => {
                ("the registry's", "`gitHead`".to_owned(), false)
            }
            _ => return None,
        };
        let message = format!(
            "{claim} {name} names commit {}, which has {} of the artifact, and {} has {}{}",
            other.commit.short(),
            files(other.matched),
            winner.commit.short(),
            files(winner.matched),
            if may_be_edition { ", perhaps as another edition" } else { "" }
        );
        let risk = if may_be_edition { Risk::Low } else { DESCRIPTION.risk };
        Some(Finding::new(Rule::ClaimsDisagree, None, message).with_risk(risk))
    };
    matched.others.iter().filter_map(tell).collect()
}

fn is_edition(evidence: &match_commit::Evidence) -> bool {
    matches!(evidence, match_commit::Evidence::Tag { form: TagForm::Suffixed, .. })
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
    fn a_suffix_that_anybody_could_have_chosen_silences_nothing() {
        let judged = |winner: TagForm, other: match_commit::Evidence| {
            let mut matched = matched(match_commit::MatchStanding::Established);
            matched.winner.evidence.push(tag(winner));
            matched.others.push(Candidate { evidence: vec![other], ..candidate('b') });
            let finding = judge(&Evidence { matched: Some(&matched), ..Evidence::default() }).remove(0);
            (finding.risk, finding.message.ends_with("has 1 file, perhaps as another edition"))
        };
        assert_eq!(judged(TagForm::Suffixed, tag(TagForm::Version)), (Risk::Low, true));
        assert_eq!(judged(TagForm::Suffixed, tag(TagForm::Package)), (Risk::Medium, false));
        assert_eq!(judged(TagForm::Suffixed, match_commit::Evidence::GitHead), (Risk::Medium, false));
        assert_eq!(judged(TagForm::Prefixed, tag(TagForm::Version)), (Risk::Medium, false));
    }

    #[test]
    fn a_plain_tag_at_another_version_in_a_folder_is_another_packages() {
        let judged = |directory: &str, version_agrees, form| {
            let mut matched = matched(match_commit::MatchStanding::Established);
            matched.winner.evidence.push(match_commit::Evidence::VersionIntroduced);
            let mut other = Candidate { evidence: vec![tag(form)], version_agrees, ..candidate('b') };
            other.directory.path = directory.to_owned();
            matched.others.push(other);
            judge(&Evidence { matched: Some(&matched), ..Evidence::default() }).len()
        };
        assert_eq!(judged("packages/a", Some(false), TagForm::Version), 0);
        assert_eq!(judged("packages/a", Some(false), TagForm::Package), 1);
        assert_eq!(judged("packages/a", Some(true), TagForm::Version), 1);
        assert_eq!(judged("packages/a", None, TagForm::Version), 1);
        assert_eq!(judged("", Some(false), TagForm::Version), 1);
    }

    #[test]
    fn commits_with_the_same_package_do_not_disagree() {
        let judged = |same: char| {
            let mut matched = matched(match_commit::MatchStanding::Established);
            matched.others.push(Candidate { evidence: vec![match_commit::Evidence::GitHead], ..candidate('b') });
            let same = candidate(same).commit;
            let is_same = |other: &Candidate| other.commit == same;
            judge(&Evidence { matched: Some(&matched), is_same_package: Some(&is_same), ..Evidence::default() }).len()
        };
        assert_eq!((judged('b'), judged('c')), (0, 1));
    }

    #[test]
    fn stays_silent() {
        assert_eq!(judged(tag(TagForm::Version), tag(TagForm::Suffixed)), 0, "another edition");
        assert_eq!(judged_in("packages/a", tag(TagForm::Package), tag(TagForm::Version)), 0, "another package's");
        assert_eq!(judged(match_commit::Evidence::Override, match_commit::Evidence::GitHead), 0);
        assert_eq!(judged(match_commit::Evidence::VersionIntroduced, tag(TagForm::Foreign)), 0);
    }
}
