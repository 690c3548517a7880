//! Where in a commit's tree the package lives.

use std::collections::HashMap;

use crate::artifact::ArtifactContents;
use crate::package::{BlobId, PackageName};
use crate::source::git::SourceRepository;
use crate::source::tree::{CommitTree, join};

/// How many manifests are read in search of a name.
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

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Answer {
    Yes,
    No,
    Unknown,
}

/// What the search goes by.
#[derive(Debug, Clone, Copy)]
pub struct DirectoryQuery<'a> {
    /// The directory that metadata or user name.
    pub claimed: Option<&'a str>,
    /// The package.
    pub name: &'a PackageName,
    /// Id of the published manifest.
    pub manifest: Option<BlobId>,
}

/// The places where packages usually lie, most usual first.
pub fn usual_directories(query: &DirectoryQuery<'_>) -> Vec<String> {
    let unscoped = query.name.unscoped();
    let mut directories = vec![String::new(), format!("packages/{unscoped}")];
    if let Some(scope) = query.name.scope() {
        directories.push(format!("packages/{scope}-{unscoped}"));
        directories.push(format!("packages/@{scope}/{unscoped}"));
    }
    directories.push(unscoped.to_owned());
    if let Some(claimed) = query.claimed {
        directories.retain(|directory| directory != claimed);
        directories.insert(0, claimed.to_owned());
    }
    directories
}

/// Finds the package's directory without listing the tree, where it lies at a usual place.
pub fn find_usual(
    source: &SourceRepository,
    tree: &CommitTree<'_>,
    query: &DirectoryQuery<'_>,
) -> Option<PackageDirectory> {
    for directory in usual_directories(query) {
        let claimed = query.claimed == Some(directory.as_str());
        let answer = is_package(source, tree, &directory, query);
        if answer == Answer::Yes || (claimed && answer == Answer::Unknown) {
            let origin = if claimed { DirectoryOrigin::Claimed } else { DirectoryOrigin::Name };
            return Some(PackageDirectory { path: directory, origin });
        }
    }
    None
}

/// Finds the package's directory: by claim, by name, by where the files are.
pub fn find(
    source: &SourceRepository,
    tree: &CommitTree<'_>,
    query: &DirectoryQuery<'_>,
    artifact: &ArtifactContents,
) -> PackageDirectory {
    if let Some(found) = find_usual(source, tree, query) {
        return found;
    }
    if let Some(path) = by_name(source, tree, query) {
        return PackageDirectory { path, origin: DirectoryOrigin::Name };
    }
    if let Some(path) = by_content(tree, artifact) {
        return PackageDirectory { path, origin: DirectoryOrigin::Content };
    }
    PackageDirectory { path: String::new(), origin: DirectoryOrigin::Fallback }
}

fn is_package(source: &SourceRepository, tree: &CommitTree<'_>, directory: &str, query: &DirectoryQuery<'_>) -> Answer {
    let Some(file) = tree.file(&join(directory, "package.json")) else { return Answer::No };
    if query.manifest == Some(file.blob) {
        return Answer::Yes;
    }
    match source.local_blob(file.blob) {
        Some(content) if has_name(&content, query.name) => Answer::Yes,
        Some(_) => Answer::No,
        None => Answer::Unknown,
    }
}

#[derive(serde::Deserialize)]
struct Named {
    name: Option<String>,
}

fn has_name(manifest: &[u8], name: &PackageName) -> bool {
    let manifest = manifest.strip_prefix(b"\xef\xbb\xbf").unwrap_or(manifest);
    serde_json::from_slice::<Named>(manifest).is_ok_and(|named| named.name.as_deref() == Some(name.as_str()))
}

fn by_name(source: &SourceRepository, tree: &CommitTree<'_>, query: &DirectoryQuery<'_>) -> Option<String> {
    let mut manifests: Vec<(String, BlobId)> = Vec::new();
    tree.for_each_file(|path, file| {
        let directory = path.strip_suffix("package.json").filter(|rest| rest.is_empty() || rest.ends_with('/'));
        if let Some(directory) = directory {
            let excluded = ["node_modules", "fixtures", "__fixtures__", "__tests__", "test", "tests"];
            if !directory.split('/').any(|part| excluded.contains(&part)) {
                manifests.push((directory.trim_end_matches('/').to_owned(), file.blob));
            }
        }
        manifests.len() < MAX_MANIFESTS
    });
    if let Some((directory, _)) = manifests.iter().find(|(_, blob)| query.manifest == Some(*blob)) {
        return Some(directory.clone());
    }
    let missing: Vec<BlobId> =
        manifests.iter().filter(|(_, blob)| source.local_blob(*blob).is_none()).map(|(_, blob)| *blob).collect();
    if !missing.is_empty() && missing.len() <= MAX_FETCHED_MANIFESTS {
        source.fetch_blobs(&missing);
    }
    let local = missing.len() <= MAX_FETCHED_MANIFESTS;
    let named = |blob: BlobId| if local { source.read_blob(blob) } else { source.local_blob(blob) };
    manifests
        .into_iter()
        .find(|(_, blob)| named(*blob).is_some_and(|content| has_name(&content, query.name)))
        .map(|(directory, _)| directory)
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
