use sqlx::Row as _;

use super::{DispatchError, Dispatcher, Enqueued, Job, Priority};
use crate::package::{Release, Sha256Digest};
use crate::store::{Store, StoreError};

/// A release that is to be verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// The release.
    pub release: Release,
    /// The digest of the artifact that the registry states; empty where it states none or could not be asked.
    pub stated: String,
    /// When the registry says it was published, seconds since 1970.
    pub published_at: Option<i64>,
}

/// A job and what its dispatcher said of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Planned {
    /// The job.
    pub job: Job,
    /// Whether there is anything to do.
    pub answer: Enqueued,
}

/// One sweep that was begun.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pass {
    id: i64,
    /// The last result before the sweep, or before the interrupted one that it goes on with.
    pub(super) after: i64,
    /// Every release, in the order that it was asked for.
    pub planned: Vec<Planned>,
}

impl Wanted {
    /// The job that verifies it.
    pub fn job(self, policy: Sha256Digest, now: i64) -> Job {
        let Self { release, stated, published_at } = self;
        let tool = env!("CARGO_PKG_VERSION").to_owned();
        Job { release, stated, policy, tool, published_at, priority: Priority::of(published_at, now) }
    }
}

impl Pass {
    /// How many of the releases are settled already.
    pub fn settled(&self) -> usize {
        self.planned.iter().filter(|planned| matches!(planned.answer, Enqueued::Settled(_))).count()
    }
}

/// Queues what is not settled, and notes that a sweep has begun.
///
/// One that was begun and never came to its end counts as the same: what it found is new to whoever asks now.
pub async fn begin(store: &Store, dispatcher: &impl Dispatcher, jobs: Vec<Job>) -> Result<Pass, DispatchError> {
    let last = store.last().await?;
    let answers = dispatcher.enqueue(&jobs).await?;
    let planned: Vec<Planned> = jobs.into_iter().zip(answers).map(|(job, answer)| Planned { job, answer }).collect();
    let mut pass = Pass { id: 0, after: last, planned };
    let (subjects, settled) = (number(pass.planned.len()), number(pass.settled()));
    let mut write = store.write().await?;
    let unfinished = "SELECT MIN(after) AS after FROM sweeps WHERE finished_at IS NULL";
    let unfinished = sqlx::query(unfinished).fetch_one(write.connection()).await.map_err(StoreError::from)?;
    let unfinished: Option<i64> = unfinished.try_get("after").map_err(StoreError::from)?;
    pass.after = unfinished.unwrap_or(last).min(last);
    let now = write.now;
    let row =
        sqlx::query("INSERT INTO sweeps (started_at, subjects, settled, after) VALUES ($1, $2, $3, $4) RETURNING id")
            .bind(now)
            .bind(subjects)
            .bind(settled)
            .bind(pass.after)
            .fetch_one(write.connection())
            .await
            .map_err(StoreError::from)?;
    pass.id = row.try_get("id").map_err(StoreError::from)?;
    write.commit().await?;
    Ok(pass)
}

/// Notes that a sweep, and those that it went on with, have come to their end.
pub async fn finish(store: &Store, pass: &Pass) -> Result<(), StoreError> {
    let mut write = store.write().await?;
    let now = write.now;
    let sql = "UPDATE sweeps SET finished_at = $1 WHERE finished_at IS NULL AND id <= $2";
    sqlx::query(sql).bind(now).bind(pass.id).execute(write.connection()).await?;
    write.commit().await
}

fn number(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
