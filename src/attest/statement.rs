//! In-toto statements, version 1: what is claimed, and of which artifacts.
//!
//! The comments on fields are the descriptions in the published schemas.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::consistency::Contradiction;
use super::types::{PAYLOAD_TYPE, STATEMENT_TYPE};
use crate::package::{Sha256Digest, hex_text};
use crate::verify::ArtifactSummary;

/// Digests by the name of their algorithm, hexadecimal.
pub type DigestSet = BTreeMap<String, String>;

/// What a statement may claim.
pub trait Predicate: Serialize + DeserializeOwned + JsonSchema {
    /// Its type.
    const TYPE: &'static str;
    /// Its name in file names and pages.
    const NAME: &'static str;

    /// Refuses a claim about `subject` that contradicts itself.
    fn check(&self, subject: &[Resource]) -> Result<(), Contradiction>;
}

/// A claim about artifacts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Statement<P> {
    /// The kind of this document.
    #[serde(rename = "_type")]
    #[schemars(extend("const" = STATEMENT_TYPE))]
    pub statement_type: String,
    /// What the claim is about.
    #[schemars(length(min = 1))]
    pub subject: Vec<Resource>,
    /// The kind of the claim.
    pub predicate_type: String,
    /// The claim.
    pub predicate: P,
}

/// Something with a digest.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Resource {
    /// A package URL for releases, a file name for files.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Where it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uri: Option<String>,
    /// Its digests by algorithm, hexadecimal.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub digest: DigestSet,
    /// What kind of bytes the digests are of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub media_type: Option<String>,
}

impl Resource {
    /// The published artifact of a release, under the digests that its registry uses.
    pub fn artifact(purl: String, artifact: &ArtifactSummary) -> Self {
        let mut digest = DigestSet::from([("sha256".to_owned(), artifact.sha256.to_string())]);
        if let Some(sha512) = artifact.integrity.sha512() {
            digest.insert("sha512".to_owned(), hex_text(sha512));
        }
        Self { name: Some(purl), digest, ..Self::default() }
    }
}

/// A digest set of one SHA-256.
pub(super) fn sha256(digest: Sha256Digest) -> DigestSet {
    DigestSet::from([("sha256".to_owned(), digest.to_string())])
}

impl<P: Predicate> Statement<P> {
    /// States `predicate` of `subject`.
    pub fn new(subject: Vec<Resource>, predicate: P) -> Self {
        Self { statement_type: STATEMENT_TYPE.to_owned(), subject, predicate_type: P::TYPE.to_owned(), predicate }
    }

    /// The bytes that are signed: compact JSON, keys in a fixed order, so that equal statements are equal bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("a statement holds texts, numbers and lists, which are always JSON")
    }

    /// The JSON Schema (draft 2020-12) of the whole statement.
    pub fn schema() -> schemars::Schema {
        let settings = schemars::generate::SchemaSettings::draft2020_12();
        let mut schema = settings.into_generator().into_root_schema_for::<Self>();
        schema.insert("title".to_owned(), format!("in-toto statement with the predicate {}", P::TYPE).into());
        if let Some(predicate_type) = schema.pointer_mut("/properties/predicateType") {
            predicate_type["const"] = P::TYPE.into();
        }
        schema
    }
}

/// Why a payload is no statement.
#[derive(Debug, thiserror::Error)]
pub enum StatementError {
    /// The envelope is about something else.
    #[error("the payload is of the type `{}`, not `{PAYLOAD_TYPE}`", .0.escape_debug())]
    PayloadType(String),
    /// Not JSON that can be relied on, or of another shape.
    #[error("the payload is no statement: {0}")]
    Json(#[from] super::json::JsonError),
    /// Another version of the format.
    #[error("the statement is of the type `{}`, not `{STATEMENT_TYPE}`", .0.escape_debug())]
    Type(String),
    /// About nothing.
    #[error("the statement names no subject")]
    NoSubject,
    /// A subject that no artifact could be compared with.
    #[error("a subject of the statement has no digest in SHA-256 or SHA-512")]
    NoDigest,
    /// Another predicate than the one that was asked for.
    #[error("the statement holds a `{}`, not a `{expected}`", found.escape_debug())]
    Predicate {
        /// What it holds.
        found: String,
        /// What was asked for.
        expected: &'static str,
    },
    /// One part of it says that another one is wrong.
    #[error(transparent)]
    Contradiction(#[from] Contradiction),
}

impl Statement<Value> {
    /// Reads a statement whose predicate may be any.
    pub(super) fn read(payload_type: &str, payload: &[u8]) -> Result<Self, StatementError> {
        if payload_type != PAYLOAD_TYPE {
            return Err(StatementError::PayloadType(payload_type.chars().take(256).collect()));
        }
        let document = super::json::read(payload, super::envelope::MAX_BYTES)?;
        let statement: Self = serde_json::from_value(document).map_err(super::json::JsonError::from)?;
        if statement.statement_type != STATEMENT_TYPE {
            return Err(StatementError::Type(statement.statement_type.chars().take(256).collect()));
        }
        if statement.subject.is_empty() {
            return Err(StatementError::NoSubject);
        }
        let comparable = |subject: &Resource| {
            let is = |name, length| {
                subject.digest.get(name).is_some_and(|text| {
                    text.len() == length && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
                })
            };
            (is("sha256", 64) && !subject.digest.contains_key("sha512")) || is("sha512", 128)
        };
        if statement.subject.iter().all(comparable) { Ok(statement) } else { Err(StatementError::NoDigest) }
    }

    /// The same statement with its predicate read as `P`; fields that it does not know are ignored, and what contradicts
    /// itself is refused.
    pub fn with_predicate<P: Predicate>(&self) -> Result<Statement<P>, StatementError> {
        if self.predicate_type != P::TYPE {
            let found = self.predicate_type.chars().take(256).collect();
            return Err(StatementError::Predicate { found, expected: P::TYPE });
        }
        let predicate = P::deserialize(&self.predicate).map_err(super::json::JsonError::from)?;
        predicate.check(&self.subject)?;
        Ok(Statement {
            statement_type: self.statement_type.clone(),
            subject: self.subject.clone(),
            predicate_type: self.predicate_type.clone(),
            predicate,
        })
    }
}
