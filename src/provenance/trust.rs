use std::sync::{Arc, LazyLock};

use sigstore_trust_root::SIGSTORE_PRODUCTION_TRUSTED_ROOT;
use sigstore_verify::Verifier;

use super::crypto;
use super::signature::RegistryKeys;

/// The root of trust cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("the trusted root cannot be used: {0}")]
pub struct TrustError(String);

/// What signatures of registries and publishers are held against: what the program brings along, unless the user names
/// something else. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Trust {
    /// In place of the embedded root.
    pub root: Option<Arc<TrustedRoot>>,
    /// In place of the embedded keys.
    pub keys: Option<Arc<RegistryKeys>>,
}

impl Trust {
    /// The root that certificates and log entries are held against.
    pub fn root(&self) -> Result<&TrustedRoot, TrustError> {
        match &self.root {
            Some(root) => Ok(root),
            None => TrustedRoot::embedded(),
        }
    }

    /// The pinned keys of registries.
    pub fn keys(&self) -> &RegistryKeys {
        self.keys.as_deref().unwrap_or_else(|| RegistryKeys::embedded())
    }
}

/// The keys of Sigstore's authorities and logs.
pub struct TrustedRoot {
    pub(super) verifier: Verifier,
}

impl std::fmt::Debug for TrustedRoot {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("TrustedRoot").finish_non_exhaustive()
    }
}

impl TrustedRoot {
    /// What checks bundles against this root.
    pub(crate) fn verifier(&self) -> &Verifier {
        &self.verifier
    }

    /// The root of Sigstore's public instance, as the library brings it along.
    pub fn embedded() -> Result<&'static Self, TrustError> {
        static EMBEDDED: LazyLock<Result<TrustedRoot, String>> =
            LazyLock::new(|| TrustedRoot::read(SIGSTORE_PRODUCTION_TRUSTED_ROOT).map_err(|error| error.0));
        EMBEDDED.as_ref().map_err(|error| TrustError(error.clone()))
    }

    /// Reads a root in Sigstore's JSON format (`trusted_root.json`).
    pub fn read(json: &str) -> Result<Self, TrustError> {
        crypto::install();
        let root = sigstore_trust_root::TrustedRoot::from_json(json).map_err(|error| TrustError(error.to_string()))?;
        let verifier = Verifier::new(&root).map_err(|error| TrustError(error.to_string()))?;
        Ok(Self { verifier })
    }
}
