//! What there is on the host to be attacked, and how the sandbox is set up for it.

use crate::copy_for_all;
use crate::probes::PROGRAM;
use std::fs;
use std::io::Write;
use std::net::TcpListener;
use std::os::fd::AsRawFd;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{SocketAddr, UnixListener};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use tarproof_sandbox::{Environment, Limits, Mount, NetworkPolicy, Outcome, Policy, RunLimits, Sandbox, Session};

/// Tells a test that root started where a set-uid copy of it lies.
pub(crate) const SET_UID_VARIABLE: &str = "TARPROOF_TEST_SET_UID";
/// Name and value of what must not be seen.
pub(crate) const SECRET: &str = "hostile-suite-secret";

pub(crate) struct Host {
    /// Writable by this user, readable by everybody.
    pub(crate) directory: tempfile::TempDir,
    /// This program, executable by everybody.
    pub(crate) program: PathBuf,
    /// A copy that belongs to root and runs as root, if root could make one.
    pub(crate) set_uid_program: Option<PathBuf>,
    pub(crate) secret: PathBuf,
    /// A process to be seen and signalled.
    pub(crate) victim: Child,
    pub(crate) marker: String,
    /// Answers on the host's loopback.
    pub(crate) address: String,
    pub(crate) abstract_name: String,
    _listeners: (UnixListener, fs::File),
}

impl Host {
    pub(crate) fn prepare() -> Self {
        let directory = tempfile::Builder::new()
            .permissions(fs::Permissions::from_mode(0o755))
            .tempdir()
            .expect("a temporary directory");
        let program = copy_for_all(directory.path(), "hostile", 0o755);
        let set_uid_program = match std::env::var_os(SET_UID_VARIABLE) {
            Some(program) => Some(program.into()),
            None => rustix::process::geteuid().is_root().then(|| copy_for_all(directory.path(), "set-uid", 0o4755)),
        };
        let secret = directory.path().join("secret");
        fs::write(&secret, SECRET).expect("a file");
        let marker = format!("victim-{}", std::process::id());
        let victim = Command::new(&program)
            .args(["probe", "sleep", "600000", &marker])
            .stdout(Stdio::null())
            .spawn()
            .expect("a process");
        let listener = TcpListener::bind("127.0.0.1:0").expect("a listener");
        let address = listener.local_addr().expect("an address").to_string();
        greet(listener, "host");
        let abstract_name = format!("tarproof-{}", std::process::id());
        let socket = SocketAddr::from_abstract_name(&abstract_name).expect("a name");
        let abstract_listener = UnixListener::bind_addr(&socket).expect("a socket");
        let leaked = fs::File::open(&secret).expect("a file");
        rustix::io::fcntl_setfd(&leaked, rustix::io::FdFlags::empty()).expect("a flag");
        assert!(leaked.as_raw_fd() > 2);
        Self {
            directory,
            program,
            set_uid_program,
            secret,
            victim,
            marker,
            address,
            abstract_name,
            _listeners: (abstract_listener, leaked),
        }
    }

    pub(crate) fn policy(&self, limits: Limits) -> Policy {
        let system = ["/usr", "/bin", "/lib", "/lib64"].into_iter();
        let mut mounts: Vec<_> = system
            .filter(|path| fs::symlink_metadata(path).is_ok())
            .map(|path| Mount::same(path).expect("a system directory"))
            .collect();
        mounts.push(Mount::read_only(&self.program, PROGRAM).expect("a mount"));
        mounts.push(Mount::read_only(self.directory.path(), "/opt/host").expect("a mount"));
        if let Some(program) = &self.set_uid_program {
            mounts.push(Mount::read_only(program, "/opt/set-uid").expect("a mount"));
        }
        Policy { mounts, network: NetworkPolicy::None, limits }
    }

    pub(crate) fn session(&self, limits: Limits) -> Session {
        Session::start(&Sandbox::default(), &self.policy(limits)).expect("a sandbox starts on this machine")
    }

    /// Runs a probe outside of the sandbox, with what a careless runner would hand on.
    pub(crate) fn control(&self, arguments: &[String]) -> (bool, String) {
        let answer = Command::new(&self.program)
            .arg("probe")
            .args(arguments)
            .env("TARPROOF_TEST_SECRET", SECRET)
            .current_dir(self.directory.path())
            .output()
            .expect("the program can be started");
        (answer.status.success(), String::from_utf8_lossy(&answer.stdout).trim().to_owned())
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        let _ = self.victim.kill();
        let _ = self.victim.wait();
    }
}

/// Greets everybody who connects.
pub(crate) fn greet(listener: TcpListener, greeting: &'static str) {
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let _ = stream.and_then(|mut stream| stream.write_all(greeting.as_bytes()));
        }
    });
}

pub(crate) const LIMITS: Limits = Limits { memory: 256 << 20, processes: 48, disk: 32 << 20 };
pub(crate) const RUN_LIMITS: RunLimits = RunLimits {
    wall_time: Duration::from_secs(10),
    processor_time: Duration::from_secs(5),
    output: 1 << 20,
    file_size: 1 << 30,
};

pub(crate) fn command(program: &str, arguments: &[String], limits: RunLimits) -> tarproof_sandbox::Command {
    tarproof_sandbox::Command {
        program: program.into(),
        arguments: arguments.iter().map(Into::into).collect(),
        environment: Environment::minimal(),
        working_directory: "/build".into(),
        limits,
    }
}

/// Runs a probe in a session; gives what it said as well.
pub(crate) fn probe(session: &mut Session, arguments: &[String], limits: RunLimits) -> (Outcome, String) {
    let arguments: Vec<_> = ["probe".to_owned()].into_iter().chain(arguments.iter().cloned()).collect();
    let mut text = Vec::new();
    let outcome = session
        .run(&command(PROGRAM, &arguments, limits), &mut |part| text.extend_from_slice(part))
        .expect("the probe can be started");
    (outcome, String::from_utf8_lossy(&text).trim().to_owned())
}

pub(crate) fn words(text: &[&str]) -> Vec<String> {
    text.iter().map(|word| (*word).to_owned()).collect()
}
