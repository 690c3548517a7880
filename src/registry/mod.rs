//! The registries: what they state about a release, and the artifact they serve.
//!
//! Everything that leaves this machine for a registry goes through `http`, everything that is kept goes
//! through `cache`. Nothing here judges what a registry says: a claim is read, checked for its shape and
//! handed on; digests are the exception, an artifact that does not fit them is refused. Nothing here reads
//! the process environment either: it comes in as an [`Environment`]. Start reading at [`NpmRegistry`].

mod cache;
mod environment;
mod freshness;
mod http;
mod npm;
mod redacted;
mod timestamp;
mod turns;

pub use cache::CacheError;
pub use environment::Environment;
pub use http::{HttpError, HttpLimits};
pub use npm::{
    Access, ChangeFeed, ChangeFeedError, Changes, ConfigurationError, Currency, DigestsStated, MalformedClaim, Naming,
    Neighbour, Neighbours, NpmRegistry, Observation, ObservationSource, PackageListing, PackumentError, PackumentText,
    RegistryError, RegistryLimits, RegistryOptions, ReleaseMetadata, SearchResult, SearchTerm, Sequence,
    StoredArtifact,
};
pub use redacted::RedactedUrl;
pub use timestamp::parse_rfc3339;
