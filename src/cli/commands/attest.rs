//! `tarproof attest`: verifies, and signs what was found.

use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use anyhow::Context as _;

use crate::attest::predicate::Uncovered;
use crate::attest::{
    Circumstances, LockedRelease, LockedVerdict, Predicate, Signer, Statement, Statements, releases, verdict_lock,
};
use crate::cli::arguments::{Attest, Common, FindingArguments};
use crate::cli::commands::signing::Signing;
use crate::cli::commands::verify::{DEFAULT_JOBS, Order, Outcome, requests, verify_all};
use crate::cli::error::CliError;
use crate::cli::{output, setup};
use crate::config::Config;
use crate::package::{Release, Sha256Digest, Subject};
use crate::rebuild::lockfile::Closure;
use crate::report::printable::printable;
use crate::verdict::worst_exit_code;
use crate::verify::{Context, Request, Shown, Verification};

/// Largest lockfile, bytes.
pub(super) const MAX_LOCKFILE: u64 = 64 << 20;

pub(super) fn run(command: &Attest, common: &Common, config: &Config) -> Result<u8, CliError> {
    let overrides = &command.overrides;
    let single = overrides.are_given() || command.rebuild.plan_file.is_some();
    if single && command.subjects.len() > 1 {
        let message = "`--artifact`, `--repository`, `--commit`, `--directory` and `--plan-file` apply to one package at \
                       a time";
        return Err(CliError::usage(anyhow::anyhow!(message)));
    }
    let circumstances = circumstances(command, config)?;
    let context = setup::context(common, config)?;
    // Before anything is verified: what cannot be signed need not be.
    let signing = Signing::of(command, &context, common.offline || config.offline.unwrap_or(false))?;
    let context = setup::with_rebuild(context, &command.rebuild)?;
    let findings = FindingArguments { policy: command.policy.clone(), ..FindingArguments::default() };
    let context = setup::with_trust(context, &command.trust)?;
    let mut context = setup::with_findings(context, &findings, config)?;
    std::fs::create_dir_all(&command.output)
        .with_context(|| format!("cannot create `{}`", command.output.display()))
        .map_err(CliError::environment)?;
    let jobs = command.jobs.or(config.jobs).unwrap_or(DEFAULT_JOBS).max(1);
    let directory = command.output.clone();
    let attester = Attester { signing, circumstances, directory, named: Mutex::default(), signers: Mutex::default() };
    let code = match &command.lockfile {
        Some(lockfile) => attester.attest_lockfile(lockfile, &mut context, jobs, common.quiet)?,
        None => {
            let request = |subject| {
                let request = setup::request(subject, overrides, Shown::default())?;
                Ok(Request { digests: true, ..request })
            };
            attester.attest(requests(&command.subjects, overrides, request), &mut context, jobs, common.quiet)?
        }
    };
    for signer in attester.signers.into_inner().unwrap_or_else(PoisonError::into_inner) {
        output::write(None, &format!("signed by {}\n", printable(&signer.to_string())))?;
    }
    output::idle(&context.policy);
    Ok(code)
}

/// What is stated beside the verification itself.
fn circumstances(command: &Attest, config: &Config) -> Result<Circumstances, CliError> {
    let time = command.time.as_deref().map(time).transpose()?;
    let policy = command.policy.as_deref().or(config.policy.as_deref());
    let policy = policy.map(|path| {
        let bytes = std::fs::read(path).with_context(|| format!("cannot read the policy `{}`", path.display()));
        bytes.map(|bytes| Sha256Digest::of(&bytes)).map_err(CliError::usage)
    });
    Ok(Circumstances { time, policy: policy.transpose()? })
}

/// A time as it is stated, in whole seconds of UTC.
fn time(text: &str) -> Result<String, CliError> {
    let unreadable = || {
        let message = format!("`{text}` is not a time: expected `now`, `2026-11-28T10:00:00Z` or seconds since 1970");
        CliError::usage(anyhow::anyhow!(message))
    };
    let seconds = match text {
        "now" => {
            let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_err(CliError::environment)?;
            now.as_secs().cast_signed()
        }
        text => match text.parse::<i64>() {
            Ok(seconds) => seconds,
            Err(_) => text.parse::<jiff::Timestamp>().map_err(|_| unreadable())?.as_second(),
        },
    };
    jiff::Timestamp::from_second(seconds).map(|time| time.to_string()).map_err(|_| unreadable())
}

struct Attester {
    signing: Signing,
    circumstances: Circumstances,
    directory: PathBuf,
    /// Which release each file is of, so that none is written twice.
    named: Mutex<HashMap<String, String>>,
    /// Who signed something.
    signers: Mutex<BTreeSet<Signer>>,
}

/// What is to be signed of one package, and what is said of it.
struct Prepared {
    /// Verdict and release.
    line: String,
    /// Files with the statements that go into them, not signed.
    statements: Vec<(String, Vec<u8>)>,
    /// The file of the ledger, which is written already.
    ledger: Option<String>,
}

impl Attester {
    /// Verifies each package and writes its statements.
    ///
    /// What is signed over the network is so once everything is verified: until then the network is busy here.
    fn attest(
        &self,
        requests: Vec<(String, Result<Request, CliError>)>,
        context: &mut Context,
        jobs: usize,
        quiet: bool,
    ) -> Result<u8, CliError> {
        let (mut codes, mut waiting) = (Vec::new(), Vec::new());
        let render = |_: &str, done: &Result<Verification, CliError>| match done {
            Ok(verification) => self.prepare(verification).map(Some),
            Err(_) => Ok(None),
        };
        verify_all(requests, context, jobs, Order::AsNamed, quiet, render, |outcome: Outcome<Option<Prepared>>| {
            match outcome.report {
                Some(prepared) if self.signing.waits() => waiting.push(prepared),
                Some(prepared) => output::write(None, &self.finish(prepared)?)?,
                None => {}
            }
            codes.push(match &outcome.verdict {
                Ok((_, code)) => *code,
                Err(error) => {
                    output::error(Some(&outcome.subject), error);
                    error.exit_code()
                }
            });
            Ok(())
        })?;
        for prepared in waiting {
            output::write(None, &self.finish(prepared)?)?;
        }
        Ok(worst_exit_code(codes))
    }

    /// States what was found; of that the ledger, which nobody signs, is written at once.
    fn prepare(&self, verification: &Verification) -> Result<Prepared, CliError> {
        let Statements { verification: statement, summary, provenance, ledger } =
            Statements::of(verification, &self.circumstances);
        let release = &verification.release;
        let mut statements = vec![self.state(release, &statement)?];
        statements.extend(summary.map(|summary| self.state(release, &summary)).transpose()?);
        statements.extend(provenance.map(|provenance| self.state(release, &provenance)).transpose()?);
        let ledger = ledger.map(|lines| {
            let file = self.name(release, "ledger.jsonl")?;
            write_whole(&self.directory.join(&file), &lines).map(|()| file)
        });
        let line = format!("{:<12} {}\n", verification.verdict.to_string(), printable(&release.to_string()));
        Ok(Prepared { line, statements, ledger: ledger.transpose()? })
    }

    fn state<P: Predicate>(&self, release: &Release, statement: &Statement<P>) -> Result<(String, Vec<u8>), CliError> {
        Ok((self.name(release, &format!("{}.sigstore.json", P::NAME))?, statement.to_bytes()))
    }

    /// The name of one of a release's files, for it alone.
    fn name(&self, release: &Release, end: &str) -> Result<String, CliError> {
        // A name holds no `+`, so no two packages share a file because of a scope.
        let file = format!("{}-{}.{end}", release.name.as_str().replace('/', "+"), release.version);
        let owner = release.to_string();
        let mut named = self.named.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(other) = named.insert(file.clone(), owner.clone()).filter(|other| *other != owner) {
            let message = format!("{other} and {owner} would be written to one file: attest them into two directories");
            return Err(CliError::usage(anyhow::anyhow!(message)));
        }
        Ok(file)
    }

    /// Signs and writes what was prepared, and says so.
    fn finish(&self, prepared: Prepared) -> Result<String, CliError> {
        let Prepared { line: mut text, statements, ledger } = prepared;
        for (file, payload) in statements {
            self.write_signed(&file, payload)?;
            text.push_str(&format!("  {}\n", printable(&file)));
        }
        if let Some(file) = ledger {
            text.push_str(&format!("  {}\n", printable(&file)));
        }
        Ok(text)
    }

    fn write_signed(&self, file: &str, payload: Vec<u8>) -> Result<(), CliError> {
        let (bundle, signer) = self.signing.sign(payload)?;
        write_whole(&self.directory.join(file), &bundle)?;
        self.signers.lock().unwrap_or_else(PoisonError::into_inner).insert(signer);
        Ok(())
    }

    /// Verifies everything that a lockfile names and writes one statement.
    fn attest_lockfile(
        &self,
        lockfile: &Path,
        context: &mut Context,
        jobs: usize,
        quiet: bool,
    ) -> Result<u8, CliError> {
        let (bytes, closure) = read_lockfile(lockfile)?;
        let (locked, mut uncovered) = releases(&closure);
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
        let requests: Vec<_> = requests.collect();
        let by_name: HashMap<String, &LockedRelease> =
            locked.iter().map(|locked| (locked.release.to_string(), locked)).collect();
        let render = |subject: &str, done: &Result<Verification, CliError>| {
            let Some(locked) = by_name.get(subject) else {
                return Err(CliError::environment(anyhow::anyhow!("{subject} was not asked for")));
            };
            Ok(match done {
                Ok(verification) => {
                    let statement = Statements::of(verification, &self.circumstances).verification;
                    LockedVerdict::of(&statement, locked, &verification.artifact.integrity)
                }
                // What failed today may differ tomorrow; only the fact is stated.
                Err(_) => Err(Uncovered { name: locked.release.purl(), reason: "it could not be verified".to_owned() }),
            })
        };
        let (mut verdicts, mut codes, mut counts) = (Vec::new(), Vec::new(), HashMap::new());
        verify_all(
            requests,
            context,
            jobs,
            Order::AsNamed,
            quiet,
            render,
            |outcome: Outcome<Result<LockedVerdict, Uncovered>>| {
                match &outcome.verdict {
                    Ok((verdict, code)) => {
                        *counts.entry(verdict.id()).or_insert(0_usize) += 1;
                        if *code != 0 {
                            output::note(&format!("{verdict}: {}\n", printable(&outcome.subject)));
                        }
                        codes.push(*code);
                    }
                    Err(error) => {
                        output::error(Some(&outcome.subject), error);
                        codes.push(error.exit_code());
                    }
                }
                match outcome.report {
                    Ok(verdict) => verdicts.push(verdict),
                    Err(missing) => uncovered.push(missing),
                }
                Ok(())
            },
        )?;
        for missing in &uncovered {
            output::note(&format!("not covered: {} ({})\n", printable(&missing.name), printable(&missing.reason)));
        }
        if !uncovered.is_empty() {
            codes.push(crate::verdict::exit::INCONCLUSIVE);
        }
        let total = verdicts.len();
        let missing = uncovered.len();
        let Some(statement) = verdict_lock(&bytes, verdicts, uncovered, &self.circumstances) else {
            let message = format!("`{}` names nothing that has a verdict", lockfile.display());
            return Err(CliError::Inconclusive(anyhow::anyhow!(message)));
        };
        let stem = lockfile.file_stem().unwrap_or_default().to_string_lossy();
        let file = format!("{stem}.{}.sigstore.json", crate::attest::predicate::VerdictLock::NAME);
        self.write_signed(&file, statement.to_bytes())?;
        let mut verdicts: Vec<_> = counts.into_iter().collect();
        verdicts.sort();
        let verdicts: Vec<String> = verdicts.iter().map(|(verdict, count)| format!("{count} {verdict}")).collect();
        let text = format!(
            "{total} packages with a verdict, {missing} without: {}\n  {}\n",
            verdicts.join(", "),
            printable(&file)
        );
        output::write(None, &text)?;
        Ok(worst_exit_code(codes))
    }
}

/// Reads a lockfile and what it names.
pub(super) fn read_lockfile(path: &Path) -> Result<(Vec<u8>, Closure), CliError> {
    let bytes = read_within(path, MAX_LOCKFILE)?;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let closure = Closure::read(&name, &bytes)
        .with_context(|| format!("cannot use the lockfile `{}`", path.display()))
        .map_err(CliError::usage)?;
    Ok((bytes, closure))
}

/// Reads a file of at most `limit` bytes.
pub(super) fn read_within(path: &Path, limit: u64) -> Result<Vec<u8>, CliError> {
    let mut bytes = Vec::new();
    let read = std::fs::File::open(path)
        .and_then(|file| std::io::Read::read_to_end(&mut std::io::Read::take(file, limit + 1), &mut bytes));
    read.with_context(|| format!("cannot read `{}`", path.display())).map_err(CliError::environment)?;
    if bytes.len() as u64 > limit {
        let message = format!("`{}` is larger than the limit of {limit} bytes", path.display());
        return Err(CliError::usage(anyhow::anyhow!(message)));
    }
    Ok(bytes)
}

/// Writes a file so that nobody ever sees half of it.
pub(super) fn write_whole(path: &Path, content: &str) -> Result<(), CliError> {
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let written = tempfile::Builder::new().prefix(".tarproof-").tempfile_in(directory).and_then(|mut file| {
        std::io::Write::write_all(&mut file, content.as_bytes())?;
        // A temporary file is readable by its owner alone; what is signed is there to be read.
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o644);
        file.as_file().set_permissions(mode)?;
        file.persist(path).map(drop).map_err(|error| error.error)
    });
    written.with_context(|| format!("cannot write `{}`", path.display())).map_err(CliError::environment)
}
