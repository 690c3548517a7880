//! The lockfile of yarn 2 and later: YAML, with digests of yarn's own archives instead of the registry's.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::closure::split_descriptor;
use super::pnpm::yaml_options;
use super::{Closure, LockfileError, LockfileFormat};

#[derive(Deserialize)]
struct Entry {
    #[serde(default)]
    resolution: Option<String>,
}

pub(super) fn read(text: &str) -> Result<Closure, LockfileError> {
    let entries: BTreeMap<String, Entry> = serde_saphyr::from_str_with_options(text, yaml_options())?;
    let mut closure = Closure::new(LockfileFormat::YarnBerry);
    for resolution in entries.into_values().filter_map(|entry| entry.resolution) {
        let Some((name, reference)) = split_descriptor(&resolution) else {
            closure.add_foreign(&resolution, &resolution)?;
            continue;
        };
        match reference.strip_prefix("npm:") {
            // Parameters behind `::` may name an address; the release is what counts.
            Some(release) => {
                let version = release.split("::").next().unwrap_or(release);
                match split_descriptor(version) {
                    Some((real, version)) => closure.add(real, version, None, None)?,
                    None => closure.add(name, version, None, None)?,
                }
            }
            None => closure.add_foreign(name, reference)?,
        }
    }
    Ok(closure)
}
