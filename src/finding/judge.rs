//! Turns what the stages established into findings.

use crate::artifact::{ArchiveAnomaly, ArtifactContents, EntryKind};
use crate::finding::{Finding, Rule};
use crate::ledger::{Explanation, Ledger, LedgerFile};
use crate::pack::npm::manifest::{KeyReach, ManifestDifference};
use crate::package::{CommitId, PackageName, is_document_of_package};
use crate::source::directory::DirectoryOrigin;
use crate::source::git::MovedTag;
use crate::source::location::LocationError;
use crate::source::match_commit::{self, Candidate, CommitMatch};
use crate::source::tags::TagForm;

/// More findings of one kind than this are told as one.
const MAX_SINGLE: usize = 20;

/// What the stages established about one artifact.
#[derive(Debug, Default)]
pub struct Evidence<'a> {
    /// The package.
    pub name: Option<&'a PackageName>,
    /// The artifact, if it could be read.
    pub artifact: Option<&'a ArtifactContents>,
    /// The ledger, if there was a commit to compare with.
    pub ledger: Option<&'a Ledger>,
    /// The chosen commit.
    pub matched: Option<&'a CommitMatch>,
    /// Tags that moved since they were last seen.
    pub moved_tags: &'a [MovedTag],
    /// Repository fields that name nothing fetchable.
    pub refused_locations: &'a [LocationError],
    /// Where the registry's metadata contradicts the artifact's manifest.
    pub confusion: &'a [ManifestDifference],
    /// Why a manifest cannot be read.
    pub manifest_error: Option<String>,
    /// For a file given by the user: how its digest differs from the registry's.
    pub digest_differs: Option<String>,
    /// Why the registry does not serve the release.
    pub unserved: Option<&'a str>,
    /// Whether the registry states no digest.
    pub digest_missing: bool,
}

/// Lists findings, most urgent first, in an order that depends on nothing but the inputs.
pub fn judge(evidence: &Evidence<'_>) -> Vec<Finding> {
    let mut findings = Findings::default();
    findings.release(evidence);
    if let Some(artifact) = evidence.artifact {
        findings.archive(artifact);
    }
    if let Some(ledger) = evidence.ledger {
        findings.files(ledger);
    }
    if let Some(matched) = evidence.matched {
        findings.commits(matched, evidence);
    }
    findings.finish()
}

#[derive(Default)]
struct Findings(Vec<Finding>);

impl Findings {
    fn add(&mut self, rule: Rule, path: Option<&str>, message: impl Into<String>) {
        self.0.push(Finding::new(rule, path, message));
    }

    fn release(&mut self, evidence: &Evidence<'_>) {
        for difference in evidence.confusion {
            let sides = side_by_side(difference, ["manifest", "registry"]);
            let message = format!("the registry's metadata and the artifact's manifest disagree: {sides}");
            self.add(Rule::ManifestConfusion, Some("package.json"), message);
        }
        if let Some(error) = &evidence.manifest_error {
            self.add(Rule::ManifestUnreadable, Some("package.json"), error.clone());
        }
        if let Some(message) = &evidence.digest_differs {
            self.add(Rule::DigestDiffers, None, message.clone());
        }
        if let Some(message) = evidence.unserved {
            self.add(Rule::ReleaseNotServed, None, message);
        }
        if evidence.digest_missing {
            self.add(
                Rule::DigestMissing,
                None,
                "the registry states neither `integrity` nor `shasum` for this release",
            );
        }
        for error in evidence.refused_locations {
            self.add(Rule::RepositoryUnusable, None, error.to_string());
        }
        for moved in evidence.moved_tags {
            let message =
                format!("the tag `{}` named {} and now names {}", moved.tag, short(&moved.before), short(&moved.now));
            self.add(Rule::TagMoved, None, message);
        }
    }

    fn archive(&mut self, artifact: &ArtifactContents) {
        if artifact.manifest.is_none() {
            self.add(Rule::ManifestUnreadable, Some("package.json"), "the artifact holds no readable `package.json`");
        }
        for anomaly in &artifact.anomalies {
            match anomaly {
                ArchiveAnomaly::DuplicateEntry { path, differs } => {
                    let how = if *differs { "with other content" } else { "with the same content" };
                    let message = format!("the path comes more than once, {how}; installers keep the last");
                    self.add(Rule::DuplicateEntry, Some(path), message);
                }
                ArchiveAnomaly::NameCollision { first, second } => {
                    let message =
                        format!("`{first}` and `{second}` are one file where names ignore case or are normalised");
                    self.add(Rule::NameCollision, Some(second), message);
                }
                ArchiveAnomaly::FileAndFolder { path } => {
                    self.add(Rule::NameCollision, Some(path), "the path is both a file and a folder");
                }
                ArchiveAnomaly::Sha1Collision { path } => {
                    self.add(Rule::Sha1Collision, Some(path), "the content was built to share its SHA-1 with another");
                }
                ArchiveAnomaly::SeveralRoots { roots } => {
                    let message = format!("entries lie under several root folders: {}", roots.join(", "));
                    self.add(Rule::ArchiveAnomaly, None, message);
                }
                ArchiveAnomaly::TrailingData => {
                    self.add(Rule::ArchiveAnomaly, None, "zero bytes follow the compressed archive");
                }
                ArchiveAnomaly::NotCompressed => self.add(Rule::ArchiveAnomaly, None, "the archive is not compressed"),
            }
        }
    }

    fn files(&mut self, ledger: &Ledger) {
        for file in &ledger.files {
            match &file.kind {
                EntryKind::File => self.file(file),
                EntryKind::SymbolicLink { target } => {
                    self.add(Rule::UnexpectedLink, Some(&file.path), format!("a symbolic link to `{target}`"));
                }
                EntryKind::HardLink { target } => {
                    self.add(Rule::UnexpectedLink, Some(&file.path), format!("a hard link to `{target}`"));
                }
                EntryKind::Special(kind) => {
                    let message = format!("a member of type `{}`", kind.escape_ascii());
                    self.add(Rule::SpecialEntry, Some(&file.path), message);
                }
                EntryKind::UnsafePath(error) => self.add(Rule::UnsafePath, Some(&file.path), error.to_string()),
            }
        }
        let added = |file: &&LedgerFile| {
            file.executable && file.counterpart.as_ref().is_some_and(|counterpart| !counterpart.executable)
        };
        for file in ledger.files.iter().filter(added) {
            self.add(Rule::ExecutableBitAdded, Some(&file.path), "executable in the artifact but not in the source");
        }
    }

    fn file(&mut self, file: &LedgerFile) {
        let path = Some(&*file.path);
        match &file.explanation {
            Explanation::Modified { keys, .. } if !keys.is_empty() => {
                for key in keys {
                    self.add(rule_of_key(key), path, side_by_side(key, ["published", "source"]));
                }
            }
            Explanation::Modified { same_as: Some(other), .. } => {
                self.add(Rule::FileModified, path, format!("the content is that of `{other}` in the source"));
            }
            Explanation::Modified { .. } => self.add(Rule::FileModified, path, "the content differs from the source's"),
            Explanation::ArtifactOnly { .. } if &*file.path == "binding.gyp" => {
                self.add(
                    Rule::InstallScriptAdded,
                    path,
                    "npm builds a package that has this file when it is installed",
                );
            }
            Explanation::ArtifactOnly { .. } if is_binary(file) => {
                self.add(Rule::BinaryAdded, path, "a binary file that is not in the source");
            }
            Explanation::ArtifactOnly { ignored_by_git } => {
                let note = if *ignored_by_git { ", at a path that git ignores as it does build output" } else { "" };
                self.add(Rule::FileNotInSource, path, format!("not in the source{note}"));
            }
            Explanation::History { commit } => {
                let message = format!("the content is the source's at commit {}", short(commit));
                self.add(Rule::SourceHistoryOnly, path, message);
            }
            Explanation::GitBlobMoved { from } if !is_document_of_package(&file.path) => {
                self.add(Rule::ContentMoved, path, format!("the content is at `{from}` in the source"));
            }
            Explanation::GitBlob
            | Explanation::GitBlobMoved { .. }
            | Explanation::Derived { .. }
            | Explanation::Stabilized { .. }
            | Explanation::Rebuilt
            | Explanation::RebuiltStabilized { .. }
            | Explanation::Attributed { .. } => {}
        }
    }

    fn commits(&mut self, matched: &CommitMatch, evidence: &Evidence<'_>) {
        for candidate in &matched.unreachable {
            let chosen = candidate.evidence.contains(&match_commit::Evidence::Override);
            let message = format!(
                "{} names commit {}, which no branch or tag reaches (it holds {} of the artifact's files)",
                if chosen { "`--commit`" } else { "`gitHead`" },
                short(&candidate.commit),
                candidate.matched
            );
            self.add(Rule::CommitUnreachable, None, message);
        }
        for commit in &matched.missing {
            let message = format!("`gitHead` names commit {}, which the repository does not hold", short(commit));
            self.add(Rule::CommitMissing, None, message);
        }
        self.disagreement(matched);
        let winner = &matched.winner;
        let foreign = matches!(winner.directory.origin, DirectoryOrigin::Fallback | DirectoryOrigin::Content);
        let total = evidence.artifact.map_or(0, |artifact| artifact.files().count());
        if matched.standing == match_commit::MatchStanding::Nearest
            && foreign
            && (winner.matched as usize) * 2 < total.max(1)
        {
            let name = evidence.name.map_or("", PackageName::as_str);
            let message = format!("the repository holds no package called `{name}` and few of its files");
            self.add(Rule::RepositoryMismatch, None, message);
        }
    }

    fn disagreement(&mut self, matched: &CommitMatch) {
        let winner = &matched.winner;
        if winner.evidence.contains(&match_commit::Evidence::Override) {
            return;
        }
        let winner_tagged = tag_of(winner).is_some();
        for other in &matched.others {
            let (claim, name) = match tag_of(other) {
                // Two tags of one version (`1.2.3` and `1.2.3-npm`) are two editions, not a contradiction.
                Some(tag) if !winner_tagged => ("the tag", format!("`{tag}`")),
                _ if other.evidence.contains(&match_commit::Evidence::GitHead) => {
                    ("the registry's", "`gitHead`".to_owned())
                }
                _ => continue,
            };
            let message = format!(
                "{claim} {name} names commit {} ({} files match), the artifact matches {} ({} files)",
                short(&other.commit),
                other.matched,
                short(&winner.commit),
                winner.matched
            );
            self.add(Rule::ClaimsDisagree, None, message);
        }
    }

    fn finish(self) -> Vec<Finding> {
        let mut findings = self.0;
        findings.sort();
        findings.dedup();
        // Thousands of equal findings hide the one that matters; the ledger still lists every file.
        let mut result: Vec<Finding> = Vec::new();
        for group in findings.chunk_by(|a, b| a.rule == b.rule) {
            if group.len() <= MAX_SINGLE || group[0].rule.severity() == crate::finding::Severity::Error {
                result.extend_from_slice(group);
                continue;
            }
            result.extend_from_slice(&group[..MAX_SINGLE]);
            let message = format!("and {} more files like these", group.len() - MAX_SINGLE);
            result.push(Finding::new(group[0].rule, None, message));
        }
        result
    }
}

fn tag_of(candidate: &Candidate) -> Option<&str> {
    candidate.evidence.iter().find_map(|evidence| match evidence {
        match_commit::Evidence::Tag { form, name } if *form <= TagForm::Prefixed => Some(name.as_str()),
        _ => None,
    })
}

/// The first twelve digits of a commit id.
pub(super) fn short(commit: &CommitId) -> String {
    commit.to_string().chars().take(12).collect()
}

fn rule_of_key(difference: &ManifestDifference) -> Rule {
    let added = difference.source.is_none();
    let mut parts = difference.key_path.split(['.', '[']);
    let top = parts.next().unwrap_or_default();
    let second = parts.next().unwrap_or_default();
    let hook = matches!(second, "preinstall" | "install" | "postinstall" | "prepare")
        || (top == "scripts" && second.is_empty());
    match top {
        "scripts" if hook && added => Rule::InstallScriptAdded,
        "scripts" if hook => Rule::InstallScriptDiffers,
        "dependencies" | "optionalDependencies" | "peerDependencies" | "bundleDependencies" | "bundledDependencies"
            if added =>
        {
            Rule::DependencyAdded
        }
        "bin" if added => Rule::BinAdded,
        "main" | "module" | "exports" | "imports" | "browser" | "types" | "typings" | "type" => Rule::EntryPointDiffers,
        _ if difference.reach == KeyReach::Import => Rule::EntryPointDiffers,
        _ => Rule::ManifestDiffers,
    }
}

/// Both values of a key, each with the name of its side.
fn side_by_side(difference: &ManifestDifference, sides: [&str; 2]) -> String {
    let show = |value: &Option<serde_json::Value>| match value {
        Some(value) => value.to_string().chars().take(200).collect(),
        None => "(absent)".to_owned(),
    };
    let (published, source) = (show(&difference.published), show(&difference.source));
    format!("`{}`: {} {published}, {} {source}", difference.key_path, sides[0], sides[1])
}

fn is_binary(file: &LedgerFile) -> bool {
    let extension = file.path.rsplit('.').next().unwrap_or_default().to_ascii_lowercase();
    matches!(extension.as_str(), "node" | "wasm" | "exe" | "dll" | "so" | "dylib" | "bin" | "a" | "o" | "jar" | "pyc")
}
