//! What is made of the members: blob ids, digests, what the source has at their places, and what is odd.

use std::collections::{BTreeMap, HashMap};
use std::io::{self, Read};

use sha2::Digest as _;
use unicode_normalization::UnicodeNormalization as _;

use crate::artifact::machine_code::machine_code;
use crate::artifact::members::{Member, Passed, Sink, read_content};
use crate::artifact::{
    ArchiveAnomaly, ArtifactContents, ArtifactEntry, ArtifactLimits, BlobHasher, CollisionCheck, ReadOptions,
    SourceContent,
};
use crate::package::{BlobId, Sha256Digest};

/// Takes members in the archive's order and turns them into [`ArtifactContents`].
pub(super) struct Collector<'a> {
    options: &'a ReadOptions<'a>,
    /// In path order: the parser is the slower one, so that order costs nothing here and time at the end.
    entries: BTreeMap<Box<str>, ArtifactEntry>,
    /// The member whose content is awaited.
    current: Option<ArtifactEntry>,
    anomalies: Vec<ArchiveAnomaly>,
    manifest: Option<Vec<u8>>,
    retained: usize,
    aside: HashMap<Box<str>, Vec<u8>>,
    /// Bytes put aside of what the source has, and of what it has not.
    aside_sizes: [usize; 2],
    unpacked_size: u64,
    /// Each path by how it reads without letter case and normalised.
    names: HashMap<Box<str>, Box<str>>,
    /// The last entry's hashes while its content arrives in pieces.
    pieces: Option<(BlobHasher, Option<sha2::Sha256>)>,
}

impl<'a> Collector<'a> {
    pub(super) fn new(options: &'a ReadOptions<'a>) -> Self {
        Self {
            options,
            entries: BTreeMap::new(),
            current: None,
            anomalies: Vec::new(),
            manifest: None,
            retained: 0,
            aside: HashMap::new(),
            aside_sizes: [0; 2],
            unpacked_size: 0,
            names: HashMap::new(),
            pieces: None,
        }
    }

    pub(super) fn member(&mut self, member: Member) {
        let Member { path, kind, size, executable } = member;
        // Of a path that comes more than once the last content counts, whether it is put aside or not.
        self.aside.remove(&path);
        let entry = ArtifactEntry {
            path,
            kind,
            size,
            executable,
            blob: None,
            blob_with_lf: None,
            sha256: None,
            machine_code: None,
            content: None,
        };
        if entry.is_file() {
            self.unpacked_size += size;
            self.current = Some(entry);
        } else {
            self.keep(entry);
        }
    }

    /// The last member's content, or a piece of it.
    pub(super) fn content(&mut self, bytes: &[u8], last: bool) {
        let Some(mut entry) = self.current.take() else { return };
        if self.pieces.is_none() {
            // What is kept of contents ends somewhere; nobody can put a program behind that.
            entry.machine_code = machine_code(bytes);
        }
        if last && self.pieces.is_none() {
            self.whole(&mut entry, bytes);
        } else {
            let check = self.options.collisions;
            let digests = self.options.digests;
            let start = || (BlobHasher::new(check, entry.size), digests.then(sha2::Sha256::new));
            let (blob, sha256) = self.pieces.get_or_insert_with(start);
            blob.update(bytes);
            if let Some(sha256) = sha256 {
                sha256.update(bytes);
            }
            if last && let Some((blob, sha256)) = self.pieces.take() {
                entry.blob = blob.finish();
                if self.source(&entry) != SourceContent::Same {
                    entry.sha256 = sha256.map(|sha256| Sha256Digest(sha256.finalize().into()));
                }
            }
        }
        if !last {
            self.current = Some(entry);
            return;
        }
        if entry.blob.is_none() {
            self.anomalies.push(ArchiveAnomaly::Sha1Collision { path: entry.path.clone() });
        }
        self.keep(entry);
    }

    fn source(&self, entry: &ArtifactEntry) -> SourceContent {
        entry.blob.map_or(SourceContent::Different, |blob| (self.options.source)(&entry.path, &blob))
    }

    fn whole(&mut self, entry: &mut ArtifactEntry, content: &[u8]) {
        entry.blob = BlobHasher::hash(self.options.collisions, content);
        let source = self.source(entry);
        if source != SourceContent::Same {
            // What will be compared comes first; of new files a sample is enough to show.
            let budget = self.options.limits.retained_size;
            let budget = if source == SourceContent::Different { budget } else { budget / 4 };
            if self.retained + content.len() <= budget {
                self.retained += content.len();
                entry.content = Some(content.into());
            }
            entry.blob_with_lf = blob_with_lf(content, self.options.collisions);
            entry.sha256 = self.options.digests.then(|| Sha256Digest::of(content));
        }
        if entry.content.is_none() {
            self.put_aside(&entry.path, content, source == SourceContent::Same);
        }
        if &*entry.path == "package.json" {
            self.manifest = Some(content.to_vec());
        }
    }

    fn put_aside(&mut self, path: &str, content: &[u8], is_same: bool) {
        let sizes = [ArtifactLimits::ASIDE_SAME_SIZE, ArtifactLimits::ASIDE_SIZE];
        let (room, size) = (sizes[usize::from(!is_same)], &mut self.aside_sizes[usize::from(!is_same)]);
        if *size + content.len() <= room && self.options.aside.is_some_and(|is_wanted| is_wanted(path)) {
            *size += content.len();
            self.aside.insert(path.into(), content.to_vec());
        }
    }

    /// Of a path that comes more than once the last one stays.
    fn keep(&mut self, entry: ArtifactEntry) {
        self.note_name(&entry.path);
        let path = entry.path.clone();
        if let Some(earlier) = self.entries.get(&path) {
            let differs = earlier.blob != entry.blob || earlier.kind != entry.kind || earlier.size != entry.size;
            self.anomalies.push(ArchiveAnomaly::DuplicateEntry { path: path.clone(), differs });
        }
        self.entries.insert(path, entry);
    }

    /// Everything, once the archive has passed.
    pub(super) fn finish(mut self, passed: Passed) -> ArtifactContents {
        let Passed { intake, roots } = passed;
        if intake.trailing_data {
            self.anomalies.push(ArchiveAnomaly::TrailingData);
        }
        if !intake.is_compressed {
            self.anomalies.push(ArchiveAnomaly::NotCompressed);
        }
        if roots.len() > 1 {
            self.anomalies.push(ArchiveAnomaly::SeveralRoots { roots: roots.into_iter().collect() });
        }
        self.files_and_folders();
        ArtifactContents {
            entries: self.entries.into_values().collect(),
            anomalies: self.anomalies,
            manifest: self.manifest,
            aside: self.aside,
            sha256: intake.sha256,
            compressed_size: intake.size,
            unpacked_size: self.unpacked_size,
        }
    }

    /// Finds paths that meet on a case-insensitive or normalising file system.
    fn note_name(&mut self, path: &str) {
        let key: Box<str> = if path.is_ascii() {
            path.to_ascii_lowercase().into()
        } else {
            path.nfkc().flat_map(char::to_lowercase).collect()
        };
        if let Some(other) = self.names.insert(key, path.into())
            && &*other != path
        {
            let (first, second) = if &*other < path { (other, path.into()) } else { (path.into(), other) };
            self.anomalies.push(ArchiveAnomaly::NameCollision { first, second });
        }
    }

    /// Finds files that are folders of other files.
    fn files_and_folders(&mut self) {
        let mut checked = "";
        for path in self.entries.keys() {
            let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
            if folder == checked {
                continue;
            }
            checked = folder;
            let ancestors = folder.match_indices('/').map(|(end, _)| &folder[..end]).chain([folder]);
            for file in ancestors.filter(|ancestor| self.entries.contains_key(*ancestor)) {
                self.anomalies.push(ArchiveAnomaly::FileAndFolder { path: file.into() });
            }
        }
    }
}

/// The id of a content with LF line ends, if it is text with CRLF.
fn blob_with_lf(content: &[u8], check: CollisionCheck) -> Option<BlobId> {
    // Looking for one byte is many times faster than reading all as text, and nearly always enough.
    if !content.contains(&b'\r') {
        return None;
    }
    let text = std::str::from_utf8(content).ok().filter(|text| !text.contains('\0'))?;
    let lf = text.replace("\r\n", "\n");
    (lf.len() < text.len()).then(|| BlobHasher::hash(check, lf.as_bytes()))?
}

/// Feeds a [`Collector`] on the parsing thread itself.
pub(super) struct Direct<'a> {
    pub(super) collector: Collector<'a>,
    /// Keeps its length, so that no byte is cleared twice.
    buffer: Vec<u8>,
}

impl<'a> Direct<'a> {
    pub(super) fn new(options: &'a ReadOptions<'a>) -> Self {
        Self { collector: Collector::new(options), buffer: Vec::new() }
    }
}

impl Sink for Direct<'_> {
    fn member(&mut self, member: Member) -> io::Result<()> {
        self.collector.member(member);
        Ok(())
    }

    fn content(&mut self, source: &mut dyn Read, length: usize, last: bool) -> io::Result<()> {
        if self.buffer.len() < length {
            self.buffer.resize(length, 0);
        }
        read_content(source, &mut self.buffer[..length])?;
        self.collector.content(&self.buffer[..length], last);
        Ok(())
    }
}
