use hyper::header::{CONTENT_LENGTH, EXPECT, HOST, HeaderValue, TRANSFER_ENCODING, UPGRADE};
use hyper::http::request::Parts;
use hyper::{Method, Version};

use super::Refusal;

/// Looks at everything of a request's head but its path.
pub(super) fn check(head: &Parts, port: u16) -> Result<(), Refusal> {
    if head.version != Version::HTTP_11 {
        return Err(Refusal::Malformed);
    }
    if head.method == Method::CONNECT || head.uri.scheme().is_some() || head.uri.authority().is_some() {
        return Err(Refusal::NotAPath);
    }
    if head.method != Method::GET {
        return Err(Refusal::Method);
    }
    let mut hosts = head.headers.get_all(HOST).iter();
    let host = hosts.next().and_then(|host| host.to_str().ok()).ok_or(Refusal::Host)?;
    let is_ours =
        |name: &str| host.strip_prefix(name).and_then(|rest| rest.strip_prefix(':')) == Some(&port.to_string());
    if hosts.next().is_some() || !(is_ours("127.0.0.1") || is_ours("localhost")) {
        return Err(Refusal::Host);
    }
    // A length of nothing is harmless, any other belongs to a body that no GET has.
    let lengths = head.headers.get_all(CONTENT_LENGTH);
    let has_length = lengths.iter().any(|length| length != HeaderValue::from_static("0"));
    if has_length || lengths.iter().count() > 1 || head.headers.contains_key(TRANSFER_ENCODING) {
        return Err(Refusal::Body);
    }
    if head.headers.contains_key(UPGRADE) || head.headers.contains_key(EXPECT) {
        return Err(Refusal::Upgrade);
    }
    if head.uri.query().is_some() { Err(Refusal::Query) } else { Ok(()) }
}
