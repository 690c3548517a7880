use std::fmt;

use super::draft::Draft;
use crate::finding::Risk;

/// One way to change a package between its repository and its users.
#[derive(Debug, Clone, Copy)]
pub struct Transformation {
    /// Unique, in kebab case.
    pub id: &'static str,
    /// A few words for a table.
    pub title: &'static str,
    /// What kind of change it is.
    pub group: Group,
    /// What must be said about it.
    pub expected: Expected,
    /// Changes the draft and says where; `None` where the package has nothing that could be changed so.
    pub apply: fn(&mut Draft) -> Option<Planted>,
}

/// What kind of change a transformation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Group {
    /// Other content in a file that the source has.
    Content,
    /// A change that hides from readers.
    Disguise,
    /// A file added, removed, or named like another.
    File,
    /// A key of the manifest.
    Manifest,
    /// The form of the archive.
    Archive,
    /// What the registry or the repository says.
    Claim,
}

impl fmt::Display for Group {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Content => "content",
            Self::Disguise => "disguise",
            Self::File => "file",
            Self::Manifest => "manifest",
            Self::Archive => "archive",
            Self::Claim => "claim",
        })
    }
}

/// What must be said about a transformed release for the change to count as caught.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Expected {
    /// Ids of finding rules, any of which is right; none where the verdict alone speaks.
    pub rules: &'static [&'static str],
    /// How urgent the finding must be at least.
    pub risk: Risk,
    /// What the verdict must be.
    pub verdict: VerdictIs,
}

/// A condition on the verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VerdictIs {
    /// Anything: the files are the source's, only a finding can tell.
    Any,
    /// Anything but `verbatim`, `reproduced` and `equivalent`.
    Unexplained,
    /// This one, reason included.
    Exactly(&'static str),
}

impl VerdictIs {
    /// Whether the verdict in its full form is as wanted.
    pub fn holds(self, verdict: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Unexplained => !is_explained(verdict),
            Self::Exactly(wanted) => verdict == wanted,
        }
    }
}

/// Whether a verdict says that every file comes from the source.
pub(super) fn is_explained(verdict: &str) -> bool {
    matches!(verdict, "verbatim" | "reproduced" | "equivalent")
}

/// Where something was planted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Planted {
    /// Paths, any of which is the right one to name; none where the release as a whole is concerned.
    pub paths: Vec<String>,
}

impl Planted {
    /// At one path.
    pub fn at(path: impl Into<String>) -> Self {
        Self { paths: vec![path.into()] }
    }

    /// Nowhere in particular.
    pub fn in_release() -> Self {
        Self::default()
    }
}
