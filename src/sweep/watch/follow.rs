use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::future::{Future, pending};
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio::time::Instant;

use super::{Found, Latencies, Round, Watch};
use crate::package::Sha256Digest;
use crate::store::{Record, Settled};
use crate::sweep::{
    DispatchError, Dispatcher, Enqueued, Event, Finished, Job, JobKey, Leased, Leases, Outcome, Priority, Stop,
    WorkSettings, Worked, work,
};

/// How a watch goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FollowSettings {
    /// From the beginning of one round to that of the next.
    pub interval: Duration,
    /// One round, and then only what can be verified now.
    pub once: bool,
    /// The digest of everything that the user set and that a verdict depends on.
    pub policy: Sha256Digest,
    /// How what is found is verified.
    pub work: WorkSettings,
}

/// What a watch tells.
#[derive(Debug)]
pub enum News<'a> {
    /// A round has ended.
    Looked(&'a Round),
    /// A release was found whose verdict is known already.
    Known(&'a Found, &'a Settled),
    /// A release was found that could not be verified before and is not tried again.
    GivenUp(&'a Found),
    /// A new release has a verdict.
    Verified {
        /// The row of the history.
        record: &'a Record,
        /// When it was seen, in seconds since 1970; `None` where an earlier run saw it.
        seen_at: Option<i64>,
        /// The seconds from its publication to the verdict, where the registry states when that was.
        seconds: Option<u64>,
    },
    /// A new release cannot be verified.
    Failed {
        /// Its job.
        job: &'a Job,
        /// Why.
        error: &'a str,
        /// Whether it is tried again.
        again: bool,
    },
    /// The store does not answer and is asked again.
    Trouble(&'a DispatchError),
}

/// What a watch has done.
#[derive(Debug, Clone, Default)]
pub struct Followed {
    /// How long it took from the publication of the releases that it found to their verdicts.
    pub latencies: Latencies,
}

/// Looks again and again, queues every new release, and works off the queue, new releases first, until somebody asks to
/// stop.
///
/// `verify` is what verifies one job. A store that fails for a while costs rounds, and nothing that was found.
pub async fn follow<V, F>(
    watched: &mut Watch,
    dispatcher: &impl Leases,
    verify: V,
    settings: &FollowSettings,
    stop: watch::Receiver<Stop>,
    tell: &dyn Fn(News<'_>),
) -> Result<Followed, DispatchError>
where
    V: Fn(Leased) -> F,
    F: Future<Output = Finished>,
{
    // The worker is told by us, because after a single round it is to stop without a signal.
    let (worker, for_worker) = watch::channel(*stop.borrow());
    let (arrived, looked) = (Notify::new(), Cell::new(None));
    let seen = Seen::default();
    let looking = async {
        let outcome = look_again_and_again(watched, dispatcher, settings, stop.clone(), &seen, &arrived, tell).await;
        if outcome.is_err() {
            stop_gracefully(&worker);
        }
        looked.set(Some(outcome));
        arrived.notify_one();
        pending().await
    };
    let has_looked = || {
        let outcome = looked.take();
        let has = outcome.is_some();
        looked.set(outcome);
        has
    };
    let waited = Cell::new(false);
    let listen = |event: Event<'_>| match event {
        Event::Begun(_) => {}
        Event::Ended(finished) => seen.ended(finished, tell),
        // What was queued last may have been missed once.
        Event::Waiting(_) if settings.once && has_looked() && waited.replace(true) => stop_gracefully(&worker),
        Event::Waiting(_) => {}
        Event::Trouble(error) => tell(News::Trouble(error)),
    };
    let working = async {
        loop {
            // Asked beforehand: what is queued while the worker comes to its end would be left.
            let is_last = has_looked();
            match work(dispatcher, &verify, &settings.work, for_worker.clone(), &listen).await? {
                Worked::Stopped => return Ok(()),
                Worked::Everything if is_last => return Ok(()),
                Worked::Everything => {}
            }
            tokio::select! {
                () = arrived.notified() => {}
                () = asked(for_worker.clone()) => return Ok(()),
            }
        }
    };
    let mut from_outside = stop.clone();
    let forwarding = async {
        while from_outside.changed().await.is_ok() {
            worker.send_replace(*from_outside.borrow());
        }
        pending().await
    };
    let worked: Result<(), DispatchError> = tokio::select! {
        worked = working => worked,
        never = looking => never,
        never = forwarding => never,
    };
    worked?;
    looked.take().unwrap_or(Ok(()))?;
    Ok(Followed { latencies: seen.latencies.into_inner() })
}

async fn look_again_and_again(
    watched: &mut Watch,
    dispatcher: &impl Dispatcher,
    settings: &FollowSettings,
    stop: watch::Receiver<Stop>,
    seen: &Seen,
    arrived: &Notify,
    tell: &dyn Fn(News<'_>),
) -> Result<(), DispatchError> {
    loop {
        let begun = Instant::now();
        let round = watched.round(async |found: Found| {
            seen.queue(found, dispatcher, settings.policy, tell).await?;
            arrived.notify_one();
            Ok::<_, DispatchError>(())
        });
        let round = tokio::select! {
            round = round => round,
            () = asked(stop.clone()) => return Ok(()),
        };
        match round {
            Ok(round) => tell(News::Looked(&round)),
            Err(error) if error.may_pass() && !settings.once => tell(News::Trouble(&error)),
            Err(error) => return Err(error),
        }
        if settings.once {
            return Ok(());
        }
        tokio::select! {
            () = tokio::time::sleep_until(begun + settings.interval) => {}
            () = asked(stop.clone()) => return Ok(()),
        }
    }
}

/// Ends when somebody asks to stop.
async fn asked(mut stop: watch::Receiver<Stop>) {
    if stop.wait_for(|stop| *stop != Stop::No).await.is_err() {
        // Nobody can ask any more.
        pending::<()>().await;
    }
}

fn stop_gracefully(worker: &watch::Sender<Stop>) {
    worker.send_if_modified(|stop| {
        let changes = *stop == Stop::No;
        if changes {
            *stop = Stop::Gracefully;
        }
        changes
    });
}

/// What was found and has no verdict yet, and how long it took for the others.
#[derive(Debug, Default)]
struct Seen {
    open: RefCell<HashMap<JobKey, i64>>,
    latencies: RefCell<Latencies>,
}

impl Seen {
    async fn queue(
        &self,
        found: Found,
        dispatcher: &impl Dispatcher,
        policy: Sha256Digest,
        tell: &dyn Fn(News<'_>),
    ) -> Result<(), DispatchError> {
        let job = found.selected.clone().job(policy, found.seen_at);
        // Whoever found it wants it verified before anything else, whenever it was published.
        let job = Job { priority: Priority::New, ..job };
        for answer in dispatcher.enqueue(std::slice::from_ref(&job)).await? {
            match answer {
                Enqueued::New | Enqueued::Open => {
                    self.open.borrow_mut().insert(job.key(), found.seen_at);
                }
                Enqueued::Settled(settled) => tell(News::Known(&found, &settled)),
                Enqueued::Failed => tell(News::GivenUp(&found)),
            }
        }
        Ok(())
    }

    fn ended(&self, finished: &Finished, tell: &dyn Fn(News<'_>)) {
        let job = &finished.leased.job;
        // What a sweep left in the queue is told by that sweep.
        if job.priority != Priority::New {
            return;
        }
        match &finished.outcome {
            Outcome::Verified { record, .. } => {
                let seen_at = self.open.borrow_mut().remove(&job.key());
                let verdict_at = record.observed_at.div_euclid(1000);
                let seconds = job.published_at.map(|published_at| match seen_at {
                    Some(_) => self.latencies.borrow_mut().add(published_at, verdict_at),
                    None => Latencies::default().add(published_at, verdict_at),
                });
                tell(News::Verified { record, seen_at, seconds });
            }
            Outcome::Failed { error, is_final } => {
                self.open.borrow_mut().remove(&job.key());
                tell(News::Failed { job, error, again: !is_final });
            }
            Outcome::Retry { error, .. } => tell(News::Failed { job, error, again: true }),
            Outcome::GivenBack => {}
        }
    }
}
