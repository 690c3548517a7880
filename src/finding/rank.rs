//! The order for human attention: from what a rule found to how urgently somebody should look.
//!
//! A rule's own risk is where it begins. What else counts depends on the rule's [`Weighing`]:
//!
//! | weighing | the risk is |
//! |---|---|
//! | fixed | the rule's own |
//! | context | the rule's own, but `low` while every file is explained and the commit is the release's |
//! | content | as below, the first line that applies |
//!
//! | content of a file | the risk is |
//! |---|---|
//! | document, type declaration or source map that nothing runs by itself | `low`; `medium` with a signal, or where a file refers to it |
//! | that an earlier release had, too | `low`; `medium` with a signal, unless it is inert |
//! | runs at installation | `critical` |
//! | runs on import or as a command, and a build that was not run may have made it | `medium`; `high` with a signal |
//! | runs on import or as a command | at least `high`, one step more urgent with a signal |
//! | can be reached, and a build that was not run may have made it | `medium`; `high` with a signal |
//! | can be reached | at least `medium`, one step more urgent with a signal |
//! | inert, without a signal where one would be seen, and a build that was not run may have made it | `low` |
//! | inert, and its kind takes effect by imports alone | `medium` |
//! | anything else | the rule's own, one step more urgent with a signal |
//!
//! Signals that count are those of [`is_alarming`], as most programs read files and the environment, and matches of the
//! user's YARA rules. Of build output those do not count that the earlier release's file at the same path had, too.
//!
//! So an unexplained file is never below `medium`, unless nothing runs it and people read it or a build may have made it;
//! and a release whose files are all explained has nothing above `low`, the facts aside that no explanation excuses.

use crate::capability::Capability;
use crate::finding::{FileKind, Risk};
use crate::reach::Reach;

/// What counts for the risk of a rule's findings beside the rule's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weighing {
    /// Nothing: a key of the manifest takes effect by itself, and a broken archive is one.
    Fixed,
    /// Whether anything is unexplained: what is odd about a release matters beside files that nobody can explain.
    Context,
    /// When the file takes effect, what it can do, and whether it is new.
    Content,
}

/// Everything that one finding's risk depends on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Weight {
    /// The finding's own risk.
    pub own: Risk,
    /// What counts.
    pub weighing: Weighing,
    /// Whether every file is explained by a commit that is the release's.
    pub explained: bool,
    /// What the file is.
    pub kind: FileKind,
    /// When the file takes effect, if that was looked at.
    pub reach: Option<Reach>,
    /// Whether the unexplained part does what attacks do.
    pub alarming: bool,
    /// Whether an earlier release had the same unexplained content.
    pub unchanged: bool,
    /// Whether a build that was not run to its end may have made it.
    pub awaits_build: bool,
    /// Whether a signal would have been seen if it had one.
    pub may_be_quiet: bool,
}

/// The risk, by the tables above.
pub fn rank(weight: &Weight) -> Risk {
    match weight.weighing {
        Weighing::Fixed => weight.own,
        Weighing::Context if weight.explained => Risk::Low,
        Weighing::Context => weight.own,
        Weighing::Content => of_content(weight),
    }
}

fn of_content(weight: &Weight) -> Risk {
    let runs = matches!(weight.reach, Some(Reach::Install | Reach::Import | Reach::Command));
    if weight.unchanged {
        // An attack that the release before carried, too, is none the better for that.
        return if weight.alarming && weight.reach != Some(Reach::Inert) { Risk::Medium } else { Risk::Low };
    }
    // What something refers to, or what does what programs do, is more than a text.
    let is_read = weight.reach == Some(Reach::Reachable) || weight.alarming;
    if weight.kind.is_read_only() && !runs {
        return if is_read { Risk::Medium } else { Risk::Low };
    }
    // The order of risks begins with the most urgent one, so that the lesser of two is the more urgent.
    let risk = match weight.reach {
        Some(Reach::Install) => return Risk::Critical,
        // Every program that is built runs on import, and nothing is known against this one.
        Some(Reach::Import | Reach::Command | Reach::Reachable)
            if weight.awaits_build && weight.kind != FileKind::Unfollowed =>
        {
            Risk::Medium
        }
        Some(Reach::Import | Reach::Command) => weight.own.min(Risk::High),
        Some(Reach::Reachable) => weight.own.min(Risk::Medium),
        Some(Reach::Inert) if weight.kind != FileKind::Unfollowed => {
            let is_quiet = weight.awaits_build && weight.may_be_quiet && !weight.alarming;
            return if is_quiet { Risk::Low } else { Risk::Medium };
        }
        Some(Reach::Inert) | None => weight.own,
    };
    if weight.alarming { more_urgent(risk) } else { risk }
}

fn more_urgent(risk: Risk) -> Risk {
    match risk {
        Risk::Critical | Risk::High => Risk::Critical,
        Risk::Medium => Risk::High,
        Risk::Low => Risk::Medium,
    }
}

/// Whether a signal makes a file more urgent.
pub(crate) fn is_alarming(capability: Capability) -> bool {
    match capability {
        Capability::DynamicCode
        | Capability::Process
        | Capability::Network
        | Capability::Patching
        | Capability::EncodedPayload
        | Capability::WalletAddress => true,
        Capability::Environment | Capability::FileSystem => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: Weight = Weight {
        own: Risk::Medium,
        weighing: Weighing::Content,
        explained: false,
        kind: FileKind::Code,
        reach: None,
        alarming: false,
        unchanged: false,
        awaits_build: false,
        may_be_quiet: true,
    };

    #[test]
    fn content_is_ranked_by_the_table() {
        use FileKind::{Code, Data, Declaration, Document, SourceMap, Unfollowed};
        use Reach::{Command, Import, Inert, Install, Reachable};
        use Risk::{Critical, High, Low, Medium};
        for (own, kind, reach, alarming, expected) in [
            (Medium, Code, None, false, Medium),
            (Medium, Code, None, true, High),
            (High, Code, None, false, High),
            (High, Code, None, true, Critical),
            (Medium, Code, Some(Install), false, Critical),
            (Medium, Data, Some(Install), true, Critical),
            (Medium, Code, Some(Import), false, High),
            (Medium, Code, Some(Import), true, Critical),
            (High, Code, Some(Command), false, High),
            (Medium, Code, Some(Command), true, Critical),
            (Medium, Code, Some(Reachable), false, Medium),
            (Medium, Code, Some(Reachable), true, High),
            (Low, Code, Some(Reachable), false, Medium),
            (High, Code, Some(Reachable), false, High),
            (Medium, Code, Some(Inert), true, Medium),
            (High, Code, Some(Inert), true, Medium),
            (Low, Data, Some(Inert), false, Medium),
            (High, Unfollowed, Some(Inert), false, High),
            (High, Unfollowed, None, false, High),
            (Medium, Document, None, true, Medium),
            (High, Document, Some(Reachable), false, Medium),
            (High, Document, Some(Inert), false, Low),
            (Medium, Document, Some(Import), false, High),
            (Medium, Declaration, Some(Inert), false, Low),
            (Medium, Declaration, Some(Install), false, Critical),
            (Medium, SourceMap, None, false, Low),
        ] {
            let weight = Weight { own, kind, reach, alarming, ..PLAIN };
            assert_eq!(rank(&weight), expected, "{weight:?}");
            let known = rank(&Weight { unchanged: true, ..weight });
            assert!(known == Low || known == Medium && alarming, "{weight:?}");
        }
    }

    #[test]
    fn build_output_that_waits_for_a_build_is_no_more_urgent_for_running_later() {
        for own in [Risk::High, Risk::Medium, Risk::Low] {
            for (reach, alarming, expected) in [
                (Reach::Import, false, Risk::Medium),
                (Reach::Reachable, false, Risk::Medium),
                (Reach::Import, true, Risk::High),
                (Reach::Reachable, true, Risk::High),
                (Reach::Install, false, Risk::Critical),
                (Reach::Inert, false, Risk::Low),
                (Reach::Inert, true, Risk::Medium),
            ] {
                let weight = Weight { own, reach: Some(reach), alarming, awaits_build: true, ..PLAIN };
                assert_eq!(rank(&weight), expected, "{weight:?}");
                let script = Weight { may_be_quiet: false, ..weight };
                assert_eq!(rank(&script), expected.min(Risk::Medium), "{script:?}");
                let machine_code = Weight { kind: FileKind::Unfollowed, own: Risk::High, alarming: false, ..weight };
                assert!(rank(&machine_code) <= Risk::High, "{machine_code:?}");
            }
        }
    }

    #[test]
    fn what_is_odd_counts_while_something_is_unexplained() {
        for (weighing, explained, expected) in [
            (Weighing::Context, true, Risk::Low),
            (Weighing::Context, false, Risk::High),
            (Weighing::Fixed, true, Risk::High),
            (Weighing::Fixed, false, Risk::High),
        ] {
            let weight = Weight {
                own: Risk::High,
                weighing,
                explained,
                reach: Some(Reach::Inert),
                unchanged: true,
                alarming: true,
                ..PLAIN
            };
            assert_eq!(rank(&weight), expected, "{weight:?}");
        }
    }

    #[test]
    fn most_programs_read_files_and_the_environment() {
        assert!(is_alarming(Capability::Process));
        assert!(!is_alarming(Capability::FileSystem));
    }
}
