//! Finds the job that publishes, and the job that builds, among a repository's workflows.

use super::classify::PublishTool;
use super::commit::resolve;
use super::expand::{Expander, Kept, Published, UNKNOWN, Walk};
use super::shell::{Script, quote, split};
use super::workflow_file::{Job, WorkflowFile, WorkflowStep};
use crate::package::Version;
use crate::rebuild::plan::PackageManagerName;

/// What a job says about the programs it runs with.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Hints {
    /// The workflow.
    pub(super) file: String,
    pub(super) node: Option<String>,
    pub(super) node_file: Option<String>,
    pub(super) npm: Option<String>,
    pub(super) pnpm: Option<String>,
    pub(super) bun: Option<String>,
    pub(super) installer: Option<PackageManagerName>,
}

/// A job and what it does.
#[derive(Debug, Clone)]
pub(super) struct FoundJob {
    pub(super) file: String,
    pub(super) job: String,
    pub(super) walk: Walk,
}

/// Reads the hints of the jobs that publish, best first, and of all others.
pub(super) fn hints(files: &[WorkflowFile], publishing: &[FoundJob]) -> (Vec<Hints>, Vec<Hints>) {
    let mut of_publishing = Vec::new();
    let mut others = Vec::new();
    for found in publishing {
        let job = files
            .iter()
            .find(|file| file.path == found.file)
            .and_then(|file| file.jobs.iter().find(|job| job.id == found.job));
        of_publishing.extend(job.map(|job| job_hints(&found.file, job)));
    }
    for file in files {
        for job in &file.jobs {
            let hints = job_hints(&file.path, job);
            let is_own =
                hints.node.is_some() || hints.node_file.is_some() || hints.pnpm.is_some() || hints.installer.is_some();
            if is_own && is_for_building(&file.path) && !of_publishing.contains(&hints) {
                others.push(hints);
            }
        }
    }
    (of_publishing, others)
}

fn job_hints(file: &str, job: &Job) -> Hints {
    let mut hints = Hints { file: file.to_owned(), ..Hints::default() };
    for step in &job.steps {
        let with = |name: &str| step.with.get(name).cloned();
        match action(step) {
            // The last one counts: jobs may build and test with different ones, but publishing comes last.
            "actions/setup-node" => {
                hints.node = with("node-version").or(hints.node);
                hints.node_file = with("node-version-file").and_then(|file| resolve("", &file)).or(hints.node_file);
            }
            "pnpm/action-setup" => hints.pnpm = with("version").or(hints.pnpm),
            "oven-sh/setup-bun" => hints.bun = with("bun-version").or(hints.bun),
            _ => {}
        }
        let Some(run) = &step.run else { continue };
        for line in run.lines().flat_map(|line| line.split("&&")) {
            let words: Vec<&str> = line.split_whitespace().collect();
            let global = words.iter().any(|word| matches!(*word, "-g" | "--global"));
            match words.as_slice() {
                [tool, "install" | "i" | "add", ..] if global && matches!(*tool, "npm" | "pnpm" | "yarn") => {
                    let version = |name: &str| words.iter().find_map(|word| word.strip_prefix(name)).map(str::to_owned);
                    hints.npm = version("npm@").or(hints.npm);
                    hints.pnpm = version("pnpm@").or(hints.pnpm);
                }
                ["npm", "ci" | "i" | "install", ..] => hints.installer = Some(PackageManagerName::Npm),
                ["pnpm", "i" | "install", ..] => hints.installer = Some(PackageManagerName::Pnpm),
                ["yarn"] | ["yarn", "install" | "--frozen-lockfile" | "--immutable", ..] => {
                    hints.installer = Some(PackageManagerName::YarnClassic);
                }
                ["bun", "i" | "install", ..] => hints.installer = Some(PackageManagerName::Bun),
                _ => {}
            }
        }
    }
    hints
}

fn action(step: &WorkflowStep) -> &str {
    step.uses.as_deref().and_then(|uses| uses.split('@').next()).unwrap_or_default()
}

/// The jobs that publish `directory`'s package, best first.
pub(super) fn publishing(
    files: &[WorkflowFile],
    expander: &Expander<'_>,
    directory: &str,
    version: &Version,
) -> Vec<FoundJob> {
    let mut found: Vec<(i32, FoundJob)> = Vec::new();
    for file in files {
        for job in &file.jobs {
            let (mut walk, downloads) = walk_job(job, expander);
            let Some(published) = &walk.published else { continue };
            let Some(score) = score(file, job, published, directory, version) else { continue };
            if downloads {
                let mut before = needed_builds(file, job, expander, 0);
                before.append(&mut walk.kept);
                walk.kept = before;
            }
            walk.settle(expander.commit);
            found.push((score, FoundJob { file: file.path.clone(), job: job.id.clone(), walk }));
        }
    }
    found.sort_by_key(|(score, _)| -score);
    found.into_iter().map(|(_, found)| found).take(3).collect()
}

/// How likely a job is the one that published; `None` where it publishes another package.
fn score(file: &WorkflowFile, job: &Job, published: &Published, directory: &str, version: &Version) -> Option<i32> {
    let mut score = 0;
    let name = format!("{} {} {}", file.path, file.name, job.id).to_ascii_lowercase();
    let passing = ["canary", "nightly", "snapshot", "preview", "experimental", "insider", "alpha", "dry"];
    if passing.iter().any(|word| name.contains(word)) {
        score += if version.is_prerelease() { 5 } else { -20 };
    }
    for word in ["release", "publish", "npm"] {
        score += if name.contains(word) { 2 } else { 0 };
    }
    for word in ["docs", "website", "vscode", "docker", "github-package", "gpr", "jsr", "deno"] {
        score -= if name.contains(word) { 6 } else { 0 };
    }
    let own_name = file.path.rsplit('/').next().unwrap_or_default().to_ascii_lowercase();
    if own_name.contains("release") || own_name.contains("publish") {
        score += 3;
    }
    score += match published.with {
        PublishTool::Script | PublishTool::Other => -3,
        _ => 0,
    };
    match published.directory.as_deref() {
        Some(published) if published == directory => score += 3,
        Some(published) if is_below(published, directory) => score += 3,
        // The whole workspace from its root.
        Some("") | None => {}
        Some(_) => return None,
    }
    Some(score)
}

fn is_below(path: &str, directory: &str) -> bool {
    directory.is_empty() || path.strip_prefix(directory).is_some_and(|rest| rest.starts_with('/'))
}

/// What jobs before this one build; their output reaches it as an artifact.
fn needed_builds(file: &WorkflowFile, job: &Job, expander: &Expander<'_>, depth: usize) -> Vec<Kept> {
    let mut kept = Vec::new();
    if depth > 3 {
        return kept;
    }
    for needed in file.jobs.iter().filter(|other| job.needs.contains(&other.id)).take(10) {
        kept.extend(needed_builds(file, needed, expander, depth + 1));
        let (mut walk, _) = walk_job(needed, expander);
        walk.settle(expander.commit);
        if walk.builds() {
            kept.extend(walk.kept);
        }
    }
    kept
}

/// Follows a job up to where it publishes; also says whether it takes files from another job.
fn walk_job(job: &Job, expander: &Expander<'_>) -> (Walk, bool) {
    let mut whole = Walk::default();
    let mut downloads = false;
    for step in &job.steps {
        let directory = resolve("", &step.directory);
        // Nothing else of a job reaches the next: each starts from its own checkout.
        downloads |= matches!(action(step), "actions/download-artifact" | "actions/cache" | "actions/cache/restore");
        let environment = || {
            step.environment
                .iter()
                .filter(|(name, _)| is_build_variable(name))
                .map(|(name, value)| (name.clone(), value.clone()))
                .collect()
        };
        if let Some(published) = published_by_action(step) {
            whole.published = Some(published);
        } else if let Some(run) = step.run.as_deref().or_else(|| run_of_action(step)) {
            let Some(directory) = directory else { continue };
            // The directory is one that an earlier step checked out or made: nothing of this commit.
            if !directory.is_empty()
                && !expander.commit.is_directory(&directory)
                && step.run.is_some()
                && !run.contains("publish")
            {
                continue;
            }
            let mut walk = expander.script(run, &directory, &environment());
            // A workflow's shell is bash, which matters where the script stays as it is written.
            for kept in walk.kept.iter_mut().filter(|kept| kept.run == run && split(run) == Script::Whole) {
                kept.run = format!("bash -e -o pipefail -c {}", quote(run));
            }
            whole.kept.append(&mut walk.kept);
            whole.impure |= walk.impure;
            whole.published = walk.published;
        }
        if whole.published.is_some() {
            break;
        }
    }
    (whole, downloads)
}

/// Variables that a build may look at; credentials and switches of the workflow's own are not among them.
fn is_build_variable(name: &str) -> bool {
    let upper = name.to_ascii_uppercase();
    let secret =
        ["TOKEN", "SECRET", "PASSWORD", "AUTH", "KEY", "HUSKY", "CACHE", "GITHUB_", "NPM_CONFIG_", "REGISTRY", "CORS"];
    !secret.iter().any(|part| upper.contains(part)) && upper != "CI" && upper != "NODE_OPTIONS" && upper != "PATH"
}

/// `changesets/action` runs what its input says.
fn run_of_action(step: &WorkflowStep) -> Option<&str> {
    match action(step) {
        "changesets/action" => step.with.get("publish").map(String::as_str),
        _ => None,
    }
}

fn published_by_action(step: &WorkflowStep) -> Option<Published> {
    let name = action(step);
    let lower = name.to_ascii_lowercase();
    let with = match lower.as_str() {
        "js-devtools/npm-publish" | "primer/publish" | "pascalgn/npm-publish-action" | "menduz/oddish-action" => {
            PublishTool::Npm
        }
        "cycjimmy/semantic-release-action" | "codfish/semantic-release-action" => PublishTool::SemanticRelease,
        "simenandre/publish-with-pnpm" => PublishTool::Pnpm,
        _ => return None,
    };
    let named = ["package", "working_directory", "directory", "cwd"].iter().find_map(|input| step.with.get(*input));
    let named = named.filter(|path| !path.contains(UNKNOWN)).map(|path| path.trim_end_matches("package.json"));
    let directory = resolve("", &step.directory).and_then(|base| resolve(&base, named.unwrap_or(".")));
    Some(Published { with, directory })
}

/// The first job of any other workflow that builds.
pub(super) fn building(files: &[WorkflowFile], expander: &Expander<'_>, directory: &str) -> Option<FoundJob> {
    let mut best: Option<(i32, FoundJob)> = None;
    for file in files.iter().filter(|file| is_for_building(&file.path)) {
        for job in &file.jobs {
            let (mut walk, _) = walk_job(job, expander);
            if walk.published.is_some() {
                continue;
            }
            walk.settle(expander.commit);
            let root = &expander.workspace.root;
            let is_member = |place: &str| expander.workspace.members.values().any(|member| member.directory == place);
            let counts = |place: &str| place == directory || place == root || is_member(place);
            walk.kept.retain(|kept| kept.builds && counts(&kept.directory));
            if walk.kept.is_empty() {
                continue;
            }
            let name = format!("{} {} {}", file.path, file.name, job.id).to_ascii_lowercase();
            let mut score = if name.contains("build") { 3 } else { 0 };
            score += ["ci", "test", "main", "node", "nodejs"]
                .iter()
                .filter(|word| name.contains(**word))
                .count()
                .try_into()
                .unwrap_or(0);
            score -= if walk.kept.iter().any(|kept| kept.fallback) { 5 } else { 0 };
            if best.as_ref().is_none_or(|(other, _)| score > *other) {
                best = Some((score, FoundJob { file: file.path.clone(), job: job.id.clone(), walk }));
            }
        }
    }
    best.map(|(_, found)| found)
}

fn is_for_building(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path).to_ascii_lowercase();
    let others = [
        "doc",
        "bench",
        "website",
        "site",
        "pages",
        "canary",
        "size",
        "codeql",
        "e2e",
        "typedoc",
        "stale",
        "deploy",
        "lint",
        "label",
        "ecosystem",
        "preview",
        "browser",
    ];
    !others.iter().any(|other| name.contains(other))
}
