//! Takes out of a lockfile what no registry serves, so that the rest can be installed.
//!
//! A git address in a list of dependencies makes the whole installation fail, though mostly only tests want it. What
//! a build does need of it then is missing, and the build says so.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::LockfileFormat;
use super::closure::{is_local, is_of_registry, split_descriptor};
use super::pnpm::yaml_options;
use crate::source::tree::is_within;

/// The lists of dependencies in a manifest, and in npm's lockfile.
pub(crate) const LISTS: [&str; 4] = ["dependencies", "devDependencies", "optionalDependencies", "peerDependencies"];

/// What was taken out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LeftOut {
    /// The names, in the manifests' words.
    pub names: BTreeSet<String>,
    /// The lockfile without them.
    pub lockfile: String,
    /// Directories of the manifests that the lockfile covers, relative to it; empty for the root.
    pub directories: Vec<String>,
}

/// Whether a range asks for something that is not in a registry.
pub fn is_foreign(range: &str) -> bool {
    if range.starts_with("npm:") || range.starts_with("catalog:") || range.starts_with("workspace:") || is_local(range)
    {
        return false;
    }
    if let Ok(url) = url::Url::parse(range)
        && range.contains(':')
    {
        return !is_of_registry(&url);
    }
    // `owner/repository`, which is a place on GitHub.
    !range.starts_with(['@', '.', '~']) && range.split('#').next().is_some_and(|path| path.matches('/').count() == 1)
}

/// The lockfile without what no registry serves; `None` where there is no such thing, or it cannot be told.
pub fn leave_out(format: LockfileFormat, text: &str) -> Option<LeftOut> {
    match format {
        LockfileFormat::Npm => of_npm(text),
        LockfileFormat::YarnClassic => of_yarn(text),
        LockfileFormat::Pnpm => of_pnpm(text),
        LockfileFormat::YarnBerry | LockfileFormat::Bun => None,
    }
}

/// The manifest without the dependencies that `leaves` names; `None` where that changes nothing.
pub fn manifest_without(manifest: &str, leaves: &dyn Fn(&str, &str) -> bool) -> Option<(String, Vec<String>)> {
    let mut value: Value = serde_json::from_str(manifest.trim_start_matches('\u{feff}')).ok()?;
    let names = take_edges(value.as_object_mut()?, leaves);
    (!names.is_empty()).then(|| (value.to_string(), names))
}

fn take_edges(object: &mut Map<String, Value>, leaves: &dyn Fn(&str, &str) -> bool) -> Vec<String> {
    let mut taken = Vec::new();
    for list in LISTS {
        let Some(list) = object.get_mut(list).and_then(Value::as_object_mut) else { continue };
        list.retain(|name, range| {
            let leaves = leaves(name, range.as_str().unwrap_or_default());
            if leaves {
                taken.push(name.clone());
            }
            !leaves
        });
    }
    taken
}

fn of_npm(text: &str) -> Option<LeftOut> {
    let mut lockfile: Value = serde_json::from_str(text).ok()?;
    if lockfile.get("packages").is_none() {
        let mut names = BTreeSet::new();
        nested(lockfile.get_mut("dependencies")?.as_object_mut()?, &mut names, 0);
        let directories = vec![String::new()];
        return (!names.is_empty()).then(|| LeftOut { names, lockfile: lockfile.to_string(), directories });
    }
    let packages = lockfile.get_mut("packages")?.as_object_mut()?;
    // Members of the workspace have their directory for an address, and a link.
    let foreign = |entry: &Value| {
        let address = entry.get("resolved").and_then(Value::as_str).filter(|address| address.contains(':'));
        entry.get("link") != Some(&Value::Bool(true)) && address.is_some_and(is_foreign)
    };
    let folder = |place: &str| place.rsplit_once("node_modules/").map(|(_, folder)| folder.to_owned());
    let places: Vec<String> = packages
        .iter()
        .filter(|(place, entry)| folder(place).is_some() && foreign(entry))
        .map(|(place, _)| place.clone())
        .collect();
    if places.is_empty() {
        return None;
    }
    let names: BTreeSet<String> = places.iter().filter_map(|place| folder(place)).collect();
    packages.retain(|place, _| !places.iter().any(|gone| is_within(place, gone)));
    let remaining: BTreeSet<String> = packages.keys().filter_map(|place| folder(place)).collect();
    let leaves = |name: &str, range: &str| names.contains(name) && (is_foreign(range) || !remaining.contains(name));
    let mut directories = Vec::new();
    for (place, entry) in packages.iter_mut() {
        if folder(place).is_none() {
            directories.push(place.clone());
        }
        if let Some(entry) = entry.as_object_mut() {
            take_edges(entry, &leaves);
        }
    }
    // The tree for old versions of npm would contradict the list.
    if let Some(object) = lockfile.as_object_mut() {
        object.remove("dependencies");
    }
    Some(LeftOut { names, lockfile: lockfile.to_string(), directories })
}

/// Version 1, whose entries lie inside of each other.
fn nested(entries: &mut Map<String, Value>, names: &mut BTreeSet<String>, depth: usize) {
    if depth > 50 {
        return;
    }
    entries.retain(|name, entry| {
        let leaves = entry.get("version").and_then(Value::as_str).is_some_and(is_foreign);
        if leaves {
            names.insert(name.clone());
        }
        !leaves
    });
    for entry in entries.values_mut().filter_map(Value::as_object_mut) {
        if let Some(required) = entry.get_mut("requires").and_then(Value::as_object_mut) {
            required.retain(|_, range| !range.as_str().is_some_and(is_foreign));
        }
        if let Some(inner) = entry.get_mut("dependencies").and_then(Value::as_object_mut) {
            nested(inner, names, depth + 1);
        }
    }
}

/// A key or version of pnpm's without the peers that it was resolved with.
fn bare(text: &str) -> String {
    text.split('(').next().unwrap_or_default().to_owned()
}

/// JSON is YAML, too: what is written is the document as pnpm reads it.
fn of_pnpm(text: &str) -> Option<LeftOut> {
    let mut options = yaml_options();
    options.strict_booleans = true;
    let mut documents: Vec<Value> = serde_saphyr::from_multiple_with_options(text, options).ok()?;
    let document = documents.iter_mut().rev().find(|document| document.get("packages").is_some())?.as_object_mut()?;
    let is_gone = |entry: &Value| {
        let resolution = entry.get("resolution");
        let text = |key: &str| resolution.and_then(|resolution| resolution.get(key)?.as_str());
        text("repo").is_some() || text("tarball").is_some_and(|address| address.contains(':') && is_foreign(address))
    };
    let gone: BTreeSet<String> = document
        .get("packages")?
        .as_object()?
        .iter()
        .filter(|(_, entry)| is_gone(entry))
        .map(|(key, _)| bare(key))
        .collect();
    if gone.is_empty() {
        return None;
    }
    let names_gone = |name: &str, version: &Value| {
        let version = version.get("version").unwrap_or(version).as_str().map(bare).unwrap_or_default();
        gone.contains(&version) || gone.contains(&format!("{name}@{version}"))
    };
    let mut names = BTreeSet::new();
    let mut take = |object: &mut Map<String, Value>| {
        let mut taken = Vec::new();
        for list in LISTS {
            let Some(list) = object.get_mut(list).and_then(Value::as_object_mut) else { continue };
            list.retain(|name, version| {
                let leaves = names_gone(name, version);
                if leaves {
                    taken.push(name.clone());
                }
                !leaves
            });
        }
        if let Some(specifiers) = object.get_mut("specifiers").and_then(Value::as_object_mut) {
            specifiers.retain(|name, _| !taken.contains(name));
        }
        names.extend(taken);
    };
    let mut directories = Vec::new();
    match document.get_mut("importers").and_then(Value::as_object_mut) {
        Some(importers) => {
            for (directory, importer) in importers.iter_mut() {
                directories.push(if directory == "." { String::new() } else { directory.clone() });
                if let Some(importer) = importer.as_object_mut() {
                    take(importer);
                }
            }
        }
        None => {
            directories.push(String::new());
            take(document);
        }
    }
    for section in ["packages", "snapshots"] {
        let Some(section) = document.get_mut(section).and_then(Value::as_object_mut) else { continue };
        section.retain(|key, _| !gone.contains(&bare(key)));
        for entry in section.values_mut().filter_map(Value::as_object_mut) {
            take(entry);
        }
    }
    let texts: Vec<String> = documents.iter().map(Value::to_string).collect();
    Some(LeftOut { names, lockfile: texts.join("\n---\n") + "\n", directories })
}

fn of_yarn(text: &str) -> Option<LeftOut> {
    let request = |line: &str| -> Vec<(String, String)> {
        let requests = line.trim_end().trim_end_matches(':').split(", ").map(|one| one.trim_matches('"'));
        requests.filter_map(split_descriptor).map(|(name, range)| (name.to_owned(), range.to_owned())).collect()
    };
    let mut names = BTreeSet::new();
    let (mut kept, mut skips) = (String::with_capacity(text.len()), false);
    for line in text.split_inclusive('\n') {
        let plain = line.trim_end();
        if !plain.is_empty() && !plain.starts_with([' ', '#']) {
            let requests = request(plain);
            skips = !requests.is_empty() && requests.iter().all(|(_, range)| is_foreign(range));
            if skips {
                names.extend(requests.into_iter().map(|(name, _)| name));
            }
        }
        // Four deep: what a block depends on.
        let edge = plain.strip_prefix("    ").and_then(|edge| edge.split_once(' '));
        let is_foreign_edge = edge.is_some_and(|(_, range)| is_foreign(range.trim_matches('"')));
        if !skips && !is_foreign_edge {
            kept.push_str(line);
        }
    }
    (!names.is_empty()).then(|| LeftOut { names, lockfile: kept, directories: vec![String::new()] })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_of_other_places_are_told_from_those_of_the_registry() {
        for range in ["git+https://h.example/a.git#1", "github:a/b", "a/b", "a/b#main", "https://h.example/a.tgz"] {
            assert!(is_foreign(range), "{range}");
        }
        let registry = "https://registry.example/a/-/a-1.0.0.tgz";
        for range in ["^1", "1.x || 2", "npm:@a/b@1", "file:../a", "workspace:*", "latest", "~1.2", "", registry] {
            assert!(!is_foreign(range), "{range}");
        }
    }

    #[test]
    fn npm_forgets_what_no_registry_has_with_what_only_that_needs() {
        let text = r#"{"lockfileVersion":3,"packages":{
            "":{"devDependencies":{"a":"^1","g":"github:o/g"}},
            "packages/x":{"dependencies":{"g":"github:o/g"}},
            "node_modules/x":{"resolved":"packages/x","link":true},
            "node_modules/a":{"version":"1.0.0","resolved":"https://r.example/a/-/a-1.0.0.tgz","dependencies":{"t":"https://h.example/o/t/tarball/v1"}},
            "node_modules/g":{"version":"1.0.0","resolved":"git+ssh://git@h.example/o/g.git#1"},
            "node_modules/g/node_modules/z":{"version":"1.0.0","resolved":"https://r.example/z/-/z-1.0.0.tgz"},
            "node_modules/t":{"version":"2.0.0","resolved":"https://h.example/o/t/tarball/v1"}}}"#;
        let left = leave_out(LockfileFormat::Npm, text).unwrap();
        assert_eq!(left.names, BTreeSet::from(["g".to_owned(), "t".to_owned()]));
        assert_eq!(left.directories, ["", "packages/x"]);
        let value: Value = serde_json::from_str(&left.lockfile).unwrap();
        let places: Vec<_> = value["packages"].as_object().unwrap().keys().cloned().collect();
        let places: BTreeSet<_> = places.iter().map(String::as_str).collect();
        assert_eq!(places, BTreeSet::from(["", "node_modules/a", "node_modules/x", "packages/x"]));
        assert_eq!(value["packages"][""]["devDependencies"], serde_json::json!({"a": "^1"}));
        assert_eq!(value["packages"]["node_modules/a"]["dependencies"], serde_json::json!({}));
        assert_eq!(leave_out(LockfileFormat::Npm, &left.lockfile), None);
    }

    #[test]
    fn yarn_forgets_whole_blocks_and_their_edges() {
        let text = "# yarn lockfile v1\n\n\na@^1:\n  version \"1.0.0\"\n  dependencies:\n    b \"^2\"\n    g \"github:o/g\"\n\n\"g@github:o/g\":\n  version \"0.1.0\"\n  resolved \"https://h.example/g\"\n  dependencies:\n    b \"^2\"\n\nb@^2:\n  version \"2.0.0\"\n";
        let left = leave_out(LockfileFormat::YarnClassic, text).unwrap();
        let expected = "# yarn lockfile v1\n\n\na@^1:\n  version \"1.0.0\"\n  dependencies:\n    b \"^2\"\n\nb@^2:\n  version \"2.0.0\"\n";
        assert_eq!(left.lockfile, expected);
        assert_eq!(left.names, BTreeSet::from(["g".to_owned()]));
    }

    #[test]
    fn pnpm_forgets_a_package_and_whoever_asks_for_it() {
        let text = "lockfileVersion: '9.0'\nimporters:\n  .:\n    devDependencies:\n      a: {specifier: ^1, version: 1.0.0}\n  x:\n    dependencies:\n      g: {specifier: 'https://h.example/g', version: 'https://h.example/g(a@1.0.0)'}\npackages:\n  a@1.0.0: {resolution: {integrity: sha512-x}}\n  'g@https://h.example/g': {resolution: {tarball: 'https://h.example/g'}}\nsnapshots:\n  a@1.0.0: {dependencies: {g: 'https://h.example/g'}}\n  'g@https://h.example/g(a@1.0.0)': {}\n";
        let left = leave_out(LockfileFormat::Pnpm, text).unwrap();
        assert_eq!(left.names, BTreeSet::from(["g".to_owned()]));
        assert_eq!(left.directories, ["", "x"]);
        let value: Value = serde_json::from_str(&left.lockfile).unwrap();
        assert_eq!(value["lockfileVersion"], "9.0");
        assert_eq!(value["importers"]["x"]["dependencies"], serde_json::json!({}));
        assert_eq!(value["importers"]["."]["devDependencies"]["a"]["version"], "1.0.0");
        assert_eq!(value["snapshots"], serde_json::json!({"a@1.0.0": {"dependencies": {}}}));
        assert_eq!(leave_out(LockfileFormat::Pnpm, &left.lockfile), None);

        let older = "lockfileVersion: '6.0'\ndependencies:\n  g: {specifier: 'github:o/g', version: 'github.com/o/g/abc(a@1.0.0)'}\npackages:\n  'github.com/o/g/abc(a@1.0.0)': {resolution: {tarball: 'https://h.example/g'}, name: g}\n";
        let left = leave_out(LockfileFormat::Pnpm, older).unwrap();
        assert_eq!(left.names, BTreeSet::from(["g".to_owned()]));
        assert!(!left.lockfile.contains("h.example"), "{}", left.lockfile);
    }

    #[test]
    fn a_manifest_keeps_its_other_dependencies() {
        let manifest = r#"{"name":"x","devDependencies":{"g":"github:o/g","a":"1"},"dependencies":{"b":"2"}}"#;
        let (text, names) = manifest_without(manifest, &|_, range| is_foreign(range)).unwrap();
        assert_eq!(names, ["g"]);
        let value: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(value["devDependencies"], serde_json::json!({"a": "1"}));
        assert_eq!(manifest_without(r#"{"dependencies":{"b":"2"}}"#, &|_, range| is_foreign(range)), None);
    }
}
