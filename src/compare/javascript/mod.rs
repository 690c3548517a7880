//! Compares JavaScript and TypeScript by tokens: whether two files are one program, and in which statements they differ.

mod comments;
mod statement_diff;
mod token_equal;
mod units;

pub use statement_diff::{StatementDiff, StatementExcerpt, StatementLimits, statement_diff};
pub use token_equal::token_equal;
