//! Where npm looks for what a package declares, and who bundles what: its own reading of lockfiles 2 and 3, for which
//! `inBundle` says nothing and the list `bundleDependencies` everything.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::iter::successors;
use std::ops::Bound::{Included, Unbounded};

use super::LockfileError;
use super::closure::MAX_DECLARED;
use super::npm::{Names, Place};

/// Deepest place that is looked at, folders named `node_modules`.
const MAX_DEPTH: usize = 64;
/// Longest place that is looked at, bytes: those of projects have some hundred.
const MAX_LENGTH: usize = 1024;

pub(super) struct Places<'a> {
    packages: &'a BTreeMap<Cow<'a, str>, Place<'a>>,
    /// For packages that were asked about: what lies in their `node_modules` and is bundled.
    bundles: HashMap<&'a str, BTreeSet<&'a str>>,
}

impl<'a> Places<'a> {
    pub(super) fn of(packages: &'a BTreeMap<Cow<'a, str>, Place<'a>>) -> Result<Self, LockfileError> {
        let declared = |package: &Place<'_>| {
            let Place { dependencies, dev_dependencies, optional_dependencies, peer_dependencies, .. } = package;
            [dependencies, dev_dependencies, optional_dependencies, peer_dependencies]
                .into_iter()
                .map(|names| names.declared().count())
                .sum::<usize>()
        };
        if packages.values().map(declared).sum::<usize>() > MAX_DECLARED {
            return Err(LockfileError::TooManyDeclared);
        }
        Ok(Self { packages, bundles: HashMap::new() })
    }

    /// Whether no installation has such a deep place.
    pub(super) fn is_too_deep(place: &str) -> bool {
        place.len() > MAX_LENGTH || place.matches("node_modules/").count() > MAX_DEPTH
    }

    /// What is declared and would be found nowhere, so that npm adds it: its name and the place that declares it.
    ///
    /// Optional packages and those that the dependent asks its own dependents for may be absent; folders outside of the
    /// project have dependencies of their own.
    pub(super) fn missing(&self) -> Vec<(&'a str, &'a str)> {
        let mut missing = Vec::new();
        for (place, package) in self.packages {
            let place: &str = place.as_ref();
            if package.is_link() || place.starts_with("..") || Self::is_too_deep(place) {
                continue;
            }
            let development = place.is_empty().then(|| package.dev_dependencies.declared());
            let needed = package.dependencies.declared().chain(development.into_iter().flatten());
            let optional = &package.optional_dependencies;
            missing.extend(
                needed
                    .filter(|name| !optional.declares(name) && self.find(place, name).is_none())
                    .map(|name| (name, place)),
            );
        }
        missing
    }

    /// The package whose artifact brings what is at a place, as name, version and the place inside it.
    ///
    /// npm asks the outermost one, and fetches where that lacks it.
    pub(super) fn bundler(&mut self, place: &'a str) -> Option<[&'a str; 3]> {
        if Self::is_too_deep(place) {
            return None;
        }
        let mut around: Vec<&str> = self.around(place).filter(|outer| *outer != place).collect();
        around.reverse();
        for outer in around {
            let inside = if outer.is_empty() { place } else { place.strip_prefix(outer)?.strip_prefix('/')? };
            if self.bundled_by(outer).contains(first_name(inside)?) {
                // Nobody fetches the project itself or a part of it.
                let (name, version) = self.packages.get(outer)?.release(outer)?;
                return Some([name, version, inside]);
            }
        }
        None
    }

    /// What is bundled directly in a package's `node_modules`: what its list names, and what that needs and finds there.
    fn bundled_by(&mut self, outer: &'a str) -> &BTreeSet<&'a str> {
        if !self.bundles.contains_key(outer) {
            let mut open: Vec<&str> =
                self.packages.get(outer).into_iter().flat_map(|package| package.bundle_dependencies.listed()).collect();
            let mut bundled = BTreeSet::new();
            while let Some(name) = open.pop() {
                if bundled.insert(name) {
                    open.extend(self.needs_of(outer, name));
                }
            }
            self.bundles.insert(outer, bundled);
        }
        &self.bundles[outer]
    }

    /// What a package in the `node_modules` of `outer`, or one deeper inside it, finds in that same folder.
    fn needs_of(&self, outer: &str, name: &str) -> Vec<&'a str> {
        let own = folder(outer, name);
        let below = format!("{own}/");
        let inside = self
            .packages
            .range::<str, _>((Included(below.as_str()), Unbounded))
            .take_while(|(place, _)| place.starts_with(&below));
        let mut needs = Vec::new();
        for (place, package) in self.packages.get_key_value(own.as_str()).into_iter().chain(inside) {
            let Place { dependencies, optional_dependencies, peer_dependencies, .. } = package;
            let declared =
                [dependencies, optional_dependencies, peer_dependencies].into_iter().flat_map(Names::declared);
            needs.extend(declared.filter(|need| self.find(place, need).is_some_and(|at| at == folder(outer, need))));
        }
        needs
    }

    /// Where a package at a place finds another one.
    fn find(&self, place: &str, name: &str) -> Option<String> {
        self.around(place).map(|around| folder(around, name)).find(|at| self.packages.contains_key(at.as_str()))
    }

    /// The packages around a place, the innermost first: itself, and the project last.
    fn around<'p>(&self, place: &'p str) -> impl Iterator<Item = &'p str> {
        let outward = |inner: &&'p str| match inner.rsplit_once('/') {
            Some((outer, _)) => Some(outer),
            None => (!inner.is_empty()).then_some(""),
        };
        successors(Some(place), outward).filter(|around| around.is_empty() || self.packages.contains_key(*around))
    }
}

fn folder(around: &str, name: &str) -> String {
    if around.is_empty() { format!("node_modules/{name}") } else { format!("{around}/node_modules/{name}") }
}

/// The name of the outermost package in a place.
fn first_name(place: &str) -> Option<&str> {
    let rest = place.strip_prefix("node_modules/")?;
    let slashes = if rest.starts_with('@') { 1 } else { 0 };
    Some(rest.match_indices('/').nth(slashes).map_or(rest, |(at, _)| &rest[..at]))
}
