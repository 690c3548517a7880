mod attest;
mod demo;
mod doctor;
mod generate;
mod inspect;
mod key;
mod log;
mod packlist;
mod rebuild;
mod selection;
mod signing;
mod store;
mod sweep;
mod verify;
mod verify_attestation;
mod watch;
mod worker;

use crate::cli::Arguments;
use crate::cli::arguments::{Command, Common};
use crate::cli::error::CliError;
use crate::cli::{output, setup};
use crate::config::Config;
use crate::stabilize::javascript::{PARSER_THREAD, STACK_SIZE, mark_large_stack};
use crate::verify::{Context, Request, Verification};

/// Runs the command and returns the exit code.
pub fn run(arguments: &Arguments) -> u8 {
    let common = &arguments.common;
    let with = |run: &dyn Fn(&Config) -> Result<u8, CliError>| run(&setup::configuration(common)?);
    let outcome = match &arguments.command {
        Command::Verify(command) => with(&|config| verify::run(command, common, config)),
        Command::Diff(command) => with(&|config| inspect::diff(command, common, config)),
        Command::Explain(command) => with(&|config| inspect::explain(command, common, config)),
        Command::Rebuild(command) => with(&|config| rebuild::run(command, common, config)),
        Command::Doctor(command) => doctor::run(command),
        Command::Demo(command) => demo::run(command, common),
        Command::Packlist(command) => packlist::run(command),
        Command::Attest(command) => with(&|config| attest::run(command, common, config)),
        Command::VerifyAttestation(command) => with(&|config| verify_attestation::run(command, common, config)),
        Command::Key { command } => key::run(command),
        Command::Log { command } => log::run(command),
        Command::Sweep(command) => with(&|config| sweep::run(command, common, config)),
        Command::Watch(command) => with(&|config| watch::run(command, common, config)),
        Command::Worker(command) => with(&|config| worker::run(command, common, config)),
        Command::History(command) => with(&|config| store::history(command, config)),
        Command::Store { command } => with(&|config| store::run(command, config)),
        Command::Completions { shell } => generate::completions(*shell),
        Command::Man { directory } => generate::man(directory),
    };
    outcome.unwrap_or_else(|error| {
        output::error(None, &error);
        error.exit_code()
    })
}

/// The runtime of one run: the network on this thread, blocking work on threads of its own.
fn runtime() -> Result<tokio::runtime::Runtime, CliError> {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    // Files of packages are parsed there.
    builder.thread_stack_size(STACK_SIZE).thread_name(PARSER_THREAD).on_thread_start(mark_large_stack);
    builder.enable_all().build().map_err(CliError::environment)
}

/// Verifies one package, with its stages shown on a terminal.
fn verify_one(request: &Request, mut context: Context, common: &Common) -> Result<Verification, CliError> {
    let progress = output::progress(1, common.quiet);
    context.progress = output::stages(&progress);
    let verification = runtime()?.block_on(crate::verify::verify(request, &context));
    progress.finish_and_clear();
    Ok(verification?)
}
