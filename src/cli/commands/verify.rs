use futures_util::StreamExt as _;
use futures_util::stream;
use serde_json::value::RawValue;

use crate::cli::arguments::{Common, Format, Verify, subject};
use crate::cli::error::CliError;
use crate::cli::{output, setup};
use crate::config::Config;
use crate::report::json::v1::{Report, ResultEntry, Verified};
use crate::report::printable::printable;
use crate::report::terminal::{self, Detail};
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
    report: String,
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
        let request = setup::request(subject, overrides, Shown::default())?;
        Ok(Request { digests: matches!(command.format, Format::Json), ..request })
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
    let render = |subject: &str, done: &Result<Verification, CliError>| match (command.format, done) {
        (Format::Terminal, Ok(verification)) => Ok(terminal::render(verification, detail)),
        (Format::Terminal, Err(_)) => Ok(String::new()),
        (Format::Json, Ok(verification)) => {
            output::json(&ResultEntry::Verified(Box::new(Verified::from(verification))))
        }
        (Format::Json, Err(error)) => output::json(&ResultEntry::Failed {
            subject: subject.to_owned(),
            error: error.message(),
            exit_code: error.exit_code(),
        }),
    };
    let outcomes = verify_all(requests, &mut context, jobs, common.quiet, render)?;
    output::write(command.output.as_deref(), &whole(command.format, &outcomes)?)?;
    for outcome in &outcomes {
        if let Err(error) = &outcome.verdict {
            output::error(Some(&outcome.subject), error);
        }
    }
    Ok(worst_exit_code(outcomes.iter().map(|outcome| match &outcome.verdict {
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
    render: impl Fn(&str, &Result<Verification, CliError>) -> Result<String, CliError>,
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

/// The reports of all subjects as one text.
fn whole(format: Format, outcomes: &[Outcome]) -> Result<String, CliError> {
    match format {
        Format::Terminal => {
            let mut text: String = outcomes.iter().map(|outcome| outcome.report.as_str()).collect();
            if outcomes.len() > 1 {
                let verdicts: Vec<_> = outcomes.iter().map(|outcome| outcome.verdict.as_ref().ok()).collect();
                text.push_str(&terminal::summary(&verdicts));
            }
            Ok(text)
        }
        Format::Json => {
            // A line's end is none of a string's: those are escaped. So the entries can be moved in.
            let entry = |outcome: &Outcome| RawValue::from_string(outcome.report.trim_end().replace('\n', "\n    "));
            let entries: Result<Vec<_>, _> = outcomes.iter().map(entry).collect();
            output::json(&Report::new(entries.map_err(CliError::environment)?))
        }
    }
}
