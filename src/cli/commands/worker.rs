//! `tarproof worker`: jobs of an engine, until told to stop.

use crate::cli::arguments::{Common, Worker};
use crate::cli::error::CliError;
use crate::config::Config;

/// Packages of one registry that are begun a second, unless the user says otherwise.
#[cfg(feature = "temporal")]
const RATE: u32 = 50;

pub(super) fn run(command: &Worker, common: &Common, config: &Config) -> Result<u8, CliError> {
    let engine = command.engine.as_deref().or(config.sweep.engine.as_deref());
    let engine = engine.ok_or_else(|| CliError::usage(anyhow::anyhow!("name an engine with `--engine`")))?;
    work(engine, command, common, config)
}

#[cfg(not(feature = "temporal"))]
fn work(engine: &str, _: &Worker, _: &Common, _: &Config) -> Result<u8, CliError> {
    Err(crate::cli::engine::not_built(engine))
}

#[cfg(feature = "temporal")]
fn work(engine: &str, command: &Worker, common: &Common, config: &Config) -> Result<u8, CliError> {
    use std::sync::Arc;

    use super::sweep::{Conditioned, conditioned};
    use crate::cli::stop::stop_on_signals;
    use crate::cli::worker_report::Lines;
    use crate::cli::{engine as engines, output, setup};
    use crate::package::Ecosystem;
    use crate::sweep::temporal::{self, WorkerQueue};
    use crate::sweep::verify_job;
    use crate::verdict::exit;

    let Conditioned { context, policy, jobs } = conditioned(&command.work, common, config)?;
    let rate = command.rate.or(config.sweep.rate).unwrap_or(RATE).max(1);
    let queue = WorkerQueue {
        ecosystem: Ecosystem::Npm,
        policy,
        tool: env!("CARGO_PKG_VERSION").to_owned(),
        rate: f64::from(rate),
    };
    let runtime = super::runtime()?;
    let worked = runtime.block_on(async {
        let store = setup::store(&command.work.store, config).await?;
        let engine = engines::temporal(engine, store.clone(), &config.sweep).await?;
        let (context, retry) = (Arc::new(context), engines::retry_settings(&config.sweep));
        let verify = |leased| {
            let context = Arc::clone(&context);
            async move { verify_job(leased, &context, &retry).await }
        };
        let settings = engines::work_settings(jobs, &config.sweep);
        let stop = stop_on_signals(engines::STOPPING)?;
        let lines = Lines::new(common.quiet);
        if !common.quiet {
            output::note(&format!("waiting for jobs of `{}`\n", queue.name()));
        }
        temporal::work(&engine, &queue, verify, &settings, stop, &|event| lines.tell(&event)).await?;
        store.close().await;
        Ok::<_, CliError>(exit::EXPLAINED)
    });
    // A build that was given back may still be running; it ends with the process.
    runtime.shutdown_background();
    worked
}
