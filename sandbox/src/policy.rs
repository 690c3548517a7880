//! What a session may see, write and use, and what one command of it may.
//!
//! Plain values that whoever asks for a run must fill in completely: there is no default that allows anything,
//! no "unlimited", and no policy that means "without isolation".

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Component, Path, PathBuf};
use std::time::Duration;

/// Where the sources lie inside, and where a run usually begins.
pub const BUILD_DIRECTORY: &str = "/build";
/// The home directory inside.
pub const HOME_DIRECTORY: &str = "/home/builder";

/// What a session may see, write and use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// What is visible besides an empty root; everything is read-only and without devices or set-uid bits.
    /// Mounted in this order, so a place inside an earlier mount must exist there.
    pub mounts: Vec<Mount>,
    /// Whom it may talk to.
    pub network: NetworkPolicy,
    /// What all its commands together may use.
    pub limits: Limits,
}

/// A directory, file or symbolic link of the host that the session may read.
///
/// Mounts below a directory are shown as well, read-only too. A symbolic link is recreated, not followed.
/// As root everything in it must be readable by everybody, because nothing inside has the rights of root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mount {
    source: PathBuf,
    target: PathBuf,
}

/// Why something cannot be mounted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MountError {
    /// Both ends must be absolute and without `..`.
    #[error("`{}` is not an absolute path without `..`", .0.display())]
    Path(PathBuf),
    /// The place belongs to the sandbox itself.
    #[error("nothing may be mounted over `{}`", .0.display())]
    Reserved(PathBuf),
}

/// Places that the sandbox itself provides, with everything below them.
const RESERVED: [&str; 12] = [
    "/proc",
    "/dev",
    "/sys",
    "/tmp",
    "/home",
    BUILD_DIRECTORY,
    "/etc/passwd",
    "/etc/group",
    "/etc/hostname",
    "/etc/hosts",
    "/etc/nsswitch.conf",
    "/etc/resolv.conf",
];

impl Mount {
    /// Shows `source` of the host at `target` inside.
    pub fn read_only(source: impl Into<PathBuf>, target: impl Into<PathBuf>) -> Result<Self, MountError> {
        let (source, target) = (source.into(), target.into());
        for path in [&source, &target] {
            if !path.is_absolute() || path.components().any(|part| part == Component::ParentDir) {
                return Err(MountError::Path(path.clone()));
            }
        }
        let whole = target == Path::new("/") || target == Path::new("/etc");
        if whole || RESERVED.iter().any(|place| target.starts_with(place)) {
            return Err(MountError::Reserved(target));
        }
        Ok(Self { source, target })
    }

    /// Shows `path` of the host at the same place inside.
    pub fn same(path: impl Into<PathBuf>) -> Result<Self, MountError> {
        let path = path.into();
        Self::read_only(path.clone(), path)
    }

    /// The host's side.
    pub fn source(&self) -> &Path {
        &self.source
    }

    /// The place inside.
    pub fn target(&self) -> &Path {
        &self.target
    }
}

/// Whom a session may talk to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NetworkPolicy {
    /// Nobody: a network namespace of its own with nothing but loopback.
    None,
    /// One listener on 127.0.0.1 inside, answered by the caller for as long as it keeps it.
    OneListener {
        /// Its port.
        port: u16,
    },
}

/// What a session may use. Every limit is set; there is no "unlimited".
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes, of all its processes together and of what they wrote to disk, which lies in memory.
    pub memory: u64,
    /// Processes and threads at a time.
    pub processes: u32,
    /// Bytes in all writable places together.
    pub disk: u64,
}

/// What one command may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RunLimits {
    /// From start to the end of its last process.
    pub wall_time: Duration,
    /// Of all its processes together.
    pub processor_time: Duration,
    /// Bytes written to its output streams.
    pub output: u64,
    /// Bytes of any one file.
    pub file_size: u64,
}

/// A limit that would allow nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the limit on {0} is zero")]
pub struct LimitsError(&'static str);

fn none_is_zero(named: &[(&'static str, bool)]) -> Result<(), LimitsError> {
    match named.iter().find(|(_, is_zero)| *is_zero) {
        Some((name, _)) => Err(LimitsError(name)),
        None => Ok(()),
    }
}

impl Limits {
    /// Refuses limits under which nothing could run.
    pub fn check(&self) -> Result<(), LimitsError> {
        none_is_zero(&[("memory", self.memory == 0), ("processes", self.processes == 0), ("disk", self.disk == 0)])
    }
}

impl RunLimits {
    /// Refuses limits under which nothing could run.
    pub fn check(&self) -> Result<(), LimitsError> {
        none_is_zero(&[
            ("wall time", self.wall_time.is_zero()),
            ("processor time", self.processor_time.is_zero()),
            ("output", self.output == 0),
            ("file size", self.file_size == 0),
        ])
    }
}

/// The variables of a command, by name. Nothing is inherited and nothing is added.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Environment(pub BTreeMap<OsString, OsString>);

impl Environment {
    /// What every program expects: who and where it is, where programs lie, and a language that every system has.
    pub fn minimal() -> Self {
        let pairs = [
            ("HOME", HOME_DIRECTORY),
            ("USER", "builder"),
            ("LOGNAME", "builder"),
            ("SHELL", "/bin/sh"),
            ("PATH", "/usr/bin:/bin"),
            ("TMPDIR", "/tmp"),
            ("LANG", "C.UTF-8"),
            ("TZ", "UTC"),
        ];
        Self(pairs.into_iter().map(|(name, value)| (name.into(), value.into())).collect())
    }

    /// The same with one variable set.
    #[must_use]
    pub fn with(mut self, name: impl Into<OsString>, value: impl Into<OsString>) -> Self {
        self.0.insert(name.into(), value.into());
        self
    }
}

/// One program to run in a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command {
    /// Absolute path inside; it is not looked up in `PATH`.
    pub program: PathBuf,
    /// What follows the program's name.
    pub arguments: Vec<OsString>,
    /// Every variable it sees.
    pub environment: Environment,
    /// Absolute path inside where it begins.
    pub working_directory: PathBuf,
    /// What it may use.
    pub limits: RunLimits,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_sandbox_provides_cannot_be_covered() {
        for target in ["/opt/node", "/usr", "/etc/alternatives", "/etc/ssl"] {
            assert!(Mount::read_only("/opt/node", target).is_ok(), "{target}");
        }
        for target in ["/", "/proc", "/proc/self", "/dev/null", "/sys", "/build/x", "/tmp", "/etc", "/etc/hosts"] {
            assert_eq!(Mount::read_only("/opt", target), Err(MountError::Reserved(target.into())), "{target}");
        }
        for path in ["opt", "/opt/../etc"] {
            assert!(matches!(Mount::read_only(path, "/opt"), Err(MountError::Path(_))), "{path}");
        }
    }

    #[test]
    fn a_limit_of_zero_is_refused() {
        let limits = Limits { memory: 1, processes: 1, disk: 1 };
        assert_eq!(limits.check(), Ok(()));
        assert_eq!(Limits { disk: 0, ..limits }.check(), Err(LimitsError("disk")));
        let run = RunLimits {
            wall_time: Duration::from_secs(1),
            processor_time: Duration::from_secs(1),
            output: 1,
            file_size: 1,
        };
        assert_eq!(run.check(), Ok(()));
        assert_eq!(RunLimits { output: 0, ..run }.check(), Err(LimitsError("output")));
    }
}
