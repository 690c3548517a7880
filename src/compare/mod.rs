//! Compares the artifact with the matched commit, file by file, and writes the ledger.

mod classify;
mod contents;
pub mod javascript;
mod line_edits;
mod manifest;
mod moved;
mod rebuild;
mod rebuild_packable;
mod rebuilt;
mod source_only;
mod text_diff;
mod unexplained;

pub(crate) use classify::acts_by_name;
pub use classify::{Compared, Comparison, compare};
pub use contents::PublishedContents;
pub use line_edits::LineEnds;
pub(crate) use moved::is_set_aside;
pub use rebuild::{Candidate, RebuiltFile, explain_by_rebuild};
pub use rebuild_packable::never_packed;
pub use rebuilt::{RebuiltComparison, RebuiltDifference, compare_rebuilt};
pub use text_diff::{
    DiffDepth, DiffLine, FileDiff, FocusLine, Hunk, LineOrigin, diff_texts, diff_texts_around, line_origins,
};
pub use unexplained::{AddedText, RemovedLines, added_code, added_lines, line_runs, removed_lines};
