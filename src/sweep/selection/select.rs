use std::collections::HashSet;

use futures_util::stream::{self, Stream, StreamExt as _};

use super::versions::{NoTimes, VersionChoice};
use crate::package::{Ecosystem, Integrity, PackageName, Release, Sha256Digest, Subject};
use crate::registry::{Currency, NpmRegistry, PackumentError, PackumentText, RegistryError};
use crate::sweep::retry::of_registry;
use crate::sweep::{Job, Nature, Priority, RetrySettings};

/// Packages that are asked about at once; the client bounds what one host sees of it.
const CONCURRENT: usize = 16;

/// A package, or one release of it, that is to be swept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// The package, and the exact version where one is named.
    pub subject: Subject,
    /// The content of that version, where whoever named it states it.
    pub integrity: Option<Integrity>,
}

impl From<Subject> for Wanted {
    fn from(subject: Subject) -> Self {
        Self { subject, integrity: None }
    }
}

impl From<PackageName> for Wanted {
    fn from(name: PackageName) -> Self {
        Subject { ecosystem: Ecosystem::Npm, name, version: None }.into()
    }
}

/// A release to be swept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selected {
    /// The release.
    pub release: Release,
    /// When the registry says it was published, in seconds since 1970; `None` where it was not asked or does not say.
    pub published_at: Option<i64>,
    /// The artifact's integrity, as the lockfile or the registry states it.
    pub integrity: Option<Integrity>,
}

impl Selected {
    /// The job that verifies it under these conditions; `now` in seconds since 1970.
    pub fn job(self, policy: Sha256Digest, now: i64) -> Job {
        let Self { release, published_at, integrity } = self;
        let stated = integrity.as_ref().map_or_else(String::new, stated);
        let (tool, priority) = (env!("CARGO_PKG_VERSION").to_owned(), Priority::of(published_at, now));
        Job { release, stated, policy, tool, published_at, priority }
    }
}

/// The strongest digest that is stated, in one form.
fn stated(integrity: &Integrity) -> String {
    match integrity.sha512().and_then(|digest| <[u8; 64]>::try_from(digest).ok()) {
        Some(digest) => Integrity::from_sha512(digest).to_string(),
        None => integrity.to_string(),
    }
}

/// What became of one wanted package.
#[derive(Debug)]
pub struct Resolved {
    /// What was asked for.
    pub subject: Subject,
    /// Its releases, the last published first; none where none is new enough.
    pub outcome: Result<Vec<Selected>, UnresolvedError>,
}

/// Why a wanted package leads to no release.
#[derive(Debug, thiserror::Error)]
pub enum UnresolvedError {
    /// The registry does not know it, or could not be asked.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// The kept packument is none.
    #[error("the registry's answer is not the metadata of a package")]
    Packument(#[from] PackumentError),
    /// Versions are to be chosen by time, and there are no times.
    #[error("the registry states no time of publication, by which versions could be chosen")]
    NoTimes,
    /// A background task was cancelled or panicked.
    #[error("a background task ended early")]
    Task(#[from] tokio::task::JoinError),
}

impl From<NoTimes> for UnresolvedError {
    fn from(NoTimes: NoTimes) -> Self {
        Self::NoTimes
    }
}

/// The releases of many packages, and what leads to none.
#[derive(Debug, Default)]
pub struct Selection {
    /// Each release once, in the order in which they were named.
    pub selected: Vec<Selected>,
    /// What could not be resolved.
    pub unresolved: Vec<(Subject, UnresolvedError)>,
    /// How many packages have no release that is new enough.
    pub without_new: usize,
    seen: HashSet<Release>,
}

impl Selection {
    /// Adds what became of one package.
    pub fn add(&mut self, resolved: Resolved) {
        match resolved.outcome {
            Ok(releases) => {
                self.without_new += usize::from(releases.is_empty());
                for selected in releases {
                    if self.seen.insert(selected.release.clone()) {
                        self.selected.push(selected);
                    }
                }
            }
            Err(error) => self.unresolved.push((resolved.subject, error)),
        }
    }
}

/// Finds the releases that are meant, several packages at once; outcomes come in the order of `wanted`.
///
/// A named version is that version, but no older than the choice allows. What states its own content is not asked about
/// unless its time matters. Where the registry does not answer now and all versions are wanted that are named, the job
/// that verifies one will ask again; otherwise it is asked again here, as often and after the same waits as a job.
pub fn select<'a>(
    wanted: impl IntoIterator<Item = Wanted, IntoIter: 'a>,
    choice: VersionChoice,
    registry: &'a NpmRegistry,
    retry: RetrySettings,
) -> impl Stream<Item = Resolved> + 'a {
    stream::iter(wanted)
        .map(move |wanted| async move {
            let outcome = resolve_patiently(&wanted, choice, registry, retry).await;
            Resolved { subject: wanted.subject, outcome }
        })
        .buffered(CONCURRENT)
}

async fn resolve_patiently(
    wanted: &Wanted,
    choice: VersionChoice,
    registry: &NpmRegistry,
    retry: RetrySettings,
) -> Result<Vec<Selected>, UnresolvedError> {
    let mut attempt = 1;
    loop {
        let error = match resolve(wanted, choice, registry).await {
            Err(UnresolvedError::Registry(error)) => error,
            other => return other,
        };
        let wait = match of_registry(&error) {
            Nature::MayPass { asked } => retry.wait_after(attempt, asked),
            Nature::Final => None,
        };
        let Some(wait) = wait else { return Err(error.into()) };
        tokio::time::sleep(wait).await;
        attempt += 1;
    }
}

async fn resolve(
    wanted: &Wanted,
    choice: VersionChoice,
    registry: &NpmRegistry,
) -> Result<Vec<Selected>, UnresolvedError> {
    let Subject { ecosystem, name, version } = &wanted.subject;
    if let (Some(version), Some(_), None) = (version, &wanted.integrity, choice.since) {
        let release = Release { ecosystem: *ecosystem, name: name.clone(), version: version.clone() };
        return Ok(vec![Selected { release, published_at: None, integrity: wanted.integrity.clone() }]);
    }
    if version.is_some() || choice.is_latest() {
        let metadata = match (registry.release(&wanted.subject).await, version, choice.since) {
            (Err(error), Some(version), None) if matches!(of_registry(&error), Nature::MayPass { .. }) => {
                let release = Release { ecosystem: *ecosystem, name: name.clone(), version: version.clone() };
                return Ok(vec![Selected { release, published_at: None, integrity: None }]);
            }
            (metadata, _, _) => metadata?,
        };
        let included = choice.includes(metadata.published_at)?;
        let stated = metadata.integrity.or_else(|| metadata.shasum.map(Integrity::from_sha1));
        let integrity = wanted.integrity.clone().or(stated);
        let selected = Selected { release: metadata.release, published_at: metadata.published_at, integrity };
        return Ok(if included { vec![selected] } else { Vec::new() });
    }
    let packument = registry.packument(name, Currency::Fresh).await?;
    let subject = wanted.subject.clone();
    // Large packuments take a while to walk.
    tokio::task::spawn_blocking(move || listed(&subject, &packument, choice)).await?
}

fn listed(
    subject: &Subject,
    packument: &PackumentText,
    choice: VersionChoice,
) -> Result<Vec<Selected>, UnresolvedError> {
    let listing = packument.listing()?;
    let chosen = choice.choose(listing.versions(), listing.latest().as_ref())?;
    let selected = chosen.into_iter().map(|(version, published_at)| {
        let integrity = listing.integrity(&version);
        let release = Release { ecosystem: subject.ecosystem, name: subject.name.clone(), version };
        Selected { release, published_at, integrity }
    });
    Ok(selected.collect())
}

#[cfg(test)]
#[path = "select_tests.rs"]
mod tests;
