//! Makes plans out of what was found.

use std::collections::BTreeSet;

use super::classify::PublishTool;
use super::commit::{join, plan_path, text_at};
use super::expand::{Kept, Published};
use super::infer::Scene;
use super::lifecycle::{self, Lifecycle};
use super::rewriter::{self, Rewrite};
use super::{removal, semantic_release, toolchain};
use crate::package::Version;
use crate::rebuild::plan::{Install, InstallMode, Pack, PackageManagerName, Plan, Stamp, Step, Tools};

/// Steps of one way to build, before they become a plan.
#[derive(Debug, Clone)]
pub(super) struct Way {
    /// The strategy's id.
    pub(super) strategy: &'static str,
    /// Reasons of its own.
    pub(super) because: Vec<String>,
    /// What runs before the lifecycle.
    pub(super) steps: Vec<Kept>,
    /// What publishes.
    pub(super) published: Option<Published>,
    /// Whether the needed packages of the workspace have to be built first.
    pub(super) builds_needed: bool,
    /// Whether the scripts that publishing runs belong to it.
    pub(super) with_lifecycle: bool,
}

/// One way with everything that packing adds.
#[derive(Debug, Clone)]
pub(super) struct Completed {
    way: Way,
    steps: Vec<Kept>,
    lifecycle: Lifecycle,
    rewrite: Rewrite,
    packer: PackageManagerName,
    before: Option<VersionBefore>,
}

/// A build that ran before the manifest got the release's version.
#[derive(Debug, Clone)]
struct VersionBefore {
    /// What the manifest is taken to have said: the next lower version that is published.
    version: String,
    /// The step that writes the release's; those before it saw the other.
    bump: usize,
    because: &'static str,
}

impl Completed {
    /// Whether anything of it builds this package; that others of the workspace are built is not enough.
    pub(super) fn builds(&self) -> bool {
        self.way.steps.iter().any(|step| step.builds)
            || self.lifecycle.builds
            || self.rewrite.steps.iter().any(|step| step.builds)
    }

    /// Whether this way comes down to what `other` does.
    pub(super) fn adds_nothing_to(&self, other: &Self) -> bool {
        self.packer == other.packer && self.rewrite == other.rewrite && self.leaves() == other.leaves()
    }

    fn leaves(&self) -> BTreeSet<String> {
        let of_steps = self.steps.iter().filter(|step| step.builds).flat_map(|step| step.leaves.iter().cloned());
        of_steps.chain(self.lifecycle.leaves.iter().cloned()).collect()
    }

    /// The same with the build on the other side of the version: in some releases the version comes after it.
    pub(super) fn with_version_on_the_other_side(&self, scene: &Scene<'_>) -> Option<Self> {
        let mut other = self.clone();
        if let Some(before) = other.before.take() {
            other.steps.remove(before.bump);
            return Some(other);
        }
        let version = lower_version(scene)?;
        // What packing runs builds as well, and would see the version that comes before it.
        other.run_packing_scripts(scene);
        let bump = other.steps.iter().rposition(|step| step.builds)? + 1;
        other.steps.insert(bump, semantic_release::bump(scene.directory, scene.version));
        let because = "the build may have come before the version";
        other.before = Some(VersionBefore { version, bump, because });
        Some(other)
    }

    /// Makes steps of the scripts that packing would run.
    fn run_packing_scripts(&mut self, scene: &Scene<'_>) {
        self.lifecycle = unpacked(scene, std::mem::take(&mut self.lifecycle), self.packer);
        self.steps.append(&mut self.lifecycle.steps);
    }

    /// Whether there is nothing to run.
    pub(super) fn is_plain(&self) -> bool {
        self.steps.is_empty()
            && !self.lifecycle.scripts
            && !self.lifecycle.prepublish_only
            && self.rewrite.steps.is_empty()
    }
}

/// Adds what packing runs and where it takes its files from.
pub(super) fn complete(scene: &Scene<'_>, way: Way) -> Completed {
    let packer = packer(scene, way.published.as_ref());
    let published = way.published.as_ref().map(|published| (published.with, published.directory.as_deref()));
    let rewrite = rewriter::find(scene, published, packer);
    let mut lifecycle = if way.with_lifecycle {
        lifecycle::read(&scene.expander(), scene.directory, packer)
    } else {
        Lifecycle::default()
    };
    if !lifecycle.builds && !way.steps.iter().any(|step| step.builds) {
        lifecycle.fall_back();
    }
    if rewrite.directory.is_some() {
        lifecycle = unpacked(scene, lifecycle, packer);
    }
    let mut steps = lifecycle::on_install(&scene.expander(), &scene.workspace.root, scene.directory);
    for step in &mut steps {
        step.builds = false;
    }
    if way.builds_needed || (scene.workspace.declared_by.is_some() && !way.steps.iter().any(|step| step.builds)) {
        steps.extend(lifecycle::of_needed(&scene.expander(), &scene.workspace.needed_by(scene.name.as_str())));
    }
    for step in &way.steps {
        if !(step.builds && steps.contains(step)) {
            steps.push(step.clone());
        }
    }
    if lifecycle.builds {
        steps.retain(|step| !step.fallback);
    }
    // Its own commit follows the build.
    let because = "semantic-release committed the version after the build";
    let runs_before =
        way.steps.iter().any(|step| step.builds) && semantic_release::commits_version(scene.commit, scene.directory);
    let version = runs_before.then(|| lower_version(scene)).flatten();
    let before = version.map(|version| VersionBefore { version, bump: steps.len(), because });
    if before.is_some() {
        steps.push(semantic_release::bump(scene.directory, scene.version));
    }
    steps.append(&mut lifecycle.steps);
    steps.extend(rewrite.steps.iter().cloned());
    Completed { way, steps, lifecycle, rewrite, packer, before }
}

/// Whether the commit's manifest has the release's version.
fn is_committed(scene: &Scene<'_>) -> bool {
    let manifest = scene.commit.manifest(scene.directory);
    manifest.is_some_and(|manifest| text_at(&manifest, &["version"]) == Some(scene.version.as_str()))
}

/// The version before the release's, where the commit's manifest has the release's.
fn lower_version(scene: &Scene<'_>) -> Option<String> {
    // What was published as a trial was never in the manifest of the line that a release continues.
    let follows = |lower: &&Version| scene.version.is_prerelease() || !lower.is_prerelease();
    scene.claims.lower.as_ref().filter(|_| is_committed(scene)).filter(follows).map(|lower| lower.as_str().to_owned())
}

/// Scripts that packing would run in the package's directory, run before another directory is packed.
fn unpacked(scene: &Scene<'_>, mut lifecycle: Lifecycle, packer: PackageManagerName) -> Lifecycle {
    let expander = scene.expander();
    let scripts = [
        ("prepublishOnly", lifecycle.prepublish_only),
        ("prepack", lifecycle.scripts),
        ("prepare", lifecycle.scripts && packer != PackageManagerName::YarnBerry),
    ];
    for (name, runs) in scripts {
        if runs && let Some(walk) = expander.named(name, scene.directory).filter(|walk| !walk.kept.is_empty()) {
            lifecycle.steps.push(lifecycle::script_step(&expander, name, scene.directory, &walk));
        }
    }
    Lifecycle { prepublish_only: false, scripts: false, ..lifecycle }
}

/// Who writes the tarball.
fn packer(scene: &Scene<'_>, published: Option<&Published>) -> PackageManagerName {
    let manager = scene.choice.manager.name;
    let of_manager = if manager == PackageManagerName::Pnpm { manager } else { PackageManagerName::Npm };
    match published.map(|published| published.with) {
        Some(PublishTool::Npm | PublishTool::SemanticRelease | PublishTool::Lerna) => PackageManagerName::Npm,
        Some(PublishTool::Pnpm) if manager == PackageManagerName::Pnpm => PackageManagerName::Pnpm,
        Some(PublishTool::YarnClassic) if manager == PackageManagerName::YarnClassic => manager,
        Some(PublishTool::YarnBerry) if manager == PackageManagerName::YarnBerry => manager,
        Some(PublishTool::Bun) if manager == PackageManagerName::Bun => manager,
        Some(_) => of_manager,
        // Nothing says who published: pnpm where it must resolve its own protocols.
        None if uses_workspace_protocol(scene) => match manager {
            PackageManagerName::YarnClassic => PackageManagerName::Npm,
            other => other,
        },
        None => PackageManagerName::Npm,
    }
}

fn uses_workspace_protocol(scene: &Scene<'_>) -> bool {
    let Some(manifest) = scene.commit.manifest(scene.directory) else { return false };
    let maps = ["dependencies", "peerDependencies", "optionalDependencies"];
    let ranges = maps.iter().filter_map(|map| manifest.get(map)?.as_object()).flat_map(|map| map.values());
    ranges
        .filter_map(|range| range.as_str())
        .any(|range| range.starts_with("workspace:") || range.starts_with("catalog:"))
}

/// Writes the plan.
pub(super) fn plan(scene: &Scene<'_>, completed: &Completed, mode: InstallMode) -> Plan {
    let mut because = scene.choice.because.clone();
    let node = toolchain::node(
        scene.commit,
        &scene.workspace.root,
        scene.directory,
        &scene.publishing_hints,
        &scene.other_hints,
        scene.claims,
    );
    let npm = toolchain::npm(scene.commit, &scene.workspace.root, &node, &scene.choice, scene.claims);
    because.push(format!("Node {}: {}", node.version, node.from));
    because.extend(completed.way.because.iter().cloned());
    if let Some(declared_by) = &scene.workspace.declared_by {
        because.push(format!("dependencies are installed for the whole workspace: {declared_by}"));
    }
    because.extend(completed.rewrite.because.clone());
    if !completed.lifecycle.named.is_empty() {
        let names = completed.lifecycle.named.join("`, `");
        because.push(format!("publishing runs `{names}`: {}", join(scene.directory, "package.json")));
    }
    let builds = completed.builds();
    let remove = if builds { removal::find(scene) } else { Vec::new() };
    if !remove.is_empty() {
        because.push("committed build output is made anew".to_owned());
    }
    let manifest_path = join(scene.directory, "package.json");
    let in_git =
        scene.commit.manifest(scene.directory).and_then(|manifest| Some(text_at(&manifest, &["version"])?.to_owned()));
    let mut stamps = Vec::new();
    if in_git.as_deref() != Some(scene.version.as_str()) {
        let text = in_git.unwrap_or_else(|| "no version".to_owned());
        because.push(format!("the commit says {}, the release {}", text.escape_debug(), scene.version));
        stamps.push(Stamp { file: manifest_path, version: scene.version.as_str().to_owned() });
    }
    if let Some(before) = &completed.before {
        because.push(format!("{}, and saw {}", before.because, before.version));
        stamps.push(Stamp { file: join(scene.directory, "package.json"), version: before.version.clone() });
    }
    // Where the release's run commits the version, that commit is nearer to the build than what a registry saw later.
    let is_own = is_committed(scene) && semantic_release::commits_version(scene.commit, scene.directory);
    let committed_at = scene.claims.committed_at.filter(|time| is_own && Plan::CLOCKS.contains(time));
    let clock = committed_at.or_else(|| scene.claims.instant());
    let install = (!completed.is_plain()).then(|| Install {
        directory: plan_path(&scene.workspace.root),
        lockfile: scene.choice.lockfile.clone(),
        mode,
        cutoff: scene.claims.instant(),
    });
    let seen = |index: usize| match &completed.before {
        Some(before) if index < before.bump => before.version.as_str(),
        _ => scene.version.as_str(),
    };
    let steps = completed.steps.iter().enumerate().map(|(index, kept)| step(kept, seen(index))).collect();
    Plan {
        format: Plan::FORMAT,
        strategy: completed.way.strategy.to_owned(),
        because,
        tools: Some(Tools { node, npm, package_manager: scene.choice.manager.clone() }),
        checkout: scene.claims.repository.clone(),
        clock,
        if_broken: false,
        crlf: false,
        remove,
        stamps,
        install,
        steps,
        pack: Pack {
            directory: plan_path(completed.rewrite.directory.as_deref().unwrap_or(scene.directory)),
            with: completed.packer.into(),
            prepublish_only: completed.lifecycle.prepublish_only,
            scripts: completed.lifecycle.scripts,
        },
    }
}

fn step(kept: &Kept, version: &str) -> Step {
    let mut environment = kept.environment.clone();
    // npm's own variables say what the stamped manifest says.
    if let Some(stated) = environment.get_mut("npm_package_version") {
        version.clone_into(stated);
    }
    Step { directory: plan_path(&kept.directory), run: kept.run.clone(), environment, may_fail: !kept.builds }
}
