//! What the stages established, as the rules see it.

use std::fmt;

use crate::artifact::{ArchiveAnomaly, ArtifactContents, EntryKind};
use crate::capability::Signal;
use crate::compare::RemovedLines;
use crate::finding::Novelty;
use crate::ledger::{Explanation, Ledger, LedgerFile};
use crate::pack::npm::manifest::ManifestDifference;
use crate::package::{CommitId, PackageName};
use crate::provenance::PublisherEvidence;
use crate::reach::Reach;
use crate::registry::ReleaseMetadata;
use crate::source::git::MovedTag;
use crate::source::location::{LocationError, RepositoryLocation};
use crate::source::match_commit::{Candidate, CommitMatch, MatchStanding};
use crate::source::repository_move::RepositoryMove;
use crate::yara::YaraScan;

/// Tells of a file when it takes effect, and on what way; `None` where that is not known.
pub type ReachOf<'a> = dyn Fn(&str) -> Option<(Reach, Vec<String>)> + 'a;

/// Tells of a file which earlier release had the same unexplained content, if one did.
pub type VersionOf<'a> = dyn Fn(&str) -> Option<String> + 'a;

/// Tells of a file or key that is unexplained what is new about it since the earlier release, if anything is.
pub type NoveltyOf<'a> = dyn Fn(&str) -> Option<Novelty> + 'a;

/// Reads a published file, where its content was kept.
pub type ContentOf<'a> = dyn Fn(&str) -> Option<Vec<u8>> + 'a;

/// What one unexplained file holds that the source does not.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UnexplainedText {
    /// The file.
    pub path: String,
    /// Added lines or statements; all of the file where the source has none at its place.
    pub text: String,
    /// Runs of unexplained lines of the published file in their order, first and last of each, counted from 1.
    pub lines: Vec<(usize, usize)>,
    /// Runs of lines that the source has and the published file lacks.
    pub removed: Vec<RemovedLines>,
    /// What the text can do.
    pub signals: Vec<Signal>,
    /// Whether the text looks as a minifier writes.
    pub minified: bool,
    /// Whether the text looks as an obfuscator writes.
    pub obfuscated: bool,
    /// Whether the file is no text; `text` is then of no use.
    pub is_binary: bool,
    /// Whether the file may be a program and was too much to read; nothing is known of what it can do.
    pub is_unread: bool,
    /// Whether it is a program and could not be parsed, so that it may do more than its words tell.
    pub is_unparsed: bool,
    /// What the user's rules say of the whole file.
    pub yara: YaraScan,
}

/// What the stages established about one artifact.
#[derive(Clone, Default)]
pub struct Evidence<'a> {
    /// The package.
    pub name: Option<&'a PackageName>,
    /// What the registry states about the release, if it serves it.
    pub metadata: Option<&'a ReleaseMetadata>,
    /// What registry and publisher have signed.
    pub publisher: Option<&'a PublisherEvidence>,
    /// The artifact, if it could be read.
    pub artifact: Option<&'a ArtifactContents>,
    /// The ledger, if there was a commit to compare with.
    pub ledger: Option<&'a Ledger>,
    /// Whether the metadata names no repository that could be looked at.
    pub no_repository: bool,
    /// The chosen commit.
    pub matched: Option<&'a CommitMatch>,
    /// Whether the repository at hand may lack commits that its origin has.
    pub source_incomplete: bool,
    /// Tags that moved since they were last seen.
    pub moved_tags: &'a [MovedTag],
    /// Repository fields that name nothing fetchable.
    pub refused_locations: &'a [LocationError],
    /// The repository that the release names and that could not be opened, and why, where another was compared with.
    pub unreached: Option<(&'a RepositoryLocation, &'a str)>,
    /// How the repository differs from the one that an earlier release names.
    pub repository_move: Option<&'a RepositoryMove>,
    /// Where the registry's metadata contradicts the artifact's manifest.
    pub confusion: &'a [ManifestDifference],
    /// Why a manifest cannot be read.
    pub manifest_error: Option<String>,
    /// For a file given by the user: how its digest differs from the registry's.
    pub digest_differs: Option<String>,
    /// Why the registry does not serve the release.
    pub unserved: Option<&'a str>,
    /// Whether the registry states no digest.
    pub digest_missing: bool,
    /// Whether a build may still explain files: none was run, or none came to its end.
    pub awaits_build: bool,
    /// Whether the commit says of a file that only the artifact has that it comes out of a build; by git's ignored paths
    /// alone where that was not looked at.
    pub output: Option<&'a dyn Fn(&str) -> bool>,
    /// What the unexplained files hold that the source does not, ordered by path; files may be missing.
    pub unexplained: &'a [UnexplainedText],
    /// Reads a published file that was read before, where it was kept.
    pub read: Option<&'a ContentOf<'a>>,
    /// When files take effect, if that was looked at.
    pub reach: Option<&'a ReachOf<'a>>,
    /// Whether a file is known to run at installation, on import or as a command, if that was looked at.
    pub runs: Option<&'a dyn Fn(&str) -> bool>,
    /// Which earlier release had the same unexplained content, if that was looked at.
    pub unchanged: Option<&'a VersionOf<'a>>,
    /// Which earlier release's manifest said the same under a key path, if that was looked at.
    pub unchanged_key: Option<&'a VersionOf<'a>>,
    /// What is new about the unexplained content of a file, if that was looked at.
    pub novelty: Option<&'a NoveltyOf<'a>>,
    /// Whether the earlier release's file at the same path could already do what this one can, if that was looked at.
    pub could_already: Option<&'a dyn Fn(&str) -> bool>,
    /// What is new about what the manifest says under a key path, if that was looked at.
    pub novelty_of_key: Option<&'a NoveltyOf<'a>>,
    /// Whether another commit holds the package exactly as the matched one does, if that can be told.
    pub is_same_package: Option<&'a dyn Fn(&Candidate) -> bool>,
    /// Whether a commit was made after the matched one, by what both say, if that can be told.
    pub is_later: Option<&'a dyn Fn(&CommitId) -> bool>,
    /// Whether the matched commit holds a file, by its path from the package's directory, if that can be told.
    pub in_source: Option<&'a dyn Fn(&str) -> bool>,
}

impl fmt::Debug for Evidence<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Evidence")
            .field("name", &self.name)
            .field("ledger", &self.ledger)
            .field("matched", &self.matched)
            .field("unexplained", &self.unexplained)
            .finish_non_exhaustive()
    }
}

impl<'a> Evidence<'a> {
    /// The ledger's rows of regular files.
    pub(super) fn files(&self) -> impl Iterator<Item = &'a LedgerFile> + use<'a> {
        self.ledger.into_iter().flat_map(|ledger| &ledger.files).filter(|file| file.kind == EntryKind::File)
    }

    /// The regular files that the source does not explain.
    pub(super) fn unexplained_files(&self) -> impl Iterator<Item = &'a LedgerFile> + use<'a> {
        self.files().filter(|file| !file.explanation.is_explained())
    }

    /// The unexplained files that are texts.
    pub(super) fn texts(&self) -> impl Iterator<Item = &'a UnexplainedText> + use<'a> {
        self.unexplained.iter().filter(|text| !text.is_binary && !text.is_unread)
    }

    /// A file's unexplained text, where the texts are in the order of their paths.
    pub(super) fn text_of(&self, path: &str) -> Option<&'a UnexplainedText> {
        let index = self.unexplained.binary_search_by(|text| text.path.as_str().cmp(path)).ok()?;
        self.unexplained.get(index)
    }

    /// A file's content or how it begins, where it was kept.
    pub(super) fn content_of(&self, file: &LedgerFile) -> Option<&'a [u8]> {
        let kept = self.artifact.and_then(|artifact| artifact.entry(&file.path)?.content.as_deref());
        kept.or_else(|| {
            let whole = matches!(file.explanation, Explanation::ArtifactOnly { .. });
            let text = self.text_of(&file.path).filter(|text| whole && !text.is_binary && !text.is_unread)?;
            Some(text.text.as_bytes())
        })
    }

    /// The content of a published file, where anything kept all of it.
    pub(super) fn read(&self, path: &str) -> Option<Vec<u8>> {
        let kept = self.artifact.and_then(|artifact| artifact.entry(path)?.content.as_deref());
        kept.map(<[u8]>::to_vec).or_else(|| self.read.and_then(|read| read(path)))
    }

    /// What a file's first bytes say, if a machine runs what begins so.
    pub(super) fn machine_code(&self, file: &LedgerFile) -> Option<&'static str> {
        self.artifact?.entry(&file.path)?.machine_code
    }

    /// Ends a message about a file that was too much to read.
    pub(super) fn unread_note(&self, path: &str) -> &'static str {
        match self.text_of(path) {
            Some(text) if text.is_unread => "; it is too large to tell what it can do",
            Some(text) if text.is_unparsed => "; it cannot be parsed, so it may do more than is told",
            _ => "",
        }
    }

    /// Whether the commit says of a file that only the artifact has that it comes out of a build.
    pub(super) fn is_output(&self, path: &str) -> bool {
        if let Some(output) = self.output {
            return output(path);
        }
        let file = self.ledger.and_then(|ledger| ledger.file(path));
        file.is_some_and(|file| matches!(file.explanation, Explanation::ArtifactOnly { ignored_by_git: true }))
    }

    /// Whether every file is explained by a commit that is the release's, and nothing contradicts that.
    pub(super) fn is_explained(&self) -> bool {
        let established = self.matched.is_some_and(|matched| matched.standing == MatchStanding::Established);
        let contradicts =
            |anomaly: &ArchiveAnomaly| matches!(anomaly, ArchiveAnomaly::DuplicateEntry { differs: true, .. });
        established
            && self.confusion.is_empty()
            && self.digest_differs.is_none()
            && self.ledger.is_some_and(|ledger| ledger.unexplained().next().is_none())
            && !self.artifact.is_some_and(|artifact| artifact.anomalies.iter().any(contradicts))
    }
}
