use std::collections::BTreeSet;
use std::time::{SystemTime, UNIX_EPOCH};

use super::cursor::PackageCursor;
use super::round::WatchError;
use crate::package::{Ecosystem, PackageName, Release};
use crate::registry::{PackumentError, PackumentText, RegistryError};
use crate::sweep::selection::Selected;

/// A release that was not there before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// The release.
    pub selected: Selected,
    /// When the registry was seen to have it, in seconds since 1970.
    pub seen_at: i64,
}

/// Finds in a new packument the releases that were not there before, in the order of their publication, and what is to be
/// remembered once they are handed on.
///
/// At the first look at a package only what was published at `since` or later is new.
pub(super) async fn compare(
    name: PackageName,
    packument: PackumentText,
    cursor: Option<PackageCursor>,
    since: Option<i64>,
) -> Result<(Vec<Found>, PackageCursor), WatchError> {
    // Large packuments take a while to walk.
    let compared = tokio::task::spawn_blocking(move || walk(&name, &packument, cursor.as_ref(), since));
    Ok(compared.await.map_err(RegistryError::from)??)
}

fn walk(
    name: &PackageName,
    packument: &PackumentText,
    cursor: Option<&PackageCursor>,
    since: Option<i64>,
) -> Result<(Vec<Found>, PackageCursor), PackumentError> {
    let listing = packument.listing()?;
    let versions = listing.versions();
    let is_new = |version: &str, published_at: Option<i64>| match cursor {
        Some(cursor) => !cursor.versions.contains(version),
        None => since.zip(published_at).is_some_and(|(since, published_at)| published_at >= since),
    };
    let seen_at = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs().cast_signed());
    let found = versions.iter().filter(|(version, time)| is_new(version.as_str(), *time)).map(|(version, time)| {
        let release = Release { ecosystem: Ecosystem::Npm, name: name.clone(), version: version.clone() };
        Found { selected: Selected { release, published_at: *time, integrity: listing.integrity(version) }, seen_at }
    });
    let mut found: Vec<Found> = found.collect();
    found.sort_by_key(|found| found.selected.published_at);
    // A version that is gone and comes back is new again: it may have other content.
    let versions: BTreeSet<String> = versions.into_iter().map(|(version, _)| version.to_string()).collect();
    Ok((found, PackageCursor { packument: packument.sha256, versions }))
}
