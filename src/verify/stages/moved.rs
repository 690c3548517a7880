//! Stage 3c: whether the repository is the one that the package's earlier releases name.

use crate::artifact::ArtifactContents;
use crate::package::Version;
use crate::registry::{Neighbour, Neighbours};
use crate::source::git::{Gap, SourceRepository, with_source};
use crate::source::location::claims;
use crate::source::match_commit::{CommitMatch, MatchStanding};
use crate::source::repository_move::{MoveAnswer, RepositoryMove};
use crate::source::{ClaimOrigin, RepositoryClaim, RepositoryLocation};
use crate::verify::Context;
use crate::verify::stages::claim::Claim;
use crate::verify::stages::conclude::is_outdated;
use crate::verify::stages::source::{Discovery, matched_in};

/// Stage 3c: asks the repository of the earlier releases where this one names another.
///
/// Where that one does not have the release, it is what the release is compared with: a new repository is whatever its
/// author made it.
pub(in crate::verify) fn settle_repository(
    matched: Option<CommitMatch>,
    discovery: &mut Discovery,
    contents: &ArtifactContents,
    claim: &Claim,
    context: &Context,
) -> Option<CommitMatch> {
    let Some((opened, _)) = &discovery.opened else { return matched };
    let Some((earlier, version, is_new)) = established(claim, opened) else { return matched };
    let (from, to) = (earlier.location.clone(), opened.location.clone());
    let (answer, asked) = match ask(&earlier, matched.as_ref(), contents, claim, context) {
        Ok((answer, source, found)) => (answer, Some((source, found))),
        Err(reason) => (MoveAnswer::Unknown(reason), None),
    };
    let is_nearest = |matched: &CommitMatch| matched.standing == MatchStanding::Nearest;
    let is_preferred =
        answer == MoveAnswer::Denied || answer == MoveAnswer::Confirmed && matched.as_ref().is_none_or(is_nearest);
    discovery.moved = Some(RepositoryMove { from, to, version, is_new, answer });
    match asked {
        Some((source, found)) if is_preferred => {
            discovery.opened = Some((earlier, source));
            Some(found)
        }
        _ => matched,
    }
}

/// The repository that an earlier release names, if this one has another owner's; and whether that is new with it.
fn established(claim: &Claim, opened: &RepositoryClaim) -> Option<(RepositoryClaim, Version, bool)> {
    let is_given = opened.origin == ClaimOrigin::Override || claim.revision.is_some();
    let metadata = claim.metadata.as_ref().filter(|_| !is_given)?;
    let named = |other: &Neighbour| {
        let (mut stated, _) = claims(other.repository.as_ref(), None, None);
        (!stated.is_empty()).then(|| RepositoryClaim { origin: ClaimOrigin::EarlierRelease, ..stated.swap_remove(0) })
    };
    let Neighbours { settled, lower, earlier, months_later, .. } = &metadata.neighbours;
    let before = settled.iter().chain(lower).chain(earlier).filter(|other| other.is_before(metadata));
    let (stated, version) = before.filter_map(|other| Some((named(other)?, other.version.clone()))).next()?;
    let is_same = |other: &RepositoryLocation| other.has_owner_of(&opened.location);
    let has_it = |other: &Option<Neighbour>| other.as_ref().and_then(named).is_some_and(|it| is_same(&it.location));
    // What the package still names a month later, its maintainers had time to object to.
    (!is_same(&stated.location) && !has_it(months_later)).then_some((stated, version, !has_it(lower)))
}

type Asked = (MoveAnswer, SourceRepository, CommitMatch);

fn ask(
    earlier: &RepositoryClaim,
    matched: Option<&CommitMatch>,
    contents: &ArtifactContents,
    claim: &Claim,
    context: &Context,
) -> Result<Asked, String> {
    let (name, version) = (&claim.release.name, &claim.release.version);
    let opened = SourceRepository::open(&earlier.location, earlier.directory.as_deref(), name, version, &context.git);
    let mut source = opened.map_err(|error| with_source(&error))?;
    let found = matched_in(&mut source, earlier, contents, claim).map_err(|error| with_source(&error))?;
    let found = found.ok_or_else(|| "it holds no commit".to_owned())?;
    let answer = MoveAnswer::of(&found, matched);
    if answer == MoveAnswer::Denied {
        if let Some(gap @ (Gap::History | Gap::Trees)) = source.gap() {
            return Err(gap.to_string());
        }
        if is_outdated(&source, &found, claim) {
            return Err("the copy of it ends before this release was published".to_owned());
        }
    }
    Ok((answer, source, found))
}
