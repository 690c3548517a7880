//! Turns a plan into command lines: what is run in which phase, with which variables and which files beside it.
//!
//! Pure: nothing is run and no disk is read. Everything a package manager is told comes from the environment, from
//! flags and from files outside of the build tree, so that nothing of ours can be packed. Start at [`phases`].

mod clock;
mod edits;
mod environment;
mod install;
mod installable;
mod pack;
mod phases;
mod programs;
mod shell;

#[cfg(test)]
mod tests;

pub use clock::clock_script;
pub use edits::{Edit, point_yarn_lock_at, stamp_version};
pub use phases::{Command, InsideFile, PhaseError, Phases, Surroundings, check, phases};
pub use shell::shell_phases;

/// Where the programs are: `node`, `npm`, `yarn`, `pnpm` and `bun`, each a package's directory.
pub const TOOLCHAIN: &str = "/toolchain";
/// Small programs that start those.
pub const SHIMS: &str = "/toolchain/bin";
/// The script that shifts the clock.
pub const CLOCK: &str = "/toolchain/clock.cjs";
/// The home directory: caches and settings, no part of the build tree.
pub const HOME: &str = concat!("/home", "/builder");
/// Where the tarball goes.
pub const OUTPUT: &str = concat!("/home", "/builder/out");
