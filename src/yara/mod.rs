//! YARA rules that a user brings, over the contents of files that nothing explains.
//!
//! A match is a hint for the order in which people look at findings, never a verdict. The engine is an optional part of
//! the program (the cargo feature `yara`); without it the same names are there, and rules cannot be read.

#[cfg(not(feature = "yara"))]
mod absent;
#[cfg(feature = "yara")]
mod engine;

use std::path::PathBuf;
use std::time::Duration;

#[cfg(not(feature = "yara"))]
pub use absent::{YaraRules, YaraScanner};
#[cfg(feature = "yara")]
pub use engine::{YaraRules, YaraScanner};

/// Longest time that one file is scanned.
pub const FILE_TIME: Duration = Duration::from_secs(10);
/// Longest time that the files of one package are scanned.
pub const PACKAGE_TIME: Duration = Duration::from_secs(60);

/// A rule that matches a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct YaraMatch {
    /// The rule's name.
    pub rule: String,
    /// The file of rules that holds it, by its name.
    pub file: String,
    /// The line of the scanned file where the first of the rule's patterns was seen, counted from 1.
    pub line: Option<usize>,
    /// What the rule's `description` says, at most 200 characters.
    pub description: Option<String>,
}

/// What scanning one file came to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct YaraScan {
    /// At most 50, in the order of the rules.
    pub matches: Vec<YaraMatch>,
    /// Why the file was not scanned to its end, if it was not.
    pub stopped: Option<String>,
}

/// Why rules cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum YaraError {
    /// The program has no engine.
    #[error(
        "this build of tarproof cannot read YARA rules: build it with `cargo build --release --features yara`, or \
         leave `--rules` and the configuration's `rules` out"
    )]
    NotBuilt,
    /// A directory or a file of it cannot be read.
    #[error("cannot read `{}`", path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// The system's reason.
        #[source]
        source: std::io::Error,
    },
    /// There is nothing to use.
    #[error("`{}` holds no file whose name ends in `.yar` or `.yara`", .0.display())]
    NoRules(PathBuf),
    /// More than is read.
    #[error("the YARA rules in `{}` are too many: at most {files} files and {bytes} bytes are read", path.display())]
    TooLarge {
        /// The directory.
        path: PathBuf,
        /// Most files.
        files: usize,
        /// Most bytes, all files together.
        bytes: u64,
    },
    /// A rule is not valid.
    #[error("the YARA rules in `{}` are not valid: line {line}: {reason}", path.display())]
    Invalid {
        /// The file.
        path: PathBuf,
        /// The line, counted from 1.
        line: usize,
        /// The compiler's reason.
        reason: String,
    },
    /// Compiling takes longer than anybody would wait.
    #[error("the YARA rules in `{}` take more than {seconds} s to compile", path.display())]
    TooSlow {
        /// The directory.
        path: PathBuf,
        /// The bound.
        seconds: u64,
    },
}
