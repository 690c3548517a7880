use std::os::unix::fs::{MetadataExt as _, PermissionsExt, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use sqlx::{Connection as _, Executor as _};

use super::block_on;

/// Part of the socket's name.
const PORT: u16 = 5432;
/// Nobody: PostgreSQL refuses to be run by root.
const NOBODY: u32 = 65_534;

/// A PostgreSQL server of its own on a socket; dropping it ends it and removes everything.
#[derive(Debug)]
pub(crate) struct Postgresql {
    programs: PathBuf,
    directory: tempfile::TempDir,
    port: u16,
    server: Child,
}

impl Postgresql {
    /// Starts one; `None`, with a word about it, where PostgreSQL is not installed.
    ///
    /// With the variable `TARPROOF_POSTGRESQL` a missing one is a failure.
    #[expect(clippy::print_stderr, reason = "a test has no other way to say that it did nothing")]
    pub(crate) fn start() -> Option<Self> {
        let Some(programs) = programs() else {
            assert!(std::env::var_os("TARPROOF_POSTGRESQL").is_none(), "PostgreSQL is not installed");
            eprintln!("not run: PostgreSQL is not installed (Debian: postgresql)");
            return None;
        };
        let directory = tempfile::Builder::new().prefix("pg").tempdir().unwrap();
        let run = as_nobody(directory.path());
        let data = directory.path().join("data");
        let made = run(&programs.join("initdb"))
            .args(["--username=tarproof", "--auth=trust", "--encoding=UTF8", "--no-locale", "--no-sync", "-D"])
            .arg(&data)
            .output()
            .unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let server = serve(&programs, directory.path(), PORT, &[]);
        Some(Self { programs, directory, port: PORT, server })
    }

    /// One that the tests of this moment share, each with a database of its own.
    pub(crate) fn shared() -> Option<Arc<Self>> {
        static SHARED: Mutex<Weak<Postgresql>> = Mutex::new(Weak::new());
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(server) = shared.upgrade() {
            return Some(server);
        }
        let server = Arc::new(Self::start()?);
        *shared = Arc::downgrade(&server);
        Some(server)
    }

    /// The address of a new, empty database.
    pub(crate) fn database(&self, name: &str) -> String {
        block_on(async {
            sqlx::any::install_default_drivers();
            let mut connection = sqlx::AnyConnection::connect(&self.address("postgres")).await.unwrap();
            connection.execute(sqlx::AssertSqlSafe(format!("CREATE DATABASE {name}"))).await.unwrap();
        });
        self.address(name)
    }

    fn address(&self, database: &str) -> String {
        address(self.directory.path(), self.port, database)
    }

    /// Kills the server and all its processes without warning.
    pub(crate) fn kill(&mut self) {
        kill_group(&self.server).unwrap();
        self.server.wait().unwrap();
    }

    /// Starts it again on the same data.
    pub(crate) fn restart(&mut self) {
        // The lock that the killed one left names a process that is gone.
        self.server = serve(&self.programs, self.directory.path(), self.port, &[]);
    }

    /// Starts it again so that it is reached at this port of `localhost`, too, encrypted with this certificate alone; key
    /// and certificate are PEM.
    pub(crate) fn restart_encrypted(&mut self, port: u16, key: &[u8], certificate: &[u8]) {
        self.kill();
        let data = self.directory.path().join("data");
        let owner = std::fs::metadata(&data).unwrap();
        for (name, content) in [("server.key", key), ("server.crt", certificate)] {
            let file = data.join(name);
            std::fs::write(&file, content).unwrap();
            std::fs::set_permissions(&file, PermissionsExt::from_mode(0o600)).unwrap();
            chown(&file, Some(owner.uid()), Some(owner.gid())).unwrap();
        }
        std::fs::write(data.join("pg_hba.conf"), "local all all trust\nhostssl all all samehost trust\n").unwrap();
        self.port = port;
        let more = ["-c", "listen_addresses=localhost", "-c", "ssl=on"];
        self.server = serve(&self.programs, self.directory.path(), port, &more);
    }
}

impl Drop for Postgresql {
    fn drop(&mut self) {
        // The whole group: the server's children would live on for a while.
        let _ = kill_group(&self.server);
        let _ = self.server.wait();
    }
}

/// Not by the program `kill`: that of procps 4.0.2 takes the number of a group for its first digit, and ends everybody.
fn kill_group(leader: &Child) -> nix::Result<()> {
    let group = nix::unistd::Pid::from_raw(i32::try_from(leader.id()).unwrap());
    assert!(group.as_raw() > 1, "it leads a group of its own");
    nix::sys::signal::killpg(group, nix::sys::signal::Signal::SIGKILL)
}

fn serve(programs: &Path, directory: &Path, port: u16, more: &[&str]) -> Child {
    let log = std::fs::File::create(directory.join("log")).unwrap();
    let server = as_nobody(directory)(&programs.join("postgres"))
        .arg("-D")
        .arg(directory.join("data"))
        .arg("-k")
        .arg(directory)
        .args(["-p", &port.to_string()])
        // The machine does not fail, only the server; what the kernel has it will write.
        .args(["-c", "listen_addresses=", "-c", "fsync=off"])
        .args(more)
        .stdout(Stdio::null())
        .stderr(log)
        .process_group(0)
        .spawn()
        .unwrap();
    let (begun, address) = (Instant::now(), address(directory, port, "postgres"));
    sqlx::any::install_default_drivers();
    while block_on(sqlx::AnyConnection::connect(&address)).is_err() {
        let log = || std::fs::read_to_string(directory.join("log")).unwrap_or_default();
        assert!(begun.elapsed() < Duration::from_secs(60), "PostgreSQL does not start: {}", log());
        std::thread::sleep(Duration::from_millis(50));
    }
    server
}

/// The address of a database by the socket.
fn address(directory: &Path, port: u16, database: &str) -> String {
    format!("postgresql://tarproof@localhost:{port}/{database}?host={}", directory.display())
}

/// Runs programs as somebody who may run the server, in a directory that is theirs.
fn as_nobody(directory: &Path) -> impl Fn(&Path) -> Command + use<> {
    let root = std::fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0);
    if root {
        chown(directory, Some(NOBODY), Some(NOBODY)).unwrap();
    }
    let directory = directory.to_owned();
    move |program| {
        let mut command = Command::new(program);
        command.current_dir(&directory).env("LC_ALL", "C");
        if root {
            command.uid(NOBODY).gid(NOBODY);
        }
        command
    }
}

/// The directory with the server's programs, the newest version's first.
fn programs() -> Option<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut directories: Vec<PathBuf> = versions.map(|entry| entry.path().join("bin")).collect();
    directories.sort();
    directories.reverse();
    let path = std::env::var_os("PATH").unwrap_or_default();
    directories.extend(std::env::split_paths(&path));
    directories.into_iter().find(|path| path.join("initdb").exists() && path.join("postgres").exists())
}
