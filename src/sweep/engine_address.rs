use std::fmt;

use url::Url;

/// The port that a Temporal server listens on, unless the address names another.
const PORT: u16 = 7233;
/// The namespace of jobs, unless the address names another.
const NAMESPACE: &str = "default";

/// Where an engine is that hands out jobs: `temporal://HOST:PORT/NAMESPACE`, or `temporal+tls://…`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EngineAddress {
    /// Whether the connection is encrypted.
    pub encrypted: bool,
    /// The host; an IPv6 address in brackets.
    pub host: String,
    /// The port.
    pub port: u16,
    /// Which of the server's namespaces the jobs are in.
    pub namespace: String,
}

/// Why a text is not the address of an engine.
#[derive(Debug, thiserror::Error)]
#[error("`{}` is not the address of an engine, `temporal://HOST:PORT/NAMESPACE`: {reason}", text.escape_debug())]
pub struct EngineAddressError {
    text: String,
    reason: &'static str,
}

impl EngineAddress {
    /// Reads an address; port and namespace may be left out.
    pub fn parse(text: &str) -> Result<Self, EngineAddressError> {
        // Only what can hold no password is repeated.
        let text_shown = if text.contains(['@', '?', '#']) { "…" } else { text };
        let refused = |reason| EngineAddressError { text: text_shown.to_owned(), reason };
        let url = Url::parse(text).map_err(|_| refused("it is not a URL"))?;
        let encrypted = match url.scheme() {
            "temporal" => false,
            "temporal+tls" => true,
            _ => return Err(refused("its scheme is neither `temporal` nor `temporal+tls`")),
        };
        if !url.username().is_empty() || url.password().is_some() {
            return Err(refused("it takes no credentials"));
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(refused("it takes neither a query nor a fragment"));
        }
        let host = url.host_str().filter(|host| !host.is_empty()).ok_or_else(|| refused("it names no host"))?;
        let namespace = match url.path().trim_matches('/') {
            "" => NAMESPACE,
            namespace => namespace,
        };
        if !namespace.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte)) {
            return Err(refused("its namespace is not a name"));
        }
        let (host, namespace) = (host.to_owned(), namespace.to_owned());
        Ok(Self { encrypted, host, port: url.port().unwrap_or(PORT), namespace })
    }
}

impl fmt::Display for EngineAddress {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.encrypted { "temporal+tls" } else { "temporal" };
        write!(formatter, "{scheme}://{}:{}/{}", self.host, self.port, self.namespace)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn port_and_namespace_may_be_left_out() {
        let shown = |text| EngineAddress::parse(text).map(|address| address.to_string());
        assert_eq!(shown("temporal://engine").unwrap(), "temporal://engine:7233/default");
        assert_eq!(shown("temporal+tls://[::1]:7300/sweep.eu/").unwrap(), "temporal+tls://[::1]:7300/sweep.eu");
    }

    #[test]
    fn what_is_no_address_is_refused_and_no_password_is_repeated() {
        for text in ["", "engine:7233", "http://engine", "temporal://", "temporal://engine/a/b", "temporal://engine?a"]
        {
            assert!(EngineAddress::parse(text).is_err(), "{text}");
        }
        let refused = EngineAddress::parse("temporal://me:secret@engine").unwrap_err().to_string();
        assert!(!refused.contains("secret"), "{refused}");
    }
}
