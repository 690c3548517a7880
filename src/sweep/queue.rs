//! The statements behind [`super::Embedded`]. Every one of them is part of a transaction of the caller.
//!
//! # Clocks that jump
//! A lease and a wait end when the clock says so, or when the clock says less than when they began, by more than a
//! minute: then it was set back, and nobody can say how long to wait. A clock set forward ends leases early. In neither
//! case anything is lost, and nothing is kept twice: a settled result is accepted from whoever brings it, once.

use std::collections::HashSet;
use std::time::Duration;

use sqlx::any::AnyRow;
use sqlx::{AssertSqlSafe, Row as _};

use super::{Counts, Enqueued, FailedJob, Finished, Job, JobKey, Leased, MAX_ERROR, Outcome, Priority, WorkerId};
use crate::package::{Release, Sha256Digest, Subject};
use crate::store::{Appended, Backend, Record, Store, StoreError, Write, values};

/// How far a clock may go back without having been set, milliseconds.
const SLACK: i64 = 60_000;

/// Jobs that one statement inserts or ends.
const AT_ONCE: usize = 60;

pub(super) async fn enqueue(write: &mut Write, jobs: &[Job]) -> Result<Vec<Enqueued>, StoreError> {
    let inputs: Vec<_> = jobs.iter().map(Job::inputs).collect();
    let settled = write.settled(&inputs).await?;
    let unsettled: Vec<&Job> =
        jobs.iter().zip(&settled).filter(|(_, settled)| settled.is_none()).map(|(job, _)| job).collect();
    let mut new = insert(write, &unsettled).await?;
    let mut answers = Vec::with_capacity(jobs.len());
    for (job, settled) in jobs.iter().zip(settled) {
        answers.push(match settled {
            Some(settled) => Enqueued::Settled(settled),
            // One that is named twice is queued once.
            None if new.remove(&job.key()) => Enqueued::New,
            None => enqueue_again(write, job).await?,
        });
    }
    Ok(answers)
}

/// Queues the jobs that were never queued; which these are.
async fn insert(write: &mut Write, jobs: &[&Job]) -> Result<HashSet<JobKey>, StoreError> {
    let (mut new, now) = (HashSet::new(), write.now);
    for jobs in jobs.chunks(AT_ONCE) {
        let sql = format!(
            "INSERT INTO jobs (key, purl, stated, policy, tool, published_at, priority, changed_at, state) VALUES {} \
             ON CONFLICT (key) DO NOTHING RETURNING key",
            values(jobs.len(), 9, 0)
        );
        let mut query = sqlx::query(AssertSqlSafe(sql));
        for job in jobs {
            query = query
                .bind(job.key().to_string())
                .bind(job.release.purl())
                .bind(job.stated.clone())
                .bind(job.policy.to_string())
                .bind(job.tool.clone())
                .bind(job.published_at)
                .bind(job.priority.number())
                .bind(now)
                .bind("waiting".to_owned());
        }
        for row in query.fetch_all(write.connection()).await? {
            new.insert(JobKey(digest(&row.try_get::<String, _>("key")?)?));
        }
    }
    Ok(new)
}

/// Queues a job that was queued before, if it is to be done again.
async fn enqueue_again(write: &mut Write, job: &Job) -> Result<Enqueued, StoreError> {
    let (key, now) = (job.key().to_string(), write.now);
    // Done, but not settled: what was in the way may be gone.
    let again = sqlx::query(
        "UPDATE jobs SET state = 'waiting', attempts = 0, until = 0, error = NULL, priority = $2, changed_at = $3 \
         WHERE key = $1 AND (state = 'done' OR (state = 'failed' AND final = 0))",
    )
    .bind(key.clone())
    .bind(job.priority.number())
    .bind(now)
    .execute(write.connection())
    .await?;
    if again.rows_affected() > 0 {
        return Ok(Enqueued::New);
    }
    let state = sqlx::query("SELECT state FROM jobs WHERE key = $1").bind(key).fetch_one(write.connection()).await?;
    let state: String = state.try_get("state")?;
    Ok(if state == "failed" { Enqueued::Failed } else { Enqueued::Open })
}

/// Fails the jobs that lost their worker once too often: they may be what ends it.
pub(super) async fn give_up(write: &mut Write, worker: &WorkerId, losses: u32) -> Result<(), StoreError> {
    let now = write.now;
    sqlx::query(
        "UPDATE jobs SET state = 'failed', final = 0, worker = NULL, until = 0, changed_at = $1, \
         error = 'its worker ended, each time that it was tried' \
         WHERE state = 'leased' AND worker <> $2 AND attempts >= $3 AND (until <= $1 OR changed_at > $4)",
    )
    .bind(now)
    .bind(worker.as_str().to_owned())
    .bind(i64::from(losses))
    .bind(now.saturating_add(SLACK))
    .execute(write.connection())
    .await?;
    Ok(())
}

pub(super) async fn lease(
    write: &mut Write,
    worker: &WorkerId,
    most: usize,
    length: Duration,
    conditions: Option<&(String, String)>,
) -> Result<Vec<Leased>, StoreError> {
    // A worker's own jobs are under way here, whatever the clock says of their lease.
    const SQLITE: &str = "UPDATE jobs SET state = 'leased', worker = $1, attempts = attempts + 1, until = $2, \
         changed_at = $3 WHERE sequence IN (SELECT sequence FROM jobs WHERE state IN ('waiting', 'leased') AND \
         (until <= $3 OR changed_at > $4) AND (state = 'waiting' OR worker <> $1) AND \
         ($6 IS NULL OR (policy = $6 AND tool = $7)) ORDER BY priority, sequence LIMIT $5) \
         RETURNING sequence, key, purl, stated, policy, tool, published_at, priority, attempts";
    const POSTGRESQL: &str = "UPDATE jobs SET state = 'leased', worker = $1, attempts = attempts + 1, until = $2, \
         changed_at = $3 WHERE sequence IN (SELECT sequence FROM jobs WHERE state IN ('waiting', 'leased') AND \
         (until <= $3 OR changed_at > $4) AND (state = 'waiting' OR worker <> $1) AND \
         ($6 IS NULL OR (policy = $6 AND tool = $7)) ORDER BY priority, sequence LIMIT $5 \
         FOR UPDATE SKIP LOCKED) \
         RETURNING sequence, key, purl, stated, policy, tool, published_at, priority, attempts";
    let sql = match write.backend {
        Backend::Sqlite => SQLITE,
        Backend::Postgresql => POSTGRESQL,
    };
    let now = write.now;
    let rows = sqlx::query(sql)
        .bind(worker.as_str().to_owned())
        .bind(now.saturating_add(milliseconds(length)))
        .bind(now)
        .bind(now.saturating_add(SLACK))
        .bind(i64::try_from(most).unwrap_or(i64::MAX))
        .bind(conditions.map(|(policy, _)| policy.clone()))
        .bind(conditions.map(|(_, tool)| tool.clone()))
        .fetch_all(write.connection())
        .await?;
    let mut leased = Vec::with_capacity(rows.len());
    for row in &rows {
        let order: (i64, i64) = (row.try_get("priority")?, row.try_get("sequence")?);
        leased.push((order, leased_of(row)?));
    }
    // `RETURNING` keeps no order.
    leased.sort_by_key(|(order, _)| *order);
    Ok(leased.into_iter().map(|(_, leased)| leased).collect())
}

pub(super) async fn open(write: &mut Write, conditions: Option<&(String, String)>) -> Result<u64, StoreError> {
    let sql = "SELECT COUNT(*) AS open FROM jobs WHERE state IN ('waiting', 'leased') \
               AND ($1 IS NULL OR (policy = $1 AND tool = $2))";
    let query = sqlx::query(sql)
        .bind(conditions.map(|(policy, _)| policy.clone()))
        .bind(conditions.map(|(_, tool)| tool.clone()));
    count(&query.fetch_one(write.connection()).await?, "open")
}

pub(super) async fn prolong(write: &mut Write, worker: &WorkerId, length: Duration) -> Result<(), StoreError> {
    let now = write.now;
    sqlx::query("UPDATE jobs SET until = $1, changed_at = $2 WHERE worker = $3 AND state = 'leased'")
        .bind(now.saturating_add(milliseconds(length)))
        .bind(now)
        .bind(worker.as_str().to_owned())
        .execute(write.connection())
        .await?;
    Ok(())
}

pub(super) async fn finish(write: &mut Write, worker: &WorkerId, finished: &[Finished]) -> Result<(), StoreError> {
    let records: Vec<&Record> = finished.iter().filter_map(Finished::record).collect();
    let mut appended = write.append(&records).await?.into_iter();
    let mut ends = Vec::with_capacity(finished.len());
    for one in finished {
        let appended = one.record().and_then(|_| appended.next());
        ends.push((&one.leased, End::of(&one.outcome, appended, write.now)));
    }
    for some in ends.chunks(AT_ONCE) {
        let sql = format!(
            "WITH ended (key, state, until, error, final, untried, anybodys, attempt) AS (VALUES {}) \
             UPDATE jobs SET state = ended.state, worker = NULL, until = ended.until, error = ended.error, \
             final = ended.final, changed_at = $1, attempts = jobs.attempts - ended.untried FROM ended \
             WHERE jobs.key = ended.key AND ((ended.anybodys = 1 AND jobs.state <> 'done') OR \
             (jobs.state = 'leased' AND jobs.worker = $2 AND jobs.attempts = ended.attempt))",
            values(some.len(), 8, 2)
        );
        let mut query = sqlx::query(AssertSqlSafe(sql)).bind(write.now).bind(worker.as_str().to_owned());
        for (leased, end) in some {
            query = query
                .bind(leased.job.key().to_string())
                .bind(end.state.to_owned())
                .bind(end.until)
                .bind(end.error.map(|error| error.chars().take(MAX_ERROR).collect::<String>()))
                .bind(i64::from(end.is_final))
                .bind(i64::from(end.untried))
                .bind(i64::from(end.anybodys))
                .bind(i64::from(leased.attempt));
        }
        query.execute(write.connection()).await?;
    }
    Ok(())
}

/// What becomes of a job's row.
#[derive(Default)]
struct End<'a> {
    state: &'static str,
    until: i64,
    error: Option<&'a String>,
    is_final: bool,
    /// Whether the try does not count.
    untried: bool,
    /// Whether it holds without the lease, too.
    anybodys: bool,
}

impl<'a> End<'a> {
    /// What follows from how a try ended, and from what became of its result.
    fn of(outcome: &'a Outcome, appended: Option<Appended>, now: i64) -> Self {
        match outcome {
            Outcome::Verified { record, .. } => {
                let settled = record.settled || matches!(appended, Some(Appended::Other(_)));
                // A settled result ends its job even if the lease was lost meanwhile: who got it next need not go on.
                Self { state: "done", anybodys: settled, ..Self::default() }
            }
            Outcome::Retry { wait, error } => {
                let until = now.saturating_add(milliseconds(*wait));
                Self { state: "waiting", until, error: Some(error), ..Self::default() }
            }
            Outcome::Failed { error, is_final } => {
                Self { state: "failed", error: Some(error), is_final: *is_final, ..Self::default() }
            }
            Outcome::GivenBack => Self { state: "waiting", untried: true, ..Self::default() },
        }
    }
}

pub(super) async fn counts(store: &Store) -> Result<Counts, StoreError> {
    let sql = "SELECT state, COUNT(*) AS jobs FROM jobs GROUP BY state";
    let mut counts = Counts::default();
    for row in sqlx::query(sql).fetch_all(&mut *store.look().await?).await? {
        let jobs = count(&row, "jobs")?;
        match row.try_get::<String, _>("state")?.as_str() {
            "waiting" => counts.waiting = jobs,
            "leased" => counts.leased = jobs,
            "done" => counts.done = jobs,
            "failed" => counts.failed = jobs,
            other => return Err(StoreError::Row { reason: format!("`{other}` is not the state of a job") }),
        }
    }
    Ok(counts)
}

pub(super) async fn failed(store: &Store) -> Result<Vec<FailedJob>, StoreError> {
    let sql = "SELECT key, purl, attempts, error, final FROM jobs WHERE state = 'failed' ORDER BY sequence";
    let rows = sqlx::query(sql).fetch_all(&mut *store.look().await?).await?;
    let failed = |row: &AnyRow| {
        Ok(FailedJob {
            key: JobKey(digest(&row.try_get::<String, _>("key")?)?),
            purl: row.try_get("purl")?,
            attempts: u32::try_from(count(row, "attempts")?).unwrap_or(u32::MAX),
            error: row.try_get::<Option<String>, _>("error")?.unwrap_or_default(),
            is_final: row.try_get::<i64, _>("final")? == 1,
        })
    };
    rows.iter().map(failed).collect()
}

pub(super) async fn requeue(write: &mut Write, purls: Option<&[String]>) -> Result<u64, StoreError> {
    const ALL: &str = "UPDATE jobs SET state = 'waiting', attempts = 0, until = 0, error = NULL, changed_at = $1 \
                       WHERE state = 'failed'";
    const ONE: &str = "UPDATE jobs SET state = 'waiting', attempts = 0, until = 0, error = NULL, changed_at = $1 \
                       WHERE state = 'failed' AND purl = $2";
    let now = write.now;
    let Some(purls) = purls else {
        return Ok(sqlx::query(ALL).bind(now).execute(write.connection()).await?.rows_affected());
    };
    let mut requeued = 0;
    for purl in purls {
        let query = sqlx::query(ONE).bind(now).bind(purl.clone());
        requeued += query.execute(write.connection()).await?.rows_affected();
    }
    Ok(requeued)
}

fn leased_of(row: &AnyRow) -> Result<Leased, StoreError> {
    let purl: String = row.try_get("purl")?;
    let subject: Subject =
        purl.parse().map_err(|error| StoreError::Row { reason: format!("the purl of a job: {error}") })?;
    let no_version = || StoreError::Row { reason: format!("the purl of a job names no version: `{purl}`") };
    let Subject { ecosystem, name, version } = subject;
    let release = Release { ecosystem, name, version: version.ok_or_else(no_version)? };
    Ok(Leased {
        job: Job {
            release,
            stated: row.try_get("stated")?,
            policy: digest(&row.try_get::<String, _>("policy")?)?,
            tool: row.try_get("tool")?,
            published_at: row.try_get("published_at")?,
            priority: Priority::from_number(row.try_get("priority")?),
        },
        attempt: u32::try_from(count(row, "attempts")?).unwrap_or(u32::MAX),
    })
}

fn digest(text: &str) -> Result<Sha256Digest, StoreError> {
    Sha256Digest::parse(text).map_err(|error| StoreError::Row { reason: error.to_string() })
}

fn count(row: &AnyRow, name: &str) -> Result<u64, StoreError> {
    let value: i64 = row.try_get(name)?;
    u64::try_from(value).map_err(|_| StoreError::Row { reason: format!("`{name}` is {value}") })
}

fn milliseconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
