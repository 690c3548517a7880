//! `tarproof verify-attestation`: proves a signed statement, and says whether it will do.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::SystemTime;

use serde::Serialize;

use crate::attest::predicate::{Tier, VerdictName};
use crate::attest::{
    Acceptance, Accepted, CertifiedIdentity, MAX_BYTES, ProofError, ProvenStatement, PublicKey, TrustedSigners,
    UnverifiedStatement, is_subject,
};
use crate::cli::arguments::{Common, Format, VerifyAttestation, subject};
use crate::cli::commands::attest::{read_lockfile, read_within};
use crate::cli::commands::key::public_key;
use crate::cli::error::CliError;
use crate::cli::{output, setup};
use crate::config::Config;
use crate::count::counted;
use crate::package::Release;
use crate::provenance::Trust;
use crate::report::printable::printable;
use crate::stabilize::stabilizers;
use crate::verdict::exit;

/// Name and version of the JSON form.
const SCHEMA: &str = "tarproof-attestation-check/v1";
/// Largest artifact that is compared, bytes.
const MAX_ARTIFACT: u64 = 1 << 30;

/// The JSON form of a check. Fields are only ever added.
#[derive(Debug, Serialize)]
struct Report {
    schema: &'static str,
    file: String,
    accepted: bool,
    /// Why not.
    #[serde(skip_serializing_if = "Option::is_none")]
    refusal: Option<String>,
    /// Who signed, where the statement is proven: names of keys, and of identities with who vouches for them.
    signers: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    predicate_type: Option<String>,
    subjects: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    verdict: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    covered: Option<usize>,
    /// Whether an artifact was held against the subjects' digests, or a lockfile against the packages.
    compared: bool,
}

pub(super) fn run(command: &VerifyAttestation, common: &Common, config: &Config) -> Result<u8, CliError> {
    let acceptance = acceptance(command)?;
    let keys = command.key.iter().map(|path| public_key(path)).collect::<Result<Vec<_>, _>>()?;
    // The same key twice is one signer.
    let distinct: BTreeSet<_> = keys.iter().map(PublicKey::id).collect();
    let most = distinct.len() + usize::from(command.identity.is_some());
    if command.threshold > most {
        let message = format!(
            "`--threshold {}` can never be met by {}: name others whom you trust with `--key` or `--identity`",
            command.threshold,
            counted(most, "signer")
        );
        return Err(CliError::usage(anyhow::anyhow!(message)));
    }
    let root = command.trusted_root.as_deref().or(config.trusted_root.as_deref());
    let trust = setup::trust(Trust::default(), root, None)?;
    let identity = command.identity.as_deref().zip(command.issuer.as_deref());
    let identity = identity.map(|(identity, issuer)| CertifiedIdentity { identity, issuer });
    let trusted = TrustedSigners { keys: &keys, identity, root: trust.root.as_deref() };
    let mut signers = Vec::new();
    let judged = prove(&command.files, &trusted, command.threshold).and_then(|proven| {
        signers = proven.signers.iter().map(ToString::to_string).collect();
        judge(command, common, config, &acceptance, &proven)
    });
    let file = command.files[0].display().to_string();
    let compared = command.artifact.is_some() || command.fetch || command.lockfile.is_some();
    match command.format {
        Format::Terminal => {
            let accepted = judged?;
            output::write(None, &terminal(&accepted, &signers, compared))?;
            Ok(exit::EXPLAINED)
        }
        Format::Json => {
            let (accepted, refusal, code) = match judged {
                Ok(accepted) => (Some(accepted), None, exit::EXPLAINED),
                Err(error @ CliError::Refused(_)) => (None, Some(error.message()), error.exit_code()),
                Err(other) => return Err(other),
            };
            let report = Report {
                schema: SCHEMA,
                file,
                accepted: accepted.is_some(),
                refusal,
                signers,
                predicate_type: accepted.as_ref().map(|accepted| accepted.predicate_type.clone()),
                subjects: accepted.as_ref().map(|accepted| accepted.subjects.clone()).unwrap_or_default(),
                verdict: accepted.as_ref().and_then(|accepted| Some(accepted.verdict?.id())),
                covered: accepted.and_then(|accepted| accepted.covered),
                compared,
            };
            output::write(None, &output::json(&report)?)?;
            Ok(code)
        }
    }
}

fn acceptance(command: &VerifyAttestation) -> Result<Acceptance, CliError> {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_err(CliError::environment)?;
    let now = now.as_secs().cast_signed();
    let verdict = |id: &String| {
        let unknown = || {
            let known: Vec<&str> = VerdictName::ALL.iter().map(|verdict| verdict.id()).collect();
            CliError::usage(anyhow::anyhow!("`{id}` is not a verdict: expected one of {}", known.join(", ")))
        };
        VerdictName::from_id(id).ok_or_else(unknown)
    };
    let tier = command.require_tier.as_deref();
    let allowed = command.allow_stabilizer.as_ref().map(|ids| {
        let known: Vec<String> = stabilizers().map(|id| id.to_string()).collect();
        ids.iter()
            .filter(|id| *id != "none")
            .map(|id| match known.contains(id) {
                true => Ok(id.clone()),
                false => {
                    let message =
                        format!("`{id}` is not a stabilizer: expected `none` or some of {}", known.join(", "));
                    Err(CliError::usage(anyhow::anyhow!(message)))
                }
            })
            .collect::<Result<_, _>>()
    });
    Ok(Acceptance {
        verdicts: command.verdict.as_ref().map(|ids| ids.iter().map(verdict).collect()).transpose()?,
        excepted: command.allow_excepted,
        maximum_age: command.max_age.map(|age| i64::try_from(age.as_secs()).unwrap_or(i64::MAX)),
        tier: tier.and_then(|id| Tier::ALL.into_iter().find(|tier| tier.id() == id)),
        stabilizers: allowed.transpose()?,
        now,
    })
}

fn refused(error: impl Into<anyhow::Error>) -> CliError {
    CliError::Refused(error.into())
}

fn prove(files: &[PathBuf], trusted: &TrustedSigners<'_>, threshold: usize) -> Result<ProvenStatement, CliError> {
    let read = |path: &PathBuf| {
        let bytes = read_within(path, MAX_BYTES as u64, CliError::Refused)?;
        UnverifiedStatement::read(&bytes).map_err(refused)
    };
    let statements = files.iter().map(read).collect::<Result<Vec<_>, _>>()?;
    let (first, others) = statements.split_first().expect("the command line asks for one file at least");
    first.prove_by(others, trusted, threshold).map_err(|error| match error {
        ProofError::Certificate => refused(anyhow::anyhow!("{error}: say whose with `--identity` and `--issuer`")),
        ProofError::Root(error) => CliError::environment(error),
        other => refused(other),
    })
}

fn judge(
    command: &VerifyAttestation,
    common: &Common,
    config: &Config,
    acceptance: &Acceptance,
    proven: &ProvenStatement,
) -> Result<Accepted, CliError> {
    if let Some(lockfile) = &command.lockfile {
        let (_, closure) = read_lockfile(lockfile)?;
        return acceptance.judge_lockfile(proven, &closure).map_err(refused);
    }
    let subjects = &proven.statement.subject;
    let asked = command.subject.as_deref().map(subject).transpose()?;
    if let Some(asked) = &asked {
        let named = subjects.iter().filter_map(|named| named.name.as_deref()?.parse().ok());
        let fits = |named: crate::package::Subject| {
            named.ecosystem == asked.ecosystem
                && named.name == asked.name
                && (asked.version.is_none() || named.version == asked.version)
        };
        if !named.into_iter().any(fits) {
            return Err(refused(anyhow::anyhow!("the statement is not about {asked}")));
        }
    }
    if let Some(path) = &command.artifact {
        is_subject(subjects, &read_within(path, MAX_ARTIFACT, CliError::Refused)?).map_err(refused)?;
    }
    if command.fetch {
        let named: Vec<crate::package::Subject> =
            subjects.iter().filter_map(|named| named.name.as_deref()?.parse().ok()).collect();
        let [one] = named.as_slice() else {
            return Err(refused(anyhow::anyhow!("the statement is not about exactly one package of a registry")));
        };
        is_subject(subjects, &fetch(one, common, config)?).map_err(refused)?;
    }
    acceptance.judge(proven).map_err(refused)
}

/// What the registry serves as a package's artifact.
fn fetch(subject: &crate::package::Subject, common: &Common, config: &Config) -> Result<Vec<u8>, CliError> {
    let context = setup::context(common, config)?;
    super::runtime()?.block_on(async {
        let metadata = context.registry.release(subject).await.map_err(CliError::environment)?;
        let artifact = context.registry.artifact(&metadata).await.map_err(CliError::environment)?;
        read_within(&artifact.path, MAX_ARTIFACT, CliError::Refused)
    })
}

fn terminal(accepted: &Accepted, signers: &[String], compared: bool) -> String {
    let what = match (accepted.verdict, accepted.covered) {
        (Some(verdict), _) => verdict.id().to_owned(),
        (None, Some(covered)) => format!("{} covered", counted(covered, "package")),
        (None, None) => "no verdict".to_owned(),
    };
    let mut text = format!("accepted     {what}");
    // A lockfile's subjects are counted, not listed.
    if accepted.covered.is_none() {
        let names = accepted.subjects.iter().map(|name| match name.parse::<crate::package::Subject>() {
            Ok(crate::package::Subject { ecosystem, name, version: Some(version) }) => {
                Release { ecosystem, name, version }.to_string()
            }
            _ => name.clone(),
        });
        text.push_str(&format!("  {}", names.map(|name| printable(&name)).collect::<Vec<_>>().join(", ")));
    }
    text.push_str(&format!("\n  {}\n", printable(&accepted.predicate_type)));
    for signer in signers {
        text.push_str(&format!("  signed by {}\n", printable(signer)));
    }
    if !compared {
        let hint = match accepted.covered {
            Some(_) => "not compared with any lockfile: name one with `--lockfile`",
            None => "not compared with any artifact: name one with `--artifact`, or use `--fetch`",
        };
        text.push_str(&format!("  {hint}\n"));
    }
    text
}
