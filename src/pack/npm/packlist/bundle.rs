//! Bundled dependencies that are in the tree, which is rare: most repositories keep `node_modules` out of git.
//!
//! A bundled name is looked up as Node does it, and what it depends on itself is bundled with it.

use std::collections::BTreeSet;

use super::javascript;
use super::manifest::Manifest;
use super::select::Refusal;
use super::session::Session;
use super::walk::{Found, PackageRole, walk_package};
use crate::pack::{NodeKind, SourceTree};

/// Walks every package that the one in `root` bundles; paths are relative to `root`.
pub(super) fn bundled_files(
    tree: &dyn SourceTree,
    session: &mut Session,
    root: &str,
    manifest: &Manifest,
) -> Vec<Found> {
    let mut found = Vec::new();
    let mut seen = BTreeSet::from([root.to_owned()]);
    let dependencies: BTreeSet<&String> = manifest.dependencies.iter().collect();
    let is_bundled = |name: &&String| dependencies.contains(name) && !manifest.development.contains(*name);
    let mut pending: Vec<String> = manifest
        .bundled
        .iter()
        .filter(is_bundled)
        .filter_map(|name| find_package(tree, session, root, root, name))
        .collect();
    while let Some(directory) = pending.pop() {
        if !seen.insert(directory.clone()) {
            continue;
        }
        let value = read_manifest(tree, session, &directory);
        let generation = session.generation;
        let bundled = Manifest::normalize(&value, tree, &directory, generation, &mut session.refusals);
        let below = directory[root.len()..].trim_start_matches('/').to_owned();
        for mut file in walk_package(tree, session, &directory, &bundled, PackageRole::Bundled, &[]) {
            file.path = javascript::join(&below, &file.path);
            found.push(file);
        }
        pending
            .extend(bundled.dependencies.iter().filter_map(|name| find_package(tree, session, root, &directory, name)));
    }
    found
}

fn read_manifest(tree: &dyn SourceTree, session: &mut Session, directory: &str) -> serde_json::Value {
    let path = javascript::join(directory, "package.json");
    if !tree.list(directory).iter().any(|node| node.name == "package.json") {
        return serde_json::Value::Null;
    }
    match tree.read(&path) {
        Some(content) => serde_json::from_slice(&content).unwrap_or_default(),
        None => {
            session.unavailable.insert(path);
            serde_json::Value::Null
        }
    }
}

/// Finds the directory of the package that `name` means inside `from`, without leaving `root`.
fn find_package(tree: &dyn SourceTree, session: &mut Session, root: &str, from: &str, name: &str) -> Option<String> {
    let is_one_name = |name: &str| !name.is_empty() && !name.contains('/') && !name.starts_with('.');
    let is_usable = match name.strip_prefix('@').and_then(|scoped| scoped.split_once('/')) {
        Some((scope, name)) => is_one_name(scope) && is_one_name(name),
        None => is_one_name(name),
    };
    if !is_usable {
        return None;
    }
    let mut directory = from.to_owned();
    loop {
        let path = javascript::join(&javascript::join(&directory, "node_modules"), name);
        let (parent, last) = javascript::split_last(&path);
        let nodes = tree.list(parent);
        if !session.budget.spend(1 + nodes.len() as u64) {
            session.refusals.insert(Refusal::TooMuchWork);
            return None;
        }
        match nodes.into_iter().find(|node| node.name == last).map(|node| node.kind) {
            Some(NodeKind::Directory) => return Some(path),
            Some(NodeKind::Symlink) => {
                session.unavailable.insert(path);
                return None;
            }
            _ => {}
        }
        if directory == root {
            return None;
        }
        let (above, _) = directory.rsplit_once("/node_modules/").or_else(|| directory.split_once("node_modules/"))?;
        directory.truncate(above.len());
    }
}
