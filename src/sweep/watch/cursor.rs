use std::collections::{BTreeSet, HashMap};
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};

use crate::package::{PackageName, Sha256Digest};
use crate::registry::{ChangeFeed, NpmRegistry, Sequence};

/// The version of what is kept; another one reads as absent.
const SCHEMA: u32 = 1;

/// Where a watch stood, as texts by key.
pub trait Cursors {
    /// What was kept last.
    fn read(&self, key: &str) -> impl Future<Output = Result<Option<String>, CursorError>> + Send;
    /// Keeps a text instead of what was kept before.
    fn write(&self, key: &str, value: &str) -> impl Future<Output = Result<(), CursorError>> + Send;
}

/// What is remembered cannot be read or written.
#[derive(Debug, thiserror::Error)]
#[error("cannot {action} where the watch stood")]
pub struct CursorError {
    action: &'static str,
    #[source]
    source: Box<dyn std::error::Error + Send + Sync>,
}

impl CursorError {
    /// Reading failed.
    pub fn read(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self { action: "read", source: source.into() }
    }

    /// Writing failed.
    pub fn write(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self { action: "keep", source: source.into() }
    }
}

/// Cursors that last as long as the process.
#[derive(Debug, Default)]
pub struct MemoryCursors(Mutex<HashMap<String, String>>);

impl Cursors for MemoryCursors {
    async fn read(&self, key: &str) -> Result<Option<String>, CursorError> {
        Ok(self.0.lock().unwrap_or_else(PoisonError::into_inner).get(key).cloned())
    }

    async fn write(&self, key: &str, value: &str) -> Result<(), CursorError> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(key.to_owned(), value.to_owned());
        Ok(())
    }
}

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
        cursors: &impl Cursors,
        registry: &NpmRegistry,
        name: &PackageName,
    ) -> Result<Option<Self>, CursorError> {
        let Some(text) = cursors.read(&Self::key(registry, name)).await? else { return Ok(None) };
        let stored: Option<StoredCursor> = serde_json::from_str(&text).ok();
        let stored = stored.filter(|stored| stored.schema == SCHEMA);
        Ok(stored.and_then(|stored| {
            let packument = Sha256Digest::parse(&stored.packument).ok()?;
            Some(Self { packument, versions: stored.versions })
        }))
    }

    pub(super) async fn write(
        self,
        cursors: &impl Cursors,
        registry: &NpmRegistry,
        name: &PackageName,
    ) -> Result<(), CursorError> {
        let stored = StoredCursor { schema: SCHEMA, packument: self.packument.to_string(), versions: self.versions };
        let text = serde_json::to_string(&stored).map_err(CursorError::write)?;
        cursors.write(&Self::key(registry, name), &text).await
    }
}

/// The place in a feed up to which everything was handed on.
pub(super) async fn read_sequence(cursors: &impl Cursors, feed: &ChangeFeed) -> Result<Option<Sequence>, CursorError> {
    Ok(cursors.read(&format!("feed {feed}")).await?.and_then(|text| Sequence::parse(&text)))
}

/// Remembers a place in a feed.
pub(super) async fn write_sequence(
    cursors: &impl Cursors,
    feed: &ChangeFeed,
    sequence: &Sequence,
) -> Result<(), CursorError> {
    cursors.write(&format!("feed {feed}"), sequence.as_str()).await
}
