//! What statements claim. One file per predicate; `docs/predicates/` has a page and a schema for each.

mod provenance;
mod summary;
mod verdict_lock;
mod verification;

pub use provenance::{BuildDefinition, Builder, ExternalParameters, InternalParameters, Provenance, RunDetails};
pub(in crate::attest) use summary::SLSA_VERSION;
pub use summary::{Outcome, Summary};
pub use verdict_lock::{LockEntry, Uncovered, VerdictLock};
pub use verification::{
    FindingCount, LedgerSummary, PolicyUsed, ProvenanceNamed, RebuildOutcome, RebuildSummary, Source, Standing, Tier,
    VerdictName, Verification, Verifier,
};
