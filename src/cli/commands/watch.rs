//! `tarproof watch`: new releases to jobs, and their verdicts as they come.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;

use super::selection;
use super::sweep::{Conditioned, conditioned};
use crate::cli::arguments::{Common, Watch as Arguments};
use crate::cli::engine::{self, retry_settings, work_settings};
use crate::cli::error::CliError;
use crate::cli::setup;
use crate::cli::stop::stop_on_signals;
use crate::cli::watch_report::WatchReport;
use crate::config::Config;
use crate::package::PackageName;
use crate::registry::ChangeFeed;
use crate::sweep::verify_job;
use crate::sweep::watch::{FollowSettings, News, Watch, follow};
use crate::verdict::worst_exit_code;

/// How long a remote's answer about its refs is good here: a tag may have been pushed with the release.
const REFS_AGE: Duration = Duration::from_secs(10);

pub(super) fn run(command: &Arguments, common: &Common, config: &Config) -> Result<u8, CliError> {
    if common.offline || config.offline.unwrap_or(false) {
        return Err(CliError::usage(anyhow::anyhow!("what is new cannot be seen offline")));
    }
    let feed = command.feed.as_deref().map(ChangeFeed::parse).transpose();
    let feed = feed.context("`--feed` is no change feed").map_err(CliError::usage)?;
    let Conditioned { mut context, policy, jobs } = conditioned(&command.work, common, config)?;
    context.git.refs_age = context.git.refs_age.min(REFS_AGE);
    let mut codes = Vec::new();
    let report = WatchReport::new(command.format, command.once);
    let runtime = super::runtime()?;
    let outcome = runtime.block_on(async {
        let store = setup::store(&command.work.store, config).await?;
        let dispatcher = engine::embedded(store.clone(), &config.sweep).under(policy, env!("CARGO_PKG_VERSION"));
        let stop = stop_on_signals(engine::STOPPING)?;
        let wanted = selection::wanted(&command.selection, &context.registry, &mut codes).await?;
        let since = command.since.map(|since| Ok::<_, CliError>(since.seconds(selection::now()?))).transpose()?;
        let names: Vec<PackageName> = wanted.into_iter().map(|wanted| wanted.subject.name).collect();
        let mut watched = Watch::new(context.registry.clone(), store.clone(), names, feed, since);
        report.begin(watched.packages().len(), command.interval);
        let context = Arc::new(context);
        let retry = retry_settings(&config.sweep);
        let work = work_settings(jobs, &config.sweep);
        let settings = FollowSettings { interval: command.interval, once: command.once, policy, work };
        let verify = |leased| {
            let context = Arc::clone(&context);
            async move { verify_job(leased, &context, &retry).await }
        };
        let tell = |news: News<'_>| report.tell(&news);
        let followed = follow(&mut watched, &dispatcher, verify, &settings, stop, &tell).await;
        store.close().await;
        Ok::<_, CliError>(followed?)
    });
    // A build that was given back may still be running; it ends with the process.
    runtime.shutdown_background();
    report.end(&outcome?.latencies)?;
    codes.extend(report.codes());
    Ok(worst_exit_code(codes))
}
