//! What is new since an earlier release.

use std::fmt;

/// How a finding's subject differs from the same in an earlier release.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Novelty {
    /// The earlier release.
    pub since: String,
    /// What it had in its place.
    pub change: Change,
    /// Whether what it had there could already do what makes code urgent, with the same evidence.
    pub could_already: bool,
}

/// What the earlier release had in the place of what was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Change {
    /// No file of that name.
    FileAdded,
    /// The file with other content.
    ContentChanged,
    /// The same file, but it did not take effect as early, if at all.
    ReachChanged,
    /// No such key in its manifest.
    KeyAdded,
    /// The key with another value.
    ValueChanged,
}

impl Change {
    /// The stable id.
    pub fn id(self) -> &'static str {
        match self {
            Self::FileAdded => "file-added",
            Self::ContentChanged => "content-changed",
            Self::ReachChanged => "reach-changed",
            Self::KeyAdded => "key-added",
            Self::ValueChanged => "value-changed",
        }
    }
}

impl fmt::Display for Novelty {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let had = match self.change {
            Change::FileAdded => "which had no such file",
            Change::ContentChanged => "which had other content there",
            Change::ReachChanged => "where the same file did not run as early",
            Change::KeyAdded => "whose manifest did not have it",
            Change::ValueChanged => "whose manifest had another value",
        };
        write!(formatter, "new since {}, {had}", self.since)?;
        if self.could_already { write!(formatter, " that could already do the same") } else { Ok(()) }
    }
}
