//! Stage 6: the rebuild, where something is left that a build could have made.

use std::path::Path;
use std::time::Instant;

use tokio::runtime::Handle;

use crate::artifact::ArtifactContents;
use crate::compare::{Candidate, DiffDepth, PublishedContents, explain_by_rebuild};
use crate::ledger::{Explanation, Ledger};
use crate::pack::SourceTree;
use crate::rebuild::Plan;
use crate::rebuild::definitions::{self, Definitions};
use crate::rebuild::plan::InstallMode;
use crate::rebuild::run::{Attempt, AttemptResult, Failure, FailureKind, RebuildRecord, Rebuilder, Stage};
use crate::rebuild::strategy::{Claims, Inputs, NoPlan, infer};
use crate::source::git::with_source;
use crate::source::match_commit::{CommitMatch, MatchStanding};
use crate::source::tree::{AtHand, CommitTree, fetch_whole};
use crate::stabilize::RebuildContext;
use crate::verify::request::RebuildSettings;
use crate::verify::stages::artifact::ArtifactFile;
use crate::verify::stages::claim::Claim;
use crate::verify::stages::compare::Outcome;
use crate::verify::stages::source::Discovery;
use crate::verify::{Context, Shown};

/// Stage 6: rebuilds what the commit does not explain, plan after plan, until nothing is left or the time is over.
pub(in crate::verify) fn rebuild(
    matched: &Option<CommitMatch>,
    discovery: &mut Discovery,
    contents: &ArtifactContents,
    outcome: &mut Outcome,
    artifact: &ArtifactFile,
    claim: &Claim,
    context: &Context,
) {
    let (Some(matched), Some(source), Some(compared)) = (matched, discovery.repository(), &mut outcome.compared) else {
        return;
    };
    let residue: Vec<String> = compared.ledger.unexplained().map(|file| file.path.to_string()).collect();
    if (residue.is_empty() && !context.rebuild.always)
        || matched.standing == MatchStanding::Nearest
        || outcome.contradiction.is_some()
    {
        return;
    }
    let committed_at = source.committed_at(&matched.winner.commit);
    let claims = match &claim.metadata {
        Some(metadata) => Claims::new(metadata, committed_at),
        None => Claims { committed_at, ..Claims::default() },
    };
    let plans_with = |tree: &dyn SourceTree| {
        let inputs = Inputs {
            tree,
            directory: &matched.winner.directory.path,
            name: &claim.release.name,
            version: &claim.release.version,
            claims: &claims,
            residue: &residue,
        };
        plans(&context.rebuild, &inputs)
    };
    let commit = &matched.winner.commit;
    // What was fetched for the comparison tells whether anything is built; only then is the rest worth having.
    let mut is_certain = false;
    let mut found = CommitTree::of_commit(source, commit).map_or(Err(None), |tree| {
        let at_hand = AtHand::new(&tree);
        let plans = plans_with(&at_hand);
        is_certain = matches!(plans, Err(None)) && !at_hand.has_missed();
        plans
    });
    if is_certain && !context.rebuild.always {
        return;
    }
    let handle = Handle::current();
    let mut turn = None;
    if context.rebuild.allowed || context.rebuild.always {
        // Builds take whole processors, and a commit's files space; that many packages wait costs nothing.
        let Ok(permit) = handle.block_on(context.rebuild.turns.acquire()) else { return };
        turn = Some(permit);
        let Some(source) = discovery.repository_mut() else { return };
        match fetch_whole(source, commit) {
            Ok(()) => {
                found = CommitTree::of_commit(source, commit).map_or(Err(None), |tree| plans_with(&tree));
            }
            Err(_) if !context.rebuild.allowed && found.is_ok() => {}
            Err(error) => {
                let detail = format!("the commit's files cannot be had: {}", with_source(&error));
                let failure = Some(Failure::new(FailureKind::NetworkNeeded, detail));
                let plans = found.unwrap_or_default();
                outcome.rebuild = Some(RebuildRecord { plans, failure, ..RebuildRecord::default() });
                return;
            }
        }
    }
    let _turn = turn;
    let Some(source) = discovery.repository() else { return };
    let plans = match found {
        Ok(plans) => plans,
        Err(None) => return,
        Err(Some(failure)) => {
            outcome.rebuild = Some(RebuildRecord { failure: Some(failure), ..RebuildRecord::default() });
            return;
        }
    };
    if !context.rebuild.allowed {
        let detail = "what the commit does not hold may come out of its build, which was not to be run";
        outcome.rebuild = Some(RebuildRecord { plans, ..RebuildRecord::not_begun(FailureKind::RebuildOff, detail) });
        return;
    }
    let stage = |stage: Stage| context.progress.tell(&claim.release, stage);
    let rebuilder = Rebuilder {
        release: &claim.release,
        artifact: contents.sha256,
        source,
        commit: &matched.winner.commit,
        registry: &context.registry,
        limits: context.rebuild.limits,
        sandbox: &context.rebuild.sandbox,
        cache_directory: context.git.cache_directory.clone(),
        stage: &stage,
        deadline: Instant::now() + context.rebuild.limits.time,
        handle,
    };
    let comparison = Comparing {
        artifact: contents,
        path: &artifact.path,
        published: PublishedContents::new(artifact.path.clone(), context.limits).of_builds(),
        stabilizing: RebuildContext {
            build_directory: crate::rebuild::commands::SOURCE.to_owned(),
            published_at: claims.instant(),
        },
        context,
    };
    let mut record = RebuildRecord { plans: plans.clone(), ..RebuildRecord::default() };
    for plan in plans.iter().map(Some).chain([None]) {
        // A mismatch is believed only when it comes twice.
        let Some(plan) = plan.cloned().or_else(|| Some(record.best()?.plan.clone())) else { break };
        let repeats = Some(&plan) == record.best().filter(|best| best.broken.is_some()).map(|best| &best.plan);
        // All is explained; only a build that sees another version may still explain more exactly.
        let is_idle = compared.ledger.unexplained().next().is_none()
            && record.attempts.iter().any(|attempt| {
                attempt.plan.stamps == plan.stamps && matches!(attempt.result, AttemptResult::Packed { .. })
            });
        if is_idle || repeats || record.attempts.iter().any(|attempt| makes_needless(attempt, &plan)) {
            continue;
        }
        let (mut attempt, archive) = rebuilder.attempt(&plan, record.attempts.len() + 1);
        stage(Stage::Compare);
        let mut differing = Vec::new();
        let ended = match archive.and_then(|archive| comparison.candidate(&archive)) {
            Ok(candidate) => {
                let (explained, different) = explain_by_rebuild(
                    &mut compared.ledger,
                    contents,
                    &comparison.published,
                    &candidate,
                    &comparison.stabilizing,
                    depth(&claim.shown),
                );
                differing = different;
                if let Some(failure) = attempt.broken.clone() {
                    keep_first(&mut record.failure, failure, &attempt, &record.attempts);
                }
                attempt.result = AttemptResult::Packed {
                    explained,
                    same_tar: candidate.same_tar,
                    same_archive: candidate.same_archive,
                    only_rebuilt: candidate.only_rebuilt(contents),
                };
                false
            }
            Err(failure) => {
                attempt.result = AttemptResult::Failed { kind: failure.kind.id(), detail: failure.detail.clone() };
                let ends = matches!(failure.kind, FailureKind::NoSandbox);
                keep_first(&mut record.failure, failure, &attempt, &record.attempts);
                ends
            }
        };
        record.attempts.push(attempt);
        if !differing.is_empty() {
            outcome.rebuilt = differing;
        }
        outcome
            .rebuilt
            .retain(|file| compared.ledger.file(&file.path).is_some_and(|row| !row.explanation.is_explained()));
        if ended || is_exact(&compared.ledger) || Instant::now() >= rebuilder.deadline {
            break;
        }
    }
    record.failure = failure_of(&record, &compared.ledger);
    show(outcome, &claim.shown);
    outcome.rebuild = Some(record);
}

/// Replaces differences to git that the rebuild made pointless.
fn show(outcome: &mut Outcome, shown: &Shown) {
    let Some(compared) = &outcome.compared else { return };
    let is_asked_for = |path: &str| match shown {
        Shown::File(asked) => asked == path,
        _ => compared.ledger.file(path).is_some_and(|row| !row.explanation.is_explained()),
    };
    outcome.diffs.retain(|diff| is_asked_for(&diff.path));
    for made in outcome.rebuilt.iter().filter(|made| is_asked_for(&made.path)) {
        match outcome.diffs.iter().position(|diff| diff.path == made.path) {
            Some(index) => outcome.diffs[index].clone_from(&made.diff),
            None if outcome.diffs.len() < depth(shown).files => outcome.diffs.push(made.diff.clone()),
            None => {}
        }
    }
}

fn depth(shown: &Shown) -> DiffDepth {
    match shown {
        Shown::Excerpts => DiffDepth::EXCERPT,
        Shown::Unexplained | Shown::File(_) => DiffDepth::WHOLE,
    }
}

struct Comparing<'a> {
    artifact: &'a ArtifactContents,
    path: &'a Path,
    published: PublishedContents,
    stabilizing: RebuildContext,
    context: &'a Context,
}

impl Comparing<'_> {
    fn candidate(&self, archive: &Path) -> Result<Candidate, Failure> {
        Candidate::read(archive, self.path, self.artifact, self.context.limits).map_err(|error| {
            let detail = format!("the archive that was packed cannot be read: {}", with_source(&error));
            Failure::new(FailureKind::NothingProduced, detail)
        })
    }
}

/// The plans that could explain something; `Err(None)` where nothing at the commit builds.
fn plans(settings: &RebuildSettings, inputs: &Inputs<'_>) -> Result<Vec<Plan>, Option<Failure>> {
    if let Some(plans) = &settings.plans {
        return Ok(given(plans, "plan-file", "the user gave this plan with `--plan-file`"));
    }
    let unusable = |error: definitions::DefinitionError| Some(Failure::new(FailureKind::NoPlan, with_source(&error)));
    if let Some(directory) = &settings.definitions
        && let Some(definition) =
            Definitions::open(directory).and_then(|known| known.find(inputs.name, inputs.version)).map_err(unusable)?
    {
        let from = format!("the definition `{}` holds this plan", definition.path.display());
        return Ok(given(&definition.plans, "definition", &from));
    }
    match infer(inputs) {
        Ok(plans) if plans.iter().any(Plan::builds) => Ok(plans.into_iter().filter(Plan::builds).collect()),
        Ok(_) | Err(NoPlan::NoManifest(_) | NoPlan::OtherPackage { .. }) => Err(None),
        Err(error @ NoPlan::UnsupportedInstaller { .. }) => {
            Err(Some(Failure::new(FailureKind::NoPlan, error.to_string())))
        }
    }
}

/// Plans that were not inferred say so, whatever they call themselves: a plan can make any file it likes.
fn given(plans: &[Plan], origin: &str, because: &str) -> Vec<Plan> {
    let mut plans = plans.to_vec();
    for plan in &mut plans {
        plan.strategy = format!("{origin}/{}", plan.strategy);
        plan.because.insert(0, because.to_owned());
    }
    plans
}

/// Whether nothing is left that another plan could explain at all, or without stabilizers.
fn is_exact(ledger: &Ledger) -> bool {
    ledger.files.iter().all(|file| {
        let explanation = &file.explanation;
        explanation.is_explained()
            && !matches!(explanation, Explanation::RebuiltStabilized { .. } | Explanation::Attributed { .. })
    })
}

/// Whether `plan` could only repeat what `attempt` did: the same installation that failed, or a looser one of a
/// lockfile that has been followed.
fn makes_needless(attempt: &Attempt, plan: &Plan) -> bool {
    let (Some(before), Some(now)) = (&attempt.plan.install, &plan.install) else { return false };
    let installs = || attempt.commands.iter().filter(|command| command.phase == "install");
    if installs().next().is_none() {
        return false;
    }
    let installed = installs().all(|command| command.status == "exit 0");
    let is_looser = before.mode == InstallMode::Frozen && now.mode == InstallMode::Loose;
    if installed {
        is_looser && Plan { install: Some(before.clone()), ..plan.clone() } == attempt.plan
    } else {
        before == now && attempt.plan.tools == plan.tools && attempt.plan.stamps == plan.stamps
    }
}

/// Of several failures the one that came furthest tells most.
fn keep_first(kept: &mut Option<Failure>, failure: Failure, attempt: &Attempt, earlier: &[Attempt]) {
    let furthest = earlier.iter().map(|attempt| attempt.commands.len()).max();
    if kept.is_none() || furthest.is_some_and(|furthest| attempt.commands.len() > furthest) {
        *kept = Some(failure);
    }
}

/// Why what is left may still be honest: no build came to its end, or not with the publisher's dependencies.
fn failure_of(record: &RebuildRecord, ledger: &Ledger) -> Option<Failure> {
    ledger.unexplained().next()?;
    let Some(best) = record.best() else { return record.failure.clone() };
    let AttemptResult::Packed { explained, .. } = best.result else { return None };
    if best.broken.is_some() {
        return best.broken.clone();
    }
    let is_made =
        |file: &crate::ledger::LedgerFile| matches!(file.explanation, Explanation::Modified { rebuilt: true, .. });
    if explained == 0 && !ledger.unexplained().any(is_made) {
        let detail = "the build made none of the files that the commit does not hold";
        return Some(Failure::new(FailureKind::NothingProduced, detail));
    }
    let install = best.plan.install.as_ref()?;
    let is_free = install.lockfile.is_none() || install.mode == InstallMode::Loose;
    is_free.then(|| {
        let detail =
            "the dependencies of the publisher's build are not known, and with those of that time it makes other files";
        Failure::new(FailureKind::LockfileMissing, detail)
    })
}

#[cfg(test)]
#[path = "rebuild_tests.rs"]
mod tests;
