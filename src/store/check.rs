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
            for kept in page {
                if let Some(flaw) = self.flaw_of_row(&kept).await? {
                    checked.flaws.push(flaw);
                }
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

    async fn flaw_of_row(&self, kept: &Kept) -> Result<Option<Flaw>, StoreError> {
        let stated = sqlx::query("SELECT uid FROM verifications WHERE id = $1").bind(kept.id);
        let stated: String = stated.fetch_one(&mut *self.look().await?).await?.try_get("uid")?;
        let is_whole = stated == kept.record.uid().to_string();
        let problem = "this row is not as it was added".to_owned();
        Ok((!is_whole).then(|| Flaw { digest: stated, purl: kept.record.purl.clone(), problem }))
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
