use reqwest::StatusCode;

use super::ConfigurationError;
use super::packument::PackumentError;
use crate::package::{IntegrityMismatch, PackageName, Release, Version};
use crate::registry::http::AsHttpError;
use crate::registry::{CacheError, HttpError, RedactedUrl};

/// Why the registry brought no release or no artifact.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// The npm configuration cannot be used.
    #[error("the npm configuration cannot be used")]
    Configuration(#[from] ConfigurationError),
    /// The registry knows no such package.
    #[error("the registry {registry} knows no package `{name}`")]
    UnknownPackage {
        /// The package asked for.
        name: PackageName,
        /// The registry.
        registry: RedactedUrl,
    },
    /// The package never had this version, as far as the registry says.
    #[error("`{name}` has no version `{version}`{}", list_nearest(nearest))]
    UnknownVersion {
        /// The package.
        name: PackageName,
        /// The version asked for.
        version: Version,
        /// Existing versions around it, ascending.
        nearest: Vec<Version>,
    },
    /// The version was published once and is served no more.
    #[error("version `{version}` of `{name}` was published but the registry serves it no more")]
    Unpublished {
        /// The package.
        name: PackageName,
        /// The version asked for.
        version: Version,
        /// When it was published, in seconds since 1970.
        published_at: Option<i64>,
    },
    /// The whole package was unpublished.
    #[error("all versions of `{name}` were unpublished")]
    UnpublishedPackage {
        /// The package.
        name: PackageName,
    },
    /// No version was asked for, and the registry names no usable latest one.
    #[error("the registry {registry} names no latest version of `{name}`")]
    NoLatest {
        /// The package.
        name: PackageName,
        /// The registry.
        registry: RedactedUrl,
    },
    /// The registry's answer is about something else.
    #[error("asked for `{asked}`, the registry {registry} answered for another package: `{}`", answered.escape_debug())]
    AnotherPackage {
        /// The package asked for.
        asked: PackageName,
        /// What the answer is about.
        answered: String,
        /// The registry.
        registry: RedactedUrl,
    },
    /// The answer is not a packument.
    #[error("{url} answered with something that is not the metadata of a package")]
    MalformedPackument {
        /// The address that answered.
        url: RedactedUrl,
        /// What is wrong with it.
        #[source]
        source: PackumentError,
    },
    /// The answer to something else than a packument is not what was asked for.
    #[error("{url} answered with something that is not {what}")]
    MalformedAnswer {
        /// The address that answered.
        url: RedactedUrl,
        /// What was asked for.
        what: &'static str,
        /// What is wrong with it.
        #[source]
        source: serde_json::Error,
    },
    /// Offline, and this is never kept.
    #[error("{what} is never kept in the cache, and the registry must not be asked")]
    NotKept {
        /// What was asked for.
        what: &'static str,
    },
    /// The registry refuses the request.
    #[error("{url} refused access with {status} ({})", if *credentials_sent { "credentials were sent" } else { "no credentials are configured for it" })]
    Denied {
        /// The address that refused.
        url: RedactedUrl,
        /// 401 or 403.
        status: StatusCode,
        /// Whether the request carried credentials.
        credentials_sent: bool,
    },
    /// Offline, and the answer was never kept.
    #[error("the metadata of `{name}` is not in the cache and the registry must not be asked")]
    MetadataNotCached {
        /// The package.
        name: PackageName,
    },
    /// Offline, and the artifact was never kept.
    #[error("the artifact of {release} is not in the cache and must not be downloaded")]
    ArtifactNotCached {
        /// The release.
        release: Release,
    },
    /// The stated artifact address is missing, unreadable or not http(s).
    #[error("the registry states no http(s) address for the artifact of {release}{}", quote_stated(stated.as_deref()))]
    ArtifactAddress {
        /// The release.
        release: Release,
        /// What it states.
        stated: Option<String>,
    },
    /// An unencrypted address and no digest, from a registry that is itself encrypted.
    #[error("the artifact of {release} is at the unencrypted address {url} and the registry states no digest for it")]
    UnprotectedArtifact {
        /// The release.
        release: Release,
        /// The address.
        url: RedactedUrl,
    },
    /// The registry states the release but serves no artifact for it.
    #[error("the registry no longer serves the artifact of {release}: {url} answered {status}")]
    ArtifactGone {
        /// The release.
        release: Release,
        /// The address.
        url: RedactedUrl,
        /// 404 or 410.
        status: StatusCode,
    },
    /// The artifact's bytes do not fit what the registry states.
    #[error("the artifact at {url} is not what the registry states")]
    Mismatch {
        /// The address.
        url: RedactedUrl,
        /// Both digests.
        #[source]
        source: IntegrityMismatch,
    },
    /// The request failed.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// The cache could not be used.
    #[error(transparent)]
    Cache(#[from] CacheError),
    /// A background task was cancelled or panicked.
    #[error("a background task ended early")]
    Task(#[from] tokio::task::JoinError),
}

fn list_nearest(nearest: &[Version]) -> String {
    if nearest.is_empty() {
        return String::new();
    }
    let versions: Vec<_> = nearest.iter().map(|version| format!("`{version}`")).collect();
    format!(", the nearest are {}", versions.join(", "))
}

fn quote_stated(stated: Option<&str>) -> String {
    let Some(stated) = stated else { return String::new() };
    let shown: String = stated.chars().take(200).collect();
    format!(": `{}`", shown.escape_debug())
}

impl RegistryError {
    /// Whether the error is about a version that a newer answer of the registry may have.
    /// Whether the registry answered, and knows or serves no such release.
    pub fn is_not_served(&self) -> bool {
        matches!(
            self,
            Self::UnknownPackage { .. }
                | Self::UnknownVersion { .. }
                | Self::Unpublished { .. }
                | Self::UnpublishedPackage { .. }
        )
    }

    pub(super) fn is_about_the_version(&self) -> bool {
        matches!(
            self,
            Self::UnknownVersion { .. }
                | Self::Unpublished { .. }
                | Self::UnpublishedPackage { .. }
                | Self::NoLatest { .. }
        )
    }

    /// Gives a refusal its own error, leaving every other one as it is.
    pub(super) fn from_answer(error: HttpError, credentials_sent: bool) -> Self {
        match error {
            HttpError::Status { url, status, .. }
                if matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) =>
            {
                Self::Denied { url, status, credentials_sent }
            }
            other => Self::Http(other),
        }
    }
}

impl AsHttpError for RegistryError {
    fn as_http_error(&self) -> Option<&HttpError> {
        match self {
            Self::Http(error) => Some(error),
            _ => None,
        }
    }
}
