//! Which files of the package a command line names.
//!
//! Shells are not imitated: whatever word or quoted part of a command names a file counts. A word that a runtime is
//! called with is completed as the runtime would complete it.

use std::collections::BTreeSet;

use serde_json::Value;

use super::files::Files;

/// Longest command that is read, bytes; of what is longer the beginning is.
const MAXIMUM_COMMAND: usize = 256 << 10;
/// Programs whose first argument is a module or a file.
const RUNTIMES: [&str; 23] = [
    "node",
    "nodejs",
    "bun",
    "deno",
    "tsx",
    "ts-node",
    "esno",
    "sucrase-node",
    "babel-node",
    "electron",
    "sh",
    "bash",
    "zsh",
    "dash",
    "python",
    "python3",
    "source",
    "-r",
    "--require",
    "--import",
    "--loader",
    "--experimental-loader",
    "require",
];
/// Programs that run scripts of the manifest.
const RUNNERS: [&str; 10] =
    ["npm", "yarn", "pnpm", "bun", "npm-run-all", "npm-run-all2", "run-s", "run-p", "--run", "wireit"];
/// Programs that build what `binding.gyp` or `CMakeLists.txt` describe.
const NATIVE_BUILDERS: [&str; 8] = [
    "node-gyp",
    "node-pre-gyp",
    "node-gyp-build",
    "prebuild-install",
    "prebuildify",
    "cmake-js",
    "napi-postinstall",
    "neon",
];

/// What a shell, or a program in the command itself, makes names of that do not stand there.
const EXPANSIONS: [&str; 8] = ["$", "`", "%", "?", "[", "xargs", "eval ", "\\\n"];
/// How programs in a command put texts together.
const SUMS: [&str; 4] = ["+", "\\", "concat", "join"];

/// What a command leads to.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Named<'f> {
    /// Files.
    pub(super) files: BTreeSet<&'f str>,
    /// Scripts of the manifest.
    pub(super) scripts: BTreeSet<String>,
    /// Whether the shell puts words together that are not known.
    pub(super) is_open: bool,
}

/// Reads a command that runs in `folder`; `scripts` are those that it can call by name.
pub(super) fn named<'f>(files: &Files<'f>, folder: &str, scripts: Option<&Value>, command: &str) -> Named<'f> {
    let command = &command[..command.floor_char_boundary(MAXIMUM_COMMAND)];
    let has = |words: &[&str]| words.iter().any(|word| command.contains(word));
    let is_open = has(&EXPANSIONS) || has(&[" -e", " -c", " -p"]) && has(&SUMS);
    let mut found = Named { is_open, ..Named::default() };
    let mut folders = vec![folder.to_owned()];
    let mut previous = "";
    // `CH""ANGES.md` and `CHANGES\.md` are one word to the shell.
    let joined = command.contains(['"', '\'', '\\']).then(|| command.replace(['"', '\'', '\\'], ""));
    let words: Vec<&str> = words(command).chain(joined.iter().flat_map(|command| words(command))).collect();
    let runs_scripts = words.iter().any(|word| RUNNERS.contains(word));
    for word in &words {
        if previous == "cd" && folders.len() < 32 {
            folders.extend(files.join(&folders[folders.len() - 1], word));
        }
        let is_called = RUNTIMES.contains(&previous) || word.starts_with('.') || word.contains('/');
        for folder in &folders {
            let Some(path) = files.join(folder, word) else { continue };
            if word.contains('*') {
                found.files.extend(files.matching(&path).into_iter().map(|(path, _)| path));
            } else if is_called {
                found.files.extend(files.complete(&path));
            } else {
                found.files.extend(files.named(&path));
            }
        }
        if NATIVE_BUILDERS.contains(word) {
            for name in ["binding.gyp", "CMakeLists.txt"] {
                found.files.extend(files.join(folder, name).and_then(|path| files.named(&path)));
            }
        }
        if *word == "make" {
            for name in ["GNUmakefile", "Makefile"] {
                found.files.extend(files.join(folder, name).and_then(|path| files.named(&path)));
            }
        }
        // npm runs this where no script is called so.
        if runs_scripts && *word == "start" && scripts.is_some_and(|scripts| scripts.get("start").is_none()) {
            found.files.extend(files.join(folder, "server.js").and_then(|path| files.named(&path)));
        }
        if runs_scripts && scripts.is_some_and(|scripts| scripts.get(word).is_some_and(Value::is_string)) {
            found.scripts.insert((*word).to_owned());
        }
        // Flags stand between a runtime and its file, and so do assignments.
        if !(word.starts_with('-') && RUNTIMES.contains(&previous) && !RUNTIMES.contains(word)) {
            previous = program(word);
        }
    }
    // File names may hold spaces where they are quoted.
    for quoted in command.split(['"', '\'']).filter(|part| part.contains(' ') && part.len() < 300) {
        found.files.extend(files.join(folder, quoted).and_then(|path| files.named(&path)));
    }
    found
}

fn words(command: &str) -> impl Iterator<Item = &str> {
    let separates = |character: char| character.is_whitespace() || "\"'`,;&|()<>={}[]!$".contains(character);
    command
        .split(separates)
        .map(|word| word.trim_end_matches(['\\', ':']))
        .filter(|word| !word.is_empty() && word.len() < 300)
}

/// `/usr/bin/node` is `node`.
fn program(word: &str) -> &str {
    let name = word.rsplit(['/', '\\']).next().unwrap_or(word);
    name.strip_suffix(".exe").unwrap_or(name)
}
