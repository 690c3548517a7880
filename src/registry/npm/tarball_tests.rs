use serde_json::json;
use wiremock::matchers::{method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::*;
use crate::package::{Ecosystem, PackageName, Version};
use crate::registry::{HttpLimits, RegistryLimits, RegistryOptions};

const CONTENT: &[u8] = b"a tarball, as far as anybody here can tell";

struct Setup {
    directory: tempfile::TempDir,
    server: MockServer,
}

impl Setup {
    async fn new() -> Self {
        Self { directory: tempfile::tempdir().unwrap(), server: MockServer::start().await }
    }

    async fn serve(&self, at: &str, answer: ResponseTemplate) {
        Mock::given(method("GET")).and(path(at)).respond_with(answer).mount(&self.server).await;
    }

    async fn publish(&self, tarball: &str) {
        let dist =
            json!({ "tarball": format!("{}{tarball}", self.server.uri()), "integrity": integrity().to_string() });
        let packument = json!({
            "name": "@s/a", "dist-tags": { "latest": "1.0.0" },
            "versions": { "1.0.0": { "name": "@s/a", "version": "1.0.0", "dist": dist } },
            "time": { "created": "2020-01-01T00:00:00.000Z", "1.0.0": "2020-01-01T00:00:00.000Z" },
        });
        let answer = ResponseTemplate::new(200).insert_header("cache-control", "no-cache").set_body_json(packument);
        self.serve("/@s%2fa", answer).await;
        self.serve(tarball, ResponseTemplate::new(200).set_body_bytes(CONTENT)).await;
    }

    fn registry(&self, access: Access) -> NpmRegistry {
        NpmRegistry::new(RegistryOptions {
            cache_directory: self.directory.path().to_owned(),
            working_directory: self.directory.path().to_owned(),
            environment: [("npm_config_registry", self.server.uri())].into_iter().collect(),
            access,
            limits: RegistryLimits {
                http: HttpLimits { retries: 0, ..HttpLimits::default() },
                ..RegistryLimits::default()
            },
        })
        .unwrap()
    }

    async fn asked(&self) -> Vec<String> {
        let requests = self.server.received_requests().await.unwrap();
        requests.iter().map(|request| request.url.path().to_owned()).collect()
    }
}

fn integrity() -> Integrity {
    Integrity::of(CONTENT)
}

fn name() -> PackageName {
    PackageName::parse("@s/a").unwrap()
}

fn release() -> Release {
    Release { ecosystem: Ecosystem::Npm, name: name(), version: Version::parse("1.0.0").unwrap() }
}

fn subject() -> Subject {
    Subject { ecosystem: Ecosystem::Npm, name: name(), version: Some(release().version) }
}

#[tokio::test]
async fn a_known_integrity_needs_no_metadata() {
    let setup = Setup::new().await;
    setup.publish("/@s/a/-/a-1.0.0.tgz").await;
    let registry = setup.registry(Access::Online);
    let (artifact, source) = registry.tarball(&release(), &integrity()).await.unwrap();
    assert_eq!((artifact.sha256, source), (Sha256Digest::of(CONTENT), ObservationSource::Network));
    let (again, source) = setup.registry(Access::Offline).tarball(&release(), &integrity()).await.unwrap();
    assert_eq!((again, source), (artifact, ObservationSource::Cache));
    assert_eq!(setup.asked().await, ["/@s/a/-/a-1.0.0.tgz"]);
}

#[tokio::test]
async fn an_unusual_address_is_found_by_the_metadata() {
    let setup = Setup::new().await;
    setup.publish("/download/@s/a/1.0.0/abcdef").await;
    let registry = setup.registry(Access::Online);
    let (artifact, _) = registry.tarball(&release(), &integrity()).await.unwrap();
    assert_eq!(artifact.sha256, Sha256Digest::of(CONTENT));
    assert_eq!(setup.asked().await, ["/@s/a/-/a-1.0.0.tgz", "/@s%2fa", "/download/@s/a/1.0.0/abcdef"]);
}

#[tokio::test]
async fn what_a_verification_fetched_is_not_fetched_again() {
    let setup = Setup::new().await;
    setup.publish("/@s/a/-/a-1.0.0.tgz").await;
    let registry = setup.registry(Access::Online);
    let metadata = registry.release(&subject()).await.unwrap();
    let (_, source) = registry.artifact_and_source(&metadata).await.unwrap();
    assert_eq!(source, ObservationSource::Network);
    let (_, source) = registry.tarball(&release(), &integrity()).await.unwrap();
    assert_eq!(source, ObservationSource::Cache);
    assert_eq!(setup.asked().await.len(), 2);
}

#[tokio::test]
async fn other_content_than_the_integrity_is_refused_and_not_kept() {
    let setup = Setup::new().await;
    setup.publish("/@s/a/-/a-1.0.0.tgz").await;
    let registry = setup.registry(Access::Online);
    for _ in 0..2 {
        let error = registry.tarball(&release(), &Integrity::of(b"else")).await.unwrap_err();
        assert!(matches!(error, RegistryError::Mismatch { .. }), "{error}");
    }
    assert_eq!(setup.asked().await.len(), 2);
    let error = setup.registry(Access::Offline).tarball(&release(), &Integrity::of(b"else")).await.unwrap_err();
    assert!(matches!(error, RegistryError::ArtifactNotCached { .. }), "{error}");
}

#[tokio::test]
async fn a_packument_is_asked_for_again_only_where_it_could_have_gained_something() {
    let setup = Setup::new().await;
    setup.publish("/@s/a/-/a-1.0.0.tgz").await;
    let registry = setup.registry(Access::Online);
    let first = registry.packument(&name(), Currency::Fresh).await.unwrap();
    assert_eq!(first.observation.source, ObservationSource::Network);
    assert!(first.listing().unwrap().states_creation());
    assert_eq!(first.listing().unwrap().versions(), [(release().version, Some(1_577_836_800))]);
    let day = 86_400;
    for (currency, source) in [
        (Currency::Any, ObservationSource::Cache),
        (Currency::Since(first.observation.at - day), ObservationSource::Cache),
        (Currency::Since(first.observation.at + day), ObservationSource::Network),
        (Currency::Fresh, ObservationSource::Network),
    ] {
        let again = registry.packument(&name(), currency).await.unwrap();
        assert_eq!((again.observation.source, &again.bytes), (source, &first.bytes), "{currency:?}");
        assert_eq!(again.sha256, Sha256Digest::of(&first.bytes));
    }
    assert_eq!(setup.asked().await.len(), 3);
    assert_eq!(setup.registry(Access::Offline).packument(&name(), Currency::Fresh).await.unwrap().bytes, first.bytes);
    registry.release_while(&subject(), Currency::Any).await.unwrap();
    let unknown = Subject { version: Some(Version::parse("2.0.0").unwrap()), ..subject() };
    assert!(registry.release_while(&unknown, Currency::Any).await.is_err());
    assert_eq!(setup.asked().await.len(), 4, "only the unknown version may have come since");
}

#[tokio::test]
async fn a_damaged_packument_is_fetched_again() {
    let setup = Setup::new().await;
    setup.publish("/@s/a/-/a-1.0.0.tgz").await;
    let registry = setup.registry(Access::Online);
    let first = registry.packument(&name(), Currency::Any).await.unwrap();
    std::fs::write(registry.shared().cache.blob_path(first.sha256), "damaged").unwrap();
    let again = registry.packument(&name(), Currency::Any).await.unwrap();
    assert_eq!((again.observation.source, again.bytes), (ObservationSource::Network, first.bytes));
}
