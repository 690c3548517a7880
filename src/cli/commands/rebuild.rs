use crate::cli::arguments::{Common, Format, Rebuild, subject};
use crate::cli::error::CliError;
use crate::cli::{output, setup};
use crate::config::Config;
use crate::report::json::v1::{Report, ResultEntry, Verified};
use crate::report::printable::is_hidden;
use crate::report::terminal::{self, Detail};
use crate::verdict::exit;
use crate::verify::{Request, Shown};

/// Rebuilds one package and shows everything, or prints how it would be done.
pub(super) fn run(command: &Rebuild, common: &Common, config: &Config) -> Result<u8, CliError> {
    let subject = command.subject.as_deref().map(subject).transpose()?;
    let request = setup::request(subject, &command.overrides, Shown::default())?;
    let request = Request { digests: matches!(command.format, Format::Json), ..request };
    let mut context = setup::with_rebuild(setup::context(common, config)?, &command.rebuild)?;
    context.rebuild.always = true;
    if command.plan {
        context.rebuild.allowed = false;
    }
    let verification = super::verify_one(&request, context, common)?;
    if command.plan {
        let plans = verification.rebuild.as_ref().map(|record| record.plans.as_slice()).unwrap_or_default();
        if plans.is_empty() {
            let failure = verification.rebuild.as_ref().and_then(|record| record.failure.as_ref());
            let reason = match (failure, &verification.reason) {
                (Some(failure), _) => failure.detail.clone(),
                (None, Some(reason)) => reason.clone(),
                (None, None) => "nothing at the commit says that anything is built".to_owned(),
            };
            return Err(CliError::Inconclusive(anyhow::anyhow!("no plan: {reason}")));
        }
        let text = match command.format {
            Format::Terminal => toml::to_string_pretty(&Plans { plan: plans }).map_err(CliError::environment)?,
            Format::Json => output::json(&plans)?,
        };
        // A plan holds text of the package, which a terminal would obey. JSON has an escape for every character.
        let safe = text.chars().map(|character| match character {
            character if character != '\n' && is_hidden(character) => char::REPLACEMENT_CHARACTER,
            character => character,
        });
        output::write(command.output.as_deref(), &safe.collect::<String>())?;
        return Ok(exit::EXPLAINED);
    }
    let text = match command.format {
        Format::Terminal => terminal::render(&verification, Detail::Everything),
        Format::Json => {
            output::json(&Report::new(vec![ResultEntry::Verified(Box::new(Verified::from(&verification)))]))?
        }
    };
    output::write(command.output.as_deref(), &text)?;
    Ok(verification.exit_code())
}

#[derive(serde::Serialize)]
struct Plans<'a> {
    plan: &'a [crate::rebuild::Plan],
}
