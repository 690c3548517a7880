//! The programs as they are mounted, and the small ones that start them under their usual names.

use nodejs_semver::Version;

use super::phases::{InsideFile, Surroundings};
use super::{SHIMS, TOOLCHAIN};
use crate::rebuild::plan::{PackageManagerName, Plan};

/// Node itself.
pub(super) fn node() -> String {
    format!("{TOOLCHAIN}/node/bin/node")
}

/// npm's program.
pub(super) fn npm() -> String {
    format!("{TOOLCHAIN}/npm/bin/npm-cli.js")
}

/// The command that starts the package manager: a program, and what comes before its arguments.
pub(super) fn manager(plan: &Plan, surroundings: &Surroundings<'_>) -> Vec<String> {
    let name = plan.manager().name;
    if name == PackageManagerName::Npm {
        return vec![node_for(surroundings), npm()];
    }
    let script = |path: String| vec![node_for(surroundings), path];
    let major = surroundings.manager.as_ref().map(Version::major);
    match name {
        PackageManagerName::Npm => script(npm()),
        PackageManagerName::YarnClassic | PackageManagerName::YarnBerry => match &plan.manager().path {
            Some(path) => script(super::phases::inside(plan, path)),
            None => script(format!("{TOOLCHAIN}/yarn/bin/yarn.js")),
        },
        PackageManagerName::Pnpm => {
            let file = match major {
                Some(..=5) => "pnpm.js",
                Some(11..) => "pnpm.mjs",
                _ => "pnpm.cjs",
            };
            script(format!("{TOOLCHAIN}/pnpm/bin/{file}"))
        }
        PackageManagerName::Bun => vec![format!("{TOOLCHAIN}/bun/bin/bun")],
    }
}

/// Node, through the shim where only that shifts the clock.
fn node_for(surroundings: &Surroundings<'_>) -> String {
    if ignores_node_options(&surroundings.node) { format!("{SHIMS}/node") } else { node() }
}

/// Whether this Node does not know `NODE_OPTIONS`.
pub(super) fn ignores_node_options(node: &Version) -> bool {
    node.major() < 8
}

/// The shims, as files.
pub(super) fn shims(plan: &Plan, surroundings: &Surroundings<'_>) -> Vec<InsideFile> {
    let mut files = Vec::new();
    let mut add = |name: &str, text: String| {
        files.push(InsideFile {
            path: format!("{SHIMS}/{name}"),
            content: format!("#!/bin/sh\n{text}\n"),
            mode: 0o755,
        });
    };
    if ignores_node_options(&surroundings.node) {
        let clock = super::CLOCK;
        // Without a clock there is no such file.
        let text = format!(
            "if [ -n \"$REBUILD_CLOCK\" ]; then exec {} --require {clock} \"$@\"; fi\nexec {} \"$@\"",
            node(),
            node()
        );
        add("node", text);
    }
    let node = node_for(surroundings);
    add("npm", format!("exec {node} {} \"$@\"", npm()));
    let npx = format!("{TOOLCHAIN}/npm/bin/npx-cli.js");
    // npm 3 and 4 have no npx: the program is looked up among the installed ones.
    add(
        "npx",
        format!(
            "[ -f {npx} ] && exec {node} {npx} \"$@\"\nwhile [ \"${{1#-}}\" != \"$1\" ]; do shift; done\nexec \"$@\""
        ),
    );
    // It would fetch; what it is asked for is there.
    add("corepack", "case \"$1\" in yarn|yarnpkg|pnpm|pnpx|npm|npx) exec \"$@\";; esac\nexit 0".to_owned());
    let name = plan.manager().name;
    let command = manager(plan, surroundings).join(" ");
    match name {
        PackageManagerName::Npm => {}
        PackageManagerName::YarnClassic | PackageManagerName::YarnBerry => {
            add("yarn", format!("exec {command} \"$@\""));
            add("yarnpkg", format!("exec {command} \"$@\""));
        }
        PackageManagerName::Pnpm => {
            add("pnpm", format!("exec {command} \"$@\""));
            add("pnpx", format!("exec {command} exec \"$@\""));
        }
        PackageManagerName::Bun => {
            add("bun", format!("exec {command} \"$@\""));
            add("bunx", format!("exec {command} x --no-install \"$@\""));
        }
    }
    // Scripts of a repository call another package manager at times; npm runs them as well.
    for other in ["yarn", "pnpm"] {
        let is_there = match name {
            PackageManagerName::YarnClassic | PackageManagerName::YarnBerry => other == "yarn",
            PackageManagerName::Pnpm => other == "pnpm",
            PackageManagerName::Npm | PackageManagerName::Bun => false,
        };
        if !is_there {
            let run = format!("exec {node} {} run \"$@\"", npm());
            let text = format!(
                "case \"$1\" in install|\"\") exit 0;; run|exec) shift;; esac\nif [ -x \"node_modules/.bin/$1\" ]; then name=\"$1\"; shift; exec \"node_modules/.bin/$name\" \"$@\"; fi\nscript=\"$1\"; shift\nset -- \"$script\" -- \"$@\"\n{run}"
            );
            add(other, text);
        }
    }
    files
}
