//! The ledger: each file in a line, and where it differs.

use super::findings::Told;
use super::{DIM, Detail, GREEN, RED, line};
use crate::artifact::EntryKind;
use crate::compare::{FileDiff, RebuiltDifference};
use crate::count::counted;
use crate::ledger::{Explanation, Ledger, LedgerFile};
use crate::report::explain::how;
use crate::report::printable::{printable, printable_line};
use crate::report::rebuild;
use crate::report::words;
use crate::verify::Verification;

/// How many unexplained files are told, by findings or in lines of their own, unless everything is asked for.
const MAX_FILES: usize = 15;

/// Unexplained files from this size on are named with it: their excerpt is left out or cut, bytes.
const LARGE: u64 = 1 << 20;

/// How many runs of added lines are told where they were seen.
const MAX_ORIGINS: usize = 3;

/// How many ways of explaining files are told apart unless everything is asked for.
const MAX_WAYS: usize = 4;

/// The ledger, or what of it no finding has told already.
pub(super) fn render(out: &mut String, verification: &Verification, detail: Detail, told: &Told<'_>) {
    let Some(ledger) = &verification.ledger else { return };
    if detail == Detail::Everything {
        let counts: Vec<String> = ledger.counts().iter().map(|(class, count)| format!("{count} {class}")).collect();
        line(out, 2, &format!("ledger      {}", counts.join(", ")));
        for file in &ledger.files {
            row(out, file);
            if told.excerpt != Some(&*file.path) {
                excerpt(out, &file.path, verification);
            }
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
    let untold: Vec<&LedgerFile> = ledger.unexplained().filter(|file| !told.paths.contains(&*file.path)).collect();
    let room = MAX_FILES.saturating_sub(told.paths.len());
    for file in untold.iter().take(room) {
        row(out, file);
    }
    if untold.len() > room {
        let more = untold.len() - room;
        let more = counted(more, "more unexplained file");
        line(out, 2, &format!("{DIM}… and {more} (--verbose lists all){DIM:#}"));
    }
}

/// Which files are explained by something weaker than their own bytes, and what the artifact lacks.
fn weaker(out: &mut String, ledger: &Ledger) {
    let mut ways: Vec<(String, usize)> = Vec::new();
    for file in &ledger.files {
        let way = match &file.explanation {
            Explanation::GitBlobMoved { .. } => "in another place of the commit".to_owned(),
            Explanation::History { commit } => format!("in another commit, {}", commit.short()),
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
        line(out, 2, &format!("{DIM}{} {}{DIM:#}", counted(count, "file"), printable(text)));
    };
    for (way, count) in ways.iter().take(MAX_WAYS) {
        say(*count, way);
    }
    match ways.len().checked_sub(MAX_WAYS) {
        Some(0) | None => {}
        Some(_) => say(ways.iter().skip(MAX_WAYS).map(|(_, count)| count).sum(), "more, explained in other ways"),
    }
}

fn row(out: &mut String, file: &LedgerFile) {
    let style = if file.explanation.is_explained() { GREEN } else { RED };
    let mut note = how(file);
    if file.kind == EntryKind::File
        && file.executable
        && file.counterpart.as_ref().is_some_and(|other| !other.executable)
    {
        note.push_str(", executable only here");
    }
    if let Some(size) = size_if_large(file) {
        note.push_str(&format!("{}{size}", if note.is_empty() { "" } else { ", " }));
    }
    let class = file.explanation.class();
    let note = if note.is_empty() { String::new() } else { format!("  {DIM}{}{DIM:#}", printable(&note)) };
    line(out, 2, &format!("{style}{class:<16}{style:#} {}{note}", printable(&file.path)));
}

/// The size of an unexplained file whose excerpt is left out or cut.
pub(super) fn size_if_large(file: &LedgerFile) -> Option<String> {
    let large = !file.explanation.is_explained() && file.size >= LARGE && file.kind == EntryKind::File;
    large.then(|| format!("{} bytes", file.size))
}

/// Where a file differs, if that was written out.
pub(super) fn excerpt(out: &mut String, path: &str, verification: &Verification) {
    // What the rebuild made is nearer to the published file than anything in git.
    match verification.rebuilt.iter().find(|made| made.path == path).map(|made| &made.difference) {
        Some(RebuiltDifference::Statements(diff)) => {
            for text in rebuild::statements(diff).lines() {
                line(out, 6, text);
            }
            return;
        }
        Some(RebuiltDifference::Lines(diff)) => return hunks(out, diff),
        None => {}
    }
    let Some(diff) = verification.diffs.iter().find(|diff| diff.path == path) else { return };
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
        let more = counted(diff.more_hunks, "more place");
        line(out, 6, &format!("{DIM}… {more} (tarproof diff shows all){DIM:#}"));
    }
    for origin in diff.origins.iter().take(MAX_ORIGINS) {
        line(out, 6, &format!("{DIM}{}{DIM:#}", printable(&words::origin(origin))));
    }
    if diff.origins.len() > MAX_ORIGINS {
        let more = diff.origins.len() - MAX_ORIGINS;
        let runs = if more == 1 { "run" } else { "runs" };
        line(out, 6, &format!("{DIM}… and {more} more {runs} of lines{DIM:#}"));
    }
}
