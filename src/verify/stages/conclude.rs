//! Stage 8: the verdict.

use crate::artifact::{ArtifactContents, ArtifactError, EntryKind};
use crate::finding::{Evidence, Finding, judge};
use crate::ledger::{Explanation, LedgerFile};
use crate::package::Sha256Digest;
use crate::rebuild::Plan;
use crate::rebuild::run::{FailureKind, RebuildRecord};
use crate::source::git::{Gap, SourceRepository, with_source};
use crate::source::match_commit::{self as matched, Candidate, CommitMatch, MatchStanding};
use crate::source::tree::is_within;
use crate::verdict::{InconclusiveReason, Verdict, of_ledger};
use crate::verify::stages::artifact::{ArtifactFile, digest_of};
use crate::verify::stages::claim::Claim;
use crate::verify::stages::compare::Outcome;
use crate::verify::stages::error::VerifyError;
use crate::verify::stages::source::Discovery;
use crate::verify::{ArtifactSummary, Baseline, SourceSummary, Verification};

/// Stage 8b: the verdict.
pub(in crate::verify) fn conclude(
    claim: &Claim,
    artifact: &ArtifactFile,
    discovery: Discovery,
    contents: &ArtifactContents,
    matched: Option<CommitMatch>,
    outcome: Outcome,
    findings: Vec<Finding>,
) -> Verification {
    let (verdict, reason) = verdict(claim, &discovery, matched.as_ref(), &outcome);
    let source = discovery.opened.map(|(repository, source)| SourceSummary {
        claim: repository,
        completeness: source.completeness(),
        copy: source.is_copy(),
        fetches: source.fetches(),
        matched,
    });
    Verification {
        release: claim.release.clone(),
        artifact: summary(claim, artifact, contents.sha256, contents.compressed_size),
        publisher: claim.publisher.clone(),
        source,
        ledger: outcome.compared.map(|compared| compared.ledger),
        findings,
        diffs: outcome.diffs,
        rebuild: outcome.rebuild,
        rebuilt: outcome.rebuilt,
        baseline: outcome.baseline.unwrap_or(Baseline::NotNeeded),
        verdict,
        reason,
    }
}

fn summary(claim: &Claim, artifact: &ArtifactFile, sha256: Sha256Digest, size: u64) -> ArtifactSummary {
    let registry = claim.metadata.as_ref().filter(|_| claim.file.is_none());
    ArtifactSummary {
        sha256,
        integrity: artifact.integrity.clone(),
        size,
        registry: registry.map(|metadata| metadata.registry.to_string()),
        published_at: claim.published_at(),
    }
}

fn verdict(
    claim: &Claim,
    discovery: &Discovery,
    matched: Option<&CommitMatch>,
    outcome: &Outcome,
) -> (Verdict, Option<String>) {
    let Some(source) = discovery.repository() else {
        return without_source(claim, discovery);
    };
    let incomplete = |gap: Gap| {
        let detail = gap.to_string();
        (Verdict::Inconclusive(InconclusiveReason::SourceIncomplete(detail.clone())), Some(detail))
    };
    let Some(matched) = matched else {
        return (Verdict::NoSource, Some(format!("the repository `{}` holds no commit", source.location())));
    };
    if matched.standing == MatchStanding::Nearest {
        if is_outdated(source, matched, claim) {
            let reason = "the copy of the repository ends before this release was published";
            return (Verdict::Inconclusive(InconclusiveReason::SourceOutdated), Some(reason.to_owned()));
        }
        if let Some(gap @ (Gap::History | Gap::Trees)) = source.gap() {
            return incomplete(gap);
        }
        return (Verdict::NoSource, Some(nearest_reason(&matched.winner)));
    }
    let Some(compared) = &outcome.compared else {
        let detail = format!("the tree of commit {} is not at hand", matched.winner.commit);
        return (Verdict::Inconclusive(InconclusiveReason::SourceUnreachable(detail.clone())), Some(detail));
    };
    let verdict = of_ledger(&compared.ledger);
    if let Some(contradiction) = &outcome.contradiction {
        return (Verdict::Divergent, Some(contradiction.clone()));
    }
    if !outcome.confusion.is_empty() {
        let reason = "the registry's metadata contradicts the manifest inside the artifact";
        return (Verdict::Divergent, Some(reason.to_owned()));
    }
    if verdict == Verdict::Divergent
        && let Some(gap @ (Gap::Trees | Gap::Contents)) = source.gap()
        && !compared.ledger.unexplained().any(|file| match &file.counterpart {
            Some(counterpart) => source.read_blob(counterpart.blob).is_some(),
            None => gap == Gap::Contents,
        })
    {
        return incomplete(gap);
    }
    let failure = outcome.rebuild.as_ref().and_then(|record| record.failure.as_ref());
    if let (Verdict::Divergent, Some(failure)) = (&verdict, failure)
        && compared.ledger.unexplained().all(|file| may_be_built(file, outcome, &matched.winner.directory.path))
    {
        let reason = failure.detail.clone();
        return (Verdict::Inconclusive(InconclusiveReason::Rebuild(failure.clone())), Some(reason));
    }
    (verdict, outcome.not_planned.clone())
}

/// Whether the repository at hand is a copy that ends before the release was published.
pub(in crate::verify) fn is_outdated(source: &SourceRepository, matched: &CommitMatch, claim: &Claim) -> bool {
    let newest = matched.newest_commit.zip(claim.published_at());
    source.is_copy() && newest.is_some_and(|(newest, published)| newest < published)
}

/// Whether a build that could not be run to its end may have made this file.
///
/// What git tracks and no plan takes for build output was written by people: other content there is a difference,
/// whatever became of the build. So is a manifest that no rule explains.
///
/// A plan that packs another directory than the package's own writes every file anew. The manifest's turn comes with a
/// run: one that did not make it as published leaves a difference. While none has begun, nobody knows; and a file that a
/// command of the commit names as the one that it writes waits as well. A copy of the package's own directory may have
/// other content (clean-publish can leave out comments), but no other files.
///
/// Where the commit says that something is built, and not how, only what it says comes out of that waits; so it is where
/// the plans do nothing but copy.
///
/// What a build left as the commit has it, no build makes otherwise. What `files` in the commit's manifest leaves out no
/// packer takes from the package's directory, whatever was built there.
fn may_be_built(file: &LedgerFile, outcome: &Outcome, directory: &str) -> bool {
    if outcome.as_committed.contains(&*file.path) {
        return false;
    }
    let plans = || outcome.rebuild.iter().flat_map(|record| &record.plans);
    let is_elsewhere = |plan: &Plan| plan.pack.is_elsewhere(directory);
    let is_output = outcome.output.contains(&*file.path);
    let not_begun = outcome.rebuild.as_ref().is_some_and(is_not_begun);
    match &file.explanation {
        Explanation::Modified { rebuilt: true, .. } => &*file.path != "package.json",
        Explanation::ArtifactOnly { .. } => {
            let tried = outcome.rebuild.iter().flat_map(|record| &record.attempts).map(|attempt| &attempt.plan);
            let is_left_out = outcome.never_packed.contains(&*file.path);
            let says_nothing =
                outcome.is_unplanned || plans().next().is_some() && plans().chain(tried.clone()).all(Plan::only_copies);
            file.kind == EntryKind::File
                && (!says_nothing || is_output)
                && (!is_left_out || plans().chain(tried).any(is_elsewhere))
        }
        _ => {
            let is_packed_elsewhere = |plan: &Plan| plan.pack.place() != directory;
            if (not_begun || &*file.path != "package.json") && plans().any(is_packed_elsewhere) {
                return true;
            }
            if not_begun && is_output {
                return true;
            }
            let path = file.counterpart.as_ref().map(|counterpart| counterpart.path.as_str()).unwrap_or_default();
            plans().flat_map(|plan| &plan.remove).any(|removed| is_within(path, removed.trim_end_matches('/')))
        }
    }
}

/// Whether a build was left alone for a reason that lies with the user or this machine: what a release says of itself
/// must not keep it from being built.
fn is_not_begun(record: &RebuildRecord) -> bool {
    let kind = record.failure.as_ref().map(|failure| failure.kind);
    record.attempts.is_empty() && matches!(kind, Some(FailureKind::RebuildOff | FailureKind::NoSandbox))
}

/// Why the nearest commit is not the release's.
fn nearest_reason(nearest: &Candidate) -> String {
    let commit = &nearest.commit;
    let tag = nearest.evidence.iter().find_map(|evidence| match evidence {
        matched::Evidence::Tag { name, .. } => Some(name),
        _ => None,
    });
    match tag {
        Some(tag) => format!("the tag `{tag}` names commit {commit}, but the package is not there in this version"),
        None if nearest.evidence.contains(&matched::Evidence::GitHead) => {
            format!("the recorded commit {commit} is another version's, and no tag or manifest is of this one")
        }
        None => format!("no tag, no recorded commit and no manifest of this version; the nearest commit is {commit}"),
    }
}

fn without_source(claim: &Claim, discovery: &Discovery) -> (Verdict, Option<String>) {
    if claim.repositories.is_empty() {
        let reason = match claim.refused.first() {
            Some(error) => format!("the `repository` field cannot be used: {error}"),
            None => "the metadata names no repository".to_owned(),
        };
        return (Verdict::NoSource, Some(reason));
    }
    let reasons: Vec<&str> = discovery.failures.iter().map(|(_, reason)| reason.as_str()).collect();
    let reasons = reasons.join("; ");
    if discovery.empty && discovery.failures.len() == 1 {
        return (Verdict::NoSource, Some(reasons));
    }
    (Verdict::Inconclusive(InconclusiveReason::SourceUnreachable(reasons.clone())), Some(reasons))
}

/// What remains to be said of an artifact that could not be read to its end.
pub(in crate::verify) fn conclude_unread(
    claim: &Claim,
    artifact: &ArtifactFile,
    discovery: &Discovery,
    error: &ArtifactError,
) -> Result<Verification, VerifyError> {
    let (sha256, size) = digest_of(&artifact.path)?;
    let detail = with_source(error);
    let reason = match error {
        ArtifactError::Malformed { .. } | ArtifactError::OtherFormat(_) => {
            InconclusiveReason::ArtifactUnreadable(detail.clone())
        }
        ArtifactError::Ambiguous { .. } => InconclusiveReason::ArchiveAmbiguous(detail.clone()),
        ArtifactError::Limit(_) => InconclusiveReason::LimitReached(detail.clone()),
    };
    let source = discovery.opened.as_ref().map(|(repository, source)| SourceSummary {
        claim: repository.clone(),
        matched: None,
        completeness: source.completeness(),
        copy: source.is_copy(),
        fetches: source.fetches(),
    });
    Ok(Verification {
        release: claim.release.clone(),
        artifact: summary(claim, artifact, sha256, size),
        publisher: claim.publisher.clone(),
        source,
        ledger: None,
        findings: judge(&Evidence { refused_locations: &claim.refused, ..Evidence::default() }),
        diffs: Vec::new(),
        rebuild: None,
        rebuilt: Vec::new(),
        baseline: Baseline::NotNeeded,
        verdict: Verdict::Inconclusive(reason),
        reason: Some(detail),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rebuild::Plan;
    use crate::rebuild::run::Failure;

    fn plan(directory: &str) -> Plan {
        let pack = format!("[pack]\ndirectory = \"{directory}\"\nwith = \"npm\"\n");
        toml::from_str(&format!("format = 1\nstrategy = \"lifecycle\"\n{pack}")).unwrap()
    }

    fn added(path: &str) -> LedgerFile {
        LedgerFile::of(path, Explanation::ArtifactOnly { ignored_by_git: true })
    }

    fn modified(path: &str) -> LedgerFile {
        LedgerFile::of(path, Explanation::Modified { keys: Vec::new(), same_as: None, rebuilt: false })
    }

    #[test]
    fn before_a_build_begins_what_its_commands_write_and_a_manifest_made_elsewhere_wait_for_it() {
        let may_be_built = |path: &str, packed: &str, kind: FailureKind| {
            let record = RebuildRecord {
                plans: vec![plan(packed)],
                failure: Some(Failure::new(kind, "")),
                ..RebuildRecord::default()
            };
            let output = ["written.js".to_owned()].into();
            let outcome = Outcome { rebuild: Some(record), output, ..Outcome::default() };
            may_be_built(&modified(path), &outcome, "")
        };
        for kind in [FailureKind::RebuildOff, FailureKind::NoSandbox] {
            assert!(may_be_built("package.json", "pkg", kind));
            assert!(!may_be_built("package.json", ".", kind));
            assert!(may_be_built("written.js", ".", kind));
            assert!(!may_be_built("index.js", ".", kind));
        }
        // What the release's own metadata can bring about leaves nothing open.
        for kind in [FailureKind::ToolchainUnavailable, FailureKind::BuildFailed, FailureKind::NothingProduced] {
            assert!(!may_be_built("package.json", "pkg", kind));
            assert!(!may_be_built("written.js", ".", kind));
        }
    }

    #[test]
    fn where_nothing_says_how_it_is_built_only_what_the_commit_names_waits() {
        let outcome =
            |is_unplanned| Outcome { output: ["lib/a.js".to_owned()].into(), is_unplanned, ..Outcome::default() };
        assert!(may_be_built(&added("lib/a.js"), &outcome(true), ""));
        assert!(!may_be_built(&added("evil.js"), &outcome(true), ""));
        assert!(may_be_built(&added("evil.js"), &outcome(false), ""));
        assert!(!may_be_built(&modified("lib/b.js"), &outcome(true), ""));
    }

    #[test]
    fn a_file_that_npm_would_never_pack_waits_for_no_build() {
        let outcome = |directory: &str| Outcome {
            never_packed: ["evil.js".to_owned()].into(),
            rebuild: Some(RebuildRecord {
                plans: vec![plan(directory)],
                failure: Some(Failure::new(FailureKind::BuildFailed, "it broke")),
                ..RebuildRecord::default()
            }),
            ..Outcome::default()
        };
        let may_be_built = |path: &str, packed: &str| may_be_built(&added(path), &outcome(packed), "packages/a");
        assert!(may_be_built("dist/a.js", "packages/a"));
        assert!(!may_be_built("evil.js", "packages/a"));
        assert!(may_be_built("evil.js", "packages/a/dist"), "what another directory's manifest names is not known");
        assert!(!may_be_built("evil.js", "packages/a/tmp-clean-publish"), "a copy has the manifest's files");
    }

    #[test]
    fn a_copy_holds_what_its_original_does() {
        let outcome = |run: &str| {
            let mut plan = plan("tmp-clean-publish");
            plan.steps = vec![toml::from_str(&format!("run = {run:?}")).unwrap()];
            let record = RebuildRecord {
                plans: vec![plan],
                failure: Some(Failure::new(FailureKind::RebuildOff, "")),
                ..RebuildRecord::default()
            };
            Outcome { rebuild: Some(record), output: ["dist/a.js".to_owned()].into(), ..Outcome::default() }
        };
        let copy = "clean-publish --without-publish --temp-dir tmp-clean-publish";
        for (file, of_a_copy, of_a_build) in [
            (added("dist/a.js"), true, true),
            (added("evil.js"), false, true),
            (modified("index.js"), true, true),
            (modified("package.json"), true, true),
        ] {
            assert_eq!(may_be_built(&file, &outcome(copy), ""), of_a_copy, "{}", file.path);
            assert_eq!(may_be_built(&file, &outcome("tsc"), ""), of_a_build, "{}", file.path);
        }
    }
}
