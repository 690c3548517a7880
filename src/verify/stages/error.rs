//! What can fail on our side, and how blocking work is run.

use std::path::PathBuf;

use crate::artifact::ArtifactError;
use crate::package::Version;
use crate::registry::RegistryError;

/// Why a verification ended without a verdict.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// The registry failed, or does not know the release.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// A file given by the user cannot be read.
    #[error("cannot read the artifact `{}`", path.display())]
    ArtifactFile {
        /// Where it is.
        path: PathBuf,
        /// The system's reason.
        #[source]
        source: std::io::Error,
    },
    /// A file given without a subject cannot be read so far that it says what it is.
    #[error("the artifact `{}` cannot be read", path.display())]
    Unreadable {
        /// Where it is.
        path: PathBuf,
        /// Why not.
        #[source]
        source: ArtifactError,
    },
    /// A file given without a subject does not say what it is.
    #[error("the artifact `{}` does not name its release: {reason}", path.display())]
    Anonymous {
        /// Where it is.
        path: PathBuf,
        /// What is missing.
        reason: String,
    },
    /// `--commit` names nothing in the repository.
    #[error("the repository `{repository}` has no commit `{}`", revision.escape_debug())]
    UnknownRevision {
        /// What was asked for.
        revision: String,
        /// Where.
        repository: String,
    },
    /// `--directory` names no directory of the commit.
    #[error("commit {commit} of `{repository}` has no package in the directory `{}`", directory.escape_debug())]
    UnknownDirectory {
        /// What was asked for.
        directory: String,
        /// The commit.
        commit: String,
        /// Where.
        repository: String,
    },
    /// `--since` names no earlier release.
    #[error("`--since` names {since}, which is not earlier than {version}")]
    NotEarlier {
        /// What was asked for.
        since: Version,
        /// The release.
        version: Version,
    },
    /// The cache holds other bytes than it recorded.
    #[error("the cached artifact `{}` is damaged", path.display())]
    DamagedCache {
        /// Where it is.
        path: PathBuf,
    },
    /// A worker thread ended early.
    #[error("internal error: a worker ended early")]
    Worker(#[source] tokio::task::JoinError),
}

/// Runs work that blocks on disk, git or the processor away from the network's thread.
pub(in crate::verify) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, VerifyError> + Send + 'static,
) -> Result<T, VerifyError> {
    tokio::task::spawn_blocking(work).await.map_err(VerifyError::Worker)?
}
