//! Manifest confusion: what the registry says about a version against the manifest inside its artifact.
//!
//! Clients resolve from the registry's answer and run what the artifact's manifest says, so a publisher who uploads
//! two different ones can hide a dependency or an install script from everybody who reads only one.
//!
//! The registry's copy is normalised by the publishing client, and a mirror may serve less than the origin. So both
//! sides are brought into the same spelling first, and a key that the registry's answer lacks is no difference,
//! except for keys that clients resolve by and therefore every registry serves: the dependency maps and `bin`.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::compare::ManifestDifference;
use super::delta::{key_path, same_value};
use super::document::{Document, ManifestError};
use super::keys::KeyReach;
use super::normalize::location;

/// Most differences that are listed.
const MAX_LISTED: usize = 2_000;
const HOOKS: [&str; 6] = ["preinstall", "install", "postinstall", "preuninstall", "uninstall", "postuninstall"];
/// Hooks that make a registry set `hasInstallScript`.
const INSTALL_HOOKS: [&str; 3] = ["preinstall", "install", "postinstall"];
/// What npm assumes, and old versions of it record, for a package with a `binding.gyp`.
const IMPLICIT_INSTALL: &str = "node-gyp rebuild";

/// Whether an archive holds a `binding.gyp`: npm then builds it at installation, which no manifest has to state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GypFile {
    /// At its root.
    Present,
    /// Nowhere that npm looks.
    Absent,
}

/// Compares the registry's version metadata with the manifest inside the artifact, for the keys that take effect.
///
/// In the answer, `published` is the manifest inside the artifact and `source` the registry's statement. Both are
/// shown as they were compared, that is, normalised.
pub fn compare_with_registry(
    registry_manifest: &Value,
    tarball_manifest: &[u8],
    gyp_file: GypFile,
) -> Result<Vec<ManifestDifference>, ManifestError> {
    let document = Document::parse("published", tarball_manifest)?;
    let Value::Object(registry) = registry_manifest else {
        return Ok(Vec::new());
    };
    let mut sides = Sides { registry, tarball: &document.root, gyp_file, differences: Vec::new() };
    sides.compare_identity();
    sides.compare_dependencies();
    sides.compare_bundled();
    sides.compare_scripts();
    sides.compare_bin();
    sides.compare_entry_points();
    sides.compare_platforms();
    sides.differences.truncate(MAX_LISTED);
    Ok(sides.differences)
}

struct Sides<'a> {
    registry: &'a Map<String, Value>,
    tarball: &'a Map<String, Value>,
    gyp_file: GypFile,
    differences: Vec<ManifestDifference>,
}

type Entries<'a> = BTreeMap<Cow<'a, str>, Cow<'a, str>>;

impl Sides<'_> {
    fn differ(&mut self, path: &[&str], tarball: Option<Value>, registry: Option<Value>) {
        self.differences.push(ManifestDifference {
            key_path: key_path(path),
            reach: KeyReach::of(path.first().copied().unwrap_or_default()),
            published: tarball,
            source: registry,
        });
    }

    fn compare_identity(&mut self) {
        let (registry, tarball) = (self.registry, self.tarball);
        for (key, normalise) in [("name", clean_name as fn(&str) -> String), ("version", clean_version)] {
            let Some(stated) = registry.get(key) else { continue };
            let inside = tarball.get(key);
            let equal = match (stated.as_str(), inside.and_then(Value::as_str)) {
                (Some(stated), Some(inside)) => normalise(stated) == normalise(inside),
                _ => false,
            };
            if !equal {
                self.differ(&[key], inside.cloned(), Some(stated.clone()));
            }
        }
    }

    fn compare_dependencies(&mut self) {
        let (registry, tarball) = (self.registry, self.tarball);
        // Clients have moved optional dependencies into `dependencies` and out of it again: only the union is stable.
        let inside = required_and_optional(tarball);
        let mut stated = required_and_optional(registry);
        // npm lists bundled packages that the manifest forgot, with any version.
        for name in bundled(tarball).into_iter().flatten() {
            if !inside.contains_key(name) && stated.get(name).is_some_and(|range| matches!(&**range, "*" | "")) {
                stated.remove(name);
            }
        }
        let path =
            |name: &str| if names_optional(tarball, registry, name) { "optionalDependencies" } else { "dependencies" };
        self.compare_entries(&path, &inside, &stated);
        self.compare_entries(
            &|_| "peerDependencies",
            &ranges(tarball, "peerDependencies"),
            &ranges(registry, "peerDependencies"),
        );

        if let (Some(Value::Object(stated)), Some(Value::Object(inside))) =
            (registry.get("optionalDependencies"), tarball.get("optionalDependencies"))
        {
            // A failing optional dependency is ignored, so moving one is more than spelling.
            let moved = inside.iter().filter(|(name, _)| !stated.contains_key(*name));
            let listed: BTreeSet<_> = self.differences.iter().map(|known| known.key_path.clone()).collect();
            for (name, range) in moved {
                let path = ["optionalDependencies", name];
                if !listed.contains(&key_path(&path)) {
                    self.differ(&path, Some(range.clone()), None);
                }
            }
        }
    }

    fn compare_entries<'k>(&mut self, map: &dyn Fn(&str) -> &'k str, inside: &Entries<'_>, stated: &Entries<'_>) {
        let names: BTreeSet<_> = inside.keys().chain(stated.keys()).collect();
        for name in names {
            let (tarball, registry) = (inside.get(name), stated.get(name));
            let equal = match (tarball, registry) {
                (Some(tarball), Some(registry)) => same_range(tarball, registry),
                _ => false,
            };
            if !equal {
                let text = |range: Option<&Cow<'_, str>>| range.map(|range| Value::String(range.clone().into_owned()));
                self.differ(&[map(name), name], text(tarball), text(registry));
            }
        }
    }

    fn compare_bundled(&mut self) {
        let (registry, tarball) = (self.registry, self.tarball);
        let Some(stated) = bundled(registry) else { return };
        let inside = bundled(tarball).unwrap_or_default();
        if inside != stated {
            let list = |names: BTreeSet<&str>| Some(Value::from_iter(names));
            self.differ(&["bundleDependencies"], list(inside), list(stated));
        }
    }

    fn compare_scripts(&mut self) {
        let (registry, tarball) = (self.registry, self.tarball);
        let script = |side: &Map<String, Value>, hook: &str| {
            side.get("scripts").and_then(|scripts| scripts.get(hook)).and_then(Value::as_str).map(clean_script)
        };
        let has_gyp_file = self.gyp_file == GypFile::Present;
        let implicit = |hook: &str, stated: Option<&str>| {
            hook == "install"
                && has_gyp_file
                && stated == Some(IMPLICIT_INSTALL)
                && script(tarball, "preinstall").is_none()
                && tarball.get("gypfile") != Some(&Value::Bool(false))
        };
        // Only the full document carries `_id`; the abbreviated one leaves scripts out.
        if registry.get("scripts").is_some_and(Value::is_object) || registry.contains_key("_id") {
            for hook in HOOKS {
                let (inside, stated) = (script(tarball, hook), script(registry, hook));
                if inside != stated && !(inside.is_none() && implicit(hook, stated.as_deref())) {
                    self.differ(&["scripts", hook], inside.map(Value::from), stated.map(Value::from));
                }
            }
        }
        if let Some(stated) = registry.get("hasInstallScript").filter(|stated| !stated.is_null()) {
            // A `binding.gyp` alone makes it true, and that is not in the manifest.
            let is_built = self.gyp_file == GypFile::Present && tarball.get("gypfile") != Some(&Value::Bool(false));
            let inside = is_built || INSTALL_HOOKS.iter().any(|hook| script(tarball, hook).is_some());
            // Of another type some clients take it for true and some do not, so it agrees with nothing.
            if *stated != Value::Bool(inside) {
                self.differ(&["hasInstallScript"], Some(Value::Bool(inside)), Some(stated.clone()));
            }
        }
    }

    fn compare_bin(&mut self) {
        let (registry, tarball) = (self.registry, self.tarball);
        let name = tarball.get("name").and_then(Value::as_str).unwrap_or_default();
        let inside = commands(name, tarball.get("bin"));
        let stated = commands(name, registry.get("bin"));
        // An installer makes commands of what lies there, too.
        if let (named, Some(directory)) = (bin_directory(tarball), bin_directory(registry))
            && named.as_ref() != Some(&directory)
        {
            self.differ(&["directories", "bin"], named.map(Value::String), Some(Value::String(directory)));
        }
        if inside.is_empty()
            && let Some(directory) = bin_directory(tarball)
        {
            // npm lists the directory's files, which are not in the manifest.
            let directory = format!("{directory}/");
            if stated.values().all(|target| target.starts_with(&directory)) {
                return;
            }
        }
        let names: BTreeSet<_> = inside.keys().chain(stated.keys()).collect();
        for command in names {
            let (tarball, registry) = (inside.get(command), stated.get(command));
            if tarball != registry {
                let text = |target: Option<&String>| target.cloned().map(Value::String);
                self.differ(&["bin", command], text(tarball), text(registry));
            }
        }
    }

    fn compare_entry_points(&mut self) {
        let (registry, tarball) = (self.registry, self.tarball);
        for key in ["main", "module", "browser", "exports", "imports", "type", "types", "typings"] {
            let Some(stated) = registry.get(key) else { continue };
            let inside = tarball.get(key);
            let equal = match inside {
                Some(inside) => same_value(inside, stated, false),
                None => stated.is_null() || key == "types" && fills_types(tarball, stated),
            };
            if !equal {
                self.differ(&[key], inside.cloned(), Some(stated.clone()));
            }
        }
    }

    fn compare_platforms(&mut self) {
        let (registry, tarball) = (self.registry, self.tarball);
        for key in ["os", "cpu", "libc"] {
            let Some(stated) = registry.get(key) else { continue };
            let inside = tarball.get(key);
            if list(inside) != list(Some(stated)) {
                self.differ(&[key], inside.cloned(), Some(stated.clone()));
            }
        }
        // They decide whether a peer is installed at all, and which versions are taken in place of the named ones.
        for key in ["peerDependenciesMeta", "acceptDependencies"] {
            if let Some(stated) = registry.get(key)
                && !tarball.get(key).is_some_and(|inside| same_value(inside, stated, false))
            {
                self.differ(&[key], tarball.get(key).cloned(), Some(stated.clone()));
            }
        }
        // It keeps installers from compiling what a `binding.gyp` describes; where there is one, registries add `true`.
        if registry.get("gypfile") == Some(&Value::Bool(false)) && tarball.get("gypfile") != Some(&Value::Bool(false)) {
            self.differ(&["gypfile"], tarball.get("gypfile").cloned(), Some(Value::Bool(false)));
        }
        // Old packages spell `engines` as a list or a text, which registries have rewritten in several ways; to those
        // without, they added that any node will do.
        let no_engines = Map::new();
        let inside = match tarball.get("engines") {
            None => Some(&no_engines),
            Some(engines) => engines.as_object(),
        };
        if let (Some(Value::Object(stated)), Some(inside)) = (registry.get("engines"), inside) {
            let is_any = |range: Option<&Value>| range.and_then(Value::as_str).is_some_and(|range| range == "*");
            let differs =
                |key: &str| stated.get(key) != inside.get(key) && (!inside.is_empty() || !is_any(stated.get(key)));
            if let Some(key) = ["node", "npm"].into_iter().find(|key| differs(key)) {
                self.differ(&["engines", key], inside.get(key).cloned(), stated.get(key).cloned());
            }
        }
    }
}

fn clean_name(name: &str) -> String {
    name.trim().to_owned()
}

/// The version as `semver.clean` in its loose mode writes it: no prefix, no build part, no leading zeros.
fn clean_version(version: &str) -> String {
    let version = version.trim().trim_start_matches(['=', 'v', ' ']);
    let version = version.split('+').next().unwrap_or_default();
    let end = version.find(|letter: char| !letter.is_ascii_digit() && letter != '.').unwrap_or(version.len());
    let (numbers, rest) = version.split_at(end);
    let numbers: Vec<_> = numbers
        .trim_end_matches('.')
        .split('.')
        .map(|number| Some(number.trim_start_matches('0')).filter(|digits| !digits.is_empty()).unwrap_or("0"))
        .collect();
    let rest = rest.trim_start_matches('-');
    if rest.is_empty() { numbers.join(".") } else { format!("{}-{rest}", numbers.join(".")) }
}

fn clean_script(script: &str) -> String {
    let path = script.strip_prefix("./").or_else(|| script.strip_prefix(".\\")).unwrap_or(script);
    let stripped = ["node_modules/.bin/", "node_modules\\.bin\\"].iter().find_map(|prefix| path.strip_prefix(prefix));
    stripped.unwrap_or(script).to_owned()
}

/// A path inside the package, resolved as if the package were the root directory.
fn clean_path(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split(['/', '\\', ':']) {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            _ => parts.push(part),
        }
    }
    parts.join("/")
}

fn bin_directory(manifest: &Map<String, Value>) -> Option<String> {
    manifest.get("directories").and_then(|map| map.get("bin")).and_then(Value::as_str).map(clean_path)
}

fn commands(name: &str, bin: Option<&Value>) -> BTreeMap<String, String> {
    let last = |text: &str| clean_path(text).rsplit('/').next().unwrap_or_default().to_owned();
    let pairs: Vec<(String, &Value)> = match bin {
        Some(target @ Value::String(_)) => vec![(last(name), target)],
        Some(Value::Array(targets)) => {
            targets.iter().filter_map(|target| Some((last(target.as_str()?), target))).collect()
        }
        Some(Value::Object(map)) => map.iter().map(|(command, target)| (last(command), target)).collect(),
        _ => Vec::new(),
    };
    pairs
        .into_iter()
        .filter_map(|(command, target)| Some((command, clean_path(target.as_str()?))))
        .filter(|(command, target)| !command.is_empty() && !target.is_empty())
        .collect()
}

fn required_and_optional(manifest: &Map<String, Value>) -> Entries<'_> {
    let mut entries = ranges(manifest, "dependencies");
    entries.extend(ranges(manifest, "optionalDependencies"));
    entries
}

fn names_optional(tarball: &Map<String, Value>, registry: &Map<String, Value>, name: &str) -> bool {
    [tarball, registry].iter().any(|side| side.get("optionalDependencies").is_some_and(|map| map.get(name).is_some()))
}

/// The ranges of a dependency map, also in its old forms: a list or a text of `name@range`.
fn ranges<'a>(manifest: &'a Map<String, Value>, key: &str) -> Entries<'a> {
    let listed = |text: &'a str| {
        let text = text.trim();
        let end = text.char_indices().skip(1).find(|(_, letter)| "@><= \t".contains(*letter)).map(|(index, _)| index);
        let (name, range) = text.split_at(end.unwrap_or(text.len()));
        (Cow::Borrowed(name), Cow::Borrowed(range.trim_start_matches('@').trim()))
    };
    let mut entries: Entries<'a> = match manifest.get(key) {
        Some(Value::Object(map)) => {
            map.iter().filter_map(|(name, range)| Some((name.as_str().into(), range.as_str()?.into()))).collect()
        }
        Some(Value::Array(items)) => items.iter().filter_map(Value::as_str).map(listed).collect(),
        Some(Value::String(text)) => text.split([' ', '\t', '\r', '\n', ',']).map(listed).collect(),
        _ => Entries::new(),
    };
    entries.remove("");
    entries
}

fn same_range(tarball: &str, registry: &str) -> bool {
    let (tarball, registry) = (tarball.trim(), registry.trim());
    // npm writes `owner/name` as `github:owner/name` and git addresses in their long form.
    tarball == registry || location(tarball).is_some_and(|place| Some(place) == location(registry))
}

/// The bundled names; `None` where the key is absent in both spellings or says nothing.
fn bundled(manifest: &Map<String, Value>) -> Option<BTreeSet<&str>> {
    let value = manifest.get("bundleDependencies").or_else(|| manifest.get("bundledDependencies"))?;
    Some(match value {
        Value::Bool(true) => manifest
            .get("dependencies")
            .and_then(Value::as_object)
            .into_iter()
            .flatten()
            .map(|(name, _)| name.as_str())
            .collect(),
        Value::Array(names) => names.iter().filter_map(Value::as_str).collect(),
        Value::Object(map) => map.keys().map(String::as_str).collect(),
        _ => BTreeSet::new(),
    })
}

fn list(value: Option<&Value>) -> Vec<&str> {
    match value {
        Some(Value::String(text)) => vec![text],
        Some(Value::Array(items)) => items.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}

/// Whether npm would have filled in `types` from a declaration file beside `main`.
fn fills_types(tarball: &Map<String, Value>, stated: &Value) -> bool {
    let main = tarball.get("main").map_or(Some("index.js"), Value::as_str);
    let stem = main.map(clean_path).map(|path| match path.rsplit_once('.') {
        Some((stem, extension)) if !extension.contains('/') && !stem.is_empty() => stem.to_owned(),
        _ => path,
    });
    !tarball.contains_key("typings")
        && stem.is_some_and(|stem| stated.as_str().is_some_and(|text| clean_path(text) == format!("{stem}.d.ts")))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn found(registry: &Value, tarball: &Value) -> Vec<String> {
        found_beside(registry, tarball, GypFile::Absent)
    }

    fn found_beside(registry: &Value, tarball: &Value, gyp_file: GypFile) -> Vec<String> {
        let differences = compare_with_registry(registry, tarball.to_string().as_bytes(), gyp_file).unwrap();
        differences.into_iter().map(|difference| difference.key_path).collect()
    }

    #[test]
    fn the_registrys_own_rewriting_is_no_difference() {
        for (registry, tarball) in [
            (json!({"version": "1.2.3"}), json!({"version": " v1.2.3+build.5"})),
            (json!({"version": "1.2.3-rc1"}), json!({"version": "1.02.3rc1"})),
            (json!({"name": "a"}), json!({"name": " a"})),
            (json!({"bin": {"a": "cli.js"}}), json!({"name": "@s/a", "bin": "./cli.js"})),
            (json!({"bin": {"x": "bin/x.js"}}), json!({"bin": "./bin/../bin/x.js", "name": "x"})),
            (json!({"bin": {"x.js": "bin/x.js"}}), json!({"bin": ["./bin/x.js"]})),
            (json!({"bin": {"x": "bin/x"}}), json!({"directories": {"bin": "./bin"}})),
            (json!({}), json!({"bin": {}, "dependencies": {}, "optionalDependencies": {}})),
            (
                json!({"dependencies": {"a": "1", "o": "2"}, "optionalDependencies": {"o": "2"}}),
                json!({"dependencies": {"a": "1"}, "optionalDependencies": {"o": "2"}}),
            ),
            (
                json!({"dependencies": {"a": "1"}, "optionalDependencies": {"o": "2"}}),
                json!({"dependencies": {"a": "1", "o": "2"}, "optionalDependencies": {"o": "2"}}),
            ),
            (json!({"dependencies": {"a": ">=1", "b": ""}}), json!({"dependencies": ["a >=1", "b"]})),
            (json!({"dependencies": {"a": "github:x/y"}}), json!({"dependencies": {"a": "x/y"}})),
            (
                json!({"dependencies": {"a": "git+ssh://git@github.com/x/y.git#v1"}}),
                json!({"dependencies": {"a": "git@github.com:x/y.git#v1"}}),
            ),
            (json!({"bundleDependencies": ["a", "b"]}), json!({"bundledDependencies": ["b", "a"]})),
            (
                json!({"bundleDependencies": ["a"], "dependencies": {"a": "1"}}),
                json!({"bundleDependencies": true, "dependencies": {"a": "1"}}),
            ),
            (json!({"bundleDependencies": []}), json!({"bundleDependencies": false})),
            (json!({"dependencies": {"a": "*"}}), json!({"bundledDependencies": ["a"]})),
            (
                json!({"scripts": {"postinstall": "x y"}}),
                json!({"scripts": {"postinstall": "./node_modules/.bin/x y"}}),
            ),
            (json!({"hasInstallScript": true}), json!({"scripts": {"install": "x"}})),
            (json!({"types": "./lib/a.d.ts"}), json!({"main": "./lib/a.js"})),
            (json!({"os": ["linux"], "engines": {"node": ">=4"}}), json!({"os": "linux", "engines": ["node >=4"]})),
            (json!({"engines": {"node": "*"}}), json!({})),
            (
                json!({"name": "a", "version": "1.0.0", "dist": {}}),
                json!({"name": "a", "version": "1.0.0", "main": "x", "exports": "./x", "engines": {"node": "1"},
                 "scripts": {"install": "a mirror may leave this out"}, "author": "x", "bundleDependencies": ["a"]}),
            ),
        ] {
            assert_eq!(found(&registry, &tarball), [""; 0], "{registry} {tarball}");
        }
    }

    #[test]
    fn a_gyp_file_is_an_install_script_where_there_is_one() {
        let stated = json!({"_id": "a@1", "scripts": {"install": "node-gyp rebuild"}, "gypfile": true});
        assert!(found_beside(&stated, &json!({}), GypFile::Present).is_empty());
        assert_eq!(found(&stated, &json!({})), ["scripts.install"]);
    }

    #[test]
    fn confusion_is_found_in_either_direction() {
        for (registry, tarball, expected) in [
            (json!({"name": "a"}), json!({"name": "b"}), "name"),
            (json!({"version": "1.2.3"}), json!({"version": "1.2.4"}), "version"),
            (json!({"version": "1.2.3"}), json!({}), "version"),
            (json!({}), json!({"dependencies": {"evil": "1"}}), "dependencies.evil"),
            (json!({"dependencies": {"evil": "1"}}), json!({}), "dependencies.evil"),
            (json!({"dependencies": {"a": "1"}}), json!({"dependencies": {"a": "2"}}), "dependencies.a"),
            (json!({"dependencies": {"a": "x/y"}}), json!({"dependencies": {"a": "evil/y"}}), "dependencies.a"),
            (json!({"dependencies": {"a": "x/y#1"}}), json!({"dependencies": {"a": "x/y#2"}}), "dependencies.a"),
            (json!({"dependencies": {}}), json!({"dependencies": ["evil@1"]}), "dependencies.evil"),
            (json!({"dependencies": {"a": "1"}}), json!({"bundledDependencies": ["a"]}), "dependencies.a"),
            (json!({}), json!({"optionalDependencies": {"evil": "1"}}), "optionalDependencies.evil"),
            (json!({"peerDependencies": {"a": "1"}}), json!({"peerDependencies": {"a": "*"}}), "peerDependencies.a"),
            (json!({"peerDependenciesMeta": {"a": {"optional": true}}}), json!({}), "peerDependenciesMeta"),
            (json!({"scripts": {}}), json!({"scripts": {"postinstall": "evil"}}), "scripts.postinstall"),
            (json!({"_id": "a@1"}), json!({"scripts": {"postinstall": "evil"}}), "scripts.postinstall"),
            (json!({"scripts": {"install": "x"}}), json!({"scripts": {"install": "y"}}), "scripts.install"),
            (json!({"scripts": {"install": "node-gyp rebuild"}}), json!({"gypfile": false}), "scripts.install"),
            (json!({"hasInstallScript": false}), json!({"scripts": {"preinstall": "evil"}}), "hasInstallScript"),
            (json!({"bin": {"a": "x.js"}}), json!({"bin": {"a": "y.js"}}), "bin.a"),
            (json!({}), json!({"bin": {"npm": "y.js"}}), "bin.npm"),
            (json!({"bin": {"x": "evil/x"}}), json!({"directories": {"bin": "./bin"}}), "bin.x"),
            (json!({"directories": {"bin": "./evil"}}), json!({}), "directories.bin"),
            (json!({"directories": {"bin": "evil"}}), json!({"directories": {"bin": "bin"}}), "directories.bin"),
            (json!({"acceptDependencies": {"a": "9"}}), json!({}), "acceptDependencies"),
            (json!({"gypfile": false}), json!({}), "gypfile"),
            (json!({"main": "x.js"}), json!({"main": "y.js"}), "main"),
            (json!({"exports": {".": "./x"}}), json!({"exports": {".": "./y"}}), "exports"),
            (json!({"types": "./evil.d.ts"}), json!({"main": "./lib/a.js"}), "types"),
            (json!({"os": ["linux"]}), json!({"os": ["darwin"]}), "os"),
            (json!({"engines": {"node": ">=4"}}), json!({"engines": {"node": ">=5"}}), "engines.node"),
            (json!({"engines": {"node": "<1"}}), json!({}), "engines.node"),
            (json!({"bundleDependencies": ["a"]}), json!({"bundledDependencies": ["b"]}), "bundleDependencies"),
        ] {
            assert_eq!(found(&registry, &tarball), [expected], "{registry} {tarball}");
        }
    }

    #[test]
    fn an_install_script_that_only_one_side_has_is_found() {
        let (yes, no, script) = (json!({"hasInstallScript": true}), json!({"hasInstallScript": false}), "scripts");
        for (registry, tarball, gyp_file, differs) in [
            (&yes, json!({}), GypFile::Absent, true),
            (&yes, json!({"gypfile": true}), GypFile::Absent, true),
            (&yes, json!({}), GypFile::Present, false),
            (&yes, json!({"gypfile": false}), GypFile::Present, true),
            (&yes, json!({script: {"postinstall": "x"}}), GypFile::Absent, false),
            (&yes, json!({script: {"prepare": "x"}}), GypFile::Absent, true),
            (&no, json!({}), GypFile::Absent, false),
            (&no, json!({}), GypFile::Present, true),
            (&no, json!({script: {"install": "x"}}), GypFile::Absent, true),
            (&json!({"hasInstallScript": "false"}), json!({}), GypFile::Absent, true),
            (&json!({"hasInstallScript": 1}), json!({script: {"install": "x"}}), GypFile::Absent, true),
            // What is not stated contradicts nothing.
            (&json!({}), json!({}), GypFile::Present, false),
            (&json!({"hasInstallScript": null}), json!({script: {"install": "x"}}), GypFile::Absent, false),
        ] {
            let expected: &[&str] = if differs { &["hasInstallScript"] } else { &[] };
            assert_eq!(found_beside(registry, &tarball, gyp_file), expected, "{registry} {tarball} {gyp_file:?}");
        }
    }

    #[test]
    fn a_dependency_that_the_registry_calls_required_is_found() {
        let registry = json!({"dependencies": {"o": "1"}, "optionalDependencies": {"p": "1"}});
        let tarball = json!({"optionalDependencies": {"o": "1", "p": "1"}});
        assert_eq!(found(&registry, &tarball), ["optionalDependencies.o"]);
    }

    #[test]
    fn hostile_shapes_do_not_panic() {
        let odd = [json!(null), json!([1, {}]), json!("x"), json!({"a": {"b": 1}}), json!(true), json!(["", "@"])];
        for value in &odd {
            for key in [
                "name",
                "version",
                "dependencies",
                "optionalDependencies",
                "bin",
                "scripts",
                "bundleDependencies",
                "engines",
                "os",
                "main",
                "types",
                "directories",
                "hasInstallScript",
            ] {
                let manifest = json!({key: value});
                found(&manifest, &manifest);
                found(&json!({}), &manifest);
                found(&manifest, &json!({}));
            }
        }
        assert_eq!(found(&json!([]), &json!({})), [""; 0]);
        assert!(compare_with_registry(&json!({}), b"[", GypFile::Absent).is_err());
    }
}
