//! What a sandbox costs: `/bin/true` bare, in a session, and in bubblewrap where it is installed, side by side.
//!
//! `cargo bench --package tarproof-sandbox --bench start -- [ROUNDS]`. The contestants take turns, so that all meet
//! the same machine. As root everything is measured again as an ordinary user.

#![expect(clippy::print_stdout, clippy::unwrap_used, reason = "a program for people, which may fail loudly")]

use std::os::unix::process::CommandExt;
use std::path::PathBuf;
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

fn median(times: &mut [Duration]) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

fn measure(rounds: usize) {
    let mut contestants: Vec<(&str, fn())> = vec![("bare fork and exec", bare), ("session", session)];
    let version = Bare::new("bwrap").arg("--version").stdout(Stdio::piped()).stderr(Stdio::null()).output();
    if version.is_ok_and(|answer| answer.status.success()) {
        contestants.push(("bubblewrap", bubblewrap));
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
