//! pnpm's lockfile, versions 5 to 9: the keys of `packages` name releases in three spellings.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_saphyr::{Budget, Options};

use super::closure::{is_local, is_of_registry, split_descriptor};
use super::{Closure, LockfileError, LockfileFormat};

/// Most nodes of a YAML lockfile; the largest honest ones have some hundred thousand.
const MAX_NODES: usize = 4_000_000;

#[derive(Deserialize)]
struct Lockfile {
    #[serde(default)]
    packages: Option<BTreeMap<String, Package>>,
}

#[derive(Deserialize)]
struct Package {
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    version: Option<String>,
    #[serde(default)]
    resolution: Option<Resolution>,
}

#[derive(Deserialize, Default)]
struct Resolution {
    #[serde(default)]
    integrity: Option<String>,
    #[serde(default)]
    tarball: Option<String>,
    #[serde(default)]
    repo: Option<String>,
    #[serde(default)]
    directory: Option<String>,
    #[serde(default, rename = "type")]
    kind: Option<String>,
}

impl Resolution {
    /// Whether pnpm takes a directory of the repository, and fetches nothing.
    fn is_directory(&self) -> bool {
        self.kind.as_deref() == Some("directory")
            && self.directory.is_some()
            && self.tarball.is_none()
            && self.integrity.is_none()
            && self.repo.is_none()
    }

    /// Whether pnpm takes it from somewhere else than from a tarball or a git repository.
    fn is_odd(&self) -> bool {
        match self.kind.as_deref() {
            None => false,
            Some("git") => self.repo.is_none(),
            Some(_) => true,
        }
    }
}

/// What a YAML lockfile may cost. Nothing that writes one uses anchors.
pub(super) fn yaml_options() -> Options {
    let (mut options, mut budget) = (Options::default(), Budget::default());
    (budget.max_events, budget.max_nodes) = (MAX_NODES * 2, MAX_NODES);
    (budget.max_aliases, budget.max_anchors) = (0, 0);
    options.budget = Some(budget);
    options
}

pub(super) fn read(text: &str) -> Result<Closure, LockfileError> {
    let mut closure = Closure::new(LockfileFormat::Pnpm);
    // pnpm 11 writes a document for itself before the project's.
    let documents: Vec<Lockfile> = serde_saphyr::from_multiple_with_options(text, yaml_options())?;
    for (key, package) in documents.into_iter().filter_map(|document| document.packages).flatten() {
        let resolution = package.resolution.unwrap_or_default();
        let address = resolution.repo.as_deref().or(resolution.tarball.as_deref());
        if resolution.is_directory() {
            continue;
        }
        if resolution.is_odd() {
            closure.add_misplaced(&key)?;
            continue;
        }
        // A release's key may begin with `/`.
        let is_beside = is_local(&key) && !key.starts_with('/');
        if let Some(file) = address.filter(|address| address.starts_with("file:")).or(is_beside.then_some(&key)) {
            closure.add_file(&key, file)?;
            continue;
        }
        let foreign = address
            .filter(|address| !url::Url::parse(address).is_ok_and(|url| is_of_registry(&url)))
            // A tarball may be stated relative to the registry.
            .filter(|address| resolution.repo.is_some() || address.contains(':'));
        if let Some(address) = foreign {
            closure.add_foreign(&key, address)?;
            continue;
        }
        let release = match (&package.name, &package.version) {
            (Some(name), Some(version)) => Some((name.as_str(), version.as_str())),
            _ => release_of(&key),
        };
        match release {
            Some((name, version)) => {
                let tarball = resolution.tarball.as_deref().filter(|tarball| tarball.contains(':'));
                closure.add(name, version, resolution.integrity.as_deref(), tarball)?;
            }
            None => closure.add_foreign(&key, &key)?,
        }
    }
    Ok(closure)
}

/// Name and version of a key: `/a/1.0.0_peer@2`, `/a@1.0.0(peer@2)` or `a@1.0.0`.
fn release_of(key: &str) -> Option<(&str, &str)> {
    let key = key.split('(').next().unwrap_or(key);
    let Some(key) = key.strip_prefix('/') else { return split_descriptor(key) };
    // The version's own part begins behind the last slash of the name.
    let slashes = if key.starts_with('@') { 2 } else { 1 };
    match key.match_indices('/').nth(slashes - 1) {
        Some((at, _)) => Some((&key[..at], key[at + 1..].split('_').next()?)),
        None => split_descriptor(key),
    }
}
