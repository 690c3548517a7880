use serde_json::json;
use wiremock::matchers::{method, path, query_param};
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::*;
use crate::registry::{Access, RegistryLimits, RegistryOptions};

fn registry(directory: &tempfile::TempDir) -> NpmRegistry {
    NpmRegistry::new(RegistryOptions {
        cache_directory: directory.path().join("cache"),
        working_directory: directory.path().to_owned(),
        environment: [("npm_config_registry", "http://127.0.0.1:9/")].into_iter().collect(),
        access: Access::Online,
        limits: RegistryLimits::default(),
    })
    .unwrap()
}

async fn serve(server: &MockServer, since: &str, body: Value) {
    Mock::given(method("GET"))
        .and(path("/registry/_changes"))
        .and(query_param("since", since))
        .respond_with(ResponseTemplate::new(200).set_body_json(body))
        .mount(server)
        .await;
}

fn sequence(text: &str) -> Sequence {
    Sequence::parse(text).unwrap()
}

#[tokio::test]
async fn a_feed_is_followed_from_its_end() {
    let server = MockServer::start().await;
    let end = ResponseTemplate::new(200).set_body_json(json!({"db_name": "registry", "update_seq": 41}));
    Mock::given(method("GET")).and(path("/registry/")).respond_with(end).mount(&server).await;
    let results = json!([
        {"seq": 42, "id": "a", "changes": [{"rev": "1-x"}]},
        {"seq": 43, "id": "_design/app", "changes": []},
        {"seq": "44-opaque", "id": "@b/c", "deleted": true},
    ]);
    serve(&server, "41", json!({"results": results, "last_seq": "44-opaque", "pending": 0})).await;
    serve(&server, "44-opaque", json!({"results": [], "last_seq": "44-opaque"})).await;

    let directory = tempfile::tempdir().unwrap();
    let registry = registry(&directory);
    let feed = ChangeFeed::parse(&format!("{}/registry/_changes?since=0", server.uri())).unwrap();
    let end = registry.end_of_changes(&feed).await.unwrap();
    assert_eq!(end, sequence("41"));
    let changes = registry.changes(&feed, &end).await.unwrap();
    assert_eq!(changes.names.iter().map(PackageName::as_str).collect::<Vec<_>>(), ["a", "@b/c"]);
    assert_eq!((changes.last.as_str(), changes.is_full), ("44-opaque", false));
    let nothing = registry.changes(&feed, &changes.last).await.unwrap();
    assert!(nothing.names.is_empty() && nothing.last == changes.last);
}

#[tokio::test]
async fn a_full_page_that_leads_nowhere_is_not_asked_for_again() {
    let server = MockServer::start().await;
    let results: Vec<Value> = (0..PAGE).map(|index| json!({"seq": index, "id": format!("p{index}")})).collect();
    serve(&server, "1", json!({"results": results, "last_seq": 2})).await;
    serve(&server, "2", json!({"results": results, "last_seq": 2})).await;
    let directory = tempfile::tempdir().unwrap();
    let registry = registry(&directory);
    let feed = ChangeFeed::parse(&format!("{}/registry", server.uri())).unwrap();
    assert!(registry.changes(&feed, &sequence("1")).await.unwrap().is_full);
    assert!(!registry.changes(&feed, &sequence("2")).await.unwrap().is_full);
}

#[tokio::test]
async fn what_is_no_feed_is_an_error() {
    let server = MockServer::start().await;
    for (since, body) in [
        ("1", json!({"error": "gone"})),
        ("2", json!({"results": [], "last_seq": {}})),
        ("3", json!({"results": [], "last_seq": "x".repeat(MAX_SEQUENCE + 1)})),
        ("4", json!({"results": [{"seq": 1}], "last_seq": 1})),
    ] {
        serve(&server, since, body).await;
    }
    let directory = tempfile::tempdir().unwrap();
    let registry = registry(&directory);
    let feed = ChangeFeed::parse(&format!("{}/registry", server.uri())).unwrap();
    for since in ["1", "2", "3", "4"] {
        let changes = registry.changes(&feed, &sequence(since)).await;
        assert!(matches!(changes, Err(RegistryError::MalformedAnswer { .. })), "{since}: {changes:?}");
    }
}

#[test]
fn addresses_are_checked() {
    let feed = ChangeFeed::parse("https://feed.example/registry/_changes/").unwrap();
    assert_eq!(feed, ChangeFeed::parse("https://feed.example/registry").unwrap());
    assert_eq!(feed.to_string(), "https://feed.example/registry/");
    assert_eq!(ChangeFeed::parse("http://feed.example").unwrap().to_string(), "http://feed.example/");
    for text in ["", "feed.example", "file:///etc/passwd", "ftp://feed.example/"] {
        assert!(matches!(ChangeFeed::parse(text), Err(ChangeFeedError::Address(_))), "{text}");
    }
    assert!(matches!(ChangeFeed::parse("https://a:b@feed.example/"), Err(ChangeFeedError::Credentials)));
}
