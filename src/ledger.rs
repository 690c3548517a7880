//! The per-file ledger: every file of the artifact, with exactly one explanation.

use crate::artifact::EntryKind;
use crate::pack::npm::manifest::{AppliedRule, ManifestDifference};
use crate::package::{BlobId, CommitId, Sha256Digest};
use crate::stabilize::StabilizerId;

/// How one file of the artifact is explained, or why it is not.
#[derive(Debug, Clone, PartialEq)]
pub enum Explanation {
    /// The matched commit holds this content at this path.
    GitBlob,
    /// The matched commit holds this content at another path.
    GitBlobMoved {
        /// That path, from the repository's root.
        from: String,
    },
    /// Named packer rules turn the commit's file into this one.
    Derived {
        /// What was applied, and where in the file.
        rules: Vec<AppliedRule>,
    },
    /// Equal to the commit's file after the named stabilizers.
    Stabilized {
        /// The stabilizers that were needed.
        stabilizers: Vec<StabilizerId>,
    },
    /// The rebuild made exactly this content.
    Rebuilt,
    /// Equal to what the rebuild made after the named stabilizers.
    RebuiltStabilized {
        /// The stabilizers that were needed; none where the content is the same, but made behind a command that failed.
        stabilizers: Vec<StabilizerId>,
    },
    /// The same program as the one that the rebuild made: only white space and plain comments differ.
    Attributed {
        /// The stabilizers that were needed before.
        stabilizers: Vec<StabilizerId>,
    },
    /// Another commit that a branch or tag reaches holds this content at this path.
    History {
        /// That commit.
        commit: CommitId,
    },
    /// The matched commit, or the rebuild, has this file with other content.
    Modified {
        /// For the manifest: the keys that differ.
        keys: Vec<ManifestDifference>,
        /// Where the commit holds the published content instead, if anywhere.
        same_as: Option<String>,
        /// Whether the rebuild made this file with other content.
        rebuilt: bool,
    },
    /// The matched commit has no such file.
    ArtifactOnly {
        /// Whether the commit's ignore files name this path, as they do for build output.
        ignored_by_git: bool,
    },
}

impl Explanation {
    /// Every class, in the order of their strength.
    pub const CLASSES: [&str; 10] = [
        "git-blob",
        "git-blob-moved",
        "derived",
        "stabilized",
        "rebuilt",
        "rebuilt-stabilized",
        "attributed",
        "history",
        "modified",
        "artifact-only",
    ];

    /// The class's stable id.
    pub fn class(&self) -> &'static str {
        match self {
            Self::GitBlob => "git-blob",
            Self::GitBlobMoved { .. } => "git-blob-moved",
            Self::Derived { .. } => "derived",
            Self::Stabilized { .. } => "stabilized",
            Self::Rebuilt => "rebuilt",
            Self::RebuiltStabilized { .. } => "rebuilt-stabilized",
            Self::Attributed { .. } => "attributed",
            Self::History { .. } => "history",
            Self::Modified { .. } => "modified",
            Self::ArtifactOnly { .. } => "artifact-only",
        }
    }

    /// Whether it is the published content, but made behind a command that failed: no stabilizer was needed.
    pub fn is_behind_a_failure(&self) -> bool {
        matches!(self, Self::RebuiltStabilized { stabilizers } if stabilizers.is_empty())
    }

    /// Whether the source explains the file.
    pub fn is_explained(&self) -> bool {
        !matches!(self, Self::Modified { .. } | Self::ArtifactOnly { .. })
    }
}

/// The file of the commit that a published file was compared with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counterpart {
    /// Path from the repository's root.
    pub path: String,
    /// Its content's id.
    pub blob: BlobId,
    /// Whether git records it as executable.
    pub executable: bool,
}

/// One file of the artifact.
#[derive(Debug, Clone, PartialEq)]
pub struct LedgerFile {
    /// Path inside the package, as in the archive where it is not a valid one.
    pub path: Box<str>,
    /// What the archive member is.
    pub kind: EntryKind,
    /// How it is explained.
    pub explanation: Explanation,
    /// Bytes.
    pub size: u64,
    /// Whether the archive marks it executable.
    pub executable: bool,
    /// Its content's git blob id.
    pub blob: Option<BlobId>,
    /// Its content's SHA-256; present for everything that is not a git blob at its place.
    pub sha256: Option<Sha256Digest>,
    /// What it was compared with.
    pub counterpart: Option<Counterpart>,
}

#[cfg(test)]
impl LedgerFile {
    /// A file of one byte of which nothing else is known.
    pub(crate) fn of(path: &str, explanation: Explanation) -> Self {
        Self {
            path: path.into(),
            kind: EntryKind::File,
            explanation,
            size: 1,
            executable: false,
            blob: None,
            sha256: None,
            counterpart: None,
        }
    }
}

/// Every file of one artifact, in path order.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Ledger {
    /// One row per path.
    pub files: Vec<LedgerFile>,
    /// What the packer would have included and the artifact lacks; `None` where that could not be determined.
    pub source_only: Option<Vec<String>>,
}

impl Ledger {
    /// Finds a file by path.
    pub fn file(&self, path: &str) -> Option<&LedgerFile> {
        let index = self.files.binary_search_by(|file| (*file.path).cmp(path)).ok()?;
        self.files.get(index)
    }

    /// The files that the source does not explain.
    pub fn unexplained(&self) -> impl Iterator<Item = &LedgerFile> {
        self.files.iter().filter(|file| !file.explanation.is_explained())
    }

    /// How many files each class holds, in the order of the classes' strength, empty ones left out.
    pub fn counts(&self) -> Vec<(&'static str, usize)> {
        let count = |class: &str| self.files.iter().filter(|file| file.explanation.class() == class).count();
        Explanation::CLASSES.into_iter().map(|class| (class, count(class))).filter(|(_, count)| *count > 0).collect()
    }
}
