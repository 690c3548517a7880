use std::collections::{HashMap, HashSet};
use std::time::Duration;

use futures_util::stream::{self, StreamExt as _};
use tokio::time::Instant;

use super::cursor::{PackageCursor, read_sequence, write_sequence};
use super::feed::changed_since;
use super::look::{Found, compare};
use crate::package::{PackageName, Sha256Digest};
use crate::registry::{ChangeFeed, NpmRegistry, PackumentError, RegistryError, Sequence};
use crate::store::{Store, StoreError};

/// Packages that are asked about at once; the client bounds what one host sees of it.
const CONCURRENT: usize = 16;
/// With a feed all packages are asked about only so often: a feed may be late, lose something or start anew.
const EVERYTHING_EVERY: Duration = Duration::from_secs(60 * 60);

/// The packages whose new releases are looked for.
#[derive(Debug)]
pub struct Watch {
    registry: NpmRegistry,
    store: Store,
    packages: Vec<PackageName>,
    feed: Option<ChangeFeed>,
    since: Option<i64>,
    /// The digests of the packuments that were seen last.
    known: HashMap<PackageName, Sha256Digest>,
    /// Of which packages it was looked up what an earlier run has seen.
    learnt: HashSet<PackageName>,
    /// When all were asked about last.
    everything_at: Option<Instant>,
    /// What could not be asked about and is not to wait for the next time that all are.
    again: Vec<PackageName>,
}

/// What one round did.
#[derive(Debug, Default)]
pub struct Round {
    /// Packages that were asked about.
    pub asked: usize,
    /// Those whose packument is another one.
    pub changed: usize,
    /// New releases that were handed on.
    pub found: usize,
    /// What could not be looked at.
    pub unseen: Vec<Unseen>,
}

/// Something that could not be looked at; the next round tries again.
#[derive(Debug)]
pub enum Unseen {
    /// A package.
    Package(PackageName, WatchError),
    /// The change feed, so that all packages were asked about instead.
    Feed(RegistryError),
}

/// Why a package could not be looked at.
#[derive(Debug, thiserror::Error)]
pub enum WatchError {
    /// The registry does not know it, or could not be asked.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// The kept packument is none.
    #[error("the registry's answer is not the metadata of a package")]
    Packument(#[from] PackumentError),
}

impl Watch {
    /// Watches `packages`; at the first look at one, what was published at `since` (seconds since 1970) or later is new.
    pub fn new(
        registry: NpmRegistry,
        store: Store,
        packages: impl IntoIterator<Item = PackageName>,
        feed: Option<ChangeFeed>,
        since: Option<i64>,
    ) -> Self {
        let mut seen = HashSet::new();
        let packages = packages.into_iter().filter(|name| seen.insert(name.clone())).collect();
        let (known, learnt) = (HashMap::new(), HashSet::new());
        Self { registry, store, packages, feed, since, known, learnt, everything_at: None, again: Vec::new() }
    }

    /// The watched packages, each once.
    pub fn packages(&self) -> &[PackageName] {
        &self.packages
    }

    /// Looks once, and hands on each new release as soon as it is seen.
    ///
    /// What `take` has accepted is remembered, so it must be safe where `take` keeps it. An error of `take` or of the
    /// store ends the round; a package that cannot be looked at does not.
    pub async fn round<E: From<StoreError>>(
        &mut self,
        mut take: impl AsyncFnMut(Found) -> Result<(), E>,
    ) -> Result<Round, E> {
        let mut round = Round::default();
        let (names, place) = self.due(&mut round).await?;
        round.asked = names.len();
        self.learn(&names).await?;
        let mut again = Vec::new();
        let registry = self.registry.clone();
        let asked: Vec<_> = names.into_iter().map(|name| (self.known.get(&name).copied(), name)).collect();
        // Nobody looks after these while something is handed on below. So they must not hold a connection of the store,
        // for which that would wait.
        let answers = stream::iter(asked).map(|(known, name)| {
            let registry = &registry;
            async move {
                let answer = registry.packument_unless(&name, known).await;
                (name, answer)
            }
        });
        let mut answers = std::pin::pin!(answers.buffer_unordered(CONCURRENT));
        while let Some((name, answer)) = answers.next().await {
            let compared = match answer {
                Ok(None) => continue,
                Ok(Some(packument)) => {
                    // Read anew: another watch of the same store may have been faster.
                    let cursor = PackageCursor::read(&self.store, &self.registry, &name).await?;
                    compare(name.clone(), packument, cursor, self.since).await
                }
                Err(error) => Err(error.into()),
            };
            match compared {
                Ok((found, cursor)) => {
                    round.changed += 1;
                    round.found += found.len();
                    for found in found {
                        take(found).await?;
                    }
                    cursor.write(&self.store, &self.registry, &name).await?;
                    self.known.insert(name, cursor.packument);
                }
                Err(error) => {
                    again.push(name.clone());
                    round.unseen.push(Unseen::Package(name, error));
                }
            }
        }
        self.again = again;
        if let (Some(feed), Some(place)) = (&self.feed, place) {
            write_sequence(&self.store, feed, &place).await?;
        }
        Ok(round)
    }

    /// Remembers again what an earlier run has seen.
    async fn learn(&mut self, names: &[PackageName]) -> Result<(), StoreError> {
        for name in names {
            if self.learnt.insert(name.clone())
                && let Some(cursor) = PackageCursor::read(&self.store, &self.registry, name).await?
            {
                self.known.insert(name.clone(), cursor.packument);
            }
        }
        Ok(())
    }

    /// What is to be asked about, and the place in the feed behind which nothing of it is.
    async fn due(&mut self, round: &mut Round) -> Result<(Vec<PackageName>, Option<Sequence>), StoreError> {
        let is_due = self.everything_at.is_none_or(|at| at.elapsed() >= EVERYTHING_EVERY);
        let Some(feed) = &self.feed else { return Ok((self.packages.clone(), None)) };
        // The end of the feed is asked for before the packages are, so nothing falls between.
        let place = match read_sequence(&self.store, feed).await? {
            Some(since) if !is_due => {
                let watched = self.packages.iter().cloned().collect();
                changed_since(&self.registry, feed, since, &watched).await.map(|(names, place)| (Some(names), place))
            }
            _ => self.registry.end_of_changes(feed).await.map(|place| (None, place)),
        };
        let (names, place) = match place {
            Ok((names, place)) => (names, Some(place)),
            Err(error) => {
                round.unseen.push(Unseen::Feed(error));
                (None, None)
            }
        };
        let Some(mut names) = names else {
            self.everything_at = Some(Instant::now());
            return Ok((self.packages.clone(), place));
        };
        let changed: HashSet<PackageName> = names.iter().cloned().collect();
        names.extend(self.again.drain(..).filter(|name| !changed.contains(name)));
        Ok((names, place))
    }
}

#[cfg(test)]
#[path = "round_tests.rs"]
mod tests;
