//! Applies every known way to change a package to honest ones, and says what the verifier makes of it.
//!
//! Everything comes from `fixtures/attack-suite/` and is served on loopback. With the feature `live` and the flag
//! `--live` the same is done to real packages: what this machine's npm configuration serves is changed and judged
//! against repositories that this machine's git configuration leads to.

use std::io::Write as _;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Parser, ValueEnum};
use tarproof::suite::{FixtureSuite, Report, Transformation, catalog};

#[cfg(feature = "live")]
mod live;

#[derive(Debug, Parser)]
#[command(about = "Measures what the verifier catches, and how quiet it is about honest packages")]
struct Arguments {
    /// How the outcome is written.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    /// Only these transformations, by id; all unless stated.
    #[arg(long = "only", value_name = "ID")]
    only: Vec<String>,
    /// Real packages instead of made-up ones; takes the feature `live`.
    #[arg(long)]
    live: bool,
    /// Only these packages of the live list, by name.
    #[arg(long = "package", value_name = "NAME", requires = "live")]
    packages: Vec<String>,
}

#[derive(Debug, Clone, Copy, Default, ValueEnum)]
enum Format {
    #[default]
    Terminal,
    Json,
    Markdown,
}

fn main() -> anyhow::Result<ExitCode> {
    let arguments = Arguments::parse();
    let transformations = chosen(&arguments.only)?;
    let report = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?
        .block_on(run(&arguments, transformations))?;
    let text = match arguments.format {
        Format::Terminal => report.terminal(),
        Format::Json => serde_json::to_string_pretty(&report)? + "\n",
        Format::Markdown => report.markdown(),
    };
    std::io::stdout().write_all(text.as_bytes())?;
    Ok(if report.is_complete() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn chosen(only: &[String]) -> anyhow::Result<Vec<Transformation>> {
    let all = catalog();
    if let Some(unknown) = only.iter().find(|id| all.iter().all(|one| one.id != id.as_str())) {
        anyhow::bail!("no transformation is called `{unknown}`");
    }
    Ok(all.into_iter().filter(|one| only.is_empty() || only.iter().any(|id| id == one.id)).collect())
}

async fn run(arguments: &Arguments, transformations: Vec<Transformation>) -> anyhow::Result<Report> {
    let directory = tempfile::tempdir().context("no directory for the suite")?;
    if arguments.live {
        #[cfg(feature = "live")]
        return live::run(directory.path(), &arguments.packages, &transformations).await;
        #[cfg(not(feature = "live"))]
        anyhow::bail!("build with `--features live` to judge real packages");
    }
    let suite = FixtureSuite::build(directory.path(), transformations, None)?;
    Ok(suite.run().await?)
}
