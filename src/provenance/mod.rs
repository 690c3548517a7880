//! What the registry and the publisher have signed: registry signatures and npm's provenance.
//!
//! A registry signature says that the registry served this content for this release. A provenance bundle says which
//! commit of which repository a workflow built the artifact from; its certificate says so, not its author. Both are
//! checked against keys that the program brings along or that the user names, without asking anybody. Nothing here judges:
//! what is proven is handed on as evidence, what is not as a reason. Start reading at [`verify_attestations`].

mod crypto;
#[cfg(feature = "keyless")]
mod ephemeral;
mod npm;
mod signature;
mod trust;

#[cfg(feature = "keyless")]
pub(crate) use crypto::install as install_cryptography;
pub use npm::{Provenance, ProvenanceError, verify_attestations};
pub use signature::{KeyOrigin, NoKeys, RegistryKeys, SignatureError, SignedBy, StatedSignature};
pub use trust::{Trust, TrustError, TrustedRoot};

/// What is known of a release from signatures of others.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PublisherEvidence {
    /// The registry's signature.
    pub signature: Standing<SignedBy>,
    /// The publisher's provenance.
    pub provenance: Standing<Box<Provenance>>,
}

/// What became of something that may be signed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Standing<T> {
    /// The registry states none.
    #[default]
    Absent,
    /// It is stated and could not be checked: it is out of reach, or made with a key that is not known.
    Unknown(String),
    /// It is stated and does not hold.
    Invalid(String),
    /// It holds.
    Verified(T),
}

impl<T> Standing<T> {
    /// What was proven.
    pub fn verified(&self) -> Option<&T> {
        match self {
            Self::Verified(proven) => Some(proven),
            Self::Absent | Self::Unknown(_) | Self::Invalid(_) => None,
        }
    }
}

#[cfg(test)]
mod tests;
