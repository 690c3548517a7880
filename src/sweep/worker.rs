//! The loop of one worker: lease, verify, hand back.
//!
//! Leasing and handing back go on beside the verifications, one call of each at a time. While a call is under way more
//! slots become free and more results arrive, so that under load each call carries many, and nobody has to tune it.

use std::collections::{HashMap, VecDeque};
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use tokio::sync::watch;
use tokio::time::Instant;

use super::{DispatchError, Finished, Job, JobKey, Lease, Leased, Leases, Outcome, WorkerId};

/// How a worker works.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WorkSettings {
    /// Jobs under way at once.
    pub jobs: usize,
    /// How often leases are prolonged; well below their length.
    pub heartbeat: Duration,
    /// How often a worker without work looks whether there is some.
    pub poll: Duration,
    /// How long jobs under way may go on once somebody asked to stop; then they are given back.
    pub grace: Duration,
    /// How long a dispatcher that does not answer is asked again.
    pub patience: Duration,
}

impl Default for WorkSettings {
    fn default() -> Self {
        Self {
            jobs: 32,
            heartbeat: Duration::from_secs(15),
            poll: Duration::from_millis(500),
            grace: Duration::from_secs(20),
            patience: Duration::from_secs(120),
        }
    }
}

/// Whether a worker is to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// When there is nothing left to do.
    No,
    /// Soon: nothing more is begun, and what is under way is finished or given back.
    Gracefully,
    /// At once: others get the jobs when their leases have ended.
    AtOnce,
}

/// What a worker tells while it works.
#[derive(Debug)]
pub enum Event<'a> {
    /// A job is under way.
    Begun(&'a Job),
    /// A job is done with, and the dispatcher has it.
    Ended(&'a Finished),
    /// There is nothing to do at the moment, but so many jobs are not done: others are at them, or they wait.
    Waiting(u64),
    /// The dispatcher does not answer and is asked again.
    Trouble(&'a DispatchError),
}

/// How a worker ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Worked {
    /// Every job is done.
    Everything,
    /// Somebody asked to stop.
    Stopped,
}

type Call<'a, T> = Pin<Box<dyn Future<Output = Result<T, DispatchError>> + 'a>>;

/// Works until no job is left or somebody asks to stop.
///
/// An error means that the dispatcher did not answer for too long. Nothing is lost by it: what was not handed back is
/// given to others when its lease has ended.
pub async fn work<V, F>(
    dispatcher: &impl Leases,
    verify: V,
    settings: &WorkSettings,
    mut stop: watch::Receiver<Stop>,
    listen: &dyn Fn(Event<'_>),
) -> Result<Worked, DispatchError>
where
    V: Fn(Leased) -> F,
    F: Future<Output = Finished>,
{
    let worker = WorkerId::unique();
    let mut running = FuturesUnordered::new();
    let mut held: HashMap<JobKey, Leased> = HashMap::new();
    // Leased ahead: as many as ended while the last call was under way, whose slots would have stood empty. Jobs that take
    // long are left to others until their turn has come.
    let mut ready: VecDeque<Leased> = VecDeque::new();
    let (mut ahead, mut ended_meanwhile) = (0, 0);
    let mut outbox: Vec<Finished> = Vec::new();
    let mut leasing: Option<Call<'_, Lease>> = None;
    let mut handing: Option<Call<'_, Vec<Finished>>> = None;
    // Awaited beside the others like them: each of them may hold what another one waits for.
    let mut beating: Option<Call<'_, ()>> = None;
    let mut idle_until: Option<Instant> = None;
    let mut deadline: Option<Instant> = None;
    let mut heartbeat = tokio::time::interval(settings.heartbeat);
    heartbeat.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        let stopping = *stop.borrow();
        match stopping {
            Stop::No => {}
            Stop::Gracefully => {
                deadline.get_or_insert_with(|| Instant::now() + settings.grace);
                outbox.extend(ready.drain(..).map(|leased| {
                    held.remove(&leased.job.key());
                    Finished { leased, outcome: Outcome::GivenBack }
                }));
            }
            Stop::AtOnce => return Ok(Worked::Stopped),
        }
        if deadline.is_some_and(|deadline| Instant::now() >= deadline + settings.grace) {
            // The dispatcher takes nothing back.
            return Ok(Worked::Stopped);
        }
        if deadline.is_some_and(|deadline| Instant::now() >= deadline) {
            running.clear();
            outbox.extend(held.drain().map(|(_, leased)| Finished { leased, outcome: Outcome::GivenBack }));
        }
        while running.len() < settings.jobs
            && let Some(leased) = ready.pop_front()
        {
            listen(Event::Begun(&leased.job));
            running.push(verify(leased));
        }
        if handing.is_none() && !outbox.is_empty() {
            handing = Some(Box::pin(hand_back(dispatcher, &worker, std::mem::take(&mut outbox), settings, listen)));
        }
        // Results that are not handed back yet count as under way, so that they cannot pile up.
        let free = (settings.jobs + ahead).saturating_sub(held.len() + outbox.len());
        if leasing.is_none() && stopping == Stop::No && free > 0 && idle_until.is_none() {
            ended_meanwhile = 0;
            leasing = Some(Box::pin(lease(dispatcher, &worker, free, settings, listen)));
        }
        if stopping == Stop::Gracefully
            && held.is_empty()
            && outbox.is_empty()
            && leasing.is_none()
            && handing.is_none()
        {
            return Ok(Worked::Stopped);
        }
        let end = deadline.map(|deadline| if held.is_empty() { deadline + settings.grace } else { deadline });
        let wake = [idle_until, end].into_iter().flatten().min();
        tokio::select! {
            Some(finished) = running.next(), if !running.is_empty() => {
                let finished: Finished = finished;
                held.remove(&finished.leased.job.key());
                outbox.push(finished);
                ended_meanwhile += 1;
            }
            leased = pending(&mut leasing) => {
                leasing = None;
                ahead = ended_meanwhile.min(settings.jobs);
                let Lease { jobs, open } = leased?;
                let nothing_here = jobs.is_empty() && held.is_empty() && outbox.is_empty() && handing.is_none();
                match open {
                    Some(0) if nothing_here => return Ok(Worked::Everything),
                    Some(open) if jobs.is_empty() => {
                        if held.is_empty() {
                            listen(Event::Waiting(open));
                        }
                        idle_until = Some(Instant::now() + settings.poll);
                    }
                    _ => {}
                }
                for leased in jobs {
                    held.insert(leased.job.key(), leased.clone());
                    ready.push_back(leased);
                }
            }
            handed = pending(&mut handing) => {
                handing = None;
                for finished in &handed? {
                    listen(Event::Ended(finished));
                }
                if held.is_empty() && outbox.is_empty() {
                    // These may have been the last ones: that is asked at once.
                    idle_until = None;
                }
            }
            _ = heartbeat.tick(), if beating.is_none() => beating = Some(Box::pin(dispatcher.heartbeat(&worker))),
            beat = pending(&mut beating) => {
                beating = None;
                if let Err(error) = beat {
                    if !error.may_pass() {
                        return Err(error);
                    }
                    listen(Event::Trouble(&error));
                }
            }
            () = until(wake) => idle_until = idle_until.filter(|end| *end > Instant::now()),
            // The sender is gone only when nobody can ask any more.
            changed = stop.changed() => if changed.is_err() { std::future::pending::<()>().await },
        }
    }
}

async fn lease(
    dispatcher: &impl Leases,
    worker: &WorkerId,
    most: usize,
    settings: &WorkSettings,
    listen: &dyn Fn(Event<'_>),
) -> Result<Lease, DispatchError> {
    patiently(settings, listen, || dispatcher.lease(worker, most)).await
}

async fn hand_back(
    dispatcher: &impl Leases,
    worker: &WorkerId,
    finished: Vec<Finished>,
    settings: &WorkSettings,
    listen: &dyn Fn(Event<'_>),
) -> Result<Vec<Finished>, DispatchError> {
    patiently(settings, listen, || dispatcher.finish(worker, &finished)).await?;
    Ok(finished)
}

/// Asks again, less and less often, while the error may pass and patience lasts.
pub(crate) async fn patiently<T, F: Future<Output = Result<T, DispatchError>>>(
    settings: &WorkSettings,
    listen: &dyn Fn(Event<'_>),
    ask: impl Fn() -> F,
) -> Result<T, DispatchError> {
    let end = Instant::now() + settings.patience;
    let mut wait = Duration::from_millis(100);
    loop {
        match ask().await {
            Err(error) if error.may_pass() && Instant::now() < end => {
                listen(Event::Trouble(&error));
                tokio::time::sleep(wait).await;
                wait = (wait * 2).min(Duration::from_secs(5));
            }
            answer => return answer,
        }
    }
}

/// The answer of a call, or nothing ever where there is none.
async fn pending<T>(call: &mut Option<Call<'_, T>>) -> Result<T, DispatchError> {
    match call {
        Some(call) => call.await,
        None => std::future::pending().await,
    }
}

async fn until(instant: Option<Instant>) {
    match instant {
        Some(instant) => tokio::time::sleep_until(instant).await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
#[path = "worker_tests.rs"]
mod tests;
