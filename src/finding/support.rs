//! What the rules' tests are built of.

use serde_json::{Value, json};

use crate::artifact::{ArchiveAnomaly, ArtifactContents, ArtifactEntry, EntryKind, machine_code};
use crate::finding::{Evidence, Finding, UnexplainedText};
use crate::ledger::{Explanation, Ledger, LedgerFile};
use crate::pack::npm::manifest::{KeyReach, ManifestDifference};
use crate::package::{CommitId, Release, Sha256Digest, Subject, Version};
use crate::registry::{Neighbour, Neighbours, Observation, ObservationSource, ReleaseMetadata};
use crate::source::directory::{DirectoryOrigin, PackageDirectory};
use crate::source::match_commit::{Candidate, CommitMatch, MatchStanding};

pub(super) fn file(path: &str, explanation: Explanation) -> LedgerFile {
    LedgerFile::of(path, explanation)
}

pub(super) fn member(path: &str, kind: EntryKind) -> LedgerFile {
    LedgerFile { kind, ..file(path, added()) }
}

pub(super) fn modified() -> Explanation {
    Explanation::Modified { keys: Vec::new(), same_as: None, rebuilt: false }
}

pub(super) fn added() -> Explanation {
    Explanation::ArtifactOnly { ignored_by_git: false }
}

pub(super) fn key(key_path: &str, published: Option<Value>, source: Option<Value>) -> ManifestDifference {
    let top = key_path.split(['.', '[']).next().unwrap();
    ManifestDifference { key_path: key_path.to_owned(), reach: KeyReach::of(top), published, source }
}

/// A ledger of one manifest in which the keys differ: path, published and source's value.
pub(super) fn manifest(keys: &[(&str, Option<&str>, Option<&str>)]) -> Ledger {
    let value = |text: Option<&str>| text.map(|text| json!(text));
    let keys = keys.iter().map(|(path, published, source)| key(path, value(*published), value(*source))).collect();
    ledger(vec![file("package.json", Explanation::Modified { keys, same_as: None, rebuilt: false })])
}

pub(super) fn ledger(mut files: Vec<LedgerFile>) -> Ledger {
    files.sort_by(|first, second| first.path.cmp(&second.path));
    Ledger { files, source_only: None }
}

pub(super) fn text(path: &str, text: &str) -> UnexplainedText {
    UnexplainedText { path: path.to_owned(), text: text.to_owned(), ..UnexplainedText::default() }
}

/// What a rule finds in a ledger: paths, empty where there is none.
pub(super) fn paths_in(judge: fn(&Evidence<'_>) -> Vec<Finding>, ledger: &Ledger) -> Vec<String> {
    paths(&judge(&Evidence { ledger: Some(ledger), ..Evidence::default() }))
}

pub(super) fn paths(findings: &[Finding]) -> Vec<String> {
    findings.iter().map(|finding| finding.path.clone().unwrap_or_default()).collect()
}

pub(super) fn contents(anomalies: Vec<ArchiveAnomaly>, files: &[(&str, &[u8])]) -> ArtifactContents {
    let entry = |(path, content): &(&str, &[u8])| ArtifactEntry {
        path: (*path).into(),
        kind: EntryKind::File,
        size: content.len() as u64,
        executable: false,
        blob: None,
        blob_with_lf: None,
        sha256: None,
        machine_code: machine_code(content),
        content: Some((*content).into()),
    };
    let mut entries: Vec<ArtifactEntry> = files.iter().map(entry).collect();
    entries.sort_by(|a, b| a.path.cmp(&b.path));
    ArtifactContents {
        entries,
        anomalies,
        manifest: Some(b"{}".to_vec()),
        aside: std::collections::HashMap::new(),
        sha256: Sha256Digest([0; 32]),
        compressed_size: 1,
        unpacked_size: 1,
    }
}

/// What a rule finds about an archive that is odd in one way.
pub(super) fn found_in_archive(
    judge: fn(&Evidence<'_>) -> Vec<Finding>,
    anomalies: Vec<ArchiveAnomaly>,
) -> Vec<Finding> {
    let contents = contents(anomalies, &[]);
    judge(&Evidence { artifact: Some(&contents), ..Evidence::default() })
}

pub(super) fn commit(digit: char) -> CommitId {
    CommitId::parse(&digit.to_string().repeat(40)).unwrap()
}

pub(super) fn candidate(digit: char) -> Candidate {
    Candidate {
        commit: commit(digit),
        evidence: Vec::new(),
        directory: PackageDirectory { path: String::new(), origin: DirectoryOrigin::Name },
        matched: 1,
        conflicting: 0,
        differing_prose: 0,
        version_agrees: None,
        states_version: false,
        time: 0,
    }
}

pub(super) fn matched(standing: MatchStanding) -> CommitMatch {
    CommitMatch {
        winner: candidate('a'),
        standing,
        others: Vec::new(),
        unreachable: Vec::new(),
        missing: Vec::new(),
        history_searched: true,
        newest_commit: None,
    }
}

pub(super) fn version(text: &str) -> Version {
    Version::parse(text).unwrap()
}

pub(super) fn neighbour(text: &str, published_at: i64) -> Neighbour {
    Neighbour {
        version: version(text),
        published_at: Some(published_at),
        has_git_head: false,
        has_provenance: false,
        publisher: None,
    }
}

/// What a registry states about a release of a package that was published at second 100.
pub(super) fn metadata(text: &str) -> ReleaseMetadata {
    let subject: Subject = "npm:example".parse().unwrap();
    let registry: url::Url = "https://registry.example/".parse().unwrap();
    ReleaseMetadata {
        release: Release { ecosystem: subject.ecosystem, name: subject.name, version: version(text) },
        artifact_url: registry.join("example.tgz").unwrap(),
        integrity: None,
        shasum: None,
        repository: None,
        package_repository: None,
        homepage: None,
        bugs: None,
        git_head: None,
        published_at: Some(100),
        latest: None,
        neighbours: Neighbours::default(),
        namings: Vec::new(),
        withdrawn: Vec::new(),
        npm_version: None,
        node_version: None,
        publisher: None,
        has_provenance: false,
        malformed_claims: Vec::new(),
        registry,
        packument: Sha256Digest([0; 32]),
        manifest: json!({}),
        observation: Observation { source: ObservationSource::Cache, at: 0 },
    }
}
