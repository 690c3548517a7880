//! Jobs on a Temporal server: the dispatcher for more machines than one.
//!
//! Each job is one standalone activity. Its id is the job's key, so that the server refuses a second one; its task queue
//! is named after the registry and the conditions, so that no worker gets a job that it would judge otherwise. The server
//! keeps what is queued, hands it out, notices silent workers and waits between tries. Results never pass through it:
//! workers put them into the store, where the first settled one stands, and tell the server only that they did.
//!
//! [`Temporal`] queues and asks, [`work`] is the worker. What crosses the wire is in `message.rs`.

mod activity;
mod connect;
mod dispatch;
mod message;
mod runs;
mod work;

pub use connect::{EngineSettings, Temporal};
pub use work::{WorkerQueue, work};
