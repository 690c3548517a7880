use crate::artifact::ArtifactContents;
use crate::package::{CommitId, PackageName, Version};
use crate::source::directory::{DirectoryQuery, PackageDirectory};
use crate::source::tags::TagForm;

/// Why a commit is a candidate. The order is the order of trust.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Evidence {
    /// `--commit`
    Override,
    /// A tag of the version.
    Tag {
        /// How closely the name fits.
        form: TagForm,
        /// The tag.
        name: String,
    },
    /// The certificate of the workflow that built the artifact.
    Provenance,
    /// The registry's `gitHead`.
    GitHead,
    /// Its manifest has the version and no parent's manifest has it.
    VersionIntroduced,
    /// Its tree holds more of the artifact's files than any other's.
    Content,
}

/// A commit that may be the release's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// The commit.
    pub commit: CommitId,
    /// Everything that speaks for it, strongest first.
    pub evidence: Vec<Evidence>,
    /// Where the package lies in its tree.
    pub directory: PackageDirectory,
    /// How many of the artifact's files its tree holds at their paths, line ends aside.
    pub matched: u32,
    /// How many it holds at their paths with other contents, prose and the manifest apart.
    pub conflicting: u32,
    /// How much prose it holds at its path with other content.
    pub differing_prose: u32,
    /// Whether its manifest has the release's version or leaves it to the release tool; `None` if unknown.
    pub version_agrees: Option<bool>,
    /// Whether its manifest states exactly this package and version.
    pub states_version: bool,
    /// Committer time, seconds since the epoch.
    pub time: i64,
}

/// How firmly the winner is tied to the release.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MatchStanding {
    /// Something besides resemblance says that the release was made from it, or it holds every file.
    Established,
    /// It only resembles the artifact most.
    Nearest,
}

/// The chosen commit and what was passed over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommitMatch {
    /// The commit that the artifact is compared with.
    pub winner: Candidate,
    /// How firmly.
    pub standing: MatchStanding,
    /// The other candidates, best first.
    pub others: Vec<Candidate>,
    /// Commits that metadata names but no branch or tag reaches.
    pub unreachable: Vec<Candidate>,
    /// Commits that metadata names and the repository does not hold.
    pub missing: Vec<CommitId>,
    /// Whether the whole history was searched.
    pub history_searched: bool,
    /// Commit time of the newest branch or tag, seconds since the epoch.
    pub newest_commit: Option<i64>,
}

/// What a match goes by.
#[derive(Debug, Clone, Copy)]
pub struct MatchQuery<'a> {
    /// The package.
    pub name: &'a PackageName,
    /// The version.
    pub version: &'a Version,
    /// The artifact's contents.
    pub artifact: &'a ArtifactContents,
    /// The claimed directory.
    pub directory: Option<&'a str>,
    /// The registry's `gitHead`.
    pub git_head: Option<CommitId>,
    /// The commit that the publisher's proven provenance names, if it names this repository.
    pub provenance: Option<CommitId>,
    /// `--commit`
    pub revision: Option<&'a str>,
    /// When the release was published, seconds since the epoch.
    pub published_at: Option<i64>,
}

impl Evidence {
    /// Whether it is any evidence for a commit that has so many of the artifact's files: its contents are none without one.
    pub(super) fn holds(&self, matched: u32) -> bool {
        *self != Self::Content || matched > 0
    }

    /// Whether whoever publishes says so, and a branch or tag must confirm it.
    pub(super) fn is_claim(&self) -> bool {
        matches!(self, Self::Provenance | Self::GitHead)
    }
}

impl<'a> MatchQuery<'a> {
    /// The commits that come with the release, and who names them.
    pub(super) fn claims(&self) -> impl Iterator<Item = (CommitId, Evidence)> {
        let provenance = self.provenance.map(|commit| (commit, Evidence::Provenance));
        provenance.into_iter().chain(self.git_head.map(|commit| (commit, Evidence::GitHead)))
    }

    pub(super) fn directory_query(&self) -> DirectoryQuery<'a> {
        let manifest = self.artifact.entry("package.json").and_then(|entry| entry.blob);
        DirectoryQuery { claimed: self.directory, name: self.name, version: self.version, manifest }
    }
}
