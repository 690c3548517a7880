//! Where in a commit's tree the package lives.

use std::collections::HashMap;

use crate::artifact::ArtifactContents;
use crate::package::{BlobId, PackageName, Version, without_byte_order_mark};
use crate::source::git::SourceRepository;
use crate::source::location::{RepositoryLocation, is_test_material};
use crate::source::tree::{CommitTree, join};

/// How many manifests of a commit are looked at.
const MAX_MANIFESTS: usize = 2_000;
/// How many manifests of a partly fetched repository are fetched in search of a name.
const MAX_FETCHED_MANIFESTS: usize = 300;

/// How the package's directory was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DirectoryOrigin {
    /// The metadata or the user names it, and nothing there contradicts.
    Claimed,
    /// A manifest there carries the package's name.
    Name,
    /// Most of the artifact's files lie there.
    Content,
    /// Nothing was found: the repository's root stands in.
    Fallback,
}

/// A directory of the repository, taken as the package's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackageDirectory {
    /// Path from the repository's root; empty for the root itself.
    pub path: String,
    /// How it was found.
    pub origin: DirectoryOrigin,
}

/// What the manifest in a directory says about being the package's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Answer {
    /// It has another name, or there is none.
    No,
    /// It is not at hand.
    Unknown,
    /// It has the name, but is private and has no version: a workspace root called like its main package.
    Root,
    /// It has the name.
    Name,
    /// It has the name and the version, or is the published manifest itself.
    Release,
}

/// What the search goes by.
#[derive(Debug, Clone, Copy)]
pub struct DirectoryQuery<'a> {
    /// The directory that metadata or user name.
    pub claimed: Option<&'a str>,
    /// The package.
    pub name: &'a PackageName,
    /// The release's version.
    pub version: &'a Version,
    /// Id of the published manifest.
    pub manifest: Option<BlobId>,
}

/// The places where a release's package usually lies, most usual first.
pub fn usual_directories(query: &DirectoryQuery<'_>) -> Vec<String> {
    let mut directories = usual_directories_of(query.name);
    if let Some(claimed) = query.claimed {
        directories.retain(|directory| directory != claimed);
        directories.insert(0, claimed.to_owned());
    }
    directories
}

/// The places where packages of that name usually lie, most usual first.
pub(crate) fn usual_directories_of(name: &PackageName) -> Vec<String> {
    let unscoped = name.unscoped();
    let mut directories = vec![String::new(), format!("packages/{unscoped}")];
    if let Some(scope) = name.scope() {
        directories.push(format!("packages/{scope}-{unscoped}"));
        directories.push(format!("packages/@{scope}/{unscoped}"));
    }
    directories.push(unscoped.to_owned());
    directories
}

/// Finds the package's directory without listing the tree, where it lies at a usual place.
pub fn find_usual(
    source: &SourceRepository,
    tree: &CommitTree<'_>,
    query: &DirectoryQuery<'_>,
) -> Option<PackageDirectory> {
    best_usual(source, tree, query).filter(|(answer, _)| *answer > Answer::Root).map(|(_, directory)| directory)
}

fn best_usual(
    source: &SourceRepository,
    tree: &CommitTree<'_>,
    query: &DirectoryQuery<'_>,
) -> Option<(Answer, PackageDirectory)> {
    let mut best: Option<(Answer, PackageDirectory)> = None;
    for path in usual_directories(query) {
        let claimed = query.claimed == Some(path.as_str());
        let answer = answer_at(source, tree, &path, query);
        let origin = if claimed { DirectoryOrigin::Claimed } else { DirectoryOrigin::Name };
        let directory = PackageDirectory { path, origin };
        if answer == Answer::Release || (claimed && answer != Answer::No) {
            return Some((Answer::Release, directory));
        }
        if answer >= Answer::Root && best.as_ref().is_none_or(|(known, _)| answer > *known) {
            best = Some((answer, directory));
        }
    }
    best
}

/// Finds the package's directory: by claim, by name, by where the files are.
pub fn find(
    source: &SourceRepository,
    tree: &CommitTree<'_>,
    query: &DirectoryQuery<'_>,
    artifact: &ArtifactContents,
) -> PackageDirectory {
    let usual = best_usual(source, tree, query);
    match usual {
        Some((answer, directory)) if answer > Answer::Root => return directory,
        usual => {
            if let Some(path) = by_name(source, tree, query) {
                return PackageDirectory { path, origin: DirectoryOrigin::Name };
            }
            if let Some((_, directory)) = usual {
                return directory;
            }
        }
    }
    match by_content(tree, artifact) {
        Some(path) => PackageDirectory { path, origin: DirectoryOrigin::Content },
        None => PackageDirectory { path: String::new(), origin: DirectoryOrigin::Fallback },
    }
}

fn answer_at(source: &SourceRepository, tree: &CommitTree<'_>, directory: &str, query: &DirectoryQuery<'_>) -> Answer {
    let Some(file) = tree.file(&join(directory, "package.json")) else { return Answer::No };
    if query.manifest == Some(file.blob) {
        return Answer::Release;
    }
    match source.local_blob(file.blob) {
        Some(content) => answer_of(&content, query, source.location()),
        None => Answer::Unknown,
    }
}

#[derive(serde::Deserialize)]
struct Named {
    name: Option<String>,
    version: Option<String>,
    private: Option<serde::de::IgnoredAny>,
}

fn answer_of(manifest: &[u8], query: &DirectoryQuery<'_>, location: &RepositoryLocation) -> Answer {
    let Ok(named) = serde_json::from_slice::<Named>(without_byte_order_mark(manifest)) else { return Answer::No };
    let stated = named.name.as_deref().unwrap_or_default();
    if stated != query.name.as_str() {
        let is_release = named.version.as_deref() == Some(query.version.as_str());
        return if is_release && is_in_scope_of_owner(stated, query.name, location) {
            Answer::Name
        } else {
            Answer::No
        };
    }
    match named.version.as_deref() {
        Some(version) if version == query.version.as_str() => Answer::Release,
        None if named.private.is_some() => Answer::Root,
        _ => Answer::Name,
    }
}

/// Whether a manifest states a package's name in the scope of the repository's owner, and the repository bears it, too.
///
/// `@reactivex/rxjs` in `reactivex/rxjs` is published as `rxjs` by a build. Any other scope, or any other package of
/// such a repository, says nothing: whoever publishes chooses the name, and the repository that is named.
fn is_in_scope_of_owner(stated: &str, name: &PackageName, location: &RepositoryLocation) -> bool {
    let scoped = stated.strip_prefix('@').and_then(|stated| stated.split_once('/'));
    scoped.is_some_and(|(scope, unscoped)| unscoped == name.as_str() && location.is_at(scope, unscoped))
}

/// The directories that hold a manifest, material for tests apart, with the manifests' blobs.
pub fn manifests(tree: &CommitTree<'_>) -> Vec<(String, BlobId)> {
    let mut manifests = Vec::new();
    tree.for_each_file(|path, file| {
        let directory = path.strip_suffix("package.json").filter(|rest| rest.is_empty() || rest.ends_with('/'));
        if let Some(directory) = directory
            && !is_test_material(directory)
        {
            manifests.push((directory.trim_end_matches('/').to_owned(), file.blob));
        }
        manifests.len() < MAX_MANIFESTS
    });
    manifests
}

fn by_name(source: &SourceRepository, tree: &CommitTree<'_>, query: &DirectoryQuery<'_>) -> Option<String> {
    let manifests = manifests(tree);
    if let Some((directory, _)) = manifests.iter().find(|(_, blob)| query.manifest == Some(*blob)) {
        return Some(directory.clone());
    }
    let missing: Vec<BlobId> =
        manifests.iter().filter(|(_, blob)| source.local_blob(*blob).is_none()).map(|(_, blob)| *blob).collect();
    if !missing.is_empty() && missing.len() <= MAX_FETCHED_MANIFESTS {
        source.fetch_blobs(&missing);
    }
    let local = missing.len() <= MAX_FETCHED_MANIFESTS;
    let content = |blob: BlobId| if local { source.read_blob(blob) } else { source.local_blob(blob) };
    let mut best: Option<(Answer, String)> = None;
    for (directory, blob) in manifests {
        let answer = content(blob).map_or(Answer::No, |content| answer_of(&content, query, source.location()));
        if answer > Answer::Root && best.as_ref().is_none_or(|(known, _)| answer > *known) {
            best = Some((answer, directory));
        }
    }
    best.map(|(_, directory)| directory)
}

/// The directory under which most of the artifact's files lie at their own relative paths.
fn by_content(tree: &CommitTree<'_>, artifact: &ArtifactContents) -> Option<String> {
    let mut wanted: HashMap<BlobId, Vec<&str>> = HashMap::new();
    for entry in artifact.files() {
        if let Some(blob) = entry.blob {
            wanted.entry(blob).or_default().push(&entry.path);
        }
    }
    let mut votes: HashMap<String, u32> = HashMap::new();
    tree.for_each_file(|path, file| {
        for relative in wanted.get(&file.blob).into_iter().flatten().take(8) {
            let prefix = path.strip_suffix(relative).filter(|rest| rest.is_empty() || rest.ends_with('/'));
            if let Some(prefix) = prefix {
                *votes.entry(prefix.trim_end_matches('/').to_owned()).or_default() += 1;
            }
        }
        true
    });
    // Ties go to the shortest path, so that the answer does not depend on iteration order.
    votes
        .into_iter()
        .max_by(|(a, votes_a), (b, votes_b)| votes_a.cmp(votes_b).then_with(|| (b.len(), b).cmp(&(a.len(), a))))
        .map(|(directory, _)| directory)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_in_the_owners_scope_is_the_repositorys_own_package() {
        let answer = |stated: &str, version: &str, name: &str, repository: &str| {
            let (name, version_wanted) = (PackageName::parse(name).unwrap(), Version::parse("6.6.7").unwrap());
            let query = DirectoryQuery { claimed: None, name: &name, version: &version_wanted, manifest: None };
            let manifest = format!(r#"{{"name": "{stated}", "version": "{version}"}}"#);
            answer_of(manifest.as_bytes(), &query, &RepositoryLocation::from_metadata(repository).unwrap())
        };
        let rxjs = "github:ReactiveX/rxjs";
        assert_eq!(answer("rxjs", "6.6.7", "rxjs", rxjs), Answer::Release);
        assert_eq!(answer("@reactivex/rxjs", "6.6.7", "rxjs", rxjs), Answer::Name);
        assert_eq!(answer("@reactivex/rxjs", "6.6.6", "rxjs", rxjs), Answer::No, "another version");
        assert_eq!(answer("@fork/rxjs", "6.6.7", "rxjs", rxjs), Answer::No, "another scope");
        assert_eq!(answer("@reactivex/rxjs", "6.6.7", "@evil/rxjs", rxjs), Answer::No, "a scope of its own");
        assert_eq!(answer("@reactivex/core", "6.6.7", "core", rxjs), Answer::No, "one of several packages");
        assert_eq!(answer("@reactivex/rxjs", "6.6.7", "rxjs", "github:fork/rxjs"), Answer::No, "another owner");
    }
}
