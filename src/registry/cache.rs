//! The content-addressed cache: blobs by their SHA-256, and small records that lead to them.
//!
//! Every file is written under a temporary name and renamed into place, so any number of processes may share
//! a cache and any of them may be killed. A record carries its own digest, so a damaged one reads as absent.
//! The cache defends against accidents, not against somebody who may write into it.

use std::fs;
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::Digest as _;
use tempfile::NamedTempFile;

use crate::package::{Sha256Digest, hex_text};

/// What a killed process left behind is removed after this time.
const ABANDONED_AFTER: Duration = Duration::from_secs(24 * 60 * 60);

/// The cache directory could not be used.
#[derive(Debug, thiserror::Error)]
#[error("cannot {action} `{}`", path.display())]
pub struct CacheError {
    action: &'static str,
    path: PathBuf,
    #[source]
    source: io::Error,
}

impl CacheError {
    fn new(action: &'static str, path: &Path, source: io::Error) -> Self {
        Self { action, path: path.to_owned(), source }
    }
}

/// A directory of blobs and records.
#[derive(Debug, Clone)]
pub(crate) struct Cache {
    root: PathBuf,
}

/// A blob on its way into the cache; dropped unfinished, it leaves nothing behind.
#[derive(Debug)]
pub(crate) struct StagedBlob {
    file: NamedTempFile,
}

impl Cache {
    /// Uses `root`, creating it only when something is written.
    pub(crate) fn new(root: PathBuf) -> Self {
        Self { root }
    }

    /// Where the blob with this digest is or would be.
    pub(crate) fn blob_path(&self, digest: Sha256Digest) -> PathBuf {
        let name = digest.to_string();
        self.root.join("blobs").join("sha256").join(&name[..2]).join(name)
    }

    /// The size of the blob, where there is one.
    pub(crate) fn blob_size(&self, digest: Sha256Digest) -> Option<u64> {
        fs::metadata(self.blob_path(digest)).ok().filter(fs::Metadata::is_file).map(|metadata| metadata.len())
    }

    /// Reads a blob and checks its digest; one that does not fit is removed and reads as absent.
    pub(crate) fn read_blob(&self, digest: Sha256Digest) -> Result<Option<Vec<u8>>, CacheError> {
        let path = self.blob_path(digest);
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(CacheError::new("read", &path, error)),
        };
        if Sha256Digest::of(&bytes) == digest {
            return Ok(Some(bytes));
        }
        tracing::warn!(path = %path.display(), "a cached blob does not fit its digest and is fetched again");
        self.remove_blob(digest)?;
        Ok(None)
    }

    /// Removes a blob, which may already be gone.
    pub(crate) fn remove_blob(&self, digest: Sha256Digest) -> Result<(), CacheError> {
        let path = self.blob_path(digest);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(CacheError::new("remove", &path, error)),
            _ => Ok(()),
        }
    }

    /// Starts a blob whose digest is not known yet.
    pub(crate) fn stage(&self) -> Result<StagedBlob, CacheError> {
        Ok(StagedBlob { file: self.temporary()? })
    }

    /// Stores `bytes` under their digest.
    pub(crate) fn write_blob(&self, bytes: &[u8]) -> Result<Sha256Digest, CacheError> {
        let digest = Sha256Digest::of(bytes);
        let mut staged = self.stage()?;
        staged.write(bytes)?;
        staged.commit(self, digest)?;
        Ok(digest)
    }

    /// Reads the record of `kind` under `key`; one that is damaged or of another shape reads as absent.
    pub(crate) fn read_record<T: DeserializeOwned>(
        &self,
        kind: &str,
        key: Sha256Digest,
    ) -> Result<Option<T>, CacheError> {
        let path = self.record_path(kind, key);
        let sealed = match fs::read(&path) {
            Ok(sealed) => sealed,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(CacheError::new("read", &path, error)),
        };
        let record = unseal(&sealed).and_then(|json| serde_json::from_slice(json).ok());
        if record.is_none() {
            tracing::warn!(path = %path.display(), "a cached record is damaged or of another version and is ignored");
        }
        Ok(record)
    }

    /// Writes the record of `kind` under `key`.
    pub(crate) fn write_record<T: Serialize>(
        &self,
        kind: &str,
        key: Sha256Digest,
        record: &T,
    ) -> Result<(), CacheError> {
        let path = self.record_path(kind, key);
        let json = serde_json::to_vec(record).map_err(|error| CacheError::new("write", &path, error.into()))?;
        let mut staged = self.stage()?;
        staged.write(seal_of(&json).as_bytes())?;
        staged.write(&json)?;
        staged.persist(&path)
    }

    fn record_path(&self, kind: &str, key: Sha256Digest) -> PathBuf {
        let name = key.to_string();
        self.root.join(kind).join(&name[..2]).join(name)
    }

    fn temporary(&self) -> Result<NamedTempFile, CacheError> {
        let directory = self.root.join("tmp");
        match tempfile::Builder::new().prefix("staged-").tempfile_in(&directory) {
            Ok(file) => Ok(file),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                fs::create_dir_all(&directory).map_err(|error| CacheError::new("create", &directory, error))?;
                tempfile::Builder::new()
                    .prefix("staged-")
                    .tempfile_in(&directory)
                    .map_err(|error| CacheError::new("write into", &directory, error))
            }
            Err(error) => Err(CacheError::new("write into", &directory, error)),
        }
    }

    /// Removes temporary files that no living process can still be writing.
    pub(crate) fn remove_abandoned(&self) {
        let Ok(entries) = fs::read_dir(self.root.join("tmp")) else { return };
        for entry in entries.flatten() {
            let age = entry.metadata().and_then(|metadata| metadata.modified());
            let age = age.ok().and_then(|modified| SystemTime::now().duration_since(modified).ok());
            if age.is_some_and(|age| age > ABANDONED_AFTER) {
                // Another process may have been faster.
                let _ = fs::remove_file(entry.path());
            }
        }
    }
}

impl StagedBlob {
    /// Appends `bytes`.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<(), CacheError> {
        self.file.write_all(bytes).map_err(|error| CacheError::new("write", self.file.path(), error))
    }

    /// Moves the blob to its place; `digest` must be that of everything written.
    pub(crate) fn commit(self, cache: &Cache, digest: Sha256Digest) -> Result<PathBuf, CacheError> {
        let path = cache.blob_path(digest);
        self.persist(&path)?;
        Ok(path)
    }

    fn persist(self, path: &Path) -> Result<(), CacheError> {
        let rename = |file: NamedTempFile| file.persist(path).map(drop);
        let Err(failed) = rename(self.file) else { return Ok(()) };
        if failed.error.kind() != io::ErrorKind::NotFound {
            return Err(CacheError::new("write", path, failed.error));
        }
        if let Some(directory) = path.parent() {
            fs::create_dir_all(directory).map_err(|error| CacheError::new("create", directory, error))?;
        }
        rename(failed.file).map_err(|failed| CacheError::new("write", path, failed.error))
    }
}

fn seal_of(json: &[u8]) -> String {
    let mut seal = hex_text(&sha2::Sha256::digest(json));
    seal.push('\n');
    seal
}

fn unseal(sealed: &[u8]) -> Option<&[u8]> {
    let mut json = sealed;
    let mut seal = [0; 65];
    json.read_exact(&mut seal).ok()?;
    (seal_of(json).as_bytes() == seal).then_some(json)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cache() -> (tempfile::TempDir, Cache) {
        let directory = tempfile::tempdir().unwrap();
        let cache = Cache::new(directory.path().join("deep").join("cache"));
        (directory, cache)
    }

    #[test]
    fn a_damaged_blob_is_removed_and_reads_as_absent() {
        let (_directory, cache) = cache();
        let digest = cache.write_blob(b"content").unwrap();
        assert_eq!(cache.read_blob(digest).unwrap().as_deref(), Some(&b"content"[..]));
        fs::write(cache.blob_path(digest), b"conteNt").unwrap();
        assert_eq!(cache.read_blob(digest).unwrap(), None);
        assert_eq!(cache.blob_size(digest), None);
    }

    #[test]
    fn a_damaged_or_foreign_record_reads_as_absent() {
        let (_directory, cache) = cache();
        let key = Sha256Digest::of(b"key");
        assert_eq!(cache.read_record::<Vec<u32>>("kind", key).unwrap(), None);
        cache.write_record("kind", key, &vec![1, 2, 3]).unwrap();
        assert_eq!(cache.read_record("kind", key).unwrap(), Some(vec![1, 2, 3]));
        assert_eq!(cache.read_record::<String>("kind", key).unwrap(), None);

        let path = cache.record_path("kind", key);
        let whole = fs::read(&path).unwrap();
        for length in 0..whole.len() {
            fs::write(&path, &whole[..length]).unwrap();
            assert_eq!(cache.read_record::<Vec<u32>>("kind", key).unwrap(), None, "{length} bytes");
        }
        let mut changed = whole;
        *changed.last_mut().unwrap() = b' ';
        fs::write(&path, changed).unwrap();
        assert_eq!(cache.read_record::<Vec<u32>>("kind", key).unwrap(), None);
    }

    #[test]
    fn many_writers_of_one_entry_leave_a_whole_one() {
        let (_directory, cache) = cache();
        let key = Sha256Digest::of(b"key");
        std::thread::scope(|scope| {
            for writer in 0..8_u32 {
                let cache = &cache;
                scope.spawn(move || {
                    for _ in 0..50 {
                        cache.write_record("kind", key, &vec![writer; 2000]).unwrap();
                        let seen: Vec<u32> = cache.read_record("kind", key).unwrap().unwrap();
                        assert!(seen.len() == 2000 && seen.iter().all(|value| *value == seen[0]));
                        cache.write_blob(&[7; 5000]).unwrap();
                    }
                });
            }
        });
        assert_eq!(fs::read_dir(cache.root.join("tmp")).unwrap().count(), 0);
    }

    #[test]
    fn an_unfinished_blob_leaves_nothing() {
        let (_directory, cache) = cache();
        let mut staged = cache.stage().unwrap();
        staged.write(b"half").unwrap();
        drop(staged);
        assert_eq!(fs::read_dir(cache.root.join("tmp")).unwrap().count(), 0);
    }

    #[test]
    fn only_old_temporary_files_count_as_abandoned() {
        let (_directory, cache) = cache();
        let staged = cache.stage().unwrap();
        let old = cache.root.join("tmp").join("staged-old");
        let file = fs::File::create(&old).unwrap();
        file.set_modified(SystemTime::now() - 2 * ABANDONED_AFTER).unwrap();
        cache.remove_abandoned();
        assert!(!old.exists());
        assert!(staged.file.path().exists());
    }
}
