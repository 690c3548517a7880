//! Finds build output that is committed: it has to be made anew, or it proves nothing.

use super::commit::{configures_a_build, join};
use super::infer::Scene;
use crate::package::is_document;

/// Directories that hold nothing but build output wherever something builds.
const ALWAYS_OUTPUT: [&str; 4] = ["dist", "umd", "cjs", "esm"];
/// Directories that hold build output where the build names them so.
const PERHAPS_OUTPUT: [&str; 11] =
    ["lib", "build", "es", "out", "types", "module", "commonjs", "bundle", "bundles", "typings", "compiled"];
/// Most files that are named one by one.
const MAX_FILES: usize = 200;

/// The committed output of the package's build, as plan paths.
pub(super) fn find(scene: &Scene<'_>) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    let evidence = evidence(scene);
    for name in scene.commit.directories(scene.directory) {
        let path = join(scene.directory, &name);
        let is_output = ALWAYS_OUTPUT.contains(&name.as_str())
            || (PERHAPS_OUTPUT.contains(&name.as_str()) && is_written(&evidence, &name));
        if is_output && !holds_sources(scene, &path, 0) {
            let mut files = Vec::new();
            if only_generated(scene, &path, 0, &mut files) {
                found.push(path);
            } else {
                // Something beside the output was written by hand, such as `dist/cjs/package.json`.
                found.extend(files);
            }
        }
    }
    found.truncate(MAX_FILES);
    for published in scene.residue.iter().take(20_000) {
        let path = join(scene.directory, published);
        let covered = found.iter().any(|directory| path.starts_with(&format!("{directory}/")));
        if found.len() < MAX_FILES && !covered && looks_generated(published) && scene.commit.is_file(&path) {
            found.push(path);
        }
    }
    found
}

fn looks_generated(path: &str) -> bool {
    let is_minified =
        [".min.js", ".min.css", ".min.mjs", ".js.map", ".mjs.map", ".cjs.map"].iter().any(|end| path.ends_with(end));
    is_minified && !is_document(path)
}

/// What the build's own files say, as one text.
fn evidence(scene: &Scene<'_>) -> String {
    let mut text = String::new();
    for directory in [scene.directory, &scene.workspace.root] {
        if let Some(scripts) = scene.commit.manifest(directory).and_then(|manifest| manifest.get("scripts").cloned()) {
            for (_, script) in scripts.as_object().into_iter().flatten() {
                text.push_str(script.as_str().unwrap_or_default());
                text.push('\n');
            }
        }
    }
    for name in scene.commit.files(scene.directory) {
        if configures_a_build(&name)
            && text.len() < 1 << 20
            && let Some(content) = scene.commit.text(&join(scene.directory, &name))
        {
            text.push_str(&content);
            text.push('\n');
        }
    }
    text
}

/// Whether a build's files name a directory as one that they write or clear.
fn is_written(evidence: &str, name: &str) -> bool {
    let words: Vec<&str> = evidence
        .split(|character: char| character.is_whitespace() || "\"',;:()[]{}=&|`".contains(character))
        .filter(|word| !word.is_empty())
        .collect();
    let names_it = |word: &str| {
        let word = word.trim_start_matches("./").trim_end_matches('*').trim_end_matches('/');
        word == name || word.strip_prefix(name).is_some_and(|rest| rest.starts_with('/'))
    };
    const WRITERS: [&str; 17] = [
        "-d",
        "-o",
        "--out-dir",
        "--outDir",
        "--outdir",
        "--out",
        "--output",
        "-outDir",
        "outDir",
        "declarationDir",
        "rimraf",
        "del-cli",
        "mkdirp",
        "shx",
        "-rf",
        "-fr",
        "del",
    ];
    words.iter().enumerate().any(|(index, word)| {
        let before = index.checked_sub(1).map(|before| words[before]);
        let writes = |word: &str| WRITERS.contains(&word) || matches!(word, "dir" | "file" | "dest");
        names_it(word) && (before.is_some_and(writes) || (index > 1 && WRITERS.contains(&words[index - 2])))
    })
}

/// Collects the generated files below a directory; says whether there are no others.
fn only_generated(scene: &Scene<'_>, directory: &str, depth: usize, files: &mut Vec<String>) -> bool {
    const ENDINGS: [&str; 10] =
        [".js", ".mjs", ".cjs", ".map", ".css", ".wasm", ".d.ts", ".d.mts", ".d.cts", ".min.html"];
    if depth > 6 || files.len() > MAX_FILES {
        return false;
    }
    let mut all = true;
    for name in scene.commit.files(directory) {
        if ENDINGS.iter().any(|ending| name.ends_with(ending)) {
            files.push(join(directory, &name));
        } else {
            all = false;
        }
    }
    for name in scene.commit.directories(directory) {
        all &= only_generated(scene, &join(directory, &name), depth + 1, files);
    }
    all
}

/// Whether a directory holds files that only people write.
fn holds_sources(scene: &Scene<'_>, directory: &str, depth: usize) -> bool {
    if depth > 3 {
        return false;
    }
    let is_source = |name: &String| {
        let typescript =
            (name.ends_with(".ts") || name.ends_with(".tsx") || name.ends_with(".mts")) && !name.contains(".d.");
        typescript || name.ends_with(".coffee") || name.ends_with(".jsx") || name.ends_with(".vue")
    };
    if scene.commit.files(directory).iter().any(is_source) {
        return true;
    }
    scene
        .commit
        .directories(directory)
        .iter()
        .take(100)
        .any(|name| holds_sources(scene, &join(directory, name), depth + 1))
}
