//! Control groups, where the machine lets the caller make one.
//!
//! They are the only means that counts what the kernel itself holds for the processes, and that limits a sum at the
//! moment it is reached. Version 2 as root or where the caller's own group is delegated to it, version 1 as root.
//! A group is made beside (version 2, where a group with children may hold no processes) or below (version 1) the
//! caller's own, so every limit that the caller is under holds for the sandbox as well.

use crate::mechanism::Mechanism;
use crate::policy::Limits;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// Begins the name of each group that is made here; the caller's process id and a number follow.
const PREFIX: &str = "tarproof-";

/// The groups of one session; removed when dropped.
#[derive(Debug, Default)]
pub(crate) struct Groups {
    made: Vec<PathBuf>,
    memory: Option<Memory>,
    has_processes: bool,
}

#[derive(Debug)]
enum Memory {
    One(PathBuf),
    Two(PathBuf),
}

/// Where the caller's own group of one hierarchy lies.
fn own_group(mounts: &str, own: &str, controller: Option<&str>) -> Option<PathBuf> {
    let path = own.lines().find_map(|line| {
        let mut fields = line.splitn(3, ':');
        let (_, controllers, path) = (fields.next()?, fields.next()?, fields.next()?);
        let is_it = match controller {
            None => controllers.is_empty(),
            Some(name) => controllers.split(',').any(|controller| controller == name),
        };
        is_it.then_some(path)
    })?;
    mounts.lines().find_map(|line| {
        let (before, after) = line.split_once(" - ")?;
        let (root, place) = (before.split(' ').nth(3)?, before.split(' ').nth(4)?);
        let mut after = after.split(' ');
        let (kind, options) = (after.next()?, after.nth(1)?);
        let is_it = match controller {
            None => kind == "cgroup2",
            Some(name) => kind == "cgroup" && options.split(',').any(|option| option == name),
        };
        let below = Path::new(path).strip_prefix(root).ok()?;
        is_it.then(|| Path::new(place).join(below))
    })
}

impl Groups {
    /// Makes what can be made, and moves the process into it. What cannot be had is left out.
    pub(crate) fn make(process: u32, limits: &Limits) -> Self {
        let mut groups = Self::default();
        let (Ok(mounts), Ok(own)) =
            (fs::read_to_string("/proc/self/mountinfo"), fs::read_to_string("/proc/self/cgroup"))
        else {
            return groups;
        };
        groups.two(&mounts, &own, process, limits);
        if groups.memory.is_none() {
            groups.one(&mounts, &own, process, limits);
        }
        groups
    }

    fn two(&mut self, mounts: &str, own: &str, process: u32, limits: &Limits) {
        let Some(own) = own_group(mounts, own, None) else { return };
        // The root may hold processes beside children; below it only a sibling will do.
        let parent = if own.join("cgroup.type").exists() { own.parent() } else { Some(own.as_path()) };
        let Some(parent) = parent else { return };
        let controllers = fs::read_to_string(parent.join("cgroup.subtree_control")).unwrap_or_default();
        if !controllers.split_whitespace().any(|controller| controller == "memory") {
            return;
        }
        let has_processes = controllers.split_whitespace().any(|controller| controller == "pids");
        let Ok(group) = new_group(parent) else { return };
        self.made.push(group.clone());
        let set = || -> io::Result<()> {
            fs::write(group.join("memory.max"), limits.memory.to_string())?;
            if group.join("memory.swap.max").exists() {
                fs::write(group.join("memory.swap.max"), "0")?;
            }
            if has_processes {
                fs::write(group.join("pids.max"), pids(limits))?;
            }
            fs::write(group.join("cgroup.procs"), process.to_string())
        };
        if set().is_ok() {
            self.memory = Some(Memory::Two(group.clone()));
            self.has_processes = has_processes;
        }
    }

    fn one(&mut self, mounts: &str, own: &str, process: u32, limits: &Limits) {
        let mut make = |controller: &str, file: &str, value: &str| -> io::Result<PathBuf> {
            let parent = own_group(mounts, own, Some(controller)).ok_or(io::ErrorKind::NotFound)?;
            let group = new_group(&parent)?;
            self.made.push(group.clone());
            fs::write(group.join(file), value)?;
            fs::write(group.join("cgroup.procs"), process.to_string())?;
            Ok(group)
        };
        let memory = make("memory", "memory.limit_in_bytes", &limits.memory.to_string());
        self.has_processes = make("pids", "pids.max", &pids(limits)).is_ok();
        self.memory = memory.ok().map(Memory::One);
    }

    /// What the kernel enforces by them.
    pub(crate) fn mechanisms(&self) -> impl Iterator<Item = Mechanism> {
        let memory = self.memory.is_some().then_some(Mechanism::MemoryCgroup);
        memory.into_iter().chain(self.has_processes.then_some(Mechanism::PidsCgroup))
    }

    /// Whether the sum of memory is limited by the kernel.
    pub(crate) fn limits_memory(&self) -> bool {
        self.memory.is_some()
    }

    /// How many processes the kernel has ended because memory was used up.
    pub(crate) fn out_of_memory(&self) -> u64 {
        match &self.memory {
            Some(Memory::Two(group)) => number_after(&group.join("memory.events"), "oom_kill"),
            Some(Memory::One(group)) => number_after(&group.join("memory.oom_control"), "oom_kill"),
            None => 0,
        }
    }

    /// Bytes at the highest point since the group was made, where the kernel keeps it.
    pub(crate) fn peak_memory(&self) -> Option<u64> {
        let file = match self.memory.as_ref()? {
            Memory::Two(group) => group.join("memory.peak"),
            Memory::One(group) => group.join("memory.max_usage_in_bytes"),
        };
        fs::read_to_string(file).ok()?.trim().parse().ok()
    }
}

/// The sandbox's own two processes count as well.
fn pids(limits: &Limits) -> String {
    limits.processes.saturating_add(2).to_string()
}

fn number_after(file: &Path, name: &str) -> u64 {
    let text = fs::read_to_string(file).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.and_then(|value| value.trim().parse().ok()).unwrap_or(0)
}

/// Makes a group with a name of its own, after removing those that callers left behind that were killed.
fn new_group(parent: &Path) -> io::Result<PathBuf> {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    sweep(parent)?;
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let group = parent.join(format!("{PREFIX}{}-{number}", std::process::id()));
    fs::create_dir(&group)?;
    Ok(group)
}

/// Removes the groups of callers that are no more: the one thing that outlives a caller that was killed.
///
/// A caller in another process namespace looks dead from here, but the kernel keeps a group that holds processes. One
/// that is taken away before it holds any is a limit that could not be had, which `Session::enforced` tells.
fn sweep(parent: &Path) -> io::Result<()> {
    for entry in fs::read_dir(parent)?.flatten() {
        let name = entry.file_name();
        let caller = name.to_str().and_then(caller_of);
        if caller.is_some_and(|caller| !Path::new("/proc").join(caller.to_string()).exists()) {
            let _ = fs::remove_dir(entry.path());
        }
    }
    Ok(())
}

/// The process id in the name of a group that was made here.
fn caller_of(name: &str) -> Option<u32> {
    let (caller, number) = name.strip_prefix(PREFIX)?.split_once('-')?;
    number.parse::<u32>().ok()?;
    caller.parse().ok()
}

impl Drop for Groups {
    fn drop(&mut self) {
        for group in &self.made {
            // The kernel may need a moment to count the last process out.
            for _ in 0..50 {
                match fs::remove_dir(group) {
                    Err(error) if error.kind() == io::ErrorKind::ResourceBusy => {
                        std::thread::sleep(Duration::from_millis(2));
                    }
                    _ => break,
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOUNTS: &str = "30 25 0:26 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n\
                          31 25 0:27 /box /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n";
    const OWN: &str = "4:memory:/user/one\n0::/box/session\n";

    #[test]
    fn groups_of_dead_callers_are_swept_and_no_others() {
        let parent = tempfile::tempdir().unwrap();
        // Beyond the kernel's highest process id.
        let dead = format!("{PREFIX}4194305-0");
        let kept = [
            &format!("{PREFIX}{}-0", std::process::id()),
            "tarproof-x-0",
            "tarproof-4194305-",
            "tarproof-4194305",
            "4194305-0",
        ];
        for name in kept.into_iter().chain([&*dead]) {
            fs::create_dir(parent.path().join(name)).unwrap();
        }
        sweep(parent.path()).unwrap();
        assert!(!parent.path().join(dead).exists());
        assert!(kept.iter().all(|name| parent.path().join(name).is_dir()));
    }

    /// The kernel's files are plain ones here, so this shows what is written where, and not what it does.
    #[test]
    fn version_two_gets_a_group_beside_the_own_one() {
        let root = tempfile::tempdir().unwrap();
        let mounts = format!("31 25 0:27 / {} rw - cgroup2 cgroup2 rw\n", root.path().display());
        let slice = root.path().join("slice");
        fs::create_dir_all(slice.join("session")).unwrap();
        fs::write(slice.join("session/cgroup.type"), "domain\n").unwrap();
        let limits = Limits { memory: 1 << 20, processes: 7, disk: 1 };
        let made = |controllers: &str| {
            fs::write(slice.join("cgroup.subtree_control"), controllers).unwrap();
            let mut groups = Groups::default();
            groups.two(&mounts, "0::/slice/session\n", 12, &limits);
            groups
        };
        assert!(made("cpu pids\n").made.is_empty(), "memory is not delegated");
        let groups = made("cpu memory pids\n");
        let group = groups.made[0].clone();
        assert_eq!(group.parent(), Some(&*slice));
        let read = |name: &str| fs::read_to_string(group.join(name)).unwrap();
        assert_eq!(
            (read("memory.max"), read("pids.max"), read("cgroup.procs")),
            ("1048576".into(), "9".into(), "12".into())
        );
        assert_eq!(groups.mechanisms().collect::<Vec<_>>(), [Mechanism::MemoryCgroup, Mechanism::PidsCgroup]);
        fs::write(group.join("memory.events"), "low 0\noom 3\noom_kill 2\noom_group_kill 0\n").unwrap();
        fs::write(group.join("memory.peak"), "4096\n").unwrap();
        assert_eq!((groups.out_of_memory(), groups.peak_memory()), (2, Some(4096)));
        assert_eq!(made("memory\n").mechanisms().collect::<Vec<_>>(), [Mechanism::MemoryCgroup]);
    }

    #[test]
    fn the_own_group_is_found_by_controller() {
        assert_eq!(own_group(MOUNTS, OWN, Some("memory")), Some(PathBuf::from("/sys/fs/cgroup/memory/user/one")));
        assert_eq!(own_group(MOUNTS, OWN, None), Some(PathBuf::from("/sys/fs/cgroup/unified/session")));
        assert_eq!(own_group(MOUNTS, OWN, Some("pids")), None);
    }
}
