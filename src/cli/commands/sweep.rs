//! `tarproof sweep`: releases to jobs, jobs to results, and what changed.

use std::sync::Arc;

use tokio::sync::watch;

use super::selection;
use super::verify::DEFAULT_JOBS;
use crate::cli::arguments::{
    Common, EngineArguments, StoreArguments, Sweep, SweepCommand, SweepRun, WorkArguments, subject,
};
use crate::cli::engine::{self, AnyDispatcher};
use crate::cli::error::CliError;
use crate::cli::stop::stop_on_signals;
use crate::cli::{output, setup, sweep_report};
use crate::config::{Config, SweepSection};
use crate::package::{Release, Sha256Digest, Subject};
use crate::store::Store;
#[cfg(feature = "temporal")]
use crate::sweep::wait;
use crate::sweep::{
    Dispatcher as _, Embedded, Event, Job, Stop, WorkSettings, Worked, begin, finish, patiently, status, summarise,
    verify_job, work,
};
use crate::verdict::{exit, worst_exit_code};
use crate::verify::Context;

pub(super) fn run(command: &Sweep, common: &Common, config: &Config) -> Result<u8, CliError> {
    match &command.command {
        None => sweep(&command.run, common, config),
        Some(SweepCommand::Status { store, engine, format }) => super::runtime()?.block_on(async {
            let (store, dispatcher) = look_into(store, engine, config).await?;
            let status = status(&store, &dispatcher).await?;
            output::write(None, &sweep_report::status(&status, *format)?)?;
            Ok(exit::EXPLAINED)
        }),
        Some(SweepCommand::Failed { store, engine, format }) => super::runtime()?.block_on(async {
            let (_, dispatcher) = look_into(store, engine, config).await?;
            let failed = dispatcher.failed().await?;
            output::write(None, &sweep_report::failed(&failed, *format)?)?;
            Ok(exit::EXPLAINED)
        }),
        Some(SweepCommand::Requeue { subjects, store, engine }) => {
            let purls: Result<Vec<_>, _> = subjects.iter().map(|text| release(text)).collect();
            let purls = purls?;
            super::runtime()?.block_on(async {
                let (_, dispatcher) = look_into(store, engine, config).await?;
                let named = (!purls.is_empty()).then_some(purls.as_slice());
                let count = dispatcher.requeue(named).await?;
                output::write(None, &format!("{} queued again\n", crate::count::counted(count, "job")))?;
                Ok(exit::EXPLAINED)
            })
        }
    }
}

/// The purl of a subject that names a version.
fn release(text: &str) -> Result<String, CliError> {
    let Subject { ecosystem, name, version } = subject(text)?;
    let version = version.ok_or_else(|| CliError::usage(anyhow::anyhow!("`{text}` names no version")))?;
    Ok(Release { ecosystem, name, version }.purl())
}

/// The store of a sweep that was begun already, and who hands out its jobs.
async fn look_into(
    store: &StoreArguments,
    engine: &EngineArguments,
    config: &Config,
) -> Result<(Store, AnyDispatcher), CliError> {
    let store = setup::existing_store(store, config).await?;
    let dispatcher = AnyDispatcher::open(store.clone(), engine.engine.as_deref(), config).await?;
    Ok((store, dispatcher))
}

/// What every verification of a sweep or of a watch shares.
pub(super) struct Conditioned {
    pub(super) context: Context,
    /// The digest of everything that the user set and that a verdict depends on.
    pub(super) policy: Sha256Digest,
    /// How many are verified at once.
    pub(super) jobs: usize,
}

pub(super) fn conditioned(command: &WorkArguments, common: &Common, config: &Config) -> Result<Conditioned, CliError> {
    let findings = command.findings();
    let context = setup::with_rebuild(setup::context(common, config)?, &command.rebuild)?;
    let context = setup::with_trust(context, &command.trust)?;
    let context = setup::with_findings(context, &findings, config)?;
    let conditions = setup::conditions(&command.rebuild, &findings, &command.trust, config)?;
    let policy = conditions.digest(&context);
    Ok(Conditioned { context, policy, jobs: command.jobs.or(config.jobs).unwrap_or(DEFAULT_JOBS).max(1) })
}

fn sweep(command: &SweepRun, common: &Common, config: &Config) -> Result<u8, CliError> {
    let Conditioned { context, policy, jobs } = conditioned(&command.work, common, config)?;
    let mut codes = Vec::new();
    let runtime = super::runtime()?;
    let outcome = runtime.block_on(async {
        let store = setup::store(&command.work.store, config).await?;
        let dispatcher = AnyDispatcher::open(store.clone(), command.engine.engine.as_deref(), config).await?;
        let stop = stop_on_signals(dispatcher.stopping())?;
        let mut stopped = stop.clone();
        let choosing = async {
            let wanted = selection::wanted(&command.selection, &context.registry, &mut codes).await?;
            let retry = engine::retry_settings(&config.sweep);
            selection::selected(wanted, command.versions, &context.registry, retry, common.quiet).await
        };
        let (selected, unresolved) = tokio::select! {
            chosen = choosing => chosen?,
            _ = stopped.wait_for(|stop| *stop != Stop::No) => return Ok(None),
        };
        let now = selection::now()?;
        let wanted: Arc<[Job]> = selected.into_iter().map(|selected| selected.job(policy, now)).collect();
        let progress = sweep_report::Progress::new();
        let settings = engine::work_settings(jobs, &config.sweep);
        let listen = |event: Event<'_>| progress.tell(&event);
        let pass = tokio::select! {
            pass = patiently(&settings, &listen, || begin(&store, &dispatcher, Arc::clone(&wanted))) => pass?,
            // An engine takes a while for very many.
            _ = stopped.wait_for(|stop| *stop != Stop::No) => return Ok(None),
        };
        progress.begun(&pass, common.quiet);
        let (worked, summary) = match &dispatcher {
            AnyDispatcher::Embedded(dispatcher) => {
                let ours = dispatcher.clone().under(policy, env!("CARGO_PKG_VERSION"));
                let worked = work_through(&ours, context, &progress, &settings, stop, &config.sweep).await;
                progress.end();
                (worked?, patiently(&settings, &listen, || summarise(&store, dispatcher, &pass)).await?)
            }
            #[cfg(feature = "temporal")]
            AnyDispatcher::Temporal(dispatcher) => {
                let ended = wait(&store, dispatcher, &pass, &settings, stop, &listen).await;
                progress.end();
                ended?
            }
        };
        if worked == Worked::Everything {
            patiently(&settings, &listen, async || Ok(finish(&store, &pass).await?)).await?;
        }
        store.close().await;
        Ok::<_, CliError>(Some((worked, summary, unresolved)))
    });
    // A build that was given back may still be running; it ends with the process.
    runtime.shutdown_background();
    let Some((worked, summary, unresolved)) = outcome? else {
        output::note("stopped; not everything was queued yet\n");
        return Ok(exit::INCONCLUSIVE);
    };
    let stopped = worked == Worked::Stopped;
    output::write(None, &sweep_report::summary(&summary, &unresolved, stopped, command.format)?)?;
    for unresolved in &unresolved {
        output::error(Some(&unresolved.subject.to_string()), &unresolved.error);
    }
    if stopped {
        output::note("stopped; the same command goes on where it stands\n");
    }
    let failed = summary.failed.iter().map(|_| exit::FAILURE);
    let unresolved = unresolved.iter().map(|unresolved| unresolved.error.exit_code());
    let open = (summary.open > 0).then_some(exit::INCONCLUSIVE);
    Ok(worst_exit_code(summary.exit_codes.iter().copied().chain(failed).chain(unresolved).chain(open).chain(codes)))
}

async fn work_through(
    dispatcher: &Embedded,
    mut context: Context,
    progress: &sweep_report::Progress,
    settings: &WorkSettings,
    stop: watch::Receiver<Stop>,
    section: &SweepSection,
) -> Result<Worked, CliError> {
    context.progress = progress.stages();
    let context = Arc::new(context);
    let retry = engine::retry_settings(section);
    let verify = |leased| {
        let context = Arc::clone(&context);
        async move { verify_job(leased, &context, &retry).await }
    };
    Ok(work(dispatcher, verify, settings, stop, &|event| progress.tell(&event)).await?)
}
