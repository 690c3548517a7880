//! Reads one published artifact in a single streaming pass.
//!
//! Nothing is written to disk and no entry is trusted: paths are validated, every entry type is
//! handled explicitly, every limit has a name. The archive is read the way the ecosystem's installer
//! would read it, because that is what ends up on a user's machine. Start at [`read_tarball`].

mod collect;
mod entry;
mod gzip;
mod handover;
mod hash;
mod limits;
mod machine_code;
mod members;
mod meter;
mod path;
mod profile;
mod tar;

pub use entry::{ArchiveAnomaly, ArtifactContents, ArtifactEntry, EntryKind};
pub use hash::{BlobHasher, CollisionCheck};
pub use limits::{ArtifactLimits, LimitKind};
pub use machine_code::machine_code;
pub use path::{EntryPath, PathError};
pub use tar::{ArtifactError, ReadOptions, SourceContent, TakeFile, read_entries, read_files, read_tarball};
