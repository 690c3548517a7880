//! Who the sandbox's user is outside.

use crate::mechanism::Mechanism;
use crate::outcome::SandboxError;
use std::fs;
use std::io;
use std::path::PathBuf;

/// The user and the group inside.
pub(crate) const BUILDER: u32 = 1000;
/// Ids for the outside when the caller is root: ones that no distribution gives out, the second for a caller that is
/// itself in a user namespace of the usual 65,536 ids.
const CANDIDATES: [u32; 2] = [700_000, 64_321];

/// The ids that the sandbox has for everybody else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Outer {
    user: u32,
    group: u32,
    /// Whether the caller may give up its groups, because it is root.
    pub(crate) clears_groups: bool,
}

impl Outer {
    /// As an ordinary user its own ids: the kernel lets it map no others. As root those of nobody.
    pub(crate) fn choose(configured: Option<u32>) -> Result<Self, SandboxError> {
        let (user, group) = (rustix::process::geteuid(), rustix::process::getegid());
        if !user.is_root() {
            return Ok(Self { user: user.as_raw(), group: group.as_raw(), clears_groups: false });
        }
        let unsupported = |reason: String| SandboxError::Unsupported { mechanism: Mechanism::UnprivilegedUid, reason };
        let candidates = configured.map_or_else(|| CANDIDATES.to_vec(), |id| vec![id]);
        let maps =
            ["uid_map", "gid_map"].map(|name| fs::read_to_string(format!("/proc/self/{name}")).unwrap_or_default());
        let is_usable = |id: &u32| *id != 0 && maps.iter().all(|map| covers(map, *id));
        match candidates.iter().find(|id| is_usable(id)) {
            Some(id) => Ok(Self { user: *id, group: *id, clears_groups: true }),
            None => Err(unsupported(format!("none of the ids {candidates:?} exists in this user namespace"))),
        }
    }

    /// Gives the process, which has left for a user namespace, its ids.
    pub(crate) fn map(self, process: u32) -> io::Result<()> {
        let directory = PathBuf::from(format!("/proc/{process}"));
        if !self.clears_groups {
            fs::write(directory.join("setgroups"), "deny")?;
        }
        fs::write(directory.join("uid_map"), format!("{BUILDER} {} 1\n", self.user))?;
        fs::write(directory.join("gid_map"), format!("{BUILDER} {} 1\n", self.group))
    }
}

/// Whether an id exists in a user namespace with this map.
fn covers(map: &str, id: u32) -> bool {
    map.lines().any(|line| {
        let numbers: Vec<u64> = line.split_whitespace().filter_map(|number| number.parse().ok()).collect();
        let id = u64::from(id);
        matches!(numbers[..], [first, _, count] if id >= first && id - first < count)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_exists_only_where_it_is_mapped() {
        assert!(covers("         0          0 4294967295\n", 700_000));
        assert!(covers("0 1000 1\n1 100000 65536\n", 64_321));
        assert!(!covers("0 1000 1\n1 100000 65536\n", 700_000));
        assert!(!covers("0 1000 1\n", 1));
    }
}
