//! The npm registry: its configuration, what it states about a release, and its artifacts.
//!
//! [`NpmRegistry`] in `client.rs` is the whole of it from outside; `npmrc.rs` finds registries and credentials
//! as npm does, `packument.rs` reads the registry's answer, `artifact.rs` downloads. Staged releases are not
//! read here.

mod answer;
mod artifact;
mod attestations;
mod changes;
mod claims;
mod client;
mod error;
mod keys;
mod listing;
mod metadata;
mod namings;
mod npmrc;
mod packument;
mod record;
mod search;
mod settings;

pub use artifact::StoredArtifact;
pub use changes::{ChangeFeed, ChangeFeedError, Changes, Sequence};
pub use client::{Access, Currency, NpmRegistry, RegistryLimits, RegistryOptions};
pub use error::RegistryError;
pub use listing::{PackageListing, PackumentText};
pub use metadata::{
    DigestsStated, MalformedClaim, Neighbour, Neighbours, Observation, ObservationSource, ReleaseMetadata,
};
pub use namings::Naming;
pub use npmrc::ConfigurationError;
pub use packument::PackumentError;
pub use search::{SearchResult, SearchTerm};
