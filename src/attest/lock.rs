//! The verdicts of a lockfile's packages, collected into one statement.

use std::borrow::Cow;
use std::collections::HashMap;

use serde::Deserialize;

use super::generate::{Circumstances, used_policy};
use super::predicate::{LockEntry, Uncovered, VerdictLock, Verifier};
use super::statement::{Resource, Statement, sha256};
use super::statement_set::StatementSet;
use crate::package::{Ecosystem, Integrity, PackageName, Release, Sha256Digest, Version};
use crate::rebuild::lockfile::{Bundler, Closure, LockfileFormat};

/// A release that a lockfile names, with the content that it states.
#[derive(Debug, Clone)]
pub struct LockedRelease {
    /// The release.
    pub release: Release,
    /// The content's digest.
    pub integrity: Integrity,
}

/// The package URL of a release in a lockfile.
pub(super) fn purl(name: &PackageName, version: &Version) -> String {
    Release { ecosystem: Ecosystem::Npm, name: name.clone(), version: version.clone() }.purl()
}

/// Why a release is not pinned, in a lockfile of this format.
pub(super) fn unpinned(format: LockfileFormat) -> &'static str {
    match format {
        LockfileFormat::YarnBerry => "the lockfile states a digest of yarn's own archive, not of the registry's",
        LockfileFormat::Npm | LockfileFormat::YarnClassic | LockfileFormat::Pnpm | LockfileFormat::Bun => {
            "the lockfile has it without a SHA-512"
        }
    }
}

/// Why something is not covered that a lockfile says is bundled.
pub(super) const UNBUNDLED: &str = "said to be bundled, which no package with a verdict does";

/// The places of what a lockfile says is bundled, and no artifact with an entry holds where npm would look.
pub(super) fn unproven_bundles<'a>(closure: &'a Closure, entries: &HashMap<&str, &LockEntry>) -> Vec<&'a str> {
    let is_held = |bundler: &Bundler| {
        let entry = entries.get(purl(&bundler.name, &bundler.version).as_str());
        entry.is_some_and(|entry| entry.bundles.contains(&bundler.inside))
    };
    let unproven = closure.bundled().iter().filter(|bundled| !bundled.bundler.as_ref().is_some_and(is_held));
    unproven.map(|bundled| bundled.place.as_str()).collect()
}

/// What a lockfile says is bundled, and the artifact of no verdict holds.
pub fn unbundled(closure: &Closure, verdicts: &[LockedVerdict]) -> Vec<Uncovered> {
    let entries = verdicts.iter().map(|verdict| (verdict.entry.purl.as_str(), &verdict.entry)).collect();
    let missing = |place: &str| Uncovered { name: place.to_owned(), reason: UNBUNDLED.to_owned() };
    unproven_bundles(closure, &entries).into_iter().map(missing).collect()
}

/// The folders of an artifact that are packages below its `node_modules`, from its ledger's lines.
pub fn bundles(ledger: &str) -> Vec<String> {
    #[derive(Deserialize)]
    struct Line<'a> {
        #[serde(borrow, default)]
        path: Cow<'a, str>,
        #[serde(borrow, default)]
        kind: Cow<'a, str>,
    }
    // Most lines of most ledgers need no reading.
    let lines = ledger.lines().filter(|line| line.contains("node_modules/"));
    let files = lines.filter_map(|line| serde_json::from_str::<Line<'_>>(line).ok()).filter(|line| line.kind == "file");
    let mut folders: Vec<String> = files
        .filter_map(|line| {
            line.path.strip_suffix("/package.json").filter(|at| is_package_folder(at)).map(str::to_owned)
        })
        .collect();
    folders.sort();
    folders
}

/// Whether a path is `node_modules/NAME`, or one in another.
fn is_package_folder(path: &str) -> bool {
    let Some(rest) = path.strip_prefix("node_modules/") else { return false };
    rest.split("/node_modules/").all(|name| PackageName::parse(name).is_ok())
}

/// The releases of a lockfile that can be verified, and what cannot.
pub fn releases(closure: &Closure) -> (Vec<LockedRelease>, Vec<Uncovered>) {
    let (mut releases, mut uncovered) = (Vec::new(), Vec::new());
    for (name, versions) in closure.packages() {
        for locked in versions {
            let release = Release { ecosystem: Ecosystem::Npm, name: name.clone(), version: locked.version.clone() };
            // A SHA-1 can be met by another file.
            match locked.integrity.as_ref().filter(|_| locked.is_pinned) {
                Some(integrity) => releases.push(LockedRelease { release, integrity: integrity.clone() }),
                None => {
                    uncovered.push(Uncovered { name: release.purl(), reason: unpinned(closure.format()).to_owned() });
                }
            }
        }
    }
    let unfetchable = closure.unfetchable().iter();
    uncovered.extend(
        unfetchable.map(|other| Uncovered { name: other.name.clone(), reason: other.kind.as_str().to_owned() }),
    );
    (releases, uncovered)
}

/// One package's verdict, with its subject.
#[derive(Debug, Clone)]
pub struct LockedVerdict {
    subject: Resource,
    entry: LockEntry,
    exceptions: Vec<String>,
}

impl LockedVerdict {
    /// Takes the verdict out of the statements about the package alone; `Err` where that is about other content than
    /// the lockfile states. `bundles` are the packages inside of the artifact.
    pub fn of(
        statements: &StatementSet,
        locked: &LockedRelease,
        artifact: &Integrity,
        bundles: Vec<String>,
    ) -> Result<Self, Uncovered> {
        let purl = locked.release.purl();
        if locked.integrity.sha512() != artifact.sha512() {
            let reason = "the registry serves other content than the lockfile states".to_owned();
            return Err(Uncovered { name: purl, reason });
        }
        let statement = statements.verification();
        let subject = statement.subject.first().cloned().unwrap_or_default();
        let predicate = &statement.predicate;
        let ledger = predicate.ledger.as_ref();
        let entry = LockEntry {
            purl,
            integrity: artifact.to_string(),
            verdict: predicate.verdict,
            inconclusive: predicate.inconclusive.clone(),
            excepted: predicate.excepted,
            commit: predicate.source.as_ref().and_then(|source| source.digest.get("gitCommit").cloned()),
            tier: ledger.and_then(|ledger| ledger.tier),
            stabilizers: ledger.map(|ledger| ledger.stabilizers.clone()).unwrap_or_default(),
            bundles,
            statement: sha256(Sha256Digest::of(statements.bytes())),
        };
        Ok(Self { subject, entry, exceptions: predicate.policy.exceptions.clone() })
    }
}

/// The statement of a whole lockfile; `None` where no package has a verdict, so that there is nothing to state.
pub fn verdict_lock(
    lockfile: &[u8],
    mut verdicts: Vec<LockedVerdict>,
    mut uncovered: Vec<Uncovered>,
    circumstances: &Circumstances,
) -> Option<Statement<VerdictLock>> {
    verdicts.sort_by(|left, right| left.entry.purl.cmp(&right.entry.purl));
    uncovered.sort();
    let mut exceptions: Vec<String> = verdicts.iter().flat_map(|verdict| verdict.exceptions.clone()).collect();
    exceptions.sort();
    exceptions.dedup();
    let (subjects, packages): (Vec<Resource>, Vec<LockEntry>) =
        verdicts.into_iter().map(|verdict| (verdict.subject, verdict.entry)).unzip();
    if subjects.is_empty() {
        return None;
    }
    let predicate = VerdictLock {
        lockfile: sha256(Sha256Digest::of(lockfile)),
        packages,
        uncovered,
        policy: used_policy(circumstances, exceptions),
        verifier: Verifier::this(),
        time_verified: circumstances.time.clone(),
    };
    Some(Statement::new(subjects, predicate))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packages_inside_of_an_artifact_are_read_from_its_ledger() {
        let line =
            |path: &str, kind: &str| format!("{{\"path\":\"{path}\",\"kind\":\"{kind}\",\"class\":\"git-blob\"}}\n");
        let mut ledger: String = [
            "package.json",
            "node_modules/b/package.json",
            "node_modules/b/node_modules/@s/c/package.json",
            "node_modules/@s/a/package.json",
            "node_modules/b/index.js",
            "node_modules/b/lib/package.json",
            "node_modules/package.json",
            "node_modules/../evil/package.json",
            "test/node_modules/d/package.json",
        ]
        .map(|path| line(path, "file"))
        .concat();
        ledger.push_str(&line("node_modules/linked/package.json", "symlink"));
        ledger.push_str("{\"sourceOnly\":\"node_modules/lacking/package.json\"}\nnode_modules/\n");
        assert_eq!(bundles(&ledger), ["node_modules/@s/a", "node_modules/b", "node_modules/b/node_modules/@s/c"]);
    }
}
