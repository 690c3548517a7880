//! What statements claim. One file per predicate; `docs/predicates/` has a page and a schema for each.

use schemars::Schema;

use super::statement::{Predicate, Statement};

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

/// The JSON Schemas of statements, by the predicate's name, as `docs/predicates/` has them.
pub fn schemas() -> [(&'static str, Schema); 4] {
    fn schema<P: Predicate>() -> (&'static str, Schema) {
        (P::NAME, Statement::<P>::schema())
    }
    [schema::<Verification>(), schema::<Summary>(), schema::<Provenance>(), schema::<VerdictLock>()]
}
