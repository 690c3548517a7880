use std::fmt;

use url::Url;

/// An address that prints without credentials, query and fragment.
///
/// Queries are left out because redirects to storage services carry signatures there.
#[derive(Clone, PartialEq, Eq)]
pub struct RedactedUrl(Box<Url>);

impl RedactedUrl {
    /// Wraps `url`.
    pub fn new(url: &Url) -> Self {
        Self(Box::new(url.clone()))
    }
}

impl fmt::Display for RedactedUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:", self.0.scheme())?;
        if let Some(host) = self.0.host_str() {
            write!(formatter, "//{host}")?;
            if let Some(port) = self.0.port() {
                write!(formatter, ":{port}")?;
            }
        }
        formatter.write_str(self.0.path())?;
        if self.0.query().is_some() { formatter.write_str("?…") } else { Ok(()) }
    }
}

impl fmt::Debug for RedactedUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "RedactedUrl({self})")
    }
}

/// Removes a user name and password from `url`, returning them percent-decoded where there were any.
pub(crate) fn take_userinfo(url: &mut Url) -> Option<(String, String)> {
    if url.username().is_empty() && url.password().is_none() {
        return None;
    }
    let decode = |text: &str| percent_encoding::percent_decode_str(text).decode_utf8_lossy().into_owned();
    let userinfo = (decode(url.username()), decode(url.password().unwrap_or_default()));
    // Setting either fails only for addresses that cannot have a host, and those have no userinfo.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    Some(userinfo)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_neither_credentials_nor_query() {
        let url = Url::parse("https://user:secret@registry.example:8443/a/b?signature=secret#x").unwrap();
        let redacted = RedactedUrl::new(&url);
        assert_eq!(redacted.to_string(), "https://registry.example:8443/a/b?…");
        assert!(!format!("{redacted:?}").contains("secret"));
    }

    #[test]
    fn userinfo_is_taken_out() {
        let mut url = Url::parse("https://us%40er:p%3Aw@registry.example/").unwrap();
        assert_eq!(take_userinfo(&mut url), Some(("us@er".to_owned(), "p:w".to_owned())));
        assert_eq!(url.as_str(), "https://registry.example/");
        assert_eq!(take_userinfo(&mut url), None);
    }
}
