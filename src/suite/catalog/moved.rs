//! Content of the source in another place than its own, and files of the source that are not there.

use super::files::file;
use super::{BUNDLED, MODIFIED, expect};
use crate::finding::Risk;
use crate::package::is_document;
use crate::suite::draft::{Draft, PAYLOAD, is_code};
use crate::suite::transformation::{Expected, Planted, Transformation, VerdictIs};

/// The commit has the content, so that the finding may be all that tells.
const MOVED: Expected = Expected {
    rules: &["content-moved", "file-not-in-source", "file-modified"],
    risk: Risk::Medium,
    verdict: VerdictIs::Any,
};
const ACTING: Expected = expect(&["file-not-in-source", "bundled-dependency-differs"], Risk::Medium);
/// Nothing more is in the archive than before, so no file can be unexplained.
const MISSING: Expected = Expected { rules: &["source-file-missing"], risk: Risk::Medium, verdict: VerdictIs::Any };

pub(super) const TRANSFORMATIONS: &[Transformation] = &[
    file("script-in-main", "the main file is one of the repository's scripts", MODIFIED, |draft| {
        let main = draft.main_code()?;
        draft.commit_file("scripts/inert.js", PAYLOAD.to_owned())?;
        draft.rewrite(&main, |_| Some(PAYLOAD.into())).map(Planted::at)
    }),
    file("example-in-main", "the main file is an example of the same name", MODIFIED, |draft| {
        let main = draft.main_code()?;
        let name = main.rsplit('/').next()?;
        draft.commit_file(&format!("test/fixtures/{name}"), PAYLOAD.to_owned())?;
        draft.rewrite(&main, |_| Some(PAYLOAD.into())).map(Planted::at)
    }),
    file("script-as-module", "one of the repository's scripts among the modules", MOVED, |draft| {
        draft.commit_file("scripts/inert.js", PAYLOAD.to_owned())?;
        draft.add("lib/inert.js", PAYLOAD).map(Planted::at)
    }),
    file("document-as-module", "prose of the repository under the name of a module", MOVED, |draft| {
        draft.commit_file("docs/inert.md", PAYLOAD.to_owned())?;
        draft.add("lib/inert.js", PAYLOAD).map(Planted::at)
    }),
    file("document-for-another", "an example of prose in the place of a document that is loaded", MODIFIED, |draft| {
        let path = draft.find(|member| member.path.contains('/') && is_document(&member.path))?;
        let name = path.rsplit('/').next()?;
        draft.commit_file(&format!("test/fixtures/{name}"), PAYLOAD.to_owned())?;
        draft.rewrite(&path, |_| Some(PAYLOAD.into())).map(Planted::at)
    }),
    file("bundled-in-other-case", "a file of a test as a bundled package in other letter case", ACTING, |draft| {
        commit_aside(draft, "node_modules/inert/index.js", PAYLOAD)?;
        draft.add("NODE_MODULES/inert/index.js", PAYLOAD).map(Planted::at)
    }),
    file("settings-in-other-case", "npm's settings of a test, in other letter case", ACTING, |draft| {
        let settings = "registry=https://collector.example/\n";
        commit_aside(draft, ".npmrc", settings)?;
        draft.add(".NPMRC", settings).map(Planted::at)
    }),
    file("script-of-bundled-package", "an install script in the manifest of a bundled package", BUNDLED, |draft| {
        let path = draft.find_ending(&["node_modules/tiny-knot/package.json"])?;
        draft.edit_json(&path, |manifest| {
            manifest.insert("scripts".to_owned(), serde_json::json!({ "postinstall": "node inert.js" }));
            Some(())
        })?;
        Some(Planted::at(path))
    }),
    file("shrinkwrap-removed", "npm-shrinkwrap.json left out", MISSING, |draft| left_out(draft, "npm-shrinkwrap.json")),
    file("bundled-file-removed", "a file of a bundled package left out", MISSING, |draft| {
        let path = draft.find(|member| member.path.starts_with("node_modules/") && is_code(&member.path))?;
        left_out(draft, &path)
    }),
    file("nested-manifest-removed", "a nested manifest left out", MISSING, |draft| {
        let path =
            draft.find(|member| member.path.ends_with("/package.json") && !member.path.starts_with("node_modules/"))?;
        left_out(draft, &path)
    }),
    file("main-removed", "the main file left out, so that another one is loaded", MISSING, |draft| {
        let manifest = draft.manifest()?;
        let main = manifest.get("main")?.as_str()?.trim_start_matches("./").to_owned();
        draft.file(&main)?;
        draft.add("index.js", PAYLOAD)?;
        draft.commit_file("index.js", PAYLOAD.to_owned())?;
        left_out(draft, &main)
    }),
];

/// Puts a file into the commit where tests are, and where the packer does not take it.
fn commit_aside(draft: &mut Draft, path: &str, text: &str) -> Option<()> {
    draft.commit_file(&format!("test/fixtures/{path}"), text.to_owned())
}

fn left_out(draft: &mut Draft, path: &str) -> Option<Planted> {
    draft.remove(path).map(|_| Planted::at(path))
}
