//! `publish-config`: pnpm and yarn berry copy keys of `publishConfig` over the manifest's own.

use std::collections::HashSet;

use serde_json::{Map, Value};

use super::context::Context;
use super::delta::{Delta, order_matters_in, same_value};
use super::normalize::same_bin;

/// Keys that pnpm (all of them) or yarn berry (some) copy.
const COPIED: [&str; 19] = [
    "name",
    "bin",
    "engines",
    "type",
    "imports",
    "main",
    "module",
    "typings",
    "types",
    "exports",
    "browser",
    "esnext",
    "es2015",
    "unpkg",
    "umd:main",
    "os",
    "cpu",
    "libc",
    "typesVersions",
];

/// The keys that were copied: the published value is the whole value that git's `publishConfig` states.
pub(super) fn applied<'a>(published: &Map<String, Value>, source: &'a Map<String, Value>) -> HashSet<&'a str> {
    let Some(Value::Object(config)) = source.get("publishConfig") else {
        return HashSet::new();
    };
    let name = source.get("name").and_then(Value::as_str).unwrap_or_default();
    config
        .iter()
        .filter(|(key, _)| COPIED.contains(&key.as_str()))
        .filter(|(key, wanted)| {
            published.get(*key).is_some_and(|value| {
                same_value(value, wanted, order_matters_in(key)) || *key == "bin" && same_bin(name, value, wanted)
            })
        })
        .map(|(key, _)| key.as_str())
        .collect()
}

pub(super) fn explains(delta: &Delta<'_>, context: &Context<'_>) -> bool {
    match delta.path {
        ["publishConfig", key] => delta.published.is_none() && context.publish_config().contains(key),
        ["publishConfig", ..] => false,
        [key, ..] => context.publish_config().contains(key),
        [] => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::support::{Case, paths, rules};

    fn source() -> Case {
        Case::of(&json!({"name": "a", "main": "src/index.ts", "exports": {".": "./src/index.ts"}, "publishConfig": {
            "access": "public", "main": "dist/index.js",
            "exports": {".": {"import": "./dist/index.mjs", "default": "./dist/index.js"}}}}))
    }

    #[test]
    fn copies_whole_keys_and_may_drop_them_from_publish_config() {
        let exports = json!({".": {"import": "./dist/index.mjs", "default": "./dist/index.js"}});
        let pnpm = json!({"name": "a", "main": "dist/index.js", "exports": exports,
            "publishConfig": {"access": "public"}});
        assert_eq!(rules(&source().published(&pnpm).run()), ["publish-config"; 4]);
        let yarn = json!({"name": "a", "main": "dist/index.js", "exports": exports, "publishConfig": {
            "access": "public", "main": "dist/index.js", "exports": exports}});
        assert_eq!(rules(&source().published(&yarn).run()), ["publish-config"; 2]);
    }

    #[test]
    fn smuggled_values_stay_differences() {
        let published = |main: &str, exports: serde_json::Value| json!({"name": "a", "main": main, "exports": exports, "publishConfig": {"access": "public"}});
        let other = published("dist/other.js", json!({".": {"import": "./dist/index.mjs", "default": "./dist/x.js"}}));
        let found = paths(&source().published(&other).run());
        assert_eq!(found, ["main", r#"exports["."]"#, "publishConfig.main", "publishConfig.exports"]);
        let reordered =
            published("dist/index.js", json!({".": {"default": "./dist/index.js", "import": "./dist/index.mjs"}}));
        assert_eq!(paths(&source().published(&reordered).run()), [r#"exports["."]"#, "publishConfig.exports"]);
    }

    #[test]
    fn only_git_may_state_the_value() {
        let case = Case::of(&json!({"main": "a.js"}));
        let published = json!({"main": "b.js", "publishConfig": {"main": "b.js"}});
        assert_eq!(paths(&case.published(&published).run()), ["main", "publishConfig.main"]);
        let scripts =
            Case::of(&json!({"publishConfig": {"scripts": {"postinstall": "x"}, "dependencies": {"a": "1"}}}));
        let published = json!({"scripts": {"postinstall": "x"}, "dependencies": {"a": "1"}});
        let found = paths(&scripts.published(&published).run());
        assert!(found.contains(&"scripts.postinstall".to_owned()) && found.contains(&"dependencies.a".to_owned()));
    }
}
