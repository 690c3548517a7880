//! The servers, each on a port of its own; dropping one ends it.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use super::until;
use crate::support::free_port;

/// Temporal's own server for development, which keeps its state in a file.
pub(super) struct TemporalServer {
    program: PathBuf,
    directory: tempfile::TempDir,
    port: u16,
    address: String,
    server: Child,
}

impl TemporalServer {
    pub(super) fn start(installed: &Path) -> Self {
        let program = installed.join("python/bin/temporal");
        let (directory, port) = (tempfile::tempdir().unwrap(), free_port());
        let server = serve(&program, directory.path(), port);
        let address = format!("temporal://127.0.0.1:{port}");
        Self { program, directory, port, address, server }
    }

    pub(super) fn address(&self) -> &str {
        &self.address
    }

    /// Kills it without warning, and starts it again on the same file.
    pub(super) fn kill_and_restart(&mut self) {
        self.server.kill().unwrap();
        self.server.wait().unwrap();
        self.server = serve(&self.program, self.directory.path(), self.port);
    }
}

impl Drop for TemporalServer {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

fn serve(program: &Path, directory: &Path, port: u16) -> Child {
    let log = std::fs::File::create(directory.join("log")).unwrap();
    let server = Command::new(program)
        .args(["server", "start-dev", "--headless", "--ip", "127.0.0.1", "--log-level", "error"])
        .args(["--port", &port.to_string(), "--db-filename"])
        .arg(directory.join("state.db"))
        .env("HOME", directory)
        .stdout(Stdio::null())
        .stderr(log)
        .spawn()
        .unwrap();
    until("the Temporal server listens", || TcpStream::connect(("127.0.0.1", port)).is_ok());
    server
}

/// An S3 server that keeps everything in memory, with a bucket `sweeps`.
pub(super) struct ObjectServer {
    port: u16,
    endpoint: String,
    server: Child,
}

impl ObjectServer {
    pub(super) fn start(installed: &Path) -> Self {
        let port = free_port();
        let server = Command::new(installed.join("python/bin/moto_server"))
            .args(["-H", "127.0.0.1", "-p", &port.to_string()])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        until("the S3 server makes a bucket", || ask(port, "PUT", "/sweeps", "").is_some());
        Self { port, endpoint: format!("http://127.0.0.1:{port}"), server }
    }

    /// The keys in the bucket.
    pub(super) fn keys(&self) -> Vec<String> {
        let listed = ask(self.port, "GET", "/sweeps?list-type=2", "").unwrap();
        listed.split("<Key>").skip(1).map(|rest| rest.split('<').next().unwrap().to_owned()).collect()
    }

    /// Does something to an object behind the store's back.
    pub(super) fn change(&self, method: &str, key: &str, body: &str) {
        ask(self.port, method, &format!("/sweeps/{key}"), body).unwrap();
    }

    /// What every S3 client reads.
    pub(super) fn variables(&self) -> [(&str, &str); 5] {
        [
            ("AWS_ENDPOINT", &self.endpoint),
            ("AWS_ALLOW_HTTP", "true"),
            ("AWS_REGION", "us-east-1"),
            ("AWS_ACCESS_KEY_ID", "test"),
            ("AWS_SECRET_ACCESS_KEY", "test"),
        ]
    }
}

impl Drop for ObjectServer {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

/// What this S3 server answers, which looks at no signature; `None` where it does not, or refuses.
fn ask(port: u16, method: &str, path: &str, body: &str) -> Option<String> {
    const SIGNED: &str = "AWS4-HMAC-SHA256 Credential=test/20000101/us-east-1/s3/aws4_request, SignedHeaders=host, \
                          Signature=0";
    let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
    let head = format!("{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAuthorization: {SIGNED}\r\n");
    let request = format!("{head}Content-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len());
    let mut answer = String::new();
    stream.write_all(request.as_bytes()).ok()?;
    stream.read_to_string(&mut answer).ok()?;
    answer.starts_with("HTTP/1.1 2").then_some(answer)
}
