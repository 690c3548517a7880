use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Value, json};
use wiremock::matchers::{method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::server::Patience;
use super::*;
use crate::package::{Ecosystem, Integrity, PackageName, Release, Sha256Digest, Version};
use crate::rebuild::lockfile::Closure;
use crate::registry::{
    Access, HttpLimits, NpmRegistry, ObservationSource, RegistryLimits, RegistryOptions, parse_rfc3339,
};

const TOKEN: &str = "the-users-own-token";

mod names;

/// A registry with two packages, and a cache.
struct Setup {
    directory: tempfile::TempDir,
    upstream: MockServer,
    /// What the registry must be sent.
    secret: String,
}

fn content(name: &str, version: &str) -> Vec<u8> {
    format!("the tarball of {name} {version}").into_bytes()
}

/// More than is sent in one piece.
fn large() -> Vec<u8> {
    (0..3_000_000_u32).map(|index| (index % 251) as u8).collect()
}

impl Setup {
    async fn new() -> Self {
        let setup = Self {
            directory: tempfile::tempdir().unwrap(),
            upstream: MockServer::start().await,
            secret: format!("Bearer {TOKEN}"),
        };
        setup.publish("a", &[("1.0.0", "2020-01-01"), ("1.1.0", "2021-01-01"), ("2.0.0", "2023-01-01")]).await;
        setup.publish("@s/b", &[("1.0.0", "2020-01-01")]).await;
        setup
    }

    async fn publish(&self, name: &str, versions: &[(&str, &str)]) {
        let unscoped = name.rsplit('/').next().unwrap();
        let (mut releases, mut times) = (json!({}), json!({ "created": "2020-01-01T00:00:00.000Z" }));
        for (version, date) in versions {
            let tarball = format!("{}/{name}/-/{unscoped}-{version}.tgz", self.upstream.uri());
            releases[*version] = json!({
                "name": name, "version": version,
                "dist": { "tarball": tarball, "integrity": Integrity::of(&content(name, version)).to_string() },
            });
            times[*version] = json!(format!("{date}T00:00:00.000Z"));
            let answer = ResponseTemplate::new(200).set_body_bytes(content(name, version));
            self.serve(&format!("/{name}/-/{unscoped}-{version}.tgz"), answer).await;
        }
        let latest = versions.last().unwrap().0;
        let packument = json!({ "name": name, "dist-tags": { "latest": latest }, "versions": releases, "time": times });
        self.serve(&format!("/{}", name.replace('/', "%2f")), ResponseTemplate::new(200).set_body_json(packument))
            .await;
    }

    async fn serve(&self, at: &str, answer: ResponseTemplate) {
        Mock::given(method("GET")).and(path(at)).respond_with(answer).mount(&self.upstream).await;
    }

    fn registry(&self, access: Access) -> NpmRegistry {
        let host = self.upstream.address();
        let variables = [
            ("npm_config_registry".to_owned(), self.upstream.uri()),
            (format!("npm_config_//{host}/:_authToken"), TOKEN.to_owned()),
        ];
        let http = HttpLimits { retries: 0, ..HttpLimits::default() };
        NpmRegistry::new(RegistryOptions {
            cache_directory: self.directory.path().join("cache"),
            working_directory: self.directory.path().to_owned(),
            environment: variables.into_iter().collect(),
            access,
            limits: RegistryLimits { http, ..RegistryLimits::default() },
        })
        .unwrap()
    }

    fn view(&self, cutoff: Option<&str>, closure: Option<Closure>) -> RegistryView {
        let cutoff = cutoff.map(|date| parse_rfc3339(&format!("{date}T00:00:00Z")).unwrap());
        RegistryView::new(self.registry(Access::Online), cutoff, closure)
    }

    async fn asked(&self) -> Vec<String> {
        let requests = self.upstream.received_requests().await.unwrap();
        requests.iter().map(|request| request.url.path().to_owned()).collect()
    }
}

fn closure(packages: &[(&str, &str, Option<&[u8]>)]) -> Closure {
    let mut places = json!({});
    for (index, (name, version, content)) in packages.iter().enumerate() {
        let place = format!("node_modules/x{index}/node_modules/{name}");
        places[place] =
            json!({ "version": version, "integrity": content.map(|content| Integrity::of(content).to_string()) });
    }
    let text = json!({ "lockfileVersion": 3, "packages": places });
    Closure::read("package-lock.json", text.to_string().as_bytes()).unwrap()
}

fn listen() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").unwrap()
}

struct Answer {
    status: u16,
    head: String,
    body: Vec<u8>,
}

/// Sends bytes as they are and reads until the other side closes.
async fn send(address: SocketAddr, bytes: impl Into<Vec<u8>>) -> Vec<u8> {
    let bytes = bytes.into();
    tokio::task::spawn_blocking(move || {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        // The server may close before it has read everything.
        let _ = stream.write_all(&bytes);
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        answer
    })
    .await
    .unwrap()
}

fn split(bytes: &[u8]) -> Answer {
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n").expect("an answer has a head");
    let head = String::from_utf8(bytes[..end].to_vec()).unwrap().to_lowercase();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Answer { status, head, body: bytes[end + 4..].to_vec() }
}

async fn get_with(address: SocketAddr, target: &str, headers: &str) -> Answer {
    let port = address.port();
    let request = format!("GET {target} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n{headers}\r\n");
    split(&send(address, request).await)
}

async fn get(address: SocketAddr, target: &str) -> Answer {
    get_with(address, target, "").await
}

fn refusals(log: &RequestLog) -> Vec<Refusal> {
    log.requests.iter().filter_map(|request| request.refusal.clone()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn packuments_and_tarballs_are_served_and_logged() {
    let setup = Setup::new().await;
    let view = setup.view(Some("2022-01-01"), None).serve(listen()).unwrap();
    let at = view.address();
    let full = get(at, "/a").await;
    let packument: Value = serde_json::from_slice(&full.body).unwrap();
    assert_eq!(packument["dist-tags"]["latest"], "1.1.0");
    assert_eq!(packument["versions"].as_object().unwrap().len(), 2);
    let tarball = packument["versions"]["1.1.0"]["dist"]["tarball"].as_str().unwrap();
    let target = tarball.strip_prefix(&format!("http://127.0.0.1:{}", at.port())).unwrap();
    assert_eq!(get(at, target).await.body, content("a", "1.1.0"));
    let short = get_with(at, "/@s%2fb", "Accept: application/vnd.npm.install-v1+json; q=1.0, */*\r\n").await;
    assert!(short.head.contains("content-type: application/vnd.npm.install-v1+json"), "{}", short.head);
    assert_eq!(get(at, "/@s/b/-/b-1.0.0.tgz").await.body, content("@s/b", "1.0.0"));
    assert_eq!(get(at, "/a/-/a-2.0.0.tgz").await.status, 404, "published later");
    assert_eq!(get(at, "/unheard-of").await.status, 404);

    let log = view.stop().await;
    let served: Vec<_> = log.requests.iter().map(|request| (request.target.as_str(), request.status)).collect();
    let expected = [
        ("/a", 200),
        (target, 200),
        ("/@s%2fb", 200),
        ("/@s/b/-/b-1.0.0.tgz", 200),
        ("/a/-/a-2.0.0.tgz", 404),
        ("/unheard-of", 404),
    ];
    assert_eq!(served, expected);
    assert_eq!(log.requests[0].sha256, Some(Sha256Digest::of(&full.body)));
    assert_eq!(log.requests[0].bytes, full.body.len() as u64);
    assert_eq!(log.requests[1].sha256, Some(Sha256Digest::of(&content("a", "1.1.0"))));
    assert_eq!(log.requests[1].source, Some(ObservationSource::Network));
    assert_eq!(refusals(&log), [Refusal::AfterCutoff, Refusal::Unknown]);
    assert_eq!((log.suspicious().count(), log.not_listed), (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_installation_asks_nobody() {
    let setup = Setup::new().await;
    let locked = || closure(&[("a", "1.0.0", Some(&content("a", "1.0.0"))), ("@s/b", "1.0.0", None)]);
    let targets = ["/a", "/a/-/a-1.0.0.tgz", "/@s%2fb", "/@s%2fb/-/b-1.0.0.tgz"];
    let mut bodies = Vec::new();
    for round in 0..3 {
        let access = if round == 2 { Access::Offline } else { Access::Online };
        let cutoff = parse_rfc3339("2022-01-01T00:00:00Z");
        let listener = listen();
        let port = listener.local_addr().unwrap().port().to_string();
        let view = RegistryView::new(setup.registry(access), cutoff, Some(locked())).serve(listener).unwrap();
        let mut round_bodies = Vec::new();
        for target in targets {
            let answer = get(view.address(), target).await;
            assert_eq!(answer.status, 200, "{target} in round {round}");
            round_bodies.push(String::from_utf8(answer.body).unwrap().replace(&port, "PORT"));
        }
        bodies.push(round_bodies);
        let log = view.stop().await;
        assert_eq!(log.fetched(), if round == 0 { 4 } else { 0 }, "round {round}: {:?}", log.requests);
    }
    assert!(bodies.iter().all(|round| *round == bodies[0]));
    let asked = setup.asked().await;
    assert_eq!(asked.len(), 4, "{asked:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_locked_tarball_needs_no_packument_and_must_be_what_the_lockfile_says() {
    let setup = Setup::new().await;
    let locked = closure(&[("a", "1.0.0", Some(&content("a", "1.0.0"))), ("a", "1.1.0", Some(b"something else"))]);
    let view = setup.view(None, Some(locked)).serve(listen()).unwrap();
    assert_eq!(get(view.address(), "/a/-/a-1.0.0.tgz").await.body, content("a", "1.0.0"));
    assert_eq!(get(view.address(), "/a/-/a-1.1.0.tgz").await.status, 403);
    assert_eq!(setup.asked().await, ["/a/-/a-1.0.0.tgz", "/a/-/a-1.1.0.tgz"]);
    let log = view.stop().await;
    assert!(matches!(&refusals(&log)[..], [Refusal::Mismatch(_)]), "{:?}", log.requests);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_what_the_lockfile_names() {
    let setup = Setup::new().await;
    let locked = closure(&[("a", "1.0.0", None)]);
    let view = setup.view(None, Some(locked.clone())).serve(listen()).unwrap();
    for (target, status) in
        [("/a", 200), ("/a/-/a-1.0.0.tgz", 200), ("/a/-/a-1.1.0.tgz", 403), ("/@s%2fb", 403), ("/stolen-secret", 403)]
    {
        assert_eq!(get(view.address(), target).await.status, status, "{target}");
    }
    let log = view.stop().await;
    let outside: Vec<_> = log.outside.iter().map(|name| name.as_str().to_owned()).collect();
    assert_eq!(outside, ["@s/b", "stolen-secret"]);
    assert!(!setup.asked().await.iter().any(|path| path.contains("stolen-secret")), "the name left the machine");

    let view = setup.view(Some("2022-01-01"), Some(locked)).mode(ClosureMode::NamesOpen).serve(listen()).unwrap();
    for (target, status) in
        [("/@s%2fb", 200), ("/a/-/a-1.1.0.tgz", 200), ("/@s%2fb/-/b-1.0.0.tgz", 200), ("/a/-/a-2.0.0.tgz", 404)]
    {
        assert_eq!(get(view.address(), target).await.status, status, "{target}");
    }
    let log = view.stop().await;
    assert_eq!(log.outside.iter().map(PackageName::as_str).collect::<Vec<_>>(), ["@s/b"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_release_under_test_is_never_served() {
    let setup = Setup::new().await;
    let (name, version) = (PackageName::parse("a").unwrap(), Version::parse("1.1.0").unwrap());
    let verified = Release { ecosystem: Ecosystem::Npm, name, version };
    let locked = closure(&[("a", "1.1.0", Some(&content("a", "1.1.0"))), ("@s/b", "1.0.0", None)]);
    for closure in [None, Some(locked)] {
        let view = setup.view(Some("2022-01-01"), closure).without(verified.clone()).serve(listen()).unwrap();
        let packument: Value = serde_json::from_slice(&get(view.address(), "/a").await.body).unwrap();
        assert!(packument["versions"].get("1.1.0").is_none(), "{packument}");
        assert_eq!(get(view.address(), "/a/-/a-1.1.0.tgz").await.status, 404);
        assert_eq!(get(view.address(), "/@s%2fb/-/b-1.0.0.tgz").await.status, 200);
        assert!(refusals(&view.stop().await).contains(&Refusal::Verified));
    }
    assert!(!setup.asked().await.iter().any(|path| path.contains("a-1.1.0.tgz")));
}

#[tokio::test(flavor = "multi_thread")]
async fn credentials_go_to_the_registry_and_nowhere_else() {
    let setup = Setup::new().await;
    let view = setup.view(None, None).serve(listen()).unwrap();
    let mut answers = Vec::new();
    for target in ["/a", "/a/-/a-1.0.0.tgz", "/unheard-of", "/-/whoami"] {
        let answer = get_with(view.address(), target, "Authorization: Bearer of-the-client\r\nCookie: c\r\n").await;
        answers.extend([answer.head.into_bytes(), answer.body]);
    }
    let all = String::from_utf8_lossy(&answers.concat()).into_owned();
    assert!(!all.contains(TOKEN) && !all.contains(&setup.upstream.uri()), "{all}");
    let log = format!("{:?}", view.stop().await);
    assert!(!log.contains(TOKEN));
    for request in setup.upstream.received_requests().await.unwrap() {
        assert_eq!(request.headers["authorization"], setup.secret.as_str());
        assert!(!request.headers.contains_key("cookie"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn attacks_are_refused_with_their_reason_and_reach_nobody() {
    let setup = Setup::new().await;
    let view = setup.view(None, None).serve(listen()).unwrap();
    let at = view.address();
    let host = format!("Host: 127.0.0.1:{}\r\n", at.port());
    let close = "Connection: close\r\n";
    let host = host + close;
    let other = setup.upstream.address();
    let get = |target: &str, headers: &str| format!("GET {target} HTTP/1.1\r\n{host}{headers}\r\n");
    let with_host = |value: &str| format!("GET /a HTTP/1.1\r\n{close}{value}\r\n");
    let cases: Vec<(String, u16, Refusal)> = vec![
        (format!("CONNECT {other} HTTP/1.1\r\nHost: {other}\r\n\r\n"), 403, Refusal::NotAPath),
        (format!("GET http://{other}/a HTTP/1.1\r\n{host}\r\n"), 403, Refusal::NotAPath),
        (format!("GET http://127.0.0.1:{}/a HTTP/1.1\r\n{host}\r\n", at.port()), 403, Refusal::NotAPath),
        (
            format!("POST /-/npm/v1/security/audits/quick HTTP/1.1\r\n{host}Content-Length: 2\r\n\r\n{{}}"),
            405,
            Refusal::Method,
        ),
        (format!("PUT /a HTTP/1.1\r\n{host}Content-Length: 2\r\n\r\n{{}}"), 405, Refusal::Method),
        (format!("DELETE /a/-rev/1 HTTP/1.1\r\n{host}\r\n"), 405, Refusal::Method),
        (format!("HEAD /a HTTP/1.1\r\n{host}X: y\r\n\r\n"), 405, Refusal::Method),
        (format!("OPTIONS * HTTP/1.1\r\n{host}\r\n"), 405, Refusal::Method),
        (format!("TRACE /a HTTP/1.1\r\n{host}\r\n"), 405, Refusal::Method),
        (with_host(""), 403, Refusal::Host),
        (with_host(&format!("Host: {other}\r\n")), 403, Refusal::Host),
        (with_host("Host: 169.254.169.254\r\n"), 403, Refusal::Host),
        (with_host("Host: 127.0.0.1\r\n"), 403, Refusal::Host),
        (with_host(&format!("{host}Host: r.example\r\n")), 403, Refusal::Host),
        (with_host(&format!("Host: user@127.0.0.1:{}\r\n", at.port())), 403, Refusal::Host),
        (format!("GET /a HTTP/1.0\r\n{host}\r\n"), 400, Refusal::Malformed),
        (get("/a?write=true", ""), 403, Refusal::Query),
        (get("/a", "Content-Length: 5\r\n") + "hello", 403, Refusal::Body),
        (get("/a", "Transfer-Encoding: chunked\r\n") + "0\r\n\r\n", 403, Refusal::Body),
        (get("/a", "Upgrade: h2c\r\nConnection: Upgrade\r\n"), 403, Refusal::Upgrade),
        (get("/a", "Upgrade: websocket\r\nConnection: Upgrade\r\n"), 403, Refusal::Upgrade),
        (get("/a", "Expect: 100-continue\r\n"), 403, Refusal::Upgrade),
        (get("/../../etc/passwd", ""), 404, Refusal::Target),
        (get("/a/-/../../b/-/b-1.0.0.tgz", ""), 404, Refusal::Target),
        (get("/a%2f..%2f..%2fb", ""), 404, Refusal::Target),
        (get("/a%00", ""), 404, Refusal::Target),
        (get("//r.example/a", ""), 404, Refusal::Target),
        (get("/-/all", ""), 404, Refusal::Endpoint),
        (get("/-/v1/search", ""), 404, Refusal::Endpoint),
        (get("/", ""), 404, Refusal::Endpoint),
    ];
    for (request, status, _) in &cases {
        let answer = split(&send(at, request.as_bytes()).await);
        assert_eq!(answer.status, *status, "{request}");
        assert!(!answer.head.contains("101 switching"), "{request}");
    }
    let log = view.stop().await;
    let expected: Vec<_> = cases.iter().map(|(_, _, refusal)| refusal.clone()).collect();
    for ((request, _, _), (logged, refusal)) in cases.iter().zip(log.requests.iter().zip(&expected)) {
        assert_eq!(logged.refusal.as_ref(), Some(refusal), "{request}");
        assert_eq!((logged.bytes, logged.sha256, logged.source), (0, None, None), "{request}");
    }
    assert_eq!(log.requests.len(), cases.len());
    let ordinary = |refusal: &&Refusal| matches!(refusal, Refusal::Method | Refusal::Endpoint);
    assert_eq!(log.suspicious().count(), cases.len() - expected.iter().filter(ordinary).count());
    assert_eq!(setup.asked().await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_smuggled_behind_a_request() {
    let setup = Setup::new().await;
    let view = setup.view(None, None).serve(listen()).unwrap();
    let at = view.address();
    let host = format!("Host: 127.0.0.1:{}\r\n", at.port());
    let inner = format!("GET /@s%2fb HTTP/1.1\r\n{host}\r\n");
    let both =
        |first: &str, second: &str| format!("GET /a HTTP/1.1\r\n{host}{first}\r\n{second}\r\n\r\n0\r\n\r\n{inner}");
    let length = format!("Content-Length: {}", inner.len() + 5);
    for request in [
        both(&length, "Transfer-Encoding: chunked"),
        both("Transfer-Encoding: chunked", &length),
        both("Transfer-Encoding: chunked", "Transfer-Encoding: identity"),
        both("Transfer-Encoding : chunked", "X: y"),
        both("Transfer-Encoding: xchunked", "X: y"),
        both("Content-Length: 5", "Content-Length: 6"),
        both("Content-Length: 5, 6", "X: y"),
        both("Content-Length: +5", "X: y"),
        both("X: y\r\n Content-Length: 5", "X: y"),
        format!("POST /a HTTP/1.1\r\n{host}{length}\r\n\r\n{inner}"),
        format!("\0\x01garbage\r\n\r\n{inner}"),
        format!("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n{inner}"),
        format!("GET /a HTTP/1.1 HTTP/1.1\r\n{host}\r\n{inner}"),
    ] {
        let answers = send(at, request.as_bytes()).await;
        let count = String::from_utf8_lossy(&answers).matches("HTTP/1.1 ").count();
        assert!(count <= 1, "{request}: {}", String::from_utf8_lossy(&answers));
        assert!(!answers.starts_with(b"HTTP/1.1 2"), "{request}");
    }
    // Honest pipelining is answered in order, and garbage behind it ends the connection.
    let pipelined = format!("GET /-/a HTTP/1.1\r\n{host}\r\nGET /-/b HTTP/1.1\r\n{host}\r\n\0\0\0\r\n\r\n{inner}");
    let answers = send(at, pipelined).await;
    assert_eq!(String::from_utf8_lossy(&answers).matches("HTTP/1.1 404").count(), 2);
    let log = view.stop().await;
    assert!(log.requests.iter().all(|request| request.status != 200), "{:?}", log.requests);
    assert!(log.requests.len() >= 14);
    assert_eq!(log.requests.last().unwrap().refusal, Some(Refusal::Malformed));
    assert_eq!(setup.asked().await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn floods_and_slow_clients_end() {
    let setup = Setup::new().await;
    let patience = Patience { head: Duration::from_millis(300), write: Duration::from_millis(300) };
    let view = setup.view(None, None).patience(patience).serve(listen()).unwrap();
    let at = view.address();
    let host = format!("Host: 127.0.0.1:{}\r\n", at.port());
    let many = (0..1000).map(|index| format!("X-{index}: y\r\n")).collect::<String>();
    let long = "y".repeat(1 << 20);
    for request in [
        format!("GET /a HTTP/1.1\r\n{host}{many}\r\n"),
        format!("GET /a HTTP/1.1\r\n{host}X: {long}\r\n\r\n"),
        format!("GET /{long} HTTP/1.1\r\n{host}\r\n"),
    ] {
        let answer = send(at, request).await;
        assert!(!answer.starts_with(b"HTTP/1.1 2"), "{}", String::from_utf8_lossy(&answer));
    }
    // Half a head, and then nothing: the server closes, or this would wait for a minute and fail.
    let closed = tokio::task::spawn_blocking(move || {
        let mut stream = TcpStream::connect(at).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        stream.write_all(b"GET /a HTTP/1.1\r\nHost: 127").unwrap();
        stream.read_to_end(&mut Vec::new()).is_ok()
    });
    assert!(closed.await.unwrap());
    // Idling between two requests is what honest clients do, and no reason for a remark.
    let idled = tokio::task::spawn_blocking(move || {
        let mut stream = TcpStream::connect(at).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        stream.write_all(format!("GET /-/x HTTP/1.1\r\n{host}\r\n").as_bytes()).unwrap();
        stream.read_to_end(&mut Vec::new()).is_ok()
    });
    assert!(idled.await.unwrap());
    let log = view.stop().await;
    let expected = [Refusal::Malformed, Refusal::Malformed, Refusal::Malformed, Refusal::Slow, Refusal::Endpoint];
    assert_eq!(refusals(&log), expected);
    assert_eq!(setup.asked().await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn more_connections_than_allowed_wait_their_turn() {
    let setup = Setup::new().await;
    let view = setup.view(None, None).serve(listen()).unwrap();
    let at = view.address();
    let idle: Vec<_> = (0..200).map(|_| TcpStream::connect(at).unwrap()).collect();
    let asked = tokio::spawn(async move { get(at, "/a").await.status });
    drop(idle);
    assert_eq!(asked.await.unwrap(), 200);
    view.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_damaged_in_the_cache_is_never_served_whole() {
    let setup = Setup::new().await;
    setup.serve("/large/-/large-1.0.0.tgz", ResponseTemplate::new(200).set_body_bytes(large())).await;
    let locked = closure(&[("a", "1.0.0", Some(&content("a", "1.0.0"))), ("large", "1.0.0", Some(&large()))]);
    let view = setup.view(None, Some(locked)).serve(listen()).unwrap();
    let at = view.address();
    let blob = |content: &[u8]| -> PathBuf {
        let name = Sha256Digest::of(content).to_string();
        setup.directory.path().join("cache/registry/blobs/sha256").join(&name[..2]).join(name)
    };
    for (target, content) in [("/a/-/a-1.0.0.tgz", content("a", "1.0.0")), ("/large/-/large-1.0.0.tgz", large())] {
        assert!(get(at, target).await.body == content, "{target}");
        let mut damaged = content.clone();
        *damaged.last_mut().unwrap() ^= 1;
        std::fs::write(blob(&content), &damaged).unwrap();
        let first = get(at, target).await.body;
        assert!(first != damaged, "{target}: the damaged file was served");
        assert!(first == content || first.len() < content.len(), "{target}");
        assert!(get(at, target).await.body == content, "{target}: it is fetched again");
    }
    view.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_asks_for_ever_is_stopped_and_the_log_stays_small() {
    let setup = Setup::new().await;
    let view = setup.view(None, None).serve(listen()).unwrap();
    let host = format!("Host: 127.0.0.1:{}\r\n", view.address().port());
    let flood = format!("GET /a?x HTTP/1.1\r\n{host}\r\n").repeat(2_500);
    let answers = send(view.address(), flood).await;
    let text = String::from_utf8_lossy(&answers);
    assert_eq!(text.matches("HTTP/1.1 403").count(), 2_000);
    assert_eq!(text.matches("HTTP/1.1 429").count(), 1, "which ends the connection");
    let log = view.stop().await;
    assert_eq!((log.requests.len(), log.not_listed), (2_000, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_targets_are_printable_in_the_log() {
    let setup = Setup::new().await;
    let view = setup.view(None, None).serve(listen()).unwrap();
    let host = format!("Host: 127.0.0.1:{}\r\n", view.address().port());
    let target = format!("/\u{202e}{}", "é".repeat(600));
    let host = host + "Connection: close\r\n";
    send(view.address(), format!("GET {target} HTTP/1.1\r\n{host}\r\n")).await;
    send(view.address(), format!("GET /a%1b[2J HTTP/1.1\r\n{host}\r\n")).await;
    let log = view.stop().await;
    assert_eq!(log.requests.len(), 2);
    for request in &log.requests {
        assert!(request.target.is_ascii() && request.target.len() <= 512, "{}", request.target);
        assert!(!request.target.chars().any(char::is_control));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_client_and_no_lockfile_changes_what_the_next_one_gets() {
    let setup = Setup::new().await;
    let other = b"something else".as_slice();
    // A lockfile that gives one release the digest of another, and one the digest of what nobody serves.
    let locked = closure(&[
        ("a", "1.0.0", Some(&content("a", "1.0.0"))),
        ("a", "1.1.0", Some(&content("a", "1.0.0"))),
        ("a", "2.0.0", Some(other)),
    ]);
    let hostile = setup.view(None, Some(locked)).serve(listen()).unwrap();
    let at = hostile.address();
    for target in ["/a", "/a/-/a-1.0.0.tgz", "/a/-/a-1.1.0.tgz", "/a/-/a-2.0.0.tgz"] {
        get(at, target).await;
    }
    let body = String::from_utf8_lossy(other);
    for target in ["/a/-/a-1.1.0.tgz", "/a/-/a-2.0.0.tgz", "/a", "/@s%2fb"] {
        for method in ["PUT", "POST", "GET"] {
            let head = format!("{method} {target} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nConnection: close\r\n", at.port());
            send(at, format!("{head}Content-Length: {}\r\n\r\n{body}", body.len())).await;
        }
    }
    hostile.stop().await;

    let blobs = setup.directory.path().join("cache/registry/blobs/sha256");
    let mut stored = 0;
    for entry in walkdir::WalkDir::new(blobs).into_iter().map(Result::unwrap).filter(|entry| entry.path().is_file()) {
        let bytes = std::fs::read(entry.path()).unwrap();
        assert_eq!(entry.file_name().to_str().unwrap(), Sha256Digest::of(&bytes).to_string());
        assert!(bytes != other, "what a client sent was kept");
        stored += 1;
    }
    assert!(stored > 0);
    let honest = setup.view(None, None).serve(listen()).unwrap();
    for version in ["1.0.0", "1.1.0", "2.0.0"] {
        let answer = get(honest.address(), &format!("/a/-/a-{version}.tgz")).await;
        assert_eq!((answer.status, answer.body), (200, content("a", version)), "{version}");
    }
    assert!(!String::from_utf8(get(honest.address(), "/a").await.body).unwrap().contains("something"));
    honest.stop().await;
}
