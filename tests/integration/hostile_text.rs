//! Text that a terminal would obey, in every place where a package, a registry or a repository can put text.

use std::sync::Arc;

use tarproof::demo::Case;

use crate::support::{Archive, Output, Tarproof, TestWorld};

/// Clears the screen, sets the title, moves back, reorders, hides.
const HOSTILE: &str = "\u{1b}[2J\u{1b}]0;owned\u{7}\r\u{8}\u{9b}31m\u{202e}gnp.js\u{200b}\u{feff}\u{85}";

const DESCRIPTION: &str = r#"
id = "hostile-text"
title = "hostile text"
kind = "attack"
package = "loud-paint"
description = "Escape sequences wherever text can be put."
planted = "escape sequences"

[[repositories]]
name = "brushworks/loud-paint"

[[repositories.commits]]
label = "1.0.0"
message = "HOSTILE"
tags = ["v1.0.0"]
files."package.json" = '{ "name": "loud-paint", "version": "1.0.0" }'
files."index.js" = "one\n"
files."sHOSTILE.js" = "only in the source\n"

[[releases]]
version = "1.0.0"
from = "1.0.0"
without = ["sHOSTILE.js"]
git_head = "1.0.0"
files."index.js" = "one\nHOSTILE\n"
files."package.json" = '''{ "name": "loud-paint", "version": "1.0.0", "main": "JSON", "JSON": { "JSON": "JSON" }, "scripts": { "postinstall": "JSON" }, "dependencies": { "JSON": "JSON" }, "bin": { "JSON": "JSON" } }'''
metadata.description = "HOSTILE"
metadata.repository = { type = "git", url = "https://git.example/brushworks/loud-paint" }
metadata.homepage = "https://git.example/HOSTILE/HOSTILE"
metadata.bugs = { url = "https://git.example/HOSTILE" }
metadata.dependencies = { "HOSTILE" = "HOSTILE" }
metadata.scripts = { install = "HOSTILE" }
metadata._npmVersion = "HOSTILE"
metadata.deprecated = "HOSTILE"

[[releases.entries]]
path = "package/HOSTILE"
text = "HOSTILE"
[[releases.entries]]
path = "package/link"
link = "HOSTILE"
[releases.expect]
verdict = "divergent"
why = "it is only text"

[[releases]]
version = "1.0.1"
from = "1.0.0"
files."package.json" = '{ "name": "loud-paint", "version": "1.0.1" }'
metadata.repository = "https://git.example/HOSTILE/HOSTILE"
metadata.gitHead = "HOSTILE"

[[releases]]
version = "1.0.2"
from = "1.0.0"
files."package.json" = '{ "name": "loud-paint", "version": "1.0.2" }'
metadata.repository = { type = "HOSTILE", url = "ext::sh -c HOSTILE", directory = "HOSTILE" }
metadata.name = "HOSTILE"

[[releases]]
version = "1.0.3"
from = "1.0.0"
files."package.json" = '{ "name": "loud-paint", "version": "1.0.3" }'
metadata.dist = { tarball = "HOSTILE", integrity = "HOSTILE", shasum = "HOSTILE" }
"#;

fn world() -> Arc<TestWorld> {
    // Both TOML and JSON know these escapes, and each needs them written.
    let escaped: String = HOSTILE.chars().map(|character| format!("\\u{:04x}", u32::from(character))).collect();
    let text = DESCRIPTION.replace("HOSTILE", &escaped).replace("JSON", &escaped);
    Arc::new(TestWorld::of_cases(vec![Case::parse("hostile-text", &text).unwrap()]))
}

/// Everything that moves a cursor, reorders or hides, except the line ends that the program writes itself.
fn assert_harmless(run: &Output) {
    for (name, stream) in [("stdout", &run.stdout), ("stderr", &run.stderr)] {
        let found: Vec<char> = stream
            .chars()
            .filter(|character| !matches!(character, '\n' | '\t') && tarproof::report::printable::is_hidden(*character))
            .collect();
        assert!(found.is_empty(), "{name} holds {found:?}:\n{stream:?}");
    }
}

#[test]
fn no_escape_reaches_the_terminal_from_a_registry_or_repository() {
    let tarproof = Tarproof::in_world(world());
    let subjects = ["npm:loud-paint@1.0.0", "npm:loud-paint@1.0.1", "npm:loud-paint@1.0.2", "npm:loud-paint@1.0.3"];
    for subject in subjects {
        let formats = ["json", "sarif", "html"].map(|format| vec!["verify", "--format", format]);
        for options in [vec!["verify"], vec!["verify", "--verbose"], vec!["diff"]].into_iter().chain(formats) {
            let run = tarproof.run(&[&options[..], &[subject]].concat());
            assert_harmless(&run);
            assert_ne!(run.code, 0, "{run}");
        }
    }
    let run = tarproof.run(&["verify", "--verbose", subjects[0]]);
    assert!(run.stdout.contains("\\u{1b}[2J") && run.stdout.contains("\\u{202e}"), "{run}");
    for path in ["index.js", "package.json", "link", &format!("package/{HOSTILE}"), &format!("s{HOSTILE}.js"), HOSTILE]
    {
        assert_harmless(&tarproof.run(&["explain", subjects[0], path]));
        assert_harmless(&tarproof.run(&["diff", subjects[0], path]));
    }
}

#[test]
fn the_json_report_holds_the_same_text_escaped() {
    let tarproof = Tarproof::in_world(world());
    let run = tarproof.run(&["verify", "--format", "json", "npm:loud-paint@1.0.0"]);
    let report = run.json();
    let files = report["results"][0]["files"].as_array().unwrap();
    let path = format!("package/{HOSTILE}");
    assert!(files.iter().any(|file| file["path"] == path.as_str()), "a reader gets the name as it is: {run}");
    assert_harmless(&run);
}

#[test]
fn no_escape_reaches_the_terminal_from_the_command_line_or_a_file() {
    let tarproof = Tarproof::in_world(world());
    let archive = Archive::package()
        .file(format!("package/{HOSTILE}.js"), HOSTILE)
        .file(format!("{HOSTILE}/second-root.js"), HOSTILE)
        .records(Archive::GLOBAL_PAX, &[(HOSTILE, b"x")])
        .link(b'1', "package/link", HOSTILE)
        .member(0x1b, b"package/special", b"")
        .end();
    tarproof.write("odd.tgz", archive.gzip());
    let repository = "@repositories/brushworks/loud-paint.git";
    for arguments in [
        &["verify", "--artifact", "odd.tgz", "--repository", repository][..],
        &["verify", "--verbose", "--artifact", "odd.tgz", "--repository", repository],
        &["verify", "--format", "json", "--artifact", "odd.tgz", "--repository", repository],
        &["verify", "--format", "sarif", "--artifact", "odd.tgz", "--repository", repository],
        &["verify", "--format", "html", "--artifact", "odd.tgz", "--repository", repository],
        &["verify", "--format", "html", HOSTILE],
        &["diff", "--artifact", "odd.tgz", "--repository", repository],
        &["verify", HOSTILE],
        &["verify", &format!("npm:loud-paint@{HOSTILE}")],
        &["verify", "--artifact", HOSTILE],
        &["verify", "--repository", HOSTILE, "npm:loud-paint@1.0.0"],
        &["verify", "--commit", HOSTILE, "npm:loud-paint@1.0.0"],
        &["verify", "--directory", HOSTILE, "npm:loud-paint@1.0.0"],
        &["--config", HOSTILE, "verify", "npm:loud-paint@1.0.0"],
        &["verify", "--output", &format!("{HOSTILE}/x"), "npm:loud-paint@1.0.0"],
    ] {
        let run = tarproof.run(arguments);
        assert_harmless(&run);
        assert_ne!(run.code, 0, "{run}");
    }
}

/// What a page would obey, as text, attribute value, end of a style or script, and a link or placeholder of SARIF.
const MARKUP: &str = "<script>alert(1)</script>\"><img src=x onerror=alert(1)>'</style><!--{0}[x](y)";

#[test]
fn no_markup_reaches_a_page_or_a_log() {
    let tarproof = Tarproof::in_world(world());
    let manifest = format!(r#"{{"name":"loud-paint","version":"1.0.0","scripts":{{"postinstall":{MARKUP:?}}}}}"#);
    let archive = Archive::new()
        .file("package/package.json", manifest)
        .file("package/index.js", format!("one\n{MARKUP}\n"))
        .file(format!("package/a{MARKUP}.js"), MARKUP)
        .link(b'2', "package/link", MARKUP)
        .end();
    tarproof.write("marked.tgz", archive.gzip());
    let call = |format| {
        [
            "verify",
            "--format",
            format,
            "--artifact",
            "marked.tgz",
            "--repository",
            "@repositories/brushworks/loud-paint.git",
        ]
    };
    let page = tarproof.run(&call("html")).stdout;
    assert!(page.matches("&lt;script&gt;alert(1)&lt;/script&gt;").count() >= 4, "{page}");
    for markup in ["<script>alert", "<img", "</style><!--", "<!--", "onerror=alert(1)>"] {
        assert!(!page.contains(markup), "{markup}");
    }
    let log = tarproof.run(&call("sarif")).json();
    for result in log["runs"][0]["results"].as_array().unwrap() {
        let text = result["message"]["text"].as_str().unwrap().replace("{{", "").replace("}}", "");
        assert!(!text.contains(['{', '}']) && !text.contains("x](") || text.contains("x\\]("), "{text}");
        let uri = result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"].as_str().unwrap();
        assert!(!uri.contains(['<', '>', '"', '{', '[', ':']), "{uri}");
    }
}
