use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row as _};

use super::record::package_of;
use super::{Record, Store, StoreError, Write, rows};
use crate::package::Release;

/// A result of the history and its number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// Later ones have higher numbers.
    pub id: i64,
    /// The result.
    pub record: Record,
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

    /// The settled result of a release under the same policy and program, for the stated digest.
    #[cfg(feature = "temporal")]
    pub(crate) async fn settled(
        &self,
        purl: &str,
        stated: &str,
        policy: &str,
        tool: &str,
    ) -> Result<Option<Settled>, StoreError> {
        settled(&mut *self.look().await?, purl, stated, policy, tool).await
    }

    /// The newest result of a release under a policy and a program's version, without findings.
    ///
    /// One that is not settled counts only if its number is higher than `after`.
    pub(crate) async fn standing(
        &self,
        release: &Release,
        policy: &str,
        tool: &str,
        after: i64,
    ) -> Result<Option<Kept>, StoreError> {
        let row = sqlx::query(
            "SELECT * FROM verifications WHERE package = $1 AND purl = $2 AND policy = $3 AND tool = $4 \
             AND (settled = 1 OR id > $5) ORDER BY id DESC LIMIT 1",
        )
        .bind(package_of(release))
        .bind(release.purl())
        .bind(policy.to_owned())
        .bind(tool.to_owned())
        .bind(after)
        .fetch_optional(&mut *self.look().await?)
        .await?;
        row.as_ref().map(kept).transpose()
    }

    /// The newest result before the one numbered `before`, of the release or else of its package; without findings.
    pub(crate) async fn previous(&self, release: &Release, before: i64) -> Result<Option<Kept>, StoreError> {
        let (package, purl) = (package_of(release), release.purl());
        let mut connection = self.look().await?;
        let sql = "SELECT * FROM verifications WHERE package = $1 AND purl = $2 AND id < $3 ORDER BY id DESC LIMIT 1";
        let query = sqlx::query(sql).bind(package.clone()).bind(purl).bind(before);
        let mut row = query.fetch_optional(&mut *connection).await?;
        if row.is_none() {
            let sql = "SELECT * FROM verifications WHERE package = $1 AND id < $2 ORDER BY id DESC LIMIT 1";
            row = sqlx::query(sql).bind(package).bind(before).fetch_optional(&mut *connection).await?;
        }
        row.as_ref().map(kept).transpose()
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
    /// The settled result of a release under the same policy and program, for the stated digest.
    pub(crate) async fn settled(
        &mut self,
        purl: &str,
        stated: &str,
        policy: &str,
        tool: &str,
    ) -> Result<Option<Settled>, StoreError> {
        settled(self.connection(), purl, stated, policy, tool).await
    }
}

async fn settled(
    connection: &mut AnyConnection,
    purl: &str,
    stated: &str,
    policy: &str,
    tool: &str,
) -> Result<Option<Settled>, StoreError> {
    let row = sqlx::query(
        "SELECT id, verdict, inconclusive, exit_code FROM verifications WHERE purl = $1 AND policy = $3 AND tool = $4 \
         AND settled = 1 AND (artifact = $2 OR stated = $2) ORDER BY id DESC LIMIT 1",
    )
    .bind(purl.to_owned())
    .bind(stated.to_owned())
    .bind(policy.to_owned())
    .bind(tool.to_owned())
    .fetch_optional(connection)
    .await?;
    let Some(row) = row else { return Ok(None) };
    let (verdict, inconclusive): (String, Option<String>) = (row.try_get("verdict")?, row.try_get("inconclusive")?);
    let verdict = inconclusive.map_or(verdict.clone(), |id| format!("{verdict}({id})"));
    let exit_code: i64 = row.try_get("exit_code")?;
    let unreadable = |_| StoreError::Row { reason: "`exit_code` is not one".to_owned() };
    Ok(Some(Settled { id: row.try_get("id")?, verdict, exit_code: u8::try_from(exit_code).map_err(unreadable)? }))
}

fn kept(row: &AnyRow) -> Result<Kept, StoreError> {
    Ok(Kept { id: row.try_get("id")?, record: rows::read(row)? })
}

async fn with_findings(connection: &mut AnyConnection, row: &AnyRow) -> Result<Kept, StoreError> {
    let mut kept = kept(row)?;
    kept.record.findings = rows::findings(connection, kept.id).await?;
    Ok(kept)
}
