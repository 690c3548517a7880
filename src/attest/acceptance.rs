//! What a reader asks of a statement that is proven: the policy of whoever relies on it.

use std::collections::BTreeSet;

use super::predicate::{LedgerSummary, Provenance, Summary, Tier, VerdictLock, VerdictName, Verification as Predicate};
use super::statement::{Predicate as _, Resource, StatementError};
use super::types;
use super::unverified::ProvenStatement;
use crate::package::{Integrity, hex_text};
use crate::rebuild::lockfile::{Closure, UnfetchableKind};
use crate::registry::parse_rfc3339;

/// How far a stated time may lie ahead of the reader's clock, seconds.
const CLOCK_SKEW: i64 = 300;
/// The verdicts that say that the source explains every file.
const EXPLAINED: [VerdictName; 3] = [VerdictName::Verbatim, VerdictName::Reproduced, VerdictName::Equivalent];
/// Most packages that one refusal lists.
const MAX_LISTED: usize = 20;

/// What is asked of a statement.
#[derive(Debug, Clone)]
pub struct Acceptance {
    /// Verdicts that will do; unless stated, those that say that the source explains every file, and predicates that
    /// state none.
    pub verdicts: Option<BTreeSet<VerdictName>>,
    /// Whether an artifact will do whose differences a policy of the verifier's excepts.
    pub excepted: bool,
    /// How old the verification may be, seconds.
    pub maximum_age: Option<i64>,
    /// The weakest kind of explanation that will do for a file.
    pub tier: Option<Tier>,
    /// The stabilizers that will do; all where none are named.
    pub stabilizers: Option<BTreeSet<String>>,
    /// The present, seconds since 1970: no verification was made after it.
    pub now: i64,
}

/// Why a proven statement is not accepted.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// The statement cannot be read.
    #[error(transparent)]
    Statement(#[from] StatementError),
    /// A predicate without a verdict.
    #[error("a `{}` states no verdict", .0.escape_debug())]
    NoVerdict(String),
    /// Another verdict.
    #[error("the verdict is `{}`, and accepted are {}", found.id(), list(accepted))]
    Verdict {
        /// What it is.
        found: VerdictName,
        /// What would do.
        accepted: Vec<VerdictName>,
    },
    /// No time, and an age is asked for.
    #[error("the statement does not say when it was made, so its age cannot be told")]
    NoTime,
    /// Not a time.
    #[error("`{}` is not a time", .0.escape_debug())]
    Time(String),
    /// Made later than now.
    #[error("the statement says that it was made in the future: {0}")]
    Future(String),
    /// Too old.
    #[error("the statement was made at {time}, more than {maximum} seconds ago")]
    Age {
        /// When it was made.
        time: String,
        /// How old it may be.
        maximum: i64,
    },
    /// Explained in a weaker way.
    #[error("a file needs the tier `{}`, and `{}` is asked for", found.map_or("unexplained", Tier::id), asked.id())]
    Tier {
        /// What is needed; `None` where a file is not explained.
        found: Option<Tier>,
        /// What was asked for.
        asked: Tier,
    },
    /// A stabilizer that was not allowed.
    #[error("the stabilizer `{}` was used, which is not allowed", .0.escape_debug())]
    Stabilizer(String),
    /// The statement has no such numbers.
    #[error("a `{}` does not say which tiers and stabilizers were used", .0.escape_debug())]
    NoLedger(String),
    /// The artifact is not the subject.
    #[error("no subject of the statement has the artifact's digest")]
    Artifact,
    /// A lockfile with more than the statement covers.
    #[error("{count} of {total} packages of the lockfile are not covered: {}", listed.join(", "))]
    Uncovered {
        /// How many.
        count: usize,
        /// Of how many.
        total: usize,
        /// The first of them, and why.
        listed: Vec<String>,
    },
}

fn list(accepted: &[VerdictName]) -> String {
    accepted.iter().map(|verdict| format!("`{}`", verdict.id())).collect::<Vec<_>>().join(", ")
}

/// What a statement says, once it is accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accepted {
    /// The predicate's type.
    pub predicate_type: String,
    /// The subjects' names.
    pub subjects: Vec<String>,
    /// The verdict; `None` for predicates that state none, and for lockfiles.
    pub verdict: Option<VerdictName>,
    /// Packages that were asked for and are covered; only for lockfiles.
    pub covered: Option<usize>,
}

impl Acceptance {
    /// The verdicts that say that the source explains every file, at any age.
    pub fn explained(now: i64) -> Self {
        Self { verdicts: None, excepted: false, maximum_age: None, tier: None, stabilizers: None, now }
    }

    /// Judges a proven statement about single artifacts, or a verdict lock as a whole.
    pub fn judge(&self, proven: &ProvenStatement) -> Result<Accepted, Refusal> {
        let statement = &proven.statement;
        let mut accepted = Accepted {
            predicate_type: statement.predicate_type.clone(),
            subjects: statement.subject.iter().filter_map(|subject| subject.name.clone()).collect(),
            verdict: None,
            covered: None,
        };
        match statement.predicate_type.as_str() {
            types::VERIFICATION => {
                let predicate = statement.with_predicate::<Predicate>()?.predicate;
                self.time(predicate.time_verified.as_deref())?;
                if !(self.excepted && predicate.excepted) {
                    self.verdict(predicate.verdict)?;
                }
                self.ledger(predicate.ledger.as_ref())?;
                accepted.verdict = Some(predicate.verdict);
            }
            types::SUMMARY => {
                let predicate = statement.with_predicate::<Summary>()?.predicate;
                self.time(predicate.time_verified.as_deref())?;
                let no_verdict = || Refusal::NoVerdict(types::SUMMARY.to_owned());
                let verdict = predicate.verdict().ok_or_else(no_verdict)?;
                self.verdict(verdict)?;
                if self.tier.is_some() || self.stabilizers.is_some() {
                    return Err(Refusal::NoLedger(types::SUMMARY.to_owned()));
                }
                accepted.verdict = Some(verdict);
            }
            types::VERDICT_LOCK => {
                let lock = statement.with_predicate::<VerdictLock>()?.predicate;
                self.time(lock.time_verified.as_deref())?;
                let refused: Vec<String> = lock
                    .packages
                    .iter()
                    .filter_map(|entry| Some(format!("{} ({})", entry.purl, self.entry(entry)?)))
                    .chain(lock.uncovered.iter().map(|missing| format!("{} ({})", missing.name, missing.reason)))
                    .collect();
                accepted.covered = Some(lock.packages.len());
                uncovered(refused, lock.packages.len() + lock.uncovered.len())?;
            }
            // What a rebuild was made of can be relied on without a verdict, unless one is asked for.
            types::PROVENANCE if self.verdicts.is_none() && self.tier.is_none() && self.stabilizers.is_none() => {
                statement.with_predicate::<Provenance>()?;
                self.time(None)?;
            }
            other => return Err(Refusal::NoVerdict(other.chars().take(256).collect())),
        }
        Ok(accepted)
    }

    /// Judges a verdict lock by what `closure` names: each package must have an accepted verdict for the very content
    /// that the lockfile states.
    pub fn judge_lockfile(&self, proven: &ProvenStatement, closure: &Closure) -> Result<Accepted, Refusal> {
        let lock = proven.statement.with_predicate::<VerdictLock>()?.predicate;
        self.time(lock.time_verified.as_deref())?;
        let entries: std::collections::HashMap<&str, _> =
            lock.packages.iter().map(|entry| (entry.purl.as_str(), entry)).collect();
        let (mut refused, mut total) = (Vec::new(), 0);
        for (name, releases) in closure.packages() {
            for locked in releases {
                total += 1;
                let purl = super::lock::purl(name, &locked.version);
                let reason = match entries.get(purl.as_str()) {
                    None => Some("it has no verdict".to_owned()),
                    Some(_) if !locked.is_pinned => Some(super::lock::unpinned(closure.format()).to_owned()),
                    Some(entry) if !same_content(&entry.integrity, locked.integrity.as_ref()) => {
                        Some("its verdict is about other content than the lockfile states".to_owned())
                    }
                    Some(entry) => self.entry(entry),
                };
                refused.extend(reason.map(|reason| format!("{purl} ({reason})")));
            }
        }
        for other in closure.unfetchable() {
            total += 1;
            let what = match other.kind {
                UnfetchableKind::Git => "a git repository",
                UnfetchableKind::Address => "a tarball at an address of its own",
                UnfetchableKind::File => "a tarball beside the lockfile",
                UnfetchableKind::Ambiguous => "the lockfile accepts more contents than one",
                UnfetchableKind::Malformed => "a name, version or place that no registry has",
                UnfetchableKind::Missing => "declared, and no place of it is locked",
            };
            refused.push(format!("{} ({what})", other.name));
        }
        // What an artifact holds is no package that is asked for by itself.
        let unproven = super::lock::unproven_bundles(closure, &entries);
        total += unproven.len();
        refused.extend(unproven.into_iter().map(|place| format!("{place} ({})", super::lock::UNBUNDLED)));
        if total == 0 {
            // Package managers fill such a lockfile with whatever they find.
            (refused, total) = (vec!["the lockfile (it names no package)".to_owned()], 1);
        }
        let covered = total - refused.len();
        uncovered(refused, total)?;
        Ok(Accepted {
            predicate_type: proven.statement.predicate_type.clone(),
            subjects: Vec::new(),
            verdict: None,
            covered: Some(covered),
        })
    }

    /// Why one package of a lock is not accepted, in few words.
    fn entry(&self, entry: &super::predicate::LockEntry) -> Option<String> {
        // An exception excuses the verdict, and nothing else that is asked for.
        let verdict = if self.excepted && entry.excepted { Ok(()) } else { self.verdict(entry.verdict) };
        let refusal = verdict.and_then(|()| self.explained_by(entry.tier, &entry.stabilizers));
        match refusal.err()? {
            Refusal::Verdict { found, .. } => Some(found.id().to_owned()),
            other => Some(other.to_string()),
        }
    }

    fn verdict(&self, found: VerdictName) -> Result<(), Refusal> {
        let accepted = self.verdicts.clone().unwrap_or_else(|| EXPLAINED.into());
        if accepted.contains(&found) {
            return Ok(());
        }
        Err(Refusal::Verdict { found, accepted: accepted.into_iter().collect() })
    }

    fn ledger(&self, ledger: Option<&LedgerSummary>) -> Result<(), Refusal> {
        // The counts are what was counted; the tier only sums them up.
        let tier = ledger.and_then(|ledger| Tier::of_classes(ledger.classes.keys().map(String::as_str)));
        self.explained_by(tier, ledger.map_or(&[], |ledger| ledger.stabilizers.as_slice()))
    }

    fn explained_by(&self, tier: Option<Tier>, stabilizers: &[String]) -> Result<(), Refusal> {
        if let Some(asked) = self.tier
            && tier.is_none_or(|tier| tier > asked)
        {
            return Err(Refusal::Tier { found: tier, asked });
        }
        let allowed = self.stabilizers.as_ref();
        match stabilizers.iter().find(|used| allowed.is_some_and(|allowed| !allowed.contains(*used))) {
            Some(used) => Err(Refusal::Stabilizer(used.clone())),
            None => Ok(()),
        }
    }

    fn time(&self, stated: Option<&str>) -> Result<(), Refusal> {
        let Some(text) = stated else {
            return if self.maximum_age.is_some() { Err(Refusal::NoTime) } else { Ok(()) };
        };
        let time = parse_rfc3339(text).ok_or_else(|| Refusal::Time(text.chars().take(64).collect()))?;
        if time > self.now + CLOCK_SKEW {
            return Err(Refusal::Future(text.to_owned()));
        }
        match self.maximum_age {
            Some(maximum) if self.now.saturating_sub(time) > maximum => {
                Err(Refusal::Age { time: text.to_owned(), maximum })
            }
            _ => Ok(()),
        }
    }
}

/// Holds an artifact against the subjects: SHA-512 where the subject has it, else SHA-256.
pub fn is_subject(subjects: &[Resource], artifact: &[u8]) -> Result<(), Refusal> {
    let sha256 = crate::package::Sha256Digest::of(artifact).to_string();
    let sha512 = Integrity::of(artifact).sha512().map(hex_text).unwrap_or_default();
    let fits = |subject: &Resource| {
        let agrees = |name: &str, actual: &str| subject.digest.get(name).is_none_or(|stated| stated == actual);
        let stated = subject.digest.contains_key("sha256") || subject.digest.contains_key("sha512");
        stated && agrees("sha256", &sha256) && agrees("sha512", &sha512)
    };
    if subjects.iter().any(fits) { Ok(()) } else { Err(Refusal::Artifact) }
}

fn uncovered(mut refused: Vec<String>, total: usize) -> Result<(), Refusal> {
    if refused.is_empty() {
        return Ok(());
    }
    let count = refused.len();
    refused.truncate(MAX_LISTED);
    if count > MAX_LISTED {
        refused.push("…".to_owned());
    }
    Err(Refusal::Uncovered { count, total, listed: refused })
}

/// Whether a verdict's content is what a lockfile states; one without a SHA-512 pins nothing.
fn same_content(stated: &str, locked: Option<&Integrity>) -> bool {
    let stated = Integrity::parse(stated).ok();
    let digest = |integrity: Option<&Integrity>| integrity.and_then(Integrity::sha512).map(<[u8]>::to_vec);
    digest(locked).is_some_and(|locked| digest(stated.as_ref()) == Some(locked))
}

impl ProvenStatement {
    /// Whether the statement is of the kind that covers lockfiles.
    pub fn is_verdict_lock(&self) -> bool {
        self.statement.predicate_type == VerdictLock::TYPE
    }
}
