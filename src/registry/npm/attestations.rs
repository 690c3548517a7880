//! What a registry has signed, or says that others have: signatures in the metadata, and the attestations' endpoint.

use reqwest::StatusCode;
use reqwest::header::{ACCEPT, HeaderMap, HeaderValue};
use url::Url;

use super::record::{ATTESTATIONS, StoredAttestations};
use super::{Access, NpmRegistry, RegistryError, ReleaseMetadata};
use crate::registry::HttpError;
use crate::registry::http::Request;

/// Largest answer, bytes.
const MAX_BYTES: u64 = 8 << 20;
/// Most signatures that are read of one release.
const MAX_SIGNATURES: usize = 16;

impl ReleaseMetadata {
    /// The registry's signatures (`dist.signatures`): names of keys, and signatures in base64.
    pub fn signatures(&self) -> Vec<(String, String)> {
        let stated = self.manifest.pointer("/dist/signatures").and_then(|stated| stated.as_array());
        let pair = |signature: &serde_json::Value| {
            let text = |key: &str| signature.get(key).and_then(|value| value.as_str()).map(str::to_owned);
            Some((text("keyid")?, text("sig")?))
        };
        stated.into_iter().flatten().take(MAX_SIGNATURES).filter_map(pair).collect()
    }
}

impl NpmRegistry {
    /// The registry's answer about a release's attestations, or what is kept of it; `None` where it has none, or may not
    /// be asked.
    ///
    /// Ask only where the metadata states attestations. What was answered once about one content is never asked again.
    pub async fn attestations(&self, metadata: &ReleaseMetadata) -> Result<Option<Vec<u8>>, RegistryError> {
        let shared = self.shared();
        let url = attestations_url(metadata);
        let integrity = metadata.integrity.as_ref().map(ToString::to_string).unwrap_or_default();
        let key = StoredAttestations::key(&url, &integrity);
        if let Some(kept) = self.kept_attestations(&url, key)? {
            return Ok(Some(kept));
        }
        if shared.access == Access::Offline {
            return Ok(None);
        }
        let _turn = shared.turns.take(key).await;
        // Another task may have asked meanwhile.
        if let Some(kept) = self.kept_attestations(&url, key)? {
            return Ok(Some(kept));
        }
        let name = &metadata.release.name;
        let authorization = shared.configuration.authorization(&url, name)?;
        let credentials_sent = authorization.is_some();
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        let request = Request { url: url.clone(), headers, authorization };
        let received: Result<Vec<u8>, HttpError> =
            shared.http.get(&request, |response| response.bytes(MAX_BYTES)).await;
        let body = match received {
            Ok(body) => body,
            Err(HttpError::Status { status: StatusCode::NOT_FOUND | StatusCode::GONE, .. }) => return Ok(None),
            Err(error) => return Err(RegistryError::from_answer(error, credentials_sent)),
        };
        let cache = shared.cache.clone();
        let stored = tokio::task::spawn_blocking(move || -> Result<Vec<u8>, RegistryError> {
            let blob = cache.write_blob(&body)?;
            cache.write_record(ATTESTATIONS, key, &StoredAttestations::new(&url, blob))?;
            Ok(body)
        });
        Ok(Some(stored.await??))
    }

    fn kept_attestations(
        &self,
        url: &Url,
        key: crate::package::Sha256Digest,
    ) -> Result<Option<Vec<u8>>, RegistryError> {
        let cache = &self.shared().cache;
        let Some(record) = cache.read_record::<StoredAttestations>(ATTESTATIONS, key)? else { return Ok(None) };
        match record.blob().filter(|_| record.is_for(url)) {
            Some(blob) => Ok(cache.read_blob(blob)?),
            None => Ok(None),
        }
    }
}

/// Where npm's registries keep them. The address in the metadata is not followed: it may name any host.
fn attestations_url(metadata: &ReleaseMetadata) -> Url {
    let mut url = metadata.registry.clone();
    let release = &metadata.release;
    // A validated name and version need no other escape than these.
    let name = release.name.as_str().replacen('/', "%2f", 1);
    let version = release.version.as_str().replace('+', "%2B");
    let path = format!("{}-/npm/v1/attestations/{name}@{version}", url.path());
    url.set_path(&path);
    url
}
