//! Findings: what is true of the artifact and worth a human's attention.
//!
//! A finding says what differs and where; it never says that somebody attacked. The verdict does not
//! depend on findings, with one exception that the verdict's own page names: metadata of the registry
//! that contradicts the artifact.
//!
//! Each rule is one file of `rules/` and one page of `docs/rules/`. A rule states a fact and the risk that
//! the fact has on its own; `rank.rs` alone turns that into the order in which people should look, from
//! when a file takes effect, what it can do and whether an earlier release had it, too.

mod evidence;
mod file_kind;
mod hidden_text;
mod judge;
mod manifest_keys;
mod novelty;
mod rank;
mod risk;
mod rule;
mod rules;
#[cfg(test)]
mod support;

pub use evidence::{ContentOf, Evidence, NoveltyOf, ReachOf, UnexplainedText, VersionOf};
pub use file_kind::FileKind;
pub use judge::{cut, judge};
pub use novelty::{Change, Novelty};
pub(crate) use rank::is_alarming;
pub use rank::{Weighing, Weight, rank};
pub use risk::Risk;
pub use rule::{Confidence, Description, Severity};
pub use rules::{RULES, Rule};

use crate::capability::Signal;
use crate::compare::RemovedLines;
use crate::reach::Reach;

/// One judged difference.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    /// How urgently a human should look at it; the first in the order of findings.
    pub risk: Risk,
    /// What judged it.
    pub rule: Rule,
    /// The file it is about, if it is about one.
    pub path: Option<String>,
    /// The key of the manifest that it is about, such as `dependencies.chalk`.
    pub key: Option<String>,
    /// One sentence.
    pub message: String,
    /// When the file takes effect, where that was looked at.
    pub reach: Option<Reach>,
    /// How the file is reached: `package.json main`, then file by file.
    pub way: Vec<String>,
    /// What the unexplained part of the file can do.
    pub signals: Vec<Signal>,
    /// Runs of unexplained lines of the published file in their order, first and last of each, counted from 1.
    pub lines: Vec<(usize, usize)>,
    /// Runs of lines that the source, or a rebuild, has and the published file lacks, where nothing stands instead.
    pub removed: Vec<RemovedLines>,
    /// The earlier release that had the same, if one did.
    pub same_as: Option<String>,
    /// What is new about it since the earlier release, where that was looked at and did not have the same.
    pub novelty: Option<Novelty>,
    /// Why a policy excepts it, if one does.
    pub excepted: Option<String>,
}

impl Finding {
    /// A finding as its rule alone states it.
    pub fn new(rule: Rule, path: Option<&str>, message: impl Into<String>) -> Self {
        Self {
            risk: rule.risk(),
            rule,
            path: path.map(str::to_owned),
            key: None,
            message: message.into(),
            reach: None,
            way: Vec::new(),
            signals: Vec::new(),
            lines: Vec::new(),
            removed: Vec::new(),
            same_as: None,
            novelty: None,
            excepted: None,
        }
    }

    /// First and last of all unexplained lines.
    pub fn span(&self) -> Option<(usize, usize)> {
        Some((self.lines.first()?.0, self.lines.last()?.1))
    }

    /// What the unexplained part can do, what attacks do first.
    pub fn strongest_signals(&self) -> Vec<&Signal> {
        let mut signals: Vec<&Signal> = self.signals.iter().collect();
        signals.sort_by_key(|signal| (!is_alarming(signal.capability), *signal));
        signals
    }

    /// The same with another risk of its own than the rule's, where one case of a rule is graver than another.
    #[must_use]
    pub fn with_risk(self, risk: Risk) -> Self {
        Self { risk, ..self }
    }
}
