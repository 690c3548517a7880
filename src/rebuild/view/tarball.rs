//! Hands out a tarball's bytes, hashed on the way: a file that was damaged in the cache is never served whole.

use std::convert::Infallible;
use std::io;
use std::sync::Arc;

use futures_util::stream;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full, StreamBody};
use hyper::body::{Bytes, Frame};
use sha2::Digest as _;
use tokio::fs::File;
use tokio::io::AsyncReadExt as _;

use super::Refusal;
use super::log::{Journal, Place};
use crate::package::Sha256Digest;
use crate::registry::{NpmRegistry, StoredArtifact};

/// The body of every answer.
pub(super) type Body = UnsyncBoxBody<Bytes, io::Error>;

/// Tarballs up to this size are read and checked whole before the first byte is sent.
const WHOLE_SIZE: u64 = 1 << 20;
/// Larger ones go in pieces, one of which is held back until the next is there.
const PIECE: usize = 256 << 10;

/// A body of bytes at hand.
pub(super) fn whole(bytes: impl Into<Bytes>) -> Body {
    Full::new(bytes.into()).map_err(|never: Infallible| match never {}).boxed_unsync()
}

/// The bytes of a stored tarball, or `None` where they are gone or damaged and must be fetched again.
pub(super) async fn body(
    registry: &NpmRegistry,
    artifact: &StoredArtifact,
    journal: &Arc<Journal>,
    place: Place,
) -> io::Result<Option<Body>> {
    if artifact.size > WHOLE_SIZE {
        let file = File::open(&artifact.path).await?;
        return Ok(Some(pieces(registry.clone(), artifact.clone(), file, Arc::clone(journal), place)));
    }
    let (path, expected) = (artifact.path.clone(), artifact.sha256);
    let read = tokio::task::spawn_blocking(move || {
        std::fs::read(&path).map(|bytes| Some(bytes).filter(|bytes| Sha256Digest::of(bytes) == expected))
    });
    Ok(read.await.map_err(io::Error::other)??.map(whole))
}

struct Pieces {
    registry: NpmRegistry,
    artifact: StoredArtifact,
    file: File,
    hash: sha2::Sha256,
    held: Option<Bytes>,
    left: u64,
    journal: Arc<Journal>,
    place: Place,
}

fn pieces(registry: NpmRegistry, artifact: StoredArtifact, file: File, journal: Arc<Journal>, place: Place) -> Body {
    let left = artifact.size;
    let state = Pieces { registry, artifact, file, hash: sha2::Sha256::new(), held: None, left, journal, place };
    let stream = stream::try_unfold(state, |mut state| async move {
        loop {
            if state.left == 0 {
                let Some(last) = state.held.take() else { return Ok(None) };
                if Sha256Digest(state.hash.clone().finalize().into()) != state.artifact.sha256 {
                    return Err(state.damaged());
                }
                return Ok(Some((Frame::data(last), state)));
            }
            let mut piece = vec![0; usize::try_from(state.left).map_or(PIECE, |left| left.min(PIECE))];
            if state.file.read_exact(&mut piece).await.is_err() {
                return Err(state.damaged());
            }
            state.left -= piece.len() as u64;
            state.hash.update(&piece);
            if let Some(earlier) = state.held.replace(piece.into()) {
                return Ok(Some((Frame::data(earlier), state)));
            }
        }
    });
    StreamBody::new(stream).boxed_unsync()
}

impl Pieces {
    /// Breaks the answer off before its end, so that the client must ask again.
    fn damaged(&self) -> io::Error {
        self.journal.refused(self.place, Refusal::Mismatch("the cached file was damaged".to_owned()));
        if let Err(error) = self.registry.discard(&self.artifact) {
            tracing::warn!(%error, "a damaged file cannot be removed from the cache");
        }
        io::Error::new(io::ErrorKind::InvalidData, "the cached file was damaged")
    }
}
