//! `yarn-conditions`: the plugin with which Babel 7 keeps two manifests in one.
//!
//! A range `condition:NAME ? RANGE : RANGE` and the key `conditions: {NAME: [OVERRIDES, OVERRIDES]}` state two
//! branches each, and publishing takes one. Both stand in git, so the question is only which one was taken: every
//! combination is derived, and the comparison goes on with the one that leaves the fewest differences.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::delta::key_path;

/// Most condition names that are combined; with more, the rule does not apply.
const MAX_NAMES: usize = 3;
const MAPS: [&str; 4] = ["dependencies", "devDependencies", "optionalDependencies", "peerDependencies"];

/// Git's manifest with one branch taken for each condition.
#[derive(Debug)]
pub(super) struct Variant {
    pub(super) manifest: Map<String, Value>,
    /// The key paths that git states conditionally.
    pub(super) touched: Vec<String>,
}

/// Every combination of branches, derived one at a time; none where git states no condition.
pub(super) fn variants<'a>(
    published: &Map<String, Value>,
    source: &'a Map<String, Value>,
) -> impl Iterator<Item = Variant> + use<'a> {
    let names: Vec<_> = if published.contains_key("conditions") { Vec::new() } else { names(source) };
    let usable = !names.is_empty() && names.len() <= MAX_NAMES;
    let combinations = if usable { 1_usize << names.len() } else { 0 };
    (0..combinations).map(move |bits| {
        let holds =
            |name: &str| names.iter().position(|other| *other == name).is_some_and(|index| bits >> index & 1 == 1);
        derive(source, &holds)
    })
}

fn names(source: &Map<String, Value>) -> Vec<&str> {
    let mut names = BTreeSet::new();
    names.extend(
        source.get("conditions").and_then(Value::as_object).into_iter().flatten().map(|(name, _)| name.as_str()),
    );
    for map in MAPS {
        let ranges = source.get(map).and_then(Value::as_object).into_iter().flatten();
        names.extend(ranges.filter_map(|(_, range)| Conditional::parse(range.as_str()?)).map(|range| range.name));
    }
    names.into_iter().collect()
}

fn derive(source: &Map<String, Value>, holds: &dyn Fn(&str) -> bool) -> Variant {
    let mut manifest = source.clone();
    let mut touched = BTreeSet::new();
    for map in MAPS {
        let Some(Value::Object(ranges)) = manifest.get_mut(map) else {
            continue;
        };
        ranges.retain(|package, range| {
            let Some(conditional) = range.as_str().and_then(Conditional::parse) else {
                return true;
            };
            touched.insert(key_path(&[map, package]));
            let taken = if holds(conditional.name) { conditional.consequent } else { conditional.alternate };
            let taken = taken.map(str::to_owned);
            match taken {
                Some(taken) => *range = Value::String(taken),
                None => return false,
            }
            true
        });
    }
    if let Some(Value::Object(conditions)) = manifest.shift_remove("conditions") {
        touched.insert("conditions".to_owned());
        for (name, branches) in &conditions {
            let branch = branches.get(if holds(name) { 0 } else { 1 });
            for (key, value) in branch.and_then(Value::as_object).into_iter().flatten() {
                touched.insert(key_path(&[key]));
                if value.is_null() {
                    manifest.shift_remove(key);
                } else {
                    manifest.insert(key.clone(), value.clone());
                }
            }
        }
    }
    Variant { manifest, touched: touched.into_iter().collect() }
}

/// `condition:NAME ? CONSEQUENT : ALTERNATE (esm:…)(peer:…)#…`; either branch may be empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Conditional<'a> {
    name: &'a str,
    consequent: Option<&'a str>,
    alternate: Option<&'a str>,
}

impl<'a> Conditional<'a> {
    fn parse(range: &'a str) -> Option<Self> {
        let (name, branches) = range.strip_prefix("condition:")?.split_once('?')?;
        let branches = branches.split(['(', '#']).next()?.trim();
        let (consequent, alternate) = match branches.strip_prefix(':') {
            Some(alternate) => ("", alternate),
            None => branches.split_once(" :").or_else(|| branches.split_once(": "))?,
        };
        let stated = |text: &'a str| Some(text.trim()).filter(|text| !text.is_empty());
        Some(Self { name: name.trim(), consequent: stated(consequent), alternate: stated(alternate) })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::support::{Case, paths, rules};
    use super::*;

    fn babel() -> Case {
        Case::of(&json!({"name": "a", "type": "module", "exports": "./lib/index.js",
            "dependencies": {
                "semver": "condition:V8 ? ^7.3.4 : ^6.3.1", "b": "condition:V8 ? : workspace:^",
                "types": "condition:V8 ? ^1.0.0 :", "commander": "condition:V8 ? ^12 : ^6 (esm:program|default)"},
            "conditions": {"V8": [{"engines": {"node": ">=20"}}, {"exports": null}], "ESM": [null, {"type": "commonjs"}]}}))
        .package("b", "1.4.0")
    }

    #[test]
    fn takes_one_branch_of_each_condition() {
        let old = json!({"name": "a", "type": "commonjs",
            "dependencies": {"semver": "^6.3.1", "b": "^1.4.0", "commander": "^6"}});
        let applied = rules(&babel().published(&old).run());
        assert!(applied.contains(&"yarn-conditions") && applied.contains(&"workspace-protocol"));
        let new = json!({"name": "a", "type": "module", "exports": "./lib/index.js", "engines": {"node": ">=20"},
            "dependencies": {"semver": "^7.3.4", "types": "^1.0.0", "commander": "^12"}});
        assert!(babel().published(&new).run().is_explained());
    }

    #[test]
    fn branches_are_not_mixed_and_hide_nothing() {
        let mixed = json!({"name": "a", "type": "commonjs",
            "dependencies": {"semver": "^7.3.4", "b": "^1.4.0", "commander": "^6"}});
        assert_eq!(paths(&babel().published(&mixed).run()), ["dependencies.semver"]);
        let evil = json!({"name": "a", "type": "commonjs", "scripts": {"postinstall": "x"},
            "dependencies": {"semver": "^6.3.1", "b": "^1.4.0", "commander": "^6", "plain-crypto-js": "1"}});
        assert_eq!(paths(&babel().published(&evil).run()), ["dependencies.plain-crypto-js", "scripts.postinstall"]);
    }

    #[test]
    fn only_git_states_conditions() {
        let case = Case::of(&json!({"name": "a"}))
            .published(&json!({"name": "a", "conditions": {"X": [{}, {"main": "x"}]}, "main": "x"}));
        assert_eq!(paths(&case.run()), ["conditions", "main"]);
        let many: Map<String, Value> = (0..40).map(|index| (format!("C{index}"), json!([{}, {}]))).collect();
        let case = Case::of(&json!({"conditions": many, "main": "x"})).published(&json!({"main": "y"}));
        assert_eq!(paths(&case.run()), ["main"]);
    }

    #[test]
    fn parses_both_branches() {
        let parse = |text| Conditional::parse(text).map(|range| (range.consequent, range.alternate));
        assert_eq!(parse("condition:A ? ^1 : ^2"), Some((Some("^1"), Some("^2"))));
        assert_eq!(parse("condition:A ? workspace:^ : ^2"), Some((Some("workspace:^"), Some("^2"))));
        assert_eq!(parse("condition:A ? : workspace:^"), Some((None, Some("workspace:^"))));
        assert_eq!(parse("condition:A ? ^1 :"), Some((Some("^1"), None)));
        assert_eq!(parse("condition:A ^1"), None);
        assert_eq!(parse("^1"), None);
    }
}
