//! What a job looks like on the server. Workers of other versions read it, so it has a form of its own.

use serde::{Deserialize, Serialize};

use crate::package::{Ecosystem, Release, Sha256Digest, Subject};
use crate::sweep::{Job, Leased, Priority};

/// The kind of activity; another one when the form of [`JobMessage`] changes.
pub(super) const ACTIVITY: &str = "tarproof-verify/v1";
/// How the server is told that a failure would come out again.
pub(super) const FINAL: &str = "final";
/// How the server is told that a failure may pass, but not within this sweep.
pub(super) const NEXT_SWEEP: &str = "next-sweep";
/// How the server is told that a failure may pass soon.
pub(super) const SOON: &str = "soon";

/// A job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct JobMessage {
    purl: String,
    stated: String,
    policy: String,
    tool: String,
    published_at: Option<i64>,
    new: bool,
}

/// What is told of a job that is done; the result itself is in the store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct DoneMessage {
    /// The verdict, with the reason's id.
    pub(super) verdict: String,
    /// The number of the result in the store.
    pub(super) result: i64,
}

impl JobMessage {
    pub(super) fn of(job: &Job) -> Self {
        let Job { release, stated, policy, tool, published_at, priority } = job;
        Self {
            purl: release.purl(),
            stated: stated.clone(),
            policy: policy.to_string(),
            tool: tool.clone(),
            published_at: *published_at,
            new: *priority == Priority::New,
        }
    }

    /// The job that is described; whoever may queue activities may write anything here.
    pub(super) fn job(self) -> Result<Job, String> {
        let Self { purl, stated, policy, tool, published_at, new } = self;
        let Subject { ecosystem, name, version } = purl.parse().map_err(|error| format!("its purl: {error}"))?;
        let version = version.ok_or("its purl names no version")?;
        Ok(Job {
            release: Release { ecosystem, name, version },
            stated,
            policy: Sha256Digest::parse(&policy).map_err(|error| format!("its policy: {error}"))?,
            tool,
            published_at,
            priority: if new { Priority::New } else { Priority::Backlog },
        })
    }

    /// The job as its activity's id promises it, at a try counted from 1.
    pub(super) fn leased(self, id: &str, attempt: u32) -> Result<Leased, String> {
        let job = self.job()?;
        if job.key().to_string() == id {
            Ok(Leased { job, attempt })
        } else {
            Err("its id is another job's".to_owned())
        }
    }
}

/// The task queue of jobs of one registry under the same conditions.
pub(super) fn queue(ecosystem: Ecosystem, policy: Sha256Digest, tool: &str) -> String {
    let policy = policy.to_string();
    // Enough of it for people to compare, and more than enough to tell conditions apart.
    format!("tarproof-{ecosystem}-{tool}-{}", &policy[..16])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job() -> Job {
        let subject: Subject = "npm:@studio/lamp@2.0.0".parse().unwrap();
        Job {
            release: Release { ecosystem: subject.ecosystem, name: subject.name, version: subject.version.unwrap() },
            stated: "sha512-x".to_owned(),
            policy: Sha256Digest::of(b"policy"),
            tool: "1.0.0".to_owned(),
            published_at: Some(1_600_000_000),
            priority: Priority::New,
        }
    }

    #[test]
    fn a_job_comes_back_as_it_was_and_under_its_own_id_alone() {
        let (job, message) = (job(), JobMessage::of(&job()));
        let written = serde_json::to_string(&message).unwrap();
        let read: JobMessage = serde_json::from_str(&written).unwrap();
        let leased = read.clone().leased(&job.key().to_string(), 3).unwrap();
        assert_eq!(leased, Leased { job: job.clone(), attempt: 3 });
        assert!(read.leased(&JobMessage::of(&job).purl, 1).is_err());
    }

    #[test]
    fn what_is_no_job_is_refused() {
        let message = JobMessage::of(&job());
        for (purl, policy) in [("pkg:npm/a", None), ("/etc/passwd", None), ("pkg:npm/a@1.0.0", Some("beef"))] {
            let policy = policy.map_or_else(|| message.policy.clone(), str::to_owned);
            let odd = JobMessage { purl: purl.to_owned(), policy, ..message.clone() };
            assert!(odd.job().is_err(), "{purl}");
        }
    }

    #[test]
    fn other_conditions_are_another_queue() {
        let (one, other) = (Sha256Digest::of(b"one"), Sha256Digest::of(b"other"));
        let queues = [
            queue(Ecosystem::Npm, one, "1.0.0"),
            queue(Ecosystem::Npm, other, "1.0.0"),
            queue(Ecosystem::Npm, one, "1.1.0"),
        ];
        assert_eq!(std::collections::BTreeSet::from(queues).len(), 3);
    }
}
