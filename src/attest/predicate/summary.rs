//! SLSA's Verification Summary Attestation, version 1, for those who only ask whether an artifact passed.
//!
//! <https://slsa.dev/spec/v1.2/verification_summary>

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::verification::{PolicyUsed, VerdictName, Verifier};
use crate::attest::consistency::{self, Contradiction};
use crate::attest::statement::{Predicate, Resource};
use crate::attest::types;

/// The specification's version.
pub(in crate::attest) const SLSA_VERSION: &str = "1.2";
/// Nothing is said about SLSA's build levels: another question was asked.
const UNEVALUATED: &str = "SLSA_BUILD_LEVEL_UNEVALUATED";
/// The one level of what did not pass.
const FAILED: &str = "FAILED";
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

    fn check(&self, subject: &[Resource]) -> Result<(), Contradiction> {
        consistency::of_summary(self, subject)
    }
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
            VerdictName::Divergent => Some((Outcome::Failed, vec![FAILED.to_owned()])),
            VerdictName::NoSource | VerdictName::Inconclusive => None,
        }
    }

    /// The verdicts that its levels name, in lower case.
    fn named(&self) -> impl Iterator<Item = String> {
        self.verified_levels.iter().filter_map(|level| Some(level.strip_prefix(LEVEL_PREFIX)?.to_ascii_lowercase()))
    }

    /// Whether no level says something else than the result.
    pub(in crate::attest) fn levels_fit(&self) -> bool {
        let is_passed = |id: String| {
            let result = VerdictName::from_id(&id).map(|verdict| Self::outcome(verdict).map(|(result, _)| result));
            result.is_none_or(|result| result == Some(Outcome::Passed))
        };
        match self.verification_result {
            Outcome::Failed => self.verified_levels == [FAILED],
            Outcome::Passed => {
                !self.verified_levels.iter().any(|level| level == FAILED)
                    && self.named().count() <= 1
                    && self.named().all(is_passed)
            }
        }
    }

    /// The verdict that its result and levels state; `None` where it is none that is known.
    pub fn verdict(&self) -> Option<VerdictName> {
        match self.verification_result {
            Outcome::Failed => Some(VerdictName::Divergent),
            Outcome::Passed => VerdictName::from_id(&self.named().next()?),
        }
    }
}
