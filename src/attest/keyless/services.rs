use std::fmt;
use std::str::FromStr;

use sigstore_sign::rekor::RekorApiVersion;
use sigstore_sign::{SigningServices, SigstoreInstance};
use url::{Host, Url};

use super::KeylessError;

/// Where a service is: https, or http on this machine. It has neither credentials nor a query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceAddress(Url);

/// Why a text is no service's address. The text is not repeated: it may hold a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ServiceAddressError {
    /// Not an address at all.
    #[error("it is not a URL")]
    Malformed,
    /// A way over which anybody could read the token.
    #[error("it is not https; http will do on this machine alone")]
    Scheme,
    /// More than a place.
    #[error("it holds a user name, a password, a query or a fragment")]
    Parts,
}

impl FromStr for ServiceAddress {
    type Err = ServiceAddressError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let url = Url::parse(text).map_err(|_| ServiceAddressError::Malformed)?;
        let local = match url.host() {
            Some(Host::Domain(name)) => name == "localhost",
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => address.is_loopback(),
            None => false,
        };
        if url.scheme() != "https" && !(url.scheme() == "http" && local) {
            return Err(ServiceAddressError::Scheme);
        }
        let bare = url.username().is_empty() && url.password().is_none();
        if bare && url.query().is_none() && url.fragment().is_none() {
            Ok(Self(url))
        } else {
            Err(ServiceAddressError::Parts)
        }
    }
}

impl fmt::Display for ServiceAddress {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

/// Which interface a log has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogVersion {
    /// Rekor 1: it says when it took an entry.
    V1,
    /// Rekor 2, made of tiles: it says no time, so that a timestamp authority must.
    V2,
}

/// Who takes part in signing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Services {
    /// Fulcio, which issues certificates.
    pub certificates: ServiceAddress,
    /// Rekor, the log.
    pub log: ServiceAddress,
    /// The log's interface.
    pub log_version: LogVersion,
    /// Who signs times (RFC 3161), at its full address.
    pub timestamps: Option<ServiceAddress>,
}

impl Services {
    /// Sigstore's public instance, as the library knows it.
    pub fn public() -> Result<Self, KeylessError> {
        let services =
            SigningServices::from_embedded(SigstoreInstance::PublicGood).map_err(|_| KeylessError::Embedded)?;
        let address = |text: &str| text.parse().map_err(|_| KeylessError::Embedded);
        Ok(Self {
            certificates: address(services.fulcio_url())?,
            log: address(services.rekor_url())?,
            log_version: match services.rekor_api_version() {
                RekorApiVersion::V1 => LogVersion::V1,
                RekorApiVersion::V2 => LogVersion::V2,
                _ => return Err(KeylessError::Embedded),
            },
            timestamps: services.tsa_url().map(address).transpose()?,
        })
    }

    pub(super) fn to_library(&self) -> SigningServices {
        let version = match self.log_version {
            LogVersion::V1 => RekorApiVersion::V1,
            LogVersion::V2 => RekorApiVersion::V2,
        };
        let services = SigningServices::new(self.certificates.to_string(), self.log.to_string())
            .with_rekor(self.log.to_string(), version);
        match &self.timestamps {
            Some(address) => services.with_tsa_url(address.to_string()),
            None => services,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_is_reached_where_nobody_else_can_read_the_token() {
        let read = |text: &str| text.parse::<ServiceAddress>().map(drop);
        for good in [
            "https://ca.example",
            "https://ca.example/a/b",
            "http://127.0.0.1:5555",
            "http://[::1]/",
            "http://localhost",
        ] {
            assert_eq!(read(good), Ok(()), "{good}");
        }
        for bad in ["http://ca.example", "http://127.0.0.1.example", "http://10.0.0.1", "ftp://localhost", "file:///x"]
        {
            assert_eq!(read(bad), Err(ServiceAddressError::Scheme), "{bad}");
        }
        for bad in ["https://a:b@ca.example", "https://a@ca.example", "https://ca.example?x", "https://ca.example#x"] {
            assert_eq!(read(bad), Err(ServiceAddressError::Parts), "{bad}");
        }
        assert_eq!(read("ca.example"), Err(ServiceAddressError::Malformed));
    }

    #[test]
    fn the_public_instance_is_known() {
        let services = Services::public().unwrap();
        assert_eq!(services.to_library().validate().map_err(|error| error.to_string()), Ok(()));
    }
}
