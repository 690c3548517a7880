//! Finds out how a package was built: reads the commit, and the registry's claims, and writes plans.
//!
//! Nothing is run and nothing is fetched. Everything read is hostile: sizes, depths and counts are bounded, and
//! what is malformed says nothing. Start at [`infer`]; `workflow` and `lifecycle` find the steps, `expand` decides
//! about each single command, `toolchain` and `package_manager` choose the programs.

mod assemble;
mod classify;
mod commit;
mod expand;
mod infer;
mod inputs;
mod lifecycle;
mod makefile;
mod node_releases;
mod package_manager;
mod removal;
mod rewriter;
mod scripts;
mod semantic_release;
mod shell;
mod shell_build;
mod shell_file;
mod toolchain;
mod workflow;
mod workflow_file;
mod workspace;

#[cfg(test)]
pub(crate) mod test_tree;
#[cfg(test)]
mod tests;

pub(crate) use commit::files_about_building;
pub use infer::infer;
pub use inputs::{Claims, Inputs, NoPlan};
