//! The schema, step by step. A step that was released is never changed: a new one is added to both folders.

use sqlx::SqlSafeStr as _;
use sqlx::migrate::{Migration, MigrationType, Migrator};

use super::database::Backend;

/// Name, for SQLite, for PostgreSQL.
const STEPS: [(&str, &str, &str); 6] = [
    (
        "history",
        include_str!("migrations/sqlite/0001_history.sql"),
        include_str!("migrations/postgresql/0001_history.sql"),
    ),
    ("jobs", include_str!("migrations/sqlite/0002_jobs.sql"), include_str!("migrations/postgresql/0002_jobs.sql")),
    (
        "cursors",
        include_str!("migrations/sqlite/0003_cursors.sql"),
        include_str!("migrations/postgresql/0003_cursors.sql"),
    ),
    (
        "statements",
        include_str!("migrations/sqlite/0004_statements.sql"),
        include_str!("migrations/postgresql/0004_statements.sql"),
    ),
    (
        "selections",
        include_str!("migrations/sqlite/0005_selections.sql"),
        include_str!("migrations/postgresql/0005_selections.sql"),
    ),
    (
        "objects",
        include_str!("migrations/sqlite/0006_objects.sql"),
        include_str!("migrations/postgresql/0006_objects.sql"),
    ),
];

pub(super) fn migrator(backend: Backend) -> Migrator {
    let step = |(index, (name, sqlite, postgresql)): (usize, &(&'static str, &'static str, &'static str))| {
        let sql = match backend {
            Backend::Sqlite => *sqlite,
            Backend::Postgresql => *postgresql,
        };
        let version = i64::try_from(index).unwrap_or_default() + 1;
        Migration::new(version, (*name).into(), MigrationType::Simple, sql.into_sql_str(), false)
    };
    Migrator::with_migrations(STEPS.iter().enumerate().map(step).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Column names by table, in order.
    fn columns(sql: &str) -> Vec<(String, Vec<String>)> {
        let mut tables: Vec<(String, Vec<String>)> = Vec::new();
        let mut inside = false;
        for line in sql.lines() {
            if let Some(name) = line.strip_prefix("CREATE TABLE ") {
                tables.push((name.split(' ').next().unwrap().to_owned(), Vec::new()));
                inside = line.ends_with('(');
            } else if line.starts_with(')') {
                inside = false;
            } else if let Some(added) = line.strip_prefix("ALTER TABLE ") {
                let (name, column) = added.split_once(" ADD COLUMN ").unwrap();
                let column = column.split(' ').next().unwrap();
                tables.push((name.to_owned(), vec![column.to_owned()]));
            } else if inside && !line.trim_start().starts_with("--") {
                let name = line.split_whitespace().next().unwrap().to_owned();
                tables.last_mut().unwrap().1.push(name);
            }
        }
        tables
    }

    #[test]
    fn both_databases_have_the_same_tables_and_columns() {
        let mut seen = 0;
        for (name, sqlite, postgresql) in STEPS {
            assert_eq!(columns(sqlite), columns(postgresql), "{name}");
            seen += columns(sqlite).len();
        }
        assert_eq!(seen, 9);
    }
}
