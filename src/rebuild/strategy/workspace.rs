//! The workspace that a package belongs to: its root, and the other packages in it.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use serde_json::Value;

use super::commit::{Commit, at, join, parent, text_at};

/// Most packages of one workspace.
const MAX_MEMBERS: usize = 2_000;
/// Most directories that are looked at for packages.
const MAX_DIRECTORIES: usize = 10_000;
/// Deepest directory that `**` reaches.
const MAX_DEPTH: usize = 5;

/// One package of a workspace.
#[derive(Debug, Clone)]
pub(super) struct Member {
    pub(super) directory: String,
    pub(super) manifest: Rc<Value>,
}

/// A package's surroundings.
#[derive(Debug, Clone)]
pub(super) struct Workspace {
    /// Where dependencies are installed.
    pub(super) root: String,
    /// The file that makes it a workspace; `None` where the package stands alone.
    pub(super) declared_by: Option<String>,
    /// Its packages by name.
    pub(super) members: BTreeMap<String, Member>,
}

impl Workspace {
    /// Finds the workspace of the package in `directory`, the nearest that declares it.
    pub(super) fn find(commit: &Commit<'_>, directory: &str) -> Self {
        let mut candidate = Some(directory);
        while let Some(root) = candidate {
            if let Some((declared_by, patterns)) = declaration(commit, root) {
                let below = directory.strip_prefix(root).unwrap_or(directory).trim_start_matches('/');
                let directories = expand(commit, root, &patterns);
                if below.is_empty() || directories.contains(directory) {
                    return Self::new(commit, root, declared_by, &directories);
                }
            }
            candidate = parent(root);
        }
        Self { root: lockfile_root(commit, directory), declared_by: None, members: BTreeMap::new() }
    }

    fn new(commit: &Commit<'_>, root: &str, declared_by: String, directories: &BTreeSet<String>) -> Self {
        let mut members = BTreeMap::new();
        for directory in directories {
            let Some(manifest) = commit.manifest(directory) else { continue };
            let Some(name) = text_at(&manifest, &["name"]) else { continue };
            members
                .entry(name.to_owned())
                .or_insert(Member { directory: directory.clone(), manifest: manifest.clone() });
        }
        Self { root: root.to_owned(), declared_by: Some(declared_by), members }
    }

    /// The directory of the member that a command names, by name or by directory.
    pub(super) fn directory_of(&self, named: &str) -> Option<&str> {
        let named = named.trim_end_matches("...").trim_end_matches('^');
        let path = named.trim_start_matches("./").trim_end_matches('/');
        if let Some(member) = self.members.get(named) {
            return Some(&member.directory);
        }
        let full = join(&self.root, path);
        let mut by_directory = self.members.values().filter(|member| member.directory == full);
        let mut by_short_name = self.members.iter().filter(|(name, _)| name.rsplit('/').next() == Some(named));
        let short = || by_short_name.next().map(|(_, member)| member.directory.as_str());
        by_directory.next().map(|member| member.directory.as_str()).or_else(short)
    }

    /// The members that the package `name` needs for its build, each after what it needs itself.
    pub(super) fn needed_by(&self, name: &str) -> Vec<&Member> {
        let mut order = Vec::new();
        let mut seen = BTreeSet::from([name.to_owned()]);
        let mut stack = vec![(name.to_owned(), false)];
        while let Some((current, done)) = stack.pop() {
            let Some(member) = self.members.get(&current) else { continue };
            if done {
                if current != name {
                    order.push(member);
                }
                continue;
            }
            stack.push((current, true));
            for needed in dependencies(&member.manifest).into_iter().rev() {
                if self.members.contains_key(&needed) && seen.insert(needed.clone()) {
                    stack.push((needed, false));
                }
            }
        }
        order
    }
}

fn dependencies(manifest: &Value) -> Vec<String> {
    const MAPS: [&str; 4] = ["dependencies", "devDependencies", "peerDependencies", "optionalDependencies"];
    let maps = MAPS.iter().filter_map(|map| manifest.get(map)?.as_object());
    maps.flat_map(|map| map.keys().cloned()).collect()
}

/// The file in `root` that declares a workspace, and its patterns.
fn declaration(commit: &Commit<'_>, root: &str) -> Option<(String, Vec<String>)> {
    let texts = |value: &Value| -> Vec<String> {
        value.as_array().into_iter().flatten().filter_map(|text| Some(text.as_str()?.to_owned())).collect()
    };
    let pnpm = join(root, "pnpm-workspace.yaml");
    if let Some(file) = commit.yaml(&pnpm)
        && let Some(packages) = file.get("packages")
    {
        return Some((pnpm, texts(packages)));
    }
    let manifest = commit.manifest(root)?;
    if let Some(workspaces) = manifest.get("workspaces") {
        let patterns = texts(workspaces.get("packages").unwrap_or(workspaces));
        if !patterns.is_empty() {
            return Some((join(root, "package.json"), patterns));
        }
    }
    let path = join(root, "lerna.json");
    let lerna = commit.json(&path)?;
    let patterns = lerna.get("packages").map_or_else(|| vec!["packages/*".to_owned()], texts);
    Some((path, patterns))
}

/// The nearest directory at or above that has a lockfile; else the package's own.
fn lockfile_root(commit: &Commit<'_>, directory: &str) -> String {
    let mut candidate = Some(directory);
    while let Some(root) = candidate {
        let files = commit.files(root);
        if super::package_manager::LOCKFILES.iter().any(|(name, _)| files.iter().any(|file| file == name)) {
            return root.to_owned();
        }
        candidate = parent(root);
    }
    directory.to_owned()
}

/// The directories below `root` that patterns name.
fn expand(commit: &Commit<'_>, root: &str, patterns: &[String]) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut left = MAX_DIRECTORIES;
    for pattern in patterns.iter().take(100) {
        let excluded = pattern.strip_prefix('!');
        let clean = excluded.unwrap_or(pattern).trim_start_matches("./").trim_matches('/');
        for alternative in braces(clean) {
            let parts: Vec<&str> = alternative.split('/').filter(|part| !part.is_empty() && *part != ".").collect();
            let mut matched = BTreeSet::new();
            walk(commit, root, &parts, 0, &mut left, &mut matched);
            if excluded.is_some() {
                found.retain(|directory| !matched.contains(directory));
            } else {
                found.extend(matched);
            }
        }
    }
    found.into_iter().take(MAX_MEMBERS).collect()
}

/// The alternatives of the first `{a,b}`.
pub(super) fn braces(pattern: &str) -> Vec<String> {
    let inside = pattern.split_once('{').and_then(|(before, rest)| Some((before, rest.split_once('}')?)));
    match inside {
        Some((before, (alternatives, after))) => {
            alternatives.split(',').take(50).map(|alternative| format!("{before}{alternative}{after}")).collect()
        }
        None => vec![pattern.to_owned()],
    }
}

fn walk(
    commit: &Commit<'_>,
    directory: &str,
    parts: &[&str],
    depth: usize,
    left: &mut usize,
    found: &mut BTreeSet<String>,
) {
    let Some(remaining) = left.checked_sub(1) else { return };
    *left = remaining;
    let Some((part, rest)) = parts.split_first() else {
        if commit.is_file(&join(directory, "package.json")) {
            found.insert(directory.to_owned());
        }
        return;
    };
    if *part == "**" {
        walk(commit, directory, rest, depth, left, found);
        if depth < MAX_DEPTH {
            for name in commit.directories(directory).iter().filter(|name| is_ordinary(name)) {
                walk(commit, &join(directory, name), parts, depth + 1, left, found);
            }
        }
    } else if part.contains('*') {
        for name in commit.directories(directory).iter().filter(|name| is_ordinary(name) && matches(part, name)) {
            walk(commit, &join(directory, name), rest, depth, left, found);
        }
    } else if *part != ".." {
        let next = join(directory, part);
        if commit.is_directory(&next) {
            walk(commit, &next, rest, depth, left, found);
        }
    }
}

fn is_ordinary(name: &str) -> bool {
    name != "node_modules" && !name.starts_with('.')
}

/// Whether a name matches a pattern with `*` in it.
pub(super) fn matches(pattern: &str, name: &str) -> bool {
    let parts: Vec<&str> = pattern.split('*').collect();
    let (Some(first), Some(last)) = (parts.first(), parts.last()) else { return false };
    let Some(mut rest) = name.strip_prefix(first) else { return false };
    if parts.len() == 1 {
        return rest.is_empty();
    }
    for part in &parts[1..parts.len() - 1] {
        let Some(index) = rest.find(part) else { return false };
        rest = &rest[index + part.len()..];
    }
    rest.len() >= last.len() && rest.ends_with(last)
}

/// Whether the workspace's root has a program as a dependency or a configuration file.
pub(super) fn root_uses(commit: &Commit<'_>, root: &str, program: &str) -> bool {
    commit.manifest(root).is_some_and(|manifest| {
        ["devDependencies", "dependencies"].iter().any(|map| at(&manifest, &[map, program]).is_some())
    })
}
