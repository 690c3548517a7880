//! Which files the commit itself says come out of its build: what git ignores where it is made, what a source of the
//! same name becomes, and what a command names as the file that it writes.
//!
//! Nothing here is explained by that. It says which files wait for a build that was not run, and how urgent they are
//! until then; whoever publishes has no say in it.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::ledger::Explanation;
use crate::pack::npm::packlist::GitIgnores;
use crate::package::read_json;
use crate::rebuild::Plan;
use crate::rebuild::plan::place;
use crate::rebuild::run::is_private;
use crate::source::match_commit::CommitMatch;
use crate::source::tree::{CommitTree, join};
use crate::verify::stages::compare::Outcome;
use crate::verify::stages::source::Discovery;

/// Endings of what is built, longest first.
const BUILT: [&str; 12] = [
    ".d.mts.map",
    ".d.cts.map",
    ".d.ts.map",
    ".mjs.map",
    ".cjs.map",
    ".js.map",
    ".d.mts",
    ".d.cts",
    ".d.ts",
    ".mjs",
    ".cjs",
    ".js",
];
/// Endings of what people write.
const SOURCES: [&str; 8] = [".ts", ".tsx", ".mts", ".cts", ".js", ".jsx", ".mjs", ".coffee"];
/// What a file that is written follows in a command.
const WRITERS: [&str; 5] = ["--file", "-o", "--output", "--outfile", "--out-file"];
/// Most scripts that are read for what they write.
const MAX_SCRIPTS: usize = 200;

/// Stage 6b: finds the unexplained files that come out of the commit's build.
pub(in crate::verify) fn find_output(matched: &Option<CommitMatch>, discovery: &Discovery, outcome: &mut Outcome) {
    let (Some(matched), Some(source), Some(compared)) = (matched, discovery.repository(), &outcome.compared) else {
        return;
    };
    let Some(tree) = CommitTree::of_commit(source, &matched.winner.commit) else { return };
    let directory = matched.winner.directory.path.as_str();
    let plans = outcome.rebuild.as_ref().map(|record| &record.plans[..]).unwrap_or_default();
    let elsewhere = plans.iter().filter(|plan| plan.pack.is_elsewhere(directory));
    let places: BTreeSet<&str> = elsewhere.map(|plan| plan.pack.place()).collect();
    let written = written_files(&tree, directory, plans);
    let mut ignores = GitIgnores::new(&tree);
    let is_made = |folder: &str| tree.subtree(&join(directory, folder)).is_none();
    let mut is_output = |path: &str, explanation: &Explanation| match explanation {
        Explanation::ArtifactOnly { ignored_by_git: true } => true,
        Explanation::ArtifactOnly { .. } => {
            // What is packed from a directory that the commit does not have at all is made, too.
            places.iter().any(|place| tree.subtree(place).is_none() || ignores.ignores(&join(place, path)))
                || !plans.is_empty() && has_source(path, |twin| tree.file(&join(directory, twin)).is_some(), is_made)
        }
        Explanation::Modified { .. } => written.contains(&join(directory, path)),
        _ => false,
    };
    let files = compared.ledger.unexplained().filter(|file| is_output(&file.path, &file.explanation));
    outcome.output = files.map(|file| file.path.to_string()).collect();
}

/// Whether the commit has under `src` what a file of that path is built from; below a folder that it does not have
/// (`is_made`) the same path counts without it: `src/add.ts` for `esm/add.js`.
fn has_source(path: &str, is_there: impl Fn(&str) -> bool, is_made: impl Fn(&str) -> bool) -> bool {
    let Some(stem) = BUILT.iter().find_map(|end| path.strip_suffix(end)).filter(|stem| !stem.is_empty()) else {
        return false;
    };
    let below = stem.split_once('/').filter(|(folder, _)| is_made(folder)).map(|(_, rest)| rest);
    let is_source =
        |stem: &str, end: &str| is_there(&format!("src/{stem}{end}")) || is_there(&format!("src/{stem}/index{end}"));
    [Some(stem), below].into_iter().flatten().any(|stem| SOURCES.iter().any(|end| is_source(stem, end)))
}

/// Files, from the repository's root, that the plans' commands and the scripts that these name say they write, and the
/// manifest where it cannot be the published one.
fn written_files(tree: &CommitTree<'_>, directory: &str, plans: &[Plan]) -> BTreeSet<String> {
    let manifest = tree.read_file(&join(directory, "package.json")).and_then(|content| read_json(&content).ok());
    let manifest = manifest.map(|manifest| manifest.value).unwrap_or_default();
    let packing = |plan: &Plan| {
        let scripts = plan.pack.scripts.then_some(["prepack", "prepare", "postpack"]);
        scripts.into_iter().flatten().chain(plan.pack.prepublish_only.then_some("prepublishOnly")).collect::<Vec<_>>()
    };
    let own = |plan: &&Plan| plan.pack.place() == directory;
    let steps = plans.iter().flat_map(|plan| &plan.steps).filter(|step| place(&step.directory) == directory);
    let commands = steps.map(|step| step.run.as_str());
    let names = plans.iter().filter(own).flat_map(packing);
    let mut written = written(&manifest, commands.collect(), names.collect());
    // Nobody can publish such a manifest, so something writes the published one.
    if is_private(&manifest) {
        written.insert("package.json".to_owned());
    }
    written.iter().map(|path| join(directory, path)).collect()
}

/// The files that commands write, and the scripts of `manifest` that they name, from the package's directory.
fn written<'a>(manifest: &'a Value, mut commands: Vec<&'a str>, names: Vec<&'a str>) -> BTreeSet<String> {
    let script = |name: &str| manifest.get("scripts")?.get(name)?.as_str();
    let mut seen: BTreeSet<&str> = names.into_iter().collect();
    commands.extend(seen.iter().filter_map(|name| script(name)));
    let mut files = BTreeSet::new();
    while let Some(command) = commands.pop() {
        let words = words(command);
        let pairs = words.windows(2).filter(|pair| WRITERS.contains(&pair[0])).map(|pair| pair[1]);
        let joined = words.iter().filter_map(|word| word.split_once('=')).filter(|(flag, _)| WRITERS.contains(flag));
        // Programs that are passed the manifest by such a flag read it as often as not.
        let passed = pairs.chain(joined.map(|(_, file)| file)).map(without_dot).filter(|file| *file != "package.json");
        let unquoted = without_quoted(command);
        let redirected = words_redirected(&unquoted).map(without_dot);
        files.extend(passed.chain(redirected).filter(|file| is_plain(file)).map(str::to_owned));
        for word in words {
            if let Some(body) = script(word).filter(|_| seen.len() < MAX_SCRIPTS && seen.insert(word)) {
                commands.push(body);
            }
        }
    }
    files
}

fn words(command: &str) -> Vec<&str> {
    command.split(|character: char| character.is_whitespace() || "\"';&|()".contains(character)).collect()
}

/// The words that follow a `>` of their own in a command without quoted text.
fn words_redirected(unquoted: &str) -> impl Iterator<Item = &str> {
    let mut words = words(unquoted).into_iter();
    std::iter::from_fn(move || words.find(|word| *word == ">").and_then(|_| words.next()))
}

/// The command with `$` in the place of each quoted or escaped character, so that none of it is an operator of the shell
/// or a whole name.
fn without_quoted(command: &str) -> String {
    let mut quote = None;
    let mut characters = command.chars();
    let mut unquoted = String::new();
    while let Some(character) = characters.next() {
        match (quote, character) {
            (None | Some('"'), '\\') => {
                characters.next();
            }
            (Some(open), _) if open == character => quote = None,
            (None, '"' | '\'') => quote = Some(character),
            (None, _) => {
                unquoted.push(character);
                continue;
            }
            _ => {}
        }
        unquoted.push('$');
    }
    unquoted
}

fn without_dot(file: &str) -> &str {
    file.trim_start_matches("./")
}

fn is_plain(file: &str) -> bool {
    !file.is_empty()
        && !file.starts_with(['-', '/'])
        && !file.contains(['$', '*', '`', '{', '~'])
        && !file.contains("..")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_command_names_the_file_that_it_writes() {
        let manifest = json!({"scripts": {
            "build": "npm run build:esm && npm run min",
            "build:esm": "rollup mustache.mjs --file ./mustache.js --format umd",
            "min": "uglifyjs mustache.js > mustache.min.js; cat x 2> err.js",
            "unrelated": "cp x -o evil.js",
            "prepublishOnly": "npm run build",
        }});
        let written = |commands: &[&'static str], names: &[&'static str]| -> Vec<String> {
            written(&manifest, commands.to_vec(), names.to_vec()).into_iter().collect()
        };
        assert_eq!(written(&[], &["prepublishOnly"]), ["mustache.js", "mustache.min.js"]);
        assert_eq!(written(&["yarn run build:esm"], &[]), ["mustache.js"]);
        assert_eq!(written(&["x --outfile=a/b.js -o $OUT --output ../c.js"], &[]), ["a/b.js"]);
        assert!(written(&["node test.js"], &["prepare"]).is_empty());
    }

    #[test]
    fn what_is_quoted_redirects_nothing_and_no_flag_names_the_manifest() {
        let written = |command: &'static str| -> Vec<String> {
            written(&Value::Null, vec![command], Vec::new()).into_iter().collect()
        };
        for command in [
            "echo 'a > index.js'",
            "echo \"a > index.js\"",
            "echo \"it\\\"s > index.js\"",
            "echo 'a' ' > index.js ' b",
            "echo \\> index.js",
            "echo \"never closed > index.js",
            "npm install 'x@ >=index.js'",
            "x -o package.json",
            "x --file ./package.json",
            "x --file=package.json --output '././package.json'",
        ] {
            assert_eq!(written(command), [""; 0], "{command}");
        }
        assert_eq!(written("echo 'a > b.js' > index.js"), ["index.js"]);
        assert_eq!(written("echo it\\'s > index.js"), ["index.js"]);
        assert_eq!(written("node make.js > package.json"), ["package.json"]);
        assert_eq!(written("x -o lib/package.json"), ["lib/package.json"]);
    }

    #[test]
    fn a_source_of_the_same_name_is_built() {
        let is_there = |path: &str| ["src/add/index.ts", "src/max.js"].contains(&path);
        let twin = |path: &str| has_source(path, is_there, |folder| folder == "esm");
        for path in
            ["esm/add.js", "esm/max.d.ts", "add.js", "add.cjs", "add.d.cts", "add/index.js", "max.mjs", "max.js.map"]
        {
            assert!(twin(path), "{path}");
        }
        for path in ["evil.js", "lib/add.js", "esm/evil.js", "add.json", "add.node", ".js"] {
            assert!(!twin(path), "{path}");
        }
    }
}
