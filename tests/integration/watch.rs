//! Which releases are swept, and new ones found while they are published.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Stdio};
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tarproof::demo::{Registry, Served, all_cases};

use crate::support::{Tarproof, TestWorld};

const PACKAGE: &str = "paint-chalk";

/// A world of the named cases, in which each test may publish.
fn world(cases: &[&str]) -> Arc<TestWorld> {
    let cases = all_cases().unwrap().into_iter().filter(|case| cases.contains(&case.id.as_str())).collect();
    Arc::new(TestWorld::of_cases(cases))
}

fn packument(registry: &Registry) -> Value {
    serde_json::from_slice(&registry.answer(PACKAGE).unwrap().body).unwrap()
}

fn serve(registry: &Registry, path: &str, body: &Value) {
    registry.set_answer(path, Served::whole("application/json", body.to_string()));
}

/// The packument as it was before these versions were published.
fn before(packument: &Value, versions: &[&str], latest: &str) -> Value {
    let mut packument = packument.clone();
    for key in ["versions", "time"] {
        let entries = packument[key].as_object_mut().unwrap();
        entries.retain(|version, _| !versions.contains(&version.as_str()));
    }
    packument["dist-tags"]["latest"] = json!(latest);
    packument
}

/// A watch that ends with its test, however that ends.
struct Watching(Child);

impl Drop for Watching {
    fn drop(&mut self) {
        // It has ended already where all went well.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_look_finds_what_was_published_since_the_last_one() {
    let tarproof = Tarproof::in_world(world(&["september-replay"]));
    let registry = tarproof.world().registry();
    let whole = packument(registry);
    tarproof.write("packages.txt", "npm:paint-chalk # the replay\n");
    let look = || tarproof.run(&["watch", "--list", "packages.txt", "--store", "store.db", "--once"]);

    serve(registry, PACKAGE, &before(&whole, &["5.6.1", "5.6.2"], "5.6.0"));
    let first = look();
    assert_eq!((first.code, first.stdout(), first.stderr()), (0, "", ""));

    serve(registry, PACKAGE, &before(&whole, &["5.6.2"], "5.6.1"));
    let second = look();
    assert_eq!(second.code, 1, "{second}");
    assert!(second.stdout().starts_with("no-source    npm:paint-chalk@5.6.1  "), "{second}");
    assert!(second.stdout().contains("\n1 new release: from publication to verdict "), "{second}");

    serve(registry, PACKAGE, &whole);
    let third = look();
    assert_eq!(third.code, 0, "{third}");
    assert!(third.stdout().starts_with("verbatim     npm:paint-chalk@5.6.2  "), "{third}");
    assert_eq!(look().stdout(), "");

    let history = tarproof.run(&["history", "npm:paint-chalk", "--store", "store.db", "--format", "json"]);
    let results = history.json()["results"].as_array().unwrap().len();
    assert_eq!(results, 2, "{history}");
}

#[test]
fn a_release_that_is_published_while_it_is_watched_has_its_verdict_in_the_next_round() {
    let tarproof = Tarproof::in_world(world(&["september-replay"]));
    let registry = tarproof.world().registry();
    let whole = packument(registry);
    serve(registry, PACKAGE, &before(&whole, &["5.6.1", "5.6.2"], "5.6.0"));
    tarproof.write("packages.txt", "npm:paint-chalk\n");
    let arguments = ["watch", "--list", "packages.txt", "--store", "store.db", "--interval", "1s", "--format", "json"];
    let watching = tarproof.command(&arguments, &[]).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut watching = Watching(watching);
    // The second question means that the first round has ended.
    while registry.requests().iter().filter(|request| *request == "GET /paint-chalk").count() < 2 {
        assert!(watching.0.try_wait().unwrap().is_none(), "it ended by itself");
        std::thread::sleep(Duration::from_millis(20));
    }
    serve(registry, PACKAGE, &whole);
    let mut lines = BufReader::new(watching.0.stdout.take().unwrap()).lines().map(|line| line.unwrap());
    let mut verdicts: Vec<(String, String)> = lines
        .by_ref()
        .take(2)
        .map(|line| {
            let line: Value = serde_json::from_str(&line).unwrap();
            assert!(line["verdict_after"].as_u64() >= line["seen_after"].as_u64(), "{line}");
            let text = |key: &str| line[key].as_str().unwrap().to_owned();
            (text("purl"), text("verdict"))
        })
        .collect();
    verdicts.sort();
    let expected = [("pkg:npm/paint-chalk@5.6.1", "no-source"), ("pkg:npm/paint-chalk@5.6.2", "verbatim")];
    assert_eq!(verdicts, expected.map(|(purl, verdict)| (purl.to_owned(), verdict.to_owned())));

    let process = nix::unistd::Pid::from_raw(i32::try_from(watching.0.id()).unwrap());
    nix::sys::signal::kill(process, nix::sys::signal::Signal::SIGTERM).unwrap();
    let end: Value = serde_json::from_str(&lines.next().unwrap()).unwrap();
    assert_eq!((&end["event"], &end["releases"]), (&json!("end"), &json!(2)));
    assert_eq!(lines.next(), None);
    assert_eq!(watching.0.wait().unwrap().code(), Some(1));
}

#[test]
fn with_a_feed_all_packages_are_looked_at_when_the_watch_begins() {
    let tarproof = Tarproof::in_world(world(&["september-replay"]));
    let registry = tarproof.world().registry();
    let whole = packument(registry);
    tarproof.write("packages.txt", "npm:paint-chalk\nnpm:no-such-package\n");
    let feed = format!("{}feed", tarproof.world().registry_url());
    serve(registry, PACKAGE, &before(&whole, &["5.6.1", "5.6.2"], "5.6.0"));
    serve(registry, "feed/", &json!({"update_seq": "7-x"}));
    let arguments = ["watch", "--list", "packages.txt", "--store", "store.db", "--once", "--feed", &feed];
    let first = tarproof.run(&arguments);
    assert_eq!(first.code, 4, "{first}");
    assert!(first.stderr().starts_with("npm:no-such-package cannot be looked at: "), "{first}");
    assert!(registry.requests().contains(&"GET /feed/".to_owned()));
    serve(registry, PACKAGE, &before(&whole, &["5.6.2"], "5.6.1"));
    let second = tarproof.run(&arguments);
    assert_eq!(second.code, 1, "{second}");
}

#[test]
fn packages_are_chosen_in_every_way() {
    let tarproof = Tarproof::in_world(world(&["september-replay", "monorepo-directory", "verbatim", "scoped-tag"]));
    let registry = tarproof.world().registry();
    let names: Vec<&str> = tarproof.world().cases().iter().map(|case| case.package.as_str()).collect();
    let scoped = names.iter().find(|name| name.starts_with('@')).unwrap();
    let plain = names.iter().find(|name| !name.starts_with('@') && **name != PACKAGE).unwrap();
    let sweep = |arguments: &[&str]| {
        let store = format!("{}.db", arguments.concat().replace(|character: char| !character.is_alphanumeric(), ""));
        let output =
            tarproof.run(&[&["sweep", "--no-rebuild", "--format", "json", "--store", &store], arguments].concat());
        let report = output.json();
        let mut purls: Vec<String> =
            report["changes"].as_array().unwrap().iter().map(|one| one["purl"].as_str().unwrap().to_owned()).collect();
        purls.sort();
        (output, purls)
    };

    let found = |names: &[&str]| {
        let objects: Vec<Value> = names.iter().map(|name| json!({"package": {"name": name}})).collect();
        json!({"objects": objects, "total": names.len()})
    };
    serve(registry, "-/v1/search", &found(&[scoped, "@elsewhere/x", plain]));
    let scope = scoped.split('/').next().unwrap();
    let (output, purls) = sweep(&["--scope", scope]);
    let purl = format!("pkg:npm/%40{}@", &scoped[1..]);
    assert!(purls.len() == 1 && purls[0].starts_with(&purl), "{output}");
    serve(registry, "-/v1/search", &found(&[plain]));
    let (output, purls) = sweep(&["--maintainer", "someone"]);
    assert!(purls.len() == 1 && purls[0].starts_with(&format!("pkg:npm/{plain}@")), "{output}");

    tarproof.write("ranking.csv", format!("name,downloads\n{plain},1\n{PACKAGE},3\nno such name,2\n"));
    let (output, purls) = sweep(&["--top", "1", "--ranking", "ranking.csv"]);
    assert_eq!((output.code, &purls[..]), (0, &["pkg:npm/paint-chalk@5.6.2".to_owned()][..]), "{output}");
    let (output, purls) = sweep(&["--top", "2", "--ranking", "ranking.csv"]);
    assert_eq!((output.code, purls.len()), (2, 2), "{output}");
    assert!(output.stderr().contains("error: ranking.csv, line 4: "), "{output}");

    tarproof.write("packages.txt", "npm:paint-chalk\n");
    let (output, purls) = sweep(&["--list", "packages.txt", "--versions", "2"]);
    assert_eq!((output.code, purls.len()), (1, 2), "{output}");
    let (output, purls) = sweep(&["--list", "packages.txt", "--since", "1d"]);
    assert_eq!((output.code, purls.len()), (0, 0), "{output}");
    assert_eq!(output.stderr(), "1 package without a release that is new enough\n");
    let (output, purls) = sweep(&["--list", "packages.txt", "--since", "2000-01-01"]);
    assert_eq!(purls.len(), 3, "{output}");

    let integrity = packument(registry)["versions"]["5.6.0"]["dist"]["integrity"].clone();
    let locked = json!({"version": "5.6.0", "integrity": integrity});
    let lockfile = json!({"lockfileVersion": 3, "packages": {"node_modules/paint-chalk": locked}});
    tarproof.write("package-lock.json", lockfile.to_string());
    let (output, purls) = sweep(&["--lockfile", "package-lock.json"]);
    assert_eq!((output.code, &purls[..]), (0, &["pkg:npm/paint-chalk@5.6.0".to_owned()][..]), "{output}");
}

#[test]
fn what_cannot_be_watched_or_swept_is_said() {
    let tarproof = Tarproof::new();
    tarproof.write("page.html", "<!doctype html>\n<p>not found</p>\n").write("empty.txt", "# nothing yet\n");
    let runs: Vec<String> = [
        &["sweep"][..],
        &["watch", "--top", "5"],
        &["sweep", "--list", "page.html"],
        &["sweep", "--list", "empty.txt"],
        &["sweep", "--top", "5", "--ranking", "page.html"],
        &["sweep", "--scope", "a/b"],
        &["sweep", "--list", "empty.txt", "--since", "yesterday"],
        &["watch", "--list", "empty.txt", "--feed", "https://user:secret@feed.example/"],
        &["watch", "--list", "empty.txt", "--offline"],
        &["sweep", "--scope", "@elsewhere"],
    ]
    .iter()
    .map(|arguments| tarproof.run_with(arguments, &[("TARPROOF_STORE", "store.db")]).text())
    .collect();
    insta::assert_snapshot!("what_cannot_be_watched_or_swept_is_said", runs.join("\n"));
}
