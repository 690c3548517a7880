//! Builds that need neither Node nor a package manager: nothing to install, and every command is one of the system's.
//!
//! Such a plan runs the commands themselves, in the order in which npm would have, and leaves packing to us. Whatever
//! is not plain to see stays as it was inferred.

use std::collections::BTreeMap;

use serde_json::Value;

use super::commit::{at, resolve, text_at};
use super::infer::Scene;
use super::shell::{self, Script};
use crate::rebuild::plan::{Pack, Packer, Plan, Step};

/// What every system has, and what reaches no network and starts nothing else.
const COMPANIONS: [&str; 30] = [
    "awk", "cat", "cd", "chmod", "cp", "cut", "echo", "export", "false", "find", "grep", "head", "ln", "mkdir", "mv",
    "paste", "printf", "pwd", "rm", "rmdir", "sed", "set", "sort", "tail", "tee", "test", "touch", "tr", "true",
    "uniq",
];
/// Words of a shell script that say that it needs more than the system.
const PROGRAMS: [&str; 22] = [
    "node",
    "nodejs",
    "npm",
    "npx",
    "yarn",
    "pnpm",
    "pnpx",
    "bun",
    "bunx",
    "deno",
    "corepack",
    "tsc",
    "git",
    "make",
    "python",
    "python3",
    "ruby",
    "go",
    "cargo",
    "docker",
    "java",
    "node_modules",
];
/// How deep scripts may call scripts.
const MAX_DEPTH: usize = 5;
/// Most steps.
const MAX_STEPS: usize = 50;
/// Largest shell script that is looked through, bytes.
const MAX_SCRIPT: usize = 64 << 10;

/// Puts a plan without programs in place of each that needs none, and of its twins.
pub(super) fn without_programs(scene: &Scene<'_>, plans: &mut Vec<Plan>) {
    let mut result: Vec<Plan> = Vec::new();
    for plan in plans.drain(..) {
        let plan = simplified(scene, &plan).unwrap_or(plan);
        if !result.iter().any(|other| other.steps == plan.steps && other.tools.is_none() && plan.tools.is_none()) {
            result.push(plan);
        }
    }
    *plans = result;
}

fn simplified(scene: &Scene<'_>, plan: &Plan) -> Option<Plan> {
    let is_plain = plan.pack.directory == super::commit::plan_path(scene.directory)
        && matches!(plan.pack.with, Packer::Npm | Packer::Pnpm)
        && scene.directory == scene.workspace.root
        && plan.builds()
        && !installs_anything(scene);
    let manifest = scene.commit.manifest(scene.directory)?;
    if !is_plain || text_at(&manifest, &["scripts", "postpack"]).is_some() {
        return None;
    }
    let mut steps = Vec::new();
    for step in &plan.steps {
        expand(scene, step, &mut steps, 0)?;
    }
    let before = plan.pack.prepublish_only.then_some("prepublishOnly");
    let packing = ["prepack", "prepare"].into_iter().filter(|_| plan.pack.scripts);
    for name in before.into_iter().chain(packing) {
        if text_at(&manifest, &["scripts", name]).is_some() {
            script(scene, scene.directory, name, &mut steps, 0)?;
        }
    }
    let mut because: Vec<String> = plan.because.iter().filter(|reason| !reason.starts_with("Node ")).cloned().collect();
    because.push("nothing is installed, and the build needs no more than the system's shell".to_owned());
    Some(Plan {
        strategy: "shell-build".to_owned(),
        because,
        tools: None,
        install: None,
        steps,
        pack: Pack { with: Packer::Native, prepublish_only: false, scripts: false, ..plan.pack.clone() },
        ..plan.clone()
    })
}

/// Whether the package has dependencies that an installation would bring.
fn installs_anything(scene: &Scene<'_>) -> bool {
    let Some(manifest) = scene.commit.manifest(scene.directory) else { return true };
    let maps = ["dependencies", "devDependencies", "optionalDependencies", "workspaces"];
    let is_empty = |value: &Value| {
        value.as_object().is_some_and(serde_json::Map::is_empty) || value.as_array().is_some_and(Vec::is_empty)
    };
    maps.iter().filter_map(|map| at(&manifest, &[map])).any(|value| !is_empty(value))
}

/// Adds what a step comes down to; `None` where it needs more than the system.
fn expand(scene: &Scene<'_>, step: &Step, steps: &mut Vec<Step>, depth: usize) -> Option<()> {
    if depth > MAX_DEPTH || steps.len() >= MAX_STEPS {
        return None;
    }
    let directory = if step.directory == "." { "" } else { &step.directory };
    let Script::Sequence(commands) = shell::split(&step.run) else { return None };
    let called: Vec<Option<&str>> = commands.iter().map(|command| called_script(&command.words)).collect();
    if called.iter().all(Option::is_none) {
        let is_of_system = |command: &shell::Command| is_of_system(scene, directory, command);
        return commands.iter().all(is_of_system).then(|| steps.push(step.clone()));
    }
    // Scripts that call scripts are taken apart, which a change of directory or a variable would not survive.
    for (command, called) in commands.iter().zip(called) {
        match called {
            Some(name) if command.assignments.is_empty() && command.redirect.is_none() => {
                script(scene, directory, name, steps, depth + 1)?;
            }
            Some(_) => return None,
            None => {
                let changes = ["cd", "export", "set"].contains(&command.words.first()?.as_str());
                if changes || !is_of_system(scene, directory, command) {
                    return None;
                }
                steps.push(Step { run: command.text.clone(), ..step.clone() });
            }
        }
    }
    Some(())
}

/// Adds a script of the manifest with those that npm runs around it.
fn script(scene: &Scene<'_>, directory: &str, name: &str, steps: &mut Vec<Step>, depth: usize) -> Option<()> {
    let manifest = scene.commit.manifest(directory)?;
    text_at(&manifest, &["scripts", name])?;
    for event in [format!("pre{name}"), name.to_owned(), format!("post{name}")] {
        let Some(run) = text_at(&manifest, &["scripts", &event]) else { continue };
        let mut environment = BTreeMap::from([
            ("npm_lifecycle_event".to_owned(), event.clone()),
            ("npm_package_version".to_owned(), scene.version.as_str().to_owned()),
        ]);
        if let Some(name) = text_at(&manifest, &["name"]) {
            environment.insert("npm_package_name".to_owned(), name.to_owned());
        }
        let directory = super::commit::plan_path(directory);
        expand(scene, &Step { directory, run: run.to_owned(), environment, may_fail: false }, steps, depth)?;
    }
    Some(())
}

/// The script that `npm run NAME` and its like call, without arguments.
fn called_script(words: &[String]) -> Option<&str> {
    let words: Vec<&str> =
        words.iter().map(String::as_str).filter(|word| !matches!(*word, "-s" | "--silent")).collect();
    match words.as_slice() {
        ["npm" | "pnpm" | "yarn", "run" | "run-script", name] if !name.starts_with('-') => Some(name),
        _ => None,
    }
}

/// Whether a command, with all that it is piped into, needs only the system and scripts of the commit.
fn is_of_system(scene: &Scene<'_>, directory: &str, command: &shell::Command) -> bool {
    if command.text.contains("$(") || command.text.contains('`') {
        return false;
    }
    // A `|` within quotes makes a part that begins with no program, and the answer no.
    let parts = command.text.split('|').skip(1).map(str::trim).filter(|part| !part.is_empty());
    let behind = parts.map(|part| part.split_whitespace().next().unwrap_or_default());
    if behind.clone().any(|program| !COMPANIONS.contains(&program)) {
        return false;
    }
    let words: Vec<&str> = command.words.iter().map(String::as_str).collect();
    match words.as_slice() {
        [] => true,
        ["sh" | "/bin/sh", file, ..] if !file.starts_with('-') => is_plain_script(scene, directory, file),
        ["sh" | "/bin/sh", "-e" | "-u" | "-eu" | "-ex", file, ..] => is_plain_script(scene, directory, file),
        // What these run is another program's name.
        ["find", rest @ ..] => !rest.iter().any(|word| word.starts_with("-exec") || word.starts_with("-ok")),
        [program, ..] => COMPANIONS.contains(program),
    }
}

/// Whether a file of the commit is a shell script that names no program besides the system's.
fn is_plain_script(scene: &Scene<'_>, directory: &str, file: &str) -> bool {
    let Some(text) = resolve(directory, file).and_then(|path| scene.commit.text(&path)) else {
        return false;
    };
    let is_word = |character: char| character.is_ascii_alphanumeric() || character == '_' || character == '-';
    let code = text.lines().filter(|line| !line.trim_start().starts_with('#'));
    text.len() <= MAX_SCRIPT
        && !code.flat_map(|line| line.split(move |character| !is_word(character))).any(|word| PROGRAMS.contains(&word))
}
