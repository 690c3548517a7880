use std::sync::Mutex;

use serde_json::{Value, json};
use wiremock::matchers::{method, path, query_param};
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::*;
use crate::registry::{Access, RegistryLimits, RegistryOptions};
use crate::store::{Clock, StoreAddress};

/// A registry in which something happens.
struct Setup {
    server: MockServer,
    directory: tempfile::TempDir,
    store: Store,
}

impl Setup {
    async fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let address = StoreAddress::Sqlite(directory.path().join("store.db"));
        let store = Store::open(&address, &address.objects().unwrap(), Clock::Database).await.unwrap();
        Self { server: MockServer::start().await, directory, store }
    }

    /// A watch as another process would have it, with what was remembered.
    fn watch(&self, names: &[&str], feed: bool) -> Watch {
        let http = crate::registry::HttpLimits { first_wait: Duration::from_millis(1), ..Default::default() };
        let registry = NpmRegistry::new(RegistryOptions {
            cache_directory: self.directory.path().join("cache"),
            working_directory: self.directory.path().to_owned(),
            environment: [("npm_config_registry", self.server.uri())].into_iter().collect(),
            access: Access::Online,
            limits: RegistryLimits { http, ..RegistryLimits::default() },
        })
        .unwrap();
        let names = names.iter().map(|name| PackageName::parse(name).unwrap());
        let feed = feed.then(|| ChangeFeed::parse(&format!("{}/feed", self.server.uri())).unwrap());
        Watch::new(registry, self.store.clone(), names, feed, None)
    }

    /// Serves a package with these versions, published on the days of 2026 that they name.
    async fn serve(&self, name: &str, versions: &[(&str, u32)]) {
        let object = |value: &dyn Fn(&str, u32) -> Value| -> Value {
            versions.iter().map(|(version, day)| ((*version).to_owned(), value(version, *day))).collect()
        };
        let body = json!({
            "name": name,
            "versions": object(&|version, _| json!({"name": name, "version": version})),
            "time": object(&|_, day| json!(format!("2026-01-{day:02}T00:00:00Z"))),
        });
        self.answer(
            name,
            ResponseTemplate::new(200).set_body_json(body).insert_header("cache-control", "max-age=3600"),
        )
        .await;
    }

    async fn answer(&self, at: &str, answer: ResponseTemplate) {
        let mock = Mock::given(method("GET")).and(path(format!("/{at}"))).respond_with(answer);
        mock.with_priority(5).mount(&self.server).await;
    }

    async fn change(&self, since: &str, names: &[&str], last: &str) {
        let results: Vec<Value> = names.iter().map(|name| json!({"id": name})).collect();
        let body = json!({"results": results, "last_seq": last});
        Mock::given(method("GET"))
            .and(path("/feed/_changes"))
            .and(query_param("since", since))
            .respond_with(ResponseTemplate::new(200).set_body_json(body))
            .mount(&self.server)
            .await;
    }
}

async fn round(watch: &mut Watch) -> (Round, Vec<String>) {
    let found = Mutex::new(Vec::new());
    let round = watch
        .round(async |one: Found| {
            found.lock().unwrap().push(one.selected.release.to_string());
            Ok::<_, StoreError>(())
        })
        .await
        .unwrap();
    (round, found.into_inner().unwrap())
}

#[tokio::test]
async fn new_releases_are_found_once_in_the_order_of_their_publication() {
    let setup = Setup::new().await;
    setup.serve("a", &[("1.0.0", 1)]).await;
    setup.serve("b", &[("1.0.0", 1)]).await;
    let mut watch = setup.watch(&["a", "b", "a"], false);
    let (first, found) = round(&mut watch).await;
    assert_eq!((first.asked, first.changed, found.len()), (2, 2, 0));

    setup.server.reset().await;
    setup.serve("a", &[("1.0.0", 1), ("1.0.1", 9), ("2.0.0", 8)]).await;
    setup.serve("b", &[("1.0.0", 1)]).await;
    let (second, found) = round(&mut watch).await;
    assert_eq!((second.asked, second.changed, second.found), (2, 1, 2));
    assert_eq!(found, ["npm:a@2.0.0", "npm:a@1.0.1"]);

    // Another process goes on from there.
    let (third, found) = round(&mut setup.watch(&["a", "b"], false)).await;
    assert_eq!((third.changed, found.len()), (0, 0));
}

#[tokio::test]
async fn many_packages_do_not_wait_for_each_other() {
    let setup = Setup::new().await;
    let names: Vec<String> = (0..50).map(|index| format!("p{index}")).collect();
    for name in &names {
        setup.serve(name, &[("1.0.0", 1)]).await;
    }
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let (first, _) = round(&mut setup.watch(&names, false)).await;
    assert_eq!((first.changed, first.unseen.len()), (50, 0));
    let (second, _) = round(&mut setup.watch(&names, false)).await;
    assert_eq!((second.asked, second.changed), (50, 0));
}

#[tokio::test]
async fn at_the_first_look_new_is_what_was_published_since() {
    let setup = Setup::new().await;
    setup.serve("a", &[("1.0.0", 1), ("1.0.1", 20)]).await;
    let mut watch = setup.watch(&["a"], false);
    watch.since = Some(1_768_003_200); // 10 January 2026
    assert_eq!(round(&mut watch).await.1, ["npm:a@1.0.1"]);
    assert!(round(&mut watch).await.1.is_empty());
}

#[tokio::test]
async fn what_was_not_taken_is_handed_on_again() {
    let setup = Setup::new().await;
    setup.serve("a", &[("1.0.0", 1)]).await;
    let mut watch = setup.watch(&["a"], false);
    round(&mut watch).await;
    setup.server.reset().await;
    setup.serve("a", &[("1.0.0", 1), ("1.0.1", 2), ("1.0.2", 3)]).await;
    let mut left = 1;
    let failed = watch.round(async |_| {
        left -= 1;
        if left < 0 { Err(StoreError::Row { reason: "the disk is full".to_owned() }) } else { Ok(()) }
    });
    assert!(failed.await.is_err());
    assert_eq!(round(&mut watch).await.1, ["npm:a@1.0.1", "npm:a@1.0.2"]);
}

#[tokio::test]
async fn a_version_that_comes_back_is_new() {
    let setup = Setup::new().await;
    let mut watch = setup.watch(&["a"], false);
    for (versions, expected) in
        [(&[("1.0.0", 1), ("1.0.1", 2)][..], 0), (&[("1.0.0", 1)][..], 0), (&[("1.0.0", 1), ("1.0.1", 3)][..], 1)]
    {
        setup.server.reset().await;
        setup.serve("a", versions).await;
        assert_eq!(round(&mut watch).await.1.len(), expected);
    }
}

#[tokio::test]
async fn a_package_that_cannot_be_looked_at_hinders_no_other() {
    let setup = Setup::new().await;
    setup.serve("a", &[("1.0.0", 1)]).await;
    setup.answer("b", ResponseTemplate::new(200).set_body_string("<p>Sorry.</p>")).await;
    let mut watch = setup.watch(&["b", "a", "c"], false);
    let (failed, _) = round(&mut watch).await;
    assert_eq!(failed.changed, 1);
    let mut unseen: Vec<String> = failed
        .unseen
        .iter()
        .map(|unseen| match unseen {
            Unseen::Package(name, _) => name.to_string(),
            Unseen::Feed(error) => panic!("{error}"),
        })
        .collect();
    unseen.sort();
    assert_eq!(unseen, ["b", "c"]);
}

#[tokio::test]
async fn a_feed_says_which_packages_to_ask_about() {
    let setup = Setup::new().await;
    for name in ["a", "b", "c"] {
        setup.serve(name, &[("1.0.0", 1)]).await;
    }
    setup.answer("feed/", ResponseTemplate::new(200).set_body_json(json!({"update_seq": 7}))).await;
    let mut watch = setup.watch(&["a", "b", "c"], true);
    assert_eq!(round(&mut watch).await.0.asked, 3);

    setup.server.reset().await;
    setup.serve("a", &[("1.0.0", 1), ("1.0.1", 2)]).await;
    // Not served at the moment.
    setup.change("7", &["a", "unwatched", "b", "a"], "9").await;
    let (second, found) = round(&mut watch).await;
    assert_eq!((second.asked, second.unseen.len()), (2, 1));
    assert_eq!(found, ["npm:a@1.0.1"]);

    // What could not be asked about is asked about again, and the feed goes on behind it.
    setup.serve("b", &[("1.0.0", 1), ("1.0.1", 2)]).await;
    setup.change("9", &[], "9").await;
    let (third, found) = round(&mut watch).await;
    assert_eq!((third.asked, third.unseen.len()), (1, 0));
    assert_eq!(found, ["npm:b@1.0.1"]);
    assert_eq!(round(&mut watch).await.0.asked, 0);

    // A watch that was away asks about everything, and needs nothing of what the feed had meanwhile.
    setup.answer("feed/", ResponseTemplate::new(200).set_body_json(json!({"update_seq": "12-x"}))).await;
    setup.serve("c", &[("1.0.0", 1), ("1.0.1", 2)]).await;
    let mut watch = setup.watch(&["a", "b", "c"], true);
    let (again, found) = round(&mut watch).await;
    assert_eq!((again.asked, found), (3, vec!["npm:c@1.0.1".to_owned()]));
    setup.change("12-x", &["c"], "13-x").await;
    assert_eq!(round(&mut watch).await.0.asked, 1);
}

#[tokio::test]
async fn without_its_feed_a_watch_asks_about_everything() {
    let setup = Setup::new().await;
    setup.serve("a", &[("1.0.0", 1)]).await;
    let mut watch = setup.watch(&["a"], true);
    for _ in 0..2 {
        let (round, _) = round(&mut watch).await;
        assert_eq!(round.asked, 1);
        assert!(matches!(round.unseen[..], [Unseen::Feed(_)]));
    }
}
