//! Which system calls are refused.
//!
//! A list of what is denied, not of what is allowed: builds use everything that libraries use. What the list does
//! not know is refused by number, so that a newer kernel does not offer more than was looked at.
//!
//! Three filters, because a filter has one answer:
//! 1. By hand: another architecture's calls (the x32 ones too) end the process; calls beyond the last known
//!    number do not exist.
//! 2. "No such call", where programs then take another way: `clone3`, whose flags a filter cannot read, and objects
//!    in memory that no process would be charged for.
//! 3. "Not permitted": everything else.

use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
    TargetArch, sock_filter,
};
use std::collections::BTreeMap;
use std::io;

/// `file_setattr`, of Linux 6.17.
const LAST_KNOWN_CALL: u32 = 469;
/// The bit that marks calls of the x32 interface.
#[cfg(target_arch = "x86_64")]
const X32: u32 = 0x4000_0000;

#[cfg(target_arch = "x86_64")]
const ARCHITECTURE: (TargetArch, u32) = (TargetArch::x86_64, 0xc000_003e);
#[cfg(target_arch = "aarch64")]
const ARCHITECTURE: (TargetArch, u32) = (TargetArch::aarch64, 0xc000_00b7);

/// Numbers that are the same on every architecture; `libc` does not name them all everywhere.
mod number {
    pub(super) const PROCESS_MRELEASE: i64 = 448;
    pub(super) const MEMFD_SECRET: i64 = 447;
    pub(super) const QUOTACTL_FD: i64 = 443;
    pub(super) const SET_MEMPOLICY_HOME_NODE: i64 = 450;
    pub(super) const STATMOUNT: i64 = 457;
    pub(super) const LISTMOUNT: i64 = 458;
    pub(super) const OPEN_TREE_ATTR: i64 = 467;
}

/// Refused always, as if the kernel did not have them.
const ABSENT: &[i64] = &[
    libc::SYS_clone3,
    libc::SYS_memfd_create,
    number::MEMFD_SECRET,
    libc::SYS_shmget,
    libc::SYS_semget,
    libc::SYS_msgget,
    libc::SYS_io_uring_setup,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
];

/// Refused always, as not permitted.
const DENIED: &[i64] = &[
    // Other processes.
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_process_madvise,
    libc::SYS_kcmp,
    libc::SYS_pidfd_getfd,
    number::PROCESS_MRELEASE,
    // Mounts and roots.
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_pivot_root,
    libc::SYS_chroot,
    libc::SYS_fsopen,
    libc::SYS_fsconfig,
    libc::SYS_fsmount,
    libc::SYS_fspick,
    libc::SYS_open_tree,
    libc::SYS_move_mount,
    libc::SYS_mount_setattr,
    number::OPEN_TREE_ATTR,
    number::STATMOUNT,
    number::LISTMOUNT,
    // Files by handle, which goes around paths; events of whole file systems.
    libc::SYS_name_to_handle_at,
    libc::SYS_open_by_handle_at,
    libc::SYS_fanotify_init,
    libc::SYS_fanotify_mark,
    // Namespaces.
    libc::SYS_unshare,
    libc::SYS_setns,
    // Keys outlive processes and are not part of any namespace that was left.
    libc::SYS_keyctl,
    libc::SYS_add_key,
    libc::SYS_request_key,
    // Parts of the kernel with many past holes and no use in a build.
    libc::SYS_bpf,
    libc::SYS_perf_event_open,
    libc::SYS_userfaultfd,
    libc::SYS_lookup_dcookie,
    libc::SYS_vhangup,
    libc::SYS_move_pages,
    libc::SYS_migrate_pages,
    libc::SYS_mbind,
    libc::SYS_set_mempolicy,
    number::SET_MEMPOLICY_HOME_NODE,
    // The machine.
    libc::SYS_kexec_load,
    libc::SYS_kexec_file_load,
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_delete_module,
    libc::SYS_reboot,
    libc::SYS_swapon,
    libc::SYS_swapoff,
    libc::SYS_acct,
    libc::SYS_quotactl,
    number::QUOTACTL_FD,
    libc::SYS_syslog,
    libc::SYS_settimeofday,
    libc::SYS_clock_settime,
    libc::SYS_clock_adjtime,
    libc::SYS_adjtimex,
    libc::SYS_sethostname,
    libc::SYS_setdomainname,
];

#[cfg(target_arch = "x86_64")]
const DENIED_HERE: &[i64] = &[
    libc::SYS_iopl,
    libc::SYS_ioperm,
    libc::SYS_modify_ldt,
    libc::SYS_uselib,
    libc::SYS_ustat,
    libc::SYS_sysfs,
    libc::SYS__sysctl,
    libc::SYS_nfsservctl,
];
#[cfg(target_arch = "aarch64")]
const DENIED_HERE: &[i64] = &[libc::SYS_nfsservctl];

/// Every way to ask for a namespace that `clone` has.
const NAMESPACES: [i32; 7] = [
    libc::CLONE_NEWNS,
    libc::CLONE_NEWCGROUP,
    libc::CLONE_NEWUTS,
    libc::CLONE_NEWIPC,
    libc::CLONE_NEWUSER,
    libc::CLONE_NEWPID,
    libc::CLONE_NEWNET,
];

/// Local and internet sockets, and netlink for the list of interfaces. Not AF_VSOCK, which reaches the machine's
/// host from any network namespace, nor AF_ALG, AF_PACKET and the other rare ones.
const FAMILIES: [i32; 4] = [libc::AF_UNIX, libc::AF_INET, libc::AF_INET6, libc::AF_NETLINK];
/// Put characters into a terminal's input, or take its console.
const TERMINAL_REQUESTS: [u64; 2] = [0x5412, 0x541c];
/// Asks which personality this is.
const ASK: u64 = 0xffff_ffff;

fn failed(error: impl std::error::Error + Send + Sync + 'static) -> io::Error {
    io::Error::other(error)
}

/// All conditions on 32-bit arguments, at once.
fn rule(conditions: &[(u8, SeccompCmpOp, u64)]) -> io::Result<SeccompRule> {
    let condition = |(argument, operator, value): &(u8, SeccompCmpOp, u64)| {
        SeccompCondition::new(*argument, SeccompCmpArgLen::Dword, operator.clone(), *value).map_err(failed)
    };
    SeccompRule::new(conditions.iter().map(condition).collect::<io::Result<_>>()?).map_err(failed)
}

fn filter(rules: BTreeMap<i64, Vec<SeccompRule>>, errno: i32) -> io::Result<BpfProgram> {
    let answer = SeccompAction::Errno(errno as u32);
    let filter = SeccompFilter::new(rules, SeccompAction::Allow, answer, ARCHITECTURE.0).map_err(failed)?;
    BpfProgram::try_from(filter).map_err(failed)
}

fn not_permitted() -> io::Result<BpfProgram> {
    let mut rules: BTreeMap<i64, Vec<SeccompRule>> =
        DENIED.iter().chain(DENIED_HERE).map(|call| (*call, Vec::new())).collect();
    let namespaces = NAMESPACES.iter().map(|flag| {
        let flag = u64::from(*flag as u32);
        rule(&[(0, SeccompCmpOp::MaskedEq(flag), flag)])
    });
    rules.insert(libc::SYS_clone, namespaces.collect::<io::Result<_>>()?);
    let other: Vec<_> = FAMILIES.iter().map(|family| (0, SeccompCmpOp::Ne, *family as u64)).collect();
    for call in [libc::SYS_socket, libc::SYS_socketpair] {
        let netlink = [(0, SeccompCmpOp::Eq, libc::AF_NETLINK as u64), (2, SeccompCmpOp::Ne, 0)];
        rules.insert(call, vec![rule(&other)?, rule(&netlink)?]);
    }
    let requests = TERMINAL_REQUESTS.iter().map(|request| rule(&[(1, SeccompCmpOp::Eq, *request)]));
    rules.insert(libc::SYS_ioctl, requests.collect::<io::Result<_>>()?);
    rules.extend(first_process()?);
    rules.insert(libc::SYS_personality, vec![rule(&[(0, SeccompCmpOp::Ne, 0), (0, SeccompCmpOp::Ne, ASK)])?]);
    filter(rules, libc::EPERM)
}

/// What would let a command slow down or blind the first process, which is of the same user, and what would let a
/// crash start the host's handler of core files (see where the limit on them is set).
fn first_process() -> io::Result<BTreeMap<i64, Vec<SeccompRule>>> {
    const FIRST: u64 = 1;
    const ONE_PROCESS: u64 = libc::PRIO_PROCESS as u64;
    const ONE_PROCESS_OF_IO: u64 = 1;
    const CORE: u64 = libc::RLIMIT_CORE as u64;
    let is_set = SeccompCondition::new(2, SeccompCmpArgLen::Qword, SeccompCmpOp::Ne, 0).map_err(failed)?;
    let is_core = SeccompCondition::new(1, SeccompCmpArgLen::Dword, SeccompCmpOp::Eq, CORE).map_err(failed)?;
    let mut rules = BTreeMap::from([
        (
            libc::SYS_prlimit64,
            vec![rule(&[(0, SeccompCmpOp::Eq, FIRST)])?, SeccompRule::new(vec![is_core, is_set]).map_err(failed)?],
        ),
        (libc::SYS_setrlimit, vec![rule(&[(0, SeccompCmpOp::Eq, CORE)])?]),
        // A user or a group of processes would include it.
        (
            libc::SYS_setpriority,
            vec![rule(&[(0, SeccompCmpOp::Ne, ONE_PROCESS)])?, rule(&[(1, SeccompCmpOp::Eq, FIRST)])?],
        ),
        (
            libc::SYS_ioprio_set,
            vec![rule(&[(0, SeccompCmpOp::Ne, ONE_PROCESS_OF_IO)])?, rule(&[(1, SeccompCmpOp::Eq, FIRST)])?],
        ),
    ]);
    for call in
        [libc::SYS_sched_setscheduler, libc::SYS_sched_setparam, libc::SYS_sched_setattr, libc::SYS_sched_setaffinity]
    {
        rules.insert(call, vec![rule(&[(0, SeccompCmpOp::Eq, FIRST)])?]);
    }
    Ok(rules)
}

fn by_number() -> BpfProgram {
    const LOAD: u16 = (libc::BPF_LD | libc::BPF_W | libc::BPF_ABS) as u16;
    const RETURN: u16 = (libc::BPF_RET | libc::BPF_K) as u16;
    const IF_EQUAL: u16 = (libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K) as u16;
    const IF_LESS_OR_EQUAL: u16 = (libc::BPF_JMP | libc::BPF_JGT | libc::BPF_K) as u16;
    #[cfg(target_arch = "x86_64")]
    const IF_AT_LEAST: u16 = (libc::BPF_JMP | libc::BPF_JGE | libc::BPF_K) as u16;
    let load = |offset| sock_filter { code: LOAD, jt: 0, jf: 0, k: offset };
    let answer = |value| sock_filter { code: RETURN, jt: 0, jf: 0, k: value };
    vec![
        load(4),
        sock_filter { code: IF_EQUAL, jt: 1, jf: 0, k: ARCHITECTURE.1 },
        answer(libc::SECCOMP_RET_KILL_PROCESS),
        load(0),
        #[cfg(target_arch = "x86_64")]
        sock_filter { code: IF_AT_LEAST, jt: 0, jf: 1, k: X32 },
        #[cfg(target_arch = "x86_64")]
        answer(libc::SECCOMP_RET_KILL_PROCESS),
        sock_filter { code: IF_LESS_OR_EQUAL, jt: 1, jf: 0, k: LAST_KNOWN_CALL },
        answer(libc::SECCOMP_RET_ALLOW),
        answer(libc::SECCOMP_RET_ERRNO | libc::ENOSYS as u32),
    ]
}

/// Installs the filters for this process and all that come from it.
pub(super) fn install() -> io::Result<()> {
    let absent = filter(ABSENT.iter().map(|call| (*call, Vec::new())).collect(), libc::ENOSYS)?;
    for program in [by_number(), absent, not_permitted()?] {
        seccompiler::apply_filter(&program).map_err(failed)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_denied_call_is_beyond_the_last_known_one() {
        for call in DENIED.iter().chain(DENIED_HERE).chain(ABSENT) {
            assert!(*call <= i64::from(LAST_KNOWN_CALL), "{call}");
        }
    }

    #[test]
    fn the_filters_compile() {
        assert!(not_permitted().is_ok_and(|program| program.len() > DENIED.len()));
        assert_eq!(by_number().first().map(|first| first.k), Some(4));
    }
}
