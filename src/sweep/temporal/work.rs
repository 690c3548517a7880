use std::future::Future;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use temporalio_common::worker::WorkerDeploymentOptions;
use temporalio_sdk::runtime::RuntimeOptions;
use temporalio_sdk::runtime::worker_tuner::{FixedSizeSlotSupplier, TunerHolder};
use temporalio_sdk::{Runtime, Worker, WorkerOptions};
use tokio::sync::{mpsc, watch};

use super::Temporal;
use super::activity::{Desk, End, Order};
use super::message::{DoneMessage, queue};
use crate::package::{Ecosystem, Sha256Digest};
use crate::store::Store;
use crate::sweep::{
    DispatchError, Event, Finished, Leased, Outcome, Stop, WorkSettings, Worked, patiently, with_causes,
};

/// Which jobs a worker takes.
#[derive(Debug, Clone, PartialEq)]
pub struct WorkerQueue {
    /// Of which registry.
    pub ecosystem: Ecosystem,
    /// Under which conditions: those that this worker has.
    pub policy: Sha256Digest,
    /// For which version of the program: this one.
    pub tool: String,
    /// How many may begin a second, those of all workers together; what the last worker says holds for all.
    pub rate: f64,
}

impl WorkerQueue {
    /// What the server calls it.
    pub fn name(&self) -> String {
        queue(self.ecosystem, self.policy, &self.tool)
    }
}

/// Works until somebody asks to stop.
///
/// An error means that the server cannot be worked for. A server that is away for a while is no error; nothing is lost
/// by either: what was not brought to its end is given to others.
pub async fn work<V, F>(
    engine: &Temporal,
    worker_queue: &WorkerQueue,
    verify: V,
    settings: &WorkSettings,
    mut stop: watch::Receiver<Stop>,
    listen: &dyn Fn(Event<'_>),
) -> Result<Worked, DispatchError>
where
    V: Fn(Leased) -> F,
    F: Future<Output = Finished>,
{
    let (orders, mut ordered) = mpsc::unbounded_channel();
    let WorkerQueue { policy, tool, .. } = worker_queue.clone();
    let desk = Desk { orders, heartbeat: settings.heartbeat, policy, tool };
    let (_runtime, mut server) = worker(engine, worker_queue, desk, settings)?;
    let end = server.shutdown_handle();
    let mut serving = std::pin::pin!(server.run());
    let (mut running, mut ending) = (FuturesUnordered::new(), false);
    loop {
        match *stop.borrow_and_update() {
            Stop::No => {}
            // What is under way is finished; what is not by the end of the grace is cancelled and given to others.
            Stop::Gracefully => {
                if !std::mem::replace(&mut ending, true) {
                    end();
                }
            }
            Stop::AtOnce => return Ok(Worked::Stopped),
        }
        tokio::select! {
            served = &mut serving => {
                return served.map(|()| Worked::Stopped).map_err(|error| engine.broken("hand out jobs", &error));
            }
            Some(order) = ordered.recv() => {
                listen(Event::Begun(&order.leased.job));
                running.push(carry_out(order, &engine.store, &verify, settings, listen));
            }
            Some(()) = running.next(), if !running.is_empty() => {}
            // The sender is gone only when nobody can ask any more.
            changed = stop.changed() => if changed.is_err() { std::future::pending::<()>().await },
        }
    }
}

fn worker(
    engine: &Temporal,
    worker_queue: &WorkerQueue,
    desk: Desk,
    settings: &WorkSettings,
) -> Result<(Runtime, Worker), DispatchError> {
    const ACTION: &str = "take a worker";
    let runtime = RuntimeOptions::builder().disable_environment_info(true).build();
    let runtime = runtime.map_err(|error| engine.refused(ACTION, error))?;
    let runtime = Runtime::from_current_tokio(runtime).map_err(|error| engine.broken(ACTION, &error))?;
    let slots = FixedSizeSlotSupplier::new(settings.jobs);
    let tuner = TunerHolder::builder()
        .activity_task_slot_supplier(slots)
        // There are none of these; the library wants to hear of them all the same.
        .workflow_task_slot_supplier(FixedSizeSlotSupplier::new(1))
        .local_activity_task_slot_supplier(FixedSizeSlotSupplier::new(1))
        .nexus_task_slot_supplier(FixedSizeSlotSupplier::new(1))
        .build();
    let options = WorkerOptions::new(worker_queue.name())
        .register_activities(desk)
        .deployment_options(WorkerDeploymentOptions::from_build_id(worker_queue.tool.clone()))
        .max_cached_workflows(0)
        .tuner(tuner)
        .max_task_queue_activities_per_second(worker_queue.rate)
        .max_heartbeat_throttle_interval(settings.heartbeat)
        .default_heartbeat_throttle_interval(settings.heartbeat)
        .graceful_shutdown_period(settings.grace)
        .build();
    let worker = Worker::new(&runtime, engine.client.clone(), options);
    Ok((runtime, worker.map_err(|error| engine.broken(ACTION, &error))?))
}

/// Brings one job to its end, unless nobody waits for it any more.
async fn carry_out<V, F>(order: Order, store: &Store, verify: &V, settings: &WorkSettings, listen: &dyn Fn(Event<'_>))
where
    V: Fn(Leased) -> F,
    F: Future<Output = Finished>,
{
    let Order { leased, mut end } = order;
    let job = leased.job.clone();
    let ended = tokio::select! {
        ended = verify_and_keep(leased.clone(), store, verify, settings, listen) => ended,
        () = end.closed() => {
            listen(Event::Ended(&Finished { leased, outcome: Outcome::GivenBack }));
            return;
        }
    };
    if end.send(ended).is_err() {
        // The result is in the store; whoever gets the job next will find it there.
        tracing::debug!(purl = job.release.purl(), "nobody waits for the end of a job any more");
    }
}

async fn verify_and_keep<V, F>(
    leased: Leased,
    store: &Store,
    verify: &V,
    settings: &WorkSettings,
    listen: &dyn Fn(Event<'_>),
) -> End
where
    V: Fn(Leased) -> F,
    F: Future<Output = Finished>,
{
    let job = &leased.job;
    // Somebody may have been done with it and ended before the server heard of it.
    let settled = patiently(settings, listen, async || Ok(store.settled(job.inputs()).await?));
    match settled.await {
        Ok(Some(settled)) => return End::Done(DoneMessage { verdict: settled.verdict, result: settled.id }),
        Ok(None) => {}
        Err(error) => return store_failed(&error, settings),
    }
    let finished = verify(leased).await;
    let end = match &finished.outcome {
        Outcome::Verified { record, objects } => {
            let append = async || Ok(store.append(record, objects.iter().cloned()).await?);
            match patiently(settings, listen, append).await {
                Ok(appended) => End::Done(DoneMessage { verdict: record.verdict_text(), result: appended.id() }),
                Err(error) => return store_failed(&error, settings),
            }
        }
        Outcome::Retry { wait, error } => End::Retry { wait: *wait, error: error.clone() },
        Outcome::Failed { error, is_final } => End::Failed { error: error.clone(), is_final: *is_final },
        Outcome::GivenBack => End::Retry { wait: settings.poll, error: "it was given back".to_owned() },
    };
    listen(Event::Ended(&finished));
    end
}

/// A store that stays away is not the job's fault; others may reach it.
fn store_failed(error: &DispatchError, settings: &WorkSettings) -> End {
    End::Retry { wait: settings.patience, error: with_causes(error) }
}
