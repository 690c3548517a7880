//! A git host on loopback: `git http-backend` behind a few lines of HTTP, and misbehaviour on request.

use std::collections::HashMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

/// How the host treats one repository.
#[derive(Debug, Clone, Default)]
pub(crate) enum Behaviour {
    /// As public hosts do.
    #[default]
    Honest,
    /// Answers everything with this status.
    Status(u16),
    /// Reads the request and never answers.
    Hang,
    /// Waits before every answer.
    Slow(Duration),
    /// Ends the connection in the middle of every pack.
    TruncatePacks,
    /// Sends a pack that never ends.
    EndlessPacks,
    /// Leads to another address.
    Redirect(String),
    /// Sends this repository's objects instead of those that were asked for.
    PacksOf(PathBuf),
    /// Lists refs that nobody asked for.
    ListAlso(Vec<String>),
}

/// One request as it came in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Request {
    /// `owner/name`
    pub(crate) repository: String,
    pub(crate) kind: Kind,
    /// Bytes of the answer's body.
    pub(crate) bytes: usize,
    /// The body, inflated.
    pub(crate) body: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Abilities,
    Refs,
    Objects,
    Other,
}

#[derive(Default)]
struct State {
    requests: Vec<Request>,
    behaviours: HashMap<String, Behaviour>,
}

struct Shared {
    root: PathBuf,
    state: Mutex<State>,
    closed: AtomicBool,
}

/// Serves the bare repositories `ROOT/OWNER/NAME.git` until it is dropped.
pub(crate) struct GitServer {
    address: String,
    shared: Arc<Shared>,
}

impl GitServer {
    pub(crate) fn start(root: &Path) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let shared =
            Arc::new(Shared { root: root.to_owned(), state: Mutex::default(), closed: AtomicBool::new(false) });
        let accepting = Arc::clone(&shared);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                if accepting.closed.load(Ordering::Relaxed) {
                    return;
                }
                let (Ok(stream), serving) = (stream, Arc::clone(&accepting)) else { continue };
                // A client that hangs up early is its own business.
                std::thread::spawn(move || serving.serve(stream));
            }
        });
        Self { address, shared }
    }

    /// The address with a final slash.
    pub(crate) fn url(&self) -> String {
        format!("http://{}/", self.address)
    }

    pub(crate) fn behave(&self, repository: &str, behaviour: Behaviour) {
        self.shared.state().behaviours.insert(repository.to_owned(), behaviour);
    }

    /// The requests since the last call, in order.
    pub(crate) fn take_requests(&self) -> Vec<Request> {
        std::mem::take(&mut self.shared.state().requests)
    }
}

impl Drop for GitServer {
    fn drop(&mut self) {
        self.shared.closed.store(true, Ordering::Relaxed);
        let _ = TcpStream::connect(&self.address);
    }
}

struct Incoming {
    method: String,
    path: String,
    query: String,
    headers: HashMap<String, String>,
    body: Vec<u8>,
}

impl Incoming {
    fn read(stream: &TcpStream) -> Option<Self> {
        let mut reader = BufReader::new(stream);
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let mut words = line.split_whitespace();
        let (method, target) = (words.next()?.to_owned(), words.next()?.to_owned());
        let (path, query) = target.split_once('?').unwrap_or((&target, ""));
        let mut headers = HashMap::new();
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).ok()?;
            let Some((name, value)) = line.trim_end().split_once(':') else { break };
            headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
        }
        let mut body = Vec::new();
        if headers.get("transfer-encoding").is_some_and(|coding| coding == "chunked") {
            loop {
                let mut size = String::new();
                reader.read_line(&mut size).ok()?;
                let size = u64::from_str_radix(size.trim(), 16).ok()?;
                reader.by_ref().take(size).read_to_end(&mut body).ok()?;
                reader.read_line(&mut String::new()).ok()?;
                if size == 0 {
                    break;
                }
            }
        } else {
            let length = headers.get("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
            reader.by_ref().take(length).read_to_end(&mut body).ok()?;
        }
        if headers.get("content-encoding").is_some_and(|coding| coding == "gzip") {
            let mut inflated = Vec::new();
            flate2::read::GzDecoder::new(body.as_slice()).read_to_end(&mut inflated).ok()?;
            body = inflated;
        }
        let (path, query) = (path.to_owned(), query.to_owned());
        Some(Self { method, path, query, headers, body })
    }

    /// `owner/name` and what follows.
    fn split(&self) -> (String, &str) {
        let path = self.path.trim_start_matches('/');
        let end = path.match_indices('/').nth(1).map_or(path.len(), |(end, _)| end);
        let (repository, rest) = path.split_at(end);
        (repository.trim_end_matches(".git").to_owned(), rest)
    }

    fn kind(&self) -> Kind {
        let asks = |command: &str| self.body.windows(command.len()).any(|window| window == command.as_bytes());
        match self.method.as_str() {
            "GET" => Kind::Abilities,
            _ if asks("command=ls-refs") => Kind::Refs,
            // Without protocol version 2 there are no commands.
            _ if asks("command=fetch") || asks("want ") => Kind::Objects,
            _ => Kind::Other,
        }
    }
}

struct Answer {
    status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Answer {
    fn status(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: b"no such page\n".to_vec() }
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    fn serve(&self, stream: TcpStream) -> Option<()> {
        let incoming = Incoming::read(&stream)?;
        let (repository, rest) = incoming.split();
        let kind = incoming.kind();
        let behaviour = self.state().behaviours.get(&repository).cloned().unwrap_or_default();
        let mut answer = match &behaviour {
            Behaviour::Status(status) => Answer::status(*status),
            Behaviour::Redirect(address) => {
                let location = format!("{address}{rest}?{}", incoming.query);
                Answer { status: 302, headers: vec![("Location".to_owned(), location)], body: Vec::new() }
            }
            Behaviour::PacksOf(other) if kind == Kind::Objects => packs_of(other),
            Behaviour::EndlessPacks if kind == Kind::Objects => pack_answer(&[], false),
            _ => self.backend(&repository, rest, &incoming),
        };
        if let (Behaviour::ListAlso(refs), Kind::Refs) = (&behaviour, kind) {
            let lines: Vec<u8> = refs.iter().flat_map(|line| packet(format!("{line}\n").as_bytes())).collect();
            answer.body.splice(0..0, lines);
        }
        let body = String::from_utf8_lossy(&incoming.body).into_owned();
        self.state().requests.push(Request { repository, kind, bytes: answer.body.len(), body });
        match behaviour {
            Behaviour::Hang => {
                while !self.closed.load(Ordering::Relaxed) {
                    std::thread::sleep(Duration::from_millis(20));
                }
                None
            }
            Behaviour::Slow(pause) => {
                std::thread::sleep(pause);
                send(stream, &answer, answer.body.len())
            }
            Behaviour::TruncatePacks if kind == Kind::Objects => send(stream, &answer, answer.body.len() / 2),
            Behaviour::EndlessPacks if kind == Kind::Objects => self.send_for_ever(stream, &answer),
            _ => send(stream, &answer, answer.body.len()),
        }
    }

    fn backend(&self, repository: &str, rest: &str, incoming: &Incoming) -> Answer {
        let path = self.root.join(format!("{repository}.git"));
        if repository.contains("..") || !path.is_dir() {
            return Answer::status(404);
        }
        let header = |name: &str| incoming.headers.get(name).cloned().unwrap_or_default();
        let mut command = Command::new("git");
        command.arg("http-backend").env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
        // Any user may run the tests on any directory.
        command.env("GIT_CONFIG_COUNT", "1").env("GIT_CONFIG_KEY_0", "safe.directory").env("GIT_CONFIG_VALUE_0", "*");
        command.env("GIT_CONFIG_NOSYSTEM", "1").env("GIT_CONFIG_GLOBAL", "/dev/null");
        command.env("GIT_PROJECT_ROOT", &path).env("GIT_HTTP_EXPORT_ALL", "1").env("PATH_INFO", rest);
        command.env("REQUEST_METHOD", &incoming.method).env("QUERY_STRING", &incoming.query);
        command.env("CONTENT_TYPE", header("content-type")).env("CONTENT_LENGTH", incoming.body.len().to_string());
        command.env("GIT_PROTOCOL", header("git-protocol")).env("REMOTE_ADDR", "127.0.0.1");
        let output = run(command, &incoming.body);
        let end = output.windows(4).position(|window| window == b"\r\n\r\n").unwrap_or(output.len());
        let head = String::from_utf8_lossy(&output[..end]);
        let mut headers: Vec<(String, String)> = head
            .lines()
            .filter_map(|line| line.split_once(": "))
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        let status = headers.iter().find(|(name, _)| name == "Status");
        let status = status.and_then(|(_, value)| value.split(' ').next()?.parse().ok()).unwrap_or(200);
        headers.retain(|(name, _)| name != "Status");
        Answer { status, headers, body: output.get(end + 4..).unwrap_or_default().to_vec() }
    }

    fn send_for_ever(&self, mut stream: TcpStream, answer: &Answer) -> Option<()> {
        send_head(&stream, answer, None)?;
        stream.write_all(&answer.body).ok()?;
        // A pack's header that promises two objects, then one without end.
        let mut block = b"PACK\0\0\0\x02\0\0\0\x02".to_vec();
        block.extend_from_slice(&[0xbf, 0xff, 0xff, 0xff, 0x7f, 0x78, 0x01]);
        while !self.closed.load(Ordering::Relaxed) {
            stream.write_all(&side_band(&block)).ok()?;
            // Stored deflate blocks of zeros.
            block = b"\0\xff\x3f\0\xc0".to_vec();
            block.resize(5 + 0x3fff, 0);
        }
        None
    }
}

fn run(mut command: Command, input: &[u8]) -> Vec<u8> {
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_vec();
    let writer = std::thread::spawn(move || stdin.write_all(&input));
    let output = child.wait_with_output().unwrap();
    let _ = writer.join();
    output.stdout
}

fn packet(content: &[u8]) -> Vec<u8> {
    let mut packet = format!("{:04x}", content.len() + 4).into_bytes();
    packet.extend_from_slice(content);
    packet
}

fn side_band(content: &[u8]) -> Vec<u8> {
    packet(&[b"\x01", content].concat())
}

/// An answer to `command=fetch`.
fn pack_answer(pack: &[u8], whole: bool) -> Answer {
    let mut body = packet(b"packfile\n");
    body.extend(pack.chunks(60_000).flat_map(side_band));
    if whole {
        body.extend_from_slice(b"0000");
    }
    let content_type = ("Content-Type".to_owned(), "application/x-git-upload-pack-result".to_owned());
    Answer { status: 200, headers: vec![content_type], body }
}

fn packs_of(repository: &Path) -> Answer {
    let mut command = Command::new("git");
    command.arg("--git-dir").arg(repository).args([
        "-c",
        "safe.directory=*",
        "pack-objects",
        "--all",
        "--stdout",
        "-q",
    ]);
    pack_answer(&run(command, b""), true)
}

fn send_head(mut stream: &TcpStream, answer: &Answer, length: Option<usize>) -> Option<()> {
    let mut head = format!("HTTP/1.1 {} Answer\r\nConnection: close\r\n", answer.status);
    if answer.status == 401 {
        head.push_str("WWW-Authenticate: Basic realm=\"a private place\"\r\n");
    }
    if let Some(length) = length {
        head.push_str(&format!("Content-Length: {length}\r\n"));
    }
    for (name, value) in &answer.headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str("\r\n");
    stream.write_all(head.as_bytes()).ok()
}

/// Sends the answer, of its body only the first `sent` bytes.
fn send(mut stream: TcpStream, answer: &Answer, sent: usize) -> Option<()> {
    send_head(&stream, answer, Some(answer.body.len()))?;
    stream.write_all(&answer.body[..sent]).ok()
}
