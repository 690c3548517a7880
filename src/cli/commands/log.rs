//! `tarproof log`: appends statements to a verdict log, proves what is in it, and checks both.

use std::path::Path;

use anyhow::Context as _;
use serde::Serialize;

use crate::attest::{MAX_BYTES, PublicKey, UnverifiedStatement};
use crate::cli::arguments::{Format, LogAppend, LogCommand, LogProve, LogVerify};
use crate::cli::commands::attest::{read_within, write_whole};
use crate::cli::commands::key::{public_key, signing_key};
use crate::cli::error::CliError;
use crate::cli::output;
use crate::count::counted;
use crate::log::{
    Appended, Appender, ConsistencyProof, Entry, InclusionProof, Log, LogError, LogKey, LogSigner,
    MAX_CHECKPOINT_BYTES, MAX_PROOF_BYTES, Proof, TreeHead, UnverifiedCheckpoint, read_checkpoint,
};
use crate::report::printable::printable;
use crate::verdict::exit;

/// Name and version of the JSON form of an append.
const APPEND_SCHEMA: &str = "tarproof-log-append/v1";
/// Name and version of the JSON form of a check.
const CHECK_SCHEMA: &str = "tarproof-log-check/v1";

pub(super) fn run(command: &LogCommand) -> Result<u8, CliError> {
    match command {
        LogCommand::Append(command) => append(command),
        LogCommand::Prove(command) => prove(command),
        LogCommand::Verify(command) => verify(command),
    }
}

/// The JSON form of an append. Fields are only ever added.
#[derive(Debug, Serialize)]
struct AppendReport {
    schema: &'static str,
    directory: String,
    origin: String,
    /// The key as other programs for such logs read it.
    key: String,
    size: u64,
    root: String,
    statements: Vec<Logged>,
    /// Whether the statements' signatures were checked.
    trusted: bool,
    /// Files of an earlier append that did not end.
    left_over: usize,
}

#[derive(Debug, Serialize)]
struct Logged {
    file: String,
    index: u64,
    new: bool,
}

fn append(command: &LogAppend) -> Result<u8, CliError> {
    let trusted = command.trust.iter().map(|path| public_key(path)).collect::<Result<Vec<_>, _>>()?;
    let signing = signing_key(command.key.as_deref(), &command.passphrase)?;
    let signer = LogSigner::new(signing).map_err(CliError::usage)?;
    let key = signer.key().clone();
    // All of them are read before anything is written.
    let entries = command.files.iter().map(|path| read_entry(path, &trusted)).collect::<Result<Vec<_>, _>>()?;
    let since = command.since.as_deref().map(older_checkpoint).transpose()?;
    let appended = Appender::open(&command.directory, signer, command.origin.as_ref())
        .and_then(|appender| {
            since.as_ref().map_or(Ok(()), |older| appender.must_extend(older))?;
            appender.append(&entries)
        })
        .map_err(|error| append_error(error, &command.directory))?;
    let Appended { positions, head, left_over } = appended;
    let report = AppendReport {
        schema: APPEND_SCHEMA,
        directory: command.directory.display().to_string(),
        origin: head.origin.to_string(),
        key: key.verifier_key(&head.origin),
        size: head.size,
        root: head.root.to_string(),
        statements: command
            .files
            .iter()
            .zip(&positions)
            .map(|(path, position)| Logged {
                file: path.display().to_string(),
                index: position.index,
                new: position.new,
            })
            .collect(),
        trusted: !trusted.is_empty(),
        left_over,
    };
    let text = match command.format {
        Format::Json => output::json(&report)?,
        Format::Terminal => append_text(&report),
    };
    output::write(None, &text)?;
    Ok(exit::EXPLAINED)
}

fn append_text(report: &AppendReport) -> String {
    let mut text = String::new();
    for Logged { file, index, new } in &report.statements {
        let what = if *new { "appended" } else { "known" };
        text.push_str(&format!("{what:<12} {index:>7}  {}\n", printable(file)));
    }
    text.push_str(&format!(
        "{}  {}\n  root {}\n  key  {}\n",
        report.origin,
        entries(report.size),
        report.root,
        report.key
    ));
    if !report.trusted {
        text.push_str("  the statements' signatures were not checked: name the keys to trust with `--trust`\n");
    }
    text
}

fn entries(size: u64) -> String {
    counted(usize::try_from(size).unwrap_or(usize::MAX), "statement")
}

/// The entry of a signed file; with keys to trust, one of them must have signed it.
fn read_entry(path: &Path, trusted: &[PublicKey]) -> Result<Entry, CliError> {
    let bytes = read_within(path, MAX_BYTES as u64, CliError::Refused)?;
    let entry = UnverifiedStatement::read(&bytes).and_then(|statement| {
        if !trusted.is_empty() {
            statement.prove(&[], trusted, 1)?;
        }
        Entry::of(&statement)
    });
    entry.with_context(|| format!("cannot use `{}`", path.display())).map_err(CliError::Refused)
}

fn append_error(error: LogError, directory: &Path) -> CliError {
    match error {
        LogError::NoLog(_) => {
            let message = format!("`{}` is no log: begin one with `--origin NAME`", directory.display());
            CliError::usage(anyhow::anyhow!(message))
        }
        LogError::OtherLog { .. } => CliError::usage(error),
        other => log_error(other, directory),
    }
}

fn log_error(error: LogError, directory: &Path) -> CliError {
    match error {
        LogError::Read { .. } | LogError::Write { .. } | LogError::Locked(_) | LogError::Disturbed(_) => {
            CliError::environment(error)
        }
        other => CliError::Refused(
            anyhow::Error::new(other).context(format!("the log in `{}` is not proven", directory.display())),
        ),
    }
}

fn prove(command: &LogProve) -> Result<u8, CliError> {
    let directory = &command.directory;
    let error = |error| log_error(error, directory);
    // Whoever is given the proof checks the signature.
    let checkpoint = read_checkpoint(directory).map_err(error)?;
    let log = Log::read(directory, checkpoint.claimed()).map_err(error)?;
    let text = match (&command.file, &command.since) {
        (Some(file), _) => {
            let index = log.position(&read_entry(file, &[])?);
            let found = index.and_then(|index| Some((index, log.inclusion(index)?)));
            let Some((index, hashes)) = found else {
                let message = format!("`{}` is not in the log", file.display());
                return Err(CliError::Refused(anyhow::anyhow!(message)));
            };
            InclusionProof { index, hashes, checkpoint }.to_text()
        }
        (None, Some(since)) => {
            let older = older_checkpoint(since)?;
            let older = older.claimed();
            log.extends(older).map_err(error)?;
            let hashes = log.consistency(older.size).unwrap_or_default();
            ConsistencyProof { old_size: older.size, hashes, checkpoint }.to_text()
        }
        (None, None) => return Err(CliError::usage(anyhow::anyhow!("nothing to prove: name a file or `--since`"))),
    };
    match &command.output {
        Some(path) => write_whole(path, &text)?,
        None => output::write(None, &text)?,
    }
    Ok(exit::EXPLAINED)
}

fn older_checkpoint(path: &Path) -> Result<UnverifiedCheckpoint, CliError> {
    let bytes = read_within(path, MAX_CHECKPOINT_BYTES as u64, CliError::Refused)?;
    UnverifiedCheckpoint::read(&bytes).with_context(|| older(path)).map_err(CliError::Refused)
}

fn older(path: &Path) -> String {
    format!("the older checkpoint `{}` is of no use", path.display())
}

/// The JSON form of a check. Fields are only ever added.
#[derive(Debug, Serialize)]
struct CheckReport {
    schema: &'static str,
    target: String,
    proven: bool,
    /// Why not.
    #[serde(skip_serializing_if = "Option::is_none")]
    refusal: Option<String>,
    /// `log`, `inclusion` or `consistency`, where it is proven.
    #[serde(skip_serializing_if = "Option::is_none")]
    kind: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    origin: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    size: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    root: Option<String>,
    /// Where the statement is.
    #[serde(skip_serializing_if = "Option::is_none")]
    index: Option<u64>,
    /// How many entries the older checkpoint has that it goes on from.
    #[serde(skip_serializing_if = "Option::is_none")]
    since: Option<u64>,
    /// Files of an append that did not end.
    #[serde(skip_serializing_if = "Option::is_none")]
    left_over: Option<usize>,
}

/// What was proven.
struct Checked {
    kind: &'static str,
    head: TreeHead,
    index: Option<u64>,
    since: Option<u64>,
    left_over: Option<usize>,
}

fn verify(command: &LogVerify) -> Result<u8, CliError> {
    let key = LogKey::new(public_key(&command.key)?)
        .with_context(|| format!("cannot use the key of `{}`", command.key.display()))
        .map_err(CliError::usage)?;
    let checked = if command.target.is_dir() { verify_log(command, &key) } else { verify_proof(command, &key) };
    let checked = checked.and_then(|checked| match &command.origin {
        Some(expected) if *expected != checked.head.origin => {
            let error = LogError::OtherLog { found: checked.head.origin, expected: expected.clone() };
            Err(CliError::Refused(error.into()))
        }
        _ => Ok(checked),
    });
    let (text, code) = match command.format {
        Format::Terminal => (check_text(&checked?, command, &key), exit::EXPLAINED),
        Format::Json => {
            let (checked, refusal, code) = match checked {
                Ok(checked) => (Some(checked), None, exit::EXPLAINED),
                Err(error @ CliError::Refused(_)) => (None, Some(error.message()), error.exit_code()),
                Err(other) => return Err(other),
            };
            let checked = checked.as_ref();
            let report = CheckReport {
                schema: CHECK_SCHEMA,
                target: command.target.display().to_string(),
                proven: checked.is_some(),
                refusal,
                kind: checked.map(|checked| checked.kind),
                origin: checked.map(|checked| checked.head.origin.to_string()),
                size: checked.map(|checked| checked.head.size),
                root: checked.map(|checked| checked.head.root.to_string()),
                index: checked.and_then(|checked| checked.index),
                since: checked.and_then(|checked| checked.since),
                left_over: checked.and_then(|checked| checked.left_over),
            };
            (output::json(&report)?, code)
        }
    };
    output::write(None, &text)?;
    Ok(code)
}

/// The older checkpoint that `--since` names, proven.
fn since(command: &LogVerify, key: &LogKey) -> Result<Option<TreeHead>, CliError> {
    let Some(path) = &command.since else { return Ok(None) };
    let head = older_checkpoint(path)?.prove(key).with_context(|| older(path)).map_err(CliError::Refused)?;
    Ok(Some(head))
}

fn verify_log(command: &LogVerify, key: &LogKey) -> Result<Checked, CliError> {
    let directory = &command.target;
    let error = |error| log_error(error, directory);
    let head = read_checkpoint(directory).and_then(|checkpoint| Ok(checkpoint.prove(key)?)).map_err(error)?;
    let log = Log::read(directory, &head).map_err(error)?;
    let older = since(command, key)?;
    if let Some(older) = &older {
        log.extends(older).map_err(error)?;
    }
    let mut index = None;
    if let Some(file) = &command.file {
        index = log.position(&read_entry(file, &[])?);
        if index.is_none() {
            let message = format!("`{}` is not in the log", file.display());
            return Err(CliError::Refused(anyhow::anyhow!(message)));
        }
    }
    let since = older.map(|older| older.size);
    Ok(Checked { kind: "log", head, index, since, left_over: Some(log.left_over()) })
}

fn verify_proof(command: &LogVerify, key: &LogKey) -> Result<Checked, CliError> {
    let path = &command.target;
    let refused = |error: crate::log::LogProofError| {
        let context = format!("the proof `{}` does not hold", path.display());
        CliError::Refused(anyhow::Error::new(error).context(context))
    };
    let bytes = read_within(path, MAX_PROOF_BYTES as u64, CliError::Refused)?;
    match Proof::read(&bytes).map_err(refused)? {
        Proof::Inclusion(proof) => {
            let Some(file) = &command.file else {
                let message =
                    format!("`{}` proves that a statement is in a log: name it with `--file`", path.display());
                return Err(CliError::usage(anyhow::anyhow!(message)));
            };
            let head = proof.prove(&read_entry(file, &[])?, key).map_err(refused)?;
            Ok(Checked { kind: "inclusion", head, index: Some(proof.index), since: None, left_over: None })
        }
        Proof::Consistency(proof) => {
            let Some(older) = since(command, key)? else {
                let message =
                    format!("`{}` proves that a log goes on from a checkpoint: name it with `--since`", path.display());
                return Err(CliError::usage(anyhow::anyhow!(message)));
            };
            let head = proof.prove(&older, key).map_err(refused)?;
            Ok(Checked { kind: "consistency", head, index: None, since: Some(older.size), left_over: None })
        }
    }
}

fn check_text(checked: &Checked, command: &LogVerify, key: &LogKey) -> String {
    let Checked { kind, head, index, since, left_over } = checked;
    let mut text = format!("{:<12} {}  {}\n  root {}\n", "proven", head.origin, entries(head.size), head.root);
    text.push_str(&format!("  key  {}\n", key.verifier_key(&head.origin)));
    if let (Some(index), Some(file)) = (index, &command.file) {
        text.push_str(&format!("  entry {index} is {}\n", printable(&file.display().to_string())));
    }
    if let (Some(size), Some(path)) = (since, &command.since) {
        let path = printable(&path.display().to_string());
        text.push_str(&format!("  goes on from {path}, {}\n", entries(*size)));
    }
    if let Some(count) = left_over.filter(|count| *count > 0) {
        let files = counted(count, "file");
        text.push_str(&format!("  {files} beyond the checkpoint, of an append that did not end, or not yet\n"));
    }
    if *kind == "log" && since.is_none() {
        text.push_str("  not compared with any older checkpoint: name one that you kept with `--since`\n");
    }
    text
}
