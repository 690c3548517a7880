//! Version 1 of the JSON report. Fields are only ever added; a change of meaning makes a version 2.
//!
//! The comments on fields are the descriptions in the published schema.

mod convert;
mod entries;

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde::Serialize;

use crate::rebuild::run::Attempt;
use entries::{
    AppliedRule, BaselineEntry, ClassCount, Diff, EvidenceEntry, FindingEntry, Hunk, Key, NoveltyEntry, Origin,
    RemovedEntry, SignalEntry,
};

/// The schema's name.
pub const SCHEMA: &str = "tarproof-report/v1";

/// What can become of something that was signed.
const STANDINGS: [&str; 3] = ["verified", "invalid", "unknown"];

/// Every verdict's id.
const VERDICTS: [&str; 6] = ["verbatim", "reproduced", "equivalent", "divergent", "no-source", "inconclusive"];

/// The JSON Schema (draft 2020-12) of the report, as `docs/schema/report-v1.schema.json` has it.
pub fn schema() -> schemars::Schema {
    let mut schema =
        SchemaSettings::draft2020_12().for_serialize().into_generator().into_root_schema_for::<Report<ResultEntry>>();
    schema.insert("title".to_owned(), "tarproof's JSON report, version 1".into());
    schema
}

/// What one run of `tarproof verify --format json` writes. Readers ignore fields that they do not know.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Report")]
pub struct Report<E = ResultEntry> {
    /// The schema's name and version.
    #[schemars(extend("const" = SCHEMA))]
    schema: &'static str,
    /// The program that wrote it.
    tool: Tool,
    /// One entry for each subject, in the order of the command line.
    results: Vec<E>,
}

/// The program that wrote the report.
#[derive(Debug, Serialize, JsonSchema)]
struct Tool {
    /// Its name.
    name: &'static str,
    /// Its version.
    version: &'static str,
}

/// One subject's outcome: a verification or an error.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum ResultEntry {
    /// A verdict was reached.
    Verified(Box<Verified>),
    /// None was.
    Failed {
        /// The subject as it was given; for `--artifact` alone the file's path.
        subject: String,
        /// What failed, with its causes, safe to show in a terminal.
        error: String,
        /// The exit code for this subject alone.
        exit_code: u8,
    },
}

/// One verification.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Verified {
    /// The release, as a package URL.
    purl: String,
    /// The conclusion.
    #[schemars(extend("enum" = VERDICTS))]
    verdict: &'static str,
    /// Why nothing could be concluded; only for `inconclusive`.
    #[serde(skip_serializing_if = "Option::is_none")]
    inconclusive: Option<Inconclusive>,
    /// One sentence, where the ledger alone does not say why.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// The exit code for this package alone.
    exit_code: u8,
    /// What was judged.
    artifact: Artifact,
    /// The registry's signature; only where it states one.
    #[serde(skip_serializing_if = "Option::is_none")]
    signature: Option<Signature>,
    /// The publisher's provenance; only where the registry states one.
    #[serde(skip_serializing_if = "Option::is_none")]
    provenance: Option<Provenance>,
    /// What it was compared with; null where no repository could be opened.
    source: Option<Source>,
    /// The ledger in numbers; null where nothing was compared.
    summary: Option<Summary>,
    /// What is worth attention, most urgent first.
    findings: Vec<FindingEntry>,
    /// The ledger, in path order; null where nothing was compared.
    files: Option<Vec<File>>,
    /// What npm would have packed and the artifact lacks; null where not determined.
    source_only: Option<Vec<String>>,
    /// The earlier release that unexplained content was compared with.
    baseline: BaselineEntry,
    /// Only where a rebuild was to be made.
    #[serde(skip_serializing_if = "Option::is_none")]
    rebuild: Option<Rebuild>,
}

/// What was run, and how it went: observations, which differ from run to run.
#[derive(Debug, Serialize, JsonSchema)]
struct Rebuild {
    /// Why files stay unexplained, if not because they differ.
    failure: Option<Inconclusive>,
    /// Which of the attempts explained most, counted from 0.
    best: Option<usize>,
    /// Every attempt, in order; see `docs/json-report.md`.
    #[schemars(with = "Vec<serde_json::Map<String, serde_json::Value>>")]
    attempts: Vec<Attempt>,
}

/// Why something could not be established.
#[derive(Debug, Serialize, JsonSchema)]
struct Inconclusive {
    /// The reason's id.
    id: &'static str,
    /// What happened.
    detail: Option<String>,
}

/// What was judged.
#[derive(Debug, Serialize, JsonSchema)]
struct Artifact {
    /// SHA-256 of its bytes, hexadecimal.
    #[schemars(regex(pattern = "^[0-9a-f]{64}$"))]
    sha256: String,
    /// SHA-512 of its bytes in the registry's form.
    #[schemars(regex(pattern = "^sha512-"))]
    integrity: String,
    /// Bytes.
    size: u64,
    /// The registry that served it; null for a file given with `--artifact`.
    registry: Option<String>,
    /// The publish time that the registry states, seconds since 1970.
    published_at: Option<i64>,
}

/// A registry's signature over name, version and content.
#[derive(Debug, Serialize, JsonSchema)]
struct Signature {
    /// What became of it.
    #[schemars(extend("enum" = STANDINGS))]
    standing: &'static str,
    /// The key's name; only where it holds.
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<String>,
    /// Where the key comes from: `pinned` is known beforehand, `registry` is served by the registry itself; only where the
    /// signature holds.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("enum" = ["pinned", "registry"]))]
    key_origin: Option<&'static str>,
    /// Why it does not hold, or could not be checked.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

/// A publisher's provenance; what it says stands here only if it holds.
#[derive(Debug, Serialize, JsonSchema)]
struct Provenance {
    /// What became of it.
    #[schemars(extend("enum" = STANDINGS))]
    standing: &'static str,
    /// Why it does not hold, or could not be checked.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// The commit that the workflow ran on.
    #[serde(skip_serializing_if = "Option::is_none")]
    commit: Option<String>,
    /// The repository's address.
    #[serde(skip_serializing_if = "Option::is_none")]
    repository: Option<String>,
    /// The branch or tag.
    #[serde(skip_serializing_if = "Option::is_none")]
    reference: Option<String>,
    /// The workflow.
    #[serde(skip_serializing_if = "Option::is_none")]
    workflow: Option<String>,
    /// When the signature was logged, seconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    signed_at: Option<i64>,
}

/// What the artifact was compared with.
#[derive(Debug, Serialize, JsonSchema)]
struct Source {
    /// The repository's address, without credentials.
    repository: String,
    /// Who claims it.
    claimed_by: String,
    /// Whether it may be older than its origin.
    copy: bool,
    /// What was at hand of it at the end.
    #[schemars(extend("enum" = ["full", "release-trees", "history"]))]
    completeness: &'static str,
    /// Calls of the git client that asked the remote.
    fetches: u32,
    /// How sure the commit is; null where there is none to compare with.
    #[schemars(extend("enum" = ["established", "nearest", null]))]
    standing: Option<&'static str>,
    /// The commit that was compared with.
    commit: Option<Commit>,
    /// Passed over, best first.
    other_candidates: Vec<Commit>,
    /// Named by metadata, but on no branch and under no tag.
    unreachable_candidates: Vec<Commit>,
    /// Named by metadata, but not in the repository.
    missing_commits: Vec<String>,
    /// Whether the whole history was searched.
    history_searched: Option<bool>,
}

/// A commit, and what speaks for it.
#[derive(Debug, Serialize, JsonSchema)]
struct Commit {
    /// In full.
    #[schemars(regex(pattern = "^[0-9a-f]{40}([0-9a-f]{24})?$"))]
    id: String,
    /// The package's directory in it; empty for the root.
    directory: String,
    /// How many of the artifact's files its tree holds at their paths.
    matched_files: u32,
    /// Whether its manifest has the version or a placeholder; null if not known.
    version_agrees: Option<bool>,
    /// Committer time, seconds since 1970.
    time: i64,
    /// Strongest first.
    evidence: Vec<EvidenceEntry>,
}

/// The ledger in numbers.
#[derive(Debug, Serialize, JsonSchema)]
struct Summary {
    /// Files in the ledger.
    files: usize,
    /// Of these, explained.
    explained: usize,
    /// Files of each class, empty ones left out.
    classes: Vec<ClassCount>,
}

/// One file of the artifact.
#[derive(Debug, Serialize, JsonSchema)]
struct File {
    /// Inside the package; as in the archive where it is not a valid path.
    path: String,
    /// How it is explained, or why it is not.
    #[schemars(extend("enum" = crate::ledger::Explanation::CLASSES))]
    class: &'static str,
    /// Whether the class counts as explained.
    explained: bool,
    /// Bytes.
    size: u64,
    /// Whether the archive marks it executable.
    executable: bool,
    /// Its content's git blob id (SHA-1).
    git_blob: Option<String>,
    /// Of its content; null for files that are `git-blob`, and for members without content.
    sha256: Option<String>,
    /// What it was compared with, from the repository's root.
    source_path: Option<String>,
    /// That file's git blob id.
    source_blob: Option<String>,
    /// The explanation in a few words.
    #[serde(skip_serializing_if = "String::is_empty")]
    how: String,
    /// For `derived`: the manifest rules.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    rules: Vec<AppliedRule>,
    /// For `stabilized`, `rebuilt-stabilized` and `attributed`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    stabilizers: Vec<String>,
    /// For a `modified` manifest: the keys that no rule explains.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    keys: Vec<Key>,
    /// For the first unexplained files.
    #[serde(skip_serializing_if = "Option::is_none")]
    diff: Option<Diff>,
}

impl<E> Report<E> {
    /// Wraps the results of one run.
    pub fn new(results: Vec<E>) -> Self {
        let tool = Tool { name: env!("CARGO_PKG_NAME"), version: env!("CARGO_PKG_VERSION") };
        Self { schema: SCHEMA, tool, results }
    }
}
