use futures_util::StreamExt as _;
use futures_util::stream;

use crate::cli::arguments::{Common, ReportFormat, Verify, subject};
use crate::cli::error::CliError;
use crate::cli::rendered::{self, Rendered};
use crate::cli::{output, setup};
use crate::config::Config;
use crate::report::printable::printable;
use crate::report::terminal::Detail;
use crate::verdict::{Verdict, worst_exit_code};
use crate::verify::{Context, Request, Shown, Verification, verify};

/// How many subjects are under way at once, unless the user says otherwise.
///
/// Most of a verification is waiting for a registry or a git host, and one slow host must not hold up the rest.
const DEFAULT_JOBS: usize = 32;

/// One subject's outcome, as it will be shown: a verification with all its files would be kept for nothing.
struct Outcome {
    subject: String,
    verdict: Result<Verdict, CliError>,
    report: Rendered,
}

pub(super) fn run(command: &Verify, common: &Common, config: &Config) -> Result<u8, CliError> {
    let overrides = &command.overrides;
    let single = overrides.artifact.is_some()
        || overrides.repository.is_some()
        || overrides.commit.is_some()
        || overrides.directory.is_some()
        || command.rebuild.plan_file.is_some();
    if single && command.subjects.len() > 1 {
        let message =
            "`--artifact`, `--repository`, `--commit`, `--directory` and `--plan-file` apply to one package at a time";
        return Err(CliError::usage(anyhow::anyhow!(message)));
    }
    let mut context = setup::with_rebuild(setup::context(common, config)?, &command.rebuild)?;
    let request = |subject| {
        let shown = if command.format == ReportFormat::Html { Shown::Pages } else { Shown::default() };
        let request = setup::request(subject, overrides, shown)?;
        Ok(Request { digests: command.format == ReportFormat::Json, ..request })
    };
    // A wrong subject is told at once, and the others are still verified.
    let mut requests: Vec<(String, Result<Request, CliError>)> = command
        .subjects
        .iter()
        .map(|text| (text.clone(), subject(text).and_then(|subject| request(Some(subject)))))
        .collect();
    if let (true, Some(path)) = (requests.is_empty(), &overrides.artifact) {
        requests.push((path.display().to_string(), request(None)));
    }
    let jobs = command.jobs.or(config.jobs).unwrap_or(DEFAULT_JOBS).max(1);
    let detail = if common.verbose { Detail::Everything } else { Detail::Brief };
    let render =
        |subject: &str, done: &Result<Verification, CliError>| rendered::render(command.format, detail, subject, done);
    let outcomes = verify_all(requests, &mut context, jobs, common.quiet, render)?;
    let (outcomes, parts): (Vec<_>, Vec<_>) =
        outcomes.into_iter().map(|outcome| ((outcome.subject, outcome.verdict), outcome.report)).unzip();
    let verdicts: Vec<Option<&Verdict>> = outcomes.iter().map(|(_, verdict)| verdict.as_ref().ok()).collect();
    output::write(command.output.as_deref(), &rendered::whole(command.format, parts, &verdicts)?)?;
    for (subject, verdict) in &outcomes {
        if let Err(error) = verdict {
            output::error(Some(subject), error);
        }
    }
    Ok(worst_exit_code(outcomes.iter().map(|(_, verdict)| match verdict {
        Ok(verdict) => verdict.exit_code(),
        Err(error) => error.exit_code(),
    })))
}

/// Verifies concurrently; the outcomes come in the order of the requests.
fn verify_all(
    requests: Vec<(String, Result<Request, CliError>)>,
    context: &mut Context,
    jobs: usize,
    quiet: bool,
    render: impl Fn(&str, &Result<Verification, CliError>) -> Result<Rendered, CliError>,
) -> Result<Vec<Outcome>, CliError> {
    let progress = output::progress(requests.len(), quiet);
    context.progress = output::stages(&progress);
    let (context, render) = (&*context, &render);
    let outcomes = super::runtime()?.block_on(async {
        let mut outcomes: Vec<(usize, Result<Outcome, CliError>)> = stream::iter(requests.into_iter().enumerate())
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
                    let verdict = done.map(|verification| verification.verdict);
                    (index, report.map(|report| Outcome { subject, verdict, report }))
                }
            })
            .buffer_unordered(jobs)
            .collect()
            .await;
        outcomes.sort_by_key(|(index, _)| *index);
        outcomes.into_iter().map(|(_, outcome)| outcome).collect()
    });
    progress.finish_and_clear();
    outcomes
}
