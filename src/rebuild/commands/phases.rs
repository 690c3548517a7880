use std::collections::BTreeMap;

use nodejs_semver::Version;
use serde::{Deserialize, Serialize};

use super::environment::{Phase, environment};
use super::{CLOCK, HOME, OUTPUT, clock_script, edits, install, installable, pack, programs};
use crate::rebuild::plan::{Packer, Plan, place};

/// What the command lines depend on besides the plan.
pub struct Surroundings<'a> {
    /// The port of the registry view, on loopback inside.
    pub port: u16,
    /// Node as it is mounted.
    pub node: Version,
    /// npm as it is mounted.
    pub npm: Version,
    /// The package manager as it is mounted, or as the commit holds it; `None` for npm.
    pub manager: Option<Version>,
    /// Reads a text file of the build tree, for the files that are changed.
    pub read: &'a dyn Fn(&str) -> Option<String>,
}

impl std::fmt::Debug for Surroundings<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Surroundings")
            .field("port", &self.port)
            .field("node", &self.node)
            .field("npm", &self.npm)
            .field("manager", &self.manager)
            .finish_non_exhaustive()
    }
}

/// One program with its arguments.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Command {
    /// Where it runs, absolute and inside.
    pub directory: String,
    /// The program, absolute and inside, and its arguments.
    pub program: Vec<String>,
    /// Every variable that it sees.
    pub environment: BTreeMap<String, String>,
    /// Whether the rebuild goes on when it fails.
    pub may_fail: bool,
}

/// A file that is there besides the source tree and the programs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct InsideFile {
    /// Where, absolute and inside.
    pub path: String,
    /// What it holds.
    pub content: String,
    /// Its permissions.
    pub mode: u32,
}

/// A whole rebuild as command lines.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Phases {
    /// Files and directories of the source tree that are removed first, relative to it.
    pub remove: Vec<String>,
    /// Files of the source tree that are changed before anything runs.
    pub edits: Vec<Edit>,
    /// Dependencies that no registry serves, left out of the installation.
    pub left_out: Vec<String>,
    /// Files beside it.
    pub files: Vec<InsideFile>,
    /// Directories that have to exist and be writable.
    pub directories: Vec<String>,
    /// With the registry view, without scripts.
    pub install: Vec<Command>,
    /// Without any network.
    pub build: Vec<Command>,
    /// Without any network; leaves one `.tgz` in the output directory. `None` where our own packer takes the files.
    pub pack: Option<Command>,
}

use super::edits::Edit;

/// Why a plan cannot be turned into command lines.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PhaseError {
    /// A path of the plan leaves the source tree.
    #[error("`{}` is not a path inside of the repository", .0.escape_debug())]
    Path(String),
    /// The clock is no time that programs can be shown.
    #[error("the clock {0} is not between the years 1970 and 9999")]
    Clock(i64),
    /// A version cannot be written into a manifest.
    #[error("no version can be written into `{}`", .0.escape_debug())]
    Stamp(String),
    /// What the plan asks for needs programs that it does not name.
    #[error("the plan names no programs, and {0}")]
    Programs(&'static str),
    /// The format is another version's.
    #[error("the plan's format is {found}, this program knows {}", Plan::FORMAT)]
    Format {
        /// What it says.
        found: u32,
    },
    /// A variable's name or value, or a command, cannot be handed to a program.
    #[error("`{}` cannot be handed to a program", .0.escape_debug())]
    Text(String),
}

/// The path inside of something in the source tree.
pub(super) fn inside(plan: &Plan, relative: &str) -> String {
    let source = plan.source_directory();
    match place(relative) {
        "" => source,
        relative => format!("{source}/{relative}"),
    }
}

/// The manifests that get another version.
pub(super) fn stamped(plan: &Plan, read: &dyn Fn(&str) -> Option<String>) -> Result<Vec<Edit>, PhaseError> {
    let stamped = plan.stamps.iter().map(|stamp| {
        let unusable = || PhaseError::Stamp(stamp.file.clone());
        let before = read(&stamp.file).ok_or_else(unusable)?;
        let after = edits::stamp_version(&before, &stamp.version).ok_or_else(unusable)?;
        Ok(Edit { file: stamp.file.clone(), after, restore: None })
    });
    stamped.collect()
}

/// Turns a plan that names programs into command lines.
pub fn phases(plan: &Plan, surroundings: &Surroundings<'_>) -> Result<Phases, PhaseError> {
    check(plan)?;
    let mut edits = stamped(plan, surroundings.read)?;
    let mut install = Vec::new();
    let mut build = Vec::new();
    let mut left_out = Vec::new();
    if let Some(installation) = &plan.install {
        left_out = installable::prepare(plan, installation, surroundings, &mut edits);
        install.push(install::install(plan, installation, surroundings));
        build.extend(install::dependency_scripts(plan, installation, surroundings));
    }
    for step in &plan.steps {
        let mut variables = environment(plan, surroundings, Phase::Build, &step.directory);
        for (name, value) in &step.environment {
            // The clock stays, whatever else a step wants of Node.
            match (name.as_str(), variables.get(name)) {
                ("NODE_OPTIONS", Some(ours)) => {
                    let both = format!("{ours} {value}");
                    variables.insert(name.clone(), both);
                }
                ("PATH" | "HOME" | "SOURCE_DATE_EPOCH" | "TZ", _) => {}
                _ => {
                    variables.insert(name.clone(), value.clone());
                }
            }
        }
        build.push(Command {
            directory: inside(plan, &step.directory),
            program: vec!["/bin/sh".to_owned(), "-c".to_owned(), step.run.clone()],
            environment: variables,
            may_fail: step.may_fail,
        });
    }
    if plan.pack.prepublish_only {
        let mut program = programs::manager(plan, surroundings);
        program.extend(["run", "prepublishOnly"].map(str::to_owned));
        build.push(Command {
            directory: inside(plan, &plan.pack.directory),
            program,
            environment: environment(plan, surroundings, Phase::Build, &plan.pack.directory),
            may_fail: false,
        });
    }
    let mut files = programs::shims(plan, surroundings);
    if let Some(clock) = plan.clock {
        files.push(InsideFile { path: CLOCK.to_owned(), content: clock_script(clock), mode: 0o644 });
    }
    for name in [".npmrc", ".npmrc-global"] {
        files.push(InsideFile { path: format!("{HOME}/{name}"), content: String::new(), mode: 0o644 });
    }
    Ok(Phases {
        remove: plan.remove.clone(),
        edits,
        left_out,
        files,
        directories: vec![HOME.to_owned(), OUTPUT.to_owned()],
        install,
        build,
        pack: (plan.pack.with != Packer::Native).then(|| pack::pack(plan, surroundings)),
    })
}

/// Longest path of a plan, bytes: the work area's own comes before it.
const MAX_PATH: usize = 2048;
/// Longest name of a file or directory, bytes, as file systems have it.
const MAX_NAME: usize = 255;

/// Refuses what no run should get: paths that leave the tree, NUL in texts.
pub fn check(plan: &Plan) -> Result<(), PhaseError> {
    if plan.format != Plan::FORMAT {
        return Err(PhaseError::Format { found: plan.format });
    }
    if let Some(clock) = plan.clock.filter(|clock| !Plan::CLOCKS.contains(clock)) {
        return Err(PhaseError::Clock(clock));
    }
    if plan.pack.with == Packer::Native && (plan.pack.scripts || plan.pack.prepublish_only) {
        return Err(PhaseError::Programs("our own packer runs no scripts"));
    }
    if plan.tools.is_none() && (plan.install.is_some() || plan.pack.with != Packer::Native) {
        return Err(PhaseError::Programs("installing and packing need some"));
    }
    let mut paths: Vec<&str> = plan.remove.iter().map(String::as_str).collect();
    paths.extend(plan.stamps.iter().map(|stamp| stamp.file.as_str()));
    paths.extend(plan.steps.iter().map(|step| step.directory.as_str()));
    paths.push(&plan.pack.directory);
    paths.extend(plan.manager().path.as_deref());
    if let Some(install) = &plan.install {
        paths.push(&install.directory);
        paths.extend(install.lockfile.as_deref());
    }
    if let Some(name) = plan.checkout.as_ref().filter(|name| name.contains(['/', ':']) || *name == ".") {
        return Err(PhaseError::Path(name.clone()));
    }
    paths.extend(plan.checkout.as_deref());
    for path in paths {
        let leaves =
            path.starts_with('/') || path.split('/').any(|part| part == ".." || part == ".git") || path.contains('\0');
        let is_too_long = path.len() > MAX_PATH || path.split('/').any(|part| part.len() > MAX_NAME);
        if leaves || is_too_long || path.is_empty() {
            return Err(PhaseError::Path(path.to_owned()));
        }
    }
    // Removing the root would leave nothing to build.
    if let Some(root) = plan.remove.iter().find(|path| place(path).is_empty()) {
        return Err(PhaseError::Path(root.clone()));
    }
    for step in &plan.steps {
        let texts = step.environment.iter().flat_map(|(name, value)| [name, value]).chain([&step.run]);
        let bad_name = step.environment.keys().find(|name| name.is_empty() || name.contains('='));
        if let Some(text) = bad_name.or_else(|| texts.into_iter().find(|text| text.contains('\0'))) {
            return Err(PhaseError::Text(text.clone()));
        }
    }
    Ok(())
}
