//! Registry signatures: ECDSA over `name@version:integrity`.

use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use p256::ecdsa::signature::Verifier as _;
use pkcs8::DecodePublicKey as _;
use serde::Deserialize;

use crate::package::{Integrity, Release};
use crate::registry::parse_rfc3339;

/// Longest text that is kept of a key's name.
const MAX_SHOWN: usize = 80;

/// A signature as the registry states it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatedSignature {
    /// The key's name.
    pub key_id: String,
    /// Its bytes, base64.
    pub signature: String,
}

/// Why a signature proves nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// By a key that nobody here knows.
    #[error("the key `{}` is not known", .0.escape_debug())]
    UnknownKey(String),
    /// The key was not in use when the release was published.
    #[error("the key `{0}` was not in use when the release was published")]
    NotInUse(String),
    /// Not made by that key over this content.
    #[error("the signature by `{0}` does not fit the content")]
    Wrong(String),
}

/// The keys of a registry.
#[derive(Debug, Clone)]
pub struct RegistryKeys(Vec<RegistryKey>);

#[derive(Debug, Clone)]
pub(super) struct RegistryKey {
    id: String,
    usage: KeyUsage,
    /// SubjectPublicKeyInfo, DER.
    pub(super) der: Vec<u8>,
    start: Option<i64>,
    end: Option<i64>,
}

/// What a key signs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum KeyUsage {
    /// Content of releases.
    Signatures,
    /// That a release was published.
    Attestations,
}

#[derive(Deserialize)]
struct File {
    keys: Vec<Written>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Written {
    key_id: String,
    key_usage: String,
    public_key: WrittenKey,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WrittenKey {
    raw_bytes: String,
    valid_for: Option<Validity>,
}

#[derive(Deserialize)]
struct Validity {
    start: Option<String>,
    end: Option<String>,
}

impl RegistryKeys {
    /// The npm registry's keys, as Sigstore's repository of roots distributes them.
    pub fn embedded() -> &'static Self {
        static EMBEDDED: LazyLock<RegistryKeys> = LazyLock::new(|| {
            RegistryKeys::read(include_bytes!("npm-keys.json")).expect("the embedded keys are read by a test")
        });
        &EMBEDDED
    }

    /// Reads keys in the form in which Sigstore distributes them; kinds that are not known are left out.
    pub fn read(json: &[u8]) -> Option<Self> {
        let file: File = serde_json::from_slice(json).ok()?;
        let keys = file.keys.into_iter().filter_map(|key| {
            let usage = match key.key_usage.as_str() {
                "npm:signatures" => KeyUsage::Signatures,
                "npm:attestations" => KeyUsage::Attestations,
                _ => return None,
            };
            let der = BASE64.decode(&key.public_key.raw_bytes).ok()?;
            let time = |text: Option<String>| text.and_then(|text| parse_rfc3339(&text));
            let (start, end) =
                key.public_key.valid_for.map_or((None, None), |valid| (time(valid.start), time(valid.end)));
            Some(RegistryKey { id: key.key_id, usage, der, start, end })
        });
        Some(Self(keys.collect()))
    }

    /// The key of that name and use.
    pub(super) fn find(&self, id: &str, usage: KeyUsage) -> Option<&RegistryKey> {
        self.0.iter().find(|key| key.id == id && key.usage == usage)
    }

    /// Checks what the registry states; the first signature that holds suffices. Tells the key's name.
    pub fn verify(
        &self,
        release: &Release,
        integrity: &Integrity,
        published_at: Option<i64>,
        stated: &[StatedSignature],
    ) -> Result<String, SignatureError> {
        let message = format!("{}@{}:{integrity}", release.name, release.version);
        let mut reason = None;
        for signature in stated {
            let shown = || signature.key_id.chars().take(MAX_SHOWN).collect::<String>();
            let Some(key) = self.find(&signature.key_id, KeyUsage::Signatures) else {
                reason.get_or_insert(SignatureError::UnknownKey(shown()));
                continue;
            };
            if !key.is_in_use(published_at) {
                reason = Some(SignatureError::NotInUse(key.id.clone()));
                continue;
            }
            if key.verifies(message.as_bytes(), &signature.signature) {
                return Ok(key.id.clone());
            }
            reason = Some(SignatureError::Wrong(key.id.clone()));
        }
        Err(reason.unwrap_or_else(|| SignatureError::UnknownKey(String::new())))
    }
}

impl RegistryKey {
    /// Whether the key was in use at a time; at an unknown one, every key may have been.
    pub(super) fn is_in_use(&self, time: Option<i64>) -> bool {
        // npm signs old releases with new keys, too, so only the end counts.
        time.is_none_or(|time| self.end.is_none_or(|end| time < end))
    }

    /// Whether the key had been made by then.
    pub(super) fn had_begun(&self, time: i64) -> bool {
        self.start.is_none_or(|start| start <= time)
    }

    fn verifies(&self, message: &[u8], signature: &str) -> bool {
        let key = p256::ecdsa::VerifyingKey::from_public_key_der(&self.der).ok();
        let signature = BASE64.decode(signature).ok().and_then(|bytes| p256::ecdsa::Signature::from_der(&bytes).ok());
        key.zip(signature).is_some_and(|(key, signature)| key.verify(message, &signature).is_ok())
    }
}
