//! `attest --lockfile`: the verdicts of everything that a lockfile names, in one signed statement.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use super::{Attester, KeptResults, Known, read_lockfile};
use crate::attest::predicate::{Uncovered, VerdictLock};
use crate::attest::{LockedRelease, LockedVerdict, Predicate as _, bundles, releases, unbundled, verdict_lock};
use crate::cli::commands::verify::{Order, Outcome, verify_all};
use crate::cli::error::CliError;
use crate::cli::output;
use crate::count::counted;
use crate::package::Subject;
use crate::report::printable::printable;
use crate::verdict::{exit, worst_exit_code};
use crate::verify::{Context, Request, Verification};

/// What is known of a package without its ledger, and where its artifact holds other packages.
type WithBundles = (Known, Vec<String>);

/// What was found of the packages so far.
struct Collected {
    /// What is stated where nothing was found. What failed today may differ tomorrow; only the fact is stated.
    reason: &'static str,
    verdicts: Vec<LockedVerdict>,
    uncovered: Vec<Uncovered>,
    codes: Vec<u8>,
    /// How often each verdict stands.
    counts: BTreeMap<&'static str, usize>,
}

impl Collected {
    /// Takes in what is known of one package, and tells what is not as it should be.
    fn take(&mut self, locked: &LockedRelease, known: Result<WithBundles, CliError>) {
        let subject = locked.release.to_string();
        let verdict = match known {
            Ok((known, bundles)) => {
                *self.counts.entry(known.statements.verification().predicate.verdict.id()).or_default() += 1;
                if known.code != exit::EXPLAINED {
                    output::note(&format!("{}: {}\n", known.verdict(), printable(&subject)));
                }
                self.codes.push(known.code);
                LockedVerdict::of(&known.statements, locked, &known.artifact, bundles)
            }
            Err(error) => {
                output::error(Some(&subject), &error);
                self.codes.push(error.exit_code());
                Err(Uncovered { name: locked.release.purl(), reason: self.reason.to_owned() })
            }
        };
        match verdict {
            Ok(verdict) => self.verdicts.push(verdict),
            Err(missing) => self.uncovered.push(missing),
        }
    }
}

/// Takes from the ledger what a lock needs: ledgers are long, and outcomes may wait for their turn.
fn with_bundles(known: Known) -> WithBundles {
    let bundles = known.ledger.as_deref().map(bundles).unwrap_or_default();
    (Known { ledger: None, ..known }, bundles)
}

impl Attester {
    /// Verifies everything that a lockfile names, or takes it from a store, and writes one statement.
    pub(super) fn attest_lockfile(
        &self,
        lockfile: &Path,
        kept: Option<&KeptResults>,
        context: &mut Context,
        jobs: usize,
        quiet: bool,
    ) -> Result<u8, CliError> {
        let (bytes, closure) = read_lockfile(lockfile)?;
        let (locked, uncovered) = releases(&closure);
        let reason = match kept {
            Some(_) => "the store has no result of it that can be used",
            None => "it could not be verified",
        };
        let (verdicts, codes, counts) = Default::default();
        let mut collected = Collected { reason, verdicts, uncovered, codes, counts };
        match kept {
            Some(kept) => {
                for locked in &locked {
                    collected.take(locked, kept.known(&locked.release).map(with_bundles));
                }
            }
            None => self.verify_locked(&locked, &mut collected, context, jobs, quiet)?,
        }
        let Collected { verdicts, mut uncovered, mut codes, counts, .. } = collected;
        uncovered.extend(unbundled(&closure, &verdicts));
        for missing in &uncovered {
            output::note(&format!("not covered: {} ({})\n", printable(&missing.name), printable(&missing.reason)));
        }
        if !uncovered.is_empty() {
            codes.push(exit::INCONCLUSIVE);
        }
        let total = verdicts.len();
        let missing = uncovered.len();
        let Some(statement) = verdict_lock(&bytes, verdicts, uncovered, &self.circumstances) else {
            let message = format!("`{}` names nothing that has a verdict", lockfile.display());
            return Err(CliError::Inconclusive(anyhow::anyhow!(message)));
        };
        let stem = lockfile.file_stem().unwrap_or_default().to_string_lossy();
        let file = format!("{stem}.{}.sigstore.json", VerdictLock::NAME);
        self.write_signed(&file, statement.to_bytes())?;
        let verdicts: Vec<String> = counts.into_iter().map(|(verdict, count)| format!("{count} {verdict}")).collect();
        let text = format!(
            "{} with a verdict, {missing} without: {}\n  {}\n",
            counted(total, "package"),
            verdicts.join(", "),
            printable(&file)
        );
        output::write(None, &text)?;
        Ok(worst_exit_code(codes))
    }

    fn verify_locked(
        &self,
        locked: &[LockedRelease],
        collected: &mut Collected,
        context: &mut Context,
        jobs: usize,
        quiet: bool,
    ) -> Result<(), CliError> {
        let requests = locked.iter().map(|locked| {
            let release = &locked.release;
            let subject = Subject {
                ecosystem: release.ecosystem,
                name: release.name.clone(),
                version: Some(release.version.clone()),
            };
            let request = Request { subject: Some(subject), digests: true, ..Request::default() };
            (release.to_string(), Ok(request))
        });
        let by_name: HashMap<String, &LockedRelease> =
            locked.iter().map(|locked| (locked.release.to_string(), locked)).collect();
        let render = |_: &str, done: &Result<Verification, CliError>| {
            Ok(done.as_ref().ok().map(|verification| with_bundles(Known::of(verification, &self.circumstances))))
        };
        let requests = requests.collect();
        verify_all(requests, context, jobs, Order::AsNamed, quiet, render, |outcome: Outcome<Option<WithBundles>>| {
            let Outcome { subject, verdict, report } = outcome;
            let unasked = || CliError::environment(anyhow::anyhow!("{subject} was not asked for"));
            let locked = by_name.get(&subject).ok_or_else(unasked)?;
            match (report, verdict) {
                (Some(known), _) => collected.take(locked, Ok(known)),
                (None, Err(error)) => collected.take(locked, Err(error)),
                (None, Ok(_)) => return Err(unasked()),
            }
            Ok(())
        })
    }
}
