//! The file system that the inside sees.
//!
//! Everything is done on detached mounts by descriptor, so no path of the host is looked up after its rights were
//! given up, and nothing is attached before its attributes are set.

use super::{For, Plan, Refusal};
use crate::mechanism::Mechanism;
use crate::place::PLACES;
use crate::policy::Mount;
use crate::raw;
use rustix::fs::{CWD, FileType, Mode, OFlags, ResolveFlags};
use rustix::mount::{
    FsMountFlags, FsOpenFlags, MountAttrFlags, MoveMountFlags, OpenTreeFlags, UnmountFlags, fsconfig_create,
    fsconfig_set_string, fsmount, fsopen, move_mount, open_tree,
};
use std::ffi::OsString;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

const READ_ONLY: u64 = libc::MOUNT_ATTR_RDONLY | libc::MOUNT_ATTR_NOSUID;
/// What the host's `/dev` lends.
const DEVICES: [&str; 5] = ["null", "zero", "full", "random", "urandom"];
/// What of `/proc` beside the processes is shown: what programs ask to size themselves. The rest tells of the host.
const PROC_ENTRIES: [&str; 7] = ["cpuinfo", "filesystems", "loadavg", "meminfo", "stat", "sys", "uptime"];
/// A file or directory for so many bytes of the size limit, so that neither empty files exhaust the kernel.
const BYTES_FOR_EACH_FILE: u64 = 2048;

/// The files of `/etc` that programs look for.
const FILES: [(&str, &str); 5] = [
    (
        "etc/passwd",
        "root:x:0:0::/:/bin/false\nbuilder:x:1000:1000::/home/builder:/bin/sh\nnobody:x:65534:65534::/:/bin/false\n",
    ),
    ("etc/group", "root:x:0:\nbuilder:x:1000:\nnogroup:x:65534:\n"),
    ("etc/hosts", "127.0.0.1 localhost\n::1 localhost\n"),
    ("etc/nsswitch.conf", "passwd: files\ngroup: files\nhosts: files\nservices: files\n"),
    ("etc/hostname", "sandbox\n"),
];

enum Source {
    Tree { tree: OwnedFd, is_directory: bool },
    Link(OsString),
}

/// What of the host will be shown, opened but not yet mounted.
pub(super) struct Sources {
    mounts: Vec<(Source, PathBuf)>,
    devices: Vec<(&'static str, OwnedFd)>,
}

impl Sources {
    pub(super) fn open(mounts: &[Mount]) -> Result<Self, Refusal> {
        // Nothing that the host mounts later may appear inside.
        rustix::mount::mount_change(
            "/",
            rustix::mount::MountPropagationFlags::PRIVATE | rustix::mount::MountPropagationFlags::REC,
        )
        .for_the(Mechanism::MountNamespace, "make private")?;
        let mut opened = Self { mounts: Vec::new(), devices: Vec::new() };
        for mount in mounts {
            let source =
                open(mount.source()).map_err(|error| Refusal::NoMount(mount.source().to_owned(), error.to_string()))?;
            opened.mounts.push((source, mount.target().to_owned()));
        }
        for name in DEVICES {
            let tree = clone_tree(CWD, Path::new("/dev").join(name))
                .for_the(Mechanism::ReadOnlyRoot, &format!("open /dev/{name}"))?;
            opened.devices.push((name, tree));
        }
        Ok(opened)
    }
}

fn open(path: &Path) -> io::Result<Source> {
    let metadata = path.symlink_metadata()?;
    if metadata.is_symlink() {
        return Ok(Source::Link(path.read_link()?.into_os_string()));
    }
    let tree = clone_tree(CWD, path)?;
    // Looked at again through the descriptor: the path may mean something else by now.
    match FileType::from_raw_mode(rustix::fs::fstat(&tree)?.st_mode) {
        FileType::Directory => Ok(Source::Tree { tree, is_directory: true }),
        FileType::RegularFile => Ok(Source::Tree { tree, is_directory: false }),
        _ => Err(io::Error::other("neither a directory nor a regular file")),
    }
}

/// A detached copy of what is mounted there. Recursive, because the kernel refuses to uncover what other mounts hide.
fn clone_tree(directory: impl AsFd, path: impl rustix::path::Arg) -> rustix::io::Result<OwnedFd> {
    let flags = OpenTreeFlags::OPEN_TREE_CLONE
        | OpenTreeFlags::OPEN_TREE_CLOEXEC
        | OpenTreeFlags::AT_RECURSIVE
        | OpenTreeFlags::AT_SYMLINK_NOFOLLOW;
    open_tree(directory, path, flags)
}

fn tmpfs(size: u64, files: u64) -> rustix::io::Result<OwnedFd> {
    let configuration = fsopen("tmpfs", FsOpenFlags::FSOPEN_CLOEXEC)?;
    fsconfig_set_string(configuration.as_fd(), "size", size.to_string())?;
    fsconfig_set_string(configuration.as_fd(), "nr_inodes", files.to_string())?;
    fsconfig_set_string(configuration.as_fd(), "mode", "0755")?;
    fsconfig_create(configuration.as_fd())?;
    let attributes = MountAttrFlags::MOUNT_ATTR_NOSUID | MountAttrFlags::MOUNT_ATTR_NODEV;
    fsmount(configuration.as_fd(), FsMountFlags::FSMOUNT_CLOEXEC, attributes)
}

/// Attaches a mount at a place of the new root, whose links are not followed.
fn attach(mount: impl AsFd, root: impl AsFd, place: &Path) -> rustix::io::Result<()> {
    let place = lookup(root, place, OFlags::PATH)?;
    move_mount(mount, "", place, "", MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH | MoveMountFlags::MOVE_MOUNT_T_EMPTY_PATH)
}

fn lookup(root: impl AsFd, place: &Path, flags: OFlags) -> rustix::io::Result<OwnedFd> {
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS;
    rustix::fs::openat2(root, place, flags | OFlags::CLOEXEC, Mode::empty(), resolve)
}

fn write_file(root: impl AsFd, path: impl rustix::path::Arg, content: &[u8]) -> rustix::io::Result<()> {
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
    let file = rustix::fs::openat(root, path, flags, Mode::from_raw_mode(0o444))?;
    // Shorter than a page, so it is written whole.
    rustix::io::write(&file, content).map(drop)
}

/// Creates the directories of a path that do not exist. Links are not followed.
fn create_directories(root: impl AsFd, path: &Path) -> rustix::io::Result<()> {
    let mut there = PathBuf::new();
    for part in path {
        there.push(part);
        if lookup(root.as_fd(), &there, OFlags::PATH | OFlags::DIRECTORY).is_err() {
            rustix::fs::mkdirat(root.as_fd(), &there, Mode::from_raw_mode(0o755))?;
        }
    }
    Ok(())
}

fn relative(path: &Path) -> &Path {
    path.strip_prefix("/").unwrap_or(path)
}

/// Builds the new root on top of the old one. Gives it, and the root of the writable file system.
pub(super) fn build(plan: &Plan, sources: Sources) -> Result<(OwnedFd, OwnedFd), Refusal> {
    let step = |name: &'static str| move |result: rustix::io::Result<()>| result.for_the(Mechanism::ReadOnlyRoot, name);
    let root = tmpfs(4 << 20, 4096).for_the(Mechanism::ReadOnlyRoot, "make")?;
    let over = MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH;
    step("attach")(move_mount(&root, "", CWD, "/", over))?;
    for directory in ["etc", "dev/shm", "proc", "tmp", "home/builder", "build", ".work"] {
        step("fill")(create_directories(&root, Path::new(directory)))?;
    }
    for (path, content) in FILES {
        step("fill")(write_file(&root, path, content.as_bytes()))?;
    }
    for (link, target) in [("fd", "/proc/self/fd"), ("stdin", "fd/0"), ("stdout", "fd/1"), ("stderr", "fd/2")] {
        step("fill")(rustix::fs::symlinkat(target, &root, Path::new("dev").join(link)))?;
    }
    for (source, target) in sources.mounts {
        let refused = |error: rustix::io::Errno| Refusal::NoMount(target.clone(), error.to_string());
        mount(&root, source, relative(&target)).map_err(refused)?;
    }
    for (name, tree) in sources.devices {
        step("devices")(device(&root, name, &tree))?;
    }
    let work = tmpfs(plan.disk, plan.disk / BYTES_FOR_EACH_FILE + 64).for_the(Mechanism::SizedTmpfs, "make")?;
    writable_places(&root, &work).for_the(Mechanism::SizedTmpfs, "attach")?;
    proc(&root).for_the(Mechanism::ReadOnlyProc, "mount")?;
    Ok((root, work))
}

fn mount(root: &OwnedFd, source: Source, target: &Path) -> rustix::io::Result<()> {
    if let Some(parent) = target.parent() {
        create_directories(root, parent)?;
    }
    let there = || lookup(root, target, OFlags::PATH).is_ok();
    match source {
        Source::Link(text) => rustix::fs::symlinkat(text, root, target),
        Source::Tree { tree, is_directory } => {
            if is_directory {
                create_directories(root, target)?;
            } else if !there() {
                write_file(root, target, b"")?;
            }
            raw::mount_setattr(&tree, READ_ONLY | libc::MOUNT_ATTR_NODEV, true).map_err(|error| errno(&error))?;
            attach(&tree, root, target)
        }
    }
}

fn errno(error: &io::Error) -> rustix::io::Errno {
    rustix::io::Errno::from_io_error(error).unwrap_or(rustix::io::Errno::IO)
}

fn device(root: &OwnedFd, name: &str, tree: &OwnedFd) -> rustix::io::Result<()> {
    let place = Path::new("dev").join(name);
    write_file(root, &place, b"")?;
    // Read-only keeps the node's mode and times as they are; devices can be written all the same.
    raw::mount_setattr(tree, READ_ONLY | libc::MOUNT_ATTR_NOEXEC, false).map_err(|error| errno(&error))?;
    attach(tree, root, &place)
}

/// One file system behind all writable places, so that one size limits them together.
fn writable_places(root: &OwnedFd, work: &OwnedFd) -> rustix::io::Result<()> {
    attach(work, root, Path::new(".work"))?;
    for (inside, behind) in PLACES {
        let mode = if matches!(behind, "tmp" | "shm") { 0o1777 } else { 0o755 };
        rustix::fs::mkdirat(work, behind, Mode::from_raw_mode(mode))?;
        // Not subject to the mask of `mkdirat`.
        let directory =
            rustix::fs::openat(work, behind, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
        rustix::fs::fchmod(&directory, Mode::from_raw_mode(mode))?;
        attach(clone_tree(work, behind)?, root, relative(Path::new(inside)))?;
    }
    Ok(())
}

/// A `/proc` of the new process namespace. All that is not needed is covered by an empty file or directory.
fn proc(root: &OwnedFd) -> rustix::io::Result<()> {
    let configuration = fsopen("proc", FsOpenFlags::FSOPEN_CLOEXEC)?;
    fsconfig_create(configuration.as_fd())?;
    let attributes =
        MountAttrFlags::MOUNT_ATTR_NOSUID | MountAttrFlags::MOUNT_ATTR_NODEV | MountAttrFlags::MOUNT_ATTR_NOEXEC;
    let proc = fsmount(configuration.as_fd(), FsMountFlags::FSMOUNT_CLOEXEC, attributes)?;
    attach(&proc, root, Path::new("proc"))?;
    let proc = lookup(root, Path::new("proc"), OFlags::RDONLY | OFlags::DIRECTORY)?;
    // Of no permissions: what opens one of them is told that it may not.
    rustix::fs::mkdirat(root, ".covering", Mode::empty())?;
    let empty = rustix::fs::openat(
        root,
        ".covered",
        OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC,
        Mode::empty(),
    )?;
    drop(empty);
    for entry in rustix::fs::Dir::read_from(&proc)? {
        let entry = entry?;
        let name = entry.file_name().to_bytes();
        let is_shown = PROC_ENTRIES.iter().any(|shown| shown.as_bytes() == name);
        if is_shown || name.starts_with(b".") || name.iter().all(u8::is_ascii_digit) {
            continue;
        }
        let cover = match entry.file_type() {
            FileType::Directory => ".covering",
            FileType::RegularFile => ".covered",
            // `self`, `net` and the like are links into the own process's directory.
            _ => continue,
        };
        let cover = clone_tree(root, cover)?;
        raw::mount_setattr(&cover, READ_ONLY | libc::MOUNT_ATTR_NODEV | libc::MOUNT_ATTR_NOEXEC, false)
            .map_err(|error| errno(&error))?;
        attach(&cover, &proc, Path::new(std::ffi::OsStr::from_bytes(name)))?;
    }
    Ok(())
}

/// Sets the kernel's own limits for these namespaces, then makes `/proc` read-only. Says whether process ids could
/// be limited.
pub(super) fn restrict_kernel(root: &OwnedFd, plan: &Plan) -> Result<bool, Refusal> {
    let write = |name: &str, value: &str| -> rustix::io::Result<()> {
        let file = lookup(root, &Path::new("proc/sys").join(name), OFlags::WRONLY)?;
        rustix::io::write(&file, value.as_bytes()).map(drop)
    };
    write("user/max_user_namespaces", "0").for_the(Mechanism::NoUserNamespaces, "limit")?;
    for kind in ["mnt", "pid", "net", "ipc", "uts", "cgroup"] {
        write(&format!("user/max_{kind}_namespaces"), "0").for_the(Mechanism::NoUserNamespaces, "limit the others")?;
    }
    // Since Linux 6.14 each process namespace has its own; before, this file is not ours to write. Ids below 300 are
    // not given out again once the ids have wrapped around.
    let is_limited = write("kernel/pid_max", &(plan.processes.saturating_add(332)).to_string()).is_ok();
    let proc = lookup(root, Path::new("proc"), OFlags::PATH).for_the(Mechanism::ReadOnlyProc, "open")?;
    raw::mount_setattr(&proc, READ_ONLY | libc::MOUNT_ATTR_NODEV | libc::MOUNT_ATTR_NOEXEC, true)
        .for_the(Mechanism::ReadOnlyProc, "lock")?;
    Ok(is_limited)
}

/// Makes the new root the only one, and read-only.
pub(super) fn enter(root: &OwnedFd) -> Result<(), Refusal> {
    let enter = || -> io::Result<()> {
        rustix::fs::unlinkat(root, ".covered", rustix::fs::AtFlags::empty())?;
        rustix::fs::unlinkat(root, ".covering", rustix::fs::AtFlags::REMOVEDIR)?;
        rustix::process::fchdir(root)?;
        // The old root ends up on top of the new one, from where it is taken away.
        rustix::process::pivot_root(".", ".")?;
        rustix::mount::unmount(".", UnmountFlags::DETACH)?;
        rustix::process::chdir("/")?;
        rustix::mount::unmount("/.work", UnmountFlags::DETACH)?;
        rustix::fs::unlinkat(root, ".work", rustix::fs::AtFlags::REMOVEDIR)?;
        raw::mount_setattr(root, READ_ONLY | libc::MOUNT_ATTR_NODEV, false)
    };
    enter().for_the(Mechanism::ReadOnlyRoot, "enter")
}
