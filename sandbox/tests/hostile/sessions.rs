//! What spans commands, sessions, or the life of the caller.

use crate::host::{Host, LIMITS, RUN_LIMITS, SECRET, command, greet, probe, words};
use crate::probes::{PROGRAM, REFUSED, SUCCEEDED};
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use tarproof_sandbox::{
    EntryKind, Limits, Mechanism, Mount, NetworkPolicy, RunLimits, Sandbox, SandboxError, Session, Status, WalkLimits,
};

type Test = (&'static str, fn(&Host));

const TESTS: [Test; 11] = [
    ("every mandatory mechanism is in force", every_mandatory_mechanism_is_in_force),
    ("no process outlives its command", no_process_outlives_its_command),
    ("nothing outlives the caller", nothing_outlives_the_caller),
    ("nobody inside has rights outside", nobody_inside_has_rights_outside),
    ("one listener and no other", one_listener_and_no_other),
    ("only regular files are opened", only_regular_files_are_opened),
    ("files are put beside links, not through them", files_are_put_beside_links),
    ("commands share a work area", commands_share_a_work_area),
    ("sessions run at once and see nothing of each other", sessions_run_at_once),
    ("what cannot be had is an error", what_cannot_be_had_is_an_error),
    ("shell and interpreters run", shell_and_interpreters_run),
];

pub(crate) fn run_all(host: &Host, filter: &str) -> Vec<String> {
    let mut failures = Vec::new();
    for (name, test) in TESTS.into_iter().filter(|(name, _)| name.contains(filter)) {
        let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| test(host)));
        println!("{name:<85} {}", if result.is_ok() { "holds" } else { "DOES NOT HOLD" });
        if result.is_err() {
            failures.push(name.to_owned());
        }
    }
    failures
}

/// Host processes, by what stands in their command line.
fn on_the_host(marker: &str) -> Vec<String> {
    let processes = fs::read_dir("/proc").expect("processes").flatten();
    let ids = processes.filter_map(|entry| entry.file_name().into_string().ok());
    let has_marker = |id: &String| {
        fs::read(format!("/proc/{id}/cmdline")).is_ok_and(|line| String::from_utf8_lossy(&line).contains(marker))
    };
    ids.filter(|id| id.bytes().all(|byte| byte.is_ascii_digit()) && *id != std::process::id().to_string())
        .filter(has_marker)
        .collect()
}

fn wait_until(condition: impl Fn() -> bool) -> bool {
    let begin = Instant::now();
    while begin.elapsed() < Duration::from_secs(10) {
        if condition() {
            return true;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    false
}

fn shell(session: &mut Session, script: &str) -> (Status, String) {
    let mut text = Vec::new();
    let outcome = session
        .run(&command("/bin/sh", &words(&["-c", script]), RUN_LIMITS), &mut |part| text.extend_from_slice(part))
        .expect("a shell");
    (outcome.status, String::from_utf8_lossy(&text).trim().to_owned())
}

fn every_mandatory_mechanism_is_in_force(host: &Host) {
    let session = host.session(LIMITS);
    let missing: Vec<_> = Mechanism::all()
        .filter(|mechanism| !mechanism.is_optional() && !session.enforced().contains(mechanism))
        .collect();
    assert_eq!(missing, []);
    let names: Vec<_> = session.enforced().iter().map(ToString::to_string).collect();
    println!("enforced: {}", names.join(" "));
    let support = tarproof_sandbox::probe(&Sandbox::default());
    assert!(support.can_start(), "{support:?}");
    assert_eq!(support.mechanisms.len(), Mechanism::all().count());
}

fn no_process_outlives_its_command(host: &Host) {
    let marker = format!("detached-{}", std::process::id());
    // Outside it does outlive.
    let (succeeded, process) = host.control(&words(&["detach", "60", "quiet", &marker]));
    assert!(succeeded && Path::new("/proc").join(&process).exists(), "{process}");
    let process = nix::unistd::Pid::from_raw(process.parse().expect("a process id"));
    nix::sys::signal::kill(process, nix::sys::signal::Signal::SIGKILL).expect("it is ours");
    assert!(wait_until(|| on_the_host(&marker).is_empty()));
    let mut session = host.session(LIMITS);
    let (outcome, said) = probe(&mut session, &words(&["detach", "60", &marker]), RUN_LIMITS);
    assert!(outcome.succeeded(), "{said}");
    assert!(on_the_host(&marker).is_empty(), "{:?}", on_the_host(&marker));
    let (outcome, said) = probe(&mut session, &words(&["see", &marker]), RUN_LIMITS);
    assert_eq!(outcome.status, Status::Exited(REFUSED), "{said}");
}

/// Starts a session and waits in it to be killed.
pub(crate) fn abandon(marker: &str) -> ! {
    let host = Host::prepare();
    let mut session = host.session(LIMITS);
    println!("started");
    let limits = RunLimits { wall_time: Duration::from_secs(60), ..RUN_LIMITS };
    let _ = probe(&mut session, &words(&["sleep", "60000", marker]), limits);
    std::process::exit(1)
}

/// The control groups that a caller made, wherever they are.
fn groups_of(caller: u32) -> Vec<String> {
    let find = Command::new("find")
        .args(["/sys/fs/cgroup", "-type", "d", "-name", &format!("tarproof-{caller}-*")])
        .output()
        .expect("groups");
    String::from_utf8_lossy(&find.stdout).lines().map(str::to_owned).collect()
}

fn nothing_outlives_the_caller(host: &Host) {
    let marker = format!("abandoned-{}", std::process::id());
    let mut caller = Command::new(&host.program)
        .args(["abandon", &marker])
        .stdout(Stdio::piped())
        .current_dir("/")
        .spawn()
        .expect("a caller");
    let mut line = String::new();
    BufReader::new(caller.stdout.take().expect("a pipe")).read_line(&mut line).expect("a line");
    // The caller itself, and the command in its sandbox.
    assert!(wait_until(|| on_the_host(&marker).len() == 2), "{:?}", on_the_host(&marker));
    let victims = on_the_host(&format!("victim-{}", caller.id()));
    caller.kill().expect("it is ours");
    caller.wait().expect("it has ended");
    assert!(wait_until(|| on_the_host(&marker).is_empty()), "{:?}", on_the_host(&marker));
    // Its control groups are all that is left, and go when the next sandbox starts, as `doctor` starts one.
    let left = groups_of(caller.id());
    assert!(tarproof_sandbox::probe(&Sandbox::default()).can_start());
    assert_eq!(groups_of(caller.id()), Vec::<String>::new(), "{left:?} were left");
    for victim in victims {
        let _ = nix::sys::signal::kill(
            nix::unistd::Pid::from_raw(victim.parse().expect("a process id")),
            nix::sys::signal::Signal::SIGKILL,
        );
    }
}

fn nobody_inside_has_rights_outside(host: &Host) {
    let marker = format!("identity-{}", std::process::id());
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut session = host.session(LIMITS);
            let limits = RunLimits { wall_time: Duration::from_millis(1500), ..RUN_LIMITS };
            probe(&mut session, &words(&["sleep", "60000", &marker]), limits)
        });
        assert!(wait_until(|| !on_the_host(&marker).is_empty()));
        let process = on_the_host(&marker).remove(0);
        let status = fs::read_to_string(format!("/proc/{process}/status")).expect("it still runs");
        let ids = |name: &str| -> Vec<u32> {
            let line = status.lines().find_map(|line| line.strip_prefix(name)).expect("a line");
            line.split_whitespace().map(|id| id.parse().expect("an id")).collect()
        };
        let own = rustix::process::geteuid();
        let expected = if own.is_root() { 700_000 } else { own.as_raw() };
        assert_eq!(ids("Uid:"), [expected; 4]);
        if own.is_root() {
            assert_eq!(ids("Groups:"), [0_u32; 0]);
        }
        assert_eq!(ids("CapEff:").iter().chain(&ids("CapBnd:")).sum::<u32>(), 0);
    });
}

fn one_listener_and_no_other(host: &Host) {
    let mut policy = host.policy(LIMITS);
    policy.network = NetworkPolicy::OneListener { port: 4873 };
    let mut session = Session::start(&Sandbox::default(), &policy).expect("a sandbox");
    let listener = session.take_listener().expect("a listener");
    assert!(session.take_listener().is_none());
    // Served by a thread that ends, and takes the listener with it.
    let served = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("somebody");
        std::io::Write::write_all(&mut stream, b"view").expect("a greeting");
    });
    let (outcome, said) = probe(&mut session, &words(&["connect", "127.0.0.1:4873"]), RUN_LIMITS);
    assert_eq!((outcome.status, said.as_str()), (Status::Exited(SUCCEEDED), "view"));
    served.join().expect("it was served");
    let port = host.address.rsplit_once(':').expect("a port").1;
    for address in ["127.0.0.1:4873", &host.address, &format!("127.0.0.2:{port}"), &format!("[::1]:{port}")] {
        let (outcome, said) = probe(&mut session, &words(&["connect", address]), RUN_LIMITS);
        assert_eq!(outcome.status, Status::Exited(REFUSED), "{address}: {said}");
        assert!(said.contains("refused"), "{address}: {said}");
    }
    assert!(host.control(&words(&["connect", &host.address])).0);
    // The port of another session is another port.
    let mut other = Session::start(&Sandbox::default(), &policy).expect("a second sandbox");
    greet(other.take_listener().expect("a listener"), "second");
    let (outcome, _) = probe(&mut session, &words(&["connect", "127.0.0.1:4873"]), RUN_LIMITS);
    assert_eq!(outcome.status, Status::Exited(REFUSED));
    let (outcome, said) = probe(&mut other, &words(&["connect", "127.0.0.1:4873"]), RUN_LIMITS);
    assert_eq!((outcome.status, said.as_str()), (Status::Exited(SUCCEEDED), "second"));
}

fn only_regular_files_are_opened(host: &Host) {
    let mut session = host.session(LIMITS);
    let secret = host.secret.to_string_lossy();
    for (kind, target) in [("link", &*secret), ("fifo", ""), ("socket", ""), ("sparse", "1000000000")] {
        let (outcome, said) =
            probe(&mut session, &words(&["make", kind, &format!("/build/{kind}"), target]), RUN_LIMITS);
        assert!(outcome.succeeded(), "{kind}: {said}");
    }
    let (outcome, said) = probe(&mut session, &words(&["plant"]), RUN_LIMITS);
    assert!(outcome.succeeded(), "{said}");
    // The same link is followed by one who does not look.
    let naive = host.directory.path().join("naive");
    let _ = fs::remove_file(&naive);
    std::os::unix::fs::symlink(&host.secret, &naive).expect("a link");
    assert_eq!(fs::read_to_string(naive).expect("a file"), SECRET);
    for (name, expected) in [
        ("link", EntryKind::Link),
        ("fifo", EntryKind::Fifo),
        ("socket", EntryKind::Socket),
        ("deep", EntryKind::Directory),
        ("magic", EntryKind::Link),
        ("deep/er/up", EntryKind::Link),
    ] {
        let result = session.open_file(&Path::new("/build").join(name));
        assert!(
            matches!(&result, Err(SandboxError::NotRegular { kind, .. }) if *kind == expected),
            "{name}: {result:?}"
        );
    }
    for path in ["/build/directory/passwd", "/build/nothing"] {
        assert!(matches!(session.open_file(path.as_ref()), Err(SandboxError::WorkArea { .. })), "{path}");
    }
    for path in ["/etc/passwd", "/build/../etc/passwd", "honest", "/proc/self/mem"] {
        assert!(matches!(session.open_file(path.as_ref()), Err(SandboxError::NotInWorkArea(_))), "{path}");
    }
    assert_eq!(session.read("/build/honest".as_ref(), 6).expect("a file"), b"honest");
    assert!(matches!(session.read("/build/honest".as_ref(), 5), Err(SandboxError::TooLarge { limit: 5, .. })));
    assert!(matches!(session.read("/build/sparse".as_ref(), 1 << 20), Err(SandboxError::TooLarge { .. })));
    let entries = session.walk("/build".as_ref(), WalkLimits { entries: 100, depth: 10 }).expect("a list");
    let seen: Vec<_> = entries.iter().map(|entry| (entry.path.to_str().expect("text"), entry.kind)).collect();
    assert_eq!(
        seen,
        [
            (".git", EntryKind::Directory),
            (".git/config", EntryKind::File),
            ("deep", EntryKind::Directory),
            ("deep/er", EntryKind::Directory),
            ("deep/er/up", EntryKind::Link),
            ("directory", EntryKind::Link),
            ("fifo", EntryKind::Fifo),
            ("honest", EntryKind::File),
            ("link", EntryKind::Link),
            ("magic", EntryKind::Link),
            ("socket", EntryKind::Socket),
            ("sparse", EntryKind::File),
        ]
    );
    assert_eq!(
        entries.iter().find(|entry| entry.path == Path::new("sparse")).map(|entry| entry.size),
        Some(1_000_000_000)
    );
    for limits in [WalkLimits { entries: 5, depth: 10 }, WalkLimits { entries: 100, depth: 1 }] {
        assert!(matches!(session.walk("/build".as_ref(), limits), Err(SandboxError::TooLarge { .. })), "{limits:?}");
    }
    assert!(session.walk("/build/directory".as_ref(), WalkLimits { entries: 100, depth: 10 }).is_err());
}

fn files_are_put_beside_links(host: &Host) {
    let mut session = host.session(LIMITS);
    let script = "mkdir -p /build/real && ln -s /build/real /build/way && echo keep > /tmp/target && ln -s /tmp/target /build/name";
    assert_eq!(shell(&mut session, script), (Status::Exited(0), String::new()));
    let through = session.put("/build/way/file".as_ref(), 0o644, &mut b"x".as_slice());
    assert!(matches!(through, Err(SandboxError::WorkArea { .. })), "{through:?}");
    session.put("/build/name".as_ref(), 0o6755, &mut b"mine".as_slice()).expect("it replaces the link");
    assert_eq!(session.read("/tmp/target".as_ref(), 10).expect("a file"), b"keep\n");
    assert_eq!(session.read("/build/name".as_ref(), 10).expect("a file"), b"mine");
    let entries = session.walk("/build".as_ref(), WalkLimits { entries: 10, depth: 3 }).expect("a list");
    let put = entries.iter().find(|entry| entry.path == Path::new("name")).expect("it is there");
    assert_eq!((put.kind, put.mode), (EntryKind::File, 0o755));
    assert!(session.put("/build/real".as_ref(), 0o644, &mut b"x".as_slice()).is_err());
    for path in ["/usr/bin/sh", "/build/../etc/passwd", "/etc/passwd", "relative"] {
        let result = session.put(path.as_ref(), 0o644, &mut b"x".as_slice());
        assert!(matches!(result, Err(SandboxError::NotInWorkArea(_))), "{path}: {result:?}");
    }
    let too_much = session.put("/build/big".as_ref(), 0o644, &mut std::io::repeat(1).take(64 << 20));
    assert!(matches!(too_much, Err(SandboxError::WorkArea { .. })), "{too_much:?}");
}

fn commands_share_a_work_area(host: &Host) {
    let mut session = host.session(LIMITS);
    let content: Vec<u8> = (0..300_000_u32).map(|index| index as u8).collect();
    session.put("/build/a/b/c".as_ref(), 0o755, &mut content.as_slice()).expect("a file");
    session.put_link("/build/a/link".as_ref(), "b/c".as_ref()).expect("a link");
    session.put("/build/empty".as_ref(), 0o644, &mut std::io::empty()).expect("a file");
    let script = "test -x a/link && cat a/link > $HOME/copy && test ! -s empty && id -un && hostname && pwd && echo $$";
    let (status, said) = shell(&mut session, script);
    assert_eq!(status, Status::Exited(0), "{said}");
    assert_eq!(said.lines().take(3).collect::<Vec<_>>(), ["builder", "sandbox", "/build"]);
    let (status, said) = shell(&mut session, "cmp $HOME/copy a/b/c && rm -r a && echo words >/dev/stderr && exit 7");
    assert_eq!((status, said.as_str()), (Status::Exited(7), "words"));
    assert_eq!(session.read("/home/builder/copy".as_ref(), 1 << 20).expect("a file"), content);
    assert!(session.read("/build/a/b/c".as_ref(), 1 << 20).is_err());
}

fn sessions_run_at_once(host: &Host) {
    std::thread::scope(|scope| {
        let running: Vec<_> = (0..4)
            .map(|index| {
                scope.spawn(move || {
                    let mut session = host.session(LIMITS);
                    let script =
                        format!("echo {index} > /tmp/own; sleep 0.3; cat /tmp/own; ls /proc | grep -c '^[0-9]'");
                    shell(&mut session, &script)
                })
            })
            .collect();
        for (index, thread) in running.into_iter().enumerate() {
            let (status, said) = thread.join().expect("it ends");
            // Process 1, the shell, and what it lists with.
            let lines: Vec<_> = said.lines().collect();
            assert_eq!((status, lines[0]), (Status::Exited(0), index.to_string().as_str()));
            assert!(lines[1].parse::<u32>().is_ok_and(|count| count <= 4), "{said}");
        }
    });
}

fn what_cannot_be_had_is_an_error(host: &Host) {
    let mut policy = host.policy(LIMITS);
    policy.mounts.push(Mount::same("/nonexistent/place").expect("a path"));
    assert!(matches!(Session::start(&Sandbox::default(), &policy), Err(SandboxError::Mount { .. })));
    let nothing = Limits { memory: 0, ..LIMITS };
    assert!(matches!(Session::start(&Sandbox::default(), &host.policy(nothing)), Err(SandboxError::Limits(_))));
    let missing = Sandbox { executable: Some("/nonexistent/program".into()), ..Sandbox::default() };
    assert!(matches!(Session::start(&missing, &host.policy(LIMITS)), Err(SandboxError::Start(_))));
    // A program that is no sandbox ends, or does not answer what was asked.
    let other = Sandbox { executable: Some("/bin/true".into()), ..Sandbox::default() };
    assert!(Session::start(&other, &host.policy(LIMITS)).is_err());
    let mut session = host.session(LIMITS);
    let missing = session.run(&command("/nonexistent", &[], RUN_LIMITS), &mut |_| ());
    assert!(matches!(missing, Err(SandboxError::Program { .. })), "{missing:?}");
    let long = session.run(&command(PROGRAM, &["x".repeat(1 << 20)], RUN_LIMITS), &mut |_| ());
    assert!(matches!(long, Err(SandboxError::CommandTooLong { .. })), "{long:?}");
    assert_eq!(shell(&mut session, "echo still here"), (Status::Exited(0), "still here".to_owned()));
    if rustix::process::geteuid().is_root() {
        let root = Sandbox { outer_id: Some(0), ..Sandbox::default() };
        let result = Session::start(&root, &host.policy(LIMITS)).map(drop);
        assert!(
            matches!(result, Err(SandboxError::Unsupported { mechanism: Mechanism::UnprivilegedUid, .. })),
            "{result:?}"
        );
    }
}

fn shell_and_interpreters_run(host: &Host) {
    let mut session = host.session(Limits { memory: 2 << 30, processes: 128, disk: 64 << 20 });
    let (status, said) =
        shell(&mut session, "printf 'a\\nb\\n' | sort -r | tr -d '\\n' && test -r /dev/urandom && : > /dev/null");
    assert_eq!((status, said.as_str()), (Status::Exited(0), "ba"));
    if fs::metadata("/usr/bin/python3").is_ok_and(|metadata| metadata.permissions().mode() & 1 == 1) {
        let script = "python3 -c 'import os, subprocess, threading; print(os.getuid(), subprocess.check_output([\"echo\", \"x\"]).decode().strip())'";
        assert_eq!(shell(&mut session, script), (Status::Exited(0), "1000 x".to_owned()));
    } else {
        println!("no python3 on this machine: not tried");
    }
}
