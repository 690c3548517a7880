//! A key pair for one signature, as Sigstore's signer asks its cryptography for one: ECDSA over P-256.

use p256::ecdsa::signature::Signer as _;
use p256::ecdsa::signature::hazmat::PrehashSigner as _;
use p256::ecdsa::{Signature, SigningKey};
use ring::rand::{SecureRandom as _, SystemRandom};
use sigstore_crypto::{Error, KeyAlgorithm, SigningKeyPair};
use zeroize::Zeroizing;

pub(super) struct KeyPair {
    /// Wiped when it is dropped.
    key: SigningKey,
    public: Vec<u8>,
}

impl KeyPair {
    pub(super) fn generate(algorithm: KeyAlgorithm) -> Result<Self, Error> {
        if algorithm != KeyAlgorithm::EcdsaP256 {
            return Err(Error::UnsupportedAlgorithm(format!("keys for {algorithm:?} are not made")));
        }
        let random = SystemRandom::new();
        let mut seed = Zeroizing::new([0_u8; 32]);
        loop {
            random.fill(seed.as_mut()).map_err(|_| Error::Signing("the system gives no random numbers".to_owned()))?;
            // Hardly ever the number is none of the curve's.
            if let Ok(key) = SigningKey::from_slice(seed.as_ref()) {
                let public = key.verifying_key().to_sec1_point(false).as_bytes().to_vec();
                return Ok(Self { key, public });
            }
        }
    }
}

impl SigningKeyPair for KeyPair {
    fn algorithm(&self) -> KeyAlgorithm {
        KeyAlgorithm::EcdsaP256
    }

    fn public_key_bytes(&self) -> &[u8] {
        &self.public
    }

    fn sign_raw(&self, message: &[u8]) -> Result<Vec<u8>, Error> {
        let signature: Signature = self.key.sign(message);
        Ok(signature.to_der().as_bytes().to_vec())
    }

    fn sign_prehashed(&self, digest: &[u8]) -> Result<Vec<u8>, Error> {
        let signature: Signature =
            self.key.sign_prehash(digest).map_err(|_| Error::Signing("the digest is not one of SHA-256".to_owned()))?;
        Ok(signature.to_der().as_bytes().to_vec())
    }
}
