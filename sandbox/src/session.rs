//! The outside: starts the sandbox's first process, asks it for things, and ends it.

use crate::cgroup::Groups;
use crate::identity::Outer;
use crate::init::{self, INIT_NAME};
use crate::mechanism::Mechanism;
use crate::outcome::{Limit, Outcome, SandboxError, Status, Usage};
use crate::place;
use crate::policy::{Command, NetworkPolicy, Policy};
use crate::wire::{CHUNK, Channel, MAX_PACKET, Message, Writer, reply, request, wait_for};
use crate::work_area::{Entry, WalkLimits, WorkArea};
use rustix::event::{PollFd, PollFlags};
use rustix::net::{AddressFamily, SocketFlags, SocketType, socketpair};
use rustix::process::Signal;
use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read};
use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

/// How long the first process may take for what is not a command.
const PATIENCE: Duration = Duration::from_secs(30);
/// How much longer than its wall time a command may take to be ended by the first process, before that one is.
const GRACE: Duration = Duration::from_secs(10);
/// Between two looks at the clock and the control group.
const TICK: Duration = Duration::from_millis(50);

/// How sandboxes are started, whatever their policy.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sandbox {
    /// What is started as the sandbox's first process; its `main` must begin with [`run_if_init`](crate::run_if_init).
    /// The running executable itself if nothing is given.
    pub executable: Option<PathBuf>,
    /// Id of the user and the group that the sandbox has for everybody else when root starts it. One that nobody has
    /// if nothing is given. An ordinary user's sandboxes have that user's.
    pub outer_id: Option<u32>,
}

/// One isolated set of processes and one file system in memory. Dropping it ends and removes both.
#[derive(Debug)]
pub struct Session {
    process: Child,
    channel: Channel,
    /// The first process inside; no other can be meant by it, even after its end.
    first: OwnedFd,
    work: WorkArea,
    listener: Option<TcpListener>,
    enforced: Vec<Mechanism>,
    groups: Groups,
    has_ended: bool,
}

/// Kills the outer process if starting does not come to its end.
struct Starting(Option<Child>);

impl Drop for Starting {
    fn drop(&mut self) {
        if let Some(mut process) = self.0.take() {
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}

fn begin(policy: &Policy) -> Writer {
    let mut message = Writer::new(request::BEGIN).u32(policy.mounts.len() as u32);
    for mount in &policy.mounts {
        message = message.path(mount.source()).path(mount.target());
    }
    let port = match policy.network {
        NetworkPolicy::None => 0,
        NetworkPolicy::OneListener { port } => u32::from(port),
    };
    message.u32(port).u64(policy.limits.memory).u32(policy.limits.processes).u64(policy.limits.disk)
}

/// The answer of this kind; what the inside says instead becomes an error.
fn expect(channel: &mut Channel, kind: u32) -> Result<Message, SandboxError> {
    let (received, mut message) = match channel.receive_within(PATIENCE) {
        Ok(Some(received)) => received,
        Ok(None) => return Err(SandboxError::Ended),
        Err(error) => return Err(SandboxError::Start(error)),
    };
    let refusal = |message: &mut Message| -> io::Result<SandboxError> {
        Ok(match received {
            reply::UNSUPPORTED => {
                let mechanism = Mechanism::from_number(message.u32()?).ok_or(io::ErrorKind::InvalidData)?;
                SandboxError::Unsupported { mechanism, reason: message.text()? }
            }
            reply::NO_MOUNT => SandboxError::Mount { path: message.path()?, reason: message.text()? },
            _ => SandboxError::Ended,
        })
    };
    if received == kind { Ok(message) } else { Err(refusal(&mut message).unwrap_or(SandboxError::Ended)) }
}

impl Session {
    /// Starts a sandbox with nothing in it but what the policy names. Nothing that it names is run.
    pub fn start(sandbox: &Sandbox, policy: &Policy) -> Result<Self, SandboxError> {
        policy.limits.check()?;
        let outer = Outer::choose(sandbox.outer_id)?;
        let socket = socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None);
        let (ours, theirs) = socket.map_err(|error| SandboxError::Start(error.into()))?;
        let executable = sandbox.executable.as_deref().unwrap_or(Path::new("/proc/self/exe"));
        let process = std::process::Command::new(executable)
            .arg0(INIT_NAME)
            .env_clear()
            .current_dir("/")
            .stdin(theirs)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(SandboxError::Start)?;
        let id = process.id();
        let mut starting = Starting(Some(process));
        let mut channel = Channel::new(ours);
        channel.send(&begin(policy), &[]).map_err(SandboxError::Start)?;
        expect(&mut channel, reply::UNSHARED)?;
        let groups = Groups::make(id, &policy.limits);
        outer.map(id).map_err(|error| SandboxError::Unsupported {
            mechanism: Mechanism::UnprivilegedUid,
            reason: format!("map ids: {error}"),
        })?;
        let mapped =
            Writer::new(request::MAPPED).u32(u32::from(outer.clears_groups)).u32(u32::from(groups.limits_memory()));
        channel.send(&mapped, &[]).map_err(SandboxError::Start)?;
        let mut ready = expect(&mut channel, reply::READY)?;
        let enforced = enforced(&mut ready, &groups).map_err(SandboxError::Start)?;
        let (first, work) = (ready.descriptor(), ready.descriptor());
        let listener = match policy.network {
            NetworkPolicy::None => None,
            NetworkPolicy::OneListener { .. } => {
                Some(TcpListener::from(ready.descriptor().map_err(SandboxError::Start)?))
            }
        };
        Ok(Self {
            channel,
            first: first.map_err(SandboxError::Start)?,
            work: WorkArea(work.map_err(SandboxError::Start)?),
            listener,
            enforced,
            groups,
            has_ended: false,
            process: starting.0.take().ok_or(SandboxError::Ended)?,
        })
    }

    /// Every mechanism that is in force, in a fixed order.
    pub fn enforced(&self) -> &[Mechanism] {
        &self.enforced
    }

    /// The listener inside, once. Nothing answers there before the caller accepts, and after it has dropped it and
    /// what it accepted the session has no network at all.
    pub fn take_listener(&mut self) -> Option<TcpListener> {
        self.listener.take()
    }

    /// Writes a regular file, making directories on the way, replacing a file or link of this name. What lies on the
    /// way is not followed. The mode is used without set-uid and like bits.
    pub fn put(&mut self, path: &Path, mode: u32, content: &mut dyn Read) -> Result<(), SandboxError> {
        let failed = |source: io::Error| SandboxError::WorkArea { path: path.to_owned(), source };
        self.must_be_in_work_area(path)?;
        let mut message = Writer::new(request::PUT).path(path).u32(mode);
        let mut buffer = vec![0; CHUNK];
        let mut broken = None;
        loop {
            let mut length = 0;
            while length < CHUNK {
                match content.read(&mut buffer[length..]) {
                    Ok(0) => break,
                    Ok(read) => length += read,
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    Err(error) => {
                        broken = Some(error);
                        break;
                    }
                }
            }
            let is_last = length < CHUNK || broken.is_some();
            self.send(&message.u32(u32::from(is_last)).bytes(&buffer[..length]))?;
            if is_last {
                break;
            }
            message = Writer::new(request::PUT_MORE);
        }
        self.done(path)?;
        broken.map_or(Ok(()), |error| Err(failed(error)))
    }

    /// Makes a symbolic link with this text, in the same way. The text may say anything.
    pub fn put_link(&mut self, path: &Path, text: &OsStr) -> Result<(), SandboxError> {
        self.must_be_in_work_area(path)?;
        self.send(&Writer::new(request::LINK).path(path).bytes(text.as_bytes()))?;
        self.done(path)
    }

    /// Opens a regular file of the work area for reading.
    pub fn open_file(&self, path: &Path) -> Result<File, SandboxError> {
        self.work.open_file(path)
    }

    /// Reads a regular file of the work area that has no more bytes than this.
    pub fn read(&self, path: &Path, max_bytes: u64) -> Result<Vec<u8>, SandboxError> {
        self.work.read(path, max_bytes)
    }

    /// Lists a directory of the work area with all below it, by path. The directory itself must not be a link.
    pub fn walk(&self, directory: &Path, limits: WalkLimits) -> Result<Vec<Entry>, SandboxError> {
        self.work.walk(directory, limits)
    }

    /// Runs a command to its end, and hands over its output, both streams in one, as it comes.
    ///
    /// All of its processes are gone afterwards, also those that it left running. Output beyond its limit is dropped.
    pub fn run(&mut self, command: &Command, output: &mut dyn FnMut(&[u8])) -> Result<Outcome, SandboxError> {
        command.limits.check()?;
        let begin = Instant::now();
        let killed_before = self.groups.out_of_memory();
        self.send(&request_for(command)).map_err(|error| match error {
            SandboxError::Start(error) if error.kind() == io::ErrorKind::InvalidInput => {
                SandboxError::CommandTooLong { limit: MAX_PACKET }
            }
            other => other,
        })?;
        let pipe = match self.receive(PATIENCE)? {
            (reply::STARTED, mut message) => message.descriptor().map_err(|_| SandboxError::Ended)?,
            (reply::FAILED, mut message) => {
                let code = message.u32().map_err(|_| SandboxError::Ended)?;
                let source = io::Error::from_raw_os_error(code as i32);
                return Err(SandboxError::Program { program: command.program.clone(), source });
            }
            _ => return Err(self.end()),
        };
        let mut running = Running { command, output, pipe: Some(File::from(pipe)), bytes: 0, stopped: None };
        running.prepare();
        let ended = loop {
            if let Some(ended) = self.wait(&mut running, begin, killed_before)? {
                break ended;
            }
        };
        running.drain();
        let Some((status, mut usage)) = ended else {
            let usage = Usage { wall_time: begin.elapsed(), output: running.bytes, ..Usage::NONE };
            return Ok(Outcome { status: Status::LimitReached(running.stopped.unwrap_or(Limit::WallTime)), usage });
        };
        usage.wall_time = begin.elapsed();
        usage.output = running.bytes;
        usage.peak_memory = self.groups.peak_memory().unwrap_or(usage.peak_memory);
        let ran_out_of_memory = self.groups.out_of_memory() > killed_before && status != Status::Exited(0);
        let status = match running.stopped {
            // Seen only after the command had ended by itself; what it said is not whole all the same.
            Some(Limit::Output) => Status::LimitReached(Limit::Output),
            _ if ran_out_of_memory => Status::LimitReached(Limit::Memory),
            _ => status,
        };
        Ok(Outcome { status, usage })
    }

    /// Waits a little. Gives what the first process said about the end, or nothing inside if it had to be ended.
    fn wait(
        &mut self,
        running: &mut Running<'_, '_>,
        begin: Instant,
        killed_before: u64,
    ) -> Result<Option<Option<(Status, Usage)>>, SandboxError> {
        let has_answer = {
            let mut descriptors = vec![PollFd::from_borrowed_fd(self.channel.as_fd(), PollFlags::IN)];
            descriptors.extend(running.pipe.as_ref().map(|pipe| PollFd::new(pipe, PollFlags::IN)));
            wait_for(&mut descriptors, TICK).map_err(|_| SandboxError::Ended)?;
            !descriptors[0].revents().is_empty()
        };
        let had_stopped = running.stopped.is_some();
        running.drain_some();
        if has_answer {
            let ran_out = self.groups.out_of_memory() > killed_before;
            return match self.receive(PATIENCE) {
                Ok((reply::ENDED, mut message)) => {
                    ended(&mut message).map(|ended| Some(Some(ended))).map_err(|_| self.end())
                }
                // The kernel may have chosen the first process itself.
                Err(SandboxError::Ended) if ran_out => {
                    running.stopped = Some(Limit::Memory);
                    Ok(Some(None))
                }
                _ => Err(self.end()),
            };
        }
        if running.stopped.is_none() && self.groups.out_of_memory() > killed_before {
            running.stopped = Some(Limit::Memory);
        }
        if let (false, Some(limit)) = (had_stopped, running.stopped) {
            self.send(&Writer::new(request::STOP).u32(limit.number()))?;
        }
        if begin.elapsed() > running.command.limits.wall_time.saturating_add(GRACE) {
            running.stopped.get_or_insert(Limit::WallTime);
            self.end();
            return Ok(Some(None));
        }
        Ok(None)
    }

    fn must_be_in_work_area(&self, path: &Path) -> Result<(), SandboxError> {
        match place::behind(path) {
            Some(_) => Ok(()),
            None => Err(SandboxError::NotInWorkArea(path.to_owned())),
        }
    }

    fn send(&mut self, message: &Writer) -> Result<(), SandboxError> {
        if self.has_ended {
            return Err(SandboxError::Ended);
        }
        self.channel.send(message, &[]).map_err(|error| match error.kind() {
            io::ErrorKind::InvalidInput => SandboxError::Start(error),
            _ => self.end(),
        })
    }

    fn receive(&mut self, patience: Duration) -> Result<(u32, Message), SandboxError> {
        match self.channel.receive_within(patience) {
            Ok(Some(received)) => Ok(received),
            Ok(None) | Err(_) => Err(self.end()),
        }
    }

    /// Waits until the first process has done something with a file.
    fn done(&mut self, path: &Path) -> Result<(), SandboxError> {
        match self.receive(PATIENCE)? {
            (reply::DONE, _) => Ok(()),
            (reply::FAILED, mut message) => {
                let code = message.u32().map_err(|_| SandboxError::Ended)?;
                let source = io::Error::from_raw_os_error(code as i32);
                Err(SandboxError::WorkArea { path: path.to_owned(), source })
            }
            _ => Err(self.end()),
        }
    }

    /// Ends everything, and waits until it is gone.
    fn end(&mut self) -> SandboxError {
        if !self.has_ended {
            self.has_ended = true;
            // The kernel ends all others with it, and the outer process only afterwards, because it waits for this.
            let _ = rustix::process::pidfd_send_signal(&self.first, Signal::KILL);
            let _ = self.process.wait();
        }
        SandboxError::Ended
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.end();
    }
}

/// A command and what has been seen of it.
struct Running<'command, 'output> {
    command: &'command Command,
    output: &'output mut dyn FnMut(&[u8]),
    pipe: Option<File>,
    bytes: u64,
    stopped: Option<Limit>,
}

impl Running<'_, '_> {
    /// A command could hold the pipe open for longer than anybody waits.
    fn prepare(&mut self) {
        let prepared = self.pipe.as_ref().map(|pipe| rustix::io::ioctl_fionbio(pipe, true));
        if matches!(prepared, Some(Err(_))) {
            self.pipe = None;
        }
    }

    /// Takes what is there, at most one buffer; says whether there was anything.
    fn drain_some(&mut self) -> bool {
        let mut buffer = [0; 64 * 1024];
        let Some(pipe) = &mut self.pipe else { return false };
        match pipe.read(&mut buffer) {
            Ok(0) => {
                self.pipe = None;
                false
            }
            Ok(length) => {
                let left = self.command.limits.output - self.bytes;
                let taken = (length as u64).min(left);
                self.bytes += taken;
                if taken > 0 {
                    (self.output)(&buffer[..taken as usize]);
                }
                if (length as u64) > left {
                    self.stopped.get_or_insert(Limit::Output);
                }
                true
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => false,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => true,
            Err(_) => {
                self.pipe = None;
                false
            }
        }
    }

    /// Takes what is left in the pipe when nobody can write any more.
    fn drain(&mut self) {
        while self.drain_some() {}
    }
}

impl Usage {
    const NONE: Self =
        Self { wall_time: Duration::ZERO, processor_time: Duration::ZERO, peak_memory: 0, output: 0, disk: 0 };
}

fn enforced(ready: &mut Message, groups: &Groups) -> io::Result<Vec<Mechanism>> {
    let count = ready.u32()?;
    let numbers = (0..count).map(|_| ready.u32()).collect::<io::Result<Vec<_>>>()?;
    let abi = ready.u32()?;
    let named = numbers.into_iter().filter_map(Mechanism::from_number);
    let mut enforced: Vec<_> = named
        .map(|mechanism| match mechanism {
            Mechanism::Landlock { .. } => Mechanism::Landlock { abi },
            other => other,
        })
        .chain(groups.mechanisms())
        .collect();
    enforced.sort_by_key(|mechanism| mechanism.number());
    Ok(enforced)
}

fn request_for(command: &Command) -> Writer {
    let mut message = Writer::new(request::RUN).path(&command.program).path(&command.working_directory);
    message = message.u32(command.arguments.len() as u32 + 1).path(&command.program);
    for argument in &command.arguments {
        message = message.bytes(argument.as_bytes());
    }
    message = message.u32(command.environment.0.len() as u32);
    for (name, value) in &command.environment.0 {
        message = message.bytes(&[name.as_bytes(), b"=", value.as_bytes()].concat());
    }
    let nanoseconds = |time: Duration| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
    let limits = &command.limits;
    message.u64(nanoseconds(limits.wall_time)).u64(nanoseconds(limits.processor_time)).u64(limits.file_size)
}

fn ended(message: &mut Message) -> io::Result<(Status, Usage)> {
    let (kind, code) = (message.u32()?, message.u32()?);
    let status = match kind {
        init::EXITED => Status::Exited(code as i32),
        init::SIGNALLED => Status::Signalled(code as i32),
        init::LIMITED => Status::LimitReached(Limit::from_number(code).ok_or(io::ErrorKind::InvalidData)?),
        _ => return Err(io::ErrorKind::InvalidData.into()),
    };
    let processor_time = Duration::from_nanos(message.u64()?);
    let (peak_memory, disk) = (message.u64()?, message.u64()?);
    Ok((status, Usage { processor_time, peak_memory, disk, ..Usage::NONE }))
}
