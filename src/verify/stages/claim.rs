//! Stage 1: what is claimed about a release.

use std::fs::File;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::artifact::{ArtifactContents, ArtifactLimits, read_entries};
use crate::package::{CommitId, Ecosystem, PackageName, Release, Subject, Version, read_json};
use crate::provenance::PublisherEvidence;
use crate::registry::{RegistryError, ReleaseMetadata};
use crate::source::git::with_source;
use crate::source::location::{self, ClaimOrigin, LocationError, RepositoryClaim};
use crate::verify::stages::error::{VerifyError, blocking};
use crate::verify::stages::moved::established_repository;
use crate::verify::{Context, Request, Shown};

/// Everything that is claimed about a release before anything is proven.
#[derive(Debug, Clone)]
pub struct Claim {
    /// The release.
    pub release: Release,
    /// What the registry says.
    pub metadata: Option<ReleaseMetadata>,
    pub(in crate::verify) file: Option<PathBuf>,
    pub(in crate::verify) repositories: Vec<RepositoryClaim>,
    pub(in crate::verify) refused: Vec<LocationError>,
    pub(in crate::verify) git_head: Option<CommitId>,
    /// What registry and publisher have signed.
    pub(in crate::verify) publisher: PublisherEvidence,
    pub(in crate::verify) revision: Option<String>,
    pub(in crate::verify) shown: Shown,
    pub(in crate::verify) digests: bool,
    /// Whether the user named the directory, so that it must exist.
    pub(super) directory_given: bool,
    /// Why the registry does not serve the release, where a file was given instead.
    pub(super) unserved: Option<String>,
    /// Which other release the file given says it is, if so.
    pub(super) other_release: Option<String>,
}

impl Claim {
    pub(in crate::verify) fn published_at(&self) -> Option<i64> {
        self.metadata.as_ref().and_then(|metadata| metadata.published_at)
    }

    /// Applies what the user knows better.
    fn overridden(&mut self, request: &Request) {
        self.revision.clone_from(&request.revision);
        self.shown.clone_from(&request.shown);
        self.digests = request.digests;
        if let Some(location) = &request.repository {
            let directory = self.directory().map(str::to_owned);
            let origin = ClaimOrigin::Override;
            self.repositories = vec![RepositoryClaim { location: location.clone(), directory, origin }];
            self.refused.clear();
        }
        if let Some(directory) = &request.directory {
            self.directory_given = true;
            for repository in &mut self.repositories {
                repository.directory = location::clean_directory(directory);
            }
        }
    }

    pub(in crate::verify) fn directory(&self) -> Option<&str> {
        self.repositories.iter().find_map(|claim| claim.directory.as_deref())
    }
}

/// Stage 1: what is claimed about the release, by the registry or by the artifact's own manifest.
pub(in crate::verify) async fn resolve(request: &Request, context: &Context) -> Result<Claim, VerifyError> {
    let mut claim = match (&request.subject, &request.artifact) {
        (Some(subject), file) => {
            let metadata = match (context.registry.release(subject).await, file, &subject.version) {
                (Ok(metadata), _, _) => metadata,
                (Err(error), Some(path), Some(version)) if error.is_not_served() => {
                    let release =
                        Release { ecosystem: subject.ecosystem, name: subject.name.clone(), version: version.clone() };
                    let mut claim = claim_of_unserved(release, path, context, &error).await?;
                    claim.overridden(request);
                    return Ok(claim);
                }
                (Err(error), _, _) => return Err(error.into()),
            };
            let repository = metadata.repository.as_ref().or(metadata.package_repository.as_ref());
            let (repositories, refused) =
                location::claims(repository, metadata.homepage.as_deref(), metadata.bugs.as_ref());
            Claim {
                release: metadata.release.clone(),
                file: request.artifact.clone(),
                repositories,
                refused,
                git_head: metadata.git_head,
                publisher: PublisherEvidence::default(),
                revision: None,
                metadata: Some(metadata),
                shown: Shown::default(),
                digests: false,
                directory_given: false,
                unserved: None,
                other_release: None,
            }
        }
        (None, Some(path)) => {
            let (path, limits) = (path.clone(), context.limits);
            blocking(move || claim_of_file(path, limits)).await?
        }
        (None, None) => {
            let reason = "neither a subject nor a file was given".to_owned();
            return Err(VerifyError::Anonymous { path: PathBuf::new(), reason });
        }
    };
    claim.overridden(request);
    Ok(claim)
}

/// A release that the registry does not serve, as far as the file at hand tells of it.
async fn claim_of_unserved(
    release: Release,
    path: &Path,
    context: &Context,
    error: &RegistryError,
) -> Result<Claim, VerifyError> {
    let (path, limits) = (path.to_owned(), context.limits);
    let mut claim = blocking(move || claim_of_file(path, limits)).await?;
    let mut note = format!("the registry does not serve this release: {}", with_source(error));
    if claim.release != release {
        claim.other_release = Some(format!("the manifest inside names {}", claim.release));
    }
    // A file does not choose the repository of a package that the registry knows.
    let latest = Subject { ecosystem: release.ecosystem, name: release.name.clone(), version: None };
    if let Ok(known) = context.registry.release(&latest).await {
        let stated = known.repository.as_ref().or(known.package_repository.as_ref());
        let (repositories, refused) = location::claims(stated, known.homepage.as_deref(), known.bugs.as_ref());
        let place =
            |claims: &[RepositoryClaim]| claims.first().map(|claim| claim.location.as_str().to_ascii_lowercase());
        if place(&repositories) != place(&claim.repositories) {
            let inside = claim.repositories.first().map_or("none", |claim| claim.location.as_str());
            note.push_str(&format!("; the manifest inside names another repository than the package's: {inside}"));
        }
        (claim.repositories, claim.refused) = (repositories, refused);
        // Nor does a latest release that names another owner's repository than those before it.
        let latest = claim.repositories.first().map(|latest| latest.location.clone());
        if let Some(earlier) = latest.and_then(|latest| established_repository(&known.namings, &latest)) {
            note.push_str("; the package's latest release names another owner's repository than those before");
            claim.repositories = vec![earlier];
        }
    }
    claim.unserved = Some(note);
    claim.release = release;
    Ok(claim)
}

fn claim_of_file(path: PathBuf, limits: ArtifactLimits) -> Result<Claim, VerifyError> {
    let file = File::open(&path).map_err(|source| VerifyError::ArtifactFile { path: path.clone(), source })?;
    let anonymous = |reason: String| VerifyError::Anonymous { path: path.clone(), reason };
    let wanted = std::iter::once("package.json").collect();
    let mut found = read_entries(file, limits, &wanted, ArtifactContents::MANIFEST_SIZE)
        .map_err(|source| VerifyError::Unreadable { path: path.clone(), source })?;
    let content = found.remove("package.json").ok_or_else(|| anonymous("it holds no `package.json`".to_owned()))?;
    let manifest =
        read_json(&content).map_err(|error| anonymous(format!("its `package.json` is not JSON: {error}")))?;
    let manifest = manifest.value;
    if !manifest.is_object() {
        return Err(anonymous("its `package.json` is not an object".to_owned()));
    }
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
        publisher: PublisherEvidence::default(),
        revision: None,
        shown: Shown::default(),
        digests: false,
        directory_given: false,
        unserved: None,
        other_release: None,
    })
}
