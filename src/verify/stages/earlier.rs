//! Stage 7b: an earlier release of the same package, to tell what is new from what has always been so.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap};
use std::fs::File;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::artifact::{CollisionCheck, ReadOptions, SourceContent, read_entries, read_tarball};
use crate::finding::{Change, Novelty};
use crate::pack::npm::manifest::value_at;
use crate::package::{BlobId, Subject, Version};
use crate::reach::{Reach, ReachLimits, ReachMap, may_refer};
use crate::source::git::with_source;
use crate::verify::stages::claim::Claim;
use crate::verify::stages::compare::Outcome;
use crate::verify::stages::error::VerifyError;
use crate::verify::stages::examine::{FILE_SIZE, HELD_SIZE, looked_into};
use crate::verify::{Baseline, Context, Request};

/// What an earlier release held.
#[derive(Debug)]
pub(in crate::verify) struct Earlier {
    pub(in crate::verify) version: Version,
    /// By path: the content's id, and its size in bytes.
    files: HashMap<Box<str>, (Option<BlobId>, u64)>,
    manifest: Option<Value>,
    /// When the files that are still the same took effect there.
    reach: Option<ReachMap>,
}

impl Earlier {
    /// Whether it had this content at this path.
    pub(in crate::verify) fn had(&self, path: &str, blob: Option<BlobId>) -> bool {
        blob.is_some() && self.files.get(path).is_some_and(|(had, _)| *had == blob)
    }

    /// Whether the file took effect as early there as it does now: what slept before is new when it wakes up.
    pub(in crate::verify) fn reached(&self, path: &str, now: Option<Reach>) -> bool {
        let (Some(now), Some(reach)) = (now, &self.reach) else { return true };
        reach.reach(path) <= now
    }

    /// What is new about the content of a file that this release does not have in the same way.
    pub(in crate::verify) fn novelty(&self, path: &str, blob: Option<BlobId>) -> Novelty {
        let change = match self.files.contains_key(path) {
            false => Change::FileAdded,
            true if self.had(path, blob) => Change::ReachChanged,
            true => Change::ContentChanged,
        };
        Novelty { since: self.version.to_string(), change }
    }

    /// What is new about a value of the manifest; `None` where it was the same.
    pub(in crate::verify) fn novelty_of_key(&self, key_path: &str, manifest: &Value) -> Option<Novelty> {
        let before = value_at(self.manifest.as_ref()?, key_path);
        let change = match before.map(Value::to_string) {
            None => Change::KeyAdded,
            before if before == value_at(manifest, key_path).map(Value::to_string) => return None,
            Some(_) => Change::ValueChanged,
        };
        Some(Novelty { since: self.version.to_string(), change })
    }

    /// Whether its manifest said the same under the first key of a key path such as `exports["."]`.
    pub(in crate::verify) fn said(&self, key_path: &str, manifest: &Value) -> bool {
        let top = key_path.split(['.', '[']).next().unwrap_or_default();
        // As text: the order of conditions decides which of them an import takes.
        let value = manifest.get(top).map(Value::to_string);
        value.is_some() && self.manifest.as_ref().and_then(|manifest| manifest.get(top)).map(Value::to_string) == value
    }
}

/// Reads a release from before this one, or the one that the user chose.
///
/// Only where something is not explained, and only from the registry: `None` where there is none or, unless the user
/// named it, where it cannot be had; the outcome notes which it is. Runs on a thread that may block.
pub(in crate::verify) fn earlier(
    claim: &Claim,
    outcome: &mut Outcome,
    request: &Request,
    context: &Context,
) -> Result<Option<Earlier>, VerifyError> {
    if let Some(since) = &request.since
        && since.compare_precedence(&claim.release.version).is_ge()
    {
        return Err(VerifyError::NotEarlier { since: since.clone(), version: claim.release.version.clone() });
    }
    if looked_into(outcome).next().is_none() {
        outcome.baseline = Some(Baseline::NotNeeded);
        return Ok(None);
    }
    let baseline = match (&request.since, before(claim)) {
        (Some(since), _) => Baseline::Chosen(since.clone()),
        (None, Some(version)) => Baseline::Settled(version),
        (None, None) => Baseline::NoneSettled,
    };
    let Some(version) = baseline.version().cloned() else {
        outcome.baseline = Some(baseline);
        return Ok(None);
    };
    let runtime = tokio::runtime::Handle::current();
    match runtime.block_on(read(claim, version.clone(), context)) {
        Ok((mut earlier, archive)) => {
            let same = looked_into(outcome).filter(|file| earlier.had(&file.path, file.blob));
            earlier.reach = reach(&earlier, &archive, &same.map(|file| &*file.path).collect(), context);
            outcome.baseline = Some(baseline);
            Ok(Some(earlier))
        }
        Err(error) if request.since.is_some() => Err(error),
        Err(error) => {
            tracing::info!(release = %claim.release, %error, "the release before cannot be compared with");
            outcome.baseline = Some(Baseline::Unavailable { version, detail: with_source(&error) });
            Ok(None)
        }
    }
}

/// A lower version that is not new itself: what an attack began with the release before must not pass for usual.
fn before(claim: &Claim) -> Option<Version> {
    Some(claim.metadata.as_ref()?.neighbours.settled.as_ref()?.version.clone())
}

/// Follows the earlier release's imports to the files that are still the same.
fn reach(earlier: &Earlier, archive: &Path, same: &BTreeSet<&str>, context: &Context) -> Option<ReachMap> {
    if same.is_empty() {
        return None;
    }
    let paths: BTreeSet<&str> = earlier.files.keys().map(|path| &**path).collect();
    let file = File::open(archive).ok()?;
    let mut room = HELD_SIZE;
    let held = paths.iter().copied().filter(|path| may_refer(path)).filter(|path| {
        let size = earlier.files.get(*path).map_or(u64::MAX, |(_, size)| *size);
        let fits = size <= FILE_SIZE && size <= room;
        room -= if fits { size } else { 0 };
        fits
    });
    let contents = read_entries(file, context.limits, &held.collect(), FILE_SIZE).ok()?;
    let manifest = earlier.manifest.clone().unwrap_or(Value::Null);
    let mut read = |path: &str| contents.get(path).map(|content| Cow::Borrowed(content.as_slice()));
    Some(ReachMap::of(&manifest, &paths, &mut read, Some(same), ReachLimits::default()))
}

async fn read(claim: &Claim, version: Version, context: &Context) -> Result<(Earlier, PathBuf), VerifyError> {
    let release = &claim.release;
    let subject = Subject { ecosystem: release.ecosystem, name: release.name.clone(), version: Some(version.clone()) };
    let metadata = context.registry.release(&subject).await?;
    let stored = context.registry.artifact(&metadata).await?;
    let path = stored.path;
    let file = File::open(&path).map_err(|source| VerifyError::ArtifactFile { path: path.clone(), source })?;
    // Ids are all that is compared, so no content is kept.
    let known = |_: &str, _: &BlobId| SourceContent::Same;
    let options = ReadOptions {
        limits: context.limits,
        collisions: CollisionCheck::EveryFile,
        source: &known,
        digests: false,
        threaded: false,
    };
    let contents =
        read_tarball(file, &options).map_err(|source| VerifyError::Unreadable { path: path.clone(), source })?;
    let earlier = Earlier {
        version,
        manifest: contents.parsed_manifest(),
        files: contents.entries.iter().map(|entry| (entry.path.clone(), (entry.blob, entry.size))).collect(),
        reach: None,
    };
    Ok((earlier, path))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_new_is_told_from_what_changed() {
        let blob = |byte: u8| Some(BlobId([byte; 20]));
        let earlier = Earlier {
            version: Version::parse("1.2.3").unwrap(),
            files: [("a.js".into(), (blob(1), 1))].into(),
            manifest: Some(json!({"dependencies": {"a": "1", "b": "1"}})),
            reach: None,
        };
        let told = |path: &str, byte: u8| earlier.novelty(path, blob(byte)).to_string();
        assert_eq!(told("b.js", 1), "new since 1.2.3, which had no such file");
        assert_eq!(told("a.js", 2), "new since 1.2.3, which had other content there");
        assert_eq!(told("a.js", 1), "new since 1.2.3, where the same file did not run as early");
        let now = json!({"dependencies": {"a": "1", "b": "2", "c": "1"}});
        let told = |path: &str| earlier.novelty_of_key(path, &now).map(|novelty| novelty.to_string());
        assert_eq!(told("dependencies.a"), None, "another dependency is new, not this one");
        assert_eq!(told("dependencies.b").unwrap(), "new since 1.2.3, whose manifest had another value");
        assert_eq!(told("dependencies.c").unwrap(), "new since 1.2.3, whose manifest did not have it");
    }
}
