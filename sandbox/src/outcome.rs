//! What became of a command, and what went wrong with the sandbox itself.

use crate::mechanism::Mechanism;
use crate::policy::LimitsError;
use std::fmt;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

/// What became of a command. All its processes are gone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// How it ended.
    pub status: Status,
    /// What it used.
    pub usage: Usage,
}

impl Outcome {
    /// Whether it ended by itself and says that it did what it should.
    pub fn succeeded(&self) -> bool {
        self.status == Status::Exited(0)
    }
}

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// By itself, with this code.
    Exited(i32),
    /// By this signal, which none of our limits sent.
    Signalled(i32),
    /// By us, because it reached this limit.
    LimitReached(Limit),
}

/// What can be limited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    /// Time on the clock.
    WallTime,
    /// Processor time of all processes.
    ProcessorTime,
    /// Memory of all processes and of all that they wrote.
    Memory,
    /// Processes and threads at a time.
    Processes,
    /// Bytes or files in the writable places.
    Disk,
    /// Bytes of one file.
    FileSize,
    /// Bytes of output.
    Output,
}

const LIMITS: [Limit; 7] = [
    Limit::WallTime,
    Limit::ProcessorTime,
    Limit::Memory,
    Limit::Processes,
    Limit::Disk,
    Limit::FileSize,
    Limit::Output,
];

impl Limit {
    /// The stable id.
    pub fn id(self) -> &'static str {
        match self {
            Self::WallTime => "wall-time",
            Self::ProcessorTime => "processor-time",
            Self::Memory => "memory",
            Self::Processes => "processes",
            Self::Disk => "disk",
            Self::FileSize => "file-size",
            Self::Output => "output",
        }
    }

    pub(crate) fn number(self) -> u32 {
        LIMITS.iter().position(|limit| *limit == self).map_or(u32::MAX, |position| position as u32)
    }

    pub(crate) fn from_number(number: u32) -> Option<Self> {
        LIMITS.get(number as usize).copied()
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.id())
    }
}

/// What a command used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Usage {
    /// Time on the clock.
    pub wall_time: Duration,
    /// Processor time of all processes that were waited for.
    pub processor_time: Duration,
    /// Bytes at the highest point of the session so far, what lies in the writable places included.
    pub peak_memory: u64,
    /// Bytes that were written to the output streams, those beyond the limit not counted.
    pub output: u64,
    /// Bytes in the writable places at the end.
    pub disk: u64,
}

/// What went wrong with the sandbox, as opposed to what runs in it.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// The machine does not offer what must be had. Nothing was run.
    #[error("this machine offers no sandbox: {mechanism}: {reason}")]
    Unsupported {
        /// What is missing.
        mechanism: Mechanism,
        /// Why.
        reason: String,
    },
    /// A mount of the policy cannot be had.
    #[error("cannot mount `{}`: {reason}", path.display())]
    Mount {
        /// The mount's source or target.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// The caller asked for limits under which nothing could run.
    #[error(transparent)]
    Limits(#[from] LimitsError),
    /// The sandbox's first process could not be started.
    #[error("cannot start the sandbox")]
    Start(#[source] io::Error),
    /// The path is not one below a writable place, or has parts that are not plain names.
    #[error("`{}` is not a path in the work area", .0.display())]
    NotInWorkArea(PathBuf),
    /// A file of the work area could not be written or read.
    #[error("cannot use `{}` of the work area", path.display())]
    WorkArea {
        /// Its path inside.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Something else than a regular file lies where one was asked for. It was not opened.
    #[error("`{}` of the work area is {kind}, not a regular file", path.display())]
    NotRegular {
        /// Its path inside.
        path: PathBuf,
        /// What it is.
        kind: crate::EntryKind,
    },
    /// The file or tree is larger than the caller allows.
    #[error("`{}` of the work area is beyond the limit of {limit}", path.display())]
    TooLarge {
        /// Its path inside.
        path: PathBuf,
        /// Bytes, entries or levels.
        limit: u64,
    },
    /// The program could not be started.
    #[error("cannot run `{}` in the sandbox", program.display())]
    Program {
        /// Its path inside.
        program: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Arguments and environment together are longer than what is passed on.
    #[error("the command and its environment are longer than {limit} bytes")]
    CommandTooLong {
        /// Bytes.
        limit: usize,
    },
    /// The sandbox's first process is gone or does not answer, and everything in it with it.
    #[error("the sandbox has ended")]
    Ended,
}
