use std::collections::{BTreeMap, HashMap};

use super::{DispatchError, Dispatcher, Enqueued, FailedJob, Job, JobKey, Pass};
use crate::package::Release;
use crate::store::{Kept, Record, Store};

/// Releases whose results are held in memory at once.
const AT_ONCE: usize = 500;

/// What came out of a sweep.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Summary {
    /// Releases asked for.
    pub subjects: usize,
    /// Of these, settled before.
    pub settled: usize,
    /// How often each verdict stands, with the reason's id; those settled before included.
    pub verdicts: BTreeMap<String, u64>,
    /// Results that differ from the last one of their package, in the order that was asked for.
    pub changes: Vec<Change>,
    /// Releases without a result because their job failed.
    pub failed: Vec<FailedJob>,
    /// Releases whose jobs are not done: somebody asked to stop.
    pub open: u64,
    /// The exit code of each release that has a result.
    pub exit_codes: Vec<u8>,
}

/// A result that differs from the last one of its package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The release.
    pub purl: String,
    /// Its verdict, with the reason's id.
    pub verdict: String,
    /// The result before; `None` for the first one.
    pub before: Option<Ended>,
    /// Whether that was of the same version with other content.
    pub is_other_content: bool,
}

/// An earlier result in brief.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    /// The version.
    pub version: String,
    /// The verdict, with the reason's id.
    pub verdict: String,
}

/// A job and whether there was anything to do.
type Planned<'a> = (&'a Job, &'a Enqueued);

/// A result that stands for a release.
struct Standing<'a> {
    release: &'a Release,
    id: i64,
    verdict: String,
    exit_code: u8,
    /// SHA-512 of the artifact; `None` where the result was there before.
    artifact: Option<String>,
}

/// Tells what came out of a sweep, also of one that was stopped on the way.
pub async fn summarise(store: &Store, dispatcher: &impl Dispatcher, pass: &Pass) -> Result<Summary, DispatchError> {
    let failed: HashMap<JobKey, FailedJob> =
        dispatcher.failed().await?.into_iter().map(|failed| (failed.key, failed)).collect();
    let mut summary = Summary { subjects: pass.jobs.len(), settled: pass.settled(), ..Summary::default() };
    for (jobs, answers) in pass.jobs.chunks(AT_ONCE).zip(pass.answers.chunks(AT_ONCE)) {
        let planned: Vec<Planned<'_>> = jobs.iter().zip(answers).collect();
        let standing = standing(store, &failed, pass.after, &planned, &mut summary).await?;
        let new: Vec<&Release> =
            standing.iter().filter(|found| found.id > pass.after).map(|found| found.release).collect();
        let mut before = store.previous(&new, pass.after + 1).await?.into_iter();
        for Standing { release, id, verdict, exit_code, artifact } in standing {
            summary.exit_codes.push(exit_code);
            if id > pass.after {
                let before = before.next().flatten().map(|kept| kept.record);
                let is_version = |before: &&Record| before.version == release.version.as_str();
                let of_version = before.as_ref().filter(is_version);
                let is_other_content =
                    of_version.is_some_and(|before| artifact.is_some_and(|artifact| artifact != before.artifact));
                if is_other_content || of_version.is_none_or(|before| before.verdict_text() != verdict) {
                    let (purl, verdict) = (release.purl(), verdict.clone());
                    let ended = |record: Record| Ended { verdict: record.verdict_text(), version: record.version };
                    summary.changes.push(Change { purl, verdict, before: before.map(ended), is_other_content });
                }
            }
            *summary.verdicts.entry(verdict).or_default() += 1;
        }
    }
    Ok(summary)
}

/// The results of some of the releases; what has none is told in the summary.
async fn standing<'a>(
    store: &Store,
    failed: &HashMap<JobKey, FailedJob>,
    after: i64,
    planned: &[Planned<'a>],
    summary: &mut Summary,
) -> Result<Vec<Standing<'a>>, DispatchError> {
    let is_asked =
        |(job, answer): &&Planned<'_>| !matches!(answer, Enqueued::Settled(_)) && !failed.contains_key(&job.key());
    let asked: Vec<_> = planned.iter().filter(is_asked).map(|(job, _)| job.inputs()).collect();
    let mut found = store.standing(&asked, after).await?.into_iter();
    let mut standing = Vec::with_capacity(planned.len());
    for (job, answer) in planned {
        let (id, verdict, exit_code, artifact) = match answer {
            Enqueued::Settled(settled) => (settled.id, settled.verdict.clone(), settled.exit_code, None),
            Enqueued::New | Enqueued::Open | Enqueued::Failed => {
                if let Some(failed) = failed.get(&job.key()) {
                    summary.failed.push(failed.clone());
                    continue;
                }
                let Some(Kept { id, record }) = found.next().flatten() else {
                    summary.open += 1;
                    continue;
                };
                (id, record.verdict_text(), record.exit_code, Some(record.artifact))
            }
        };
        standing.push(Standing { release: &job.release, id, verdict, exit_code, artifact });
    }
    Ok(standing)
}
