use std::path::PathBuf;

use crate::artifact::ArtifactLimits;
use crate::package::Subject;
use crate::registry::NpmRegistry;
use crate::source::RepositoryLocation;
use crate::source::git::GitOptions;

/// One thing to verify, and what the user overrides.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// The release; without it the artifact's own manifest names it and no registry is asked.
    pub subject: Option<Subject>,
    /// A file at hand that is judged instead of what the registry serves.
    pub artifact: Option<PathBuf>,
    /// Where the source is, whatever the metadata says.
    pub repository: Option<RepositoryLocation>,
    /// The commit, whatever the evidence says.
    pub revision: Option<String>,
    /// The package's directory in the repository, whatever the metadata says.
    pub directory: Option<String>,
    /// Which differences are written out.
    pub shown: Shown,
}

/// Which differences a verification writes out line by line.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Shown {
    /// The beginnings of the first unexplained files.
    #[default]
    Excerpts,
    /// Every unexplained file, whole.
    Unexplained,
    /// One file, explained or not, whole.
    File(String),
}

/// What every verification of a run shares; cheap to clone.
#[derive(Debug, Clone)]
pub struct Context {
    /// The npm registry.
    pub registry: NpmRegistry,
    /// How repositories are reached.
    pub git: GitOptions,
    /// Bounds on artifacts.
    pub limits: ArtifactLimits,
}
