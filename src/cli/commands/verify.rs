use std::collections::BTreeMap;
use std::io::IsTerminal as _;

use futures_util::StreamExt as _;
use futures_util::stream;

use crate::cli::arguments::{Common, Overrides, ReportFormat, Verify, subject};
use crate::cli::error::CliError;
use crate::cli::rendered::{self, Rendered};
use crate::cli::{output, setup};
use crate::config::Config;
use crate::package::Subject;
use crate::report::printable::printable;
use crate::report::terminal::Detail;
use crate::verdict::{Verdict, worst_exit_code};
use crate::verify::{Context, Request, Shown, Verification, verify};

/// How many subjects are under way at once, unless the user says otherwise.
///
/// Most of a verification is waiting for a registry or a git host, and one slow host must not hold up the rest.
pub(super) const DEFAULT_JOBS: usize = 32;

/// One subject's outcome, as it will be shown: a verification with all its files would be kept for nothing.
pub(super) struct Outcome<R> {
    pub(super) subject: String,
    /// The verdict and what it means for the exit code.
    pub(super) verdict: Result<(Verdict, u8), CliError>,
    pub(super) report: R,
}

pub(super) fn run(command: &Verify, common: &Common, config: &Config) -> Result<u8, CliError> {
    let overrides = &command.overrides;
    let single = overrides.are_given() || command.findings.since.is_some() || command.rebuild.plan_file.is_some();
    if single && command.subjects.len() > 1 {
        let message = "`--artifact`, `--repository`, `--commit`, `--directory`, `--since` and `--plan-file` apply to one \
                       package at a time";
        return Err(CliError::usage(anyhow::anyhow!(message)));
    }
    let context = setup::with_rebuild(setup::context(common, config)?, &command.rebuild)?;
    let context = setup::with_trust(context, &command.trust)?;
    let mut context = setup::with_findings(context, &command.findings, config)?;
    let policy = context.policy.clone();
    let request = |subject| {
        let shown = if command.format == ReportFormat::Html { Shown::Pages } else { Shown::default() };
        let request = setup::request(subject, overrides, shown)?;
        let digests = command.format == ReportFormat::Json || !policy.is_empty();
        Ok(Request { digests, since: command.findings.since.clone(), ..request })
    };
    let requests = requests(&command.subjects, overrides, request);
    let jobs = command.jobs.or(config.jobs).unwrap_or(DEFAULT_JOBS).max(1);
    let detail = if common.verbose { Detail::Everything } else { Detail::Brief };
    let render =
        |subject: &str, done: &Result<Verification, CliError>| rendered::render(command.format, detail, subject, done);
    let at_once = command.format == ReportFormat::Terminal && command.output.is_none();
    let order = if at_once && std::io::stdout().is_terminal() { Order::AsDone } else { Order::AsNamed };
    let mut parts = Vec::new();
    let mut outcomes = Vec::new();
    verify_all(requests, &mut context, jobs, order, common.quiet, render, |outcome: Outcome<Rendered>| {
        match outcome.report {
            Rendered::Text(text) if at_once => output::write(None, &text)?,
            part => parts.push(part),
        }
        if let Err(error) = &outcome.verdict {
            output::error(Some(&outcome.subject), error);
        }
        outcomes.push(outcome.verdict);
        Ok(())
    })?;
    let verdicts: Vec<Option<&Verdict>> =
        outcomes.iter().map(|outcome| outcome.as_ref().ok().map(|(verdict, _)| verdict)).collect();
    output::write(command.output.as_deref(), &rendered::whole(command.format, parts, &verdicts)?)?;
    output::idle(&policy);
    Ok(worst_exit_code(outcomes.iter().map(|outcome| match outcome {
        Ok((_, exit_code)) => *exit_code,
        Err(error) => error.exit_code(),
    })))
}

/// What is asked of each subject, or of the artifact alone where none is named.
pub(super) fn requests(
    subjects: &[String],
    overrides: &Overrides,
    request: impl Fn(Option<Subject>) -> Result<Request, CliError>,
) -> Vec<(String, Result<Request, CliError>)> {
    // A wrong subject is told at once, and the others are still verified.
    let asked = |text: &String| (text.clone(), subject(text).and_then(|subject| request(Some(subject))));
    let mut requests: Vec<_> = subjects.iter().map(asked).collect();
    if let (true, Some(path)) = (requests.is_empty(), &overrides.artifact) {
        requests.push((path.display().to_string(), request(None)));
    }
    requests
}

/// In which order outcomes are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    /// As their subjects were named, so that two runs read alike.
    AsNamed,
    /// As they come: somebody is waiting, and a slow host must not hold up the rest.
    AsDone,
}

/// Outcomes that are there, until it is their turn.
struct Turns<T> {
    order: Order,
    waiting: BTreeMap<usize, T>,
    next: usize,
}

impl<T> Turns<T> {
    fn new(order: Order) -> Self {
        Self { order, waiting: BTreeMap::new(), next: 0 }
    }

    /// Takes the outcome of the subject at `index` in, and gives out those whose turn it is.
    fn ready(&mut self, index: usize, outcome: T) -> Vec<T> {
        if self.order == Order::AsDone {
            return vec![outcome];
        }
        self.waiting.insert(index, outcome);
        let mut ready = Vec::new();
        while let Some(outcome) = self.waiting.remove(&self.next) {
            ready.push(outcome);
            self.next += 1;
        }
        ready
    }
}

/// Verifies concurrently; `take` gets the outcomes in the given order, each as soon as that is possible.
pub(super) fn verify_all<R>(
    requests: Vec<(String, Result<Request, CliError>)>,
    context: &mut Context,
    jobs: usize,
    order: Order,
    quiet: bool,
    render: impl Fn(&str, &Result<Verification, CliError>) -> Result<R, CliError>,
    mut take: impl FnMut(Outcome<R>) -> Result<(), CliError>,
) -> Result<(), CliError> {
    let progress = output::progress(requests.len(), quiet);
    context.progress = output::stages(&progress);
    let (context, render) = (&*context, &render);
    let taken = super::runtime()?.block_on(async {
        let mut outcomes = stream::iter(requests.into_iter().enumerate())
            .map(|(index, (subject, request))| {
                let progress = progress.clone();
                async move {
                    let done = match request {
                        Ok(request) => verify(&request, context).await.map_err(CliError::from),
                        Err(error) => Err(error),
                    };
                    progress.set_message(printable(&subject));
                    progress.inc(1);
                    let report = render(&subject, &done);
                    let verdict = done.map(|done| (done.verdict.clone(), done.exit_code()));
                    (index, report.map(|report| Outcome { subject, verdict, report }))
                }
            })
            .buffer_unordered(jobs);
        let mut turns = Turns::new(order);
        while let Some((index, outcome)) = outcomes.next().await {
            for outcome in turns.ready(index, outcome) {
                progress.suspend(|| take(outcome?))?;
            }
        }
        Ok(())
    });
    progress.finish_and_clear();
    taken
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outcomes_wait_for_those_before_them_unless_somebody_waits_for_them() {
        let mut turns = Turns::new(Order::AsNamed);
        let told: Vec<_> = [2, 0, 1, 3].map(|index| turns.ready(index, index)).into();
        assert_eq!(told, [vec![], vec![0], vec![1, 2], vec![3]]);
        let mut turns = Turns::new(Order::AsDone);
        assert_eq!([2, 0, 1].map(|index| turns.ready(index, index)), [[2], [0], [1]]);
    }
}
