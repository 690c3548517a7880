use std::io;
use std::path::PathBuf;

use super::ToolName;
use crate::artifact::ArtifactError;
use crate::package::Release;
use crate::registry::RegistryError;

/// Why a program could not be provided.
#[derive(Debug, thiserror::Error)]
pub enum ToolchainError {
    /// No version that fits, nor one near it.
    #[error("no {tool} for `{}` can be had", requested.escape_debug())]
    Unavailable {
        /// The program.
        tool: ToolName,
        /// What was asked for.
        requested: String,
        /// What the registry said last, if it was asked.
        #[source]
        source: Option<Box<RegistryError>>,
    },
    /// The registry could not be asked, or the cache not used.
    #[error("the registry gave no {tool}")]
    Registry {
        /// The program.
        tool: ToolName,
        /// Why.
        #[source]
        source: Box<RegistryError>,
    },
    /// Other bytes than those that are pinned or stated.
    #[error("`{release}` is not what it must be: expected {expected}, got {actual}")]
    DigestMismatch {
        /// The registry package and its version.
        release: Box<Release>,
        /// The digest that is pinned or stated.
        expected: String,
        /// The digest of what was served.
        actual: String,
    },
    /// The registry states no digest, so nothing ties the bytes to the package.
    #[error("the registry states no digest for `{release}`")]
    NoDigest {
        /// The registry package and its version.
        release: Box<Release>,
    },
    /// The registry has no programs for this machine.
    #[error("there are no toolchains for {system} on {architecture}")]
    UnsupportedPlatform {
        /// The operating system.
        system: &'static str,
        /// The processor.
        architecture: &'static str,
    },
    /// The tarball cannot be unpacked.
    #[error("the archive of `{release}` cannot be unpacked")]
    Archive {
        /// The registry package and its version.
        release: Box<Release>,
        /// Why.
        #[source]
        source: ArtifactError,
    },
    /// The unpacked package is not the program that it should be.
    #[error("`{release}` has no program: {reason}")]
    NoProgram {
        /// The registry package and its version.
        release: Box<Release>,
        /// What is missing.
        reason: &'static str,
    },
    /// The cache directory could not be used.
    #[error("cannot {action} `{}`", path.display())]
    Store {
        /// What was tried.
        action: &'static str,
        /// Where.
        path: PathBuf,
        /// Why it failed.
        #[source]
        source: io::Error,
    },
    /// A task of this program ended early.
    #[error("the toolchain could not be unpacked")]
    Task(#[from] tokio::task::JoinError),
}
