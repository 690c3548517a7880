//! The source side: which repository, which commit, and what that commit's tree holds.
//!
//! [`location`] reads what metadata says about the repository, [`git`] is the only code that reaches
//! one, [`match_commit`] decides by evidence which commit the artifact is compared with. Nothing is
//! ever checked out; hashes in trees answer most questions without reading a single file.

pub mod directory;
pub mod git;
pub mod history;
pub mod location;
pub mod match_commit;
pub mod repository_move;
pub mod scoring;
pub mod seen_lines;
pub mod tags;
pub mod tree;

pub use location::{ClaimOrigin, RepositoryClaim, RepositoryLocation};
pub use match_commit::{Candidate, CommitMatch, Evidence, MatchStanding};
