//! Statements that are signed with a short-lived certificate instead of a key: whether certificate, log entry and
//! timestamp hold against a root of trust, and whom the certificate names.

use sigstore_crypto::SubjectAltName;
use sigstore_types::{ArtifactDigest, Bundle, HashAlgorithm, Sha256Hash, Sha512Hash};
use sigstore_verify::VerificationPolicy;

use super::statement::Statement;
use super::unverified::Signer;
use crate::provenance::TrustedRoot;

/// Longest text that is kept of a certificate or of a reason.
const MAX_TEXT: usize = 500;

/// Whose certificate will do.
#[derive(Debug, Clone, Copy)]
pub struct CertifiedIdentity<'a> {
    /// Whom it must name, exactly.
    pub identity: &'a str,
    /// Who must have vouched for that, exactly.
    pub issuer: &'a str,
}

/// A bundle with a certificate does not hold, or names somebody else.
#[derive(Debug, thiserror::Error)]
#[error("the certificate proves nothing: {0}")]
pub struct CertificateError(String);

/// Checks a bundle: chain, signed certificate timestamp, log entry, time, signature, and who signed.
///
/// `claimed` is the statement inside. The library wants an artifact's digest beside the bundle; it gets the one that
/// the statement itself names, because what the statement is about is judged once it is proven.
pub(super) fn verify(
    bundle: &Bundle,
    claimed: &Statement<serde_json::Value>,
    expected: &CertifiedIdentity<'_>,
    root: &TrustedRoot,
) -> Result<Signer, CertificateError> {
    let digest = subject_digest(claimed).ok_or_else(|| CertificateError("no subject has a digest".to_owned()))?;
    let policy = VerificationPolicy::new(expected.identity, expected.issuer);
    let result = root.verifier().verify(digest, bundle, &policy).map_err(|error| refused(&error))?;
    let (identity, issuer) = (result.identity().map(SubjectAltName::as_str), result.issuer());
    let (Some(identity), Some(issuer)) = (identity, issuer) else {
        return Err(CertificateError("it names nobody".to_owned()));
    };
    Ok(Signer::Certificate { identity: identity.to_owned(), issuer: issuer.to_owned() })
}

/// The digest of the first subject, which the library wants to see beside the bundle.
pub(super) fn subject_digest(statement: &Statement<serde_json::Value>) -> Option<ArtifactDigest> {
    let digest = &statement.subject.first()?.digest;
    if let Some(sha256) = digest.get("sha256") {
        return Some(Sha256Hash::from_hex(sha256).ok()?.into());
    }
    let sha512 = Sha512Hash::from_hex(digest.get("sha512")?).ok()?;
    ArtifactDigest::new(HashAlgorithm::Sha2512, sha512.as_bytes().to_vec()).ok()
}

fn refused(error: &sigstore_verify::Error) -> CertificateError {
    CertificateError(error.to_string().chars().take(MAX_TEXT).collect())
}
