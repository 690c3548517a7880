use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use rstest::rstest;
use serde_json::{Value, json};

use super::*;

fn map_within(manifest: &Value, files: &[(&str, &str)], limits: ReachLimits) -> ReachMap {
    let contents: BTreeMap<&str, &str> = files.iter().copied().collect();
    let paths: BTreeSet<&str> = contents.keys().copied().collect();
    let mut read = |path: &str| contents.get(path).map(|content| Cow::Borrowed(content.as_bytes()));
    ReachMap::of(manifest, &paths, &mut read, None, limits)
}

fn map(manifest: &Value, files: &[(&str, &str)]) -> ReachMap {
    map_within(manifest, files, ReachLimits::default())
}

/// With `exports` only what is reached is more than inert.
fn closed(mut manifest: Value) -> Value {
    if manifest.get("exports").is_none() {
        manifest["exports"] = json!({ "./package.json": "./package.json" });
    }
    manifest
}

#[rstest]
#[case("node x.js", "x.js")]
#[case("node ./scripts/x.js --flag", "scripts/x.js")]
#[case("node scripts/x", "scripts/x.js")]
#[case("node --no-warnings -r ./x scripts/y.js", "x.js")]
#[case("node .", "main.js")]
#[case("./x.sh", "x.sh")]
#[case("sh x.sh || true", "x.sh")]
#[case("exit 0; node x", "x.js")]
#[case("echo hi&&node \"x.js\"", "x.js")]
#[case("node -e \"require('./x')\"", "x.js")]
#[case("node -e \"try{require('./scripts/x')}catch(e){}\"", "scripts/x.js")]
#[case("cd scripts && node x.js", "scripts/x.js")]
#[case("FOO=1 node scripts\\\\x.js", "scripts/x.js")]
#[case("npm run other", "scripts/other.js")]
#[case("yarn other", "scripts/other.js")]
#[case("run-s other", "scripts/other.js")]
#[case("node-gyp rebuild", "binding.gyp")]
#[case("node scripts/*.js", "scripts/x.js")]
#[case("node 'with space.js'", "with space.js")]
#[case("X.SH", "x.sh")]
#[case("node x\"\".js", "x.js")]
#[case("node x\\.js", "x.js")]
#[case("cd .. && node pkg/x.js", "x.js")]
#[case("node ../pkg/x", "x.js")]
#[case("node ./node_modules/pkg/x.js", "x.js")]
fn a_script_runs_the_files_that_it_names(#[case] command: &str, #[case] expected: &str) {
    let manifest = closed(json!({
        "name": "pkg",
        "main": "main.js",
        "scripts": { "postinstall": command, "other": "node scripts/other.js", "unused": "node unused.js" },
    }));
    let files = [
        "x.js",
        "x.sh",
        "scripts/x.js",
        "scripts/y.js",
        "scripts/other.js",
        "main.js",
        "binding.gyp",
        "with space.js",
        "unused.js",
    ]
    .map(|path| (path, ""));
    let map = map(&manifest, &files);
    assert_eq!(map.reach(expected), Reach::Install, "{map:?}");
    assert_eq!(map.way(expected).first().unwrap(), "package.json scripts.postinstall");
    assert_eq!(map.way(expected).last().unwrap(), expected);
    assert_eq!(map.reach("unused.js"), Reach::Inert);
}

#[rstest]
#[case(json!({ "scripts": { "preinstall": "node a" } }), Reach::Install)]
#[case(json!({ "scripts": { "prepare": "node a" } }), Reach::Reachable)]
#[case(json!({ "scripts": { "test": "node a", "prepublishOnly": "node a", "prepack": "node a" } }), Reach::Inert)]
#[case(json!({ "main": "a" }), Reach::Import)]
#[case(json!({ "main": "./" , "exports": "./a.js" }), Reach::Import)]
#[case(json!({ "module": "a.js" }), Reach::Import)]
#[case(json!({ "browser": "./a.js" }), Reach::Import)]
#[case(json!({ "browser": { "fs": "./a.js" } }), Reach::Reachable)]
#[case(json!({ "exports": { ".": { "import": { "node": "./a.js" } } } }), Reach::Import)]
#[case(json!({ "exports": { "require": ["./none.js", "./a.js"] } }), Reach::Import)]
#[case(json!({ "exports": { "./sub": "./a.js" } }), Reach::Reachable)]
#[case(json!({ "exports": { "./*": "./*.js" } }), Reach::Reachable)]
#[case(json!({ "exports": { "./x/": "./" } }), Reach::Reachable)]
#[case(json!({ "exports": { ".": { "types": "./a.js" } } }), Reach::Inert)]
#[case(json!({ "exports": { ".": { "style": { "default": "./a.js" } } } }), Reach::Reachable)]
#[case(json!({ "imports": { "#a": "./a.js" } }), Reach::Reachable)]
#[case(json!({ "bin": "a.js" }), Reach::Command)]
#[case(json!({ "bin": { "x": "./a" } }), Reach::Command)]
#[case(json!({ "directories": { "bin": "." } }), Reach::Command)]
#[case(json!({ "bin": "a.js", "main": "a.js" }), Reach::Import)]
#[case(json!({ "types": "a.js" }), Reach::Inert)]
#[case(json!({}), Reach::Inert)]
#[case(json!({ "scripts": [], "bin": 1, "main": {}, "exports": { "a": { "b": [1, null] } } }), Reach::Inert)]
fn the_manifest_decides(#[case] manifest: Value, #[case] expected: Reach) {
    let map = map(&closed(manifest), &[("a.js", ""), ("package.json", "{}")]);
    assert_eq!(map.reach("a.js"), expected, "{map:?}");
}

#[test]
fn without_exports_every_program_can_be_imported_by_path() {
    let files = [("index.js", ""), ("lib/a.js", ""), ("a.node", ""), ("README.md", ""), ("a.d.ts", ""), ("a.ts", "")];
    let map = map(&json!({ "types": "a.d.ts" }), &files);
    let reaches = files.map(|(path, _)| map.reach(path));
    use Reach::{Import, Inert, Reachable};
    assert_eq!(reaches, [Import, Reachable, Reachable, Inert, Inert, Reachable]);
    assert_eq!(map.way("a.d.ts"), ["package.json types", "a.d.ts"]);
    assert!(map.way("README.md").is_empty());
    assert!(map.is_complete());
}

#[rstest]
#[case("require('./b')", "b.js", Reach::Import)]
#[case("require('./B')", "b.js", Reach::Import)]
#[case("require('./B.JS')", "b.js", Reach::Import)]
#[case("require('./README.md')", "README.md", Reach::Import)]
#[case(
    "eval(require('fs').readFileSync(require('path').join(__dirname, 'data.txt'), 'utf8'))",
    "data.txt",
    Reach::Import
)]
#[case("require('./lib')", "lib/start.js", Reach::Import)]
#[case("require('./lib/')", "lib/start.js", Reach::Import)]
#[case("import './b.js?x'", "b.js", Reach::Import)]
#[case("import './%62.js'", "b.js", Reach::Import)]
#[case("require('.\\\\b')", "b.js", Reach::Import)]
#[case("require('bundled')", "node_modules/bundled/main.js", Reach::Import)]
#[case("require('bundled/other')", "node_modules/bundled/other.js", Reach::Import)]
#[case("require('#private')", "b.js", Reach::Import)]
#[case("require('own/b')", "b.js", Reach::Import)]
#[case("require('./locale/' + x)", "locale/de.js", Reach::Reachable)]
#[case("require('child_process').exec('node tool.sh')", "tool.sh", Reach::Import)]
#[case("new Worker('./b.js')", "b.js", Reach::Import)]
#[case("use('./b.js')", "b.js", Reach::Reachable)]
#[case("require('node-gyp-build')(__dirname)", "prebuilds/x.node", Reach::Import)]
#[case("require(x)", "lib/deep.js", Reach::Reachable)]
#[case("require('./lib/start')", "tool.sh", Reach::Inert)]
#[case("} require('./b')", "b.js", Reach::Import)]
#[case("new URL('./%62.js', import.meta.url)", "b.js", Reach::Import)]
#[case("const one = './b', other = '.js'; require(one + other)", "b.js", Reach::Import)]
#[case("start(); function start() { require(one + other) }\nvar one = './b', other = '.js'", "b.js", Reach::Import)]
#[case(
    "const go = () => { const n = one + `${other}`; require(n) }; const one = './b', other = '.js'",
    "b.js",
    Reach::Import
)]
#[case("require('./logo.png')", "hidden.js", Reach::Import)]
#[case("require('./style.css')", "style.css", Reach::Import)]
#[case("require(x)", "style.css", Reach::Reachable)]
#[case("require(x)", "data.txt", Reach::Inert)]
#[case("const p = require('path'); require(p.join(__dirname, x))", "style.css", Reach::Reachable)]
#[case("const p = require('path'); require(p.join(__dirname, x))", "lib/deep.js", Reach::Reachable)]
#[case("const p = require('path'); require(p.join(__dirname, x))", "data.txt", Reach::Inert)]
#[case(
    "const d = require('path').join(__dirname, 'locale'); fs.readdirSync(d).forEach(f => require(d + '/' + f))",
    "locale/de.dat",
    Reach::Reachable
)]
#[case("fs.readdirSync(d).forEach(f => require(d + f))", "locale/de.dat", Reach::Reachable)]
#[case("require.extensions['.x'] = f", "data.txt", Reach::Reachable)]
#[case("require('module').registerHooks({ load })", "data.txt", Reach::Reachable)]
#[case("m._load('./logo.png')", "hidden.js", Reach::Import)]
#[case("#!/usr/bin/env node\nrequire('./b')", "b.js", Reach::Import)]
fn references_are_followed(#[case] text: &str, #[case] path: &str, #[case] expected: Reach) {
    let manifest = json!({
        "name": "own",
        "exports": { ".": "./index.js", "./b": "./b.js" },
        "imports": { "#private": "./b.js" },
    });
    // Only what the text refers to may be reached.
    let without = if text.contains("own/b") || text.contains("#private") {
        manifest
    } else {
        json!({ "name": "own", "exports": "./index.js" })
    };
    let files = [
        ("index.js", text),
        ("b.js", ""),
        ("README.md", "module.exports = require('./b')"),
        ("data.txt", "x"),
        ("tool.sh", "echo"),
        ("lib/package.json", r#"{ "main": "start" }"#),
        ("lib/start.js", ""),
        ("lib/deep.js", ""),
        ("locale/de.js", ""),
        ("locale/de.dat", "say('hallo')"),
        ("logo.png", "require('./hidden.js')"),
        ("hidden.js", ""),
        ("style.css", "run()"),
        ("prebuilds/x.node", ""),
        ("node_modules/bundled/package.json", r#"{ "main": "main" }"#),
        ("node_modules/bundled/main.js", ""),
        ("node_modules/bundled/other.js", ""),
    ];
    let map = map(&without, &files);
    assert_eq!(map.reach(path), expected, "{map:?}");
}

#[test]
fn the_strongest_reach_and_the_shortest_way_win() {
    let manifest = closed(json!({ "main": "index.js", "bin": "cli.js", "scripts": { "install": "node setup" } }));
    let files = [
        ("index.js", "require('./far'); require('./shared')"),
        ("far.js", "require('./shared')"),
        ("cli.js", "require('./index'); require('./only-cli')"),
        ("only-cli.js", ""),
        ("setup.js", "require('./step')"),
        ("step.js", "require('./shared2')"),
        ("shared.js", ""),
        ("shared2.js", "require('./setup')"),
    ];
    let map = map(&manifest, &files);
    assert_eq!(map.reach("shared2.js"), Reach::Install);
    assert_eq!(map.reach("only-cli.js"), Reach::Command);
    assert_eq!(map.way("shared.js"), ["package.json main", "index.js", "shared.js"]);
    let way = ["package.json scripts.install", "setup.js", "step.js", "shared2.js"];
    assert_eq!(map.way("shared2.js"), way);
}

#[test]
fn native_builds_reach_what_they_name() {
    let gyp = "{ 'targets': [{ 'sources': ['src/a.cc'], 'actions': [{ 'action': ['node', 'gen.js'] }] }] }";
    let files = [("binding.gyp", gyp), ("src/a.cc", "#include \"a.h\""), ("src/a.h", ""), ("gen.js", ""), ("b.js", "")];
    let map = map(&closed(json!({})), &files);
    for path in ["binding.gyp", "src/a.cc", "src/a.h", "gen.js"] {
        assert_eq!(map.reach(path), Reach::Install, "{path}");
    }
    assert_eq!(map.reach("b.js"), Reach::Inert);
    assert_eq!(map.way("src/a.h"), ["node-gyp rebuild", "binding.gyp", "src/a.cc", "src/a.h"]);
}

#[test]
fn shell_scripts_and_bundled_packages_run_at_installation() {
    let files = [
        ("a.sh", "#!/bin/sh\nnode \"$(dirname $0)/b.js\"\n"),
        ("b.js", ""),
        ("node_modules/x/package.json", r#"{ "scripts": { "postinstall": "node run.js" } }"#),
        ("node_modules/x/run.js", ""),
    ];
    let map = map(&closed(json!({ "scripts": { "install": "./a.sh" } })), &files);
    assert_eq!(map.reach("b.js"), Reach::Install);
    assert_eq!(map.reach("node_modules/x/run.js"), Reach::Install);
    assert_eq!(map.way("node_modules/x/run.js")[0], "node_modules/x/package.json scripts.postinstall");
}

#[test]
fn a_limit_makes_the_rest_reachable_and_says_so() {
    let files = [("index.js", "require('./a')"), ("a.js", "require('./b')"), ("b.js", ""), ("c.md", "")];
    let manifest = json!({ "exports": "./index.js" });
    for limits in [ReachLimits { files: 1, bytes: 1 << 20 }, ReachLimits { files: 10, bytes: 20 }] {
        let map = map_within(&manifest, &files, limits);
        assert!(!map.is_complete());
        assert_eq!([map.reach("index.js"), map.reach("a.js")], [Reach::Import, Reach::Import]);
        assert_eq!([map.reach("b.js"), map.reach("c.md")], [Reach::Reachable, Reach::Reachable]);
    }
    let paths = BTreeSet::from(["index.js", "c.md"]);
    let map = ReachMap::of(&manifest, &paths, &mut |_| None, None, ReachLimits::default());
    assert!(!map.is_complete());
    assert_eq!(map.reach("c.md"), Reach::Reachable);
}

fn any_value() -> impl Strategy<Value = Value> {
    let text = prop_oneof![
        prop::sample::select(vec![
            "./a.js",
            "a",
            ".",
            "./",
            "*",
            "./*",
            "..",
            "",
            "node a.js",
            "npm run b",
            "./*/x",
            "#a",
            "@",
            "a/",
            "cd .. && a",
        ])
        .prop_map(str::to_owned),
        ".{0,12}",
    ];
    let leaf = prop_oneof![Just(Value::Null), any::<bool>().prop_map(Value::from), text.prop_map(Value::from)];
    leaf.prop_recursive(4, 24, 4, |inner| {
        let key = prop::sample::select(vec![
            "main",
            "exports",
            "imports",
            "bin",
            "scripts",
            "browser",
            "types",
            "typesVersions",
            "directories",
            ".",
            "./*",
            "./a",
            "#a",
            "import",
            "postinstall",
            "b",
            "name",
            "files",
            "*",
        ]);
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((key, inner), 0..6)
                .prop_map(|pairs| pairs.into_iter().map(|(key, value)| (key.to_owned(), value)).collect::<Value>()),
        ]
    })
}

proptest! {
    #[test]
    fn every_file_has_an_answer(
        manifest in any_value(),
        nested in any_value(),
        contents in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..80), 4),
        odd in ".{0,20}",
    ) {
        let nested = nested.to_string().into_bytes();
        let paths = BTreeSet::from(["a.js", "a/index.js", "a/package.json", "x/a.ts", "README", odd.as_str()]);
        let mut read = |path: &str| match path {
            "a/package.json" => Some(Cow::Borrowed(nested.as_slice())),
            "a.js" => Some(Cow::Borrowed(contents[0].as_slice())),
            "a/index.js" => Some(Cow::Borrowed(contents[1].as_slice())),
            "x/a.ts" => Some(Cow::Borrowed(contents[2].as_slice())),
            _ => Some(Cow::Borrowed(contents[3].as_slice())),
        };
        let map = ReachMap::of(&manifest, &paths, &mut read, None, ReachLimits::default());
        for path in paths {
            let way = map.way(path);
            prop_assert!(way.is_empty() || way.last().unwrap() == path);
            prop_assert!(map.reach(path) == Reach::Inert || !way.is_empty());
        }
    }
}

proptest! {
    #[test]
    fn a_walk_for_one_file_says_of_it_what_a_whole_walk_says(
        imports in prop::collection::vec(prop::collection::vec(0..6_usize, 0..3), 6),
        main in 0..6_usize,
        command in 0..6_usize,
        script in prop::option::of(0..6_usize),
        is_closed in any::<bool>(),
    ) {
        let names = ["a.js", "b.js", "c.md", "d.json", "e.cjs", "f.txt"];
        let mut manifest = json!({ "main": names[main], "bin": { "x": names[command] } });
        if is_closed {
            manifest["exports"] = json!(format!("./{}", names[main]));
        }
        if let Some(script) = script {
            manifest["scripts"] = json!({ "install": format!("node {}", names[script]) });
        }
        let content = |path: &str| {
            let index = names.iter().position(|name| *name == path)?;
            let imported = imports[index].iter().map(|other| format!("require('./{}');\n", names[*other]));
            Some(Cow::Owned(imported.collect::<String>().into_bytes()))
        };
        let paths = BTreeSet::from(names);
        let whole = ReachMap::of(&manifest, &paths, &mut |path| content(path), None, ReachLimits::default());
        for name in names {
            let wanted = BTreeSet::from([name]);
            let map = ReachMap::of(&manifest, &paths, &mut |path| content(path), Some(&wanted), ReachLimits::default());
            prop_assert_eq!(map.reach(name), whole.reach(name), "{}", name);
            prop_assert_eq!(map.way(name), whole.way(name), "{}", name);
        }
    }
}

#[test]
fn hostile_names_are_bounded() {
    let imports: String = (0..3_000).map(|index| format!("require('./x' + y{index}); './{index}*';\n")).collect();
    let command = "./* ".repeat(20_000);
    let names: Vec<String> = (0..3_000).map(|index| format!("x{index}.md")).collect();
    let mut files: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "")).collect();
    files.push(("index.js", &imports));
    let map = map(&closed(json!({ "main": "index.js", "scripts": { "install": command } })), &files);
    assert!(!map.is_complete());
    assert_ne!(map.reach("x7.md"), Reach::Inert);
}

#[test]
fn only_a_stranger_s_file_is_a_program_whatever_it_is_called() {
    let files = [
        ("index.js", "require('./logo.png'); require(x)"),
        ("logo.png", "require('./hidden.js')"),
        ("hidden.js", ""),
        ("notes.md", "run()"),
        ("license.md", "Run (it)."),
    ];
    let contents: BTreeMap<&str, &str> = files.into_iter().collect();
    let paths: BTreeSet<&str> = contents.keys().copied().collect();
    let reach = |wanted: &[&'static str], path: &str| {
        let mut read = |path: &str| contents.get(path).map(|content| Cow::Borrowed(content.as_bytes()));
        let wanted = wanted.iter().copied().collect();
        let manifest = json!({ "exports": "./index.js" });
        ReachMap::of(&manifest, &paths, &mut read, Some(&wanted), ReachLimits::default()).reach(path)
    };
    assert_eq!(reach(&["hidden.js", "logo.png"], "hidden.js"), Reach::Import);
    assert_eq!(reach(&["hidden.js"], "hidden.js"), Reach::Reachable);
    assert_eq!(reach(&["notes.md"], "notes.md"), Reach::Reachable);
    assert_eq!(reach(&["license.md"], "license.md"), Reach::Inert);
}

/// A package of modules that all import each other, beside files that are asked for.
fn silent(names: &[&str], more: &str) -> (ReachMap, usize) {
    let modules: Vec<String> = (0..20).map(|index| format!("m{index}.js")).collect();
    let paths: BTreeSet<&str> = modules.iter().map(String::as_str).chain(names.iter().copied()).collect();
    let mut parsed = 0;
    let mut read = |path: &str| {
        parsed += usize::from(path == "m7.js");
        let index: usize = path.strip_prefix('m')?.strip_suffix(".js")?.parse().ok()?;
        let more = if index == 7 { more } else { "" };
        Some(Cow::Owned(format!("require('./m{}');\n{more}", (index + 1) % 20).into_bytes()))
    };
    let wanted: BTreeSet<&str> = names.iter().copied().collect();
    let map = ReachMap::of(&json!({ "main": "m0.js" }), &paths, &mut read, Some(&wanted), ReachLimits::default());
    (map, parsed)
}

#[test]
fn a_file_that_nothing_names_is_told_without_following_what_is_known() {
    let (map, read) = silent(&["release.md", "m1.js.map"], "//# sourceMappingURL=m1.js.map");
    assert_eq!((map.reach("release.md"), map.reach("m1.js.map")), (Reach::Inert, Reach::Inert));
    assert!(map.is_complete());
    assert_eq!(read, 1);
    let (map, read) = silent(&["data.json"], "");
    assert_eq!((map.reach("data.json"), read), (Reach::Reachable, 1));
}

#[test]
fn a_file_that_may_be_named_is_looked_for() {
    let (map, _) = silent(&["release.md"], "require('./release.md')");
    assert_eq!(map.reach("release.md"), Reach::Import);
    let (map, _) = silent(&["texts/a.md"], "read(__dirname + '/texts/' + x)");
    assert_eq!(map.reach("texts/a.md"), Reach::Reachable);
    let (map, _) = silent(&["data.json"], "require('./data')");
    assert_eq!(map.reach("data.json"), Reach::Import);
    let (map, _) = silent(&["sub/index.json"], "require('./sub')");
    assert_eq!(map.reach("sub/index.json"), Reach::Import);
}

#[test]
fn what_is_said_of_manifests_that_are_not_understood_is_little() {
    let deep = |open: &str, close: &str| format!("{{\"x\":{}1{}}}", open.repeat(300), close.repeat(300));
    let odd = ["{", "{\"x\":1,\"x\":2}", "{\"\\u0078\":1}"].map(str::to_owned);
    let mangled: Vec<String> = odd.into_iter().chain([deep("[", "]"), deep("{\"x\":", "}")]).collect();
    for nested in ["package.json", "src/package.json"] {
        for text in &mangled {
            let manifest = closed(json!({ "main": "a.js" }));
            let map = map(&manifest, &[(nested, text), ("a.js", ""), ("NOTES.md", "")]);
            assert!(!map.is_complete());
            assert_eq!(map.reach("a.js"), Reach::Import, "{nested} {text:.20}");
            assert_eq!(map.reach("NOTES.md"), Reach::Reachable, "{nested} {text:.20}");
        }
    }
}

#[test]
fn a_manifest_is_read_as_node_reads_it() {
    for text in [
        "{\"main\":\"../NO%54ES.md\"}",
        "{\"main\":\"../NO\\tTES.md\"}",
        "\u{feff}{\"main\":\"../NOTES.md\"}",
        r#"{"main":"../NOTES.md","x":"\ud800"}"#,
        r#"{"x":1e999,"main":"../NOTES.md"}"#,
    ] {
        let manifest = closed(json!({ "main": "a.js" }));
        let map = map(&manifest, &[("src/package.json", text), ("a.js", "require('./src')"), ("NOTES.md", "")]);
        assert_eq!(map.reach("NOTES.md"), Reach::Import, "{text}");
    }
}

#[test]
fn a_command_that_cannot_be_told_may_run_any_program() {
    let reach = |hook: &str, command: &str| {
        let manifest = closed(json!({ "main": "a.js", "scripts": { hook: command } }));
        map(&manifest, &[("a.js", ""), ("NOTES.md", "require('child_process').exec('id')")]).reach("NOTES.md")
    };
    for command in [
        "node NOTE?.md",
        "node -e \"require('./NO'+'TES.md')\"",
        "ls | xargs node",
        "node $(echo NOTES).md",
        "node `cat x`",
        "node %npm_package_config_x%",
    ] {
        assert_eq!(reach("postinstall", command), Reach::Reachable, "{command}");
        assert_eq!(reach("prepare", command), Reach::Inert, "{command}");
    }
    assert_eq!(reach("postinstall", "node a.js"), Reach::Inert);
}

#[rstest]
#[case("require('../pkg/NOTES.md')", "NOTES.md")]
#[case("import('../../@s/pkg/NOTES.md')", "NOTES.md")]
#[case("require('fs').readFileSync('node_modules/@s/pkg/NOTES.md')", "NOTES.md")]
#[case("require('../other/NOTES.md')", "")]
#[case("import('./NO\\tTES.md')", "NOTES.md")]
#[case("import './NOTES.md \\n'", "NOTES.md")]
fn a_package_may_name_itself_by_its_folder(#[case] text: &str, #[case] expected: &str) {
    let manifest = closed(json!({ "name": "@s/pkg", "main": "a.js" }));
    let map = map(&manifest, &[("a.js", text), ("NOTES.md", "")]);
    assert_eq!(map.reach("NOTES.md") != Reach::Inert, !expected.is_empty());
}

#[test]
fn a_pattern_or_a_hook_runs_nothing_that_is_only_read() {
    let hook = "require.extensions['.x'] = f";
    for (exports, main) in [(json!({ ".": "./main.js", "./*": "./*" }), "f()"), (json!({ ".": "./main.js" }), hook)] {
        let manifest = json!({ "exports": exports });
        let files = [
            ("main.js", main),
            ("LICENSE", "MIT (see below)"),
            ("a.d.ts", "export declare function f(): void;"),
            ("a.js.map", "{}"),
            ("README.md", "# Notes"),
            ("docs/notes.md", "x"),
            ("data.bin", "x"),
            ("program.js", "f()"),
        ];
        let map = map(&manifest, &files);
        for path in ["LICENSE", "a.d.ts", "a.js.map", "README.md"] {
            assert_eq!(map.reach(path), Reach::Inert, "{path} {main}");
        }
        for path in ["data.bin", "docs/notes.md"] {
            assert_eq!(map.reach(path), Reach::Reachable, "{path} {main}");
        }
    }
    // What a file names runs, and so does what is a program under any name.
    let files =
        [("main.js", "require('./notes.md'); require.extensions['.x'] = f"), ("notes.md", "f()"), ("LICENSE", "f()")];
    let found = map(&json!({ "exports": { ".": "./main.js", "./*": "./*" } }), &files);
    assert_eq!((found.reach("notes.md"), found.reach("LICENSE")), (Reach::Import, Reach::Reachable));
    let found =
        map(&json!({ "exports": { ".": "./main.js", "./docs/*": "./*.md" } }), &[("main.js", ""), ("a.md", "f()")]);
    assert_eq!(found.reach("a.md"), Reach::Reachable, "the pattern means documents");
}

#[test]
fn a_manifest_takes_effect_with_the_programs_below_it() {
    let manifest = json!({ "exports": { ".": "./main.js" } });
    let files = [
        ("main.js", ""),
        ("cjs/package.json", "{}"),
        ("cjs/deep/a.js", ""),
        ("docs/package.json", "{}"),
        ("cjsx/b.js", ""),
    ];
    let map = map(&manifest, &files);
    assert_eq!((map.reach("cjs/package.json"), map.reach("docs/package.json")), (Reach::Reachable, Reach::Inert));
}

#[rstest]
#[case::a_script_or_a_module("var a, b;\na <!-- b\nrequire('./no' + 'tes.md')")]
#[case::no_program("require('./no' + 'tes.md') ]")]
fn a_program_that_cannot_be_parsed_may_import_anything(#[case] main: &str) {
    let notes = "require('child_process').exec('id')";
    let map =
        map(&closed(json!({ "main": "main.js" })), &[("main.js", main), ("notes.md", notes), ("b.md", "# B (c)")]);
    assert_eq!((map.reach("notes.md"), map.reach("b.md")), (Reach::Reachable, Reach::Inert));
}

#[test]
fn node_knows_data_by_small_letters_alone() {
    let inner = "module.exports = require('./inner.js')";
    let files = [
        ("main.js", "require('./x.JSON'); require('./y.json')"),
        ("x.JSON", inner),
        ("y.json", inner),
        ("inner.js", ""),
    ];
    assert_eq!(map(&closed(json!({ "main": "main.js" })), &files).reach("inner.js"), Reach::Import);
    let files = [("main.js", "require('./y.json')"), ("y.json", inner), ("inner.js", "")];
    assert_eq!(map(&closed(json!({ "main": "main.js" })), &files).reach("inner.js"), Reach::Inert);
}
