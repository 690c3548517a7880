//! What this machine offers, for people who want to mend it.

use crate::mechanism::Mechanism;
use crate::outcome::SandboxError;
use crate::policy::{Limits, NetworkPolicy, Policy};
use crate::session::{Sandbox, Session};
use std::fs;

/// Whether one mechanism can be had.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Offer {
    /// It was in force in a sandbox that was started to see.
    Offered,
    /// It could not be had.
    Missing {
        /// Why.
        reason: String,
        /// What the machine's owner may do about it, where that is known: a command, or what to ask for.
        remedy: Option<String>,
    },
    /// It was not reached, because one before it is missing.
    Untried,
}

/// What the machine offers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Support {
    /// Every mechanism, the mandatory ones first.
    pub mechanisms: Vec<(Mechanism, Offer)>,
    /// Why no sandbox can be started, if none can.
    pub obstacle: Option<String>,
}

impl Support {
    /// Whether a sandbox can be started at all.
    pub fn can_start(&self) -> bool {
        self.obstacle.is_none()
    }
}

/// Starts an empty sandbox and says what was in force. Nothing is run in it.
pub fn probe(sandbox: &Sandbox) -> Support {
    let limits = Limits { memory: 64 << 20, processes: 8, disk: 1 << 20 };
    let policy = Policy { mounts: Vec::new(), network: NetworkPolicy::None, limits };
    let result = Session::start(sandbox, &policy);
    let offer = |mechanism: Mechanism| match &result {
        Ok(session) => {
            let same = |other: &&Mechanism| other.number() == mechanism.number();
            match session.enforced().iter().find(same) {
                Some(enforced) => (*enforced, Offer::Offered),
                None => (mechanism, missing(mechanism, why_optional(mechanism))),
            }
        }
        Err(SandboxError::Unsupported { mechanism: missed, reason }) if *missed == mechanism => {
            (mechanism, missing(mechanism, reason.clone()))
        }
        Err(_) => (mechanism, Offer::Untried),
    };
    let mechanisms = Mechanism::all().map(offer).collect();
    let obstacle = result.as_ref().err().map(|error| match std::error::Error::source(error) {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    });
    Support { mechanisms, obstacle }
}

fn missing(mechanism: Mechanism, reason: String) -> Offer {
    Offer::Missing { reason, remedy: remedy(mechanism) }
}

fn why_optional(mechanism: Mechanism) -> String {
    match mechanism {
        Mechanism::Landlock { .. } => "this kernel has no Landlock, or not its second version",
        Mechanism::MemoryCgroup | Mechanism::PidsCgroup => "no control group with this limit can be made here",
        Mechanism::PidMax => "this kernel has one limit for all process namespaces (before Linux 6.14)",
        _ => "not in force",
    }
    .to_owned()
}

fn setting(name: &str) -> Option<String> {
    Some(fs::read_to_string(format!("/proc/sys/{name}")).ok()?.trim().to_owned())
}

fn remedy(mechanism: Mechanism) -> Option<String> {
    let is_root = rustix::process::geteuid().is_root();
    let in_container = ["/.dockerenv", "/run/.containerenv"].iter().any(|path| fs::exists(path).unwrap_or(false));
    let command = match mechanism {
        Mechanism::UserNamespace
        | Mechanism::MountNamespace
        | Mechanism::PidNamespace
        | Mechanism::NetworkNamespace => {
            if setting("kernel/unprivileged_userns_clone").as_deref() == Some("0") {
                "sysctl -w kernel.unprivileged_userns_clone=1"
            } else if setting("user/max_user_namespaces").as_deref() == Some("0") {
                "sysctl -w user.max_user_namespaces=15000"
            } else if setting("kernel/apparmor_restrict_unprivileged_userns").as_deref() == Some("1") {
                "sysctl -w kernel.apparmor_restrict_unprivileged_userns=0"
            } else if in_container {
                "start the container with --security-opt seccomp=unconfined --security-opt apparmor=unconfined"
            } else {
                return None;
            }
        }
        Mechanism::UnprivilegedUid if is_root => {
            "run as an ordinary user, or give the container more user and group ids"
        }
        Mechanism::ReadOnlyProc => "start the container with --security-opt systempaths=unconfined",
        Mechanism::Landlock { .. } => "boot with `landlock` in the kernel's lsm= parameter, on Linux 5.19 or later",
        Mechanism::MemoryCgroup | Mechanism::PidsCgroup if !is_root => {
            "systemd-run --user --scope --property=Delegate=yes tarproof …"
        }
        _ => return None,
    };
    Some(command.to_owned())
}
