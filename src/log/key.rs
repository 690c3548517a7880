//! Who a log is: its name, and the Ed25519 key that signs its checkpoints.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use crate::attest::{PublicKey, SigningKey};
use crate::report::printable::is_hidden;

/// Longest name, bytes.
const MAX_ORIGIN: usize = 255;
/// Ed25519 among the kinds of <https://c2sp.org/signed-note>.
const ED25519: u8 = 1;

/// A log's name, such as `log.example/verdicts`: the first line of its checkpoints, and the name of its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin(String);

/// Why a text is no name of a log.
#[derive(Debug, thiserror::Error)]
#[error(
    "`{}` is no name of a log: expected 1 to {MAX_ORIGIN} bytes without space, `+` and invisible characters, such as \
     `log.example/verdicts`",
    .0.escape_debug()
)]
pub struct OriginError(String);

impl FromStr for Origin {
    type Err = OriginError;

    fn from_str(text: &str) -> Result<Self, OriginError> {
        if signed_note::is_key_name_valid(text) && text.len() <= MAX_ORIGIN && !text.chars().any(is_hidden) {
            return Ok(Self(text.to_owned()));
        }
        Err(OriginError(text.chars().take(80).collect()))
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl Origin {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A key of another kind than logs use.
#[derive(Debug, thiserror::Error)]
#[error("a log is signed with Ed25519, and this key is of another kind: `key generate --algorithm ed25519` makes one")]
pub struct NotEd25519;

/// A key that proves checkpoints.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogKey {
    key: PublicKey,
    /// As notes hold it: its kind, then its 32 bytes.
    encoded: Vec<u8>,
}

impl LogKey {
    /// Takes an Ed25519 key.
    pub fn new(key: PublicKey) -> Result<Self, NotEd25519> {
        let bytes = key.ed25519_bytes().ok_or(NotEd25519)?;
        Ok(Self { key, encoded: [&[ED25519], bytes.as_slice()].concat() })
    }

    /// The number by which signatures of the log `origin` name this key.
    pub(super) fn id(&self, origin: &Origin) -> u32 {
        signed_note::key_id(origin.as_str(), &self.encoded)
    }

    /// The key in the form that other programs for such logs read: `NAME+ID+KEY`.
    pub fn verifier_key(&self, origin: &Origin) -> String {
        format!("{origin}+{:08x}+{}", self.id(origin), BASE64.encode(&self.encoded))
    }

    /// The key as one that may have signed notes of the log `origin`.
    pub(super) fn verifier(&self, origin: &Origin) -> impl signed_note::Verifier + 'static {
        NoteVerifier { name: origin.0.clone(), id: self.id(origin), key: self.key.clone() }
    }
}

struct NoteVerifier {
    name: String,
    id: u32,
    key: PublicKey,
}

impl signed_note::Verifier for NoteVerifier {
    fn name(&self) -> &str {
        &self.name
    }

    fn key_id(&self) -> u32 {
        self.id
    }

    fn verify(&self, message: &[u8], signature: &[u8]) -> bool {
        self.key.verifies(message, signature)
    }
}

/// A key that signs checkpoints.
#[derive(Debug)]
pub struct LogSigner {
    signing: SigningKey,
    key: LogKey,
}

impl LogSigner {
    /// Takes an Ed25519 key.
    pub fn new(signing: SigningKey) -> Result<Self, NotEd25519> {
        let key = LogKey::new(signing.public())?;
        Ok(Self { signing, key })
    }

    /// The public half.
    pub fn key(&self) -> &LogKey {
        &self.key
    }

    pub(super) fn sign(&self, message: &[u8]) -> Vec<u8> {
        self.signing.sign(message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attest::KeyAlgorithm;

    #[test]
    fn names_are_those_of_signed_notes() {
        for name in ["log.example/verdicts", "a", "größe.example"] {
            assert_eq!(name.parse::<Origin>().unwrap().as_str(), name);
        }
        for name in ["", "a b", "a+b", "a\nb", "a\u{2003}b", "a\u{202e}b", &"a".repeat(256)] {
            assert!(name.parse::<Origin>().is_err(), "{name:?}");
        }
    }

    #[test]
    fn only_ed25519_signs_logs() {
        let other = SigningKey::generate(KeyAlgorithm::EcdsaP256).unwrap();
        assert!(LogKey::new(other.public()).is_err() && LogSigner::new(other).is_err());
    }
}
