//! The command line: flags become a request, outcomes become text and an exit code.
//!
//! Only this module reads the process environment and prints.

mod arguments;
mod commands;
mod engine;
mod error;
mod output;
mod panics;
mod rendered;
mod setup;
mod stop;
mod sweep_report;
mod watch_report;
#[cfg(feature = "temporal")]
mod worker_report;

pub use arguments::{Arguments, parse};
pub use commands::run;
pub use panics::quiet_parsers;
