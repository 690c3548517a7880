//! Turns verifications into signed statements, and proves such statements.
//!
//! Layers, from the inside: a *predicate* (`predicate/`) is what is claimed, a *statement* says of which artifacts, an
//! *envelope* (DSSE) holds the signatures, a *bundle* (Sigstore) names the key. To sign, start at [`Statements::of`]
//! and [`sign`]; to check, at [`UnverifiedStatement::read`], which [`UnverifiedStatement::prove`] turns into something
//! to rely on, and [`Acceptance`], which says whether it will do.
//!
//! Nothing here reads the environment or a clock. Only `keyless`, which signs by certificate instead of a key and stands
//! behind the feature of that name, asks anybody anything. Bundles of publishers are checked by `provenance`.

mod acceptance;
mod bundle;
mod certificate;
mod consistency;
mod envelope;
mod generate;
mod json;
mod key;
#[cfg(feature = "keyless")]
pub mod keyless;
mod ledger_lines;
mod lock;
pub mod predicate;
mod sign;
mod statement;
mod statement_set;
pub mod types;
mod unverified;
mod witness;

pub use acceptance::{Acceptance, Accepted, Refusal, is_subject};
pub use bundle::BundleError;
pub use certificate::{CertificateError, CertifiedIdentity};
pub use consistency::Contradiction;
pub use envelope::{Envelope, EnvelopeError, MAX_BYTES, Signature, pre_authentication_encoding};
pub use generate::{Circumstances, Statements};
pub use json::JsonError;
pub use key::{KeyAlgorithm, KeyError, KeyId, MAX_KEY_BYTES, PublicKey, SigningKey};
pub use ledger_lines::ledger_lines;
pub use lock::{LockedRelease, LockedVerdict, bundles, releases, unbundled, verdict_lock};
pub use sign::sign;
pub use statement::{DigestSet, Predicate, Resource, Statement, StatementError};
pub use statement_set::{Payload, StatementSet, StatementSetError};
pub use unverified::{ProofError, ProvenStatement, Signer, TrustedSigners, UnverifiedStatement};
pub use witness::WitnessError;

#[cfg(test)]
mod tests;
