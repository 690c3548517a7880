use std::num::NonZeroU32;
use std::time::Duration;

/// How long, how often and how many at once.
#[derive(Debug, Clone)]
pub struct HttpLimits {
    /// For the connection itself, TLS included.
    pub connect_timeout: Duration,
    /// Between two pieces of a response.
    pub idle_timeout: Duration,
    /// For one attempt, from the first byte sent to the last received.
    pub total_timeout: Duration,
    /// Redirects followed for one request.
    pub redirects: usize,
    /// Attempts after the first one.
    pub retries: u32,
    /// The wait before the first retry; it doubles with each further one, with jitter.
    pub first_wait: Duration,
    /// The longest wait; a `Retry-After` beyond it ends the request instead.
    pub longest_wait: Duration,
    /// Requests in flight to one host. About 50 at once made name resolution fail in practice.
    pub concurrent_per_host: usize,
    /// Requests started per second to one host.
    pub requests_per_second: NonZeroU32,
}

impl Default for HttpLimits {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(30),
            total_timeout: Duration::from_secs(600),
            redirects: 5,
            retries: 3,
            first_wait: Duration::from_millis(300),
            longest_wait: Duration::from_secs(60),
            concurrent_per_host: 16,
            requests_per_second: NonZeroU32::new(100).expect("100 is not zero"),
        }
    }
}
