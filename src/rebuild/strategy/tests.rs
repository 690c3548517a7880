use super::test_tree::{PUBLISHED, infer_in, infer_with, outline};
use super::{Claims, NoPlan};
use crate::rebuild::plan::{InstallMode, PackageManagerName, Plan};

fn first(files: &[(&str, &str)]) -> Plan {
    infer_in("", "a", files).unwrap().remove(0)
}

const LOCK: (&str, &str) = ("package-lock.json", "{\"lockfileVersion\":3}");

#[test]
fn nothing_to_build_is_a_plain_pack() {
    let plans =
        infer_in("", "a", &[("package.json", r#"{"name":"a","version":"1.0.0","scripts":{"test":"tap"}}"#)]).unwrap();
    assert_eq!(plans.len(), 1);
    assert_eq!(outline(&plans[0]), "plain-pack no install\npack . Npm");
    assert!(plans[0].remove.is_empty() && plans[0].stamps.is_empty());
}

#[test]
fn the_publishing_job_beats_the_manifest() {
    let workflow = "
on: push
env: {NODE_ENV: production, NPM_TOKEN: x}
jobs:
  test:
    steps: [{run: npm run other-build}]
  publish:
    steps:
      - uses: actions/setup-node@v4
        with: {node-version: 20.10}
      - run: npm ci
      - run: |
          npm run lint
          npm run build -- --mode x
          cp extra.txt dist
          git push
      - if: failure()
        run: make mess
      - run: npm publish --access public
      - run: npm run build:after
";
    let manifest = r#"{"name":"a","version":"1.0.0","scripts":{"lint":"eslint .","build":"tsc","build:after":"tsc","prepack":"echo packing"}}"#;
    let plans =
        infer_in("", "a", &[("package.json", manifest), LOCK, (".github/workflows/release.yml", workflow)]).unwrap();
    assert_eq!(
        outline(&plans[0]),
        "workflow frozen\n$ npm run build -- --mode x\n? cp extra.txt dist\npack . Npm scripts"
    );
    assert_eq!(plans[0].tools.as_ref().unwrap().node.version, "20.1");
    assert_eq!(plans[0].tools.as_ref().unwrap().node.from, ".github/workflows/release.yml");
    let environment = &plans[0].steps[0].environment;
    assert_eq!(environment.get("NODE_ENV").map(String::as_str), Some("production"));
    assert!(!environment.contains_key("NPM_TOKEN"));
    assert_eq!(outline(&plans[1]), outline(&plans[0]).replace("frozen", "loose"));
    assert!(plans.iter().any(|plan| plan.strategy == "build-script"));
}

#[test]
fn lifecycle_scripts_run_as_they_are_unless_they_do_more() {
    let pure = r#"{"name":"a","version":"1.0.0","scripts":{"prepublishOnly":"npm run clean","clean":"rm -rf x","prepare":"tsc"}}"#;
    assert_eq!(outline(&first(&[("package.json", pure), LOCK])), "lifecycle frozen\npack . Npm prepublishOnly scripts");
    let mixed = r#"{"name":"a","version":"1.0.0","scripts":{"prepublishOnly":"npm test && npm run build && git push --tags","build":"tsc && node scripts/copy.js","test":"jest","prepare":"husky install"}}"#;
    let plan = first(&[("package.json", mixed), LOCK]);
    assert_eq!(outline(&plan), "lifecycle frozen\n$ npm run build\npack . Npm");
    assert_eq!(plan.steps[0].environment.get("npm_lifecycle_event").map(String::as_str), Some("prepublishOnly"));
}

#[test]
fn a_release_script_is_followed_to_where_it_publishes() {
    let manifest = r#"{"name":"a","version":"1.0.0","scripts":{"release":"npm run checks && npm run publish:all","checks":"npm run lint","lint":"eslint .","publish:all":"run-s build:* && cd out && npm publish","build:x":"rollup -c","build:y":"tsc"}}"#;
    let plan = first(&[("package.json", manifest)]);
    assert_eq!(outline(&plan), "release-script loose\n$ run-s build:*\npack out Npm");
    assert!(plan.install.is_some_and(|install| install.lockfile.is_none()));
}

#[test]
fn known_rewriters_choose_what_is_packed() {
    let clean =
        r#"{"name":"a","version":"1.0.0","devDependencies":{"clean-publish":"5"},"clean-publish":{"cleanDocs":true}}"#;
    let plan = first(&[("package.json", clean), ("pnpm-lock.yaml", "lockfileVersion: '9.0'\n")]);
    assert_eq!(
        outline(&plan),
        "lifecycle frozen\n$ clean-publish --without-publish --temp-dir tmp-clean-publish\npack tmp-clean-publish Npm"
    );
    assert_eq!(plan.manager().version.clone().unwrap().version, "9");
    let dual = r#"{"name":"a","version":"1.0.0","devDependencies":{"dual-publish":"4"}}"#;
    let packed = "lifecycle loose\n$ dual-publish --without-publish\npack dual-publish-tmp Npm";
    assert_eq!(outline(&first(&[("package.json", dual)])), packed);
    let published = "on: [release]\njobs:\n  publish:\n    steps:\n      - run: npm publish\n";
    let files = [("package.json", dual), (".github/workflows/publish.yml", published)];
    assert!(outline(&first(&files)).contains("pack . Npm"), "a job says how it is published");
    let stated = r#"{"name":"a","version":"1.0.0","scripts":{"prepublishOnly":"tsc && clean-publish"},"devDependencies":{"clean-publish":"6"},"publishConfig":{"directory":"out"}}"#;
    let publish = "on: [release]\njobs:\n  publish:\n    steps:\n      - run: pnpm publish\n";
    let files = [
        ("package.json", stated),
        (".clean-publish", "{}"),
        ("pnpm-lock.yaml", "lockfileVersion: '9.0'\n"),
        (".github/workflows/publish.yml", publish),
    ];
    let packed = "$ tsc\n$ clean-publish --without-publish --temp-dir out\npack . Pnpm";
    assert!(outline(&first(&files)).contains(packed), "{}", outline(&first(&files)));
    let directory =
        r#"{"name":"a","version":"1.0.0","scripts":{"prepublishOnly":"tsc"},"publishConfig":{"directory":"build"}}"#;
    assert_eq!(
        outline(&first(&[("package.json", directory)])),
        "lifecycle loose\n$ npm run prepublishOnly\npack build Npm"
    );
    let semantic = r#"{"name":"a","version":"0.0.0-development","scripts":{"build":"tsc"},"release":{"plugins":[["@semantic-release/npm",{"pkgRoot":"./pkg"}]]}}"#;
    let plan = first(&[("package.json", semantic)]);
    let version = "? [pkg] npm version 1.0.0 --no-git-tag-version --allow-same-version";
    assert_eq!(outline(&plan), format!("build-script loose\n$ npm run build\n{version}\npack pkg Npm"));
    assert_eq!((plan.stamps[0].file.as_str(), plan.stamps[0].version.as_str()), ("package.json", "1.0.0"));
}

#[test]
fn a_package_of_a_workspace_is_built_after_what_it_needs() {
    let files = [
        ("package.json", r#"{"private":true,"scripts":{"build":"pnpm -r build","prepare":"husky"}}"#),
        ("pnpm-workspace.yaml", "packages:\n  - 'packages/*'\n  - '!packages/old'\n"),
        ("pnpm-lock.yaml", "lockfileVersion: '6.0'\n"),
        (
            "packages/a/package.json",
            r#"{"name":"a","version":"1.0.0","scripts":{"prepack":"tsup"},"dependencies":{"b":"workspace:^"}}"#,
        ),
        (
            "packages/b/package.json",
            r#"{"name":"b","version":"1.0.0","scripts":{"build":"tsc"},"devDependencies":{"c":"workspace:*"}}"#,
        ),
        (
            "packages/c/package.json",
            r#"{"name":"c","version":"1.0.0","scripts":{"prepare":"tsc"},"dependencies":{"a":"*"}}"#,
        ),
        ("packages/old/package.json", r#"{"name":"old","version":"1.0.0"}"#),
    ];
    let plans = infer_in("packages/a", "a", &files).unwrap();
    assert_eq!(
        outline(&plans[0]),
        "lifecycle frozen\n$ [packages/c] pnpm run prepare\n$ [packages/b] pnpm run build\npack packages/a Pnpm scripts"
    );
    assert_eq!(plans[0].install.as_ref().unwrap().directory, ".");
    assert_eq!(plans[0].manager().version.as_ref().unwrap().version, "8");
    assert!(
        plans.iter().any(|plan| plan.steps.iter().any(|step| step.directory == "." && step.run == "pnpm run build"))
    );
}

#[test]
fn the_package_manager_is_told_by_the_first_that_says_so() {
    let manifest = |extra: &str| format!(r#"{{"name":"a","version":"1.0.0","scripts":{{"build":"tsc"}}{extra}}}"#);
    let name = |files: &[(&str, &str)]| first(files).manager().clone();
    let plain = manifest("");
    let berry = "# comment\n\n__metadata:\n  version: 6\n";
    assert_eq!(name(&[("package.json", &plain)]).name, PackageManagerName::Npm);
    assert_eq!(
        name(&[("package.json", &plain), ("yarn.lock", "# yarn lockfile v1\n")]).name,
        PackageManagerName::YarnClassic
    );
    let chosen = name(&[("package.json", &plain), ("yarn.lock", berry)]);
    assert_eq!((chosen.name, chosen.version.unwrap().version.as_str()), (PackageManagerName::YarnBerry, "3"));
    assert_eq!(name(&[("package.json", &plain), ("bun.lock", "{}")]).name, PackageManagerName::Bun);
    let path = [
        ("package.json", plain.as_str()),
        ("yarn.lock", berry),
        (".yarnrc.yml", "yarnPath: .yarn/releases/yarn-3.4.1.cjs\n"),
        (".yarn/releases/yarn-3.4.1.cjs", ""),
    ];
    let chosen = name(&path);
    assert_eq!(chosen.path.as_deref(), Some(".yarn/releases/yarn-3.4.1.cjs"));
    assert_eq!(chosen.version.unwrap().version, "3.4.1");
    let stated = manifest(r#","packageManager":"pnpm@9.1.0+sha512.abc""#);
    let chosen = name(&[("package.json", &stated), LOCK]);
    assert_eq!((chosen.name, chosen.version.unwrap().version.as_str()), (PackageManagerName::Pnpm, "9.1.0"));
    assert_eq!(
        infer_in("", "a", &[("package.json", &plain), ("rush.json", "{}")]),
        Err(NoPlan::UnsupportedInstaller { program: "rush", path: "rush.json".to_owned() })
    );
}

#[test]
fn node_is_told_by_the_registry_then_the_commit_then_the_time() {
    let manifest = |extra: &str| format!(r#"{{"name":"a","version":"1.0.0","scripts":{{"build":"tsc"}}{extra}}}"#);
    let plain = manifest("");
    let claims = Claims {
        node_version: Some("18.1.0".into()),
        npm_version: Some("8.8.0".into()),
        published_at: Some(PUBLISHED),
        ..Claims::default()
    };
    let plan = infer_with("", "a", &[("package.json", &plain), (".nvmrc", "v16")], &claims, &[]).unwrap().remove(0);
    assert_eq!(
        (plan.tools.as_ref().unwrap().node.version.as_str(), plan.tools.as_ref().unwrap().node.from.as_str()),
        ("18.1.0", "registry")
    );
    assert_eq!(
        (plan.tools.as_ref().unwrap().npm.version.as_str(), plan.tools.as_ref().unwrap().npm.from.as_str()),
        ("8.8.0", "registry")
    );
    let node = |files: &[(&str, &str)]| {
        let tools = first(files).tools.unwrap();
        (tools.node.version, tools.node.from, tools.npm.version)
    };
    let triple = |a: &str, b: &str, c: &str| (a.to_owned(), b.to_owned(), c.to_owned());
    assert_eq!(node(&[("package.json", &plain), (".nvmrc", "lts/hydrogen\n")]), triple("18", ".nvmrc", "9 || 10"));
    assert_eq!(
        node(&[("package.json", &plain), (".tool-versions", "ruby 3\nnodejs 16.2.0\n")]),
        triple("16.2.0", ".tool-versions", "8")
    );
    let volta = manifest(r#","volta":{"node":"14.17.0","npm":"7.1.0"}"#);
    assert_eq!(node(&[("package.json", &volta)]).0, "14.17.0");
    assert_eq!(node(&[("package.json", &plain)]), triple("20", "publish-time", "10"));
    let old = [("package.json", plain.as_str()), (".nvmrc", "14"), LOCK];
    assert_eq!(node(&old).2, ">=7 <9", "npm 6 cannot read the lockfile");
    let engines = manifest(r#","engines":{"node":"^16 || >=22"}"#);
    assert_eq!(node(&[("package.json", &engines)]).0, "22");
    let lies = Claims { node_version: Some("18; rm -rf /".into()), npm_version: Some("$(x)".into()), ..claims };
    let plan = infer_with("", "a", &[("package.json", &plain)], &lies, &[]).unwrap().remove(0);
    assert_eq!(
        (plan.tools.as_ref().unwrap().node.version.as_str(), plan.tools.as_ref().unwrap().npm.version.as_str()),
        ("20", "10")
    );
}

#[test]
fn committed_build_output_is_made_anew_and_nothing_else_is_removed() {
    let manifest = r#"{"name":"a","version":"1.0.0","scripts":{"build":"babel src --out-dir lib && rollup -c"}}"#;
    let files = [
        ("package.json", manifest),
        ("src/x.ts", ""),
        ("dist/a.js", ""),
        ("dist/a.d.ts", ""),
        ("lib/x.js", ""),
        ("es/hand.js", ""),
        ("esm/package.json", "{}"),
        ("esm/a.mjs", ""),
        ("out.min.js", ""),
    ];
    let claims = Claims { published_at: Some(PUBLISHED), ..Claims::default() };
    let residue = ["out.min.js".to_owned(), "README.md".to_owned(), "../evil.min.js".to_owned()];
    let plan = infer_with("", "a", &files, &claims, &residue).unwrap().remove(0);
    assert_eq!(plan.remove, ["dist", "esm/a.mjs", "lib", "out.min.js"]);
    let unbuilt = [("package.json", r#"{"name":"a","version":"1.0.0"}"#), ("dist/a.js", "")];
    assert!(first(&unbuilt).remove.is_empty());
}

#[test]
fn builds_of_another_job_count_where_their_output_is_handed_on() {
    let workflow = |download: &str| {
        format!(
            "
jobs:
  compile:
    steps: [{{run: npm ci}}, {{run: npm run compile}}]
  publish:
    needs: compile
    steps: [{download}{{run: npm publish}}]
"
        )
    };
    let manifest = r#"{"name":"a","version":"1.0.0","scripts":{"compile":"tsc"}}"#;
    let with = workflow("{uses: actions/download-artifact@v4}, ");
    let plan = first(&[("package.json", manifest), (".github/workflows/publish.yml", &with)]);
    assert_eq!(outline(&plan), "workflow loose\n$ npm run compile\npack . Npm");
    let without = workflow("");
    let plan = first(&[("package.json", manifest), (".github/workflows/publish.yml", &without)]);
    assert_ne!(plan.strategy, "workflow");
}

#[test]
fn local_actions_and_expressions_are_followed() {
    let workflow = "
jobs:
  release:
    strategy: {matrix: {node-version: [18, 20, 22]}}
    steps:
      - uses: ./.github/actions/setup
        with: {node: '${{ matrix.node-version }}'}
      - run: npm run build -- --tag ${{ steps.unknown.outputs.x }}
      - run: npm run build:types
      - uses: JS-DevTools/npm-publish@v3
";
    let action = "
inputs: {node: {default: '16'}, task: {default: generate}}
runs:
  steps:
    - uses: actions/setup-node@v4
      with: {node-version: '${{ inputs.node }}'}
    - run: npm run ${{ inputs.task }}
      shell: bash
    - run: Remove-Item x
      shell: pwsh
";
    let manifest = r#"{"name":"a","version":"1.0.0","scripts":{"build":"tsc","build:types":"tsc -p types","generate":"node gen.js"}}"#;
    let files = [
        ("package.json", manifest),
        (".github/workflows/r.yaml", workflow),
        (".github/actions/setup/action.yml", action),
    ];
    let plan = first(&files);
    assert_eq!(outline(&plan), "workflow loose\n$ npm run generate\n$ npm run build:types\npack . Npm");
    assert_eq!(plan.tools.as_ref().unwrap().node.version, "20");
}

#[test]
fn frozen_comes_before_loose_and_the_number_of_plans_is_bounded() {
    let manifest = r#"{"name":"a","version":"1.0.0","scripts":{"prepack":"tsc -p a","build":"tsc -p b","release":"tsc -p c && npm publish"}}"#;
    let ci = "jobs: {b: {steps: [{run: make all}]}}";
    let plans = infer_in("", "a", &[("package.json", manifest), LOCK, (".github/workflows/ci.yml", ci)]).unwrap();
    assert_eq!(plans.len(), 8);
    let last = plans.last().unwrap();
    assert_eq!(
        (last.install.as_ref().unwrap().lockfile.as_deref(), last.remove.as_slice()),
        (None, &[LOCK.0.to_owned()][..])
    );
    let modes: Vec<_> = plans.iter().map(|plan| plan.install.as_ref().unwrap().mode).collect();
    assert_eq!(modes[..6], [InstallMode::Frozen, InstallMode::Loose].repeat(3));
    assert!(
        plans
            .iter()
            .all(|plan| plan.clock == Some(PUBLISHED) && plan.install.as_ref().unwrap().cutoff == Some(PUBLISHED))
    );
}

#[test]
fn what_cannot_be_read_has_a_reason() {
    assert_eq!(infer_in("", "a", &[]), Err(NoPlan::NoManifest("package.json".to_owned())));
    assert_eq!(infer_in("x", "a", &[("x/package.json", "[]")]), Err(NoPlan::NoManifest("x/package.json".to_owned())));
    let other = infer_in("", "a", &[("package.json", r#"{"name":"b\u001b[31m"}"#)]).unwrap_err();
    assert!(matches!(other, NoPlan::OtherPackage { .. }) && !other.to_string().contains('\u{1b}'));
}

#[test]
fn hostile_repositories_cost_little_and_say_nothing() {
    let recursive = r#"{"name":"a","version":"1.0.0","scripts":{"build":"npm run build","a":"npm run b && npm run b","b":"npm run a && npm run a","prepack":"npm run a","release":"run-p *"},"workspaces":["**/**/**/*","{a,b}/{c","../../*","/etc/*"]}"#;
    let bomb = "a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c]\ne: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d]\njobs: &f [*e,*e,*e,*e,*e,*e,*e,*e,*e]\n";
    let deep = "[".repeat(100_000);
    let long = format!("jobs: {{x: {{steps: [{{run: '{}'}}]}}}}", "npm run a && ".repeat(5_000));
    let own = "jobs: {x: {uses: ./.github/workflows/own.yml, needs: x, steps: 7}, y: {steps: [{uses: ./.github/workflows}, {run: 5}, 7, {env: []}]}}";
    let files = [
        ("package.json", recursive),
        (".github/workflows/bomb.yml", bomb),
        (".github/workflows/deep.yml", deep.as_str()),
        (".github/workflows/long.yml", long.as_str()),
        (".github/workflows/own.yml", own),
        (".yarnrc.yml", "yarnPath: ../../../../bin/sh\n"),
        ("pnpm-workspace.yaml", bomb),
        ("yarn.lock", "\0\0\0"),
        (".nvmrc", "\u{1b}[31m"),
        ("project.json", r#"{"targets":{"build":{"options":{"outputPath":"../../x"}}}}"#),
    ];
    for plan in infer_in("", "a", &files).unwrap() {
        assert!(plan.steps.len() <= 100 && plan.manager().path.is_none(), "{plan:?}");
        assert_eq!(plan.pack.directory, ".");
    }
    for text in [
        "{\"name\":1,\"scripts\":[],\"workspaces\":7,\"volta\":[],\"release\":{\"plugins\":[[]]}}",
        "{\"scripts\":{\"build\":null}}",
    ] {
        assert!(infer_in("", "a", &[("package.json", text)]).is_ok());
    }
}

#[test]
fn a_plan_survives_being_written_down() {
    let manifest = r#"{"name":"a","version":"0.1.0","scripts":{"prepublishOnly":"npm test && tsc","test":"tap"}}"#;
    for plan in infer_in("", "a", &[("package.json", manifest), LOCK]).unwrap() {
        assert_eq!(toml::from_str::<Plan>(&toml::to_string(&plan).unwrap()).unwrap(), plan);
        assert_eq!(serde_json::from_str::<Plan>(&serde_json::to_string(&plan).unwrap()).unwrap(), plan);
    }
}

#[test]
fn what_needs_only_the_systems_shell_is_run_without_programs() {
    let manifest = |rest: &str| format!(r#"{{"name":"a","version":"1.0.0",{rest}}}"#);
    let script = ("build.sh", "# node is not needed\ncat src/a.js | tr a b > dist/a.js\n");
    let plain = manifest(
        r#""scripts":{"prebuild":"rm -rf dist","build":"mkdir -p dist && cat src/*.js > dist/a.js","prepack":"npm run build"}"#,
    );
    let found = infer_in("", "a", &[("package.json", &plain)]).unwrap();
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].tools.is_none() && found[0].install.is_none());
    assert_eq!(
        outline(&found[0]),
        "shell-build no install\n$ rm -rf dist\n$ mkdir -p dist && cat src/*.js > dist/a.js\npack . Native"
    );
    let found = first(&[("package.json", &manifest(r#""scripts":{"prepublishOnly":"sh build.sh"}"#)), script]);
    assert_eq!(outline(&found), "shell-build no install\n$ sh build.sh\npack . Native");

    let with_programs = [
        r#""scripts":{"build":"cat a > dist/a.js && node x.js","prepack":"npm run build"}"#,
        r#""scripts":{"build":"cat a | uglifyjs > dist/a.js","prepack":"npm run build"}"#,
        r#""scripts":{"build":"cat $(node x.js) > dist/a.js","prepack":"npm run build"}"#,
        r#""scripts":{"build":"cat a > dist/a.js","prepack":"npm run build -- --fast"}"#,
        r#""scripts":{"build":"cat a > dist/a.js","prepack":"npm run build","postpack":"node x.js"}"#,
        r#""scripts":{"build":"find . -exec node x.js +","prepack":"npm run build"}"#,
        r#""scripts":{"build":"sh absent.sh","prepack":"npm run build"}"#,
        r#""scripts":{"build":"cat a > dist/a.js","prepack":"npm run build"},"devDependencies":{"b":"1"}"#,
    ];
    for rest in with_programs {
        let found = infer_in("", "a", &[("package.json", &manifest(rest))]).unwrap();
        assert!(found.iter().all(|plan| plan.tools.is_some()), "{rest}: {found:?}");
    }
    let needs_node = ("build.sh", "node x.js\n");
    let found = first(&[("package.json", &manifest(r#""scripts":{"prepublishOnly":"sh build.sh"}"#)), needs_node]);
    assert!(found.tools.is_some());
}

#[test]
fn each_command_runs_for_itself_where_a_build_breaks_off() {
    let manifest = r#"{"name":"a","version":"1.0.0","scripts":{"prepublishOnly":"npm run build","build":"npm run types && npm test && cp -r lib/data dist","types":"tsc --build --clean && tsc","test":"ava","prepack":"node stamp.js"}}"#;
    let plans = infer_in("", "a", &[("package.json", manifest), LOCK]).unwrap();
    let broken: Vec<_> = plans.iter().filter(|plan| plan.if_broken).collect();
    assert_eq!(broken.len(), 1);
    assert_eq!(
        outline(broken[0]),
        "lifecycle frozen\n$ tsc --build --clean\n$ tsc\n? cp -r lib/data dist\n? node stamp.js\npack . Npm"
    );
    assert!(plans.last().is_some_and(|plan| !plan.if_broken), "what changes the surroundings comes behind it");
    assert!(!plans[1].if_broken, "the ways to build come before it");
    let guarded = r#"{"name":"a","version":"1.0.0","scripts":{"prepublishOnly":"npm run build && cp a dist","build":"tsc && test -n \"$DEBUG\" && node mock.js"}}"#;
    let plans = infer_in("", "a", &[("package.json", guarded), LOCK]).unwrap();
    let broken: Vec<_> = plans.iter().filter(|plan| plan.if_broken).map(outline).collect();
    assert!(
        broken.iter().all(|plan| !plan.contains("\n$ node mock.js") && !plan.contains("\n? node mock.js")),
        "{broken:?}"
    );
    let single = r#"{"name":"a","version":"1.0.0","scripts":{"prepack":"tsc"}}"#;
    assert!(infer_in("", "a", &[("package.json", single), LOCK]).unwrap().iter().all(|plan| !plan.if_broken));
}

#[test]
fn a_guessed_node_is_tried_again_as_another() {
    let manifest = r#"{"name":"a","version":"1.0.0","scripts":{"prepare":"node make.js"}}"#;
    let nodes = |files: &[(&str, &str)], claims: &Claims| -> Vec<(String, String)> {
        let plans = infer_with("", "a", files, claims, &[]).unwrap();
        let tools = plans.into_iter().map(|plan| plan.tools.unwrap());
        let mut found: Vec<_> = tools.map(|tools| (tools.node.version, tools.npm.version)).collect();
        found.dedup();
        found
    };
    let pair = |node: &str, npm: &str| (node.to_owned(), npm.to_owned());
    let claims = Claims { published_at: Some(PUBLISHED), ..Claims::default() };
    let checks = "on: push\njobs:\n  a:\n    steps:\n    - uses: actions/setup-node@v4\n      with: {node-version: 18}\n    - run: npm test\n";
    let checked = [("package.json", manifest), (".github/workflows/ci.yml", checks)];
    assert_eq!(nodes(&[("package.json", manifest)], &claims), [pair("20", "10"), pair("22", "10")]);
    assert_eq!(nodes(&checked, &claims), [pair("18", "9 || 10"), pair("22", "10")]);
    assert_eq!(nodes(&[("package.json", manifest), (".nvmrc", "18")], &claims), [pair("18", "9 || 10")]);
    let stated = Claims { node_version: Some("18.1.0".to_owned()), ..claims };
    let lone = [("package.json", manifest), LOCK];
    assert_eq!(nodes(&lone, &stated), [pair("18.1.0", "9 || 10"), pair("20", "10"), pair("18.1.0", "9 || 10")]);
    let plans = infer_with("", "a", &lone, &stated, &[]).unwrap();
    let modes: Vec<_> = plans.iter().map(|plan| plan.install.as_ref().unwrap().mode).collect();
    assert_eq!(modes, [InstallMode::Frozen, InstallMode::Frozen, InstallMode::Loose, InstallMode::Loose]);
}

#[test]
fn a_build_before_semantic_release_commits_sees_the_version_before() {
    let manifest = r#"{"name":"a","version":"1.0.0","scripts":{"build":"tsc","prepack":"node fix.js"}}"#;
    let workflow =
        "on: push\njobs:\n  release:\n    steps:\n    - run: npm run build\n    - run: npx semantic-release\n";
    let configured = |plugin: &str| format!(r#"{{"plugins":["@semantic-release/npm","{plugin}"]}}"#);
    let claims = Claims {
        published_at: Some(PUBLISHED),
        lower: Some(crate::package::Version::parse("0.9.0").unwrap()),
        ..Claims::default()
    };
    let plan = |plugin: &str| {
        let configuration = configured(plugin);
        let files =
            [("package.json", manifest), (".github/workflows/r.yml", workflow), (".releaserc.json", &configuration)];
        infer_with("", "a", &files, &claims, &[]).unwrap().remove(0)
    };
    let committed = plan("@semantic-release/git");
    assert_eq!(committed.stamps[0].version, "0.9.0");
    assert_eq!(
        outline(&committed),
        "workflow loose\n$ npm run build\n? npm version 1.0.0 --no-git-tag-version --allow-same-version\npack . Npm scripts"
    );
    let other = plan("@semantic-release/github");
    assert!(other.stamps.is_empty() && !outline(&other).contains("npm version"), "{}", outline(&other));
}

#[test]
fn a_build_is_tried_on_the_other_side_of_its_version() {
    let manifest = |version: &str| format!(r#"{{"name":"a","version":"{version}","scripts":{{"build":"tsc"}}}}"#);
    let lower = crate::package::Version::parse("0.9.0").ok();
    let claims = Claims { published_at: Some(PUBLISHED), lower, ..Claims::default() };
    let stamps = |version: &str| -> Vec<(String, Vec<String>)> {
        let plans = infer_with("", "a", &[("package.json", &manifest(version))], &claims, &[]).unwrap();
        let stamps = |plan: &Plan| plan.stamps.iter().map(|stamp| stamp.version.clone()).collect();
        plans.iter().map(|plan| (outline(plan).lines().skip(1).collect::<Vec<_>>().join(" "), stamps(plan))).collect()
    };
    let bumped = "$ npm run build ? npm version 1.0.0 --no-git-tag-version --allow-same-version pack . Npm";
    assert_eq!(stamps("1.0.0").last().unwrap(), &(bumped.to_owned(), vec!["0.9.0".to_owned()]));
    let trial = Claims { lower: crate::package::Version::parse("1.0.0-beta.1").ok(), ..claims.clone() };
    let plans = infer_with("", "a", &[("package.json", &manifest("1.0.0"))], &trial, &[]).unwrap();
    assert!(plans.iter().all(|plan| plan.stamps.is_empty()), "a trial is no version of that line");
    assert!(stamps("0.0.0-development").iter().all(|(_, stamps)| stamps == &["1.0.0"]));
}

#[test]
fn the_checkout_is_called_as_a_clone_is() {
    let manifest = r#"{"name":"a","version":"1.0.0","scripts":{"build":"tsc"}}"#;
    let claims = Claims { repository: Some("sources".to_owned()), ..Claims::default() };
    let plans = infer_with("", "a", &[("package.json", manifest)], &claims, &[]).unwrap();
    assert!(plans.iter().all(|plan| plan.source_directory() == "/build/sources"), "{plans:?}");
}

/// A manifest whose scripts are the given ones, `prepare` calling the first.
fn scripts(all: impl Iterator<Item = (String, String)>) -> String {
    let mut scripts: serde_json::Map<String, serde_json::Value> =
        all.map(|(name, script)| (name, script.into())).collect();
    scripts.insert("prepare".to_owned(), "npm run a0".into());
    serde_json::json!({ "name": "a", "version": "1.0.0", "scripts": scripts }).to_string()
}

#[test]
fn scripts_inside_each_other_are_followed_to_the_command() {
    let chain = |length: usize| {
        let calls = (1..length).map(|index| (format!("a{}", index - 1), format!("npm run a{index}")));
        scripts(calls.chain([(format!("a{}", length - 1), "tsc".to_owned())]))
    };
    assert_eq!(outline(&first(&[("package.json", &chain(12)), LOCK])), "lifecycle frozen\npack . Npm scripts");
    let too_deep = infer_in("", "a", &[("package.json", &chain(40)), LOCK]);
    assert_eq!(too_deep, Err(NoPlan::TooIntricate("more scripts inside each other")));
}

#[test]
fn scripts_that_call_each_other_end() {
    let ring = (0..300).map(|index| (format!("a{index}"), format!("run-s {} 'b*'", "'a*' ".repeat(60))));
    let ring = scripts(ring.chain([("b".to_owned(), "tsc".to_owned())]));
    let found = infer_in("", "a", &[("package.json", &ring), LOCK]);
    assert_eq!(found, Err(NoPlan::TooIntricate("more commands")));
    let pair =
        [("a0", "npm run a1 && tsc"), ("a1", "npm run a0")].map(|(name, text)| (name.to_owned(), text.to_owned()));
    let plan = first(&[("package.json", &scripts(pair.into_iter())), LOCK]);
    assert_eq!(outline(&plan), "lifecycle frozen\n$ tsc\npack . Npm");
}

#[test]
fn no_step_of_a_long_job_is_lost() {
    let job = |steps: usize| {
        let before = (0..steps).map(|step| format!("      - run: node make/{step}.js\n")).collect::<String>();
        format!("on: push\njobs:\n  publish:\n    steps:\n{before}      - run: tsc\n      - run: npm publish\n")
    };
    let manifest = ("package.json", r#"{"name":"a","version":"1.0.0"}"#);
    let plan = first(&[manifest, LOCK, (".github/workflows/release.yml", &job(100))]);
    assert_eq!(plan.steps.last().unwrap().run, "tsc");
    let found = infer_in("", "a", &[manifest, LOCK, (".github/workflows/release.yml", &job(400))]);
    assert_eq!(found, Err(NoPlan::TooIntricate("more steps")));
}
