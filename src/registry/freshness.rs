//! How long a kept answer may be used without asking, and how to ask whether it still holds.

use std::time::{Duration, SystemTime};

use ::http::{Request, Response, StatusCode, Uri};
use http_cache_semantics::{AfterResponse, BeforeRequest, CacheOptions, CachePolicy};
use reqwest::header::{
    AGE, CACHE_CONTROL, DATE, ETAG, EXPIRES, HeaderMap, HeaderValue, IF_MODIFIED_SINCE, IF_NONE_MATCH, LAST_MODIFIED,
    PRAGMA, VARY,
};
use url::Url;

/// A kept answer is asked about again after this time whatever the server allowed, so that a release of the
/// last minutes is seen.
const LONGEST_FRESHNESS: Duration = Duration::from_secs(60 * 60);

/// What is assumed where a server states neither a lifetime nor anything to ask again with. Without it every
/// look at a package would transfer all of its metadata; five minutes is what the public registry states.
const ASSUMED_FRESHNESS: HeaderValue = HeaderValue::from_static("max-age=300");

/// Longer header values are dropped rather than kept.
const LONGEST_VALUE: usize = 2048;

/// The policy of an answer to a request for `url` with the given headers.
pub(super) fn policy(url: &Url, asked: &HeaderMap, answered: &HeaderMap, now: SystemTime) -> CachePolicy {
    let mut response = response(StatusCode::OK, answered);
    let headers = response.headers_mut();
    if ![CACHE_CONTROL, PRAGMA, EXPIRES, ETAG, LAST_MODIFIED].iter().any(|name| headers.contains_key(name)) {
        headers.insert(CACHE_CONTROL, ASSUMED_FRESHNESS);
    }
    CachePolicy::new_options(&request(url, asked), &response, now, options())
}

/// Whether the answer may be used without asking the server, having been checked last at `checked`.
pub(super) fn is_fresh(
    policy: &CachePolicy,
    url: &Url,
    asked: &HeaderMap,
    checked: SystemTime,
    now: SystemTime,
) -> bool {
    // A clock that was set back makes no age believable.
    let Ok(age) = now.duration_since(checked) else { return false };
    age <= LONGEST_FRESHNESS && matches!(policy.before_request(&request(url, asked), now), BeforeRequest::Fresh(_))
}

/// The headers that ask the server for an answer only if it changed.
pub(super) fn conditions(policy: &CachePolicy, url: &Url, asked: &HeaderMap, now: SystemTime) -> HeaderMap {
    // The policy offers its conditions only when it is stale; asked early, it needs to be told.
    let mut insisting = asked.clone();
    insisting.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    let mut conditions = HeaderMap::new();
    if let BeforeRequest::Stale { request, matches: true } = policy.before_request(&request(url, &insisting), now) {
        for name in [IF_NONE_MATCH, IF_MODIFIED_SINCE] {
            if let Some(value) = request.headers.get(&name) {
                conditions.insert(name, value.clone());
            }
        }
    }
    conditions
}

/// The policy after a `304 Not Modified`, or `None` where that answer cannot mean what we hold.
pub(super) fn after_not_modified(
    policy: &CachePolicy,
    url: &Url,
    asked: &HeaderMap,
    answered: &HeaderMap,
    now: SystemTime,
) -> Option<CachePolicy> {
    let response = response(StatusCode::NOT_MODIFIED, answered);
    match policy.after_response(&request(url, asked), &response, now) {
        AfterResponse::NotModified(policy, _) => Some(policy),
        AfterResponse::Modified(..) => None,
    }
}

fn options() -> CacheOptions {
    CacheOptions { shared: false, ..CacheOptions::default() }
}

/// A request without credentials: policies are written to disk.
fn request(url: &Url, headers: &HeaderMap) -> Request<()> {
    let mut request = Request::new(());
    *request.uri_mut() = url.as_str().parse().unwrap_or(Uri::from_static("/"));
    *request.headers_mut() = headers.clone();
    request
}

fn response(status: StatusCode, headers: &HeaderMap) -> Response<()> {
    let mut response = Response::new(());
    *response.status_mut() = status;
    for name in [AGE, CACHE_CONTROL, DATE, ETAG, EXPIRES, LAST_MODIFIED, PRAGMA, VARY] {
        for value in headers.get_all(&name) {
            if value.len() > LONGEST_VALUE || (name == AGE && !plausible_age(value)) {
                continue;
            }
            response.headers_mut().append(name.clone(), value.clone());
        }
    }
    response
}

/// The policy adds the age to a duration, which panics on overflow.
fn plausible_age(value: &HeaderValue) -> bool {
    value.to_str().ok().and_then(|text| text.parse::<u32>().ok()).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    fn url() -> Url {
        Url::parse("https://registry.example/a").unwrap()
    }

    #[test]
    fn freshness_follows_the_server_up_to_an_hour() {
        let now = SystemTime::now();
        let asked = headers(&[("accept", "application/json")]);
        let fresh = |control: &str, seconds: u64| {
            let policy = policy(&url(), &asked, &headers(&[("cache-control", control), ("etag", "\"a\"")]), now);
            is_fresh(&policy, &url(), &asked, now, now + Duration::from_secs(seconds))
        };
        assert!(fresh("max-age=300", 299));
        assert!(!fresh("max-age=300", 301));
        assert!(fresh("max-age=99999999999", 3600));
        assert!(!fresh("max-age=99999999999", 3601));
        assert!(!fresh("no-cache", 0));
        assert!(!fresh("no-store", 0));
        let kept = policy(&url(), &asked, &headers(&[("cache-control", "max-age=300")]), now);
        assert!(!is_fresh(&kept, &url(), &asked, now + Duration::from_secs(60), now));
    }

    #[test]
    fn a_server_that_states_nothing_is_asked_again_after_minutes() {
        let now = SystemTime::now();
        let kept = policy(&url(), &HeaderMap::new(), &headers(&[("date", "Sun, 06 Nov 1994 08:49:37 GMT")]), now);
        let fresh = |seconds| is_fresh(&kept, &url(), &HeaderMap::new(), now, now + Duration::from_secs(seconds));
        assert!(fresh(299) && !fresh(301));
    }

    #[test]
    fn conditions_are_offered_even_while_fresh() {
        let now = SystemTime::now();
        let answered = headers(&[
            ("etag", "\"a\""),
            ("last-modified", "Sun, 06 Nov 1994 08:49:37 GMT"),
            ("cache-control", "max-age=9"),
        ]);
        let kept = policy(&url(), &HeaderMap::new(), &answered, now);
        let conditions = conditions(&kept, &url(), &HeaderMap::new(), now);
        assert_eq!(conditions[IF_NONE_MATCH], "\"a\"");
        assert_eq!(conditions[IF_MODIFIED_SINCE], "Sun, 06 Nov 1994 08:49:37 GMT");
        assert!(after_not_modified(&kept, &url(), &HeaderMap::new(), &answered, now).is_some());
        let other = headers(&[("etag", "\"b\"")]);
        assert!(after_not_modified(&kept, &url(), &HeaderMap::new(), &other, now).is_none());
    }

    #[test]
    fn no_header_makes_the_policy_panic() {
        let now = SystemTime::now();
        for (name, value) in [
            ("age", "18446744073709551615"),
            ("age", "-1"),
            ("cache-control", "max-age=18446744073709551615"),
            ("cache-control", "max-age=99999999999999999999999,,=,=\"\""),
            ("expires", "Fri, 31 Dec 9999 23:59:59 GMT"),
            ("expires", "0"),
            ("date", "Mon, 01 Jan 0001 00:00:00 GMT"),
            ("last-modified", "Mon, 01 Jan 0001 00:00:00 GMT"),
            ("vary", "*, \u{7f}"),
            ("etag", "\u{e9}"),
        ] {
            let mut answered = HeaderMap::new();
            if let Ok(value) = HeaderValue::from_bytes(value.as_bytes()) {
                answered.insert(name, value);
            }
            let kept = policy(&url(), &HeaderMap::new(), &answered, now);
            let later = now + Duration::from_secs(100 * 24 * 3600);
            is_fresh(&kept, &url(), &HeaderMap::new(), now, later);
            conditions(&kept, &url(), &HeaderMap::new(), later);
            after_not_modified(&kept, &url(), &HeaderMap::new(), &answered, later);
        }
    }
}
