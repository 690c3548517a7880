//! Who the sandbox is, and what it may not do any more.

use super::{For, Refusal};
use crate::identity::BUILDER;
use crate::mechanism::Mechanism;
use crate::raw;
use rustix::thread::{CapabilitiesSecureBits, CapabilitySet, CapabilitySets, Gid, Uid};
use std::io;

/// Takes the one identity that exists inside.
///
/// As root that is the moment from which nothing has the kernel's uid 0. Groups of an ordinary user cannot be given
/// up (the kernel wants `setgroups` forbidden before it lets such a user map groups); they show as `nogroup`.
pub(super) fn become_builder(clear_groups: bool) -> rustix::io::Result<()> {
    if clear_groups {
        rustix::thread::set_thread_groups(&[])?;
    }
    let (user, group) = (Uid::from_raw(BUILDER), Gid::from_raw(BUILDER));
    rustix::thread::set_thread_res_gid(group, group, group)?;
    rustix::thread::set_thread_res_uid(user, user, user)
}

/// Gives up every capability for good: those had, and those that an `execve` could bring.
pub(super) fn drop_all() -> io::Result<()> {
    let locked = CapabilitiesSecureBits::NO_ROOT
        | CapabilitiesSecureBits::NO_ROOT_LOCKED
        | CapabilitiesSecureBits::NO_SETUID_FIXUP
        | CapabilitiesSecureBits::NO_SETUID_FIXUP_LOCKED
        | CapabilitiesSecureBits::KEEP_CAPS_LOCKED
        | CapabilitiesSecureBits::NO_CAP_AMBIENT_RAISE
        | CapabilitiesSecureBits::NO_CAP_AMBIENT_RAISE_LOCKED;
    rustix::thread::set_capabilities_secure_bits(locked)?;
    rustix::thread::clear_ambient_capability_set()?;
    for capability in 0..64 {
        match raw::drop_from_bounding_set(capability) {
            // The kernel knows no capability of this number.
            Err(error) if error.raw_os_error() == Some(libc::EINVAL) => break,
            other => other?,
        }
    }
    drop_capabilities()?;
    Ok(())
}

/// Gives up the capabilities that are had.
pub(super) fn drop_capabilities() -> rustix::io::Result<()> {
    let none = CapabilitySet::empty();
    rustix::thread::set_capabilities(None, CapabilitySets { effective: none, permitted: none, inheritable: none })
}

/// Reads back from the kernel what was set, so that what is recorded as enforced is.
pub(super) fn verify() -> Result<(), Refusal> {
    let status = std::fs::read_to_string("/proc/self/status").for_the(Mechanism::ReadOnlyProc, "read own status")?;
    let field = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        line.map(|value| value.split_whitespace().collect::<Vec<_>>().join(" ")).unwrap_or_default()
    };
    let ids = format!("{BUILDER} {BUILDER} {BUILDER} {BUILDER}");
    for (mechanism, name, wanted) in [
        (Mechanism::UnprivilegedUid, "Uid", ids.as_str()),
        (Mechanism::UnprivilegedUid, "Gid", ids.as_str()),
        (Mechanism::PidNamespace, "Pid", "1"),
        (Mechanism::NoNewPrivileges, "NoNewPrivs", "1"),
        (Mechanism::Seccomp, "Seccomp", "2"),
        (Mechanism::NoCapabilities, "CapInh", "0000000000000000"),
        (Mechanism::NoCapabilities, "CapPrm", "0000000000000000"),
        (Mechanism::NoCapabilities, "CapEff", "0000000000000000"),
        (Mechanism::NoCapabilities, "CapBnd", "0000000000000000"),
        (Mechanism::NoCapabilities, "CapAmb", "0000000000000000"),
    ] {
        let found = field(name);
        if found != wanted {
            return Err(Refusal::Unsupported(mechanism, format!("{name} is `{found}` instead of `{wanted}`")));
        }
    }
    let namespaces = std::fs::read_to_string("/proc/sys/user/max_user_namespaces")
        .for_the(Mechanism::NoUserNamespaces, "read back")?;
    match namespaces.trim() {
        "0" => Ok(()),
        other => Err(Refusal::Unsupported(Mechanism::NoUserNamespaces, format!("{other} are still allowed"))),
    }
}
