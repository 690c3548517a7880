//! npm's packer: which files it selects, and how publishing tools rewrite the manifest.

pub mod manifest;
pub mod packlist;
