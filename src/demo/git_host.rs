//! A git host on loopback, for what only a remote can do: to answer otherwise than it did before.

use std::collections::HashMap;
use std::io::{self, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, Method, Response, StatusCode, Uri, header};

use super::serving::Serving;

/// More than any request of a fixture asks with.
const MAX_REQUEST: u64 = 8 << 20;

type Repositories = Arc<Mutex<HashMap<String, PathBuf>>>;

/// A host whose addresses can be led to other repositories while it serves; dropping it ends it.
#[derive(Debug)]
pub struct GitHost {
    url: String,
    repositories: Repositories,
    _serving: Serving,
}

impl GitHost {
    /// A host without repositories.
    pub fn start() -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        listener.set_nonblocking(true)?;
        let url = format!("http://{}/", listener.local_addr()?);
        let repositories = Repositories::default();
        let router = Router::new().fallback(answer).with_state(Arc::clone(&repositories));
        let serving = Serving::start("fixture-git-host", listener, router)?;
        Ok(Self { url, repositories, _serving: serving })
    }

    /// Its address, with a final slash.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Leads `name` below the host's address to the bare repository at `path`, from now on.
    pub fn lead(&self, name: &str, path: &Path) {
        let mut repositories = self.repositories.lock().unwrap_or_else(PoisonError::into_inner);
        repositories.insert(name.to_owned(), path.to_owned());
    }
}

async fn answer(
    State(repositories): State<Repositories>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response<Body> {
    let path = uri.path().trim_start_matches('/');
    let ends = [("/info/refs", Method::GET), ("/git-upload-pack", Method::POST)];
    let asked =
        ends.iter().find_map(|(end, with)| Some((path.strip_suffix(end)?, with)).filter(|(_, with)| **with == method));
    let Some((name, _)) = asked else { return status(StatusCode::NOT_FOUND) };
    let name = name.trim_end_matches(".git");
    let repository = repositories.lock().unwrap_or_else(PoisonError::into_inner).get(name).cloned();
    let Some(repository) = repository else { return status(StatusCode::NOT_FOUND) };
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
    let (protocol, is_packed) = (text("git-protocol"), text("content-encoding") == "gzip");
    let advertise = method == Method::GET;
    let done = tokio::task::spawn_blocking(move || {
        let request = match is_packed {
            true => {
                let mut request = Vec::new();
                flate2::read::GzDecoder::new(&*body).take(MAX_REQUEST).read_to_end(&mut request)?;
                request
            }
            false => body.to_vec(),
        };
        upload_pack(&repository, advertise, &protocol, request)
    });
    match done.await {
        Ok(Ok(body)) => {
            let kind = if advertise { "advertisement" } else { "result" };
            let mut response = Response::new(Body::from(body));
            if let Ok(kind) = HeaderValue::try_from(format!("application/x-git-upload-pack-{kind}")) {
                response.headers_mut().insert(header::CONTENT_TYPE, kind);
            }
            response
        }
        _ => status(StatusCode::INTERNAL_SERVER_ERROR),
    }
}

fn status(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response
}

/// What git's own server program says to a request.
fn upload_pack(repository: &Path, advertise: bool, protocol: &str, request: Vec<u8>) -> io::Result<Vec<u8>> {
    let mut command = Command::new("git");
    command.args(["upload-pack", "--stateless-rpc"]).args(advertise.then_some("--advertise-refs")).arg(repository);
    command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default()).env("GIT_PROTOCOL", protocol);
    command.env("GIT_CONFIG_NOSYSTEM", "1").env("GIT_CONFIG_GLOBAL", "/dev/null");
    // The world may lie in a directory of another user.
    command.env("GIT_CONFIG_COUNT", "1").env("GIT_CONFIG_KEY_0", "safe.directory").env("GIT_CONFIG_VALUE_0", "*");
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
    let stdin = child.stdin.take();
    let writer = std::thread::spawn(move || stdin.map(|mut stdin| stdin.write_all(&request)));
    let output = child.wait_with_output()?;
    // A program that has read enough closes its end.
    let _ = writer.join();
    let head: &[u8] = match advertise && !protocol.contains("version=2") {
        true => b"001e# service=git-upload-pack\n0000",
        false => b"",
    };
    Ok([head, &output.stdout].concat())
}
