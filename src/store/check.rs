use std::collections::{BTreeMap, BTreeSet};

use futures_util::{StreamExt as _, TryStreamExt as _, stream};

use sqlx::Row as _;

use super::{Kept, Store, StoreError};
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

/// An object or a row that is not what it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flaw {
    /// The object, as the row names it, or the row's own digest.
    pub digest: String,
    /// The first release whose result names it.
    pub purl: String,
    /// What is wrong.
    pub problem: String,
}

impl Store {
    /// Holds every row to its digest, and every object that one names.
    pub async fn check(&self) -> Result<Checked, StoreError> {
        let (mut checked, mut named) = (Checked::default(), BTreeMap::new());
        let mut after = 0;
        loop {
            let page = self.page(after, PAGE).await?;
            let Some(last) = page.last() else { break };
            after = last.id;
            checked.results += page.len() as u64;
            let stated = self.uids(page.first().map_or(after, |kept| kept.id), last.id).await?;
            for kept in page {
                checked.flaws.extend(flaw_of_row(&kept, stated.get(&kept.id)));
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
        checked.flaws.extend(found.into_iter().flatten());
        Ok(checked)
    }

    /// What the rows numbered `first` to `last` say of themselves.
    async fn uids(&self, first: i64, last: i64) -> Result<BTreeMap<i64, String>, StoreError> {
        let query = sqlx::query("SELECT id, uid FROM verifications WHERE id BETWEEN $1 AND $2").bind(first).bind(last);
        let rows = query.fetch_all(&mut *self.look().await?).await?;
        rows.iter().map(|row| Ok((row.try_get("id")?, row.try_get("uid")?))).collect()
    }

    /// What is wrong with an object, if anything.
    async fn problem(&self, digest: &str) -> Result<Option<String>, StoreError> {
        let Ok(digest) = Sha256Digest::parse(digest) else { return Ok(Some("its name is no digest".to_owned())) };
        let content = match self.objects().get(digest).await {
            Ok(None) => return Ok(Some("it is missing".to_owned())),
            Ok(Some(object)) => object.content(),
            Err(error) => Err(error),
        };
        match content {
            Ok(_) => Ok(None),
            Err(StoreError::Damaged { reason, .. }) => Ok(Some(format!("it is damaged: {reason}"))),
            Err(other) => Err(other),
        }
    }
}

/// What is wrong with a row that says `stated` of itself; one that was removed meanwhile says nothing.
fn flaw_of_row(kept: &Kept, stated: Option<&String>) -> Option<Flaw> {
    let digest = stated.filter(|stated| **stated != kept.record.uid().to_string())?.clone();
    let (purl, problem) = (kept.record.purl.clone(), "this row is not as it was added".to_owned());
    Some(Flaw { digest, purl, problem })
}
