//! A release that names another repository than the package's releases before it.
//!
//! Whoever may publish writes the `repository` field, and can write down a repository of his own that fits to the byte.
//! What earlier releases name he cannot change, so that repository is asked.

use crate::package::Version;
use crate::source::{CommitMatch, MatchStanding, RepositoryLocation};

/// The change of repository between an earlier release and this one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RepositoryMove {
    /// What the earlier release names.
    pub from: RepositoryLocation,
    /// What this release names.
    pub to: RepositoryLocation,
    /// The earlier release.
    pub version: Version,
    /// Whether no release that had been there for 30 days names the new one.
    pub is_new: bool,
    /// What the earlier repository says of it.
    pub answer: MoveAnswer,
}

/// What the repository of the earlier releases says of this one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MoveAnswer {
    /// It has a commit that is the release's, with as many of its files as the new one has.
    Confirmed,
    /// It has no such commit.
    Denied,
    /// It was not asked: higher versions of a month later name the new one, too.
    Lasted,
    /// It could not be asked, or what is at hand of it ends too early.
    Unknown(String),
}

impl MoveAnswer {
    /// Weighs what was found in the earlier repository and what in the new one.
    pub fn of(earlier: &CommitMatch, new: Option<&CommitMatch>) -> Self {
        let is_as_good = new.is_none_or(|new| new.winner.matched <= earlier.winner.matched);
        if is_as_good && earlier.standing == MatchStanding::Established { Self::Confirmed } else { Self::Denied }
    }
}
