//! Reading what commands left in the work area.
//!
//! The tree is hostile. Paths are looked up below the work area's own file system, no link of any kind is followed,
//! and only what has been seen to be a regular file is opened. No command runs meanwhile, so what was seen stays.

use crate::outcome::SandboxError;
use crate::place;
use rustix::fs::{Dir, FileType, Mode, OFlags, ResolveFlags};
use std::ffi::OsStr;
use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// What lies at a place of the work area.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EntryKind {
    /// A regular file: the only kind that can be opened.
    File,
    /// A directory.
    Directory,
    /// A symbolic link. It is never followed.
    Link,
    /// A named pipe.
    Fifo,
    /// A socket.
    Socket,
    /// A device. The kernel opens none here, whatever made it.
    Device,
}

impl fmt::Display for EntryKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::File => "a regular file",
            Self::Directory => "a directory",
            Self::Link => "a symbolic link",
            Self::Fifo => "a named pipe",
            Self::Socket => "a socket",
            Self::Device => "a device",
        })
    }
}

impl EntryKind {
    fn of(kind: FileType) -> Self {
        match kind {
            FileType::RegularFile => Self::File,
            FileType::Directory => Self::Directory,
            FileType::Symlink => Self::Link,
            FileType::Fifo => Self::Fifo,
            FileType::Socket => Self::Socket,
            FileType::CharacterDevice | FileType::BlockDevice | FileType::Unknown => Self::Device,
        }
    }
}

/// One member of a tree in the work area.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// From the directory that was walked.
    pub path: PathBuf,
    /// What it is.
    pub kind: EntryKind,
    /// Bytes that a regular file says it has; holes count, so they may be many.
    pub size: u64,
    /// Permission bits.
    pub mode: u32,
}

/// Where a walk gives up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WalkLimits {
    /// Members of the tree.
    pub entries: usize,
    /// Directories below one another.
    pub depth: usize,
}

/// The root of the file system behind all writable places.
#[derive(Debug)]
pub(crate) struct WorkArea(pub(crate) OwnedFd);

const RESOLVE: ResolveFlags = ResolveFlags::BENEATH
    .union(ResolveFlags::NO_SYMLINKS)
    .union(ResolveFlags::NO_MAGICLINKS)
    .union(ResolveFlags::NO_XDEV);

fn open_in(directory: impl AsFd, path: &Path, flags: OFlags) -> io::Result<OwnedFd> {
    Ok(rustix::fs::openat2(directory, path, flags | OFlags::NOFOLLOW | OFlags::CLOEXEC, Mode::empty(), RESOLVE)?)
}

impl WorkArea {
    pub(crate) fn open_file(&self, path: &Path) -> Result<File, SandboxError> {
        let behind = place::behind(path).ok_or_else(|| SandboxError::NotInWorkArea(path.to_owned()))?;
        let failed = |source: io::Error| SandboxError::WorkArea { path: path.to_owned(), source };
        // Looked at without opening: opening a pipe or a device can do things.
        let seen = open_in(&self.0, &behind, OFlags::PATH).map_err(failed)?;
        let seen = rustix::fs::fstat(&seen).map_err(|error| failed(error.into()))?;
        let refuse_others = |mode| match EntryKind::of(FileType::from_raw_mode(mode)) {
            EntryKind::File => Ok(()),
            kind => Err(SandboxError::NotRegular { path: path.to_owned(), kind }),
        };
        refuse_others(seen.st_mode)?;
        let file = open_in(&self.0, &behind, OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY).map_err(failed)?;
        let opened = rustix::fs::fstat(&file).map_err(|error| failed(error.into()))?;
        refuse_others(opened.st_mode)?;
        Ok(File::from(file))
    }

    pub(crate) fn read(&self, path: &Path, limit: u64) -> Result<Vec<u8>, SandboxError> {
        let mut content = Vec::new();
        let file = self.open_file(path)?;
        file.take(limit.saturating_add(1))
            .read_to_end(&mut content)
            .map_err(|source| SandboxError::WorkArea { path: path.to_owned(), source })?;
        if content.len() as u64 > limit {
            return Err(SandboxError::TooLarge { path: path.to_owned(), limit });
        }
        Ok(content)
    }

    pub(crate) fn walk(&self, path: &Path, limits: WalkLimits) -> Result<Vec<Entry>, SandboxError> {
        let behind = place::behind(path).ok_or_else(|| SandboxError::NotInWorkArea(path.to_owned()))?;
        let failed = |source: io::Error| SandboxError::WorkArea { path: path.to_owned(), source };
        let top = open_in(&self.0, &behind, OFlags::RDONLY | OFlags::DIRECTORY).map_err(failed)?;
        let mut walk = Walk { top: path, limits, entries: Vec::new() };
        walk.directory(&top, Path::new(""), limits.depth)?;
        walk.entries.sort_by(|left, right| left.path.cmp(&right.path));
        Ok(walk.entries)
    }
}

struct Walk<'path> {
    top: &'path Path,
    limits: WalkLimits,
    entries: Vec<Entry>,
}

impl Walk<'_> {
    /// Each directory is opened from the one that holds it, so no path becomes too long to be looked up.
    fn directory(&mut self, directory: &OwnedFd, path: &Path, depth_left: usize) -> Result<(), SandboxError> {
        let failed = |path: &Path, source: rustix::io::Errno| SandboxError::WorkArea {
            path: self.top.join(path),
            source: source.into(),
        };
        let too_large = |limit: usize| SandboxError::TooLarge { path: self.top.to_owned(), limit: limit as u64 };
        let mut below = Vec::new();
        for member in Dir::read_from(directory).map_err(|error| failed(path, error))? {
            let member = member.map_err(|error| failed(path, error))?;
            let name = OsStr::from_bytes(member.file_name().to_bytes());
            if name == "." || name == ".." {
                continue;
            }
            let there = path.join(name);
            let state = rustix::fs::statat(directory, name, rustix::fs::AtFlags::SYMLINK_NOFOLLOW)
                .map_err(|error| failed(&there, error))?;
            let kind = EntryKind::of(FileType::from_raw_mode(state.st_mode));
            let size = if kind == EntryKind::File { state.st_size.unsigned_abs() } else { 0 };
            if self.entries.len() == self.limits.entries {
                return Err(too_large(self.limits.entries));
            }
            self.entries.push(Entry { path: there.clone(), kind, size, mode: state.st_mode & 0o7777 });
            if kind == EntryKind::Directory {
                below.push((name.to_owned(), there));
            }
        }
        for (name, there) in below {
            if depth_left == 0 {
                return Err(too_large(self.limits.depth));
            }
            let opened = open_in(directory, Path::new(&name), OFlags::RDONLY | OFlags::DIRECTORY)
                .map_err(|source| SandboxError::WorkArea { path: self.top.join(&there), source })?;
            self.directory(&opened, &there, depth_left - 1)?;
        }
        Ok(())
    }
}
