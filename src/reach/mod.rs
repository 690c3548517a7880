//! How far a file of a package reaches: when, if ever, it runs on the machine of somebody who installs the package.

use std::fmt;

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
