//! The table of what a build may try.

use crate::host::{Host, LIMITS, RUN_LIMITS, SECRET, probe, words};
use crate::probes::{REFUSED, SUCCEEDED};
use std::time::Duration;
use tarproof_sandbox::{Limit, Limits, RunLimits, Status};

/// What must become of a probe inside.
enum Inside {
    /// It is refused, and says one of these.
    Refused(&'static [&'static str]),
    /// It ends by this limit.
    Limited(Limit),
    /// It is ended by this signal.
    Signalled(i32),
}

/// What must become of the same probe outside.
enum Outside {
    /// It succeeds.
    Succeeds,
    /// It succeeds with these arguments, which make it harmless.
    SucceedsWith(Vec<String>),
    /// It succeeds if this user or this machine can do it at all; otherwise the table says that it could not.
    MaySucceed,
    /// It would harm the host.
    Harmful,
}

struct Case {
    name: &'static str,
    arguments: Vec<String>,
    limits: Limits,
    run: RunLimits,
    inside: Inside,
    outside: Outside,
}

fn case(name: &'static str, arguments: &[&str], inside: Inside, outside: Outside) -> Case {
    Case { name, arguments: words(arguments), limits: LIMITS, run: RUN_LIMITS, inside, outside }
}

impl Case {
    fn with(mut self, change: impl FnOnce(&mut Limits, &mut RunLimits)) -> Self {
        change(&mut self.limits, &mut self.run);
        self
    }
}

fn network(host: &Host) -> Vec<Case> {
    use Inside::Refused;
    use Outside::{MaySucceed, Succeeds};
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    vec![
        // A connected datagram socket sends nothing, but has a route or not.
        case("reach an address", &["route", "192.0.2.1:80"], Refused(&["unreachable"]), MaySucceed),
        case("reach the metadata address", &["route", "169.254.169.254:80"], Refused(&["unreachable"]), MaySucceed),
        case("reach an IPv6 address", &["route", "[2001:db8::1]:80"], Refused(&["unreachable", "family"]), MaySucceed),
        case("resolve the host's name", &["resolve", name.trim()], Refused(&["lookup"]), MaySucceed),
        case("read the resolver's settings", &["read", "/etc/resolv.conf"], Refused(&["No such file"]), MaySucceed),
        case("talk to a server of the host", &["connect", &host.address], Refused(&["refused"]), Succeeds),
        case(
            "abstract socket of the host",
            &["abstract", &host.abstract_name],
            Refused(&["refused", "not permitted"]),
            Succeeds,
        ),
        case("AF_VSOCK", &["socket", "40", "1", "0"], Refused(&["EPERM"]), MaySucceed),
        case("AF_PACKET", &["socket", "17", "3", "0"], Refused(&["EPERM"]), MaySucceed),
        case("AF_ALG", &["socket", "38", "5", "0"], Refused(&["EPERM"]), MaySucceed),
        case("raw socket", &["socket", "2", "3", "1"], Refused(&["EPERM"]), MaySucceed),
        case("netlink of the audit system", &["socket", "16", "3", "9"], Refused(&["EPERM"]), Succeeds),
    ]
}

fn host_state(host: &Host) -> Vec<Case> {
    use Inside::Refused;
    use Outside::{Harmful, MaySucceed, Succeeds, SucceedsWith};
    let secret = host.secret.to_string_lossy();
    let victim = host.victim.id().to_string();
    let beside = host.directory.path().join("written").to_string_lossy().into_owned();
    let set_uid = match &host.set_uid_program {
        Some(_) => "/opt/set-uid",
        None => "/opt/probe",
    };
    vec![
        case("read a file of the host", &["read", &secret], Refused(&["No such file"]), Succeeds),
        case("read the home of root", &["list", "/root"], Refused(&["No such file"]), MaySucceed),
        case("list devices and drivers", &["list", "/sys"], Refused(&["No such file"]), Succeeds),
        case("inherited variables", &["environment", SECRET], Refused(&["no such variable"]), Succeeds),
        case("variables of process 1", &["parent-environment", "PATH"], Refused(&["Permission denied"]), Succeeds),
        case("descriptors of process 1", &["parent-files"], Refused(&["Permission denied"]), Succeeds),
        case("memory of process 1", &["parent-memory"], Refused(&["Permission denied"]), Succeeds),
        case("inherited descriptors", &["descriptors", "secret"], Refused(&["none inherited"]), Succeeds),
        case("see host processes", &["see", &host.marker], Refused(&["sees none"]), Succeeds),
        case("signal a host process", &["signal", &victim], Refused(&["ESRCH"]), Succeeds),
        case("write a file of the host", &["write", &beside], Refused(&["No such file"]), Succeeds),
        case(
            "write where the host is mounted",
            &["write", "/opt/host/written"],
            Refused(&["Read-only"]),
            SucceedsWith(words(&["write", &beside])),
        ),
        case("write into the system", &["write", "/usr/written"], Refused(&["Read-only"]), Harmful),
        case("write into the root", &["write", "/written"], Refused(&["Read-only"]), Harmful),
        case(
            "settings of the kernel",
            &["open-to-write", "/proc/sys/kernel/core_pattern"],
            Refused(&["Read-only", "Permission denied"]),
            MaySucceed,
        ),
        case(
            "key of the kernel's console",
            &["open-to-write", "/proc/sysrq-trigger"],
            Refused(&["Permission denied", "No such file"]),
            MaySucceed,
        ),
        case(
            "settings of the own process",
            &["open-to-write", "/proc/self/oom_score_adj"],
            Refused(&["Read-only"]),
            Succeeds,
        ),
        case("command line of the kernel", &["read", "/proc/cmdline"], Refused(&["Permission denied"]), Succeeds),
        case("devices of the kernel", &["list", "/proc/bus"], Refused(&["Permission denied"]), MaySucceed),
        case("memory of the machine", &["read", "/dev/mem"], Refused(&["No such file"]), Harmful),
        case("terminal", &["open-to-write", "/dev/tty"], Refused(&["No such file"]), MaySucceed),
        case("set-uid program of root", &["exec-set-uid", set_uid], Refused(&["is 1000"]), MaySucceed),
        case("own set-uid program", &["set-uid-copy", "/build"], Refused(&["is 1000", "Permission denied"]), Harmful),
        case("become root", &["become-root"], Refused(&["EPERM", "EINVAL"]), MaySucceed),
    ]
}

fn kernel() -> Vec<Case> {
    use Inside::{Refused, Signalled};
    use Outside::{Harmful, MaySucceed, Succeeds, SucceedsWith};
    let call =
        |name, number: i64, expected, outside| case(name, &["call", &number.to_string()], Refused(expected), outside);
    let personality = libc::SYS_personality.to_string();
    let mut cases = vec![
        case("trace a process", &["trace"], Refused(&["EPERM"]), Succeeds),
        case("read another process's memory", &["read-process"], Refused(&["EPERM"]), Succeeds),
        case("mount", &["mount", "inside"], Refused(&["EPERM"]), SucceedsWith(words(&["mount", "own"]))),
        case(
            "open a file system",
            &["open-file-system", "inside"],
            Refused(&["EPERM"]),
            SucceedsWith(words(&["open-file-system", "own"])),
        ),
        case("new namespaces", &["namespaces"], Refused(&["EPERM"]), Succeeds),
        case("new namespaces by clone", &["clone-namespaces"], Refused(&["EPERM"]), Succeeds),
        // Refused by name, as on a machine that offers none.
        case("sandbox of its own", &["sandbox"], Refused(&["user-namespace"]), Succeeds),
        case("join a namespace", &["join-namespace"], Refused(&["EPERM"]), Succeeds),
        case(
            "slow process 1 down",
            &["slow-parent", "19"],
            Refused(&["EPERM"]),
            SucceedsWith(words(&["slow-parent", "same"])),
        ),
        case("blind process 1", &["limit-parent"], Refused(&["EPERM"]), Succeeds),
        case("have the host handle a core file", &["core-limit"], Refused(&["EPERM"]), Succeeds),
        case("type into a terminal", &["type-into-terminal"], Refused(&["EPERM"]), Succeeds),
        case("switch off address randomisation", &["call", &personality, "0x40000"], Refused(&["EPERM"]), Succeeds),
        case("anonymous file in memory", &["anonymous-file"], Refused(&["ENOSYS"]), Succeeds),
        call("clone3", libc::SYS_clone3, &["ENOSYS"], Succeeds),
        call("io_uring", libc::SYS_io_uring_setup, &["ENOSYS"], MaySucceed),
        call("shared memory of System V", libc::SYS_shmget, &["ENOSYS"], MaySucceed),
        call("bpf", libc::SYS_bpf, &["EPERM"], MaySucceed),
        call("keyctl", libc::SYS_keyctl, &["EPERM"], MaySucceed),
        call("add_key", libc::SYS_add_key, &["EPERM"], MaySucceed),
        call("userfaultfd", libc::SYS_userfaultfd, &["EPERM"], MaySucceed),
        call("perf events", libc::SYS_perf_event_open, &["EPERM"], MaySucceed),
        call("files by handle", libc::SYS_open_by_handle_at, &["EPERM"], MaySucceed),
        call("kernel messages", libc::SYS_syslog, &["EPERM"], MaySucceed),
        call("modules", libc::SYS_finit_module, &["EPERM"], Harmful),
        call("kexec", libc::SYS_kexec_load, &["EPERM"], Harmful),
        call("a call newer than what was looked at", 500, &["ENOSYS"], Harmful),
    ];
    if cfg!(target_arch = "x86_64") {
        cases.push(case("call of another architecture", &["foreign-call"], Signalled(libc::SIGSYS), Succeeds));
    }
    cases
}

fn limits(host: &Host) -> Vec<Case> {
    use Inside::{Limited, Refused};
    use Outside::{Harmful, Succeeds, SucceedsWith};
    const MEBIBYTE: usize = 1 << 20;
    let mebibytes = |count: usize| (count * MEBIBYTE).to_string();
    let outside = host.directory.path().to_string_lossy().into_owned();
    let short = |_: &mut Limits, run: &mut RunLimits| run.wall_time = Duration::from_millis(300);
    vec![
        case("too many processes", &["fork", "80"], Limited(Limit::Processes), Succeeds),
        case("fork bomb", &["fork-forever"], Limited(Limit::Processes), Harmful),
        case("memory of one process", &["memory", &mebibytes(300), "300"], Limited(Limit::Memory), Succeeds),
        case(
            "memory of many processes",
            &["memory-of-many", &mebibytes(30), "16", "500"],
            Limited(Limit::Memory),
            Succeeds,
        ),
        case(
            "disk",
            &["fill", "/build", &mebibytes(64), &mebibytes(4)],
            Limited(Limit::Disk),
            SucceedsWith(words(&["fill", &outside, &mebibytes(64), &mebibytes(4)])),
        ),
        case(
            "disk by shared memory files",
            &["fill", "/dev/shm", &mebibytes(64), &mebibytes(4)],
            Limited(Limit::Disk),
            SucceedsWith(words(&["fill", &outside, &mebibytes(64), &mebibytes(4)])),
        ),
        case(
            "disk by empty files",
            &["many-files", "/tmp", "40000"],
            Limited(Limit::Disk),
            SucceedsWith(words(&["many-files", &outside, "40000"])),
        ),
        case(
            "size of one file",
            &["fill", "/build", &mebibytes(8), &mebibytes(8)],
            Limited(Limit::FileSize),
            SucceedsWith(words(&["fill", &outside, &mebibytes(8), &mebibytes(8)])),
        )
        .with(|_, run| run.file_size = 4 << 20),
        case("output", &["output", &mebibytes(4)], Limited(Limit::Output), Succeeds),
        case("processor time", &["spin", "2500"], Limited(Limit::ProcessorTime), SucceedsWith(words(&["spin", "100"])))
            .with(|_, run| run.processor_time = Duration::from_millis(400)),
        case("wall time", &["sleep", "20000"], Limited(Limit::WallTime), SucceedsWith(words(&["sleep", "400"])))
            .with(short),
        case("end everything", &["kill-all"], Refused(&["ESRCH"]), Harmful),
        case("device as output", &["make", "device", "/build/device", ""], Refused(&["EPERM", "EACCES"]), Harmful),
    ]
}

pub(crate) fn run_all(host: &Host, filter: &str) -> Vec<String> {
    let mut failures = Vec::new();
    println!("{:<40} {:<44} outside", "case", "inside");
    let all = [network(host), host_state(host), kernel(), limits(host)].into_iter().flatten();
    for case in all.filter(|case| case.name.contains(filter)) {
        let mut session = host.session(case.limits);
        let (outcome, said) = probe(&mut session, &case.arguments, case.run);
        let inside_holds = match &case.inside {
            Inside::Refused(reasons) => {
                outcome.status == Status::Exited(REFUSED) && reasons.iter().any(|reason| said.contains(reason))
            }
            Inside::Limited(limit) => outcome.status == Status::LimitReached(*limit),
            Inside::Signalled(signal) => outcome.status == Status::Signalled(*signal),
        };
        // Whatever it was, the session is as good as new for the next command.
        let (after, _) = probe(&mut session, &words(&["nothing"]), RUN_LIMITS);
        let usable = after.status == Status::Exited(SUCCEEDED) || matches!(case.inside, Inside::Limited(Limit::Disk));
        let (outside_holds, outside) = outside(host, &case);
        let inside = match said.len() {
            0 | 60.. => format!("{:?}", outcome.status),
            _ if matches!(outcome.status, Status::Exited(_)) => said.clone(),
            _ => format!("{:?}", outcome.status),
        };
        println!("{:<40} {inside:<44} {outside}", case.name);
        if !inside_holds || !usable {
            failures.push(format!("{}: inside: {outcome:?}: {said}; afterwards {:?}", case.name, after.status));
        }
        if !outside_holds {
            failures.push(format!("{}: outside: {outside}", case.name));
        }
    }
    failures
}

fn outside(host: &Host, case: &Case) -> (bool, String) {
    let arguments = match &case.outside {
        Outside::Harmful => return (true, "not run: harmful".to_owned()),
        Outside::SucceedsWith(arguments) => arguments,
        Outside::Succeeds | Outside::MaySucceed => &case.arguments,
    };
    let arguments: Vec<_> = arguments
        .iter()
        .map(|argument| match (argument.as_str(), &host.set_uid_program) {
            ("/opt/set-uid", Some(program)) => program.to_string_lossy().into_owned(),
            ("/opt/probe", None) => host.program.to_string_lossy().into_owned(),
            (argument, _) => argument.to_owned(),
        })
        .collect();
    let (succeeded, said) = host.control(&arguments);
    let said: String = said.lines().next().unwrap_or_default().chars().take(50).collect();
    match (succeeded, &case.outside) {
        (true, _) => (true, "succeeds".to_owned()),
        (false, Outside::MaySucceed) => (true, format!("cannot here: {said}")),
        (false, _) => (false, format!("does not succeed: {said}")),
    }
}
