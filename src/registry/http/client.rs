use std::future::Future;
use std::sync::Arc;
use std::time::SystemTime;

use reqwest::StatusCode;
use reqwest::header::{AUTHORIZATION, CONTENT_LENGTH, HeaderMap, HeaderValue, LOCATION};
use tokio::sync::{OnceCell, OwnedSemaphorePermit};
use url::Url;

use super::gate::Gates;
use super::retry::{retry_after, wait_before_retry};
use super::{AsHttpError, HttpError, HttpSettings};
use crate::registry::RedactedUrl;
use crate::registry::redacted::take_userinfo;

const USER_AGENT: &str = concat!(env!("CARGO_PKG_NAME"), "/", env!("CARGO_PKG_VERSION"));

/// Gets things over HTTP; cheap to clone, and free until the first request.
#[derive(Debug, Clone)]
pub(crate) struct HttpClient {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    settings: HttpSettings,
    client: OnceCell<reqwest::Client>,
    gates: Gates,
}

/// What to get.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    /// The address, without userinfo.
    pub(crate) url: Url,
    /// Headers that any host may see.
    pub(crate) headers: HeaderMap,
    /// Credentials for the origin of `url`; a redirect to another origin does not get them.
    pub(crate) authorization: Option<HeaderValue>,
}

/// A successful or not-modified answer whose body has not been read yet.
#[derive(Debug)]
pub(crate) struct Response {
    url: RedactedUrl,
    inner: reqwest::Response,
    _permit: OwnedSemaphorePermit,
}

impl Response {
    pub(crate) fn status(&self) -> StatusCode {
        self.inner.status()
    }

    pub(crate) fn headers(&self) -> &HeaderMap {
        self.inner.headers()
    }

    /// The address that answered, after redirects.
    pub(crate) fn url(&self) -> &RedactedUrl {
        &self.url
    }

    /// Refuses an answer that announces more than `limit` bytes.
    pub(crate) fn check_length(&self, limit: u64) -> Result<(), HttpError> {
        let announced = self.headers().get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
        if announced.is_some_and(|length| length > limit) { Err(self.too_large(limit)) } else { Ok(()) }
    }

    /// The error for an answer of more than `limit` bytes.
    pub(crate) fn too_large(&self, limit: u64) -> HttpError {
        HttpError::TooLarge { url: self.url.clone(), limit }
    }

    /// The next piece of the body, as it came over the wire.
    pub(crate) async fn chunk(&mut self) -> Result<Option<impl AsRef<[u8]> + Send + use<>>, HttpError> {
        self.inner.chunk().await.map_err(|error| HttpError::from_client(self.url.clone(), error))
    }

    /// The whole body, refused beyond `limit` bytes.
    pub(crate) async fn bytes(mut self, limit: u64) -> Result<Vec<u8>, HttpError> {
        self.check_length(limit)?;
        let mut body = Vec::new();
        while let Some(chunk) = self.chunk().await? {
            let chunk = chunk.as_ref();
            if body.len() as u64 + chunk.len() as u64 > limit {
                return Err(self.too_large(limit));
            }
            body.extend_from_slice(chunk);
        }
        Ok(body)
    }
}

impl HttpClient {
    pub(crate) fn new(settings: HttpSettings) -> Self {
        Self { shared: Arc::new(Shared { settings, client: OnceCell::new(), gates: Gates::new() }) }
    }

    /// Gets `request` and hands the answer to `receive`, trying again where either meets a passing failure.
    ///
    /// `receive` must start afresh each time it is called.
    pub(crate) async fn get<T, E, F, Fut>(&self, request: &Request, mut receive: F) -> Result<T, E>
    where
        F: FnMut(Response) -> Fut,
        Fut: Future<Output = Result<T, E>>,
        E: From<HttpError> + AsHttpError,
    {
        let mut past_retries = 0;
        loop {
            let result = match self.attempt(request).await {
                Ok(response) => receive(response).await,
                Err(error) => Err(E::from(error)),
            };
            let error = match result {
                Ok(received) => return Ok(received),
                Err(error) => error,
            };
            let wait = error
                .as_http_error()
                .and_then(|error| wait_before_retry(error, past_retries, &self.shared.settings.limits));
            let Some(wait) = wait else { return Err(error) };
            past_retries += 1;
            tracing::debug!(url = %RedactedUrl::new(&request.url), past_retries, ?wait, "the request failed and is tried again");
            tokio::time::sleep(wait).await;
        }
    }

    async fn attempt(&self, request: &Request) -> Result<Response, HttpError> {
        let client = self.client().await?;
        let limits = &self.shared.settings.limits;
        let mut url = request.url.clone();
        let mut authorization = request.authorization.clone();
        for _ in 0..=limits.redirects {
            let permit = self.shared.gates.enter(&url, limits).await;
            let mut builder = client.get(url.clone()).headers(request.headers.clone());
            if let Some(value) = &authorization {
                builder = builder.header(AUTHORIZATION, value.clone());
            }
            let shown = RedactedUrl::new(&url);
            let inner = builder.send().await.map_err(|error| HttpError::from_client(shown.clone(), error))?;
            match inner.status() {
                status if status.is_success() || status == StatusCode::NOT_MODIFIED => {
                    return Ok(Response { url: shown, inner, _permit: permit });
                }
                StatusCode::MOVED_PERMANENTLY
                | StatusCode::FOUND
                | StatusCode::SEE_OTHER
                | StatusCode::TEMPORARY_REDIRECT
                | StatusCode::PERMANENT_REDIRECT => {
                    let target = redirect_target(&url, inner.headers())?;
                    if target.origin() != url.origin() {
                        authorization = None;
                    }
                    url = target;
                }
                StatusCode::TOO_MANY_REQUESTS => {
                    let retry_after = retry_after(inner.headers(), SystemTime::now());
                    return Err(HttpError::RateLimited { url: shown, retry_after });
                }
                status => {
                    let retry_after = retry_after(inner.headers(), SystemTime::now());
                    return Err(HttpError::Status { url: shown, status, retry_after });
                }
            }
        }
        Err(HttpError::RedirectLimit { url: RedactedUrl::new(&request.url), limit: limits.redirects })
    }

    /// A bare client, for a library that speaks to services of its own: without retries, gates and limits on bodies, but
    /// each answer must be there within `total`.
    #[cfg(feature = "keyless")]
    pub(crate) async fn bare(&self, total: std::time::Duration) -> Result<reqwest::Client, HttpError> {
        let mut settings = self.shared.settings.clone();
        settings.limits.total_timeout = total;
        tokio::task::spawn_blocking(move || build(&settings))
            .await
            .map_err(|error| HttpError::Setup(Box::new(error)))?
    }

    async fn client(&self) -> Result<&reqwest::Client, HttpError> {
        let shared = &self.shared;
        shared
            .client
            .get_or_try_init(|| async {
                let settings = shared.settings.clone();
                // Reading and parsing a hundred trust roots takes milliseconds.
                tokio::task::spawn_blocking(move || build(&settings))
                    .await
                    .map_err(|error| HttpError::Setup(Box::new(error)))?
            })
            .await
    }
}

fn build(settings: &HttpSettings) -> Result<reqwest::Client, HttpError> {
    let limits = &settings.limits;
    let builder = reqwest::Client::builder()
        .user_agent(USER_AGENT)
        // Bodies are hashed as they are served, and a hidden decoder has no limit.
        .no_gzip()
        // Redirects are followed here, where credentials and limits per host are known.
        .redirect(reqwest::redirect::Policy::none())
        .referer(false)
        .connect_timeout(limits.connect_timeout)
        .read_timeout(limits.idle_timeout)
        .timeout(limits.total_timeout)
        .pool_max_idle_per_host(limits.concurrent_per_host)
        .tcp_nodelay(true);
    let builder = settings.trust.apply(settings.proxies.apply(builder)?)?;
    builder.build().map_err(|error| HttpError::Setup(Box::new(error)))
}

fn redirect_target(from: &Url, headers: &HeaderMap) -> Result<Url, HttpError> {
    let refused = || HttpError::RedirectTarget { url: RedactedUrl::new(from) };
    let location = headers.get(LOCATION).and_then(|value| value.to_str().ok()).ok_or_else(refused)?;
    let mut target = from.join(location).map_err(|_| refused())?;
    take_userinfo(&mut target);
    match (from.scheme(), target.scheme()) {
        ("https", "http") => {
            Err(HttpError::RedirectDowngrade { url: RedactedUrl::new(from), target: RedactedUrl::new(&target) })
        }
        (_, "http" | "https") => Ok(target),
        _ => Err(refused()),
    }
}

#[cfg(test)]
#[path = "client_tests.rs"]
mod tests;
