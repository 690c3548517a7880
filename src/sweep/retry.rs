use std::time::{Duration, SystemTime};

use reqwest_retry::policies::ExponentialBackoff;
use reqwest_retry::{Jitter, RetryDecision, RetryPolicy as _};

use crate::registry::{HttpError, RegistryError};
use crate::verify::VerifyError;

/// Whether an error is worth another try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Nature {
    /// What is in the way may be gone in a while; the registry may have said in how long.
    MayPass {
        /// The wait that was asked for.
        asked: Option<Duration>,
    },
    /// The same would come out again.
    Final,
}

/// How often a job is tried, and how long is waited between.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetrySettings {
    /// Tries of one job in one sweep.
    pub attempts: u32,
    /// The longest wait before the second try; it doubles with each further one, with jitter.
    pub first_wait: Duration,
    /// The longest wait of all.
    pub longest_wait: Duration,
}

impl Default for RetrySettings {
    fn default() -> Self {
        Self { attempts: 5, first_wait: Duration::from_secs(30), longest_wait: Duration::from_secs(15 * 60) }
    }
}

impl RetrySettings {
    /// The wait after a try that failed, counted from 1; `None` where it was the last one.
    pub fn wait_after(&self, attempt: u32, asked: Option<Duration>) -> Option<Duration> {
        if attempt >= self.attempts {
            return None;
        }
        let longest = self.longest_wait.max(self.first_wait);
        let backoff = ExponentialBackoff::builder()
            .retry_bounds(self.first_wait, longest)
            .jitter(Jitter::Bounded)
            .base(2)
            .build_with_max_retries(self.attempts);
        let now = SystemTime::now();
        let RetryDecision::Retry { execute_after } = backoff.should_retry(now, attempt.saturating_sub(1)) else {
            return None;
        };
        let wait = execute_after.duration_since(now).unwrap_or_default();
        Some(asked.map_or(wait, |asked| asked.max(wait).min(longest)))
    }
}

/// Sorts what can go wrong.
pub fn nature(error: &VerifyError) -> Nature {
    match error {
        VerifyError::Registry(error) => of_registry(error),
        VerifyError::DamagedCache { .. } => Nature::MayPass { asked: None },
        VerifyError::ArtifactFile { .. }
        | VerifyError::Unreadable { .. }
        | VerifyError::Anonymous { .. }
        | VerifyError::UnknownRevision { .. }
        | VerifyError::UnknownDirectory { .. }
        | VerifyError::NotEarlier { .. }
        | VerifyError::Worker(_) => Nature::Final,
    }
}

/// Sorts what a registry can do wrong.
pub(crate) fn of_registry(error: &RegistryError) -> Nature {
    match error {
        RegistryError::Http(error) => of_http(error),
        // A full disk, a page in place of an answer, bytes that were damaged on the way.
        RegistryError::Cache(_)
        | RegistryError::MalformedPackument { .. }
        | RegistryError::MalformedAnswer { .. }
        | RegistryError::Mismatch { .. } => Nature::MayPass { asked: None },
        RegistryError::Configuration(_)
        | RegistryError::UnknownPackage { .. }
        | RegistryError::UnknownVersion { .. }
        | RegistryError::Unpublished { .. }
        | RegistryError::UnpublishedPackage { .. }
        | RegistryError::NoLatest { .. }
        | RegistryError::AnotherPackage { .. }
        | RegistryError::Denied { .. }
        | RegistryError::MetadataNotCached { .. }
        | RegistryError::ArtifactNotCached { .. }
        | RegistryError::NotKept { .. }
        | RegistryError::ArtifactAddress { .. }
        | RegistryError::UnprotectedArtifact { .. }
        | RegistryError::ArtifactGone { .. }
        | RegistryError::Task(_) => Nature::Final,
    }
}

fn of_http(error: &HttpError) -> Nature {
    if error.is_transient() { Nature::MayPass { asked: error.retry_after() } } else { Nature::Final }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::RedactedUrl;
    use reqwest::StatusCode;
    use url::Url;

    fn status(code: u16) -> Nature {
        let url = RedactedUrl::new(&Url::parse("https://registry.example/a").unwrap());
        let error = HttpError::Status { url, status: StatusCode::from_u16(code).unwrap(), retry_after: None };
        nature(&VerifyError::Registry(RegistryError::Http(error)))
    }

    #[test]
    fn what_may_pass_is_tried_again_and_what_is_final_is_not() {
        assert_eq!(status(503), Nature::MayPass { asked: None });
        assert_eq!(status(500), Nature::MayPass { asked: None });
        assert_eq!(status(418), Nature::Final);
        let url = RedactedUrl::new(&Url::parse("https://registry.example/a").unwrap());
        let asked = Some(Duration::from_secs(7));
        let limited = HttpError::RateLimited { url, retry_after: asked };
        assert_eq!(of_registry(&RegistryError::Http(limited)), Nature::MayPass { asked });
        let name = crate::package::PackageName::parse("left").unwrap();
        assert_eq!(of_registry(&RegistryError::UnpublishedPackage { name }), Nature::Final);
    }

    #[test]
    fn waits_double_within_bounds_and_end() {
        let settings = RetrySettings::default();
        for attempt in 1..settings.attempts {
            let wait = settings.wait_after(attempt, None).unwrap();
            assert!(wait <= settings.first_wait * 2_u32.pow(attempt) && wait <= settings.longest_wait, "{wait:?}");
        }
        assert_eq!(settings.wait_after(settings.attempts, None), None);
        let asked = Duration::from_secs(100);
        assert_eq!(settings.wait_after(1, Some(asked)), Some(asked));
        let hours = Some(Duration::from_secs(36_000));
        assert_eq!(settings.wait_after(1, hours), Some(settings.longest_wait), "nobody makes us wait for hours");
    }
}
