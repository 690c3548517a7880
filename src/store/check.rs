use std::collections::{BTreeMap, BTreeSet};

use futures_util::{StreamExt as _, TryStreamExt as _, stream};

use super::{Store, StoreError};
use crate::package::Sha256Digest;

/// Rows looked at in one query.
pub(super) const PAGE: i64 = 500;
/// Objects read at once.
const AT_ONCE: usize = 8;

/// What a check of a store found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Checked {
    /// Results in the history.
    pub results: u64,
    /// Objects that they name.
    pub objects: u64,
    /// Objects that no result names: what a killed process left.
    pub unnamed: u64,
    /// Objects that are not what they should be, in the order of their digests.
    pub flaws: Vec<Flaw>,
}

/// An object that is not what it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flaw {
    /// The object, as the row names it.
    pub digest: String,
    /// The first release whose result names it.
    pub purl: String,
    /// What is wrong.
    pub problem: String,
}

impl Store {
    /// Reads every object that a result names and holds it to its digest.
    pub async fn check(&self) -> Result<Checked, StoreError> {
        let (mut checked, mut named) = (Checked::default(), BTreeMap::new());
        let mut after = 0;
        loop {
            let page = self.page(after, PAGE).await?;
            let Some(last) = page.last() else { break };
            after = last.id;
            checked.results += page.len() as u64;
            for kept in page {
                for digest in kept.record.objects() {
                    named.entry(digest.clone()).or_insert_with(|| kept.record.purl.clone());
                }
            }
        }
        checked.objects = named.len() as u64;
        let flaw = |(digest, purl): (String, String)| async move {
            let problem = self.problem(&digest).await?;
            Ok::<_, StoreError>(problem.map(|problem| Flaw { digest, purl, problem }))
        };
        let listed: BTreeSet<String> = self.objects().list().await?.iter().map(ToString::to_string).collect();
        checked.unnamed = listed.iter().filter(|digest| !named.contains_key(*digest)).count() as u64;
        let found: Vec<_> = stream::iter(named).map(flaw).buffered(AT_ONCE).try_collect().await?;
        checked.flaws = found.into_iter().flatten().collect();
        Ok(checked)
    }

    /// What is wrong with an object, if anything.
    async fn problem(&self, digest: &str) -> Result<Option<String>, StoreError> {
        let Ok(digest) = Sha256Digest::parse(digest) else { return Ok(Some("its name is no digest".to_owned())) };
        match self.objects().get(digest).await? {
            None => Ok(Some("it is missing".to_owned())),
            Some(object) => match object.content() {
                Ok(_) => Ok(None),
                Err(StoreError::Damaged { reason, .. }) => Ok(Some(format!("it is damaged: {reason}"))),
                Err(other) => Err(other),
            },
        }
    }
}
