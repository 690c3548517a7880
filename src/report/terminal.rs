//! The report for people in a terminal: one line per package, then what is not explained.

use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};

use crate::artifact::EntryKind;
use crate::compare::{FileDiff, RebuiltDifference};
use crate::finding::{Finding, Rule, Severity};
use crate::ledger::{Explanation, Ledger, LedgerFile};
use crate::package::CommitId;
use crate::report::explain::how;
use crate::report::printable::{printable, printable_line};
use crate::report::rebuild;
use crate::source::git::Completeness;
use crate::source::location::ClaimOrigin;
use crate::source::match_commit::{Candidate, CommitMatch, Evidence, MatchStanding};
use crate::verdict::Verdict;
use crate::verify::Verification;

/// How many unexplained files are listed unless everything is asked for.
const MAX_FILES: usize = 15;

/// How many findings of one rule are listed unless everything is asked for.
const MAX_FINDINGS: usize = 5;

/// Unexplained files from this size on are named with it: their excerpt is left out or cut, bytes.
const LARGE: u64 = 1 << 20;

/// How many ways of explaining files are told apart unless everything is asked for.
const MAX_WAYS: usize = 4;

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
    if let Some(reason) = &verification.reason {
        line(&mut out, 2, &format!("{DIM}{}{DIM:#}", printable(reason)));
    }
    match &verification.source {
        _ if detail == Detail::Everything => provenance(&mut out, verification),
        // A file may come from anybody, and with it the address that it is held against.
        Some(source) if verification.artifact.registry.is_none() && source.claim.origin != ClaimOrigin::Override => {
            let text = format!("compared with {}", printable(source.claim.location.as_str()));
            line(&mut out, 2, &format!("{DIM}{text}{DIM:#}"));
        }
        _ => {}
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
    findings(&mut out, verification, detail);
    files(&mut out, verification, detail);
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
    if let Some(matched) = verification.source.as_ref().and_then(|source| source.matched.as_ref()) {
        let relation = match matched.standing {
            MatchStanding::Established => "commit",
            MatchStanding::Nearest => "nearest commit",
        };
        let _ = write!(text, "  {DIM}{relation} {}{DIM:#}", describe(&matched.winner));
    }
    line(out, 0, &text);
}

fn describe(candidate: &Candidate) -> String {
    let evidence: Vec<String> = candidate.evidence.iter().map(evidence_text).collect();
    format!("{} ({})", shortened(&candidate.commit), evidence.join(", "))
}

/// A commit's first characters, as people know them from git.
fn shortened(commit: &CommitId) -> String {
    commit.to_string().chars().take(12).collect()
}

/// Evidence in a few words.
pub(super) fn evidence_text(evidence: &Evidence) -> String {
    match evidence {
        Evidence::Override => "--commit".to_owned(),
        Evidence::Tag { name, .. } => format!("tag {}", printable(name)),
        Evidence::GitHead => "gitHead".to_owned(),
        Evidence::VersionIntroduced => "introduces the version".to_owned(),
        Evidence::Content => "most files match".to_owned(),
    }
}

fn provenance(out: &mut String, verification: &Verification) {
    let artifact = &verification.artifact;
    line(out, 2, &format!("artifact    {} bytes, sha256 {}", artifact.size, artifact.sha256));
    line(out, 2, &format!("            {}", artifact.integrity));
    if let Some(registry) = &artifact.registry {
        line(out, 2, &format!("registry    {}", printable(registry)));
    }
    let Some(source) = &verification.source else { return };
    let claim = &source.claim;
    let copy = if source.copy { ", a copy" } else { "" };
    let completeness = match source.completeness {
        Completeness::Full => "all objects at hand",
        Completeness::Trees => "trees of the release's tags fetched",
        Completeness::History => "whole history fetched, contents on demand",
    };
    line(
        out,
        2,
        &format!("repository  {} (from {}{copy}; {completeness})", printable(claim.location.as_str()), claim.origin),
    );
    if let Some(matched) = &source.matched {
        candidates(out, matched);
    }
}

fn candidates(out: &mut String, matched: &CommitMatch) {
    let show = |label: &str, candidate: &Candidate| {
        let directory = if candidate.directory.path.is_empty() { "." } else { &candidate.directory.path };
        let version = match candidate.version_agrees {
            Some(true) => "its manifest agrees with the version",
            Some(false) => "its manifest has another version",
            None => "its manifest was not read",
        };
        let evidence: Vec<String> = candidate.evidence.iter().map(evidence_text).collect();
        format!(
            "{label:<11} {} in `{}`: {} matching; {}; {version}",
            candidate.commit,
            printable(directory),
            candidate.matched,
            evidence.join(", ")
        )
    };
    line(out, 2, &show("commit", &matched.winner));
    for other in &matched.others {
        line(out, 2, &show("  or", other));
    }
    for other in &matched.unreachable {
        line(out, 2, &show("  unreached", other));
    }
    for commit in &matched.missing {
        line(out, 2, &format!("  missing   {commit}"));
    }
    let searched = if matched.history_searched { "searched" } else { "not searched" };
    line(out, 2, &format!("history     {searched}"));
}

fn findings(out: &mut String, verification: &Verification, detail: Detail) {
    // Files that the list below shows anyway need no line of their own.
    let own_line =
        |finding: &&Finding| !matches!(finding.rule, Rule::FileModified | Rule::FileNotInSource | Rule::BinaryAdded);
    let shown: Vec<&Finding> = verification.findings.iter().filter(own_line).collect();
    for group in shown.chunk_by(|a, b| a.rule == b.rule) {
        let limit = if detail == Detail::Everything { group.len() } else { MAX_FINDINGS };
        for finding in group.iter().take(limit) {
            let style = match finding.rule.severity() {
                Severity::Error => RED,
                Severity::Warning => YELLOW,
                Severity::Note => DIM,
            };
            let path = finding.path.as_ref().map(|path| format!(" {}:", printable(path))).unwrap_or_default();
            line(out, 2, &format!("{style}{}{style:#}{path} {}", finding.rule, printable(&finding.message)));
        }
        if group.len() > limit {
            line(out, 2, &format!("{DIM}… and {} more of {}{DIM:#}", group.len() - limit, group[0].rule));
        }
    }
}

fn files(out: &mut String, verification: &Verification, detail: Detail) {
    let Some(ledger) = &verification.ledger else { return };
    if detail == Detail::Everything {
        let counts: Vec<String> = ledger.counts().iter().map(|(class, count)| format!("{count} {class}")).collect();
        line(out, 2, &format!("ledger      {}", counts.join(", ")));
        for file in &ledger.files {
            row(out, file, verification);
        }
        match &ledger.source_only {
            Some(missing) => {
                for path in missing {
                    line(out, 2, &format!("{:<16} {}", "source-only", printable(path)));
                }
            }
            None => line(out, 2, "source-only     not determined: ignore files of the source are not at hand"),
        }
        return;
    }
    weaker(out, ledger);
    let mut unexplained: Vec<&LedgerFile> = ledger.unexplained().collect();
    unexplained.sort_by_key(|file| {
        let shown = verification.diffs.iter().position(|diff| diff.path == *file.path);
        (shown.unwrap_or(usize::MAX), file.path.clone())
    });
    for file in unexplained.iter().take(MAX_FILES) {
        row(out, file, verification);
    }
    if unexplained.len() > MAX_FILES {
        let more = unexplained.len() - MAX_FILES;
        line(out, 2, &format!("{DIM}… and {more} more unexplained files (--verbose lists all){DIM:#}"));
    }
}

/// Which files are explained by something weaker than their own bytes, and what the artifact lacks.
fn weaker(out: &mut String, ledger: &Ledger) {
    let mut ways: Vec<(String, usize)> = Vec::new();
    for file in &ledger.files {
        let way = match &file.explanation {
            Explanation::GitBlobMoved { .. } => "in another place of the commit".to_owned(),
            Explanation::History { commit } => format!("in another commit, {}", shortened(commit)),
            Explanation::Stabilized { .. } => format!("equal {}", how(file)),
            explanation if explanation.is_behind_a_failure() => how(file),
            Explanation::RebuiltStabilized { .. } => format!("rebuilt, equal after {}", how(file)),
            Explanation::Attributed { .. } => "rebuilt, the same program".to_owned(),
            _ => continue,
        };
        match ways.iter_mut().find(|(known, _)| *known == way) {
            Some((_, count)) => *count += 1,
            None => ways.push((way, 1)),
        }
    }
    ways.sort_by(|(a, fewer), (b, more)| more.cmp(fewer).then_with(|| a.cmp(b)));
    let mut say = |count: usize, text: &str| {
        let files = if count == 1 { "file" } else { "files" };
        line(out, 2, &format!("{DIM}{count} {files} {}{DIM:#}", printable(text)));
    };
    for (way, count) in ways.iter().take(MAX_WAYS) {
        say(*count, way);
    }
    match ways.len().checked_sub(MAX_WAYS) {
        Some(0) | None => {}
        Some(_) => say(ways.iter().skip(MAX_WAYS).map(|(_, count)| count).sum(), "more, explained in other ways"),
    }
    if let Some(missing) = ledger.source_only.as_ref().filter(|missing| !missing.is_empty()) {
        let are = if missing.len() == 1 { "is" } else { "are" };
        let text = format!("that the packer would have included {are} not in the artifact (--verbose names all)");
        say(missing.len(), &text);
    }
}

fn row(out: &mut String, file: &LedgerFile, verification: &Verification) {
    let style = if file.explanation.is_explained() { GREEN } else { RED };
    let mut note = how(file);
    if file.kind == EntryKind::File
        && file.executable
        && file.counterpart.as_ref().is_some_and(|other| !other.executable)
    {
        note.push_str(", executable only here");
    }
    if !file.explanation.is_explained() && file.size >= LARGE && file.kind == EntryKind::File {
        note.push_str(&format!("{}{} bytes", if note.is_empty() { "" } else { ", " }, file.size));
    }
    let class = file.explanation.class();
    let note = if note.is_empty() { String::new() } else { format!("  {DIM}{}{DIM:#}", printable(&note)) };
    line(out, 2, &format!("{style}{class:<16}{style:#} {}{note}", printable(&file.path)));
    if matches!(file.explanation, Explanation::Modified { .. } | Explanation::ArtifactOnly { .. }) {
        excerpt(out, file, verification);
    }
}

fn excerpt(out: &mut String, file: &LedgerFile, verification: &Verification) {
    // What the rebuild made is nearer to the published file than anything in git.
    match verification.rebuilt.iter().find(|made| made.path == *file.path).map(|made| &made.difference) {
        Some(RebuiltDifference::Statements(diff)) => {
            for text in rebuild::statements(diff).lines() {
                line(out, 6, text);
            }
            return;
        }
        Some(RebuiltDifference::Lines(diff)) => return hunks(out, diff),
        None => {}
    }
    let Some(diff) = verification.diffs.iter().find(|diff| diff.path == *file.path) else { return };
    hunks(out, diff);
}

fn hunks(out: &mut String, diff: &FileDiff) {
    if let Some(note) = &diff.note {
        line(out, 6, &format!("{DIM}{}{DIM:#}", printable(note)));
    }
    for hunk in &diff.hunks {
        line(
            out,
            6,
            &format!("{DIM}@@ source line {}, published line {} @@{DIM:#}", hunk.candidate.0, hunk.published.0),
        );
        for changed in &hunk.lines {
            let style = match changed.sign {
                '+' => GREEN,
                '-' => RED,
                _ => DIM,
            };
            line(out, 6, &format!("{style}{}{}{style:#}", changed.sign, printable_line(&changed.text)));
        }
    }
    if diff.more_hunks > 0 {
        line(out, 6, &format!("{DIM}… {} more places (tarproof diff shows all){DIM:#}", diff.more_hunks));
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
    format!("{} packages: {}\n", verdicts.len(), parts.join(", "))
}
