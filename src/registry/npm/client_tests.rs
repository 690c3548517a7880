use std::time::Instant;

use serde_json::json;
use wiremock::matchers::{header, header_exists, method, path};
use wiremock::{Mock, MockServer, Request as Received, ResponseTemplate};

use super::*;
use crate::package::{Integrity, Sha1Digest};
use crate::registry::StoredArtifact;

const TARBALL: &[u8] = b"not really a tarball, but nobody here looks inside";

struct Setup {
    directory: tempfile::TempDir,
    server: MockServer,
    variables: Vec<(String, String)>,
    access: Access,
    limits: RegistryLimits,
}

impl Setup {
    async fn new() -> Self {
        let server = MockServer::start().await;
        let http = HttpLimits {
            first_wait: Duration::from_millis(1),
            longest_wait: Duration::from_secs(2),
            total_timeout: Duration::from_secs(20),
            ..HttpLimits::default()
        };
        Self {
            directory: tempfile::tempdir().unwrap(),
            variables: vec![("npm_config_registry".to_owned(), server.uri())],
            server,
            access: Access::Online,
            limits: RegistryLimits { http, ..RegistryLimits::default() },
        }
    }

    fn variable(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    /// A registry as another process would have it, on the same cache.
    fn registry(&self) -> NpmRegistry {
        NpmRegistry::new(RegistryOptions {
            cache_directory: self.directory.path().join("cache"),
            working_directory: self.directory.path().to_owned(),
            environment: self.variables.iter().cloned().collect(),
            access: self.access,
            limits: self.limits.clone(),
        })
        .unwrap()
    }

    fn offline(&self) -> NpmRegistry {
        let mut shared = Arc::into_inner(self.registry().shared).unwrap();
        shared.access = Access::Offline;
        NpmRegistry { shared: Arc::new(shared) }
    }

    async fn serve(&self, at: &str, answer: ResponseTemplate) {
        Mock::given(method("GET")).and(path(at)).respond_with(answer).mount(&self.server).await;
    }

    async fn serve_package(&self, control: &str) {
        let answer = ResponseTemplate::new(200).insert_header("cache-control", control).insert_header("etag", "\"1\"");
        self.serve("/a", answer.set_body_json(packument(&self.tarball_url()))).await;
        self.serve("/a/-/a-1.0.0.tgz", ResponseTemplate::new(200).set_body_bytes(TARBALL)).await;
    }

    fn tarball_url(&self) -> String {
        format!("{}/a/-/a-1.0.0.tgz", self.server.uri())
    }

    async fn received(&self, at: &str) -> Vec<Received> {
        let all = self.server.received_requests().await.unwrap();
        all.into_iter().filter(|request| request.url.path() == at).collect()
    }

    fn blobs(&self) -> Vec<PathBuf> {
        let root = self.directory.path().join("cache/registry/blobs");
        files(&root)
    }
}

fn files(directory: &std::path::Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(directory) else { return Vec::new() };
    entries
        .map(|entry| entry.unwrap().path())
        .flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] })
        .collect()
}

fn packument(tarball: &str) -> Value {
    json!({
        "name": "a",
        "dist-tags": {"latest": "1.0.0"},
        "versions": {
            "0.9.0": {"name": "a", "version": "0.9.0", "dist": {"tarball": tarball}},
            "1.0.0": {
                "name": "a",
                "version": "1.0.0",
                "gitHead": "4536ce5944f56659a2dfb2198eaf81b5ad5f2ad9",
                "repository": {"type": "git", "url": "git+https://git.example/a.git"},
                "_npmVersion": "10.0.0",
                "dist": {
                    "tarball": tarball,
                    "integrity": Integrity::of(TARBALL).to_string(),
                    "shasum": Sha1Digest::of(TARBALL).to_string(),
                },
            },
        },
        "time": {
            "0.9.0": "2020-01-01T00:00:00.000Z",
            "1.0.0": "2021-01-01T00:00:00.000Z",
            "1.0.1": "2022-01-01T00:00:00.000Z",
        },
    })
}

fn with_dist(tarball: &str, key: &str, value: Value) -> Value {
    let mut packument = packument(tarball);
    packument["versions"]["1.0.0"]["dist"][key] = value;
    packument
}

fn subject(text: &str) -> Subject {
    text.parse().unwrap()
}

async fn both(registry: &NpmRegistry) -> Result<(ReleaseMetadata, StoredArtifact), RegistryError> {
    let metadata = registry.release(&subject("npm:a@1.0.0")).await?;
    let artifact = registry.artifact(&metadata).await?;
    Ok((metadata, artifact))
}

fn text(error: &RegistryError) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(current) = cause {
        text.push_str(": ");
        text.push_str(&current.to_string());
        cause = current.source();
    }
    text
}

#[tokio::test]
async fn reads_the_claims_and_brings_the_artifact_once() {
    let setup = Setup::new().await;
    setup.serve_package("max-age=300").await;
    let registry = setup.registry();
    let (metadata, artifact) = both(&registry).await.unwrap();
    assert_eq!(metadata.observation.source, ObservationSource::Network);
    assert_eq!(metadata.git_head.unwrap().to_string(), "4536ce5944f56659a2dfb2198eaf81b5ad5f2ad9");
    assert_eq!(metadata.published_at, Some(1_609_459_200));
    assert_eq!(metadata.npm_version.as_deref(), Some("10.0.0"));
    assert_eq!(metadata.withdrawn.len(), 1);
    assert_eq!(metadata.neighbours.lower.as_ref().unwrap().version.as_str(), "0.9.0");
    assert_eq!(metadata.digests_stated(), crate::registry::DigestsStated::Both);
    assert_eq!(std::fs::read(&artifact.path).unwrap(), TARBALL);
    assert_eq!((artifact.sha256, artifact.size), (Sha256Digest::of(TARBALL), TARBALL.len() as u64));

    let (again, same) = both(&setup.registry()).await.unwrap();
    assert_eq!(again.observation.source, ObservationSource::Cache);
    assert_eq!(
        (&again.manifest, &again.neighbours, again.packument),
        (&metadata.manifest, &metadata.neighbours, metadata.packument)
    );
    assert_eq!(same, artifact);
    assert_eq!(setup.server.received_requests().await.unwrap().len(), 2);
}

#[tokio::test]
async fn without_a_version_the_latest_is_resolved() {
    let setup = Setup::new().await;
    setup.serve_package("max-age=300").await;
    for _ in 0..2 {
        let metadata = setup.registry().release(&subject("npm:a")).await.unwrap();
        assert_eq!(metadata.release.to_string(), "npm:a@1.0.0");
    }
    let untagged = json!({"name": "b", "versions": {}, "dist-tags": {"latest": "^1"}});
    setup.serve("/b", ResponseTemplate::new(200).set_body_json(untagged)).await;
    let error = setup.registry().release(&subject("npm:b")).await.unwrap_err();
    assert!(matches!(error, RegistryError::NoLatest { .. }), "{error}");
}

#[tokio::test]
async fn a_stale_answer_is_confirmed_not_fetched_again() {
    let setup = Setup::new().await;
    Mock::given(method("GET"))
        .and(path("/a"))
        .and(header("if-none-match", "\"1\""))
        .respond_with(ResponseTemplate::new(304).insert_header("etag", "\"1\""))
        .mount(&setup.server)
        .await;
    setup.serve_package("no-cache").await;
    let first = setup.registry().release(&subject("npm:a@1.0.0")).await.unwrap();
    let second = setup.registry().release(&subject("npm:a@1.0.0")).await.unwrap();
    assert_eq!(second.observation.source, ObservationSource::Revalidated);
    assert_eq!(second.manifest, first.manifest);
    // Another version is found in the kept bytes.
    let other = setup.registry().release(&subject("npm:a@0.9.0")).await.unwrap();
    assert_eq!(other.observation.source, ObservationSource::Revalidated);
    assert_eq!(setup.received("/a").await.len(), 3);
}

#[tokio::test]
async fn an_unrelated_confirmation_leads_to_an_unconditional_request() {
    let setup = Setup::new().await;
    Mock::given(method("GET"))
        .and(path("/a"))
        .and(header_exists("if-none-match"))
        .respond_with(ResponseTemplate::new(304).insert_header("etag", "\"2\""))
        .mount(&setup.server)
        .await;
    setup.serve_package("no-cache").await;
    for _ in 0..2 {
        let metadata = setup.registry().release(&subject("npm:a@1.0.0")).await.unwrap();
        assert_eq!(metadata.observation.source, ObservationSource::Network);
    }
    assert_eq!(setup.received("/a").await.len(), 3);
}

#[tokio::test]
async fn a_version_that_the_cache_does_not_know_is_asked_for() {
    let setup = Setup::new().await;
    let control = ("cache-control", "max-age=300");
    let old =
        ResponseTemplate::new(200).append_header(control.0, control.1).set_body_json(packument(&setup.tarball_url()));
    Mock::given(path("/a")).respond_with(old).up_to_n_times(1).mount(&setup.server).await;
    setup.registry().release(&subject("npm:a@1.0.0")).await.unwrap();
    let mut newer = packument(&setup.tarball_url());
    newer["versions"]["1.0.2"] = json!({"version": "1.0.2", "dist": {"tarball": setup.tarball_url()}});
    setup.serve("/a", ResponseTemplate::new(200).append_header(control.0, control.1).set_body_json(newer)).await;
    assert!(setup.registry().release(&subject("npm:a@1.0.2")).await.is_ok());
    let error = setup.registry().release(&subject("npm:a@7.0.0")).await.unwrap_err();
    assert_eq!(error.to_string(), "`a` has no version `7.0.0`, the nearest are `1.0.0`, `1.0.2`");
    let error = setup.registry().release(&subject("npm:a@1.0.1")).await.unwrap_err();
    assert!(matches!(error, RegistryError::Unpublished { published_at: Some(1_640_995_200), .. }), "{error}");
}

#[tokio::test]
async fn compressed_answers_are_read() {
    use std::io::Write as _;
    let setup = Setup::new().await;
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(packument(&setup.tarball_url()).to_string().as_bytes()).unwrap();
    let body = encoder.finish().unwrap();
    let answer = ResponseTemplate::new(200).insert_header("content-encoding", "gzip").set_body_bytes(body);
    Mock::given(path("/a")).and(header("accept-encoding", "gzip")).respond_with(answer).mount(&setup.server).await;
    let metadata = setup.registry().release(&subject("npm:a@1.0.0")).await.unwrap();
    // From the kept compressed bytes.
    let other = setup.offline().release(&subject("npm:a@0.9.0")).await.unwrap();
    assert_eq!(other.packument, metadata.packument);
}

#[tokio::test]
async fn offline_serves_what_is_there_and_says_what_is_not() {
    let setup = Setup::new().await;
    setup.serve_package("no-store").await;
    let error = setup.offline().release(&subject("npm:a@1.0.0")).await.unwrap_err();
    assert_eq!(error.to_string(), "the metadata of `a` is not in the cache and the registry must not be asked");
    let metadata = setup.registry().release(&subject("npm:a@1.0.0")).await.unwrap();
    let error = setup.offline().artifact(&metadata).await.unwrap_err();
    assert_eq!(error.to_string(), "the artifact of npm:a@1.0.0 is not in the cache and must not be downloaded");
    let artifact = setup.registry().artifact(&metadata).await.unwrap();
    let (kept, same) = both(&setup.offline()).await.unwrap();
    assert_eq!(kept.observation, Observation { source: ObservationSource::Cache, at: metadata.observation.at });
    assert_eq!(same, artifact);
    assert_eq!(setup.server.received_requests().await.unwrap().len(), 2);
}

#[tokio::test]
async fn damaged_entries_are_fetched_again() {
    let setup = Setup::new().await;
    setup.serve_package("max-age=300").await;
    let (metadata, artifact) = both(&setup.registry()).await.unwrap();
    // Everything but the artifact is cut short.
    for file in files(&setup.directory.path().join("cache")) {
        if file != artifact.path {
            let bytes = std::fs::read(&file).unwrap();
            std::fs::write(&file, &bytes[..bytes.len() / 2]).unwrap();
        }
    }
    let (again, same) = both(&setup.registry()).await.unwrap();
    assert_eq!((again.observation.source, &again.manifest), (ObservationSource::Network, &metadata.manifest));
    assert_eq!(same, artifact);
    // A damaged packument alone is noticed when another version is looked for.
    for file in setup.blobs().iter().filter(|file| **file != artifact.path) {
        std::fs::write(file, packument("http://elsewhere.example/").to_string()).unwrap();
    }
    let other = setup.registry().release(&subject("npm:a@0.9.0")).await.unwrap();
    assert_eq!(other.observation.source, ObservationSource::Network);
    assert_eq!(other.artifact_url.as_str(), setup.tarball_url());

    std::fs::write(&artifact.path, &TARBALL[1..]).unwrap();
    assert_eq!(setup.registry().artifact(&metadata).await.unwrap(), artifact);
    assert_eq!(std::fs::read(&artifact.path).unwrap(), TARBALL);
    setup.registry().discard(&artifact).unwrap();
    assert!(!artifact.path.exists());
    assert_eq!(setup.registry().artifact(&metadata).await.unwrap(), artifact);
    assert!(artifact.path.exists());
}

#[tokio::test]
async fn an_artifact_that_does_not_fit_is_refused_and_not_kept() {
    let wrong = Integrity::of(b"other").to_string();
    let wrong_sha1 = Sha1Digest::of(b"other").to_string();
    for (key, stated) in [("integrity", wrong), ("shasum", wrong_sha1)] {
        let setup = Setup::new().await;
        let body = with_dist(&setup.tarball_url(), key, json!(stated));
        setup.serve("/a", ResponseTemplate::new(200).set_body_json(body)).await;
        setup.serve("/a/-/a-1.0.0.tgz", ResponseTemplate::new(200).set_body_bytes(TARBALL)).await;
        let error = both(&setup.registry()).await.unwrap_err();
        assert!(matches!(error, RegistryError::Mismatch { .. }), "{error}");
        let actual =
            if key == "integrity" { Integrity::of(TARBALL).to_string() } else { Sha1Digest::of(TARBALL).to_string() };
        assert!(text(&error).contains(&stated) && text(&error).contains(&actual), "{}", text(&error));
        assert_eq!(setup.blobs().len(), 1, "only the packument is kept");
        assert!(files(&setup.directory.path().join("cache/registry/tmp")).is_empty());
    }
}

#[tokio::test]
async fn a_release_without_digests_is_allowed_and_recorded() {
    let setup = Setup::new().await;
    setup.serve_package("max-age=300").await;
    let metadata = setup.registry().release(&subject("npm:a@0.9.0")).await.unwrap();
    assert_eq!(metadata.digests_stated(), crate::registry::DigestsStated::None);
    // With nothing to tie the bytes to, each question goes to the registry, and offline the last answer counts.
    for _ in 0..2 {
        assert_eq!(setup.registry().artifact(&metadata).await.unwrap().sha256, Sha256Digest::of(TARBALL));
    }
    assert_eq!(setup.received("/a/-/a-1.0.0.tgz").await.len(), 2);
    assert_eq!(setup.offline().artifact(&metadata).await.unwrap().sha256, Sha256Digest::of(TARBALL));

    let mut unprotected = metadata;
    unprotected.registry = Url::parse("https://registry.example/").unwrap();
    let error = setup.registry().artifact(&unprotected).await.unwrap_err();
    assert!(matches!(error, RegistryError::UnprotectedArtifact { .. }), "{error}");
}

#[tokio::test]
async fn an_encrypted_registry_gets_encrypted_artifact_addresses() {
    let setup = Setup::new().await.variable("npm_config_@s:registry", "https://registry.example/npm/");
    let registry = setup.registry();
    let source = registry.source(&PackageName::parse("@s/a").unwrap());
    let release = Release {
        ecosystem: crate::package::Ecosystem::Npm,
        name: source.name.clone(),
        version: Version::parse("1.0.0").unwrap(),
    };
    let used = |stated: &str| {
        registry.artifact_url(&source, &json!({"dist": {"tarball": stated}}), &release).unwrap().to_string()
    };
    assert_eq!(used("http://registry.example/a.tgz"), "https://registry.example/a.tgz");
    assert_eq!(used("http://user:pass@files.example/a.tgz#x"), "http://files.example/a.tgz");
    assert_eq!(used("http://registry.example:8080/a.tgz"), "http://registry.example:8080/a.tgz");
}

#[tokio::test]
async fn the_strongest_stated_algorithm_is_checked_whichever_it_is() {
    use base64::Engine as _;
    use sha2::Digest as _;
    let right = base64::engine::general_purpose::STANDARD.encode(sha2::Sha384::digest(TARBALL));
    let wrong = base64::engine::general_purpose::STANDARD.encode(sha2::Sha384::digest(b"other"));
    for (digest, fits) in [(right, true), (wrong, false)] {
        let setup = Setup::new().await;
        let body = with_dist(&setup.tarball_url(), "integrity", json!(format!("sha384-{digest}")));
        setup.serve("/a", ResponseTemplate::new(200).set_body_json(body)).await;
        setup.serve("/a/-/a-1.0.0.tgz", ResponseTemplate::new(200).set_body_bytes(TARBALL)).await;
        assert_eq!(both(&setup.registry()).await.is_ok(), fits);
    }
}

#[tokio::test]
async fn passing_failures_are_tried_again() {
    let setup = Setup::new().await;
    Mock::given(path("/a")).respond_with(ResponseTemplate::new(503)).up_to_n_times(2).mount(&setup.server).await;
    let busy = ResponseTemplate::new(429).insert_header("retry-after", "1");
    Mock::given(path("/a/-/a-1.0.0.tgz")).respond_with(busy).up_to_n_times(1).mount(&setup.server).await;
    setup.serve_package("max-age=300").await;
    let metadata = setup.registry().release(&subject("npm:a@1.0.0")).await.unwrap();
    assert_eq!(setup.received("/a").await.len(), 3);
    let started = Instant::now();
    setup.registry().artifact(&metadata).await.unwrap();
    assert!(started.elapsed() >= Duration::from_secs(1));
}

#[tokio::test]
async fn a_server_that_keeps_failing_or_asks_for_too_long_a_wait_is_reported() {
    let setup = Setup::new().await;
    setup.serve("/a", ResponseTemplate::new(502)).await;
    setup.serve("/b", ResponseTemplate::new(429).insert_header("retry-after", "3600")).await;
    let error = setup.registry().release(&subject("npm:a")).await.unwrap_err();
    assert_eq!(error.to_string(), format!("{}/a answered 502 Bad Gateway", setup.server.uri()));
    assert_eq!(setup.received("/a").await.len(), 4);
    let error = setup.registry().release(&subject("npm:b")).await.unwrap_err();
    let expected = format!("{}/b limits the rate of requests and asks to wait 3600 s", setup.server.uri());
    assert_eq!(error.to_string(), expected);
    assert_eq!(setup.received("/b").await.len(), 1);
}

#[tokio::test]
async fn refusals_have_their_own_errors() {
    let setup = Setup::new().await;
    let tarball = setup.tarball_url();
    let json = |body: Value| ResponseTemplate::new(200).set_body_json(body);
    setup.serve("/denied", ResponseTemplate::new(403)).await;
    setup.serve("/page", ResponseTemplate::new(200).set_body_string("<html>")).await;
    setup.serve("/other", json(packument(&tarball))).await;
    setup.serve("/nameless", json(json!({"versions": {}}))).await;
    setup.serve("/brotli", json(json!({})).insert_header("content-encoding", "br")).await;
    setup.serve("/surprise", ResponseTemplate::new(304)).await;
    for (name, expected) in [
        ("missing", "the registry REGISTRY/ knows no package `missing`"),
        ("denied", "REGISTRY/denied refused access with 403 Forbidden (no credentials are configured for it)"),
        ("page", "REGISTRY/page answered with something that is not the metadata of a package"),
        ("other", "asked for `other`, the registry REGISTRY/ answered for another package: `a`"),
        ("nameless", "REGISTRY/nameless answered with something that is not the metadata of a package"),
        ("brotli", "REGISTRY/brotli answered with something that is not the metadata of a package"),
        ("surprise", "REGISTRY/surprise answered 304 Not Modified"),
    ] {
        let error = setup.registry().release(&subject(&format!("npm:{name}"))).await.unwrap_err();
        assert_eq!(error.to_string().replace(&setup.server.uri(), "REGISTRY"), expected);
    }
    assert!(setup.blobs().is_empty());
}

#[tokio::test]
async fn unusable_artifact_addresses_are_refused() {
    for stated in
        [json!("ftp://files.example/a.tgz"), json!("file:///etc/passwd"), json!("a.tgz"), json!(7), json!(null)]
    {
        let setup = Setup::new().await;
        let body = with_dist("x", "tarball", stated.clone());
        setup.serve("/a", ResponseTemplate::new(200).set_body_json(body)).await;
        let error = both(&setup.registry()).await.unwrap_err();
        assert!(matches!(error, RegistryError::ArtifactAddress { .. }), "{stated}: {error}");
    }
    let setup = Setup::new().await;
    let body = packument(&format!("{}/gone.tgz", setup.server.uri()));
    setup.serve("/a", ResponseTemplate::new(200).set_body_json(body)).await;
    let error = both(&setup.registry()).await.unwrap_err();
    assert!(matches!(error, RegistryError::ArtifactGone { .. }), "{error}");
}

#[tokio::test]
async fn sizes_are_bounded() {
    let mut setup = Setup::new().await;
    setup.serve_package("no-store").await;
    setup.limits.artifact_bytes = TARBALL.len() as u64 - 1;
    let error = both(&setup.registry()).await.unwrap_err();
    assert!(matches!(error, RegistryError::Http(HttpError::TooLarge { .. })), "{error}");
    setup.limits.artifact_bytes += 1;
    both(&setup.registry()).await.unwrap();
    setup.limits.packument_bytes = 100;
    let error = both(&setup.registry()).await.unwrap_err();
    assert!(matches!(error, RegistryError::Http(HttpError::TooLarge { limit: 100, .. })), "{error}");
}

#[tokio::test]
async fn scopes_have_their_own_registry() {
    let (setup, other) = (Setup::new().await, MockServer::start().await);
    let body = json!({"name": "@s/a", "versions": {"1.0.0": {"dist": {"tarball": format!("{}/x.tgz", other.uri())}}}});
    let answer = ResponseTemplate::new(200).set_body_json(body);
    Mock::given(path("/npm/@s%2fa")).respond_with(answer).expect(1).mount(&other).await;
    let setup = setup.variable("npm_config_@s:registry", &format!("{}/npm", other.uri()));
    let metadata = setup.registry().release(&subject("npm:@s/a@1.0.0")).await.unwrap();
    assert_eq!(metadata.registry.as_str(), format!("{}/npm/", other.uri()));
    assert!(setup.server.received_requests().await.unwrap().is_empty());
}

#[tokio::test]
async fn many_askers_of_one_package_send_one_request() {
    let setup = Setup::new().await;
    setup.serve_package("max-age=300").await;
    let registry = setup.registry();
    let tasks: Vec<_> = (0..20)
        .map(|_| {
            let registry = registry.clone();
            tokio::spawn(async move { both(&registry).await.map(|(_, artifact)| artifact) })
        })
        .collect();
    for task in tasks {
        assert_eq!(task.await.unwrap().unwrap().sha256, Sha256Digest::of(TARBALL));
    }
    assert_eq!(setup.server.received_requests().await.unwrap().len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn independent_processes_share_a_cache() {
    let setup = Setup::new().await;
    setup.serve_package("no-cache").await;
    let tasks: Vec<_> = (0..12)
        .map(|_| {
            let registry = setup.registry();
            tokio::spawn(async move {
                for _ in 0..5 {
                    let (_, artifact) = both(&registry).await.unwrap();
                    assert_eq!(std::fs::read(&artifact.path).unwrap(), TARBALL);
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    assert!(files(&setup.directory.path().join("cache/registry/tmp")).is_empty());
}

#[tokio::test]
async fn credentials_stay_with_their_registry() {
    let (setup, other) = (Setup::new().await, MockServer::start().await);
    let host = setup.server.uri().replace("http:", "");
    let setup = setup.variable(&format!("npm_config_{host}/:_authToken"), "token-1");
    // The packument needs the token and moves within the registry; one artifact is elsewhere, one moves there.
    let stays = ResponseTemplate::new(302).insert_header("location", "/moved/a");
    Mock::given(path("/a"))
        .and(header("authorization", "Bearer token-1"))
        .respond_with(stays)
        .mount(&setup.server)
        .await;
    let mut body = packument(&format!("{}/direct.tgz", other.uri()));
    body["versions"]["0.9.0"]["dist"]["tarball"] = json!(format!("{}/moves.tgz", setup.server.uri()));
    let answer = ResponseTemplate::new(200).set_body_json(body);
    let moved = Mock::given(path("/moved/a")).and(header("authorization", "Bearer token-1"));
    moved.respond_with(answer).mount(&setup.server).await;
    let leaves =
        ResponseTemplate::new(307).insert_header("location", format!("{}/moved.tgz?signature=secret", other.uri()));
    let moves = Mock::given(path("/moves.tgz")).and(header("authorization", "Bearer token-1"));
    moves.respond_with(leaves).mount(&setup.server).await;
    Mock::given(method("GET")).respond_with(ResponseTemplate::new(200).set_body_bytes(TARBALL)).mount(&other).await;

    let registry = setup.registry();
    both(&registry).await.unwrap();
    let moving = registry.release(&subject("npm:a@0.9.0")).await.unwrap();
    registry.artifact(&moving).await.unwrap();
    let received = other.received_requests().await.unwrap();
    assert_eq!(received.len(), 2);
    for request in received {
        assert!(!request.headers.contains_key("authorization"), "{}", request.url);
    }
    assert!(!format!("{registry:?}").contains("token-1"));
    for file in files(setup.directory.path()) {
        let kept = std::fs::read(file).unwrap();
        assert!(!String::from_utf8_lossy(&kept).contains("token-1"));
    }
}

#[tokio::test]
async fn refused_credentials_are_reported_without_being_shown() {
    let setup = Setup::new().await;
    let host = setup.server.uri().replace("http:", "");
    let setup = setup.variable(&format!("npm_config_{host}/:_authToken"), "token-1");
    setup.serve("/a", ResponseTemplate::new(401)).await;
    let error = setup.registry().release(&subject("npm:a")).await.unwrap_err();
    let expected = format!("{}/a refused access with 401 Unauthorized (credentials were sent)", setup.server.uri());
    assert_eq!(text(&error), expected);
}

#[tokio::test]
async fn an_answer_of_the_wrong_package_behind_a_redirect_is_refused() {
    let setup = Setup::new().await;
    setup.serve_package("max-age=300").await;
    setup.serve("/b", ResponseTemplate::new(301).insert_header("location", "/a")).await;
    let error = setup.registry().release(&subject("npm:b")).await.unwrap_err();
    assert!(matches!(error, RegistryError::AnotherPackage { .. }), "{error}");
}

#[tokio::test]
async fn a_packument_is_asked_for_whatever_its_age_and_read_only_where_it_changed() {
    let setup = Setup::new().await;
    setup.serve_package("max-age=3600").await;
    let registry = setup.registry();
    let name = PackageName::parse("a").unwrap();
    let first = registry.packument_unless(&name, None).await.unwrap().unwrap();
    assert_eq!(first.listing().unwrap().latest().unwrap().as_str(), "1.0.0");
    // Sent again, and the same.
    assert!(registry.packument_unless(&name, Some(first.sha256)).await.unwrap().is_none());

    setup.server.reset().await;
    let unchanged = Mock::given(method("GET")).and(path("/a")).and(header("if-none-match", "\"1\""));
    unchanged
        .respond_with(ResponseTemplate::new(304).insert_header("etag", "\"1\""))
        .expect(2)
        .mount(&setup.server)
        .await;
    assert!(registry.packument_unless(&name, Some(first.sha256)).await.unwrap().is_none());
    // Confirmed, but not what was known.
    let other = Sha256Digest::of(b"another");
    let text = registry.packument_unless(&name, Some(other)).await.unwrap().unwrap();
    assert_eq!((text.sha256, text.observation.source), (first.sha256, ObservationSource::Revalidated));
    setup.server.verify().await;

    setup.server.reset().await;
    let mut changed = packument(&setup.tarball_url());
    changed["time"]["1.0.2"] = json!("2023-01-01T00:00:00.000Z");
    setup.serve("/a", ResponseTemplate::new(200).set_body_json(changed)).await;
    let text = registry.packument_unless(&name, Some(first.sha256)).await.unwrap().unwrap();
    assert_ne!(text.sha256, first.sha256);
    let offline = setup.offline();
    assert!(offline.packument_unless(&name, Some(text.sha256)).await.unwrap().is_none());
}
