use nodejs_semver::Version;

use super::*;
use crate::rebuild::plan::{
    Install, InstallMode, Pack, PackageManager, PackageManagerName, Plan, Stamp, Step, Tools, VersionRequest,
};

fn request(version: &str) -> VersionRequest {
    VersionRequest { version: version.to_owned(), from: "test".to_owned() }
}

fn plan(name: PackageManagerName, mode: InstallMode, lockfile: &str) -> Plan {
    Plan {
        format: Plan::FORMAT,
        strategy: "test".to_owned(),
        because: Vec::new(),
        tools: Some(Tools {
            node: request("20"),
            npm: request("10"),
            package_manager: PackageManager { name, version: None, path: None },
        }),
        checkout: None,
        if_broken: false,
        crlf: false,
        clock: Some(1_700_000_000),
        remove: Vec::new(),
        stamps: Vec::new(),
        install: Some(Install { directory: ".".to_owned(), lockfile: Some(lockfile.to_owned()), mode, cutoff: None }),
        steps: vec![Step {
            directory: "packages/a".to_owned(),
            run: "make it".to_owned(),
            environment: [("NODE_OPTIONS".to_owned(), "--no-warnings".to_owned()), ("X".to_owned(), "1".to_owned())]
                .into(),
            may_fail: true,
        }],
        pack: Pack { directory: "packages/a".to_owned(), with: name.into(), prepublish_only: false, scripts: false },
    }
}

fn turn(plan: &Plan, node: &str, npm: &str, manager: Option<&str>) -> Result<Phases, PhaseError> {
    let read = |path: &str| match path {
        "yarn.lock" => Some("a@1:\n  resolved \"https://registry.example/a/-/a-1.0.0.tgz#1\"\n".to_owned()),
        "package.json" => Some("{\n  \"version\": \"0.0.0\"\n}\n".to_owned()),
        _ => None,
    };
    let parse = |text: &str| Version::parse(text).unwrap();
    let surroundings =
        Surroundings { port: 4873, node: parse(node), npm: parse(npm), manager: manager.map(parse), read: &read };
    phases(plan, &surroundings)
}

fn line(command: &Command) -> String {
    command.program.join(" ")
}

#[test]
fn each_package_manager_installs_without_scripts() {
    use InstallMode::{Frozen, Loose};
    use PackageManagerName::{Bun, Npm, Pnpm, YarnBerry, YarnClassic};
    let install = |name, mode, lockfile: &str, npm: &str, manager| {
        line(&turn(&plan(name, mode, lockfile), "20.1.0", npm, manager).unwrap().install[0])
    };
    let node = "/toolchain/node/bin/node";
    let flags = "--ignore-scripts --no-audit --no-fund --no-progress";
    assert_eq!(
        install(Npm, Frozen, "package-lock.json", "10.1.0", None),
        format!("{node} /toolchain/npm/bin/npm-cli.js ci {flags} --include=dev")
    );
    assert_eq!(
        install(Npm, Loose, "package-lock.json", "10.1.0", None),
        format!("{node} /toolchain/npm/bin/npm-cli.js install {flags} --include=dev --no-save --force")
    );
    assert!(install(Npm, Frozen, "package-lock.json", "3.10.0", None).contains("npm-cli.js install "));
    let yarn = install(YarnClassic, Frozen, "yarn.lock", "10.1.0", Some("1.22.0"));
    assert!(
        yarn.contains("install --frozen-lockfile --ignore-scripts") && yarn.contains("http://127.0.0.1:4873/"),
        "{yarn}"
    );
    assert!(install(YarnClassic, Loose, "yarn.lock", "10.1.0", Some("1.22.0")).contains("--pure-lockfile"));
    assert!(
        install(YarnBerry, Frozen, "yarn.lock", "10.1.0", Some("3.4.1"))
            .ends_with("install --immutable --mode=skip-build")
    );
    assert!(
        install(YarnBerry, Loose, "yarn.lock", "10.1.0", Some("2.4.0"))
            .ends_with("install --no-immutable --skip-builds")
    );
    let pnpm = install(Pnpm, Frozen, "pnpm-lock.yaml", "10.1.0", Some("9.1.0"));
    assert!(
        pnpm.starts_with(&format!("{node} /toolchain/pnpm/bin/pnpm.cjs install --frozen-lockfile --ignore-scripts")),
        "{pnpm}"
    );
    assert!(!pnpm.contains("/build/"), "the store lies outside: {pnpm}");
    assert!(
        install(Pnpm, Loose, "pnpm-lock.yaml", "10.1.0", Some("11.0.0"))
            .contains("pnpm.mjs install --no-frozen-lockfile")
    );
    assert!(
        install(Bun, Frozen, "bun.lock", "10.1.0", Some("1.1.0"))
            .starts_with("/toolchain/bun/bin/bun install --ignore-scripts")
    );
}

#[test]
fn the_network_is_there_only_while_installing() {
    for (name, manager) in [
        (PackageManagerName::Npm, None),
        (PackageManagerName::YarnClassic, Some("1.22.0")),
        (PackageManagerName::YarnBerry, Some("4.1.0")),
        (PackageManagerName::Pnpm, Some("9.1.0")),
        (PackageManagerName::Bun, Some("1.1.0")),
    ] {
        let phases = turn(&plan(name, InstallMode::Frozen, "yarn.lock"), "20.1.0", "10.1.0", manager).unwrap();
        assert!(!phases.install[0].environment.contains_key("NODE_OPTIONS"), "{name:?}: the time is real");
        assert_eq!(phases.install[0].environment["npm_config_ignore_scripts"], "true");
        for command in phases.build.iter().chain(&phases.pack) {
            assert_eq!(command.environment["npm_config_offline"], "true", "{name:?}");
            assert!(command.environment["NODE_OPTIONS"].starts_with("--require /toolchain/clock.cjs"), "{name:?}");
            assert_eq!(command.environment["SOURCE_DATE_EPOCH"], "1700000000");
        }
        for command in phases.install.iter().chain(&phases.build).chain(&phases.pack) {
            assert!(!command.environment.contains_key("HUSKY"));
            let inside_tree = |(name, value): (&String, &String)| name != "PATH" && value.starts_with("/build");
            assert!(!command.environment.iter().any(inside_tree), "{name:?}: state in the build tree");
        }
        let berry_only = phases.pack.as_ref().unwrap().environment.contains_key("YARN_ENABLE_NETWORK");
        assert_eq!(berry_only, name == PackageManagerName::YarnBerry);
    }
}

#[test]
fn a_step_runs_in_its_place_with_its_variables_and_the_clock() {
    let plan = plan(PackageManagerName::Npm, InstallMode::Frozen, "package-lock.json");
    let phases = turn(&plan, "20.1.0", "10.1.0", None).unwrap();
    let step = phases.build.last().unwrap();
    assert_eq!((step.directory.as_str(), step.may_fail), ("/build/packages/a", true));
    assert_eq!(step.program, ["/bin/sh", "-c", "make it"]);
    assert_eq!(step.environment["NODE_OPTIONS"], "--require /toolchain/clock.cjs --no-warnings");
    assert_eq!(step.environment["X"], "1");
    assert!(step.environment["PATH"].starts_with(
        "/build/packages/a/node_modules/.bin:/build/packages/node_modules/.bin:/build/node_modules/.bin:/toolchain/bin:"
    ));
    assert!(phases.build[0].may_fail, "dependencies' own scripts");
    assert!(phases.files.iter().any(|file| file.path == CLOCK));
}

#[test]
fn packing_writes_outside_of_the_tree() {
    use PackageManagerName::{Bun, Npm, Pnpm, YarnBerry, YarnClassic};
    let pack = |name, npm: &str, manager| {
        line(
            turn(&plan(name, InstallMode::Frozen, "yarn.lock"), "20.1.0", npm, manager).unwrap().pack.as_ref().unwrap(),
        )
    };
    assert!(pack(Npm, "10.1.0", None).ends_with(&format!("pack --json --pack-destination {OUTPUT} --ignore-scripts")));
    assert!(pack(Npm, "6.1.0", None).ends_with(&format!("pack --ignore-scripts && mv -- *.tgz {OUTPUT}/")));
    assert!(pack(Pnpm, "10.1.0", Some("9.1.0")).ends_with(&format!("pnpm.cjs pack --pack-destination {OUTPUT}")));
    assert!(pack(YarnClassic, "10.1.0", Some("1.22.0")).contains(&format!("pack --filename {OUTPUT}/package.tgz")));
    assert!(pack(YarnBerry, "10.1.0", Some("4.1.0")).ends_with(&format!("pack --out {OUTPUT}/package.tgz")));
    assert!(pack(Bun, "10.1.0", Some("1.1.0")).ends_with(&format!("pm pack --destination {OUTPUT} --ignore-scripts")));
    let mut plan = plan(Bun, InstallMode::Loose, "bun.lock");
    plan.pack.with = Npm.into();
    plan.pack.scripts = true;
    plan.pack.prepublish_only = true;
    let phases = turn(&plan, "20.1.0", "10.1.0", Some("1.1.0")).unwrap();
    assert!(
        line(phases.pack.as_ref().unwrap()).starts_with("/toolchain/node/bin/node /toolchain/npm/bin/npm-cli.js pack")
    );
    assert!(!line(phases.pack.as_ref().unwrap()).contains("--ignore-scripts"));
    assert!(line(phases.build.last().unwrap()).ends_with("run prepublishOnly"));
}

#[test]
fn files_of_the_tree_are_changed_for_the_version_and_for_yarn() {
    let mut plan = plan(PackageManagerName::YarnClassic, InstallMode::Frozen, "yarn.lock");
    plan.stamps.push(Stamp { file: "package.json".to_owned(), version: "1.0.0".to_owned() });
    let edits = turn(&plan, "20.1.0", "10.1.0", Some("1.22.0")).unwrap().edits;
    assert_eq!(edits[0].after, "{\n  \"version\": \"1.0.0\"\n}\n");
    assert_eq!(edits[0].restore, None);
    assert!(edits[1].after.contains("http://127.0.0.1:4873/a/-/a-1.0.0.tgz#1"));
    assert!(edits[1].restore.as_ref().unwrap().contains("registry.example"));
    plan.stamps[0].file = "other/package.json".to_owned();
    assert!(matches!(turn(&plan, "20.1.0", "10.1.0", Some("1.22.0")), Err(PhaseError::Stamp(_))));
}

#[test]
fn old_nodes_get_the_clock_from_a_shim() {
    let plan = plan(PackageManagerName::Npm, InstallMode::Frozen, "package-lock.json");
    for (node, shimmed, clock) in [("8.0.0", false, true), ("6.1.0", true, true), ("0.12.0", true, false)] {
        let phases = turn(&plan, node, "3.1.0", None).unwrap();
        assert_eq!(phases.files.iter().any(|file| file.path == format!("{SHIMS}/node")), shimmed, "{node}");
        let step = &phases.build.last().unwrap().environment;
        assert_eq!(step.contains_key("REBUILD_CLOCK"), shimmed && clock, "{node}");
        assert_eq!(step["NODE_OPTIONS"].contains("--require"), !shimmed, "{node}");
    }
}

#[test]
fn a_plan_that_leaves_the_tree_is_refused() {
    let good = plan(PackageManagerName::Npm, InstallMode::Frozen, "package-lock.json");
    type Change = fn(&mut Plan);
    let changes: [Change; 16] = [
        |plan| plan.checkout = Some("..".to_owned()),
        |plan| plan.checkout = Some(".".to_owned()),
        |plan| plan.checkout = Some(String::new()),
        |plan| plan.checkout = Some("a/b".to_owned()),
        |plan| plan.checkout = Some("a".repeat(300)),
        |plan| plan.pack.directory = "../x".to_owned(),
        |plan| plan.remove.push(".".to_owned()),
        |plan| plan.remove.push("./".to_owned()),
        |plan| plan.remove.push("a/../../b".to_owned()),
        |plan| plan.steps[0].directory = "/etc".to_owned(),
        |plan| plan.tools.as_mut().unwrap().package_manager.path = Some("../../bin/sh".to_owned()),
        |plan| plan.install.as_mut().unwrap().lockfile = Some(".git/config".to_owned()),
        |plan| plan.steps[0].run.push('\0'),
        |plan| plan.format = 2,
        |plan| plan.clock = Some(-1),
        |plan| plan.clock = Some(i64::MAX),
    ];
    assert!(turn(&good, "20.1.0", "10.1.0", None).is_ok());
    for (index, change) in changes.into_iter().enumerate() {
        let mut bad = good.clone();
        change(&mut bad);
        assert!(turn(&bad, "20.1.0", "10.1.0", None).is_err(), "change {index}");
    }
}

#[test]
fn a_named_checkout_moves_everything_that_lies_in_the_tree() {
    let mut plan = plan(PackageManagerName::Pnpm, InstallMode::Frozen, "pnpm-lock.yaml");
    plan.checkout = Some("sources".to_owned());
    let phases = turn(&plan, "20.1.0", "10.1.0", Some("9.1.0")).unwrap();
    let commands = || phases.install.iter().chain(&phases.build).chain(&phases.pack);
    assert!(commands().all(|command| format!("{}/", command.directory).starts_with("/build/sources/")));
    let path = &phases.build.last().unwrap().environment["PATH"];
    assert!(path.starts_with("/build/sources/packages/a/node_modules/.bin:") && !path.contains(":/build/node"));
    assert!(path.contains(":/build/sources/node_modules/.bin:"), "{path}");
}

#[test]
fn the_phases_can_be_recorded() {
    let plan = plan(PackageManagerName::Pnpm, InstallMode::Frozen, "pnpm-lock.yaml");
    let phases = turn(&plan, "20.1.0", "10.1.0", Some("9.1.0")).unwrap();
    let text = serde_json::to_string(&phases).unwrap();
    assert_eq!(serde_json::from_str::<Phases>(&text).unwrap(), phases);
}

#[test]
fn a_member_of_the_workspace_gets_a_version_that_its_siblings_take() {
    let stamped = |version: &str, locked: &str, range: &str| {
        let lock = format!(
            r#"{{"lockfileVersion":3,"packages":{{"":{{}},"packages/a":{{"name":"a","version":"{locked}"}},"packages/b":{{"name":"b","version":"1.0.0"}}}}}}"#
        );
        let read = |path: &str| match path {
            "package-lock.json" => Some(lock.clone()),
            "package.json" if range.starts_with("npm:") => Some(r#"{"devDependencies":{"a":"1.x"}}"#.to_owned()),
            "package.json" => Some(r#"{"devDependencies":{"a":"*"}}"#.to_owned()),
            "packages/a/package.json" => Some(format!("{{\"name\":\"a\",\"version\":\"{version}\"}}")),
            "packages/b/package.json" => {
                Some(format!(r#"{{"name":"b","version":"1.0.0","peerDependencies":{{"a":"{range}"}}}}"#))
            }
            _ => None,
        };
        let parse = |text: &str| Version::parse(text).unwrap();
        let surroundings =
            Surroundings { port: 1, node: parse("20.0.0"), npm: parse("10.0.0"), manager: None, read: &read };
        let plan = plan(PackageManagerName::Npm, InstallMode::Frozen, "package-lock.json");
        let edits = phases(&plan, &surroundings).unwrap().edits;
        assert!(edits.iter().all(|edit| edit.file == "packages/a/package.json" && edit.restore.is_some()));
        edits.first().map(|edit| serde_json::from_str::<serde_json::Value>(&edit.after).unwrap()["version"].clone())
    };
    assert_eq!(stamped("2.0.0", "1.0.0", "^1.0.0"), Some("1.0.0".into()), "the lockfile's");
    assert_eq!(stamped("2.0.0", "1.0.0", "^2.0.0"), None, "its own");
    assert_eq!(stamped("3.0.0", "1.0.0", "^2.1.0"), Some("2.1.0".into()), "the lowest that fits");
    assert_eq!(stamped("3.0.0", "1.0.0", "2.1.0-beta.0"), Some("2.1.0-beta.0".into()), "`*` takes a trial");
    assert_eq!(stamped("3.0.0", "1.0.0", "npm:b@1"), Some("1.0.0".into()), "the root's");
    assert_eq!(stamped("1.5.0", "1.0.0", "npm:b@1"), None, "no range");
}
