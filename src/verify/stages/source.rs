//! Stage 3: the repository and the commit.

use crate::artifact::ArtifactContents;
use crate::source::git::{SourceError, SourceRepository, with_source};
use crate::source::match_commit::{CommitMatch, MatchQuery, match_commit};
use crate::source::repository_move::RepositoryMove;
use crate::source::tree::CommitTree;
use crate::source::{ClaimOrigin, RepositoryClaim, RepositoryLocation};
use crate::verify::Context;
use crate::verify::stages::claim::Claim;
use crate::verify::stages::error::{VerifyError, blocking};

/// Where discovery led.
#[derive(Debug)]
pub(in crate::verify) struct Discovery {
    pub(in crate::verify) opened: Option<(RepositoryClaim, SourceRepository)>,
    pub(in crate::verify) failures: Vec<(RepositoryClaim, String)>,
    pub(in crate::verify) empty: bool,
    /// How the repository differs from the one that an earlier release names, if it does.
    pub(in crate::verify) moved: Option<RepositoryMove>,
}

impl Discovery {
    /// The `repository` that the release names and that could not be opened, and why, where another one was.
    pub(in crate::verify) fn passed_over(&self) -> Option<(&RepositoryLocation, &str)> {
        self.opened.as_ref()?;
        let (claim, reason) = self.failures.iter().find(|(claim, _)| claim.origin == ClaimOrigin::Repository)?;
        Some((&claim.location, reason))
    }

    pub(in crate::verify) fn repository(&self) -> Option<&SourceRepository> {
        self.opened.as_ref().map(|(_, repository)| repository)
    }

    pub(in crate::verify) fn repository_mut(&mut self) -> Option<&mut SourceRepository> {
        self.opened.as_mut().map(|(_, repository)| repository)
    }
}

/// Stage 3a: the first claimed repository that can be opened.
pub(in crate::verify) async fn discover(claim: &Claim, context: &Context) -> Result<Discovery, VerifyError> {
    let discovery = Discovery { opened: None, failures: Vec::new(), empty: false, moved: None };
    open_first(discovery, claim.repositories.clone(), claim, context).await
}

/// Stage 3a, where no claimed repository can be opened: the one that the proven provenance names.
pub(in crate::verify) async fn discover_proven(
    discovery: Discovery,
    claim: &Claim,
    context: &Context,
) -> Result<Discovery, VerifyError> {
    let given = claim.repositories.iter().any(|repository| repository.origin == ClaimOrigin::Override);
    let proven = claim.publisher.provenance.verified().filter(|_| discovery.opened.is_none() && !given);
    let location = proven.and_then(|proven| RepositoryLocation::from_metadata(&proven.repository).ok());
    let Some(location) = location else { return Ok(discovery) };
    let directory = claim.directory().map(str::to_owned);
    let repository = RepositoryClaim { location, directory, origin: ClaimOrigin::Provenance };
    open_first(discovery, vec![repository], claim, context).await
}

async fn open_first(
    mut discovery: Discovery,
    repositories: Vec<RepositoryClaim>,
    claim: &Claim,
    context: &Context,
) -> Result<Discovery, VerifyError> {
    let (claim, git) = (claim.clone(), context.git.clone());
    blocking(move || {
        for repository in &repositories {
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

/// Stage 3b: the commit, by evidence.
pub(in crate::verify) fn match_source(
    discovery: &mut Discovery,
    contents: &ArtifactContents,
    claim: &Claim,
) -> Result<Option<CommitMatch>, VerifyError> {
    let Some((repository, source)) = &mut discovery.opened else { return Ok(None) };
    let matched = match matched_in(source, repository, contents, claim) {
        Ok(matched) => matched,
        Err(error) => {
            discovery.empty |= matches!(error, SourceError::Empty { .. });
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
    if claim.directory_given
        && let Some(matched) = &matched
    {
        check_directory(source, matched, claim)?;
    }
    Ok(matched)
}

/// The release's commit in one repository.
pub(super) fn matched_in(
    source: &mut SourceRepository,
    repository: &RepositoryClaim,
    contents: &ArtifactContents,
    claim: &Claim,
) -> Result<Option<CommitMatch>, SourceError> {
    let query = MatchQuery {
        name: &claim.release.name,
        version: &claim.release.version,
        artifact: contents,
        directory: repository.directory.as_deref(),
        git_head: claim.git_head,
        provenance: claim.publisher.provenance.verified().map(|provenance| provenance.commit),
        revision: claim.revision.as_deref(),
        published_at: claim.published_at(),
    };
    match_commit(source, &query)
}

/// Refuses a directory that the user named and the commit does not have: silence would judge another package.
fn check_directory(source: &SourceRepository, matched: &CommitMatch, claim: &Claim) -> Result<(), VerifyError> {
    let directory = claim.directory().unwrap_or_default();
    let commit = &matched.winner.commit;
    let exists = CommitTree::of_commit(source, commit).is_some_and(|tree| tree.subtree(directory).is_some());
    if exists && matched.winner.directory.path == directory {
        return Ok(());
    }
    Err(VerifyError::UnknownDirectory {
        directory: directory.to_owned(),
        commit: commit.to_string(),
        repository: source.location().to_string(),
    })
}
