//! Real packages: the registry and the repositories of this machine's own configuration.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use tarproof::package::Subject;
use tarproof::source::git::UrlRewrites;
use tarproof::suite::{Report, Setting, Transformation, run_real};

/// One release a line: popular, and every file as its repository has it.
const PACKAGES: &str = include_str!("packages.txt");

/// Transforms the listed packages, or those of them that are named.
pub(crate) async fn run(
    directory: &Path,
    names: &[String],
    transformations: &[Transformation],
) -> anyhow::Result<Report> {
    let subjects = subjects(names)?;
    let global = std::env::var_os("GIT_CONFIG_GLOBAL").filter(|path| !path.is_empty()).map(PathBuf::from);
    let setting = Setting {
        cache_directory: directory.join("cache"),
        working_directory: std::env::current_dir()?,
        environment: std::env::vars_os().collect(),
        rewrites: UrlRewrites::load(global.as_deref()),
        refs_age: Duration::from_secs(3600),
    };
    let context = setting.context().context("the npm configuration of this machine")?;
    let archives = directory.join("archives");
    std::fs::create_dir_all(&archives)?;
    Ok(run_real(&context, &subjects, transformations, &archives).await?)
}

fn subjects(names: &[String]) -> anyhow::Result<Vec<Subject>> {
    let listed = PACKAGES.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    let subjects = listed
        .map(|line| line.parse::<Subject>().with_context(|| format!("`{line}` in the list of packages")))
        .collect::<anyhow::Result<Vec<_>>>()?;
    if let Some(unknown) = names.iter().find(|name| subjects.iter().all(|one| one.name.as_str() != name.as_str())) {
        anyhow::bail!("`{unknown}` is not in the list of packages");
    }
    Ok(subjects
        .into_iter()
        .filter(|one| names.is_empty() || names.iter().any(|name| one.name.as_str() == name))
        .collect())
}
