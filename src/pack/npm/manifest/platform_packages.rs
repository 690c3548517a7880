//! `napi-optional-dependencies`: platform packages added to `optionalDependencies` when they are published.

use std::collections::HashSet;

use serde_json::{Map, Value};

use super::context::Context;
use super::delta::Delta;
use super::version_stamp::{is_placeholder, same_family};

/// What napi builds where git states no targets.
const DEFAULT_TRIPLES: [&str; 3] = ["x86_64-apple-darwin", "x86_64-pc-windows-msvc", "x86_64-unknown-linux-gnu"];

/// The package names that git's `napi` key announces; empty without that key.
pub(super) fn announced(source: &Map<String, Value>) -> HashSet<String> {
    let Some(Value::Object(napi)) = source.get("napi") else {
        return HashSet::new();
    };
    let base = napi
        .get("packageName")
        .or_else(|| napi.get("package").and_then(|package| package.get("name")))
        .or_else(|| source.get("name"))
        .and_then(Value::as_str)
        .unwrap_or_default();
    if base.is_empty() {
        return HashSet::new();
    }
    let triples = napi.get("triples");
    let stated = napi.get("targets").or_else(|| triples.and_then(|triples| triples.get("additional")));
    let with_defaults = napi.get("targets").is_none()
        && triples.and_then(|triples| triples.get("defaults")).is_none_or(|defaults| defaults != &Value::Bool(false));
    let stated = stated.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
    let defaults = with_defaults.then_some(DEFAULT_TRIPLES).into_iter().flatten();
    stated.chain(defaults).flat_map(platforms).map(|platform| format!("{base}-{platform}")).collect()
}

/// The names that napi gives the platform of a Rust target triple; old and new versions differ on some.
fn platforms(triple: &str) -> Vec<String> {
    if triple.starts_with("wasm32-") {
        return vec!["wasm32-wasi".to_owned()];
    }
    let Some((architecture, rest)) = triple.split_once('-') else {
        return Vec::new();
    };
    let architectures: &[&str] = match architecture {
        "x86_64" => &["x64"],
        "aarch64" => &["arm64"],
        "i686" | "i586" => &["ia32"],
        "arm" | "armv6" | "armv7" => &["arm"],
        "riscv64gc" => &["riscv64"],
        "powerpc64le" => &["ppc64", "powerpc64le"],
        "loongarch64" => &["loong64", "loongarch64"],
        "s390x" => &["s390x"],
        "universal" => &["universal"],
        _ => &[],
    };
    let system: Vec<(&str, &str)> = match rest {
        "apple-darwin" => vec![("darwin", "")],
        "apple-ios" => vec![("ios", "")],
        "linux-android" => vec![("android", "")],
        "linux-androideabi" => vec![("android", "-eabi")],
        "pc-windows-msvc" => vec![("win32", "-msvc")],
        "pc-windows-gnu" => vec![("win32", "-gnu")],
        "unknown-freebsd" => vec![("freebsd", "")],
        "unknown-openbsd" => vec![("openbsd", "")],
        "unknown-netbsd" => vec![("netbsd", "")],
        "unknown-linux-gnu" => vec![("linux", "-gnu")],
        "unknown-linux-musl" => vec![("linux", "-musl")],
        "unknown-linux-gnueabihf" => vec![("linux", "-gnueabihf")],
        "unknown-linux-musleabihf" => vec![("linux", "-musleabihf")],
        "unknown-linux-ohos" | "linux-ohos" => vec![("openharmony", ""), ("linux", "-ohos")],
        _ => Vec::new(),
    };
    system
        .into_iter()
        .flat_map(|(system, abi)| architectures.iter().map(move |name| format!("{system}-{name}{abi}")))
        .collect()
}

pub(super) fn explains(delta: &Delta<'_>, context: &Context<'_>) -> bool {
    let ["optionalDependencies", name] = delta.path else {
        return false;
    };
    if delta.published_text() != Some(context.input.version) {
        return false;
    }
    match delta.source {
        None => context.platform_packages().contains(*name),
        Some(_) => delta.source_text().is_some_and(|stated| {
            let own_version =
                is_placeholder(stated) || context.input.version_corroborated && stated == context.source_version();
            own_version && same_family(name, context.name()) && names_a_platform(name)
        }),
    }
}

/// Whether a package name ends with an operating system and an architecture.
fn names_a_platform(name: &str) -> bool {
    const SYSTEMS: [&str; 12] = [
        "darwin",
        "linux",
        "win32",
        "windows",
        "freebsd",
        "openbsd",
        "netbsd",
        "android",
        "openharmony",
        "sunos",
        "aix",
        "wasm32",
    ];
    name.rsplit('/').next().unwrap_or(name).split('-').any(|part| SYSTEMS.contains(&part))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::support::{Case, paths, rules};

    fn rollup(added: &Value) -> Case {
        let napi = json!({"name": "rollup", "package": {"name": "@rollup/rollup"}, "triples": {"defaults": false,
            "additional": ["aarch64-apple-darwin", "armv7-linux-androideabi", "powerpc64le-unknown-linux-gnu"]}});
        let mut published = json!({"name": "rollup", "napi": napi, "optionalDependencies": {"fsevents": "~2.3.2"}});
        for (name, version) in added.as_object().unwrap() {
            published["optionalDependencies"][name] = version.clone();
        }
        Case::of(&json!({"name": "rollup", "napi": napi, "optionalDependencies": {"fsevents": "~2.3.2"}}))
            .published(&published)
    }

    #[test]
    fn adds_announced_platforms_at_the_release_version() {
        let added = json!({"@rollup/rollup-darwin-arm64": "2.0.0", "@rollup/rollup-android-arm-eabi": "2.0.0",
            "@rollup/rollup-linux-powerpc64le-gnu": "2.0.0"});
        assert_eq!(rules(&rollup(&added).run()), ["napi-optional-dependencies"; 3]);
        let bare = json!({"name": "@a/b", "napi": {}});
        let case = Case::of(&bare).published(&json!({"name": "@a/b", "napi": {},
            "optionalDependencies": {"@a/b-linux-x64-gnu": "2.0.0"}}));
        assert_eq!(rules(&case.run()), ["napi-optional-dependencies"]);
    }

    #[test]
    fn third_parties_other_versions_and_unannounced_platforms_stay() {
        for (name, version) in [
            ("@rollup/rollup-darwin-arm64", "^2.0.0"),
            ("@rollup/rollup-darwin-arm64", "2.0.1"),
            ("@rollup/rollup-darwin-arm64", "npm:evil@2.0.0"),
            ("@rollup/rollup-linux-x64-gnu", "2.0.0"),
            ("@rollup/rollup-linux-x64-evil", "2.0.0"),
            ("@rolIup/rollup-darwin-arm64", "2.0.0"),
            ("rollup-darwin-arm64", "2.0.0"),
            ("fsevents-darwin-arm64", "2.0.0"),
        ] {
            let found = paths(&rollup(&json!({name: version})).run());
            assert_eq!(found, [format!("optionalDependencies.{name}")], "{version}");
        }
        let itself = Case::of(&json!({"name": "a"})).published(&json!({"name": "a", "napi": {},
            "optionalDependencies": {"a-linux-x64-gnu": "2.0.0"}}));
        assert_eq!(paths(&itself.run()), ["napi", "optionalDependencies.a-linux-x64-gnu"], "git announces nothing");
        let required = rollup(&json!({})).published(&json!({"name": "rollup", "napi": {},
            "dependencies": {"@rollup/rollup-darwin-arm64": "2.0.0"}}));
        assert!(paths(&required.run()).contains(&"dependencies.@rollup/rollup-darwin-arm64".to_owned()));
    }

    #[test]
    fn stamps_platform_packages_that_git_lists_at_a_placeholder() {
        let listed = |name: &str, source: &str, published: &str| {
            let manifest = |version: &str, range: &str| json!({"name": "esbuild", "version": version, "optionalDependencies": {name: range}});
            Case::of(&manifest("1.9.0", source)).published(&manifest("2.0.0", published)).corroborated().run()
        };
        let name = "@esbuild/linux-x64";
        assert!(listed(name, "0.0.0", "2.0.0").is_explained() && listed(name, "1.9.0", "2.0.0").is_explained());
        assert!(!listed(name, "1.8.0", "2.0.0").is_explained());
        assert!(!listed("@evil/linux-x64", "1.9.0", "2.0.0").is_explained());
        assert!(!listed("@esbuild/helper", "1.9.0", "2.0.0").is_explained());
        assert!(!listed(name, "1.9.0", "2.0.1").is_explained());
    }
}
