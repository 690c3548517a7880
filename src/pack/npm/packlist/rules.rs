//! Ordered patterns: npm's own defaults, those made from the manifest, and those read from ignore files.

use std::rc::Rc;

use super::javascript;
use super::manifest::Manifest;
use super::pattern::{Pattern, PatternError};
use super::select::{NpmGeneration, Refusal};
use super::session::Session;
use crate::pack::{NodeKind, SourceTree};

/// Applied to every directory of a package, before anything else.
pub(super) const DEFAULTS: [&str; 21] = [
    ".npmignore",
    ".gitignore",
    "**/.git",
    "**/.svn",
    "**/.hg",
    "**/CVS",
    "**/.git/**",
    "**/.svn/**",
    "**/.hg/**",
    "**/CVS/**",
    "/.lock-wscript",
    "/.wafpickle-*",
    "/build/config.gypi",
    "npm-debug.log",
    "**/.npmrc",
    ".*.swp",
    ".DS_Store",
    "**/.DS_Store/**",
    "._*",
    "**/._*/**",
    "*.orig",
];
const LAST_DEFAULT: &str = "/archived-packages/**";

/// Applied last in directories that are not a package's root.
const STRICT_DEFAULT: &str = "/.git";

/// Applied last in a package's root; nothing but the fields of the manifest comes after them.
const STRICT_ROOT: [&str; 10] = [
    "!/package.json",
    "!/readme{,.*[^~$]}",
    "!/copying{,.*[^~$]}",
    "!/license{,.*[^~$]}",
    "!/licence{,.*[^~$]}",
    "/.git",
    "/node_modules",
    ".npmrc",
    "/package-lock.json",
    "/yarn.lock",
];

/// Steps that a line costs, so that the rules of a hostile tree do not fill the memory.
const LINE_COST: u64 = 50;

/// Where a rule comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    Default,
    FilesField,
    IgnoreFile,
    Always,
    Main,
    Browser,
    Bin,
}

/// One pattern and its origin.
#[derive(Debug)]
pub(super) struct Rule {
    pub(super) pattern: Pattern,
    pub(super) origin: Origin,
}

/// Rules that several directories share.
pub(super) type RuleSet = Rc<Vec<Rule>>;

/// Reads the lines of an ignore file, or of a rule that a manifest's field became.
pub(super) fn parse_lines(text: &str, origin: Origin, session: &mut Session, rules: &mut Vec<Rule>) {
    for line in text.split('\n') {
        let line = javascript::trim(line);
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if !session.budget.spend(LINE_COST + line.len() as u64) {
            session.refusals.insert(Refusal::TooMuchWork);
            return;
        }
        match Pattern::parse(line, session.generation.dialect()) {
            Ok(pattern) => {
                session.budget.spend(LINE_COST * pattern.cost());
                rules.push(Rule { pattern, origin });
            }
            Err(PatternError::Invalid) => {
                session.refusals.insert(Refusal::Pattern(shorten(line)));
            }
            Err(PatternError::TooComplex) => {
                session.refusals.insert(Refusal::TooComplex(shorten(line)));
            }
        }
    }
}

fn shorten(line: &str) -> String {
    line.chars().take(80).collect()
}

/// The default rules, followed by the ignore files between a workspace and its root.
pub(super) fn default_rules(additional: &[String], session: &mut Session) -> RuleSet {
    let mut rules = Vec::new();
    for line in DEFAULTS.into_iter().chain([LAST_DEFAULT]) {
        parse_lines(line, Origin::Default, session, &mut rules);
    }
    for text in additional {
        parse_lines(text, Origin::IgnoreFile, session, &mut rules);
    }
    Rc::new(rules)
}

/// The last rules of a directory below the root, with the files that the manifest names there.
pub(super) fn nested_strict_rules(required: &[String], session: &mut Session) -> Vec<Rule> {
    let mut rules = Vec::new();
    parse_lines(STRICT_DEFAULT, Origin::Default, session, &mut rules);
    for file in required {
        parse_lines(&format!("!{file}"), Origin::FilesField, session, &mut rules);
    }
    rules
}

/// What a manifest turns into.
pub(super) struct PackageRules {
    /// The rules of the `files` field; they replace the root's ignore files.
    pub(super) files: Option<RuleSet>,
    pub(super) strict: RuleSet,
    /// Files that the `files` field names one by one.
    pub(super) required: Vec<String>,
}

/// Makes the rules of the manifest in `directory`.
pub(super) fn package_rules(
    manifest: &Manifest,
    tree: &dyn SourceTree,
    directory: &str,
    session: &mut Session,
) -> PackageRules {
    let mut required = Vec::new();
    let mut forced: Vec<String> = Vec::new();
    let mut files_rules = Vec::new();
    let mut lookup = KindLookup { tree, last: None };
    if let Some(files) = &manifest.files {
        parse_lines("*", Origin::Default, session, &mut files_rules);
        for entry in files {
            let mut entry = if entry.starts_with("./") { entry[1..].to_owned() } else { entry.clone() };
            if entry.ends_with("/*") {
                entry.push('*');
            }
            let inverse = format!("!{entry}");
            let kind = lookup.kind(session, directory, &entry.trim_start_matches('!').replace('\\', "/"));
            let mut add = |text: &str| parse_lines(text, Origin::FilesField, session, &mut files_rules);
            match kind {
                Some(NodeKind::File { .. }) => {
                    forced.push(inverse);
                    required.push(entry.strip_prefix('/').unwrap_or(&entry).to_owned());
                }
                Some(NodeKind::Directory | NodeKind::Submodule) => {
                    add(&inverse);
                    add(&format!("{inverse}/**"));
                }
                Some(NodeKind::Symlink) => {}
                None => add(&inverse),
            }
        }
    }
    let mut strict = Vec::new();
    // npm puts each in front of the one before; they can only matter to each other with several `!`.
    for rule in forced.iter().rev() {
        parse_lines(rule, Origin::FilesField, session, &mut strict);
    }
    parse_lines(STRICT_DEFAULT, Origin::Default, session, &mut strict);
    let lockfiles: &[&str] = match session.generation {
        NpmGeneration::Ten => &["/pnpm-lock.yaml"],
        NpmGeneration::Eleven => &["/pnpm-lock.yaml", "/bun.lockb"],
    };
    for line in STRICT_ROOT.iter().chain(lockfiles) {
        parse_lines(line, Origin::Always, session, &mut strict);
    }
    let named = [(&manifest.browser, Origin::Browser), (&manifest.main, Origin::Main)];
    for (field, origin) in named {
        if let Some(path) = field {
            parse_lines(&format!("!/{path}"), origin, session, &mut strict);
        }
    }
    for path in &manifest.bins {
        parse_lines(&format!("!/{path}"), Origin::Bin, session, &mut strict);
    }
    PackageRules { files: manifest.files.as_ref().map(|_| Rc::new(files_rules)), strict: Rc::new(strict), required }
}

/// Looks up what a path is, remembering the last directory it listed.
struct KindLookup<'a> {
    tree: &'a dyn SourceTree,
    last: Option<(String, Vec<crate::pack::Node>)>,
}

impl KindLookup<'_> {
    fn kind(&mut self, session: &Session, directory: &str, path: &str) -> Option<NodeKind> {
        let resolved = javascript::resolve(directory, path)?;
        if resolved.is_empty() {
            return Some(NodeKind::Directory);
        }
        let (parent, name) = javascript::split_last(&resolved);
        if self.last.as_ref().is_none_or(|(listed, _)| listed != parent) {
            self.last = Some((parent.to_owned(), self.tree.list(parent)));
        }
        let (_, nodes) = self.last.as_ref()?;
        session.budget.spend(nodes.len() as u64);
        let kind = nodes.iter().find(|node| node.name == name)?.kind;
        let is_file = matches!(kind, NodeKind::File { .. });
        (!(is_file && path.ends_with('/'))).then_some(kind)
    }
}
