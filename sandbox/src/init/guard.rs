//! Landlock: a second guard behind the mounts.
//!
//! What is visible may be read and executed, only the writable places may be written; signals and abstract sockets
//! stay among the processes of one command. Prepared once, put on by each command before it starts; the first
//! process stays outside, so that no command can signal it.

use crate::policy::{BUILD_DIRECTORY, HOME_DIRECTORY};
use crate::raw;
use landlock::{
    ABI, Access, AccessFs, CompatLevel, Compatible, LandlockStatus, PathBeneath, PathFd, Ruleset, RulesetAttr,
    RulesetCreated, RulesetCreatedAttr, Scope,
};
use std::io;

/// Devices that may be written.
const DEVICES: [&str; 5] = ["/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom"];

pub(super) struct Guard {
    rules: RulesetCreated,
    abi: u32,
}

impl Guard {
    /// Nothing where the kernel has no Landlock, or only its first version, which forbids to move files between
    /// directories: no package manager works so.
    pub(super) fn prepare() -> Option<Self> {
        let abi = raw::landlock_version();
        if abi < 2 {
            return None;
        }
        Some(Self { rules: rules().ok()?, abi: abi.min(ABI::V7 as u32) })
    }

    pub(super) fn abi(&self) -> u32 {
        self.abi
    }

    /// Puts the guard on this process and all that come from it.
    pub(super) fn put_on(&self) -> io::Result<()> {
        let status = self.rules.try_clone()?.restrict_self().map_err(io::Error::other)?;
        match status.landlock {
            LandlockStatus::Available { .. } if status.no_new_privs => Ok(()),
            other => Err(io::Error::other(format!("Landlock is {other:?}"))),
        }
    }
}

fn rules() -> Result<RulesetCreated, Box<dyn std::error::Error>> {
    let abi = ABI::V7;
    let writable = AccessFs::from_all(abi) & !(AccessFs::MakeChar | AccessFs::MakeBlock | AccessFs::IoctlDev);
    let mut rules = Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(abi))?
        .scope(Scope::from_all(abi))?
        .create()?
        .add_rule(PathBeneath::new(PathFd::new("/")?, AccessFs::from_read(abi)))?;
    for place in [BUILD_DIRECTORY, HOME_DIRECTORY, "/tmp", "/dev/shm"] {
        rules = rules.add_rule(PathBeneath::new(PathFd::new(place)?, writable))?;
    }
    for device in DEVICES {
        rules = rules.add_rule(PathBeneath::new(PathFd::new(device)?, AccessFs::ReadFile | AccessFs::WriteFile))?;
    }
    Ok(rules)
}
