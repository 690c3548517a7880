use std::fmt;

use super::HttpError;

/// The proxies to use; addresses may carry passwords and are never printed.
#[derive(Clone, Default)]
pub(crate) struct ProxySettings {
    /// For http addresses.
    pub(crate) http: Option<String>,
    /// For https addresses.
    pub(crate) https: Option<String>,
    /// Hosts that are reached directly, in the form of `NO_PROXY`.
    pub(crate) bypass: Option<String>,
}

impl fmt::Debug for ProxySettings {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("ProxySettings")
            .field("http", &self.http.is_some())
            .field("https", &self.https.is_some())
            .field("bypass", &self.bypass)
            .finish()
    }
}

impl ProxySettings {
    /// Applies these settings, and only these, to a client.
    pub(super) fn apply(&self, builder: reqwest::ClientBuilder) -> Result<reqwest::ClientBuilder, HttpError> {
        let bypass = self.bypass.as_deref().and_then(reqwest::NoProxy::from_string);
        // Without this the client would look for proxies in the process environment by itself.
        let mut builder = builder.no_proxy();
        if let Some(address) = &self.http {
            builder =
                builder.proxy(reqwest::Proxy::http(address).map_err(|_| HttpError::Proxy)?.no_proxy(bypass.clone()));
        }
        if let Some(address) = &self.https {
            builder = builder.proxy(reqwest::Proxy::https(address).map_err(|_| HttpError::Proxy)?.no_proxy(bypass));
        }
        Ok(builder)
    }
}
