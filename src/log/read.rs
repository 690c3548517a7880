//! Reads a whole log and recomputes everything in it.

use std::collections::HashMap;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use tlog_tiles::{Hash, Tile, record_hash};

use super::checkpoint::{CheckpointError, MAX_CHECKPOINT_BYTES, TreeHead, UnverifiedCheckpoint};
use super::entry::Entry;
use super::key::Origin;
use super::proof::{LogProofError, check_extends};
use super::tile::{self, FULL, HEIGHT, MAX_BUNDLE, add_entry};
use super::tree::Tree;

/// Most entries of a log that is read or written; the tree of so many is 256 MiB in memory.
pub const MAX_SIZE: u64 = 1 << 22;
/// The checkpoint's file.
pub(super) const CHECKPOINT: &str = "checkpoint";
/// The folder of tiles and bundles.
pub(super) const TILES: &str = "tile";
/// How the name of a file begins that is being written.
pub(super) const UNFINISHED: &str = ".tarproof-";

/// Why a log cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The system cannot read it.
    #[error("cannot read `{}`", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The system cannot write it.
    #[error("cannot write `{}`", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Somebody else is appending.
    #[error("another process is appending to `{}`", .0.display())]
    Locked(PathBuf),
    /// Nothing there, and not asked to begin.
    #[error("`{}` is no log: it has no checkpoint", .0.display())]
    NoLog(PathBuf),
    /// Another log than was asked for.
    #[error("the log is `{found}`, not `{expected}`")]
    OtherLog {
        /// Its name.
        found: Origin,
        /// What was asked for.
        expected: Origin,
    },
    /// The checkpoint of a log is gone.
    #[error("`{}` has tiles and no checkpoint: begun anew, it could say other things than before", .0.display())]
    Beheaded(PathBuf),
    /// More than is read or written.
    #[error("the log has {0} entries, and {MAX_SIZE} are the limit: begin another one")]
    TooMany(u64),
    /// A file that the checkpoint needs.
    #[error("`{0}` is missing or no regular file")]
    Missing(String),
    /// A file of another size than it must have.
    #[error("`{path}` is larger than {limit} bytes")]
    TooLarge {
        /// The file.
        path: String,
        /// The limit.
        limit: usize,
    },
    /// The checkpoint proves nothing.
    #[error("the checkpoint is of no use: {0}")]
    Checkpoint(#[from] CheckpointError),
    /// A bundle of another shape.
    #[error("`{0}` does not hold exactly as many entries as its name says")]
    Bundle(String),
    /// A tile that is not what it must be.
    #[error("`{0}` does not fit the log's entries")]
    Differs(String),
    /// The checkpoint is of other entries.
    #[error("the entries have the root {computed}, and the checkpoint states {stated}")]
    Root {
        /// Of the entries.
        computed: Hash,
        /// Of the checkpoint.
        stated: Hash,
    },
    /// Somebody wrote to it who did not wait for the lock.
    #[error("`{}` was written to by somebody else meanwhile: nothing was appended", .0.display())]
    Disturbed(PathBuf),
    /// Another log, or one that was rewritten.
    #[error(transparent)]
    Rewritten(#[from] LogProofError),
}

/// A log that is whole: every tile and every entry fits its tree head.
#[derive(Debug)]
pub struct Log {
    pub(super) head: TreeHead,
    pub(super) tree: Tree,
    /// The entries of the last bundle, if it is not full, as the bundle holds them.
    pub(super) tail: Vec<u8>,
    /// Where each leaf is for the first time.
    pub(super) positions: HashMap<[u8; 32], u64>,
    /// Files that lie beyond it, and such as were being written when the program ended.
    pub(super) left_over: Vec<PathBuf>,
}

/// Reads the checkpoint of the log in `directory`.
pub fn read_checkpoint(directory: &Path) -> Result<UnverifiedCheckpoint, LogError> {
    match read_file(directory, CHECKPOINT, MAX_CHECKPOINT_BYTES) {
        Ok(bytes) => Ok(UnverifiedCheckpoint::read(&bytes)?),
        Err(LogError::Missing(_)) => Err(LogError::NoLog(directory.to_owned())),
        Err(other) => Err(other),
    }
}

impl Log {
    /// Reads everything that `head` stands for and computes it anew: entries, tiles, root, and also the partial tiles
    /// that earlier checkpoints needed. What lies beyond is of no checkpoint, and only counted.
    pub fn read(directory: &Path, head: &TreeHead) -> Result<Self, LogError> {
        if head.size > MAX_SIZE {
            return Err(LogError::TooMany(head.size));
        }
        let mut log = Self::empty(head.clone());
        let tiles = Tile::new_tiles(HEIGHT, 0, head.size);
        for tile in tiles.iter().filter(|tile| tile.level() == 0) {
            log.read_bundle(directory, &tile::bundle_of(tile))?;
        }
        for tile in &tiles {
            log.compare_tile(directory, tile)?;
        }
        let computed = log.tree.root();
        if computed != head.root {
            return Err(LogError::Root { computed, stated: head.root });
        }
        log.read_others(directory)?;
        Ok(log)
    }

    /// A log without entries.
    pub(super) fn empty(head: TreeHead) -> Self {
        Self { head, tree: Tree::default(), tail: Vec::new(), positions: HashMap::new(), left_over: Vec::new() }
    }

    /// Adds an entry in memory.
    pub(super) fn push(&mut self, entry: &[u8]) {
        let leaf = record_hash(entry);
        self.positions.entry(leaf.0).or_insert(self.tree.size());
        self.tree.push(leaf);
        add_entry(&mut self.tail, entry);
        if self.tree.size().is_multiple_of(FULL) {
            self.tail.clear();
        }
    }

    fn read_bundle(&mut self, directory: &Path, bundle: &Tile) -> Result<(), LogError> {
        let path = tile::path(bundle);
        let bytes = read_file(directory, &path, MAX_BUNDLE)?;
        for entry in entries(&path, &bytes, bundle)? {
            self.push(entry);
        }
        Ok(())
    }

    fn compare_tile(&self, directory: &Path, tile: &Tile) -> Result<(), LogError> {
        let path = tile::path(tile);
        let expected = self.tree.tile(tile);
        let found = read_file(directory, &path, expected.len())?;
        if found == expected { Ok(()) } else { Err(LogError::Differs(path)) }
    }

    /// Compares the tiles that are not of this size.
    fn read_others(&mut self, directory: &Path) -> Result<(), LogError> {
        let beside = walkdir::WalkDir::new(directory).max_depth(1);
        let root = directory.join(TILES);
        let tiles = root.exists().then(|| walkdir::WalkDir::new(&root));
        for entry in beside.into_iter().chain(tiles.into_iter().flatten()) {
            let entry = entry.map_err(|error| {
                let path = error.path().unwrap_or(directory).to_owned();
                LogError::Read { path, source: error.into() }
            })?;
            if entry.file_type().is_dir() {
                continue;
            }
            if entry.file_name().as_encoded_bytes().starts_with(UNFINISHED.as_bytes()) {
                self.left_over.push(entry.into_path());
                continue;
            }
            // Other names are of no log; nobody who reads one asks for them.
            let relative = entry.path().strip_prefix(directory).ok().and_then(Path::to_str);
            let Some(tile) = relative.and_then(tile::at) else { continue };
            if !tile::is_within(&tile, self.head.size) {
                self.left_over.push(entry.into_path());
            } else if tile::is_needed(&tile, self.head.size) {
                // It was read a moment ago.
            } else if tile.is_data() {
                self.compare_bundle(directory, &tile)?;
            } else {
                self.compare_tile(directory, &tile)?;
            }
        }
        Ok(())
    }

    /// A bundle holds the leaves that the tree has there.
    fn compare_bundle(&self, directory: &Path, bundle: &Tile) -> Result<(), LogError> {
        let path = tile::path(bundle);
        let bytes = read_file(directory, &path, MAX_BUNDLE)?;
        let entries = entries(&path, &bytes, bundle)?;
        let leaves: Vec<u8> = entries.into_iter().flat_map(|entry| record_hash(entry).0).collect();
        let hashes = Tile::new(HEIGHT, 0, bundle.level_index(), bundle.width(), false);
        if leaves == self.tree.tile(&hashes) { Ok(()) } else { Err(LogError::Differs(path)) }
    }

    /// The tree head that it was read for, or that its entries have by now.
    pub fn head(&self) -> &TreeHead {
        &self.head
    }

    /// Where an entry is; `None` where it is not logged.
    pub fn position(&self, entry: &Entry) -> Option<u64> {
        self.positions.get(&entry.leaf().0).copied()
    }

    /// The hashes that prove that the entry `index` is in the log.
    pub fn inclusion(&self, index: u64) -> Option<Vec<Hash>> {
        self.tree.inclusion(index)
    }

    /// The hashes that prove that the log goes on from the one that had `size` entries.
    pub fn consistency(&self, size: u64) -> Option<Vec<Hash>> {
        self.tree.consistency(size)
    }

    /// Holds the log against an older tree head: it must begin with the entries that the other one had.
    pub fn extends(&self, older: &TreeHead) -> Result<(), LogError> {
        let hashes = self.consistency(older.size).unwrap_or_default();
        Ok(check_extends(older, &self.head, &hashes)?)
    }

    /// How many files are of entries that no checkpoint covers: an append that did not end left them.
    pub fn left_over(&self) -> usize {
        self.left_over.len()
    }
}

fn entries<'a>(path: &str, bytes: &'a [u8], bundle: &Tile) -> Result<Vec<&'a [u8]>, LogError> {
    tile::entries(bytes, bundle.width()).ok_or_else(|| LogError::Bundle(path.to_owned()))
}

/// Reads a file of a log, which must be a regular one: it may come from anybody.
fn read_file(directory: &Path, relative: &str, limit: usize) -> Result<Vec<u8>, LogError> {
    let path = directory.join(relative);
    let missing = |error: &io::Error| matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory);
    match std::fs::symlink_metadata(&path) {
        Ok(metadata) if metadata.is_file() => {}
        Ok(_) => return Err(LogError::Missing(relative.to_owned())),
        Err(error) if missing(&error) => return Err(LogError::Missing(relative.to_owned())),
        Err(source) => return Err(LogError::Read { path, source }),
    }
    let mut bytes = Vec::new();
    let read = std::fs::File::open(&path).and_then(|file| file.take(limit as u64 + 1).read_to_end(&mut bytes));
    match read {
        Err(source) => Err(LogError::Read { path, source }),
        Ok(_) if bytes.len() > limit => Err(LogError::TooLarge { path: relative.to_owned(), limit }),
        Ok(_) => Ok(bytes),
    }
}
