//! Stage 6: the rebuild, where something is left that a build could have made.

use std::collections::{BTreeSet, HashMap};
use std::ops::ControlFlow;
use std::path::Path;
use std::time::Instant;

use tokio::runtime::Handle;

use crate::artifact::{ArtifactContents, ArtifactLimits};
use crate::compare::{Candidate, DiffDepth, PublishedContents, RebuiltFile, explain_by_rebuild, never_packed};
use crate::ledger::{Explanation, Ledger};
use crate::package::BlobId;
use crate::rebuild::Plan;
use crate::rebuild::plan::{InstallMode, Tools};
use crate::rebuild::run::{Attempt, AttemptResult, Failure, FailureKind, Kept, RebuildRecord, Rebuilder, Stage};
use crate::rebuild::strategy::Claims;
use crate::source::git::with_source;
use crate::source::match_commit::{CommitMatch, MatchStanding};
use crate::source::tree::CommitTree;
use crate::stabilize::RebuildContext;
use crate::verify::Context;
use crate::verify::stages::artifact::ArtifactFile;
use crate::verify::stages::claim::Claim;
use crate::verify::stages::compare::Outcome;
use crate::verify::stages::plans::{Planning, Prospect};
use crate::verify::stages::remaining::{Built, honest_reason};
use crate::verify::stages::source::Discovery;

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
    let commit = &matched.winner.commit;
    if let Some(tree) = CommitTree::of_commit(source, commit) {
        outcome.never_packed = never_packed(&tree, &matched.winner.directory.path, &residue);
    }
    let committed_at = source.committed_at(commit);
    let known = match &claim.metadata {
        Some(metadata) => Claims::new(metadata, committed_at),
        None => Claims { committed_at, ..Claims::default() },
    };
    let claims = Claims { repository: source.location().clone_name(), ..known };
    let crlf = compared.ledger.files.iter().any(|row| {
        let is_of_commit = matches!(row.explanation, Explanation::Stabilized { .. });
        is_of_commit && contents.entry(&row.path).is_some_and(|entry| entry.blob_with_lf.is_some())
    });
    let settings = &context.rebuild;
    let planning = Planning { matched, claim, claims: &claims, residue: &residue, crlf, settings };
    let (plans, _turn) = match planning.prospect(discovery) {
        Prospect::NothingBuilt(why) => {
            outcome.not_planned = why;
            return;
        }
        Prospect::NotBegun(record) => {
            outcome.rebuild = Some(record);
            return;
        }
        Prospect::NotSaid(record) => {
            (outcome.rebuild, outcome.is_unplanned) = (Some(record), true);
            return;
        }
        Prospect::Plans(plans, turn) => (plans, turn),
    };
    let Some(source) = discovery.repository() else { return };
    let stage = |stage: Stage| context.progress.tell(&claim.release, stage);
    let rebuilder = Rebuilder {
        release: &claim.release,
        source,
        commit,
        registry: &context.registry,
        limits: context.rebuild.limits,
        sandbox: &context.rebuild.sandbox,
        cache_directory: context.git.cache_directory.clone(),
        kept: Kept::open(&context.git.cache_directory, &claim.release, contents.sha256, settings.records),
        stage: &stage,
        deadline: Instant::now() + context.rebuild.limits.time,
        handle: Handle::current(),
    };
    let mut trials = Trials {
        rebuilder,
        artifact: contents,
        path: &artifact.path,
        limits: context.limits,
        published: PublishedContents::new(artifact.path.clone(), context.limits).of_builds(),
        stabilizing: RebuildContext { build_directory: String::new(), published_at: claims.instant() },
        depth: claim.shown.depth(),
        ledger: &mut compared.ledger,
        rebuilt: Vec::new(),
        made: Vec::new(),
        as_committed: BTreeSet::new(),
        record: RebuildRecord { plans: plans.clone(), ..RebuildRecord::default() },
    };
    trials.run(&plans);
    let unsteady = trials.unsteady();
    let Trials { rebuilt, as_committed, mut record, .. } = trials;
    let tree = CommitTree::of_commit(source, commit);
    let built = Built::of(&record, tree.as_ref(), &matched.winner.directory.path);
    record.failure = honest_reason(&record, &compared.ledger, &unsteady, &as_committed, &built);
    // A packer that was run knows better than its rules what it would have included.
    if let Some(best) = record.best().filter(|best| best.broken.is_none())
        && let AttemptResult::Packed { only_rebuilt, .. } = &best.result
    {
        compared.ledger.source_only = Some(only_rebuilt.clone());
    }
    outcome.as_committed = as_committed;
    outcome.rebuilt = rebuilt;
    outcome.rebuild = Some(record);
}

/// One plan after the other, and what each of them explains.
struct Trials<'a> {
    rebuilder: Rebuilder<'a>,
    artifact: &'a ArtifactContents,
    /// The published archive.
    path: &'a Path,
    limits: ArtifactLimits,
    published: PublishedContents,
    stabilizing: RebuildContext,
    depth: DiffDepth,
    ledger: &'a mut Ledger,
    /// Unexplained files that a build made with other content.
    rebuilt: Vec<RebuiltFile>,
    /// What each try made of them, by its index.
    made: Vec<(usize, String, Option<BlobId>)>,
    /// Unexplained files that a build left as the commit has them.
    as_committed: BTreeSet<String>,
    record: RebuildRecord,
}

impl Trials<'_> {
    fn run(&mut self, plans: &[Plan]) {
        let end = self.rebuilder.deadline;
        for (index, plan) in plans.iter().enumerate() {
            // Programs that the metadata states must leave time for the commit's own.
            let share = if plans.get(index + 1).is_some_and(|next| is_behind_a_claim(plan, next)) { 2 } else { 1 };
            let now = Instant::now();
            self.rebuilder.deadline = now + end.saturating_duration_since(now) / share;
            let instead = plan.tools.as_ref().filter(|tools| tools.has_claimed() && plan.is_inferred());
            let instead = instead.and_then(|_| in_place_of_claimed(&self.record.attempts));
            let plan = &Plan { tools: instead.or_else(|| plan.tools.clone()), ..plan.clone() };
            if self.try_plan(plan).is_break() || Instant::now() >= end {
                return;
            }
        }
        // A mismatch is believed only when it comes twice.
        if let Some(best) = self.record.best()
            && best.broken.is_none()
        {
            let plan = best.plan.clone();
            let _ = self.try_plan(&plan);
        }
    }

    /// Breaks where no other plan can tell more.
    fn try_plan(&mut self, plan: &Plan) -> ControlFlow<()> {
        if self.is_needless(plan) {
            return ControlFlow::Continue(());
        }
        let (mut attempt, archive) = self.rebuilder.attempt(plan, self.record.attempts.len() + 1);
        (self.rebuilder.stage)(Stage::Compare);
        self.stabilizing.build_directory = attempt.plan.source_directory();
        let mut ended = false;
        let failure = match archive.and_then(|archive| self.compare(&archive, is_whole(&attempt))) {
            Ok(packed) => {
                attempt.result = packed;
                attempt.broken.clone()
            }
            Err(failure) => {
                attempt.result = AttemptResult::failed(&failure);
                // A registry that contradicts the lockfile must not gain from plans that follow none.
                ended = failure.kind == FailureKind::NoSandbox || !attempt.requests.contradicted.is_empty();
                Some(failure)
            }
        };
        if let Some(failure) = failure {
            keep_first(&mut self.record.failure, failure, &attempt, &self.record.attempts);
        }
        self.record.attempts.push(attempt);
        if ended || self.is_exact() {
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    }

    /// Explains files by what the build packed.
    fn compare(&mut self, archive: &Path, whole: bool) -> Result<AttemptResult, Failure> {
        let candidate = Candidate::read(archive, self.path, self.artifact, self.limits).map_err(|error| {
            // What is no archive is of no use to anybody, and may be large.
            let _ = std::fs::remove_file(archive);
            let detail = format!("the archive that was packed cannot be read: {}", with_source(&error));
            Failure::new(FailureKind::NothingProduced, detail)
        })?;
        let found = explain_by_rebuild(
            self.ledger,
            self.artifact,
            &self.published,
            &candidate,
            whole,
            &self.stabilizing,
            self.depth,
        );
        self.as_committed.extend(found.as_committed);
        let different = found.different.len();
        if !found.different.is_empty() {
            let index = self.record.attempts.len();
            self.made.extend(found.different.iter().map(|file| (index, file.path.clone(), file.blob)));
            self.rebuilt = found.different;
        }
        let ledger = &*self.ledger;
        self.rebuilt.retain(|file| ledger.file(&file.path).is_some_and(|row| !row.explanation.is_explained()));
        Ok(AttemptResult::Packed {
            explained: found.explained,
            different,
            same_tar: candidate.same_tar,
            same_archive: candidate.same_archive,
            only_rebuilt: candidate.only_rebuilt(self.artifact),
        })
    }

    /// Whether nothing is left that another plan could explain at all, or more exactly.
    fn is_exact(&self) -> bool {
        self.ledger.files.iter().all(|file| match file.explanation {
            Explanation::RebuiltStabilized { .. } | Explanation::Attributed { .. } => false,
            ref explanation => explanation.is_explained(),
        })
    }

    /// Files that one plan made with different contents.
    fn unsteady(&self) -> BTreeSet<String> {
        let attempts = &self.record.attempts;
        let mut first = HashMap::new();
        let mut unsteady = BTreeSet::new();
        for (index, path, blob) in &self.made {
            let plan = attempts.iter().position(|attempt| attempt.plan == attempts[*index].plan);
            if first.entry((plan, path)).or_insert(*blob) != blob {
                unsteady.insert(path.clone());
            }
        }
        unsteady
    }

    fn is_needless(&self, plan: &Plan) -> bool {
        let attempts = &self.record.attempts;
        // All is explained; only a build that sees another version may still explain more exactly.
        let has_broken = attempts.iter().any(breaks_off);
        let is_idle = self.ledger.unexplained().next().is_none()
            && !self.ledger.files.iter().any(|file| file.explanation.is_behind_a_failure())
            && attempts.iter().any(|attempt| {
                attempt.plan.stamps == plan.stamps
                    && is_whole(attempt)
                    && matches!(attempt.result, AttemptResult::Packed { .. })
            });
        let is_unbroken = plan.if_broken && !attempts.is_empty() && !has_broken;
        is_idle || is_unbroken || attempts.iter().any(|attempt| makes_needless(attempt, plan))
    }
}

/// Whether all that ran would also have run in the publisher's build: up to a failure it would.
fn is_whole(attempt: &Attempt) -> bool {
    attempt.broken.is_none() || !attempt.plan.if_broken
}

/// Whether a command of the build failed, and with it those that would have followed.
fn breaks_off(attempt: &Attempt) -> bool {
    let build_failed = FailureKind::BuildFailed.id();
    attempt.broken.is_some() || matches!(attempt.result, AttemptResult::Failed { kind, .. } if kind == build_failed)
}

/// Whether `plan` could only repeat what `attempt` did, the same installation that failed, or prove less: once a build
/// with the committed lockfile's releases came to its end, what others make says nothing of the commit.
fn makes_needless(attempt: &Attempt, plan: &Plan) -> bool {
    let (Some(before), Some(now)) = (&attempt.plan.install, &plan.install) else { return false };
    if is_telling(attempt) && is_behind_a_claim(&attempt.plan, plan) {
        return true;
    }
    if plan.is_inferred() && !now.follows_lockfile() && before.follows_lockfile() && came_to_its_end(attempt) {
        return true;
    }
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

/// Whether `plan` is `claimed` with other programs in place of those that the release's metadata states.
fn is_behind_a_claim(claimed: &Plan, plan: &Plan) -> bool {
    let (before, now) = (claimed.tools.as_ref(), plan.tools.as_ref());
    let is_other = before.is_some_and(Tools::has_claimed) && now.is_some_and(|tools| !tools.has_claimed());
    let bare = |plan: &Plan| Plan { tools: None, because: Vec::new(), ..plan.clone() };
    is_other && bare(claimed) == bare(plan)
}

/// The programs that did where those that the release's metadata states did not: they serve every further plan.
fn in_place_of_claimed(attempts: &[Attempt]) -> Option<Tools> {
    let claimed = attempts.iter().find(|attempt| attempt.plan.tools.as_ref().is_some_and(Tools::has_claimed))?;
    let did = |other: &&Attempt| is_telling(other) && is_behind_a_claim(&claimed.plan, &other.plan);
    attempts.iter().find(did).filter(|_| !is_telling(claimed))?.plan.tools.clone()
}

/// Whether every command that had to succeed did.
fn came_to_its_end(attempt: &Attempt) -> bool {
    attempt.broken.is_none() && matches!(attempt.result, AttemptResult::Packed { .. })
}

/// Whether a build that came to its end made something of what was left.
fn is_telling(attempt: &Attempt) -> bool {
    let made = match &attempt.result {
        AttemptResult::Packed { explained, different, .. } => explained + different,
        AttemptResult::Failed { .. } => 0,
    };
    came_to_its_end(attempt) && made > 0
}

/// Of several failures the one that came furthest tells most.
fn keep_first(kept: &mut Option<Failure>, failure: Failure, attempt: &Attempt, earlier: &[Attempt]) {
    let furthest = earlier.iter().map(|attempt| attempt.commands.len()).max();
    if kept.is_none() || furthest.is_some_and(|furthest| attempt.commands.len() > furthest) {
        *kept = Some(failure);
    }
}

#[cfg(test)]
#[path = "rebuild_tests.rs"]
mod tests;
