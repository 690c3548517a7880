//! Stage 6a: how the release may have been built, and the commit's files to build it from.

use tarproof_sandbox::probe;
use tokio::runtime::Handle;
use tokio::sync::SemaphorePermit;

use crate::pack::SourceTree;
use crate::rebuild::Plan;
use crate::rebuild::definitions::Definitions;
use crate::rebuild::run::{Failure, FailureKind, RebuildRecord};
use crate::rebuild::strategy::{Claims, Inputs, NoPlan, infer};
use crate::source::git::with_source;
use crate::source::match_commit::CommitMatch;
use crate::source::tree::{AtHand, CommitTree, fetch_whole};
use crate::verify::request::RebuildSettings;
use crate::verify::stages::claim::Claim;
use crate::verify::stages::source::Discovery;

/// What can be done to rebuild a release.
pub(super) enum Prospect<'a> {
    /// Nothing at the commit is built.
    NothingBuilt,
    /// Something is, and this is why it will not be.
    NotBegun(RebuildRecord),
    /// These plans can be run, in this order, while the turn is held.
    Plans(Vec<Plan>, SemaphorePermit<'a>),
}

/// What is known of the release, and how it may be rebuilt.
pub(super) struct Planning<'a> {
    pub(super) matched: &'a CommitMatch,
    pub(super) claim: &'a Claim,
    pub(super) claims: &'a Claims,
    /// Files of the artifact that are not explained yet.
    pub(super) residue: &'a [String],
    /// Whether the artifact has CRLF where the commit has LF.
    pub(super) crlf: bool,
    pub(super) settings: &'a RebuildSettings,
}

impl<'a> Planning<'a> {
    /// Infers the plans from what was fetched for the comparison, and only if something is built fetches the rest.
    pub(super) fn prospect(&self, discovery: &mut Discovery) -> Prospect<'a> {
        let settings = self.settings;
        let (found, is_complete) = self.at_hand(discovery);
        if matches!(found, Found::NothingBuilt) && is_complete && !settings.always {
            return Prospect::NothingBuilt;
        }
        if !settings.allowed && !settings.always {
            return found.without_a_build();
        }
        if settings.allowed
            && matches!(found, Found::Plans(_))
            && let Some(obstacle) = probe(&settings.sandbox).obstacle
        {
            // Nothing will be run, so nothing is fetched for it.
            return found.not_begun(Failure::new(FailureKind::NoSandbox, obstacle));
        }
        // Builds take whole processors, and a commit's files space; that many packages wait costs nothing.
        let Ok(turn) = Handle::current().block_on(settings.turns.acquire()) else { return Prospect::NothingBuilt };
        let found = match self.whole(discovery) {
            Ok(found) => found,
            Err(_) if !settings.allowed && matches!(found, Found::Plans(_)) => found,
            Err(failure) => return found.not_begun(failure),
        };
        match found {
            Found::Plans(plans) if settings.allowed => Prospect::Plans(plans, turn),
            found => found.without_a_build(),
        }
    }

    /// The plans by the files at hand, and whether no other file was asked for.
    fn at_hand(&self, discovery: &Discovery) -> (Found, bool) {
        let Some(tree) = self.tree(discovery) else { return (Found::NothingBuilt, false) };
        let at_hand = AtHand::new(&tree);
        let found = self.plans(&at_hand);
        (found, !at_hand.has_missed())
    }

    /// The plans by all of the commit's files, which are fetched where they are missing.
    fn whole(&self, discovery: &mut Discovery) -> Result<Found, Failure> {
        let Some(source) = discovery.repository_mut() else { return Ok(Found::NothingBuilt) };
        fetch_whole(source, &self.matched.winner.commit).map_err(|error| {
            let detail = format!("the commit's files cannot be had: {}", with_source(&error));
            Failure::new(FailureKind::NetworkNeeded, detail)
        })?;
        Ok(self.tree(discovery).map_or(Found::NothingBuilt, |tree| self.plans(&tree)))
    }

    fn tree<'d>(&self, discovery: &'d Discovery) -> Option<CommitTree<'d>> {
        CommitTree::of_commit(discovery.repository()?, &self.matched.winner.commit)
    }

    /// The user's plans, else a definition's, else what the commit itself says.
    fn plans(&self, tree: &dyn SourceTree) -> Found {
        if let Some(plans) = &self.settings.plans {
            return Found::Plans(given(plans, Plan::GIVEN[0], "the user gave this plan with `--plan-file`"));
        }
        let release = &self.claim.release;
        if let Some(directory) = &self.settings.definitions {
            let defined = Definitions::open(directory).and_then(|known| known.find(&release.name, &release.version));
            match defined {
                Ok(Some(definition)) => {
                    let because = format!("the definition `{}` holds this plan", definition.path.display());
                    return Found::Plans(given(&definition.plans, Plan::GIVEN[1], &because));
                }
                Ok(None) => {}
                Err(error) => return Found::unplannable(with_source(&error)),
            }
        }
        let inputs = Inputs {
            tree,
            directory: &self.matched.winner.directory.path,
            name: &release.name,
            version: &release.version,
            claims: self.claims,
            residue: self.residue,
            crlf: self.crlf,
            after_failure: self.settings.allowed || self.settings.always,
        };
        match infer(&inputs) {
            Ok(plans) if plans.iter().any(Plan::builds) => {
                Found::Plans(plans.into_iter().filter(Plan::builds).collect())
            }
            Ok(_) | Err(NoPlan::NoManifest(_) | NoPlan::OtherPackage { .. }) => Found::NothingBuilt,
            Err(error @ (NoPlan::UnsupportedInstaller { .. } | NoPlan::TooIntricate(_))) => {
                Found::unplannable(error.to_string())
            }
        }
    }
}

/// What the files say.
enum Found {
    NothingBuilt,
    /// It is built in a way that no plan can express.
    Unplannable(Failure),
    /// At least one plan.
    Plans(Vec<Plan>),
}

impl Found {
    fn unplannable(detail: String) -> Self {
        Self::Unplannable(Failure::new(FailureKind::NoPlan, detail))
    }

    /// The record of a build that was not to be run, or could not be planned.
    fn without_a_build<'a>(self) -> Prospect<'a> {
        match self {
            Self::NothingBuilt => Prospect::NothingBuilt,
            Self::Unplannable(failure) => Self::NothingBuilt.not_begun(failure),
            Self::Plans(_) => {
                let detail = "what the commit does not hold may come out of its build, which was not to be run";
                self.not_begun(Failure::new(FailureKind::RebuildOff, detail))
            }
        }
    }

    fn not_begun<'a>(self, failure: Failure) -> Prospect<'a> {
        let plans = if let Self::Plans(plans) = self { plans } else { Vec::new() };
        Prospect::NotBegun(RebuildRecord { plans, failure: Some(failure), ..RebuildRecord::default() })
    }
}

/// Plans that were not inferred say so, whatever they call themselves: a plan can make any file it likes.
fn given(plans: &[Plan], origin: &str, because: &str) -> Vec<Plan> {
    let mut plans = plans.to_vec();
    for plan in &mut plans {
        plan.strategy = format!("{origin}{}", plan.strategy);
        plan.because.insert(0, because.to_owned());
    }
    plans
}
