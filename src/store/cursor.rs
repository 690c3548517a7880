use sqlx::Row as _;

use super::{Store, StoreError};

impl Store {
    /// Where whoever is called `name` stands; `None` if nowhere yet.
    pub async fn cursor(&self, name: &str) -> Result<Option<String>, StoreError> {
        let query = sqlx::query("SELECT value FROM cursors WHERE name = $1").bind(name.to_owned());
        let row = query.fetch_optional(&mut *self.look().await?).await?;
        Ok(row.map(|row| row.try_get("value")).transpose()?)
    }

    /// Remembers where whoever is called `name` stands.
    pub async fn set_cursor(&self, name: &str, value: &str) -> Result<(), StoreError> {
        let mut write = self.write().await?;
        let now = write.now;
        sqlx::query(
            "INSERT INTO cursors (name, value, changed_at) VALUES ($1, $2, $3) \
             ON CONFLICT (name) DO UPDATE SET value = excluded.value, changed_at = excluded.changed_at",
        )
        .bind(name.to_owned())
        .bind(value.to_owned())
        .bind(now)
        .execute(write.connection())
        .await?;
        write.commit().await
    }
}
