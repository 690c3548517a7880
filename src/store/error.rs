use std::io;
use std::path::PathBuf;

use crate::package::Sha256Digest;

/// Why the store could not be used.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// An address that names no store.
    #[error("`{}` is not an address of a store: {reason}", text.escape_debug())]
    Address {
        /// What was given, without a password.
        text: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A folder cannot be made, or a file in it not be locked.
    #[error("cannot make or lock `{}`", path.display())]
    Directory {
        /// The folder, or the file.
        path: PathBuf,
        /// The system's reason.
        #[source]
        source: io::Error,
    },
    /// The database cannot be opened.
    #[error("cannot open the store `{store}`")]
    Open {
        /// Where it is.
        store: String,
        /// The driver's reason.
        #[source]
        source: sqlx::Error,
    },
    /// The database has another schema.
    #[error("cannot bring the store `{store}` to the schema of this version; it may be a newer version's")]
    Schema {
        /// Where it is.
        store: String,
        /// The driver's reason.
        #[source]
        source: sqlx::migrate::MigrateError,
    },
    /// The database failed.
    #[error("the store's database failed")]
    Database(#[from] sqlx::Error),
    /// The place of the objects cannot be opened.
    #[error("cannot open the objects `{objects}`")]
    Objects {
        /// Where they are.
        objects: String,
        /// The service's reason.
        #[source]
        source: object_store::Error,
    },
    /// An object cannot be read or written.
    #[error("the object {digest} cannot be {action}")]
    Object {
        /// The object.
        digest: Sha256Digest,
        /// `read`, `written`, `found` or `removed`.
        action: &'static str,
        /// The service's reason.
        #[source]
        source: object_store::Error,
    },
    /// The objects cannot be listed.
    #[error("the objects cannot be listed")]
    Listing(#[source] object_store::Error),
    /// An object is not what its name says.
    #[error("the object {digest} is damaged: {reason}")]
    Damaged {
        /// The object.
        digest: Sha256Digest,
        /// How.
        reason: String,
    },
    /// An object went between the look at it and the row that was to name it.
    #[error("the object {digest} was removed meanwhile, by a `prune`; try again")]
    Removed {
        /// The object.
        digest: Sha256Digest,
    },
    /// A row holds what this program never writes.
    #[error("a row of the store cannot be read: {reason}")]
    Row {
        /// What it holds.
        reason: String,
    },
    /// Somebody verifies while nobody may.
    #[error("{leased} jobs are being verified right now; wait until the sweep has ended")]
    Busy {
        /// How many.
        leased: i64,
    },
}

impl StoreError {
    /// Whether the same may succeed later: the database or the disk is away, full or busy.
    pub fn may_pass(&self) -> bool {
        match self {
            Self::Open { source, .. } | Self::Database(source) => database_may_pass(source),
            Self::Object { source, .. } | Self::Objects { source, .. } | Self::Listing(source) => {
                matches!(source, object_store::Error::Generic { .. } | object_store::Error::JoinError { .. })
            }
            Self::Directory { .. } | Self::Removed { .. } | Self::Busy { .. } => true,
            Self::Address { .. } | Self::Schema { .. } | Self::Damaged { .. } | Self::Row { .. } => false,
        }
    }
}

fn database_may_pass(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_)
        | sqlx::Error::Protocol(_)
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::WorkerCrashed
        | sqlx::Error::BeginFailed => true,
        sqlx::Error::Database(error) => error.code().is_some_and(|code| code_may_pass(&code)),
        _ => false,
    }
}

/// SQLite's result codes are numbers, PostgreSQL's states have five characters.
fn code_may_pass(code: &str) -> bool {
    const BUSY: i64 = 5;
    const LOCKED: i64 = 6;
    const IO: i64 = 10;
    const FULL: i64 = 13;
    const CANNOT_OPEN: i64 = 14;
    if code.len() == 5 {
        // Connections, resources, an operator's intervention, rolled back transactions.
        return ["08", "53", "57", "58", "40"].iter().any(|class| code.starts_with(class));
    }
    // The low byte is the primary code.
    code.parse::<i64>().is_ok_and(|code| [BUSY, LOCKED, IO, FULL, CANNOT_OPEN].contains(&(code & 0xff)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_pass_is_told_by_the_code() {
        for code in ["5", "261", "13", "10", "778", "08006", "57P03", "53100", "40001"] {
            assert!(code_may_pass(code), "{code}");
        }
        for code in ["1", "19", "2067", "11", "23505", "42601", "P0001"] {
            assert!(!code_may_pass(code), "{code}");
        }
    }
}
