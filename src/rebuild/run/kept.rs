//! The folder in which the records of one artifact's rebuild are kept, and the bound on all such folders together.

use std::fs::{File, TryLockError};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::package::{Release, Sha256Digest};

/// How often a folder is looked for again that another process has just removed.
const MAX_TRIES: usize = 100;

/// The folder of one artifact. As long as this lives no other process removes it.
#[derive(Debug)]
pub struct Kept {
    directory: PathBuf,
    /// A shared lock on the file beside the folder; `None` where the cache cannot be written.
    _lock: Option<File>,
}

impl Kept {
    /// Takes the folder for a rebuild of `artifact`, empty unless another process uses it, and then removes the oldest
    /// of the others until all have at most `limit` bytes. One that is in use is never removed.
    ///
    /// That something cannot be locked or removed is no reason not to build.
    pub fn open(cache_directory: &Path, release: &Release, artifact: Sha256Digest, limit: u64) -> Self {
        let plain = |character: char| {
            if character.is_ascii_alphanumeric() || "@.-_".contains(character) { character } else { '+' }
        };
        let all = cache_directory.join("rebuilds");
        let release: String = release.to_string().chars().map(plain).collect();
        let artifact: String = artifact.to_string().chars().take(16).collect();
        let directory = all.join(release).join(artifact);
        let warn = |error: &io::Error| tracing::warn!(path = %all.display(), %error, "records of rebuilds are not kept in order");
        let lock = take(&directory).inspect_err(warn).ok();
        let _ = bound(&all, limit).inspect_err(warn);
        Self { directory, _lock: lock }
    }

    /// Where it is. It need not exist yet.
    pub fn directory(&self) -> &Path {
        &self.directory
    }
}

fn lock_beside(directory: &Path) -> PathBuf {
    directory.with_extension("lock")
}

/// The lock file of a folder, opened; made if it is not there.
fn open(path: &Path) -> io::Result<File> {
    std::fs::create_dir_all(path.parent().unwrap_or(path))?;
    File::options().read(true).write(true).create(true).truncate(false).open(path)
}

/// Locks a folder for use. What an earlier run left in it, killed or not, goes if nobody else uses it.
fn take(directory: &Path) -> io::Result<File> {
    let path = lock_beside(directory);
    for _ in 0..MAX_TRIES {
        let file = match open(&path) {
            // Its parent has just been removed.
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            other => other?,
        };
        let is_alone = match file.try_lock() {
            Ok(()) => true,
            Err(TryLockError::WouldBlock) => false,
            Err(TryLockError::Error(error)) => return Err(error),
        };
        if is_alone && is_still(&file, &path) {
            remove(directory)?;
        }
        file.lock_shared()?;
        if is_still(&file, &path) {
            return Ok(file);
        }
    }
    Err(io::Error::from(io::ErrorKind::ResourceBusy))
}

/// Whether the file of this name is the one that was opened, so that others who lock it see the lock.
fn is_still(file: &File, path: &Path) -> bool {
    let id = |metadata: std::fs::Metadata| (metadata.dev(), metadata.ino());
    let (open, there) = (file.metadata().map(id), std::fs::symlink_metadata(path).map(id));
    matches!((open, there), (Ok(open), Ok(there)) if open == there)
}

fn remove(directory: &Path) -> io::Result<()> {
    match std::fs::remove_dir_all(directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

/// One folder, as it was seen.
struct Seen {
    directory: PathBuf,
    size: u64,
    /// Of the newest file.
    changed: SystemTime,
}

/// Removes folders that nobody uses, oldest first, until the rest has at most `limit` bytes.
fn bound(all: &Path, limit: u64) -> io::Result<()> {
    let mut folders = seen(all);
    let mut total: u64 = folders.iter().map(|folder| folder.size).sum();
    folders.sort_by_key(|folder| folder.changed);
    for folder in folders {
        if total <= limit {
            break;
        }
        let path = lock_beside(&folder.directory);
        let file = open(&path)?;
        // A lock that is shared by its user is not to be had.
        if file.try_lock().is_ok() && is_still(&file, &path) {
            remove(&folder.directory)?;
            std::fs::remove_file(&path)?;
            // Holds other artifacts of the release, or nothing.
            let _ = folder.directory.parent().map(std::fs::remove_dir);
            total -= folder.size;
        }
    }
    Ok(())
}

/// Every folder below `all`, links not followed.
fn seen(all: &Path) -> Vec<Seen> {
    let folders = walkdir::WalkDir::new(all).min_depth(2).max_depth(2).into_iter().filter_map(Result::ok);
    let folders = folders.filter(|entry| entry.file_type().is_dir()).map(|entry| {
        let inside = walkdir::WalkDir::new(entry.path()).into_iter().filter_map(|entry| entry.ok()?.metadata().ok());
        let mut folder = Seen { directory: entry.into_path(), size: 0, changed: SystemTime::UNIX_EPOCH };
        for metadata in inside {
            folder.size += if metadata.is_file() { metadata.len() } else { 0 };
            folder.changed = folder.changed.max(metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH));
        }
        folder
    });
    folders.collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::package::{Ecosystem, PackageName, Version};

    fn release(version: &str) -> Release {
        Release {
            ecosystem: Ecosystem::Npm,
            name: PackageName::parse("kept").unwrap(),
            version: Version::parse(version).unwrap(),
        }
    }

    /// A folder with one file of 100 bytes that was written `age` hours ago.
    fn written(cache: &Path, version: &str, age: u64) -> PathBuf {
        let kept = Kept::open(cache, &release(version), Sha256Digest::of(b"artifact"), u64::MAX);
        let directory = kept.directory().join("1");
        std::fs::create_dir_all(&directory).unwrap();
        let time = SystemTime::now() - Duration::from_secs(age * 3600);
        for (name, content) in [("candidate.tgz", [0; 90].as_slice()), ("build.log", &[0; 10])] {
            std::fs::write(directory.join(name), content).unwrap();
        }
        for path in [directory.join("candidate.tgz"), directory.join("build.log"), directory, kept.directory().into()] {
            File::open(path).unwrap().set_modified(time).unwrap();
        }
        kept.directory().to_owned()
    }

    #[test]
    fn the_oldest_go_until_the_rest_fits_and_what_is_used_stays() {
        let cache = tempfile::tempdir().unwrap();
        let [oldest, used, newer, newest] = [("1.0.0", 9), ("2.0.0", 8), ("3.0.0", 7), ("4.0.0", 6)]
            .map(|(version, age)| written(cache.path(), version, age));
        let in_use = take(&used).unwrap();
        std::fs::create_dir_all(used.join("1")).unwrap();
        std::fs::write(used.join("1/candidate.tgz"), [0; 100]).unwrap();
        File::open(used.join("1")).unwrap().set_modified(SystemTime::UNIX_EPOCH).unwrap();
        let all = cache.path().join("rebuilds");
        bound(&all, 400).unwrap();
        assert!([&oldest, &used, &newer, &newest].iter().all(|directory| directory.is_dir()), "all fit");
        bound(&all, 250).unwrap();
        assert!(!oldest.exists() && !oldest.parent().unwrap().exists(), "nothing is left of it");
        assert!(used.is_dir() && newest.is_dir() && !newer.exists());
        bound(&all, 0).unwrap();
        assert!(used.join("1/candidate.tgz").is_file() && !newest.exists());
        drop(in_use);
        bound(&all, 0).unwrap();
        assert!(!used.exists());
    }

    #[test]
    fn an_open_folder_is_empty_and_stays() {
        let cache = tempfile::tempdir().unwrap();
        let directory = written(cache.path(), "1.0.0", 1);
        let open = || Kept::open(cache.path(), &release("1.0.0"), Sha256Digest::of(b"artifact"), 0);
        let kept = open();
        assert!(kept.directory() == directory && !directory.exists(), "what an earlier run left is gone");
        std::fs::create_dir_all(directory.join("1")).unwrap();
        std::fs::write(directory.join("1/build.log"), "a log").unwrap();
        let _other = open();
        assert!(directory.join("1/build.log").is_file(), "another run of the same release leaves it");
        let link = cache.path().join("rebuilds/link");
        std::os::unix::fs::symlink(cache.path(), &link).unwrap();
        bound(&cache.path().join("rebuilds"), 0).unwrap();
        assert!(link.symlink_metadata().is_ok() && directory.is_dir(), "no link is followed");
    }
}
