//! How far a file of a package reaches: when, if ever, it runs on the machine of somebody who installs the package.
//!
//! The manifest names entry points (`entry`), files refer to files (`references`), and `walk` follows them. Nothing is
//! run and nothing outside of the package is looked at. Whatever cannot be followed to its end makes files reachable,
//! never inert. `docs/reach.md` says what is understood and what is not.

mod command;
mod entry;
mod files;
mod mentions;
mod program;
mod references;
mod resolve;
#[cfg(test)]
mod tests;
mod walk;

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;

use serde_json::Value;

pub use program::reads_as_program;
pub(crate) use references::{References, references, references_of_program, unparsed};

use files::Files;
use walk::Walk;

/// When a file takes effect; the first is the most urgent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reach {
    /// While the package is installed.
    Install,
    /// When the package is imported.
    Import,
    /// When one of the package's commands is called.
    Command,
    /// When a file of the package is imported by its own path, or on a way that cannot be followed to its end.
    Reachable,
    /// Never, as far as can be told.
    Inert,
}

impl Reach {
    /// The stable id.
    pub fn id(self) -> &'static str {
        match self {
            Self::Install => "install",
            Self::Import => "import",
            Self::Command => "command",
            Self::Reachable => "reachable",
            Self::Inert => "inert",
        }
    }

    /// The same in words that end a sentence about a file.
    pub fn describe(self) -> &'static str {
        match self {
            Self::Install => "runs at installation",
            Self::Import => "runs on import",
            Self::Command => "runs as a command",
            Self::Reachable => "can be reached",
            Self::Inert => "inert",
        }
    }
}

impl fmt::Display for Reach {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.id())
    }
}

/// How much is read to find out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReachLimits {
    /// Files that are read.
    pub files: usize,
    /// Bytes of them together.
    pub bytes: usize,
}

impl Default for ReachLimits {
    fn default() -> Self {
        Self { files: 5_000, bytes: 64 << 20 }
    }
}

/// Whether a file of this name may refer to others; what the contents of all others are plays no part.
pub fn may_refer(path: &str) -> bool {
    walk::may_refer(path)
}

/// Whether a file of this name is native code or WebAssembly.
pub fn is_compiled(path: &str) -> bool {
    walk::is_compiled(path)
}

/// When each file of a package takes effect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReachMap {
    reached: BTreeMap<String, (Reach, Vec<String>)>,
    is_complete: bool,
}

impl ReachMap {
    /// Follows a package's files from the entry points that its manifest names.
    ///
    /// `files` are paths inside the package with `/` between folders; links and unsafe paths are better left out.
    /// `read` returns a file's content, or `None` where it is not known; it is called at most four times for a file.
    /// With `wanted` the walk ends as soon as the answer is known for these files, and says nothing of others; that
    /// those others do not put the name of a document together from pieces, and are what their names say, is taken
    /// for granted then. What
    /// `manifest` holds in a form that npm does not know is passed over. A package that asks for too much work is
    /// told as incomplete ([`Self::is_complete`]), nothing fails.
    pub fn of<'c>(
        manifest: &Value,
        files: &BTreeSet<&str>,
        read: &mut dyn FnMut(&str) -> Option<Cow<'c, [u8]>>,
        wanted: Option<&BTreeSet<&str>>,
        limits: ReachLimits,
    ) -> Self {
        Self::with_references(manifest, files, read, &HashMap::new(), wanted, limits)
    }

    /// Like [`Self::of`], where what some JavaScript files refer to has been read already.
    pub(crate) fn with_references<'c>(
        manifest: &Value,
        files: &BTreeSet<&str>,
        read: &mut dyn FnMut(&str) -> Option<Cow<'c, [u8]>>,
        references: &HashMap<&str, &References>,
        wanted: Option<&BTreeSet<&str>>,
        limits: ReachLimits,
    ) -> Self {
        let known = Files::new(manifest, files, read);
        let (reached, is_complete) = Walk::new(&known, read, references, wanted, limits).run();
        let ways = reached.keys().map(|path| {
            let way = walk::way(&reached, path);
            ((*path).to_owned(), (reached[path].reach, way))
        });
        Self { reached: ways.collect(), is_complete }
    }

    /// When the file takes effect; a path that the package does not have is inert.
    pub fn reach(&self, path: &str) -> Reach {
        self.reached.get(path).map_or(Reach::Inert, |(reach, _)| *reach)
    }

    /// How the file is reached: an entry point (`package.json scripts.postinstall`), then file by file, itself last.
    ///
    /// Empty where nothing names the file. A file that is inert may have a way, such as `package.json types`.
    pub fn way(&self, path: &str) -> &[String] {
        self.reached.get(path).map_or(&[], |(_, way)| way)
    }

    /// Whether everything could be followed within the limits; otherwise nothing is called inert that is not known.
    pub fn is_complete(&self) -> bool {
        self.is_complete
    }
}
