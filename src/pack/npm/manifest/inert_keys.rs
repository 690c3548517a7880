//! `inert-keys-removed`: clean-publish, clean-package and hand-written scripts strip what consumers do not need.
//!
//! Removal only. A tool's key that was added or changed is not inert: nobody knows what reads it next year.

use serde_json::Value;

use super::context::Context;
use super::delta::Delta;
use super::keys::{KeyReach, informational};

/// Scripts that an installation or removal runs, in some version of npm.
const RUN_FOR_CONSUMERS: [&str; 6] =
    ["preinstall", "install", "postinstall", "preuninstall", "uninstall", "postuninstall"];

/// Maps that mean the same empty and absent.
const NOTHING_WHEN_EMPTY: [&str; 10] = [
    "scripts",
    "dependencies",
    "devDependencies",
    "optionalDependencies",
    "peerDependencies",
    "peerDependenciesMeta",
    "bin",
    "publishConfig",
    "engines",
    "config",
];

pub(super) fn explains(delta: &Delta<'_>, _: &Context<'_>) -> bool {
    let (None, Some(source)) = (delta.published, delta.source) else {
        return false;
    };
    match delta.path {
        ["private"] => true,
        [key] if NOTHING_WHEN_EMPTY.contains(key) && is_empty_map(source) => true,
        ["scripts", script] => !RUN_FOR_CONSUMERS.contains(script),
        // Those that pnpm and yarn copy must have been copied, which `publish-config` decides.
        ["publishConfig", key] => KeyReach::of(key) == KeyReach::Inert,
        ["devDependencies" | "overrides", _] => true,
        [key] => KeyReach::of(key) == KeyReach::Inert && !informational(key),
        _ => false,
    }
}

fn is_empty_map(value: &Value) -> bool {
    value.as_object().is_some_and(serde_json::Map::is_empty)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::support::{compare, paths, rules};

    #[test]
    fn development_keys_may_go() {
        let source = json!({"name": "a", "private": true, "scripts": {"test": "t", "prepare": "p"},
            "devDependencies": {"b": "1"}, "prettier": {"semi": false}, "clean-publish": {}, "size-limit": [],
            "simple-git-hooks": {"pre-commit": "x"}, "lint-staged": {}, "packageManager": "npm@11", "workspaces": ["x"],
            "publishConfig": {"access": "public"}, "overrides": {"c": "2"}, "files": ["lib"], "release": {},
            "browserslist": "defaults", "dependencies": {}});
        let comparison = compare(&source, &json!({"name": "a"}));
        assert_eq!(rules(&comparison), ["inert-keys-removed"; 17]);
    }

    #[test]
    fn what_consumers_read_may_not_go() {
        let source = json!({"name": "a", "version": "2.0.0", "main": "m", "exports": "./e", "type": "module",
            "browser": {}, "engines": {"node": ">=20"}, "os": ["linux"], "dependencies": {"b": "1"}, "config": {"c": 1},
            "scripts": {"install": "i", "postuninstall": "u"}, "license": "MIT", "repository": "a/b", "author": "x",
            "sideEffects": false, "browserify": {"transform": []}, "publishConfig": {"main": "x"}, "binary": {},
            "peerDependenciesMeta": {"p": {"optional": true}}, "exports2": 1});
        let found = paths(&compare(&source, &json!({})));
        assert_eq!(found.len(), 20);
        assert!(!found.contains(&"exports2".to_owned()));
    }

    #[test]
    fn nothing_may_be_added_or_changed() {
        let source = json!({"jest": {"a": 1}, "devDependencies": {"b": "1"}, "scripts": {"test": "t"}});
        let published = json!({"jest": {"a": 2}, "devDependencies": {"b": "2"}, "scripts": {"test": "u", "x": "y"},
            "prettier": {}});
        let found = paths(&compare(&source, &published));
        assert_eq!(found, ["jest.a", "devDependencies.b", "scripts.test", "scripts.x", "prettier"]);
    }
}
