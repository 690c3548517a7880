//! A statement that nobody has vouched for yet, and what it takes to prove it.

use std::fmt;

use serde_json::Value;
use sigstore_types::Bundle;

use super::bundle::{self, BundleError, Material, Signed};
use super::certificate::{self, CertificateError, CertifiedIdentity};
use super::envelope::Signature;
use super::key::{KeyId, PublicKey};
use super::statement::{Statement, StatementError};
use super::witness::{self, WitnessError};
use crate::package::Sha256Digest;
use crate::provenance::{TrustError, TrustedRoot};

/// A signed file as it was read: whatever it holds is somebody's word.
#[derive(Debug, Clone)]
pub struct UnverifiedStatement {
    signed: Signed,
}

/// Whose signatures count.
#[derive(Debug, Clone, Copy, Default)]
pub struct TrustedSigners<'a> {
    /// These keys.
    pub keys: &'a [PublicKey],
    /// Whoever can show a certificate for this identity.
    pub identity: Option<CertifiedIdentity<'a>>,
    /// The authorities and logs that certificates, and what stands beside a key's signature, are held against; unless
    /// stated, those of the embedded root.
    pub root: Option<&'a TrustedRoot>,
}

impl<'a> TrustedSigners<'a> {
    fn root(&self) -> Result<&'a TrustedRoot, TrustError> {
        match self.root {
            Some(root) => Ok(root),
            None => TrustedRoot::embedded(),
        }
    }
}

/// Who signed a statement.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Signer {
    /// A key.
    Key(KeyId),
    /// Somebody to whom an authority gave a certificate.
    Certificate {
        /// Whom it names: an address of e-mail, or that of a workflow.
        identity: String,
        /// Who vouched for that.
        issuer: String,
    },
}

impl fmt::Display for Signer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Key(id) => id.fmt(formatter),
            Self::Certificate { identity, issuer } => write!(formatter, "{identity} ({issuer})"),
        }
    }
}

/// A statement and who signed it.
#[derive(Debug, Clone)]
pub struct ProvenStatement {
    /// The statement.
    pub statement: Statement<Value>,
    /// The signers, each once, in the order of their names, keys first.
    pub signers: Vec<Signer>,
}

/// Why a file proves nothing.
#[derive(Debug, thiserror::Error)]
pub enum ProofError {
    /// It is no bundle and no envelope.
    #[error(transparent)]
    Bundle(#[from] BundleError),
    /// Files that are to be counted together say different things.
    #[error("the files hold different statements, so their signatures cannot be counted together")]
    DifferentStatements,
    /// None of the keys given signed it.
    #[error("it is signed by {}, and by none of the keys given", list(stated))]
    UnknownKey {
        /// What the signatures say whose they are.
        stated: Vec<String>,
    },
    /// A key given is named, and the signature is not its own.
    #[error("the signature of {key} does not fit the statement")]
    WrongSignature {
        /// The key.
        key: String,
    },
    /// Signed by certificate, and nobody was named whose certificate would do.
    #[error("it is signed with a certificate, not with a key")]
    Certificate,
    /// A certificate, or what comes with it, does not hold.
    #[error(transparent)]
    Certified(#[from] CertificateError),
    /// What stands beside a key's signature does not hold.
    #[error(transparent)]
    Witness(#[from] WitnessError),
    /// There is nothing to hold it against.
    #[error(transparent)]
    Root(#[from] TrustError),
    /// Fewer keys than asked for.
    #[error("{found} of those given signed it, and {needed} are needed")]
    TooFew {
        /// How many did.
        found: usize,
        /// How many must.
        needed: usize,
    },
    /// What is signed is no statement.
    #[error(transparent)]
    Statement(#[from] StatementError),
}

fn list(stated: &[String]) -> String {
    if stated.is_empty() { "somebody who is not named".to_owned() } else { stated.join(", ") }
}

impl UnverifiedStatement {
    /// Reads a Sigstore bundle or a bare DSSE envelope. Nothing of it is to be believed.
    pub fn read(bytes: &[u8]) -> Result<Self, ProofError> {
        Ok(Self { signed: bundle::read(bytes)? })
    }

    /// The digest of the payload, which names the statement whoever signs it.
    pub fn payload_digest(&self) -> Sha256Digest {
        Sha256Digest::of(&self.signed.envelope.payload)
    }

    /// What the statement says, on nobody's word.
    pub fn claimed(&self) -> Result<Statement<Value>, ProofError> {
        let envelope = &self.signed.envelope;
        Ok(Statement::read(&envelope.payload_type, &envelope.payload)?)
    }

    /// Proves the statement: at least `threshold` of `keys` must have signed these very bytes.
    pub fn prove(&self, others: &[Self], keys: &[PublicKey], threshold: usize) -> Result<ProvenStatement, ProofError> {
        self.prove_by(others, &TrustedSigners { keys, ..TrustedSigners::default() }, threshold)
    }

    /// Proves the statement: at least `threshold` of those trusted must have signed these very bytes.
    ///
    /// `others` are further files over the same statement, as independent verifiers write them. Where only keys are
    /// trusted, the statement is not even parsed before the signatures fit.
    pub fn prove_by(
        &self,
        others: &[Self],
        trusted: &TrustedSigners<'_>,
        threshold: usize,
    ) -> Result<ProvenStatement, ProofError> {
        let envelope = &self.signed.envelope;
        let same = |other: &Self| {
            let other = &other.signed.envelope;
            other.payload == envelope.payload && other.payload_type == envelope.payload_type
        };
        if !others.iter().all(same) {
            return Err(ProofError::DifferentStatements);
        }
        let (certified, keyed): (Vec<_>, Vec<_>) =
            std::iter::once(self).chain(others).partition(|file| file.certified().is_some());
        let signatures: Vec<_> = keyed.iter().flat_map(|file| &file.signed.envelope.signatures).collect();
        let (mut signers, mut failure) = by_keys(&envelope.signed_bytes(), &signatures, trusted.keys);
        if let Some(expected) = &trusted.identity {
            for bundle in certified.iter().filter_map(|file| file.certified()) {
                match certificate::verify(bundle, &self.claimed()?, expected, trusted.root()?) {
                    Ok(signer) => signers.push(signer),
                    Err(error) => failure = failure.or(Some(error.into())),
                }
            }
        } else if !certified.is_empty() {
            failure = failure.or(Some(ProofError::Certificate));
        }
        for file in keyed {
            file.hold_witnesses(trusted)?;
        }
        signers.sort();
        signers.dedup();
        if signers.is_empty() {
            return Err(failure.unwrap_or_else(|| unknown(&signatures)));
        }
        if signers.len() < threshold {
            return Err(ProofError::TooFew { found: signers.len(), needed: threshold });
        }
        Ok(ProvenStatement { statement: self.claimed()?, signers })
    }
}

impl UnverifiedStatement {
    fn certified(&self) -> Option<&Bundle> {
        match &self.signed.material {
            Material::Certificate(bundle) => Some(bundle),
            Material::Key | Material::Witnessed(_) => None,
        }
    }

    /// Refuses log entries and timestamps that do not hold beside the signature of a trusted key. Others count for nothing.
    fn hold_witnesses(&self, trusted: &TrustedSigners<'_>) -> Result<(), ProofError> {
        let Material::Witnessed(bundle) = &self.signed.material else { return Ok(()) };
        let Signed { envelope, .. } = &self.signed;
        let message = envelope.signed_bytes();
        let is_its =
            |key: &&PublicKey| envelope.signatures.iter().any(|signature| key.verifies(&message, &signature.bytes));
        let Some(key) = trusted.keys.iter().find(is_its) else { return Ok(()) };
        Ok(witness::verify(bundle, &self.claimed()?, key, trusted.root()?)?)
    }
}

/// The keys that signed, and what is wrong where one is named that did not.
fn by_keys(message: &[u8], signatures: &[&Signature], keys: &[PublicKey]) -> (Vec<Signer>, Option<ProofError>) {
    let (mut signers, mut wrong) = (Vec::new(), None);
    for key in keys {
        let id = key.id();
        // The name is only a hint. One that is another key's is believed: who signed with this key would say so.
        let mut named = signatures.iter().filter(|signature| match &signature.key_id {
            Some(stated) => stated == id.as_str(),
            None => true,
        });
        if named.clone().any(|signature| key.verifies(message, &signature.bytes)) {
            signers.push(Signer::Key(id));
        } else if named.any(|signature| signature.key_id.is_some()) {
            wrong = Some(ProofError::WrongSignature { key: id.to_string() });
        }
    }
    (signers, wrong)
}

fn unknown(signatures: &[&Signature]) -> ProofError {
    let mut stated: Vec<String> = signatures
        .iter()
        .filter_map(|signature| signature.key_id.as_ref())
        .map(|id| id.chars().take(80).collect::<String>().escape_debug().to_string())
        .collect();
    stated.sort();
    stated.dedup();
    ProofError::UnknownKey { stated }
}
