use std::time::Duration;

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use temporalio_client::errors::StartActivityError;
use temporalio_client::{
    ActivityIdConflictPolicy, ActivityIdReusePolicy, ActivityStartOptions, Priority as ServerPriority, RetryPolicy,
};
use temporalio_common::ActivityCloseTimeouts;

use super::Temporal;
use super::activity::VerifyRelease;
use super::message::{JobMessage, queue};
use super::runs::{AT_ONCE, Run, RunState};
use crate::sweep::{Counts, DispatchError, Dispatcher, Enqueued, FailedJob, Job, Priority};

/// How long one try may take; a worker that is gone is noticed by its silence, much sooner.
const LONGEST_TRY: Duration = Duration::from_secs(6 * 3600);
/// How long a job may stay open. What no worker takes, because none has its conditions any more, ends then.
const LONGEST_OPEN: Duration = Duration::from_secs(14 * 24 * 3600);
/// The wait before a job is given to another worker when its own one ended; what may pass says by itself how long.
const AFTER_LOSS: Duration = Duration::from_secs(1);

/// What came of starting a job's activity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Started {
    New,
    /// There is one with this id that stands in the way.
    Exists,
}

impl Dispatcher for Temporal {
    async fn enqueue(&self, jobs: &[Job]) -> Result<Vec<Enqueued>, DispatchError> {
        let enqueue = |job: Job| async move { self.enqueue_one(&job).await };
        stream::iter(jobs.to_vec()).map(enqueue).buffered(AT_ONCE).try_collect().await
    }

    async fn counts(&self) -> Result<Counts, DispatchError> {
        self.count_runs().await
    }

    async fn failed(&self) -> Result<Vec<FailedJob>, DispatchError> {
        let runs = self.failed_runs().await?;
        let told = runs.into_iter().filter_map(|(id, run)| match run.state {
            RunState::Failed(failure) => failure.told(&id),
            RunState::Open | RunState::Done => None,
        });
        Ok(told.collect())
    }

    async fn requeue(&self, purls: Option<&[String]>) -> Result<u64, DispatchError> {
        let mut requeued = 0;
        for (id, run) in self.failed_runs().await? {
            let RunState::Failed(failure) = &run.state else { continue };
            let Some(job) = failure.message.clone().and_then(|message| message.job().ok()) else { continue };
            if purls.is_some_and(|purls| !purls.contains(&job.release.purl())) {
                continue;
            }
            if self.start_again(&job, &id, &run).await? == Started::New {
                requeued += 1;
            }
        }
        Ok(requeued)
    }
}

impl Temporal {
    async fn enqueue_one(&self, job: &Job) -> Result<Enqueued, DispatchError> {
        if let Some(settled) = self.store.settled(job.inputs()).await? {
            return Ok(Enqueued::Settled(settled));
        }
        if self.start(job, ActivityIdReusePolicy::RejectDuplicate).await? == Started::New {
            return Ok(Enqueued::New);
        }
        let id = job.key().to_string();
        let started = match self.last_run(&id).await? {
            // Forgotten between the two questions.
            None => self.start(job, ActivityIdReusePolicy::RejectDuplicate).await?,
            Some(run) => match &run.state {
                RunState::Open => return Ok(Enqueued::Open),
                RunState::Failed(failure) if failure.is_final => return Ok(Enqueued::Failed),
                // Done, but not settled, or failed for now: what was in the way may be gone.
                RunState::Done | RunState::Failed(_) => self.start_again(job, &id, &run).await?,
            },
        };
        Ok(match started {
            Started::New => Enqueued::New,
            // Another sweep was faster.
            Started::Exists => Enqueued::Open,
        })
    }

    /// Starts a job whose last run is closed. That one is forgotten afterwards, so that the job is never nowhere.
    async fn start_again(&self, job: &Job, id: &str, run: &Run) -> Result<Started, DispatchError> {
        let started = self.start(job, ActivityIdReusePolicy::AllowDuplicate).await?;
        if started == Started::New {
            self.forget(id, &run.id).await;
        }
        Ok(started)
    }

    async fn start(&self, job: &Job, reuse: ActivityIdReusePolicy) -> Result<Started, DispatchError> {
        const ACTION: &str = "queue a job";
        match self.client.start_activity(VerifyRelease, JobMessage::of(job), self.start_options(job, reuse)).await {
            Ok(_) => Ok(Started::New),
            Err(StartActivityError::AlreadyStarted { .. }) => Ok(Started::Exists),
            Err(StartActivityError::Rpc(status)) => Err(self.failed(ACTION, &status)),
            Err(error) => Err(self.broken(ACTION, &error)),
        }
    }

    fn start_options(&self, job: &Job, reuse: ActivityIdReusePolicy) -> ActivityStartOptions {
        let queue = queue(job.release.ecosystem, job.policy, &job.tool);
        let timeouts = ActivityCloseTimeouts::ScheduleAndStartToClose {
            schedule_to_close: LONGEST_OPEN,
            start_to_close: LONGEST_TRY,
        };
        // Lower ones first; 3 is what the server takes for ordinary.
        let priority = match job.priority {
            Priority::New => 1,
            Priority::Backlog => 3,
        };
        let retry = self.settings.retry;
        let retry = RetryPolicy::builder()
            .initial_interval(AFTER_LOSS)
            .backoff_coefficient(2.0)
            .maximum_interval(retry.longest_wait)
            .maximum_attempts(retry.attempts.max(self.settings.losses))
            .build();
        ActivityStartOptions::new(queue, job.key().to_string(), timeouts)
            .heartbeat_timeout(self.settings.lease)
            .retry_policy(retry)
            .priority(ServerPriority::builder().priority_key(priority).build())
            .id_reuse_policy(reuse)
            .id_conflict_policy(ActivityIdConflictPolicy::Fail)
            .summary(job.release.to_string())
            .build()
    }
}
