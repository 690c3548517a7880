//! `version-stamp`: the release's version written over what git has.

use super::context::Context;
use super::delta::Delta;
use super::keys::dependency_map;

/// Whether `version` is one that no release carries and a publishing tool replaces.
pub(super) fn is_placeholder(version: &str) -> bool {
    let Some(rest) = version.strip_prefix("0.0.0") else {
        return false;
    };
    // `0.0.0-alpha.1` may be a real release of a young package; these words are not.
    let words = ["development", "semantic", "use.local", "placeholder", "managed", "dev", "unreleased", "workspace"];
    let rest = rest.to_ascii_lowercase();
    rest.is_empty() || rest.starts_with('-') && words.iter().any(|word| rest.contains(word))
}

pub(super) fn explains(delta: &Delta<'_>, context: &Context<'_>) -> bool {
    match delta.path {
        ["version"] => {
            delta.published_text() == Some(context.input.version)
                && match delta.source {
                    None => true,
                    Some(_) => delta
                        .source_text()
                        .is_some_and(|source| is_placeholder(source) || context.input.version_corroborated),
                }
        }
        [map, dependency] if dependency_map(map) => stamps_sibling(delta, dependency, context),
        _ => false,
    }
}

/// A package of the same scope that git pins at the same placeholder as the package itself.
fn stamps_sibling(delta: &Delta<'_>, dependency: &str, context: &Context<'_>) -> bool {
    let placeholder = context.source_version();
    // A bare `0.0.0` may be part of a real range; only the spelled-out placeholders are replaced inside one.
    let (Some(published), Some(source)) = (delta.published_text(), delta.source_text()) else {
        return false;
    };
    placeholder.len() > "0.0.0".len()
        && is_placeholder(placeholder)
        && same_family(dependency, context.name())
        && [placeholder, &format!("^{placeholder}"), &format!("~{placeholder}")].contains(&source)
        && published == source.replacen(placeholder, context.input.version, 1)
}

/// Whether `dependency` is in the scope of `name`, or in the scope or name prefix that `name` itself gives.
pub(super) fn same_family(dependency: &str, name: &str) -> bool {
    if name.is_empty() || dependency == name {
        return false;
    }
    match name.split_once('/') {
        Some((scope, _)) => dependency.strip_prefix(scope).is_some_and(|rest| rest.starts_with('/')),
        None => {
            let own_scope = dependency.strip_prefix('@').and_then(|rest| rest.strip_prefix(name));
            own_scope.is_some_and(|rest| rest.starts_with('/'))
                || dependency.strip_prefix(name).is_some_and(|rest| rest.starts_with('-'))
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::support::{Case, paths, rules};
    use super::*;

    fn versions(source: &str, published: &str) -> Case {
        Case::of(&json!({"name": "a", "version": source})).published(&json!({"name": "a", "version": published}))
    }

    #[test]
    fn stamps_a_placeholder_or_a_corroborated_commit() {
        for placeholder in
            ["0.0.0", "0.0.0-development", "0.0.0-semantically-released", "0.0.0-use.local", "0.0.0-PLACEHOLDER"]
        {
            assert_eq!(rules(&versions(placeholder, "2.0.0").run()), ["version-stamp"], "{placeholder}");
        }
        assert_eq!(rules(&versions("1.9.0", "2.0.0").corroborated().run()), ["version-stamp"]);
        let missing = Case::of(&json!({"name": "a"})).published(&json!({"name": "a", "version": "2.0.0"}));
        assert_eq!(rules(&missing.run()), ["version-stamp"]);
    }

    #[test]
    fn stamps_nothing_else() {
        assert_eq!(paths(&versions("0.0.0-development", "2.0.1").run()), ["version"], "not the release's version");
        assert_eq!(paths(&versions("0.0.0-development", "2.0.1").corroborated().run()), ["version"]);
        assert_eq!(paths(&versions("1.9.0", "2.0.0").run()), ["version"], "nothing ties the commit to the release");
        assert_eq!(paths(&versions("0.0.0-alpha.1", "2.0.0").run()), ["version"]);
        assert_eq!(paths(&versions("0.0.01", "2.0.0").run()), ["version"]);
        let list = Case::of(&json!({"version": ["0.0.0"]})).published(&json!({"version": "2.0.0"})).corroborated();
        assert_eq!(paths(&list.run()), ["version"]);
    }

    #[test]
    fn stamps_siblings_at_the_same_placeholder_only() {
        let manifest = |version: &str, name: &str, range: &str| json!({"name": "@a/core", "version": version, "peerDependencies": {name: range}});
        let case = |name: &str, source: &str, published: &str| {
            Case::of(&manifest("0.0.0-PLACEHOLDER", name, source)).published(&manifest("2.0.0", name, published)).run()
        };
        assert_eq!(rules(&case("@a/x", "^0.0.0-PLACEHOLDER", "^2.0.0")), ["version-stamp", "version-stamp"]);
        assert_eq!(paths(&case("@b/x", "0.0.0-PLACEHOLDER", "2.0.0")), [r"peerDependencies.@b/x"]);
        assert_eq!(paths(&case("@a/x", "0.0.0-PLACEHOLDER", "2.0.1")), [r"peerDependencies.@a/x"]);
        assert_eq!(paths(&case("@a/x", "^1.0.0", "2.0.0")), [r"peerDependencies.@a/x"]);
    }

    #[test]
    fn a_family_is_a_scope_or_the_own_name() {
        assert!(same_family("@rollup/x", "rollup") && same_family("rollup-x", "rollup"));
        assert!(same_family("@a/x", "@a/core") && !same_family("@ab/x", "@a/core"));
        assert!(!same_family("rollupx", "rollup") && !same_family("@rollup-evil/x", "rollup"));
        assert!(!same_family("core-x", "@a/core") && !same_family("-x", ""));
    }
}
