use sqlx::Row as _;

use super::{Record, Store, StoreError, Write, rows};

/// What became of a result that was to be stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Appended {
    /// It is stored, under this number.
    New(i64),
    /// It was stored before.
    Same(i64),
    /// Another settled result of the same inputs was stored before: that one stands.
    Other(i64),
}

impl Appended {
    /// The number of the row that stands.
    pub fn id(self) -> i64 {
        match self {
            Self::New(id) | Self::Same(id) | Self::Other(id) => id,
        }
    }
}

impl Write {
    /// Adds results to the history; their objects must be kept already, and nobody may remove them
    /// ([`Store::write_naming`]). What became of each.
    pub(crate) async fn append(&mut self, records: &[&Record]) -> Result<Vec<Appended>, StoreError> {
        let named: Vec<(&Record, String)> = records.iter().map(|record| (*record, record.uid().to_string())).collect();
        let ids = rows::insert(self.connection(), &named).await?;
        let mut appended = Vec::with_capacity(records.len());
        for ((record, uid), id) in named.into_iter().zip(ids) {
            appended.push(self.appended(record, uid, id).await?);
        }
        Ok(appended)
    }

    /// What became of a row that was inserted as number `id`, or not.
    async fn appended(&mut self, record: &Record, uid: String, id: Option<i64>) -> Result<Appended, StoreError> {
        if let Some(id) = id {
            return Ok(Appended::New(id));
        }
        let same = sqlx::query("SELECT id FROM verifications WHERE uid = $1").bind(uid);
        if let Some(row) = same.fetch_optional(self.connection()).await? {
            return Ok(Appended::Same(row.try_get("id")?));
        }
        let other = sqlx::query(
            "SELECT id FROM verifications WHERE purl = $1 AND artifact = $2 AND policy = $3 AND tool = $4 AND settled = 1",
        )
        .bind(record.purl.clone())
        .bind(record.artifact.clone())
        .bind(record.policy.clone())
        .bind(record.tool.clone());
        Ok(Appended::Other(other.fetch_one(self.connection()).await?.try_get("id")?))
    }
}

impl Store {
    /// Adds one result and its objects to the history.
    pub async fn append(
        &self,
        record: &Record,
        objects: impl IntoIterator<Item = super::Object>,
    ) -> Result<Appended, StoreError> {
        let mut write = self.write_naming(objects).await?;
        let named = [(record, record.uid().to_string())];
        let ids = rows::insert(write.connection(), &named).await?;
        let [(record, uid)] = named;
        let appended = write.appended(record, uid, ids.first().copied().flatten()).await?;
        write.commit().await?;
        Ok(appended)
    }
}
