use std::collections::BTreeSet;

use sqlx::Row as _;
use sqlx::any::AnyRow;

use super::{Store, StoreError, Turn, Write};

/// Objects that are removed while everybody else waits.
const AT_A_TIME: usize = 200;

/// What was removed, or would be.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Pruned {
    /// The results, by package, newest first.
    pub results: Vec<PrunedResult>,
    /// How many results stay.
    pub kept: u64,
    /// How many objects nothing names any more.
    pub objects: u64,
}

/// A result that was removed, or would be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PrunedResult {
    /// Its number.
    pub id: i64,
    /// The release.
    pub purl: String,
    /// The verdict's id.
    pub verdict: String,
    /// When it was verified, milliseconds since 1970.
    pub observed_at: i64,
}

impl Store {
    /// Removes all but the newest `keep` results of each package, and with them the objects that nothing else names.
    ///
    /// The newest settled result of each package stays in any case. Refused while jobs are leased: their sweep is about to
    /// tell what changed since the results that would go. With `pretend` nothing is removed.
    pub async fn prune(&self, keep: u32, pretend: bool) -> Result<Pruned, StoreError> {
        let mut write = self.write().await?;
        let leased = sqlx::query("SELECT COUNT(*) AS leased FROM jobs WHERE state = 'leased' AND until > $1");
        let now = write.now;
        let leased: i64 = leased.bind(now).fetch_one(write.connection()).await?.try_get("leased")?;
        if leased > 0 && !pretend {
            return Err(StoreError::Busy { leased });
        }
        let (pruned, named) = write.sort_out(keep).await?;
        if pretend {
            drop(write);
            let listed = self.objects().list().await?;
            let unnamed = listed.iter().filter(|digest| !named.contains(&digest.to_string()));
            return Ok(Pruned { objects: unnamed.count() as u64, ..pruned });
        }
        write.remove(&pruned).await?;
        write.commit().await?;
        Ok(Pruned { objects: self.remove_unnamed().await?, ..pruned })
    }

    /// Removes the objects that no result names; how many.
    ///
    /// Somebody may write one of them once more while they are looked for, for a result that is to name it. So nobody
    /// keeps any while some are removed, and what was named since the last look stays.
    async fn remove_unnamed(&self) -> Result<u64, StoreError> {
        // What is written later is not on the list.
        let mut left = self.objects().list().await?;
        let (mut looked_at, mut removed) = (0, 0);
        while !left.is_empty() {
            let mut write = self.write().await?;
            write.wait_for_turn(Turn::Removing).await?;
            let (named, last) = write.named_after(looked_at).await?;
            looked_at = last;
            left.retain(|digest| !named.contains(&digest.to_string()));
            let some = left.split_off(left.len().saturating_sub(AT_A_TIME));
            self.objects().remove_within(write.connection(), &some).await?;
            write.commit().await?;
            removed += some.len() as u64;
        }
        Ok(removed)
    }
}

impl Write {
    /// The objects that results after the one numbered `after` name, and the number of the last one.
    async fn named_after(&mut self, after: i64) -> Result<(BTreeSet<String>, i64), StoreError> {
        let sql = "SELECT id, ledger, report, statements FROM verifications WHERE id > $1";
        let (mut named, mut last) = (BTreeSet::new(), after);
        for row in sqlx::query(sql).bind(after).fetch_all(self.connection()).await? {
            named.extend(objects_of(&row)?);
            last = last.max(row.try_get("id")?);
        }
        Ok((named, last))
    }

    /// Which results go, and the objects that those which stay name.
    async fn sort_out(&mut self, keep: u32) -> Result<(Pruned, BTreeSet<String>), StoreError> {
        let sql = "SELECT id, package, purl, verdict, settled, observed_at, ledger, report, statements \
                   FROM verifications ORDER BY package, observed_at DESC, id DESC";
        let rows = sqlx::query(sql).fetch_all(self.connection()).await?;
        let (mut pruned, mut named) = (Pruned::default(), BTreeSet::new());
        let (mut package, mut newer, mut settled_stays) = (String::new(), 0, false);
        for row in &rows {
            let this: String = row.try_get("package")?;
            if this != package {
                (package, newer, settled_stays) = (this, 0, false);
            }
            let settled = row.try_get::<i64, _>("settled")? == 1;
            if newer < keep || (settled && !settled_stays) {
                pruned.kept += 1;
                named.extend(objects_of(row)?);
            } else {
                pruned.results.push(PrunedResult {
                    id: row.try_get("id")?,
                    purl: row.try_get("purl")?,
                    verdict: row.try_get("verdict")?,
                    observed_at: row.try_get("observed_at")?,
                });
            }
            newer += 1;
            settled_stays |= settled;
        }
        Ok((pruned, named))
    }

    /// Removes results; the only place where anything of the history goes.
    async fn remove(&mut self, pruned: &Pruned) -> Result<(), StoreError> {
        sqlx::query("INSERT INTO pruning (reason) VALUES ('prune')").execute(self.connection()).await?;
        for result in &pruned.results {
            for sql in ["DELETE FROM findings WHERE verification = $1", "DELETE FROM verifications WHERE id = $1"] {
                sqlx::query(sql).bind(result.id).execute(self.connection()).await?;
            }
        }
        sqlx::query("DELETE FROM pruning").execute(self.connection()).await?;
        Ok(())
    }
}

/// The objects that a row names.
fn objects_of(row: &AnyRow) -> Result<impl Iterator<Item = String>, sqlx::Error> {
    let named: [Option<String>; 3] = [row.try_get("ledger")?, row.try_get("report")?, row.try_get("statements")?];
    Ok(named.into_iter().flatten())
}
