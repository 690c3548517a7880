//! Compares the artifact with the matched commit, file by file, and writes the ledger.

mod classify;
mod contents;
pub mod javascript;
mod line_edits;
mod manifest;
mod source_only;
mod text_diff;

pub use classify::{Compared, Comparison, compare};
pub use contents::PublishedContents;
pub use text_diff::{DiffDepth, DiffLine, FileDiff, Hunk, diff_texts};
