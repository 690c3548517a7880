use std::path::PathBuf;
use std::time::Duration;

use reqwest::StatusCode;

use crate::registry::RedactedUrl;

/// Why a request brought no usable response.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    /// The server answered, but with an error.
    #[error("{url} answered {status}")]
    Status {
        /// The address that answered, after redirects.
        url: RedactedUrl,
        /// Its status.
        status: StatusCode,
        /// The wait it asked for.
        retry_after: Option<Duration>,
    },
    /// The server asks for fewer requests.
    #[error("{url} limits the rate of requests{}", wait_asked(*.retry_after))]
    RateLimited {
        /// The address that answered, after redirects.
        url: RedactedUrl,
        /// The wait it asked for.
        retry_after: Option<Duration>,
    },
    /// No answer, or no further part of it, in time.
    #[error("{url} did not answer in time")]
    Timeout {
        /// The address.
        url: RedactedUrl,
        /// What the client says.
        #[source]
        source: reqwest::Error,
    },
    /// No connection: name resolution, network, proxy or certificate.
    #[error("cannot connect to {url}")]
    Connect {
        /// The address.
        url: RedactedUrl,
        /// Whether the server's certificate was refused.
        certificate_refused: bool,
        /// What the client says.
        #[source]
        source: reqwest::Error,
    },
    /// The connection broke, or the answer ended early.
    #[error("the answer of {url} ended early or broke off")]
    Interrupted {
        /// The address.
        url: RedactedUrl,
        /// What the client says.
        #[source]
        source: reqwest::Error,
    },
    /// The answer is larger than allowed.
    #[error("the answer of {url} is larger than the limit of {limit} bytes")]
    TooLarge {
        /// The address.
        url: RedactedUrl,
        /// The limit.
        limit: u64,
    },
    /// Too many redirects in a row.
    #[error("{url} redirects more than {limit} times")]
    RedirectLimit {
        /// The address asked for.
        url: RedactedUrl,
        /// The limit.
        limit: usize,
    },
    /// A redirect without a usable target.
    #[error("{url} redirects to something that is not an http(s) address")]
    RedirectTarget {
        /// The address that redirects.
        url: RedactedUrl,
    },
    /// A redirect from https to http.
    #[error("{url} redirects to the unencrypted address {target}")]
    RedirectDowngrade {
        /// The address that redirects.
        url: RedactedUrl,
        /// Where to.
        target: RedactedUrl,
    },
    /// A certificate file that was configured cannot be used.
    #[error("cannot read certificates from `{}`", path.display())]
    Certificates {
        /// The file.
        path: PathBuf,
        /// Why, where the system says.
        #[source]
        source: std::io::Error,
    },
    /// The configured certificate files hold no usable certificate.
    #[error("the configured certificate files hold no usable certificate")]
    NoCertificates,
    /// The configured proxy is not an address. It is not shown because it may carry a password.
    #[error("the configured proxy is not a usable address")]
    Proxy,
    /// The client could not be built.
    #[error("cannot set up the HTTP client")]
    Setup(#[source] Box<dyn std::error::Error + Send + Sync>),
}

fn wait_asked(retry_after: Option<Duration>) -> String {
    retry_after.map(|wait| format!(" and asks to wait {} s", wait.as_secs())).unwrap_or_default()
}

impl HttpError {
    /// Sorts what the underlying client reports, dropping the address it would print unredacted.
    pub(super) fn from_client(url: RedactedUrl, error: reqwest::Error) -> Self {
        let source = error.without_url();
        if source.is_timeout() {
            return Self::Timeout { url, source };
        }
        if source.is_connect() {
            let certificate_refused = certificate_refused(&source);
            return Self::Connect { url, certificate_refused, source };
        }
        Self::Interrupted { url, source }
    }

    /// Whether asking again may help.
    pub(crate) fn is_transient(&self) -> bool {
        match self {
            Self::Status { status, .. } => {
                matches!(status.as_u16(), 408 | 425 | 500 | 502 | 503 | 504)
            }
            Self::Connect { certificate_refused, .. } => !certificate_refused,
            Self::RateLimited { .. } | Self::Timeout { .. } | Self::Interrupted { .. } => true,
            Self::TooLarge { .. }
            | Self::RedirectLimit { .. }
            | Self::RedirectTarget { .. }
            | Self::RedirectDowngrade { .. }
            | Self::Certificates { .. }
            | Self::NoCertificates
            | Self::Proxy
            | Self::Setup(_) => false,
        }
    }

    /// The wait the server asked for.
    pub(crate) fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Status { retry_after, .. } | Self::RateLimited { retry_after, .. } => *retry_after,
            _ => None,
        }
    }
}

fn certificate_refused(error: &(dyn std::error::Error + 'static)) -> bool {
    let mut cause = Some(error);
    while let Some(current) = cause {
        if matches!(current.downcast_ref(), Some(rustls::Error::InvalidCertificate(_))) {
            return true;
        }
        // The connector wraps errors in `io::Error`s, whose `source()` skips the very error they wrap.
        cause = match current.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref) {
            Some(wrapped) => Some(wrapped),
            None => current.source(),
        };
    }
    false
}

/// Errors that may be, or carry, an [`HttpError`].
pub(crate) trait AsHttpError {
    fn as_http_error(&self) -> Option<&HttpError>;
}

impl AsHttpError for HttpError {
    fn as_http_error(&self) -> Option<&HttpError> {
        Some(self)
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    #[test]
    fn a_refused_certificate_is_found_however_deep_it_is_wrapped() {
        let refused = rustls::Error::InvalidCertificate(rustls::CertificateError::UnknownIssuer);
        let wrapped = io::Error::other(io::Error::new(io::ErrorKind::InvalidData, refused));
        assert!(certificate_refused(&wrapped));
        let other = io::Error::other(io::Error::new(io::ErrorKind::InvalidData, rustls::Error::DecryptError));
        assert!(!certificate_refused(&other));
        assert!(!certificate_refused(&io::Error::from(io::ErrorKind::ConnectionRefused)));
    }
}
