//! What each line of the flow does; one file per stage.

mod artifact;
mod claim;
mod compare;
mod conclude;
mod earlier;
mod error;
mod examine;
mod judge;
mod moved;
mod output;
mod plans;
mod programs;
mod rebuild;
mod remaining;
mod show;
mod signed;
mod source;

pub(super) use artifact::{fetch, read, refetch};
pub(super) use claim::resolve;
pub(super) use compare::compare_with;
pub(super) use conclude::{conclude, conclude_unread};
pub(super) use earlier::earlier;
pub(super) use error::blocking;
pub(super) use examine::examine;
pub(super) use judge::judge_all;
pub(super) use moved::settle_repository;
pub(super) use output::find_output;
pub(super) use rebuild::rebuild;
pub(super) use show::show;
pub(super) use signed::signed;
pub(super) use source::{discover, discover_proven, match_source};

pub use claim::Claim;
pub use error::VerifyError;
