//! The hostile build: each probe tries one thing, says what happened, and exits with [`SUCCEEDED`] if it worked.
//!
//! The same program runs inside the sandbox and, as control, outside of it.

use std::ffi::CString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::net::{TcpStream, ToSocketAddrs, UdpSocket};
use std::os::fd::AsRawFd;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{SocketAddr, UnixStream};
use std::process::Command;
use std::time::{Duration, Instant};
use tarproof_sandbox::{Limits, NetworkPolicy, Policy, Sandbox, Session};

/// Exit code of a probe that got what it wanted.
pub(crate) const SUCCEEDED: i32 = 0;
/// Exit code of a probe that was refused.
pub(crate) const REFUSED: i32 = 10;

type Result = std::result::Result<String, String>;

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}

/// A system call by number; what it answers, or the name of its error.
fn call(number: i64, arguments: [usize; 6]) -> std::result::Result<i64, nix::errno::Errno> {
    let [a, b, c, d, e, f] = arguments;
    // SAFETY: every caller passes numbers, or addresses of values that live through the call.
    let answer = unsafe { libc::syscall(number, a, b, c, d, e, f) };
    nix::errno::Errno::result(answer)
}

fn refused(number: i64, arguments: [usize; 6]) -> Result {
    match call(number, arguments) {
        Ok(answer) => Ok(format!("answers {answer}")),
        // The call was looked at by the kernel itself: it is there, only its arguments make no sense.
        Err(error @ (nix::errno::Errno::EINVAL | nix::errno::Errno::EFAULT | nix::errno::Errno::EBADF)) => {
            Ok(format!("is there: {error:?}"))
        }
        Err(error) => Err(format!("{error:?}")),
    }
}

/// A child that does this and nothing else; its process id.
fn child(work: impl FnOnce()) -> std::result::Result<i32, String> {
    // SAFETY: this program has one thread.
    match unsafe { nix::unistd::fork() }.map_err(text)? {
        nix::unistd::ForkResult::Parent { child } => Ok(child.as_raw()),
        nix::unistd::ForkResult::Child => {
            work();
            std::process::exit(0)
        }
    }
}

fn number(arguments: &[String], index: usize) -> u64 {
    arguments[index].parse().expect("a number")
}

fn touch_memory(bytes: usize) -> Vec<u8> {
    let mut memory = vec![0_u8; bytes];
    memory.iter_mut().step_by(4096).for_each(|byte| *byte = 1);
    memory
}

/// Writes pieces until this many bytes, into one file or several.
fn write_pieces(directory: &str, bytes: u64, per_file: u64) -> Result {
    let piece = vec![7_u8; 64 * 1024];
    let (mut written, mut index) = (0, 0);
    while written < bytes {
        let mut file = File::create(format!("{directory}/fill-{index}")).map_err(text)?;
        let mut here = 0;
        while here < per_file && written < bytes {
            file.write_all(&piece).map_err(text)?;
            here += piece.len() as u64;
            written += piece.len() as u64;
        }
        index += 1;
    }
    Ok(format!("wrote {written} bytes"))
}

fn processes_with(marker: &str) -> Vec<i32> {
    let own = std::process::id() as i32;
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    let ids = processes.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    ids.filter(|id| *id != own)
        .filter(|id| fs::read(format!("/proc/{id}/cmdline")).is_ok_and(|line| contains(&line, marker.as_bytes())))
        .collect()
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|window| window == part)
}

/// Leaves everything that may be inherited behind: a session of its own and no parent.
fn detach(seconds: u64, is_quiet: bool) -> Result {
    let (reader, writer) = nix::unistd::pipe().map_err(text)?;
    let first = child(|| {
        let _ = nix::unistd::setsid();
        let second = child(|| {
            if is_quiet {
                let null = File::open("/dev/null").expect("a device");
                let _ = rustix::stdio::dup2_stdout(&null);
                let _ = rustix::stdio::dup2_stderr(&null);
            }
            std::thread::sleep(Duration::from_secs(seconds));
        })
        .unwrap_or(-1);
        let _ = File::from(writer.try_clone().expect("a descriptor")).write_all(&second.to_le_bytes());
    })?;
    let mut second = [0; 4];
    File::from(reader).read_exact(&mut second).map_err(text)?;
    nix::sys::wait::waitpid(nix::unistd::Pid::from_raw(first), None).map_err(text)?;
    Ok(i32::from_le_bytes(second).to_string())
}

fn own_namespaces() -> std::result::Result<(), String> {
    let flags = (libc::CLONE_NEWUSER | libc::CLONE_NEWNS) as usize;
    call(libc::SYS_unshare, [flags, 0, 0, 0, 0, 0]).map(drop).map_err(|error| format!("{error:?}"))
}

/// What the file is, made by a build as its output.
fn make(kind: &str, path: &str, target: &str) -> Result {
    let name = CString::new(path).map_err(text)?;
    match kind {
        "link" => std::os::unix::fs::symlink(target, path).map_err(text)?,
        "fifo" => {
            call(libc::SYS_mknodat, [libc::AT_FDCWD as usize, name.as_ptr() as usize, 0o010_644, 0, 0, 0])
                .map_err(text)?;
        }
        "device" => {
            let null = libc::makedev(1, 3) as usize;
            let mode = 0o020_644;
            call(libc::SYS_mknodat, [libc::AT_FDCWD as usize, name.as_ptr() as usize, mode, null, 0, 0])
                .map_err(|error| format!("{error:?}"))?;
        }
        "socket" => std::mem::forget(std::os::unix::net::UnixListener::bind(path).map_err(text)?),
        "sparse" => File::create(path).and_then(|file| file.set_len(number(&[target.to_owned()], 0))).map_err(text)?,
        other => panic!("unknown kind {other}"),
    }
    Ok(format!("made {kind}"))
}

fn probe(name: &str, arguments: &[String]) -> Result {
    match name {
        "nothing" => Ok("did nothing".to_owned()),
        "route" => UdpSocket::bind("0.0.0.0:0")
            .and_then(|socket| socket.connect(&arguments[0]))
            .map(|()| "has a route".to_owned())
            .map_err(text),
        "resolve" => format!("{}:80", arguments[0])
            .to_socket_addrs()
            .map_err(text)
            .and_then(|mut found| found.next().map(text).ok_or_else(|| "no address".to_owned())),
        "connect" => {
            let address = arguments[0].parse().map_err(text)?;
            let mut stream = TcpStream::connect_timeout(&address, Duration::from_secs(5)).map_err(text)?;
            let mut greeting = String::new();
            stream.read_to_string(&mut greeting).map_err(text)?;
            Ok(greeting)
        }
        "abstract" => {
            let address = SocketAddr::from_abstract_name(&arguments[0]).map_err(text)?;
            UnixStream::connect_addr(&address).map(|_| "connected".to_owned()).map_err(text)
        }
        "read" => fs::read_to_string(&arguments[0]).map_err(text),
        "list" => fs::read_dir(&arguments[0]).map_err(text).and_then(|entries| match entries.count() {
            0 => Err("empty".to_owned()),
            count => Ok(format!("{count} entries")),
        }),
        "environment" => match std::env::vars_os().find(|(name, value)| {
            contains(value.as_bytes(), arguments[0].as_bytes()) || contains(name.as_bytes(), arguments[0].as_bytes())
        }) {
            Some(_) => Ok("has it".to_owned()),
            None => Err("no such variable".to_owned()),
        },
        "parent-environment" => {
            let path = format!("/proc/{}/environ", std::os::unix::process::parent_id());
            let text = fs::read(path).map_err(text)?;
            if contains(&text, arguments[0].as_bytes()) { Ok("has it".to_owned()) } else { Err("not in it".to_owned()) }
        }
        "parent-files" => {
            let path = format!("/proc/{}/fd", std::os::unix::process::parent_id());
            fs::read_dir(path).map(|entries| format!("{} descriptors", entries.count())).map_err(text)
        }
        "parent-memory" => {
            let path = format!("/proc/{}/mem", std::os::unix::process::parent_id());
            File::open(path).map(|_| "opened".to_owned()).map_err(text)
        }
        "descriptors" => {
            let open = fs::read_dir("/proc/self/fd").map_err(text)?.flatten();
            let links = open.filter_map(|entry| fs::read_link(entry.path()).ok());
            match links.into_iter().find(|link| link.to_string_lossy().contains(&arguments[0])) {
                Some(link) => Ok(format!("holds {}", link.display())),
                None => Err("none inherited".to_owned()),
            }
        }
        "see" => match processes_with(&arguments[0]).first() {
            Some(process) => Ok(format!("sees {process}")),
            None => Err("sees none".to_owned()),
        },
        "signal" => refused(libc::SYS_kill, [number(arguments, 0) as usize, 0, 0, 0, 0, 0]),
        "kill-all" => {
            // Signals to the own process end it; those to process 1 must change nothing.
            let _ = call(libc::SYS_kill, [1, libc::SIGKILL as usize, 0, 0, 0, 0]);
            let _ = call(libc::SYS_kill, [1, libc::SIGSEGV as usize, 0, 0, 0, 0]);
            let _ = call(libc::SYS_kill, [1, libc::SIGSTOP as usize, 0, 0, 0, 0]);
            refused(libc::SYS_kill, [usize::MAX, libc::SIGKILL as usize, 0, 0, 0, 0])
        }
        "write" => fs::write(&arguments[0], b"written").map(|()| "written".to_owned()).map_err(text),
        "open-to-write" => {
            OpenOptions::new().write(true).open(&arguments[0]).map(|_| "opened".to_owned()).map_err(text)
        }
        "fork" => {
            let count = number(arguments, 0);
            let mut made = 0;
            while made < count {
                // A bomb does not stop when it is refused.
                match child(|| std::thread::sleep(Duration::from_secs(1))) {
                    Ok(_) => made += 1,
                    Err(_) => std::thread::sleep(Duration::from_millis(1)),
                }
            }
            Ok(format!("{made} processes at once"))
        }
        "fork-forever" => loop {
            let _ = child(|| {
                loop {
                    if child(|| ()).is_err() {
                        std::thread::sleep(Duration::from_millis(1));
                    }
                }
            });
        },
        "memory" => {
            let memory = touch_memory(number(arguments, 0) as usize);
            std::thread::sleep(Duration::from_millis(number(arguments, 1)));
            Ok(format!("holds {} bytes", memory.len()))
        }
        "memory-of-many" => {
            let each = number(arguments, 0) as usize;
            let hold = Duration::from_millis(number(arguments, 2));
            for _ in 0..number(arguments, 1) {
                child(|| {
                    let memory = touch_memory(each);
                    std::thread::sleep(hold);
                    drop(memory);
                })?;
            }
            while nix::sys::wait::wait().is_ok() {}
            Ok("all held it".to_owned())
        }
        "anonymous-file" => {
            let name = c"x";
            call(libc::SYS_memfd_create, [name.as_ptr() as usize, 0, 0, 0, 0, 0])
                .map(|_| "made".to_owned())
                .map_err(|error| format!("{error:?}"))
        }
        "fill" => write_pieces(&arguments[0], number(arguments, 1), number(arguments, 2)),
        "many-files" => {
            for index in 0..number(arguments, 1) {
                File::create(format!("{}/empty-{index}", arguments[0])).map_err(text)?;
            }
            Ok("made all".to_owned())
        }
        "output" => {
            let piece = [b'x'; 4096];
            let mut written = 0;
            while written < number(arguments, 0) {
                io::stdout().write_all(&piece).map_err(text)?;
                written += piece.len() as u64;
            }
            Ok(String::new())
        }
        "spin" => {
            let (begin, mut count) = (Instant::now(), 0_u64);
            while begin.elapsed() < Duration::from_millis(number(arguments, 0)) {
                count = std::hint::black_box(count + 1);
            }
            Ok("turned".to_owned())
        }
        "sleep" => {
            std::thread::sleep(Duration::from_millis(number(arguments, 0)));
            Ok("slept".to_owned())
        }
        "detach" => detach(number(arguments, 0), arguments.iter().any(|argument| argument == "quiet")),
        "user" => {
            let user = rustix::process::geteuid();
            if user.as_raw() == number(arguments, 0) as u32 {
                Ok(format!("is {}", user.as_raw()))
            } else {
                Err(format!("is {}", user.as_raw()))
            }
        }
        "set-uid-copy" => {
            let copy = format!("{}/copy", arguments[0]);
            fs::copy(std::env::current_exe().map_err(text)?, &copy).map_err(text)?;
            fs::set_permissions(&copy, fs::Permissions::from_mode(0o6755)).map_err(text)?;
            let answer = Command::new(copy).args(["probe", "user", "0"]).output().map_err(text)?;
            if answer.status.success() {
                Ok("is root".to_owned())
            } else {
                Err(String::from_utf8_lossy(&answer.stdout).into_owned())
            }
        }
        "exec-set-uid" => {
            let answer = Command::new(&arguments[0]).args(["probe", "user", "0"]).output().map_err(text)?;
            let said = String::from_utf8_lossy(&answer.stdout).trim().to_owned();
            if answer.status.success() { Ok(said) } else { Err(said) }
        }
        "become-root" => {
            call(libc::SYS_setresuid, [0; 6]).map(|_| "is root".to_owned()).map_err(|error| format!("{error:?}"))
        }
        "trace" => {
            let target = child(|| std::thread::sleep(Duration::from_secs(2)))?;
            let seize = 0x4206;
            let result = call(libc::SYS_ptrace, [seize, target as usize, 0, 0, 0, 0]);
            let _ = nix::sys::signal::kill(nix::unistd::Pid::from_raw(target), nix::sys::signal::Signal::SIGKILL);
            result.map(|_| "traces".to_owned()).map_err(|error| format!("{error:?}"))
        }
        "read-process" => refused(libc::SYS_process_vm_readv, [std::process::id() as usize, 0, 0, 0, 0, 0]),
        "mount" => {
            // Outside only an own namespace may be used: nothing of the host is to change.
            if arguments[0] == "own" {
                own_namespaces()?;
            }
            let (kind, place) = (c"tmpfs", c"/tmp");
            call(libc::SYS_mount, [kind.as_ptr() as usize, place.as_ptr() as usize, kind.as_ptr() as usize, 0, 0, 0])
                .map(|_| "mounted".to_owned())
                .map_err(|error| format!("{error:?}"))
        }
        "open-file-system" => {
            if arguments[0] == "own" {
                own_namespaces()?;
            }
            call(libc::SYS_fsopen, [c"tmpfs".as_ptr() as usize, 0, 0, 0, 0, 0])
                .map(|_| "opened".to_owned())
                .map_err(|error| format!("{error:?}"))
        }
        "namespaces" => own_namespaces().map(|()| "made".to_owned()),
        "clone-namespaces" => {
            let flags = (libc::CLONE_NEWUSER | libc::SIGCHLD) as usize;
            match call(libc::SYS_clone, [flags, 0, 0, 0, 0, 0]) {
                Ok(0) => std::process::exit(0),
                Ok(_) => Ok("made".to_owned()),
                Err(error) => Err(format!("{error:?}")),
            }
        }
        "sandbox" => {
            let limits = Limits { memory: 1 << 26, processes: 8, disk: 1 << 20 };
            let policy = Policy { mounts: Vec::new(), network: NetworkPolicy::None, limits };
            Session::start(&Sandbox::default(), &policy).map(|_| "started".to_owned()).map_err(text)
        }
        "join-namespace" => {
            let own = File::open("/proc/self/ns/user").map_err(text)?;
            refused(libc::SYS_setns, [own.as_raw_fd() as usize, 0, 0, 0, 0, 0])
        }
        "socket" => {
            let arguments: Vec<_> = (0..3).map(|index| number(arguments, index) as usize).collect();
            call(libc::SYS_socket, [arguments[0], arguments[1], arguments[2], 0, 0, 0])
                .map(|_| "made".to_owned())
                .map_err(|error| format!("{error:?}"))
        }
        "call" => refused(
            number(arguments, 0) as i64,
            [1, 2, 3, 4, 5, 6].map(|index| {
                arguments.get(index).map_or(0, |value| match value.strip_prefix("0x") {
                    Some(digits) => usize::from_str_radix(digits, 16).expect("a number"),
                    None => value.parse().expect("a number"),
                })
            }),
        ),
        "foreign-call" => {
            // `getpid` of the x32 interface.
            let _ = call(0x4000_0000 | 39, [0; 6]);
            Ok("lived on".to_owned())
        }
        "slow-parent" => {
            let parent = std::os::unix::process::parent_id() as usize;
            let which = libc::PRIO_PROCESS as usize;
            let nice = match arguments[0].as_str() {
                // What it has; the call answers with 20 less that.
                "same" => 20 - call(libc::SYS_getpriority, [which, parent, 0, 0, 0, 0]).map_err(text)?,
                other => other.parse().expect("a number"),
            };
            call(libc::SYS_setpriority, [which, parent, nice as usize, 0, 0, 0])
                .map(|_| "set".to_owned())
                .map_err(|error| format!("{error:?}"))
        }
        "limit-parent" => {
            let parent = std::os::unix::process::parent_id() as usize;
            let resource = libc::RLIMIT_NOFILE as usize;
            let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
            let own = [0, resource, 0, &raw mut limit as usize, 0, 0];
            call(libc::SYS_prlimit64, own).map_err(text)?;
            call(libc::SYS_prlimit64, [parent, resource, &raw const limit as usize, 0, 0, 0])
                .map(|_| "set".to_owned())
                .map_err(|error| format!("{error:?}"))
        }
        "core-limit" => {
            let limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
            call(libc::SYS_prlimit64, [0, libc::RLIMIT_CORE as usize, &raw const limit as usize, 0, 0, 0])
                .map(|_| "set".to_owned())
                .map_err(|error| format!("{error:?}"))
        }
        "type-into-terminal" => {
            let letter = b'x';
            match call(libc::SYS_ioctl, [0, 0x5412, &raw const letter as usize, 0, 0, 0]) {
                Ok(_) => Ok("typed".to_owned()),
                Err(nix::errno::Errno::ENOTTY) => Ok("looked at, but this is no terminal".to_owned()),
                Err(error) => Err(format!("{error:?}")),
            }
        }
        "make" => make(&arguments[0], &arguments[1], &arguments[2]),
        "plant" => {
            // What a build may leave behind for a reader who trusts names.
            fs::create_dir_all("/build/.git").map_err(text)?;
            fs::write("/build/.git/config", "[core]\n\tfsmonitor = touch /tmp/hooked\n").map_err(text)?;
            fs::create_dir_all("/build/deep/er").map_err(text)?;
            std::os::unix::fs::symlink("/etc", "/build/directory").map_err(text)?;
            std::os::unix::fs::symlink("../../../../etc/passwd", "/build/deep/er/up").map_err(text)?;
            std::os::unix::fs::symlink("/proc/self/root/etc/passwd", "/build/magic").map_err(text)?;
            fs::write("/build/honest", "honest").map_err(text)?;
            Ok("planted".to_owned())
        }
        other => panic!("no probe is called {other}"),
    }
}

/// Runs one probe; gives the exit code.
pub(crate) fn main(name: &str, arguments: &[String]) -> i32 {
    match probe(name, arguments) {
        Ok(answer) => {
            println!("{answer}");
            SUCCEEDED
        }
        Err(reason) => {
            println!("refused: {reason}");
            REFUSED
        }
    }
}

/// Where the probe lies inside.
pub(crate) const PROGRAM: &str = "/opt/probe";
