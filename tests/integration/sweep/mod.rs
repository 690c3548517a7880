//! The store and the sweep: one contract for both databases, and faults that really happen.

mod at_once;
mod contract;
mod encrypted;
mod faults;
pub(crate) mod killed;
pub(crate) mod records;
mod signed;
mod sweeping;

use std::path::Path;

use tarproof::store::{Clock, ObjectsAddress, Store, StoreAddress};

use crate::support::block_on;
use crate::support::postgresql::Postgresql;

/// Runs the same test on a new SQLite file and on a new PostgreSQL database.
fn on_both<T: Future<Output = ()>>(name: &str, test: impl Fn(Place) -> T) {
    let directory = tempfile::tempdir().unwrap();
    let place = |address: &str, folder: &str| Place::new(address, &directory.path().join(folder));
    let file = directory.path().join("store.db").display().to_string();
    block_on(test(place(&file, "sqlite")));
    if let Some(server) = Postgresql::shared() {
        let address = server.database(name);
        block_on(test(place(&address, "postgresql")));
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
    fn new(address: &str, folder: &Path) -> Self {
        Self {
            store: StoreAddress::parse(address).unwrap(),
            objects: ObjectsAddress::Folder(folder.to_owned()),
            address: address.to_owned(),
        }
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

    /// The folder of the objects.
    fn folder(&self) -> &Path {
        match &self.objects {
            ObjectsAddress::Folder(path) => path,
            ObjectsAddress::Bucket(_) => unreachable!("tests have none"),
        }
    }
}
