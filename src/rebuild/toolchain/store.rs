//! Unpacked tarballs, each under the digest of its bytes.
//!
//! ```text
//! tools/
//!   XXXXXXXX…/         the first 40 hexadecimal digits of the tarball's sha512
//!     package/         its files, read-only, without the archive's root folder
//!     complete         the whole digest, the number of files, their bytes together
//!   tmp/               trees being unpacked; leftovers go after a day
//! ```
//!
//! A tree is unpacked under a temporary name and renamed, so it is whole or absent, whoever is killed. When it is
//! used again the files are counted and their sizes added up: this finds what was deleted or cut short by
//! accident, not what somebody with access to the cache changed on purpose.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use sha2::Digest as _;

use super::ToolchainError;
use crate::artifact::{ArtifactError, ArtifactLimits, read_files};
use crate::package::hex_text;

/// Digits of the digest in a folder's name.
const NAME_LENGTH: usize = 40;
const ABANDONED_AFTER: Duration = Duration::from_secs(24 * 60 * 60);
/// The largest honest toolchain, Node with its headers, has 150 MB in some thousand files.
const LIMITS: ArtifactLimits = ArtifactLimits {
    compressed_size: 256 << 20,
    unpacked_size: 1 << 30,
    entries: 50_000,
    ratio: 100,
    retained_size: 0,
};

/// Why a tarball was not unpacked.
pub(super) enum UnpackError {
    /// Its bytes are not those of the digest.
    Damaged,
    Archive(ArtifactError),
    Store(ToolchainError),
}

impl From<ToolchainError> for UnpackError {
    fn from(error: ToolchainError) -> Self {
        Self::Store(error)
    }
}

/// The folder of unpacked tarballs.
#[derive(Debug, Clone)]
pub(super) struct Store {
    root: PathBuf,
}

#[derive(Debug, Default, PartialEq, Eq)]
struct Extent {
    files: u64,
    bytes: u64,
}

impl Store {
    pub(super) fn new(cache_directory: &Path) -> Self {
        Self { root: cache_directory.join("tools") }
    }

    /// The tree of the tarball with this sha512, where it is whole.
    pub(super) fn find(&self, sha512: &[u8]) -> Option<PathBuf> {
        let place = self.place(sha512);
        let stated = fs::read_to_string(place.join("complete")).ok()?;
        let tree = place.join("package");
        (stated == marker(sha512, &extent(&tree).ok()?)).then_some(tree)
    }

    /// Unpacks `tarball` unless that was done before.
    pub(super) fn unpack(&self, sha512: &[u8], tarball: &Path) -> Result<PathBuf, UnpackError> {
        if let Some(tree) = self.find(sha512) {
            return Ok(tree);
        }
        let temporary = self.root.join("tmp");
        fs::create_dir_all(&temporary).map_err(|source| failed("create", &temporary, source))?;
        self.remove_abandoned();
        let fresh = tempfile::Builder::new().prefix("unpacking-").tempdir_in(&temporary);
        let fresh = fresh.map_err(|source| failed("write into", &temporary, source))?;
        let tree = fresh.path().join("package");
        let unpacked = write_tree(sha512, tarball, &tree)?;
        let complete = fresh.path().join("complete");
        fs::write(&complete, marker(sha512, &unpacked)).map_err(|source| failed("write", &complete, source))?;
        fs::set_permissions(fresh.path(), fs::Permissions::from_mode(0o755))
            .map_err(|source| failed("write", fresh.path(), source))?;
        self.settle(sha512, fresh)
    }

    /// Moves a whole tree to its place.
    fn settle(&self, sha512: &[u8], fresh: tempfile::TempDir) -> Result<PathBuf, UnpackError> {
        let place = self.place(sha512);
        for _ in 0..4 {
            match fs::rename(fresh.path(), &place) {
                Ok(()) => {
                    // It is no temporary directory any more.
                    let _ = fresh.keep();
                    return Ok(place.join("package"));
                }
                Err(error) if is_occupied(&error) => {}
                Err(error) => return Err(failed("write", &place, error).into()),
            }
            // Another process was faster, or what is there is damaged.
            if let Some(tree) = self.find(sha512) {
                return Ok(tree);
            }
            tracing::warn!(path = %place.display(), "an unpacked toolchain is damaged and is unpacked again");
            let aside = fresh.path().with_extension("damaged");
            match fs::rename(&place, &aside) {
                Ok(()) => drop(fs::remove_dir_all(&aside)),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(failed("remove", &place, error).into()),
            }
        }
        Err(failed("write", &place, io::Error::other("others keep writing there")).into())
    }

    fn place(&self, sha512: &[u8]) -> PathBuf {
        let mut name = hex_text(sha512);
        name.truncate(NAME_LENGTH);
        self.root.join(name)
    }

    /// Removes trees that no living process can still be unpacking.
    fn remove_abandoned(&self) {
        let Ok(entries) = fs::read_dir(self.root.join("tmp")) else { return };
        for entry in entries.flatten() {
            let age = entry.metadata().and_then(|metadata| metadata.modified());
            let age = age.ok().and_then(|modified| SystemTime::now().duration_since(modified).ok());
            if age.is_some_and(|age| age > ABANDONED_AFTER) {
                // Another process may have been faster.
                let _ = fs::remove_dir_all(entry.path());
            }
        }
    }
}

fn is_occupied(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::DirectoryNotEmpty | io::ErrorKind::AlreadyExists)
}

fn failed(action: &'static str, path: &Path, source: io::Error) -> ToolchainError {
    ToolchainError::Store { action, path: path.to_owned(), source }
}

fn marker(sha512: &[u8], extent: &Extent) -> String {
    format!("sha512 {}\nfiles {}\nbytes {}\n", hex_text(sha512), extent.files, extent.bytes)
}

/// Hashes what passes through.
struct Hashing<R> {
    inner: R,
    hash: sha2::Sha512,
}

impl<R: Read> Read for Hashing<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.inner.read(buffer)?;
        self.hash.update(&buffer[..length]);
        Ok(length)
    }
}

/// Unpacks into `tree`, which must be in a directory that nobody else writes into.
fn write_tree(sha512: &[u8], tarball: &Path, tree: &Path) -> Result<Extent, UnpackError> {
    let file = File::open(tarball).map_err(|source| failed("read", tarball, source))?;
    let mut source = Hashing { inner: file, hash: sha2::Sha512::new() };
    let mut extent = Extent::default();
    let mut write = |path: &crate::artifact::EntryPath, executable: bool, content: &mut dyn Read| {
        let path = tree.join(path.as_str());
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        // A file that comes twice, or is a folder too, fails here.
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
        extent.bytes += io::copy(content, &mut file)?;
        extent.files += 1;
        file.flush()?;
        file.set_permissions(fs::Permissions::from_mode(if executable { 0o555 } else { 0o444 }))
    };
    let read = read_files(&mut source, LIMITS, &mut write);
    // An archive that is not the right one must not be judged by its form.
    io::copy(&mut source, &mut io::sink()).map_err(|error| failed("read", tarball, error))?;
    if source.hash.finalize().as_slice() != sha512 {
        return Err(UnpackError::Damaged);
    }
    read.map_err(UnpackError::Archive)?;
    open_folders(tree).map_err(|source| failed("write", tree, source))?;
    Ok(extent)
}

/// The sandbox's user must be able to enter every folder, whatever our own mask is.
fn open_folders(tree: &Path) -> io::Result<()> {
    for entry in walkdir::WalkDir::new(tree) {
        let entry = entry?;
        if entry.file_type().is_dir() {
            fs::set_permissions(entry.path(), fs::Permissions::from_mode(0o755))?;
        }
    }
    Ok(())
}

fn extent(tree: &Path) -> io::Result<Extent> {
    let mut extent = Extent::default();
    for entry in walkdir::WalkDir::new(tree) {
        let entry = entry?;
        if entry.file_type().is_file() {
            extent.files += 1;
            extent.bytes += entry.metadata()?.len();
        } else if !entry.file_type().is_dir() {
            return Err(io::Error::other("neither a file nor a folder"));
        }
    }
    Ok(extent)
}

#[cfg(test)]
#[path = "store_tests.rs"]
mod tests;
