//! The store and the sweep: one contract for both databases, and faults that really happen.

mod at_once;
mod contract;
mod encrypted;
mod faults;
pub(crate) mod killed;
pub(crate) mod records;
mod signed;
mod sweeping;

use tarproof::store::{Clock, ObjectsAddress, Store, StoreAddress};

use crate::support::block_on;
use crate::support::postgresql::Postgresql;

/// Runs the same test on a new SQLite file and on a new PostgreSQL database, with objects in either and in a folder.
fn on_both<T: Future<Output = ()>>(name: &str, test: impl Fn(Place) -> T) {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name);
    for (file, objects) in [("in.db", ObjectsAddress::Database), ("by.db", ObjectsAddress::Folder(path("by.db.files")))]
    {
        block_on(test(Place::new(&path(file).display().to_string(), objects)));
    }
    if let Some(server) = Postgresql::shared() {
        block_on(test(Place::new(&server.database(name), ObjectsAddress::Folder(path("postgresql")))));
        block_on(test(Place::new(&server.database(&format!("{name}_in")), ObjectsAddress::Database)));
    }
}

/// Where a store of a test is.
#[derive(Debug, Clone)]
struct Place {
    store: StoreAddress,
    objects: ObjectsAddress,
    address: String,
}

impl Place {
    fn new(address: &str, objects: ObjectsAddress) -> Self {
        Self { store: StoreAddress::parse(address).unwrap(), objects, address: address.to_owned() }
    }

    async fn open(&self) -> Store {
        self.open_at(Clock::Database).await
    }

    async fn open_at(&self, clock: Clock) -> Store {
        Store::open(&self.store, &self.objects, clock).await.unwrap()
    }

    /// Runs a statement behind the store's back.
    async fn execute(&self, sql: &'static str) -> Result<u64, sqlx::Error> {
        use sqlx::Connection as _;
        let address = match &self.store {
            StoreAddress::Sqlite(path) => format!("sqlite://{}", path.display()),
            StoreAddress::Postgresql(_) => self.address.clone(),
        };
        let mut connection = sqlx::AnyConnection::connect(&address).await?;
        Ok(sqlx::query(sql).execute(&mut connection).await?.rows_affected())
    }

    /// Damages objects behind the store's back, by the order of their names: the first one is gone, the second is the third
    /// one's content, the fourth is cut off.
    async fn damage_objects(&self) {
        match &self.objects {
            ObjectsAddress::Folder(folder) => {
                let files = walkdir::WalkDir::new(folder).sort_by_file_name().into_iter().map(Result::unwrap);
                let files: Vec<_> = files.filter(|entry| entry.file_type().is_file()).collect();
                std::fs::remove_file(files[0].path()).unwrap();
                std::fs::copy(files[2].path(), files[1].path()).unwrap();
                let whole = std::fs::read(files[3].path()).unwrap();
                std::fs::write(files[3].path(), &whole[..whole.len() / 2]).unwrap();
            }
            ObjectsAddress::Database => {
                for sql in [
                    "DELETE FROM objects WHERE digest = (SELECT MIN(digest) FROM objects)",
                    "UPDATE objects SET bytes = (SELECT bytes FROM objects ORDER BY digest LIMIT 1 OFFSET 1) \
                     WHERE digest = (SELECT MIN(digest) FROM objects)",
                    "UPDATE objects SET bytes = substr(bytes, 1, octet_length(bytes) / 2) \
                     WHERE digest = (SELECT digest FROM objects ORDER BY digest LIMIT 1 OFFSET 2)",
                ] {
                    assert_eq!(self.execute(sql).await.unwrap(), 1, "{sql}");
                }
            }
            ObjectsAddress::Bucket(_) => unreachable!("tests have none"),
        }
    }
}
