//! The trust boundary: the only crate that may run fetched code, and the only one that may use `unsafe`.
//!
//! Policy in, outcome out. A [`Session`] is one file system in memory and one set of namespaces. The caller fills its
//! work area, runs commands one after another, and reads what they left; each command's processes are all gone before
//! the next one starts. There is no weaker fallback: what [`Mechanism::is_optional`] does not name must be had, or
//! [`Session::start`] fails, and nothing was run.
//!
//! ```no_run
//! use tarproof_sandbox::{Command, Environment, Limits, Mount, NetworkPolicy, Policy, RunLimits, Sandbox, Session};
//! use std::time::Duration;
//!
//! fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     // Before anything else: the sandbox's first process is this executable, started again.
//!     tarproof_sandbox::run_if_init();
//!     let mounts = ["/usr", "/bin", "/lib", "/lib64"].map(Mount::same).into_iter().collect::<Result<_, _>>()?;
//!     let limits = Limits { memory: 2 << 30, processes: 256, disk: 1 << 30 };
//!     let policy = Policy { mounts, network: NetworkPolicy::None, limits };
//!     let mut session = Session::start(&Sandbox::default(), &policy)?;
//!     session.put("/build/input.txt".as_ref(), 0o644, &mut b"text".as_slice())?;
//!     let command = Command {
//!         program: "/bin/sh".into(),
//!         arguments: vec!["-c".into(), "cp input.txt output.txt".into()],
//!         environment: Environment::minimal(),
//!         working_directory: "/build".into(),
//!         limits: RunLimits {
//!             wall_time: Duration::from_secs(60),
//!             processor_time: Duration::from_secs(60),
//!             output: 1 << 20,
//!             file_size: 1 << 30,
//!         },
//!     };
//!     let outcome = session.run(&command, &mut |text| eprintln!("{}", text.escape_ascii()))?;
//!     assert!(outcome.succeeded());
//!     assert_eq!(session.read("/build/output.txt".as_ref(), 1024)?, b"text");
//!     Ok(())
//! }
//! ```
//!
//! Where to start reading: [`Session`] is the outside, `init` the inside; `docs/sandbox.md` says what is enforced, in
//! which order and why, and what is not.

#![deny(unsafe_code)]

#[cfg(not(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64"))))]
compile_error!("the sandbox is made of what Linux offers, and knows the system calls of x86_64 and aarch64 only");

mod cgroup;
mod identity;
mod init;
mod mechanism;
mod outcome;
mod place;
mod policy;
mod probe;
mod raw;
mod session;
mod wire;
mod work_area;

pub use init::run_if_init;
pub use mechanism::Mechanism;
pub use outcome::{Limit, Outcome, SandboxError, Status, Usage};
pub use policy::{
    BUILD_DIRECTORY, Command, Environment, HOME_DIRECTORY, Limits, LimitsError, Mount, MountError, NetworkPolicy,
    Policy, RunLimits,
};
pub use probe::{Offer, Support, probe};
pub use session::{Sandbox, Session};
pub use work_area::{Entry, EntryKind, WalkLimits};
