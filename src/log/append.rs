//! Appends to a log so that whatever happens in between, what is there verifies.
//!
//! New tiles and bundles come first and lie beyond the checkpoint, so nobody asks for them; when they are on the disk,
//! the new checkpoint replaces the old one in one step. What an append that did not end has left is removed by the
//! next, because it would be of another log when this one has grown as far.
//!
//! The lock keeps appends apart. Where it does not hold (somebody removed its file, or the file system knows no locks), a
//! new file that is there already and a checkpoint that is no longer the one that was read end the append, before two
//! trees of one size are signed.

use std::collections::BTreeSet;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use tlog_tiles::{EMPTY_HASH, Tile};

use super::checkpoint::{TreeHead, UnverifiedCheckpoint};
use super::entry::Entry;
use super::key::{LogSigner, Origin};
use super::read::{CHECKPOINT, Log, LogError, MAX_SIZE, TILES, UNFINISHED, read_checkpoint};
use super::tile::{self, FULL, HEIGHT, add_entry};

/// Held while appending. The system lets go of it when the process ends, however it ends.
const LOCK: &str = ".lock";

/// A log that was found whole, and that nobody else appends to.
#[derive(Debug)]
pub struct Appender {
    directory: PathBuf,
    signer: LogSigner,
    pub(super) log: Log,
    /// The checkpoint that the log was read for.
    checkpoint: UnverifiedCheckpoint,
    _lock: File,
}

/// Where an entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// Its index.
    pub index: u64,
    /// Whether it was not logged before.
    pub new: bool,
}

/// What an append did.
#[derive(Debug)]
pub struct Appended {
    /// Where each entry is, in the order in which they were given.
    pub positions: Vec<Position>,
    /// The log as it is now.
    pub head: TreeHead,
    /// Files of an earlier append that did not end.
    pub left_over: usize,
}

impl Appender {
    /// Opens the log in `directory` and verifies all of it with the signer's key. With `origin` it must be the log of
    /// this name, and is begun where there is none.
    pub fn open(directory: &Path, signer: LogSigner, origin: Option<&Origin>) -> Result<Self, LogError> {
        let has_checkpoint = || directory.join(CHECKPOINT).symlink_metadata().is_ok();
        match origin {
            _ if has_checkpoint() => {}
            Some(_) => {
                std::fs::create_dir_all(directory).map_err(write_error(directory))?;
                directory.parent().map_or(Ok(()), sync_folder)?;
            }
            None => return Err(LogError::NoLog(directory.to_owned())),
        }
        let lock = lock(directory)?;
        if let Some(origin) = origin
            && !has_checkpoint()
        {
            // An append needs a checkpoint to die beside, so this is not what one has left.
            if directory.join(TILES).symlink_metadata().is_ok() {
                return Err(LogError::Beheaded(directory.to_owned()));
            }
            let head = TreeHead { origin: origin.clone(), size: 0, root: EMPTY_HASH };
            write_checkpoint(directory, &head.sign(&signer))?;
        }
        let checkpoint = read_checkpoint(directory)?;
        let head = checkpoint.prove(signer.key())?;
        if let Some(expected) = origin.filter(|origin| **origin != head.origin) {
            return Err(LogError::OtherLog { found: head.origin, expected: expected.clone() });
        }
        let log = Log::read(directory, &head)?;
        Ok(Self { directory: directory.to_owned(), signer, log, checkpoint, _lock: lock })
    }

    /// Refuses a log that does not go on from an older checkpoint: one that somebody set back would be signed anew.
    pub fn must_extend(&self, older: &UnverifiedCheckpoint) -> Result<(), LogError> {
        self.log.extends(&older.prove(self.signer.key())?)
    }

    /// Appends what is not logged yet.
    pub fn append(mut self, entries: &[Entry]) -> Result<Appended, LogError> {
        let (positions, files) = self.log.grow(entries)?;
        if !files.is_empty() {
            remove(&self.log.left_over)?;
            let mut written = Vec::new();
            if let Err(error) = self.write_undisturbed(&files, &mut written) {
                // In a log that somebody else has made longer they would stand for what is not in it.
                written.iter().for_each(|path| drop(std::fs::remove_file(path)));
                return Err(error);
            }
            write_checkpoint(&self.directory, &self.log.head.sign(&self.signer))?;
        }
        let left_over = self.log.left_over();
        Ok(Appended { positions, head: self.log.head, left_over })
    }

    /// Writes files, and makes sure that the log is still the one that was read.
    fn write_undisturbed(&self, files: &[NewFile], written: &mut Vec<PathBuf>) -> Result<(), LogError> {
        write_tiles(&self.directory, files, written)?;
        if read_checkpoint(&self.directory)? == self.checkpoint {
            return Ok(());
        }
        Err(LogError::Disturbed(self.directory.clone()))
    }
}

/// A tile or bundle that is to be written.
#[derive(Debug)]
pub(super) struct NewFile {
    /// Where in the log.
    pub(super) path: String,
    pub(super) content: Vec<u8>,
}

impl Log {
    /// Adds entries in memory; the files that are new, by their paths, bundles before hashes. None of them was of the
    /// log before, so none is ever rewritten.
    pub(super) fn grow(&mut self, entries: &[Entry]) -> Result<(Vec<Position>, Vec<NewFile>), LogError> {
        let old = self.tree.size();
        let mut bundle = self.tail.clone();
        let (mut positions, mut bundles) = (Vec::new(), Vec::new());
        for entry in entries {
            if let Some(index) = self.position(entry) {
                positions.push(Position { index, new: false });
                continue;
            }
            let index = self.tree.size();
            if index >= MAX_SIZE {
                return Err(LogError::TooMany(index + 1));
            }
            positions.push(Position { index, new: true });
            self.push(entry.as_bytes());
            add_entry(&mut bundle, entry.as_bytes());
            if self.tree.size().is_multiple_of(FULL) {
                bundles.push(std::mem::take(&mut bundle));
            }
        }
        bundles.push(bundle);
        let tiles = Tile::new_tiles(HEIGHT, old, self.tree.size());
        let leaves = tiles.iter().filter(|tile| tile.level() == 0);
        let bundles =
            leaves.zip(bundles).map(|(tile, content)| NewFile { path: tile::path(&tile::bundle_of(tile)), content });
        let hashes = tiles.iter().map(|tile| NewFile { path: tile::path(tile), content: self.tree.tile(tile) });
        let files = bundles.chain(hashes).collect();
        self.head.size = self.tree.size();
        self.head.root = self.tree.root();
        Ok((positions, files))
    }
}

fn write_error(path: &Path) -> impl FnOnce(std::io::Error) -> LogError {
    let path = path.to_owned();
    |source| LogError::Write { path, source }
}

fn lock(directory: &Path) -> Result<File, LogError> {
    let path = directory.join(LOCK);
    let file = OpenOptions::new().create(true).write(true).truncate(false).open(&path).map_err(write_error(&path))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(LogError::Locked(directory.to_owned())),
        Err(TryLockError::Error(source)) => Err(LogError::Write { path, source }),
    }
}

/// Removes what no checkpoint covers, and returns when the disk has forgotten it.
fn remove(files: &[PathBuf]) -> Result<(), LogError> {
    let mut folders = BTreeSet::new();
    for file in files {
        std::fs::remove_file(file).map_err(write_error(file))?;
        folders.extend(file.parent());
    }
    folders.into_iter().try_for_each(sync_folder)
}

/// Writes tiles and bundles, none of which is there yet, and returns when the disk has them. Tells which were written,
/// also where one could not be.
pub(super) fn write_tiles(directory: &Path, files: &[NewFile], written: &mut Vec<PathBuf>) -> Result<(), LogError> {
    let mut folders = BTreeSet::from([directory.to_owned()]);
    for file in files {
        let path = directory.join(&file.path);
        let inside = |folder: &&Path| folder.starts_with(directory);
        folders.extend(path.ancestors().skip(1).take_while(inside).map(Path::to_owned));
        write_file(&path, &file.content, Existing::Refused).map_err(|error| match error {
            LogError::Write { source, .. } if source.kind() == ErrorKind::AlreadyExists => {
                LogError::Disturbed(directory.to_owned())
            }
            other => other,
        })?;
        written.push(path);
    }
    folders.iter().try_for_each(|folder| sync_folder(folder))
}

/// Replaces the checkpoint, and returns when the disk has it.
pub(super) fn write_checkpoint(directory: &Path, checkpoint: &UnverifiedCheckpoint) -> Result<(), LogError> {
    write_file(&directory.join(CHECKPOINT), checkpoint.to_text().as_bytes(), Existing::Replaced)?;
    sync_folder(directory)
}

/// What becomes of a file that is there already.
#[derive(Clone, Copy)]
enum Existing {
    Refused,
    Replaced,
}

/// Writes a file so that it is there as a whole or not at all.
fn write_file(path: &Path, content: &[u8], existing: Existing) -> Result<(), LogError> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let written = std::fs::create_dir_all(folder).and_then(|()| {
        let mut file = tempfile::Builder::new().prefix(UNFINISHED).tempfile_in(folder)?;
        file.write_all(content)?;
        // A temporary file is readable by its owner alone; a log is there to be read.
        file.as_file().set_permissions(PermissionsExt::from_mode(0o644))?;
        file.as_file().sync_all()?;
        let persisted = match existing {
            Existing::Refused => file.persist_noclobber(path),
            Existing::Replaced => file.persist(path),
        };
        persisted.map(drop).map_err(|error| error.error)
    });
    written.map_err(write_error(path))
}

fn sync_folder(folder: &Path) -> Result<(), LogError> {
    // The path of a file in the working directory has an empty parent.
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(write_error(folder))
}
