//! Rebuilding a package from its source: what would be run, with which tools, and running it in the sandbox.
//!
//! Nothing here decides what a rebuild proves; the comparison does. Fetched code is run by the `sandbox` crate
//! alone.

pub mod plan;

pub use plan::Plan;
