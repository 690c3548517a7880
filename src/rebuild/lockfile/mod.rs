//! The releases that a lockfile names, whatever package manager wrote it.
//!
//! Only what an installation would fetch is read: name, version, integrity and address. Who depends on whom is
//! the package manager's business. Lockfiles come from the repository and are hostile: sizes are bounded, every
//! name, version and digest is parsed, and no address is ever followed: a tarball comes from the user's own
//! registry. Start at [`Closure::read`].

mod bun;
mod closure;
mod leave_out;
mod npm;
mod npm_places;
mod pnpm;
mod rewrite;
mod yarn_berry;
mod yarn_classic;

pub(super) use closure::split_descriptor;
pub use closure::{Bundled, Bundler, Closure, Locked, LockfileError, LockfileFormat, Unfetchable, UnfetchableKind};
pub(crate) use leave_out::LISTS;
pub use leave_out::{LeftOut, is_foreign, leave_out, manifest_without};
pub use rewrite::with_registry;

#[cfg(test)]
mod tests;
