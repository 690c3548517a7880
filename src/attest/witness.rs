//! What stands beside a key's signature: entries of a log, and timestamps. Nobody needs them to trust the key, but what is
//! there must hold, or two readers of one file would disagree about it.

use sigstore_types::{Bundle, DerPublicKey};
use sigstore_verify::PublicKeyVerificationPolicy;

use super::certificate::subject_digest;
use super::key::PublicKey;
use super::statement::Statement;
use crate::provenance::TrustedRoot;

/// Longest text that is kept of a reason.
const MAX_TEXT: usize = 500;

/// Log entries or timestamps that do not hold.
#[derive(Debug, thiserror::Error)]
#[error("its log entries or timestamps do not hold against the trusted root: {0}")]
pub struct WitnessError(String);

/// Checks every log entry and timestamp of a bundle that `key` signed.
pub(super) fn verify(
    bundle: &Bundle,
    claimed: &Statement<serde_json::Value>,
    key: &PublicKey,
    root: &TrustedRoot,
) -> Result<(), WitnessError> {
    let failed = |reason: String| WitnessError(reason.chars().take(MAX_TEXT).collect());
    let key = key.to_der().map_err(|error| failed(error.to_string()))?;
    let digest = subject_digest(claimed).ok_or_else(|| failed("no subject has a digest".to_owned()))?;
    let policy = PublicKeyVerificationPolicy::new(DerPublicKey::from_bytes(&key));
    // One with a timestamp alone is in no log, and the library would want an entry.
    let logged = !bundle.verification_material.tlog_entries.is_empty();
    let policy = if logged { policy } else { policy.skip_tlog_unsafe() };
    root.verifier().verify(digest, bundle, &policy).map(drop).map_err(|error| failed(error.to_string()))
}
