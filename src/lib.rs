//! Tells whether a published package is what its source repository says.
//!
//! Start reading at [`verify`]: it is the whole flow on one screen. The words used throughout are
//! defined in `docs/glossary.md`.

pub mod artifact;
pub mod attest;
pub mod capability;
pub mod cli;
pub mod compare;
pub mod config;
mod count;
pub mod demo;
pub mod finding;
pub mod ledger;
pub mod log;
pub mod pack;
pub mod package;
pub mod policy;
pub mod provenance;
pub mod reach;
pub mod rebuild;
pub mod registry;
pub mod report;
pub mod source;
pub mod stabilize;
pub mod store;
pub mod suite;
pub mod sweep;
pub mod verdict;
pub mod verify;
pub mod yara;
