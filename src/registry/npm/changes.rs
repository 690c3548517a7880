//! The change feed that some registries have, in the form of CouchDB: which packages changed, and in which order.
//!
//! A feed only hints: what a package's releases are is read from its packument. It is asked where the user names one,
//! because the default registry keeps it at another host, in part and not for everybody.

use serde::Deserialize;
use serde_json::Value;
use url::Url;

use super::{NpmRegistry, RegistryError};
use crate::package::PackageName;

/// Changes that one request asks for.
const PAGE: usize = 1000;
/// Longest place in a feed that is kept, bytes; CouchDB's grow with the number of its nodes.
const MAX_SEQUENCE: usize = 8192;

/// The address of a change feed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangeFeed {
    /// The database; ends with a slash.
    database: Url,
}

/// Why a text is not the address of a change feed.
#[derive(Debug, thiserror::Error)]
pub enum ChangeFeedError {
    /// Not http or https.
    #[error("`{}` is not an http(s) address", .0.escape_debug())]
    Address(String),
    /// Credentials, which would be shown and kept.
    #[error("the address must hold no credentials: put them into `.npmrc`, as for a registry")]
    Credentials,
}

/// A place in a feed, opaque as CouchDB wants it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sequence(String);

/// What changed behind a place in a feed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changes {
    /// The packages, in the order of their changes; what is no package is left out.
    pub names: Vec<PackageName>,
    /// The place behind them.
    pub last: Sequence,
    /// Whether more may follow at once.
    pub is_full: bool,
}

impl ChangeFeed {
    /// Parses the address of the database (`https://feed.example/registry`) or of its `_changes`.
    pub fn parse(text: &str) -> Result<Self, ChangeFeedError> {
        let usable = |url: &Url| matches!(url.scheme(), "http" | "https") && url.host_str().is_some();
        let parsed = Url::parse(text).ok().filter(usable);
        let mut database = parsed.ok_or_else(|| ChangeFeedError::Address(text.to_owned()))?;
        if !database.username().is_empty() || database.password().is_some() {
            return Err(ChangeFeedError::Credentials);
        }
        database.set_query(None);
        database.set_fragment(None);
        let path = database.path().trim_end_matches('/');
        let path = path.strip_suffix("/_changes").unwrap_or(path);
        let path = format!("{path}/");
        database.set_path(&path);
        Ok(Self { database })
    }

    fn changes_url(&self, since: &Sequence) -> Url {
        let mut url = self.database.clone();
        let path = format!("{}_changes", url.path());
        url.set_path(&path);
        url.query_pairs_mut().append_pair("since", &since.0).append_pair("limit", &PAGE.to_string());
        url
    }
}

impl std::fmt::Display for ChangeFeed {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.database.fmt(formatter)
    }
}

impl Sequence {
    /// Takes a place as it was kept; `None` where it cannot be one.
    pub fn parse(text: &str) -> Option<Self> {
        let usable = !text.is_empty() && text.len() <= MAX_SEQUENCE && !text.chars().any(char::is_control);
        usable.then(|| Self(text.to_owned()))
    }

    /// As the feed wrote it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<'de> Deserialize<'de> for Sequence {
    /// Numbers in old feeds, texts in newer ones.
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = match Value::deserialize(deserializer)? {
            Value::Number(number) => number.to_string(),
            Value::String(text) => text,
            _ => String::new(),
        };
        Self::parse(&text).ok_or_else(|| serde::de::Error::custom("no place in the feed"))
    }
}

impl NpmRegistry {
    /// The end of a feed at this moment.
    pub async fn end_of_changes(&self, feed: &ChangeFeed) -> Result<Sequence, RegistryError> {
        let database: Database = self.json_answer(feed.database.clone(), &some_name(), "a change feed").await?;
        Ok(database.update_seq)
    }

    /// What changed after `since`, at most 1,000 changes.
    pub async fn changes(&self, feed: &ChangeFeed, since: &Sequence) -> Result<Changes, RegistryError> {
        let page: ChangesPage = self.json_answer(feed.changes_url(since), &some_name(), "a change feed").await?;
        let is_full = page.results.len() >= PAGE && page.last_seq != *since;
        // Design documents are no packages.
        let names = page.results.iter().filter_map(|change| PackageName::parse(&change.id).ok()).collect();
        Ok(Changes { names, last: page.last_seq, is_full })
    }
}

/// Credentials for a feed are those that are configured for its address, whatever the scope.
fn some_name() -> PackageName {
    PackageName::parse("package").expect("a plain word is a name")
}

#[derive(Debug, Deserialize)]
struct Database {
    update_seq: Sequence,
}

#[derive(Debug, Deserialize)]
struct ChangesPage {
    results: Vec<Change>,
    last_seq: Sequence,
}

#[derive(Debug, Deserialize)]
struct Change {
    id: String,
}

#[cfg(test)]
#[path = "changes_tests.rs"]
mod tests;
