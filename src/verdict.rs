//! What a verification concludes, and the exit codes that say it.

use std::fmt;

use crate::ledger::{Explanation, Ledger};
use crate::package::{is_document, is_document_of_package};
use crate::rebuild::run::Failure;

/// Exit codes of every command that verifies.
pub mod exit {
    /// Every file is explained.
    pub const EXPLAINED: u8 = 0;
    /// At least one package is divergent or has no source.
    pub const UNEXPLAINED: u8 = 1;
    /// The command line, the configuration or a subject is wrong.
    pub const USAGE: u8 = 2;
    /// At least one package could not be judged, and none is worse.
    pub const INCONCLUSIVE: u8 = 3;
    /// The environment (network, registry, disk) or the program itself failed.
    pub const FAILURE: u8 = 4;
}

/// The outcome of one verification.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Every file is a git blob of the matched commit or derived by a packer rule.
    Verbatim,
    /// As verbatim, and the other files came byte for byte out of a rebuild.
    Reproduced,
    /// The rest is explained by named stabilizers or by attribution.
    Equivalent,
    /// At least one file, or the manifest, is not explained by the source.
    Divergent,
    /// No commit of the claimed repository is the release's.
    NoSource,
    /// It could not be told.
    Inconclusive(InconclusiveReason),
}

/// Why it could not be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InconclusiveReason {
    /// The repository cannot be fetched or opened.
    SourceUnreachable(String),
    /// The clone at hand lacks what would have to be compared.
    SourceIncomplete(String),
    /// The copy at hand ends before the release was published.
    SourceOutdated,
    /// The artifact is not an archive that can be read to its end.
    ArtifactUnreadable(String),
    /// Two readers may read the archive differently.
    ArchiveAmbiguous(String),
    /// A bound on size or number was hit.
    LimitReached(String),
    /// What the commit does not explain might come out of a build, and no rebuild could tell.
    Rebuild(Failure),
}

impl InconclusiveReason {
    /// The reason's stable id.
    pub fn id(&self) -> &'static str {
        match self {
            Self::SourceUnreachable(_) => "source-unreachable",
            Self::SourceIncomplete(_) => "source-incomplete",
            Self::SourceOutdated => "source-outdated",
            Self::ArtifactUnreadable(_) => "artifact-unreadable",
            Self::ArchiveAmbiguous(_) => "archive-ambiguous",
            Self::LimitReached(_) => "limit-reached",
            Self::Rebuild(failure) => failure.kind.id(),
        }
    }

    /// What happened, where there is more to say than the id.
    pub fn detail(&self) -> Option<&str> {
        match self {
            Self::SourceUnreachable(detail)
            | Self::SourceIncomplete(detail)
            | Self::ArtifactUnreadable(detail)
            | Self::ArchiveAmbiguous(detail)
            | Self::LimitReached(detail) => Some(detail),
            Self::Rebuild(failure) => Some(&failure.detail),
            Self::SourceOutdated => None,
        }
    }
}

impl Verdict {
    /// The verdict's stable id, without the reason.
    pub fn id(&self) -> &'static str {
        match self {
            Self::Verbatim => "verbatim",
            Self::Reproduced => "reproduced",
            Self::Equivalent => "equivalent",
            Self::Divergent => "divergent",
            Self::NoSource => "no-source",
            Self::Inconclusive(_) => "inconclusive",
        }
    }

    /// The exit code for this verdict alone.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Verbatim | Self::Reproduced | Self::Equivalent => exit::EXPLAINED,
            Self::Divergent | Self::NoSource => exit::UNEXPLAINED,
            Self::Inconclusive(_) => exit::INCONCLUSIVE,
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Inconclusive(reason) => write!(formatter, "inconclusive({})", reason.id()),
            other => formatter.write_str(other.id()),
        }
    }
}

/// Joins the exit codes of several packages: what needs a human most wins.
pub fn worst_exit_code(codes: impl IntoIterator<Item = u8>) -> u8 {
    let urgency = |code: &u8| match *code {
        exit::UNEXPLAINED => 4,
        exit::FAILURE => 3,
        exit::USAGE => 2,
        exit::INCONCLUSIVE => 1,
        _ => 0,
    };
    codes.into_iter().max_by_key(urgency).unwrap_or(exit::EXPLAINED)
}

/// What the ledger alone says, once a commit is established as the release's.
pub fn of_ledger(ledger: &Ledger) -> Verdict {
    let mut verdict = Verdict::Verbatim;
    for file in &ledger.files {
        match &file.explanation {
            Explanation::GitBlob | Explanation::Derived { .. } => {}
            // A copied licence or readme is what packers do; code at another place is weaker evidence.
            Explanation::GitBlobMoved { from } if is_document_of_package(&file.path) && is_document(from) => {}
            Explanation::Rebuilt if verdict == Verdict::Verbatim => verdict = Verdict::Reproduced,
            Explanation::Rebuilt => {}
            Explanation::GitBlobMoved { .. }
            | Explanation::Stabilized { .. }
            | Explanation::RebuiltStabilized { .. }
            | Explanation::Attributed { .. }
            | Explanation::History { .. } => verdict = Verdict::Equivalent,
            Explanation::Modified { .. } | Explanation::ArtifactOnly { .. } => return Verdict::Divergent,
        }
    }
    verdict
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_outcome_decides_the_exit_code() {
        assert_eq!(worst_exit_code([]), exit::EXPLAINED);
        assert_eq!(worst_exit_code([0, 3]), exit::INCONCLUSIVE);
        assert_eq!(worst_exit_code([3, 4, 0]), exit::FAILURE);
        assert_eq!(worst_exit_code([4, 1, 3]), exit::UNEXPLAINED);
    }
}
