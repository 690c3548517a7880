use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use reqwest::StatusCode;
use reqwest::header::{ACCEPT_ENCODING, HeaderMap, HeaderValue};
use sha2::Digest as _;
use url::Url;

use super::record::{ARTIFACTS, CONTENTS, StoredContent, StoredDownload};
use super::{Access, Currency, DigestsStated, NpmRegistry, ObservationSource, RegistryError, ReleaseMetadata};
use crate::package::{Integrity, IntegrityMismatch, Release, Sha1Digest, Sha256Digest, Subject};
use crate::registry::cache::{Cache, StagedBlob};
use crate::registry::http::{Request, Response};
use crate::registry::{CacheError, HttpError, RedactedUrl};

/// How much is collected before it is hashed and written off the asynchronous threads.
const BLOCK: usize = 512 * 1024;

/// An artifact in the cache, its bytes checked against every digest the registry states.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredArtifact {
    /// The file. Its content was checked when it was stored, not since: compare while reading.
    pub path: PathBuf,
    /// Its size in bytes.
    pub size: u64,
    /// The SHA-256 that its content must have.
    pub sha256: Sha256Digest,
    /// The SHA-512 that its content must have.
    pub integrity: Integrity,
}

impl NpmRegistry {
    /// Brings the artifact of a release into the cache, or finds it there.
    ///
    /// Of a cached artifact only the size is checked; see [`StoredArtifact::path`] and [`NpmRegistry::discard`].
    pub async fn artifact(&self, metadata: &ReleaseMetadata) -> Result<StoredArtifact, RegistryError> {
        self.artifact_and_source(metadata).await.map(|(artifact, _)| artifact)
    }

    /// As [`NpmRegistry::artifact`], and tells whether it was fetched now.
    pub async fn artifact_and_source(
        &self,
        metadata: &ReleaseMetadata,
    ) -> Result<(StoredArtifact, ObservationSource), RegistryError> {
        let stated = Stated::of(metadata);
        let key = StoredDownload::key(&metadata.artifact_url, &stated.integrity, &stated.shasum);
        let shared = self.shared();
        // Where no digest is stated, only the registry can say what it serves.
        let bound = metadata.digests_stated() != DigestsStated::None;
        let kept = self.stored_artifact(metadata, key)?;
        if let Some(artifact) = kept.filter(|_| bound || shared.access == Access::Offline) {
            return Ok((artifact, ObservationSource::Cache));
        }
        match shared.access {
            Access::Offline => {
                return Err(RegistryError::ArtifactNotCached { release: metadata.release.clone() });
            }
            Access::Online => {}
        }
        let unprotected = metadata.artifact_url.scheme() == "http" && metadata.registry.scheme() == "https" && !bound;
        if unprotected {
            let url = RedactedUrl::new(&metadata.artifact_url);
            return Err(RegistryError::UnprotectedArtifact { release: metadata.release.clone(), url });
        }
        let _turn = shared.turns.take(key).await;
        // Another task may have brought it meanwhile.
        if let Some(artifact) = self.stored_artifact(metadata, key)?.filter(|_| bound) {
            return Ok((artifact, ObservationSource::Cache));
        }
        let artifact = self.download(&metadata.release, &metadata.artifact_url, &stated).await?;
        let record =
            StoredDownload::new(&metadata.artifact_url, artifact.sha256, artifact.size, artifact.integrity.to_string());
        shared.cache.write_record(ARTIFACTS, key, &record)?;
        Ok((artifact, ObservationSource::Network))
    }

    /// Drops a cached artifact whose content proved not to be what it must be, so that it is fetched again.
    pub fn discard(&self, artifact: &StoredArtifact) -> Result<(), RegistryError> {
        tracing::warn!(sha256 = %artifact.sha256, "a cached artifact does not fit its digest and is dropped");
        Ok(self.shared().cache.remove_blob(artifact.sha256)?)
    }

    fn stored_artifact(
        &self,
        metadata: &ReleaseMetadata,
        key: Sha256Digest,
    ) -> Result<Option<StoredArtifact>, RegistryError> {
        let cache = &self.shared().cache;
        let Some(record) = cache.read_record::<StoredDownload>(ARTIFACTS, key)? else { return Ok(None) };
        let (Some(sha256), Ok(integrity)) = (record.sha256(), Integrity::parse(&record.integrity)) else {
            return Ok(None);
        };
        if !record.is_for(&metadata.artifact_url) || cache.blob_size(sha256) != Some(record.size) {
            return Ok(None);
        }
        Ok(Some(StoredArtifact { path: cache.blob_path(sha256), size: record.size, sha256, integrity }))
    }

    async fn download(&self, release: &Release, url: &Url, stated: &Stated) -> Result<StoredArtifact, RegistryError> {
        let shared = self.shared();
        let authorization = shared.configuration.authorization(url, &release.name)?;
        let credentials_sent = authorization.is_some();
        let mut headers = HeaderMap::new();
        // The artifact is a gzip file: a second compression would only blur which bytes were published.
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        let request = Request { url: url.clone(), headers, authorization };
        let limit = shared.limits.artifact_bytes;
        let with_sha384 = stated.integrity.contains("sha384-");
        let received = shared.http.get(&request, |response| receive(&shared.cache, response, limit, with_sha384)).await;
        let received = received.map_err(|error| match error {
            RegistryError::Http(HttpError::Status {
                url,
                status: status @ (StatusCode::NOT_FOUND | StatusCode::GONE),
                ..
            }) => RegistryError::ArtifactGone { release: release.clone(), url, status },
            RegistryError::Http(error) => RegistryError::from_answer(error, credentials_sent),
            other => other,
        })?;
        let artifact = received.store(&shared.cache, stated, url).await?;
        let record = StoredContent::new(artifact.sha256, artifact.size, artifact.integrity.to_string());
        for stated in [artifact.integrity.to_string(), stated.integrity.clone()] {
            if !stated.is_empty() {
                shared.cache.write_record(CONTENTS, StoredContent::key(&stated), &record)?;
            }
        }
        Ok(artifact)
    }

    /// Brings the tarball of a release whose integrity is known from elsewhere, or finds it in the cache.
    ///
    /// No metadata is asked for unless the registry keeps the tarball at an unusual address, and no other host
    /// than the configured registry is ever asked. Tells whether the tarball was fetched now.
    pub async fn tarball(
        &self,
        release: &Release,
        integrity: &Integrity,
    ) -> Result<(StoredArtifact, ObservationSource), RegistryError> {
        let shared = self.shared();
        let stated = Stated { integrity: integrity.to_string(), shasum: String::new() };
        let key = StoredContent::key(&stated.integrity);
        if let Some(artifact) = self.content(key)? {
            return Ok((artifact, ObservationSource::Cache));
        }
        match shared.access {
            Access::Offline => return Err(RegistryError::ArtifactNotCached { release: release.clone() }),
            Access::Online => {}
        }
        let _turn = shared.turns.take(key).await;
        // Another task may have brought it meanwhile.
        if let Some(artifact) = self.content(key)? {
            return Ok((artifact, ObservationSource::Cache));
        }
        let usual = shared.configuration.usual_artifact_url(&release.name, &release.version);
        let gone = match self.download(release, &usual, &stated).await {
            Err(gone @ RegistryError::ArtifactGone { .. }) => gone,
            other => return other.map(|artifact| (artifact, ObservationSource::Network)),
        };
        let subject = Subject {
            ecosystem: release.ecosystem,
            name: release.name.clone(),
            version: Some(release.version.clone()),
        };
        let metadata = self.release_while(&subject, Currency::Any).await?;
        if metadata.artifact_url == usual {
            return Err(gone);
        }
        let artifact = self.download(release, &metadata.artifact_url, &stated).await?;
        Ok((artifact, ObservationSource::Network))
    }

    /// The cached content under a stated integrity.
    fn content(&self, key: Sha256Digest) -> Result<Option<StoredArtifact>, RegistryError> {
        let cache = &self.shared().cache;
        let Some(record) = cache.read_record::<StoredContent>(CONTENTS, key)? else { return Ok(None) };
        let (Some(sha256), Ok(integrity)) = (record.sha256(), Integrity::parse(&record.integrity)) else {
            return Ok(None);
        };
        if cache.blob_size(sha256) != Some(record.size) {
            return Ok(None);
        }
        Ok(Some(StoredArtifact { path: cache.blob_path(sha256), size: record.size, sha256, integrity }))
    }
}

/// The digests that the registry states, in the registry's own spelling; empty where it states none.
struct Stated {
    integrity: String,
    shasum: String,
}

impl Stated {
    fn of(metadata: &ReleaseMetadata) -> Self {
        Self {
            integrity: metadata.integrity.as_ref().map(ToString::to_string).unwrap_or_default(),
            shasum: metadata.shasum.map(|digest| digest.to_string()).unwrap_or_default(),
        }
    }
}

/// A blob being written and hashed.
struct Hashed {
    blob: StagedBlob,
    size: u64,
    sha1: sha1::Sha1,
    sha256: sha2::Sha256,
    /// Hashed only where it is stated, which is rare.
    sha384: Option<sha2::Sha384>,
    sha512: sha2::Sha512,
}

impl Hashed {
    fn add(mut self, bytes: &[u8]) -> Result<Self, CacheError> {
        self.blob.write(bytes)?;
        self.size += bytes.len() as u64;
        self.sha1.update(bytes);
        self.sha256.update(bytes);
        if let Some(sha384) = &mut self.sha384 {
            sha384.update(bytes);
        }
        self.sha512.update(bytes);
        Ok(self)
    }

    async fn store(self, cache: &Cache, stated: &Stated, url: &Url) -> Result<StoredArtifact, RegistryError> {
        let sha1 = Sha1Digest(self.sha1.finalize().into());
        let sha256 = Sha256Digest(self.sha256.finalize().into());
        let sha512 = format!("sha512-{}", BASE64.encode(self.sha512.finalize()));
        let integrity = Integrity::parse(&sha512).expect("a sha512 was just written in that form");
        let mut digests = vec![sha512];
        digests.extend(self.sha384.map(|sha384| format!("sha384-{}", BASE64.encode(sha384.finalize()))));
        digests.push(format!("sha256-{}", BASE64.encode(sha256.0)));
        digests.push(format!("sha1-{}", BASE64.encode(sha1.0)));
        check_integrity(&stated.integrity, &digests)
            .and_then(|()| check_shasum(&stated.shasum, &sha1.to_string()))
            .map_err(|source| RegistryError::Mismatch { url: RedactedUrl::new(url), source })?;
        let (cache, blob) = (cache.clone(), self.blob);
        let path = tokio::task::spawn_blocking(move || blob.commit(&cache, sha256)).await??;
        Ok(StoredArtifact { path, size: self.size, sha256, integrity })
    }
}

async fn receive(
    cache: &Cache,
    mut response: Response,
    limit: u64,
    with_sha384: bool,
) -> Result<Hashed, RegistryError> {
    response.check_length(limit)?;
    let mut hashed = Hashed {
        blob: cache.stage()?,
        size: 0,
        sha1: sha1::Sha1::new(),
        sha256: sha2::Sha256::new(),
        sha384: with_sha384.then(sha2::Sha384::new),
        sha512: sha2::Sha512::new(),
    };
    let mut block = Vec::with_capacity(BLOCK);
    loop {
        let chunk = response.chunk().await?;
        if let Some(chunk) = &chunk {
            let chunk = chunk.as_ref();
            if hashed.size + (block.len() + chunk.len()) as u64 > limit {
                return Err(response.too_large(limit).into());
            }
            block.extend_from_slice(chunk);
        }
        if block.len() >= BLOCK || (chunk.is_none() && !block.is_empty()) {
            let full = std::mem::replace(&mut block, Vec::with_capacity(BLOCK));
            hashed = tokio::task::spawn_blocking(move || hashed.add(&full)).await??;
        }
        if chunk.is_none() {
            return Ok(hashed);
        }
    }
}

/// Checks against the strongest algorithm that is stated; `digests` run from the strongest to the weakest.
fn check_integrity(stated: &str, digests: &[String]) -> Result<(), IntegrityMismatch> {
    for actual in digests {
        let Some((algorithm, _)) = actual.split_once('-') else { continue };
        let of_this = |item: &&str| item.strip_prefix(algorithm).is_some_and(|rest| rest.starts_with('-'));
        let expected: Vec<_> = stated.split(' ').filter(of_this).collect();
        if expected.is_empty() {
            continue;
        }
        if expected.contains(&actual.as_str()) {
            return Ok(());
        }
        return Err(IntegrityMismatch { expected: expected.join(" "), actual: actual.clone() });
    }
    Ok(())
}

fn check_shasum(stated: &str, actual: &str) -> Result<(), IntegrityMismatch> {
    if stated.is_empty() || stated == actual {
        return Ok(());
    }
    Err(IntegrityMismatch { expected: format!("sha1 {stated}"), actual: format!("sha1 {actual}") })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_strongest_stated_algorithm_decides() {
        let digests = ["sha512-A", "sha384-B", "sha256-C", "sha1-D"].map(str::to_owned);
        assert!(check_integrity("", &digests).is_ok());
        assert!(check_integrity("sha1-D", &digests).is_ok());
        assert!(check_integrity("sha384-X sha384-B sha1-X", &digests).is_ok());
        let mismatch = check_integrity("sha1-D sha256-X sha256-Y", &digests).unwrap_err();
        assert_eq!((mismatch.expected.as_str(), mismatch.actual.as_str()), ("sha256-X sha256-Y", "sha256-C"));
    }
}

#[cfg(test)]
#[path = "tarball_tests.rs"]
mod tarball_tests;
