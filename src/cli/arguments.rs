use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::package::{Subject, Version};
use crate::report::printable::{is_hidden, printable};

mod log;
mod store;
mod sweep;

pub(super) use log::{LogAppend, LogCommand, LogProve, LogVerify};
pub(super) use store::{
    EngineArguments, History, KeptArguments, StoreArguments, StoreCommand, Sweep, SweepCommand, SweepRun,
    WorkArguments, Worker,
};
pub(super) use sweep::{SelectionArguments, VersionArguments, Watch};

const AFTER_HELP: &str = "\
Exit codes:
  0  every file is explained by the source
  1  at least one package is divergent or has no source
  2  the command line, the configuration or a subject is wrong
  3  at least one package could not be judged
  4  the registry, the network, the disk or the program failed";

/// Under which options stand that every command has.
const GENERAL: &str = "General options";
/// Under which those of rebuilds stand.
const REBUILD: &str = "Rebuild options";
/// Under which those of signing by certificate stand.
const KEYLESS: &str = "Signing by certificate (experimental)";

/// Is the package that a registry serves what its source repository says?
#[derive(Debug, Parser)]
#[command(name = "tarproof", version, about, after_help = AFTER_HELP, propagate_version = true)]
pub struct Arguments {
    #[command(flatten)]
    pub(super) common: Common,
    #[command(subcommand)]
    pub(super) command: Command,
}

/// Parses the command line; ends the process where that says all there is to do.
pub fn parse() -> Arguments {
    Arguments::try_parse().unwrap_or_else(|error| {
        let text = error.render().to_string();
        if text.contains("-----BEGIN") {
            let message = "a key was given as an argument; name its file, or pass it in an environment variable\n";
            clap::Error::raw(error.kind(), message).exit()
        }
        // clap shows an argument as it was given, and a list of subjects may come from anywhere.
        if error.use_stderr() && text.chars().any(|character| character != '\n' && is_hidden(character)) {
            let lines: Vec<String> = text.lines().map(printable).collect();
            let escaped =
                clap::Error::raw(error.kind(), format!("{}\n", lines.join("\n").trim_start_matches("error: ")));
            escaped.exit()
        }
        error.exit()
    })
}

#[derive(Debug, Args)]
pub(super) struct Common {
    /// Keep artifacts and repositories in this directory
    #[arg(long, global = true, help_heading = GENERAL, value_name = "DIR", env = "TARPROOF_CACHE_DIR")]
    pub(super) cache_dir: Option<PathBuf>,
    /// Ask no registry and no remote: use what the cache holds, whatever its age
    #[arg(long, global = true, help_heading = GENERAL)]
    pub(super) offline: bool,
    /// Read this configuration file instead of the user's own
    #[arg(long, global = true, help_heading = GENERAL, value_name = "FILE", env = "TARPROOF_CONFIG")]
    pub(super) config: Option<PathBuf>,
    /// Show every file and how the commit was found
    #[arg(long, short, global = true, help_heading = GENERAL)]
    pub(super) verbose: bool,
    /// Show no progress
    #[arg(long, short, global = true, help_heading = GENERAL)]
    pub(super) quiet: bool,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Verify packages: which published files come from the source, and which do not
    #[command(after_help = "Examples:
  tarproof verify npm:chalk@5.6.2
  tarproof verify pkg:npm/%40babel/core@7.28.0 npm:lodash --format json
  tarproof verify npm:chalk@5.6.2 --format html --output report.html
  tarproof verify --artifact chalk-5.6.1.tgz npm:chalk@5.6.1
  tarproof verify --artifact package.tgz --repository .")]
    Verify(Verify),
    /// Print the unified diff of the published files against the source
    Diff(Diff),
    /// Say for one file how it is explained and what was tried
    #[command(override_usage = "tarproof explain [OPTIONS] <SUBJECT> <PATH>
       tarproof explain [OPTIONS] --artifact <FILE> <PATH>")]
    Explain(Explain),
    /// Rebuild one package in the sandbox, whatever the commit explains already, or print how that would be done
    Rebuild(Rebuild),
    /// Say what this machine offers for rebuilds, and what is missing
    Doctor(Doctor),
    /// Run the whole job on a made-up world of packages, offline
    Demo(Demo),
    /// List the files that npm would pack from a commit
    Packlist(Packlist),
    /// Verify packages, or all of a lockfile, and sign what was found
    #[command(after_help = "\
The private key is read from `--key`, or from the variable TARPROOF_KEY (the PEM itself), and its passphrase from
TARPROOF_KEY_PASSPHRASE or, with `--passphrase-stdin`, from standard input. On a terminal it is asked for where neither
gives one and the key is encrypted.

Examples:
  tarproof key generate --output signing.key
  tarproof attest npm:chalk@5.6.2 --key signing.key --output attestations
  tarproof attest --lockfile package-lock.json --key signing.key --output .
  tarproof attest npm:chalk@5.6.2 --store verdicts.db --key signing.key --output attestations")]
    Attest(Box<Attest>),
    /// Check a signed statement: the signature, the artifact and whether it will do
    #[command(after_help = "\
Exit codes:
  0  the statement is proven and accepted
  1  it is not: wrong key or signature, malformed, another artifact, or not what was asked for
  2  the command line or a key is wrong
  4  a file cannot be read, or the registry failed

Examples:
  tarproof verify-attestation chalk-5.6.2.verification.sigstore.json --key signing.key.pub --artifact chalk-5.6.2.tgz
  tarproof verify-attestation package-lock.verdict-lock.sigstore.json --key signing.key.pub --lockfile package-lock.json
  tarproof verify-attestation chalk-5.6.2.vsa.sigstore.json --identity me@studio.example --issuer https://id.example --fetch")]
    VerifyAttestation(VerifyAttestation),
    /// Make keys that sign statements
    Key {
        #[command(subcommand)]
        command: KeyCommand,
    },
    /// Keep an append-only log of signed statements, prove what is in it, and check that it was not rewritten
    Log {
        #[command(subcommand)]
        command: LogCommand,
    },
    /// Verify very many packages, keep the results, and show what changed
    #[command(after_help = "\
Results are kept in a store: an SQLite file in the data directory, unless `--store` names another one or a PostgreSQL \
database. What is settled there is not verified again. A sweep may be interrupted at any moment; the same command goes \
on.

Examples:
  tarproof sweep --list packages.txt
  tarproof sweep --top 1000 --ranking downloads.csv --since 24h
  tarproof sweep --scope @babel --lockfile package-lock.json
  tarproof sweep status
  tarproof sweep failed")]
    Sweep(Box<Sweep>),
    /// Look for new releases of many packages again and again, and verify each at once
    #[command(after_help = "\
The first look at a package only notes what is there; where a watch stood is kept in the store. Results are kept there, \
too, and whatever else is queued in it under the same options is verified as well, new releases first. The exit code is \
that of the most urgent verdict.

Examples:
  tarproof watch --list packages.txt
  tarproof watch --top 1000 --ranking downloads.csv --interval 5m --format json
  tarproof watch --scope @babel --once --since 24h")]
    Watch(Box<Watch>),
    /// Verify what sweeps on other machines have queued, until told to stop
    #[command(after_help = "\
A worker takes the jobs of sweeps that were begun with the same `--engine` and the same options of rebuilds, findings \
and trust, by the same version of this program. It puts results into the store, which all of them share. SIGTERM lets it \
finish what is under way. Only programs that were built with the feature `temporal` can work for an engine.

Example:
  tarproof worker --engine temporal://engine.internal --store postgresql://db.internal/tarproof --objects s3://sweeps")]
    Worker(Box<Worker>),
    /// Show what was found of a package so far
    #[command(after_help = "Examples:
  tarproof history npm:chalk
  tarproof history npm:chalk@5.6.2 --format json")]
    History(History),
    /// Check, copy or thin out what sweeps have found
    Store {
        #[command(subcommand)]
        command: StoreCommand,
    },
    /// Print a completion script
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Write the manual pages into a directory
    Man {
        /// The directory
        directory: PathBuf,
    },
}

/// What the user knows better than the metadata.
#[derive(Debug, Clone, Args)]
pub(super) struct Overrides {
    /// Judge this file instead of what the registry serves
    #[arg(long, value_name = "FILE")]
    pub(super) artifact: Option<PathBuf>,
    /// Take the source from this address or local path
    #[arg(long, value_name = "URL")]
    pub(super) repository: Option<String>,
    /// Compare with this commit
    #[arg(long, value_name = "REV")]
    pub(super) commit: Option<String>,
    /// The package's directory in the repository
    #[arg(long, value_name = "DIR")]
    pub(super) directory: Option<String>,
}

impl Overrides {
    /// Whether any is given; they are about one package.
    pub(super) fn are_given(&self) -> bool {
        self.artifact.is_some() || self.repository.is_some() || self.commit.is_some() || self.directory.is_some()
    }
}

/// Whether and how packages are rebuilt.
#[derive(Debug, Clone, Default, Args)]
pub(super) struct RebuildArguments {
    /// Run nothing, not even in the sandbox
    #[arg(long, help_heading = REBUILD)]
    pub(super) no_rebuild: bool,
    /// Spend at most so long on rebuilding one package: `90`, `90s`, `20m`, `2h` (20 minutes unless configured)
    #[arg(long, help_heading = REBUILD, value_name = "TIME", value_parser = duration)]
    pub(super) build_timeout: Option<Duration>,
    /// Let a build use at most so much memory, its files included: `4G`, `512M` (6G unless configured)
    #[arg(long, help_heading = REBUILD, value_name = "SIZE", value_parser = size)]
    pub(super) build_memory: Option<u64>,
    /// Look for plans of awkward packages in this directory first
    #[arg(long, help_heading = REBUILD, value_name = "DIR")]
    pub(super) definitions: Option<PathBuf>,
    /// Follow the plans in this file (TOML or JSON) instead of inferred ones
    #[arg(long, help_heading = REBUILD, value_name = "FILE")]
    pub(super) plan_file: Option<PathBuf>,
}

/// What findings are weighed by.
#[derive(Debug, Clone, Default, Args)]
pub(super) struct FindingArguments {
    /// Tell what is new since this earlier release, instead of since the one that had been there for a month
    #[arg(long, value_name = "VERSION", value_parser = version)]
    pub(super) since: Option<Version>,
    /// Except what this file states, such as `tarproof.toml`
    #[arg(long, value_name = "FILE")]
    pub(super) policy: Option<PathBuf>,
    /// Hold unexplained files against the YARA rules in this directory (`*.yar`, `*.yara`)
    #[arg(long, value_name = "DIR")]
    pub(super) rules: Option<PathBuf>,
}

/// What signatures of registries and publishers are held against.
#[derive(Debug, Clone, Default, Args)]
pub(super) struct TrustArguments {
    /// Hold npm's provenance against this root (Sigstore's `trusted_root.json`) instead of the embedded one
    #[arg(long, value_name = "FILE")]
    pub(super) trusted_root: Option<PathBuf>,
    /// Hold registry signatures against these keys (JSON) instead of the embedded ones
    #[arg(long, value_name = "FILE")]
    pub(super) registry_keys: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(super) struct Rebuild {
    /// The package
    #[arg(required_unless_present = "artifact", value_name = "SUBJECT")]
    pub(super) subject: Option<String>,
    /// Only print the plans that would be tried, in their order
    #[arg(long)]
    pub(super) plan: bool,
    #[command(flatten)]
    pub(super) overrides: Overrides,
    #[command(flatten)]
    pub(super) rebuild: RebuildArguments,
    /// How to report; plans are printed as TOML, or as JSON
    #[arg(long, value_enum, default_value_t = Format::Terminal)]
    pub(super) format: Format,
    /// Write the report or the plans to this file instead of standard output
    #[arg(long, value_name = "FILE")]
    pub(super) output: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(super) struct Doctor {
    /// How to report
    #[arg(long, value_enum, default_value_t = Format::Terminal)]
    pub(super) format: Format,
}

#[derive(Debug, Args)]
pub(super) struct Verify {
    /// Packages: `npm:name@1.2.3`, `npm:name` for the latest, or a purl
    #[arg(required_unless_present = "artifact", value_name = "SUBJECT")]
    pub(super) subjects: Vec<String>,
    #[command(flatten)]
    pub(super) overrides: Overrides,
    #[command(flatten)]
    pub(super) rebuild: RebuildArguments,
    /// How to report
    #[arg(long, value_enum, default_value_t = ReportFormat::Terminal)]
    pub(super) format: ReportFormat,
    /// Write the report to this file instead of standard output
    #[arg(long, value_name = "FILE")]
    pub(super) output: Option<PathBuf>,
    #[command(flatten)]
    pub(super) findings: FindingArguments,
    #[command(flatten)]
    pub(super) trust: TrustArguments,
    /// Verify so many packages at once
    #[arg(long, value_name = "N", value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(1..=1024))]
    pub(super) jobs: Option<usize>,
}

/// Where a private key's passphrase comes from.
#[derive(Debug, Clone, Args)]
pub(super) struct PassphraseArguments {
    /// Read the key's passphrase from the first line of standard input
    #[arg(long)]
    pub(super) passphrase_stdin: bool,
}

/// Signing with a certificate instead of a key.
#[derive(Debug, Clone, Args)]
pub(super) struct KeylessArguments {
    /// Sign with short-lived certificates for an identity, in programs built with `--features keyless`
    #[arg(long, help_heading = KEYLESS, conflicts_with_all = ["key", "passphrase_stdin"])]
    pub(super) keyless: bool,
    /// The variable that holds the identity token
    #[arg(long, help_heading = KEYLESS, value_name = "VARIABLE", requires = "keyless")]
    pub(super) identity_token_env: Option<String>,
    /// The file that holds the identity token; `-` is standard input
    #[arg(long, help_heading = KEYLESS, value_name = "FILE", requires = "keyless", conflicts_with = "identity_token_env")]
    pub(super) identity_token_file: Option<PathBuf>,
    /// Get certificates from this authority (Fulcio) instead of Sigstore's public one
    #[arg(long, help_heading = KEYLESS, value_name = "URL", requires_all = ["keyless", "rekor"])]
    pub(super) fulcio: Option<String>,
    /// Log signatures here (Rekor)
    #[arg(long, help_heading = KEYLESS, value_name = "URL", requires = "fulcio")]
    pub(super) rekor: Option<String>,
    /// The log's version
    #[arg(long, help_heading = KEYLESS, value_name = "N", requires = "rekor", value_parser = ["1", "2"], default_value = "1")]
    pub(super) rekor_version: String,
    /// Get timestamps from here (RFC 3161); a log of version 2 needs one
    #[arg(long, help_heading = KEYLESS, value_name = "URL", requires = "fulcio")]
    pub(super) timestamp_authority: Option<String>,
}

#[derive(Debug, Args)]
pub(super) struct Attest {
    /// Packages: `npm:name@1.2.3`, `npm:name` for the latest, or a purl
    #[arg(required_unless_present_any = ["artifact", "lockfile"], value_name = "SUBJECT")]
    pub(super) subjects: Vec<String>,
    /// Verify every package that this lockfile names, and sign one file for all of them
    #[arg(long, value_name = "FILE", conflicts_with_all = ["subjects", "artifact", "repository", "commit", "directory"])]
    pub(super) lockfile: Option<PathBuf>,
    /// Sign with this private key (PKCS#8 PEM); `-` reads it from standard input
    #[arg(long, value_name = "FILE")]
    pub(super) key: Option<PathBuf>,
    #[command(flatten)]
    pub(super) passphrase: PassphraseArguments,
    #[command(flatten)]
    pub(super) keyless: KeylessArguments,
    /// Write the signed files into this directory
    #[arg(long, value_name = "DIR")]
    pub(super) output: PathBuf,
    /// State this as the time of the verification: `now`, a time such as `2026-11-28T10:00:00Z`, or seconds since 1970
    #[arg(long, value_name = "TIME", conflicts_with = "store")]
    pub(super) time: Option<String>,
    #[command(flatten)]
    pub(super) overrides: Overrides,
    #[command(flatten)]
    pub(super) rebuild: RebuildArguments,
    /// Except what this file states, such as `tarproof.toml`
    #[arg(long, value_name = "FILE")]
    pub(super) policy: Option<PathBuf>,
    /// Hold unexplained files against the YARA rules in this directory (`*.yar`, `*.yara`)
    #[arg(long, value_name = "DIR")]
    pub(super) rules: Option<PathBuf>,
    #[command(flatten)]
    pub(super) trust: TrustArguments,
    #[command(flatten)]
    pub(super) store: KeptArguments,
    /// Verify so many packages at once
    #[arg(long, value_name = "N", value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(1..=1024))]
    pub(super) jobs: Option<usize>,
}

#[derive(Debug, Args)]
pub(super) struct VerifyAttestation {
    /// The signed file; several where independent verifiers signed the same statement
    #[arg(required = true, value_name = "FILE")]
    pub(super) files: Vec<PathBuf>,
    /// Trust this public key (PEM); may be given several times
    #[arg(long, required_unless_present = "identity", value_name = "PUB")]
    pub(super) key: Vec<PathBuf>,
    /// Trust a certificate that names exactly this: an e-mail address, or the address of a workflow
    #[arg(long, value_name = "NAME", requires = "issuer")]
    pub(super) identity: Option<String>,
    /// Whoever vouched for the identity, exactly, such as `https://token.actions.githubusercontent.com`
    #[arg(long, value_name = "URL", requires = "identity")]
    pub(super) issuer: Option<String>,
    /// Hold certificates, log entries and timestamps against this root (Sigstore's `trusted_root.json`) instead of the
    /// embedded one
    #[arg(long, value_name = "FILE")]
    pub(super) trusted_root: Option<PathBuf>,
    /// So many of those named must have signed; the identity counts as one
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(1..=64))]
    pub(super) threshold: usize,
    /// The statement must be about this file
    #[arg(long, value_name = "FILE")]
    pub(super) artifact: Option<PathBuf>,
    /// The statement must be about what the registry serves, which is fetched
    #[arg(long, conflicts_with_all = ["artifact", "lockfile"])]
    pub(super) fetch: bool,
    /// The statement must be about this package, `npm:name@1.2.3` or a purl
    #[arg(long, value_name = "SUBJECT", conflicts_with = "lockfile")]
    pub(super) subject: Option<String>,
    /// The statement must cover everything that this lockfile names
    #[arg(long, value_name = "FILE", conflicts_with = "artifact")]
    pub(super) lockfile: Option<PathBuf>,
    /// Accept these verdicts and no others (`verbatim`, `reproduced` and `equivalent` unless stated)
    #[arg(long, value_name = "VERDICT", value_delimiter = ',')]
    pub(super) verdict: Option<Vec<String>>,
    /// Accept what the verifier's own policy excepts
    #[arg(long)]
    pub(super) allow_excepted: bool,
    /// The verification must not be older: `90s`, `20m`, `24h`, `30d`
    #[arg(long, value_name = "TIME", value_parser = age)]
    pub(super) max_age: Option<Duration>,
    /// Every file must be explained by this kind of evidence or a stronger one
    #[arg(long, value_name = "TIER", value_parser = ["tree", "pack", "rebuild", "attribution"])]
    pub(super) require_tier: Option<String>,
    /// Only these stabilizers may have been used; `none` for none at all
    #[arg(long, value_name = "ID", value_delimiter = ',')]
    pub(super) allow_stabilizer: Option<Vec<String>>,
    /// How to report
    #[arg(long, value_enum, default_value_t = Format::Terminal)]
    pub(super) format: Format,
}

#[derive(Debug, Subcommand)]
pub(super) enum KeyCommand {
    /// Make a key: the private one, readable by you alone, and the public one beside it as FILE.pub
    #[command(after_help = "The passphrase that encrypts the private key comes from TARPROOF_KEY_PASSPHRASE or, with \
`--passphrase-stdin`, from standard input; with `--encrypt` it is asked for on the terminal where neither gives one. \
Without any the key is not encrypted.")]
    Generate {
        /// The file to write; an existing one is never replaced
        #[arg(long, value_name = "FILE")]
        output: PathBuf,
        /// How the key signs
        #[arg(long, value_enum, default_value_t = Algorithm::P256)]
        algorithm: Algorithm,
        /// Encrypt the private key, and ask for a passphrase on the terminal where none is given
        #[arg(long)]
        encrypt: bool,
        #[command(flatten)]
        passphrase: PassphraseArguments,
    },
}

/// How a key signs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Algorithm {
    /// ECDSA over P-256, which every Sigstore client reads
    P256,
    /// Ed25519
    Ed25519,
}

#[derive(Debug, Args)]
pub(super) struct Diff {
    /// The package
    #[arg(required_unless_present = "artifact", value_name = "SUBJECT")]
    pub(super) subject: Option<String>,
    /// Only this file, explained or not
    #[arg(value_name = "PATH")]
    pub(super) path: Option<String>,
    #[command(flatten)]
    pub(super) overrides: Overrides,
    #[command(flatten)]
    pub(super) rebuild: RebuildArguments,
}

#[derive(Debug, Args)]
pub(super) struct Explain {
    /// The package; may be left out with `--artifact`
    #[arg(required_unless_present = "artifact", value_name = "SUBJECT")]
    pub(super) subject: Option<String>,
    /// The file's path inside the package
    #[arg(value_name = "PATH")]
    pub(super) path: Option<String>,
    #[command(flatten)]
    pub(super) overrides: Overrides,
    #[command(flatten)]
    pub(super) rebuild: RebuildArguments,
    #[command(flatten)]
    pub(super) findings: FindingArguments,
    #[command(flatten)]
    pub(super) trust: TrustArguments,
}

#[derive(Debug, Args)]
pub(super) struct Demo {
    /// How to report
    #[arg(long, value_enum, default_value_t = Format::Terminal)]
    pub(super) format: Format,
    /// Keep the world (repositories, registry data) in this directory
    #[arg(long, value_name = "DIR")]
    pub(super) keep: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(super) struct Packlist {
    /// A local repository
    #[arg(long, value_name = "PATH")]
    pub(super) repository: String,
    /// The commit
    #[arg(long, value_name = "REV", default_value = "HEAD")]
    pub(super) commit: String,
    /// The package's directory
    #[arg(long, value_name = "DIR", default_value = "")]
    pub(super) directory: String,
    /// How to report
    #[arg(long, value_enum, default_value_t = Format::Terminal)]
    pub(super) format: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// For people
    Terminal,
    /// For programs, versioned
    Json,
}

/// How verifications are reported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum ReportFormat {
    /// For people
    Terminal,
    /// For programs, versioned
    Json,
    /// For code scanning and editors, SARIF 2.1.0
    Sarif,
    /// For people, one page with everything
    Html,
}

fn version(text: &str) -> Result<Version, String> {
    Version::parse(text).map_err(|error| error.to_string())
}

/// Parses a time: seconds, or a number with `s`, `m` or `h`.
fn duration(text: &str) -> Result<Duration, String> {
    let (number, unit) = match text.char_indices().last() {
        Some((end, 's')) => (&text[..end], 1),
        Some((end, 'm')) => (&text[..end], 60),
        Some((end, 'h')) => (&text[..end], 3600),
        _ => (text, 1),
    };
    let seconds = number.parse::<u64>().ok().and_then(|number| number.checked_mul(unit)).filter(|seconds| *seconds > 0);
    seconds
        .map(Duration::from_secs)
        .ok_or_else(|| "expected a time such as `90s`, `20m` or `2h`, and more than none".to_owned())
}

/// Parses an age: as a time, and days.
fn age(text: &str) -> Result<Duration, String> {
    let days = text.strip_suffix('d').and_then(|days| days.parse::<u64>().ok()?.checked_mul(24 * 3600));
    let seconds = days.filter(|seconds| *seconds > 0 && *seconds <= i64::MAX as u64).map(Duration::from_secs);
    seconds.map_or_else(|| duration(text).map_err(|_| "expected an age such as `20m`, `24h` or `30d`".to_owned()), Ok)
}

/// Less than Node needs to start and to install anything.
const SMALLEST_MEMORY: u64 = 256 << 20;

/// Parses a size: bytes, or a number with `K`, `M`, `G` or `T`, powers of 1,024.
fn size(text: &str) -> Result<u64, String> {
    let (number, power) = match text.char_indices().last() {
        Some((end, 'K' | 'k')) => (&text[..end], 10),
        Some((end, 'M' | 'm')) => (&text[..end], 20),
        Some((end, 'G' | 'g')) => (&text[..end], 30),
        Some((end, 'T' | 't')) => (&text[..end], 40),
        _ => (text, 0),
    };
    let bytes = number.parse::<u64>().ok().and_then(|number| number.checked_mul(1 << power)).filter(|bytes| *bytes > 0);
    let bytes = bytes.ok_or_else(|| "expected a size such as `512M` or `4G`".to_owned())?;
    if bytes < SMALLEST_MEMORY { Err("nothing can be built in less than 256M".to_owned()) } else { Ok(bytes) }
}

/// Parses a subject, naming the argument in the error.
pub(super) fn subject(text: &str) -> Result<Subject, super::error::CliError> {
    text.parse().map_err(super::error::CliError::usage)
}
