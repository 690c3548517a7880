//! Bare repositories in the cache, one pair per address, safe for concurrent processes.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;
use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use git2::{Oid, Repository, RepositoryInitOptions};

use crate::package::{Sha256Digest, hex_text};
use crate::source::RepositoryLocation;
use crate::source::git::repository::{MovedTag, SourceError, commit_id};

/// Our own files in a cached repository, which git leaves alone.
const ASKED: &str = "tarproof-asked";
const TAGS: &str = "tarproof-tags";

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
}

impl CachedRepository {
    pub(super) fn new(cache_directory: &Path, location: &RepositoryLocation, depth: Depth) -> Self {
        // The address is hostile text; its digest is not.
        let digest = Sha256Digest::of(location.as_str().as_bytes());
        let name = match depth {
            Depth::Trees => "trees.git",
            Depth::History => "history.git",
        };
        Self { path: cache_directory.join("git").join(hex_text(&digest.0[..16])).join(name) }
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
        if self.path.join("HEAD").is_file() {
            return Ok(());
        }
        let mut options = RepositoryInitOptions::new();
        options.bare(true).external_template(false).no_reinit(false).mkpath(true);
        // A process that ends halfway must not leave a repository without its settings.
        let unfinished = self.path.with_extension("new");
        let create = || -> Result<(), git2::Error> {
            let mut config = Repository::init_opts(&unfinished, &options)?.config()?;
            // Tells the git client that missing objects are no damage.
            config.set_bool("remote.origin.promisor", true)?;
            config.set_str("remote.origin.partialclonefilter", "blob:none")
        };
        let error = |source| SourceError::Cache { path: self.path.clone(), source };
        remove_if_present(&unfinished).map_err(error)?;
        remove_if_present(&self.path).map_err(error)?;
        create().map_err(|source| SourceError::open(&self.path, source))?;
        std::fs::rename(&unfinished, &self.path).map_err(error)
    }

    pub(super) fn open(&self) -> Result<Repository, SourceError> {
        Repository::open_bare(&self.path).map_err(|source| SourceError::open(&self.path, source))
    }

    /// Removes what a git client that was killed left behind. Call with the lock held: nobody else writes then.
    pub(super) fn clear_leftovers(&self) {
        let inside = |directory: &Path, deepest| {
            walkdir::WalkDir::new(directory).max_depth(deepest).into_iter().filter_map(Result::ok)
        };
        let locks = inside(&self.path, 1).chain(inside(&self.path.join("refs"), usize::MAX));
        let packs = inside(&self.path.join("objects").join("pack"), 1);
        for file in locks.chain(packs).filter(|entry| entry.file_type().is_file()) {
            let name = file.file_name().to_string_lossy();
            if name.ends_with(".lock") || name.starts_with("tmp_") || name.starts_with("pack_git2_") {
                tracing::debug!(path = %file.path().display(), "removing what an interrupted fetch left");
                let _ = std::fs::remove_file(file.path());
            }
        }
    }

    fn stamp(&self, what: &str) -> PathBuf {
        let digest = Sha256Digest::of(what.as_bytes());
        self.path.join(ASKED).join(hex_text(&digest.0[..16]))
    }

    /// Whether the remote ever answered when `what` was asked.
    pub(super) fn was_asked(&self, what: &str) -> bool {
        self.stamp(what).exists()
    }

    /// Whether the remote answered within `age` when `what` was asked.
    pub(super) fn asked_within(&self, what: &str, age: Duration) -> bool {
        let modified = std::fs::metadata(self.stamp(what)).and_then(|metadata| metadata.modified());
        modified.is_ok_and(|time| SystemTime::now().duration_since(time).is_ok_and(|elapsed| elapsed < age))
    }

    /// Remembers that `what` was answered now. Losing the stamp only means asking again.
    pub(super) fn note_asked(&self, what: &str) {
        let stamp = self.stamp(what);
        if let Some(parent) = stamp.parent() {
            let _ = std::fs::create_dir_all(parent);
        }
        let _ = std::fs::write(stamp, b"");
    }

    /// Remembers what the tags name now. Call with the lock held.
    ///
    /// A tag that was deleted stays on record, so that it cannot come back as another commit unnoticed.
    pub(super) fn note_tags(&self, now: &BTreeMap<String, Oid>) -> Result<(), SourceError> {
        let seen = self.seen_tags();
        let last: HashMap<&str, Oid> = seen.iter().map(|(tag, id)| (tag.as_str(), *id)).collect();
        let mut lines = String::new();
        for (tag, id) in now.iter().filter(|(tag, id)| last.get(tag.as_str()) != Some(id)) {
            // Writing to a String cannot fail.
            let _ = writeln!(lines, "{id} {tag}");
        }
        if lines.is_empty() {
            return Ok(());
        }
        let path = self.path.join(TAGS);
        let file = OpenOptions::new().create(true).append(true).open(&path);
        let written = file.and_then(|mut file| file.write_all(lines.as_bytes()));
        written.map_err(|source| SourceError::Cache { path, source })
    }

    /// Every tag that was ever seen to name something else than before.
    pub(super) fn moved_tags(&self) -> Vec<MovedTag> {
        let mut last: HashMap<String, Oid> = HashMap::new();
        let mut moved = Vec::new();
        for (tag, id) in self.seen_tags() {
            if let Some(before) = last.insert(tag.clone(), id).filter(|before| *before != id) {
                moved.push(MovedTag { tag, before: commit_id(before), now: commit_id(id) });
            }
        }
        moved
    }

    fn seen_tags(&self) -> Vec<(String, Oid)> {
        let text = std::fs::read_to_string(self.path.join(TAGS)).unwrap_or_default();
        let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
        let line = |line: &str| {
            let (id, tag) = line.split_once(' ')?;
            Some((tag.to_owned(), Oid::from_str(id).ok()?))
        };
        whole.lines().filter_map(line).collect()
    }
}

fn remove_if_present(path: &Path) -> std::io::Result<()> {
    match std::fs::remove_dir_all(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cached(directory: &Path) -> CachedRepository {
        let location = RepositoryLocation::from_metadata("https://git.example/a/b").unwrap();
        let cached = CachedRepository::new(directory, &location, Depth::Trees);
        let _lock = cached.lock().unwrap();
        cached.create().unwrap();
        cached
    }

    fn id(byte: u8) -> Oid {
        Oid::from_bytes(&[byte; 20]).unwrap()
    }

    #[test]
    fn a_tag_that_moves_is_remembered_even_if_it_was_deleted_in_between() {
        let directory = tempfile::tempdir().unwrap();
        let cached = cached(directory.path());
        let tags = |tags: &[(&str, u8)]| tags.iter().map(|(tag, byte)| ((*tag).to_owned(), id(*byte))).collect();
        for now in [tags(&[("v1", 1), ("v2", 1)]), tags(&[("v2", 1)]), tags(&[("v1", 2), ("v2", 1)])] {
            cached.note_tags(&now).unwrap();
        }
        let moved = MovedTag { tag: "v1".to_owned(), before: commit_id(id(1)), now: commit_id(id(2)) };
        assert_eq!(cached.moved_tags(), [moved]);
    }

    #[test]
    fn leftovers_of_a_killed_client_are_removed_and_nothing_else() {
        let directory = tempfile::tempdir().unwrap();
        let cached = cached(directory.path());
        let leftovers = ["shallow.lock", "refs/tags/v1.lock", "objects/pack/tmp_pack_x"];
        for path in leftovers.iter().chain(&["objects/pack/pack-1.pack"]) {
            std::fs::write(cached.path.join(path), b"").unwrap();
        }
        cached.clear_leftovers();
        assert!(leftovers.iter().all(|path| !cached.path.join(path).exists()));
        assert!(cached.path.join("objects/pack/pack-1.pack").exists());
        assert!(cached.open().is_ok());
    }

    #[test]
    fn a_repository_that_was_created_halfway_is_created_again() {
        let directory = tempfile::tempdir().unwrap();
        let cached = cached(directory.path());
        std::fs::remove_file(cached.path.join("HEAD")).unwrap();
        cached.create().unwrap();
        let config = cached.open().unwrap().config().unwrap();
        assert!(config.get_bool("remote.origin.promisor").unwrap());
    }
}
