use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio::sync::OwnedMutexGuard;

use crate::package::Sha256Digest;

/// Beyond this many keys, those that nobody holds or waits for are forgotten.
const MAX_IDLE_KEYS: usize = 256;

/// Lets one task at a time fetch the same thing, so that the others find it in the cache.
#[derive(Debug, Default)]
pub(super) struct Turns {
    keys: Mutex<HashMap<Sha256Digest, Weak<tokio::sync::Mutex<()>>>>,
}

impl Turns {
    /// Waits for the turn at `key`, which lasts until the guard is dropped.
    pub(super) async fn take(&self, key: Sha256Digest) -> OwnedMutexGuard<()> {
        self.slot(key).lock_owned().await
    }

    fn slot(&self, key: Sha256Digest) -> Arc<tokio::sync::Mutex<()>> {
        // A panic elsewhere cannot leave the map half-changed.
        let mut keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        if keys.len() > MAX_IDLE_KEYS {
            keys.retain(|_, slot| slot.strong_count() > 0);
        }
        if let Some(slot) = keys.get(&key).and_then(Weak::upgrade) {
            return slot;
        }
        let slot = Arc::default();
        keys.insert(key, Arc::downgrade(&slot));
        slot
    }
}
