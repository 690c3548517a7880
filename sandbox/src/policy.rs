use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};
use std::time::Duration;

/// What one run may see, write and use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// What is visible besides an empty root; everything is read-only and without devices or set-uid bits.
    pub mounts: Vec<Mount>,
    /// Where the run begins; must lie in the work area.
    pub working_directory: PathBuf,
    /// Every variable the run sees; nothing is inherited.
    pub environment: Environment,
    /// Whom it may talk to.
    pub network: NetworkPolicy,
    /// What it may use.
    pub limits: Limits,
}

/// A directory or file of the host that the run may read.
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

/// Places that the sandbox itself provides.
const RESERVED: [&str; 4] = ["/", "/proc", "/dev", "/sys"];

impl Mount {
    /// Shows `source` of the host at `target` inside.
    pub fn read_only(source: impl Into<PathBuf>, target: impl Into<PathBuf>) -> Result<Self, MountError> {
        let (source, target) = (source.into(), target.into());
        for path in [&source, &target] {
            if !path.is_absolute() || path.components().any(|part| part == Component::ParentDir) {
                return Err(MountError::Path(path.clone()));
            }
        }
        let reserved = |place: &&&str| target == Path::new(place) || (**place != "/" && target.starts_with(place));
        match RESERVED.iter().find(reserved) {
            Some(_) => Err(MountError::Reserved(target)),
            None => Ok(Self { source, target }),
        }
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

/// The variables of a run, by name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Environment(pub BTreeMap<String, String>);

/// Whom a run may talk to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NetworkPolicy {
    /// Nobody: a network namespace of its own with nothing but loopback.
    None,
    /// One listener on loopback inside, answered by the caller.
    OneListener {
        /// Its port.
        port: u16,
    },
}

/// What a run may use. Every limit is set; there is no "unlimited".
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// From start to the end of its last process.
    pub wall_time: Duration,
    /// Of all its processes together.
    pub processor_time: Duration,
    /// Bytes, of all its processes together.
    pub memory: u64,
    /// At a time.
    pub processes: u32,
    /// Bytes in all writable places together.
    pub disk: u64,
    /// Bytes written to its output streams.
    pub output: u64,
}

/// A limit that would allow nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the limit on {0} is zero")]
pub struct LimitsError(&'static str);

impl Limits {
    /// Refuses limits under which nothing could run.
    pub fn check(&self) -> Result<(), LimitsError> {
        let named = [
            ("wall time", self.wall_time.is_zero()),
            ("processor time", self.processor_time.is_zero()),
            ("memory", self.memory == 0),
            ("processes", self.processes == 0),
            ("disk", self.disk == 0),
            ("output", self.output == 0),
        ];
        match named.iter().find(|(_, is_zero)| *is_zero) {
            Some((name, _)) => Err(LimitsError(name)),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_sandbox_provides_cannot_be_covered() {
        assert!(Mount::read_only("/opt/node", "/opt/node").is_ok());
        for target in ["/", "/proc", "/proc/self", "/dev/null", "/sys"] {
            assert_eq!(Mount::read_only("/opt", target), Err(MountError::Reserved(target.into())), "{target}");
        }
        for path in ["opt", "/opt/../etc"] {
            assert!(matches!(Mount::read_only(path, "/opt"), Err(MountError::Path(_))), "{path}");
        }
    }

    #[test]
    fn a_limit_of_zero_is_refused() {
        let limits = Limits {
            wall_time: Duration::from_secs(1),
            processor_time: Duration::from_secs(1),
            memory: 1,
            processes: 1,
            disk: 1,
            output: 1,
        };
        assert_eq!(limits.check(), Ok(()));
        assert_eq!(Limits { disk: 0, ..limits }.check(), Err(LimitsError("disk")));
    }
}
