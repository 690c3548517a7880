//! Keys: ECDSA over P-256 with SHA-256, and Ed25519, in PKCS#8 and SubjectPublicKeyInfo PEM.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD as BASE64;
use p256::ecdsa::signature::{Signer as _, Verifier as _};
use pkcs8::spki::{DecodePublicKey as _, EncodePublicKey as _};
use pkcs8::{DecodePrivateKey as _, EncodePrivateKey as _, LineEnding};
use ring::rand::{SecureRandom as _, SystemRandom};

use crate::package::Sha256Digest;
use zeroize::Zeroizing;

/// Longest file that is read as a key, bytes.
pub const MAX_KEY_BYTES: usize = 64 * 1024;
const ENCRYPTED: &str = "-----BEGIN ENCRYPTED PRIVATE KEY-----";

/// How a key signs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyAlgorithm {
    /// ECDSA over P-256 with SHA-256; signatures in DER. What Sigstore's clients expect.
    EcdsaP256,
    /// Ed25519 over the message itself.
    Ed25519,
}

/// A key's name: `SHA256:` and the fingerprint that OpenSSH gives it, as npm names the keys of its registry.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId(String);

impl fmt::Display for KeyId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl KeyId {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn of(parts: &[&[u8]]) -> Self {
        let mut encoded = Vec::new();
        for part in parts {
            let length = u32::try_from(part.len()).expect("a key is a few bytes");
            encoded.extend_from_slice(&length.to_be_bytes());
            encoded.extend_from_slice(part);
        }
        Self(format!("SHA256:{}", BASE64.encode(Sha256Digest::of(&encoded).0)))
    }
}

/// Why a key cannot be used. The key's text is never part of the message.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// More text than any key has.
    #[error("it is larger than {MAX_KEY_BYTES} bytes, so it is no key")]
    TooLarge,
    /// Encrypted, and no passphrase was given.
    #[error("the private key is encrypted and no passphrase was given")]
    PassphraseMissing,
    /// Encrypted, and the passphrase does not open it.
    #[error("the private key cannot be decrypted: the passphrase is wrong, or the encryption is not supported")]
    PassphraseWrong,
    /// Not a private key of a known kind.
    #[error("it is not a private key in PKCS#8 PEM for ECDSA P-256 or Ed25519")]
    NotPrivate,
    /// A private key where a public one is needed.
    #[error("it is a private key; give the public one")]
    NotForPublic,
    /// Not a public key of a known kind.
    #[error("it is not a public key in PEM for ECDSA P-256 or Ed25519")]
    NotPublic,
    /// The system gives no random numbers.
    #[error("the system gives no random numbers")]
    Random,
    /// The key cannot be written.
    #[error("the key cannot be encoded")]
    Encode,
}

/// A key that signs.
pub struct SigningKey(Secret);

enum Secret {
    EcdsaP256(p256::ecdsa::SigningKey),
    Ed25519(Box<ed25519_dalek::SigningKey>),
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("SigningKey").field(&self.public().id()).finish()
    }
}

impl SigningKey {
    /// Makes a key from the system's random numbers.
    pub fn generate(algorithm: KeyAlgorithm) -> Result<Self, KeyError> {
        let random = SystemRandom::new();
        let mut seed = Zeroizing::new([0_u8; 32]);
        loop {
            random.fill(seed.as_mut()).map_err(|_| KeyError::Random)?;
            match algorithm {
                KeyAlgorithm::EcdsaP256 => {
                    // Hardly ever the number is none of the curve's.
                    if let Ok(key) = p256::ecdsa::SigningKey::from_slice(seed.as_ref()) {
                        return Ok(Self(Secret::EcdsaP256(key)));
                    }
                }
                KeyAlgorithm::Ed25519 => {
                    return Ok(Self(Secret::Ed25519(Box::new(ed25519_dalek::SigningKey::from_bytes(&seed)))));
                }
            }
        }
    }

    /// Reads a private key in PKCS#8 PEM; `passphrase` opens an encrypted one.
    pub fn read(pem: &str, passphrase: Option<&str>) -> Result<Self, KeyError> {
        if pem.len() > MAX_KEY_BYTES {
            return Err(KeyError::TooLarge);
        }
        let pem = pem.trim();
        if pem.starts_with(ENCRYPTED) {
            let passphrase = passphrase.ok_or(KeyError::PassphraseMissing)?;
            let (_, document) = pkcs8::SecretDocument::from_pem(pem).map_err(|_| KeyError::NotPrivate)?;
            let encrypted =
                pkcs8::EncryptedPrivateKeyInfoRef::try_from(document.as_bytes()).map_err(|_| KeyError::NotPrivate)?;
            let opened = encrypted.decrypt(passphrase).map_err(|_| KeyError::PassphraseWrong)?;
            return Self::from_der(opened.as_bytes()).ok_or(KeyError::NotPrivate);
        }
        let (label, document) = pkcs8::SecretDocument::from_pem(pem).map_err(|_| KeyError::NotPrivate)?;
        if label != "PRIVATE KEY" {
            return Err(KeyError::NotPrivate);
        }
        Self::from_der(document.as_bytes()).ok_or(KeyError::NotPrivate)
    }

    fn from_der(der: &[u8]) -> Option<Self> {
        if let Ok(key) = p256::ecdsa::SigningKey::from_pkcs8_der(der) {
            return Some(Self(Secret::EcdsaP256(key)));
        }
        let key = ed25519_dalek::SigningKey::from_pkcs8_der(der).ok()?;
        Some(Self(Secret::Ed25519(Box::new(key))))
    }

    /// The private key in PKCS#8 PEM, encrypted where there is a passphrase (PBES2 with scrypt and AES-256).
    pub fn to_pem(&self, passphrase: Option<&str>) -> Result<Zeroizing<String>, KeyError> {
        let pem = match (&self.0, passphrase) {
            (Secret::EcdsaP256(key), None) => key.to_pkcs8_pem(LineEnding::LF),
            (Secret::EcdsaP256(key), Some(passphrase)) => key.to_pkcs8_encrypted_pem(passphrase, LineEnding::LF),
            (Secret::Ed25519(key), None) => alone(key).to_pkcs8_pem(LineEnding::LF),
            (Secret::Ed25519(key), Some(passphrase)) => alone(key).to_pkcs8_encrypted_pem(passphrase, LineEnding::LF),
        };
        pem.map_err(|_| KeyError::Encode)
    }

    /// The public half.
    pub fn public(&self) -> PublicKey {
        PublicKey(match &self.0 {
            Secret::EcdsaP256(key) => Public::EcdsaP256(*key.verifying_key()),
            Secret::Ed25519(key) => Public::Ed25519(key.verifying_key()),
        })
    }

    /// Signs. Both algorithms are deterministic: one message has one signature.
    pub fn sign(&self, message: &[u8]) -> Vec<u8> {
        match &self.0 {
            Secret::EcdsaP256(key) => {
                let signature: p256::ecdsa::Signature = key.sign(message);
                signature.to_der().as_bytes().to_vec()
            }
            Secret::Ed25519(key) => key.sign(message).to_bytes().to_vec(),
        }
    }
}

/// The private half alone, as PKCS#8 of version 1 has it: hardly anything else reads the later one.
fn alone(key: &ed25519_dalek::SigningKey) -> ed25519_dalek::pkcs8::KeypairBytes {
    ed25519_dalek::pkcs8::KeypairBytes { secret_key: key.to_bytes(), public_key: None }
}

/// A key that checks signatures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKey(Public);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Public {
    EcdsaP256(p256::ecdsa::VerifyingKey),
    Ed25519(ed25519_dalek::VerifyingKey),
}

impl PublicKey {
    /// Reads a public key in PEM (SubjectPublicKeyInfo).
    pub fn read(pem: &str) -> Result<Self, KeyError> {
        if pem.len() > MAX_KEY_BYTES {
            return Err(KeyError::TooLarge);
        }
        let pem = pem.trim();
        if pem.contains("PRIVATE KEY-----") {
            return Err(KeyError::NotForPublic);
        }
        if let Ok(key) = p256::ecdsa::VerifyingKey::from_public_key_pem(pem) {
            return Ok(Self(Public::EcdsaP256(key)));
        }
        let key = ed25519_dalek::VerifyingKey::from_public_key_pem(pem).map_err(|_| KeyError::NotPublic)?;
        // A point of small order would accept signatures of anybody.
        if key.is_weak() { Err(KeyError::NotPublic) } else { Ok(Self(Public::Ed25519(key))) }
    }

    /// The key in PEM.
    pub fn to_pem(&self) -> Result<String, KeyError> {
        match &self.0 {
            Public::EcdsaP256(key) => key.to_public_key_pem(LineEnding::LF),
            Public::Ed25519(key) => key.to_public_key_pem(LineEnding::LF),
        }
        .map_err(|_| KeyError::Encode)
    }

    /// The key in DER (SubjectPublicKeyInfo).
    pub(super) fn to_der(&self) -> Result<Vec<u8>, KeyError> {
        match &self.0 {
            Public::EcdsaP256(key) => key.to_public_key_der(),
            Public::Ed25519(key) => key.to_public_key_der(),
        }
        .map(|document| document.as_bytes().to_vec())
        .map_err(|_| KeyError::Encode)
    }

    /// The key's name.
    pub fn id(&self) -> KeyId {
        match &self.0 {
            Public::EcdsaP256(key) => {
                KeyId::of(&[b"ecdsa-sha2-nistp256", b"nistp256", key.to_sec1_point(false).as_bytes()])
            }
            Public::Ed25519(key) => KeyId::of(&[b"ssh-ed25519", key.as_bytes()]),
        }
    }

    /// How it signs.
    pub fn algorithm(&self) -> KeyAlgorithm {
        match &self.0 {
            Public::EcdsaP256(_) => KeyAlgorithm::EcdsaP256,
            Public::Ed25519(_) => KeyAlgorithm::Ed25519,
        }
    }

    /// The 32 bytes of an Ed25519 key, as other formats hold them; `None` for a key of another kind.
    pub fn ed25519_bytes(&self) -> Option<[u8; 32]> {
        match &self.0 {
            Public::Ed25519(key) => Some(key.to_bytes()),
            Public::EcdsaP256(_) => None,
        }
    }

    /// Whether `signature` is one of this key over `message`.
    pub fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        match &self.0 {
            Public::EcdsaP256(key) => p256::ecdsa::Signature::from_der(signature)
                .is_ok_and(|signature| key.verify(message, &signature).is_ok()),
            Public::Ed25519(key) => ed25519_dalek::Signature::from_slice(signature)
                .is_ok_and(|signature| key.verify_strict(message, &signature).is_ok()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// npm's own key, and the name that npm gives it.
    const NPM: &str = "-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE1Olb3zMAFFxXKHiIkQO5cJ3Yhl5i
6UPp+IhuteBJbuHcA5UogKo0EWtlWwW6KSaKoTNEYL7JlCQiVnkhBktUgg==
-----END PUBLIC KEY-----";

    #[test]
    fn keys_are_named_as_npm_names_its_own() {
        let key = PublicKey::read(NPM).unwrap();
        assert_eq!(key.id().as_str(), "SHA256:jl3bwswu80PjjokCgh0o2w5c2U4LhQAE57gj9cz1kzA");
        assert_eq!(PublicKey::read(&key.to_pem().unwrap()).unwrap(), key);
    }

    #[test]
    fn a_key_signs_what_its_public_half_verifies() {
        for algorithm in [KeyAlgorithm::EcdsaP256, KeyAlgorithm::Ed25519] {
            let key = SigningKey::generate(algorithm).unwrap();
            let signature = key.sign(b"message");
            assert_eq!(signature, key.sign(b"message"), "deterministic");
            let public = PublicKey::read(&key.public().to_pem().unwrap()).unwrap();
            assert_eq!(public.algorithm(), algorithm);
            assert!(public.verifies(b"message", &signature));
            assert!(!public.verifies(b"messagE", &signature));
            assert!(!SigningKey::generate(algorithm).unwrap().public().verifies(b"message", &signature));
            for length in 0..signature.len() {
                assert!(!public.verifies(b"message", &signature[..length]));
            }
        }
    }

    #[test]
    fn private_keys_round_trip_and_open_only_with_their_passphrase() {
        for algorithm in [KeyAlgorithm::EcdsaP256, KeyAlgorithm::Ed25519] {
            let key = SigningKey::generate(algorithm).unwrap();
            let plain = SigningKey::read(&key.to_pem(None).unwrap(), None).unwrap();
            assert_eq!(plain.public(), key.public());
            let sealed = key.to_pem(Some("open sesame")).unwrap();
            assert!(sealed.starts_with(ENCRYPTED));
            assert_eq!(SigningKey::read(&sealed, Some("open sesame")).unwrap().public(), key.public());
            assert!(matches!(SigningKey::read(&sealed, Some("close")), Err(KeyError::PassphraseWrong)));
            assert!(matches!(SigningKey::read(&sealed, None), Err(KeyError::PassphraseMissing)));
            assert!(matches!(PublicKey::read(&sealed), Err(KeyError::NotForPublic)));
            assert!(!format!("{key:?}").contains("PRIVATE"));
        }
    }

    #[test]
    fn what_is_no_key_is_refused() {
        for text in ["", "hello", NPM] {
            assert!(matches!(SigningKey::read(text, None), Err(KeyError::NotPrivate)), "{text}");
        }
        assert!(matches!(PublicKey::read("hello"), Err(KeyError::NotPublic)));
        let long = "x".repeat(MAX_KEY_BYTES + 1);
        assert!(matches!(PublicKey::read(&long), Err(KeyError::TooLarge)));
        // The neutral element of Ed25519: everybody can sign for it.
        let weak = format!("-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA{}\n-----END PUBLIC KEY-----", {
            use base64::engine::general_purpose::STANDARD;
            let mut point = [0_u8; 32];
            point[0] = 1;
            STANDARD.encode(point)
        });
        assert!(matches!(PublicKey::read(&weak), Err(KeyError::NotPublic)));
    }
}
