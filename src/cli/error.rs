//! Errors at the top: who must act, and what to do next.

use crate::report::printable::printable;
use crate::store::StoreError;
use crate::sweep::DispatchError;
use crate::verdict::exit;
use crate::verify::VerifyError;

/// An error that ends a command, by who must act.
#[derive(Debug)]
pub(super) enum CliError {
    /// The command line, the configuration or a subject is wrong.
    Usage(anyhow::Error),
    /// The registry, the network or the disk failed.
    Environment(anyhow::Error),
    /// An artifact cannot be judged.
    Inconclusive(anyhow::Error),
    /// A signed statement is not proven or not accepted.
    Refused(anyhow::Error),
}

impl CliError {
    pub(super) fn usage(error: impl Into<anyhow::Error>) -> Self {
        Self::Usage(error.into())
    }

    pub(super) fn environment(error: impl Into<anyhow::Error>) -> Self {
        Self::Environment(error.into())
    }

    pub(super) fn exit_code(&self) -> u8 {
        match self {
            Self::Usage(_) => exit::USAGE,
            Self::Environment(_) => exit::FAILURE,
            Self::Inconclusive(_) => exit::INCONCLUSIVE,
            Self::Refused(_) => exit::UNEXPLAINED,
        }
    }

    /// The message with its causes, one line, safe to show.
    pub(super) fn message(&self) -> String {
        let (Self::Usage(error) | Self::Environment(error) | Self::Inconclusive(error) | Self::Refused(error)) = self;
        printable(&chain(error))
    }
}

/// Joins an error with its causes; a cause that its parent already repeats is left out.
fn chain(error: &anyhow::Error) -> String {
    let mut text = error.to_string();
    for cause in error.chain().skip(1) {
        let cause = message_of(cause);
        if !text.contains(&cause) {
            text.push_str(": ");
            text.push_str(cause.trim());
        }
    }
    text
}

/// An error's own words; libgit2's without its class and code, which mean nothing to a user.
fn message_of(error: &(dyn std::error::Error + 'static)) -> String {
    error.downcast_ref::<git2::Error>().map_or_else(|| error.to_string(), |error| error.message().to_owned())
}

impl From<StoreError> for CliError {
    fn from(error: StoreError) -> Self {
        Self::environment(error)
    }
}

impl From<DispatchError> for CliError {
    fn from(error: DispatchError) -> Self {
        Self::environment(error)
    }
}

impl From<VerifyError> for CliError {
    fn from(error: VerifyError) -> Self {
        match error {
            VerifyError::ArtifactFile { .. }
            | VerifyError::Anonymous { .. }
            | VerifyError::NotEarlier { .. }
            | VerifyError::UnknownRevision { .. }
            | VerifyError::UnknownDirectory { .. } => Self::usage(error),
            VerifyError::Unreadable { .. } => Self::Inconclusive(error.into()),
            other => Self::environment(other),
        }
    }
}
