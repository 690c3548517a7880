use std::cell::OnceCell;
use std::collections::HashMap;

use crate::pack::npm::manifest::Workspace;
use crate::package::{BlobId, CommitId, PackageName, read_json};
use crate::source::directory::{manifests, usual_directories_of};
use crate::source::git::SourceRepository;
use crate::source::git::repository::oid;
use crate::source::history::is_reachable;
use crate::source::tree::{CommitTree, join};

/// What manifest rules may ask of the matched commit.
pub(super) struct CommitWorkspace<'t, 'a> {
    source: &'a SourceRepository,
    tree: &'t CommitTree<'a>,
    directory: &'a str,
    packages: OnceCell<HashMap<String, String>>,
}

#[derive(serde::Deserialize)]
struct Stated {
    name: Option<String>,
    version: Option<String>,
}

/// Blobs of the commit that deriving the manifest will most likely read: those of the workspace, and the manifests of
/// dependencies that lie at the usual places.
pub(super) fn manifest_sources(tree: &CommitTree<'_>, directory: &str, published: &[u8]) -> Vec<BlobId> {
    let mut paths: Vec<String> = ["package.json", "pnpm-workspace.yaml", "lerna.json"].map(str::to_owned).into();
    let manifest = read_json(published).map(|json| json.value).unwrap_or_default();
    for field in ["dependencies", "devDependencies", "peerDependencies", "optionalDependencies"] {
        let names = manifest.get(field).and_then(serde_json::Value::as_object).into_iter().flat_map(|map| map.keys());
        paths.extend(names.flat_map(|name| usual_manifests(name, directory)));
    }
    paths.iter().filter_map(|path| Some(tree.file(path)?.blob)).collect()
}

/// Where the manifest of the workspace's package `name` lies as a rule, seen from a package in `directory`.
fn usual_manifests(name: &str, directory: &str) -> Vec<String> {
    let Ok(name) = PackageName::parse(name) else { return Vec::new() };
    let sibling = directory.rsplit_once('/').map(|(parent, _)| join(parent, name.unscoped()));
    let mut places: Vec<String> = sibling.into_iter().chain(usual_directories_of(&name)).collect();
    places.retain(|place| !place.is_empty());
    places.iter().map(|place| join(place, "package.json")).collect()
}

impl<'t, 'a> CommitWorkspace<'t, 'a> {
    pub(super) fn new(source: &'a SourceRepository, tree: &'t CommitTree<'a>, directory: &'a str) -> Self {
        Self { source, tree, directory, packages: OnceCell::new() }
    }

    fn read(&self, path: &str) -> Option<(String, String)> {
        let stated: Stated = serde_json::from_slice(&self.tree.read_file(path)?).ok()?;
        Some((stated.name?, stated.version?))
    }

    fn packages(&self) -> &HashMap<String, String> {
        self.packages.get_or_init(|| {
            let (directories, blobs): (Vec<_>, Vec<_>) = manifests(self.tree).into_iter().unzip();
            let mut paths: Vec<_> = directories.iter().map(|directory| join(directory, "package.json")).collect();
            self.source.fetch_blobs(&blobs);
            // The first in path order wins, so that a copy deeper in the tree cannot displace a package.
            let mut packages = HashMap::new();
            paths.sort_by_key(|path| (path.matches('/').count(), path.clone()));
            for (name, version) in paths.iter().filter_map(|path| self.read(path)) {
                packages.entry(name).or_insert(version);
            }
            packages
        })
    }
}

impl Workspace for CommitWorkspace<'_, '_> {
    fn package_version(&self, name: &str) -> Option<String> {
        // Reading every manifest of a large repository is for names that are not where one would look.
        let usual = usual_manifests(name, self.directory).into_iter().filter_map(|path| self.read(&path));
        let found = usual.filter(|(stated, _)| stated == name).map(|(_, version)| version).next();
        found.or_else(|| self.packages().get(name).cloned())
    }

    fn package_at(&self, directory: &str) -> Option<(String, String)> {
        let mut parts: Vec<&str> = self.directory.split('/').filter(|part| !part.is_empty()).collect();
        for part in directory.split('/').filter(|part| !part.is_empty() && *part != ".") {
            if part == ".." {
                parts.pop()?;
            } else {
                parts.push(part);
            }
        }
        self.read(&join(&parts.join("/"), "package.json"))
    }

    fn root_file(&self, path: &str) -> Option<Vec<u8>> {
        self.tree.read_file(path)
    }

    fn knows_commit(&self, id: &str) -> bool {
        let commit = CommitId::parse(id).ok().filter(|id| self.source.commit_exists(id)).and_then(|id| oid(&id.0));
        commit.is_some_and(|commit| is_reachable(self.source.repository(), &self.source.tips(), commit))
    }
}
