use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::{Format, PassphraseArguments};
use crate::log::Origin;

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum LogCommand {
    /// Append statements; those that are in the log already are left alone
    #[command(after_help = "\
The whole log is verified first. A log is begun with `--origin`. The private key must be Ed25519; it is read from
`--key`, or from the variable TARPROOF_KEY (the PEM itself).

Exit codes:
  0  everything is in the log
  1  the log does not verify or does not go on from the older checkpoint, or a file is no statement or not signed by a
     trusted key; nothing was appended
  2  the command line or a key is wrong, or there is no log
  4  a file cannot be read or written, or another process is appending

Examples:
  tarproof key generate --output log.key --algorithm ed25519
  tarproof log append log attestations/*.sigstore.json --key log.key --origin log.example/verdicts --trust signing.key.pub")]
    Append(LogAppend),
    /// Write a proof that a statement is in the log, or that the log goes on from an older checkpoint
    #[command(after_help = "\
An inclusion proof is a `c2sp.org/tlog-proof@v1`. With `--since` it is a consistency proof, in the form in which witnesses
ask for it.

Exit codes:
  0  the proof is written
  1  the statement is not in the log, the checkpoint is not one of its past, or the log is not whole
  2  the command line is wrong
  4  a file cannot be read or written")]
    Prove(LogProve),
    /// Check a whole log, or a proof without the log
    #[command(after_help = "\
Exit codes:
  0  proven
  1  not proven: wrong key or signature, something was changed, or the log was rewritten since the older checkpoint
  2  the command line or a key is wrong
  4  a file cannot be read

Examples:
  tarproof log verify log --key log.key.pub --since kept/checkpoint
  tarproof log verify chalk.tlog-proof --key log.key.pub --file chalk-5.6.2.verification.sigstore.json")]
    Verify(LogVerify),
}

#[derive(Debug, Args)]
pub(in crate::cli) struct LogAppend {
    /// The log's directory
    pub(in crate::cli) directory: PathBuf,
    /// Signed statements, as `attest` writes them
    #[arg(required = true, value_name = "FILE")]
    pub(in crate::cli) files: Vec<PathBuf>,
    /// Sign the checkpoint with this private key (PKCS#8 PEM, Ed25519); `-` reads it from standard input
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) key: Option<PathBuf>,
    #[command(flatten)]
    pub(in crate::cli) passphrase: PassphraseArguments,
    /// The log's name, such as `log.example/verdicts`; begins the log where there is none
    #[arg(long, value_name = "NAME")]
    pub(in crate::cli) origin: Option<Origin>,
    /// Append only what this public key (PEM) has signed; may be given several times
    #[arg(long, value_name = "PUB")]
    pub(in crate::cli) trust: Vec<PathBuf>,
    /// Append only to a log that goes on from this older checkpoint, signed by the same key
    #[arg(long, value_name = "CHECKPOINT")]
    pub(in crate::cli) since: Option<PathBuf>,
    /// How it is reported
    #[arg(long, value_enum, default_value_t = Format::Terminal)]
    pub(in crate::cli) format: Format,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct LogProve {
    /// The log's directory
    pub(in crate::cli) directory: PathBuf,
    /// Prove that this statement is in the log
    #[arg(value_name = "FILE", required_unless_present = "since", conflicts_with = "since")]
    pub(in crate::cli) file: Option<PathBuf>,
    /// Prove that the log goes on from this older checkpoint
    #[arg(long, value_name = "CHECKPOINT")]
    pub(in crate::cli) since: Option<PathBuf>,
    /// Write the proof into this file
    #[arg(long, value_name = "PROOF")]
    pub(in crate::cli) output: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct LogVerify {
    /// The log's directory, or a proof
    #[arg(value_name = "DIRECTORY|PROOF")]
    pub(in crate::cli) target: PathBuf,
    /// The log's public key (PEM, Ed25519)
    #[arg(long, value_name = "PUB")]
    pub(in crate::cli) key: PathBuf,
    /// It must go on from this older checkpoint, signed by the same key
    #[arg(long, value_name = "CHECKPOINT")]
    pub(in crate::cli) since: Option<PathBuf>,
    /// This statement must be in it
    #[arg(long, value_name = "FILE", conflicts_with = "since")]
    pub(in crate::cli) file: Option<PathBuf>,
    /// It must be the log of this name
    #[arg(long, value_name = "NAME")]
    pub(in crate::cli) origin: Option<Origin>,
    /// How it is reported
    #[arg(long, value_enum, default_value_t = Format::Terminal)]
    pub(in crate::cli) format: Format,
}
