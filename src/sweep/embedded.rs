use std::time::Duration;

use super::queue;
use super::{Counts, DispatchError, Dispatcher, Enqueued, FailedJob, Finished, Job, Lease, Leases, Outcome, WorkerId};
use crate::package::Sha256Digest;
use crate::store::{Object, Store, Turn};

/// Jobs whose completion commits in one transaction, and jobs looked up in one when they are queued.
const BATCH: usize = 1_000;

/// The dispatcher without a service of its own: leases are rows of the store that the results go to.
#[derive(Debug, Clone)]
pub struct Embedded {
    store: Store,
    settings: LeaseSettings,
    conditions: Option<(String, String)>,
}

/// How jobs are held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LeaseSettings {
    /// How long a worker may be silent before its jobs are given to others.
    pub length: Duration,
    /// How often a job may lose its worker before it counts as the one that ends them.
    pub losses: u32,
}

impl Default for LeaseSettings {
    fn default() -> Self {
        Self { length: Duration::from_secs(60), losses: 5 }
    }
}

impl Embedded {
    /// A dispatcher in `store`, which leases every job.
    pub fn new(store: Store, settings: LeaseSettings) -> Self {
        Self { store, settings, conditions: None }
    }

    /// The same, but it leases only jobs under these conditions and for this version of the program.
    ///
    /// Whoever verifies under conditions must not be given what was queued under others: its result would stand for them.
    pub fn under(self, policy: Sha256Digest, tool: &str) -> Self {
        Self { conditions: Some((policy.to_string(), tool.to_owned())), ..self }
    }
}

impl Dispatcher for Embedded {
    async fn enqueue(&self, jobs: &[Job]) -> Result<Vec<Enqueued>, DispatchError> {
        let mut answers = Vec::with_capacity(jobs.len());
        for jobs in jobs.chunks(BATCH) {
            let mut write = self.store.write().await?;
            write.wait_for_turn(Turn::Queueing).await?;
            answers.extend(queue::enqueue(&mut write, jobs).await?);
            write.commit().await?;
        }
        Ok(answers)
    }

    async fn counts(&self) -> Result<Counts, DispatchError> {
        Ok(queue::counts(&self.store).await?)
    }

    async fn failed(&self) -> Result<Vec<FailedJob>, DispatchError> {
        Ok(queue::failed(&self.store).await?)
    }

    async fn requeue(&self, purls: Option<&[String]>) -> Result<u64, DispatchError> {
        let mut write = self.store.write().await?;
        write.wait_for_turn(Turn::Queueing).await?;
        let count = queue::requeue(&mut write, purls).await?;
        write.commit().await?;
        Ok(count)
    }
}

impl Leases for Embedded {
    async fn lease(&self, worker: &WorkerId, most: usize) -> Result<Lease, DispatchError> {
        let mut write = self.store.write().await?;
        queue::give_up(&mut write, worker, self.settings.losses).await?;
        let conditions = self.conditions.as_ref();
        let jobs = queue::lease(&mut write, worker, most, self.settings.length, conditions).await?;
        let open = if jobs.len() < most { Some(queue::open(&mut write, conditions).await?) } else { None };
        write.commit().await?;
        Ok(Lease { jobs, open })
    }

    async fn heartbeat(&self, worker: &WorkerId) -> Result<(), DispatchError> {
        let mut write = self.store.write().await?;
        queue::prolong(&mut write, worker, self.settings.length).await?;
        Ok(write.commit().await?)
    }

    async fn finish(&self, worker: &WorkerId, finished: &[Finished]) -> Result<(), DispatchError> {
        let objects = finished.iter().flat_map(|finished| match &finished.outcome {
            Outcome::Verified { objects, .. } => objects.as_slice(),
            Outcome::Retry { .. } | Outcome::Failed { .. } | Outcome::GivenBack => &[],
        });
        let objects: Vec<Object> = objects.cloned().collect();
        let mut write = self.store.write_naming(objects).await?;
        queue::finish(&mut write, worker, finished).await?;
        Ok(write.commit().await?)
    }
}
