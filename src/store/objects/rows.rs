use std::collections::BTreeMap;

use sqlx::any::AnyRow;
use sqlx::{AnyConnection, AssertSqlSafe, Row as _};

use super::{MAX_CONTENT, Object, too_large};
use crate::package::Sha256Digest;
use crate::store::{StoreError, values};

/// Objects that one statement inserts.
const AT_ONCE: usize = 200;

pub(super) async fn put(
    connection: &mut AnyConnection,
    objects: impl IntoIterator<Item = Object>,
) -> Result<(), StoreError> {
    // A statement must not name a row twice, and may write in the order of the index.
    let objects: BTreeMap<String, Vec<u8>> =
        objects.into_iter().map(|object| (object.digest.to_string(), object.bytes)).collect();
    let mut objects = objects.into_iter();
    loop {
        let some: Vec<_> = objects.by_ref().take(AT_ONCE).collect();
        if some.is_empty() {
            return Ok(());
        }
        let sql = format!(
            "INSERT INTO objects (digest, bytes) VALUES {} ON CONFLICT (digest) DO UPDATE SET bytes = excluded.bytes \
             WHERE objects.bytes <> excluded.bytes",
            values(some.len(), 2, 0)
        );
        let mut query = sqlx::query(AssertSqlSafe(sql));
        for (digest, bytes) in some {
            query = query.bind(digest).bind(bytes);
        }
        query.execute(&mut *connection).await?;
    }
}

pub(super) async fn get(connection: &mut AnyConnection, digest: Sha256Digest) -> Result<Option<Object>, StoreError> {
    let sql = "SELECT CASE WHEN octet_length(bytes) <= $2 THEN bytes END AS bytes FROM objects WHERE digest = $1";
    let most = i64::try_from(MAX_CONTENT).unwrap_or(i64::MAX);
    let Some(row) = sqlx::query(sql).bind(digest.to_string()).bind(most).fetch_optional(connection).await? else {
        return Ok(None);
    };
    // SQLite keeps texts and numbers in any column, where somebody else put them there.
    let no_bytes = |_| StoreError::Damaged { digest, reason: "it is no sequence of bytes".to_owned() };
    let bytes: Option<Vec<u8>> = row.try_get("bytes").map_err(no_bytes)?;
    bytes.map(|bytes| Some(Object { digest, bytes })).ok_or_else(|| too_large(digest))
}

pub(super) async fn has(connection: &mut AnyConnection, digest: Sha256Digest) -> Result<bool, StoreError> {
    let query = sqlx::query("SELECT 1 FROM objects WHERE digest = $1").bind(digest.to_string());
    Ok(query.fetch_optional(connection).await?.is_some())
}

pub(super) async fn list(connection: &mut AnyConnection) -> Result<Vec<Sha256Digest>, StoreError> {
    let rows = sqlx::query("SELECT digest FROM objects").fetch_all(connection).await?;
    // A name that is none was written by somebody else; no result can name it.
    let name = |row: &AnyRow| Sha256Digest::parse(&row.try_get::<String, _>("digest").ok()?).ok();
    Ok(rows.iter().filter_map(name).collect())
}

pub(super) async fn remove(connection: &mut AnyConnection, digests: &[Sha256Digest]) -> Result<(), StoreError> {
    for digest in digests {
        let query = sqlx::query("DELETE FROM objects WHERE digest = $1").bind(digest.to_string());
        query.execute(&mut *connection).await?;
    }
    Ok(())
}
