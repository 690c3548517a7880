//! Which of the files that only the artifact has npm would never take from the package's directory, whatever a build
//! writes there.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::pack::npm::packlist::select_files;
use crate::pack::{Node, NodeKind, SourceTree};
use crate::package::read_json;
use crate::source::tree::{CommitTree, join};

/// Files that a build is supposed to have written, and nothing else: no ignore file can leave any of them out.
struct Written<'a> {
    files: BTreeSet<&'a str>,
}

impl SourceTree for Written<'_> {
    fn list(&self, directory: &str) -> Vec<Node> {
        let below = join(directory, "");
        let prefix = if directory.is_empty() { "" } else { &*below };
        let rests = self.files.iter().filter_map(|path| path.strip_prefix(prefix));
        let names: BTreeSet<(&str, bool)> =
            rests.map(|rest| rest.split_once('/').map_or((rest, false), |(name, _)| (name, true))).collect();
        let kind = |is_directory| if is_directory { NodeKind::Directory } else { NodeKind::File { executable: false } };
        names.into_iter().map(|(name, is)| Node { name: name.to_owned(), kind: kind(is) }).collect()
    }

    fn read(&self, _: &str) -> Option<Vec<u8>> {
        None
    }
}

/// Those of `paths` (from the package's directory) that `files` in the commit's manifest leaves out.
///
/// None where there is no `files`, since then everything may be packed, and where the manifest is `private`, since then
/// another one was published.
pub fn never_packed(tree: &CommitTree<'_>, directory: &str, paths: &[String]) -> BTreeSet<String> {
    let content = tree.read_file(&join(directory, "package.json")).unwrap_or_default();
    match read_json(&content) {
        Ok(manifest) => left_out(&manifest.value, paths),
        Err(_) => BTreeSet::new(),
    }
}

fn left_out(manifest: &Value, paths: &[String]) -> BTreeSet<String> {
    let is_private = manifest.get("private").is_some_and(|value| value != &Value::Bool(false));
    if is_private || !manifest.get("files").is_some_and(Value::is_array) {
        return BTreeSet::new();
    }
    let written = Written { files: paths.iter().map(String::as_str).chain(["package.json"]).collect() };
    let as_it_stands = select_files(&written, "", manifest);
    let as_published = select_files(&written, "", &published(manifest));
    if !as_it_stands.refusals.is_empty() || !as_published.refusals.is_empty() {
        return BTreeSet::new();
    }
    let is_packed = |path: &String| as_it_stands.files.contains_key(path) || as_published.files.contains_key(path);
    paths.iter().filter(|path| !is_packed(path) && !was_always_packed(path)).cloned().collect()
}

/// The manifest as package managers publish it that put keys of `publishConfig` over its own.
fn published(manifest: &Value) -> Value {
    let mut published = manifest.clone();
    if let (Some(keys), Some(over)) = (published.as_object_mut(), manifest["publishConfig"].as_object()) {
        keys.extend(over.iter().filter(|(key, _)| *key != "files").map(|(key, value)| (key.clone(), value.clone())));
    }
    published
}

/// Whether npm before version 9 packed a document of this name whatever `files` says.
fn was_always_packed(path: &str) -> bool {
    let name = path.to_ascii_lowercase();
    let (stem, extension) = name.split_once('.').unwrap_or((&name, ""));
    let is_document = matches!(extension, "" | "md" | "markdown" | "txt" | "rst");
    is_document && matches!(stem, "changelog" | "changes" | "history" | "notice") || path == "npm-shrinkwrap.json"
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_files_does_not_name_is_never_packed() {
        let paths =
            ["dist/a.js", "dist/deep/b.js", "evil.js", "src/evil.js", "main.js", "cli", "README.md"].map(str::to_owned);
        let left_out = |manifest: Value| left_out(&manifest, &paths).into_iter().collect::<Vec<_>>();
        let manifest = json!({"files": ["dist"], "main": "main.js", "bin": {"a": "cli"}});
        assert_eq!(left_out(manifest.clone()), ["evil.js", "src/evil.js"]);
        let over =
            json!({"files": ["dist"], "main": "main.js", "publishConfig": {"main": "evil.js", "files": ["src"]}});
        assert_eq!(left_out(over), ["cli", "src/evil.js"]);
        assert_eq!(
            left_out(json!({"files": ["dist", "!dist/deep", "*.js"]})),
            ["cli", "dist/deep/b.js", "src/evil.js"]
        );
        for all in [json!({}), json!({"files": ["**/*"]}), json!({"files": "dist"})] {
            assert!(left_out(all.clone()).is_empty(), "{all}");
        }
        let older = ["CHANGELOG.md", "NOTICE", "npm-shrinkwrap.json", "history.js", "a/NOTICE"].map(str::to_owned);
        let left: Vec<_> = super::left_out(&manifest, &older).into_iter().collect();
        assert_eq!(left, ["a/NOTICE", "history.js"], "older npm took the others from anywhere");
        let mut private = manifest;
        private["private"] = json!(true);
        assert!(left_out(private).is_empty(), "another manifest was published");
    }
}
