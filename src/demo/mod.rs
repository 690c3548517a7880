//! The fixture world: small packages with git histories, published trees and a registry on loopback.
//!
//! Descriptions under `fixtures/cases` are data; this module turns them into real bare repositories, real
//! tarballs and a served registry. It never calls the verifier: what each release should lead to is part of
//! the description, and whoever uses the world (the default tests, the demo command) compares.

mod bomb;
mod calendar;
mod case;
mod descriptions;
mod git_host;
mod packument;
mod registry;
mod repository;
mod serving;
mod tarball;
mod tree;
mod world;

pub use bomb::{BOMB_CONTENT_LENGTH, tarball_bomb};
pub use case::{
    ArchiveEntry, Case, CaseError, CaseKind, Change, CommitDescription, Edit, Expectation, ExpectedFailure,
    MetadataKind, Quirk, ReleaseDescription, RepositoryDescription,
};
pub use descriptions::{DESCRIPTIONS, all_cases};
pub use git_host::GitHost;
pub use packument::PackumentError;
pub(crate) use packument::{VersionInput, packument, version_document};
pub use registry::{Registry, RegistryListener, Served};
pub use repository::{BuiltCommit, BuiltRepository, RepositoryError, build_repository};
pub use tarball::{TarballError, build_tarball};
pub use tree::{EditError, Tree, TreeFile, TreeFileKind};
pub use world::{BuiltRelease, World, WorldError};
