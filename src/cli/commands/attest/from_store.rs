//! Results that a sweep kept, for `attest --store`: found by the same settings, and signed as they are.

use anyhow::Context as _;
use tokio::runtime::Runtime;

use super::Known;
use crate::cli::arguments::{StoreArguments, subject};
use crate::cli::commands::runtime;
use crate::cli::error::CliError;
use crate::cli::setup;
use crate::config::Config;
use crate::package::{Integrity, Release, Sha256Digest, Subject};
use crate::store::{Inputs, Object, Record, Store};

/// The results of one version of the program under the same settings.
pub(super) struct KeptResults {
    store: Store,
    runtime: Runtime,
    policy: Sha256Digest,
}

/// The release that a subject names; a store does not know which version is the latest.
pub(super) fn release(text: &str) -> Result<Release, CliError> {
    let Subject { ecosystem, name, version } = subject(text)?;
    let version = version.ok_or_else(|| {
        CliError::usage(anyhow::anyhow!("it names no version, and a store does not know which one is the latest"))
    })?;
    Ok(Release { ecosystem, name, version })
}

impl KeptResults {
    pub(super) fn open(arguments: &StoreArguments, policy: Sha256Digest, config: &Config) -> Result<Self, CliError> {
        let runtime = runtime()?;
        let store = runtime.block_on(setup::existing_store(arguments, config))?;
        Ok(Self { store, runtime, policy })
    }

    /// The newest result of a release, with its statements held to their digest and to the row.
    pub(super) fn known(&self, release: &Release) -> Result<Known, CliError> {
        self.runtime.block_on(async {
            let inputs = Inputs { release, stated: None, policy: self.policy, tool: env!("CARGO_PKG_VERSION") };
            let found = self.store.standing(&[inputs], 0).await?.pop().flatten();
            let Some(kept) = found else { return Err(self.missing(release).await?) };
            self.read(&kept.record)
                .await
                .context("the result in the store cannot be used")
                .map_err(CliError::environment)
        })
    }

    async fn read(&self, record: &Record) -> Result<Known, anyhow::Error> {
        let statements = record.statements.as_deref().context(
            "it has no statements, as an earlier version of the program kept it: attest without `--store`, which \
             verifies once more",
        )?;
        let statements = self.object(statements).await.context("its statements")?;
        let statements = record.read_statements(&statements).map_err(anyhow::Error::msg)?;
        let ledger = match &record.ledger {
            Some(digest) => Some(String::from_utf8(self.object(digest).await.context("its ledger")?.content()?)?),
            None => None,
        };
        Ok(Known { code: record.exit_code, artifact: Integrity::parse(&record.artifact)?, statements, ledger })
    }

    async fn object(&self, digest: &str) -> Result<Object, anyhow::Error> {
        let digest = Sha256Digest::parse(digest)?;
        let missing = || format!("the object {digest} is missing; `tarproof store check` says what else is");
        self.store.objects().get(digest).await?.with_context(missing)
    }

    /// Says why there is no result, and what brings one.
    async fn missing(&self, release: &Release) -> Result<CliError, CliError> {
        let package = format!("{}:{}", release.ecosystem, release.name);
        let others = self.store.history(&package, Some(release.version.as_str()), 1).await?;
        let own = env!("CARGO_PKG_VERSION");
        let reason = match others.first() {
            None => {
                "the store has no result of it: sweep it into that store, with `tarproof sweep --list FILE --store …`, or \
                 attest without `--store`, which verifies now"
                    .to_owned()
            }
            Some(other) if other.record.tool != own => format!(
                "the store has a result of tarproof {}, and this is {own}: sweep it again with this version, or attest \
                 with that one",
                other.record.tool
            ),
            Some(_) => "the store has results of it under other settings only: name the same exceptions, rules, \
                        definitions, roots, keys and bounds of builds as `tarproof sweep` was given, `--no-rebuild` \
                        included, or sweep it with these"
                .to_owned(),
        };
        Ok(CliError::environment(anyhow::Error::msg(reason)))
    }
}
