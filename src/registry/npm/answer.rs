//! Small JSON answers that are asked for once and not kept.

use reqwest::header::{ACCEPT, HeaderMap, HeaderValue};
use serde::de::DeserializeOwned;
use url::Url;

use super::{Access, NpmRegistry, RegistryError};
use crate::package::PackageName;
use crate::registry::http::{Request, Response};
use crate::registry::{HttpError, RedactedUrl};

/// Largest answer, bytes.
const MAX_BYTES: u64 = 32 << 20;

impl NpmRegistry {
    /// Asks for the JSON at `url`, with the credentials that are configured for it; `name` is of the registry that they
    /// are looked up for, and `what` says in an error what was asked for.
    pub(super) async fn json_answer<T: DeserializeOwned>(
        &self,
        url: Url,
        name: &PackageName,
        what: &'static str,
    ) -> Result<T, RegistryError> {
        let shared = self.shared();
        if shared.access == Access::Offline {
            return Err(RegistryError::NotKept { what });
        }
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        let authorization = shared.configuration.authorization(&url, name)?;
        let credentials_sent = authorization.is_some();
        let request = Request { url, headers, authorization };
        let received = shared.http.get(&request, |response: Response| async move {
            let url = response.url().clone();
            Ok::<_, HttpError>((url, response.bytes(MAX_BYTES).await?))
        });
        let (url, body): (RedactedUrl, Vec<u8>) =
            received.await.map_err(|error| RegistryError::from_answer(error, credentials_sent))?;
        serde_json::from_slice(&body).map_err(|source| RegistryError::MalformedAnswer { url, what, source })
    }
}
