use std::fs::{File, OpenOptions, TryLockError};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use sqlx::any::AnyPoolOptions;
use sqlx::pool::PoolConnection;
use sqlx::{Any, AnyConnection, AnyPool, Connection as _, Row as _, Transaction};
use tokio::sync::{Mutex, OwnedMutexGuard};
use url::Url;

use super::address::beside;
use super::migrations::migrator;
use super::{Clock, Object, Objects, ObjectsAddress, StoreAddress, StoreError};

/// How long a connection is waited for, and how long SQLite waits for another writer.
const PATIENCE: Duration = Duration::from_secs(30);
/// Connections at once: one writes, the others look.
const CONNECTIONS: u32 = 4;

/// Which database it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Backend {
    Sqlite,
    Postgresql,
}

/// A store of verifications; cheap to clone.
#[derive(Debug, Clone)]
pub struct Store {
    pool: AnyPool,
    backend: Backend,
    clock: Clock,
    objects: Objects,
    /// SQLite has one writer at a time, and one that waits for another only looks now and then whether it has ended.
    /// Those of this process wait in line for each other instead.
    writer: Arc<Mutex<()>>,
}

/// A transaction that writes, and the time that it was begun at.
#[derive(Debug)]
pub(crate) struct Write {
    transaction: Transaction<'static, Any>,
    /// Milliseconds since 1970 by the store's clock.
    pub(crate) now: i64,
    pub(crate) backend: Backend,
    /// The turn of this process's writers; given on after the transaction has ended.
    _writer: Option<OwnedMutexGuard<()>>,
}

impl Store {
    /// Opens the store, and makes it where there is none.
    pub async fn open(address: &StoreAddress, objects: &ObjectsAddress, clock: Clock) -> Result<Self, StoreError> {
        sqlx::any::install_default_drivers();
        let (backend, url) = match address {
            StoreAddress::Sqlite(path) => (Backend::Sqlite, sqlite_url(path)?),
            StoreAddress::Postgresql(url) => (Backend::Postgresql, url.to_string()),
        };
        let open = |source| StoreError::Open { store: address.to_string(), source };
        let mut options = AnyPoolOptions::new().max_connections(CONNECTIONS).acquire_timeout(PATIENCE);
        if backend == Backend::Sqlite {
            options = options.after_connect(|connection, _| Box::pin(prepare_sqlite(connection)));
            // Where the disk is full SQLite ends a transaction by itself, and the library goes on counting it.
            options = options.before_acquire(|connection, _| {
                let is_sound = !connection.is_in_transaction();
                Box::pin(async move { Ok(is_sound) })
            });
        }
        let alone = match address {
            // PostgreSQL has locks that the migrator takes; SQLite has none that outlast a
            // statement, and does not wait for one to change how a new file is written.
            StoreAddress::Sqlite(path) => Some(alone(path).await?),
            StoreAddress::Postgresql(_) => None,
        };
        // A pool asks again and again, and in the end knows only that it took too long.
        let mut first = AnyConnection::connect(&url).await.map_err(open)?;
        if backend == Backend::Sqlite {
            prepare_sqlite(&mut first).await.map_err(open)?;
        }
        first.close().await.map_err(open)?;
        let pool = options.connect(&url).await.map_err(open)?;
        let schema = |source| StoreError::Schema { store: address.to_string(), source };
        migrator(backend).run(&pool).await.map_err(schema)?;
        drop(alone);
        let objects = Objects::open(objects, &pool)?;
        Ok(Self { pool, backend, clock, objects, writer: Arc::default() })
    }

    /// The objects that the rows name.
    pub fn objects(&self) -> &Objects {
        &self.objects
    }

    /// Ends all connections; what was committed stays.
    pub async fn close(self) {
        self.pool.close().await;
    }

    /// A connection to look things up with.
    pub(crate) async fn look(&self) -> Result<PoolConnection<Any>, StoreError> {
        Ok(self.pool.acquire().await?)
    }

    /// Begins a transaction that writes.
    pub(crate) async fn write(&self) -> Result<Write, StoreError> {
        let writer = match self.backend {
            Backend::Sqlite => Some(Arc::clone(&self.writer).lock_owned().await),
            Backend::Postgresql => None,
        };
        let mut transaction = match self.backend {
            // A transaction that began by reading could not go on to write beside another writer.
            Backend::Sqlite => self.pool.begin_with("BEGIN IMMEDIATE").await?,
            Backend::Postgresql => self.pool.begin().await?,
        };
        let now = self.time(&mut transaction).await?;
        Ok(Write { transaction, now, backend: self.backend, _writer: writer })
    }

    /// As `write`, for rows that name these objects, which are kept first. Until the transaction has ended nobody removes
    /// objects.
    pub(crate) async fn write_naming(&self, objects: impl IntoIterator<Item = Object>) -> Result<Write, StoreError> {
        let mut write = self.write().await?;
        write.wait_for_turn(Turn::Naming).await?;
        self.objects.put_within(write.connection(), objects).await?;
        Ok(write)
    }

    /// The time by the store's clock, milliseconds since 1970.
    pub(crate) async fn now(&self) -> Result<i64, StoreError> {
        self.time(&mut *self.look().await?).await
    }

    async fn time(&self, connection: &mut AnyConnection) -> Result<i64, StoreError> {
        match (&self.clock, self.backend) {
            (Clock::Given(time), _) => Ok(time()),
            (Clock::Database, Backend::Sqlite) => Ok(Clock::of_machine()),
            (Clock::Database, Backend::Postgresql) => {
                let sql = "SELECT CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT) AS now";
                Ok(sqlx::query(sql).fetch_one(connection).await?.try_get("now")?)
            }
        }
    }
}

/// What not everybody may do at once, whichever process they are of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Turn {
    /// To keep objects and to name them. Many may, but nobody removes any meanwhile.
    Naming,
    /// To remove objects that nothing names.
    Removing,
    /// To queue jobs: two lists in different orders would wait for each other's rows.
    Queueing,
}

impl Write {
    /// Waits until nobody does what must not be done at once with `turn`; nobody does until the transaction has ended.
    pub(crate) async fn wait_for_turn(&mut self, turn: Turn) -> Result<(), StoreError> {
        let lock = match (self.backend, turn) {
            // It has one writer at a time anyway.
            (Backend::Sqlite, _) => return Ok(()),
            (Backend::Postgresql, Turn::Naming) => "LOCK TABLE pruning IN ROW SHARE MODE",
            (Backend::Postgresql, Turn::Removing) => "LOCK TABLE pruning IN EXCLUSIVE MODE",
            (Backend::Postgresql, Turn::Queueing) => "LOCK TABLE sweeps IN SHARE UPDATE EXCLUSIVE MODE",
        };
        sqlx::query(lock).execute(self.connection()).await?;
        Ok(())
    }

    /// What statements run on.
    pub(crate) fn connection(&mut self) -> &mut AnyConnection {
        &mut self.transaction
    }

    /// Makes everything since the beginning lasting, at once.
    pub(crate) async fn commit(self) -> Result<(), StoreError> {
        Ok(self.transaction.commit().await?)
    }
}

fn sqlite_url(path: &Path) -> Result<String, StoreError> {
    let directory = |source| StoreError::Directory { path: path.to_owned(), source };
    let path = std::path::absolute(path).map_err(directory)?;
    if let Some(parent) = path.parent() {
        std::fs::create_dir_all(parent).map_err(|source| StoreError::Directory { path: parent.to_owned(), source })?;
    }
    // Reports of private packages are not for everybody on this machine.
    own(OpenOptions::new().write(true).create(true).truncate(false)).open(&path).map_err(directory)?;
    let refused = || StoreError::Address { text: path.display().to_string(), reason: "it is not a path".to_owned() };
    let url = Url::from_file_path(&path).map_err(|()| refused())?;
    Ok(format!("sqlite://{}?mode=rwc", url.path()))
}

/// A file that is made is for its owner alone.
fn own(options: &mut OpenOptions) -> &mut OpenOptions {
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(options, 0o600);
    options
}

/// Waits until nobody else brings this file to its schema; ends when the answer is dropped.
async fn alone(path: &Path) -> Result<File, StoreError> {
    let path = beside(path, "lock");
    let failed = |source| StoreError::Directory { path: path.clone(), source };
    // Whatever lies there stays as it is.
    let file = own(OpenOptions::new().write(true).create(true).truncate(false)).open(&path).map_err(failed)?;
    let begun = Instant::now();
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) if begun.elapsed() < PATIENCE => {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            Err(error) => return Err(failed(error.into())),
        }
    }
}

async fn prepare_sqlite(connection: &mut AnyConnection) -> Result<(), sqlx::Error> {
    // The wait first: the others may have to wait for a process that opens the store, too.
    let wait = format!("PRAGMA busy_timeout = {}", PATIENCE.as_millis());
    sqlx::query(sqlx::AssertSqlSafe(wait)).execute(&mut *connection).await?;
    for pragma in ["PRAGMA journal_mode = WAL", "PRAGMA synchronous = FULL", "PRAGMA foreign_keys = ON"] {
        sqlx::query(pragma).execute(&mut *connection).await?;
    }
    Ok(())
}
