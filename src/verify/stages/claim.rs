//! Stage 1: what is claimed about a release.

use std::fs::File;
use std::path::PathBuf;

use serde_json::Value;

use crate::artifact::{ArtifactContents, ArtifactLimits, read_entries};
use crate::package::{CommitId, Ecosystem, PackageName, Release, Version};
use crate::registry::ReleaseMetadata;
use crate::source::location::{self, ClaimOrigin, LocationError, RepositoryClaim};
use crate::verify::stages::error::{VerifyError, blocking, with_source};
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
    pub(in crate::verify) revision: Option<String>,
    pub(in crate::verify) shown: Shown,
}

impl Claim {
    pub(in crate::verify) fn published_at(&self) -> Option<i64> {
        self.metadata.as_ref().and_then(|metadata| metadata.published_at)
    }

    pub(in crate::verify) fn directory(&self) -> Option<&str> {
        self.repositories.iter().find_map(|claim| claim.directory.as_deref())
    }
}

/// Stage 1: what is claimed about the release, by the registry or by the artifact's own manifest.
pub(in crate::verify) async fn resolve(request: &Request, context: &Context) -> Result<Claim, VerifyError> {
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

fn claim_of_file(path: PathBuf, limits: ArtifactLimits) -> Result<Claim, VerifyError> {
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
