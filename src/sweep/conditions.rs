use serde::Serialize;

use crate::artifact::ArtifactLimits;
use crate::package::Sha256Digest;
use crate::verify::Context;

/// Everything that the user set and that a verdict depends on; results under other conditions are other results.
#[derive(Debug, Clone, Default)]
pub struct Conditions {
    /// SHA-256 of the file of exceptions.
    pub policy: Option<Sha256Digest>,
    /// SHA-256 over the YARA rules.
    pub rules: Option<Sha256Digest>,
    /// SHA-256 over the plans of awkward packages.
    pub definitions: Option<Sha256Digest>,
    /// SHA-256 of the root of trust.
    pub trusted_root: Option<Sha256Digest>,
    /// SHA-256 of the registry keys.
    pub registry_keys: Option<Sha256Digest>,
}

/// The form that the digest is of; a new key changes every digest, and with it every job.
#[derive(Serialize)]
struct Written {
    policy: Option<String>,
    rules: Option<String>,
    definitions: Option<String>,
    trusted_root: Option<String>,
    registry_keys: Option<String>,
    artifact: [u64; 4],
    rebuild: Option<[u64; 3]>,
}

impl Conditions {
    /// The digest of these and of what the context holds.
    pub fn digest(&self, context: &Context) -> Sha256Digest {
        let text = |digest: Option<Sha256Digest>| digest.map(|digest| digest.to_string());
        let ArtifactLimits { compressed_size, unpacked_size, entries, ratio, .. } = context.limits;
        let limits = &context.rebuild.limits;
        let written = Written {
            policy: text(self.policy),
            rules: text(self.rules),
            definitions: text(self.definitions),
            trusted_root: text(self.trusted_root),
            registry_keys: text(self.registry_keys),
            artifact: [compressed_size, unpacked_size, entries, ratio],
            // How a build is bounded means nothing where there is none.
            rebuild: context.rebuild.allowed.then_some([limits.time.as_secs(), limits.memory, limits.disk]),
        };
        Sha256Digest::of(&serde_json::to_vec(&written).expect("texts and numbers are always JSON"))
    }
}
