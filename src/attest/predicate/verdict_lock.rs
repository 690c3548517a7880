//! The verdicts of all the packages of a lockfile, in one statement.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::verification::{PolicyUsed, Tier, VerdictName, Verifier};
use crate::attest::consistency::{self, Contradiction};
use crate::attest::statement::{DigestSet, Predicate, Resource};
use crate::attest::types;

/// What is known of every package that a lockfile names. The subjects are the artifacts of `packages`, in this order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct VerdictLock {
    /// Of the lockfile that it was made for. Another lockfile is covered, too, if all that it names is.
    pub lockfile: DigestSet,
    /// One entry for each package, in the order of their package URLs.
    pub packages: Vec<LockEntry>,
    /// What the lockfile names and has no verdict, in order.
    pub uncovered: Vec<Uncovered>,
    /// What was excepted.
    pub policy: PolicyUsed,
    /// Who verified.
    pub verifier: Verifier,
    /// When, by the clock of whoever verified (RFC 3339); absent unless asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_verified: Option<String>,
}

impl Predicate for VerdictLock {
    const TYPE: &'static str = types::VERDICT_LOCK;
    const NAME: &'static str = "verdict-lock";

    fn check(&self, subject: &[Resource]) -> Result<(), Contradiction> {
        consistency::of_lock(self, subject)
    }
}

/// One package's verdict.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LockEntry {
    /// The release, as a package URL.
    pub purl: String,
    /// The artifact's digest as lockfiles state it.
    pub integrity: String,
    /// The conclusion.
    pub verdict: VerdictName,
    /// Why nothing could be concluded, by id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inconclusive: Option<String>,
    /// Whether a policy excepts everything that speaks against the artifact.
    pub excepted: bool,
    /// The commit that it was compared with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// The weakest kind of explanation that was needed; absent where a file is not explained.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tier: Option<Tier>,
    /// The stabilizers that were used.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stabilizers: Vec<String>,
    /// Where the artifact holds other packages: each folder below `node_modules` with a `package.json`, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub bundles: Vec<String>,
    /// Of the statement about this package alone.
    pub statement: DigestSet,
}

/// Something in a lockfile that has no verdict.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Uncovered {
    /// What the lockfile calls it; a package URL where it is a release.
    pub name: String,
    /// Why there is none.
    pub reason: String,
}
