use serde_json::json;
use url::Url;

use super::*;
use crate::package::{Integrity, PackageName};

fn names(closure: &Closure) -> Vec<String> {
    closure
        .packages()
        .flat_map(|(name, releases)| releases.map(|locked| format!("{name}@{}", locked.version)).collect::<Vec<_>>())
        .collect()
}

fn integrity(closure: &Closure, name: &str, version: &str) -> Option<String> {
    let name = PackageName::parse(name).unwrap();
    closure.locked(&name, version).unwrap().integrity.as_ref().map(ToString::to_string)
}

fn foreign(closure: &Closure) -> Vec<(&str, UnfetchableKind)> {
    closure.unfetchable().iter().map(|listed| (listed.name.as_str(), listed.kind)).collect()
}

fn sha512(seed: &str) -> String {
    Integrity::of(seed.as_bytes()).to_string()
}

const GIT: &str = "git+ssh://git@git.example/owner/forked.git#0123456789012345678901234567890123456789";

#[test]
fn npm_places_are_read_with_aliases_and_without_links_and_bundles() {
    let text = json!({
        "lockfileVersion": 3,
        "packages": {
            "": { "name": "root", "version": "1.0.0", "dependencies": { "a": "^1.0.0" } },
            "packages/inner": { "version": "2.0.0" },
            "node_modules/inner": { "resolved": "packages/inner", "link": true },
            "node_modules/a": { "version": "1.2.3", "resolved": "https://r.example/a/-/a-1.2.3.tgz", "integrity": sha512("a") },
            "node_modules/a/node_modules/@s/b": { "version": "2.0.0", "integrity": sha512("b") },
            "node_modules/alias": {
                "name": "real", "version": "4.0.0", "resolved": "https://r.example/real/-/real-4.0.0.tgz", "integrity": sha512("r"),
            },
            "node_modules/c/node_modules/bundled": { "version": "1.0.0", "inBundle": true },
            "node_modules/forked": { "version": "1.0.0", "resolved": GIT },
            "node_modules/direct": { "version": "1.0.0", "resolved": "https://files.example/direct.tgz", "integrity": sha512("d") },
            "node_modules/local": { "version": "1.0.0", "resolved": "file:local.tgz" },
        },
        "dependencies": { "ignored-beside-packages": { "version": "9.9.9" } },
    });
    for name in ["package-lock.json", "sub/npm-shrinkwrap.json"] {
        let closure = Closure::read(name, text.to_string().as_bytes()).unwrap();
        assert_eq!(closure.format(), LockfileFormat::Npm);
        assert_eq!(names(&closure), ["@s/b@2.0.0", "a@1.2.3", "real@4.0.0"]);
        assert_eq!(integrity(&closure, "a", "1.2.3"), Some(sha512("a")));
        let expected =
            [("direct", UnfetchableKind::Address), ("forked", UnfetchableKind::Git), ("local", UnfetchableKind::File)];
        assert_eq!(foreign(&closure), expected);
    }
}

#[test]
fn nothing_that_npm_would_fetch_is_passed_over() {
    let (address, two) = ("https://r.example/evil/-/evil-1.0.0.tgz", format!("{} {}", sha512("a"), sha512("b")));
    let flat = |place: &str, package: serde_json::Value| {
        let text = json!({ "lockfileVersion": 3, "packages": { "": {}, place: package } }).to_string();
        let closure = Closure::read("package-lock.json", text.as_bytes()).unwrap();
        (names(&closure), closure.unfetchable().iter().map(|listed| listed.kind).collect::<Vec<_>>())
    };
    let fetched = json!({ "version": "1.0.0", "resolved": address, "integrity": sha512("e") });
    let mut bundled = fetched.clone();
    bundled["inBundle"] = true.into();
    assert_eq!(flat("node_modules/evil", bundled), (vec!["evil@1.0.0".to_owned()], vec![]));
    for place in ["node_modules\\evil", "Node_modules/evil", "vendor/evil"] {
        assert_eq!(flat(place, fetched.clone()), (vec![], vec![UnfetchableKind::Malformed]), "{place}");
    }
    let doubled = json!({ "version": "1.0.0", "resolved": address, "integrity": two });
    assert_eq!(flat("node_modules/evil", doubled), (vec![], vec![UnfetchableKind::Ambiguous]));
    let nested = json!({ "lockfileVersion": 1, "dependencies": {
        "evil": { "version": "1.0.0", "resolved": address, "integrity": sha512("e"), "bundled": true },
        "inside": { "version": "1.0.0", "bundled": true },
    }});
    let closure = Closure::read("package-lock.json", nested.to_string().as_bytes()).unwrap();
    assert_eq!(names(&closure), ["evil@1.0.0"]);
}

/// Reads `packages` of version 3 and gives each place that is said to be bundled, with who brings it.
fn bundled(packages: &serde_json::Value) -> Vec<(String, Option<String>)> {
    let text = json!({ "lockfileVersion": 3, "packages": packages }).to_string();
    bundlers(&Closure::read("package-lock.json", text.as_bytes()).unwrap())
}

fn bundlers(closure: &Closure) -> Vec<(String, Option<String>)> {
    let bundler = |bundler: &Bundler| format!("{}@{} {}", bundler.name, bundler.version, bundler.inside);
    closure.bundled().iter().map(|bundled| (bundled.place.clone(), bundled.bundler.as_ref().map(bundler))).collect()
}

#[test]
fn whoever_bundles_a_package_is_found_as_npm_finds_it() {
    let brought = json!({ "version": "1.0.0", "inBundle": true });
    let fetched = |more: serde_json::Value| {
        let mut package = json!({ "version": "2.0.0", "integrity": sha512("outer") });
        package.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        package
    };
    let listed = fetched(json!({ "bundleDependencies": ["@s/a"] }));
    let mut needing = brought.clone();
    needing["dependencies"] = json!({ "b": "1", "c": "1" });
    let found = bundled(&json!({
        "": { "bundleDependencies": ["own"] },
        "node_modules/own": brought,
        "node_modules/outer": listed,
        "node_modules/outer/node_modules/@s/a": needing,
        "node_modules/outer/node_modules/@s/a/node_modules/c": brought,
        "node_modules/outer/node_modules/b": brought,
        "node_modules/outer/node_modules/c": brought,
        "node_modules/unlisted": fetched(json!({})),
        "node_modules/unlisted/node_modules/a": brought,
        "node_modules/odd": fetched(json!({ "bundleDependencies": { "a": "1" } })),
        "node_modules/odd/node_modules/a": brought,
        "node_modules/alias": fetched(json!({ "name": "real", "bundleDependencies": ["a"] })),
        "node_modules/alias/node_modules/a": brought,
        "node_modules/forked": { "version": "1.0.0", "resolved": GIT, "bundleDependencies": ["a"] },
        "node_modules/forked/node_modules/a": brought,
        "node_modules/linked": { "link": true, "resolved": "packages/linked" },
        "packages/linked": { "version": "1.0.0", "bundleDependencies": ["a"] },
        "packages/linked/node_modules/a": brought,
    }));
    let by_outer = |inside: &str| Some(format!("outer@2.0.0 {inside}"));
    let expected = [
        ("node_modules/alias/node_modules/a", Some("real@2.0.0 node_modules/a".to_owned())),
        ("node_modules/forked/node_modules/a", None),
        ("node_modules/odd/node_modules/a", None),
        ("node_modules/outer/node_modules/@s/a", by_outer("node_modules/@s/a")),
        ("node_modules/outer/node_modules/@s/a/node_modules/c", by_outer("node_modules/@s/a/node_modules/c")),
        ("node_modules/outer/node_modules/b", by_outer("node_modules/b")),
        // What needs a `c` finds the one inside of itself.
        ("node_modules/outer/node_modules/c", None),
        ("node_modules/own", None),
        ("node_modules/unlisted/node_modules/a", None),
        ("packages/linked/node_modules/a", None),
    ];
    assert_eq!(found, expected.map(|(place, bundler)| (place.to_owned(), bundler)));

    let nested = json!({ "lockfileVersion": 1, "dependencies": {
        "alone": { "version": "1.0.0", "bundled": true },
        "outer": { "version": "2.0.0", "integrity": sha512("outer"), "dependencies": {
            "a": { "version": "1.0.0", "bundled": true, "dependencies": { "b": { "version": "1.0.0", "bundled": true } } },
        } },
    } });
    let closure = Closure::read("package-lock.json", nested.to_string().as_bytes()).unwrap();
    let expected = [
        ("node_modules/alone", None),
        ("node_modules/outer/node_modules/a", by_outer("node_modules/a")),
        ("node_modules/outer/node_modules/a/node_modules/b", by_outer("node_modules/a/node_modules/b")),
    ];
    assert_eq!(bundlers(&closure), expected.map(|(place, bundler)| (place.to_owned(), bundler)));
}

#[test]
fn what_npm_would_add_is_missing() {
    let listed = |packages: serde_json::Value| {
        let text = json!({ "lockfileVersion": 3, "packages": packages }).to_string();
        let closure = Closure::read("package-lock.json", text.as_bytes()).unwrap();
        foreign(&closure).into_iter().map(|(name, kind)| (name.to_owned(), kind)).collect::<Vec<_>>()
    };
    let missing = |name: &str| (name.to_owned(), UnfetchableKind::Missing);
    assert_eq!(listed(json!({ "": { "dependencies": { "ms": "2" } } })), [missing("ms")]);
    assert_eq!(listed(json!({ "": { "devDependencies": { "ms": "2" } } })), [missing("ms")]);
    let found = listed(json!({
        "": { "dependencies": { "a": "1", "workspace": "*" } },
        "node_modules/a": {
            "version": "1.0.0",
            "dependencies": { "b": "1", "own": "1", "deep": "1", "optional": "1" },
            "devDependencies": { "unneeded": "1" },
            "optionalDependencies": { "optional": "1" },
            "peerDependencies": { "peer": "1" },
        },
        "node_modules/a/node_modules/own": { "version": "1.0.0", "dependencies": { "b": "1", "deep": "1" } },
        "node_modules/b": { "version": "1.0.0" },
        "node_modules/b/node_modules/deep": { "version": "1.0.0" },
        "node_modules/workspace": { "link": true, "resolved": "packages/workspace" },
        "packages/workspace": { "dependencies": { "a": "1", "own": "1", "theirs": "1" } },
        "packages/workspace/node_modules/theirs": { "version": "1.0.0" },
        "../outside": { "dependencies": { "theirs": "1" } },
    }));
    assert_eq!(found, [missing("deep"), missing("deep"), missing("own")]);
    let malformed = [("node_modules/ms".to_owned(), UnfetchableKind::Malformed)];
    assert_eq!(listed(json!({ "node_modules/ms": {} })), malformed);
    let deep = "node_modules/a/".repeat(64) + "node_modules/ms";
    assert_eq!(listed(json!({ deep: { "version": "1.0.0", "inBundle": true } }))[0].1, UnfetchableKind::Malformed);
    let nested = br#"{"lockfileVersion":1,"dependencies":{"ms":{}}}"#;
    let closure = Closure::read("package-lock.json", nested).unwrap();
    assert_eq!(foreign(&closure), [("ms", UnfetchableKind::Malformed)]);
}

#[test]
fn a_lockfile_that_npm_ignores_is_none() {
    for text in [
        r#"{"lockfileVersion":3}"#,
        r#"{"packages":null}"#,
        r#"{"lockfileVersion":4,"packages":{}}"#,
        r#"{"lockfileVersion":"3","packages":{}}"#,
    ] {
        assert!(Closure::read("package-lock.json", text.as_bytes()).is_err(), "{text}");
    }
}

#[test]
fn npm_version_one_nests() {
    let text = json!({
        "lockfileVersion": 1,
        "dependencies": {
            "a": {
                "version": "1.0.0", "resolved": "https://r.example/a/-/a-1.0.0.tgz",
                "integrity": "sha1-2jmj7l5rSw0yVb/vlWAYkK/YBwk=",
                "dependencies": {
                    "b": { "version": "2.0.0", "integrity": sha512("b") },
                    "c": { "version": "3.0.0", "bundled": true, "resolved": false },
                },
            },
            "alias": { "version": "npm:@s/real@5.0.0", "integrity": sha512("r") },
            "forked": { "version": GIT, "from": "forked@owner/forked" },
            "short": { "version": "github:owner/short#abcdef" },
            "local": { "version": "file:../local" },
            "addressed": { "version": "https://r.example/addressed/-/addressed-1.1.1.tgz" },
        },
    });
    let closure = Closure::read("package-lock.json", text.to_string().as_bytes()).unwrap();
    assert_eq!(names(&closure), ["@s/real@5.0.0", "a@1.0.0", "addressed@1.1.1", "b@2.0.0"]);
    assert_eq!(integrity(&closure, "a", "1.0.0").as_deref(), Some("sha1-2jmj7l5rSw0yVb/vlWAYkK/YBwk="));
    assert_eq!(foreign(&closure), [("forked", UnfetchableKind::Git), ("short", UnfetchableKind::Git)]);
}

#[test]
fn yarn_classic_blocks() {
    let text = format!(
        r#"# yarn lockfile v1


"@s/a@^1.0.0", "@s/a@^1.1.0":
  version "1.1.0"
  resolved "https://other.example/@s/a/-/a-1.1.0.tgz#da39a3ee5e6b4b0d3255bfef95601890afd80709"
  integrity {a}
  dependencies:
    version "^9.0.0"
    b "1"

"alias@npm:real@^2.0.0":
  version "2.0.1"
  resolved "https://other.example/real/-/real-2.0.1.tgz#da39a3ee5e6b4b0d3255bfef95601890afd80709"

old@1:
  version "1.0.0"
  resolved "https://other.example/sub/path/old/-/old-1.0.0.tgz"

"forked@{GIT}":
  version "3.0.0"
  resolved "{GIT}"

"local@file:./local":
  version "0.0.0"

"hosted@owner/hosted":
  version "1.0.0"
  resolved "https://codeload.git.example/owner/hosted/tar.gz/abcdef"
"#,
        a = sha512("a")
    );
    let closure = Closure::read("yarn.lock", text.as_bytes()).unwrap();
    assert_eq!(closure.format(), LockfileFormat::YarnClassic);
    assert_eq!(names(&closure), ["@s/a@1.1.0", "old@1.0.0", "real@2.0.1"]);
    assert_eq!(integrity(&closure, "@s/a", "1.1.0"), Some(sha512("a")));
    assert_eq!(integrity(&closure, "real", "2.0.1").as_deref(), Some("sha1-2jmj7l5rSw0yVb/vlWAYkK/YBwk="));
    assert_eq!(integrity(&closure, "old", "1.0.0"), None);
    let (name, version) = closure.at_path("/sub/path/old/-/old-1.0.0.tgz").unwrap();
    assert_eq!((name.as_str(), version.as_str()), ("old", "1.0.0"));
    assert_eq!(closure.at_path("/@s/a/-/a-1.1.0.tgz"), None, "a usual path needs no entry");
    assert_eq!(foreign(&closure), [("forked", UnfetchableKind::Git), ("hosted", UnfetchableKind::Git)]);
}

#[test]
fn tarballs_beside_a_yarn_lockfile_are_files() {
    for resolved in ["", "  resolved \"file:./x.tgz#abc\"\n", "  resolved \"./x.tgz#abc\"\n"] {
        let text = format!("\"x@file:./x.tgz\":\n  version \"1.0.0\"\n{resolved}");
        let closure = Closure::read("yarn.lock", text.as_bytes()).unwrap();
        assert_eq!(foreign(&closure), [("x", UnfetchableKind::File)], "{resolved}");
    }
}

#[test]
fn yarn_classic_defects_are_named_with_their_line() {
    for (text, at) in [("a@1:\n  version \"1.0.0\"\n<<<<<<< HEAD\n", 3), ("  version \"1.0.0\"\n", 1), ("a@1\n", 1)] {
        match Closure::read("yarn.lock", text.as_bytes()) {
            Err(LockfileError::Malformed { line, .. }) => assert_eq!(line, at, "{text}"),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn yarn_berry_resolutions() {
    let text = r#"
__metadata:
  version: 6
  cacheKey: 8

"@s/a@npm:^1.0.0, @s/a@npm:^1.1.0":
  version: 1.1.0
  resolution: "@s/a@npm:1.1.0"
  checksum: 00
  languageName: node
  linkType: hard

"alias@npm:real@^2.0.0":
  version: 2.0.1
  resolution: "real@npm:2.0.1"

"moved@npm:1.0.0":
  version: 1.0.0
  resolution: "moved@npm:1.0.0::__archiveUrl=https%3A%2F%2Ffiles.example%2Fmoved.tgz"

"patched@patch:patched@1.0.0#./a.patch":
  version: 1.0.0
  resolution: "patched@patch:patched@npm%3A1.0.0#./a.patch::version=1.0.0&hash=aa"

"root@workspace:.":
  version: 0.0.0-use.local
  resolution: "root@workspace:."

"forked@owner/forked":
  version: 1.0.0
  resolution: "forked@https://git.example/owner/forked.git#commit=abcdef"
"#;
    let closure = Closure::read("yarn.lock", text.as_bytes()).unwrap();
    assert_eq!(closure.format(), LockfileFormat::YarnBerry);
    assert_eq!(names(&closure), ["@s/a@1.1.0", "moved@1.0.0", "real@2.0.1"]);
    assert_eq!(integrity(&closure, "@s/a", "1.1.0"), None, "its digest is of another archive");
    assert_eq!(foreign(&closure), [("forked", UnfetchableKind::Git)]);
}

#[test]
fn pnpm_keys_in_every_version() {
    let (a, b) = (sha512("a"), sha512("b"));
    for (version, keys) in [
        ("5.4", ["/@s/a/1.0.0", "/b/2.0.0_@s+a@1.0.0"]),
        ("'6.0'", ["/@s/a@1.0.0", "/b@2.0.0(@s/a@1.0.0)"]),
        ("'9.0'", ["'@s/a@1.0.0'", "b@2.0.0"]),
    ] {
        let text = format!(
            "lockfileVersion: {version}\n\nimporters:\n  .:\n    dependencies: {{}}\n\npackages:\n\n  {}:\n    \
             resolution: {{integrity: {a}}}\n    dev: true\n\n  {}:\n    resolution: {{integrity: {b}, tarball: b/-/b-2.0.0.tgz}}\n\n  \
             git.example/owner/forked/abcdef:\n    resolution: {{commit: abcdef, repo: 'https://git.example/owner/forked.git', type: git}}\n    \
             name: forked\n    version: 1.0.0\n\n  file:packages/local:\n    resolution: {{directory: packages/local, type: directory}}\n    \
             name: local\n\n  '@files.example/direct.tgz':\n    resolution: {{tarball: https://files.example/direct.tgz}}\n    \
             name: direct\n    version: 1.0.0\n",
            keys[0], keys[1]
        );
        let closure = Closure::read("pnpm-lock.yaml", text.as_bytes()).unwrap();
        assert_eq!(names(&closure), ["@s/a@1.0.0", "b@2.0.0"], "{version}");
        assert_eq!(integrity(&closure, "b", "2.0.0"), Some(b.clone()));
        assert_eq!(closure.unfetchable().len(), 2, "{:?}", closure.unfetchable());
    }
}

#[test]
fn pnpm_links_directories_and_nothing_else() {
    let integrity = sha512("m");
    let read = |key: &str, resolution: &str| {
        let text = format!("packages:\n  {key}:\n    resolution: {{{}}}\n", resolution.replace("DIGEST", &integrity));
        let closure = Closure::read("pnpm-lock.yaml", text.as_bytes()).unwrap();
        (names(&closure), closure.unfetchable().iter().map(|listed| listed.kind).collect::<Vec<_>>())
    };
    let ms = || vec!["ms@2.1.3".to_owned()];
    use UnfetchableKind::{Address, File, Malformed};
    for (key, resolution, expected) in [
        ("ms@2.1.3", "integrity: DIGEST, tarball: 'http://127.0.0.1/evil.tgz', directory: x", (vec![], vec![Address])),
        ("ms@2.1.3", "directory: x", (ms(), vec![])),
        ("ms@2.1.3", "integrity: DIGEST, directory: x", (ms(), vec![])),
        ("ms@2.1.3", "integrity: DIGEST, directory: x, type: directory", (vec![], vec![Malformed])),
        ("ms@2.1.3", "integrity: DIGEST, type: variations", (vec![], vec![Malformed])),
        ("ms@2.1.3", "integrity: DIGEST, type: git", (vec![], vec![Malformed])),
        ("'file:ms-2.1.3.tgz'", "integrity: DIGEST, tarball: 'file:ms-2.1.3.tgz'", (vec![], vec![File])),
        ("'file:ms'", "integrity: DIGEST", (vec![], vec![File])),
        ("ms@2.1.3", "integrity: DIGEST, tarball: 'file:ms'", (vec![], vec![File])),
        ("'file:ms'", "directory: ms, type: directory", (vec![], vec![])),
        ("'ms@file:ms'", "directory: ms, type: directory", (vec![], vec![])),
    ] {
        assert_eq!(read(key, resolution), expected, "{key} {resolution}");
    }
}

#[test]
fn pnpm_writes_a_document_for_itself_before_the_projects() {
    let text = "---\nlockfileVersion: '9.0'\npackages:\n  pnpm@11.0.0: {resolution: {integrity: x}}\n---\nlockfileVersion: '9.0'\npackages:\n  a@1.0.0: {}\n";
    assert_eq!(names(&Closure::read("pnpm-lock.yaml", text.as_bytes()).unwrap()), ["a@1.0.0", "pnpm@11.0.0"]);
    assert!(Closure::read("pnpm-lock.yaml", b"lockfileVersion: 5.4\n").unwrap().is_empty());
}

#[test]
fn bun_lists_with_comments_and_trailing_commas() {
    let text = format!(
        r#"{{
  // written by bun
  "lockfileVersion": 1,
  "workspaces": {{ "": {{ "name": "root", }}, }},
  "packages": {{
    "@s/a": ["@s/a@1.0.0", "", {{ "dependencies": {{ "b": "2", }}, }}, "{a}"],
    /* an alias, */
    "alias": ["real@2.0.0", "https://other.example/", {{}}, "{b}"],
    "b": ["b@2.0.0", "https://other.example/b/-/b-2.0.0.tgz", {{ "bin": "a,]//b" }}, "{b}",],
    "inner": ["inner@workspace:packages/inner"],
    "forked": ["forked@github:owner/forked#abcdef", {{}}, "owner-forked-abcdef"],
  }},
}}
"#,
        a = sha512("a"),
        b = sha512("b")
    );
    let closure = Closure::read("bun.lock", text.as_bytes()).unwrap();
    assert_eq!(names(&closure), ["@s/a@1.0.0", "b@2.0.0", "real@2.0.0"]);
    assert_eq!(integrity(&closure, "real", "2.0.0"), Some(sha512("b")));
    assert_eq!(foreign(&closure), [("forked", UnfetchableKind::Git)]);
}

#[test]
fn a_bun_list_without_a_package_is_malformed() {
    for list in ["[]", "[1]", "[null, \"ms@2.1.3\"]"] {
        let closure = Closure::read("bun.lock", format!("{{\"packages\": {{\"ms\": {list}}}}}").as_bytes()).unwrap();
        assert_eq!(foreign(&closure), [("ms", UnfetchableKind::Malformed)], "{list}");
    }
}

#[test]
fn hostile_lockfiles_end_in_errors_or_lists() {
    let deep = format!("{}{}", "{\"dependencies\":{\"a\":".repeat(5000), "{}".to_owned() + &"}}".repeat(5000));
    assert!(matches!(Closure::read("package-lock.json", deep.as_bytes()), Err(LockfileError::Json(_))));
    let bomb = "a: &a [x, x]\nb: &b [*a, *a]\npackages: {a: *b}\n";
    assert!(matches!(Closure::read("pnpm-lock.yaml", bomb.as_bytes()), Err(LockfileError::Yaml(_))));
    assert!(matches!(Closure::read("yarn.lock", b"\xff"), Err(LockfileError::Text(_))));
    assert!(matches!(Closure::read("bun.lockb", b""), Err(LockfileError::Unsupported(_))));
    assert!(matches!(Closure::read("Cargo.lock", b""), Err(LockfileError::UnknownName(_))));
    let large = vec![b' '; (64 << 20) + 1];
    assert!(matches!(Closure::read("yarn.lock", &large), Err(LockfileError::TooLarge)));

    let escaping = json!({ "packages": {
        "node_modules/../../etc": { "version": "1.0.0" },
        "node_modules/a": { "version": "1.0.0/../../x" },
        "node_modules/b": { "version": "1.0.0", "resolved": "ftp://r.example/b/-/b-1.0.0.tgz" },
        "node_modules/c": { "version": "1.0.0", "resolved": "x".repeat(10_000) },
    } });
    let closure = Closure::read("package-lock.json", escaping.to_string().as_bytes()).unwrap();
    assert!(closure.is_empty(), "{:?}", names(&closure));
    assert_eq!(closure.unfetchable().len(), 4);
    assert!(closure.unfetchable().iter().all(|listed| listed.address.len() <= 300));
}

#[test]
fn one_release_has_one_content() {
    let places = |first: &str, second: &str| {
        let text = json!({ "packages": {
            "node_modules/a": { "version": "1.0.0", "integrity": first },
            "node_modules/b/node_modules/a": { "version": "1.0.0", "integrity": second },
        } });
        Closure::read("package-lock.json", text.to_string().as_bytes())
    };
    let weak = "sha1-2jmj7l5rSw0yVb/vlWAYkK/YBwk=";
    for (first, second) in [(weak, sha512("a").as_str()), (sha512("a").as_str(), weak), (sha512("a").as_str(), "")] {
        assert_eq!(integrity(&places(first, second).unwrap(), "a", "1.0.0"), Some(sha512("a")));
    }
    let is_pinned = |first: &str, second: &str| {
        let (closure, name) = (places(first, second).unwrap(), PackageName::parse("a").unwrap());
        closure.locked(&name, "1.0.0").unwrap().is_pinned
    };
    assert!(is_pinned(&sha512("a"), &sha512("a")));
    for unpinned in ["", weak] {
        assert!(!is_pinned(&sha512("a"), unpinned) && !is_pinned(unpinned, &sha512("a")), "{unpinned}");
    }
    assert!(matches!(places(&sha512("a"), &sha512("b")), Err(LockfileError::Conflict { .. })));
}

#[test]
fn registry_addresses_move_and_others_stay() {
    let text = "a@1:\n  resolved \"https://other.example/a/-/a-1.0.0.tgz#abc\"\nb:\n  resolution: {tarball: http://x.example:8080/p/b/-/b-1.0.0.tgz}\n\
                c:\n  resolved \"https://codeload.example/o/c/tar.gz/1\"\n  httpbin \"^1\"\n";
    let registry = Url::parse("http://127.0.0.1:4873/").unwrap();
    let moved = with_registry(LockfileFormat::YarnClassic, text, &registry);
    assert_eq!(
        moved,
        "a@1:\n  resolved \"http://127.0.0.1:4873/a/-/a-1.0.0.tgz#abc\"\nb:\n  resolution: {tarball: http://127.0.0.1:4873/p/b/-/b-1.0.0.tgz}\n\
         c:\n  resolved \"https://codeload.example/o/c/tar.gz/1\"\n  httpbin \"^1\"\n"
    );
}

#[test]
fn bun_is_told_where_everything_is() {
    let text = "{\n  \"packages\": {\n    \"@s/a\": [\"@s/a@1.0.0\", \"\", {}, \"sha512-x\"],\n    \"b\": [\"b@workspace:b\"],\n    \
                \"c\": [\"c@1.0.0\", \"https://other.example/c/-/c-1.0.0.tgz\", {}, \"x\"],\n    \"d\": [\"d@github:o/d\", \"\", {}],\n  }\n}\n";
    let registry = Url::parse("http://127.0.0.1:4873/").unwrap();
    let moved = with_registry(LockfileFormat::Bun, text, &registry);
    let expected = text
        .replace("\"@s/a@1.0.0\", \"\"", "\"@s/a@1.0.0\", \"http://127.0.0.1:4873/@s/a/-/a-1.0.0.tgz\"")
        .replace("https://other.example", "http://127.0.0.1:4873");
    assert_eq!(moved, expected);
    assert_eq!(with_registry(LockfileFormat::Bun, &moved, &registry), moved);
}

proptest::proptest! {
    #[test]
    fn no_text_makes_a_reader_panic(text in "[-a-z0-9@:/\"',{}\\[\\]. \n#*_^()]{0,200}") {
        for name in ["package-lock.json", "yarn.lock", "pnpm-lock.yaml", "bun.lock"] {
            let _ = Closure::read(name, text.as_bytes());
        }
        let _ = Closure::read("yarn.lock", format!("__metadata:\n{text}").as_bytes());
        let text = text.replace('a', "http://");
        let _ = with_registry(LockfileFormat::Bun, &text, &Url::parse("http://127.0.0.1/").unwrap());
    }
}
