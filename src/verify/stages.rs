//! What each line of the flow does.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use serde_json::Value;
use sha2::Digest as _;

use crate::artifact::{
    ArtifactContents, ArtifactError, CollisionCheck, ReadOptions, SourceContent, read_entries, read_tarball,
};
use crate::compare::{Compared, Comparison, DiffDepth, FileDiff, PublishedContents, compare, diff_texts};
use crate::finding::{Evidence, Finding, judge};
use crate::ledger::{Explanation, Ledger};
use crate::pack::npm::manifest::{ManifestDifference, compare_with_registry};
use crate::package::{BlobId, CommitId, Ecosystem, Integrity, PackageName, Release, Sha256Digest, Version, hex_text};
use crate::registry::{DigestsStated, RegistryError, ReleaseMetadata};
use crate::source::directory::{DirectoryQuery, find_usual};
use crate::source::git::{SourceError, SourceRepository};
use crate::source::location::{self, ClaimOrigin, LocationError, RepositoryClaim};
use crate::source::match_commit::{CommitMatch, MatchQuery, MatchStanding, likely_commit, match_commit};
use crate::source::tree::{CommitTree, join};
use crate::verdict::{InconclusiveReason, Verdict, of_ledger};
use crate::verify::{ArtifactSummary, Context, Request, Shown, SourceSummary, Verification};

/// From this compressed size on a second thread decompresses, bytes.
const THREADED_SIZE: u64 = 256 << 10;

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

/// Everything that is claimed about a release before anything is proven.
#[derive(Debug, Clone)]
pub struct Claim {
    /// The release.
    pub release: Release,
    /// What the registry says.
    pub metadata: Option<ReleaseMetadata>,
    file: Option<PathBuf>,
    repositories: Vec<RepositoryClaim>,
    refused: Vec<LocationError>,
    git_head: Option<CommitId>,
    revision: Option<String>,
    shown: Shown,
}

impl Claim {
    fn published_at(&self) -> Option<i64> {
        self.metadata.as_ref().and_then(|metadata| metadata.published_at)
    }

    fn directory(&self) -> Option<&str> {
        self.repositories.iter().find_map(|claim| claim.directory.as_deref())
    }
}

/// The artifact's bytes on disk and what they should hash to.
#[derive(Debug, Clone)]
pub(super) struct ArtifactFile {
    path: PathBuf,
    expected: Option<Sha256Digest>,
    integrity: Integrity,
    digest_differs: Option<String>,
}

/// Where discovery led.
#[derive(Debug)]
pub(super) struct Discovery {
    opened: Option<(RepositoryClaim, SourceRepository)>,
    failures: Vec<(RepositoryClaim, String)>,
    empty: bool,
}

impl Discovery {
    fn repository(&self) -> Option<&SourceRepository> {
        self.opened.as_ref().map(|(_, repository)| repository)
    }
}

/// Runs work that blocks on disk, git or the processor away from the network's thread.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, VerifyError> + Send + 'static,
) -> Result<T, VerifyError> {
    tokio::task::spawn_blocking(work).await.map_err(VerifyError::Worker)?
}

/// Stage 1: what is claimed about the release, by the registry or by the artifact's own manifest.
pub(super) async fn resolve(request: &Request, context: &Context) -> Result<Claim, VerifyError> {
    let mut claim = match (&request.subject, &request.artifact) {
        (Some(subject), _) => {
            let metadata = context.registry.release(subject).await?;
            let repository = metadata.repository.as_ref().or(metadata.package_repository.as_ref());
            let (repositories, refused) =
                location::claims(repository, metadata.homepage.as_deref(), metadata.bugs.as_ref());
            Claim {
                release: metadata.release.clone(),
                file: request.artifact.clone(),
                repositories,
                refused,
                git_head: metadata.git_head,
                revision: request.revision.clone(),
                metadata: Some(metadata),
                shown: request.shown.clone(),
            }
        }
        (None, Some(path)) => {
            let (path, limits) = (path.clone(), context.limits);
            let mut claim = blocking(move || claim_of_file(path, limits)).await?;
            claim.revision.clone_from(&request.revision);
            claim.shown.clone_from(&request.shown);
            claim
        }
        (None, None) => {
            let reason = "neither a subject nor a file was given".to_owned();
            return Err(VerifyError::Anonymous { path: PathBuf::new(), reason });
        }
    };
    if let Some(location) = &request.repository {
        let directory = claim.directory().map(str::to_owned);
        claim.repositories =
            vec![RepositoryClaim { location: location.clone(), directory, origin: ClaimOrigin::Override }];
        claim.refused.clear();
    }
    if let Some(directory) = &request.directory {
        for repository in &mut claim.repositories {
            repository.directory = location::clean_directory(directory);
        }
    }
    Ok(claim)
}

fn claim_of_file(path: PathBuf, limits: crate::artifact::ArtifactLimits) -> Result<Claim, VerifyError> {
    let file = File::open(&path).map_err(|source| VerifyError::ArtifactFile { path: path.clone(), source })?;
    let anonymous = |reason: String| VerifyError::Anonymous { path: path.clone(), reason };
    let wanted = std::iter::once("package.json").collect();
    let mut found = read_entries(file, limits, &wanted, ArtifactContents::MANIFEST_SIZE)
        .map_err(|error| anonymous(with_source(&error)))?;
    let content = found.remove("package.json").ok_or_else(|| anonymous("it holds no `package.json`".to_owned()))?;
    let text = content.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&content);
    let manifest: Value =
        serde_json::from_slice(text).map_err(|error| anonymous(format!("its `package.json` is not JSON: {error}")))?;
    let field = |key: &str| manifest.get(key).and_then(Value::as_str);
    let name = PackageName::parse(field("name").unwrap_or_default()).map_err(|error| anonymous(error.to_string()))?;
    let version = Version::parse(field("version").unwrap_or_default()).map_err(|error| anonymous(error.to_string()))?;
    let (repositories, refused) = location::claims(manifest.get("repository"), field("homepage"), manifest.get("bugs"));
    let git_head = field("gitHead").and_then(|text| CommitId::parse(text).ok());
    Ok(Claim {
        release: Release { ecosystem: Ecosystem::Npm, name, version },
        metadata: None,
        file: Some(path),
        repositories,
        refused,
        git_head,
        revision: None,
        shown: Shown::default(),
    })
}

/// Stage 2: the artifact's bytes, every digest that the registry states checked.
pub(super) async fn fetch(claim: &Claim, context: &Context) -> Result<ArtifactFile, VerifyError> {
    if let Some(path) = &claim.file {
        let (path, metadata) = (path.clone(), claim.metadata.clone());
        return blocking(move || digest_file(path, metadata.as_ref())).await;
    }
    let Some(metadata) = &claim.metadata else {
        let reason = "no registry was asked".to_owned();
        return Err(VerifyError::Anonymous { path: PathBuf::new(), reason });
    };
    let stored = context.registry.artifact(metadata).await?;
    Ok(ArtifactFile {
        path: stored.path,
        expected: Some(stored.sha256),
        integrity: stored.integrity,
        digest_differs: None,
    })
}

/// SHA-256 and size of a file that could not be read as an archive.
fn digest_of(path: &Path) -> Result<(Sha256Digest, u64), VerifyError> {
    let mut hash = sha2::Sha256::new();
    let size = pieces(path, |piece| hash.update(piece))?;
    Ok((Sha256Digest(hash.finalize().into()), size))
}

/// Hands a file's bytes on piece by piece and returns their number.
fn pieces(path: &Path, mut each: impl FnMut(&[u8])) -> Result<u64, VerifyError> {
    let error = |source| VerifyError::ArtifactFile { path: path.to_owned(), source };
    let mut file = File::open(path).map_err(error)?;
    let (mut buffer, mut size) = (vec![0; 64 << 10], 0);
    loop {
        let length = file.read(&mut buffer).map_err(error)?;
        if length == 0 {
            return Ok(size);
        }
        size += length as u64;
        each(&buffer[..length]);
    }
}

fn digest_file(path: PathBuf, metadata: Option<&ReleaseMetadata>) -> Result<ArtifactFile, VerifyError> {
    let (mut sha512, mut sha1) = (sha2::Sha512::new(), sha1::Sha1::new());
    pieces(&path, |piece| {
        sha512.update(piece);
        sha1.update(piece);
    })?;
    let integrity = Integrity::from_sha512(sha512.finalize().into());
    let sha1 = hex_text(&sha1.finalize());
    let differs = metadata.and_then(|metadata| {
        let stated = metadata.integrity.as_ref().filter(|stated| stated.sha512().is_some());
        match (stated, &metadata.shasum) {
            (Some(stated), _) if stated.sha512() != integrity.sha512() => {
                Some(format!("the registry states {stated}, the file has {integrity}"))
            }
            (None, Some(stated)) if stated.to_string() != sha1 => {
                Some(format!("the registry states sha1 {stated}, the file has {sha1}"))
            }
            _ => None,
        }
    });
    Ok(ArtifactFile { path, expected: None, integrity, digest_differs: differs })
}

/// Fetches the artifact once more after the cache turned out to be damaged.
pub(super) async fn refetch(request: &Request, context: &Context) -> Result<(), VerifyError> {
    let claim = resolve(request, context).await?;
    if let Some(metadata) = &claim.metadata {
        let stored = context.registry.artifact(metadata).await?;
        context.registry.discard(&stored)?;
    }
    Ok(())
}

/// Stage 3a: the first claimed repository that can be opened.
pub(super) async fn discover(claim: &Claim, context: &Context) -> Result<Discovery, VerifyError> {
    let (claim, git) = (claim.clone(), context.git.clone());
    blocking(move || {
        let mut discovery = Discovery { opened: None, failures: Vec::new(), empty: false };
        for repository in &claim.repositories {
            let release = &claim.release;
            let opened = SourceRepository::open(
                &repository.location,
                repository.directory.as_deref(),
                &release.name,
                &release.version,
                &git,
            );
            match opened {
                Ok(opened) => {
                    discovery.opened = Some((repository.clone(), opened));
                    break;
                }
                Err(error) => {
                    discovery.empty |= matches!(error, SourceError::Empty { .. });
                    discovery.failures.push((repository.clone(), with_source(&error)));
                }
            }
        }
        Ok(discovery)
    })
    .await
}

/// An error and its causes in one line.
fn with_source(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text.push_str(": ");
        text.push_str(&inner.to_string());
        cause = inner.source();
    }
    text
}

/// Stage 2b: one pass over the artifact, with the likely commit's tree beside it.
///
/// The inner result is what is true of the artifact: that it cannot be read is no error of ours.
pub(super) fn read(
    artifact: &ArtifactFile,
    discovery: &Discovery,
    claim: &Claim,
    context: &Context,
) -> Result<Result<ArtifactContents, ArtifactError>, VerifyError> {
    let open = || {
        File::open(&artifact.path).map_err(|source| VerifyError::ArtifactFile { path: artifact.path.clone(), source })
    };
    let repository = discovery.repository();
    let tree = repository.and_then(|repository| {
        let commit = likely_commit(repository, &claim.release.name, &claim.release.version)?;
        let tree = CommitTree::of_commit(repository, &commit)?;
        let query = DirectoryQuery { claimed: claim.directory(), name: &claim.release.name, manifest: None };
        let directory = find_usual(repository, &tree, &query)?.path;
        Some((tree, directory))
    });
    let known = |path: &str, blob: &BlobId| {
        let Some((tree, directory)) = &tree else { return SourceContent::Unknown };
        match tree.file(&join(directory, path)) {
            Some(file) if file.blob == *blob && !file.link => SourceContent::Same,
            Some(_) => SourceContent::Different,
            None => SourceContent::Unknown,
        }
    };
    let collisions = repository.map_or(CollisionCheck::EveryFile, |source| source.location().collision_check());
    let file = open()?;
    let threaded = file.metadata().is_ok_and(|metadata| metadata.len() >= THREADED_SIZE);
    let options = ReadOptions { limits: context.limits, collisions, source: &known, threaded };
    let contents = match read_tarball(file, &options) {
        Ok(contents) => contents,
        Err(error) => return Ok(Err(error)),
    };
    match artifact.expected {
        Some(expected) if expected != contents.sha256 => Err(VerifyError::DamagedCache { path: artifact.path.clone() }),
        _ => Ok(Ok(contents)),
    }
}

/// Stage 3b: the commit, by evidence.
pub(super) fn match_source(
    discovery: &mut Discovery,
    contents: &ArtifactContents,
    claim: &Claim,
) -> Result<Option<CommitMatch>, VerifyError> {
    let Some((repository, source)) = &mut discovery.opened else { return Ok(None) };
    let query = MatchQuery {
        name: &claim.release.name,
        version: &claim.release.version,
        artifact: contents,
        directory: repository.directory.as_deref(),
        git_head: claim.git_head,
        revision: claim.revision.as_deref(),
        published_at: claim.published_at(),
    };
    let matched = match match_commit(source, &query) {
        Ok(matched) => matched,
        Err(error) => {
            // What was found with the trees alone is not lost, it only cannot be told apart from the rest.
            discovery.failures.push((repository.clone(), with_source(&error)));
            discovery.opened = None;
            return Ok(None);
        }
    };
    if let (Some(revision), None) = (&claim.revision, &matched) {
        let repository = repository.location.to_string();
        return Err(VerifyError::UnknownRevision { revision: revision.clone(), repository });
    }
    Ok(matched)
}

/// What the comparison stages found beside the ledger.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    compared: Option<Compared>,
    confusion: Vec<ManifestDifference>,
    diffs: Vec<FileDiff>,
}

/// Stages 4, 5 and 7: tree, packer rules, stabilizers, history; and the registry's metadata against the manifest.
pub(super) fn compare_with(
    matched: &Option<CommitMatch>,
    discovery: &Discovery,
    contents: &ArtifactContents,
    artifact: &ArtifactFile,
    claim: &Claim,
    context: &Context,
) -> Outcome {
    let mut outcome = Outcome::default();
    if let (Some(metadata), Some(manifest)) = (&claim.metadata, &contents.manifest) {
        // An unreadable manifest is found by the comparison with the source, too.
        outcome.confusion = compare_with_registry(&metadata.manifest, manifest).unwrap_or_default();
    }
    if let (Some(matched), Some(source)) = (matched, discovery.repository()) {
        let published = PublishedContents::new(artifact.path.clone(), context.limits);
        let comparison =
            Comparison { artifact: contents, contents: &published, source, matched, version: &claim.release.version };
        if let Some(compared) = compare(&comparison) {
            outcome.diffs = diffs(&claim.shown, &compared.ledger, &comparison);
            outcome.compared = Some(compared);
        }
    }
    outcome
}

fn diffs(shown: &Shown, ledger: &Ledger, comparison: &Comparison<'_>) -> Vec<FileDiff> {
    let is_file = |path: &str| comparison.artifact.entry(path).is_some_and(crate::artifact::ArtifactEntry::is_file);
    let (depth, mut files): (_, Vec<_>) = match shown {
        Shown::Excerpts => (DiffDepth::EXCERPT, ledger.unexplained().collect()),
        Shown::Unexplained => (DiffDepth::WHOLE, ledger.unexplained().collect()),
        Shown::File(path) => (DiffDepth::WHOLE, ledger.file(path).into_iter().collect()),
    };
    files.retain(|file| is_file(&file.path));
    // Changed files say most, then new ones, then what looks like build output.
    files.sort_by_key(|file| match &file.explanation {
        Explanation::Modified { .. } => 0,
        Explanation::ArtifactOnly { ignored_by_git: false } => 1,
        _ => 2,
    });
    if *shown == Shown::Excerpts {
        // Build output says little and is large: it is not read again only to show how it begins.
        files.retain(|file| match &file.explanation {
            Explanation::ArtifactOnly { ignored_by_git } => {
                !ignored_by_git && comparison.artifact.entry(&file.path).is_some_and(|entry| entry.content.is_some())
            }
            _ => true,
        });
    }
    files.truncate(depth.files);
    comparison.contents.prepare(files.iter().filter_map(|file| comparison.artifact.entry(&file.path)));
    files
        .into_iter()
        .map(|file| {
            let candidate =
                file.counterpart.as_ref().and_then(|counterpart| comparison.source.read_blob(counterpart.blob));
            match comparison.contents.get(comparison.artifact, &file.path) {
                Some(published) => diff_texts(&file.path, candidate.as_deref(), Some(&published), depth),
                None => FileDiff {
                    path: file.path.to_string(),
                    hunks: Vec::new(),
                    more_hunks: 0,
                    note: Some(format!("the published file is too large to diff ({} bytes)", file.size)),
                },
            }
        })
        .collect()
}

/// Stage 8a: findings.
pub(super) fn judge_all(
    matched: &Option<CommitMatch>,
    discovery: &Discovery,
    contents: &ArtifactContents,
    outcome: &Outcome,
    artifact: &ArtifactFile,
    claim: &Claim,
) -> Vec<Finding> {
    let compared = outcome.compared.as_ref();
    judge(&Evidence {
        name: Some(&claim.release.name),
        artifact: Some(contents),
        ledger: compared.map(|compared| &compared.ledger),
        matched: matched.as_ref(),
        moved_tags: discovery.repository().map_or(&[], SourceRepository::moved_tags),
        refused_locations: &claim.refused,
        confusion: &outcome.confusion,
        manifest_error: compared.and_then(|compared| compared.manifest_error.as_ref()).map(|error| with_source(error)),
        digest_differs: artifact.digest_differs.clone(),
        digest_missing: claim
            .metadata
            .as_ref()
            .is_some_and(|metadata| metadata.digests_stated() == DigestsStated::None),
    })
}

/// Stage 8b: the verdict.
pub(super) fn conclude(
    claim: &Claim,
    artifact: &ArtifactFile,
    discovery: Discovery,
    contents: ArtifactContents,
    matched: Option<CommitMatch>,
    outcome: Outcome,
    findings: Vec<Finding>,
) -> Verification {
    let (verdict, reason) = verdict(claim, &discovery, matched.as_ref(), &outcome);
    let source = discovery.opened.map(|(repository, source)| SourceSummary {
        claim: repository,
        completeness: source.completeness(),
        copy: source.is_copy(),
        fetches: source.fetches(),
        matched,
    });
    Verification {
        release: claim.release.clone(),
        artifact: summary(claim, artifact, contents.sha256, contents.compressed_size),
        source,
        ledger: outcome.compared.map(|compared| compared.ledger),
        findings,
        diffs: outcome.diffs,
        verdict,
        reason,
    }
}

fn summary(claim: &Claim, artifact: &ArtifactFile, sha256: Sha256Digest, size: u64) -> ArtifactSummary {
    let registry = claim.metadata.as_ref().filter(|_| claim.file.is_none());
    ArtifactSummary {
        sha256,
        integrity: artifact.integrity.clone(),
        size,
        registry: registry.map(|metadata| metadata.registry.to_string()),
        published_at: claim.published_at(),
    }
}

fn verdict(
    claim: &Claim,
    discovery: &Discovery,
    matched: Option<&CommitMatch>,
    outcome: &Outcome,
) -> (Verdict, Option<String>) {
    let Some(source) = discovery.repository() else {
        return without_source(claim, discovery);
    };
    let Some(matched) = matched else {
        return (Verdict::NoSource, Some(format!("the repository `{}` holds no commit", source.location())));
    };
    if matched.standing == MatchStanding::Nearest {
        let newest = matched.newest_commit;
        if source.is_copy() && newest.zip(claim.published_at()).is_some_and(|(newest, published)| newest < published) {
            let reason = "the copy of the repository ends before this release was published";
            return (Verdict::Inconclusive(InconclusiveReason::SourceOutdated), Some(reason.to_owned()));
        }
        let commit = &matched.winner.commit;
        let reason =
            format!("no tag, no recorded commit and no manifest of this version; the nearest commit is {commit}");
        return (Verdict::NoSource, Some(reason));
    }
    let Some(compared) = &outcome.compared else {
        let detail = format!("the tree of commit {} is not at hand", matched.winner.commit);
        return (Verdict::Inconclusive(InconclusiveReason::SourceUnreachable(detail.clone())), Some(detail));
    };
    let verdict = of_ledger(&compared.ledger);
    if compared.ledger.file("package.json").is_none() {
        return (Verdict::Divergent, Some("the artifact holds no `package.json`".to_owned()));
    }
    if !outcome.confusion.is_empty() {
        let reason = "the registry's metadata contradicts the manifest inside the artifact";
        return (Verdict::Divergent, Some(reason.to_owned()));
    }
    (verdict, None)
}

fn without_source(claim: &Claim, discovery: &Discovery) -> (Verdict, Option<String>) {
    if claim.repositories.is_empty() {
        return (Verdict::NoSource, Some("the metadata names no repository".to_owned()));
    }
    let reasons: Vec<&str> = discovery.failures.iter().map(|(_, reason)| reason.as_str()).collect();
    let reasons = reasons.join("; ");
    if discovery.empty && discovery.failures.len() == 1 {
        return (Verdict::NoSource, Some(reasons));
    }
    (Verdict::Inconclusive(InconclusiveReason::SourceUnreachable(reasons.clone())), Some(reasons))
}

/// What remains to be said of an artifact that could not be read to its end.
pub(super) fn conclude_unread(
    claim: &Claim,
    artifact: &ArtifactFile,
    discovery: &Discovery,
    error: ArtifactError,
) -> Result<Verification, VerifyError> {
    let (sha256, size) = digest_of(&artifact.path)?;
    let detail = with_source(&error);
    let reason = match error {
        ArtifactError::Malformed { .. } => InconclusiveReason::ArtifactUnreadable(detail.clone()),
        ArtifactError::Limit(_) => InconclusiveReason::LimitReached(detail.clone()),
    };
    let source = discovery.opened.as_ref().map(|(repository, source)| SourceSummary {
        claim: repository.clone(),
        matched: None,
        completeness: source.completeness(),
        copy: source.is_copy(),
        fetches: source.fetches(),
    });
    Ok(Verification {
        release: claim.release.clone(),
        artifact: summary(claim, artifact, sha256, size),
        source,
        ledger: None,
        findings: judge(&Evidence { refused_locations: &claim.refused, ..Evidence::default() }),
        diffs: Vec::new(),
        verdict: Verdict::Inconclusive(reason),
        reason: Some(detail),
    })
}
