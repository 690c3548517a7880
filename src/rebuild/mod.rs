//! Rebuilding a package from its source: what would be run, with which tools, and running it in the sandbox.
//!
//! [`strategy`] writes plans, [`definitions`] reads those that people wrote, [`commands`] turns a plan into command
//! lines. [`lockfile`] says which releases a lockfile names, [`view`] serves them to a package manager inside the
//! sandbox, [`toolchain`] brings the programs. Nothing here decides what a rebuild proves; the comparison does. Fetched
//! code is run by the `sandbox` crate alone.

pub mod commands;
pub mod definitions;
pub mod lockfile;
mod main_files;
pub mod plan;
pub mod run;
pub mod strategy;
pub mod toolchain;
pub mod view;

pub use main_files::main_files;
pub use plan::Plan;
