//! The decompressing end of the reader: gzip members, and the digest of the compressed bytes.

use std::io::{self, BufRead, BufReader, Read};

use flate2::bufread::GzDecoder;
use sha2::Digest as _;

use crate::package::Sha256Digest;

const BUFFER_SIZE: usize = 64 << 10;
const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];

/// What is known of the compressed bytes once all of them have passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Intake {
    pub(super) sha256: Sha256Digest,
    pub(super) size: u64,
    pub(super) is_compressed: bool,
    pub(super) trailing_data: bool,
}

/// Counts and hashes compressed bytes on their way in, up to a limit.
struct Metered<R> {
    inner: R,
    taken: u64,
    limit: u64,
    hash: sha2::Sha256,
}

/// More compressed bytes than allowed.
#[derive(Debug, thiserror::Error)]
#[error("the compressed size exceeds its limit")]
pub(super) struct CompressedLimit;

impl<R: Read> Read for Metered<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.inner.read(buffer)?;
        self.taken += length as u64;
        if self.taken > self.limit {
            return Err(io::Error::other(CompressedLimit));
        }
        self.hash.update(&buffer[..length]);
        Ok(length)
    }
}

/// Something other than zeros behind the first gzip member.
#[derive(Debug, thiserror::Error)]
#[error("data follows the compressed archive")]
pub(super) struct DataAfterMember;

/// The bytes are of another format than gzip or tar.
#[derive(Debug, thiserror::Error)]
#[error("this is {0}")]
pub(super) struct OtherFormat(pub(super) &'static str);

/// How other formats begin. A server's error page is the usual one.
const OTHER_FORMATS: [(&[u8], &str); 7] = [
    (b"PK\x03\x04", "a zip archive"),
    (b"\xfd7zXZ\0", "an xz file"),
    (b"\x28\xb5\x2f\xfd", "a zstd file"),
    (b"BZh", "a bzip2 file"),
    (b"<", "an HTML or XML page"),
    (b"{", "a JSON text"),
    (b"\x7fELF", "a program"),
];

/// Where a tar header has its magic, if it has one.
const TAR_MAGIC: std::ops::Range<usize> = 257..262;

/// Names what a file is that begins like no archive.
fn other_format(first: &[u8]) -> Option<&'static str> {
    if first.is_empty() {
        return Some("an empty file");
    }
    if first.get(TAR_MAGIC) == Some(b"ustar") {
        return None;
    }
    OTHER_FORMATS.iter().find(|(magic, _)| first.starts_with(magic)).map(|(_, format)| *format)
}

type Source<R> = BufReader<Metered<R>>;

enum State<R> {
    Member(Box<GzDecoder<Source<R>>>),
    /// The archive itself is not compressed.
    Plain(Source<R>),
    /// Past the last member.
    Rest(Source<R>),
    /// Only while a state is being replaced.
    Taken,
}

/// Inflates one gzip member, or passes on what is not compressed.
pub(super) struct Inflate<R> {
    state: State<R>,
    is_compressed: bool,
    trailing_data: bool,
}

impl<R: Read> Inflate<R> {
    pub(super) fn new(source: R, limit: u64) -> io::Result<Self> {
        let metered = Metered { inner: source, taken: 0, limit, hash: sha2::Sha256::new() };
        let mut source = BufReader::with_capacity(BUFFER_SIZE, metered);
        let first = source.fill_buf()?;
        let is_compressed = first.starts_with(&GZIP_MAGIC);
        if let Some(format) = other_format(first) {
            return Err(io::Error::other(OtherFormat(format)));
        }
        let state = if is_compressed { State::Member(Box::new(GzDecoder::new(source))) } else { State::Plain(source) };
        Ok(Self { state, is_compressed, trailing_data: false })
    }

    fn end_member(&mut self) -> io::Result<()> {
        let mut source = match std::mem::replace(&mut self.state, State::Taken) {
            State::Member(decoder) => decoder.into_inner(),
            State::Plain(source) | State::Rest(source) => source,
            State::Taken => return Ok(()),
        };
        // Node's zlib reads on where another member begins, sometimes: what follows the first one may be
        // installed or not, so only zeros may follow.
        loop {
            let rest = source.fill_buf()?;
            if rest.is_empty() {
                break;
            }
            self.trailing_data = true;
            if rest.iter().any(|byte| *byte != 0) {
                return Err(io::Error::other(DataAfterMember));
            }
            let length = rest.len();
            source.consume(length);
        }
        self.state = State::Rest(source);
        Ok(())
    }

    fn metered(&self) -> Option<&Metered<R>> {
        match &self.state {
            State::Member(decoder) => Some(decoder.get_ref().get_ref()),
            State::Plain(source) | State::Rest(source) => Some(source.get_ref()),
            State::Taken => None,
        }
    }
}

impl<R: Read> Read for Inflate<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        loop {
            let length = match &mut self.state {
                State::Member(decoder) => decoder.read(buffer)?,
                State::Plain(source) => source.read(buffer)?,
                State::Rest(_) | State::Taken => return Ok(0),
            };
            if length > 0 {
                return Ok(length);
            }
            self.end_member()?;
        }
    }
}

impl<R: Read> Inflate<R> {
    /// Compressed bytes taken so far.
    pub(super) fn taken(&self) -> u64 {
        self.metered().map_or(0, |metered| metered.taken)
    }

    /// Passes over whatever is left and tells what went through.
    pub(super) fn finish(mut self) -> io::Result<Intake> {
        io::copy(&mut self, &mut io::sink())?;
        let (sha256, size) = match self.metered() {
            Some(metered) => (metered.hash.clone().finalize(), metered.taken),
            None => return Err(io::Error::other("the source was taken")),
        };
        Ok(Intake {
            sha256: Sha256Digest(sha256.into()),
            size,
            is_compressed: self.is_compressed,
            trailing_data: self.trailing_data,
        })
    }
}
