//! Follows references from the entry points, the most urgent first.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::rc::Rc;

use super::command::named;
use super::entry::{Entries, Entry};
use super::files::Files;
use super::mentions::Names;
use super::program::reads_as_program;
use super::references::{Reference, References, parsed, references, textual, unparsed};
use super::resolve::{folder_of, is_relative, resolve};
use super::{Reach, ReachLimits};
use crate::package::is_usual_document;
use crate::stabilize::javascript::SourceKind;

/// Extensions under which Node and bundlers import a file without being told how.
const IMPORTABLE: [&str; 10] = ["js", "cjs", "mjs", "json", "node", "wasm", "jsx", "ts", "tsx", "mts"];
/// Languages that are read for the names of files in them.
const TEXTUAL: [&str; 14] =
    ["sh", "bash", "zsh", "cmd", "bat", "ps1", "py", "rb", "pl", "gyp", "gypi", "mk", "cmake", "vue"];
/// Languages that name files with `#include`.
const INCLUDING: [&str; 9] = ["c", "cc", "cpp", "cxx", "h", "hh", "hpp", "m", "mm"];

/// Most texts that are looked for instead of parsing.
const MAXIMUM_NAMES: usize = 64;

/// How a file is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reached<'f> {
    pub(super) reach: Reach,
    from: From<'f>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum From<'f> {
    Outside(Vec<String>),
    File(&'f str),
}

pub(super) struct Walk<'w, 'f, 'c> {
    files: &'w Files<'f>,
    read: &'w mut dyn FnMut(&str) -> Option<Cow<'c, [u8]>>,
    /// What is known of JavaScript files already.
    known: &'w HashMap<&'w str, &'w References>,
    limits: ReachLimits,
    reached: BTreeMap<&'f str, Reached<'f>>,
    /// By urgency: what runs at installation is followed to its end first.
    queues: [VecDeque<&'f str>; 4],
    is_complete: bool,
    has_open_ends: bool,
    has_hooks: bool,
    /// Which of the files that nothing is known of read as programs, whatever they are called; `None` until looked at.
    programs: Option<Rc<BTreeSet<&'f str>>>,
    /// The files that an answer is still wanted for; `None` where all are wanted.
    pending: Option<BTreeSet<&'w str>>,
    /// Everything that was asked for: nothing is known of what is in it.
    wanted: Option<&'w BTreeSet<&'w str>>,
    /// Which queue is being followed: what is reached as urgently is known for good.
    urgency: usize,
    /// Whether only files in `wanted` can still lead to what is pending; `None` until it was looked at.
    are_others_silent: Option<bool>,
}

impl<'w, 'f, 'c> Walk<'w, 'f, 'c> {
    pub(super) fn new(
        files: &'w Files<'f>,
        read: &'w mut dyn FnMut(&str) -> Option<Cow<'c, [u8]>>,
        known: &'w HashMap<&'w str, &'w References>,
        wanted: Option<&'w BTreeSet<&'w str>>,
        limits: ReachLimits,
    ) -> Self {
        Self {
            files,
            read,
            known,
            limits,
            reached: BTreeMap::new(),
            queues: [const { VecDeque::new() }; 4],
            is_complete: true,
            has_open_ends: false,
            has_hooks: false,
            programs: None,
            pending: wanted.cloned(),
            wanted,
            urgency: 0,
            are_others_silent: None,
        }
    }

    /// Follows everything; the files that are reached, and whether that is all.
    pub(super) fn run(mut self) -> (BTreeMap<&'f str, Reached<'f>>, bool) {
        let mut described: Vec<Entry<'f>> = Vec::new();
        let (entries, names_unknown) = Entries::of(self.files);
        self.has_open_ends |= names_unknown;
        for entry in entries {
            if entry.reach == Reach::Inert {
                described.push(entry);
            } else {
                self.arrive(entry.path, entry.reach, From::Outside(entry.names));
            }
        }
        self.drain(Reach::Command);
        let is_open = self.is_open();
        if is_open {
            self.open("imported by its own path");
        }
        self.drain(Reach::Reachable);
        if self.has_open_ends || self.has_hooks {
            if !is_open {
                self.open("an import that cannot be told");
            }
            self.open_unknown();
        }
        if let Some(manifest) = self.files.exact("package.json") {
            self.arrive(manifest, Reach::Reachable, From::Outside(Vec::new()));
        }
        self.drain(Reach::Reachable);
        self.manifests_beside();
        self.is_complete &= self.files.is_complete() && self.files.is_understood();
        if !self.is_complete {
            let rest: Vec<&'f str> = self.files.iter().filter(|path| !self.reached.contains_key(path)).collect();
            for path in rest {
                let from = From::Outside(vec!["not everything could be followed".to_owned()]);
                self.reached.insert(path, Reached { reach: Reach::Reachable, from });
            }
        }
        for entry in described {
            let reached = Reached { reach: Reach::Inert, from: From::Outside(entry.names) };
            self.reached.entry(entry.path).or_insert(reached);
        }
        (self.reached, self.is_complete)
    }

    /// Whether every file can be imported by its own path.
    fn is_open(&self) -> bool {
        self.files.scope("").1.get("exports").is_none_or(serde_json::Value::is_null)
    }

    fn open(&mut self, why: &str) {
        let paths: Vec<&'f str> = self.files.iter().filter(|path| is_importable(path)).collect();
        for path in paths {
            self.arrive(path, Reach::Reachable, From::Outside(vec![why.to_owned()]));
        }
    }

    /// A manifest says how the programs below its folder are read, so it takes effect with them.
    fn manifests_beside(&mut self) {
        let is_nested = |path: &&str| path.ends_with("/package.json") && self.is_unknown(path);
        let steers =
            |path: &&str| self.files.below(folder_of(path)).any(|other| other != *path && is_importable(other));
        let found: Vec<&'f str> = self.files.iter().filter(is_nested).filter(steers).collect();
        for path in found {
            let folder = folder_of(path);
            let (scope, manifest) = self.files.scope(folder);
            let main = manifest.get("main").and_then(serde_json::Value::as_str).filter(|_| scope == folder);
            let main = main.and_then(|main| self.files.complete(&self.files.join(folder, main)?));
            let steered = self.files.below(folder).chain(main).filter(|other| *other != path);
            let reach = steered.filter_map(|other| Some(self.reached.get(other)?.reach)).min();
            let from = From::Outside(vec!["how the files beside it are read".to_owned()]);
            self.arrive(path, reach.unwrap_or(Reach::Reachable).min(Reach::Reachable), from);
        }
    }

    /// An import that cannot be told may name any file that is a program, and a hook makes a program of anything.
    fn open_unknown(&mut self) {
        let programs = self.programs();
        let paths: Vec<&'f str> = match self.has_hooks {
            true => {
                let may_run = |path: &&str| self.is_unknown(path) && (!is_only_read(path) || programs.contains(path));
                self.files.iter().filter(may_run).collect()
            }
            false => programs.iter().copied().collect(),
        };
        let why = if self.has_hooks { "a hook of imports" } else { "an import that cannot be told" };
        for path in paths {
            self.arrive(path, Reach::Reachable, From::Outside(vec![why.to_owned()]));
        }
    }

    /// Whether nothing is known of the file: what is the source's own is what it is called.
    fn is_unknown(&self, path: &str) -> bool {
        self.wanted.is_none_or(|wanted| wanted.contains(path))
    }

    /// The files of which nothing is known, that no import names without being told how, and that are programs.
    fn programs(&mut self) -> Rc<BTreeSet<&'f str>> {
        if let Some(programs) = &self.programs {
            return Rc::clone(programs);
        }
        let unknown: Vec<&'f str> =
            self.files.iter().filter(|path| self.is_unknown(path) && !is_importable(path)).collect();
        let is_program = |path: &&'f str| (self.read)(path).is_some_and(|content| reads_as_program(&content));
        let programs = Rc::new(unknown.into_iter().filter(is_program).collect());
        Rc::clone(self.programs.insert(programs))
    }

    fn arrive(&mut self, path: &'f str, reach: Reach, from: From<'f>) {
        if self.reached.get(path).is_none_or(|known| reach < known.reach) {
            self.reached.insert(path, Reached { reach, from });
            if let Some(queue) = self.queues.get_mut(reach as usize) {
                queue.push_back(path);
            }
            if reach as usize <= self.urgency
                && let Some(pending) = &mut self.pending
            {
                pending.remove(path);
            }
        }
    }

    /// Begins the next queue, and tells whether anything is left to find out.
    fn begin(&mut self, urgency: usize) -> bool {
        self.urgency = urgency;
        let Some(pending) = &mut self.pending else { return true };
        pending.retain(|path| self.reached.get(path).is_none_or(|known| known.reach as usize > urgency));
        !pending.is_empty()
    }

    fn is_answered(&self) -> bool {
        self.pending.as_ref().is_some_and(BTreeSet::is_empty)
    }

    /// Follows what is reached as urgently as `last`, or more so.
    fn drain(&mut self, last: Reach) {
        let mut seen: BTreeSet<&'f str> = BTreeSet::new();
        for urgency in 0..=last as usize {
            if !self.begin(urgency) {
                return;
            }
            while let Some(path) = self.queues[urgency].pop_front() {
                if self.is_answered() {
                    return;
                }
                // More urgent queues are empty by now, so the first visit is the most urgent one.
                let Some(reach) = self.reached.get(path).map(|reached| reached.reach) else { continue };
                if reach as usize == urgency && seen.insert(path) && !self.is_passed_over(path) {
                    self.follow(path, reach);
                }
            }
        }
    }

    /// Whether the file need not be followed, because it names nothing that is still asked for.
    ///
    /// The files that are asked for may hide their references, and are followed; the others are the source's own.
    fn is_passed_over(&mut self, path: &'f str) -> bool {
        let Some(wanted) = self.wanted else { return false };
        if wanted.contains(path) || self.are_others_silent == Some(false) {
            return false;
        }
        // With `exports` an import of which nothing is known leads to everything that can be imported, and other
        // maps of the manifest give files further names.
        let own = self.files.scope("").1;
        let has_names = ["imports", "browser"].iter().any(|key| own.get(key).is_some_and(serde_json::Value::is_object));
        let is_open = self.is_open() && !has_names;
        let programs = self.programs();
        let Some(pending) = &self.pending else { return false };
        let by_name = |path: &&str| {
            let runs_unnamed = matches!(Language::of(path), Some(Language::Other | Language::Including))
                || is_compiled(path)
                || programs.contains(path)
                || path.rsplit('/').next().is_some_and(|name| name.starts_with("index."));
            !runs_unnamed && (is_open || !is_importable(path))
        };
        if !pending.iter().all(by_name) {
            return false;
        }
        if self.are_others_silent.is_none() {
            let is_there = |path: &str| self.files.exact(path).is_some();
            let names = Names::of(pending.iter().copied(), is_there, is_importable);
            // What the package's own manifest names is where the walk begins.
            let is_other = |path: &&str| !wanted.contains(path) && may_refer(path) && *path != "package.json";
            let others = self.files.iter().filter(is_other);
            let mut mentioned = names.len() > MAXIMUM_NAMES;
            let mut room = self.limits.bytes;
            for other in others {
                if mentioned {
                    break;
                }
                // What is not at hand, or too much, is left to the walk to tell.
                let content = (self.read)(other).filter(|content| content.len() <= room);
                room -= content.as_ref().map_or(0, |content| content.len());
                mentioned = content.is_none_or(|content| names.are_in(&content));
            }
            self.are_others_silent = Some(!mentioned);
        }
        self.are_others_silent == Some(true)
    }

    fn follow(&mut self, path: &'f str, reach: Reach) {
        // Node runs whatever is required, and of a stranger's file its name says nothing.
        let unknown = || (self.is_unknown(path) && !is_data(path)).then_some(Language::Unknown);
        let Some(language) = Language::of(path).or_else(unknown) else { return };
        if !self.is_complete {
            return;
        }
        let Some(content) = (self.read)(path) else {
            self.is_complete = false;
            return;
        };
        if self.limits.files == 0 || self.limits.bytes < content.len() {
            self.is_complete = false;
            return;
        }
        self.limits.files -= 1;
        self.limits.bytes -= content.len();
        let found = match language {
            Language::JavaScript(kind) => match self.known.get(path) {
                Some(known) => {
                    self.references(path, reach, known);
                    return;
                }
                None => references(kind, &content),
            },
            Language::Other => {
                self.commands(path, reach, &String::from_utf8_lossy(&content));
                return;
            }
            Language::Including => {
                let text = String::from_utf8_lossy(&content);
                let names = text.lines().filter_map(|line| {
                    let name = line.trim_start().strip_prefix('#')?.trim_start().strip_prefix("include")?;
                    name.trim_start().strip_prefix('"')?.split('"').next()
                });
                for name in names {
                    let folders = [folder_of(path), self.files.scope(folder_of(path)).0];
                    for found in self.completed(&folders, name) {
                        self.arrive(found, reach, From::File(path));
                    }
                }
                return;
            }
            Language::Unknown => {
                let text = String::from_utf8_lossy(&content);
                if content.starts_with(b"#!") && !text.lines().next().unwrap_or_default().contains("node") {
                    self.commands(path, reach, &text);
                    return;
                }
                // Anything can be required or evaluated; what holds no such word is left alone.
                if !["require", "import", "exec", "spawn"].iter().any(|word| text.contains(word)) {
                    return;
                }
                // What requires it reads it as a program, and most are none.
                parsed(SourceKind::Unstated, &content).unwrap_or_else(|| match reads_as_program(&content) {
                    true => unparsed(&text),
                    false => textual(&text),
                })
            }
        };
        self.references(path, reach, &found);
    }

    /// Names of files in a program of another language.
    fn commands(&mut self, path: &'f str, reach: Reach, text: &str) {
        let scope = self.files.scope(folder_of(path)).0;
        let mut folders = vec![scope, folder_of(path)];
        folders.dedup();
        for folder in folders {
            for found in named(self.files, folder, None, text).files {
                self.arrive(found, reach, From::File(path));
            }
        }
        self.references(path, reach, &textual(text));
    }

    fn references(&mut self, path: &'f str, reach: Reach, references: &References) {
        let folder = folder_of(path);
        let scope = self.files.scope(folder).0;
        self.is_complete &= references.is_complete;
        for reference in &references.found {
            let (reach, found): (Reach, Vec<&'f str>) = match reference {
                Reference::Import(specifier) => (reach, resolve(self.files, folder, specifier)),
                Reference::File(name) => (reach, self.completed(&[folder], name)),
                Reference::Beside(end) => (reach, self.files.exact(&format!("{path}{end}")).into_iter().collect()),
                Reference::WorkingFile(name) => (reach, self.completed(&[scope], name)),
                Reference::Command(text) => {
                    let mut found = self.completed(&[folder, scope], text);
                    found.extend(named(self.files, scope, None, text).files);
                    (reach, found)
                }
                Reference::Mention(name) => {
                    let find = |folder| self.files.join(folder, name).and_then(|name| self.files.exact(&name));
                    let mut found: Vec<_> = [folder, scope].into_iter().filter_map(find).collect();
                    if is_relative(name) {
                        found.extend(resolve(self.files, folder, name));
                    }
                    // A text is no reference yet.
                    (reach.max(Reach::Reachable), found)
                }
                Reference::ImportPrefix(prefix) | Reference::FilePrefix(prefix) => {
                    let is_own = matches!(reference, Reference::FilePrefix(_)) || is_relative(prefix);
                    (Reach::Reachable, if is_own { self.beginning(folder, prefix) } else { Vec::new() })
                }
                Reference::Native => (reach, self.files.below(scope).filter(|path| is_compiled(path)).collect()),
                Reference::ImportBelow => {
                    let programs = self.programs();
                    let is_program = |path: &&'f str| is_importable(path) || programs.contains(path);
                    (Reach::Reachable, self.files.below(folder).filter(is_program).collect())
                }
                Reference::Open => {
                    self.has_open_ends = true;
                    continue;
                }
                Reference::Hook => {
                    self.has_hooks = true;
                    continue;
                }
            };
            for found in found {
                self.arrive(found, reach, From::File(path));
            }
        }
    }

    fn completed(&self, folders: &[&str], name: &str) -> Vec<&'f str> {
        let find = |name: &str| {
            let find = |folder: &&str| self.files.join(folder, name).and_then(|name| self.files.complete(&name));
            folders.iter().filter_map(find).collect::<Vec<_>>()
        };
        let found = find(name);
        // `new URL('./%62.js', import.meta.url)`
        match percent_encoding::percent_decode_str(name).decode_utf8() {
            Ok(decoded) if found.is_empty() && decoded != name => find(&decoded),
            _ => found,
        }
    }

    fn beginning(&self, folder: &str, prefix: &str) -> Vec<&'f str> {
        let (directory, name) = prefix.rsplit_once(['/', '\\']).unwrap_or(("", prefix));
        let Some(directory) = self.files.join(folder, directory) else { return Vec::new() };
        if name.is_empty() {
            return self.files.below(&directory).collect();
        }
        let start = if directory.is_empty() { name.to_owned() } else { format!("{directory}/{name}") };
        self.files.starting_with(start).collect()
    }
}

/// The way to a file: an entry point, then file by file.
pub(super) fn way<'f>(reached: &BTreeMap<&'f str, Reached<'f>>, path: &'f str) -> Vec<String> {
    let (mut files, mut at) = (vec![path.to_owned()], path);
    while let Some(known) = reached.get(at) {
        match &known.from {
            // Ways have no circles: each file was reached before those that it leads to.
            From::File(from) if files.len() <= reached.len() => {
                files.push((*from).to_owned());
                at = from;
            }
            From::File(_) => break,
            From::Outside(names) => {
                files.extend(names.iter().rev().cloned());
                break;
            }
        }
    }
    files.reverse();
    files
}

#[derive(Debug, Clone, Copy)]
enum Language {
    JavaScript(SourceKind),
    Including,
    Other,
    Unknown,
}

impl Language {
    /// `None` for what holds no code in whatever way it is used.
    fn of(path: &str) -> Option<Self> {
        if let Some(kind) = SourceKind::of(path) {
            return (kind != SourceKind::Declarations).then_some(Self::JavaScript(kind));
        }
        let name = path.rsplit('/').next().unwrap_or(path);
        let extension = extension(path);
        match extension.as_str() {
            _ if name.ends_with("akefile") || name == "CMakeLists.txt" => Some(Self::Other),
            extension if TEXTUAL.contains(&extension) => Some(Self::Other),
            extension if INCLUDING.contains(&extension) => Some(Self::Including),
            "json" | "node" | "wasm" | "png" | "jpg" | "jpeg" | "gif" | "ico" | "svg" | "woff" | "woff2" | "ttf"
            | "eot" | "css" | "scss" | "sass" | "less" | "gz" | "zip" | "br" => None,
            _ => Some(Self::Unknown),
        }
    }
}

/// Whether what imports a file of this name reads it as data; Node knows these names in small letters alone.
fn is_data(path: &str) -> bool {
    path.ends_with(".json") || path.ends_with(".node")
}

/// Whether a file of this name may refer to others.
pub(super) fn may_refer(path: &str) -> bool {
    Language::of(path).is_some() || path.ends_with("package.json")
}

fn is_importable(path: &str) -> bool {
    IMPORTABLE.contains(&extension(path).as_str()) && SourceKind::of(path) != Some(SourceKind::Declarations)
}

/// Whether a file of this name is read by people and tools, and runs only where something names it.
pub(super) fn is_only_read(path: &str) -> bool {
    SourceKind::of(path) == Some(SourceKind::Declarations) || extension(path) == "map" || is_usual_document(path)
}

/// Whether a file of this name is loaded without being a program that can be read.
pub(super) fn is_compiled(path: &str) -> bool {
    matches!(extension(path).as_str(), "node" | "wasm")
}

fn extension(path: &str) -> String {
    let name = path.rsplit('/').next().unwrap_or(path);
    name.rsplit_once('.').map_or(String::new(), |(_, extension)| extension.to_ascii_lowercase())
}
