//! The reader's interface: one pass over an artifact, read as node-tar would install it.

use std::collections::{BTreeSet, HashMap};
use std::io::{self, Read};

use tar::EntryType;

use crate::artifact::collect::{Collector, Direct};
use crate::artifact::gzip::Inflate;
use crate::artifact::handover::handover;
use crate::artifact::members::{is_regular, open, read_members};
use crate::artifact::meter::Meter;
use crate::artifact::{ArtifactContents, ArtifactLimits, CollisionCheck, EntryPath, LimitKind};
use crate::package::BlobId;

/// Why an artifact could not be read to its end.
#[derive(Debug, thiserror::Error)]
pub enum ArtifactError {
    /// Truncated, not an archive, a bad checksum.
    #[error("the archive is malformed {}", after(*entries))]
    Malformed {
        /// Members read before the defect.
        entries: u64,
        /// The parser's words.
        #[source]
        source: io::Error,
    },
    /// Two readers may read the archive differently.
    #[error("the archive is ambiguous {}: {reason}", after(*entries))]
    Ambiguous {
        /// Members read before the place.
        entries: u64,
        /// What stands there.
        reason: String,
    },
    /// Something else than an archive.
    #[error("this is {0}, not a tar archive")]
    OtherFormat(&'static str),
    /// A bound of [`ArtifactLimits`].
    #[error("the archive exceeds the limit on {0}")]
    Limit(LimitKind),
}

fn after(entries: u64) -> String {
    match entries {
        0 => "at its start".to_owned(),
        1 => "after 1 entry".to_owned(),
        more => format!("after {more} entries"),
    }
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
    /// What the source has at a path, given the published content's id. Of what is not the same the content is
    /// kept within the budget, so that a second pass is rarely needed.
    pub source: &'a dyn Fn(&str, &BlobId) -> SourceContent,
    /// Which files' contents are put [aside](ArtifactContents::aside), by their paths.
    pub aside: Option<fn(&str) -> bool>,
    /// Whether what is not the same gets a SHA-256, too. Costs as much as the blob ids.
    pub digests: bool,
    /// Whether a second thread decompresses and parses; pays from a few hundred kilobytes on.
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
    let limits = options.limits;
    if !options.threaded {
        let mut direct = Direct::new(options);
        let passed = read_members(source, limits, &mut direct)?;
        return Ok(direct.collector.finish(passed));
    }
    std::thread::scope(|scope| {
        let (mut sender, batches) = handover();
        let parser = scope.spawn(move || {
            let passed = read_members(source, limits, &mut sender)?;
            // What cannot be sent, nobody waits for.
            let _ = sender.finish();
            Ok(passed)
        });
        let mut collector = Collector::new(options);
        batches.replay(&mut collector);
        let ended = |_| ArtifactError::Malformed { entries: 0, source: io::Error::other("the parser ended early") };
        Ok(collector.finish(parser.join().map_err(ended)??))
    })
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
    let (mut found, mut members) = (HashMap::new(), 0);
    let pass = || -> io::Result<()> {
        let mut archive = open(Inflate::new(source, limits.compressed_size)?, &meter);
        for entry in archive.entries()? {
            let entry = entry?;
            members += 1;
            meter.allow_entry(entry.size());
            if !is_regular(entry.header().entry_type()) {
                continue;
            }
            let Ok(path) = EntryPath::from_archive(&entry.path_bytes()) else { continue };
            if let Some(path) = wanted.get(path.as_str()) {
                let mut content = Vec::with_capacity(entry.size().min(limit) as usize);
                entry.take(limit).read_to_end(&mut content)?;
                found.insert(Box::from(*path), content);
            }
        }
        Ok(())
    };
    match pass() {
        Ok(()) => Ok(found),
        Err(source) => Err(meter.explain(source, members)),
    }
}

/// What [`read_files`] hands a file to: its path, whether it is executable, and its content.
pub type TakeFile<'a> = dyn FnMut(&EntryPath, bool, &mut dyn Read) -> io::Result<()> + 'a;

/// Hands every file of an archive that holds nothing else to `take`, in one pass and within the limits.
///
/// For archives that are to be unpacked: a link, a device or an unsafe path anywhere refuses the whole archive,
/// and what `take` was handed before is of no use then.
pub fn read_files(source: impl Read, limits: ArtifactLimits, take: &mut TakeFile<'_>) -> Result<(), ArtifactError> {
    let meter = Meter::new(limits);
    let mut members = 0;
    let pass = || -> io::Result<()> {
        let mut archive = open(Inflate::new(source, limits.compressed_size)?, &meter);
        for entry in archive.entries()? {
            let mut entry = entry?;
            members += 1;
            if members > limits.entries {
                return Err(meter.refuse(LimitKind::Entries));
            }
            meter.allow_entry(entry.size());
            let kind = entry.header().entry_type();
            if matches!(kind, EntryType::Directory | EntryType::XGlobalHeader) {
                continue;
            }
            let path = EntryPath::from_archive(&entry.path_bytes()).map_err(io::Error::other)?;
            if !is_regular(kind) {
                return Err(io::Error::other(format!("`{path}` is no file")));
            }
            let executable = entry.header().mode().unwrap_or(0) & 0o111 != 0;
            take(&path, executable, &mut entry)?;
        }
        // What the parser did not look at must be zeros, too.
        let mut rest = archive.into_inner();
        meter.allow_entry(limits.unpacked_size);
        io::copy(&mut rest, &mut io::sink())?;
        rest.feed.into_inner().finish().map(drop)
    };
    pass().map_err(|source| meter.explain(source, members))
}
