use std::convert::Infallible;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::sync::{Semaphore, oneshot};
use tokio::task::{JoinHandle, JoinSet};

use super::answer::Answerer;
use super::log::{Journal, Refusal};
use super::patient::Patient;
use super::{RegistryView, RequestLog};

/// Connections at once; a further one waits until one ends.
const MAX_CONNECTIONS: usize = 128;
const MAX_HEADERS: usize = 64;
/// How long connections may take to end after the view was stopped.
const LAST_NOTES: Duration = Duration::from_millis(250);
/// Largest head of a request, bytes.
const MAX_HEAD: usize = 32 << 10;

/// How long a client may take.
#[derive(Debug, Clone, Copy)]
pub(super) struct Patience {
    /// For the head of a request, and between two of them.
    pub(super) head: Duration,
    /// For reading on.
    pub(super) write: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self { head: Duration::from_secs(60), write: Duration::from_secs(60) }
    }
}

/// A view that is being served; dropped, it ends.
#[derive(Debug)]
pub struct ViewHandle {
    address: SocketAddr,
    journal: Arc<Journal>,
    end: Option<oneshot::Sender<()>>,
    server: JoinHandle<()>,
}

impl ViewHandle {
    /// Where the view listens, as seen from where the listener was bound.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Ends every connection and returns what was asked.
    pub async fn stop(mut self) -> RequestLog {
        if let Some(end) = self.end.take() {
            // Fails only where the server has ended already.
            let _ = end.send(());
        }
        if let Err(error) = (&mut self.server).await {
            tracing::warn!(%error, "the registry view ended early");
        }
        self.journal.finish()
    }
}

impl Drop for ViewHandle {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// Serves `view` on `listener`, which may have been bound in another network namespace.
pub(super) fn serve(view: RegistryView, listener: TcpListener) -> io::Result<ViewHandle> {
    listener.set_nonblocking(true)?;
    let address = listener.local_addr()?;
    let listener = tokio::net::TcpListener::from_std(listener)?;
    let journal = Arc::new(Journal::default());
    let patience = view.patience;
    let answerer = Arc::new(Answerer::new(view, address.port(), Arc::clone(&journal)));
    let (end, ended) = oneshot::channel();
    let shared = Arc::clone(&journal);
    let server = tokio::spawn(async move {
        let mut connections = JoinSet::new();
        tokio::select! {
            _ = ended => {}
            () = accept(listener, &mut connections, &answerer, &shared, patience) => {}
        }
        // Whoever asked is gone by now: a connection that is still there has only to note why it ended.
        let noted = async { while connections.join_next().await.is_some() {} };
        if tokio::time::timeout(LAST_NOTES, noted).await.is_err() {
            tracing::debug!("connections to the registry view were cut off");
        }
    });
    Ok(ViewHandle { address, journal, end: Some(end), server })
}

/// Never ends of its own accord.
async fn accept(
    listener: tokio::net::TcpListener,
    connections: &mut JoinSet<()>,
    answerer: &Arc<Answerer>,
    journal: &Arc<Journal>,
    patience: Patience,
) {
    let free = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    loop {
        let permit = Arc::clone(&free).acquire_owned().await.expect("the semaphore is never closed");
        let stream = tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => stream,
                Err(error) => {
                    // Out of descriptors, or the client was gone before it was accepted.
                    tracing::debug!(%error, "a connection was not accepted");
                    tokio::time::sleep(Duration::from_millis(20)).await;
                    continue;
                }
            },
            Some(_) = connections.join_next() => continue,
        };
        let (answerer, journal) = (Arc::clone(answerer), Arc::clone(journal));
        connections.spawn(async move {
            connection(stream, &answerer, &journal, patience).await;
            drop(permit);
        });
    }
}

async fn connection(stream: tokio::net::TcpStream, answerer: &Arc<Answerer>, journal: &Journal, patience: Patience) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "a connection stays slow");
    }
    let stream = Patient::new(stream, patience.write);
    let (received, answered) = (stream.received(), AtomicU64::new(0));
    let service = service_fn(|request| {
        answered.store(received.load(Ordering::Relaxed), Ordering::Relaxed);
        let answerer = Arc::clone(answerer);
        async move { Ok::<_, Infallible>(answerer.answer(request).await) }
    });
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(patience.head)
        .max_headers(MAX_HEADERS)
        .max_buf_size(MAX_HEAD)
        .serve_connection(TokioIo::new(stream), service)
        .await;
    let Err(error) = served else { return };
    let refusal = if error.is_parse() {
        Refusal::Malformed
    } else if error.is_timeout() {
        if received.load(Ordering::Relaxed) == answered.load(Ordering::Relaxed) {
            // Nothing was begun: an idle connection, as honest clients keep them.
            return;
        }
        Refusal::Slow
    } else {
        // Clients go when they have what they want.
        return;
    };
    if let Ok(place) = journal.enter("", "") {
        journal.refused(place, refusal);
    }
}
