//! The interface: which files npm would pack, and why.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::Value;

use super::manifest::Manifest;
use super::rules::Origin;
use super::session::Session;
use super::walk::{Found, PackageRole, walk_package};
use super::{bundle, javascript, workspaces};
use crate::pack::SourceTree;

/// Steps, mostly comparisons with a rule, that one selection may cost; the largest real repository, packed as one package, needs a quarter of it.
const MAXIMUM_STEPS: u64 = 600_000_000;

/// Whose rules apply.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum NpmGeneration {
    /// npm 10. It packs `bun.lockb`, and differs in some rare patterns.
    Ten,
    /// npm 11.
    #[default]
    Eleven,
}

/// How the package is packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PackOptions {
    /// Whose rules apply.
    pub generation: NpmGeneration,
    /// Whether a workspace inherits the ignore files of its workspace root. npm does this; pnpm, yarn and lerna do not.
    pub inherit_workspace_ignores: bool,
    /// Steps that the selection may cost before it ends in [`Refusal::TooMuchWork`].
    pub maximum_steps: u64,
}

impl Default for PackOptions {
    fn default() -> Self {
        Self { generation: NpmGeneration::default(), inherit_workspace_ignores: true, maximum_steps: MAXIMUM_STEPS }
    }
}

/// The files that npm would pack.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selection {
    /// By path relative to the package directory.
    pub files: BTreeMap<String, SelectedFile>,
    /// Paths in the tree of ignore files or manifests that were not at hand, so that the answer may be wrong.
    pub unavailable: Vec<String>,
    /// Reasons for which npm itself would fail, or we gave up; the answer then leaves out what they concern.
    pub refusals: Vec<Refusal>,
}

/// A file that npm would pack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SelectedFile {
    /// Whether its mode in the tarball is executable.
    pub executable: bool,
    /// Why it is packed.
    pub reason: SelectionReason,
}

/// Why a file is packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum SelectionReason {
    /// The manifest, a read-me, licence or copying file.
    AlwaysIncluded,
    /// `bin` or `directories.bin` names it.
    Bin,
    /// `main` names it.
    Main,
    /// `browser` names it.
    Browser,
    /// An entry of `files` covers it.
    FilesField,
    /// Nothing leaves it out.
    NotIgnored,
    /// An ignore file left it out and let it in again.
    Unignored,
    /// It belongs to a bundled dependency.
    Bundled,
}

/// Why npm would not pack the package at all, or we could not tell.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Refusal {
    /// A field of `package.json` has a type that npm fails over.
    Field(&'static str),
    /// A pattern that npm cannot compile (its beginning).
    Pattern(String),
    /// An ignore file that is a directory or a dangling link.
    IgnoreFile(String),
    /// A pattern with more parts than we handle (its beginning).
    TooComplex(String),
    /// The walk cost more than we spend.
    TooMuchWork,
}

impl fmt::Display for Refusal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Field(field) => write!(formatter, "npm fails over the type of `{field}` in `package.json`"),
            Self::Pattern(pattern) => write!(formatter, "npm cannot read the pattern `{pattern}`"),
            Self::IgnoreFile(path) => write!(formatter, "the ignore file `{path}` is none"),
            Self::TooComplex(pattern) => write!(formatter, "the pattern `{pattern}` has too many parts"),
            Self::TooMuchWork => formatter.write_str("the tree is too large"),
        }
    }
}

/// Selects the files that the newest npm would put into the tarball of the package in `package_directory`.
///
/// `manifest` is the content of its `package.json`, from which nothing has been removed.
pub fn select_files(tree: &dyn SourceTree, package_directory: &str, manifest: &Value) -> Selection {
    select_files_as(tree, package_directory, manifest, PackOptions::default())
}

/// Selects files as [`select_files`] does, for the given generation and way of packing.
pub fn select_files_as(
    tree: &dyn SourceTree,
    package_directory: &str,
    manifest: &Value,
    options: PackOptions,
) -> Selection {
    let directory = javascript::resolve("", package_directory).unwrap_or_default();
    let mut session = Session::new(options.generation, options.maximum_steps);
    let normalized = Manifest::normalize(manifest, tree, &directory, options.generation, &mut session.refusals);
    let has_workspaces = workspaces::has_workspaces(tree, &mut session, &directory, manifest);
    let inherited = if options.inherit_workspace_ignores {
        workspaces::inherited_ignore_files(tree, &mut session, &directory)
    } else {
        Vec::new()
    };
    let role = PackageRole::Root { has_workspaces };
    let own = walk_package(tree, &mut session, &directory, &normalized, role, &inherited);
    let bundled = bundle::bundled_files(tree, &mut session, &directory, &normalized);

    let mut files = BTreeMap::new();
    for file in own {
        let reason = reason(&file, &normalized);
        files.insert(file.path.clone(), selected(&file, &normalized, reason));
    }
    for file in bundled {
        files.entry(file.path.clone()).or_insert_with(|| selected(&file, &normalized, SelectionReason::Bundled));
    }
    Selection {
        files,
        unavailable: session.unavailable.into_iter().collect(),
        refusals: session.refusals.into_iter().collect(),
    }
}

fn selected(file: &Found, manifest: &Manifest, reason: SelectionReason) -> SelectedFile {
    // npm makes commands executable, but compares them with the path without its first directory.
    let compared = if file.path.starts_with('@') {
        file.path.as_str()
    } else {
        file.path.split_once('/').map_or(file.path.as_str(), |(_, rest)| rest)
    };
    SelectedFile { executable: file.executable || manifest.commands.contains(compared), reason }
}

fn reason(file: &Found, manifest: &Manifest) -> SelectionReason {
    let names = |field: &Option<String>| {
        let path = field.as_deref().and_then(|path| javascript::resolve("", path));
        path.is_some_and(|path| path == file.path)
    };
    if is_always_included(&file.path) {
        return SelectionReason::AlwaysIncluded;
    }
    if manifest.bins.contains(&file.path) {
        return SelectionReason::Bin;
    }
    if names(&manifest.main) {
        return SelectionReason::Main;
    }
    if names(&manifest.browser) {
        return SelectionReason::Browser;
    }
    match file.origin {
        None | Some(Origin::Default) => SelectionReason::NotIgnored,
        Some(Origin::FilesField) => SelectionReason::FilesField,
        Some(Origin::IgnoreFile) => SelectionReason::Unignored,
        Some(Origin::Always) => SelectionReason::AlwaysIncluded,
        Some(Origin::Main) => SelectionReason::Main,
        Some(Origin::Browser) => SelectionReason::Browser,
        Some(Origin::Bin) => SelectionReason::Bin,
    }
}

fn is_always_included(path: &str) -> bool {
    let lower = path.to_ascii_lowercase();
    let is_document = ["readme", "copying", "license", "licence"].into_iter().any(|name| {
        lower.strip_prefix(name).is_some_and(|rest| {
            rest.is_empty() || (rest.len() > 1 && rest.starts_with('.') && !rest.ends_with(['~', '$']))
        })
    });
    !path.contains('/') && (lower == "package.json" || is_document)
}
