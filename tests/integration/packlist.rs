//! Replays what `scripts/record-packlist` recorded of npm and git, and reports every disagreement at once.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use serde_json::Value;
use tarproof::pack::npm::packlist::{GitIgnores, NpmGeneration, PackOptions, Refusal, select_files, select_files_as};
use tarproof::pack::{Node, NodeKind, SourceTree};

/// A tree of files in memory.
#[derive(Debug, Default)]
struct MemoryTree {
    directories: BTreeMap<String, BTreeMap<String, NodeKind>>,
    contents: BTreeMap<String, Vec<u8>>,
}

impl MemoryTree {
    fn add(&mut self, path: &str, kind: NodeKind, content: &[u8]) {
        self.contents.insert(path.to_owned(), content.to_vec());
        let (mut path, mut kind) = (path, kind);
        loop {
            let (directory, name) = path.rsplit_once('/').unwrap_or(("", path));
            self.directories.entry(directory.to_owned()).or_default().insert(name.to_owned(), kind);
            if directory.is_empty() {
                return;
            }
            (path, kind) = (directory, NodeKind::Directory);
        }
    }

    fn files(files: &[(&str, &str)]) -> Self {
        let mut tree = Self::default();
        for (path, content) in files {
            tree.add(path, NodeKind::File { executable: false }, content.as_bytes());
        }
        tree
    }

    fn recorded(record: &Value) -> Self {
        let mut tree = Self::default();
        let executable = paths(&record["executable"]);
        for (path, content) in record["files"].as_object().unwrap() {
            match content {
                Value::String(text) => {
                    tree.add(path, NodeKind::File { executable: executable.contains(path) }, text.as_bytes());
                }
                link => tree.add(path, NodeKind::Symlink, link["symlink"].as_str().unwrap().as_bytes()),
            }
        }
        tree
    }
}

impl SourceTree for MemoryTree {
    fn list(&self, directory: &str) -> Vec<Node> {
        let children = self.directories.get(directory).into_iter().flatten();
        children.map(|(name, &kind)| Node { name: name.clone(), kind }).collect()
    }

    fn read(&self, path: &str) -> Option<Vec<u8>> {
        self.contents.get(path).cloned()
    }
}

fn paths(value: &Value) -> Vec<String> {
    value.as_array().into_iter().flatten().map(|path| path.as_str().unwrap().to_owned()).collect()
}

fn recording() -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/recorded/packlist.json");
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

fn manifest(tree: &MemoryTree, directory: &str) -> Value {
    let path = if directory.is_empty() { "package.json".to_owned() } else { format!("{directory}/package.json") };
    tree.read(&path).map(|content| serde_json::from_slice(&content).unwrap()).unwrap_or_default()
}

fn report(disagreements: &mut String, name: &str, what: &str, expected: &[String], actual: &[String]) {
    let missing: Vec<_> = expected.iter().filter(|path| !actual.contains(path)).collect();
    let surplus: Vec<_> = actual.iter().filter(|path| !expected.contains(path)).collect();
    if !missing.is_empty() || !surplus.is_empty() {
        writeln!(disagreements, "{name}: {what}: only the original: {missing:?}, only ours: {surplus:?}").unwrap();
    }
}

#[test]
fn every_recorded_tree_is_packed_as_npm_packs_it() {
    let recording = recording();
    let trees = recording["trees"].as_array().unwrap();
    assert!(trees.len() >= 360);
    let mut disagreements = String::new();
    for record in trees {
        let tree = MemoryTree::recorded(record);
        let directory = record["directory"].as_str().unwrap();
        for generation in [NpmGeneration::Eleven, NpmGeneration::Ten] {
            let answer = match (generation, record.get("npm10")) {
                (NpmGeneration::Ten, Some(answer)) => answer,
                _ => &record["answer"],
            };
            let options = PackOptions { generation, ..PackOptions::default() };
            let selection = select_files_as(&tree, directory, &manifest(&tree, directory), options);
            let name = format!("{} (npm {generation:?})", record["name"].as_str().unwrap());
            assert!(selection.unavailable.is_empty(), "{name}: {:?}", selection.unavailable);
            if let Some(failure) = answer["failure"].as_str() {
                let is_about_name = failure.contains("must have name and version");
                if selection.refusals.is_empty() && !is_about_name {
                    writeln!(disagreements, "{name}: npm fails with {failure:?}, we do not").unwrap();
                }
                continue;
            }
            if !selection.refusals.is_empty() {
                writeln!(disagreements, "{name}: refused: {:?}", selection.refusals).unwrap();
            }
            let files: Vec<String> = selection.files.keys().cloned().collect();
            report(&mut disagreements, &name, "files", &paths(&answer["files"]), &files);
            let executable: Vec<String> =
                selection.files.iter().filter(|(_, file)| file.executable).map(|(path, _)| path.clone()).collect();
            report(&mut disagreements, &name, "executable", &paths(&answer["executable"]), &executable);
        }
    }
    assert!(disagreements.is_empty(), "{disagreements}");
}

#[test]
fn every_recorded_tree_is_ignored_as_git_ignores_it() {
    let mut disagreements = String::new();
    for record in recording()["trees"].as_array().unwrap() {
        let tree = MemoryTree::recorded(record);
        let ignored = paths(&record["git"]["ignored"]);
        let mut asked: Vec<String> = tree.contents.keys().cloned().collect();
        asked.extend(ignored.clone());
        asked.extend(paths(&record["git"]["visible"]));
        asked.sort();
        asked.dedup();
        let mut ignores = GitIgnores::new(&tree);
        let ours: Vec<String> = asked.into_iter().filter(|path| ignores.ignores(path)).collect();
        report(&mut disagreements, record["name"].as_str().unwrap(), "ignored", &ignored, &ours);
    }
    assert!(disagreements.is_empty(), "{disagreements}");
}

#[test]
fn missing_blobs_are_named() {
    let mut tree = MemoryTree::files(&[("package.json", "{}"), ("lib/.npmignore", "a.js"), ("lib/a.js", "")]);
    tree.contents.remove("lib/.npmignore");
    let selection = select_files(&tree, "", &serde_json::json!({"name": "x"}));
    assert_eq!(selection.unavailable, ["lib/.npmignore"]);
    assert!(selection.files.contains_key("lib/a.js"));
}

#[test]
fn endless_work_is_refused() {
    let rules: String = (0..2_000).fold(String::new(), |rules, index| rules + &format!("/a{index}/**/b/**/c\n"));
    let mut tree = MemoryTree::files(&[("package.json", "{}"), (".npmignore", &rules)]);
    for index in 0..2_000 {
        tree.add(&format!("d/e/f/{index}"), NodeKind::File { executable: false }, b"");
    }
    let options = PackOptions { maximum_steps: 5_000_000, ..PackOptions::default() };
    let selection = select_files_as(&tree, "", &serde_json::json!({"name": "x"}), options);
    assert!(selection.refusals.contains(&Refusal::TooMuchWork), "{:?}", selection.refusals);
}

#[test]
fn very_deep_trees_are_walked_without_recursion() {
    let mut tree = MemoryTree::files(&[("package.json", "{}")]);
    tree.add(&format!("{}x", "d/".repeat(150)), NodeKind::File { executable: false }, b"");
    let selection = select_files(&tree, "", &serde_json::json!({"name": "x", "directories": {"bin": "e"}}));
    assert_eq!(selection.files.len(), 2);
}
