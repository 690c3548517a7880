//! Runs plans in the sandbox, one after the other, and keeps a record of each try.
//!
//! What comes out is an archive and a record; whether it explains anything is the comparison's to say.

mod attempt;
mod elsewhere;
mod export;
mod failure;
mod git_index;
mod kept;
mod log;
mod native;
mod programs;
mod record;
mod symptoms;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use tarproof_sandbox::Sandbox;
use tokio::runtime::Handle;

pub(crate) use elsewhere::is_private;
pub use failure::{Failure, FailureKind};
pub use kept::Kept;
pub use record::{Attempt, AttemptResult, RanCommand, RebuildRecord, Requests, UsedTool};

use crate::package::{CommitId, Release};
use crate::rebuild::Plan;
use crate::rebuild::toolchain::{Tool, Toolchain, Toolchains};
use crate::registry::NpmRegistry;
use crate::source::git::{SourceRepository, with_source};

/// Where a rebuild stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// The commit's contents are written into the sandbox.
    Fetch,
    /// Dependencies are installed.
    Install,
    /// The build runs.
    Build,
    /// What came out is compared.
    Compare,
}

impl Stage {
    /// What is being done, for people.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Fetch => "fetching",
            Self::Install => "installing",
            Self::Build => "building",
            Self::Compare => "comparing",
        }
    }
}

/// What one rebuild may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RebuildLimits {
    /// All plans of one package together.
    pub time: Duration,
    /// Bytes, what is written included.
    pub memory: u64,
    /// Bytes in all writable places together.
    pub disk: u64,
    /// Processes and threads at a time.
    pub processes: u32,
    /// How much processor time may pass in one second.
    pub processors: u32,
    /// Bytes that one command may print.
    pub output: u64,
    /// Bytes of the archive that comes out.
    pub archive: u64,
}

impl Default for RebuildLimits {
    fn default() -> Self {
        const GIBIBYTE: u64 = 1 << 30;
        Self {
            time: Duration::from_secs(20 * 60),
            memory: 6 * GIBIBYTE,
            disk: 4 * GIBIBYTE,
            processes: 1024,
            processors: 8,
            output: 32 << 20,
            archive: GIBIBYTE,
        }
    }
}

/// Rebuilds one release.
pub struct Rebuilder<'a> {
    /// The release.
    pub release: &'a Release,
    /// Its source.
    pub source: &'a SourceRepository,
    /// The matched commit.
    pub commit: &'a CommitId,
    /// The registry that toolchains and dependencies come from.
    pub registry: &'a NpmRegistry,
    /// What it may use.
    pub limits: RebuildLimits,
    /// How sandboxes are started.
    pub sandbox: &'a Sandbox,
    /// Where toolchains are kept.
    pub cache_directory: PathBuf,
    /// Where the logs and archives go.
    pub kept: Kept,
    /// Told where it stands.
    pub stage: &'a dyn Fn(Stage),
    /// The runtime that the registry view runs on; not this thread's own.
    pub handle: Handle,
    /// When the time is over.
    pub deadline: Instant,
}

impl std::fmt::Debug for Rebuilder<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Rebuilder").field("release", &self.release).finish_non_exhaustive()
    }
}

impl Rebuilder<'_> {
    /// Tries one plan; `number` tells the tries of one release apart.
    pub fn attempt(&self, plan: &Plan, number: usize) -> (Attempt, Result<PathBuf, Failure>) {
        let toolchains = Toolchains::new(self.registry.clone(), &self.cache_directory);
        let provide = |tools| self.handle.block_on(toolchains.provide(tools, plan.clock));
        let toolchain = match plan.tools.as_ref().map(provide).transpose() {
            Ok(toolchain) => toolchain,
            Err(error) => {
                let failure = Failure::new(FailureKind::ToolchainUnavailable, with_source(&error));
                let attempt = Attempt::new(plan, Vec::new(), &failure);
                return (attempt, Err(failure));
            }
        };
        let is_own = |tool: &&Tool| tool.package == self.release.name && tool.version == self.release.version;
        if let Some(tool) = toolchain.iter().flat_map(Toolchain::tools).find(is_own) {
            let detail = format!("{} {} would take part in its own rebuild", tool.package, tool.version);
            let failure = Failure::new(FailureKind::ToolchainUnavailable, detail);
            let attempt = Attempt::new(plan, Vec::new(), &failure);
            return (attempt, Err(failure));
        }
        attempt::attempt(
            plan,
            &attempt::Workplace {
                release: self.release,
                source: self.source,
                commit: self.commit,
                toolchain: toolchain.as_ref(),
                registry: self.registry,
                limits: &self.limits,
                sandbox: self.sandbox,
                deadline: self.deadline,
                handle: &self.handle,
                directory: self.kept.directory().join(number.to_string()),
                stage: self.stage,
            },
        )
    }
}
