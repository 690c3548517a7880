use serde_json::{Value, json};
use wiremock::matchers::{method, path, query_param};
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::*;
use crate::registry::{Access, RegistryLimits, RegistryOptions};

fn registry(server: &MockServer, directory: &tempfile::TempDir, access: Access) -> NpmRegistry {
    NpmRegistry::new(RegistryOptions {
        cache_directory: directory.path().join("cache"),
        working_directory: directory.path().to_owned(),
        environment: [("npm_config_registry", server.uri())].into_iter().collect(),
        access,
        limits: RegistryLimits::default(),
    })
    .unwrap()
}

fn found(names: impl IntoIterator<Item = String>) -> Vec<Value> {
    names.into_iter().map(|name| json!({"package": {"name": name}, "score": {"final": 1}})).collect()
}

async fn serve(server: &MockServer, text: &str, from: usize, objects: Vec<Value>, total: Option<usize>) {
    Mock::given(method("GET"))
        .and(path("/-/v1/search"))
        .and(query_param("text", text))
        .and(query_param("from", from.to_string()))
        .respond_with(ResponseTemplate::new(200).set_body_json(json!({"objects": objects, "total": total})))
        .mount(server)
        .await;
}

async fn search(server: &MockServer, term: &SearchTerm) -> Result<SearchResult, RegistryError> {
    registry(server, &tempfile::tempdir().unwrap(), Access::Online).search(term).await
}

#[tokio::test]
async fn a_scope_is_read_page_by_page_and_nothing_else_is_taken() {
    let server = MockServer::start().await;
    let all: Vec<String> = (0..300).map(|index| format!("@a/p{index}")).collect();
    let mut first = found(all[..249].iter().cloned());
    first.push(json!({"package": {"name": "@ab/other"}}));
    let mut second = found(all[249..].iter().cloned());
    // Results move between pages while they are read.
    second.push(json!({"package": {"name": "@a/p0"}}));
    second.push(json!({"package": {"name": "../../etc"}}));
    serve(&server, "scope:a", 0, first, Some(303)).await;
    serve(&server, "scope:a", 250, second, Some(303)).await;
    let result = search(&server, &SearchTerm::scope("@a").unwrap()).await.unwrap();
    let names: Vec<&str> = result.names.iter().map(PackageName::as_str).collect();
    assert_eq!(names, all);
    assert!(result.is_complete);
}

#[tokio::test]
async fn packages_of_other_maintainers_are_left_out() {
    let server = MockServer::start().await;
    let package = |name: &str, accounts: &[&str]| {
        let maintainers: Vec<Value> = accounts.iter().map(|account| json!({"username": account})).collect();
        json!({"package": {"name": name, "maintainers": maintainers}})
    };
    let objects = vec![package("a", &["x", "someone"]), package("b", &["some"]), package("c", &[])];
    serve(&server, "maintainer:someone", 0, objects, None).await;
    let result = search(&server, &SearchTerm::maintainer("someone").unwrap()).await.unwrap();
    assert_eq!(result.names.iter().map(PackageName::as_str).collect::<Vec<_>>(), ["a", "c"]);
    assert!(result.is_complete);
}

#[tokio::test]
async fn a_registry_without_pages_is_not_asked_for_ever() {
    let server = MockServer::start().await;
    let objects = found((0..250).map(|index| format!("p{index}")));
    let answer = ResponseTemplate::new(200).set_body_json(json!({"objects": objects, "total": 1_000_000}));
    Mock::given(method("GET")).respond_with(answer).expect(2).mount(&server).await;
    let result = search(&server, &SearchTerm::maintainer("someone").unwrap()).await.unwrap();
    assert_eq!(result.names.len(), 250);
    assert!(!result.is_complete);
}

#[tokio::test]
async fn a_search_ends_after_ten_thousand_results() {
    let server = MockServer::start().await;
    for page in 0..=40 {
        let objects = found((page * 250..(page + 1) * 250).map(|index| format!("p{index}")));
        serve(&server, "maintainer:someone", page * 250, objects, Some(1_000_000)).await;
    }
    let result = search(&server, &SearchTerm::maintainer("someone").unwrap()).await.unwrap();
    assert_eq!(result.names.len(), MAX_RESULTS);
    assert!(!result.is_complete);
}

#[tokio::test]
async fn what_is_no_result_is_an_error() {
    let server = MockServer::start().await;
    let answer = ResponseTemplate::new(200).set_body_string("<!doctype html>");
    Mock::given(method("GET")).respond_with(answer).mount(&server).await;
    let term = SearchTerm::scope("a").unwrap();
    assert!(matches!(search(&server, &term).await, Err(RegistryError::MalformedAnswer { .. })));
    let offline = registry(&server, &tempfile::tempdir().unwrap(), Access::Offline);
    assert!(matches!(offline.search(&term).await, Err(RegistryError::NotKept { .. })));
}

#[test]
fn terms_hold_nothing_that_a_search_reads_as_syntax() {
    assert_eq!(SearchTerm::scope("@babel").unwrap(), SearchTerm::scope("babel").unwrap());
    for text in ["", "@", "@@a", "@a/b", "a b", "a:b", "a,b", "a+b", "\u{1b}[0m"] {
        assert!(SearchTerm::scope(text).is_err(), "{text:?}");
    }
    for text in ["", "@a/b", "a b", "a:b", "keywords:x"] {
        assert!(SearchTerm::maintainer(text).is_err(), "{text:?}");
    }
}
