//! Files added, removed, or put where others were.

use super::{ADDED, BUNDLED, MODIFIED, expect};
use crate::finding::Risk;
use crate::suite::draft::{Draft, Member, MemberKind, PAYLOAD, is_code};
use crate::suite::transformation::{Expected, Group, Planted, Transformation, VerdictIs};

pub(super) const fn file(
    id: &'static str,
    title: &'static str,
    expected: Expected,
    apply: fn(&mut Draft) -> Option<Planted>,
) -> Transformation {
    Transformation { id, title, group: Group::File, expected, apply }
}

const BINARY: Expected = expect(&["binary-added"], Risk::High);
/// What the name hides stands out.
const PROGRAM: Expected = expect(&["binary-added"], Risk::Critical);
const LINK: Expected = expect(&["unexpected-link"], Risk::High);
/// Nothing more is in the archive than before, so no file can be unexplained.
const MISSING: Expected =
    Expected { rules: &["file-missing", "source-file-missing"], risk: Risk::Low, verdict: VerdictIs::Any };

pub(super) const TRANSFORMATIONS: &[Transformation] = &[
    file("file-added", "a file of code added", ADDED, |draft| draft.add("lib/inert.js", PAYLOAD).map(Planted::at)),
    file("plugin-added", "a file added where names made at run time look", ADDED, |draft| {
        draft.find(|member| member.path.starts_with("locale/") && is_code(&member.path))?;
        draft.add("locale/zz.js", PAYLOAD).map(Planted::at)
    }),
    file("shadowing-file", "a file that is found before a folder of the same name", ADDED, |draft| {
        let index =
            draft.find(|member| member.path.ends_with("/index.js") && !member.path.starts_with("node_modules/"))?;
        draft.add(&format!("{}.js", index.strip_suffix("/index.js")?), PAYLOAD).map(Planted::at)
    }),
    file("declarations-added", "a declaration file added", READ_ONLY, |draft| {
        draft.add("inert.d.ts", "/// <reference types=\"inert-look-alike\" />\n").map(Planted::at)
    }),
    file("page-added", "an HTML page added", ADDED, |draft| {
        draft.add("docs/inert.html", format!("<script>{}</script>\n", PAYLOAD.trim_end())).map(Planted::at)
    }),
    file("native-module-added", "a native module added", BINARY, |draft| {
        draft.add("prebuilds/linux-x64/inert.node", b"\x7fELF\x02\x01\x01inert look-alike".as_slice()).map(Planted::at)
    }),
    file("wasm-added", "a WebAssembly module added", BINARY, |draft| {
        draft.add("lib/inert.wasm", b"\0asm\x01\0\0\0\0\x06\x05inert".as_slice()).map(Planted::at)
    }),
    file("program-among-images", "a program with an image's name among very many added images", PROGRAM, |draft| {
        // More than is kept of what is new, so that the program's content is not.
        let image = [b"\x89PNG\r\n\x1a\n".as_slice(), &[0; 20 << 10]].concat();
        for number in 0..60 {
            draft.add(&format!("assets/{number:02}.png"), image.as_slice())?;
        }
        draft.add("assets/42-inert.png", b"\x7fELF\x02\x01\x01inert look-alike".as_slice()).map(Planted::at)
    }),
    file("shell-script-added", "an executable shell script added", ADDED, |draft| {
        let mut script = Member::file("bin/inert.sh", "#!/bin/sh\ninert_look_alike() { : collector.example; }\n");
        script.executable = true;
        draft.members.push(script);
        Some(Planted::at("bin/inert.sh"))
    }),
    file("npmrc-added", "an .npmrc added", NOT_PACKED, |draft| {
        draft.add(".npmrc", "registry=https://collector.example/\n").map(Planted::at)
    }),
    file("dotfile-added", "a hidden file of code added", ADDED, |draft| {
        draft.add(".inert.js", PAYLOAD).map(Planted::at)
    }),
    file("node-modules-file-added", "a package under node_modules added", BUNDLED, |draft| {
        draft.add("node_modules/inert-look-alike/index.js", PAYLOAD).map(Planted::at)
    }),
    file("shrinkwrap-added", "npm-shrinkwrap.json added", NOT_PACKED, |draft| {
        draft.add("npm-shrinkwrap.json", lockfile()).map(Planted::at)
    }),
    file("lockfile-added", "package-lock.json added", NOT_PACKED, |draft| {
        draft.add("package-lock.json", lockfile()).map(Planted::at)
    }),
    file("binding-gyp-added", "binding.gyp added: npm then compiles at installation", IMPLICIT_SCRIPT, |draft| {
        draft
            .add("binding.gyp", "{ \"targets\": [{ \"target_name\": \"inert\", \"type\": \"none\" }] }\n")
            .map(Planted::at)
    }),
    file("nested-manifest-added", "a manifest in a folder that names another main", NESTED, |draft| {
        let folder = draft.main_code()?.rsplit_once('/')?.0.to_owned();
        draft.add(&format!("{folder}/inert.js"), PAYLOAD)?;
        draft.add(&format!("{folder}/package.json"), "{ \"main\": \"inert.js\" }\n").map(Planted::at)
    }),
    file("nested-manifest-changed", "a nested manifest that names another main", NESTED_CHANGED, |draft| {
        let path =
            draft.find(|member| member.path.ends_with("/package.json") && !member.path.starts_with("node_modules/"))?;
        let folder = path.strip_suffix("/package.json")?.to_owned();
        draft.add(&format!("{folder}/inert.js"), PAYLOAD)?;
        draft.edit_json(&path, |manifest| {
            manifest.insert("main".to_owned(), "./inert.js".into());
            Some(())
        })?;
        Some(Planted::at(path))
    }),
    file("file-removed", "a file of code left out", MISSING, |draft| {
        let main = draft.main_code()?;
        let path = draft
            .find(|member| is_code(&member.path) && member.path != main && !member.path.starts_with("node_modules/"))?;
        draft.remove(&path)?;
        Some(Planted::at(path))
    }),
    file("file-became-folder", "a folder of the same name in the place of a file", ADDED, |draft| {
        let path = draft.main_code()?;
        draft.remove(&path)?;
        let inner = format!("{path}/index.js");
        draft.add(&inner, PAYLOAD).map(Planted::at)
    }),
    file("file-moved", "the content of one file under the name of another", MODIFIED, |draft| {
        let main = draft.main_code()?;
        let other = draft
            .find(|member| is_code(&member.path) && member.path != main && !member.path.starts_with("node_modules/"))?;
        let content = draft.file(&other)?.content.clone();
        draft.rewrite(&main, |_| Some(content)).map(Planted::at)
    }),
    file("executable-bit", "an executable bit", EXECUTABLE, |draft| {
        let path = draft.find(|member| is_code(&member.path) && !member.executable)?;
        draft.members.iter_mut().find(|member| member.path == path)?.executable = true;
        Some(Planted::at(path))
    }),
    file("symbolic-link", "a symbolic link", LINK, |draft| {
        let mut link = Member::file("lib/inert", "");
        link.kind = MemberKind::SymbolicLink("../../../inert-look-alike".to_owned());
        draft.members.push(link);
        Some(Planted::at("lib/inert"))
    }),
    file("hard-link", "a hard link", LINK, |draft| {
        let mut link = Member::file("lib/inert", "");
        link.kind = MemberKind::HardLink("package/package.json".to_owned());
        draft.members.push(link);
        Some(Planted::at("lib/inert"))
    }),
];

/// The source may have such a file, which is never packed, and then it is another one.
const NOT_PACKED: Expected =
    expect(&["file-not-in-source", "file-modified", "bundled-dependency-differs"], Risk::Medium);
/// Tools and people read it, and nothing runs it by itself.
const READ_ONLY: Expected = expect(&["file-not-in-source"], Risk::Low);
const IMPLICIT_SCRIPT: Expected = expect(&["install-script-added"], Risk::High);
const NESTED: Expected = expect(&["file-not-in-source", "entry-point-differs"], Risk::Medium);
const NESTED_CHANGED: Expected = expect(&["file-modified", "entry-point-differs"], Risk::Medium);
/// The content is the source's.
const EXECUTABLE: Expected = Expected { rules: &["executable-bit-added"], risk: Risk::Low, verdict: VerdictIs::Any };

fn lockfile() -> &'static str {
    "{\n  \"lockfileVersion\": 3,\n  \"packages\": {\n    \"node_modules/inert-look-alike\": {\n      \
     \"version\": \"1.0.0\",\n      \"resolved\": \"https://collector.example/inert-look-alike-1.0.0.tgz\"\n    }\n  }\n}\n"
}
