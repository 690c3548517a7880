//! The whole ledger as JSON lines: what the digest in a statement is of.
//!
//! One line for each file, in path order, then one for each file that only the source has. The format is a promise like
//! a predicate's: a change of meaning needs a new predicate.

use serde::Serialize;

use crate::artifact::EntryKind;
use crate::ledger::{Explanation, Ledger, LedgerFile};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Line<'a> {
    path: &'a str,
    kind: &'a str,
    /// For links.
    #[serde(skip_serializing_if = "Option::is_none")]
    target: Option<&'a str>,
    class: &'a str,
    size: u64,
    executable: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    git_blob: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sha256: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    source_path: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    source_blob: Option<String>,
    /// For `history`: the commit that has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    commit: Option<String>,
    /// For `derived`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    rules: Vec<Rule<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    stabilizers: Vec<String>,
    /// For a `modified` manifest.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    keys: Vec<Key<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Rule<'a> {
    rule: String,
    key_path: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Key<'a> {
    key_path: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SourceOnly<'a> {
    source_only: &'a str,
}

/// The ledger's lines.
pub fn ledger_lines(ledger: &Ledger) -> String {
    let mut text = String::new();
    let mut add = |line: serde_json::Result<String>| {
        text.push_str(&line.expect("texts, numbers and lists are always JSON"));
        text.push('\n');
    };
    for file in &ledger.files {
        add(serde_json::to_string(&line(file)));
    }
    for path in ledger.source_only.iter().flatten() {
        add(serde_json::to_string(&SourceOnly { source_only: path }));
    }
    text
}

/// The ids of the stabilizers that explain a file.
pub(super) fn stabilizers(explanation: &Explanation) -> Vec<String> {
    match explanation {
        Explanation::Stabilized { stabilizers }
        | Explanation::RebuiltStabilized { stabilizers }
        | Explanation::Attributed { stabilizers } => stabilizers.iter().map(ToString::to_string).collect(),
        Explanation::GitBlob
        | Explanation::GitBlobMoved { .. }
        | Explanation::Derived { .. }
        | Explanation::Rebuilt
        | Explanation::History { .. }
        | Explanation::Modified { .. }
        | Explanation::ArtifactOnly { .. } => Vec::new(),
    }
}

fn line(file: &LedgerFile) -> Line<'_> {
    let (mut source_path, mut commit, mut rules, mut keys) = (None, None, Vec::new(), Vec::new());
    match &file.explanation {
        Explanation::GitBlobMoved { from } => source_path = Some(from.as_str()),
        Explanation::Derived { rules: applied } => {
            rules = applied
                .iter()
                .map(|applied| Rule { rule: applied.rule.to_string(), key_path: &applied.key_path })
                .collect();
        }
        Explanation::History { commit: other } => commit = Some(other.to_string()),
        Explanation::Modified { keys: differing, .. } => {
            keys = differing.iter().map(|key| Key { key_path: &key.key_path }).collect();
        }
        Explanation::GitBlob
        | Explanation::Stabilized { .. }
        | Explanation::Rebuilt
        | Explanation::RebuiltStabilized { .. }
        | Explanation::Attributed { .. }
        | Explanation::ArtifactOnly { .. } => {}
    }
    let (kind, target) = match &file.kind {
        EntryKind::File => ("file", None),
        EntryKind::SymbolicLink { target } => ("symbolic-link", Some(target.as_str())),
        EntryKind::HardLink { target } => ("hard-link", Some(target.as_str())),
        EntryKind::Special(_) => ("special", None),
        EntryKind::UnsafePath(_) => ("unsafe-path", None),
    };
    Line {
        path: &file.path,
        kind,
        target,
        class: file.explanation.class(),
        size: file.size,
        executable: file.executable,
        git_blob: file.blob.map(|blob| blob.to_string()),
        sha256: file.sha256.map(|digest| digest.to_string()),
        source_path: source_path.or_else(|| Some(file.counterpart.as_ref()?.path.as_str())),
        source_blob: file.counterpart.as_ref().map(|counterpart| counterpart.blob.to_string()),
        commit,
        rules,
        stabilizers: stabilizers(&file.explanation),
        keys,
    }
}
