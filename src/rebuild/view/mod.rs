//! The registry as a package manager inside the sandbox sees it: frozen in time, and nothing else.
//!
//! [`RegistryView::serve`] answers on a listener that was handed out of the sandbox. What is answered:
//! packuments without versions published after the cutoff, and tarballs, both limited to what the lockfile
//! names where there is one, and in any case to names of the commit and of what was answered before. Everything else is refused, and every request is logged with what became of it.
//! The client is hostile: it may send anything, at any speed.
//!
//! `route.rs` reads a request's target, `guard.rs` the rest of its head, `answer.rs` decides, `packument.rs`
//! rewrites metadata, `named.rs` knows which names may go out, `tarball.rs` hands out bytes, `server.rs` holds connections, `log.rs` remembers.

mod answer;
mod guard;
mod log;
mod members;
mod named;
mod packument;
mod patient;
mod route;
mod server;
mod tarball;

pub use answer::{ClosureMode, RegistryView};
pub use log::{LoggedRequest, Refusal, RequestLog};
pub use server::ViewHandle;

#[cfg(test)]
mod tests;
