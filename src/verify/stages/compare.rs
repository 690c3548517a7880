//! Stages 4 to 8: the comparison, what it shows, and the findings.

use std::collections::{BTreeSet, HashMap};

use serde_json::value::RawValue;

use crate::artifact::{ArchiveAnomaly, ArtifactContents, ArtifactEntry};
use crate::compare::{
    AddedText, Compared, Comparison, DiffDepth, FileDiff, LineOrigin, PublishedContents, RebuiltFile, added_lines,
    compare, diff_texts, line_origins,
};
use crate::ledger::{Explanation, Ledger, LedgerFile};
use crate::pack::npm::manifest::{GypFile, KeyReach, ManifestDifference, compare_with_registry};
use crate::rebuild::run::RebuildRecord;
use crate::registry::ReleaseMetadata;
use crate::source::git::Completeness;
use crate::source::location::claims;
use crate::source::match_commit::CommitMatch;
use crate::source::seen_lines::{SeenLines, WantedLines, seen_lines};
use crate::verify::stages::artifact::ArtifactFile;
use crate::verify::stages::claim::Claim;
use crate::verify::stages::source::Discovery;
use crate::verify::{Baseline, Context, Shown};

/// Most lines of one file that are looked for in the history.
const MAX_LINES: usize = 20_000;

/// What the comparison stages found beside the ledger.
#[derive(Debug, Default)]
pub(in crate::verify) struct Outcome {
    pub(in crate::verify) compared: Option<Compared>,
    /// What makes the archive itself contradict itself, if anything.
    pub(in crate::verify) contradiction: Option<String>,
    pub(in crate::verify) confusion: Vec<ManifestDifference>,
    pub(in crate::verify) diffs: Vec<FileDiff>,
    /// What was rebuilt, if anything was to be.
    pub(in crate::verify) rebuild: Option<RebuildRecord>,
    /// Files that the rebuild made with other content.
    pub(in crate::verify) rebuilt: Vec<RebuiltFile>,
    /// Unexplained files that a rebuild left as the commit has them.
    pub(in crate::verify) as_committed: BTreeSet<String>,
    /// The earlier release that unexplained content is compared with.
    pub(in crate::verify) baseline: Option<Baseline>,
    /// Unexplained files that no build brings into a package of the commit's manifest.
    pub(in crate::verify) never_packed: BTreeSet<String>,
}

/// Stages 4, 5 and 7: tree, packer rules, stabilizers, history; and the registry's metadata against the manifest.
pub(in crate::verify) fn compare_with(
    matched: &Option<CommitMatch>,
    discovery: &Discovery,
    contents: &ArtifactContents,
    artifact: &ArtifactFile,
    claim: &Claim,
    context: &Context,
) -> Outcome {
    let contradiction = contradiction(contents).or_else(|| claim.other_release.clone());
    let mut outcome = Outcome { contradiction, ..Outcome::default() };
    if let (Some(metadata), Some(manifest)) = (&claim.metadata, &contents.manifest) {
        // An unreadable manifest is found by the comparison with the source, too.
        outcome.confusion = compare_with_registry(&metadata.manifest, manifest, gyp_file(contents)).unwrap_or_default();
        outcome.confusion.extend(other_repository(metadata, manifest));
    }
    if let (Some(matched), Some(source)) = (matched, discovery.repository()) {
        let published = PublishedContents::new(artifact.path.clone(), context.limits);
        let comparison = Comparison {
            artifact: contents,
            contents: &published,
            source,
            matched,
            version: &claim.release.version,
            digests: claim.digests,
        };
        if let Some(compared) = compare(&comparison) {
            outcome.diffs = diffs(&claim.shown, &compared.ledger, &comparison);
            outcome.compared = Some(compared);
        }
    }
    outcome
}

fn gyp_file(contents: &ArtifactContents) -> GypFile {
    let is_there = contents.entry("binding.gyp").is_some_and(ArtifactEntry::is_file);
    if is_there { GypFile::Present } else { GypFile::Absent }
}

/// Whether registry and manifest name different repositories: the one that is compared with is then a choice.
fn other_repository(metadata: &ReleaseMetadata, manifest: &[u8]) -> Option<ManifestDifference> {
    // The rest can be large and is skipped; of several the last counts, as for npm.
    let keys: HashMap<String, &RawValue> = serde_json::from_slice(manifest).ok()?;
    let published: serde_json::Value = serde_json::from_str(keys.get("repository")?.get()).ok()?;
    let stated = metadata.repository.as_ref()?;
    let place =
        |field| claims(Some(field), None, None).0.first().map(|claim| claim.location.as_str().to_ascii_lowercase());
    (place(&published)? != place(stated)?).then(|| ManifestDifference {
        key_path: "repository".to_owned(),
        reach: KeyReach::Identity,
        published: Some(published),
        source: Some(stated.clone()),
    })
}

/// What no comparison with the source can excuse.
fn contradiction(contents: &ArtifactContents) -> Option<String> {
    if contents.manifest.is_none() {
        return Some("the artifact holds no readable `package.json`".to_owned());
    }
    contents.anomalies.iter().find_map(|anomaly| match anomaly {
        // Which of the two an installer keeps depends on the installer.
        ArchiveAnomaly::DuplicateEntry { path, differs: true } => {
            Some(format!("the archive holds `{path}` twice with different contents"))
        }
        _ => None,
    })
}

fn diffs(shown: &Shown, ledger: &Ledger, comparison: &Comparison<'_>) -> Vec<FileDiff> {
    let is_file = |path: &str| comparison.artifact.entry(path).is_some_and(ArtifactEntry::is_file);
    let (depth, mut files): (_, Vec<_>) = match shown {
        Shown::Excerpts => (DiffDepth::EXCERPT, ledger.unexplained().collect()),
        Shown::Pages => (DiffDepth::PAGE, ledger.unexplained().collect()),
        Shown::Unexplained => (DiffDepth::WHOLE, ledger.unexplained().collect()),
        Shown::File(path) => (DiffDepth::WHOLE, ledger.file(path).into_iter().collect()),
        // Of an explained file nobody asks where its lines come from.
        Shown::Origins(path) => {
            (DiffDepth::EXCERPT, ledger.unexplained().filter(|file| *file.path == **path).collect())
        }
    };
    files.retain(|file| is_file(&file.path));
    // A unified diff has no place for origins.
    let is_report = matches!(shown, Shown::Excerpts | Shown::Pages | Shown::Origins(_));
    // What is new as a whole is not read again only to show how it begins.
    let is_passed_over = |file: &LedgerFile| {
        let is_kept = comparison.artifact.entry(&file.path).is_some_and(|entry| entry.content.is_some());
        is_report && matches!(file.explanation, Explanation::ArtifactOnly { .. }) && !is_kept
    };
    if is_report {
        // Build output says little and is large.
        files.retain(|file| !matches!(file.explanation, Explanation::ArtifactOnly { ignored_by_git: true }));
    }
    // Changed files say most, then new ones, then what looks like build output.
    files.sort_by_key(|file| match &file.explanation {
        Explanation::Modified { .. } => 0,
        Explanation::ArtifactOnly { ignored_by_git: false } if !is_passed_over(file) => 1,
        _ => 2,
    });
    files.truncate(depth.files);
    let read = files.iter().filter(|file| !is_passed_over(file));
    comparison.contents.prepare(read.filter_map(|file| comparison.artifact.entry(&file.path)));
    let (mut diffs, mut added) = (Vec::new(), Vec::new());
    for file in files {
        if is_passed_over(file) {
            let note = format!("not shown here ({} bytes); `tarproof diff` shows it", file.size);
            diffs.push(FileDiff::noted(&file.path, note));
            continue;
        }
        let candidate = file.counterpart.as_ref().and_then(|counterpart| comparison.source.read_blob(counterpart.blob));
        let Some(published) = comparison.contents.get(comparison.artifact, &file.path) else {
            let note = format!("the published file is too large to diff ({} bytes)", file.size);
            diffs.push(FileDiff::noted(&file.path, note));
            continue;
        };
        if let (true, Some(counterpart), Some(candidate)) = (is_report, &file.counterpart, &candidate) {
            added.extend(added_of(diffs.len(), &counterpart.path, &published, candidate));
        }
        diffs.push(diff_texts(&file.path, candidate.as_deref(), Some(&published), depth));
    }
    for (index, origins) in origins(comparison, &added) {
        if let Some(diff) = diffs.get_mut(index) {
            diff.origins = origins;
        }
    }
    diffs
}

/// Lines that only a published file has.
struct Added<'a> {
    /// Which of the differences they belong to.
    index: usize,
    /// The file of the commit that they are missing in.
    path: &'a str,
    runs: Vec<AddedText>,
}

fn added_of<'a>(index: usize, path: &'a str, published: &[u8], candidate: &[u8]) -> Option<Added<'a>> {
    let (published, candidate) = (std::str::from_utf8(published).ok()?, std::str::from_utf8(candidate).ok()?);
    Some(Added { index, path, runs: added_lines(published, candidate) })
}

/// Where the repository had those lines, by the index of the difference.
fn origins(comparison: &Comparison<'_>, added: &[Added<'_>]) -> Vec<(usize, Vec<LineOrigin>)> {
    // Where only the release's trees are, the history says nothing.
    if comparison.source.completeness() == Completeness::Trees {
        return Vec::new();
    }
    let lines = |file: &Added<'_>| file.runs.iter().flat_map(|run| run.text.lines()).count();
    let wanted: Vec<WantedLines<'_>> = added
        .iter()
        .map(|file| WantedLines {
            path: file.path,
            lines: file.runs.iter().flat_map(|run| run.text.lines()).take(MAX_LINES).collect(),
        })
        .collect();
    let seen = seen_lines(comparison.source, &comparison.matched.winner.commit, &wanted);
    let origins = |(file, mut seen): (&Added<'_>, SeenLines)| {
        seen.complete &= lines(file) < MAX_LINES;
        (file.index, line_origins(&file.runs, &seen))
    };
    added.iter().zip(seen).map(origins).collect()
}
