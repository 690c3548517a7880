//! The archive parser's driver: one pass, every entry type explicit, as node-tar would install it.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io::{self, Read};
use std::sync::mpsc::{SyncSender, sync_channel};

use sha2::Digest as _;
use tar::EntryType;
use unicode_normalization::UnicodeNormalization as _;

use crate::artifact::gzip::{Feed, Inflate, Intake, pipe};
use crate::artifact::meter::{Bounded, Meter};
use crate::artifact::{
    ArchiveAnomaly, ArtifactContents, ArtifactEntry, ArtifactLimits, BlobHasher, CollisionCheck, EntryKind, EntryPath,
    LimitKind,
};
use crate::package::{BlobId, Sha256Digest};

/// Files up to this size are read whole before they are hashed, so that one pass can decide what to keep.
const WHOLE_FILE_SIZE: u64 = 1 << 20;

/// Why an artifact could not be read to its end.
#[derive(Debug, thiserror::Error)]
pub enum ArtifactError {
    /// Truncated, not an archive, a bad checksum.
    #[error("the archive is malformed after {entries} entries")]
    Malformed {
        /// Members read before the defect.
        entries: u64,
        /// The parser's words.
        #[source]
        source: io::Error,
    },
    /// Two readers may read the archive differently.
    #[error("the archive is ambiguous after {entries} entries: {reason}")]
    Ambiguous {
        /// Members read before the place.
        entries: u64,
        /// What stands there.
        reason: String,
    },
    /// A bound of [`ArtifactLimits`].
    #[error("the archive exceeds the limit on {0}")]
    Limit(LimitKind),
}

/// What the source has at a published file's place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SourceContent {
    /// This content.
    Same,
    /// Another content, so the two will be compared.
    Different,
    /// Nothing, as far as is known while reading.
    Unknown,
}

/// How an artifact is read.
pub struct ReadOptions<'a> {
    /// Bounds.
    pub limits: ArtifactLimits,
    /// How blob ids are computed.
    pub collisions: CollisionCheck,
    /// What the source has at a path, given the published content's id. What is not the same gets a SHA-256
    /// and, within the budget, its content kept, so that a second pass is rarely needed.
    pub source: &'a dyn Fn(&str, &BlobId) -> SourceContent,
    /// Whether a second thread decompresses; pays from a few hundred kilobytes on.
    pub threaded: bool,
}

impl std::fmt::Debug for ReadOptions<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("ReadOptions")
            .field("limits", &self.limits)
            .field("collisions", &self.collisions)
            .finish()
    }
}

/// Reads a gzipped tarball in one pass.
pub fn read_tarball(source: impl Read + Send, options: &ReadOptions<'_>) -> Result<ArtifactContents, ArtifactError> {
    let limit = options.limits.compressed_size;
    if !options.threaded {
        return read_feed(Inflate::new(source, limit), options, None);
    }
    std::thread::scope(|scope| {
        let (pump, piped) = pipe();
        scope.spawn(move || pump.run(source, limit));
        let (sender, receiver) = sync_channel::<Unhashed>(DIGESTS_WAITING);
        let digests = scope.spawn(move || {
            receiver
                .into_iter()
                .map(|(path, blob, content)| (path, blob, Sha256Digest::of(&content)))
                .collect::<Vec<_>>()
        });
        let mut contents = read_feed(Ok(piped), options, Some(sender))?;
        for (path, blob, digest) in digests.join().unwrap_or_default() {
            // Of a path that comes twice only the last content stays, and that may have been hashed here or not at all.
            if let Ok(index) = contents.entries.binary_search_by(|entry| entry.path.cmp(&path))
                && contents.entries[index].blob == Some(blob)
            {
                contents.entries[index].sha256 = Some(digest);
            }
        }
        Ok(contents)
    })
}

/// A file that is hashed on another thread: its path, its blob id and its content.
type Unhashed = (Box<str>, BlobId, Vec<u8>);

/// Files up to this size may be hashed on another thread; with [`DIGESTS_WAITING`] this bounds what is in flight.
const DIGEST_ELSEWHERE_SIZE: usize = 64 << 10;
const DIGESTS_WAITING: usize = 48;

fn read_feed(
    feed: io::Result<impl Feed>,
    options: &ReadOptions<'_>,
    digests: Option<SyncSender<Unhashed>>,
) -> Result<ArtifactContents, ArtifactError> {
    let meter = Meter::new(options.limits);
    let mut reader = Reader::new(options);
    reader.digests = digests;
    let malformed = |members: u64, source| meter.explain(source, members);
    let feed = feed.map_err(|error| malformed(0, error))?;
    let mut archive = open(feed, &meter);
    reader.read(&mut archive, &meter).map_err(|error| malformed(reader.members, error))?;
    // What the parser did not look at must be zeros, too.
    let mut rest = archive.into_inner();
    meter.allow_entry(options.limits.unpacked_size);
    io::copy(&mut rest, &mut io::sink()).map_err(|error| malformed(reader.members, error))?;
    let intake = rest.feed.finish().map_err(|error| malformed(reader.members, error))?;
    Ok(reader.finish(intake))
}

/// Reads the contents of the named files again, at most `limit` bytes of each.
///
/// For a path that comes more than once the last content is returned, as [`read_tarball`] does.
pub fn read_entries(
    source: impl Read,
    limits: ArtifactLimits,
    wanted: &BTreeSet<&str>,
    limit: u64,
) -> Result<HashMap<Box<str>, Vec<u8>>, ArtifactError> {
    let meter = Meter::new(limits);
    let mut found = HashMap::new();
    let pass = || -> io::Result<()> {
        let mut archive = open(Inflate::new(source, limits.compressed_size)?, &meter);
        for entry in archive.entries()? {
            let entry = entry?;
            meter.allow_entry(entry.size());
            if !is_regular(entry.header().entry_type()) {
                continue;
            }
            let Ok(path) = EntryPath::from_archive(&entry.path_bytes()) else { continue };
            if let Some(path) = wanted.get(path.as_str()) {
                let mut content = Vec::new();
                entry.take(limit).read_to_end(&mut content)?;
                found.insert(Box::from(*path), content);
            }
        }
        Ok(())
    };
    match pass() {
        Ok(()) => Ok(found),
        Err(source) => Err(meter.explain(source, found.len() as u64)),
    }
}

fn open<F: Feed>(feed: F, meter: &Meter) -> tar::Archive<Bounded<'_, F>> {
    tar::Archive::new(Bounded { feed, meter })
}

fn is_regular(kind: EntryType) -> bool {
    matches!(kind, EntryType::Regular | EntryType::Continuous)
}

/// The path to list for what cannot be a file of the package.
///
/// What only lies outside the root folder could be spelled like a file inside it, and must not stand in its place.
fn unsafe_path(raw_path: &[u8]) -> Box<str> {
    let text = String::from_utf8_lossy(raw_path);
    match EntryPath::from_package(&text) {
        Ok(_) => format!("../{text}").into(),
        Err(_) => text.into(),
    }
}

struct Reader<'a> {
    options: &'a ReadOptions<'a>,
    entries: BTreeMap<Box<str>, ArtifactEntry>,
    anomalies: Vec<ArchiveAnomaly>,
    roots: BTreeSet<String>,
    manifest: Option<Vec<u8>>,
    retained: usize,
    path_bytes: usize,
    members: u64,
    unpacked_size: u64,
    buffer: Vec<u8>,
    /// Where small contents go to be hashed, if not here.
    digests: Option<SyncSender<Unhashed>>,
}

impl<'a> Reader<'a> {
    fn new(options: &'a ReadOptions<'a>) -> Self {
        Self {
            options,
            entries: BTreeMap::new(),
            anomalies: Vec::new(),
            roots: BTreeSet::new(),
            manifest: None,
            retained: 0,
            path_bytes: 0,
            members: 0,
            unpacked_size: 0,
            buffer: Vec::new(),
            digests: None,
        }
    }

    /// Drives the parser to the end.
    fn read<F: Feed>(&mut self, archive: &mut tar::Archive<Bounded<'_, F>>, meter: &Meter) -> io::Result<()> {
        for entry in archive.entries()? {
            let mut entry = entry?;
            self.members += 1;
            if self.members > self.options.limits.entries || self.path_bytes > ArtifactLimits::PATHS_LENGTH {
                return Err(meter.refuse(LimitKind::Entries));
            }
            meter.allow_entry(entry.size());
            self.entry(&mut entry)?;
        }
        if self.members == 0 {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "no entries"));
        }
        Ok(())
    }

    fn entry<R: Read>(&mut self, entry: &mut tar::Entry<'_, R>) -> io::Result<()> {
        let kind = entry.header().entry_type();
        let size = entry.size();
        let raw_path = entry.path_bytes().into_owned();
        match kind {
            // A global header holds a comment only: the profile refuses every other.
            EntryType::XGlobalHeader | EntryType::Directory => return Ok(()),
            _ => {}
        }
        let target =
            || entry.link_name_bytes().map(|target| String::from_utf8_lossy(&target).into_owned()).unwrap_or_default();
        let kind = match kind {
            kind if is_regular(kind) => EntryKind::File,
            EntryType::Symlink => EntryKind::SymbolicLink { target: target() },
            EntryType::Link => EntryKind::HardLink { target: target() },
            other => EntryKind::Special(other.as_byte()),
        };
        let executable = entry.header().mode().unwrap_or(0) & 0o111 != 0;
        let (path, kind) = match EntryPath::from_archive(&raw_path) {
            Ok(path) => {
                self.note_root(&raw_path);
                (Box::from(path.as_str()), kind)
            }
            Err(error) => (unsafe_path(&raw_path), EntryKind::UnsafePath(error)),
        };
        let mut member =
            ArtifactEntry { path, kind, size, executable, blob: None, blob_with_lf: None, sha256: None, content: None };
        if member.is_file() {
            self.unpacked_size += size;
            self.file(entry, &mut member)?;
        }
        self.keep(member);
        Ok(())
    }

    fn file<R: Read>(&mut self, entry: &mut tar::Entry<'_, R>, member: &mut ArtifactEntry) -> io::Result<()> {
        let is_manifest = &*member.path == "package.json" && member.size <= ArtifactContents::MANIFEST_SIZE;
        if member.size <= WHOLE_FILE_SIZE || is_manifest {
            self.buffer.clear();
            self.buffer.reserve(member.size as usize);
            let read = entry.read_to_end(&mut self.buffer)?;
            if read as u64 != member.size {
                return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "an entry ends before its size"));
            }
            member.blob = BlobHasher::hash(self.options.collisions, &self.buffer);
            let known = member.blob.map_or(SourceContent::Different, |blob| (self.options.source)(&member.path, &blob));
            if known != SourceContent::Same {
                // What will be compared comes first; of new files a sample is enough to show.
                let budget = self.options.limits.retained_size;
                let budget = if known == SourceContent::Different { budget } else { budget / 4 };
                if self.retained + self.buffer.len() <= budget {
                    self.retained += self.buffer.len();
                    member.content = Some(self.buffer.as_slice().into());
                }
            }
            if is_manifest {
                self.manifest = Some(self.buffer.clone());
            }
            if known != SourceContent::Same {
                member.blob_with_lf = self.blob_with_lf();
                self.digest(member);
            }
        } else {
            let mut blob = BlobHasher::new(self.options.collisions, member.size);
            let mut sha256 = sha2::Sha256::new();
            self.buffer.resize(64 << 10, 0);
            let mut remaining = member.size;
            loop {
                let length = entry.read(&mut self.buffer)?;
                if length == 0 {
                    break;
                }
                remaining = remaining.saturating_sub(length as u64);
                blob.update(&self.buffer[..length]);
                sha256.update(&self.buffer[..length]);
            }
            if remaining > 0 {
                return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "an entry ends before its size"));
            }
            member.blob = blob.finish();
            if member.blob.is_none_or(|blob| (self.options.source)(&member.path, &blob) != SourceContent::Same) {
                member.sha256 = Some(Sha256Digest(sha256.finalize().into()));
            }
        }
        if member.blob.is_none() {
            self.anomalies.push(ArchiveAnomaly::Sha1Collision { path: member.path.clone() });
        }
        Ok(())
    }

    /// The id of the buffer's content with LF line ends, if it is text with CRLF.
    fn blob_with_lf(&self) -> Option<BlobId> {
        // Looking for one byte is many times faster than reading all as text, and nearly always enough.
        if !self.buffer.contains(&b'\r') {
            return None;
        }
        let text = std::str::from_utf8(&self.buffer).ok().filter(|text| !text.contains('\0'))?;
        let lf = text.replace("\r\n", "\n");
        (lf.len() < text.len()).then(|| BlobHasher::hash(self.options.collisions, lf.as_bytes()))?
    }

    /// Hashes the buffer's content for `member`, here or on the other thread.
    fn digest(&mut self, member: &mut ArtifactEntry) {
        match self.digests.as_ref().zip(member.blob) {
            Some((digests, blob)) if self.buffer.len() <= DIGEST_ELSEWHERE_SIZE => {
                // Fails only if the other thread is gone, and then the scope passes its panic on.
                let _ = digests.send((member.path.clone(), blob, std::mem::take(&mut self.buffer)));
            }
            _ => member.sha256 = Some(Sha256Digest::of(&self.buffer)),
        }
    }

    fn note_root(&mut self, raw_path: &[u8]) {
        if self.roots.len() < 8
            && let Ok(path) = std::str::from_utf8(raw_path)
            && let Some(root) = path.split('/').next()
            && !self.roots.contains(root)
        {
            self.roots.insert(root.to_owned());
        }
    }

    fn keep(&mut self, member: ArtifactEntry) {
        self.path_bytes += member.path.len();
        if let Some(earlier) = self.entries.get(&member.path) {
            let differs = earlier.blob != member.blob || earlier.kind != member.kind || earlier.size != member.size;
            self.anomalies.push(ArchiveAnomaly::DuplicateEntry { path: member.path.clone(), differs });
        }
        self.entries.insert(member.path.clone(), member);
    }

    fn finish(mut self, intake: Intake) -> ArtifactContents {
        if intake.trailing_data {
            self.anomalies.push(ArchiveAnomaly::TrailingData);
        }
        if !intake.is_compressed {
            self.anomalies.push(ArchiveAnomaly::NotCompressed);
        }
        if self.roots.len() > 1 {
            let roots = std::mem::take(&mut self.roots).into_iter().collect();
            self.anomalies.push(ArchiveAnomaly::SeveralRoots { roots });
        }
        self.collisions();
        ArtifactContents {
            entries: self.entries.into_values().collect(),
            anomalies: self.anomalies,
            manifest: self.manifest,
            sha256: intake.sha256,
            compressed_size: intake.size,
            unpacked_size: self.unpacked_size,
        }
    }

    /// Finds paths that meet on a case-insensitive or normalising file system, and files that are folders.
    fn collisions(&mut self) {
        let mut folded: HashMap<String, &str> = HashMap::with_capacity(self.entries.len());
        for path in self.entries.keys() {
            let key: String = if path.is_ascii() {
                path.to_ascii_lowercase()
            } else {
                path.nfkc().flat_map(char::to_lowercase).collect()
            };
            if let Some(first) = folded.insert(key, path) {
                let (first, second) = (first.into(), path.clone());
                self.anomalies.push(ArchiveAnomaly::NameCollision { first, second });
            }
        }
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
