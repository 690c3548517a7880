//! Stage 8a: the findings, with all that tells how urgent they are.

use crate::artifact::ArtifactContents;
use crate::finding::{Evidence, Finding, cut, judge};
use crate::ledger::Explanation;
use crate::package::CommitId;
use crate::reach::Reach;
use crate::registry::DigestsStated;
use crate::source::git::repository::holds;
use crate::source::git::{Completeness, Gap, SourceRepository, with_source};
use crate::source::match_commit::{Candidate, CommitMatch};
use crate::source::tree::{CommitTree, join};
use crate::verify::Context;
use crate::verify::stages::artifact::ArtifactFile;
use crate::verify::stages::claim::Claim;
use crate::verify::stages::compare::Outcome;
use crate::verify::stages::conclude::is_outdated;
use crate::verify::stages::earlier::Earlier;
use crate::verify::stages::examine::{Examined, is_output};
use crate::verify::stages::source::Discovery;

/// Stage 8a: findings, ordered, and marked where the user's policy excepts them.
#[expect(clippy::too_many_arguments, reason = "everything that the stages before established")]
pub(in crate::verify) fn judge_all(
    matched: &Option<CommitMatch>,
    discovery: &Discovery,
    contents: &ArtifactContents,
    outcome: &Outcome,
    examined: &Examined,
    earlier: Option<&Earlier>,
    artifact: &ArtifactFile,
    claim: &Claim,
    context: &Context,
) -> Vec<Finding> {
    let compared = outcome.compared.as_ref();
    let ledger = compared.map(|compared| &compared.ledger);
    let compared_with = matched.as_ref().zip(discovery.repository());
    let tree = compared_with.and_then(|(matched, source)| CommitTree::of_commit(source, &matched.winner.commit));
    let directory = matched.as_ref().map_or("", |matched| matched.winner.directory.path.as_str());
    let in_source = |path: &str| tree.as_ref().is_some_and(|tree| tree.file(&join(directory, path)).is_some());
    let reach = |path: &str| {
        let reach = examined.reach.as_ref().filter(|_| examined.is_wanted(path))?;
        Some((reach.reach(path), reach.way(path).to_vec()))
    };
    // The walk may have ended before it came to other files, but what it has reached runs.
    let runs = |path: &str| examined.reach.as_ref().is_some_and(|reach| reach.reach(path) <= Reach::Command);
    let source_incomplete = compared_with.is_some_and(|(matched, source)| {
        matches!(source.gap(), Some(Gap::History | Gap::Trees)) || is_outdated(source, matched, claim)
    });
    let source_had = compared_with
        .filter(|(_, source)| source.completeness() == Completeness::Full)
        .and_then(|(_, source)| source.repository().odb().ok());
    let unchanged = |path: &str| {
        let file = ledger?.file(path)?;
        // What the source itself had, or may have had, the release before had for a reason that is gone.
        let was_the_sources = matches!(file.explanation, Explanation::History { .. })
            || source_incomplete && file.counterpart.is_some()
            || file.blob.as_ref().zip(source_had.as_ref()).is_some_and(|(blob, odb)| holds(odb, blob));
        if was_the_sources {
            return None;
        }
        let blob = file.blob;
        let now = examined.reach.as_ref().map(|reach| reach.reach(path));
        earlier
            .filter(|earlier| earlier.had(path, blob) && earlier.reached(path, now))
            .map(|earlier| earlier.version.to_string())
    };
    let unchanged_key = |key_path: &str| {
        let manifest = examined.manifest.as_ref()?;
        earlier.filter(|earlier| earlier.said(key_path, manifest)).map(|earlier| earlier.version.to_string())
    };
    let novelty = |path: &str| {
        let file = ledger?.file(path).filter(|file| !file.explanation.is_explained())?;
        Some(earlier?.novelty(path, file.blob))
    };
    let could_already = |path: &str| earlier.is_some_and(|earlier| earlier.could_already(path));
    let novelty_of_key = |key_path: &str| earlier?.novelty_of_key(key_path, examined.manifest.as_ref()?);
    // The earlier pass over the archive kept what fits; what was read since is at hand whatever stands before it.
    let read = |path: &str| examined.held.get(path).cloned();
    let subtree =
        |commit: &CommitId, directory: &str| CommitTree::of_commit(compared_with?.1, commit)?.subtree(directory);
    let own_tree = matched.as_ref().and_then(|matched| subtree(&matched.winner.commit, directory));
    let is_same_package = |other: &Candidate| {
        other.directory.path == directory && own_tree.is_some() && subtree(&other.commit, directory) == own_tree
    };
    let is_later = |commit: &CommitId| {
        let made =
            compared_with.and_then(|(matched, source)| Some((source.committed_at(commit)?, matched.winner.time)));
        made.is_some_and(|(other, own)| other > own)
    };
    let output = |path: &str| ledger.and_then(|ledger| ledger.file(path)).is_some_and(|file| is_output(file, outcome));
    let mut findings = judge(&Evidence {
        name: Some(&claim.release.name),
        artifact: Some(contents),
        ledger,
        matched: matched.as_ref(),
        metadata: claim.metadata.as_ref(),
        publisher: Some(&claim.publisher),
        no_repository: claim.repositories.is_empty(),
        source_incomplete,
        moved_tags: discovery.repository().map_or(&[], SourceRepository::moved_tags),
        awaits_build: outcome.rebuild.as_ref().is_some_and(|record| record.failure.is_some()),
        output: Some(&output),
        refused_locations: &claim.refused,
        unreached: discovery.passed_over(),
        repository_move: discovery.moved.as_ref(),
        confusion: &outcome.confusion,
        manifest_error: compared.and_then(|compared| compared.manifest_error.as_ref()).map(|error| with_source(error)),
        unserved: claim.unserved.as_deref(),
        digest_differs: artifact.digest_differs.clone(),
        digest_missing: claim
            .metadata
            .as_ref()
            .is_some_and(|metadata| metadata.digests_stated() == DigestsStated::None),
        unexplained: &examined.texts,
        read: Some(&read),
        reach: Some(&reach),
        runs: Some(&runs),
        unchanged: Some(&unchanged),
        unchanged_key: Some(&unchanged_key),
        novelty: Some(&novelty),
        could_already: Some(&could_already),
        novelty_of_key: Some(&novelty_of_key),
        is_same_package: Some(&is_same_package),
        is_later: Some(&is_later),
        in_source: tree.as_ref().map(|_| &in_source as &dyn Fn(&str) -> bool),
    });
    let digest = |path: &str| ledger?.file(path)?.sha256;
    context.policy.apply(&mut findings, &claim.release, digest);
    cut(findings)
}
