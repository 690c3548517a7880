//! Verifying very many releases, so that it can be interrupted at any moment and goes on where it stood.
//!
//! [`selection`] says which releases are swept, and [`watch`] finds new ones as they are published. [`begin`] turns releases into [`Job`]s and hands them to a [`Dispatcher`], which refuses those that are settled or
//! queued; [`work`] leases them, calls [`verify_job`] for each and hands the results back; [`summarise`] tells what came
//! out. [`Embedded`] is the dispatcher in the store itself. Where one machine is not enough, the dispatcher is a server
//! that hands jobs to workers of its own (`temporal`, a cargo feature); whoever began the sweep [`wait`]s for them.
//! Nothing in [`verify_job`] knows of any dispatcher.

mod conditions;
mod dispatcher;
mod embedded;
mod engine_address;
mod job;
mod pass;
mod queue;
mod retry;
mod run;
pub mod selection;
mod status;
mod summary;
#[cfg(feature = "temporal")]
pub mod temporal;
mod wait;
pub mod watch;
mod worker;

pub use conditions::Conditions;
use dispatcher::MAX_ERROR;
pub use dispatcher::{
    Counts, DispatchError, Dispatcher, Enqueued, FailedJob, Finished, Lease, Leased, Leases, Outcome, WorkerId,
};
pub use embedded::{Embedded, LeaseSettings};
pub use engine_address::{EngineAddress, EngineAddressError};
pub use job::{Job, JobKey, Priority};
pub use pass::{Pass, begin, finish};
pub use retry::{Nature, RetrySettings, nature};
pub use run::verify_job;
pub(crate) use run::with_causes;
pub use status::{HostTime, Status, SweepRow, VerdictCount, status};
pub use summary::{Change, Ended, Summary, summarise};
pub use wait::wait;
pub(crate) use worker::patiently;
pub use worker::{Event, Stop, WorkSettings, Worked, work};
