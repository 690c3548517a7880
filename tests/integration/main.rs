//! Everything that is tested from outside, as one binary: several would each be linked against everything once more.
//!
//! Nothing here leaves the machine, except the tests of `live_registry` behind the feature `live`.

#![expect(clippy::unwrap_used, reason = "a helper that cannot go on fails its test")]

mod attack_suite;
mod attestations;
mod cli;
#[cfg(feature = "temporal")]
mod engine;
mod explained_once;
#[cfg(unix)]
mod git_http;
#[cfg(unix)]
mod git_misbehaviour;
mod hostile_archive;
#[cfg(target_os = "linux")]
mod hostile_build;
mod hostile_manifest;
mod hostile_text;
mod installer;
#[cfg(feature = "keyless")]
mod keyless;
mod layers;
mod live_registry;
mod other_clients;
mod packlist;
#[cfg(unix)]
mod passphrase;
mod reports;
mod support;
#[cfg(unix)]
mod sweep;
mod tables;
mod verdict_log;
#[cfg(unix)]
mod watch;
mod world;
