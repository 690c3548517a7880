use std::collections::HashSet;

use crate::package::PackageName;
use crate::registry::{ChangeFeed, NpmRegistry, RegistryError, Sequence};

/// Most pages of a feed that are read at once: 50,000 changes, more than an hour of the largest registry. What is left is
/// read the next time.
const MAX_PAGES: usize = 50;

/// The watched packages that changed behind a place in a feed, and the place up to which that is true.
pub(super) async fn changed_since(
    registry: &NpmRegistry,
    feed: &ChangeFeed,
    since: Sequence,
    watched: &HashSet<PackageName>,
) -> Result<(Vec<PackageName>, Sequence), RegistryError> {
    let (mut names, mut seen, mut last) = (Vec::new(), HashSet::new(), since);
    for _ in 0..MAX_PAGES {
        let changes = registry.changes(feed, &last).await?;
        for name in changes.names {
            if watched.contains(&name) && seen.insert(name.clone()) {
                names.push(name);
            }
        }
        last = changes.last;
        if !changes.is_full {
            break;
        }
    }
    Ok((names, last))
}
