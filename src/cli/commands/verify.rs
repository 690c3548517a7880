use futures_util::StreamExt as _;
use futures_util::stream;

use crate::cli::arguments::{Common, Format, Verify, subject};
use crate::cli::error::CliError;
use crate::cli::{output, setup};
use crate::config::Config;
use crate::report::json::v1::{Report, ResultEntry, Verified};
use crate::report::printable::printable;
use crate::report::terminal::{self, Detail};
use crate::verdict::worst_exit_code;
use crate::verify::{Context, Request, Shown, Verification, verify};

/// How many subjects are under way at once, unless the user says otherwise.
///
/// Most of a verification is waiting for a registry or a git host, and one slow host must not hold up the rest.
const DEFAULT_JOBS: usize = 32;

type Outcome = (String, Result<Verification, CliError>);

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
    // A wrong subject is told at once, and the others are still verified.
    let mut requests: Vec<(String, Result<Request, CliError>)> = command
        .subjects
        .iter()
        .map(|text| {
            let request = subject(text).and_then(|subject| setup::request(Some(subject), overrides, Shown::default()));
            (text.clone(), request)
        })
        .collect();
    if let (true, Some(path)) = (requests.is_empty(), &overrides.artifact) {
        requests.push((path.display().to_string(), setup::request(None, overrides, Shown::default())));
    }
    let jobs = command.jobs.or(config.jobs).unwrap_or(DEFAULT_JOBS).max(1);
    let outcomes = verify_all(requests, &mut context, jobs, common.quiet)?;
    report(command, common, &outcomes)?;
    let code = worst_exit_code(outcomes.iter().map(|(_, outcome)| match outcome {
        Ok(verification) => verification.verdict.exit_code(),
        Err(error) => error.exit_code(),
    }));
    // The process ends here, and gives thousands of small pieces back faster as a whole.
    std::mem::forget(outcomes);
    Ok(code)
}

/// Verifies concurrently; the outcomes come in the order of the requests.
fn verify_all(
    requests: Vec<(String, Result<Request, CliError>)>,
    context: &mut Context,
    jobs: usize,
    quiet: bool,
) -> Result<Vec<Outcome>, CliError> {
    let progress = output::progress(requests.len(), quiet);
    context.progress = output::stages(&progress);
    let context = &*context;
    let outcomes = super::runtime()?.block_on(async {
        let mut outcomes: Vec<(usize, Outcome)> = stream::iter(requests.into_iter().enumerate())
            .map(|(index, (text, request))| {
                let progress = progress.clone();
                async move {
                    let outcome = match request {
                        Ok(request) => verify(&request, context).await.map_err(CliError::from),
                        Err(error) => Err(error),
                    };
                    progress.set_message(printable(&text));
                    progress.inc(1);
                    (index, (text, outcome))
                }
            })
            .buffer_unordered(jobs)
            .collect()
            .await;
        outcomes.sort_by_key(|(index, _)| *index);
        outcomes.into_iter().map(|(_, outcome)| outcome).collect()
    });
    progress.finish_and_clear();
    Ok(outcomes)
}

fn report(command: &Verify, common: &Common, outcomes: &[Outcome]) -> Result<(), CliError> {
    let output = command.output.as_deref();
    match command.format {
        Format::Terminal => {
            let detail = if common.verbose { Detail::Everything } else { Detail::Brief };
            let mut text = String::new();
            for (_, outcome) in outcomes {
                if let Ok(verification) = outcome {
                    text.push_str(&terminal::render(verification, detail));
                }
            }
            if outcomes.len() > 1 {
                let verdicts: Vec<_> = outcomes
                    .iter()
                    .map(|(_, outcome)| outcome.as_ref().ok().map(|done| done.verdict.clone()))
                    .collect();
                text.push_str(&terminal::summary(&verdicts));
            }
            output::write(output, &text)?;
        }
        Format::Json => {
            let results = outcomes.iter().map(|(subject, outcome)| match outcome {
                Ok(verification) => ResultEntry::Verified(Box::new(Verified::from(verification))),
                Err(error) => ResultEntry::Failed {
                    subject: subject.clone(),
                    error: error.message(),
                    exit_code: error.exit_code(),
                },
            });
            let report = Report::new(results.collect());
            output::write(output, &output::json(&report)?)?;
        }
    }
    for (subject, outcome) in outcomes {
        if let Err(error) = outcome {
            output::error(Some(subject), error);
        }
    }
    Ok(())
}
