//! The files of a package, and which of them a specifier names.

use std::borrow::Cow;
use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde_json::Value;

use crate::package::read_json;

/// Most manifests inside of the package that are read.
const MAXIMUM_MANIFESTS: usize = 1_000;
/// Most names that are looked up in all; whoever writes a package decides how many it holds.
const MAXIMUM_LOOKUPS: usize = 10_000_000;
/// Most steps out of the package that a path may take.
const MAXIMUM_CLIMB: usize = 8;
/// What Node, and after it the bundlers, append to a path that names no file.
const EXTENSIONS: [&str; 11] =
    [".js", ".json", ".node", ".mjs", ".cjs", ".ts", ".tsx", ".jsx", ".mts", ".cts", ".wasm"];

/// The files of a package and the manifests among them.
pub(super) struct Files<'f> {
    paths: &'f BTreeSet<&'f str>,
    /// Names in lower case, for file systems that do not tell letters apart.
    lower: HashMap<String, &'f str>,
    /// By folder; the package's own is in `""`.
    manifests: BTreeMap<&'f str, Value>,
    lookups: Cell<usize>,
    /// Whether every manifest was read to its last key.
    is_understood: bool,
}

impl<'f> Files<'f> {
    pub(super) fn new<'c>(
        manifest: &Value,
        paths: &'f BTreeSet<&'f str>,
        read: &mut dyn FnMut(&str) -> Option<Cow<'c, [u8]>>,
    ) -> Self {
        let mut manifests = BTreeMap::from([("", manifest.clone())]);
        let mut is_understood = true;
        for path in paths {
            if manifests.len() > MAXIMUM_MANIFESTS {
                break;
            }
            let folder = path.strip_suffix("package.json").map(|folder| folder.strip_suffix('/').unwrap_or(folder));
            if let Some(folder) = folder.filter(|folder| folder.is_empty() == (*path == "package.json"))
                && let Some(content) = read(path)
            {
                // Node may understand what we do not.
                match read_json(&content) {
                    Ok(json) => {
                        // Of a key that is written oddly, which value counts depends on the reader.
                        is_understood &= json.is_whole && json.duplicates.is_empty() && json.escaped.is_empty();
                        manifests.entry(folder).or_insert(json.value);
                    }
                    Err(_) => is_understood = false,
                }
            }
        }
        let lower = paths.iter().rev().map(|path| (path.to_lowercase(), *path)).collect();
        Self { paths, lower, manifests, lookups: Cell::new(0), is_understood }
    }

    /// Counts lookups, `false` when there were too many.
    pub(super) fn spend(&self, lookups: usize) -> bool {
        self.lookups.set(self.lookups.get().saturating_add(lookups));
        self.is_complete()
    }

    /// Whether nothing of a manifest had to be passed over.
    pub(super) fn is_understood(&self) -> bool {
        self.is_understood
    }

    /// Whether everything that was asked for was looked up.
    pub(super) fn is_complete(&self) -> bool {
        self.lookups.get() < MAXIMUM_LOOKUPS
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &'f str> + use<'f> {
        self.paths.iter().copied()
    }

    /// Folders with manifests, outermost first.
    pub(super) fn manifests(&self) -> impl Iterator<Item = (&'f str, &Value)> {
        self.manifests.iter().map(|(folder, value)| (*folder, value))
    }

    /// The file with exactly this path.
    pub(super) fn exact(&self, path: &str) -> Option<&'f str> {
        if !self.spend(1) {
            return None;
        }
        self.paths.get(path).copied()
    }

    /// The file with this path, whichever way its letters are written.
    pub(super) fn named(&self, path: &str) -> Option<&'f str> {
        let find = |path: &str| self.exact(path).or_else(|| self.lower.get(&path.to_lowercase()).copied());
        find(path).or_else(|| find(&as_address(path)?))
    }

    /// Everything below a folder; `""` is the package.
    pub(super) fn below<'s>(&'s self, folder: &'s str) -> impl Iterator<Item = &'f str> + use<'s, 'f> {
        let prefix = if folder.is_empty() { String::new() } else { format!("{folder}/") };
        self.starting_with(prefix)
    }

    /// Everything whose path begins so.
    pub(super) fn starting_with<'s>(&'s self, prefix: String) -> impl Iterator<Item = &'f str> + use<'s, 'f> {
        let paths: &'f BTreeSet<&'f str> = self.paths;
        let start = prefix.clone();
        paths
            .range::<str, _>((std::ops::Bound::Included(start.as_str()), std::ops::Bound::Unbounded))
            .copied()
            .take_while(move |path| self.spend(1) && path.starts_with(&prefix))
            .collect::<Vec<_>>()
            .into_iter()
    }

    /// Files with `*` in `pattern` replaced by anything, with what it stands for.
    pub(super) fn matching(&self, pattern: &str) -> Vec<(&'f str, String)> {
        let Some((before, after)) = pattern.split_once('*') else {
            return self.named(pattern).map(|path| (path, String::new())).into_iter().collect();
        };
        // The star stands for the same text wherever it is written; only the last has to be at the end.
        let end = after.rsplit('*').next().unwrap_or(after);
        let matched = |path: &'f str| {
            let middle = path.strip_prefix(before)?.strip_suffix(end)?;
            Some((path, middle.to_owned()))
        };
        self.starting_with(before.to_owned()).filter_map(matched).collect()
    }

    /// The file that a path names as Node completes it: extensions, folders.
    pub(super) fn complete(&self, path: &str) -> Option<&'f str> {
        self.complete_within(path, 3).or_else(|| self.complete_within(&as_address(path)?, 3))
    }

    fn complete_within(&self, path: &str, depth: usize) -> Option<&'f str> {
        let find = |look: &dyn Fn(&str) -> Option<&'f str>| {
            if path.is_empty() {
                return None;
            }
            look(path)
                .or_else(|| EXTENSIONS.iter().find_map(|extension| look(&format!("{path}{extension}"))))
                // TypeScript's sources are imported by the names of what they become.
                .or_else(|| {
                    let (stem, extension) = path.rsplit_once('.')?;
                    let sources: &[&str] = match extension {
                        "js" | "jsx" => &["ts", "tsx", "jsx"],
                        "mjs" => &["mts"],
                        "cjs" => &["cts"],
                        _ => &[],
                    };
                    sources.iter().find_map(|extension| look(&format!("{stem}.{extension}")))
                })
        };
        let in_folder = || {
            let main = self.manifests.get(path).filter(|_| depth > 0).and_then(|value| value.get("main"));
            let main = main.and_then(Value::as_str).and_then(|main| self.join(path, main)).filter(|main| main != path);
            let index = if path.is_empty() { "index".to_owned() } else { format!("{path}/index") };
            main.and_then(|main| self.complete_within(&main, depth - 1))
                .or_else(|| EXTENSIONS.iter().find_map(|extension| self.named(&format!("{index}{extension}"))))
        };
        find(&|path| self.exact(path)).or_else(in_folder).or_else(|| find(&|path| self.named(path)))
    }

    /// The nearest folder around `folder`, itself included, that has a manifest.
    pub(super) fn scope(&self, folder: &str) -> (&'f str, &Value) {
        let mut at = folder;
        loop {
            if let Some((folder, value)) = self.manifests.get_key_value(at) {
                return (folder, value);
            }
            // The package's own manifest is at the end of this way.
            at = parent(at);
        }
    }

    /// A path relative to a folder of the package; `None` if it leads elsewhere.
    ///
    /// An installed package can name its files by its own folder in `node_modules`, too: `../name/a.js` is `a.js`. What
    /// only leaves the package is kept as it is, `..`, for what is joined to it.
    pub(super) fn join(&self, folder: &str, path: &str) -> Option<String> {
        let path = path.replace('\\', "/");
        let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
        for part in path.split('/') {
            match part {
                "" | "." => {}
                ".." if parts.last().is_some_and(|last| *last != "..") => {
                    parts.pop();
                }
                ".." if parts.len() >= MAXIMUM_CLIMB => return None,
                part => parts.push(part),
            }
        }
        let outside = parts.iter().take_while(|part| **part == "..").count();
        if outside > 0 && parts.len() > outside {
            let rest = parts.split_off(outside);
            parts = self.own(&rest)?.to_vec();
        } else if parts.first() == Some(&"node_modules") && self.below("node_modules").next().is_none() {
            parts = self.own(&parts)?.to_vec();
        }
        Some(parts.join("/"))
    }

    /// What follows the package's own name in a path from a folder around it.
    fn own<'p, 't>(&self, parts: &'p [&'t str]) -> Option<&'p [&'t str]> {
        let parts = parts.strip_prefix(&["node_modules"]).unwrap_or(parts);
        let name = self.manifests[""].get("name").and_then(Value::as_str)?;
        let (scope, plain) = name.split_once('/').map_or((None, name), |(scope, plain)| (Some(scope), plain));
        match parts {
            [first, second, rest @ ..] if Some(*first) == scope && *second == plain => Some(rest),
            [first, rest @ ..] if *first == plain => Some(rest),
            _ => None,
        }
    }

    /// The folder of a bundled package, as Node finds it from `folder`.
    pub(super) fn bundled(&self, folder: &str, name: &str) -> Option<String> {
        let mut at = folder;
        loop {
            let candidate =
                if at.is_empty() { format!("node_modules/{name}") } else { format!("{at}/node_modules/{name}") };
            if self.below(&candidate).next().is_some() {
                return Some(candidate);
            }
            if at.is_empty() {
                return None;
            }
            at = parent(at);
        }
    }
}

/// The file that a path names where it is read as an address; `None` where that changes nothing.
fn as_address(path: &str) -> Option<String> {
    let plain: String = path.chars().filter(|letter| !matches!(letter, '\t' | '\n' | '\r')).collect();
    let decoded = percent_encoding::percent_decode_str(plain.trim_end()).decode_utf8().ok()?;
    (decoded != path).then(|| decoded.into_owned())
}

/// The folder that a path lies in.
pub(super) fn parent(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}
