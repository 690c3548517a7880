use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::artifact::ArtifactLimits;
use crate::provenance::Trust;
use crate::registry::{Access, Environment, NpmRegistry, RegistryError, RegistryLimits, RegistryOptions};
use crate::source::git::{GitClient, GitOptions, UrlRewrites};
use crate::verify::{Context, Processors, Progress, RebuildSettings};

/// Where a verification of the suite looks, and what it may remember.
#[derive(Debug, Clone)]
pub struct Setting {
    /// The cache.
    pub cache_directory: PathBuf,
    /// Where npm's configuration of a project would be looked for.
    pub working_directory: PathBuf,
    /// The variables that the registry client reads.
    pub environment: Environment,
    /// Where addresses of repositories lead.
    pub rewrites: UrlRewrites,
    /// How long a remote's answer about its refs is good.
    pub refs_age: Duration,
}

impl Setting {
    /// A context that runs nothing: the suite is about what a comparison alone can tell.
    pub fn context(self) -> Result<Context, RegistryError> {
        let registry = NpmRegistry::new(RegistryOptions {
            cache_directory: self.cache_directory.clone(),
            working_directory: self.working_directory,
            environment: self.environment,
            access: Access::Online,
            limits: RegistryLimits::default(),
        })?;
        let git = GitOptions {
            cache_directory: self.cache_directory,
            offline: false,
            refs_age: self.refs_age,
            client: GitClient::default(),
            rewrites: Arc::new(self.rewrites),
        };
        Ok(Context {
            registry,
            trust: Trust::default(),
            git,
            limits: ArtifactLimits::default(),
            rebuild: RebuildSettings { allowed: false, ..RebuildSettings::default() },
            policy: Arc::default(),
            yara: None,
            processors: Processors::default(),
            progress: Progress::default(),
        })
    }
}
