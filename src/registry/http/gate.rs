use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use url::Url;

use super::HttpLimits;

/// Beyond this many hosts, those without a request in flight are forgotten.
const MAX_IDLE_HOSTS: usize = 256;

/// Keeps each host's requests within its limits; hosts do not wait for each other.
#[derive(Debug)]
pub(super) struct Gates {
    hosts: Mutex<HashMap<String, Arc<Gate>>>,
}

#[derive(Debug)]
struct Gate {
    slots: Arc<Semaphore>,
    rate: DefaultDirectRateLimiter,
}

impl Gates {
    pub(super) fn new() -> Self {
        Self { hosts: Mutex::new(HashMap::new()) }
    }

    /// Waits until a request to the host of `url` may start; the permit is held until its body is read.
    pub(super) async fn enter(&self, url: &Url, limits: &HttpLimits) -> OwnedSemaphorePermit {
        let gate = self.gate(url, limits);
        let permit = Arc::clone(&gate.slots).acquire_owned().await.expect("the semaphore is never closed");
        gate.rate.until_ready().await;
        permit
    }

    fn gate(&self, url: &Url, limits: &HttpLimits) -> Arc<Gate> {
        let host = url.origin().ascii_serialization();
        // A panic elsewhere cannot leave the map half-changed.
        let mut hosts = self.hosts.lock().unwrap_or_else(PoisonError::into_inner);
        if hosts.len() > MAX_IDLE_HOSTS {
            hosts.retain(|_, gate| {
                Arc::strong_count(gate) > 1 || gate.slots.available_permits() < limits.concurrent_per_host
            });
        }
        let gate = hosts.entry(host).or_insert_with(|| {
            Arc::new(Gate {
                slots: Arc::new(Semaphore::new(limits.concurrent_per_host.max(1))),
                rate: RateLimiter::direct(Quota::per_second(limits.requests_per_second)),
            })
        });
        Arc::clone(gate)
    }
}
