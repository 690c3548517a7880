//! Findings: what is true of the artifact and worth a human's attention.
//!
//! A finding says what differs and where; it never says that somebody attacked. The verdict does not
//! depend on findings, with one exception that the verdict's own page names: metadata of the registry
//! that contradicts the artifact.

mod judge;
mod rule;

pub use judge::{Evidence, judge};
pub use rule::{RULES, Rule, Severity};

/// One judged difference.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    /// What judged it.
    pub rule: Rule,
    /// The file it is about, if it is about one.
    pub path: Option<String>,
    /// One sentence.
    pub message: String,
}
