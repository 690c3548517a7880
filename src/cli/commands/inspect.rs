use crate::cli::arguments::{Common, Diff, Explain, subject};
use crate::cli::error::CliError;
use crate::cli::{output, setup};
use crate::config::Config;
use crate::report::printable::printable;
use crate::report::{diff as diff_report, explain as explain_report};
use crate::verify::{Request, Shown, Verification};

pub(super) fn diff(command: &Diff, common: &Common, config: &Config) -> Result<u8, CliError> {
    // With a file at hand the first argument may be the path: a subject always has a colon before any slash.
    let (subject, path) = match (&command.subject, &command.path) {
        (Some(only), None) if command.overrides.artifact.is_some() && subject(only).is_err() => {
            (None, Some(only.clone()))
        }
        (subject, path) => (subject.clone(), path.clone()),
    };
    let shown = path.clone().map_or(Shown::Unexplained, Shown::File);
    let subject = subject.as_deref().map(self::subject).transpose()?;
    let request = setup::request(subject, &command.overrides, shown)?;
    let context = setup::with_rebuild(setup::context(common, config)?, &command.rebuild)?;
    let verification = super::verify_one(&request, context, common)?;
    if verification.ledger.is_none() {
        return Ok(not_compared(&verification));
    }
    let text = diff_report::render(&verification);
    match path {
        Some(path) if file_is_missing(&verification, &path) => Err(no_such_file(&verification, &path)),
        _ => {
            if text.is_empty() {
                let code = verification.exit_code();
                let verdict = &verification.verdict;
                let note = format!("no difference to show; the verdict is {verdict}{}\n", reason(&verification));
                output::note(&note);
                return Ok(code);
            }
            output::write(None, &text)?;
            Ok(verification.exit_code())
        }
    }
}

pub(super) fn explain(command: &Explain, common: &Common, config: &Config) -> Result<u8, CliError> {
    let (subject, path) = match (&command.subject, &command.path) {
        (subject, Some(path)) => (subject.as_deref(), path),
        (Some(path), None) if command.overrides.artifact.is_some() && subject(path).is_err() => (None, path),
        (Some(package), None) => {
            let message = format!("name the path of a file in `{}`", printable(package));
            return Err(CliError::usage(anyhow::anyhow!(message)));
        }
        (None, None) => return Err(CliError::usage(anyhow::anyhow!("name the path of a file in the archive"))),
    };
    let subject = subject.map(self::subject).transpose()?;
    let request = setup::request(subject, &command.overrides, Shown::Origins(path.clone()))?;
    let request = Request { digests: true, since: command.findings.since.clone(), ..request };
    let context = setup::with_rebuild(setup::context(common, config)?, &command.rebuild)?;
    let context = setup::with_trust(context, &command.trust)?;
    let context = setup::with_findings(context, &command.findings, config)?;
    let policy = context.policy.clone();
    let verification = super::verify_one(&request, context, common)?;
    output::idle(&policy);
    if verification.ledger.is_none() {
        return Ok(not_compared(&verification));
    }
    match explain_report::render(&verification, path) {
        Some(text) => {
            output::write(None, &text)?;
            Ok(verification.exit_code())
        }
        None => Err(no_such_file(&verification, path)),
    }
}

fn file_is_missing(verification: &Verification, path: &str) -> bool {
    verification.ledger.as_ref().is_none_or(|ledger| ledger.file(path).is_none())
}

/// Says why there is nothing to show; the exit code is the verdict's.
fn not_compared(verification: &Verification) -> u8 {
    let release = printable(&verification.release.to_string());
    let (verdict, reason) = (&verification.verdict, reason(verification));
    output::note(&format!("`{release}` was not compared, the verdict is {verdict}{reason}\n"));
    verification.exit_code()
}

fn reason(verification: &Verification) -> String {
    verification.reason.as_deref().map(|reason| format!(": {}", printable(reason))).unwrap_or_default()
}

fn no_such_file(verification: &Verification, path: &str) -> CliError {
    let release = printable(&verification.release.to_string());
    CliError::usage(anyhow::anyhow!("`{release}` has no file `{}`", printable(path)))
}
