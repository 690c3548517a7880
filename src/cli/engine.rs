//! Who hands out jobs: the store itself, or an engine that the user names.

use std::time::Duration;

use crate::config::{Config, SweepSection};
use crate::store::Store;
#[cfg(feature = "temporal")]
use crate::sweep::temporal::{EngineSettings, Temporal};
use crate::sweep::{
    Counts, DispatchError, Dispatcher, Embedded, EngineAddress, Enqueued, FailedJob, Job, LeaseSettings, RetrySettings,
    WorkSettings,
};

use super::error::CliError;

/// The dispatcher that the user chose.
#[derive(Debug)]
pub(super) enum AnyDispatcher {
    Embedded(Embedded),
    #[cfg(feature = "temporal")]
    Temporal(Temporal),
}

impl AnyDispatcher {
    /// The engine at `address`, or at the configured one, or else the store itself.
    pub(super) async fn open(store: Store, address: Option<&str>, config: &Config) -> Result<Self, CliError> {
        match address.or(config.sweep.engine.as_deref()) {
            None => Ok(Self::Embedded(embedded(store, &config.sweep))),
            #[cfg(feature = "temporal")]
            Some(address) => Ok(Self::Temporal(temporal(address, store, &config.sweep).await?)),
            #[cfg(not(feature = "temporal"))]
            Some(address) => Err(not_built(address)),
        }
    }
}

/// What is told when somebody asks this process to stop verifying.
pub(super) const STOPPING: &str = "stopping: what is under way is finished or given back; again to stop at once\n";

impl AnyDispatcher {
    /// What is told when somebody asks a sweep to stop.
    pub(super) fn stopping(&self) -> &'static str {
        match self {
            Self::Embedded(_) => STOPPING,
            #[cfg(feature = "temporal")]
            Self::Temporal(_) => "stopping: the workers go on\n",
        }
    }
}

impl Dispatcher for AnyDispatcher {
    async fn enqueue(&self, jobs: &[Job]) -> Result<Vec<Enqueued>, DispatchError> {
        match self {
            Self::Embedded(dispatcher) => dispatcher.enqueue(jobs).await,
            #[cfg(feature = "temporal")]
            Self::Temporal(dispatcher) => dispatcher.enqueue(jobs).await,
        }
    }

    async fn counts(&self) -> Result<Counts, DispatchError> {
        match self {
            Self::Embedded(dispatcher) => dispatcher.counts().await,
            #[cfg(feature = "temporal")]
            Self::Temporal(dispatcher) => dispatcher.counts().await,
        }
    }

    async fn failed(&self) -> Result<Vec<FailedJob>, DispatchError> {
        match self {
            Self::Embedded(dispatcher) => dispatcher.failed().await,
            #[cfg(feature = "temporal")]
            Self::Temporal(dispatcher) => dispatcher.failed().await,
        }
    }

    async fn requeue(&self, purls: Option<&[String]>) -> Result<u64, DispatchError> {
        match self {
            Self::Embedded(dispatcher) => dispatcher.requeue(purls).await,
            #[cfg(feature = "temporal")]
            Self::Temporal(dispatcher) => dispatcher.requeue(purls).await,
        }
    }
}

/// The store itself.
pub(super) fn embedded(store: Store, section: &SweepSection) -> Embedded {
    Embedded::new(store, lease_settings(section))
}

/// Connects to the server that the user names.
#[cfg(feature = "temporal")]
pub(super) async fn temporal(address: &str, store: Store, section: &SweepSection) -> Result<Temporal, CliError> {
    let address = EngineAddress::parse(address).map_err(CliError::usage)?;
    let lease = lease_settings(section);
    let settings = EngineSettings {
        lease: lease.length,
        losses: lease.losses,
        retry: retry_settings(section),
        patience: patience(section),
    };
    // The name that every client of Temporal reads.
    let key = std::env::var_os("TEMPORAL_API_KEY").and_then(|key| key.into_string().ok()).filter(|key| !key.is_empty());
    Ok(Temporal::connect(address, key, store, settings).await?)
}

/// Why an engine cannot be used; an address that is none is told first.
#[cfg(not(feature = "temporal"))]
pub(super) fn not_built(address: &str) -> CliError {
    match EngineAddress::parse(address) {
        Err(error) => CliError::usage(error),
        Ok(_) => CliError::usage(anyhow::anyhow!(
            "this program was built without engines; build it with `cargo build --features temporal`"
        )),
    }
}

pub(super) fn retry_settings(section: &SweepSection) -> RetrySettings {
    let settings = RetrySettings::default();
    RetrySettings {
        attempts: section.attempts.unwrap_or(settings.attempts).max(1),
        first_wait: section.retry_wait.map_or(settings.first_wait, Duration::from_secs),
        ..settings
    }
}

/// How a worker of this process works.
pub(super) fn work_settings(jobs: usize, section: &SweepSection) -> WorkSettings {
    let heartbeat = lease_settings(section).length / 4;
    WorkSettings { jobs, heartbeat, patience: patience(section), ..WorkSettings::default() }
}

/// How long a store or an engine that does not answer is asked again.
fn patience(section: &SweepSection) -> Duration {
    section.patience.map_or(WorkSettings::default().patience, Duration::from_secs)
}

fn lease_settings(section: &SweepSection) -> LeaseSettings {
    let settings = LeaseSettings::default();
    LeaseSettings {
        length: section.lease.map_or(settings.length, |lease| Duration::from_secs(lease.max(1))),
        ..settings
    }
}
