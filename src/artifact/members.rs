//! The archive parser's driver: from compressed bytes to members, every entry type explicit.

use std::collections::BTreeSet;
use std::io::{self, BufReader, Read};

use tar::EntryType;

use crate::artifact::gzip::{Inflate, Intake};
use crate::artifact::meter::{Bounded, Meter};
use crate::artifact::{ArtifactContents, ArtifactError, ArtifactLimits, EntryKind, EntryPath, LimitKind, PathError};

/// Files up to this size come in one piece.
pub(super) const WHOLE_FILE_SIZE: u64 = 1 << 20;
/// Characters that are kept of a path that is too long.
const SHOWN_LENGTH: usize = 200;
const PIECE_SIZE: usize = 64 << 10;
const BUFFER_SIZE: usize = 32 << 10;

/// One archive member, without its content.
#[derive(Debug)]
pub(super) struct Member {
    pub(super) path: Box<str>,
    pub(super) kind: EntryKind,
    pub(super) size: u64,
    pub(super) executable: bool,
}

/// Takes members in the archive's order.
pub(super) trait Sink {
    /// Begins a member; its content follows if it is a file.
    fn member(&mut self, member: Member) -> io::Result<()>;

    /// Reads the next `length` bytes of content from `source`; a file that comes in one piece has only a last one.
    fn content(&mut self, source: &mut dyn Read, length: usize, last: bool) -> io::Result<()>;
}

/// What is known of an archive once it has passed.
#[derive(Debug)]
pub(super) struct Passed {
    pub(super) intake: Intake,
    /// The root folders, at most eight.
    pub(super) roots: BTreeSet<String>,
}

/// Reads an archive to its end and hands every member to `sink`.
pub(super) fn read_members(
    source: impl Read,
    limits: ArtifactLimits,
    sink: &mut impl Sink,
) -> Result<Passed, ArtifactError> {
    let meter = Meter::new(limits);
    let mut members = 0;
    let mut roots = BTreeSet::new();
    let pass = || -> io::Result<Intake> {
        let mut archive = open(Inflate::new(source, limits.compressed_size)?, &meter);
        let mut path_bytes = 0;
        for entry in archive.entries()? {
            let mut entry = entry?;
            members += 1;
            meter.allow_entry(entry.size());
            // A global header holds a comment only: the profile refuses every other.
            if matches!(entry.header().entry_type(), EntryType::XGlobalHeader | EntryType::Directory) {
                if members > limits.entries {
                    return Err(meter.refuse(LimitKind::Entries));
                }
                continue;
            }
            let member = member(&entry, &mut roots);
            path_bytes += member.path.len();
            if members > limits.entries || path_bytes > ArtifactLimits::PATHS_LENGTH {
                return Err(meter.refuse(LimitKind::Entries));
            }
            pass_on(member, &mut entry, sink)?;
        }
        if members == 0 {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "no entries"));
        }
        // What the parser did not look at must be zeros, too.
        let mut rest = archive.into_inner();
        meter.allow_entry(limits.unpacked_size);
        io::copy(&mut rest, &mut io::sink())?;
        rest.feed.into_inner().finish()
    };
    match pass() {
        Ok(intake) => Ok(Passed { intake, roots }),
        Err(error) => Err(meter.explain(error, members)),
    }
}

pub(super) fn open<R: Read>(feed: Inflate<R>, meter: &Meter) -> tar::Archive<Bounded<'_, R>> {
    // Headers and paddings are short: each read of one would wake the decompressor for a few bytes.
    tar::Archive::new(Bounded { feed: BufReader::with_capacity(BUFFER_SIZE, feed), meter })
}

pub(super) fn is_regular(kind: EntryType) -> bool {
    matches!(kind, EntryType::Regular | EntryType::Continuous)
}

fn member<R: Read>(entry: &tar::Entry<'_, R>, roots: &mut BTreeSet<String>) -> Member {
    let target =
        || entry.link_name_bytes().map(|target| String::from_utf8_lossy(&target).into_owned()).unwrap_or_default();
    let kind = match entry.header().entry_type() {
        kind if is_regular(kind) => EntryKind::File,
        EntryType::Symlink => EntryKind::SymbolicLink { target: target() },
        EntryType::Link => EntryKind::HardLink { target: target() },
        other => EntryKind::Special(other.as_byte()),
    };
    let raw_path = entry.path_bytes();
    let (path, kind) = match EntryPath::from_archive(&raw_path) {
        Ok(path) => {
            note_root(&raw_path, roots);
            (Box::from(path.as_str()), kind)
        }
        Err(error) => (unsafe_path(&raw_path), EntryKind::UnsafePath(error)),
    };
    let executable = entry.header().mode().unwrap_or(0) & 0o111 != 0;
    Member { path, kind, size: entry.size(), executable }
}

fn note_root(raw_path: &[u8], roots: &mut BTreeSet<String>) {
    if roots.len() < 8
        && let Ok(path) = std::str::from_utf8(raw_path)
        && let Some(root) = path.split('/').next()
        && !roots.contains(root)
    {
        roots.insert(root.to_owned());
    }
}

/// The path to list for what cannot be a file of the package.
///
/// What only lies outside the root folder could be spelled like a file inside it, and must not stand in its place.
fn unsafe_path(raw_path: &[u8]) -> Box<str> {
    let text = String::from_utf8_lossy(raw_path);
    match EntryPath::from_package(&text) {
        Ok(_) => format!("../{text}").into(),
        // Nobody reads all of a megabyte, and what is left out is told by its length.
        Err(PathError::TooLong) => {
            let shown: String = text.chars().take(SHOWN_LENGTH).collect();
            format!("{shown}… ({} bytes)", raw_path.len()).into()
        }
        Err(_) => text.into(),
    }
}

fn pass_on(member: Member, content: &mut dyn Read, sink: &mut impl Sink) -> io::Result<()> {
    let (is_file, size) = (member.kind == EntryKind::File, member.size);
    let is_manifest = &*member.path == "package.json" && size <= ArtifactContents::MANIFEST_SIZE;
    sink.member(member)?;
    if !is_file {
        return Ok(());
    }
    let mut remaining = size;
    let piece = if is_manifest || size <= WHOLE_FILE_SIZE { size } else { PIECE_SIZE as u64 };
    loop {
        let length = remaining.min(piece);
        remaining -= length;
        sink.content(content, length as usize, remaining == 0)?;
        if remaining == 0 {
            return Ok(());
        }
    }
}

/// Fills `buffer` from `source`.
pub(super) fn read_content(source: &mut dyn Read, buffer: &mut [u8]) -> io::Result<()> {
    source.read_exact(buffer).map_err(|error| match error.get_ref() {
        // The decompressor's own words say more.
        None if error.kind() == io::ErrorKind::UnexpectedEof => {
            io::Error::new(io::ErrorKind::UnexpectedEof, "an entry ends before its size")
        }
        _ => error,
    })
}
