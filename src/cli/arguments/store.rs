use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::{FindingArguments, Format, RebuildArguments, SelectionArguments, TrustArguments, VersionArguments};

/// Where results are kept.
#[derive(Debug, Clone, Default, Args)]
pub(in crate::cli) struct StoreArguments {
    /// Keep results in this SQLite file, or in the PostgreSQL database at this address
    #[arg(long, value_name = "URL", env = "TARPROOF_STORE", hide_env_values = true)]
    pub(in crate::cli) store: Option<String>,
    /// Keep ledgers, reports and statements in this directory, or in the bucket `s3://BUCKET/PREFIX`
    #[arg(long, value_name = "URL", env = "TARPROOF_OBJECTS", hide_env_values = true)]
    pub(in crate::cli) objects: Option<String>,
}

/// Whose results are taken. Not from the environment: a variable must not change what a command does.
#[derive(Debug, Clone, Default, Args)]
pub(in crate::cli) struct KeptArguments {
    /// Verify nothing: take what a sweep with the same settings kept in this SQLite file or PostgreSQL database
    #[arg(long, value_name = "URL", conflicts_with_all = ["artifact", "repository", "commit", "directory", "plan_file", "jobs"])]
    pub(in crate::cli) store: Option<String>,
    /// Where the store's ledgers and statements are: a directory, or the bucket `s3://BUCKET/PREFIX`
    #[arg(long, value_name = "URL", requires = "store")]
    pub(in crate::cli) objects: Option<String>,
}

impl KeptArguments {
    /// The store that they name, if any.
    pub(in crate::cli) fn named(&self) -> Option<StoreArguments> {
        self.store.is_some().then(|| StoreArguments { store: self.store.clone(), objects: self.objects.clone() })
    }
}

/// How very many packages are verified, and where the results go.
#[derive(Debug, Clone, Default, Args)]
pub(in crate::cli) struct WorkArguments {
    #[command(flatten)]
    pub(in crate::cli) store: StoreArguments,
    #[command(flatten)]
    pub(in crate::cli) rebuild: RebuildArguments,
    /// Except what this file states, such as `tarproof.toml`
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    /// Hold unexplained files against the YARA rules in this directory (`*.yar`, `*.yara`)
    #[arg(long, value_name = "DIR")]
    rules: Option<PathBuf>,
    #[command(flatten)]
    pub(in crate::cli) trust: TrustArguments,
    /// Verify so many packages at once
    #[arg(long, value_name = "N", value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(1..=1024))]
    pub(in crate::cli) jobs: Option<usize>,
}

impl WorkArguments {
    /// What findings are weighed by. `--since` is about one package and means something else here.
    pub(in crate::cli) fn findings(&self) -> FindingArguments {
        FindingArguments { since: None, policy: self.policy.clone(), rules: self.rules.clone() }
    }
}

/// Who hands out jobs.
#[derive(Debug, Clone, Default, Args)]
pub(in crate::cli) struct EngineArguments {
    /// Jobs go through the engine at this address, `temporal://HOST:PORT/NAMESPACE`, to workers of its own
    #[arg(long, value_name = "URL", env = "TARPROOF_ENGINE")]
    pub(in crate::cli) engine: Option<String>,
}

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(in crate::cli) struct Sweep {
    #[command(subcommand)]
    pub(in crate::cli) command: Option<SweepCommand>,
    #[command(flatten)]
    pub(in crate::cli) run: SweepRun,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct SweepRun {
    #[command(flatten)]
    pub(in crate::cli) selection: SelectionArguments,
    #[command(flatten)]
    pub(in crate::cli) versions: VersionArguments,
    #[command(flatten)]
    pub(in crate::cli) engine: EngineArguments,
    #[command(flatten)]
    pub(in crate::cli) work: WorkArguments,
    /// How to report
    #[arg(long, value_enum, default_value_t = Format::Terminal)]
    pub(in crate::cli) format: Format,
}

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum SweepCommand {
    /// Say where the sweep stands; works beside it
    Status {
        #[command(flatten)]
        store: StoreArguments,
        #[command(flatten)]
        engine: EngineArguments,
        /// How to report
        #[arg(long, value_enum, default_value_t = Format::Terminal)]
        format: Format,
    },
    /// List the releases that could not be verified, and why
    Failed {
        #[command(flatten)]
        store: StoreArguments,
        #[command(flatten)]
        engine: EngineArguments,
        /// How to report
        #[arg(long, value_enum, default_value_t = Format::Terminal)]
        format: Format,
    },
    /// Let the next sweep try again what failed for good
    Requeue {
        /// Only these releases, `npm:name@1.2.3` or a purl
        #[arg(value_name = "SUBJECT")]
        subjects: Vec<String>,
        #[command(flatten)]
        store: StoreArguments,
        #[command(flatten)]
        engine: EngineArguments,
    },
}

#[derive(Debug, Args)]
pub(in crate::cli) struct Worker {
    /// Take jobs from the engine at this address, `temporal://HOST:PORT/NAMESPACE`
    #[arg(long, value_name = "URL", env = "TARPROOF_ENGINE")]
    pub(in crate::cli) engine: Option<String>,
    #[command(flatten)]
    pub(in crate::cli) work: WorkArguments,
    /// Begin at most so many packages a second, all workers together
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub(in crate::cli) rate: Option<u32>,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct History {
    /// The package, or one release of it
    #[arg(value_name = "SUBJECT")]
    pub(in crate::cli) subject: String,
    /// Show at most so many results
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub(in crate::cli) limit: u32,
    #[command(flatten)]
    pub(in crate::cli) store: StoreArguments,
    /// How to report
    #[arg(long, value_enum, default_value_t = Format::Terminal)]
    pub(in crate::cli) format: Format,
}

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum StoreCommand {
    /// Read every ledger, report and statement, and hold it to its digest
    #[command(after_help = "\
Exit codes:
  0  everything is there
  1  something is missing or damaged
  2  the command line is wrong
  4  the store cannot be read")]
    Check {
        #[command(flatten)]
        store: StoreArguments,
        /// How to report
        #[arg(long, value_enum, default_value_t = Format::Terminal)]
        format: Format,
    },
    /// Write everything out as JSON lines
    Export {
        #[command(flatten)]
        store: StoreArguments,
        /// Write to this file instead of standard output
        #[arg(long, value_name = "FILE")]
        output: Option<PathBuf>,
    },
    /// Read in what `export` wrote; what is there already is left alone
    Import {
        /// The file; `-` reads standard input
        file: PathBuf,
        #[command(flatten)]
        store: StoreArguments,
    },
    /// Remove old results, and say which
    Prune {
        #[command(flatten)]
        store: StoreArguments,
        /// Keep so many results of each package, the newest ones; the newest that is settled stays in any case. Releases
        /// without a result are verified again by the next sweep that names them
        #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
        keep: u32,
        /// Only say what would be removed
        #[arg(long)]
        dry_run: bool,
    },
}
