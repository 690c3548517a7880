//! What is kept of a rebuild: enough to see what ran, with what, and to run it again.

use std::path::PathBuf;

use serde::Serialize;

use super::Failure;
use super::log::excerpt;
use crate::rebuild::Plan;
use crate::rebuild::toolchain::{Choice, Toolchain};
use crate::rebuild::view::{LoggedRequest, Refusal, RequestLog};

/// One try of one plan.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Attempt {
    /// What was to be done.
    pub plan: Plan,
    /// The programs that were used.
    pub tools: Vec<UsedTool>,
    /// The mechanisms of isolation that were in force, by id.
    pub enforced: Vec<String>,
    /// Every command in order.
    pub commands: Vec<RanCommand>,
    /// What the installation asked the registry view for.
    pub requests: Requests,
    /// Files of the commit whose contents are not at hand, so that they were left out.
    pub missing: Vec<String>,
    /// Milliseconds from the start of the sandbox to the end.
    pub milliseconds: u64,
    /// Bytes at the highest point, what was written included.
    pub peak_memory: u64,
    /// What the commands wrote, and the requests; in the cache.
    pub log: Option<PathBuf>,
    /// Why the build did not come to its end, where it was packed all the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub broken: Option<Failure>,
    /// How it ended.
    pub result: AttemptResult,
}

/// How a try ended.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "outcome")]
pub enum AttemptResult {
    /// An archive came out.
    Packed {
        /// Files of the artifact that it explains beyond those explained before.
        explained: usize,
        /// Files of the artifact, not explained before, that it made with other content.
        different: usize,
        /// Whether its tar stream is the artifact's, byte by byte.
        same_tar: bool,
        /// Whether the compressed archive is, too.
        same_archive: bool,
        /// Files that it holds and the artifact lacks.
        only_rebuilt: Vec<String>,
    },
    /// It failed.
    Failed {
        /// What kind of failure.
        kind: &'static str,
        /// One sentence.
        detail: String,
    },
}

impl Attempt {
    /// Its log in brief: of every command the last lines, at most `count`; nothing where the log is gone.
    pub fn log_excerpt(&self, count: usize) -> Vec<String> {
        self.log.as_ref().and_then(|log| excerpt(log, count).ok()).unwrap_or_default()
    }

    /// A try that has not got anywhere yet.
    pub(super) fn new(plan: &Plan, tools: Vec<UsedTool>, failure: &Failure) -> Self {
        Self {
            plan: plan.clone(),
            tools,
            enforced: Vec::new(),
            commands: Vec::new(),
            requests: Requests::default(),
            missing: Vec::new(),
            milliseconds: 0,
            peak_memory: 0,
            log: None,
            broken: None,
            result: AttemptResult::failed(failure),
        }
    }
}

impl AttemptResult {
    /// The result of a try that ended early.
    pub fn failed(failure: &Failure) -> Self {
        Self::Failed { kind: failure.kind.id(), detail: failure.detail.clone() }
    }
}

/// A program that was used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct UsedTool {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// The version that was asked for, and by whom.
    pub requested: String,
    /// Whether it is that very one.
    pub exact: bool,
    /// SHA-512 of its tarball.
    pub integrity: String,
}

/// A command that ran.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RanCommand {
    /// `install`, `build` or `pack`.
    pub phase: &'static str,
    /// Where, inside.
    pub directory: String,
    /// The program and its arguments.
    pub program: Vec<String>,
    /// How it ended: `exit 0`, `signal 9`, `limit memory`.
    pub status: String,
    /// Milliseconds on the clock.
    pub milliseconds: u64,
    /// Milliseconds of processor time.
    pub processor_milliseconds: u64,
}

/// The registry view's log in brief.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Requests {
    /// All of them, those that the log does not list included.
    pub total: usize,
    /// Those that needed the registry.
    pub fetched: usize,
    /// Those that got nothing.
    pub refused_total: usize,
    /// The first refused ones: the target and why.
    pub refused: Vec<String>,
    /// Packages outside the lockfile that were asked for.
    pub outside: Vec<String>,
    /// Packages with a mirror's own times, so that releases of a later time were not held back.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub without_cutoff: Vec<String>,
    /// Tarballs that the registry serves with other content than the lockfile states: the target and both digests.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub contradicted: Vec<String>,
}

/// Most refused requests that are listed.
const MAX_LISTED: usize = 50;

fn contradiction(request: &LoggedRequest) -> Option<String> {
    match &request.refusal {
        Some(refusal @ Refusal::Mismatch(_)) => Some(format!("`{}`: {refusal}", request.target)),
        _ => None,
    }
}

impl Requests {
    pub(super) fn of(log: &RequestLog) -> Self {
        let refused = log.requests.iter().filter_map(|request| {
            let refusal = request.refusal.as_ref()?;
            Some(format!("{} {}: {refusal}", request.method, request.target))
        });
        let not_listed = usize::try_from(log.not_listed).unwrap_or(usize::MAX);
        let listed = log.requests.iter().filter(|request| request.refusal.is_some()).count();
        Self {
            total: log.requests.len().saturating_add(not_listed),
            fetched: log.fetched(),
            refused_total: listed.saturating_add(not_listed),
            refused: refused.take(MAX_LISTED).collect(),
            contradicted: log.requests.iter().filter_map(contradiction).take(MAX_LISTED).collect(),
            outside: log.outside.iter().map(ToString::to_string).collect(),
            without_cutoff: log.without_cutoff.iter().map(ToString::to_string).take(MAX_LISTED).collect(),
        }
    }
}

pub(super) fn used_tools(toolchain: Option<&Toolchain>) -> Vec<UsedTool> {
    toolchain
        .into_iter()
        .flat_map(Toolchain::tools)
        .map(|tool| UsedTool {
            name: tool.name.to_string(),
            version: tool.version.to_string(),
            requested: format!("{} ({})", tool.requested.version, tool.requested.from),
            exact: tool.choice == Choice::Exact,
            integrity: tool.integrity.to_string(),
        })
        .collect()
}

/// Everything that was tried for one artifact.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RebuildRecord {
    /// The plans that could be tried, in their order.
    pub plans: Vec<Plan>,
    /// The tries in order.
    pub attempts: Vec<Attempt>,
    /// Why nothing came of it, where that is so.
    pub failure: Option<Failure>,
}

impl RebuildRecord {
    /// The try that explained most, the first of equals.
    pub fn best(&self) -> Option<&Attempt> {
        let explained = |attempt: &Attempt| match &attempt.result {
            AttemptResult::Packed { explained, same_tar, same_archive, .. } => {
                Some((*same_archive, *same_tar, *explained))
            }
            AttemptResult::Failed { .. } => None,
        };
        self.attempts
            .iter()
            .rev()
            .filter(|attempt| explained(attempt).is_some())
            .max_by_key(|attempt| explained(attempt))
    }
}
