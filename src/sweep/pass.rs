use std::collections::BTreeSet;
use std::sync::Arc;

use sqlx::Row as _;

use super::{DispatchError, Dispatcher, Enqueued, Job};
use crate::package::Sha256Digest;
use crate::store::{Kept, Settled, Store, StoreError};

/// Jobs that are queued in one transaction.
const AT_ONCE: usize = 1_000;

/// One sweep that was begun.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pass {
    id: i64,
    /// Tells sweeps of other packages apart.
    selection: String,
    /// The last result before the sweep, or before the interrupted one that it goes on with.
    pub(super) after: i64,
    /// Every release, in the order that it was asked for.
    pub jobs: Arc<[Job]>,
    /// Whether there is anything to do for each.
    pub answers: Vec<Enqueued>,
}

impl Pass {
    /// How many of the releases have their result already.
    pub fn settled(&self) -> usize {
        self.answers.iter().filter(|answer| matches!(answer, Enqueued::Settled(_))).count()
    }
}

/// Queues what is not settled, and notes that a sweep has begun.
///
/// One of the same packages that was begun and never came to its end counts as the same: what was found since is new to
/// whoever asks now, and is not made again even if it is not settled.
pub async fn begin(
    store: &Store,
    dispatcher: &impl Dispatcher,
    jobs: impl Into<Arc<[Job]>>,
) -> Result<Pass, DispatchError> {
    let jobs = jobs.into();
    let (last, selection) = (store.last().await?, selection_of(&jobs));
    let after = interrupted(store, &selection).await?.unwrap_or(last).min(last);
    let mut answers = Vec::with_capacity(jobs.len());
    for some in jobs.chunks(AT_ONCE) {
        if after == last {
            answers.extend(dispatcher.enqueue(some).await?);
            continue;
        }
        let found = found_since(store, some, after).await?;
        let asked: Vec<Job> =
            some.iter().zip(&found).filter(|(_, found)| found.is_none()).map(|(job, _)| job.clone()).collect();
        let mut queued = dispatcher.enqueue(&asked).await?.into_iter();
        // There is one answer for each that was asked about.
        answers.extend(found.into_iter().filter_map(|found| found.map(Enqueued::Settled).or_else(|| queued.next())));
    }
    let pass = Pass { id: 0, selection, after, jobs, answers };
    Ok(Pass { id: note(store, &pass).await?, ..pass })
}

/// A digest of the packages, whichever of their versions are meant: by the time that somebody goes on there may be newer
/// ones.
fn selection_of(jobs: &[Job]) -> String {
    let names: BTreeSet<String> =
        jobs.iter().map(|job| format!("{}:{}\n", job.release.ecosystem, job.release.name)).collect();
    Sha256Digest::of(names.into_iter().collect::<String>().as_bytes()).to_string()
}

/// The last result before the first of the sweeps of these packages that never came to their end.
async fn interrupted(store: &Store, selection: &str) -> Result<Option<i64>, StoreError> {
    let sql = "SELECT MIN(after) AS after FROM sweeps WHERE finished_at IS NULL AND selection = $1";
    let query = sqlx::query(sql).bind(selection.to_owned());
    Ok(query.fetch_one(&mut *store.look().await?).await?.try_get("after")?)
}

/// The newest result of each job, if there is one since the sweep began.
async fn found_since(store: &Store, jobs: &[Job], after: i64) -> Result<Vec<Option<Settled>>, StoreError> {
    let inputs: Vec<_> = jobs.iter().map(Job::inputs).collect();
    let found = store.standing(&inputs, after).await?.into_iter().map(|found| {
        let Kept { id, record } = found.filter(|kept| kept.id > after)?;
        Some(Settled { id, verdict: record.verdict_text(), exit_code: record.exit_code })
    });
    Ok(found.collect())
}

async fn note(store: &Store, pass: &Pass) -> Result<i64, StoreError> {
    let mut write = store.write().await?;
    let now = write.now;
    let sql = "INSERT INTO sweeps (started_at, subjects, settled, after, selection) VALUES ($1, $2, $3, $4, $5) \
               RETURNING id";
    let row = sqlx::query(sql)
        .bind(now)
        .bind(number(pass.jobs.len()))
        .bind(number(pass.settled()))
        .bind(pass.after)
        .bind(pass.selection.clone())
        .fetch_one(write.connection())
        .await?;
    let id = row.try_get("id")?;
    write.commit().await?;
    Ok(id)
}

/// Notes that a sweep, and those that it went on with, have come to their end.
pub async fn finish(store: &Store, pass: &Pass) -> Result<(), StoreError> {
    let mut write = store.write().await?;
    let now = write.now;
    let sql = "UPDATE sweeps SET finished_at = $1 WHERE finished_at IS NULL AND id <= $2 AND selection = $3";
    sqlx::query(sql).bind(now).bind(pass.id).bind(pass.selection.clone()).execute(write.connection()).await?;
    write.commit().await
}

fn number(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
