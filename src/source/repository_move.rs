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
    /// Whether the next lower version does not name it either, so that the change is this release's.
    pub is_new: bool,
    /// What the earlier repository says of it.
    pub answer: MoveAnswer,
}

/// What the repository of the earlier releases says of this one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MoveAnswer {
    /// It holds the release as well as the new one does.
    Confirmed,
    /// It holds no commit that is the release's, or one that explains less.
    Denied,
    /// It could not be asked, or what is at hand of it ends too early.
    Unknown(String),
}

impl MoveAnswer {
    /// Compares what the earlier repository holds of the release with what the new one does.
    pub fn of(earlier: &CommitMatch, new: Option<&CommitMatch>) -> Self {
        let is_as_good = new.is_none_or(|new| new.winner.matched <= earlier.winner.matched);
        if is_as_good && earlier.standing == MatchStanding::Established { Self::Confirmed } else { Self::Denied }
    }
}
