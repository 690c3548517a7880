use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap};
use std::fs::File;
use std::path::PathBuf;

use crate::artifact::{ArtifactContents, ArtifactEntry, ArtifactLimits, read_entries};

/// Largest published file whose content is looked at, bytes.
const CONTENT_SIZE: u64 = 4 << 20;
/// The same where a rebuild is compared.
const BUILT_SIZE: u64 = 32 << 20;
/// Sum of the contents that are held at a time, bytes.
const HELD_SIZE: u64 = 5 << 20;

/// Contents of published files: those kept while reading, others read from the artifact again, many at a time.
#[derive(Debug)]
pub struct PublishedContents {
    artifact: PathBuf,
    limits: ArtifactLimits,
    held: RefCell<HashMap<Box<str>, Vec<u8>>>,
    /// What was at hand from the start.
    known: HashMap<Box<str>, Vec<u8>>,
    /// Largest file whose content is looked at, bytes.
    largest: u64,
    /// Files that were announced, in the order in which they will be asked for, with their sizes.
    announced: RefCell<Vec<(Box<str>, u64)>>,
}

impl PublishedContents {
    /// Contents of the artifact at `artifact`.
    pub fn new(artifact: PathBuf, limits: ArtifactLimits) -> Self {
        let (held, announced) = (RefCell::default(), RefCell::default());
        Self { artifact, limits, largest: CONTENT_SIZE, held, known: HashMap::new(), announced }
    }

    /// The same where some contents are at hand.
    #[must_use]
    pub fn knowing(self, known: HashMap<Box<str>, Vec<u8>>) -> Self {
        Self { known, ..self }
    }

    /// The same for bundles, which are larger than what people write.
    #[must_use]
    pub fn of_builds(self) -> Self {
        Self { largest: BUILT_SIZE, ..self }
    }

    /// Announces that the contents of several files will be asked for in this order, so that few passes serve them all.
    pub fn prepare<'a>(&self, entries: impl Iterator<Item = &'a ArtifactEntry>) {
        let wanted = entries.filter(|entry| {
            let is_at_hand = entry.content.is_some() || self.known.contains_key(&entry.path);
            entry.is_file() && !is_at_hand && entry.size <= self.largest
        });
        *self.announced.borrow_mut() = wanted.map(|entry| (entry.path.clone(), entry.size)).collect();
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
        if !entry.is_file() || entry.size > self.largest {
            return None;
        }
        if let Some(content) = self.known.get(path) {
            return Some(content.clone());
        }
        if !self.held.borrow().contains_key(path) {
            self.read_again(entry);
        }
        self.held.borrow().get(path).cloned()
    }

    /// Replaces what is held by `entry` and as many of the announced files behind it as fit.
    fn read_again(&self, entry: &ArtifactEntry) {
        let announced = self.announced.borrow();
        let behind = announced.iter().skip_while(|(path, _)| *path != entry.path).skip(1);
        let mut room = HELD_SIZE.saturating_sub(entry.size);
        let mut wanted = BTreeSet::from([&*entry.path]);
        for (path, size) in behind {
            let Some(rest) = room.checked_sub(*size) else { break };
            room = rest;
            wanted.insert(path);
        }
        let read = File::open(&self.artifact)
            .map_err(|error| error.to_string())
            .and_then(|file| read_entries(file, self.limits, &wanted, self.largest).map_err(|error| error.to_string()));
        match read {
            Ok(contents) => *self.held.borrow_mut() = contents,
            Err(error) => {
                tracing::warn!(artifact = %self.artifact.display(), %error, "the artifact cannot be read again");
            }
        }
    }
}
