//! SLSA's Verification Summary Attestation, version 1, for those who only ask whether an artifact passed.
//!
//! <https://slsa.dev/spec/v1.2/verification_summary>

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::verification::{PolicyUsed, VerdictName, Verifier};
use crate::attest::statement::{Predicate, Resource};
use crate::attest::types;

/// The specification's version.
pub(in crate::attest) const SLSA_VERSION: &str = "1.2";
/// Nothing is said about SLSA's build levels: another question was asked.
const UNEVALUATED: &str = "SLSA_BUILD_LEVEL_UNEVALUATED";
/// How our own levels begin; the verdict follows in capitals.
const LEVEL_PREFIX: &str = "SOURCE_MATCH_";

/// Whether an artifact is what its source says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Summary {
    /// Who verified.
    pub verifier: Verifier,
    /// When, by the clock of whoever verified (RFC 3339); absent unless asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_verified: Option<String>,
    /// The release, as a package URL.
    pub resource_uri: String,
    /// What was excepted.
    pub policy: PolicyUsed,
    /// The statements that this one sums up; the digest is of the statement, not of a file that holds it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub input_attestations: Vec<Resource>,
    /// The result.
    pub verification_result: Outcome,
    /// `SLSA_BUILD_LEVEL_UNEVALUATED` and `SOURCE_MATCH_VERDICT`, or `FAILED`.
    pub verified_levels: Vec<String>,
    /// The version of SLSA's specification.
    pub slsa_version: String,
}

impl Predicate for Summary {
    const TYPE: &'static str = types::SUMMARY;
    const NAME: &'static str = "vsa";
}

/// A result that is one of two.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum Outcome {
    /// The source explains every file.
    Passed,
    /// It does not.
    Failed,
}

impl Summary {
    /// The result and levels of a verdict; `None` where it could not be told, which is neither.
    pub(in crate::attest) fn outcome(verdict: VerdictName) -> Option<(Outcome, Vec<String>)> {
        match verdict {
            VerdictName::Verbatim | VerdictName::Reproduced | VerdictName::Equivalent => {
                let level = format!("{LEVEL_PREFIX}{}", verdict.id().to_ascii_uppercase());
                Some((Outcome::Passed, vec![UNEVALUATED.to_owned(), level]))
            }
            VerdictName::Divergent => Some((Outcome::Failed, vec!["FAILED".to_owned()])),
            VerdictName::NoSource | VerdictName::Inconclusive => None,
        }
    }

    /// The verdict that its result and levels state.
    pub fn verdict(&self) -> Option<VerdictName> {
        match self.verification_result {
            Outcome::Failed => Some(VerdictName::Divergent),
            Outcome::Passed => {
                let mut stated = self.verified_levels.iter().filter_map(|level| level.strip_prefix(LEVEL_PREFIX));
                let verdict = VerdictName::from_id(&stated.next()?.to_ascii_lowercase())?;
                (stated.next().is_none() && Self::outcome(verdict)?.0 == Outcome::Passed).then_some(verdict)
            }
        }
    }
}
