//! `tarproof attest`: verifies, and signs what was found.

mod from_store;
mod lockfile;

use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use anyhow::Context as _;

use from_store::KeptResults;

use crate::attest::{Circumstances, Payload, Signer, StatementSet, Statements};
use crate::cli::arguments::{Attest, Common, FindingArguments};
use crate::cli::commands::signing::Signing;
use crate::cli::commands::verify::{DEFAULT_JOBS, Order, Outcome, requests, verify_all};
use crate::cli::error::CliError;
use crate::cli::{output, setup};
use crate::config::Config;
use crate::package::{Integrity, Release};
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
    let time = command.time.as_deref().map(time).transpose()?;
    let context = setup::context(common, config)?;
    // Before anything is verified: what cannot be signed need not be.
    let signing = Signing::of(command, &context, common.offline || config.offline.unwrap_or(false))?;
    let context = setup::with_rebuild(context, &command.rebuild)?;
    let findings = FindingArguments { since: None, policy: command.policy.clone(), rules: command.rules.clone() };
    let context = setup::with_trust(context, &command.trust)?;
    let mut context = setup::with_findings(context, &findings, config)?;
    let kept = match command.store.named() {
        Some(store) => {
            let conditions = setup::conditions(&command.rebuild, &findings, &command.trust, config)?;
            Some(KeptResults::open(&store, conditions.digest(&context), config)?)
        }
        None => None,
    };
    std::fs::create_dir_all(&command.output)
        .with_context(|| format!("cannot create `{}`", command.output.display()))
        .map_err(CliError::environment)?;
    let jobs = command.jobs.or(config.jobs).unwrap_or(DEFAULT_JOBS).max(1);
    let circumstances = Circumstances { time, policy: context.policy.digest() };
    let directory = command.output.clone();
    let attester = Attester { signing, circumstances, directory, named: Mutex::default(), signers: Mutex::default() };
    let code = match (&command.lockfile, &kept) {
        (Some(lockfile), kept) => {
            attester.attest_lockfile(lockfile, kept.as_ref(), &mut context, jobs, common.quiet)?
        }
        (None, Some(kept)) => attester.attest_kept(&command.subjects, kept)?,
        (None, None) => {
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

/// What is known of one package.
struct Known {
    /// The exit code for it alone.
    code: u8,
    /// The artifact's digest as the registry writes it.
    artifact: Integrity,
    statements: StatementSet,
    /// The whole ledger's lines; `None` where nothing was compared.
    ledger: Option<String>,
}

impl Known {
    /// What a verification says.
    fn of(verification: &Verification, circumstances: &Circumstances) -> Self {
        let statements = Statements::of(verification, circumstances);
        Self {
            code: verification.exit_code(),
            artifact: verification.artifact.integrity.clone(),
            statements: StatementSet::of(&statements),
            ledger: statements.ledger,
        }
    }

    /// The verdict as people read it, with the reason's id.
    fn verdict(&self) -> String {
        let predicate = &self.statements.verification().predicate;
        let id = predicate.verdict.id();
        // Of a store's statements the reason may be any text.
        predicate.inconclusive.as_ref().map_or_else(|| id.to_owned(), |reason| format!("{id}({})", printable(reason)))
    }
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
            Ok(verification) => {
                self.prepare(&verification.release, Known::of(verification, &self.circumstances)).map(Some)
            }
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

    /// Takes each package's statements from a store and signs them.
    fn attest_kept(&self, subjects: &[String], kept: &KeptResults) -> Result<u8, CliError> {
        let mut codes = Vec::new();
        for text in subjects {
            match from_store::release(text).and_then(|release| Ok((kept.known(&release)?, release))) {
                Ok((known, release)) => {
                    codes.push(known.code);
                    output::write(None, &self.finish(self.prepare(&release, known)?)?)?;
                }
                Err(error) => {
                    output::error(Some(text), &error);
                    codes.push(error.exit_code());
                }
            }
        }
        Ok(worst_exit_code(codes))
    }

    /// Names the files; the ledger, which nobody signs, is written at once.
    fn prepare(&self, release: &Release, known: Known) -> Result<Prepared, CliError> {
        let line = format!("{:<12} {}\n", known.verdict(), printable(&release.to_string()));
        let statements =
            known.statements.payloads().iter().map(|Payload { name, bytes }| {
                Ok((self.name(release, &format!("{name}.sigstore.json"))?, bytes.clone()))
            });
        let statements = statements.collect::<Result<_, CliError>>()?;
        let ledger = known.ledger.map(|lines| {
            let file = self.name(release, "ledger.jsonl")?;
            write_whole(&self.directory.join(&file), &lines).map(|()| file)
        });
        Ok(Prepared { line, statements, ledger: ledger.transpose()? })
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
}

/// Reads a lockfile and what it names.
pub(super) fn read_lockfile(path: &Path) -> Result<(Vec<u8>, Closure), CliError> {
    let bytes = read_within(path, MAX_LOCKFILE, CliError::Usage)?;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let closure = Closure::read(&name, &bytes)
        .with_context(|| format!("cannot use the lockfile `{}`", path.display()))
        .map_err(CliError::usage)?;
    Ok((bytes, closure))
}

/// Reads a file of at most `limit` bytes; `kind` says what a larger one is.
pub(super) fn read_within(path: &Path, limit: u64, kind: fn(anyhow::Error) -> CliError) -> Result<Vec<u8>, CliError> {
    let mut bytes = Vec::new();
    let read = std::fs::File::open(path).and_then(|file| {
        // What is known to be too large is not read, and what has no length is read no further.
        let length = file.metadata()?.len();
        if length <= limit {
            std::io::Read::read_to_end(&mut std::io::Read::take(file, limit + 1), &mut bytes)?;
        }
        Ok(length.max(bytes.len() as u64))
    });
    let length = read.with_context(|| format!("cannot read `{}`", path.display())).map_err(CliError::environment)?;
    if length > limit {
        let message = format!("`{}` is larger than the limit of {limit} bytes", path.display());
        return Err(kind(anyhow::anyhow!(message)));
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
