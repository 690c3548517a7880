//! SLSA Provenance, version 1, of a rebuild: what went in, and what came out.
//!
//! <https://slsa.dev/spec/v1.2/provenance>

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::verification::Verifier;
use crate::attest::consistency::{self, Contradiction};
use crate::attest::statement::{Predicate, Resource};
use crate::attest::types;

/// How an archive was built from a commit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Provenance {
    /// What was to be built, and from what.
    pub build_definition: BuildDefinition,
    /// Who built it.
    pub run_details: RunDetails,
}

impl Predicate for Provenance {
    const TYPE: &'static str = types::PROVENANCE;
    const NAME: &'static str = "provenance";

    fn check(&self, subject: &[Resource]) -> Result<(), Contradiction> {
        consistency::of_provenance(self, subject)
    }
}

/// What was to be built, and from what.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct BuildDefinition {
    /// How the parameters are to be read.
    pub build_type: String,
    /// What was asked for.
    pub external_parameters: ExternalParameters,
    /// What was added to it.
    pub internal_parameters: InternalParameters,
    /// The commit and the programs.
    pub resolved_dependencies: Vec<Resource>,
}

/// What was asked for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ExternalParameters {
    /// The release that was rebuilt, as a package URL.
    pub artifact: String,
    /// The repository, with `git+`; absent for a local path.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// The package's directory in it; empty for the root.
    pub directory: String,
    /// The plan that was followed, as `docs/rebuild-plans.md` describes it.
    pub plan: Map<String, Value>,
}

/// What was added.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct InternalParameters {
    /// The mechanisms of isolation that were in force, by id.
    pub sandbox: Vec<String>,
    /// What the rebuild is to the published archive.
    pub outcome: super::verification::RebuildOutcome,
}

/// Who built it. When is left out, so that two rebuilds that made the same have the same statement.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RunDetails {
    /// The builder.
    pub builder: Builder,
}

/// A builder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Builder {
    /// Its id: this program on a machine of whoever signs.
    pub id: String,
    /// Versions by name.
    pub version: std::collections::BTreeMap<String, String>,
}

impl Builder {
    /// This program.
    pub fn this() -> Self {
        Self { id: types::BUILDER.to_owned(), version: Verifier::this().version }
    }
}
