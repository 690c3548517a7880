//! All `unsafe` code of this crate: system calls for which no safe wrapper exists.

#![allow(unsafe_code, reason = "the one module that may; every block says why it is sound")]

use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction};
use nix::unistd::ForkResult;
use std::io;
use std::os::fd::{AsFd, AsRawFd};

fn checked(result: libc::c_long) -> io::Result<libc::c_long> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}

/// Forks this process, which must have one thread only.
pub(crate) fn fork() -> io::Result<ForkResult> {
    debug_assert!(std::fs::read_dir("/proc/self/task").is_ok_and(|tasks| tasks.count() <= 1));
    // SAFETY: only the re-executed process calls this, and it never starts a thread: no lock can be held by a
    // thread that the child does not have.
    Ok(unsafe { nix::unistd::fork() }?)
}

/// Closes every descriptor from `first` on.
pub(crate) fn close_from(first: u32) -> io::Result<()> {
    close_range(first, 0)
}

/// Has every descriptor from `first` on closed by the next `execve`.
pub(crate) fn close_from_on_execute(first: u32) -> io::Result<()> {
    close_range(first, libc::CLOSE_RANGE_CLOEXEC)
}

fn close_range(first: u32, flags: libc::c_uint) -> io::Result<()> {
    // SAFETY: takes numbers only. Closing happens before this process owns any descriptor beyond the standard ones.
    checked(unsafe { libc::syscall(libc::SYS_close_range, first, u32::MAX, flags) })?;
    Ok(())
}

/// Sets attributes of a mount, and of all below it if `recursive`; what was shared with others is no longer.
pub(crate) fn mount_setattr(mount: impl AsFd, attributes: u64, recursive: bool) -> io::Result<()> {
    let setting = libc::mount_attr { attr_set: attributes, attr_clr: 0, propagation: libc::MS_PRIVATE, userns_fd: 0 };
    let flags = libc::AT_EMPTY_PATH | if recursive { libc::AT_RECURSIVE } else { 0 };
    // SAFETY: the path is a C string, the structure lives through the call and its size is passed.
    checked(unsafe {
        libc::syscall(
            libc::SYS_mount_setattr,
            mount.as_fd().as_raw_fd(),
            c"".as_ptr(),
            flags,
            &raw const setting,
            size_of::<libc::mount_attr>(),
        )
    })?;
    Ok(())
}

/// Removes one capability, known to this program or not, from those that an `execve` may give.
pub(crate) fn drop_from_bounding_set(capability: u32) -> io::Result<()> {
    // SAFETY: takes numbers only.
    checked(libc::c_long::from(unsafe {
        libc::prctl(libc::PR_CAPBSET_DROP, libc::c_ulong::from(capability), 0, 0, 0)
    }))?;
    Ok(())
}

/// Every signal does what it does by default and none is blocked, whatever was inherited or set by the runtime.
pub(crate) fn default_signals() -> io::Result<()> {
    let default = SigAction::new(SigHandler::SigDfl, SaFlags::empty(), SigSet::empty());
    for signal in Signal::iterator().filter(|signal| !matches!(signal, Signal::SIGKILL | Signal::SIGSTOP)) {
        // SAFETY: no handler is installed, so none can be unsound.
        unsafe { sigaction(signal, &default) }?;
    }
    Ok(SigSet::empty().thread_set_mask()?)
}

/// The version of Landlock's interface that the kernel has; 0 where it has none.
pub(crate) fn landlock_version() -> u32 {
    const VERSION: libc::c_uint = 1;
    // SAFETY: the kernel takes a null pointer of size 0 with this flag, and answers with a number.
    let answer =
        unsafe { libc::syscall(libc::SYS_landlock_create_ruleset, std::ptr::null::<libc::c_void>(), 0_usize, VERSION) };
    u32::try_from(answer).unwrap_or(0)
}
