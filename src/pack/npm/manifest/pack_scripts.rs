//! `pnpm-pack` and `pinst`: scripts that publishing takes away from consumers.

use serde_json::Value;

use super::context::Context;
use super::delta::Delta;

/// Scripts that pnpm drops; npm never runs them for a package that comes from a registry.
const PUBLISHING: [&str; 6] = ["prepublishOnly", "prepack", "prepare", "postpack", "publish", "postpublish"];

pub(super) fn explains_pnpm(delta: &Delta<'_>, context: &Context<'_>) -> bool {
    let dropped = match delta.path {
        ["scripts", script] => delta.published.is_none() && PUBLISHING.contains(script),
        ["packageManager" | "pnpm"] => delta.published.is_none(),
        // pnpm 11 spells the default out.
        ["peerDependenciesMeta", _, "optional"] => {
            delta.source.is_none() && delta.published == Some(&Value::Bool(false))
        }
        _ => false,
    };
    dropped && context.uses_pnpm()
}

pub(super) fn explains_pinst(delta: &Delta<'_>, context: &Context<'_>) -> bool {
    let ["scripts", script] = delta.path else {
        return false;
    };
    let (original, disabled) = match *script {
        "postinstall" | "_postinstall" => ("postinstall", "_postinstall"),
        "install" | "_install" => ("install", "_install"),
        _ => return false,
    };
    let before = context.source.get("scripts");
    let after = context.published.get("scripts");
    let renamed = before.and_then(|scripts| scripts.get(original));
    renamed.is_some_and(Value::is_string)
        && after.and_then(|scripts| scripts.get(disabled)) == renamed
        && after.and_then(|scripts| scripts.get(original)).is_none()
        && before.and_then(|scripts| scripts.get(disabled)).is_none()
        && context.develops_with("pinst")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::support::{Case, paths, rules};

    #[test]
    fn pnpm_drops_publishing_scripts_and_its_own_keys() {
        let case = Case::of(&json!({"packageManager": "pnpm@10.0.0", "pnpm": {"overrides": {}},
            "scripts": {"prepublishOnly": "b", "prepare": "h", "build": "b"}}))
        .published(&json!({"scripts": {"build": "b"}}));
        assert_eq!(rules(&case.run()), ["pnpm-pack"; 4]);
        let meta = Case::of(&json!({"peerDependenciesMeta": {"a": {}}})).file("pnpm-lock.yaml", "");
        assert!(
            meta.clone().published(&json!({"peerDependenciesMeta": {"a": {"optional": false}}})).run().is_explained()
        );
        assert!(!meta.published(&json!({"peerDependenciesMeta": {"a": {"optional": true}}})).run().is_explained());
    }

    #[test]
    fn pnpm_neither_changes_nor_adds_scripts() {
        let case = Case::of(&json!({"packageManager": "pnpm@10.0.0",
            "scripts": {"prepublishOnly": "b", "prepare": "h", "install": "node-gyp-build"}}));
        let published = json!({"scripts": {"prepare": "evil", "prepack": "evil"}});
        assert_eq!(paths(&case.published(&published).run()), ["scripts.prepare", "scripts.install", "scripts.prepack"]);
    }

    #[test]
    fn pinst_renames_and_nothing_else() {
        let source = json!({"devDependencies": {"pinst": "^3"}, "scripts": {"postinstall": "husky"}});
        let run = |scripts: serde_json::Value| {
            Case::of(&source).published(&json!({"devDependencies": {"pinst": "^3"}, "scripts": scripts})).run()
        };
        assert_eq!(rules(&run(json!({"_postinstall": "husky"}))), ["pinst", "pinst"]);
        assert_eq!(paths(&run(json!({"_postinstall": "evil"}))).len(), 2);
        assert_eq!(paths(&run(json!({"_postinstall": "husky", "postinstall": "evil"}))).len(), 2);
        assert_eq!(paths(&run(json!({}))), ["scripts.postinstall"]);
    }
}
