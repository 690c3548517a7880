//! Stage 3c: whether the repository is the one that the package's earlier releases name.

use crate::artifact::ArtifactContents;
use crate::package::Version;
use crate::registry::Naming;
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
/// If it answers, it is what the release is compared with, unless both have the very same commit: a new repository is
/// whatever its author made it.
pub(in crate::verify) fn settle_repository(
    matched: Option<CommitMatch>,
    discovery: &mut Discovery,
    contents: &ArtifactContents,
    claim: &Claim,
    context: &Context,
) -> Option<CommitMatch> {
    let Some((opened, _)) = &discovery.opened else { return matched };
    // What the user says needs nobody's consent.
    let is_given = opened.origin == ClaimOrigin::Override || claim.revision.is_some();
    let metadata = claim.metadata.as_ref().filter(|_| !is_given);
    let established = metadata.and_then(|metadata| established(&metadata.namings, &opened.location));
    let Some(Established { repository: earlier, version, is_new, has_lasted }) = established else { return matched };
    let (from, to) = (earlier.location.clone(), opened.location.clone());
    if has_lasted {
        discovery.moved = Some(RepositoryMove { from, to, version, is_new, answer: MoveAnswer::Lasted });
        return matched;
    }
    let (answer, asked) = match ask(&earlier, matched.as_ref(), contents, claim, context) {
        Ok((answer, source, found)) => (answer, Some((source, found))),
        Err(reason) => (MoveAnswer::Unknown(reason), None),
    };
    let is_the_same = |found: &CommitMatch| {
        let ours = matched.as_ref().filter(|ours| ours.standing == MatchStanding::Established);
        answer == MoveAnswer::Confirmed && ours.is_some_and(|ours| ours.winner.commit == found.winner.commit)
    };
    let asked = asked.filter(|(_, found)| !is_the_same(found));
    discovery.moved = Some(RepositoryMove { from, to, version, is_new, answer });
    match asked {
        Some((source, found)) => {
            discovery.opened = Some((earlier, source));
            Some(found)
        }
        None => matched,
    }
}

/// What an earlier release names, if this one has another owner's repository.
struct Established {
    repository: RepositoryClaim,
    version: Version,
    /// Whether no release that had been there for 30 days names what this one names.
    is_new: bool,
    /// Whether a higher version of a month later names it, too, so that its maintainers had time to object.
    has_lasted: bool,
}

/// The repository that earlier releases name, if `opened` is another owner's.
pub(super) fn established_repository(namings: &[Naming], opened: &RepositoryLocation) -> Option<RepositoryClaim> {
    established(namings, opened).map(|established| established.repository)
}

fn established(namings: &[Naming], opened: &RepositoryLocation) -> Option<Established> {
    let named = |naming: &Naming| {
        let (stated, _) = claims(naming.repository.as_ref(), naming.homepage.as_deref(), naming.bugs.as_ref());
        Some(RepositoryClaim { origin: ClaimOrigin::EarlierRelease, ..stated.into_iter().next()? })
    };
    let named: Vec<(RepositoryClaim, &Naming)> =
        namings.iter().filter_map(|naming| Some((named(naming)?, naming))).collect();
    // The highest that had time to be objected to; in a young package the first, as later ones may be of the same hand.
    let settled = named.iter().filter_map(|(stated, naming)| Some((stated, naming.settled.as_ref()?, naming)));
    let settled = settled
        .max_by(|(_, _, one), (_, _, other)| one.by_settled(other))
        .map(|(stated, version, _)| (stated, version));
    let first = || {
        let first = named.iter().filter_map(|(stated, naming)| Some((stated, naming.first.as_ref()?)));
        first.min_by_key(|(_, (_, time))| time.unwrap_or(i64::MAX)).map(|(stated, (version, _))| (stated, version))
    };
    let (stated, version) = settled.or_else(first)?;
    let ours = || named.iter().filter(|(other, _)| other.location.has_owner_of(opened)).map(|(_, naming)| naming);
    (!stated.location.has_owner_of(opened)).then(|| Established {
        repository: stated.clone(),
        version: version.clone(),
        is_new: !ours().any(|naming| naming.settled.is_some()),
        has_lasted: ours().any(|naming| naming.has_lasted),
    })
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn naming(repository: &str, settled: Option<&str>, first: Option<i64>) -> Naming {
        let version = || Version::parse("1.0.0").unwrap();
        Naming {
            repository: Some(json!(repository)),
            homepage: None,
            bugs: None,
            settled: settled.map(|text| Version::parse(text).unwrap()),
            first: first.map(|time| (version(), Some(time))),
            has_lasted: false,
        }
    }

    fn asked(namings: &[Naming], opened: &str) -> Option<(String, bool)> {
        let opened = RepositoryLocation::from_metadata(opened).unwrap();
        let found = established(namings, &opened)?;
        Some((found.repository.location.to_string(), found.is_new))
    }

    #[test]
    fn the_highest_of_the_settled_releases_decides() {
        let owner = naming("owner/a", Some("1.5.0"), Some(10));
        let former = naming("former/a", Some("1.4.0"), Some(5));
        let stranger = naming("stranger/a", None, Some(99));
        let quiet = naming("quiet/a", Some("2.0.0-a"), Some(99));
        let all = [former, stranger.clone(), quiet, owner.clone()];
        let owners = || "https://github.com/owner/a".to_owned();
        assert_eq!(asked(&all, "owner/other"), None, "the same owner's");
        assert_eq!(asked(&all, "stranger/a"), Some((owners(), true)), "the second release of a stranger");
        assert_eq!(asked(&all, "former/a"), Some((owners(), false)));
        let lasted = Naming { has_lasted: true, ..stranger };
        let opened = RepositoryLocation::from_metadata("stranger/a").unwrap();
        assert!(established(&[owner, lasted], &opened).unwrap().has_lasted, "nobody objected");
    }

    #[test]
    fn in_a_young_package_the_first_release_decides() {
        let all = [naming("stranger/a", None, Some(99)), naming("owner/a", None, Some(90))];
        assert_eq!(asked(&all, "stranger/a"), Some(("https://github.com/owner/a".to_owned(), true)));
        assert_eq!(asked(&all, "owner/a"), None);
    }

    #[test]
    fn releases_that_name_nothing_say_nothing() {
        let nothing = naming("", Some("1.8.0"), Some(80));
        assert_eq!(asked(std::slice::from_ref(&nothing), "stranger/a"), None);
        let homepage =
            Naming { repository: None, homepage: Some("https://github.com/owner/a#readme".into()), ..nothing };
        assert_eq!(asked(&[homepage], "stranger/a"), Some(("https://github.com/owner/a".to_owned(), true)));
    }
}
