//! Follows scripts down to the commands that make files, and leaves out the others.
//!
//! A script that only builds is kept as one command. One that also tests, pushes or publishes is taken apart, and
//! what precedes the publishing and makes something is kept.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::classify::{PublishTool, Publisher, Purpose, ScriptCall, Target, classify};
use super::commit::{Commit, parent, resolve};
use super::scripts;
use super::shell::{Command, Script, quote, split};
use super::workspace::{Workspace, matches};
use crate::rebuild::plan::PackageManagerName;

/// Stands in a command for a value that only the workflow's own run knew.
pub(super) const UNKNOWN: char = '\u{1}';

/// Most scripts inside each other.
const MAX_DEPTH: usize = 25;
/// Most commands that are looked at for one package.
const MAX_COMMANDS: usize = 4_000;
/// How many names of scripts are held against a pattern at the cost of one command.
const NAMES_PER_COMMAND: usize = 100;
/// Most steps that one walk keeps.
const MAX_KEPT: usize = 300;

/// A command that stays.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Kept {
    pub(super) directory: String,
    pub(super) run: String,
    pub(super) environment: BTreeMap<String, String>,
    /// Whether it builds, as far as names tell.
    pub(super) builds: bool,
    /// Whether it only counts where nothing else builds: it belongs to a test.
    pub(super) fallback: bool,
    /// The commands that it comes down to, to recognise two ways that do the same.
    pub(super) leaves: BTreeSet<String>,
}

/// What publishes, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Published {
    pub(super) with: PublishTool,
    /// The directory that is published, where it is plain.
    pub(super) directory: Option<String>,
}

/// What became of a script.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Walk {
    pub(super) kept: Vec<Kept>,
    /// Whether something was left out that is more than talk.
    pub(super) impure: bool,
    pub(super) published: Option<Published>,
}

impl Walk {
    /// The commands that all of it comes down to.
    pub(super) fn leaves(&self) -> BTreeSet<String> {
        self.kept.iter().filter(|kept| kept.builds).flat_map(|kept| kept.leaves.iter().cloned()).collect()
    }

    /// Whether something builds.
    pub(super) fn builds(&self) -> bool {
        self.kept.iter().any(|kept| kept.builds)
    }

    /// Leaves out what was only kept for want of anything else.
    pub(super) fn settle(&mut self, commit: &Commit<'_>) {
        if self.kept.iter().any(|kept| kept.builds && !kept.fallback) {
            self.kept.retain(|kept| !kept.fallback);
        }
        self.kept.dedup();
        if self.kept.len() > MAX_KEPT {
            commit.give_up("more steps");
        }
    }
}

/// Follows scripts of one commit.
pub(super) struct Expander<'a> {
    pub(super) commit: &'a Commit<'a>,
    pub(super) workspace: &'a Workspace,
    pub(super) manager: PackageManagerName,
    /// Whether every script is taken apart, so that what follows a failing command still runs.
    pub(super) one_by_one: bool,
    commands_left: Cell<usize>,
}

/// Where a walk stands.
#[derive(Clone)]
struct Place {
    directory: String,
    environment: BTreeMap<String, String>,
    /// The scripts that lead here, each with its directory.
    inside: Vec<(String, String)>,
}

impl<'a> Expander<'a> {
    pub(super) fn new(commit: &'a Commit<'a>, workspace: &'a Workspace, manager: PackageManagerName) -> Self {
        Self { commit, workspace, manager, one_by_one: false, commands_left: Cell::new(MAX_COMMANDS) }
    }

    /// Follows a script that runs in `directory`.
    pub(super) fn script(&self, script: &str, directory: &str, environment: &BTreeMap<String, String>) -> Walk {
        let mut walk = Walk::default();
        let place = Place { directory: directory.to_owned(), environment: environment.clone(), inside: Vec::new() };
        self.walk(script, place, &mut walk);
        walk
    }

    /// Follows the script `name` of the manifest in `directory`, with those before and after it; `None` where it has
    /// none of that name.
    pub(super) fn named(&self, name: &str, directory: &str) -> Option<Walk> {
        let place = Place { directory: directory.to_owned(), environment: BTreeMap::new(), inside: Vec::new() };
        self.body(name, &place)
    }

    /// Follows the script `name` alone, without those before and after it.
    pub(super) fn named_alone(&self, name: &str, directory: &str) -> Option<Walk> {
        let manifest = self.commit.manifest(directory)?;
        let body = manifest.get("scripts")?.get(name)?.as_str()?;
        Some(self.script(body, directory, &BTreeMap::new()))
    }

    /// How the package manager is told to run a script.
    pub(super) fn run_script(&self, name: &str) -> String {
        let program = match self.manager {
            PackageManagerName::Npm => "npm run",
            PackageManagerName::Pnpm => "pnpm run",
            PackageManagerName::Bun => "bun run",
            PackageManagerName::YarnClassic | PackageManagerName::YarnBerry => "yarn run",
        };
        format!("{program} {}", quote(name))
    }

    fn body(&self, name: &str, place: &Place) -> Option<Walk> {
        let manifest = self.commit.manifest(&place.directory)?;
        let text = |name: &str| manifest.get("scripts")?.get(name)?.as_str().map(str::to_owned);
        let body = text(name)?;
        let mut walk = Walk::default();
        let inner = || {
            let mut inner = place.clone();
            inner.inside.push((place.directory.clone(), name.to_owned()));
            inner
        };
        for script in [text(&format!("pre{name}")), Some(body), text(&format!("post{name}"))].into_iter().flatten() {
            if walk.published.is_none() {
                self.walk(&script, inner(), &mut walk);
            }
        }
        Some(walk)
    }

    fn walk(&self, script: &str, mut place: Place, walk: &mut Walk) {
        if !self.spend(1) {
            return;
        }
        let commands = match split(script) {
            Script::Sequence(_) if place.inside.len() > MAX_DEPTH => {
                self.commit.give_up("more scripts inside each other");
                return;
            }
            Script::Sequence(commands) => commands,
            _ => return keep_whole(script, &place, walk),
        };
        let leaves = |command: &Command| matches!(classify(command), Purpose::ChangeDirectory(to) if resolve("", &to).is_none() && to.contains(['$', '-', '~']));
        // What a test guards is not run without it.
        if commands.iter().any(leaves) || (self.one_by_one && commands.iter().any(is_guard)) {
            return keep_whole(script, &place, walk);
        }
        for command in &commands {
            if !self.spend(1) {
                return;
            }
            let purpose = classify(command);
            if let Purpose::ChangeDirectory(to) = &purpose {
                match resolve(&place.directory, to) {
                    Some(directory) => place.directory = directory,
                    None => return,
                }
                continue;
            }
            self.one(command, purpose, &mut place, walk);
            if walk.published.is_some() {
                return;
            }
        }
    }

    /// Whether so many commands may still be looked at.
    fn spend(&self, commands: usize) -> bool {
        let left = self.commands_left.get().checked_sub(commands);
        self.commands_left.set(left.unwrap_or(0));
        if left.is_none() {
            self.commit.give_up("more commands");
        }
        left.is_some()
    }

    fn one(&self, command: &Command, purpose: Purpose, place: &mut Place, walk: &mut Walk) {
        match purpose {
            Purpose::ChangeDirectory(_) => {}
            Purpose::Export(name, value) => {
                if !value.contains(['$', UNKNOWN]) {
                    place.environment.insert(name, value);
                }
            }
            Purpose::Drop(reason) => walk.impure |= !matches!(reason, "says something" | "sets variables"),
            Purpose::Build => keep(&command.text, place, true, walk),
            Purpose::Other => keep(&command.text, place, false, walk),
            Purpose::Publish(publisher) => self.publish(&publisher, place, walk),
            Purpose::RunScript(call) => self.call(command, &call, place, walk),
            Purpose::RunSeveral(names) => self.several(command, &names, place, walk),
        }
    }

    fn publish(&self, publisher: &Publisher, place: &Place, walk: &mut Walk) {
        let named = publisher.workspace.as_deref().filter(|name| !name.contains(UNKNOWN));
        let directory = match (named, publisher.directory.as_deref()) {
            (Some(workspace), _) => self.workspace.directory_of(workspace).map(str::to_owned),
            (None, Some(directory)) if !directory.contains(UNKNOWN) => resolve(&place.directory, directory),
            (None, _) => Some(place.directory.clone()),
        };
        walk.impure = true;
        walk.published = Some(Published { with: publisher.with, directory });
    }

    fn target(&self, target: &Target, place: &Place) -> Option<String> {
        match target {
            Target::Here => {
                let mut directory = place.directory.as_str();
                while self.commit.manifest(directory).is_none() {
                    directory = parent(directory)?;
                }
                Some(directory.to_owned())
            }
            Target::Root => Some(self.workspace.root.clone()),
            Target::Directory(relative) => resolve(&place.directory, relative),
            Target::Workspace(name) => self.workspace.directory_of(name).map(str::to_owned),
            Target::Many => None,
        }
    }

    fn call(&self, command: &Command, call: &ScriptCall, place: &Place, walk: &mut Walk) {
        let Some(directory) = self.target(&call.target, place) else {
            // Several packages at once: only the name tells.
            if scripts::is_test_name(&call.name) {
                walk.impure = true;
            } else {
                keep(&command.text, place, scripts::is_build_name(&call.name), walk);
            }
            return;
        };
        let mut environment = place.environment.clone();
        environment.extend(command.assignments.iter().cloned());
        let inner = Place { directory, environment, inside: place.inside.clone() };
        if inner.inside.iter().any(|(directory, name)| *directory == inner.directory && *name == call.name) {
            // It would call itself, so it was not understood, or never ends.
            walk.impure = true;
            return;
        }
        let Some(sub) = self.body(&call.name, &inner) else { return self.program(command, call, place, walk) };
        if scripts::is_test_name(&call.name) && sub.published.is_none() {
            walk.impure = true;
            let fallback = |kept: Kept| Kept { fallback: true, ..kept };
            walk.kept.extend(sub.kept.into_iter().filter(|kept| kept.builds).map(fallback));
        } else if sub.published.is_some() {
            walk.impure = true;
            walk.kept.extend(sub.kept);
            walk.published = sub.published;
        } else if scripts::is_release_name(&call.name) && !sub.builds() && !sub.kept.is_empty() {
            walk.impure = true;
            walk.published = Some(Published { with: PublishTool::Script, directory: None });
        } else if sub.kept.is_empty() {
            walk.impure |= sub.impure;
        } else if (sub.impure || self.one_by_one) && call.arguments.is_empty() {
            walk.impure |= sub.impure;
            walk.kept.extend(sub.kept);
        } else {
            let builds = sub.builds() || scripts::is_build_name(&call.name);
            let arguments =
                if call.arguments.is_empty() { String::new() } else { format!(" {}", call.arguments.join(" ")) };
            let leaves = sub.leaves().into_iter().map(|leaf| leaf + &arguments).collect();
            keep(&command.text, place, builds, walk);
            if let Some(last) = walk.kept.last_mut().filter(|_| sub.builds()) {
                last.leaves = leaves;
            }
        }
    }

    /// Handles a name that is no script's: `yarn rollup -c` runs a program.
    fn program(&self, command: &Command, call: &ScriptCall, place: &Place, walk: &mut Walk) {
        let by_npm = command.words.first().is_some_and(|word| word == "npm");
        if by_npm || call.target != Target::Here {
            walk.impure = true;
            return;
        }
        let mut words = vec![call.name.clone()];
        words.extend(call.arguments.iter().cloned());
        let alone = Command { words, ..command.clone() };
        match classify(&alone) {
            Purpose::RunScript(_) => walk.impure = true,
            purpose => self.one(command, purpose, &mut place.clone(), walk),
        }
    }

    fn several(&self, command: &Command, names: &[String], place: &Place, walk: &mut Walk) {
        let Some(directory) = self.target(&Target::Here, place) else { return };
        let Some(manifest) = self.commit.manifest(&directory) else { return };
        let known: Vec<String> = manifest
            .get("scripts")
            .and_then(Value::as_object)
            .map(|map| map.keys().cloned().collect())
            .unwrap_or_default();
        let mut all = Walk::default();
        for pattern in names.iter().map(|pattern| pattern.replace("**", "*")) {
            if !self.spend(known.len() / NAMES_PER_COMMAND + 1) {
                return;
            }
            for name in known.iter().filter(|name| matches(&pattern, name)) {
                if !self.spend(1) {
                    return;
                }
                let text = self.run_script(name);
                let call = ScriptCall { name: name.clone(), arguments: Vec::new(), target: Target::Here };
                let single =
                    Command { text, words: Vec::new(), assignments: command.assignments.clone(), redirect: None };
                if all.published.is_none() {
                    self.call(&single, &call, place, &mut all);
                }
            }
        }
        if all.impure || self.one_by_one {
            walk.impure |= all.impure;
            walk.kept.extend(all.kept);
            walk.published = all.published;
        } else if !all.kept.is_empty() {
            keep(&command.text, place, all.builds(), walk);
            if let Some(last) = walk.kept.last_mut().filter(|_| all.builds()) {
                last.leaves = all.leaves();
            }
        }
    }
}

/// Whether what follows a command depends on what it finds.
fn is_guard(command: &Command) -> bool {
    let guards = ["[", "[[", "command", "exit", "false", "grep", "test", "type", "which"];
    command.words.first().is_some_and(|word| guards.contains(&word.as_str()))
}

fn keep(text: &str, place: &Place, builds: bool, walk: &mut Walk) {
    if text.contains(UNKNOWN) {
        walk.impure = true;
        return;
    }
    walk.kept.push(Kept {
        directory: place.directory.clone(),
        run: text.to_owned(),
        environment: place.environment.clone(),
        builds,
        fallback: false,
        leaves: BTreeSet::from([format!("{}\n{text}", place.directory)]),
    });
}

/// Decides about a script that was not taken apart.
fn keep_whole(script: &str, place: &Place, walk: &mut Walk) {
    match whole(script) {
        Whole::Builds => return keep(script, place, true, walk),
        Whole::Publishes => walk.published = Some(Published { with: PublishTool::Script, directory: None }),
        Whole::Neither => {}
    }
    walk.impure = true;
}

/// What a script does that is not taken apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Whole {
    Builds,
    Publishes,
    Neither,
}

/// What the words of a script tell of it.
pub(super) fn whole(script: &str) -> Whole {
    let words: Vec<&str> = script
        .split(|character: char| character.is_whitespace() || "\"'();&|`".contains(character))
        .filter(|word| !word.is_empty())
        .collect();
    let pair = |first: &str, second: &str| words.windows(2).any(|pair| pair[0] == first && pair[1] == second);
    let publishes = ["npm", "pnpm", "yarn", "lerna", "changeset", "bun"].iter().any(|program| pair(program, "publish"))
        || words.contains(&"semantic-release");
    if publishes && !words.contains(&"--dry-run") {
        return Whole::Publishes;
    }
    let builds = words.iter().any(|word| {
        let name = word.rsplit('/').next().unwrap_or(word);
        scripts::is_build_program(name) || (scripts::is_build_name(name) && name != "package")
    });
    if builds && !pair("git", "push") && !pair("git", "commit") { Whole::Builds } else { Whole::Neither }
}
