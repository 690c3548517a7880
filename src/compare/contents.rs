use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap};
use std::fs::File;
use std::path::PathBuf;

use crate::artifact::{ArtifactContents, ArtifactEntry, ArtifactLimits, read_entries};

/// Largest published file whose content is looked at, bytes.
const CONTENT_SIZE: u64 = 16 << 20;

/// Contents of published files: those kept while reading, others read from the artifact again, all at once.
#[derive(Debug)]
pub struct PublishedContents {
    artifact: PathBuf,
    limits: ArtifactLimits,
    reread: RefCell<HashMap<Box<str>, Vec<u8>>>,
}

impl PublishedContents {
    /// Contents of the artifact at `artifact`.
    pub fn new(artifact: PathBuf, limits: ArtifactLimits) -> Self {
        Self { artifact, limits, reread: RefCell::default() }
    }

    /// Makes the contents of several files ready with at most one further pass over the artifact.
    pub fn prepare<'a>(&self, entries: impl Iterator<Item = &'a ArtifactEntry>) {
        let reread = self.reread.borrow();
        let wanted: BTreeSet<&str> = entries
            .filter(|entry| entry.is_file() && entry.content.is_none() && entry.size <= CONTENT_SIZE)
            .map(|entry| &*entry.path)
            .filter(|path| !reread.contains_key(*path))
            .collect();
        drop(reread);
        if wanted.is_empty() {
            return;
        }
        let read = File::open(&self.artifact)
            .map_err(|error| error.to_string())
            .and_then(|file| read_entries(file, self.limits, &wanted, CONTENT_SIZE).map_err(|error| error.to_string()));
        match read {
            Ok(contents) => self.reread.borrow_mut().extend(contents),
            Err(error) => tracing::warn!(artifact = %self.artifact.display(), %error, "the artifact cannot be read again"),
        }
    }

    /// The content of one file; `None` where it is too large or no regular file.
    pub fn get(&self, artifact: &ArtifactContents, path: &str) -> Option<Vec<u8>> {
        let entry = artifact.entry(path)?;
        if let Some(content) = &entry.content {
            return Some(content.to_vec());
        }
        if path == "package.json"
            && let Some(manifest) = &artifact.manifest
        {
            return Some(manifest.clone());
        }
        if !self.reread.borrow().contains_key(path) {
            self.prepare(std::iter::once(entry));
        }
        self.reread.borrow().get(path).cloned()
    }
}
