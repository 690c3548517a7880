//! Care for a store: `tarproof store` and `tarproof history`.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{BufReader, BufWriter, Write as _};
use std::path::Path;

use anyhow::Context as _;
use serde::Serialize;

use crate::cli::arguments::{Format, History, StoreArguments, StoreCommand, subject};
use crate::cli::error::CliError;
use crate::cli::sweep_report::shown;
use crate::cli::{output, setup};
use crate::config::Config;
use crate::count::counted;
use crate::report::printable::printable;
use crate::store::{Checked, ExchangeError, Kept, Pruned, Record};
use crate::verdict::exit;

#[derive(Serialize)]
struct HistoryJson {
    schema: &'static str,
    package: String,
    results: Vec<Record>,
}

pub(super) fn history(command: &History, config: &Config) -> Result<u8, CliError> {
    let subject = subject(&command.subject)?;
    let package = format!("{}:{}", subject.ecosystem, subject.name);
    let version = subject.version.as_ref().map(ToString::to_string);
    let results = super::runtime()?.block_on(async {
        let store = setup::existing_store(&command.store, config).await?;
        store.history(&package, version.as_deref(), command.limit).await.map_err(CliError::environment)
    })?;
    let text = match command.format {
        Format::Json => {
            let results = results.into_iter().map(|kept| kept.record).collect();
            output::json(&HistoryJson { schema: "tarproof-history/v1", package, results })?
        }
        Format::Terminal if results.is_empty() => format!("no result of {} yet\n", printable(&package)),
        Format::Terminal => results.iter().map(history_line).collect(),
    };
    output::write(None, &text)?;
    Ok(exit::EXPLAINED)
}

fn history_line(kept: &Kept) -> String {
    let Record { version, tool, files, explained, commit, repository, findings, .. } = &kept.record;
    let mut line = format!(
        "{}  {}  {}",
        output::time(kept.record.observed_at),
        printable(version),
        printable(&kept.record.verdict_text())
    );
    // Writing to a String cannot fail.
    if let (Some(files), Some(explained)) = (files, explained) {
        let _ = write!(line, "  {explained}/{files} files explained");
    }
    if let (Some(commit), Some(repository)) = (commit, repository) {
        let short: String = commit.chars().take(12).collect();
        let _ = write!(line, "  commit {short} of {}", printable(repository.trim_start_matches("https://")));
    }
    if !findings.is_empty() {
        let _ = write!(line, "  {}", counted(findings.len(), "finding"));
    }
    let _ = writeln!(line, "  (tarproof {})", printable(tool));
    line
}

pub(super) fn run(command: &StoreCommand, config: &Config) -> Result<u8, CliError> {
    match command {
        StoreCommand::Check { store, format } => check(store, *format, config),
        StoreCommand::Export { store, output } => export(store, output.as_deref(), config),
        StoreCommand::Import { file, store } => import(file, store, config),
        StoreCommand::Prune { store, keep, dry_run } => prune(store, *keep, *dry_run, config),
    }
}

fn check(arguments: &StoreArguments, format: Format, config: &Config) -> Result<u8, CliError> {
    let checked = super::runtime()?.block_on(async {
        setup::existing_store(arguments, config).await?.check().await.map_err(CliError::environment)
    })?;
    let Checked { results, objects, unnamed, flaws } = &checked;
    let text = match format {
        Format::Json => {
            let flaws: Vec<_> = flaws
                .iter()
                .map(|flaw| serde_json::json!({ "digest": flaw.digest, "purl": flaw.purl, "problem": flaw.problem }))
                .collect();
            output::json(&serde_json::json!({
                "schema": "tarproof-store-check/v1",
                "results": results,
                "objects": objects,
                "unnamed": unnamed,
                "flaws": flaws,
            }))?
        }
        Format::Terminal => {
            let mut text = String::new();
            for flaw in flaws {
                let (digest, purl, problem) =
                    (printable(&flaw.digest), printable(&flaw.purl), printable(&flaw.problem));
                let _ = writeln!(text, "{digest}  {problem}  (of {purl})");
            }
            let (results, objects) = (counted(*results, "result"), counted(*objects, "object"));
            let state = if flaws.is_empty() { "all sound".to_owned() } else { format!("{} not sound", flaws.len()) };
            let _ = writeln!(text, "{results}, {objects}: {state}");
            if *unnamed > 0 {
                let _ = writeln!(text, "{} that no result names; `prune` removes them", counted(*unnamed, "object"));
            }
            text
        }
    };
    output::write(None, &text)?;
    Ok(if flaws.is_empty() { exit::EXPLAINED } else { exit::UNEXPLAINED })
}

fn export(arguments: &StoreArguments, path: Option<&Path>, config: &Config) -> Result<u8, CliError> {
    let exported = super::runtime()?.block_on(async {
        let store = setup::existing_store(arguments, config).await?;
        let done = match path {
            Some(path) => {
                let file = File::create(path).with_context(|| format!("cannot write `{}`", path.display()));
                store.export(&mut BufWriter::new(file.map_err(CliError::environment)?)).await
            }
            None => store.export(&mut BufWriter::new(std::io::stdout().lock())).await,
        };
        done.map_err(CliError::environment)
    })?;
    let (results, objects) = (counted(exported.results, "result"), counted(exported.objects, "object"));
    output::note(&format!("exported {results} and {objects}\n"));
    if exported.left_out == 0 {
        return Ok(exit::EXPLAINED);
    }
    let left_out = counted(exported.left_out, "result");
    output::note(&format!("left out {left_out} whose objects are missing or damaged; see `tarproof store check`\n"));
    Ok(exit::UNEXPLAINED)
}

fn import(file: &Path, arguments: &StoreArguments, config: &Config) -> Result<u8, CliError> {
    let imported = super::runtime()?.block_on(async {
        let store = setup::store(arguments, config).await?;
        let done = if file == Path::new("-") {
            store.import(&mut BufReader::new(std::io::stdin())).await
        } else {
            let opened = File::open(file).with_context(|| format!("cannot read `{}`", file.display()));
            store.import(&mut BufReader::new(opened.map_err(CliError::usage)?)).await
        };
        done.map_err(|error| match error {
            ExchangeError::Line { .. } | ExchangeError::Truncated { .. } => CliError::usage(error),
            ExchangeError::Store(_) | ExchangeError::File(_) => CliError::environment(error),
        })
    })?;
    let text = format!(
        "{} new, {} there already, {} left out because another settled result of the same inputs is there\n",
        imported.new, imported.same, imported.other
    );
    output::write(None, &text)?;
    Ok(exit::EXPLAINED)
}

fn prune(arguments: &StoreArguments, keep: u32, pretend: bool, config: &Config) -> Result<u8, CliError> {
    let Pruned { results, kept, objects } = super::runtime()?.block_on(async {
        setup::existing_store(arguments, config).await?.prune(keep, pretend).await.map_err(CliError::environment)
    })?;
    let mut stdout = anstream::stdout().lock();
    for result in &results {
        let (purl, verdict) = (shown(&result.purl), printable(&result.verdict));
        // A reader that closes the pipe early is no error.
        let _ = writeln!(stdout, "{}  {purl}  {verdict}", output::time(result.observed_at));
    }
    let done = if pretend { "would be removed" } else { "removed" };
    let (removed, objects) = (counted(results.len(), "result"), counted(objects, "object"));
    let _ = writeln!(stdout, "{removed} and {objects} {done}, {} kept", counted(kept, "result"));
    Ok(exit::EXPLAINED)
}
