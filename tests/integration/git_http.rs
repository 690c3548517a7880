//! What is fetched from a git host, counted request by request at a real `git http-backend` on loopback.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;
use tarproof::demo::World;
use tarproof::source::git::{Completeness, SourceError};
use tarproof::source::match_commit::{Evidence, MatchStanding};

use crate::support::git_server::{GitServer, Kind, Request};
use crate::support::hosted::{Hosted, artifact, files_of, find, git, open};

const RIGHT_TAG: [Kind; 3] = [Kind::Abilities, Kind::Refs, Kind::Objects];
const BY_ID: [Kind; 2] = [Kind::Abilities, Kind::Objects];

/// Three commits, each with its manifest; `TAGS` stands for the tags of the second.
const THREE_RELEASES: &str = r#"
[[commits]]
label = "first"
tags = ["v1.2.2", "v1.2.30", "v1.2.3-beta.3"]
files."package.json" = '{"name": "easel", "version": "1.2.2", "scripts": {"test": "true"}}'
files."index.js" = "exports.legs = 2;\n"
files."lib/deep/er/NOTES.md" = "Oak\n"
[[commits]]
label = "second"
tags = [TAGS]
files."package.json" = '{"name": "easel", "version": "1.2.3", "scripts": {"test": "true"}}'
files."index.js" = "exports.legs = 3;\n"
[[commits]]
label = "third"
files."package.json" = '{"name": "easel", "version": "1.2.4", "scripts": {"test": "true"}}'
files."index.js" = "exports.legs = 4;\n"
"#;

fn three_releases(tags: &str) -> String {
    THREE_RELEASES.replace("TAGS", tags)
}

/// Ids of all objects of a kind that the cache holds.
fn cached_objects(cache: &Path, kind: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for repository in cached_repositories(cache) {
        let list = git(&repository, &["cat-file", "--batch-all-objects", "--batch-check=%(objecttype) %(objectname)"]);
        let ids = list.lines().filter_map(|line| line.strip_prefix(kind)?.strip_prefix(' '));
        found.extend(ids.map(str::to_owned));
    }
    found
}

fn cached_repositories(cache: &Path) -> Vec<std::path::PathBuf> {
    let entries = |directory: &Path| std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    let repositories = entries(&cache.join("git")).flat_map(|address| entries(&address).collect::<Vec<_>>());
    repositories.filter(|path| path.extension().is_some_and(|extension| extension == "git")).collect()
}

/// The ids that a request asks for.
fn wants(request: &Request) -> BTreeSet<String> {
    let ids = request.body.split("want ").skip(1).map(|rest| rest[..40].to_owned());
    ids.collect()
}

#[test]
fn a_right_tag_costs_three_requests_and_no_history() {
    let hosted = Hosted::new();
    let built = hosted.build("brushworks/easel", &three_releases("'v1.2.3'"));
    let artifact = artifact(&files_of(&built, "second", ""));
    let (source, compared) = hosted.compared("brushworks/easel", None, "easel@1.2.3", &artifact);
    assert_eq!(hosted.kinds(), RIGHT_TAG);
    assert_eq!((source.fetches(), source.completeness()), (1, Completeness::Trees));
    assert!(compared.ledger.files.iter().all(|file| file.explanation.class() == "git-blob"));
    let cache = &hosted.options.cache_directory;
    assert_eq!(cached_objects(cache, "commit"), BTreeSet::from([built.commits["second"].id.clone()]));
    assert_eq!(cached_objects(cache, "blob"), BTreeSet::new());
}

#[test]
fn a_tag_in_another_form_costs_no_more() {
    for tag in ["1.2.3", "easel@1.2.3", "@brush/easel@1.2.3", "easel-v1.2.3", "release-1.2.3", "v1.2.3-npm"] {
        let hosted = Hosted::new();
        let built = hosted.build("brushworks/easel", &three_releases(&format!("'{tag}'")));
        let artifact = artifact(&files_of(&built, "second", ""));
        let (_, matched) = hosted.matched("brushworks/easel", None, "@brush/easel@1.2.3", &artifact);
        assert_eq!(hosted.kinds(), RIGHT_TAG, "{tag}");
        assert_eq!(matched.winner.commit.to_string(), built.commits["second"].id, "{tag}");
    }
}

#[test]
fn contents_speak_for_no_commit_that_has_none_of_the_files() {
    for (notes, expected) in [("Elm\n", vec![]), ("Oak\n", vec![Evidence::Content])] {
        let hosted = Hosted::new();
        hosted.build("brushworks/easel", &three_releases(""));
        let manifest = r#"{"name": "stool", "version": "9.0.0"}"#;
        let artifact = artifact(&[("package.json", manifest), ("lib/deep/er/NOTES.md", notes)]);
        let matched = hosted.matched("brushworks/easel", None, "stool@9.0.0", &artifact).1;
        assert_eq!(matched.winner.evidence, expected);
        assert_eq!(matched.standing, MatchStanding::Nearest);
    }
}

#[test]
fn without_a_tag_the_history_is_fetched_once_and_the_versions_commit_found() {
    let mut hosted = Hosted::new();
    let built = hosted.build("brushworks/easel", &three_releases(""));
    // The published manifest is no blob of the repository, and two commits hold the other files alike.
    let mut files = files_of(&built, "second", "");
    files[2].1 = files[2].1.replace(r#", "scripts": {"test": "true"}"#, "");
    files.retain(|(path, _)| path != "index.js");
    let artifact = artifact(&files);
    let (source, matched) = hosted.matched("brushworks/easel", None, "easel@1.2.3", &artifact);
    assert_eq!(source.completeness(), Completeness::History);
    // No tag: two requests. The history: three. The manifests of its commits: two.
    let expected = [&RIGHT_TAG[..2], &RIGHT_TAG, &BY_ID].concat();
    assert_eq!(hosted.kinds(), expected);
    assert_eq!(matched.winner.commit.to_string(), built.commits["second"].id);
    assert_eq!(matched.standing, MatchStanding::Established);
    assert!(matched.winner.evidence.contains(&Evidence::VersionIntroduced));

    let again = hosted.matched("brushworks/easel", None, "easel@1.2.3", &artifact).1;
    assert_eq!(again, matched);
    assert_eq!(hosted.kinds(), []);

    hosted.options.offline = true;
    hosted.forget_age();
    assert_eq!(hosted.matched("brushworks/easel", None, "easel@1.2.3", &artifact).1, matched);
    assert_eq!(hosted.kinds(), []);

    hosted.options.offline = false;
    assert_eq!(hosted.matched("brushworks/easel", None, "easel@1.2.3", &artifact).1, matched);
    let refreshed = [&RIGHT_TAG[..2], &RIGHT_TAG[..2]].concat();
    assert_eq!(hosted.kinds(), refreshed, "the refs are asked for again, nothing else");
}

#[test]
fn offline_says_so_where_the_release_was_never_asked_for() {
    let mut hosted = Hosted::new();
    let built = hosted.build("brushworks/easel", &three_releases("'v1.2.3'"));
    hosted.matched("brushworks/easel", None, "easel@1.2.3", &artifact(&files_of(&built, "second", "")));
    hosted.server.take_requests();
    hosted.options.offline = true;
    let known = hosted.open("brushworks/easel", None, "easel@1.2.3").unwrap();
    assert!(known.is_copy());
    for subject in ["easel@1.2.4", "other@1.2.3"] {
        let error = hosted.open("brushworks/easel", None, subject).unwrap_err();
        assert!(matches!(error, SourceError::Offline { .. }), "{subject}: {error}");
    }
    assert_eq!(hosted.kinds(), []);
}

#[test]
fn a_tag_that_moves_between_two_runs_is_reported_from_then_on() {
    let mut hosted = Hosted::new();
    let built = hosted.build("brushworks/easel", &three_releases("'v1.2.3', 'nightly'"));
    let (second, third) = (&built.commits["second"].id, &built.commits["third"].id);
    hosted.forget_age();
    assert_eq!(hosted.open("brushworks/easel", None, "easel@1.2.3").unwrap().moved_tags(), []);
    hosted.git("brushworks/easel", &["update-ref", "refs/tags/v1.2.3", third]);
    hosted.git("brushworks/easel", &["update-ref", "refs/tags/nightly", third]);
    for _ in 0..2 {
        let source = hosted.open("brushworks/easel", None, "easel@1.2.3").unwrap();
        let [moved] = source.moved_tags() else { panic!("{:?}", source.moved_tags()) };
        assert_eq!((&*moved.tag, &moved.before.to_string(), &moved.now.to_string()), ("v1.2.3", second, third));
        assert_eq!(source.tag("v1.2.3").unwrap().to_string(), *third);
    }
    // Tags of other releases, and rolling ones, are no matter of this release.
    assert_eq!(hosted.open("brushworks/easel", None, "easel@1.2.2").unwrap().moved_tags(), []);
}

#[test]
fn a_tag_that_is_deleted_is_no_evidence_any_more() {
    let mut hosted = Hosted::new();
    hosted.build("brushworks/easel", &three_releases("'v1.2.3'"));
    hosted.forget_age();
    assert!(hosted.open("brushworks/easel", None, "easel@1.2.3").unwrap().tag("v1.2.3").is_some());
    hosted.git("brushworks/easel", &["update-ref", "-d", "refs/tags/v1.2.3"]);
    assert!(hosted.open("brushworks/easel", None, "easel@1.2.3").unwrap().tag("v1.2.3").is_none());
}

#[test]
fn contents_are_fetched_only_of_files_that_differ_and_at_once() {
    let hosted = Hosted::new();
    let built = hosted.build("brushworks/easel", &three_releases("'v1.2.3'"));
    let mut files = files_of(&built, "second", "");
    for (path, text) in &mut files {
        if path != "index.js" {
            *text = text.trim_end().to_owned() + "\r\n";
        }
    }
    // Built files are in no commit, so the history could not explain everything and is not fetched.
    files.push(("dist/built.js".to_owned(), "exports.built = true;\n".to_owned()));
    let (source, compared) = hosted.compared("brushworks/easel", None, "easel@1.2.3", &artifact(&files));
    let requests = hosted.server.take_requests();
    let kinds: Vec<Kind> = requests.iter().map(|request| request.kind).collect();
    assert_eq!(kinds, [&RIGHT_TAG[..], &BY_ID, &BY_ID].concat());
    // The manifest is read to find the package's directory, then the other file that differs.
    let blob = |path: &str| hosted.git("brushworks/easel", &["rev-parse", &format!("v1.2.3:{path}")]).trim().to_owned();
    let (manifest, notes) = (blob("package.json"), blob("lib/deep/er/NOTES.md"));
    assert_eq!(wants(&requests[4]), BTreeSet::from([manifest.clone()]));
    assert_eq!(wants(&requests[6]), BTreeSet::from([notes.clone()]));
    assert_eq!(cached_objects(&hosted.options.cache_directory, "blob"), BTreeSet::from([manifest, notes]));
    assert_eq!(source.fetches(), 3);
    let unexplained: Vec<_> = compared.ledger.unexplained().map(|file| &*file.path).collect();
    assert_eq!(unexplained, ["dist/built.js"]);
}

const MONOREPO: &str = r#"
[[commits]]
label = "release"
tags = ["v2.0.0"]
files."package.json" = '{"name": "root", "private": true}'
files."packages/easel/package.json" = '{"name": "easel", "version": "2.0.0"}'
files."packages/easel/index.js" = "exports.legs = 3;\n"
files."packages/easel/lib/a/b/c/deep.js" = "exports.deep = true;\n"
files."packages/palette/package.json" = '{"name": "palette", "version": "2.0.0"}'
files."packages/palette/lib/a/b/c/other.js" = "exports.colours = 12;\n"
"#;

#[test]
fn of_a_monorepo_only_the_packages_own_trees_are_fetched() {
    let hosted = Hosted::new();
    let built = hosted.build("brushworks/studio", MONOREPO);
    let all = files_of(&built, "release", "packages/easel/");
    let tree =
        |path: &str| hosted.git("brushworks/studio", &["rev-parse", &format!("v2.0.0:{path}")]).trim().to_owned();

    let shallow: Vec<_> = all.iter().filter(|(path, _)| !path.starts_with("lib/")).cloned().collect();
    let directory = Some("packages/easel");
    hosted.matched("brushworks/studio", directory, "easel@2.0.0", &artifact(&shallow));
    assert_eq!(hosted.kinds(), RIGHT_TAG);
    let trees = cached_objects(&hosted.options.cache_directory, "tree");
    assert!(!trees.contains(&tree("packages/easel/lib/a/b")) && !trees.contains(&tree("packages/palette/lib/a")));

    let (source, compared) = hosted.compared("brushworks/studio", directory, "easel@2.0.0", &artifact(&all));
    let requests = hosted.server.take_requests();
    assert_eq!(requests.iter().map(|request| request.kind).collect::<Vec<_>>(), BY_ID);
    assert_eq!(wants(&requests[1]), BTreeSet::from([tree("packages/easel/lib/a")]));
    assert!(compared.ledger.files.iter().all(|file| file.explanation.class() == "git-blob"));
    assert_eq!(source.completeness(), Completeness::Trees);
    let trees = cached_objects(&hosted.options.cache_directory, "tree");
    assert!(trees.contains(&tree("packages/easel/lib/a/b/c")));
    assert!(!trees.contains(&tree("packages/palette/lib/a")), "trees of another package were fetched");
}

#[test]
fn threads_that_verify_one_release_share_one_fetch() {
    let hosted = Hosted::new();
    let built = hosted.build("brushworks/easel", &three_releases(""));
    let artifact = artifact(&files_of(&built, "second", ""));
    let commits: BTreeSet<String> = std::thread::scope(|scope| {
        let verify = || {
            let mut source = open(&hosted.options, "brushworks/easel", None, "easel@1.2.3").unwrap();
            let matched = find(&mut source, None, "easel@1.2.3", &artifact).unwrap().unwrap();
            matched.winner.commit.to_string()
        };
        let threads: Vec<_> = (0..6).map(|_| scope.spawn(verify)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(commits, BTreeSet::from([built.commits["second"].id.clone()]));
    let kinds = hosted.kinds();
    assert_eq!(kinds.iter().filter(|kind| **kind == Kind::Refs).count(), 2, "{kinds:?}");
    for repository in cached_repositories(&hosted.options.cache_directory) {
        git(&repository, &["fsck", "--connectivity-only", "--no-dangling"]);
    }
}

/// Runs the program with nothing of this machine's settings.
fn tarproof(home: &Path, registry: Option<&str>, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tarproof"));
    command
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("HOME", home)
        .env("NO_PROXY", "*");
    if let Some(registry) = registry {
        command.env("npm_config_registry", registry);
    }
    command.arg("verify").args(["--quiet", "--format", "json", "--cache-dir"]).arg(home.join("cache"));
    command.args(arguments).current_dir(home);
    command
}

fn results(output: &Output) -> Vec<Value> {
    let report: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)));
    report["results"].as_array().unwrap().clone()
}

fn home_that_leads_to(directory: &Path, server: &GitServer) -> std::path::PathBuf {
    let home = directory.join("a home");
    std::fs::create_dir(&home).unwrap();
    let settings = format!("[url \"{}\"]\n\tinsteadOf = https://git.example/\n", server.url());
    std::fs::write(home.join(".gitconfig"), settings).unwrap();
    home
}

#[test]
fn processes_that_verify_one_release_do_not_disturb_each_other() {
    let hosted = Hosted::new();
    let commits = three_releases("")
        .replace(r#""scripts""#, r#""repository": "https://git.example/brushworks/easel", "scripts""#);
    let built = hosted.build("brushworks/easel", &commits);
    let home = home_that_leads_to(hosted.path(), &hosted.server);
    let artifact = artifact(&files_of(&built, "second", ""));
    let argument = artifact.path.to_str().unwrap();
    let spawn = || {
        let mut command = tarproof(&home, None, &["--artifact", argument]);
        command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped()).spawn().unwrap()
    };
    let processes: Vec<_> = (0..4).map(|_| spawn()).collect();
    for process in processes {
        let output = process.wait_with_output().unwrap();
        let result = &results(&output)[0];
        assert_eq!(result["verdict"], "verbatim", "{result:#}");
        assert_eq!(result["source"]["commit"]["id"], *built.commits["second"].id);
    }
    hosted.server.take_requests();
    let output = tarproof(&home, None, &["--offline", "--artifact", argument]).output().unwrap();
    assert_eq!(results(&output)[0]["verdict"], "verbatim");
    assert_eq!(hosted.kinds(), []);
}

/// Its sources lie deeper than the trees that are fetched to compare, and beside many manifests.
const BUILT: &str = r#"
[[commits]]
label = "release"
tags = ["v2.0.0"]
files."package.json" = '{"name": "root", "private": true, "workspaces": ["packages/*"]}'
files.".gitignore" = "dist\n"
files.".github/workflows/checks.yml" = "on: push\njobs: {a: {steps: [{run: npm test}]}}\n"
files."packages/easel/package.json" = '{"name": "easel", "version": "2.0.0", "files": ["dist"], "repository": "https://git.example/brushworks/easel", "scripts": {"prepack": "mkdir -p dist && cat src/a/b/c/*.js > dist/index.js"}}'
files."packages/easel/src/a/b/c/one.js" = "exports.legs = 3;\n"
files."packages/easel/src/a/b/c/two.js" = "exports.high = true;\n"
files."packages/palette/package.json" = '{"name": "palette", "version": "2.0.0"}'
files."packages/paper/package.json" = '{"name": "paper", "version": "2.0.0"}'
"#;

/// Publishes what the build makes, and gives what verifies it: a result, and what was asked of the host for it.
fn built_package(hosted: &Hosted, commits: &str) -> impl Fn(&[&str]) -> (Value, Vec<Kind>) {
    let built = hosted.build("brushworks/easel", commits);
    let home = home_that_leads_to(hosted.path(), &hosted.server);
    let mut files = files_of(&built, "release", "packages/easel/");
    files.retain(|(path, _)| !path.starts_with("src/") && path != "dist/index.js");
    files.push(("dist/index.js".to_owned(), "exports.legs = 3;\nexports.high = true;\n".to_owned()));
    let artifact = artifact(&files);
    move |options| {
        // Kept whole: its folder goes with it.
        let artifact = &artifact;
        let given = ["--directory", "packages/easel", "--artifact", artifact.path.to_str().unwrap()];
        let output = tarproof(&home, None, &[options, &given].concat()).output().unwrap();
        (results(&output).remove(0), hosted.kinds())
    }
}

#[test]
fn what_a_build_needs_is_fetched_at_once_and_only_for_a_build() {
    let hosted = Hosted::new();
    let run = built_package(&hosted, BUILT);

    let (compared, requests) = run(&["--no-rebuild"]);
    assert_eq!(compared["inconclusive"]["id"], "rebuild-off", "{compared:#}");
    // One request for whatever says how the package is built.
    assert_eq!(requests, [&RIGHT_TAG[..], &BY_ID].concat());

    let (offline, requests) = run(&["--offline"]);
    assert_eq!((&offline["inconclusive"]["id"], requests), (&Value::from("network-needed"), Vec::new()), "{offline:#}");

    let (rebuilt, requests) = run(&[]);
    assert_eq!(rebuilt["verdict"], "reproduced", "{rebuilt:#}");
    // What was compared is asked for again, then the deeper trees and all contents.
    assert_eq!(requests.iter().filter(|kind| **kind == Kind::Refs).count(), 0, "{requests:?}");
    assert!(requests.len() <= 3 * BY_ID.len(), "{requests:?}");

    let (again, requests) = run(&["--offline"]);
    assert_eq!((&again["verdict"], requests), (&rebuilt["verdict"], Vec::new()));
}

#[test]
fn stale_committed_output_is_made_anew_from_elsewhere_too() {
    let hosted = Hosted::new();
    let commits =
        BUILT.replace(r#"files.".gitignore" = "dist\n""#, r#"files."packages/easel/dist/index.js" = "stale\n""#);
    let (result, _) = built_package(&hosted, &commits)(&[]);
    // Every file has a counterpart, and the manifest is the commit's: nothing else had to be read to compare.
    assert_eq!(result["verdict"], "reproduced", "{result:#}");
}

#[test]
fn the_fixture_world_gets_its_verdicts_over_http_too() {
    let directory = tempfile::tempdir().unwrap();
    let world = World::build(&directory.path().join("world")).unwrap();
    let repositories = directory.path().join("world/repositories");
    let server = GitServer::start(&repositories);
    let home = directory.path().join("a home");
    std::fs::create_dir(&home).unwrap();
    // What is neither served nor gone leads to the server too, which knows nothing of it.
    let settings = world.git_config().replace(&format!("{}/", repositories.display()), &server.url()).replace(
        &format!("{}/", directory.path().join("world/nowhere").display()),
        &format!("{}nowhere/", server.url()),
    );
    assert!(!settings.contains(directory.path().to_str().unwrap()));
    std::fs::write(home.join(".gitconfig"), settings).unwrap();

    let expected: Vec<_> = world.expected().collect();
    let subjects: Vec<String> =
        expected.iter().map(|(release, _)| format!("npm:{}@{}", release.name, release.version)).collect();
    let subjects: Vec<&str> = subjects.iter().map(String::as_str).collect();
    let output = tarproof(&home, Some(world.registry_url()), &subjects).output().unwrap();
    let mut deviations = Vec::new();
    for ((release, expectation), result) in expected.iter().zip(results(&output)) {
        let mut verdict = result["verdict"].as_str().unwrap_or("error").to_owned();
        if let Some(reason) = result["inconclusive"]["id"].as_str() {
            verdict = format!("{verdict}({reason})");
        }
        let file = result["files"]
            .as_array()
            .into_iter()
            .flatten()
            .find(|file| file["path"].as_str() == expectation.file.as_deref());
        let class = file.and_then(|file| file["class"].as_str());
        let rules: Vec<_> = result["findings"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|finding| finding["rule"].as_str())
            .collect();
        let missing: Vec<_> = expectation.findings.iter().filter(|rule| !rules.contains(&rule.as_str())).collect();
        if verdict != expectation.verdict || class != expectation.class.as_deref() || !missing.is_empty() {
            deviations.push(format!(
                "{}@{}: {verdict}, {class:?}, no {missing:?}; {}",
                release.name, release.version, expectation.verdict
            ));
        }
    }
    assert!(deviations.is_empty(), "{}", deviations.join("\n"));
    assert!(!server.take_requests().is_empty());
}
