use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use wiremock::matchers::path;
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::*;
use crate::registry::http::{HttpLimits, ProxySettings};

fn limits() -> HttpLimits {
    HttpLimits {
        first_wait: Duration::from_millis(1),
        longest_wait: Duration::from_millis(50),
        ..HttpLimits::default()
    }
}

fn client(limits: HttpLimits) -> HttpClient {
    HttpClient::new(HttpSettings { limits, ..HttpSettings::default() })
}

async fn body(client: &HttpClient, url: &str) -> Result<Vec<u8>, HttpError> {
    let request = Request { url: Url::parse(url).unwrap(), headers: HeaderMap::new(), authorization: None };
    client.get(&request, |response| response.bytes(1000)).await
}

/// A server that answers every connection with what `answer` makes of the number of connections before it.
async fn raw_server<F, Fut>(answer: F) -> String
where
    F: Fn(usize, TcpStream) -> Fut + Send + 'static,
    Fut: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}/", listener.local_addr().unwrap());
    tokio::spawn(async move {
        for connection in 0.. {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = [0; 4096];
            let _ = stream.read(&mut request).await;
            tokio::spawn(answer(connection, stream));
        }
    });
    address
}

fn target(from: &str, location: &str) -> Result<Url, HttpError> {
    let mut headers = HeaderMap::new();
    headers.insert(LOCATION, location.parse().unwrap());
    redirect_target(&Url::parse(from).unwrap(), &headers)
}

#[test]
fn redirects_stay_encrypted_and_on_http() {
    assert_eq!(target("https://a.example/x", "/y").unwrap().as_str(), "https://a.example/y");
    assert_eq!(target("http://a.example/x", "https://b.example/").unwrap().as_str(), "https://b.example/");
    assert!(matches!(target("https://a.example/", "http://a.example/"), Err(HttpError::RedirectDowngrade { .. })));
    for location in ["file:///etc/passwd", "ftp://a.example/", "data:,x", "http://"] {
        assert!(matches!(target("http://a.example/", location), Err(HttpError::RedirectTarget { .. })), "{location}");
    }
    assert!(redirect_target(&Url::parse("http://a.example/").unwrap(), &HeaderMap::new()).is_err());
}

#[test]
fn a_redirect_brings_no_credentials_of_its_own() {
    assert_eq!(target("https://a.example/", "https://u:p@b.example/z").unwrap().as_str(), "https://b.example/z");
}

#[tokio::test]
async fn redirects_are_bounded() {
    let server = MockServer::start().await;
    let again = ResponseTemplate::new(302).insert_header("location", "/");
    Mock::given(path("/")).respond_with(again).mount(&server).await;
    let error = body(&client(limits()), &server.uri()).await.unwrap_err();
    assert_eq!(error.to_string(), format!("{}/ redirects more than 5 times", server.uri()));
    assert_eq!(server.received_requests().await.unwrap().len(), 6);
}

#[tokio::test]
async fn a_body_that_breaks_off_is_fetched_again() {
    let address = raw_server(async |connection, mut stream: TcpStream| {
        let text: &[u8] = if connection < 2 { b"short" } else { b"0123456789" };
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\nConnection: close\r\n\r\n").await;
        let _ = stream.write_all(text).await;
    });
    let address = address.await;
    assert_eq!(body(&client(limits()), &address).await.unwrap(), b"0123456789");
}

#[tokio::test]
async fn a_body_that_always_breaks_off_is_reported() {
    let address = raw_server(async |_, mut stream: TcpStream| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nshort\r\n").await;
    });
    let error = body(&client(limits()), &address.await).await.unwrap_err();
    assert!(matches!(error, HttpError::Interrupted { .. }), "{error:?}");
}

#[tokio::test]
async fn a_body_of_unannounced_length_is_bounded() {
    let address = raw_server(async |_, mut stream: TcpStream| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n").await;
        while stream.write_all(&[b'x'; 512]).await.is_ok() {}
    });
    let error = body(&client(limits()), &address.await).await.unwrap_err();
    assert!(matches!(error, HttpError::TooLarge { limit: 1000, .. }), "{error:?}");
}

#[tokio::test]
async fn silence_ends_in_a_timeout() {
    let address = raw_server(async |_, mut stream: TcpStream| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort").await;
        tokio::time::sleep(Duration::from_secs(60)).await;
    });
    let limits = HttpLimits { idle_timeout: Duration::from_millis(100), retries: 1, ..limits() };
    let started = Instant::now();
    let error = body(&client(limits), &address.await).await.unwrap_err();
    assert!(matches!(error, HttpError::Timeout { .. }), "{error:?}");
    assert!(started.elapsed() < Duration::from_secs(10));
}

#[cfg(feature = "keyless")]
#[tokio::test]
async fn a_bare_client_waits_no_longer_than_it_is_told() {
    let address = raw_server(async |_, mut stream: TcpStream| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n").await;
        // Never silent for long, and without an end.
        while stream.write_all(b"x").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });
    let bare = client(limits()).bare(Duration::from_millis(200)).await.unwrap();
    let answer = bare.get(address.await).send().await.unwrap().bytes().await;
    assert!(answer.unwrap_err().is_timeout());
}

#[tokio::test]
async fn a_refused_connection_is_reported() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://user:secret@{}/x?secret", listener.local_addr().unwrap());
    drop(listener);
    let error = body(&client(limits()), &address).await.unwrap_err();
    assert!(matches!(error, HttpError::Connect { certificate_refused: false, .. }), "{error:?}");
    assert!(!format!("{error} {error:?}").contains("secret"), "{error:?}");
}

#[tokio::test]
async fn one_host_gets_few_requests_at_once_and_holds_up_no_other() {
    static NOW: AtomicUsize = AtomicUsize::new(0);
    static MOST: AtomicUsize = AtomicUsize::new(0);
    let slow = raw_server(async |_, mut stream: TcpStream| {
        MOST.fetch_max(NOW.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
        tokio::time::sleep(Duration::from_millis(400)).await;
        NOW.fetch_sub(1, Ordering::SeqCst);
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").await;
    });
    let slow = slow.await;
    let quick = MockServer::start().await;
    Mock::given(path("/")).respond_with(ResponseTemplate::new(200)).mount(&quick).await;
    let client = client(HttpLimits { concurrent_per_host: 4, ..limits() });
    let waiting: Vec<_> = (0..12)
        .map(|_| {
            let (client, slow) = (client.clone(), slow.clone());
            tokio::spawn(async move { body(&client, &slow).await.unwrap() })
        })
        .collect();
    tokio::time::sleep(Duration::from_millis(50)).await;
    let started = Instant::now();
    body(&client, &quick.uri()).await.unwrap();
    assert!(started.elapsed() < Duration::from_millis(350), "{:?}", started.elapsed());
    for task in waiting {
        task.await.unwrap();
    }
    assert_eq!(MOST.load(Ordering::SeqCst), 4);
}

#[tokio::test]
async fn proxies_are_used_except_where_bypassed() {
    let (proxy, direct) = (MockServer::start().await, MockServer::start().await);
    let answer = |text: &str| ResponseTemplate::new(200).set_body_string(text);
    Mock::given(path("/x")).respond_with(answer("proxied")).mount(&proxy).await;
    Mock::given(path("/x")).respond_with(answer("direct")).mount(&direct).await;
    let proxies =
        ProxySettings { http: Some(proxy.uri()), https: None, bypass: Some("127.0.0.1,localhost".to_owned()) };
    let client = HttpClient::new(HttpSettings { proxies, limits: limits(), ..HttpSettings::default() });
    assert_eq!(body(&client, "http://registry.example/x").await.unwrap(), b"proxied");
    assert_eq!(body(&client, &format!("{}/x", direct.uri())).await.unwrap(), b"direct");
    assert_eq!(proxy.received_requests().await.unwrap().len(), 1);
}

#[tokio::test]
async fn an_unusable_proxy_is_reported_without_being_shown() {
    let proxies = ProxySettings { http: Some("http://user:secret@:x".to_owned()), ..ProxySettings::default() };
    let client = HttpClient::new(HttpSettings { proxies, limits: limits(), ..HttpSettings::default() });
    let error = body(&client, "http://registry.example/x").await.unwrap_err();
    assert!(matches!(error, HttpError::Proxy), "{error:?}");
    assert!(!format!("{error} {error:?} {client:?}").contains("secret"));
}
