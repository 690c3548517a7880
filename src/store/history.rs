use sqlx::any::AnyRow;
use sqlx::{AnyConnection, AssertSqlSafe, Row as _};

use super::record::{package_of, verdict_text};
use super::{Record, Store, StoreError, Write, rows, values};
use crate::package::{Release, Sha256Digest};

/// Releases that one statement looks for.
const AT_ONCE: usize = 100;

/// A result of the history and its number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// Later ones have higher numbers.
    pub id: i64,
    /// The result.
    pub record: Record,
}

/// What a verification starts from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Inputs<'a> {
    /// The release.
    pub(crate) release: &'a Release,
    /// The digest that the registry stated, empty where it stated none; `None` stands for whatever it was.
    pub(crate) stated: Option<&'a str>,
    /// The digest of everything that the user set and that a verdict depends on.
    pub(crate) policy: Sha256Digest,
    /// The program's version.
    pub(crate) tool: &'a str,
}

/// A settled result in brief.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settled {
    /// Its number.
    pub id: i64,
    /// The verdict, with the reason's id.
    pub verdict: String,
    /// The exit code for the release alone.
    pub exit_code: u8,
}

impl Store {
    /// The results of a package (`npm:name`), or of one version of it, newest first; findings included.
    pub async fn history(&self, package: &str, version: Option<&str>, most: u32) -> Result<Vec<Kept>, StoreError> {
        let mut connection = self.look().await?;
        let sql = "SELECT * FROM verifications WHERE package = $1 AND ($2 IS NULL OR version = $2) \
                   ORDER BY observed_at DESC, id DESC LIMIT $3";
        let query = sqlx::query(sql).bind(package.to_owned()).bind(version.map(str::to_owned)).bind(i64::from(most));
        let found = query.fetch_all(&mut *connection).await?;
        let mut history = Vec::with_capacity(found.len());
        for row in &found {
            history.push(with_findings(&mut connection, row).await?);
        }
        Ok(history)
    }

    /// The settled result of these inputs.
    #[cfg(feature = "temporal")]
    pub(crate) async fn settled(&self, inputs: Inputs<'_>) -> Result<Option<Settled>, StoreError> {
        Ok(settled(&mut *self.look().await?, &[inputs]).await?.pop().flatten())
    }

    /// The newest result of each of these inputs, without findings.
    ///
    /// One that is not settled counts only if its number is higher than `after`.
    pub(crate) async fn standing(&self, inputs: &[Inputs<'_>], after: i64) -> Result<Vec<Option<Kept>>, StoreError> {
        let mut connection = self.look().await?;
        let mut standing = Vec::with_capacity(inputs.len());
        for some in inputs.chunks(AT_ONCE) {
            let places = values(some.len(), 6, 1);
            let sql = format!(
                "WITH asked (position, package, purl, stated, policy, tool) AS (VALUES {places}), \
                 found AS (SELECT position, (SELECT id FROM verifications WHERE package = asked.package \
                 AND purl = asked.purl AND policy = asked.policy AND tool = asked.tool \
                 AND (asked.stated IS NULL OR artifact = asked.stated OR verifications.stated = asked.stated) \
                 AND (settled = 1 OR id > $1) ORDER BY id DESC LIMIT 1) AS newest FROM asked) \
                 SELECT found.position AS position, verifications.* FROM found CROSS JOIN verifications \
                 WHERE verifications.id = found.newest"
            );
            let mut query = sqlx::query(AssertSqlSafe(sql)).bind(after);
            for (position, inputs) in (0_i64..).zip(some) {
                let (policy, tool) = (inputs.policy.to_string(), inputs.tool.to_owned());
                let query_of_release =
                    query.bind(position).bind(package_of(inputs.release)).bind(inputs.release.purl());
                query = query_of_release.bind(inputs.stated.map(str::to_owned)).bind(policy).bind(tool);
            }
            standing.extend(in_order(some.len(), &query.fetch_all(&mut *connection).await?, kept)?);
        }
        Ok(standing)
    }

    /// The newest result before the one numbered `before` of each release, or else of its package; without findings.
    pub(crate) async fn previous(&self, releases: &[&Release], before: i64) -> Result<Vec<Option<Kept>>, StoreError> {
        let mut connection = self.look().await?;
        let mut previous = Vec::with_capacity(releases.len());
        for some in releases.chunks(AT_ONCE) {
            let places = values(some.len(), 3, 1);
            let sql = format!(
                "WITH asked (position, package, purl) AS (VALUES {places}), \
                 found AS (SELECT position, COALESCE((SELECT id FROM verifications WHERE package = asked.package \
                 AND purl = asked.purl AND id < $1 ORDER BY id DESC LIMIT 1), (SELECT id FROM verifications \
                 WHERE package = asked.package AND id < $1 ORDER BY id DESC LIMIT 1)) AS newest FROM asked) \
                 SELECT found.position AS position, verifications.* FROM found CROSS JOIN verifications \
                 WHERE verifications.id = found.newest"
            );
            let mut query = sqlx::query(AssertSqlSafe(sql)).bind(before);
            for (position, release) in (0_i64..).zip(some) {
                query = query.bind(position).bind(package_of(release)).bind(release.purl());
            }
            previous.extend(in_order(some.len(), &query.fetch_all(&mut *connection).await?, kept)?);
        }
        Ok(previous)
    }

    /// The number of the last result; 0 where there is none.
    pub async fn last(&self) -> Result<i64, StoreError> {
        let sql = "SELECT COALESCE(MAX(id), 0) AS last FROM verifications";
        Ok(sqlx::query(sql).fetch_one(&mut *self.look().await?).await?.try_get("last")?)
    }

    /// Up to `most` results after the one numbered `after`, in their order; findings included.
    pub(super) async fn page(&self, after: i64, most: i64) -> Result<Vec<Kept>, StoreError> {
        let mut connection = self.look().await?;
        let sql = "SELECT * FROM verifications WHERE id > $1 ORDER BY id LIMIT $2";
        let found = sqlx::query(sql).bind(after).bind(most).fetch_all(&mut *connection).await?;
        let mut page = Vec::with_capacity(found.len());
        for row in &found {
            page.push(with_findings(&mut connection, row).await?);
        }
        Ok(page)
    }
}

impl Write {
    /// The settled result of each of these inputs.
    pub(crate) async fn settled(&mut self, inputs: &[Inputs<'_>]) -> Result<Vec<Option<Settled>>, StoreError> {
        settled(self.connection(), inputs).await
    }
}

async fn settled(connection: &mut AnyConnection, inputs: &[Inputs<'_>]) -> Result<Vec<Option<Settled>>, StoreError> {
    let mut settled = Vec::with_capacity(inputs.len());
    for some in inputs.chunks(AT_ONCE) {
        let places = values(some.len(), 5, 0);
        // The newest last.
        let sql = format!(
            "WITH asked (position, purl, stated, policy, tool) AS (VALUES {places}) \
             SELECT asked.position AS position, kept.id AS id, kept.verdict AS verdict, \
             kept.inconclusive AS inconclusive, kept.exit_code AS exit_code FROM asked CROSS JOIN verifications kept \
             WHERE kept.purl = asked.purl AND kept.policy = asked.policy AND kept.tool = asked.tool \
             AND kept.settled = 1 AND (kept.artifact = asked.stated OR kept.stated = asked.stated) ORDER BY kept.id"
        );
        let mut query = sqlx::query(AssertSqlSafe(sql));
        for (position, inputs) in (0_i64..).zip(some) {
            let (policy, tool) = (inputs.policy.to_string(), inputs.tool.to_owned());
            let query_of_release = query.bind(position).bind(inputs.release.purl());
            query = query_of_release.bind(inputs.stated.map(str::to_owned)).bind(policy).bind(tool);
        }
        settled.extend(in_order(some.len(), &query.fetch_all(&mut *connection).await?, brief)?);
    }
    Ok(settled)
}

/// What rows say, each at the place that its `position` names; the last one where several name the same.
fn in_order<T>(
    count: usize,
    rows: &[AnyRow],
    read: impl Fn(&AnyRow) -> Result<T, StoreError>,
) -> Result<Vec<Option<T>>, StoreError> {
    let mut ordered: Vec<Option<T>> = (0..count).map(|_| None).collect();
    for row in rows {
        let position: i64 = row.try_get("position")?;
        let place = usize::try_from(position).ok().and_then(|position| ordered.get_mut(position));
        if let Some(place) = place {
            *place = Some(read(row)?);
        }
    }
    Ok(ordered)
}

fn brief(row: &AnyRow) -> Result<Settled, StoreError> {
    let (verdict, inconclusive): (String, Option<String>) = (row.try_get("verdict")?, row.try_get("inconclusive")?);
    let verdict = verdict_text(verdict, inconclusive.as_deref());
    let exit_code: i64 = row.try_get("exit_code")?;
    let unreadable = |_| StoreError::Row { reason: "`exit_code` is not one".to_owned() };
    Ok(Settled { id: row.try_get("id")?, verdict, exit_code: u8::try_from(exit_code).map_err(unreadable)? })
}

fn kept(row: &AnyRow) -> Result<Kept, StoreError> {
    Ok(Kept { id: row.try_get("id")?, record: rows::read(row)? })
}

async fn with_findings(connection: &mut AnyConnection, row: &AnyRow) -> Result<Kept, StoreError> {
    let mut kept = kept(row)?;
    kept.record.findings = rows::findings(connection, kept.id).await?;
    Ok(kept)
}
