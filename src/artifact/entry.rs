use std::collections::HashMap;

use crate::artifact::EntryPath;
use crate::package::{BlobId, Sha256Digest, read_json};

/// What an archive member is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EntryKind {
    /// A regular file at a valid path.
    File,
    /// A symbolic link; installers of npm packages skip it, others may not.
    SymbolicLink {
        /// Where it points, lossily decoded.
        target: String,
    },
    /// A hard link.
    HardLink {
        /// Where it points, lossily decoded.
        target: String,
    },
    /// A device, FIFO, sparse file or a type nobody defined, with its type byte.
    Special(u8),
    /// A member whose path cannot be a file of the package.
    UnsafePath(super::PathError),
}

/// One archive member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArtifactEntry {
    /// Path inside the package. For [`EntryKind::UnsafePath`] the raw path, lossily decoded.
    pub path: Box<str>,
    /// What it is.
    pub kind: EntryKind,
    /// Bytes of content.
    pub size: u64,
    /// Whether any executable bit is set in the archive.
    pub executable: bool,
    /// The content's git blob id; `None` for what has no content or carries the marks of a SHA-1 collision.
    pub blob: Option<BlobId>,
    /// The id that the content would have with LF line ends; only where it has CRLF and was unknown while reading.
    pub blob_with_lf: Option<BlobId>,
    /// Set for every file that was not known while reading.
    pub sha256: Option<Sha256Digest>,
    /// What its first bytes say, if a machine runs what begins so.
    pub machine_code: Option<&'static str>,
    /// The content, where it was unknown while reading and fit the retained budget.
    pub content: Option<Box<[u8]>>,
}

impl ArtifactEntry {
    /// Whether this is a regular file at a valid path.
    pub fn is_file(&self) -> bool {
        self.kind == EntryKind::File
    }

    /// The path as a validated type, for regular files.
    pub fn entry_path(&self) -> Option<EntryPath> {
        if self.is_file() { EntryPath::from_package(&self.path).ok() } else { None }
    }
}

/// Something about the archive as a whole or about how two entries meet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ArchiveAnomaly {
    /// The same path came more than once; the last one is what installers leave on disk.
    DuplicateEntry {
        /// The path.
        path: Box<str>,
        /// Whether the contents differ.
        differs: bool,
    },
    /// Two paths that a case-insensitive or normalising file system takes for one.
    NameCollision {
        /// The first in path order.
        first: Box<str>,
        /// The second.
        second: Box<str>,
    },
    /// One path is both a file and a folder of other files.
    FileAndFolder {
        /// The file's path.
        path: Box<str>,
    },
    /// Entries under more than one root folder, which all land in the same place.
    SeveralRoots {
        /// The root folders, at most eight.
        roots: Vec<String>,
    },
    /// Zero bytes after the compressed stream.
    TrailingData,
    /// The archive is not compressed; node-tar installs it all the same.
    NotCompressed,
    /// A file's content carries the marks of a SHA-1 collision attack.
    Sha1Collision {
        /// The file's path.
        path: Box<str>,
    },
}

/// Everything one pass over an artifact found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArtifactContents {
    /// Every member, in path order, at most one per path.
    pub entries: Vec<ArtifactEntry>,
    /// What is odd about the archive.
    pub anomalies: Vec<ArchiveAnomaly>,
    /// Content of the package's own manifest, if it was there and at most [`Self::MANIFEST_SIZE`] long.
    pub manifest: Option<Vec<u8>>,
    /// Contents that were put aside within the limits, so that a second pass is rarely needed; others only, where an
    /// entry holds its own.
    pub aside: HashMap<Box<str>, Vec<u8>>,
    /// SHA-256 of the artifact's own bytes.
    pub sha256: Sha256Digest,
    /// Compressed size, bytes.
    pub compressed_size: u64,
    /// Sum of the files' sizes, bytes.
    pub unpacked_size: u64,
}

impl ArtifactContents {
    /// Largest manifest that is read.
    pub const MANIFEST_SIZE: u64 = 2 << 20;

    /// Finds an entry by path.
    pub fn entry(&self, path: &str) -> Option<&ArtifactEntry> {
        let index = self.entries.binary_search_by(|entry| (*entry.path).cmp(path)).ok()?;
        self.entries.get(index)
    }

    /// The manifest as JSON, if it is that.
    pub fn parsed_manifest(&self) -> Option<serde_json::Value> {
        read_json(self.manifest.as_deref()?).ok().map(|json| json.value)
    }

    /// The regular files.
    pub fn files(&self) -> impl Iterator<Item = &ArtifactEntry> {
        self.entries.iter().filter(|entry| entry.is_file())
    }
}
