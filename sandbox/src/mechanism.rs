//! The means of isolation, each with an id that goes into records and stays what it is.

use std::fmt;

/// One means of isolation.
///
/// All but those that [`Mechanism::is_optional`] names must be had, or no session starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Mechanism {
    /// Own user and group ids, and capabilities that mean nothing outside.
    UserNamespace,
    /// The ids inside belong to nobody with rights outside: never to the kernel's uid 0.
    UnprivilegedUid,
    /// Own view of the file system.
    MountNamespace,
    /// Host processes cannot be seen or signalled, and all inside end with the first.
    PidNamespace,
    /// Nothing but an own loopback interface.
    NetworkNamespace,
    /// Own System V objects and message queues.
    IpcNamespace,
    /// Own host name.
    UtsNamespace,
    /// The host's control groups cannot be seen.
    CgroupNamespace,
    /// A root that holds only what the policy names, read-only.
    ReadOnlyRoot,
    /// One size limit on every writable place together.
    SizedTmpfs,
    /// A `/proc` of the session's own processes, read-only, with what tells of the host covered.
    ReadOnlyProc,
    /// No further user namespaces.
    NoUserNamespaces,
    /// No capabilities, none to be had.
    NoCapabilities,
    /// No rights from set-uid programs or file capabilities.
    NoNewPrivileges,
    /// System calls that a build does not need are refused.
    Seccomp,
    /// Limits of the kernel on each process, and on the number of processes.
    ResourceLimits,
    /// Sums over all processes are watched, and the command is ended when one is reached.
    Watchdog,
    /// A second guard on files, signals and abstract sockets. Optional.
    Landlock {
        /// Version of its interface that is used.
        abi: u32,
    },
    /// The kernel limits memory of all processes together, its own buffers for them included. Optional.
    MemoryCgroup,
    /// The kernel limits the number of processes by control group as well. Optional.
    PidsCgroup,
    /// Process ids end at the limit. Optional.
    PidMax,
}

/// In the order of their numbers on the wire.
const ALL: [Mechanism; 21] = [
    Mechanism::UserNamespace,
    Mechanism::UnprivilegedUid,
    Mechanism::MountNamespace,
    Mechanism::PidNamespace,
    Mechanism::NetworkNamespace,
    Mechanism::IpcNamespace,
    Mechanism::UtsNamespace,
    Mechanism::CgroupNamespace,
    Mechanism::ReadOnlyRoot,
    Mechanism::SizedTmpfs,
    Mechanism::ReadOnlyProc,
    Mechanism::NoUserNamespaces,
    Mechanism::NoCapabilities,
    Mechanism::NoNewPrivileges,
    Mechanism::Seccomp,
    Mechanism::ResourceLimits,
    Mechanism::Watchdog,
    Mechanism::Landlock { abi: 0 },
    Mechanism::MemoryCgroup,
    Mechanism::PidsCgroup,
    Mechanism::PidMax,
];

impl Mechanism {
    /// Every mechanism, the mandatory ones first.
    pub fn all() -> impl Iterator<Item = Self> {
        ALL.into_iter()
    }

    /// Whether sessions start without it; what was enforced is recorded either way.
    pub fn is_optional(self) -> bool {
        matches!(self, Self::Landlock { .. } | Self::MemoryCgroup | Self::PidsCgroup | Self::PidMax)
    }

    /// The stable id.
    pub fn id(self) -> &'static str {
        match self {
            Self::UserNamespace => "user-namespace",
            Self::UnprivilegedUid => "unprivileged-uid",
            Self::MountNamespace => "mount-namespace",
            Self::PidNamespace => "pid-namespace",
            Self::NetworkNamespace => "network-namespace",
            Self::IpcNamespace => "ipc-namespace",
            Self::UtsNamespace => "uts-namespace",
            Self::CgroupNamespace => "cgroup-namespace",
            Self::ReadOnlyRoot => "read-only-root",
            Self::SizedTmpfs => "sized-tmpfs",
            Self::ReadOnlyProc => "read-only-proc",
            Self::NoUserNamespaces => "no-user-namespaces",
            Self::NoCapabilities => "no-capabilities",
            Self::NoNewPrivileges => "no-new-privileges",
            Self::Seccomp => "seccomp",
            Self::ResourceLimits => "resource-limits",
            Self::Watchdog => "watchdog",
            Self::Landlock { .. } => "landlock",
            Self::MemoryCgroup => "memory-cgroup",
            Self::PidsCgroup => "pids-cgroup",
            Self::PidMax => "pid-max",
        }
    }

    pub(crate) fn number(self) -> u32 {
        let same = |other: &Self| std::mem::discriminant(other) == std::mem::discriminant(&self);
        ALL.iter().position(same).map_or(u32::MAX, |position| position as u32)
    }

    pub(crate) fn from_number(number: u32) -> Option<Self> {
        ALL.get(number as usize).copied()
    }
}

impl fmt::Display for Mechanism {
    /// The id, for Landlock followed by the version of its interface.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Landlock { abi } if *abi > 0 => write!(formatter, "{}-abi-{abi}", self.id()),
            _ => formatter.write_str(self.id()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn ids_and_numbers_are_one_to_one() {
        let ids: BTreeSet<_> = Mechanism::all().map(Mechanism::id).collect();
        assert_eq!(ids.len(), ALL.len());
        for mechanism in Mechanism::all() {
            assert_eq!(Mechanism::from_number(mechanism.number()), Some(mechanism));
        }
    }
}
