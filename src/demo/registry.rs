//! An npm registry on loopback that answers from a fixed table and remembers what it was asked.

use std::collections::HashMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderValue, Method, Response, StatusCode, Uri, header};
use futures_util::{StreamExt as _, stream};
use percent_encoding::percent_decode_str;

use super::serving::Serving;

/// An answer of the registry.
#[derive(Debug, Clone)]
pub struct Served {
    /// The media type.
    pub media_type: &'static str,
    /// The bytes.
    pub body: Bytes,
    /// Breaks the transfer off after that many bytes although the whole length is announced.
    pub cut_off: Option<usize>,
}

impl Served {
    /// A complete answer.
    pub fn whole(media_type: &'static str, body: impl Into<Bytes>) -> Self {
        Self { media_type, body: body.into(), cut_off: None }
    }
}

/// A port on loopback that does not answer yet, so that addresses can be written into what it will serve.
#[derive(Debug)]
pub struct RegistryListener {
    listener: TcpListener,
    address: SocketAddr,
}

impl RegistryListener {
    /// Takes a free port.
    pub fn bind() -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        Ok(Self { listener, address })
    }

    /// The registry's address, with a final slash.
    pub fn url(&self) -> String {
        format!("http://{}/", self.address)
    }

    /// Serves `answers` (by percent-decoded path, without the leading slash) until the registry is dropped.
    pub fn serve(self, answers: HashMap<String, Served>) -> io::Result<Registry> {
        let url = self.url();
        let table = Arc::new(Table { answers: Mutex::new(answers), requests: Mutex::default() });
        let router = Router::new().fallback(answer).with_state(Arc::clone(&table));
        let serving = Serving::start("fixture-registry", self.listener, router)?;
        Ok(Registry { url, table, _serving: serving })
    }
}

/// A registry that answers on its own thread; dropping it ends it.
#[derive(Debug)]
pub struct Registry {
    url: String,
    table: Arc<Table>,
    _serving: Serving,
}

impl Registry {
    /// Its address, with a final slash.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The method and path of every request so far, in order.
    pub fn requests(&self) -> Vec<String> {
        self.table.requests.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What it answers at a path (percent-decoded, without the leading slash).
    pub fn answer(&self, path: &str) -> Option<Served> {
        self.table.answers.lock().unwrap_or_else(PoisonError::into_inner).get(path).cloned()
    }

    /// Changes what it answers at a path, as when something is published.
    pub fn set_answer(&self, path: &str, served: Served) {
        self.table.answers.lock().unwrap_or_else(PoisonError::into_inner).insert(path.to_owned(), served);
    }
}

#[derive(Debug)]
struct Table {
    answers: Mutex<HashMap<String, Served>>,
    requests: Mutex<Vec<String>>,
}

async fn answer(State(table): State<Arc<Table>>, method: Method, uri: Uri) -> Response<Body> {
    table.requests.lock().unwrap_or_else(PoisonError::into_inner).push(format!("{method} {}", uri.path()));
    if method != Method::GET && method != Method::HEAD {
        return plain(StatusCode::METHOD_NOT_ALLOWED, r#"{"error":"method not allowed"}"#);
    }
    let path = percent_decode_str(uri.path().trim_start_matches('/')).decode_utf8_lossy().into_owned();
    let served = table.answers.lock().unwrap_or_else(PoisonError::into_inner).get(&path).cloned();
    match served {
        Some(served) => full(&served),
        None => plain(StatusCode::NOT_FOUND, r#"{"error":"Not found"}"#),
    }
}

fn plain(status: StatusCode, text: &'static str) -> Response<Body> {
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

fn full(served: &Served) -> Response<Body> {
    let body = match served.cut_off {
        None => Body::from(served.body.clone()),
        Some(length) => {
            let part = served.body.slice(..length.min(served.body.len()));
            let end = Err(io::Error::from(io::ErrorKind::ConnectionReset));
            Body::from_stream(stream::iter([Ok(part), end]).then(|item| async {
                if item.is_err() {
                    // Without a pause the server drops the connection before it has sent the first part.
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
                item
            }))
        }
    };
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(served.media_type));
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(served.body.len()));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=300"));
    response
}
