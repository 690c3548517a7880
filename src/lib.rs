//! Tells whether a published package is what its source repository says.
//!
//! Start reading at [`verify`]: it is the whole flow on one screen. The words used throughout are
//! defined in `docs/glossary.md`.

pub mod artifact;
pub mod pack;
pub mod package;
pub mod source;
