//! The scripts that package managers run by themselves when they publish or install.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::commit::text_at;
use super::expand::{Expander, Kept, Walk};
use super::workspace::Member;
use crate::rebuild::plan::PackageManagerName;

/// What publishing runs before and while packing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Lifecycle {
    /// Commands that are run one by one, because their scripts also do something else.
    pub(super) steps: Vec<Kept>,
    /// Builds that only come before a test, for want of any other.
    pub(super) fallback: Vec<Kept>,
    /// Whether `prepublishOnly` can run as it stands.
    pub(super) prepublish_only: bool,
    /// Whether the scripts around packing can run as they stand.
    pub(super) scripts: bool,
    /// Whether anything of it builds.
    pub(super) builds: bool,
    /// The scripts that count.
    pub(super) named: Vec<String>,
    /// The commands that they come down to.
    pub(super) leaves: BTreeSet<String>,
}

/// The scripts before the tarball is written, in each program's order; those that only publishing runs come first.
fn order(packer: PackageManagerName) -> (&'static [&'static str], &'static [&'static str]) {
    match packer {
        PackageManagerName::Npm | PackageManagerName::Bun | PackageManagerName::Pnpm => {
            (&["prepublish", "prepublishOnly"], &["prepack", "prepare"])
        }
        PackageManagerName::YarnClassic => (&["prepublish", "prepare", "prepublishOnly"], &["prepack"]),
        PackageManagerName::YarnBerry => (&["prepublish"], &["prepack"]),
    }
}

/// Reads the scripts of the manifest in `directory`.
pub(super) fn read(expander: &Expander<'_>, directory: &str, packer: PackageManagerName) -> Lifecycle {
    let mut found = Lifecycle::default();
    let Some(manifest) = expander.commit.manifest(directory) else { return found };
    let (publishing, packing) = order(packer);
    let has = |name: &&str| text_at(&manifest, &["scripts", name]).is_some();
    let walk = |name: &str| expander.named(name, directory).unwrap_or_default();

    let pack_walks: Vec<_> = packing.iter().filter(|name| has(name)).map(|name| (*name, walk(name))).collect();
    let whole = !expander.one_by_one;
    let after_is_pure = !has(&"postpack") || !walk("postpack").impure;
    // Yarn 2 and later cannot be told to leave the scripts out.
    let packing_is_pure =
        whole && after_is_pure && pack_walks.iter().all(|(_, walk)| !walk.impure && walk.published.is_none());
    let scripts_run = packing_is_pure || packer == PackageManagerName::YarnBerry;
    for name in publishing.iter().filter(|name| has(name)) {
        let walk = walk(name);
        found.note(name, &walk);
        let is_pure = whole && !walk.impure && walk.published.is_none() && !walk.kept.is_empty();
        if *name == "prepublishOnly" && is_pure && scripts_run {
            found.prepublish_only = true;
        } else if is_pure {
            found.steps.push(script_step(expander, name, directory, &walk));
        } else {
            found.steps.extend(walk.kept.into_iter().map(|kept| as_npm_runs(kept, name, &manifest)));
        }
    }
    for (name, walk) in pack_walks {
        found.note(name, &walk);
        if scripts_run {
            found.scripts = true;
        } else if whole && !walk.impure {
            found.steps.push(script_step(expander, name, directory, &walk));
        } else {
            found.steps.extend(walk.kept.into_iter().map(|kept| as_npm_runs(kept, name, &manifest)));
        }
    }
    found.scripts |= has(&"postpack") && scripts_run;
    (found.fallback, found.steps) = found.steps.into_iter().partition(|step| step.fallback);
    found
}

impl Lifecycle {
    /// Lets the builds before a test count.
    pub(super) fn fall_back(&mut self) {
        for kept in self.fallback.drain(..) {
            self.builds = true;
            self.leaves.extend(kept.leaves.iter().cloned());
            self.steps.push(Kept { fallback: false, ..kept });
        }
    }

    fn note(&mut self, name: &str, walk: &Walk) {
        let counting = || walk.kept.iter().filter(|kept| kept.builds && !kept.fallback);
        self.builds |= counting().next().is_some();
        self.leaves.extend(counting().flat_map(|kept| kept.leaves.iter().cloned()));
        if !walk.kept.is_empty() {
            self.named.push(name.to_owned());
        }
    }
}

/// One step that runs a whole script.
pub(super) fn script_step(expander: &Expander<'_>, name: &str, directory: &str, walk: &Walk) -> Kept {
    Kept {
        directory: directory.to_owned(),
        run: expander.run_script(name),
        environment: BTreeMap::new(),
        builds: walk.builds(),
        fallback: false,
        leaves: walk.leaves(),
    }
}

/// The variables that scripts see when npm runs them, as far as builds look at them.
fn as_npm_runs(mut kept: Kept, script: &str, manifest: &Value) -> Kept {
    let texts = [
        ("npm_lifecycle_event", Some(script)),
        ("npm_package_name", text_at(manifest, &["name"])),
        ("npm_package_version", text_at(manifest, &["version"])),
    ];
    for (name, value) in texts {
        if let Some(value) = value {
            kept.environment.insert(name.to_owned(), value.to_owned());
        }
    }
    kept
}

/// What installing runs in the workspace's root that a build may need.
pub(super) fn on_install(expander: &Expander<'_>, root: &str, package: &str) -> Vec<Kept> {
    let mut steps = Vec::new();
    for name in ["preinstall", "install", "postinstall", "prepare"] {
        if name == "prepare" && root == package {
            continue;
        }
        let walk = expander.named(name, root).unwrap_or_default();
        if walk.published.is_none() {
            steps.extend(walk.kept.into_iter().filter(|kept| !kept.fallback));
        }
    }
    steps
}

/// How the packages are built that this one needs, in their order.
pub(super) fn of_needed(expander: &Expander<'_>, needed: &[&Member]) -> Vec<Kept> {
    let mut steps = Vec::new();
    for member in needed.iter().take(200) {
        let candidates = ["build", "prepack", "prepare", "prepublishOnly", "prepublish", "compile", "dist"];
        for name in candidates {
            let Some(walk) = expander.named(name, &member.directory).filter(Walk::builds) else { continue };
            if walk.impure || expander.one_by_one {
                steps.extend(walk.kept);
            } else {
                steps.push(script_step(expander, name, &member.directory, &walk));
            }
            break;
        }
    }
    steps
}
