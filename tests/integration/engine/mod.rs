//! The distributed engine as it is used: a Temporal server, PostgreSQL, an S3 server and workers, each a process of its
//! own, some of them killed.
//!
//! Runs where `TARPROOF_ENGINE_TESTS` names the directory that `scripts/install-temporal` filled; a missing PostgreSQL is
//! a failure then.

mod killed;
mod objects;
mod rate;
mod servers;
mod stopped;

use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use sqlx::{Connection as _, Row as _};
use tarproof::store::{Clock, ObjectsAddress, Store, StoreAddress};
use tarproof::sweep::temporal::{EngineSettings, Temporal};
use tarproof::sweep::{EngineAddress, RetrySettings};

use crate::support::postgresql::Postgresql;
use crate::support::{Output, Tarproof, block_on};
use servers::{ObjectServer, TemporalServer};

/// The longest that anything may take here.
const PATIENCE: Duration = Duration::from_secs(300);

/// All that a sweep over several machines needs, and the fixture world.
struct Site {
    tarproof: Tarproof,
    temporal: TemporalServer,
    objects: ObjectServer,
    postgresql: Postgresql,
    database: String,
}

impl Site {
    /// Starts everything; `None`, with a word about it, where nobody asked for it.
    fn start() -> Option<Self> {
        let directory = installed()?;
        let postgresql = Postgresql::start().expect("PostgreSQL is installed");
        let database = postgresql.database("engine");
        let temporal = TemporalServer::start(&directory);
        let objects = ObjectServer::start(&directory);
        let tarproof = Tarproof::new();
        let site = Self { tarproof, temporal, objects, postgresql, database };
        // The first one makes the tables.
        assert_eq!(site.run(&["store", "check"], &[]).code, 0);
        Some(site)
    }

    fn store(&self) -> [&str; 4] {
        ["--store", &self.database, "--objects", "s3://sweeps/objects"]
    }

    /// Runs the program with the shared store.
    fn run(&self, command: &[&str], more: &[&str]) -> Output {
        self.tarproof.run_with(&[command, &self.store(), more].concat(), &self.objects.variables())
    }

    /// As `run`, with the engine, too.
    fn run_on_engine(&self, command: &[&str], more: &[&str]) -> Output {
        self.run(command, &[&["--engine", self.temporal.address()], more].concat())
    }

    fn spawn(&self, command: &[&str], more: &[&str]) -> Child {
        let arguments = [command, &self.store(), &["--engine", self.temporal.address()], more].concat();
        let mut command = self.tarproof.command(&arguments, &self.objects.variables());
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }

    /// Starts a worker with a cache of its own, as on another machine.
    fn worker(&self, name: &str, more: &[&str]) -> Child {
        let cache = self.tarproof.directory().join(name).display().to_string();
        let own = ["--no-rebuild", "--jobs", "4", "--config", "config.toml", "--quiet", "--cache-dir", &cache];
        self.spawn(&["worker"], &[&own, more].concat())
    }

    /// A number that the database tells.
    fn number(&self, sql: &'static str) -> i64 {
        block_on(async {
            sqlx::any::install_default_drivers();
            let mut connection = sqlx::AnyConnection::connect(&self.database).await.unwrap();
            sqlx::query(sql).fetch_one(&mut connection).await.unwrap().get(0)
        })
    }
}

/// The directory with the servers; `None`, with a word about it, where nobody asked for these tests.
#[expect(clippy::print_stderr, reason = "a test has no other way to say that it did nothing")]
fn installed() -> Option<PathBuf> {
    let directory = std::env::var_os("TARPROOF_ENGINE_TESTS").map(PathBuf::from);
    if directory.is_none() {
        eprintln!("not run: `TARPROOF_ENGINE_TESTS` names no directory that `scripts/install-temporal` filled");
    }
    directory
}

/// An engine and its store, as the program opens them; objects are in a folder.
async fn connect(engine: &str, store: &str, objects: &str) -> (Temporal, Store) {
    let store = StoreAddress::parse(store).unwrap();
    let store = Store::open(&store, &ObjectsAddress::Folder(objects.into()), Clock::Database).await.unwrap();
    let settings = EngineSettings {
        lease: Duration::from_secs(60),
        losses: 5,
        retry: RetrySettings::default(),
        patience: Duration::from_secs(60),
    };
    let address = EngineAddress::parse(engine).unwrap();
    (Temporal::connect(address, None, store.clone(), settings).await.unwrap(), store)
}

/// Asks a process to stop, and waits until it did; what it wrote to standard error is shown where it failed.
fn stop(child: Child) {
    let process = nix::unistd::Pid::from_raw(i32::try_from(child.id()).unwrap());
    nix::sys::signal::kill(process, nix::sys::signal::Signal::SIGTERM).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
}

/// Waits until something holds.
fn until(what: &str, holds: impl Fn() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < PATIENCE, "waited too long until {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}
