//! Signals that ask a long run to stop.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use super::error::CliError;
use super::output;
use crate::sweep::Stop;

/// How long after a signal another one of its kind counts as the same: who signals a process and its group sends two.
const SAME: Duration = Duration::from_secs(1);

/// The first signal asks to stop, which `stopping` tells the user; the second one does not ask.
pub(super) fn stop_on_signals(stopping: &'static str) -> Result<watch::Receiver<Stop>, CliError> {
    let (sender, receiver) = watch::channel(Stop::No);
    let mut signals = Signals::new().map_err(CliError::environment)?;
    tokio::spawn(async move {
        let kind = signals.next().await;
        output::note(stopping);
        sender.send_replace(Stop::Gracefully);
        let first = Instant::now();
        while signals.next().await == kind && first.elapsed() < SAME {}
        sender.send_replace(Stop::AtOnce);
        // While the sender lives, the receiver hears of no end.
        std::future::pending::<()>().await;
    });
    Ok(receiver)
}

/// Which signal it was.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    #[cfg(unix)]
    Terminate,
    Interrupt,
}

/// The signals that ask a process to end.
#[cfg(unix)]
struct Signals {
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn new() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    async fn next(&mut self) -> Kind {
        tokio::select! {
            _ = self.terminate.recv() => Kind::Terminate,
            _ = self.interrupt.recv() => Kind::Interrupt,
        }
    }
}

#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn new() -> std::io::Result<Self> {
        Ok(Self)
    }

    async fn next(&mut self) -> Kind {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
        Kind::Interrupt
    }
}
