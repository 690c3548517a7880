//! What runs in the re-executed process, from its first instruction to the end of the session.
//!
//! Two processes. The **outer** one leaves the caller's namespaces, opens the mounts while it still has the caller's
//! rights on files, gives those up, forks, and then does nothing but watch: when the caller is gone it kills the
//! inner one. The **inner** one is process 1 of the new namespaces: it builds the root, locks everything, and only
//! then serves the caller's requests; nothing that was fetched runs before that.
//!
//! Start with [`outer`], which has the order, then [`inner`].

mod command;
mod filter;
mod guard;
mod network;
mod privileges;
mod root;
mod serve;
mod watch;

pub(crate) use serve::{EXITED, LIMITED, SIGNALLED};

use crate::mechanism::Mechanism;
use crate::policy::{Mount, NetworkPolicy};
use crate::raw;
use crate::wire::{Channel, Message, Writer, reply, request};
use nix::unistd::ForkResult;
use rustix::event::{PollFd, PollFlags, poll};
use rustix::process::{DumpableBehavior, PidfdFlags, Resource, Rlimit, Signal};
use rustix::thread::UnshareFlags;
use std::io;
use std::os::fd::OwnedFd;

/// The name under which the executable is started again.
pub(crate) const INIT_NAME: &str = "tarproof-sandbox-init";

/// Runs the sandbox's first process if that is what this process was started for, and then never returns.
///
/// Must be the first thing that `main` does, in every program that starts a [`Session`](crate::Session): before
/// arguments are parsed, threads are started, or anything is read.
pub fn run_if_init() {
    if std::env::args_os().next().is_some_and(|name| name == INIT_NAME) {
        let code = i32::from(outer().is_err());
        #[expect(clippy::exit, clippy::disallowed_methods, reason = "nothing after this may run in this process")]
        std::process::exit(code);
    }
}

/// What the caller asked for, as far as the inside must know it.
struct Plan {
    mounts: Vec<Mount>,
    network: NetworkPolicy,
    memory: u64,
    processes: u32,
    disk: u64,
    kernel_limits_memory: bool,
}

/// Why setting up ended.
enum Refusal {
    /// A mechanism is not to be had.
    Unsupported(Mechanism, String),
    /// A mount of the policy is not to be had.
    NoMount(std::path::PathBuf, String),
    /// The caller is gone.
    Lost,
}

impl From<io::Error> for Refusal {
    fn from(_: io::Error) -> Self {
        Self::Lost
    }
}

/// Names the mechanism whose setting up failed.
trait For<T> {
    fn for_the(self, mechanism: Mechanism, step: &str) -> Result<T, Refusal>;
}

impl<T, E: std::fmt::Display> For<T> for Result<T, E> {
    fn for_the(self, mechanism: Mechanism, step: &str) -> Result<T, Refusal> {
        self.map_err(|error| Refusal::Unsupported(mechanism, format!("{step}: {error}")))
    }
}

fn tell(channel: &Channel, refusal: &Refusal) -> io::Result<()> {
    match refusal {
        Refusal::Unsupported(mechanism, reason) => {
            let message = Writer::new(reply::UNSUPPORTED).u32(mechanism.number()).bytes(reason.as_bytes());
            channel.send(&message, &[])
        }
        Refusal::NoMount(path, reason) => {
            channel.send(&Writer::new(reply::NO_MOUNT).path(path).bytes(reason.as_bytes()), &[])
        }
        Refusal::Lost => Ok(()),
    }
}

/// The outer process.
fn outer() -> Result<(), ()> {
    let mut channel = prepare().map_err(drop)?;
    match leave(&mut channel) {
        Ok(inner) => watch_over(&channel, &inner).map_err(drop),
        Err(refusal) => {
            let _ = tell(&channel, &refusal);
            Err(())
        }
    }
}

/// Takes the channel from standard input, and holds nothing else that was inherited.
fn prepare() -> io::Result<Channel> {
    raw::close_from(3)?;
    raw::default_signals()?;
    let socket = rustix::io::fcntl_dupfd_cloexec(rustix::stdio::stdin(), 3)?;
    let null = rustix::fs::open("/dev/null", rustix::fs::OFlags::RDWR, rustix::fs::Mode::empty())?;
    rustix::stdio::dup2_stdin(&null)?;
    rustix::stdio::dup2_stdout(&null)?;
    rustix::stdio::dup2_stderr(&null)?;
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o022));
    // Not 0: where the host pipes core files into a program, the kernel starts that program, with all rights, for
    // every limit but this one. A caller whose own limit is 0 for good cannot raise it.
    let one = Some(1);
    let _ = rustix::process::setrlimit(Resource::Core, Rlimit { current: one, maximum: one });
    // When the machine runs out of memory the sandbox should go before the caller does.
    let _ = std::fs::write("/proc/self/oom_score_adj", "500");
    Ok(Channel::new(socket))
}

fn expect(channel: &mut Channel, kind: u32) -> Result<Message, Refusal> {
    match channel.receive()? {
        Some((received, message)) if received == kind => Ok(message),
        _ => Err(Refusal::Lost),
    }
}

fn read_plan(message: &mut Message) -> io::Result<Plan> {
    let count = message.u32()?;
    let mut mounts = Vec::new();
    for _ in 0..count {
        let (source, target) = (message.path()?, message.path()?);
        mounts.push(Mount::read_only(source, target).map_err(io::Error::other)?);
    }
    let network = match message.u32()? {
        0 => NetworkPolicy::None,
        port => NetworkPolicy::OneListener { port: port as u16 },
    };
    Ok(Plan {
        mounts,
        network,
        memory: message.u64()?,
        processes: message.u32()?,
        disk: message.u64()?,
        kernel_limits_memory: false,
    })
}

/// Leaves the caller's namespaces and starts the inner process.
fn leave(channel: &mut Channel) -> Result<OwnedFd, Refusal> {
    let mut plan = read_plan(&mut expect(channel, request::BEGIN)?)?;
    unshare(UnshareFlags::NEWUSER).for_the(Mechanism::UserNamespace, "unshare")?;
    channel.send(&Writer::new(reply::UNSHARED), &[])?;
    // The caller writes the id maps now: only it may map to an id other than its own.
    let mut mapped = expect(channel, request::MAPPED)?;
    let clear_groups = mapped.u32()? == 1;
    plan.kernel_limits_memory = mapped.u32()? == 1;
    for (flag, mechanism) in [
        (UnshareFlags::NEWNS, Mechanism::MountNamespace),
        (UnshareFlags::NEWPID, Mechanism::PidNamespace),
        (UnshareFlags::NEWNET, Mechanism::NetworkNamespace),
        (UnshareFlags::NEWIPC, Mechanism::IpcNamespace),
        (UnshareFlags::NEWUTS, Mechanism::UtsNamespace),
        (UnshareFlags::NEWCGROUP, Mechanism::CgroupNamespace),
    ] {
        unshare(flag).for_the(mechanism, "unshare")?;
    }
    // Still with the caller's rights on files: its directories need not be open to everybody.
    let sources = root::Sources::open(&plan.mounts)?;
    privileges::become_builder(clear_groups).for_the(Mechanism::UnprivilegedUid, "set ids")?;
    rustix::process::set_dumpable_behavior(DumpableBehavior::NotDumpable)
        .for_the(Mechanism::PidNamespace, "hide the first process")?;
    match raw::fork().for_the(Mechanism::PidNamespace, "fork")? {
        ForkResult::Child => inner(channel, &plan, sources),
        ForkResult::Parent { child } => {
            let child = rustix::process::Pid::from_raw(child.as_raw()).ok_or(Refusal::Lost)?;
            let inner =
                rustix::process::pidfd_open(child, PidfdFlags::empty()).for_the(Mechanism::PidNamespace, "watch")?;
            let _ = privileges::drop_capabilities();
            Ok(inner)
        }
    }
}

#[expect(deprecated, reason = "the sound form; no other thread exists, so no descriptor table is shared")]
fn unshare(flags: UnshareFlags) -> rustix::io::Result<()> {
    rustix::thread::unshare(flags)
}

/// Waits for the inner process, and kills it when the caller is gone.
fn watch_over(channel: &Channel, inner: &OwnedFd) -> io::Result<()> {
    let gone = {
        // Messages are the inner process's; a broken connection is reported unasked.
        let mut descriptors =
            [PollFd::from_borrowed_fd(channel.as_fd(), PollFlags::empty()), PollFd::new(inner, PollFlags::IN)];
        rustix::io::retry_on_intr(|| poll(&mut descriptors, None))?;
        descriptors[1].revents().is_empty()
    };
    if gone {
        let _ = rustix::process::pidfd_send_signal(inner, Signal::KILL);
    }
    rustix::io::retry_on_intr(|| rustix::process::wait(rustix::process::WaitOptions::empty()))?;
    Ok(())
}

/// The inner process: never returns.
fn inner(channel: &mut Channel, plan: &Plan, sources: root::Sources) -> ! {
    let code = match lock(plan, sources) {
        Ok(locked) => i32::from(serve::serve(channel, plan, locked).is_err()),
        Err(refusal) => i32::from(tell(channel, &refusal).is_err()),
    };
    #[expect(clippy::exit, clippy::disallowed_methods, reason = "the end of the session; nothing may run after it")]
    std::process::exit(code)
}

/// What the session has once nothing can be changed any more.
struct Locked {
    /// The one file system behind all writable places.
    work: OwnedFd,
    listener: Option<std::net::TcpListener>,
    guard: Option<guard::Guard>,
    enforced: Vec<Mechanism>,
}

/// Everything that needs rights, in an order in which each step still has those it needs, and then no rights.
fn lock(plan: &Plan, sources: root::Sources) -> Result<Locked, Refusal> {
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL))
        .for_the(Mechanism::PidNamespace, "bind to the outer process")?;
    let _ = rustix::process::setsid();
    network::raise_loopback().for_the(Mechanism::NetworkNamespace, "raise loopback")?;
    rustix::system::sethostname(b"sandbox").for_the(Mechanism::UtsNamespace, "name the host")?;
    let (root, work) = root::build(plan, sources)?;
    let pid_max = root::restrict_kernel(&root, plan)?;
    root::enter(&root)?;
    let listener = match plan.network {
        NetworkPolicy::None => None,
        NetworkPolicy::OneListener { port } => Some(
            std::net::TcpListener::bind((std::net::Ipv4Addr::LOCALHOST, port))
                .for_the(Mechanism::NetworkNamespace, "listen")?,
        ),
    };
    let guard = guard::Guard::prepare();
    privileges::drop_all().for_the(Mechanism::NoCapabilities, "drop")?;
    rustix::thread::set_no_new_privs(true).for_the(Mechanism::NoNewPrivileges, "set")?;
    filter::install().for_the(Mechanism::Seccomp, "install")?;
    privileges::verify()?;
    let mut enforced: Vec<_> = Mechanism::all().filter(|mechanism| !mechanism.is_optional()).collect();
    enforced.extend(guard.as_ref().map(|guard| Mechanism::Landlock { abi: guard.abi() }));
    enforced.extend(pid_max.then_some(Mechanism::PidMax));
    Ok(Locked { work, listener, guard, enforced })
}
