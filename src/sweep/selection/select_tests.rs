use std::num::NonZeroUsize;
use std::time::Duration;

use serde_json::json;
use wiremock::matchers::{method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::*;
use crate::registry::{Access, RegistryLimits, RegistryOptions};

const ONCE: RetrySettings =
    RetrySettings { attempts: 1, first_wait: Duration::from_millis(1), longest_wait: Duration::from_millis(1) };

async fn serve(server: &MockServer, name: &str, versions: &[(&str, Option<&str>)]) {
    let documents: serde_json::Map<String, serde_json::Value> = versions
        .iter()
        .map(|(version, _)| {
            let tarball = format!("{}/{name}/-/{version}.tgz", server.uri());
            let integrity = Integrity::of(version.as_bytes()).to_string();
            let dist = json!({"tarball": tarball, "integrity": integrity});
            ((*version).to_owned(), json!({"name": name, "version": version, "dist": dist}))
        })
        .collect();
    let times: serde_json::Map<String, serde_json::Value> =
        versions.iter().filter_map(|(version, time)| Some(((*version).to_owned(), json!((*time)?)))).collect();
    let latest = versions.last().map(|(version, _)| *version);
    let body = json!({"name": name, "dist-tags": {"latest": latest}, "versions": documents, "time": times});
    let answer = ResponseTemplate::new(200).set_body_json(body);
    Mock::given(method("GET")).and(path(format!("/{name}"))).respond_with(answer).mount(server).await;
}

async fn selection(server: &MockServer, wanted: &[&str], choice: VersionChoice) -> Selection {
    selection_after(server, wanted, choice, ONCE).await
}

async fn selection_after(
    server: &MockServer,
    wanted: &[&str],
    choice: VersionChoice,
    retry: RetrySettings,
) -> Selection {
    let directory = tempfile::tempdir().unwrap();
    let registry = NpmRegistry::new(RegistryOptions {
        cache_directory: directory.path().join("cache"),
        working_directory: directory.path().to_owned(),
        environment: [("npm_config_registry", server.uri())].into_iter().collect(),
        access: Access::Online,
        limits: RegistryLimits::default(),
    })
    .unwrap();
    let wanted: Vec<Wanted> = wanted.iter().map(|text| text.parse::<Subject>().unwrap().into()).collect();
    let mut selection = Selection::default();
    let mut resolved = std::pin::pin!(select(wanted, choice, &registry, retry));
    while let Some(resolved) = resolved.next().await {
        selection.add(resolved);
    }
    selection
}

fn names(selection: &Selection) -> Vec<String> {
    selection.selected.iter().map(|selected| selected.release.to_string()).collect()
}

async fn world() -> MockServer {
    let server = MockServer::start().await;
    let old = [("1.0.0", Some("2020-01-01T00:00:00Z")), ("1.1.0", Some("2021-01-01T00:00:00Z"))];
    serve(&server, "old", &old).await;
    let young = [("1.0.0", Some("2020-06-01T00:00:00Z")), ("2.0.0", Some("2026-01-01T00:00:00.5Z"))];
    serve(&server, "young", &young).await;
    serve(&server, "timeless", &[("1.0.0", None)]).await;
    server
}

const SINCE_2025: VersionChoice = VersionChoice { newest: None, since: Some(1_735_689_600) };

#[tokio::test]
async fn the_latest_is_meant_unless_another_is_named_and_each_is_swept_once() {
    let server = world().await;
    let wanted = ["npm:young", "npm:old@1.0.0", "npm:young@2.0.0", "npm:timeless"];
    let selection = selection(&server, &wanted, VersionChoice::default()).await;
    assert_eq!(names(&selection), ["npm:young@2.0.0", "npm:old@1.0.0", "npm:timeless@1.0.0"]);
    assert_eq!(selection.selected[0].published_at, Some(1_767_225_600));
    assert_eq!(selection.selected[0].integrity, Some(Integrity::of(b"2.0.0")));
    assert_eq!(selection.selected[2].published_at, None);
}

#[tokio::test]
async fn several_versions_are_taken_from_the_packument() {
    let server = world().await;
    let choice = VersionChoice { newest: NonZeroUsize::new(2), since: None };
    let selection = selection(&server, &["npm:old", "npm:young"], choice).await;
    assert_eq!(names(&selection), ["npm:old@1.1.0", "npm:old@1.0.0", "npm:young@2.0.0", "npm:young@1.0.0"]);
    assert_eq!(selection.selected[1].integrity, Some(Integrity::of(b"1.0.0")));
}

#[tokio::test]
async fn packages_without_a_new_release_are_left_out() {
    let server = world().await;
    let wanted = ["npm:old", "npm:young", "npm:old@1.1.0", "npm:young@2.0.0", "npm:timeless", "npm:timeless@1.0.0"];
    let selection = selection(&server, &wanted, SINCE_2025).await;
    assert_eq!(names(&selection), ["npm:young@2.0.0"]);
    assert_eq!(selection.without_new, 2);
    assert!(selection.unresolved.iter().all(|(_, error)| matches!(error, UnresolvedError::NoTimes)));
    assert_eq!(selection.unresolved.len(), 2);
}

#[tokio::test]
async fn what_cannot_be_resolved_is_told_and_the_rest_goes_on() {
    let server = world().await;
    let wanted = ["npm:unknown", "npm:old@9.9.9", "npm:young"];
    let selection = selection(&server, &wanted, VersionChoice::default()).await;
    assert_eq!(names(&selection), ["npm:young@2.0.0"]);
    let unresolved: Vec<String> = selection.unresolved.iter().map(|(subject, _)| subject.to_string()).collect();
    assert_eq!(unresolved, ["npm:unknown", "npm:old@9.9.9"]);
}

#[tokio::test]
async fn what_states_its_own_content_is_not_asked_about() {
    let lockfile = json!({"lockfileVersion": 3, "packages": {"node_modules/young": {
        "version": "2.0.0",
        "resolved": "https://registry.example/young/-/young-2.0.0.tgz",
        "integrity": Integrity::of(b"2.0.0").to_string(),
    }}});
    let closure =
        crate::rebuild::lockfile::Closure::read("package-lock.json", lockfile.to_string().as_bytes()).unwrap();
    let wanted = super::super::wanted_of(&closure);
    let directory = tempfile::tempdir().unwrap();
    let registry = NpmRegistry::new(RegistryOptions {
        cache_directory: directory.path().join("cache"),
        working_directory: directory.path().to_owned(),
        environment: [("npm_config_registry", "http://127.0.0.1:9/")].into_iter().collect(),
        access: Access::Online,
        limits: RegistryLimits::default(),
    })
    .unwrap();
    let resolved: Vec<Resolved> = select(wanted, VersionChoice::default(), &registry, ONCE).collect().await;
    let selected = resolved.into_iter().next().unwrap().outcome.unwrap();
    assert_eq!(selected[0].release.to_string(), "npm:young@2.0.0");
    assert_eq!(selected[0].integrity, Some(Integrity::of(b"2.0.0")));
}

#[tokio::test]
async fn a_named_version_is_swept_even_while_the_registry_does_not_answer() {
    let server = MockServer::start().await;
    Mock::given(method("GET")).respond_with(ResponseTemplate::new(200).set_body_string("Sorry.")).mount(&server).await;
    let selection = selection(&server, &["npm:young@2.0.0", "npm:old"], VersionChoice::default()).await;
    assert_eq!(names(&selection), ["npm:young@2.0.0"]);
    assert_eq!((selection.selected[0].integrity.as_ref(), selection.unresolved.len()), (None, 1));
}

#[tokio::test]
async fn what_cannot_be_looked_up_now_is_asked_about_again() {
    let server = MockServer::start().await;
    let sorry = ResponseTemplate::new(200).set_body_string("Sorry.");
    Mock::given(method("GET")).respond_with(sorry).up_to_n_times(1).with_priority(1).mount(&server).await;
    serve(&server, "late", &[("1.0.0", None)]).await;
    let twice = RetrySettings { attempts: 2, ..ONCE };
    let selection = selection_after(&server, &["npm:late"], VersionChoice::default(), twice).await;
    assert_eq!(names(&selection), ["npm:late@1.0.0"]);
}

#[test]
fn a_job_states_the_strongest_digest_in_one_form() {
    let job = |integrity: Option<Integrity>| {
        let subject: Subject = "npm:a@1.0.0".parse().unwrap();
        let release = Release { ecosystem: subject.ecosystem, name: subject.name, version: subject.version.unwrap() };
        Selected { release, published_at: None, integrity }.job(Sha256Digest::of(b"policy"), 0).stated
    };
    let weak = Integrity::from_sha1(crate::package::Sha1Digest::of(b"content"));
    let strong = Integrity::of(b"content").to_string();
    let both = Integrity::parse(&format!("{weak} {strong}")).unwrap();
    assert_eq!(job(Some(both)), strong);
    assert_eq!(job(Some(weak.clone())), weak.to_string());
    assert_eq!(job(None), "");
}
