//! The verdicts of a lockfile's packages, collected into one statement.

use super::generate::{Circumstances, used_policy};
use super::predicate::{LockEntry, Uncovered, VerdictLock, Verifier};
use super::statement::{Resource, Statement, sha256};
use super::statement_set::StatementSet;
use crate::package::{Ecosystem, Integrity, PackageName, Release, Sha256Digest, Version};
use crate::rebuild::lockfile::Closure;

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

/// The releases of a lockfile that can be verified, and what cannot.
pub fn releases(closure: &Closure) -> (Vec<LockedRelease>, Vec<Uncovered>) {
    let (mut releases, mut uncovered) = (Vec::new(), Vec::new());
    for (name, versions) in closure.packages() {
        for locked in versions {
            let release = Release { ecosystem: Ecosystem::Npm, name: name.clone(), version: locked.version.clone() };
            // A SHA-1 can be met by another file.
            match locked.integrity.as_ref().filter(|integrity| integrity.sha512().is_some()) {
                Some(integrity) => releases.push(LockedRelease { release, integrity: integrity.clone() }),
                None => uncovered.push(Uncovered {
                    name: release.purl(),
                    reason: "the lockfile states no SHA-512 of it".to_owned(),
                }),
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
    /// the lockfile states.
    pub fn of(statements: &StatementSet, locked: &LockedRelease, artifact: &Integrity) -> Result<Self, Uncovered> {
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
