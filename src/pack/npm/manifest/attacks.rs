//! Attacks on the published manifest that must stay visible, alone and beside honest rewriting.

use serde_json::{Value, json};

use super::KeyReach;
use super::support::{COMMIT, Case, compare, paths};

/// A release with everything honest tools do: stamped, workspace and catalog resolved, scripts dropped.
fn honest() -> (Value, Value) {
    let source = json!({"name": "@a/core", "version": "0.0.0-development", "main": "src/index.ts",
        "packageManager": "pnpm@10.0.0",
        "scripts": {"test": "t", "prepublishOnly": "b"},
        "dependencies": {"@a/b": "workspace:*", "semver": "catalog:"},
        "devDependencies": {"x": "1"}, "prettier": {},
        "publishConfig": {"main": "dist/index.js"}});
    let published = json!({"name": "@a/core", "version": "2.0.0", "main": "dist/index.js",
        "scripts": {"test": "t"},
        "dependencies": {"@a/b": "1.4.0", "semver": "^7.7.3"}, "gitHead": COMMIT});
    (source, published)
}

fn run(change: impl FnOnce(&mut Value)) -> Vec<String> {
    let (source, mut published) = honest();
    change(&mut published);
    let case = Case::of(&source)
        .published(&published)
        .package("@a/b", "1.4.0")
        .file("pnpm-workspace.yaml", "catalog:\n  semver: ^7.7.3\n");
    paths(&case.run())
}

#[test]
fn the_honest_release_is_explained() {
    assert_eq!(run(|_| {}), [""; 0]);
}

#[test]
fn one_change_beside_honest_rewriting_is_named_exactly() {
    for (pointer, key, value, expected) in [
        ("/dependencies", "plain-crypto-js", json!("^4.2.1"), "dependencies.plain-crypto-js"),
        ("/dependencies", "@a/b", json!("1.4.1"), "dependencies.@a/b"),
        ("/dependencies", "@a/b", json!("npm:evil@1.4.0"), "dependencies.@a/b"),
        ("/dependencies", "semver", json!("^7.7.4"), "dependencies.semver"),
        ("/scripts", "postinstall", json!("node x.js"), "scripts.postinstall"),
        ("/scripts", "test", json!("u"), "scripts.test"),
        ("/scripts", "prepare", json!("node x.js"), "scripts.prepare"),
        ("", "exports", json!("./evil.js"), "exports"),
        ("", "browser", json!("./evil.js"), "browser"),
        ("", "module", json!("./evil.js"), "module"),
        ("", "type", json!("module"), "type"),
        ("", "types", json!("./evil.d.ts"), "types"),
        ("", "imports", json!({"#x": "./evil.js"}), "imports"),
        ("", "bin", json!({"npm": "./evil.js"}), "bin.npm"),
        ("", "bin", json!("./evil.js"), "bin"),
        ("", "gypfile", json!(true), "gypfile"),
        ("", "version", json!("2.0.1"), "version"),
        ("", "gitHead", json!("f".repeat(40)), "gitHead"),
        ("", "name", json!("@a/cores"), "name"),
        ("", "optionalDependencies", json!({"@a/core-linux-x64": "2.0.0"}), "optionalDependencies.@a/core-linux-x64"),
        ("", "peerDependencies", json!({"evil": "*"}), "peerDependencies.evil"),
        ("", "bundleDependencies", json!(["semver"]), "bundleDependencies"),
        ("", "bundledDependencies", json!(["semver"]), "bundledDependencies"),
        ("", "overrides", json!({"semver": "1"}), "overrides.semver"),
        ("", "Scripts", json!({"postinstall": "x"}), "Scripts"),
        ("", "dependencie\u{0455}", json!({"evil": "1"}), r#"["dependencie\u{455}"]"#),
        ("", "scripts\u{200b}", json!({}), r#"["scripts\u{200b}"]"#),
        ("", "__proto__", json!({"scripts": {"postinstall": "x"}}), "[\"__proto__\"]"),
        ("/scripts", "__proto__", json!({"postinstall": "x"}), "scripts[\"__proto__\"]"),
        ("", "unknown-tool", json!({}), "unknown-tool"),
    ] {
        let found = run(|published| published.pointer_mut(pointer).unwrap()[key] = value);
        let expected = expected.replace("[\"__proto__\"]", if pointer.is_empty() { "__proto__" } else { ".__proto__" });
        assert_eq!(found, [expected], "{pointer} {key}");
    }
}

#[test]
fn a_smuggled_entry_point_also_shows_that_git_states_another() {
    let found = run(|published| published["main"] = json!("dist/other.js"));
    assert_eq!(found, ["main", "publishConfig.main"]);
}

#[test]
fn removals_that_change_what_is_loaded_are_differences() {
    for key in ["main", "exports", "browser", "type", "engines", "os", "sideEffects", "license", "repository"] {
        let source = json!({"name": "a", key: "x"});
        assert_eq!(paths(&compare(&source, &json!({"name": "a"}))), [key]);
    }
}

#[test]
fn every_active_key_is_more_than_inert() {
    let source = json!({});
    let published = json!({"scripts": {"a": "b"}, "dependencies": {"a": "1"}, "exports": "x", "bin": "x"});
    let comparison = compare(&source, &published);
    assert_eq!(comparison.differences.len(), 4);
    assert!(comparison.differences.iter().all(|difference| difference.reach <= KeyReach::Import));
}

#[test]
fn a_type_change_is_a_difference() {
    for (key, source, published) in [
        ("scripts", json!({"test": "t"}), json!("t")),
        ("scripts", json!({"test": "t"}), json!([{"test": "t"}])),
        ("scripts", json!({"prepare": "t"}), json!(null)),
        ("dependencies", json!({"a": "1"}), json!(["a@1"])),
        ("main", json!("a"), json!(["a"])),
        ("devDependencies", json!({"a": "1"}), json!(null)),
    ] {
        let found = paths(&compare(&json!({key: source}), &json!({key: published})));
        assert_eq!(found, [key], "{published}");
    }
}

#[test]
fn deep_and_wide_manifests_stay_cheap() {
    let wide: String = (0..60_000).map(|index| format!("\"k{index}\":\"workspace:*\",")).collect();
    let source = format!(
        "{{\"name\":\"a\",\"dependencies\":{{{wide}\"z\":\"1\"}},\"exports\":{{{wide}\"z\":\"1\"}},\
        \"publishConfig\":{{\"exports\":{{{wide}\"z\":\"2\"}}}}}}"
    );
    let published = source.replace("workspace:*", "2.0.0");
    let case = Case::of(&serde_json::from_str(&source).unwrap()).published_text(&published);
    let started = std::time::Instant::now();
    let comparison = case.run();
    assert!(comparison.differences.len() + comparison.unlisted_differences > 60_000);
    assert!(started.elapsed().as_secs() < 20, "took {:?}", started.elapsed());
}
