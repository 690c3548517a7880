//! Bare repositories in the cache, one pair per address, safe for concurrent processes.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use git2::{Repository, RepositoryInitOptions};

use crate::package::{Sha256Digest, hex_text};
use crate::source::RepositoryLocation;
use crate::source::git::repository::SourceError;

/// What a cached repository holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Depth {
    /// Trees of single commits.
    Trees,
    /// All commits and trees of every branch and tag.
    History,
}

/// One cached bare repository.
#[derive(Debug, Clone)]
pub(super) struct CachedRepository {
    pub(super) path: PathBuf,
    location: RepositoryLocation,
}

impl CachedRepository {
    pub(super) fn new(cache_directory: &Path, location: &RepositoryLocation, depth: Depth) -> Self {
        // The address is hostile text; its digest is not.
        let digest = Sha256Digest::of(location.as_str().as_bytes());
        let name = match depth {
            Depth::Trees => "trees.git",
            Depth::History => "history.git",
        };
        let path = cache_directory.join("git").join(hex_text(&digest.0[..16])).join(name);
        Self { path, location: location.clone() }
    }

    pub(super) fn exists(&self) -> bool {
        self.path.join("HEAD").is_file()
    }

    /// Takes the repository for writing; other processes wait, readers need no lock.
    pub(super) fn lock(&self) -> Result<File, SourceError> {
        let error = |source| SourceError::Cache { path: self.path.clone(), source };
        let parent = self.path.parent().unwrap_or(&self.path);
        std::fs::create_dir_all(parent).map_err(error)?;
        let file = File::create(self.path.with_extension("lock")).map_err(error)?;
        file.lock().map_err(error)?;
        Ok(file)
    }

    /// Creates the repository unless it is there. Call with the lock held.
    pub(super) fn create(&self) -> Result<(), SourceError> {
        if self.exists() {
            return Ok(());
        }
        let mut options = RepositoryInitOptions::new();
        options.bare(true).external_template(false).no_reinit(false).mkpath(true);
        let repository =
            Repository::init_opts(&self.path, &options).map_err(|source| SourceError::open(&self.path, source))?;
        let configure = || -> Result<(), git2::Error> {
            let mut config = repository.config()?;
            config.set_str("remote.origin.url", self.location.as_str())?;
            // Tells the git client that missing blobs are no damage.
            config.set_bool("remote.origin.promisor", true)?;
            config.set_str("remote.origin.partialclonefilter", "blob:none")
        };
        configure().map_err(|source| SourceError::open(&self.path, source))
    }

    pub(super) fn open(&self) -> Result<Repository, SourceError> {
        Repository::open_bare(&self.path).map_err(|source| SourceError::open(&self.path, source))
    }

    fn stamp(&self, what: &str) -> PathBuf {
        let digest = Sha256Digest::of(what.as_bytes());
        self.path.join("tarproof-asked").join(hex_text(&digest.0[..16]))
    }

    /// Whether `what` was asked of the remote within `age`.
    pub(super) fn asked_within(&self, what: &str, age: Duration) -> bool {
        let modified = std::fs::metadata(self.stamp(what)).and_then(|metadata| metadata.modified());
        modified.is_ok_and(|time| SystemTime::now().duration_since(time).is_ok_and(|elapsed| elapsed <= age))
    }

    /// Remembers that `what` was asked now. Losing the stamp only means asking again.
    pub(super) fn note_asked(&self, what: &str) {
        let stamp = self.stamp(what);
        if let Some(parent) = stamp.parent() {
            let _ = std::fs::create_dir_all(parent);
        }
        let _ = std::fs::write(stamp, b"");
    }
}
