//! Why a rebuild explains nothing.

use std::fmt;

use serde::Serialize;
use tarproof_sandbox::SandboxError;

use crate::source::git::with_source;

/// What kind of failure it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum FailureKind {
    /// Nothing at the commit says how the package is built.
    NoPlan,
    /// This machine offers no isolation, so nothing was run.
    NoSandbox,
    /// A program that the plan names cannot be had.
    ToolchainUnavailable,
    /// The repository holds no lockfile, and no installation without one succeeded.
    LockfileMissing,
    /// The dependencies could not be installed.
    InstallFailed,
    /// The build wants something that is not in the registry.
    NetworkNeeded,
    /// A command of the build failed.
    BuildFailed,
    /// The build reached a limit.
    BuildLimit,
    /// The build left nothing that could be compared.
    NothingProduced,
    /// The same build makes other content each time.
    NotDeterministic,
    /// The caller allows no rebuild.
    RebuildOff,
}

impl FailureKind {
    /// The stable id.
    pub fn id(self) -> &'static str {
        match self {
            Self::NoPlan => "no-plan",
            Self::NoSandbox => "no-sandbox",
            Self::ToolchainUnavailable => "toolchain-unavailable",
            Self::LockfileMissing => "lockfile-missing",
            Self::InstallFailed => "install-failed",
            Self::NetworkNeeded => "network-needed",
            Self::BuildFailed => "build-failed",
            Self::BuildLimit => "build-limit",
            Self::NothingProduced => "nothing-produced",
            Self::NotDeterministic => "not-deterministic",
            Self::RebuildOff => "rebuild-off",
        }
    }
}

impl fmt::Display for FailureKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.id())
    }
}

/// A failure and what is known of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, thiserror::Error)]
#[error("{kind}: {detail}")]
pub struct Failure {
    /// What kind it is.
    pub kind: FailureKind,
    /// One sentence.
    pub detail: String,
}

impl Failure {
    /// A failure of the given kind.
    pub fn new(kind: FailureKind, detail: impl Into<String>) -> Self {
        Self { kind, detail: detail.into() }
    }
}

impl From<SandboxError> for Failure {
    fn from(error: SandboxError) -> Self {
        let kind = match &error {
            SandboxError::Unsupported { .. } | SandboxError::Start(_) | SandboxError::Mount { .. } => {
                FailureKind::NoSandbox
            }
            _ => FailureKind::BuildFailed,
        };
        Self { kind, detail: with_source(&error) }
    }
}
