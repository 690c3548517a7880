//! npm's lockfiles: version 1 nests by place, versions 2 and 3 list places flatly.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::closure::{is_local, is_of_registry, split_descriptor};
use super::{Closure, LockfileError, LockfileFormat};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Lockfile<'a> {
    #[serde(default)]
    lockfile_version: Option<serde_json::Value>,
    #[serde(borrow, default)]
    packages: Option<BTreeMap<Cow<'a, str>, Place<'a>>>,
    #[serde(borrow, default)]
    dependencies: Option<BTreeMap<Cow<'a, str>, Nested<'a>>>,
}

/// A place of versions 2 and 3, such as `node_modules/a/node_modules/b`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Place<'a> {
    #[serde(borrow, default)]
    name: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    version: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    resolved: Option<Resolved<'a>>,
    #[serde(borrow, default)]
    integrity: Option<Cow<'a, str>>,
    #[serde(default)]
    link: bool,
    #[serde(default)]
    in_bundle: bool,
}

/// A package of version 1.
#[derive(Deserialize)]
struct Nested<'a> {
    #[serde(borrow, default)]
    version: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    resolved: Option<Resolved<'a>>,
    #[serde(borrow, default)]
    integrity: Option<Cow<'a, str>>,
    #[serde(default)]
    bundled: bool,
    #[serde(borrow, default)]
    dependencies: Option<BTreeMap<Cow<'a, str>, Nested<'a>>>,
}

/// An address, or `false` for what was bundled.
#[derive(Deserialize)]
#[serde(untagged)]
enum Resolved<'a> {
    #[serde(borrow)]
    Text(Cow<'a, str>),
    Other(IgnoredAny),
}

impl Resolved<'_> {
    fn text(resolved: Option<&Self>) -> Option<&str> {
        match resolved {
            Some(Resolved::Text(text)) => Some(text),
            Some(Resolved::Other(_)) | None => None,
        }
    }
}

pub(super) fn read(text: &str) -> Result<Closure, LockfileError> {
    let lockfile: Lockfile<'_> = serde_json::from_str(text)?;
    // npm reads another version as if there were no lockfile.
    if lockfile.lockfile_version.is_some_and(|version| !matches!(version.as_u64(), Some(1..=3))) {
        return Err(LockfileError::Unsupported("a version of npm's lockfile other than 1 to 3"));
    }
    let mut closure = Closure::new(LockfileFormat::Npm);
    match (lockfile.packages, lockfile.dependencies) {
        // Version 2 has both, and npm reads the flat one.
        (Some(packages), _) => {
            for (place, package) in &packages {
                flat(&mut closure, place, package)?;
            }
        }
        (None, Some(dependencies)) => nested(&mut closure, &dependencies)?,
        (None, None) => return Err(LockfileError::Unsupported("a lockfile that lists nothing")),
    }
    Ok(closure)
}

fn flat(closure: &mut Closure, place: &str, package: &Place<'_>) -> Result<(), LockfileError> {
    let resolved = Resolved::text(package.resolved.as_ref());
    let is_fetched = resolved.is_some() || package.integrity.is_some();
    let Some((_, folder)) = place.rsplit_once("node_modules/").filter(|_| !place.contains('\\')) else {
        // A workspace has neither address nor integrity; npm reads `\` as `/`.
        let is_odd = place.contains('\\') || is_fetched && !package.link && !place.is_empty();
        return if is_odd { closure.add_misplaced(place) } else { Ok(()) };
    };
    // What has an address of its own is fetched from there, whatever else is said of it.
    if package.link || package.in_bundle && !is_fetched {
        return Ok(());
    }
    let name = package.name.as_deref().unwrap_or(folder);
    let Some(version) = package.version.as_deref() else {
        return resolved.map_or(Ok(()), |address| closure.add_foreign(name, address));
    };
    match resolved {
        Some(address) if is_local(address) => closure.add_foreign(name, address),
        _ => closure.add(name, version, package.integrity.as_deref(), resolved),
    }
}

/// The JSON reader bounds the depth.
fn nested(closure: &mut Closure, dependencies: &BTreeMap<Cow<'_, str>, Nested<'_>>) -> Result<(), LockfileError> {
    for (name, package) in dependencies {
        if let Some(inner) = &package.dependencies {
            nested(closure, inner)?;
        }
        let (resolved, integrity) = (Resolved::text(package.resolved.as_ref()), package.integrity.as_deref());
        if package.bundled && resolved.is_none() && integrity.is_none() {
            continue;
        }
        let Some(version) = package.version.as_deref() else { continue };
        if let Some((real, version)) = version.strip_prefix("npm:").and_then(split_descriptor) {
            closure.add(real, version, integrity, resolved)?;
        } else if version.starts_with(|first: char| first.is_ascii_digit()) {
            closure.add(name, version, integrity, resolved)?;
        } else if let Some((version, url)) =
            url::Url::parse(version).ok().filter(is_of_registry).and_then(|url| Some((version_of(&url, name)?, url)))
        {
            closure.add(name, &version, integrity, Some(url.as_str()))?;
        } else {
            closure.add_foreign(name, version)?;
        }
    }
    Ok(())
}

/// The version in the file name of a registry's tarball that is written in a version's place.
fn version_of(url: &url::Url, name: &str) -> Option<String> {
    let file = url.path().rsplit('/').next()?.strip_suffix(".tgz")?;
    Some(file.strip_prefix(name.rsplit('/').next()?)?.strip_prefix('-')?.to_owned())
}
