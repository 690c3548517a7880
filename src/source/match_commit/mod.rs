//! Decides, by evidence, which commit the artifact is compared with.
//!
//! No single signal is always right: tags are moved or put on the wrong commit, `gitHead` is stale,
//! releases are made from untagged commits. So every candidate is scored by how many of the artifact's
//! files its tree holds, and names only break ties. Phases: the commits that somebody names (user,
//! gitHead, tags); if those leave files unmatched that the repository holds elsewhere, the whole history.
//! Only commits that a branch or tag reaches may win: anyone can attach a commit to a repository by
//! opening a pull request.

mod candidate;
mod manifest;
mod rank;
mod search;
mod walk;

pub use candidate::{Candidate, CommitMatch, Evidence, MatchQuery, MatchStanding};
pub use search::{likely_commit, match_commit};
