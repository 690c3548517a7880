use std::time::{Duration, SystemTime};

use reqwest::header::{HeaderMap, RETRY_AFTER};
use reqwest_retry::policies::ExponentialBackoff;
use reqwest_retry::{Jitter, RetryDecision, RetryPolicy as _};

use super::{HttpError, HttpLimits};
use crate::registry::timestamp::parse_http_date;

/// How long to wait before the attempt after `error`, or `None` where another attempt makes no sense.
pub(super) fn wait_before_retry(error: &HttpError, past_retries: u32, limits: &HttpLimits) -> Option<Duration> {
    if !error.is_transient() {
        return None;
    }
    let longest = limits.longest_wait.max(limits.first_wait);
    let backoff = ExponentialBackoff::builder()
        .retry_bounds(limits.first_wait, longest)
        .jitter(Jitter::Bounded)
        .base(2)
        .build_with_max_retries(limits.retries);
    let RetryDecision::Retry { execute_after } = backoff.should_retry(SystemTime::now(), past_retries) else {
        return None;
    };
    let wait = execute_after.duration_since(SystemTime::now()).unwrap_or_default();
    match error.retry_after() {
        Some(asked) if asked > longest => None,
        Some(asked) => Some(asked.max(wait)),
        None => Some(wait),
    }
}

/// The wait that `Retry-After` asks for, in either of its forms.
pub(super) fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse::<u32>() {
        return Some(Duration::from_secs(seconds.into()));
    }
    let at = u64::try_from(parse_http_date(text)?).ok()?;
    let at = SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(at))?;
    Some(at.duration_since(now).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use reqwest::StatusCode;
    use url::Url;

    use super::*;
    use crate::registry::RedactedUrl;

    fn status(code: u16, retry_after: Option<Duration>) -> HttpError {
        let url = RedactedUrl::new(&Url::parse("https://registry.example/a").unwrap());
        HttpError::Status { url, status: StatusCode::from_u16(code).unwrap(), retry_after }
    }

    #[test]
    fn waits_grow_and_end() {
        let limits = HttpLimits::default();
        for past in 0..limits.retries {
            let wait = wait_before_retry(&status(503, None), past, &limits).unwrap();
            assert!(wait <= limits.first_wait * 2u32.pow(past) && wait <= limits.longest_wait, "{wait:?}");
        }
        assert_eq!(wait_before_retry(&status(503, None), limits.retries, &limits), None);
        assert_eq!(wait_before_retry(&status(404, None), 0, &limits), None);
    }

    #[test]
    fn the_wait_asked_for_is_honoured_within_the_limit() {
        let limits = HttpLimits::default();
        let asked = Duration::from_secs(7);
        assert_eq!(wait_before_retry(&status(503, Some(asked)), 0, &limits), Some(asked));
        assert_eq!(wait_before_retry(&status(503, Some(Duration::from_secs(3600))), 0, &limits), None);
    }

    #[test]
    fn reads_both_forms_of_retry_after() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777);
        let read = |text: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(RETRY_AFTER, text.parse().unwrap());
            retry_after(&headers, now)
        };
        assert_eq!(read("12"), Some(Duration::from_secs(12)));
        assert_eq!(read("Sun, 06 Nov 1994 08:50:00 GMT"), Some(Duration::from_secs(23)));
        assert_eq!(read("Sun, 06 Nov 1994 08:00:00 GMT"), Some(Duration::ZERO));
        assert_eq!(read("soon"), None);
        assert_eq!(read("-1"), None);
    }
}
