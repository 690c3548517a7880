use crate::rebuild::run::FailureKind;
use crate::verdict::{InconclusiveReason, Verdict};

/// How long after its publication a release's commit and tag may still be on their way, seconds. A watch looks within
/// seconds, and many people publish first and push afterwards.
const SOURCE_FOLLOWS: i64 = 24 * 3600;

/// Whether the same inputs would give the same result again.
///
/// This is the only place where that is decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settlement {
    /// They would: it is not made again.
    Settled,
    /// The next sweep makes it again: what was in the way may be gone by then.
    NextSweep,
    /// It is worth trying again in a moment.
    Soon,
}

impl Settlement {
    /// What holds of a verdict on a release that was published at `published_at` and looked at `observed_at`, both in
    /// seconds since 1970.
    pub fn of(verdict: &Verdict, published_at: Option<i64>, observed_at: i64) -> Self {
        let is_young = published_at.is_some_and(|time| observed_at.saturating_sub(time) < SOURCE_FOLLOWS);
        match verdict {
            Verdict::Verbatim | Verdict::Reproduced | Verdict::Equivalent => Self::Settled,
            Verdict::Divergent | Verdict::NoSource if is_young => Self::NextSweep,
            Verdict::Divergent | Verdict::NoSource => Self::Settled,
            Verdict::Inconclusive(reason) => Self::of_reason(reason),
        }
    }

    fn of_reason(reason: &InconclusiveReason) -> Self {
        match reason {
            InconclusiveReason::SourceUnreachable(_) => Self::Soon,
            // A copy that is brought up to date, a clone that is completed, a bound that is raised.
            InconclusiveReason::SourceIncomplete(_)
            | InconclusiveReason::SourceOutdated
            | InconclusiveReason::LimitReached(_) => Self::NextSweep,
            // The bytes are what they are.
            InconclusiveReason::ArtifactUnreadable(_) | InconclusiveReason::ArchiveAmbiguous(_) => Self::Settled,
            InconclusiveReason::Rebuild(failure) => Self::of_failure(failure.kind),
        }
    }

    fn of_failure(kind: FailureKind) -> Self {
        match kind {
            // This machine, the registry and the time that a build was given are not the release's.
            FailureKind::NoSandbox
            | FailureKind::ToolchainUnavailable
            | FailureKind::InstallFailed
            | FailureKind::BuildLimit => Self::NextSweep,
            // What the commit holds, or what the user allows; the latter is part of the policy's digest.
            FailureKind::NoPlan
            | FailureKind::LockfileMissing
            | FailureKind::NetworkNeeded
            | FailureKind::BuildFailed
            | FailureKind::NothingProduced
            | FailureKind::NotDeterministic
            | FailureKind::RebuildOff => Self::Settled,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rebuild::run::Failure;

    #[test]
    fn what_is_not_the_releases_own_is_made_again() {
        let of = |reason| Settlement::of(&Verdict::Inconclusive(reason), None, 0);
        let rebuild = |kind| of(InconclusiveReason::Rebuild(Failure::new(kind, "")));
        assert_eq!(Settlement::of(&Verdict::Divergent, None, 0), Settlement::Settled);
        assert_eq!(of(InconclusiveReason::SourceUnreachable(String::new())), Settlement::Soon);
        assert_eq!(of(InconclusiveReason::SourceOutdated), Settlement::NextSweep);
        assert_eq!(of(InconclusiveReason::ArchiveAmbiguous(String::new())), Settlement::Settled);
        assert_eq!(rebuild(FailureKind::NoSandbox), Settlement::NextSweep);
        assert_eq!(rebuild(FailureKind::BuildLimit), Settlement::NextSweep);
        assert_eq!(rebuild(FailureKind::RebuildOff), Settlement::Settled);
        assert_eq!(rebuild(FailureKind::BuildFailed), Settlement::Settled);
    }

    #[test]
    fn the_source_of_a_young_release_may_still_come() {
        let after = |verdict: &Verdict, hours: i64| Settlement::of(verdict, Some(1_000_000), 1_000_000 + hours * 3600);
        for verdict in [Verdict::NoSource, Verdict::Divergent] {
            // Clocks differ.
            for hours in [-1, 0, 23] {
                assert_eq!(after(&verdict, hours), Settlement::NextSweep, "{verdict} after {hours} h");
            }
            assert_eq!(after(&verdict, 24), Settlement::Settled);
        }
        assert_eq!(after(&Verdict::Verbatim, 0), Settlement::Settled);
    }
}
