//! The command that installs, and those that afterwards do offline what installing leaves out.

use super::environment::{Phase, environment, registry};
use super::phases::{Command, Surroundings, inside};
use super::{HOME, programs};
use crate::rebuild::plan::{Install, InstallMode, PackageManagerName, Plan};

fn words(list: &[&str]) -> Vec<String> {
    list.iter().map(|word| (*word).to_owned()).collect()
}

/// The installation: one command, without scripts.
pub(super) fn install(plan: &Plan, install: &Install, surroundings: &Surroundings<'_>) -> Command {
    let frozen = install.mode == InstallMode::Frozen && install.lockfile.is_some();
    let registry = registry(surroundings);
    let manager = surroundings.manager.as_ref();
    let arguments = match plan.manager().name {
        PackageManagerName::Npm => npm(frozen, surroundings),
        PackageManagerName::YarnClassic => {
            let mode = if frozen { "--frozen-lockfile" } else { "--pure-lockfile" };
            let mut arguments = words(&["install", mode, "--ignore-scripts", "--non-interactive", "--no-progress"]);
            arguments.extend(words(&["--ignore-engines", "--production=false", "--registry", &registry]));
            arguments
        }
        PackageManagerName::YarnBerry => {
            let immutable = if frozen { "--immutable" } else { "--no-immutable" };
            let skip =
                if manager.is_some_and(|version| version.major() < 3) { "--skip-builds" } else { "--mode=skip-build" };
            words(&["install", immutable, skip])
        }
        PackageManagerName::Pnpm => {
            let mode = if frozen { "--frozen-lockfile" } else { "--no-frozen-lockfile" };
            let store = format!("{HOME}/.pnpm-store");
            words(&[
                "install",
                mode,
                "--ignore-scripts",
                "--store-dir",
                &store,
                "--registry",
                &registry,
                "--reporter=append-only",
            ])
        }
        PackageManagerName::Bun => {
            let mut arguments = words(&["install", "--ignore-scripts", "--no-progress", "--registry", &registry]);
            if frozen {
                arguments.push("--frozen-lockfile".to_owned());
            }
            arguments
        }
    };
    let mut program = programs::manager(plan, surroundings);
    program.extend(arguments);
    Command {
        directory: inside(plan, &install.directory),
        program,
        environment: environment(plan, surroundings, Phase::Install, &install.directory),
        may_fail: false,
    }
}

fn npm(frozen: bool, surroundings: &Surroundings<'_>) -> Vec<String> {
    let has_ci = (surroundings.npm.major(), surroundings.npm.minor()) >= (5, 7);
    let common = ["--ignore-scripts", "--no-audit", "--no-fund", "--no-progress"];
    let mut arguments = if frozen && has_ci { words(&["ci"]) } else { words(&["install"]) };
    arguments.extend(words(&common));
    if surroundings.npm.major() >= 7 {
        arguments.push("--include=dev".to_owned());
    } else {
        arguments.push("--production=false".to_owned());
    }
    if !frozen {
        arguments.push("--no-save".to_owned());
        if surroundings.npm.major() >= 7 {
            // Conflicting peers, which the publisher's version may have let pass.
            arguments.push("--force".to_owned());
        }
    }
    arguments
}

/// The dependencies' own scripts, which installing would have run; offline, and free to fail.
pub(super) fn dependency_scripts(plan: &Plan, install: &Install, surroundings: &Surroundings<'_>) -> Option<Command> {
    let arguments: &[&str] = match plan.manager().name {
        // npm reads what yarn 1 installed as well, and yarn 1 has no such command.
        PackageManagerName::Npm | PackageManagerName::YarnClassic => &["rebuild"],
        PackageManagerName::YarnBerry | PackageManagerName::Pnpm => &["rebuild"],
        PackageManagerName::Bun => return None,
    };
    let mut program = match plan.manager().name {
        PackageManagerName::YarnClassic => vec![programs::manager(plan, surroundings).swap_remove(0), programs::npm()],
        _ => programs::manager(plan, surroundings),
    };
    program.extend(words(arguments));
    Some(Command {
        directory: inside(plan, &install.directory),
        program,
        environment: environment(plan, surroundings, Phase::Build, &install.directory),
        may_fail: true,
    })
}
