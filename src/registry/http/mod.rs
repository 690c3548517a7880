//! The only HTTP client of the program.
//!
//! It knows proxies, trust roots, redirects, retries, time limits and how many requests a host can bear; it
//! knows nothing of any registry's format and keeps nothing. It decodes no content encoding: what arrives is
//! what the caller gets. Start reading at [`HttpClient::get`].

mod client;
mod error;
mod gate;
mod limits;
mod proxy;
mod retry;
mod trust;

pub(crate) use client::{HttpClient, Request, Response};
pub(crate) use error::AsHttpError;
pub use error::HttpError;
pub use limits::HttpLimits;
pub(crate) use proxy::ProxySettings;
pub(crate) use trust::TrustSettings;

/// Everything the client is configured with.
#[derive(Debug, Clone, Default)]
pub(crate) struct HttpSettings {
    pub(crate) proxies: ProxySettings,
    pub(crate) trust: TrustSettings,
    pub(crate) limits: HttpLimits,
}
