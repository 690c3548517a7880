//! Starts one command of the session.

use super::guard::Guard;
use crate::raw;
use crate::wire::Message;
use nix::unistd::ForkResult;
use rustix::fs::{Mode, OFlags};
use rustix::pipe::PipeFlags;
use rustix::process::{Pid, Resource, Rlimit};
use std::ffi::CString;
use std::io;
use std::os::fd::OwnedFd;
use std::time::Duration;

/// Files that one process may hold open.
const OPEN_FILES: u64 = 16 * 1024;

/// A command as it came over the wire.
pub(super) struct Wanted {
    program: CString,
    arguments: Vec<CString>,
    environment: Vec<CString>,
    directory: CString,
    pub(super) wall_time: Duration,
    pub(super) processor_time: Duration,
    file_size: u64,
}

fn text(message: &mut Message) -> io::Result<CString> {
    CString::new(message.bytes()?).map_err(|_| io::Error::from(io::ErrorKind::InvalidInput))
}

fn texts(message: &mut Message) -> io::Result<Vec<CString>> {
    let count = message.u32()?;
    (0..count).map(|_| text(message)).collect()
}

impl Wanted {
    pub(super) fn read(message: &mut Message) -> io::Result<Self> {
        Ok(Self {
            program: text(message)?,
            directory: text(message)?,
            arguments: texts(message)?,
            environment: texts(message)?,
            wall_time: Duration::from_nanos(message.u64()?),
            processor_time: Duration::from_nanos(message.u64()?),
            file_size: message.u64()?,
        })
    }
}

/// A command that runs.
pub(super) struct Started {
    pub(super) process: Pid,
    /// Where its output comes from. A pipe made in here, so that the command may open `/dev/stdout` again.
    pub(super) output: OwnedFd,
}

/// What each process may use, beside what the session is limited to.
pub(super) struct PerProcess {
    pub(super) memory: u64,
    pub(super) processes: u32,
}

/// Starts the command, or says why its program cannot be executed.
pub(super) fn start(wanted: &Wanted, limits: &PerProcess, guard: Option<&Guard>) -> io::Result<Started> {
    let (output, writer) = rustix::pipe::pipe_with(PipeFlags::CLOEXEC)?;
    let (failure, report) = rustix::pipe::pipe_with(PipeFlags::CLOEXEC)?;
    match raw::fork()? {
        ForkResult::Child => {
            let error = execute(wanted, limits, guard, &writer);
            let code = error.raw_os_error().unwrap_or(libc::EIO);
            let _ = rustix::io::write(&report, &code.to_le_bytes());
            #[expect(clippy::exit, clippy::disallowed_methods, reason = "this process is a failed command")]
            std::process::exit(127)
        }
        ForkResult::Parent { child } => {
            drop((writer, report));
            let mut code = [0; 4];
            // The pipe closes without a word when the program is executed.
            let length = rustix::io::retry_on_intr(|| rustix::io::read(&failure, &mut code[..]))?;
            let process = Pid::from_raw(child.as_raw()).ok_or(io::ErrorKind::Other)?;
            match length {
                0 => Ok(Started { process, output }),
                _ => Err(io::Error::from_raw_os_error(i32::from_le_bytes(code))),
            }
        }
    }
}

/// Becomes the command; returns only if that fails.
fn execute(wanted: &Wanted, limits: &PerProcess, guard: Option<&Guard>, output: &OwnedFd) -> io::Error {
    let become_it = || -> io::Result<std::convert::Infallible> {
        rustix::process::setsid()?;
        rustix::stdio::dup2_stdin(rustix::fs::open("/dev/null", OFlags::RDONLY, Mode::empty())?)?;
        rustix::stdio::dup2_stdout(output)?;
        rustix::stdio::dup2_stderr(output)?;
        raw::default_signals()?;
        limit(wanted, limits)?;
        rustix::process::chdir(wanted.directory.as_c_str())?;
        raw::close_from_on_execute(3)?;
        if let Some(guard) = guard {
            guard.put_on()?;
        }
        Ok(nix::unistd::execve(&wanted.program, &wanted.arguments, &wanted.environment)?)
    };
    match become_it() {
        Err(error) => error,
        Ok(never) => match never {},
    }
}

fn limit(wanted: &Wanted, limits: &PerProcess) -> io::Result<()> {
    let seconds = wanted.processor_time.as_secs() + 1;
    for (resource, value) in [
        // Not the address space: engines reserve far more of it than they use.
        (Resource::Data, limits.memory),
        (Resource::Nproc, u64::from(limits.processes)),
        (Resource::Fsize, wanted.file_size),
        (Resource::Cpu, seconds),
        (Resource::Nofile, OPEN_FILES),
        (Resource::Msgqueue, 0),
        (Resource::Memlock, 8 << 20),
        (Resource::Sigpending, 4096),
        (Resource::Nice, 0),
        (Resource::Rtprio, 0),
    ] {
        // A limit that the caller itself is under stays if it is lower.
        let value = rustix::process::getrlimit(resource).maximum.map_or(value, |maximum| maximum.min(value));
        rustix::process::setrlimit(resource, Rlimit { current: Some(value), maximum: Some(value) })?;
    }
    Ok(())
}
