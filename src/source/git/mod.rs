//! The only code that reaches a git repository.
//!
//! Local repositories (a path given by the user, or one that the user's own `url.*.insteadOf` maps an
//! address to) are opened where they are, read-only. Everything else is fetched into bare repositories
//! in the cache by the git client: first the trees of the one commit that the release's tag names, whole
//! history only when that is not enough, single blobs only for files that differ. No work tree, hook,
//! submodule or filter is ever involved.

mod cache;
mod causes;
mod client;
mod config;
mod plain;
mod remote;
pub(crate) mod repository;
mod tag_names;

pub(crate) use causes::with_source;
pub use client::{GitClient, GitFailure};
pub use config::UrlRewrites;
pub use repository::{Completeness, Gap, GitOptions, MovedTag, SourceError, SourceRepository};
