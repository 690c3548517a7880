//! The fields of `package.json` that decide the file list, normalised as npm normalises them before packing.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde_json::Value;

use super::javascript;
use super::select::{NpmGeneration, Refusal};
use crate::pack::{NodeKind, SourceTree};

/// Entries below `directories.bin` that are looked at.
const MAXIMUM_BIN_ENTRIES: usize = 20_000;

/// What the packer sees of a manifest.
#[derive(Debug, Default)]
pub(super) struct Manifest {
    /// The `files` field, where there is one.
    pub(super) files: Option<Vec<String>>,
    pub(super) main: Option<String>,
    pub(super) browser: Option<String>,
    /// Paths of `bin` or of everything below `directories.bin`.
    pub(super) bins: BTreeSet<String>,
    /// Paths that npm compares with when it makes commands executable.
    pub(super) commands: BTreeSet<String>,
    /// Names to bundle.
    pub(super) bundled: Vec<String>,
    /// Names in `dependencies` and `optionalDependencies`.
    pub(super) dependencies: Vec<String>,
    /// Names in `devDependencies`.
    pub(super) development: BTreeSet<String>,
}

impl Manifest {
    /// Normalises `value`, the manifest in `directory`.
    pub(super) fn normalize(
        value: &Value,
        tree: &dyn SourceTree,
        directory: &str,
        generation: NpmGeneration,
        refusals: &mut BTreeSet<Refusal>,
    ) -> Self {
        let field = |name: &str| value.get(name).filter(|value| javascript::is_truthy(value));
        let mut refuse = |name: &'static str| {
            refusals.insert(Refusal::Field(name));
        };
        let files = match field("files") {
            None => None,
            Some(Value::String(text)) => Some(text.chars().map(String::from).collect()),
            Some(Value::Array(entries)) => {
                if !entries.iter().all(Value::is_string) {
                    refuse("files");
                }
                Some(entries.iter().filter_map(Value::as_str).map(str::to_owned).collect())
            }
            Some(_) => {
                refuse("files");
                None
            }
        };
        let bins = match field("directories").and_then(|directories| directories.get("bin")) {
            Some(bin) if javascript::is_truthy(bin) && field("bin").is_none() => match bin.as_str() {
                Some(bin) => bins_below(tree, directory, bin, generation),
                None => {
                    refuse("directories.bin");
                    BTreeSet::new()
                }
            },
            _ => declared_bins(field("bin"), field("name").and_then(Value::as_str), generation),
        };
        let commands = match generation {
            // npm 10 does not look at `directories.bin` here.
            NpmGeneration::Ten => {
                declared_bins(field("bin"), field("name").and_then(Value::as_str), NpmGeneration::Eleven)
            }
            NpmGeneration::Eleven => bins.iter().filter(|bin| !bin.starts_with('/')).cloned().collect(),
        };
        let names = |field: &str| -> Vec<String> {
            value.get(field).and_then(Value::as_object).map(|map| map.keys().cloned().collect()).unwrap_or_default()
        };
        let bundled = value.get("bundleDependencies").or_else(|| value.get("bundledDependencies"));
        let mut dependencies = names("dependencies");
        let bundled = match bundled {
            Some(Value::Bool(true)) => dependencies.clone(),
            Some(Value::Array(entries)) => entries.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
            Some(Value::Object(entries)) => entries.keys().cloned().collect(),
            _ => Vec::new(),
        };
        dependencies.extend(names("optionalDependencies"));
        Self {
            files,
            main: field("main").map(javascript::to_string),
            browser: field("browser").map(javascript::to_string),
            bins,
            commands,
            bundled,
            dependencies,
            development: names("devDependencies").into_iter().collect(),
        }
    }
}

fn unixify(text: &str, generation: NpmGeneration) -> String {
    match generation {
        NpmGeneration::Ten => text.replace('\\', "/"),
        NpmGeneration::Eleven => text.replace(['\\', ':'], "/"),
    }
}

fn base_name(path: &str) -> &str {
    let path = path.trim_end_matches('/');
    path.rsplit('/').next().unwrap_or(path)
}

fn declared_bins(bin: Option<&Value>, name: Option<&str>, generation: NpmGeneration) -> BTreeSet<String> {
    let mut commands: BTreeMap<String, &str> = BTreeMap::new();
    match bin {
        Some(Value::String(target)) => {
            if let Some(name) = name {
                commands.insert(name.to_owned(), target);
            }
        }
        Some(Value::Array(targets)) => {
            for target in targets.iter().filter_map(Value::as_str) {
                commands.insert(base_name(target).to_owned(), target);
            }
        }
        Some(Value::Object(targets)) => {
            for (command, target) in targets {
                if let Some(target) = target.as_str() {
                    commands.insert(command.clone(), target);
                }
            }
        }
        _ => {}
    }
    let mut bins: BTreeMap<String, String> = BTreeMap::new();
    for (command, target) in commands {
        let command = javascript::resolve_in_root(&command.replace(['\\', ':'], "/"));
        let command = base_name(&command);
        let target = javascript::resolve_in_root(&unixify(target, generation));
        if !command.is_empty() && !target.is_empty() {
            bins.insert(command.to_owned(), target);
        }
    }
    bins.into_values().collect()
}

/// Everything below `directories.bin` that does not start with a dot: files, and since npm 11 directories too.
///
/// Where that is the package itself, npm 11 puts a slash before each path.
fn bins_below(tree: &dyn SourceTree, directory: &str, bin: &str, generation: NpmGeneration) -> BTreeSet<String> {
    let start = javascript::resolve_in_root(&unixify(bin, generation));
    let start = start.trim_end_matches('/');
    let mut bins = BTreeSet::new();
    let mut pending = VecDeque::from([start.to_owned()]);
    while let Some(current) = pending.pop_front() {
        for node in tree.list(&javascript::join(directory, &current)) {
            if node.name.starts_with('.') || bins.len() >= MAXIMUM_BIN_ENTRIES {
                continue;
            }
            let path = javascript::join(&current, &node.name);
            let slash = if start.is_empty() && generation == NpmGeneration::Eleven { "/" } else { "" };
            match node.kind {
                NodeKind::File { .. } => {
                    bins.insert(format!("{slash}{path}"));
                }
                NodeKind::Directory | NodeKind::Submodule => {
                    if generation == NpmGeneration::Eleven {
                        bins.insert(format!("{slash}{path}"));
                    }
                    pending.push_back(path);
                }
                NodeKind::Symlink => {}
            }
        }
    }
    bins
}
