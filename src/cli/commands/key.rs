//! `tarproof key`: makes keys. Also how every command gets hold of one.

use std::fs::OpenOptions;
use std::io::{self, BufRead as _, IsTerminal as _, Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use zeroize::Zeroizing;

use crate::attest::{KeyAlgorithm, KeyError, MAX_KEY_BYTES, PublicKey, SigningKey};
use crate::cli::arguments::{Algorithm, KeyCommand, PassphraseArguments};
use crate::cli::error::CliError;
use crate::cli::output;
use crate::report::printable::printable;
use crate::verdict::exit;

/// The variable that holds a private key, as PEM.
const KEY: &str = "TARPROOF_KEY";
/// The variable that holds a private key's passphrase.
const PASSPHRASE: &str = "TARPROOF_KEY_PASSPHRASE";

pub(super) fn run(command: &KeyCommand) -> Result<u8, CliError> {
    let KeyCommand::Generate { output, algorithm, encrypt, passphrase } = command;
    let passphrase = match read_passphrase(passphrase)? {
        None if *encrypt => Some(new_passphrase()?),
        given => given,
    };
    let algorithm = match algorithm {
        Algorithm::P256 => KeyAlgorithm::EcdsaP256,
        Algorithm::Ed25519 => KeyAlgorithm::Ed25519,
    };
    let key = SigningKey::generate(algorithm).map_err(CliError::environment)?;
    let private = key.to_pem(passphrase.as_ref().map(|text| text.as_str())).map_err(CliError::environment)?;
    let public = key.public().to_pem().map_err(CliError::environment)?;
    let mut beside = output.clone().into_os_string();
    beside.push(".pub");
    let beside = PathBuf::from(beside);
    create(output, 0o600, private.as_bytes())?;
    if let Err(error) = create(&beside, 0o644, public.as_bytes()) {
        // It was made a moment ago, by us, and nobody has used it.
        let _ = std::fs::remove_file(output);
        return Err(error);
    }
    let sealed = if passphrase.is_some() { "encrypted" } else { "not encrypted" };
    let shown = |path: &Path| printable(&path.display().to_string());
    let text =
        format!("{}\n  private  {} ({sealed})\n  public   {}\n", key.public().id(), shown(output), shown(&beside));
    output::write(None, &text)?;
    Ok(exit::EXPLAINED)
}

fn create(path: &Path, mode: u32, content: &[u8]) -> Result<(), CliError> {
    let written = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(path)
        .and_then(|mut file| file.write_all(content).and_then(|()| file.sync_all()));
    match written {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            let message = format!("`{}` exists already, and keys are never replaced", path.display());
            Err(CliError::usage(anyhow::anyhow!(message)))
        }
        Err(error) => {
            Err(CliError::environment(anyhow::Error::new(error).context(format!("cannot write `{}`", path.display()))))
        }
    }
}

/// The passphrase of a private key, where one is given.
fn read_passphrase(arguments: &PassphraseArguments) -> Result<Option<Zeroizing<String>>, CliError> {
    let passphrase = if arguments.passphrase_stdin {
        let mut line = Zeroizing::new(String::new());
        let limited = &mut io::stdin().lock().take(MAX_KEY_BYTES as u64);
        io::BufReader::new(limited)
            .read_line(&mut line)
            .context("cannot read the passphrase")
            .map_err(CliError::environment)?;
        Some(Zeroizing::new(line.trim_end_matches(['\r', '\n']).to_owned()))
    } else {
        secret(PASSPHRASE)?
    };
    match passphrase {
        Some(text) if text.is_empty() => Err(CliError::usage(anyhow::anyhow!("the passphrase is empty"))),
        other => Ok(other),
    }
}

/// A passphrase for a new key, from the terminal, the same twice.
fn new_passphrase() -> Result<Zeroizing<String>, CliError> {
    let missing = || {
        let message = format!(
            "no passphrase: there is no terminal to ask for one; set `{PASSPHRASE}`, or give it with `--passphrase-stdin`"
        );
        CliError::usage(anyhow::anyhow!(message))
    };
    let passphrase = ask("Passphrase for the new key: ")?.ok_or_else(missing)?;
    if passphrase.is_empty() {
        return Err(CliError::usage(anyhow::anyhow!("the passphrase is empty")));
    }
    if ask("The same once more: ")?.ok_or_else(missing)? != passphrase {
        return Err(CliError::usage(anyhow::anyhow!("the two passphrases differ")));
    }
    Ok(passphrase)
}

/// Asks on the terminal, and does not show what is typed; `None` where there is nobody to ask.
fn ask(question: &str) -> Result<Option<Zeroizing<String>>, CliError> {
    let terminal = console::Term::stderr();
    if !terminal.is_term() || !io::stdin().is_terminal() {
        return Ok(None);
    }
    let answer = terminal.write_str(&printable(question)).and_then(|()| terminal.read_secure_line());
    answer.map(|text| Some(Zeroizing::new(text))).context("cannot read the passphrase").map_err(CliError::environment)
}

fn secret(variable: &str) -> Result<Option<Zeroizing<String>>, CliError> {
    let Some(value) = std::env::var_os(variable) else { return Ok(None) };
    let text = value.into_string().map_err(|_| anyhow::anyhow!("the variable `{variable}` is not UTF-8"));
    text.map(|text| Some(Zeroizing::new(text))).map_err(CliError::usage)
}

/// The key that signs: of a file, of standard input (`-`), or of the environment.
pub(super) fn signing_key(path: Option<&Path>, passphrase: &PassphraseArguments) -> Result<SigningKey, CliError> {
    let (from, pem) = match path {
        Some(path) if path == Path::new("-") => {
            if passphrase.passphrase_stdin {
                let message = "the key and its passphrase cannot both come from standard input";
                return Err(CliError::usage(anyhow::anyhow!(message)));
            }
            let pem = read_limited(io::stdin().lock()).context("cannot read standard input");
            ("standard input".to_owned(), pem.map_err(CliError::environment)?)
        }
        Some(path) => (format!("`{}`", path.display()), read_key_file(path)?),
        None => match secret(KEY)? {
            Some(pem) => (format!("the variable `{KEY}`"), pem),
            None => {
                let message = format!("no key: name a file with `--key`, or set `{KEY}`");
                return Err(CliError::usage(anyhow::anyhow!(message)));
            }
        },
    };
    let read = |passphrase: Option<&Zeroizing<String>>| SigningKey::read(&pem, passphrase.map(|text| text.as_str()));
    let key = match read(read_passphrase(passphrase)?.as_ref()) {
        Err(KeyError::PassphraseMissing) => read(ask(&format!("Passphrase for the key of {from}: "))?.as_ref()),
        other => other,
    };
    key.with_context(|| format!("cannot use the key of {from}")).map_err(CliError::usage)
}

/// A public key of a file.
pub(super) fn public_key(path: &Path) -> Result<PublicKey, CliError> {
    let pem = read_key_file(path)?;
    PublicKey::read(&pem)
        .with_context(|| format!("cannot use the key of `{}`", path.display()))
        .map_err(CliError::usage)
}

fn read_key_file(path: &Path) -> Result<Zeroizing<String>, CliError> {
    if path.to_string_lossy().contains("-----BEGIN") {
        // It must not be repeated in a log.
        return Err(CliError::usage(anyhow::anyhow!("a key was given where the name of its file belongs")));
    }
    std::fs::File::open(path)
        .and_then(read_limited)
        .with_context(|| format!("cannot read the key `{}`", path.display()))
        .map_err(CliError::usage)
}

/// Reads a little more than a key may have, so that what is larger is told apart.
fn read_limited(source: impl io::Read) -> io::Result<Zeroizing<String>> {
    let mut text = Zeroizing::new(String::new());
    source.take(MAX_KEY_BYTES as u64 + 1).read_to_string(&mut text)?;
    Ok(text)
}
