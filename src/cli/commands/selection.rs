//! Which releases a command is about: from files, the registry's search and packuments.

use std::io::Read as _;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::Context as _;
use futures_util::StreamExt as _;

use super::attest::{read_lockfile, read_within};
use crate::cli::arguments::{SelectionArguments, VersionArguments};
use crate::cli::error::CliError;
use crate::cli::output;
use crate::cli::sweep_report::Unresolved;
use crate::count::counted;
use crate::registry::{NpmRegistry, SearchTerm};
use crate::report::printable::printable;
use crate::sweep::RetrySettings;
use crate::sweep::selection::{
    Entries, ListError, MAX_LIST_BYTES, Selected, Selection, VersionChoice, Wanted, read_list, read_ranking, select,
    wanted_of,
};

/// Finds the packages that are meant, and tells what names none; each of these adds to `codes`.
pub(super) async fn wanted(
    arguments: &SelectionArguments,
    registry: &NpmRegistry,
    codes: &mut Vec<u8>,
) -> Result<Vec<Wanted>, CliError> {
    let mut wanted: Vec<Wanted> = Vec::new();
    if let Some(path) = &arguments.list {
        wanted.extend(entries(path, "list", read_list, codes)?);
    }
    if let (Some(path), Some(top)) = (&arguments.ranking, arguments.top) {
        wanted.extend(entries(path, "ranking", |bytes| read_ranking(bytes, top.get()), codes)?);
    }
    if let Some(path) = &arguments.lockfile {
        let (_, closure) = read_lockfile(path)?;
        wanted.extend(wanted_of(&closure));
        for other in closure.unfetchable() {
            output::note(&format!("left out: {} ({})\n", printable(&other.name), other.kind.as_str()));
        }
    }
    for term in arguments.scope.iter().chain(&arguments.maintainer) {
        wanted.extend(found(term, registry, codes).await?);
    }
    Ok(wanted)
}

/// Reads a list or a ranking.
fn entries(
    path: &Path,
    what: &str,
    read: impl FnOnce(&[u8]) -> Result<Entries, ListError>,
    codes: &mut Vec<u8>,
) -> Result<impl Iterator<Item = Wanted>, CliError> {
    let name = if path == Path::new("-") { "standard input".to_owned() } else { path.display().to_string() };
    let bytes = if path == Path::new("-") {
        standard_input()?
    } else {
        read_within(path, MAX_LIST_BYTES as u64, CliError::Usage)?
    };
    let entries = read(&bytes).with_context(|| format!("cannot use the {what} `{name}`")).map_err(CliError::usage)?;
    for rejected in &entries.rejected {
        let error = CliError::usage(rejected.error.clone());
        output::error(Some(&format!("{name}, {}", rejected.place)), &error);
        codes.push(error.exit_code());
    }
    let untold = entries.rejected_count - entries.rejected.len();
    if untold > 0 {
        output::note(&format!("{untold} more entries of `{}` name no package\n", printable(&name)));
    }
    Ok(entries.subjects.into_iter().map(Wanted::from))
}

fn standard_input() -> Result<Vec<u8>, CliError> {
    let mut bytes = Vec::new();
    // One byte more than allowed, so that a list that is too large is refused and not cut.
    let read = std::io::stdin().lock().take(MAX_LIST_BYTES as u64 + 1).read_to_end(&mut bytes);
    read.context("cannot read standard input").map_err(CliError::environment)?;
    Ok(bytes)
}

/// Asks the registry's search.
async fn found(
    term: &SearchTerm,
    registry: &NpmRegistry,
    codes: &mut Vec<u8>,
) -> Result<impl Iterator<Item = Wanted>, CliError> {
    let searched = registry
        .search(term)
        .await
        .with_context(|| format!("the registry's search does not tell the packages of {term}"));
    let result = searched.map_err(CliError::environment)?;
    if result.names.is_empty() {
        let error = CliError::usage(anyhow::anyhow!("the registry names no package of {term}"));
        output::error(None, &error);
        codes.push(error.exit_code());
    } else if !result.is_complete {
        let count = result.names.len();
        output::note(&format!("the registry names only {count} packages of {term}; there are more\n"));
    }
    Ok(result.names.into_iter().map(Wanted::from))
}

/// Finds the releases of the wanted packages, and what leads to none.
pub(super) async fn selected(
    wanted: Vec<Wanted>,
    arguments: VersionArguments,
    registry: &NpmRegistry,
    retry: RetrySettings,
    quiet: bool,
) -> Result<(Vec<Selected>, Vec<Unresolved>), CliError> {
    let since = arguments.since.map(|since| Ok::<_, CliError>(since.seconds(now()?))).transpose()?;
    let choice = VersionChoice { newest: arguments.versions, since };
    let progress = output::progress_of(wanted.len(), "looked up", quiet);
    let mut selection = Selection::default();
    let mut resolved = std::pin::pin!(select(wanted, choice, registry, retry));
    while let Some(resolved) = resolved.next().await {
        progress.inc(1);
        selection.add(resolved);
    }
    progress.finish_and_clear();
    if selection.without_new > 0 {
        let packages = counted(selection.without_new, "package");
        output::note(&format!("{packages} without a release that is new enough\n"));
    }
    let unresolved = selection.unresolved.into_iter();
    let unresolved =
        unresolved.map(|(subject, error)| Unresolved { subject, error: CliError::environment(error) }).collect();
    Ok((selection.selected, unresolved))
}

/// Seconds since 1970.
pub(super) fn now() -> Result<i64, CliError> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_err(CliError::environment)?;
    Ok(now.as_secs().cast_signed())
}
