use std::fmt;
use std::future::Future;
use std::time::Duration;

use super::{Job, JobKey};
use crate::store::{Object, Record, Settled, StoreError};

/// Longest message of a failure that a dispatcher keeps, characters.
pub(super) const MAX_ERROR: usize = 2_000;

/// Who queues jobs, and knows what became of them.
///
/// How jobs reach workers is not part of this: an engine hands them out by itself, and from [`Leases`] they are fetched.
/// In both cases a job is given to one worker at a time, and again to another one when its worker does not report for
/// the length of the lease. So a job may run twice, but its settled result is kept once: the first one stands.
pub trait Dispatcher {
    /// Queues jobs; those that are settled, queued or failed for good are not queued again. One answer for each.
    fn enqueue(&self, jobs: &[Job]) -> impl Future<Output = Result<Vec<Enqueued>, DispatchError>> + Send;

    /// How many jobs there are in each state.
    fn counts(&self) -> impl Future<Output = Result<Counts, DispatchError>> + Send;

    /// The jobs that failed, oldest first.
    fn failed(&self) -> impl Future<Output = Result<Vec<FailedJob>, DispatchError>> + Send;

    /// Queues failed jobs again: those of the named releases (purls), or all. How many these are.
    fn requeue(&self, purls: Option<&[String]>) -> impl Future<Output = Result<u64, DispatchError>> + Send;
}

/// A dispatcher that workers fetch jobs from, and that they hand results back to.
pub trait Leases: Dispatcher {
    /// Hands out up to `most` jobs, new releases first.
    fn lease(&self, worker: &WorkerId, most: usize) -> impl Future<Output = Result<Lease, DispatchError>> + Send;

    /// Prolongs all leases of a worker.
    fn heartbeat(&self, worker: &WorkerId) -> impl Future<Output = Result<(), DispatchError>> + Send;

    /// Takes back jobs: a result and its job's completion become lasting together, or neither does.
    ///
    /// May be called again with the same after an error, whether or not it had an effect.
    fn finish(
        &self,
        worker: &WorkerId,
        finished: &[Finished],
    ) -> impl Future<Output = Result<(), DispatchError>> + Send;
}

/// Why a dispatcher does not answer.
#[derive(Debug, thiserror::Error)]
pub enum DispatchError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The engine failed.
    #[error("the engine `{engine}` failed to {action}: {reason}")]
    Engine {
        /// Its address.
        engine: String,
        /// What it was asked for.
        action: &'static str,
        /// Why it did not do it.
        reason: String,
        /// Whether the same may succeed later.
        may_pass: bool,
    },
}

impl DispatchError {
    /// Whether the same may succeed later.
    pub fn may_pass(&self) -> bool {
        match self {
            Self::Store(error) => error.may_pass(),
            Self::Engine { may_pass, .. } => *may_pass,
        }
    }
}

/// Who leases jobs; another one each time that a process starts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkerId(String);

impl WorkerId {
    /// A name that nobody else has.
    pub fn unique() -> Self {
        let mut bytes = [0; 8];
        // Without the system's randomness nothing else would work either; the process's number still tells it apart.
        let _ = ring::rand::SecureRandom::fill(&ring::rand::SystemRandom::new(), &mut bytes);
        Self(format!("{}-{}", std::process::id(), crate::package::hex_text(&bytes)))
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for WorkerId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// What became of a job that was to be queued.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Enqueued {
    /// There is a result already that is not made again.
    Settled(Settled),
    /// It is queued.
    New,
    /// It was queued or under way already.
    Open,
    /// It failed for good before; `requeue` queues it again.
    Failed,
}

/// What a worker got.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Lease {
    /// The jobs.
    pub jobs: Vec<Leased>,
    /// How many jobs are not done yet, those of other workers included; only where fewer were got than asked for.
    pub open: Option<u64>,
}

/// A job and which try it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leased {
    /// The job.
    pub job: Job,
    /// Counted from 1.
    pub attempt: u32,
}

/// A job that its worker is done with.
#[derive(Debug, Clone, PartialEq)]
pub struct Finished {
    /// The job.
    pub leased: Leased,
    /// How it ended.
    pub outcome: Outcome,
}

impl Finished {
    /// The result, if there is one.
    pub(super) fn record(&self) -> Option<&Record> {
        match &self.outcome {
            Outcome::Verified { record, .. } => Some(record),
            Outcome::Retry { .. } | Outcome::Failed { .. } | Outcome::GivenBack => None,
        }
    }
}

/// How one try ended.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// With a result.
    Verified {
        /// The row of the history.
        record: Box<Record>,
        /// The objects that it names.
        objects: Vec<Object>,
    },
    /// Without one, for a reason that may pass.
    Retry {
        /// How long to wait before the next try.
        wait: Duration,
        /// Why.
        error: String,
    },
    /// Without one, and it is not tried again in this sweep.
    Failed {
        /// Why.
        error: String,
        /// Whether the next sweep does not try again either.
        is_final: bool,
    },
    /// It was not brought to its end: somebody asked to stop.
    GivenBack,
}

/// Jobs by state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Waiting to be leased, retries included.
    pub waiting: u64,
    /// Under way.
    pub leased: u64,
    /// With a result.
    pub done: u64,
    /// Without one.
    pub failed: u64,
}

/// A job that failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailedJob {
    /// The job.
    pub key: JobKey,
    /// The release, as a package URL.
    pub purl: String,
    /// How often it was tried.
    pub attempts: u32,
    /// Why the last try failed.
    pub error: String,
    /// Whether the next sweep does not try again either.
    pub is_final: bool,
}
