//! The ordered list of plans for one release.

use serde_json::Value;

use super::assemble::{Completed, Way, complete, plan};
use super::commit::{Commit, join, text_at};
use super::expand::Expander;
use super::inputs::{Claims, Inputs, NoPlan};
use super::makefile::Makefile;
use super::package_manager::{self, Choice};
use super::workflow::{self, Hints};
use super::workspace::Workspace;
use super::{lifecycle, node_releases, scripts, shell_file, toolchain, workflow_file};
use crate::package::{PackageName, Version};
use crate::rebuild::plan::{InstallMode, PackageManagerName, Plan, Tools};

/// Most plans for one release.
const MAX_PLANS: usize = 6;

/// Everything that is known before a way to build is chosen.
pub(super) struct Scene<'a> {
    pub(super) commit: &'a Commit<'a>,
    pub(super) directory: &'a str,
    pub(super) name: &'a PackageName,
    pub(super) version: &'a Version,
    pub(super) claims: &'a Claims,
    pub(super) residue: &'a [String],
    pub(super) workspace: &'a Workspace,
    pub(super) choice: Choice,
    pub(super) publishing_hints: Vec<Hints>,
    pub(super) other_hints: Vec<Hints>,
    /// Whether scripts are taken apart into their commands.
    pub(super) one_by_one: bool,
}

impl Scene<'_> {
    /// What follows scripts.
    pub(super) fn expander(&self) -> Expander<'_> {
        let mut expander = Expander::new(self.commit, self.workspace, self.choice.manager.name);
        expander.one_by_one = self.one_by_one;
        expander
    }
}

/// Infers how a release was built: plans in the order in which they are worth trying.
///
/// A plan with a loose installation follows its frozen twin and differs in nothing else: it pays where the frozen
/// installation failed. A single plan without any step says that nothing is built at all.
pub fn infer(inputs: &Inputs<'_>) -> Result<Vec<Plan>, NoPlan> {
    let commit = Commit::new(inputs.tree);
    let directory = inputs.directory.trim_matches('/');
    let path = join(directory, "package.json");
    let manifest = commit.manifest(directory).ok_or_else(|| NoPlan::NoManifest(path.clone()))?;
    let found = text_at(&manifest, &["name"]).unwrap_or_default();
    if !found.is_empty() && found != inputs.name.as_str() {
        let found = found.chars().take(214).collect();
        return Err(NoPlan::OtherPackage { path, found, expected: inputs.name.as_str().to_owned() });
    }
    let workspace = Workspace::find(&commit, directory);
    let preferred = node_releases::long_term_at(inputs.claims.instant());
    let files = workflow_file::read_all(&commit, inputs.version.as_str(), preferred);
    // Jobs are followed once for their hints; the package manager that they name only changes how scripts are written.
    let early = Expander::new(&commit, &workspace, PackageManagerName::Npm);
    let early_jobs = workflow::publishing(&files, &early, directory, inputs.version);
    let (publishing_hints, other_hints) = workflow::hints(&files, &early_jobs);
    let all_hints: Vec<Hints> = publishing_hints.iter().chain(&other_hints).cloned().collect();
    let choice = package_manager::choose(&commit, &workspace.root, &all_hints, inputs.claims)?;
    let scene = Scene {
        commit: &commit,
        directory,
        name: inputs.name,
        version: inputs.version,
        claims: inputs.claims,
        residue: inputs.residue,
        workspace: &workspace,
        choice,
        publishing_hints,
        other_hints,
        one_by_one: false,
    };
    let mut plans = plans(&scene, ways(&scene, &files, &manifest));
    if inputs.crlf
        && let Some(first) = plans.first().filter(|plan| plan.builds())
    {
        let mut plan = Plan { crlf: true, ..first.clone() };
        plan.because.push("published files have CRLF where the commit has LF, as on Windows".to_owned());
        plans.insert(0, plan);
    }
    if inputs.after_failure && plans.iter().any(|plan| plan.tools.is_some()) {
        let scene = Scene { one_by_one: true, ..scene };
        let first =
            ways(&scene, &files, &manifest).into_iter().map(|way| complete(&scene, way)).find(Completed::builds);
        if let Some(plan) = first.and_then(|completed| one_by_one(&scene, &completed, &plans)) {
            // Behind every way to build, before what changes the surroundings.
            let lockfile = |plan: &Plan| plan.install.as_ref().map(|install| install.lockfile.clone());
            let surroundings = |plan: &Plan| (plan.tools.clone(), plan.stamps.clone(), lockfile(plan));
            let ways = plans.iter().take_while(|other| surroundings(other) == surroundings(&plans[0])).count();
            plans.insert(ways, plan);
        }
    }
    match commit.given_up() {
        // What is missing in a plan may be what made the difference.
        Some(more) => Err(NoPlan::TooIntricate(more)),
        None => Ok(plans),
    }
}

/// The ways to build, best first.
fn ways(scene: &Scene<'_>, files: &[workflow_file::WorkflowFile], manifest: &Value) -> Vec<Way> {
    let expander = scene.expander();
    let mut ways = Vec::new();
    let publishing = workflow::publishing(files, &expander, scene.directory, scene.version);
    let published = publishing.first().and_then(|found| found.walk.published.clone());
    for found in publishing.into_iter().take(2) {
        let with = found.walk.published.as_ref().map_or("", |published| published.with.name());
        let builds = found.walk.builds();
        ways.push(Way {
            strategy: "workflow",
            because: vec![format!("the job `{}` publishes with {with}: {}", found.job.escape_debug(), found.file)],
            published: found.walk.published.clone(),
            steps: found.walk.kept,
            builds_needed: !builds,
            with_lifecycle: true,
        });
    }
    ways.push(Way {
        strategy: "lifecycle",
        because: Vec::new(),
        steps: Vec::new(),
        published: published.clone(),
        builds_needed: true,
        with_lifecycle: true,
    });
    ways.extend(release_script(scene, &expander, manifest));
    if let Some(found) = workflow::building(files, &expander, scene.directory) {
        ways.push(Way {
            strategy: "ci",
            because: vec![format!("the job `{}` builds: {}", found.job.escape_debug(), found.file)],
            steps: found.walk.kept,
            published: published.clone(),
            builds_needed: false,
            with_lifecycle: true,
        });
    }
    ways.extend(build_scripts(scene, &expander, published.as_ref()));
    ways.extend(make(scene, &expander));
    ways
}

/// The target of a Makefile beside the manifest that publishes, else the one that builds.
fn make(scene: &Scene<'_>, expander: &Expander<'_>) -> Option<Way> {
    let path = join(scene.directory, "Makefile");
    let makefile = Makefile::parse(&scene.commit.text(&path)?);
    let target = makefile.release().or_else(|| makefile.build())?;
    let mut walk = expander.script(&makefile.script(target), scene.directory, &Default::default());
    walk.settle(expander.commit);
    walk.builds().then(|| Way {
        strategy: "makefile",
        because: vec![format!("`make {}` builds: {path}", target.escape_debug())],
        steps: walk.kept,
        published: walk.published,
        builds_needed: true,
        with_lifecycle: true,
    })
}

/// A script of the manifest or the root that leads to publishing, or that npm runs when a version is made.
fn release_script(scene: &Scene<'_>, expander: &Expander<'_>, manifest: &Value) -> Option<Way> {
    let root = &scene.workspace.root;
    let mut candidates: Vec<(String, &str)> = Vec::new();
    let root_manifest = scene.commit.manifest(root);
    let both = [(Some(manifest), scene.directory), (root_manifest.as_deref(), root.as_str())];
    for (manifest, directory) in both {
        let names = manifest.and_then(|manifest| manifest.get("scripts")?.as_object());
        for name in names.into_iter().flat_map(|map| map.keys()) {
            if scripts::is_release_name(name) || matches!(name.as_str(), "version" | "postversion") {
                candidates.push((name.clone(), directory));
            }
        }
    }
    candidates.into_iter().take(30).find_map(|(name, directory)| {
        // What comes before a version is made has become part of the commit.
        let mut walk = expander.named_alone(&name, directory)?;
        walk.settle(expander.commit);
        walk.builds().then(|| Way {
            strategy: "release-script",
            because: vec![format!(
                "`{}` builds before it publishes: {}",
                name.escape_debug(),
                join(directory, "package.json")
            )],
            steps: walk.kept,
            published: walk.published,
            builds_needed: directory != root,
            with_lifecycle: true,
        })
    })
}

/// The `build` script of the package, and of the workspace's root.
fn build_scripts(scene: &Scene<'_>, expander: &Expander<'_>, published: Option<&super::expand::Published>) -> Vec<Way> {
    let mut ways = Vec::new();
    let root = scene.workspace.root.as_str();
    let mut places = vec![scene.directory];
    if root != scene.directory {
        places.push(root);
    }
    for directory in places {
        let found = scripts::BUILD_SCRIPTS.iter().find_map(|name| Some((*name, expander.named(name, directory)?)));
        let Some((name, mut walk)) = found.filter(|(_, walk)| !walk.kept.is_empty()) else { continue };
        walk.settle(expander.commit);
        let steps = if walk.impure || expander.one_by_one {
            walk.kept
        } else {
            let mut step = lifecycle::script_step(expander, name, directory, &walk);
            step.builds = true;
            vec![step]
        };
        ways.push(Way {
            strategy: "build-script",
            because: vec![format!("`{name}` builds: {}", join(directory, "package.json"))],
            steps,
            published: published.cloned(),
            builds_needed: directory == scene.directory,
            with_lifecycle: true,
        });
    }
    ways
}

fn plans(scene: &Scene<'_>, ways: Vec<Way>) -> Vec<Plan> {
    let mut completed: Vec<_> = ways.into_iter().map(|way| complete(scene, way)).collect();
    if !completed.iter().any(Completed::builds) {
        completed.extend(shell_file::ways(scene).into_iter().map(|way| complete(scene, way)));
    }
    let any_builds = completed.iter().any(Completed::builds);
    let (building, others): (Vec<_>, Vec<_>) = completed.into_iter().partition(Completed::builds);
    let mut plans: Vec<Plan> = Vec::new();
    if !any_builds {
        // Nothing builds; what else runs when publishing may still write a file.
        let first = others.first().map(|completed| plan(scene, completed, InstallMode::Frozen));
        plans.extend(
            first.map(|plan| if plan.steps.is_empty() && plan.install.is_none() { as_plain_pack(plan) } else { plan }),
        );
        super::shell_build::without_programs(scene, &mut plans);
        return plans;
    }
    for (index, completed) in building.iter().enumerate() {
        if building[..index].iter().any(|earlier| completed.adds_nothing_to(earlier)) {
            continue;
        }
        let modes: &[InstallMode] = if scene.choice.lockfile.is_some() {
            &[InstallMode::Frozen, InstallMode::Loose]
        } else {
            &[InstallMode::Loose]
        };
        for mode in modes {
            let plan = plan(scene, completed, *mode);
            if !plans.iter().any(|other| is_same(other, &plan)) {
                plans.push(plan);
            }
        }
    }
    super::shell_build::without_programs(scene, &mut plans);
    plans.truncate(MAX_PLANS);
    if plans.first().is_some_and(|plan| plan.tools.is_some()) {
        plans.extend(building.first().and_then(|completed| with_another_node(scene, completed)));
        let other_side = building.first().and_then(|completed| completed.with_version_on_the_other_side(scene));
        plans.extend(other_side.map(|completed| plan(scene, &completed, strictest(scene))));
    }
    plans.extend(building.first().and_then(|completed| without_lockfile(scene, completed)));
    // Before any that follows no lockfile, which a claim that breaks the installation would lead to.
    if let Some(plan) = plans.first().and_then(|first| without_claimed_tools(scene, first)) {
        plans.insert(1, plan);
    }
    plans
}

/// The plan with the programs that the commit and the time suggest in place of those that the registry's metadata states:
/// whoever publishes writes that, and must not gain where they make the build fail.
fn without_claimed_tools(scene: &Scene<'_>, plan: &Plan) -> Option<Plan> {
    let claimed = plan.tools.as_ref().filter(|tools| tools.has_claimed())?;
    let claims = &Claims { node_version: None, npm_version: None, ..scene.claims.clone() };
    let (root, directory) = (&scene.workspace.root, scene.directory);
    let node = toolchain::node(scene.commit, root, directory, &scene.publishing_hints, &scene.other_hints, claims);
    let npm = toolchain::npm(scene.commit, root, &node, &scene.choice, claims);
    let because = format!("where the stated programs fail, Node {}: {}", node.version, node.from);
    let mut other = Plan { tools: Some(Tools { node, npm, ..claimed.clone() }), ..plan.clone() };
    other.because.push(because);
    Some(other)
}

fn strictest(scene: &Scene<'_>) -> InstallMode {
    if scene.choice.lockfile.is_some() { InstallMode::Frozen } else { InstallMode::Loose }
}

/// The first way once more with another Node, where the first one is a guess: some builds write what Node has.
fn with_another_node(scene: &Scene<'_>, completed: &Completed) -> Option<Plan> {
    let mut plan = plan(scene, completed, strictest(scene));
    let tools = plan.tools.as_mut()?;
    let node = toolchain::another_node(&tools.node, &scene.publishing_hints, &scene.other_hints, scene.claims)?;
    plan.because.push(format!("the publisher may have had Node {}, as that was the one to have", node.version));
    tools.npm = toolchain::npm(scene.commit, &scene.workspace.root, &node, &scene.choice, scene.claims);
    tools.node = node;
    Some(plan)
}

/// The first way with each command for itself: where one fails, those behind it may still make what was published.
fn one_by_one(scene: &Scene<'_>, completed: &Completed, plans: &[Plan]) -> Option<Plan> {
    let mut plan = plan(scene, completed, strictest(scene));
    if plan.steps.len() < 2 || plans.iter().any(|other| is_same(other, &plan)) {
        return None;
    }
    plan.because.push("each command runs for itself, because a build broke off".to_owned());
    plan.if_broken = true;
    Some(plan)
}

/// The last resort: the publisher's own copy may have held newer dependencies than the lockfile says.
fn without_lockfile(scene: &Scene<'_>, completed: &Completed) -> Option<Plan> {
    let mut plan = plan(scene, completed, InstallMode::Loose);
    let lockfile = plan.install.as_mut()?.lockfile.take()?;
    plan.because.push(format!("the lockfile is set aside: {}", lockfile.escape_debug()));
    plan.remove.push(lockfile);
    Some(plan)
}

fn as_plain_pack(plan: Plan) -> Plan {
    Plan { strategy: "plain-pack".to_owned(), ..plan }
}

/// Whether two plans do the same, whatever led to them.
fn is_same(one: &Plan, other: &Plan) -> bool {
    let bare = |plan: &Plan| Plan { strategy: String::new(), because: Vec::new(), ..plan.clone() };
    bare(one) == bare(other)
}
