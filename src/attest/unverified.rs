//! A statement that nobody has vouched for yet, and what it takes to prove it.

use serde_json::Value;

use super::bundle::{self, BundleError};
use super::envelope::Envelope;
use super::key::{KeyId, PublicKey};
use super::statement::{Statement, StatementError};
use crate::package::Sha256Digest;

/// A signed file as it was read: whatever it holds is somebody's word.
#[derive(Debug, Clone)]
pub struct UnverifiedStatement {
    envelope: Envelope,
}

/// A statement and the keys that signed it.
#[derive(Debug, Clone)]
pub struct ProvenStatement {
    /// The statement.
    pub statement: Statement<Value>,
    /// The keys, each once, in the order of their names.
    pub signers: Vec<KeyId>,
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
    /// Fewer keys than asked for.
    #[error("{found} of the keys given signed it, and {needed} are needed")]
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
        Ok(Self { envelope: bundle::read(bytes)? })
    }

    /// The digest of the payload, which names the statement whoever signs it.
    pub fn payload_digest(&self) -> Sha256Digest {
        Sha256Digest::of(&self.envelope.payload)
    }

    /// What the statement says, on nobody's word.
    pub fn claimed(&self) -> Result<Statement<Value>, ProofError> {
        Ok(Statement::read(&self.envelope.payload_type, &self.envelope.payload)?)
    }

    /// Proves the statement: at least `threshold` of `keys` must have signed these very bytes.
    ///
    /// `others` are further files over the same statement, as independent verifiers write them. The statement is not
    /// even parsed before the signatures fit.
    pub fn prove(&self, others: &[Self], keys: &[PublicKey], threshold: usize) -> Result<ProvenStatement, ProofError> {
        let envelope = &self.envelope;
        let same = |other: &Self| {
            other.envelope.payload == envelope.payload && other.envelope.payload_type == envelope.payload_type
        };
        if !others.iter().all(same) {
            return Err(ProofError::DifferentStatements);
        }
        let message = envelope.signed_bytes();
        let signatures: Vec<_> =
            envelope.signatures.iter().chain(others.iter().flat_map(|other| &other.envelope.signatures)).collect();
        let mut signers = Vec::new();
        let mut wrong = None;
        for key in keys {
            let id = key.id();
            // The name is only a hint. One that is another key's is believed: who signed with this key would say so.
            let mut named = signatures.iter().filter(|signature| match &signature.key_id {
                Some(stated) => stated == id.as_str(),
                None => true,
            });
            if named.clone().any(|signature| key.verifies(&message, &signature.bytes)) {
                signers.push(id);
            } else if named.any(|signature| signature.key_id.is_some()) {
                wrong = Some(id);
            }
        }
        signers.sort();
        signers.dedup();
        if signers.is_empty() {
            if let Some(key) = wrong {
                return Err(ProofError::WrongSignature { key: key.to_string() });
            }
            let mut stated: Vec<String> = signatures
                .iter()
                .filter_map(|signature| signature.key_id.as_ref())
                .map(|id| id.chars().take(80).collect::<String>().escape_debug().to_string())
                .collect();
            stated.sort();
            stated.dedup();
            return Err(ProofError::UnknownKey { stated });
        }
        if signers.len() < threshold {
            return Err(ProofError::TooFew { found: signers.len(), needed: threshold });
        }
        Ok(ProvenStatement { statement: self.claimed()?, signers })
    }
}
