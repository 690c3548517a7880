//! Finds out whether a package has workspaces, and of which workspace root it is a part itself.
//!
//! npm packs a workspace from its root: the ignore files from the root down to the workspace's parent directory then
//! count as if they were npm's own defaults.

use serde_json::Value;

use super::component::Component;
use super::extglob::Dialect;
use super::javascript;
use super::pattern::{Extent, Pattern};
use super::select::{NpmGeneration, Refusal};
use super::session::Session;
use super::walk::{Unreadable, read_ignore_file};
use crate::pack::{NodeKind, SourceTree};

/// Directories that are looked at for a workspace.
const MAXIMUM_DIRECTORIES: usize = 20_000;

struct WorkspacePatterns {
    included: Vec<String>,
    excluded: Vec<String>,
}

/// Reads the `workspaces` field; `None` where npm would fail over it.
fn patterns(manifest: &Value, dialect: Dialect, session: &Session) -> Option<WorkspacePatterns> {
    let mut patterns = WorkspacePatterns { included: Vec::new(), excluded: Vec::new() };
    let entries = match manifest.get("workspaces") {
        None => return Some(patterns),
        Some(Value::Array(entries)) => entries,
        Some(Value::Object(object)) => object.get("packages")?.as_array()?,
        Some(_) => return None,
    };
    for entry in entries {
        let entry = entry.as_str()?;
        let text = entry.trim_start_matches('!');
        let marks = entry.len() - text.len();
        let without_dot = text.strip_prefix('.').filter(|rest| rest.starts_with('/')).unwrap_or(text);
        let text = without_dot.trim_start_matches('/').to_owned();
        if marks % 2 == 1 {
            patterns.excluded.push(text);
        } else {
            patterns.excluded.retain(|excluded| !matches(excluded, &text, dialect, session));
            patterns.included.push(text);
        }
    }
    let excluded = &patterns.excluded;
    patterns.included.retain(|text| !excluded.iter().any(|excluded| matches(excluded, text, dialect, session)));
    Some(patterns)
}

fn matches(pattern: &str, path: &str, dialect: Dialect, session: &Session) -> bool {
    let path = path.trim_end_matches('/');
    let parts: Vec<&str> = path.split('/').collect();
    let pattern = pattern.trim_end_matches('/');
    // A pattern of one component would otherwise be compared with the last name alone.
    if !pattern.contains(['/', '{']) {
        let units: Vec<u16> = pattern.encode_utf16().collect();
        return match Component::parse(&units, dialect) {
            Ok(Component::Globstar) => true,
            Ok(component) => parts.len() == 1 && component.matches(path, &session.budget),
            Err(_) => false,
        };
    }
    Pattern::parse(pattern, dialect).is_ok_and(|pattern| {
        let is_hidden = |part: &&str| part.starts_with('.');
        !pattern.negated
            && pattern.matches(&parts, Extent::Whole, &session.budget)
            && !(parts.iter().any(is_hidden) && pattern.only_names)
    })
}

impl WorkspacePatterns {
    fn includes(&self, path: &str, dialect: Dialect, session: &Session) -> bool {
        let has_part = |name: &str| path.split('/').any(|part| part == name);
        // The original's `*` does not match hidden directories.
        let is_hidden = path.split('/').any(|part| part.starts_with('.'));
        !has_part("node_modules")
            && !self.excluded.iter().any(|pattern| matches(pattern, path, dialect, session))
            && self.included.iter().any(|pattern| {
                (!is_hidden || pattern.starts_with('.') || pattern.contains("/."))
                    && matches(pattern, path, dialect, session)
            })
    }
}

fn has_manifest(tree: &dyn SourceTree, directory: &str) -> bool {
    tree.list(directory)
        .iter()
        .any(|node| node.name == "package.json" && matches!(node.kind, NodeKind::File { .. } | NodeKind::Symlink))
}

/// Says whether the package in `directory` has at least one workspace.
pub(super) fn has_workspaces(tree: &dyn SourceTree, session: &mut Session, directory: &str, manifest: &Value) -> bool {
    let dialect = session.generation.dialect();
    let Some(patterns) = patterns(manifest, dialect, session) else {
        session.refusals.insert(Refusal::Field("workspaces"));
        return false;
    };
    if patterns.included.is_empty() {
        return false;
    }
    let deep = patterns.included.iter().any(|pattern| pattern.contains("**"));
    let deepest = patterns.included.iter().map(|pattern| pattern.split('/').count()).max().unwrap_or(0);
    let mut pending = std::collections::VecDeque::from([(String::new(), 0)]);
    let mut looked_at = 0;
    while let Some((below, depth)) = pending.pop_front() {
        looked_at += 1;
        if looked_at > MAXIMUM_DIRECTORIES {
            session.refusals.insert(Refusal::TooMuchWork);
            return false;
        }
        let full = javascript::join(directory, &below);
        if !below.is_empty() && patterns.includes(&below, dialect, session) && has_manifest(tree, &full) {
            return true;
        }
        if depth >= deepest && !deep {
            continue;
        }
        for node in tree.list(&full) {
            if node.kind == NodeKind::Directory && node.name != "node_modules" && node.name != ".git" {
                pending.push_back((javascript::join(&below, &node.name), depth + 1));
            }
        }
    }
    false
}

/// The ignore files that npm adds to its defaults for the package in `directory`, from the workspace root down.
pub(super) fn inherited_ignore_files(tree: &dyn SourceTree, session: &mut Session, directory: &str) -> Vec<String> {
    let Some(root) = workspace_root(tree, session, directory) else { return Vec::new() };
    let (last, _) = javascript::split_last(directory);
    let mut texts = Vec::new();
    let mut current = root;
    loop {
        for name in [".npmignore", ".gitignore"] {
            let Some(node) = tree.list(&current).into_iter().find(|node| node.name == name) else { continue };
            let path = javascript::join(&current, name);
            match read_ignore_file(tree, &path, node.kind) {
                Ok(text) => texts.push(text),
                Err(Unreadable::NotAtHand) => {
                    session.unavailable.insert(path);
                }
                Err(Unreadable::NotAFile) => {
                    session.refusals.insert(Refusal::IgnoreFile(path));
                }
            }
            break;
        }
        if current == last {
            return texts;
        }
        let below = last[current.len()..].trim_start_matches('/');
        let next = below.split('/').next().unwrap_or(below);
        current = javascript::join(&current, next);
    }
}

fn workspace_root(tree: &dyn SourceTree, session: &mut Session, directory: &str) -> Option<String> {
    let dialect = session.generation.dialect();
    let mut ancestor = directory;
    while !ancestor.is_empty() {
        (ancestor, _) = javascript::split_last(ancestor);
        if !has_manifest(tree, ancestor) {
            continue;
        }
        let path = javascript::join(ancestor, "package.json");
        let Some(content) = tree.read(&path) else {
            session.unavailable.insert(path);
            continue;
        };
        // npm goes on upwards past a manifest that it cannot read.
        let Ok(manifest) = serde_json::from_slice::<Value>(&content) else { continue };
        if !manifest.get("workspaces").is_some_and(javascript::is_truthy) {
            continue;
        }
        let Some(patterns) = patterns(&manifest, dialect, session) else {
            session.refusals.insert(Refusal::Field("workspaces"));
            continue;
        };
        let below = directory[ancestor.len()..].trim_start_matches('/');
        if patterns.includes(below, dialect, session) {
            return Some(ancestor.to_owned());
        }
    }
    None
}

impl NpmGeneration {
    /// The glob dialect of this generation.
    pub(super) fn dialect(self) -> Dialect {
        match self {
            Self::Ten => Dialect::StarNeedsText,
            Self::Eleven => Dialect::StarMayBeEmpty,
        }
    }
}
