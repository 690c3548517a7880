//! npm's lockfiles: version 1 nests by place, versions 2 and 3 list places flatly.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::closure::{is_local, is_of_registry, split_descriptor};
use super::npm_places::Places;
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
pub(super) struct Place<'a> {
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
    #[serde(borrow, default)]
    pub(super) dependencies: Names<'a>,
    #[serde(borrow, default)]
    pub(super) dev_dependencies: Names<'a>,
    #[serde(borrow, default)]
    pub(super) optional_dependencies: Names<'a>,
    #[serde(borrow, default)]
    pub(super) peer_dependencies: Names<'a>,
    #[serde(borrow, default)]
    pub(super) bundle_dependencies: Names<'a>,
}

impl<'a> Place<'a> {
    fn resolved(&self) -> Option<&str> {
        Resolved::text(self.resolved.as_ref())
    }

    pub(super) fn is_link(&self) -> bool {
        self.link
    }

    /// What npm would fetch from a registry for this place.
    pub(super) fn release(&'a self, place: &'a str) -> Option<(&'a str, &'a str)> {
        let (_, folder) = place.rsplit_once("node_modules/")?;
        let is_served =
            self.resolved().is_none_or(|address| url::Url::parse(address).is_ok_and(|url| is_of_registry(&url)));
        let release = (self.name.as_deref().unwrap_or(folder), self.version.as_deref()?);
        let is_brought = self.in_bundle && self.resolved().is_none() && self.integrity.is_none();
        (is_served && !self.link && !is_brought).then_some(release)
    }
}

/// Names of dependencies, with their ranges or without; npm ignores what is neither.
#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum Names<'a> {
    Ranges(#[serde(borrow)] BTreeMap<Cow<'a, str>, IgnoredAny>),
    List(#[serde(borrow)] Vec<Cow<'a, str>>),
    Other(IgnoredAny),
}

impl Default for Names<'_> {
    fn default() -> Self {
        Self::Other(IgnoredAny)
    }
}

impl Names<'_> {
    /// The names of a map; npm takes no other declaration of dependencies.
    pub(super) fn declared(&self) -> impl Iterator<Item = &str> {
        let names = if let Self::Ranges(names) = self { Some(names) } else { None };
        names.into_iter().flat_map(BTreeMap::keys).map(AsRef::as_ref)
    }

    /// The names of a list; npm takes no other declaration of what is bundled.
    pub(super) fn listed(&self) -> impl Iterator<Item = &str> {
        let names = if let Self::List(names) = self { Some(names) } else { None };
        names.into_iter().flatten().map(AsRef::as_ref)
    }

    pub(super) fn declares(&self, name: &str) -> bool {
        if let Self::Ranges(names) = self { names.contains_key(name) } else { false }
    }
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
            let mut places = Places::of(&packages)?;
            for (place, package) in &packages {
                flat(&mut closure, place, package, &mut places)?;
            }
            for (name, place) in places.missing() {
                closure.add_missing(name, place)?;
            }
        }
        (None, Some(dependencies)) => nested(&mut closure, &dependencies, "", None)?,
        (None, None) => return Err(LockfileError::Unsupported("a lockfile that lists nothing")),
    }
    Ok(closure)
}

fn flat<'a>(
    closure: &mut Closure,
    place: &'a str,
    package: &Place<'_>,
    places: &mut Places<'a>,
) -> Result<(), LockfileError> {
    let resolved = package.resolved();
    let is_fetched = resolved.is_some() || package.integrity.is_some();
    let Some((_, folder)) = place.rsplit_once("node_modules/").filter(|_| !place.contains('\\')) else {
        // A workspace has neither address nor integrity; npm reads `\` as `/`.
        let is_odd = place.contains('\\') || is_fetched && !package.link && !place.is_empty();
        return if is_odd { closure.add_misplaced(place) } else { Ok(()) };
    };
    // What has an address of its own is fetched from there, whatever else is said of it.
    if package.link {
        return Ok(());
    }
    if Places::is_too_deep(place) {
        return closure.add_misplaced(place);
    }
    if package.in_bundle && !is_fetched {
        return closure.add_bundled(place, places.bundler(place));
    }
    let name = package.name.as_deref().unwrap_or(folder);
    let Some(version) = package.version.as_deref() else {
        return match resolved {
            Some(address) => closure.add_foreign(name, address),
            None => closure.add_misplaced(place),
        };
    };
    match resolved {
        Some(address) if is_local(address) => closure.add_foreign(name, address),
        _ => closure.add(name, version, package.integrity.as_deref(), resolved),
    }
}

/// The JSON reader bounds the depth. `bundler` is the nearest package around these that is fetched, and its place.
fn nested(
    closure: &mut Closure,
    dependencies: &BTreeMap<Cow<'_, str>, Nested<'_>>,
    around: &str,
    bundler: Option<(&str, &str, &str)>,
) -> Result<(), LockfileError> {
    for (name, package) in dependencies {
        let place = format!("{around}node_modules/{name}");
        if Places::is_too_deep(&place) {
            closure.add_misplaced(&place)?;
            continue;
        }
        let is_fetched = Resolved::text(package.resolved.as_ref()).is_some() || package.integrity.is_some();
        let fetched;
        let release = if package.bundled && !is_fetched {
            let inside = bundler.and_then(|(name, version, outer)| {
                Some([name, version, place.strip_prefix(outer)?.strip_prefix('/')?])
            });
            closure.add_bundled(&place, inside)?;
            bundler
        } else {
            fetched = nested_release(closure, name, package)?;
            fetched.as_ref().map(|(name, version)| (*name, version.as_ref(), place.as_str()))
        };
        if let Some(inner) = &package.dependencies {
            nested(closure, inner, &format!("{place}/"), release)?;
        }
    }
    Ok(())
}
/// Adds what version 1 says at one place; gives name and version where that is a registry's.
fn nested_release<'a>(
    closure: &mut Closure,
    name: &'a str,
    package: &'a Nested<'_>,
) -> Result<Option<(&'a str, Cow<'a, str>)>, LockfileError> {
    let (resolved, integrity) = (Resolved::text(package.resolved.as_ref()), package.integrity.as_deref());
    let Some(version) = package.version.as_deref() else {
        closure.add_misplaced(name)?;
        return Ok(None);
    };
    if let Some((real, version)) = version.strip_prefix("npm:").and_then(split_descriptor) {
        closure.add(real, version, integrity, resolved)?;
        return Ok(Some((real, version.into())));
    }
    if version.starts_with(|first: char| first.is_ascii_digit()) {
        closure.add(name, version, integrity, resolved)?;
        return Ok(Some((name, version.into())));
    }
    let url = url::Url::parse(version).ok().filter(is_of_registry);
    if let Some((version, url)) = url.and_then(|url| Some((version_of(&url, name)?, url))) {
        closure.add(name, &version, integrity, Some(url.as_str()))?;
        return Ok(Some((name, version.into())));
    }
    closure.add_foreign(name, version)?;
    Ok(None)
}

/// The version in the file name of a registry's tarball that is written in a version's place.
fn version_of(url: &url::Url, name: &str) -> Option<String> {
    let file = url.path().rsplit('/').next()?.strip_suffix(".tgz")?;
    Some(file.strip_prefix(name.rsplit('/').next()?)?.strip_prefix('-')?.to_owned())
}
