//! An append-only log of statements, in files that any web server can serve.
//!
//! The files are those of <https://c2sp.org/tlog-tiles>: a *checkpoint* is a signed tree head, *tiles* hold the hashes
//! of a Merkle tree as in RFC 6962, *entry bundles* hold what is logged. An [`Entry`] is a short line about one
//! statement. To write, start at [`Appender`]; to read a whole log, at [`Log::read`]; to check a single statement
//! without the log, at [`Proof`].
//!
//! Hashes, tiles and proofs are computed by `tlog_tiles`, notes are read and written by `signed_note`, keys are those
//! of `attest`. A log tells that nothing was rewritten since a checkpoint that somebody kept; whether others were shown
//! the same log, only witnesses could tell, and there are none here.

mod append;
mod checkpoint;
mod entry;
mod key;
mod proof;
mod read;
mod tile;
mod tree;

pub use append::{Appended, Appender, Position};
pub use checkpoint::{CheckpointError, MAX_CHECKPOINT_BYTES, TreeHead, UnverifiedCheckpoint};
pub use entry::{Entry, SCHEMA as ENTRY_SCHEMA};
pub use key::{LogKey, LogSigner, NotEd25519, Origin, OriginError};
pub use proof::{ConsistencyProof, InclusionProof, LogProofError, MAX_PROOF_BYTES, Proof};
pub use read::{Log, LogError, MAX_SIZE, read_checkpoint};

#[cfg(test)]
mod tests;
