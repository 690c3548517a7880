//! The command that writes the tarball.

use super::environment::{Phase, environment};
use super::phases::{Command, Surroundings, inside};
use super::{OUTPUT, programs};
use crate::rebuild::plan::{PackageManagerName, Packer, Plan};

/// The first npm that can be told where the tarball goes.
const NPM_WITH_DESTINATION: (u64, u64) = (7, 18);

/// The tarball's command; `prepublishOnly`, which packing never runs, is one of its own.
pub(super) fn pack(plan: &Plan, surroundings: &Surroundings<'_>) -> Command {
    let node_and_npm = || {
        let mut program = programs::manager(plan, surroundings);
        if plan.manager().name == PackageManagerName::Bun {
            program = vec![programs::node()];
        }
        program.truncate(1);
        program.push(programs::npm());
        program
    };
    let silent = !plan.pack.scripts;
    let file = format!("{OUTPUT}/package.tgz");
    let mut environment = environment(plan, surroundings, Phase::Build, &plan.pack.directory);
    if silent {
        environment.insert("npm_config_ignore_scripts".to_owned(), "true".to_owned());
        environment.insert("pnpm_config_ignore_scripts".to_owned(), "true".to_owned());
        // npm before 11 prepares a directory that it packs even so.
        environment.insert("npm_config_script_shell".to_owned(), "/bin/true".to_owned());
    }
    // Whoever packs without having installed is npm.
    let manager = plan.manager().name;
    let with = if plan.pack.with == Packer::from(manager) { manager } else { PackageManagerName::Npm };
    let mut program = match with {
        PackageManagerName::Npm => node_and_npm(),
        _ => programs::manager(plan, surroundings),
    };
    let mut add = |words: &[&str]| program.extend(words.iter().map(|word| (*word).to_owned()));
    match with {
        PackageManagerName::Npm if (surroundings.npm.major(), surroundings.npm.minor()) >= NPM_WITH_DESTINATION => {
            add(&["pack", "--json", "--pack-destination", OUTPUT]);
        }
        PackageManagerName::Npm => {
            let ignore = if silent { " --ignore-scripts" } else { "" };
            let script = format!("{} pack{ignore} && mv -- *.tgz {OUTPUT}/", program.join(" "));
            program = vec!["/bin/sh".to_owned(), "-c".to_owned(), script];
            return Command { directory: inside(plan, &plan.pack.directory), program, environment, may_fail: false };
        }
        PackageManagerName::Pnpm => add(&["pack", "--pack-destination", OUTPUT]),
        PackageManagerName::YarnClassic => add(&["pack", "--filename", &file]),
        PackageManagerName::YarnBerry => add(&["pack", "--out", &file]),
        PackageManagerName::Bun => add(&["pm", "pack", "--destination", OUTPUT]),
    }
    if silent && !matches!(with, PackageManagerName::YarnBerry | PackageManagerName::Pnpm) {
        program.push("--ignore-scripts".to_owned());
    }
    Command { directory: inside(plan, &plan.pack.directory), program, environment, may_fail: false }
}
