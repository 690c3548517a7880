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
/// Most keys of one registry.
const MAX_KEYS: usize = 64;

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

/// Who signed, and who says that it was them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedBy {
    /// The key's name.
    pub key: String,
    /// Where the key comes from.
    pub origin: KeyOrigin,
}

/// Where a registry's key comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyOrigin {
    /// It is pinned: embedded, or of the user's own file. Nothing that a registry serves changes it.
    Pinned,
    /// The registry that serves the release serves the key, too, so it vouches for itself and for nobody else.
    Registry,
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

/// No keys could be read.
#[derive(Debug, thiserror::Error)]
#[error("no keys of a registry are in it")]
pub struct NoKeys;

#[derive(Deserialize)]
struct File {
    keys: Vec<Written>,
}

/// A key in one of the two forms that there are.
#[derive(Deserialize)]
#[serde(untagged)]
enum Written {
    /// As Sigstore's repository of roots distributes it, for one use.
    #[serde(rename_all = "camelCase")]
    Distributed { key_id: String, key_usage: String, public_key: WrittenKey },
    /// As a registry serves it, for every use.
    Served { keyid: String, key: String, expires: Option<String> },
    /// Of a kind that is not known.
    Other(serde::de::IgnoredAny),
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

impl Written {
    fn keys(self) -> Vec<RegistryKey> {
        let (id, usages, der, start, end) = match self {
            Self::Distributed { key_id, key_usage, public_key } => {
                let usages = match key_usage.as_str() {
                    "npm:signatures" => vec![KeyUsage::Signatures],
                    "npm:attestations" => vec![KeyUsage::Attestations],
                    _ => return Vec::new(),
                };
                let (start, end) = public_key.valid_for.map_or((None, None), |valid| (valid.start, valid.end));
                (key_id, usages, public_key.raw_bytes, start, end)
            }
            Self::Served { keyid, key, expires } => {
                (keyid, vec![KeyUsage::Signatures, KeyUsage::Attestations], key, None, expires)
            }
            Self::Other(_) => return Vec::new(),
        };
        let Ok(der) = BASE64.decode(&der) else { return Vec::new() };
        // A time that cannot be read must not make a key hold for ever.
        let time = |text: Option<String>| text.map(|text| parse_rfc3339(&text).ok_or(())).transpose();
        let (Ok(start), Ok(end)) = (time(start), time(end)) else { return Vec::new() };
        let key = |usage| RegistryKey { id: id.clone(), usage, der: der.clone(), start, end };
        usages.into_iter().map(key).collect()
    }
}

impl RegistryKeys {
    /// The npm registry's keys, as Sigstore's repository of roots distributes them.
    pub fn embedded() -> &'static Self {
        static EMBEDDED: LazyLock<RegistryKeys> = LazyLock::new(|| {
            RegistryKeys::read(include_bytes!("npm-keys.json")).expect("the embedded keys are read by a test")
        });
        &EMBEDDED
    }

    /// Reads keys in the form in which Sigstore distributes them, or in which a registry serves them; kinds that are not
    /// known are left out, and so are keys beyond the sixty-fourth.
    pub fn read(json: &[u8]) -> Result<Self, NoKeys> {
        let file: File = serde_json::from_slice(json).map_err(|_| NoKeys)?;
        let keys: Vec<RegistryKey> = file.keys.into_iter().flat_map(Written::keys).take(MAX_KEYS).collect();
        if keys.is_empty() { Err(NoKeys) } else { Ok(Self(keys)) }
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
