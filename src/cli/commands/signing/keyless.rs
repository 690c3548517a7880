//! Signing by certificate: which services, which token, and when they are asked.

use std::io::{self, Read as _};
use std::path::Path;
use std::time::SystemTime;

use anyhow::Context as _;
use tokio::runtime::Runtime;
use zeroize::Zeroizing;

use crate::attest::Signer;
use crate::attest::keyless::{
    IdentityToken, KeylessError, KeylessSigner, LogVersion, MAX_TOKEN_BYTES, ServiceAddress, Services,
};
use crate::cli::arguments::KeylessArguments;
use crate::cli::commands::runtime;
use crate::cli::error::CliError;
use crate::cli::output;
use crate::report::printable::printable;
use crate::verify::Context;

/// Longest name of a variable.
const MAX_VARIABLE: usize = 128;

/// A signer with the runtime that its connections live in.
pub(in crate::cli::commands) struct Keyless {
    signer: KeylessSigner,
    runtime: Runtime,
}

impl Keyless {
    pub(super) fn of(arguments: &KeylessArguments, context: &Context, offline: bool) -> Result<Self, CliError> {
        if offline {
            let message = "`--keyless` asks services on the network, which `--offline` forbids";
            return Err(CliError::usage(anyhow::anyhow!(message)));
        }
        let services = services(arguments)?;
        let token = token(arguments)?;
        token.check(now()?).context("cannot use the identity token").map_err(CliError::usage)?;
        let log = services.log.to_string();
        let runtime = runtime()?;
        let signer = runtime.block_on(KeylessSigner::new(services, token, &context.registry)).map_err(failed)?;
        let note = format!(
            "the log at {} keeps the digest of what is signed, and whom the certificate names, for good\n",
            printable(&log)
        );
        output::note(&note);
        Ok(Self { signer, runtime })
    }

    pub(super) fn sign(&self, payload: &[u8]) -> Result<(String, Signer), CliError> {
        let hint = "the identity token did not last as long as the verifications: verify once without signing, which \
                    fills the cache, and sign with a new one";
        self.signer.check(now()?).context(hint).map_err(CliError::environment)?;
        let signed = self.runtime.block_on(self.signer.sign_payload(payload)).map_err(failed)?;
        Ok((signed.bundle, signed.signer))
    }
}

fn now() -> Result<i64, CliError> {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_err(CliError::environment)?;
    Ok(now.as_secs().cast_signed())
}

fn failed(error: KeylessError) -> CliError {
    match error {
        KeylessError::NoTimestamps => {
            let message = "a log of version 2 says no time: name an authority with `--timestamp-authority`";
            CliError::usage(anyhow::anyhow!(message))
        }
        other => CliError::environment(other),
    }
}

/// The named services, or Sigstore's public ones. They are never mixed: a private name does not get into a public log.
fn services(arguments: &KeylessArguments) -> Result<Services, CliError> {
    let (Some(fulcio), Some(rekor)) = (&arguments.fulcio, &arguments.rekor) else {
        return Services::public().map_err(CliError::environment);
    };
    let address = |option: &str, text: &str| {
        let read = text.parse::<ServiceAddress>();
        read.with_context(|| format!("cannot use the address of `{option}`")).map_err(CliError::usage)
    };
    let timestamps = arguments.timestamp_authority.as_deref();
    Ok(Services {
        certificates: address("--fulcio", fulcio)?,
        log: address("--rekor", rekor)?,
        log_version: if arguments.rekor_version == "2" { LogVersion::V2 } else { LogVersion::V1 },
        timestamps: timestamps.map(|text| address("--timestamp-authority", text)).transpose()?,
    })
}

/// The token of the named variable or file. Neither name is repeated: somebody may have put the token in its place.
fn token(arguments: &KeylessArguments) -> Result<IdentityToken, CliError> {
    let (from, text) = match (&arguments.identity_token_env, &arguments.identity_token_file) {
        (Some(variable), _) => ("`--identity-token-env`", of_variable(variable)?),
        (None, Some(path)) => ("`--identity-token-file`", of_file(path)?),
        (None, None) => {
            let message = "no identity token: name a variable with `--identity-token-env`, or a file with \
                           `--identity-token-file`";
            return Err(CliError::usage(anyhow::anyhow!(message)));
        }
    };
    IdentityToken::read(&text).with_context(|| format!("cannot use what {from} names")).map_err(CliError::usage)
}

fn of_variable(name: &str) -> Result<Zeroizing<String>, CliError> {
    let named = name.len() <= MAX_VARIABLE && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if !named {
        let message = "`--identity-token-env` takes the name of a variable, not the token";
        return Err(CliError::usage(anyhow::anyhow!(message)));
    }
    let value =
        std::env::var_os(name).ok_or("is not set").and_then(|value| value.into_string().map_err(|_| "is not UTF-8"));
    let failed = |what| CliError::usage(anyhow::anyhow!("the variable that `--identity-token-env` names {what}"));
    value.map(Zeroizing::new).map_err(failed)
}

fn of_file(path: &Path) -> Result<Zeroizing<String>, CliError> {
    let mut text = Zeroizing::new(String::with_capacity(MAX_TOKEN_BYTES + 2));
    // A little more than a token may have, so that what is larger is told apart; and no copies left by growing.
    let limit = MAX_TOKEN_BYTES as u64 + 1;
    let read = if path == Path::new("-") {
        io::stdin().lock().take(limit).read_to_string(&mut text)
    } else {
        std::fs::File::open(path).and_then(|file| file.take(limit).read_to_string(&mut text))
    };
    read.context("cannot read what `--identity-token-file` names").map_err(CliError::usage)?;
    Ok(text)
}
