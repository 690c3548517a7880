//! Stage 7b: an earlier release of the same package, to tell what is new from what has always been so.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs::File;
use std::path::PathBuf;

use serde_json::{Map, Value};

use crate::artifact::{ArtifactLimits, CollisionCheck, ReadOptions, SourceContent, read_entries, read_tarball};
use crate::capability::{Capability, Counts};
use crate::finding::{Change, Novelty};
use crate::pack::npm::manifest::{key_path as key_path_of, value_at};
use crate::package::{BlobId, Subject, Version};
use crate::reach::{Reach, ReachLimits, ReachMap, may_refer};
use crate::source::git::with_source;
use crate::stabilize::javascript::SourceKind;
use crate::verify::stages::claim::Claim;
use crate::verify::stages::compare::Outcome;
use crate::verify::stages::error::VerifyError;
use crate::verify::stages::examine::{Examined, FILE_SIZE, HELD_SIZE, looked_into};
use crate::verify::stages::programs::{Program, Unread};
use crate::verify::{Baseline, Context, Request};

/// What an earlier release held.
#[derive(Debug)]
pub(in crate::verify) struct Earlier {
    pub(in crate::verify) version: Version,
    /// By path: the content's id, and its size in bytes.
    files: BTreeMap<Box<str>, (Option<BlobId>, u64)>,
    manifest: Option<Value>,
    /// When the files that are still the same took effect there.
    reach: Option<ReachMap>,
    /// The files that could already do what makes those of this release urgent.
    able: BTreeSet<String>,
}

impl Earlier {
    /// Whether it had this content at this path.
    pub(in crate::verify) fn had(&self, path: &str, blob: Option<BlobId>) -> bool {
        blob.is_some() && self.files.get(path).is_some_and(|(had, _)| *had == blob)
    }

    /// Follows its imports to the files that are still the same or did what attacks do, and reads what those could do.
    ///
    /// What was too large to read could do nothing, and what slept there is new when it wakes up.
    fn look_into(
        &mut self,
        contents: &HashMap<Box<str>, Vec<u8>>,
        same: BTreeSet<&str>,
        changed: &[(&str, &Counts)],
        examined: &Examined,
        context: &Context,
    ) {
        // Of a payload only the length is told, and another one can have the same.
        let is_told = |all: &Counts| all.keys().all(|(capability, _)| *capability != Capability::EncodedPayload);
        let comparable = changed.iter().filter(|(_, all)| is_told(all)).filter_map(|(path, all)| {
            let kind = SourceKind::of(path).unwrap_or(SourceKind::Unstated);
            let content = Cow::Borrowed(contents.get(*path)?.as_slice());
            Some((*all, Unread { path, kind, content, candidate: None, is_measured: false }))
        });
        let mut comparable: Vec<_> = comparable.collect();
        comparable.sort_by_key(|(_, file)| std::cmp::Reverse(file.content.len()));
        let programs = context.processors.each(&comparable, |(_, file)| file.read());
        let pairs = || comparable.iter().zip(&programs);
        let references = pairs().map(|((_, file), program)| (file.path, &program.references)).collect();
        let mut wanted = same;
        wanted.extend(comparable.iter().map(|(_, file)| file.path));
        let paths: BTreeSet<&str> = self.files.keys().map(|path| &**path).collect();
        let manifest = self.manifest.as_ref().unwrap_or(&Value::Null);
        let mut read = |path: &str| contents.get(path).map(|content| Cow::Borrowed(content.as_slice()));
        let limits = ReachLimits::default();
        let reach = ReachMap::with_references(manifest, &paths, &mut read, &references, Some(&wanted), limits);
        let could = |((now, file), program): &(&(&Counts, Unread<'_>), &Program)| {
            let could = program.told.as_ref().is_some_and(|told| no_more(now, &told.abilities.all));
            could && examined.reach.as_ref().is_some_and(|now| reach.reach(file.path) <= now.reach(file.path))
        };
        let able = pairs().filter(could).map(|((_, file), _)| file.path.to_owned()).collect();
        (self.able, self.reach) = (able, Some(reach));
    }

    /// Whether its file at this path could already do what makes this release's urgent, with the same evidence.
    pub(in crate::verify) fn could_already(&self, path: &str) -> bool {
        self.able.contains(path)
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
        Novelty { since: self.version.to_string(), change, could_already: false }
    }

    /// What is new about a value of the manifest; `None` where it was the same.
    pub(in crate::verify) fn novelty_of_key(&self, key_path: &str, manifest: &Value) -> Option<Novelty> {
        let before = value_at(self.manifest.as_ref()?, key_path);
        let change = match before.map(Value::to_string) {
            None => Change::KeyAdded,
            before if before == value_at(manifest, key_path).map(Value::to_string) => return None,
            Some(_) => Change::ValueChanged,
        };
        Some(Novelty { since: self.version.to_string(), change, could_already: false })
    }

    /// Whether its manifest said the same under the first key of a key path such as `bin.tool`, and where that is a map
    /// of subpaths or private names, under the one that the key path goes through: `exports["."]`.
    pub(in crate::verify) fn said(&self, key_path: &str, manifest: &Value) -> bool {
        let top = key_path.split(['.', '[']).next().unwrap_or_default();
        let (Some(now), Some(before)) = (manifest.get(top), self.manifest.as_ref().and_then(|all| all.get(top))) else {
            return false;
        };
        let (Some(names), Some(earlier)) = (names_of(now), names_of(before)) else {
            // As text: the order of conditions decides which of them an import takes.
            let [now, before] = [now, before].map(Value::to_string);
            return now == before;
        };
        let is_meant = |name: &&str| {
            let rest = key_path.strip_prefix(&*key_path_of(&[top, name]));
            key_path == top || rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
        };
        // The order of subpaths decides nothing.
        let meant: BTreeSet<&str> = names.keys().chain(earlier.keys()).map(String::as_str).filter(is_meant).collect();
        let said = |names: &Map<String, Value>, name: &str| names.get(name).map(Value::to_string);
        meant.into_iter().all(|name| said(names, name) == said(earlier, name))
    }
}

/// A map of subpaths (`./a`) or private names (`#a`); `None` for conditions, whose order counts.
fn names_of(value: &Value) -> Option<&Map<String, Value>> {
    value.as_object().filter(|map| map.keys().all(|key| key.starts_with(['.', '#'])))
}

/// Reads a release from before this one, or the one that the user chose.
///
/// Only where something is not explained, and only from the registry: `None` where there is none or, unless the user
/// named it, where it cannot be had; the outcome notes which it is. Runs on a thread that may block.
pub(in crate::verify) fn earlier(
    claim: &Claim,
    outcome: &mut Outcome,
    examined: &Examined,
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
    // Of what is inert now nobody asks how it was.
    let running: Vec<_> = looked_into(outcome).filter(|file| examined.may_run(&file.path)).collect();
    let kept = if running.is_empty() { 0 } else { HELD_SIZE };
    match runtime.block_on(read(claim, version.clone(), kept, context)) {
        Ok((mut earlier, archive)) => {
            let same: BTreeSet<&str> =
                running.iter().filter(|file| earlier.had(&file.path, file.blob)).map(|file| &*file.path).collect();
            let alarming = examined.alarming.iter().map(|(path, all)| (path.as_str(), all));
            let changed: Vec<(&str, &Counts)> =
                alarming.filter(|(path, _)| earlier.files.contains_key(*path) && !same.contains(path)).collect();
            if !same.is_empty() || !changed.is_empty() {
                let contents = archive.contents(&earlier, context.limits);
                earlier.look_into(&contents, same, &changed, examined, context);
            }
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

/// Whether everything was done before, and as often: another `new Function()` may run another text.
fn no_more(now: &Counts, before: &Counts) -> bool {
    now.iter().all(|(what, count)| before.get(what).is_some_and(|before| count <= before))
}

/// The earlier release's archive, and what was kept of it.
struct Archive {
    path: PathBuf,
    kept: HashMap<Box<str>, Vec<u8>>,
}

impl Archive {
    /// The contents of the files that may refer to others, as far as they are not too large.
    fn contents(mut self, earlier: &Earlier, limits: ArtifactLimits) -> HashMap<Box<str>, Vec<u8>> {
        let mut room = HELD_SIZE;
        let held = earlier.files.iter().filter(|(path, _)| may_refer(path)).filter(|(_, (_, size))| {
            let fits = *size <= FILE_SIZE && *size <= room;
            room -= if fits { *size } else { 0 };
            fits
        });
        let held = held.map(|(path, _)| &**path);
        let again: BTreeSet<&str> = held.filter(|path| !self.kept.contains_key(*path)).collect();
        if !again.is_empty()
            && let Ok(file) = File::open(&self.path)
            && let Ok(more) = read_entries(file, limits, &again, FILE_SIZE)
        {
            self.kept.extend(more);
        }
        self.kept
    }
}

/// Of what may be asked for, `kept` bytes at most are kept at once.
async fn read(
    claim: &Claim,
    version: Version,
    kept: u64,
    context: &Context,
) -> Result<(Earlier, Archive), VerifyError> {
    let release = &claim.release;
    let subject = Subject { ecosystem: release.ecosystem, name: release.name.clone(), version: Some(version.clone()) };
    let metadata = context.registry.release(&subject).await?;
    let stored = context.registry.artifact(&metadata).await?;
    let path = stored.path;
    let file = File::open(&path).map_err(|source| VerifyError::ArtifactFile { path: path.clone(), source })?;
    // Another pass costs more than keeping what would be read in it.
    let known = |path: &str, _: &BlobId| match kept > 0 && may_refer(path) {
        true => SourceContent::Different,
        false => SourceContent::Same,
    };
    let two = context.processors.try_take(2);
    let options = ReadOptions {
        limits: ArtifactLimits { retained_size: kept as usize, ..context.limits },
        collisions: CollisionCheck::EveryFile,
        source: &known,
        aside: None,
        digests: false,
        threaded: two.is_some(),
    };
    let mut contents =
        read_tarball(file, &options).map_err(|source| VerifyError::Unreadable { path: path.clone(), source })?;
    let earlier = Earlier {
        version,
        manifest: contents.parsed_manifest(),
        files: contents.entries.iter().map(|entry| (entry.path.clone(), (entry.blob, entry.size))).collect(),
        reach: None,
        able: BTreeSet::new(),
    };
    let kept = contents.entries.iter_mut();
    let kept = kept.filter_map(|entry| Some((entry.path.clone(), entry.content.take()?.into()))).collect();
    Ok((earlier, Archive { path, kept }))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn one_more_of_the_same_or_other_evidence_is_more() {
        let counts = |counts: &[(&str, usize)]| -> Counts {
            counts.iter().map(|(what, count)| ((Capability::DynamicCode, (*what).to_owned()), *count)).collect()
        };
        let before = counts(&[("eval()", 2), ("new Function()", 1)]);
        assert!(no_more(&counts(&[("eval()", 1), ("new Function()", 1)]), &before));
        assert!(!no_more(&counts(&[("new Function()", 2)]), &before));
        assert!(!no_more(&counts(&[("Function()", 1)]), &before));
        let network = [((Capability::Network, "eval()".to_owned()), 1)].into();
        assert!(!no_more(&network, &before));
    }

    #[test]
    fn subpaths_in_another_order_say_the_same_and_conditions_do_not() {
        let earlier = |manifest: Value| Earlier {
            version: Version::parse("1.2.3").unwrap(),
            files: BTreeMap::new(),
            manifest: Some(manifest),
            reach: None,
            able: BTreeSet::new(),
        };
        let before = earlier(json!({"exports": {"./a": "./a.js", ".": {"import": "./i.js", "default": "./d.js"}}}));
        let same = json!({"exports": {".": {"import": "./i.js", "default": "./d.js"}, "./a": "./a.js"}});
        for key_path in ["exports", "exports[\".\"]", "exports[\".\"].import", "exports[\"./a\"]"] {
            assert!(before.said(key_path, &same), "{key_path}");
        }
        let swapped = json!({"exports": {"./a": "./a.js", ".": {"default": "./d.js", "import": "./i.js"}}});
        assert!(!before.said("exports[\".\"].import", &swapped) && !before.said("exports", &swapped));
        let changed = json!({"exports": {"./a": "./evil.js", ".": {"import": "./i.js", "default": "./d.js"}}});
        assert!(!before.said("exports[\"./a\"]", &changed) && !before.said("exports", &changed));
        assert!(before.said("exports[\".\"].import", &changed), "another subpath is new, not this one");
        let added = json!({"exports": {"./a": "./a.js", ".": {"import": "./i.js", "default": "./d.js"}, "./b": "x"}});
        assert!(!before.said("exports[\"./b\"]", &added) && !before.said("exports", &added));
        let conditions = earlier(json!({"exports": {"import": "./i.js", "default": "./d.js"}}));
        assert!(!conditions.said("exports.import", &json!({"exports": {"default": "./d.js", "import": "./i.js"}})));
        assert!(!conditions.said("exports.import", &json!({})));
    }

    #[test]
    fn what_is_new_is_told_from_what_changed() {
        let blob = |byte: u8| Some(BlobId([byte; 20]));
        let earlier = Earlier {
            version: Version::parse("1.2.3").unwrap(),
            files: [("a.js".into(), (blob(1), 1))].into(),
            manifest: Some(json!({"dependencies": {"a": "1", "b": "1"}})),
            reach: None,
            able: BTreeSet::new(),
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
