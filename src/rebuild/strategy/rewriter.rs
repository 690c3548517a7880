//! Tools that publish something else than the package's directory.

use super::classify::PublishTool;
use super::commit::{Commit, at, join, resolve, text_at};
use super::expand::Kept;
use super::infer::Scene;
use super::{semantic_release, shell};
use crate::rebuild::plan::{CLEAN_PUBLISH_FOLDER, PackageManagerName};

/// Where a tool leaves what is packed, and what has to run for it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Rewrite {
    /// The directory that is packed, where it is not the package's own.
    pub(super) directory: Option<String>,
    /// Runs last.
    pub(super) steps: Vec<Kept>,
    /// Whether the directory's manifest is made by the build, so that nothing of the package's scripts runs there.
    pub(super) because: Option<String>,
}

/// The folder that dual-publish fills where it does not publish.
const DUAL_PUBLISH_FOLDER: &str = "dual-publish-tmp";

/// Finds the tools that decide what is packed, or change it before.
pub(super) fn find(
    scene: &Scene<'_>,
    published: Option<(PublishTool, Option<&str>)>,
    packer: PackageManagerName,
) -> Rewrite {
    let mut rewrite = packed_elsewhere(scene, published, packer);
    let changed = semantic_release::steps(scene.commit, scene.directory, scene.version);
    if rewrite.because.is_none()
        && let Some(step) = changed.first()
    {
        rewrite.because = Some(format!("semantic-release runs `{}`", step.run.escape_debug()));
    }
    rewrite.steps.splice(0..0, changed);
    rewrite
}

fn packed_elsewhere(
    scene: &Scene<'_>,
    published: Option<(PublishTool, Option<&str>)>,
    packer: PackageManagerName,
) -> Rewrite {
    let commit = scene.commit;
    let directory = scene.directory;
    let Some(manifest) = commit.manifest(directory) else { return Rewrite::default() };
    let path = join(directory, "package.json");

    let is_dependency = at(&manifest, &["devDependencies", "clean-publish"]).is_some()
        || at(&manifest, &["dependencies", "clean-publish"]).is_some()
        || super::workspace::root_uses(commit, &scene.workspace.root, "clean-publish");
    let is_configured = manifest.get("clean-publish").is_some()
        || [".clean-publish", ".clean-publish.json", ".clean-publish.js"]
            .iter()
            .any(|name| commit.is_file(&join(directory, name)));
    if is_dependency && (is_configured || published.is_some_and(|(with, _)| with == PublishTool::CleanPublish)) {
        // pnpm packs the directory that the manifest states; what clean-publish leaves there states it again.
        let stated = text_at(&manifest, &["publishConfig", "directory"])
            .filter(|_| packer == PackageManagerName::Pnpm)
            .filter(|stated| resolve(directory, stated).is_some_and(|target| target != directory));
        let filled = shell::quote(stated.unwrap_or(CLEAN_PUBLISH_FOLDER));
        let run = format!("clean-publish --without-publish --temp-dir {filled}");
        return Rewrite {
            directory: stated.is_none().then(|| join(directory, CLEAN_PUBLISH_FOLDER)),
            steps: vec![Kept {
                directory: directory.to_owned(),
                run,
                environment: Default::default(),
                builds: true,
                fallback: false,
                leaves: Default::default(),
            }],
            because: Some(format!("clean-publish writes what is published: {path}")),
        };
    }
    // It is called by hand; where a job publishes, that says how.
    if published.is_none() && at(&manifest, &["devDependencies", "dual-publish"]).is_some() {
        return Rewrite {
            directory: Some(join(directory, DUAL_PUBLISH_FOLDER)),
            steps: vec![Kept {
                directory: directory.to_owned(),
                run: "dual-publish --without-publish".to_owned(),
                environment: Default::default(),
                builds: true,
                fallback: false,
                leaves: Default::default(),
            }],
            because: Some(format!("dual-publish writes what is published: {path}")),
        };
    }
    let elsewhere = |relative: &str, why: String| {
        let target = resolve(directory, relative).filter(|target| target != directory)?;
        Some(Rewrite { directory: Some(target), steps: Vec::new(), because: Some(why) })
    };
    if let Some((_, Some(place))) = published
        && place != directory
        && (directory.is_empty() || place.starts_with(&format!("{directory}/")))
        && !commit.is_file(&join(place, "package.json"))
    {
        let because = Some(format!("the publishing command names `{place}`"));
        return Rewrite { directory: Some(place.to_owned()), steps: Vec::new(), because };
    }
    let stated = [
        (text_at(&manifest, &["publishConfig", "directory"]), "publishConfig.directory"),
        (text_at(&manifest, &["publishConfig", "contents"]), "publishConfig.contents"),
        (text_at(&manifest, &["np", "contents"]), "np.contents"),
    ];
    for (value, key) in stated {
        if let Some(found) = value.and_then(|value| elsewhere(value, format!("`{key}`: {path}"))) {
            return found;
        }
    }
    let lerna = join(&scene.workspace.root, "lerna.json");
    if let Some(contents) =
        commit.json(&lerna).and_then(|file| Some(text_at(&file, &["command", "publish", "contents"])?.to_owned()))
        && let Some(found) = elsewhere(&contents, format!("`contents`: {lerna}"))
    {
        return found;
    }
    if let Some((root, file)) = package_root(commit, directory)
        && let Some(found) = elsewhere(&root, format!("`pkgRoot`: {file}"))
    {
        return found;
    }
    let angular = join(directory, "ng-package.json");
    if let Some(destination) = commit.json(&angular).and_then(|file| Some(text_at(&file, &["dest"])?.to_owned()))
        && let Some(found) = elsewhere(&destination, format!("`dest`: {angular}"))
    {
        return found;
    }
    nx_output(scene).unwrap_or_default()
}

/// `pkgRoot` of semantic-release's npm plugin.
fn package_root(commit: &Commit<'_>, directory: &str) -> Option<(String, String)> {
    semantic_release::plugins(commit, directory)
        .into_iter()
        .find_map(|plugin| Some((text_at(&plugin.options, &["pkgRoot"])?.to_owned(), plugin.path)))
}

/// Where nx puts a project's output, from its `project.json`.
fn nx_output(scene: &Scene<'_>) -> Option<Rewrite> {
    let path = join(scene.directory, "project.json");
    let project = scene.commit.json(&path)?;
    let root = ["nx-release-publish", "publish"]
        .iter()
        .find_map(|target| text_at(&project, &["targets", target, "options", "packageRoot"]));
    let output = text_at(&project, &["targets", "build", "options", "outputPath"]);
    let place = root.or(output)?;
    let place = place.replace("{projectRoot}", scene.directory).replace("{workspaceRoot}/", "");
    let place = resolve("", &place)?;
    if place.contains(['{', '}']) || place == scene.directory || scene.commit.is_file(&join(&place, "package.json")) {
        return None;
    }
    Some(Rewrite {
        directory: Some(place),
        steps: Vec::new(),
        because: Some(format!("nx builds into another directory: {path}")),
    })
}
