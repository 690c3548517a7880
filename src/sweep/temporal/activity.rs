//! The server's side of one job: it comes in, it stays alive, and its end goes out.

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use temporalio_common::error::ApplicationFailure;
use temporalio_common::{ActivityDefinition, ActivityError};
use temporalio_sdk::activities::{ActivityContext, ActivityDefinitions, ActivityImplementer, ExecutableActivity};
use tokio::sync::{mpsc, oneshot};

use super::message::{ACTIVITY, DoneMessage, FINAL, JobMessage, NEXT_SWEEP, SOON};
use crate::package::Sha256Digest;
use crate::sweep::{Leased, MAX_ERROR};

/// The activity that verifies a release.
#[derive(Debug, Clone, Copy)]
pub(super) struct VerifyRelease;

/// Where activities bring their jobs. The verifications are driven by [`super::work`] on one thread; the library runs
/// activities as tasks of their own.
#[derive(Debug)]
pub(super) struct Desk {
    pub(super) orders: mpsc::UnboundedSender<Order>,
    pub(super) heartbeat: Duration,
    /// The conditions of this worker, and its version: a result that it makes stands for no others.
    pub(super) policy: Sha256Digest,
    pub(super) tool: String,
}

/// A job that is to be done, and who waits for its end. Nobody waits any more once it was cancelled.
#[derive(Debug)]
pub(super) struct Order {
    pub(super) leased: Leased,
    pub(super) end: oneshot::Sender<End>,
}

/// How a job ended, as the server is told.
#[derive(Debug)]
pub(super) enum End {
    /// With a result that is in the store.
    Done(DoneMessage),
    /// Without one, and it is to be tried again after a while.
    Retry { wait: Duration, error: String },
    /// Without one, and it is not tried again in this sweep.
    Failed { error: String, is_final: bool },
}

impl ActivityDefinition for VerifyRelease {
    type Input = JobMessage;
    type Output = DoneMessage;

    fn name(&self) -> &str {
        ACTIVITY
    }
}

impl ExecutableActivity for VerifyRelease {
    type Implementer = Desk;
    const REQUIRES_INSTANCE: bool = true;

    fn definition() -> Self {
        Self
    }

    fn execute(
        desk: Option<Arc<Desk>>,
        context: ActivityContext,
        message: JobMessage,
    ) -> BoxFuture<'static, Result<DoneMessage, ActivityError>> {
        async move {
            let desk = desk.ok_or_else(|| failure(SOON, "the worker is not ready", None))?;
            verify(&desk, &context, message).await
        }
        .boxed()
    }
}

impl ActivityImplementer for Desk {
    fn register_all(self: Arc<Self>, definitions: &mut ActivityDefinitions) {
        definitions.register_activity::<VerifyRelease>(self);
    }
}

async fn verify(desk: &Desk, context: &ActivityContext, message: JobMessage) -> Result<DoneMessage, ActivityError> {
    let info = context.info();
    let leased = message
        .leased(&info.activity_id, info.attempt)
        .map_err(|error| failure(FINAL, &format!("the job cannot be read: {error}"), None))?;
    if leased.job.policy != desk.policy || leased.job.tool != desk.tool {
        return Err(failure(NEXT_SWEEP, "it was put into the queue of other conditions, or of another version", None));
    }
    let (end, mut ended) = oneshot::channel();
    // Nobody is there when the worker is about to end at once: then another one gets the job.
    let gone = |_| ActivityError::cancelled();
    desk.orders.send(Order { leased, end }).map_err(|_| ActivityError::cancelled())?;
    let mut heartbeat = tokio::time::interval(desk.heartbeat);
    loop {
        tokio::select! {
            ended = &mut ended => return ended.map_err(gone).and_then(answer),
            _ = heartbeat.tick() => context.record_heartbeat(()).await?,
            // By an operator, or because this worker stops: the library tells the server which, and in the latter case
            // it is tried again elsewhere. Dropping `ended` ends the verification.
            () = context.cancelled() => return Err(ActivityError::cancelled()),
        }
    }
}

fn answer(end: End) -> Result<DoneMessage, ActivityError> {
    match end {
        End::Done(done) => Ok(done),
        End::Retry { wait, error } => Err(failure(SOON, &error, Some(wait))),
        End::Failed { error, is_final } => Err(failure(if is_final { FINAL } else { NEXT_SWEEP }, &error, None)),
    }
}

fn failure(kind: &str, error: &str, wait: Option<Duration>) -> ActivityError {
    let error: String = error.chars().take(MAX_ERROR).collect();
    let failure = ApplicationFailure::builder(error).type_name(kind.to_owned()).non_retryable(kind != SOON);
    ActivityError::application(failure.maybe_next_retry_delay(wait).build())
}
