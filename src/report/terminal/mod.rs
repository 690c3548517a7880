//! The report for people in a terminal: one line per package, then what is most urgent, then the rest.

mod files;
mod findings;
mod provenance;

use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};

use crate::count::counted;
use crate::report::printable::printable;
use crate::report::rebuild;
use crate::report::words;
use crate::source::match_commit::{Candidate, Evidence, MatchStanding};
use crate::verdict::Verdict;
use crate::verify::{Baseline, Verification};

/// How much is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Detail {
    /// What needs attention.
    Brief,
    /// The whole ledger, and how the commit was found.
    Everything,
}

const BOLD: Style = Style::new().bold();
const DIM: Style = Style::new().dimmed();
pub(super) const RED: Style = AnsiColor::Red.on_default();
pub(super) const GREEN: Style = AnsiColor::Green.on_default();
const YELLOW: Style = AnsiColor::Yellow.on_default();

/// Renders one verification; every line ends with a newline.
pub fn render(verification: &Verification, detail: Detail) -> String {
    let mut out = String::new();
    headline(&mut out, verification);
    let failure = verification.rebuild.as_ref().and_then(|record| record.failure.as_ref());
    // The line about the rebuild says the same.
    let reason = verification.reason.as_ref().filter(|reason| failure.is_none_or(|failure| failure.detail != **reason));
    if let Some(reason) = reason {
        line(&mut out, 2, &format!("{DIM}{}{DIM:#}", printable(reason)));
    }
    if detail == Detail::Everything {
        provenance::render(&mut out, verification);
    }
    if let Some(record) = &verification.rebuild {
        let lines = match detail {
            Detail::Everything => rebuild::whole(record),
            Detail::Brief => rebuild::brief(record).into_iter().map(|text| format!("{DIM}{text}{DIM:#}")).collect(),
        };
        for text in lines {
            line(&mut out, 2, &text);
        }
    }
    if let (Detail::Brief, Baseline::Unavailable { .. }) = (detail, &verification.baseline) {
        let text = printable(&words::baseline(&verification.baseline));
        line(&mut out, 2, &format!("{DIM}what is new is not known: {text}{DIM:#}"));
    }
    let told = findings::render(&mut out, verification, detail);
    files::render(&mut out, verification, detail, &told);
    out
}

fn line(out: &mut String, indent: usize, text: &str) {
    // Writing to a String cannot fail.
    let _ = writeln!(out, "{:indent$}{text}", "");
}

fn verdict_style(verdict: &Verdict) -> Style {
    match verdict {
        Verdict::Verbatim | Verdict::Reproduced | Verdict::Equivalent => GREEN.bold(),
        Verdict::Divergent | Verdict::NoSource => RED.bold(),
        Verdict::Inconclusive(_) => YELLOW.bold(),
    }
}

fn headline(out: &mut String, verification: &Verification) {
    let style = verdict_style(&verification.verdict);
    let release = printable(&verification.release.to_string());
    let mut text = format!("{style}{:<12}{style:#} {BOLD}{release}{BOLD:#}", verification.verdict.to_string());
    if let Some(ledger) = &verification.ledger {
        let explained = ledger.files.len() - ledger.unexplained().count();
        let _ = write!(text, "  {explained}/{} files explained", ledger.files.len());
    }
    if let Some((source, matched)) =
        verification.source.as_ref().and_then(|source| Some((source, source.matched.as_ref()?)))
    {
        let relation = match matched.standing {
            MatchStanding::Established => "commit",
            MatchStanding::Nearest => "nearest commit",
        };
        // Whoever publishes names the repository, so a verdict is worth nothing without its name.
        let location = source.claim.location.as_str();
        let location = printable(location.strip_prefix("https://").unwrap_or(location));
        let _ = write!(text, "  {DIM}{relation} {} of {location}{DIM:#}", describe(&matched.winner));
    }
    line(out, 0, &text);
}

fn describe(candidate: &Candidate) -> String {
    format!("{} ({})", candidate.commit.short(), evidence_of(candidate))
}

/// Everything that speaks for a commit, in a few words.
pub(super) fn evidence_of(candidate: &Candidate) -> String {
    if candidate.evidence.is_empty() {
        return "nothing speaks for it".to_owned();
    }
    let evidence: Vec<String> = candidate.evidence.iter().map(evidence_text).collect();
    evidence.join(", ")
}

/// Evidence in a few words.
fn evidence_text(evidence: &Evidence) -> String {
    match evidence {
        Evidence::Override => "--commit".to_owned(),
        Evidence::Tag { name, .. } => format!("tag {}", printable(name)),
        Evidence::Provenance => "provenance".to_owned(),
        Evidence::GitHead => "gitHead".to_owned(),
        Evidence::VersionIntroduced => "introduces the version".to_owned(),
        Evidence::Content => "most files match".to_owned(),
    }
}

/// The last line after several packages.
pub fn summary(verdicts: &[Option<&Verdict>]) -> String {
    let mut counts: Vec<(&str, usize)> = Vec::new();
    for verdict in verdicts {
        let id = verdict.map_or("failed", Verdict::id);
        match counts.iter_mut().find(|(known, _)| *known == id) {
            Some((_, count)) => *count += 1,
            None => counts.push((id, 1)),
        }
    }
    counts.sort_unstable();
    let parts: Vec<String> = counts.iter().map(|(id, count)| format!("{count} {id}")).collect();
    format!("{}: {}\n", counted(verdicts.len(), "package"), parts.join(", "))
}
