//! The programs of a rebuild, taken from the registry: Node, npm, yarn, pnpm and bun.
//!
//! [`Toolchains::provide`] turns a plan's requests into directories of this machine that are mounted read-only.
//! Each is the unpacked tarball of one registry package, kept under the tarball's digest. The packages of Node are
//! not published by the Node project, so their bytes are held to a table that is part of this program
//! (`pinned.rs`); those of the others to what the registry states. Nothing is run here.

mod choose;
mod error;
mod pinned;
mod provide;
mod store;

pub use choose::Choice;
pub use error::ToolchainError;
pub use pinned::Platform;
pub use provide::{Tool, ToolName, Toolchain, Toolchains};

#[cfg(test)]
mod tests;
