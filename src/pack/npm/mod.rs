//! npm's packer: which files it selects, and how publishing tools rewrite the manifest.

pub(crate) mod archive;
mod clean_docs;
pub mod manifest;
pub mod packlist;

pub use archive::ArchiveError;
pub use clean_docs::is_cleaned_readme;
