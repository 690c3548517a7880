//! Stages 4 and 5: the comparison with the commit, and of the registry's metadata with the manifest.

use std::collections::BTreeSet;

use crate::artifact::{ArchiveAnomaly, ArtifactContents, ArtifactEntry};
use crate::compare::{Compared, Comparison, FileDiff, PublishedContents, RebuiltFile, compare};
use crate::pack::npm::manifest::{GypFile, KeyReach, ManifestDifference, compare_with_registry};
use crate::package::read_json;
use crate::rebuild::run::RebuildRecord;
use crate::registry::ReleaseMetadata;
use crate::source::location::claims;
use crate::source::match_commit::CommitMatch;
use crate::verify::stages::artifact::ArtifactFile;
use crate::verify::stages::claim::Claim;
use crate::verify::stages::source::Discovery;
use crate::verify::{Baseline, Context};

/// What the comparison stages found beside the ledger.
#[derive(Debug, Default)]
pub(in crate::verify) struct Outcome {
    pub(in crate::verify) compared: Option<Compared>,
    /// What makes the archive itself contradict itself, if anything.
    pub(in crate::verify) contradiction: Option<String>,
    pub(in crate::verify) confusion: Vec<ManifestDifference>,
    /// Unexplained files, written out once they have been judged.
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
    /// Unexplained files that the commit itself says come out of its build.
    pub(in crate::verify) output: BTreeSet<String>,
    /// Whether the commit says that something is built, and not how: then nothing but that output waits for a build.
    pub(in crate::verify) is_unplanned: bool,
    /// Why nobody looked for what is built at the commit, where that is so; nothing waits for a build then.
    pub(in crate::verify) not_planned: Option<String>,
}

/// Stages 4 and 5: tree, packer rules, stabilizers, history; and the registry's metadata against the manifest.
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
        outcome.compared = compare(&comparison);
    }
    outcome
}

fn gyp_file(contents: &ArtifactContents) -> GypFile {
    let is_there = contents.entry("binding.gyp").is_some_and(ArtifactEntry::is_file);
    if is_there { GypFile::Present } else { GypFile::Absent }
}

/// Whether registry and manifest name different repositories: the one that is compared with is then a choice.
fn other_repository(metadata: &ReleaseMetadata, manifest: &[u8]) -> Option<ManifestDifference> {
    let published = read_json(manifest).ok()?.value.get("repository")?.clone();
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
