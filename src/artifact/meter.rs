//! The bounds that hold while an archive is parsed.

use std::cell::{Cell, RefCell};
use std::io::{self, BufReader, Read};

use crate::artifact::gzip::{CompressedLimit, DataAfterMember, Inflate, OtherFormat};
use crate::artifact::profile::{Ambiguity, Profile};
use crate::artifact::{ArtifactError, ArtifactLimits, LimitKind};

/// Counts what the parser pulls; shared between the reader below it and the code that drives it.
#[derive(Debug)]
pub(super) struct Meter {
    limits: ArtifactLimits,
    unpacked: Cell<u64>,
    /// Bytes the parser may still pull before it must show an entry.
    allowance: Cell<u64>,
    hit: Cell<Option<LimitKind>>,
    profile: RefCell<Profile>,
    ambiguity: RefCell<Option<Ambiguity>>,
}

impl Meter {
    pub(super) fn new(limits: ArtifactLimits) -> Self {
        Self {
            limits,
            unpacked: Cell::new(0),
            allowance: Cell::new(ArtifactLimits::HEADER_SIZE),
            hit: Cell::new(None),
            profile: RefCell::new(Profile::new()),
            ambiguity: RefCell::new(None),
        }
    }

    /// Lets the parser pull `size` content bytes and then one more entry's headers.
    pub(super) fn allow_entry(&self, size: u64) {
        // Content is padded to whole blocks.
        self.allowance.set(size.saturating_add(512 + ArtifactLimits::HEADER_SIZE));
    }

    /// Notes which limit was hit: the parser wraps errors, so they cannot be told apart afterwards.
    pub(super) fn refuse(&self, kind: LimitKind) -> io::Error {
        self.hit.set(Some(kind));
        io::Error::other(format!("limit reached: {kind}"))
    }

    /// The artifact's error behind a parser's.
    pub(super) fn explain(&self, source: io::Error, members: u64) -> ArtifactError {
        if let Some(OtherFormat(format)) = source.get_ref().and_then(|inner| inner.downcast_ref()) {
            return ArtifactError::OtherFormat(format);
        }
        let compressed = is_inside::<CompressedLimit>(&source);
        let is_gzip = is_inside::<DataAfterMember>(&source);
        if is_gzip {
            self.ambiguity.replace(Some(DataAfterMember.to_string()));
        }
        if let Some(ambiguity) = self.ambiguity.take() {
            if members == 0 && !is_gzip {
                let source = io::Error::other(format!("neither gzip nor tar: {ambiguity}"));
                return ArtifactError::Malformed { entries: 0, source };
            }
            return ArtifactError::Ambiguous { entries: members, reason: ambiguity };
        }
        match self.hit.get() {
            Some(limit) => ArtifactError::Limit(limit),
            None if compressed => ArtifactError::Limit(LimitKind::CompressedSize),
            None => ArtifactError::Malformed { entries: members, source },
        }
    }

    fn check(&self, bytes: &[u8]) -> io::Result<()> {
        self.profile.borrow_mut().take(bytes).map_err(|ambiguity| {
            let error = io::Error::other(ambiguity.clone());
            self.ambiguity.replace(Some(ambiguity));
            error
        })
    }

    fn count(&self, length: usize, taken: u64) -> io::Result<()> {
        let length = length as u64;
        let total = self.unpacked.get() + length;
        self.unpacked.set(total);
        if total > self.limits.unpacked_size {
            return Err(self.refuse(LimitKind::UnpackedSize));
        }
        if total > ArtifactLimits::RATIO_GRACE && total / self.limits.ratio > taken {
            return Err(self.refuse(LimitKind::Ratio));
        }
        match self.allowance.get().checked_sub(length) {
            Some(rest) => self.allowance.set(rest),
            None => return Err(self.refuse(LimitKind::HeaderSize)),
        }
        Ok(())
    }
}

/// Decompressed bytes on their way to the parser, held to the bounds.
pub(super) struct Bounded<'a, R> {
    pub(super) feed: BufReader<Inflate<R>>,
    pub(super) meter: &'a Meter,
}

impl<R: Read> Read for Bounded<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = match self.feed.read(buffer) {
            Err(error) if is_inside::<CompressedLimit>(&error) => {
                return Err(self.meter.refuse(LimitKind::CompressedSize));
            }
            Err(error) if is_inside::<DataAfterMember>(&error) => {
                self.meter.ambiguity.replace(Some(DataAfterMember.to_string()));
                return Err(error);
            }
            other => other?,
        };
        self.meter.count(length, self.feed.get_ref().taken())?;
        self.meter.check(&buffer[..length])?;
        Ok(length)
    }
}

/// Whether the error that a reader wrapped is of this type.
fn is_inside<E: std::error::Error + 'static>(error: &io::Error) -> bool {
    error.get_ref().is_some_and(<dyn std::error::Error + Send + Sync>::is::<E>)
}
