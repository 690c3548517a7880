//! The commit as inference reads it: few files, each of bounded size, parsed once.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;

use serde_json::Value;

use super::{semantic_release, workflow_file};

use crate::pack::{NodeKind, SourceTree};
use crate::package::{BlobId, without_byte_order_mark};
use crate::source::tree::CommitTree;
pub(super) use crate::source::tree::join;

/// Largest file that is parsed; lockfiles are only looked at from their beginning.
const MAX_BYTES: usize = 4 << 20;
/// Most files that are read of one commit.
const MAX_FILES: usize = 6_000;
/// Most files that are fetched to see whether anything is built.
const MAX_ABOUT_BUILDING: usize = 200;
/// Deepest YAML that is read.
const MAX_YAML_DEPTH: usize = 64;

/// A commit, read within limits.
pub(super) struct Commit<'a> {
    tree: &'a dyn SourceTree,
    reads_left: Cell<usize>,
    json: RefCell<HashMap<String, Option<Rc<Value>>>>,
    yaml: RefCell<HashMap<String, Option<Rc<Value>>>>,
    given_up: Cell<Option<&'static str>>,
}

impl<'a> Commit<'a> {
    pub(super) fn new(tree: &'a dyn SourceTree) -> Self {
        let (json, yaml, given_up) = (RefCell::default(), RefCell::default(), Cell::default());
        Self { tree, reads_left: Cell::new(MAX_FILES), json, yaml, given_up }
    }

    /// Notes that there is `more` than is followed, so that no plan can be whole.
    pub(super) fn give_up(&self, more: &'static str) {
        self.given_up.set(Some(more));
    }

    /// What there was more of than is followed.
    pub(super) fn given_up(&self) -> Option<&'static str> {
        self.given_up.get()
    }

    pub(super) fn tree(&self) -> &'a dyn SourceTree {
        self.tree
    }

    fn bytes(&self, path: &str) -> Option<Vec<u8>> {
        self.reads_left.set(self.reads_left.get().checked_sub(1)?);
        self.tree.read(path)
    }

    /// The file's text; `None` where there is none, or it is no text or too large.
    pub(super) fn text(&self, path: &str) -> Option<String> {
        let bytes = self.bytes(path)?;
        if bytes.len() > MAX_BYTES {
            return None;
        }
        String::from_utf8(without_byte_order_mark(&bytes).to_vec()).ok()
    }

    /// The first `length` bytes of a file of any size, as text.
    pub(super) fn beginning(&self, path: &str, length: usize) -> Option<String> {
        let bytes = self.bytes(path)?;
        let bytes = without_byte_order_mark(&bytes);
        Some(String::from_utf8_lossy(&bytes[..bytes.len().min(length)]).into_owned())
    }

    /// The JSON document at `path`.
    pub(super) fn json(&self, path: &str) -> Option<Rc<Value>> {
        if let Some(known) = self.json.borrow().get(path) {
            return known.clone();
        }
        let parsed = self.text(path).and_then(|text| serde_json::from_str(&text).ok()).map(Rc::new);
        self.json.borrow_mut().insert(path.to_owned(), parsed.clone());
        parsed
    }

    /// The YAML document at `path`, as the JSON value that it stands for.
    pub(super) fn yaml(&self, path: &str) -> Option<Rc<Value>> {
        if let Some(known) = self.yaml.borrow().get(path) {
            return known.clone();
        }
        let parsed = self.text(path).and_then(|text| parse_yaml(&text)).map(Rc::new);
        self.yaml.borrow_mut().insert(path.to_owned(), parsed.clone());
        parsed
    }

    /// The manifest in `directory`.
    pub(super) fn manifest(&self, directory: &str) -> Option<Rc<Value>> {
        self.json(&join(directory, "package.json")).filter(|value| value.is_object())
    }

    /// Whether there is a file at `path`.
    pub(super) fn is_file(&self, path: &str) -> bool {
        self.kind(path).is_some_and(|kind| matches!(kind, NodeKind::File { .. }))
    }

    /// Whether there is a directory at `path`.
    pub(super) fn is_directory(&self, path: &str) -> bool {
        path.is_empty() || self.kind(path) == Some(NodeKind::Directory)
    }

    fn kind(&self, path: &str) -> Option<NodeKind> {
        let (parent, name) = path.rsplit_once('/').unwrap_or(("", path));
        self.tree.list(parent).into_iter().find(|node| node.name == name).map(|node| node.kind)
    }

    /// The names of the files in `directory`.
    pub(super) fn files(&self, directory: &str) -> Vec<String> {
        let is_file = |kind| matches!(kind, NodeKind::File { .. });
        self.tree.list(directory).into_iter().filter(|node| is_file(node.kind)).map(|node| node.name).collect()
    }

    /// The names of the directories in `directory`.
    pub(super) fn directories(&self, directory: &str) -> Vec<String> {
        let is_directory = |kind| kind == NodeKind::Directory;
        self.tree.list(directory).into_iter().filter(|node| is_directory(node.kind)).map(|node| node.name).collect()
    }
}

/// Files in which a package, or a directory above it, says how it is built; lockfiles are large and left out.
const ABOUT_BUILDING: [&str; 13] = [
    "package.json",
    "lerna.json",
    "nx.json",
    "turbo.json",
    "pnpm-workspace.yaml",
    ".yarnrc.yml",
    ".nvmrc",
    ".node-version",
    ".tool-versions",
    ".bun-version",
    "Makefile",
    "ng-package.json",
    "project.json",
];

/// Whether a file beside the manifest configures a build, and so may name what it writes.
pub(super) fn configures_a_build(name: &str) -> bool {
    name.starts_with("tsconfig")
        || name.contains(".config.")
        || name.starts_with(".babelrc")
        || matches!(name, "Makefile" | "gulpfile.js" | "Gruntfile.js" | "build.js" | "gulpfile.babel.js")
}

/// The files that tell whether the package in `directory` is built, and how; to be fetched together.
pub(crate) fn files_about_building(tree: &CommitTree<'_>, directory: &str) -> Vec<BlobId> {
    let mut found = Vec::new();
    let mut place = Some(directory);
    while let Some(above) = place {
        let is_about = |name: &str| {
            ABOUT_BUILDING.contains(&name)
                || semantic_release::CONFIGURATIONS.contains(&name)
                || (above == directory && configures_a_build(name))
        };
        let names = tree.list(above).into_iter().map(|node| node.name).filter(|name| is_about(name));
        found.extend(names.map(|name| join(above, &name)));
        place = parent(above);
    }
    found.extend(workflow_file::paths(tree));
    let files = found.iter().take(MAX_ABOUT_BUILDING).filter_map(|path| tree.file(path));
    files.filter(|file| !file.link).map(|file| file.blob).collect()
}

/// Parses YAML within limits; an anchor cannot multiply what was written.
pub(super) fn parse_yaml(text: &str) -> Option<Value> {
    if text.len() > MAX_BYTES {
        return None;
    }
    let options = serde_saphyr::options! {
        strict_booleans: true,
        with_snippet: false,
        budget: serde_saphyr::budget! {
            max_depth: MAX_YAML_DEPTH,
            max_nodes: 200_000,
            max_events: 400_000,
            max_aliases: 200,
            max_documents: 1,
        },
    };
    serde_saphyr::from_str_with_options(text, options).ok()
}

/// The directory that `relative` names from `base`; `None` where it leaves the repository or is not written out.
pub(super) fn resolve(base: &str, relative: &str) -> Option<String> {
    if relative.starts_with('/') || relative.contains(['$', '*', '`', '\0', '\\', '~']) {
        return None;
    }
    let mut parts: Vec<&str> = base.split('/').filter(|part| !part.is_empty()).collect();
    for part in relative.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            name => parts.push(name),
        }
    }
    Some(parts.join("/"))
}

/// A directory as plans write it.
pub(super) fn plan_path(directory: &str) -> String {
    if directory.is_empty() { ".".to_owned() } else { directory.to_owned() }
}

/// The directory above; `None` for the root.
pub(super) fn parent(directory: &str) -> Option<&str> {
    if directory.is_empty() {
        return None;
    }
    Some(directory.rsplit_once('/').map_or("", |(parent, _)| parent))
}

/// The text at a path of keys.
pub(super) fn text_at<'v>(value: &'v Value, keys: &[&str]) -> Option<&'v str> {
    at(value, keys)?.as_str()
}

/// The value at a path of keys.
pub(super) fn at<'v>(value: &'v Value, keys: &[&str]) -> Option<&'v Value> {
    keys.iter().try_fold(value, |value, key| value.get(key))
}
