use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::package::{PackageName, Sha256Digest};
use crate::registry::{ChangeFeed, NpmRegistry, Sequence};
use crate::store::{Store, StoreError};

/// The version of what is kept; another one reads as absent.
const SCHEMA: u32 = 1;

/// What a package was like when it was looked at last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PackageCursor {
    /// SHA-256 of its packument.
    pub(super) packument: Sha256Digest,
    /// The versions that it had.
    pub(super) versions: BTreeSet<String>,
}

/// As it is kept.
#[derive(Serialize, Deserialize)]
struct StoredCursor {
    schema: u32,
    packument: String,
    versions: BTreeSet<String>,
}

impl PackageCursor {
    fn key(registry: &NpmRegistry, name: &PackageName) -> String {
        format!("package {} {name}", registry.address(name))
    }

    /// What is remembered of a package; `None` where it was never looked at.
    pub(super) async fn read(
        store: &Store,
        registry: &NpmRegistry,
        name: &PackageName,
    ) -> Result<Option<Self>, StoreError> {
        let text = store.cursor(&Self::key(registry, name)).await?;
        let stored: Option<StoredCursor> = text.and_then(|text| serde_json::from_str(&text).ok());
        Ok(stored.filter(|stored| stored.schema == SCHEMA).and_then(|stored| {
            let packument = Sha256Digest::parse(&stored.packument).ok()?;
            Some(Self { packument, versions: stored.versions })
        }))
    }

    pub(super) async fn write(
        &self,
        store: &Store,
        registry: &NpmRegistry,
        name: &PackageName,
    ) -> Result<(), StoreError> {
        let versions = self.versions.clone();
        let stored = StoredCursor { schema: SCHEMA, packument: self.packument.to_string(), versions };
        let text = serde_json::to_string(&stored).expect("texts are always JSON");
        store.set_cursor(&Self::key(registry, name), &text).await
    }
}

/// The place in a feed up to which everything was handed on.
pub(super) async fn read_sequence(store: &Store, feed: &ChangeFeed) -> Result<Option<Sequence>, StoreError> {
    Ok(store.cursor(&format!("feed {feed}")).await?.and_then(|text| Sequence::parse(&text)))
}

/// Remembers a place in a feed.
pub(super) async fn write_sequence(store: &Store, feed: &ChangeFeed, sequence: &Sequence) -> Result<(), StoreError> {
    store.set_cursor(&format!("feed {feed}"), sequence.as_str()).await
}
