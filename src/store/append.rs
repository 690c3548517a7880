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
    /// Adds a result to the history; its objects must be kept already, and nobody may remove them
    /// ([`Store::write_naming`]).
    pub(crate) async fn append(&mut self, record: &Record) -> Result<Appended, StoreError> {
        let uid = record.uid().to_string();
        if let Some(id) = rows::insert(self.connection(), record, &uid).await? {
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
        let appended = write.append(record).await?;
        write.commit().await?;
        Ok(appended)
    }
}
