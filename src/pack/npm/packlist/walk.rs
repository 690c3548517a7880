//! Goes through the directories of one package and asks the rules of every level about every name.
//!
//! A name is first judged by the rules of the package's root, then by those of each directory on the way down to it. A
//! directory is entered when it might hold something that passes, which is decided more generously than for a file.

use std::rc::Rc;

use super::fingerprint::Fingerprint;
use super::javascript;
use super::manifest::Manifest;
use super::pattern::Extent;
use super::program::Budget;
use super::rules::{self, Origin, Rule, RuleSet};
use super::select::Refusal;
use super::session::Session;
use crate::pack::{Node, NodeKind, SourceTree};

/// Longer paths cannot be checked out.
const MAXIMUM_PATH: usize = 4_096;
const MAXIMUM_LINKS: usize = 8;

const DEFAULT: usize = 0;
const PACKAGE: usize = 1;
const NPM_IGNORE: usize = 2;
const GIT_IGNORE: usize = 3;
const STRICT: usize = 4;

/// How a package came to be walked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PackageRole {
    /// The package that is packed; with workspaces of its own, its directories are read differently.
    Root { has_workspaces: bool },
    /// A bundled dependency: its root follows only its manifest.
    Bundled,
}

/// A file that passed.
#[derive(Debug)]
pub(super) struct Found {
    /// Relative to the package's directory.
    pub(super) path: String,
    pub(super) executable: bool,
    /// Origin of the rule that let it in; `None` where nothing kept it out.
    pub(super) origin: Option<Origin>,
}

struct Level {
    directory: String,
    name: String,
    parent: Option<usize>,
    /// Whether the directory's own name passes as if it were a file.
    exact: bool,
    required: Vec<String>,
    slots: [Option<RuleSet>; 5],
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Question {
    /// Would a file of this name pass?
    File,
    /// Might something in a directory of this name pass?
    Directory,
    /// Does the name pass when written with a slash behind it?
    WithSlash,
}

struct Walk<'a> {
    tree: &'a dyn SourceTree,
    session: &'a mut Session,
    levels: Vec<Level>,
    found: Vec<Found>,
    default_rules: RuleSet,
    strict_rules: RuleSet,
    role: PackageRole,
}

/// Walks the package in `directory`.
pub(super) fn walk_package(
    tree: &dyn SourceTree,
    session: &mut Session,
    directory: &str,
    manifest: &Manifest,
    role: PackageRole,
    additional_rules: &[String],
) -> Vec<Found> {
    let default_rules = rules::default_rules(&[], session);
    let root_defaults = match role {
        PackageRole::Root { .. } if !additional_rules.is_empty() => {
            Some(rules::default_rules(additional_rules, session))
        }
        PackageRole::Root { .. } => Some(Rc::clone(&default_rules)),
        PackageRole::Bundled => None,
    };
    let strict_rules = Rc::new(rules::nested_strict_rules(&[], session));
    let mut root = Level {
        directory: directory.to_owned(),
        name: String::new(),
        parent: None,
        exact: false,
        required: Vec::new(),
        slots: [root_defaults, None, None, None, None],
    };
    // npm makes a manifest's rules when it meets the file, so a bundled folder without one has none.
    let has_manifest = tree.list(directory).iter().any(|node| node.name == "package.json");
    if has_manifest || role != PackageRole::Bundled {
        let package = rules::package_rules(manifest, tree, directory, session);
        root.slots[PACKAGE] = package.files;
        root.slots[STRICT] = Some(package.strict);
        root.required = package.required;
    }
    let mut walk = Walk { tree, session, levels: vec![root], found: Vec::new(), default_rules, strict_rules, role };
    let mut pending = vec![0];
    while let Some(level) = pending.pop() {
        walk.enter(level, &mut pending);
        if walk.session.budget.is_spent() {
            walk.session.refusals.insert(Refusal::TooMuchWork);
            break;
        }
    }
    walk.found
}

impl Walk<'_> {
    fn enter(&mut self, level: usize, pending: &mut Vec<usize>) {
        let entries = self.tree.list(&self.levels[level].directory);
        self.read_ignore_files(level, &entries);
        for entry in &entries {
            // npm refuses such names because Windows cannot hold them.
            if entry.name.contains('*') {
                continue;
            }
            match entry.kind {
                NodeKind::File { executable } => {
                    if let (true, origin) = self.passes(level, &entry.name, Question::File) {
                        let path = self.relative(level, &entry.name);
                        self.found.push(Found { path, executable, origin });
                    }
                }
                NodeKind::Directory => {
                    if self.passes(level, &entry.name, Question::Directory).0 {
                        let exact = [Question::File, Question::WithSlash]
                            .into_iter()
                            .any(|question| self.passes(level, &entry.name, question).0);
                        self.add_level(level, &entry.name, exact, pending);
                    }
                }
                // A submodule is checked out as an empty directory.
                NodeKind::Symlink | NodeKind::Submodule => {}
            }
        }
    }

    fn relative(&self, level: usize, name: &str) -> String {
        let root = &self.levels[0].directory;
        let below = &self.levels[level].directory[root.len()..];
        javascript::join(below.trim_start_matches('/'), name)
    }

    fn add_level(&mut self, parent: usize, name: &str, exact: bool, pending: &mut Vec<usize>) {
        let directory = javascript::join(&self.levels[parent].directory, name);
        if directory.len() > MAXIMUM_PATH {
            self.session.refusals.insert(Refusal::TooMuchWork);
            return;
        }
        self.session.budget.spend(self.levels[parent].required.len() as u64);
        let required: Vec<String> = self.levels[parent]
            .required
            .iter()
            .filter(|file| !file.starts_with('/'))
            .filter_map(|file| javascript::resolve("", file))
            .filter_map(|file| {
                let (directory, file_name) = javascript::split_last(&file);
                (directory == name).then(|| file_name.replace('\\', "/"))
            })
            .collect();
        let strict = if required.is_empty() {
            Rc::clone(&self.strict_rules)
        } else {
            Rc::new(rules::nested_strict_rules(&required, self.session))
        };
        let slots = [Some(Rc::clone(&self.default_rules)), None, None, None, Some(strict)];
        self.levels.push(Level { directory, name: name.to_owned(), parent: Some(parent), exact, required, slots });
        pending.push(self.levels.len() - 1);
    }

    fn read_ignore_files(&mut self, level: usize, entries: &[Node]) {
        let is_root = level == 0;
        if is_root && self.role == PackageRole::Bundled {
            return;
        }
        // Below a package with workspaces npm means to respect the workspaces' manifests, and reads every nested
        // `package.json` as if it were an ignore file.
        let reads_manifests = !is_root && self.role == PackageRole::Root { has_workspaces: true };
        let names = [("package.json", PACKAGE), (".npmignore", NPM_IGNORE), (".gitignore", GIT_IGNORE)];
        for (name, slot) in names {
            if slot == PACKAGE && !reads_manifests {
                continue;
            }
            let Some(entry) = entries.iter().find(|entry| entry.name == name) else { continue };
            // A file that counts for nothing is still read by npm, which may fail over it.
            let is_overruled = self.levels[level].slots[PACKAGE].is_some()
                || (slot == GIT_IGNORE && self.levels[level].slots[NPM_IGNORE].is_some());
            let path = javascript::join(&self.levels[level].directory, name);
            if let (Some(rules), false) =
                (read_rules(self.tree, self.session, &path, entry.kind, is_overruled), is_overruled)
            {
                self.levels[level].slots[slot] = Some(rules);
            }
        }
    }

    /// Answers a question about a name in a directory, and says which rule let it in.
    fn passes(&self, level: usize, name: &str, question: Question) -> (bool, Option<Origin>) {
        // Each level with the fingerprint of the path that it sees.
        let mut fingerprint = Fingerprint::of_name(name);
        let mut chain = vec![(level, fingerprint)];
        let mut child = level;
        while let Some(parent) = self.levels[child].parent {
            fingerprint = fingerprint.and(Fingerprint::of_name(&self.levels[child].name));
            chain.push((parent, fingerprint));
            child = parent;
        }
        let mut included = true;
        let mut origin = None;
        // From the root down: each level sees the path that begins in its own directory, between two empty components.
        let mut path: Vec<&str> = Vec::with_capacity(chain.len() + 2);
        for (index, &(current, fingerprint)) in chain.iter().enumerate().rev() {
            if !included && !self.levels[current].exact {
                continue;
            }
            path.clear();
            path.push("");
            path.extend(chain[..index].iter().rev().map(|&(below, _)| self.levels[below].name.as_str()));
            path.extend([name, ""]);
            let base_name = (index > 0).then_some(name);
            for rule in self.levels[current].slots[DEFAULT..=STRICT].iter().flatten().flat_map(|rules| rules.iter()) {
                if rule.pattern.negated != included
                    && matches_rule(rule, &path, fingerprint, base_name, question, &self.session.budget)
                {
                    included = rule.pattern.negated;
                    origin = included.then_some(rule.origin);
                }
            }
        }
        (included, origin)
    }
}

fn matches_rule(
    rule: &Rule,
    path: &[&str],
    fingerprint: Fingerprint,
    base_name: Option<&str>,
    question: Question,
    budget: &Budget,
) -> bool {
    let pattern = &rule.pattern;
    let compared = if pattern.only_names { 1 } else { path.len() as u64 };
    if !budget.spend(pattern.cost() * compared) {
        return false;
    }
    // Of the beginning of a path no more is demanded than of nothing.
    let is_whole = pattern.only_names || !pattern.negated || question != Question::Directory;
    if is_whole && !fingerprint.covers(pattern.demand) {
        return false;
    }
    let end = path.len() - 1;
    let (rooted, plain) = (&path[..end], &path[1..end]);
    if pattern.only_names {
        return pattern.matches(plain, Extent::Whole, budget);
    }
    let whole = |path: &[&str]| pattern.matches(path, Extent::Whole, budget);
    let prefix = |path: &[&str]| pattern.negated && pattern.matches(path, Extent::Prefix, budget);
    match question {
        Question::File => whole(rooted) || whole(plain),
        Question::WithSlash => whole(path) || whole(&path[1..]),
        Question::Directory => {
            let about_path =
                whole(rooted) || whole(plain) || whole(path) || whole(&path[1..]) || prefix(rooted) || prefix(plain);
            about_path
                || base_name.filter(|_| pattern.has_bare_name).is_some_and(|name| {
                    whole(&["", name, ""]) || whole(&[name, ""]) || prefix(&["", name]) || prefix(&[name])
                })
        }
    }
}

/// Reads an ignore file; a symbolic link to one is followed inside the tree, because npm reads through it.
fn read_rules(
    tree: &dyn SourceTree,
    session: &mut Session,
    path: &str,
    kind: NodeKind,
    is_overruled: bool,
) -> Option<RuleSet> {
    let text = match read_ignore_file(tree, path, kind) {
        Ok(text) => text,
        Err(Unreadable::NotAtHand) => {
            if !is_overruled {
                session.unavailable.insert(path.to_owned());
            }
            return None;
        }
        Err(Unreadable::NotAFile) => {
            session.refusals.insert(Refusal::IgnoreFile(path.to_owned()));
            return None;
        }
    };
    let mut rules = Vec::new();
    rules::parse_lines(&text, Origin::IgnoreFile, session, &mut rules);
    Some(Rc::new(rules))
}

/// Why an ignore file has no content.
#[derive(Debug)]
pub(super) enum Unreadable {
    NotAtHand,
    NotAFile,
}

/// Reads the text of an ignore file or what a symbolic link in its place leads to.
pub(super) fn read_ignore_file(tree: &dyn SourceTree, path: &str, kind: NodeKind) -> Result<String, Unreadable> {
    let mut path = path.to_owned();
    let mut kind = kind;
    for _ in 0..MAXIMUM_LINKS {
        match kind {
            NodeKind::Directory | NodeKind::Submodule => return Err(Unreadable::NotAFile),
            NodeKind::File { .. } => {
                let content = tree.read(&path).ok_or(Unreadable::NotAtHand)?;
                return Ok(String::from_utf8_lossy(&content).into_owned());
            }
            NodeKind::Symlink => {
                let target = tree.read(&path).ok_or(Unreadable::NotAtHand)?;
                let target = String::from_utf8_lossy(&target);
                let (directory, _) = javascript::split_last(&path);
                let resolved = if target.starts_with('/') { None } else { javascript::resolve(directory, &target) };
                path = resolved.ok_or(Unreadable::NotAtHand)?;
                let (directory, name) = javascript::split_last(&path);
                let node = tree.list(directory).into_iter().find(|node| node.name == name);
                kind = node.ok_or(Unreadable::NotAFile)?.kind;
            }
        }
    }
    Err(Unreadable::NotAFile)
}
