//! What a sandbox costs: `/bin/true` bare, in a session, and where they are installed in bubblewrap and in `runc`, a
//! container runtime that needs no daemon and no root, side by side.
//!
//! `cargo bench --package tarproof-sandbox --bench start -- [ROUNDS]`. The contestants take turns, so that all meet
//! the same machine. As root everything is measured again as an ordinary user.

#![expect(clippy::print_stdout, clippy::unwrap_used, reason = "a program for people, which may fail loudly")]

use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command as Bare, Stdio};
use std::time::{Duration, Instant};
use tarproof_sandbox::{
    Command, Environment, Limits, Mount, NetworkPolicy, Policy, RunLimits, Sandbox, Session, run_if_init,
};

const ORDINARY_USER: u32 = 12_345;
const SYSTEM: [&str; 4] = ["/usr", "/bin", "/lib", "/lib64"];

fn bare() {
    assert!(Bare::new("/bin/true").env_clear().status().unwrap().success());
}

fn policy() -> Policy {
    let exists = |path: &&str| std::fs::symlink_metadata(path).is_ok();
    Policy {
        mounts: SYSTEM.into_iter().filter(exists).map(|path| Mount::same(path).unwrap()).collect(),
        network: NetworkPolicy::None,
        limits: Limits { memory: 512 << 20, processes: 64, disk: 256 << 20 },
    }
}

fn truth() -> Command {
    let second = Duration::from_secs(10);
    Command {
        program: "/bin/true".into(),
        arguments: Vec::new(),
        environment: Environment::minimal(),
        working_directory: "/build".into(),
        limits: RunLimits { wall_time: second, processor_time: second, output: 1024, file_size: 1024 },
    }
}

/// From nothing to nothing: start, one command, and everything gone again.
fn session() {
    let mut session = Session::start(&Sandbox::default(), &policy()).unwrap();
    assert!(session.run(&truth(), &mut |_| ()).unwrap().succeeded());
}

fn bubblewrap() {
    let mut command = Bare::new("bwrap");
    command.args(["--unshare-all", "--die-with-parent", "--clearenv", "--proc", "/proc", "--dev", "/dev"]);
    command.args(["--tmpfs", "/tmp", "--ro-bind", "/usr", "/usr"]);
    for link in &SYSTEM[1..] {
        if let Ok(text) = std::fs::read_link(link) {
            command.arg("--symlink").arg(text).arg(link);
        }
    }
    assert!(command.args(["--", "/bin/true"]).status().unwrap().success());
}

/// A bundle for a container with the system's programs and nothing else, as this user alone.
fn bundle() -> tempfile::TempDir {
    let bundle = tempfile::tempdir().unwrap();
    let root = bundle.path().join("rootfs");
    for directory in ["usr", "proc", "dev", "tmp"] {
        std::fs::create_dir_all(root.join(directory)).unwrap();
    }
    for link in &SYSTEM[1..] {
        if let Ok(text) = std::fs::read_link(link) {
            std::os::unix::fs::symlink(text, root.join(link.trim_start_matches('/'))).unwrap();
        }
    }
    let namespaces = ["user", "mount", "pid", "network", "ipc", "uts", "cgroup"];
    let namespaces = namespaces.map(|kind| format!(r#"{{"type":"{kind}"}}"#)).join(",");
    let (user, group) = (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw());
    let mapping = |id: u32| format!(r#"[{{"containerID":0,"hostID":{id},"size":1}}]"#);
    let (user, group) = (mapping(user), mapping(group));
    let config = format!(
        r#"{{"ociVersion":"1.0.2","root":{{"path":"rootfs","readonly":true}},
        "process":{{"user":{{"uid":0,"gid":0}},"args":["/bin/true"],"cwd":"/","noNewPrivileges":true}},
        "mounts":[{{"destination":"/proc","type":"proc","source":"proc"}},
            {{"destination":"/dev","type":"tmpfs","source":"tmpfs"}},
            {{"destination":"/tmp","type":"tmpfs","source":"tmpfs"}},
            {{"destination":"/usr","type":"bind","source":"/usr","options":["rbind","ro"]}}],
        "linux":{{"namespaces":[{namespaces}],"uidMappings":{user},"gidMappings":{group}}}}}"#
    );
    std::fs::write(bundle.path().join("config.json"), config).unwrap();
    bundle
}

fn container(bundle: &Path) {
    let mut command = Bare::new("runc");
    command.arg("--root").arg(bundle.join("state")).args(["--rootless", "true", "run", "--bundle"]);
    assert!(command.arg(bundle).arg("measured").stdin(Stdio::null()).status().unwrap().success());
}

fn is_installed(program: &str) -> bool {
    let version = Bare::new(program).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    version.is_ok_and(|status| status.success())
}

fn median(times: &mut [Duration]) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

type Contestant = (&'static str, Box<dyn Fn()>);

fn measure(rounds: usize) {
    let mut contestants: Vec<Contestant> = vec![("bare fork and exec", Box::new(bare)), ("session", Box::new(session))];
    if is_installed("bwrap") {
        contestants.push(("bubblewrap", Box::new(bubblewrap)));
    }
    if is_installed("runc") {
        let bundle = bundle();
        contestants.push(("runc, rootless", Box::new(move || container(bundle.path()))));
    }
    let mut opened = Session::start(&Sandbox::default(), &policy()).unwrap();
    let mut times = vec![Vec::new(); contestants.len() + 1];
    for round in 0..rounds + 3 {
        for (index, (_, run)) in contestants.iter().enumerate() {
            let begin = Instant::now();
            run();
            times[index].push(begin.elapsed());
        }
        let begin = Instant::now();
        assert!(opened.run(&truth(), &mut |_| ()).unwrap().succeeded());
        times[contestants.len()].push(begin.elapsed());
        if round == 2 {
            times.iter_mut().for_each(Vec::clear);
        }
    }
    let medians: Vec<_> = times.iter_mut().map(|times| median(times)).collect();
    let user = if rustix::process::geteuid().is_root() { "root" } else { "ordinary user" };
    println!("as {user}, medians of {rounds} rounds:");
    let names = contestants.iter().map(|(name, _)| *name).chain(["command in an open session"]);
    for (name, time) in names.zip(&medians) {
        let milliseconds = |time: Duration| time.as_secs_f64() * 1000.0;
        let over = milliseconds(time.saturating_sub(medians[0]));
        println!("  {name:<28} {:>7.2} ms  {over:>7.2} ms over bare", milliseconds(*time));
    }
}

fn main() {
    run_if_init();
    let mut arguments = std::env::args().skip(1).filter(|argument| !argument.starts_with("--"));
    let rounds = arguments.next().and_then(|rounds| rounds.parse().ok()).unwrap_or(50);
    measure(rounds);
    if rustix::process::geteuid().is_root() && std::env::args().all(|argument| argument != "--no-user") {
        // A copy that everybody may execute, wherever the build directory lies.
        let directory = tempfile::Builder::new()
            .permissions(std::os::unix::fs::PermissionsExt::from_mode(0o755))
            .tempdir()
            .unwrap();
        let copy: PathBuf = directory.path().join("bench");
        std::fs::copy(std::env::current_exe().unwrap(), &copy).unwrap();
        let status =
            Bare::new(copy).arg(rounds.to_string()).uid(ORDINARY_USER).gid(ORDINARY_USER).current_dir("/").status();
        assert!(status.unwrap().success());
    }
}
