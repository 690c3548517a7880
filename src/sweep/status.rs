use sqlx::Row as _;
use sqlx::any::AnyRow;

use super::{Counts, DispatchError, Dispatcher};
use crate::store::{Store, StoreError, verdict_text};

/// Over how long the rate is taken, milliseconds.
const RATE_OVER: i64 = 60_000;
/// Most hosts that are told.
const HOSTS: usize = 5;

/// Where the sweeping of a store stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Status {
    /// Jobs by state.
    pub counts: Counts,
    /// The sweep that was begun last.
    pub sweep: Option<SweepRow>,
    /// Results since it began, by verdict.
    pub verdicts: Vec<VerdictCount>,
    /// Results of the last minute.
    pub last_minute: u64,
    /// The hosts of the sources that took longest, by the mean over their packages; slowest first.
    pub hosts: Vec<HostTime>,
}

/// A sweep as the store knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SweepRow {
    /// Milliseconds since 1970.
    pub started_at: i64,
    /// Milliseconds since 1970; `None` while it goes on, and where it was interrupted.
    pub finished_at: Option<i64>,
    /// Releases asked for.
    pub subjects: u64,
    /// Of these, settled before.
    pub settled: u64,
}

/// How often a verdict was reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerdictCount {
    /// The verdict, with the reason's id.
    pub verdict: String,
    /// How often.
    pub count: u64,
}

/// How long the packages of a host took.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostTime {
    /// The host of the repositories.
    pub host: String,
    /// How many packages.
    pub packages: u64,
    /// Milliseconds a package, the mean.
    pub milliseconds: u64,
}

impl Status {
    /// How many seconds the open jobs will take, as far as the last minute tells.
    pub fn remaining_seconds(&self) -> Option<u64> {
        let open = self.counts.waiting + self.counts.leased;
        (self.last_minute > 0).then(|| open * 60 / self.last_minute)
    }
}

/// Looks up where the sweeping of a store stands.
pub async fn status(store: &Store, dispatcher: &impl Dispatcher) -> Result<Status, DispatchError> {
    let counts = dispatcher.counts().await?;
    Ok(of_store(store, counts).await?)
}

async fn of_store(store: &Store, counts: Counts) -> Result<Status, StoreError> {
    let now = store.now().await?;
    let mut connection = store.look().await?;
    let sql = "SELECT started_at, finished_at, subjects, settled, after FROM sweeps ORDER BY id DESC LIMIT 1";
    let row = sqlx::query(sql).fetch_optional(&mut *connection).await?;
    let after = row.as_ref().map(|row| row.try_get("after")).transpose()?.unwrap_or(0_i64);
    let sweep = row.as_ref().map(sweep_row).transpose()?;
    let sql = "SELECT verdict, inconclusive, COUNT(*) AS results FROM verifications WHERE id > $1 \
               GROUP BY verdict, inconclusive ORDER BY results DESC, verdict, inconclusive";
    let rows = sqlx::query(sql).bind(after).fetch_all(&mut *connection).await?;
    let verdicts: Result<Vec<_>, StoreError> = rows.iter().map(verdict_count).collect();
    let sql = "SELECT COUNT(*) AS results FROM verifications WHERE id > $1 AND observed_at > $2 AND observed_at <= $3";
    let recent = sqlx::query(sql).bind(after).bind(now.saturating_sub(RATE_OVER)).bind(now);
    let last_minute = unsigned(&recent.fetch_one(&mut *connection).await?, "results")?;
    let sql = "SELECT host, COUNT(*) AS packages, CAST(SUM(milliseconds) AS BIGINT) AS milliseconds FROM verifications \
               WHERE id > $1 AND host IS NOT NULL GROUP BY host";
    let rows = sqlx::query(sql).bind(after).fetch_all(&mut *connection).await?;
    let hosts: Result<Vec<_>, StoreError> = rows.iter().map(host_time).collect();
    let mut hosts = hosts?;
    hosts.sort_by(|one, other| other.milliseconds.cmp(&one.milliseconds).then_with(|| one.host.cmp(&other.host)));
    hosts.truncate(HOSTS);
    Ok(Status { counts, sweep, verdicts: verdicts?, last_minute, hosts })
}

fn sweep_row(row: &AnyRow) -> Result<SweepRow, StoreError> {
    Ok(SweepRow {
        started_at: row.try_get("started_at")?,
        finished_at: row.try_get("finished_at")?,
        subjects: unsigned(row, "subjects")?,
        settled: unsigned(row, "settled")?,
    })
}

fn verdict_count(row: &AnyRow) -> Result<VerdictCount, StoreError> {
    let (verdict, inconclusive): (String, Option<String>) = (row.try_get("verdict")?, row.try_get("inconclusive")?);
    let verdict = verdict_text(verdict, inconclusive.as_deref());
    Ok(VerdictCount { verdict, count: unsigned(row, "results")? })
}

fn host_time(row: &AnyRow) -> Result<HostTime, StoreError> {
    let (packages, milliseconds) = (unsigned(row, "packages")?, unsigned(row, "milliseconds")?);
    Ok(HostTime { host: row.try_get("host")?, packages, milliseconds: milliseconds / packages.max(1) })
}

fn unsigned(row: &AnyRow, name: &str) -> Result<u64, StoreError> {
    let value: i64 = row.try_get(name)?;
    u64::try_from(value).map_err(|_| StoreError::Row { reason: format!("`{name}` is {value}") })
}
