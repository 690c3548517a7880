//! The keys that a registry signs with, as it states them itself.

use std::time::{Duration, SystemTime};

use reqwest::StatusCode;
use reqwest::header::{ACCEPT, HeaderMap, HeaderValue};
use url::Url;

use super::client::seconds;
use super::record::{KEYS, StoredKeys};
use super::{Access, NpmRegistry, RegistryError, ReleaseMetadata};
use crate::package::Sha256Digest;
use crate::registry::http::Request;
use crate::registry::{HttpError, freshness};

/// Largest answer, bytes.
const MAX_BYTES: u64 = 1 << 20;

impl NpmRegistry {
    /// The keys that the registry of a release states, as they were served or kept; `None` where it has none, or may not
    /// be asked and nothing is kept.
    ///
    /// What is kept is used while HTTP's own rules allow, and asked about with conditions afterwards.
    pub async fn keys(&self, metadata: &ReleaseMetadata) -> Result<Option<Vec<u8>>, RegistryError> {
        let url = keys_url(&metadata.registry);
        let key = StoredKeys::key(&url);
        let offline = self.shared().access == Access::Offline;
        let kept = self.kept_keys(&url, key)?;
        if let Some(kept) = kept.filter(|kept| offline || is_fresh(kept, &url)) {
            return self.stored_keys(&kept);
        }
        if offline {
            return Ok(None);
        }
        let _turn = self.shared().turns.take(key).await;
        // Another task may have asked meanwhile.
        let kept = self.kept_keys(&url, key)?;
        if let Some(kept) = kept.as_ref().filter(|kept| is_fresh(kept, &url)) {
            return self.stored_keys(kept);
        }
        self.ask_for_keys(metadata, &url, key, kept).await
    }

    fn kept_keys(&self, url: &Url, key: Sha256Digest) -> Result<Option<StoredKeys>, RegistryError> {
        let kept: Option<StoredKeys> = self.shared().cache.read_record(KEYS, key)?;
        Ok(kept.filter(|kept| kept.is_for(url)))
    }

    fn stored_keys(&self, kept: &StoredKeys) -> Result<Option<Vec<u8>>, RegistryError> {
        Ok(kept.blob().map(|blob| self.shared().cache.read_blob(blob)).transpose()?.flatten())
    }

    async fn ask_for_keys(
        &self,
        metadata: &ReleaseMetadata,
        url: &Url,
        key: Sha256Digest,
        kept: Option<StoredKeys>,
    ) -> Result<Option<Vec<u8>>, RegistryError> {
        let shared = self.shared();
        // What is gone from the disk must come anew.
        let held = match kept {
            Some(kept) => self.stored_keys(&kept)?.map(|body| (kept, body)),
            None => None,
        };
        let asked = asked_headers();
        let mut headers = asked.clone();
        if let Some((kept, _)) = &held {
            headers.extend(freshness::conditions(&kept.policy, url, &asked, SystemTime::now()));
        }
        let authorization = shared.configuration.authorization(url, &metadata.release.name)?;
        let credentials_sent = authorization.is_some();
        let request = Request { url: url.clone(), headers, authorization };
        let received = shared.http.get(&request, |response| async move {
            let (status, headers) = (response.status(), response.headers().clone());
            Ok::<_, HttpError>((status, headers, response.bytes(MAX_BYTES).await?))
        });
        let now = SystemTime::now();
        let (kept, body) = match (received.await, held) {
            (Ok((StatusCode::NOT_MODIFIED, answered, _)), Some((kept, body))) => {
                // Where the answer cannot mean what is kept, that is asked about again the next time.
                let policy = freshness::after_not_modified(&kept.policy, url, &asked, &answered, now);
                let Some(policy) = policy else { return Ok(Some(body)) };
                (kept.confirmed(policy, seconds(now)), Some(body))
            }
            (Ok((StatusCode::NOT_MODIFIED, ..)), None) => return Ok(None),
            (Ok((_, answered, body)), _) => {
                let policy = freshness::policy(url, &asked, &answered, now);
                let blob = shared.cache.write_blob(&body)?;
                (StoredKeys::new(url, Some(blob), policy, seconds(now)), Some(body))
            }
            // Registries without this place say so in many ways.
            (Err(HttpError::Status { status, .. }), _)
                if status.is_client_error() && status != StatusCode::TOO_MANY_REQUESTS =>
            {
                let policy = freshness::policy(url, &asked, &HeaderMap::new(), now);
                (StoredKeys::new(url, None, policy, seconds(now)), None)
            }
            (Err(error), _) => return Err(RegistryError::from_answer(error, credentials_sent)),
        };
        shared.cache.write_record(KEYS, key, &kept)?;
        Ok(body)
    }
}

fn is_fresh(kept: &StoredKeys, url: &Url) -> bool {
    let checked = SystemTime::UNIX_EPOCH + Duration::from_secs(u64::try_from(kept.checked_at).unwrap_or_default());
    freshness::is_fresh(&kept.policy, url, &asked_headers(), checked, SystemTime::now())
}

fn asked_headers() -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
    headers
}

/// Where npm's registries keep them.
fn keys_url(registry: &Url) -> Url {
    let mut url = registry.clone();
    let path = format!("{}-/npm/v1/keys", url.path());
    url.set_path(&path);
    url
}
