//! The decompressing end of the reader: gzip members, limits, and the digest of the compressed bytes.

use std::cell::{Cell, RefCell};
use std::io::{self, BufRead, BufReader, Read};

use flate2::bufread::GzDecoder;
use sha2::Digest as _;

use crate::artifact::{ArtifactLimits, LimitKind};
use crate::package::Sha256Digest;

const BUFFER_SIZE: usize = 64 << 10;
const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];

/// What the reader counted, shared between it and the code that drives the archive parser on top of it.
#[derive(Debug)]
pub(super) struct Meter {
    limits: ArtifactLimits,
    compressed: Cell<u64>,
    unpacked: Cell<u64>,
    /// Bytes the parser may still pull before it must show an entry.
    allowance: Cell<u64>,
    hit: Cell<Option<LimitKind>>,
    trailing_data: Cell<bool>,
    compressed_hash: RefCell<sha2::Sha256>,
}

impl Meter {
    pub(super) fn new(limits: ArtifactLimits) -> Self {
        Self {
            limits,
            compressed: Cell::new(0),
            unpacked: Cell::new(0),
            allowance: Cell::new(ArtifactLimits::HEADER_SIZE),
            hit: Cell::new(None),
            trailing_data: Cell::new(false),
            compressed_hash: RefCell::new(sha2::Sha256::new()),
        }
    }

    /// Lets the parser pull `size` content bytes and then one more entry's headers.
    pub(super) fn allow_entry(&self, size: u64) {
        // Content is padded to whole blocks.
        self.allowance.set(size.saturating_add(512 + ArtifactLimits::HEADER_SIZE));
    }

    pub(super) fn limit_hit(&self) -> Option<LimitKind> {
        self.hit.get()
    }

    pub(super) fn trailing_data(&self) -> bool {
        self.trailing_data.get()
    }

    pub(super) fn compressed(&self) -> u64 {
        self.compressed.get()
    }

    pub(super) fn sha256(&self) -> Sha256Digest {
        Sha256Digest(self.compressed_hash.borrow().clone().finalize().into())
    }

    fn refuse(&self, kind: LimitKind) -> io::Error {
        self.hit.set(Some(kind));
        io::Error::other(format!("limit reached: {kind}"))
    }

    fn count_compressed(&self, bytes: &[u8]) -> io::Result<()> {
        let total = self.compressed.get() + bytes.len() as u64;
        self.compressed.set(total);
        if total > self.limits.compressed_size {
            return Err(self.refuse(LimitKind::CompressedSize));
        }
        self.compressed_hash.borrow_mut().update(bytes);
        Ok(())
    }

    fn count_unpacked(&self, length: usize) -> io::Result<()> {
        let length = length as u64;
        let total = self.unpacked.get() + length;
        self.unpacked.set(total);
        if total > self.limits.unpacked_size {
            return Err(self.refuse(LimitKind::UnpackedSize));
        }
        if total > ArtifactLimits::RATIO_GRACE && total / self.limits.ratio > self.compressed.get() {
            return Err(self.refuse(LimitKind::Ratio));
        }
        match self.allowance.get().checked_sub(length) {
            Some(rest) => self.allowance.set(rest),
            None => return Err(self.refuse(LimitKind::HeaderSize)),
        }
        Ok(())
    }
}

/// Counts and hashes compressed bytes on their way in.
struct Metered<'a, R> {
    inner: R,
    meter: &'a Meter,
}

impl<R: Read> Read for Metered<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.inner.read(buffer)?;
        self.meter.count_compressed(&buffer[..length])?;
        Ok(length)
    }
}

type Source<'a, R> = BufReader<Metered<'a, R>>;

enum State<'a, R> {
    Member(Box<GzDecoder<Source<'a, R>>>),
    Plain(Source<'a, R>),
    Done,
}

/// Inflates as Node's zlib does: concatenated gzip members are one stream, what follows them is ignored.
pub(super) struct Inflate<'a, R> {
    state: State<'a, R>,
    meter: &'a Meter,
    compressed: bool,
}

impl<'a, R: Read> Inflate<'a, R> {
    pub(super) fn new(source: R, meter: &'a Meter) -> io::Result<Self> {
        let mut source = BufReader::with_capacity(BUFFER_SIZE, Metered { inner: source, meter });
        let compressed = source.fill_buf()?.starts_with(&GZIP_MAGIC);
        let state =
            if compressed { State::Member(Box::new(GzDecoder::new(source))) } else { State::Plain(source) };
        Ok(Self { state, meter, compressed })
    }

    pub(super) fn is_compressed(&self) -> bool {
        self.compressed
    }

    fn next_member(&mut self) -> io::Result<()> {
        let State::Member(decoder) = std::mem::replace(&mut self.state, State::Done) else {
            return Ok(());
        };
        let mut source = decoder.into_inner();
        let rest = source.fill_buf()?;
        if rest.is_empty() {
            return Ok(());
        }
        if rest.starts_with(&GZIP_MAGIC) {
            self.state = State::Member(Box::new(GzDecoder::new(source)));
            return Ok(());
        }
        self.meter.trailing_data.set(true);
        // The digest covers every byte of the artifact, used or not.
        io::copy(&mut source, &mut io::sink())?;
        Ok(())
    }
}

impl<R: Read> Read for Inflate<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        loop {
            let length = match &mut self.state {
                State::Member(decoder) => decoder.read(buffer)?,
                State::Plain(source) => source.read(buffer)?,
                State::Done => return Ok(0),
            };
            if length > 0 {
                self.meter.count_unpacked(length)?;
                return Ok(length);
            }
            if matches!(self.state, State::Plain(_)) {
                return Ok(0);
            }
            self.next_member()?;
        }
    }
}
