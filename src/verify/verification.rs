use crate::compare::{FileDiff, RebuiltFile};
use crate::finding::{Finding, Severity};
use crate::ledger::Ledger;
use crate::package::{Integrity, Release, Sha256Digest, Version};
use crate::provenance::PublisherEvidence;
use crate::rebuild::run::RebuildRecord;
use crate::source::git::Completeness;
use crate::source::{CommitMatch, RepositoryClaim};
use crate::verdict::{Verdict, exit};

/// The artifact that was judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArtifactSummary {
    /// SHA-256 of its bytes.
    pub sha256: Sha256Digest,
    /// SHA-512 of its bytes in the form that the registry uses.
    pub integrity: Integrity,
    /// Bytes.
    pub size: u64,
    /// The registry that served it; `None` for a file at hand.
    pub registry: Option<String>,
    /// When the registry says it was published, seconds since the epoch.
    pub published_at: Option<i64>,
}

/// The source that it was compared with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceSummary {
    /// The repository, the claimed directory, and who claims them.
    pub claim: RepositoryClaim,
    /// The commit and how it was found; `None` where the repository holds none.
    pub matched: Option<CommitMatch>,
    /// What was at hand of the repository at the end.
    pub completeness: Completeness,
    /// Whether this is a copy that may be older than the origin.
    pub copy: bool,
    /// How many fetches it took.
    pub fetches: u32,
}

/// The earlier release that unexplained content was compared with, or why with none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Baseline {
    /// The one that the user chose.
    Chosen(Version),
    /// The highest lower one that had been there for a month.
    Settled(Version),
    /// Nothing is unexplained, or nothing could be compared.
    NotNeeded,
    /// The registry knows no lower one that had been there for a month, or was not asked.
    NoneSettled,
    /// There is one, but it could not be had or read.
    Unavailable {
        /// The release.
        version: Version,
        /// What happened.
        detail: String,
    },
}

/// The outcome of one verification: the ledger and what follows from it.
#[derive(Debug, Clone, PartialEq)]
pub struct Verification {
    /// The release.
    pub release: Release,
    /// The artifact.
    pub artifact: ArtifactSummary,
    /// What registry and publisher have signed.
    pub publisher: PublisherEvidence,
    /// The source; `None` where there is no repository that could be opened.
    pub source: Option<SourceSummary>,
    /// Every file with its explanation; `None` where nothing could be compared.
    pub ledger: Option<Ledger>,
    /// What is worth attention, most urgent first.
    pub findings: Vec<Finding>,
    /// Unexplained files against what they were compared with, those of the most urgent findings first.
    pub diffs: Vec<FileDiff>,
    /// What was rebuilt, if anything was to be.
    pub rebuild: Option<RebuildRecord>,
    /// Files that the rebuild made with other content, in the smallest form.
    pub rebuilt: Vec<RebuiltFile>,
    /// The earlier release that unexplained content was compared with.
    pub baseline: Baseline,
    /// The conclusion.
    pub verdict: Verdict,
    /// One sentence that says why, where the ledger does not.
    pub reason: Option<String>,
}

impl Baseline {
    /// The release that was compared with.
    pub fn version(&self) -> Option<&Version> {
        match self {
            Self::Chosen(version) | Self::Settled(version) => Some(version),
            Self::NotNeeded | Self::NoneSettled | Self::Unavailable { .. } => None,
        }
    }

    /// The stable id of why it is this one, or none.
    pub fn id(&self) -> &'static str {
        match self {
            Self::Chosen(_) => "chosen",
            Self::Settled(_) => "settled",
            Self::NotNeeded => "not-needed",
            Self::NoneSettled => "none-settled",
            Self::Unavailable { .. } => "unavailable",
        }
    }
}

impl Verification {
    /// The exit code for this release alone: the verdict's, unless a policy excepts all that speaks against it.
    pub fn exit_code(&self) -> u8 {
        if self.is_excepted() { exit::EXPLAINED } else { self.verdict.exit_code() }
    }

    /// Whether every unexplained file has a finding, and every finding that is more than a note is excepted.
    pub fn is_excepted(&self) -> bool {
        let stated = || self.findings.iter().filter(|finding| finding.rule.severity() != Severity::Note);
        let has_finding = |path: &str| stated().any(|finding| finding.path.as_deref() == Some(path));
        matches!(self.verdict, Verdict::Divergent | Verdict::NoSource)
            && stated().next().is_some()
            && stated().all(|finding| finding.excepted.is_some())
            && self.ledger.iter().flat_map(Ledger::unexplained).all(|file| has_finding(&file.path))
    }
}
