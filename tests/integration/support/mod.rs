//! What several test modules need: the fixture world, the program in a scrubbed environment, archives by the byte,
//! and a git host on loopback.

mod archive;
#[cfg(unix)]
pub(crate) mod faulty;
#[cfg(unix)]
pub(crate) mod git_server;
#[cfg(unix)]
pub(crate) mod hosted;
mod library;
#[cfg(unix)]
pub(crate) mod postgresql;
mod program;
mod repository;
mod verified;
mod world;

pub(crate) use archive::Archive;
pub(crate) use library::{TestContext, block_on, request_for};
pub(crate) use program::{Output, Tarproof};
pub(crate) use repository::{File, commit_files};
pub(crate) use verified::verified_world;
pub(crate) use world::{TestWorld, shared_world};

/// A port of this machine that nobody listens at.
pub(crate) fn free_port() -> u16 {
    std::net::TcpListener::bind((std::net::Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port()
}
