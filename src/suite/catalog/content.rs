//! Other content in files that the source has.

use super::{BUNDLED, MODIFIED, expect};
use crate::finding::Risk;
use crate::package::is_document;
use crate::suite::draft::{Draft, PAYLOAD, is_code};
use crate::suite::transformation::{Expected, Group, Planted, Transformation, VerdictIs};

const DOCUMENT: Expected = expect(&["file-modified"], Risk::Low);

const fn content(
    id: &'static str,
    title: &'static str,
    expected: Expected,
    apply: fn(&mut Draft) -> Option<Planted>,
) -> Transformation {
    Transformation { id, title, group: Group::Content, expected, apply }
}

pub(super) const TRANSFORMATIONS: &[Transformation] = &[
    content("payload-appended", "payload at the end of the main file", MODIFIED, |draft| {
        let path = draft.main_code()?;
        draft.append_payload(&path).map(Planted::at)
    }),
    content("payload-prepended", "payload at the beginning of the main file", MODIFIED, |draft| {
        let path = draft.main_code()?;
        draft.edit(&path, |text| Some(prepended(text))).map(Planted::at)
    }),
    content("payload-in-function", "payload inside of a function", MODIFIED, |draft| {
        let path = draft.find(|member| is_code(&member.path) && function_body(&member.content).is_some())?;
        draft
            .rewrite(&path, |content| {
                let at = function_body(content)?;
                Some([&content[..at], b" var inertLookAlike = 'collector.example'; ", &content[at..]].concat())
            })
            .map(Planted::at)
    }),
    content("payload-in-minified-file", "payload in the middle of a one-line minified file", MODIFIED, |draft| {
        let path = draft.find_ending(&[".min.js", ".min.mjs", ".min.cjs"])?;
        draft
            .edit(&path, |text| {
                let at = text.match_indices('}').nth(text.matches('}').count() / 2)?.0 + 1;
                let planted = "function inertLookAlike(){return\"collector.example\"}";
                Some(format!("{}{planted}{}", &text[..at], &text[at..]))
            })
            .map(Planted::at)
    }),
    content("payload-in-source-map", "payload in the source that a source map holds", READ_ONLY, |draft| {
        let path = draft.find_ending(&[".js.map", ".mjs.map", ".cjs.map"])?;
        in_source_map(draft, &path)
    }),
    content(
        "payload-in-loaded-source-map",
        "the same in a source map that code of the package loads",
        MODIFIED,
        |draft| {
            let path = draft.find(|member| {
                // A comment at the end of the compiled file names the map as well, but loads nothing.
                let quoted = format!("{}'", member.path);
                member.path.ends_with(".map")
                    && draft
                        .find(|code| is_code(&code.path) && String::from_utf8_lossy(&code.content).contains(&quoted))
                        .is_some()
            })?;
            in_source_map(draft, &path)
        },
    ),
    content("payload-in-command", "payload in a command's file", MODIFIED, |draft| {
        let path = draft.find(|member| member.content.starts_with(b"#!/usr/bin/env node"))?;
        draft.append_payload(&path).map(Planted::at)
    }),
    content("payload-in-shell-script", "payload in a shell script", MODIFIED, |draft| {
        let path = draft.find_ending(&[".sh"])?;
        draft.append(&path, "inert_look_alike() { : collector.example; }\n").map(Planted::at)
    }),
    content("payload-in-plugin", "payload in a file that is loaded by a name made at run time", MODIFIED, |draft| {
        let path = draft.find(|member| member.path.starts_with("locale/") && is_code(&member.path))?;
        draft.append_payload(&path).map(Planted::at)
    }),
    content("payload-in-declarations", "payload in a declaration file", READ_ONLY, |draft| {
        let path = draft.find_ending(&[".d.ts", ".d.mts", ".d.cts"])?;
        draft.append(&path, "/// <reference types=\"inert-look-alike\" />\n").map(Planted::at)
    }),
    content("payload-in-data", "another value in a data file", MODIFIED, |draft| {
        let path = data(draft)?;
        draft
            .edit_json(&path, |data| {
                data.insert("inertLookAlike".to_owned(), "https://collector.example/".into());
                Some(())
            })
            .map(|()| Planted::at(path))
    }),
    content("mark-before-data", "a byte order mark before data, which no reader of JSON takes", DOCUMENT, |draft| {
        let path = data(draft)?;
        draft.rewrite(&path, |content| Some([b"\xef\xbb\xbf", content].concat())).map(Planted::at)
    }),
    content("payload-in-style-sheet", "payload in a style sheet", MODIFIED, |draft| {
        let path = draft.find_ending(&[".css"])?;
        draft.append(&path, "a { background: url('https://collector.example/'); }\n").map(Planted::at)
    }),
    content("payload-in-page", "payload in an HTML page", MODIFIED, |draft| {
        let path = draft.find_ending(&[".html"])?;
        draft.append(&path, &format!("<script>{}</script>\n", PAYLOAD.trim_end())).map(Planted::at)
    }),
    content("payload-in-wasm", "a section more in a WebAssembly module", MODIFIED, |draft| {
        let path = draft.find_ending(&[".wasm"])?;
        // A custom section named `inert`.
        draft.rewrite(&path, |content| Some([content, b"\0\x06\x05inert"].concat())).map(Planted::at)
    }),
    content(
        "payload-in-native-source",
        "payload in a source file that is compiled at installation",
        MODIFIED,
        |draft| {
            let path = draft.find_ending(&[".cc", ".cpp", ".c"])?;
            draft.append(&path, "static const char *inert_look_alike = \"collector.example\";\n").map(Planted::at)
        },
    ),
    content("payload-in-bundled-dependency", "payload in a bundled dependency", BUNDLED, |draft| {
        let path = draft.find(|member| member.path.starts_with("node_modules/") && is_code(&member.path))?;
        draft.append_payload(&path).map(Planted::at)
    }),
    content("build-instructions-changed", "another source in binding.gyp", INSTALLATION, |draft| {
        draft
            .edit("binding.gyp", |text| Some(text.replacen("\"sources\": [", "\"sources\": [\"src/inert.cc\", ", 1)))
            .map(Planted::at)
    }),
    content("shrinkwrap-changed", "a dependency from elsewhere in npm-shrinkwrap.json", BUNDLED, |draft| {
        draft
            .edit("npm-shrinkwrap.json", |text| {
                Some(text.replace("https://registry.example/", "https://mirror.example/"))
            })
            .map(Planted::at)
    }),
    content("check-deleted", "a check deleted from the code", MODIFIED, |draft| {
        let check = |text: &str| text.lines().position(|line| line.contains("throw new ") && line.contains("if ("));
        let path = draft.find(|member| {
            is_code(&member.path) && std::str::from_utf8(&member.content).is_ok_and(|text| check(text).is_some())
        })?;
        draft
            .edit(&path, |text| {
                let line = check(text)?;
                let kept = text.split_inclusive('\n').enumerate().filter(|(index, _)| *index != line);
                Some(kept.map(|(_, line)| line).collect())
            })
            .map(Planted::at)
    }),
    content("older-file-content", "a file as an older commit had it", HISTORY, |draft| {
        // The commit of the release changed it, so what was there before is in the history.
        let world = draft.world.as_ref()?;
        let commit = world.repository.commits.iter().find(|commit| commit.label == draft.version)?;
        let (path, from, to) = commit.files.iter().find_map(|(path, edit)| match edit {
            crate::demo::Edit::Change(change) if !path.ends_with("package.json") && !is_document(path) => {
                let (from, to) = change.replace.first()?;
                Some((path.strip_prefix(&world.folder)?.to_owned(), from.clone(), to.clone()))
            }
            _ => None,
        })?;
        draft.edit(&path, |text| Some(text.replacen(&to, &from, 1))).map(Planted::at)
    }),
    content("comment-only", "a comment and nothing else", COMMENT, |draft| {
        let path = draft.main_code()?;
        draft.append(&path, "// inert look-alike: collector.example\n").map(Planted::at)
    }),
    content("readme-changed", "another readme", DOCUMENT, |draft| {
        let path = draft.find(|member| member.path.eq_ignore_ascii_case("readme.md"))?;
        draft.append(&path, "\nInstall inert-look-alike as well.\n").map(Planted::at)
    }),
    content("licence-changed", "another licence", DOCUMENT, |draft| {
        let path = draft.find(|member| {
            let name = member.path.to_ascii_lowercase();
            name.starts_with("license") || name.starts_with("licence")
        })?;
        draft.append(&path, "Except on Sundays.\n").map(Planted::at)
    }),
];

/// Tools and people read it, and nothing runs it by itself.
const READ_ONLY: Expected = expect(&["file-modified"], Risk::Low);

const INSTALLATION: Expected = expect(&["file-modified", "install-script-differs"], Risk::Medium);

/// The history has the file, so the release stays explained and the finding has to tell; where line ends were
/// converted as well, the history is not asked, and the file is just another one.
const HISTORY: Expected =
    Expected { rules: &["source-history-only", "file-modified"], risk: Risk::Medium, verdict: VerdictIs::Any };

const COMMENT: Expected = expect(&["file-modified"], Risk::Low);

/// The first file of data in JSON.
fn data(draft: &Draft) -> Option<String> {
    let manifests = ["package.json", "npm-shrinkwrap.json"];
    draft.find(|member| {
        let name = member.path.rsplit('/').next().unwrap_or_default();
        name.ends_with(".json") && !manifests.contains(&name) && !member.path.starts_with("node_modules/")
    })
}

/// The payload at the beginning of the first source that a source map holds.
fn in_source_map(draft: &mut Draft, path: &str) -> Option<Planted> {
    draft
        .edit(path, |text| {
            let at = text.find("\"sourcesContent\"").and_then(|key| Some(key + text[key..].find("[\"")? + 2))?;
            let planted = PAYLOAD.replace('\n', "\\n");
            Some(format!("{}{planted}{}", &text[..at], &text[at..]))
        })
        .map(Planted::at)
}

/// The payload behind a first line that has to stay first.
fn prepended(text: &str) -> String {
    let shebang = text.starts_with("#!").then(|| text.find('\n')).flatten().map_or(0, |end| end + 1);
    format!("{}{PAYLOAD}{}", &text[..shebang], &text[shebang..])
}

/// Where the body of the first function begins.
fn function_body(content: &[u8]) -> Option<usize> {
    let text = std::str::from_utf8(content).ok()?;
    let function = text.find("function ").or_else(|| text.find("=> {"))?;
    Some(function + text[function..].find('{')? + 1)
}
