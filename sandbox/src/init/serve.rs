//! Process 1 of the session once it is locked: it fills the work area, runs commands, and waits for orphans.
//!
//! It has no rights that the commands do not have, but is not one of them: it cannot be signalled or traced, and
//! between commands it is alone.

use super::command::{self, PerProcess, Wanted};
use super::watch::{self, Bounds, Watch};
use super::{Locked, Plan};
use crate::outcome::Limit;
use crate::place;
use crate::wire::{Channel, Message, Writer, reply, request};
use nix::sys::signal::{Signal, kill};
use rustix::event::{PollFd, PollFlags};
use rustix::fs::{AtFlags, Mode, OFlags, ResolveFlags};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, WaitOptions, WaitStatus};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::time::{Duration, Instant};

/// Between two looks at what is used.
const TICK: Duration = Duration::from_millis(12);
/// How a command ended, on the wire.
pub(crate) const EXITED: u32 = 0;
pub(crate) const SIGNALLED: u32 = 1;
pub(crate) const LIMITED: u32 = 2;

/// Serves the caller until it is gone.
pub(super) fn serve(channel: &mut Channel, plan: &Plan, locked: Locked) -> io::Result<()> {
    let Locked { work, listener, guard, enforced } = locked;
    let own = rustix::process::pidfd_open(rustix::process::getpid(), PidfdFlags::empty())?;
    let mut ready = Writer::new(reply::READY).u32(enforced.len() as u32);
    for mechanism in enforced {
        ready = ready.u32(mechanism.number());
    }
    ready = ready.u32(guard.as_ref().map_or(0, super::guard::Guard::abi));
    let mut descriptors = vec![own.as_fd(), work.as_fd()];
    descriptors.extend(listener.as_ref().map(AsFd::as_fd));
    channel.send(&ready, &descriptors)?;
    // From here the caller's is the only one: when it drops it, there is no network.
    drop((own, listener));
    let (mut file, mut peak_memory) = (None, 0);
    while let Some((kind, mut message)) = channel.receive()? {
        match kind {
            request::PUT => {
                let started = Put::start(&work, &mut message)?;
                file = put(channel, started, &mut message)?;
            }
            request::PUT_MORE => {
                let started = file.take().ok_or(io::ErrorKind::InvalidData)?;
                file = put(channel, started, &mut message)?;
            }
            request::LINK => {
                let (path, text) = (message.path()?, message.bytes()?);
                answer(channel, link(&work, &path, &text))?;
            }
            request::RUN => {
                let wanted = Wanted::read(&mut message)?;
                let limits = PerProcess {
                    // The sum is noticed first; this is for what is faster than the watch.
                    memory: plan.memory.saturating_add((plan.memory / 4).max(256 << 20)),
                    // The first process and the outer one are of the same user.
                    processes: plan.processes.saturating_add(2),
                };
                match command::start(&wanted, &limits, guard.as_ref()) {
                    Ok(started) => {
                        channel.send(&Writer::new(reply::STARTED), &[started.output.as_fd()])?;
                        drop(started.output);
                        let ended = run(channel, plan, &wanted, started.process, &work, &mut peak_memory)?;
                        channel.send(&ended, &[])?;
                    }
                    Err(error) => {
                        end_all()?;
                        answer(channel, Err(error))?;
                    }
                }
            }
            // Crossed with the end of the command it was meant for.
            request::STOP => {}
            _ => return Err(io::ErrorKind::InvalidData.into()),
        }
    }
    Ok(())
}

fn answer(channel: &Channel, result: io::Result<()>) -> io::Result<()> {
    let message = match result {
        Ok(()) => Writer::new(reply::DONE),
        Err(error) => Writer::new(reply::FAILED).u32(error.raw_os_error().unwrap_or(libc::EIO) as u32),
    };
    channel.send(&message, &[])
}

/// A file that is being written, or why it cannot be.
struct Put(io::Result<OwnedFd>);

impl Put {
    fn start(work: &OwnedFd, message: &mut Message) -> io::Result<Self> {
        let (path, mode) = (message.path()?, message.u32()?);
        Ok(Self(create(work, &path, mode)))
    }
}

/// Writes one part. Gives the file back if more parts follow.
fn put(channel: &Channel, mut file: Put, message: &mut Message) -> io::Result<Option<Put>> {
    let (is_last, bytes) = (message.u32()? == 1, message.bytes()?);
    if let Ok(open) = &file.0
        && let Err(error) = write_all(open, &bytes)
    {
        file = Put(Err(error));
    }
    if !is_last {
        return Ok(Some(file));
    }
    answer(channel, file.0.map(drop))?;
    Ok(None)
}

fn write_all(file: &OwnedFd, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        let written = rustix::io::retry_on_intr(|| rustix::io::write(file, bytes))?;
        bytes = &bytes[written..];
    }
    Ok(())
}

/// Opens the directory in which a path ends, creating what is missing. Nothing on the way may be a link: an earlier
/// command may have put one there.
fn parent(work: &OwnedFd, path: &Path) -> io::Result<(OwnedFd, std::ffi::OsString)> {
    let path = place::behind(path).ok_or(io::ErrorKind::InvalidInput)?;
    let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?.to_owned();
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_XDEV;
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let open = |directory: &OwnedFd, path: &Path| rustix::fs::openat2(directory, path, flags, Mode::empty(), resolve);
    let directory = path.parent().ok_or(io::ErrorKind::InvalidInput)?;
    match open(work, directory) {
        Err(Errno::NOENT) => {}
        other => return Ok((other?, name)),
    }
    let mut there = open(work, Path::new("."))?;
    for part in directory {
        let part = Path::new(part);
        there = match open(&there, part) {
            Err(Errno::NOENT) => {
                rustix::fs::mkdirat(&there, part, Mode::from_raw_mode(0o755))?;
                open(&there, part)?
            }
            other => other?,
        };
    }
    Ok((there, name))
}

/// Takes away what has this name; a directory stays and is an error.
fn clear(directory: &OwnedFd, name: &std::ffi::OsStr) -> io::Result<()> {
    match rustix::fs::unlinkat(directory, name, AtFlags::empty()) {
        Err(Errno::NOENT) => Ok(()),
        other => Ok(other?),
    }
}

fn create(work: &OwnedFd, path: &Path, mode: u32) -> io::Result<OwnedFd> {
    let (directory, name) = parent(work, path)?;
    clear(&directory, &name)?;
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    Ok(rustix::fs::openat(&directory, &name, flags, Mode::from_raw_mode(mode & 0o777))?)
}

fn link(work: &OwnedFd, path: &Path, text: &[u8]) -> io::Result<()> {
    let (directory, name) = parent(work, path)?;
    clear(&directory, &name)?;
    Ok(rustix::fs::symlinkat(text, &directory, &name)?)
}

/// Waits for the command and all that came from it, and ends them at a limit.
fn run(
    channel: &mut Channel,
    plan: &Plan,
    wanted: &Wanted,
    process: Pid,
    work: &OwnedFd,
    peak_memory: &mut u64,
) -> io::Result<Writer> {
    let begin = Instant::now();
    let main = rustix::process::pidfd_open(process, PidfdFlags::empty())?;
    let mut watch = Watch::new(Bounds {
        processor_time: wanted.processor_time,
        memory: plan.memory,
        processes: plan.processes,
        kernel_limits_memory: plan.kernel_limits_memory,
    });
    let mut limit = None;
    let mut status = None;
    while limit.is_none() && status.is_none() {
        let mut descriptors =
            [PollFd::new(&main, PollFlags::IN), PollFd::from_borrowed_fd(channel.as_fd(), PollFlags::IN)];
        crate::wire::wait_for(&mut descriptors, TICK)?;
        if !descriptors[1].revents().is_empty() {
            match channel.receive()? {
                Some((request::STOP, mut message)) => limit = Limit::from_number(message.u32()?),
                // The caller is gone, or out of its mind: so is everything here.
                _ => return Err(io::ErrorKind::BrokenPipe.into()),
            }
        }
        status = wait_for_ended(process)?;
        if status.is_none() && limit.is_none() {
            limit = if begin.elapsed() >= wanted.wall_time { Some(Limit::WallTime) } else { watch.look(work)? };
        }
    }
    end_all()?;
    let (disk, is_full) = watch::disk(work);
    let exit = status.and_then(WaitStatus::exit_status);
    let signal = status.and_then(WaitStatus::terminating_signal);
    let limit = limit.or(match (exit, signal) {
        (Some(code), _) if code != 0 && is_full => Some(Limit::Disk),
        (_, Some(libc::SIGXFSZ)) => Some(Limit::FileSize),
        (_, Some(libc::SIGXCPU)) => Some(Limit::ProcessorTime),
        _ => None,
    });
    *peak_memory = watch.peak_memory.max(disk).max(watch::largest_waited_for()).max(*peak_memory);
    let (kind, code) = match (limit, exit, signal) {
        (Some(limit), ..) => (LIMITED, limit.number()),
        (None, Some(code), _) => (EXITED, code as u32),
        (None, None, signal) => (SIGNALLED, signal.unwrap_or(libc::SIGKILL) as u32),
    };
    Ok(Writer::new(reply::ENDED)
        .u32(kind)
        .u32(code)
        .u64(watch.total_processor_time().as_nanos() as u64)
        .u64(*peak_memory)
        .u64(disk))
}

/// Waits for whoever has ended; gives the status of the main process if it was among them.
fn wait_for_ended(main: Pid) -> io::Result<Option<WaitStatus>> {
    let mut status = None;
    loop {
        match rustix::process::wait(WaitOptions::NOHANG) {
            Ok(Some((process, ended))) if process == main => status = Some(ended),
            Ok(Some(_)) | Err(Errno::INTR) => {}
            Ok(None) | Err(Errno::CHILD) => return Ok(status),
            Err(error) => return Err(error.into()),
        }
    }
}

/// Ends every process but this one, and returns when the last is gone.
fn end_all() -> io::Result<()> {
    loop {
        // To all that this process may signal: in here everybody else, because there is one user only.
        match kill(nix::unistd::Pid::from_raw(-1), Signal::SIGKILL) {
            Err(nix::errno::Errno::ESRCH) => return Ok(()),
            other => other?,
        }
        loop {
            match rustix::process::wait(WaitOptions::NOHANG) {
                Ok(None) | Err(Errno::CHILD) => break,
                Ok(Some(_)) | Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
        std::thread::sleep(Duration::from_micros(200));
    }
}
