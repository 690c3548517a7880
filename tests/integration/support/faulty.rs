use std::collections::VecDeque;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// How a server misbehaves once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Answers with this status.
    Status(u16),
    /// Announces more than it sends.
    CutOff,
    /// Takes the request and never answers.
    Silence,
    /// Sends a byte from time to time, and never comes to an end.
    Trickle,
    /// Answers with a page for people.
    Page,
}

/// A server on loopback that misbehaves as often as it was told to, and sends everybody else on to a real one.
#[derive(Debug)]
pub(crate) struct FaultyServer {
    url: String,
    faults: Arc<Mutex<VecDeque<Fault>>>,
}

impl FaultyServer {
    /// Starts one before `target`, an address with a final slash; its threads end with the test's process.
    pub(crate) fn before(target: &str) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let faults: Arc<Mutex<VecDeque<Fault>>> = Arc::default();
        let (shared, target) = (Arc::clone(&faults), target.to_owned());
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let fault = shared.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
                let target = target.clone();
                std::thread::spawn(move || answer(stream, fault, &target));
            }
        });
        Self { url, faults }
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Misbehaves like this, request by request, before it sends on.
    pub(crate) fn misbehave(&self, faults: impl IntoIterator<Item = Fault>) {
        *self.faults.lock().unwrap() = faults.into_iter().collect();
    }

    /// How many of its faults were not had yet.
    pub(crate) fn left(&self) -> usize {
        self.faults.lock().unwrap().len()
    }
}

fn answer(mut stream: TcpStream, fault: Option<Fault>, target: &str) {
    let (mut request, mut block) = (Vec::new(), [0; 4096]);
    while !request.windows(4).any(|window| window == b"\r\n\r\n") {
        match stream.read(&mut block) {
            Ok(0) | Err(_) => return,
            Ok(read) => request.extend_from_slice(&block[..read]),
        }
    }
    let request = String::from_utf8_lossy(&request);
    let path = request.split(' ').nth(1).unwrap_or("/").trim_start_matches('/');
    let head = |status: &str, more: &str| format!("HTTP/1.1 {status}\r\nConnection: close\r\n{more}\r\n");
    let text = match fault {
        None => head("307 Temporary Redirect", &format!("Location: {target}{path}\r\nContent-Length: 0\r\n")),
        Some(Fault::Status(status)) => head(&format!("{status} Fault"), "Content-Length: 0\r\n"),
        Some(Fault::CutOff) => head("200 OK", "Content-Length: 5000\r\n") + "{\"name\":",
        Some(Fault::Page) => head("200 OK", "Content-Length: 17\r\n") + "<!doctype html>\r\n",
        Some(Fault::Silence | Fault::Trickle) => String::new(),
    };
    // Whoever asked may be gone already.
    let _ = stream.write_all(text.as_bytes());
    match fault {
        Some(Fault::Silence) => std::thread::sleep(Duration::from_secs(60)),
        Some(Fault::Trickle) => {
            let _ = stream.write_all(head("200 OK", "Content-Length: 5000\r\n").as_bytes());
            while stream.write_all(b" ").is_ok() {
                std::thread::sleep(Duration::from_millis(50));
            }
        }
        _ => {}
    }
}
