//! Signals that ask a long run to stop.

use tokio::sync::watch;

use super::error::CliError;
use super::output;
use crate::sweep::Stop;

/// The first signal asks to stop, which `stopping` tells the user; the second one does not ask.
pub(super) fn stop_on_signals(stopping: &'static str) -> Result<watch::Receiver<Stop>, CliError> {
    let (sender, receiver) = watch::channel(Stop::No);
    let mut signals = Signals::new().map_err(CliError::environment)?;
    tokio::spawn(async move {
        signals.next().await;
        output::note(stopping);
        sender.send_replace(Stop::Gracefully);
        signals.next().await;
        sender.send_replace(Stop::AtOnce);
        // While the sender lives, the receiver hears of no end.
        std::future::pending::<()>().await;
    });
    Ok(receiver)
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

    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
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

    async fn next(&mut self) {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
