//! What the server tells of jobs: how many there are, and what became of one.

use futures_util::{StreamExt as _, TryStreamExt as _};
use temporalio_client::errors::{ActivityInteractionError, ClientError};
use temporalio_client::{
    ActivityCountOptions, ActivityDescribeOptions, ActivityExecutionDescription, ActivityExecutionInfoLike as _,
    ActivityExecutionStatus, ActivityListOptions,
};
use temporalio_common::error::IncomingError;
use temporalio_common::protos::temporal::api::enums::v1::{TaskQueueKind, TaskQueueType};
use temporalio_common::protos::temporal::api::taskqueue::v1::TaskQueue;
use temporalio_common::protos::temporal::api::workflowservice::v1::{
    DeleteActivityExecutionRequest, DescribeTaskQueueRequest,
};

use super::Temporal;
use super::activity::VerifyRelease;
use super::message::{ACTIVITY, FINAL, JobMessage};
use crate::package::Sha256Digest;
use crate::sweep::{Counts, DispatchError, FailedJob, JobKey};

/// Jobs whose queues are looked at for what waits there.
const SAMPLE: usize = 1_000;
/// Questions that are asked at once.
pub(super) const AT_ONCE: usize = 16;

/// The last run of a job.
#[derive(Debug)]
pub(super) struct Run {
    /// Tells runs of the same job apart.
    pub(super) id: String,
    /// What became of it.
    pub(super) state: RunState,
}

/// What became of a run.
#[derive(Debug)]
pub(super) enum RunState {
    /// It waits or is under way.
    Open,
    /// Its worker said that it is done.
    Done,
    /// It failed.
    Failed(Failure),
}

/// How a run failed.
#[derive(Debug)]
pub(super) struct Failure {
    /// The job; `None` where somebody else queued what cannot be read.
    pub(super) message: Option<JobMessage>,
    /// Tries.
    pub(super) attempts: u32,
    /// Why the last one failed.
    pub(super) error: String,
    /// Whether the next sweep does not try again either.
    pub(super) is_final: bool,
}

impl Temporal {
    /// The last run of the job with this id; `None` where the server has none, or no more.
    pub(super) async fn last_run(&self, id: &str) -> Result<Option<Run>, DispatchError> {
        const ACTION: &str = "tell about a job";
        let options = ActivityDescribeOptions::builder().include_input(true).include_outcome(true).build();
        let found = match self.client.get_activity_handle(VerifyRelease, id, None).describe(options).await {
            Ok(found) => found,
            Err(ActivityInteractionError::NotFound(_)) => return Ok(None),
            Err(ActivityInteractionError::Rpc(status)) => return Err(self.failed(ACTION, &status)),
            Err(error) => return Err(self.broken(ACTION, &error)),
        };
        let state = match found.status() {
            ActivityExecutionStatus::Completed => RunState::Done,
            ActivityExecutionStatus::Failed
            | ActivityExecutionStatus::TimedOut
            | ActivityExecutionStatus::Canceled
            | ActivityExecutionStatus::Terminated => RunState::Failed(failure(&found).await),
            // What a newer server calls otherwise is not taken for ended.
            _ => RunState::Open,
        };
        Ok(Some(Run { id: found.activity_run_id().to_owned(), state }))
    }

    /// The jobs whose last run failed, oldest first.
    pub(super) async fn failed_runs(&self) -> Result<Vec<(String, Run)>, DispatchError> {
        const ACTION: &str = "list jobs";
        let query = format!(
            "ActivityType = '{ACTIVITY}' AND ExecutionStatus IN ('Failed', 'TimedOut', 'Canceled', 'Terminated')"
        );
        let mut listed: Vec<_> = self
            .client
            .list_activities(query, ActivityListOptions::default())
            .map_ok(|found| (found.close_time(), found.activity_id().to_owned()))
            .try_collect()
            .await
            .map_err(|error| self.client_failed(ACTION, &error))?;
        listed.sort();
        let mut seen = std::collections::HashSet::new();
        listed.retain(|(_, id)| seen.insert(id.clone()));
        let run = |(_, id): (_, String)| async move { Ok::<_, DispatchError>((self.last_run(&id).await?, id)) };
        let found: Vec<_> = futures_util::stream::iter(listed).map(run).buffered(AT_ONCE).try_collect().await?;
        let failed = |run: &Run| matches!(run.state, RunState::Failed(_));
        Ok(found.into_iter().filter_map(|(run, id)| Some((id, run.filter(failed)?))).collect())
    }

    /// Jobs by state, as far as the server counts them: it keeps closed ones for a while only, and what waits for its
    /// next try counts as under way.
    pub(super) async fn count_runs(&self) -> Result<Counts, DispatchError> {
        let of = |status: &str| format!("ActivityType = '{ACTIVITY}' AND ExecutionStatus = '{status}'");
        let open = self.count(of("Running")).await?;
        let done = self.count(of("Completed")).await?;
        let all = self.count(format!("ActivityType = '{ACTIVITY}'")).await?;
        let waiting = if open == 0 { 0 } else { self.backlog(of("Running")).await?.min(open) };
        Ok(Counts { waiting, leased: open - waiting, done, failed: all.saturating_sub(open + done) })
    }

    async fn count(&self, query: String) -> Result<u64, DispatchError> {
        let count = self.client.count_activities(query, ActivityCountOptions::default()).await;
        Ok(count.map_err(|error| self.client_failed("count jobs", &error))?.count() as u64)
    }

    /// How many jobs no worker has been given yet, about.
    async fn backlog(&self, open: String) -> Result<u64, DispatchError> {
        let queues = self.client.list_activities(open, ActivityListOptions::default()).take(SAMPLE);
        let queues: std::collections::BTreeSet<String> = queues
            .map_ok(|found| found.task_queue().to_owned())
            .try_collect()
            .await
            .map_err(|error| self.client_failed("list jobs", &error))?;
        let mut backlog = 0;
        for name in queues {
            backlog += self.queue_backlog(name).await?;
        }
        Ok(backlog)
    }

    async fn queue_backlog(&self, name: String) -> Result<u64, DispatchError> {
        let request = DescribeTaskQueueRequest {
            namespace: self.namespace(),
            task_queue: Some(TaskQueue { name, kind: TaskQueueKind::Normal.into(), normal_name: String::new() }),
            task_queue_type: TaskQueueType::Activity.into(),
            report_stats: true,
            ..DescribeTaskQueueRequest::default()
        };
        let mut service = self.client.connection().workflow_service();
        let answer = service.describe_task_queue(temporalio_client::tonic::Request::new(request)).await;
        let stats = answer.map_err(|status| self.failed("tell about a queue", &status))?.into_inner().stats;
        Ok(stats.map_or(0, |stats| u64::try_from(stats.approximate_backlog_count).unwrap_or(0)))
    }

    /// Lets the server forget a closed run, so that it is not counted beside the one that follows it.
    pub(super) async fn forget(&self, id: &str, run: &str) {
        let request = DeleteActivityExecutionRequest {
            namespace: self.namespace(),
            activity_id: id.to_owned(),
            run_id: run.to_owned(),
        };
        let mut service = self.client.connection().workflow_service();
        let answer = service.delete_activity_execution(temporalio_client::tonic::Request::new(request)).await;
        if let Err(status) = answer {
            // It is forgotten with its time anyway.
            tracing::debug!(job = id, run, code = ?status.code(), "a closed run could not be forgotten");
        }
    }

    fn client_failed(&self, action: &'static str, error: &ClientError) -> DispatchError {
        match error {
            ClientError::Rpc(status) => self.failed(action, status),
            other => self.broken(action, other),
        }
    }
}

impl Failure {
    /// The job as it is told; `None` where it cannot be read.
    pub(super) fn told(&self, id: &str) -> Option<FailedJob> {
        let job = self.message.clone()?.job().ok()?;
        Some(FailedJob {
            key: JobKey(Sha256Digest::parse(id).ok()?),
            purl: job.release.purl(),
            attempts: self.attempts,
            error: self.error.clone(),
            is_final: self.is_final,
        })
    }
}

async fn failure(found: &ActivityExecutionDescription<VerifyRelease>) -> Failure {
    let (error, is_final) = match found.outcome().await {
        Ok(Some(Err(IncomingError::Application(error)))) => (
            error.failure().map_or_else(|| error.to_string(), |failure| failure.message.clone()),
            error.type_name() == Some(FINAL),
        ),
        Ok(Some(Err(IncomingError::Timeout(_)))) => ("its worker ended, or took too long, each time".to_owned(), false),
        Ok(Some(Err(error))) => (error.failure().message.clone(), false),
        Ok(_) => ("the server does not say why".to_owned(), false),
        Err(error) => (error.to_string(), false),
    };
    Failure { message: found.input().await.ok().flatten(), attempts: found.attempt(), error, is_final }
}
