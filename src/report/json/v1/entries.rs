//! The small parts of the report: findings, evidence, rules, differences.

use schemars::JsonSchema;
use serde::Serialize;

const CONFIDENCES: [&str; 4] = ["very-high", "high", "medium", "low"];
const SEVERITIES: [&str; 3] = ["error", "warning", "note"];
const RISKS: [&str; 4] = ["critical", "high", "medium", "low"];
const BASELINES: [&str; 5] = ["chosen", "settled", "not-needed", "none-settled", "unavailable"];
const REACHES: [&str; 5] = ["install", "import", "command", "reachable", "inert"];

/// What speaks for a commit.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct EvidenceEntry {
    /// Its kind.
    #[schemars(extend("enum" = ["override", "tag", "provenance", "git-head", "version-introduced", "content"]))]
    pub(super) kind: &'static str,
    /// The tag, for `tag`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) tag: Option<String>,
}

/// How many files have a class.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct ClassCount {
    /// The class.
    #[schemars(extend("enum" = crate::ledger::Explanation::CLASSES))]
    pub(super) class: &'static str,
    /// How many.
    pub(super) count: usize,
}

/// Something that is true of the artifact and worth attention.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct FindingEntry {
    /// The rule's id.
    pub(super) rule: &'static str,
    /// The rule's severity.
    #[schemars(extend("enum" = SEVERITIES))]
    pub(super) severity: String,
    /// How often a finding of the rule is what it looks for.
    #[schemars(extend("enum" = CONFIDENCES))]
    pub(super) confidence: &'static str,
    /// The file it is about.
    pub(super) path: Option<String>,
    /// One sentence.
    pub(super) message: String,
    /// How urgently it should be looked at.
    #[schemars(extend("enum" = RISKS))]
    pub(super) risk: &'static str,
    /// When the file takes effect, where that was looked at.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("enum" = REACHES))]
    pub(super) reach: Option<&'static str>,
    /// How the file is reached: an entry of the manifest such as `package.json main`, then file by file.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) way: Vec<String>,
    /// What the unexplained part of the file can do.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) signals: Vec<SignalEntry>,
    /// First and last unexplained line of the published file, counted from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) lines: Option<[usize; 2]>,
    /// The runs of unexplained lines in between, first and last of each; at most 100, the last of which takes in the rest.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) ranges: Vec<[usize; 2]>,
    /// Runs of lines that the source, or a rebuild, has and the published file lacks, where nothing stands instead.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) removed: Vec<RemovedEntry>,
    /// The earlier release that had the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) same_as: Option<String>,
    /// What is new about it since the earlier release, where that was looked at and did not have the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) novelty: Option<NoveltyEntry>,
    /// Why a policy excepts it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) excepted: Option<String>,
}

/// Lines that the published file lacks.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct RemovedEntry {
    /// The line of the published file that stands where they stood, or its last one, counted from 1.
    pub(super) at: usize,
    /// The first and last of them in what the file was compared with, counted from 1.
    pub(super) lines: [usize; 2],
}

/// What is new since an earlier release.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct NoveltyEntry {
    /// The earlier release.
    pub(super) since: String,
    /// What it had in its place: `file-added` (no such file), `content-changed`, `reach-changed` (the same file, which
    /// did not take effect as early), `key-added` (no such key) or `value-changed`.
    pub(super) change: &'static str,
}

/// The earlier release that unexplained content was compared with, or why there is none.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct BaselineEntry {
    /// Its version; null where nothing was compared with it.
    pub(super) version: Option<String>,
    /// Why it is this one, or none.
    #[schemars(extend("enum" = BASELINES))]
    pub(super) why: &'static str,
    /// The same as a sentence.
    pub(super) detail: String,
}

/// A capability of code, and where it was seen.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct SignalEntry {
    /// The capability's id, such as `network`.
    pub(super) capability: &'static str,
    /// The line of the published file, counted from 1.
    pub(super) line: usize,
    /// What was seen.
    pub(super) evidence: String,
}

/// A manifest rule, and where it was applied.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct AppliedRule {
    /// The rule's id.
    pub(super) rule: String,
    /// Where in the manifest; empty for the whole file.
    pub(super) key_path: String,
}

/// A key of the manifest that no rule explains.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Key {
    /// Such as `dependencies.chalk` or `exports["./a.b"]`.
    pub(super) key_path: String,
    /// The published value; null for an absent key.
    pub(super) published: Option<serde_json::Value>,
    /// The source's value; null for an absent key.
    pub(super) source: Option<serde_json::Value>,
}

/// How a file differs from what it was compared with.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Diff {
    /// Why there are no hunks (binary, too large).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) note: Option<String>,
    /// Hunks that are not listed.
    pub(super) more_hunks: usize,
    /// The first hunks.
    pub(super) hunks: Vec<Hunk>,
    /// Where the repository had the lines that only the published file has, in its order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) origins: Vec<Origin>,
}

/// A run of lines that only the published file has.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Origin {
    /// First and last line in the published file, counted from 1.
    pub(super) lines: [usize; 2],
    /// The commit that has them, in this or another file; absent for lines that were never seen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) commit: Option<String>,
    /// The file that has them there, from the repository's root.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) path: Option<String>,
    /// Whether all of the file's history was looked at.
    pub(super) certain: bool,
}

/// A run of changed lines with context.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Hunk {
    /// Where it begins in the source, counted from 1; 0 where that side is empty.
    pub(super) source_line: usize,
    /// Where it begins in the published file, likewise.
    pub(super) published_line: usize,
    /// Each begins with a space, `-` (source) or `+` (published).
    pub(super) lines: Vec<String>,
}
