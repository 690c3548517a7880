//! Which candidate wins.

use git2::Oid;

use crate::package::CommitId;
use crate::source::directory::DirectoryOrigin;
use crate::source::match_commit::{Candidate, Evidence};
use crate::source::tags::TagForm;

/// Whether anything besides its contents ties the commit to the version.
///
/// A tag `v1.0.0` of a repository that does not hold the package says nothing about it; neither does one in
/// a monorepo where the package's own manifest has another version.
pub(super) fn is_supported(candidate: &Candidate, files: u32) -> bool {
    let mostly_matches = candidate.matched * 2 >= files;
    let holds_package =
        matches!(candidate.directory.origin, DirectoryOrigin::Claimed | DirectoryOrigin::Name) || mostly_matches;
    let another_packages = !candidate.directory.path.is_empty() && candidate.version_agrees == Some(false);
    candidate.evidence.iter().any(|evidence| match evidence {
        Evidence::Override => true,
        // A workflow signed that it built this very artifact from the commit.
        Evidence::VersionIntroduced | Evidence::Provenance => holds_package,
        // Whoever publishes writes it, so it alone does not make an old commit the new version's.
        Evidence::GitHead => holds_package && candidate.version_agrees != Some(false),
        Evidence::Tag { form: TagForm::Package, .. } => holds_package,
        Evidence::Tag { form: TagForm::Foreign, .. } => holds_package && candidate.states_version,
        Evidence::Tag { .. } => holds_package && !another_packages,
        Evidence::Content => holds_package && candidate.states_version,
    })
}

/// Whether nothing but what the publisher wrote ties the commit to the version, and its manifest does not state one.
pub(super) fn rests_on_claim(candidate: &Candidate, files: u32) -> bool {
    let mut others = candidate.clone();
    others.evidence.retain(|evidence| *evidence != Evidence::GitHead);
    !candidate.states_version && is_supported(candidate, files) && !is_supported(&others, files)
}

pub(super) type Rank = (bool, u32, bool, std::cmp::Reverse<Evidence>, std::cmp::Reverse<u64>, CommitId);

/// Contents first; version, evidence and closeness to the publish time break ties, the id makes it total.
pub(super) fn rank(candidate: &Candidate, published_at: Option<i64>) -> Rank {
    let distance = published_at.map_or(0, |time| time.abs_diff(candidate.time));
    let strongest = candidate.evidence.first().cloned().unwrap_or(Evidence::Content);
    (
        strongest == Evidence::Override,
        candidate.matched,
        candidate.version_agrees == Some(true),
        std::cmp::Reverse(strongest),
        std::cmp::Reverse(distance),
        candidate.commit,
    )
}

/// Among commits of equal content: a tagged one or branch head first, then the last before the publish time.
pub(super) fn choose_tie(ties: &[(Oid, i64)], tips: &[Oid], published_at: Option<i64>) -> Option<Oid> {
    let before = |time: i64| published_at.is_none_or(|published| time <= published + 24 * 3600);
    let key = |(id, time): &(Oid, i64)| {
        (before(*time), tips.binary_search(id).is_ok(), if before(*time) { *time } else { -*time })
    };
    ties.iter().max_by_key(|tie| key(tie)).map(|(id, _)| *id)
}

/// The newest branch or tag before the publish time, to have something to compare with where nothing matches.
pub(super) fn last_before(repository: &git2::Repository, tips: &[Oid], published_at: Option<i64>) -> Option<Oid> {
    let commits = tips.iter().filter_map(|tip| repository.find_commit(*tip).ok());
    let key = |time: i64| (published_at.is_none_or(|published| time <= published), time);
    commits.max_by_key(|commit| key(commit.time().seconds())).map(|commit| commit.id())
}
