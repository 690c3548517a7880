//! A rebuild for people: in a line, or the whole record.

use std::fmt::Write as _;
use std::time::Duration;

use anstyle::Style;

use crate::compare::javascript::{StatementDiff, StatementExcerpt};
use crate::count::counted;
use crate::rebuild::plan::InstallMode;
use crate::rebuild::run::{Attempt, AttemptResult, FailureKind, RebuildRecord};
use crate::report::printable::{printable, printable_line};

const DIM: Style = Style::new().dimmed();

/// Lines of the log that are shown of each command, from its end.
const LOG_LINES: usize = 10;

/// What is worth a line even where nobody asked for details.
pub(super) fn brief(record: &RebuildRecord) -> Option<String> {
    if let Some(failure) = &record.failure {
        let is_made = matches!(failure.kind, FailureKind::LockfileMissing | FailureKind::NotDeterministic);
        let what = if is_made && record.best().is_some() { "rebuilt without proof" } else { "not rebuilt" };
        return Some(format!("{what}: {}: {}", failure.kind, printable(&failure.detail)));
    }
    let best = record.best()?;
    let AttemptResult::Packed { same_tar, same_archive, .. } = best.result else { return None };
    let tools: Vec<String> = best.tools.iter().map(|tool| format!("{} {}", tool.name, tool.version)).collect();
    let equality = match (same_archive, same_tar) {
        (true, _) => "; the archive is the registry's, bit for bit",
        (false, true) => "; the tar stream is the registry's, bit for bit",
        (false, false) => "",
    };
    let equality = match &best.broken {
        Some(_) if best.plan.if_broken => "; commands ran although one before them failed",
        Some(_) => "; one of its commands failed (--verbose says which)",
        None => equality,
    };
    let loose = best.plan.install.as_ref().is_some_and(|install| install.mode == InstallMode::Loose);
    let followed = if loose { "; no lockfile was followed" } else { "" };
    let how: Vec<String> = [best.plan.strategy.clone()].into_iter().chain(tools).map(|text| printable(&text)).collect();
    let all: u64 = record.attempts.iter().map(|attempt| attempt.milliseconds).sum();
    let of_all = if record.attempts.len() > 1 { format!(" of {}", seconds(all)) } else { String::new() };
    let time = format!("{}{of_all}", seconds(best.milliseconds));
    Some(format!("rebuilt ({}, {time}){equality}{followed}", how.join(", ")))
}

fn seconds(milliseconds: u64) -> String {
    format!("{:.1} s", Duration::from_millis(milliseconds).as_secs_f64())
}

/// The whole record, a line at a time.
pub(super) fn whole(record: &RebuildRecord) -> Vec<String> {
    let mut lines = Vec::new();
    for (index, attempt) in record.attempts.iter().enumerate() {
        lines.push(format!("rebuild {}   {}", index + 1, printable(&attempt.plan.strategy)));
        describe(attempt, &mut lines);
    }
    if let Some(failure) = &record.failure {
        lines.push(format!("rebuild     {}: {}", failure.kind, printable(&failure.detail)));
    }
    lines
}

fn describe(attempt: &Attempt, lines: &mut Vec<String>) {
    let mut entry = |label: &str, text: &str| lines.push(format!("  {label:<9} {}", printable(text)));
    for reason in &attempt.plan.because {
        entry("because", reason);
    }
    for tool in &attempt.tools {
        let near = if tool.exact { "" } else { ", not the very one" };
        entry("tool", &format!("{} {} for {}{near}, {}", tool.name, tool.version, tool.requested, tool.integrity));
    }
    if !attempt.enforced.is_empty() {
        entry("sandbox", &attempt.enforced.join(", "));
    }
    for command in &attempt.commands {
        let program = command.program.join(" ");
        let time = seconds(command.milliseconds);
        entry(command.phase, &format!("{program}  (in {}; {}, {time})", command.directory, command.status));
    }
    let requests = &attempt.requests;
    if requests.total > 0 {
        let refused = requests.refused_total;
        entry("requests", &format!("{}, {} of them fetched now, {refused} refused", requests.total, requests.fetched));
        for refusal in &requests.refused {
            entry("refused", refusal);
        }
        if refused > requests.refused.len() {
            entry("refused", &format!("… and {} more", refused - requests.refused.len()));
        }
        if !requests.without_cutoff.is_empty() {
            let names = requests.without_cutoff.join(", ");
            entry("no cutoff", &format!("the registry states times of its own: {names}"));
        }
        if !requests.outside.is_empty() {
            entry("outside", &format!("not in the lockfile: {}", requests.outside.join(", ")));
        }
    }
    if !attempt.missing.is_empty() {
        entry("missing", &format!("not at hand of the commit: {}", counted(attempt.missing.len(), "file")));
    }
    entry("used", &format!("{}, {} MB at most", seconds(attempt.milliseconds), attempt.peak_memory >> 20));
    if let Some(log) = &attempt.log {
        entry("log", &log.display().to_string());
    }
    for text in attempt.log_excerpt(LOG_LINES) {
        entry("|", &text);
    }
    match &attempt.result {
        AttemptResult::Packed { explained, different, same_tar, same_archive, only_rebuilt } => {
            let tar = if *same_tar { "same" } else { "other" };
            let archive = if *same_archive { "same" } else { "other" };
            let other = if *different > 0 { format!(", {different} made with other content") } else { String::new() };
            let explained = counted(*explained, "more file");
            entry("result", &format!("{explained} explained{other}; {tar} tar stream, {archive} archive"));
            for path in only_rebuilt {
                entry("not in it", path);
            }
        }
        AttemptResult::Failed { kind, detail } => entry("result", &format!("{kind}: {detail}")),
    }
}

/// The statements that only one side has.
pub(super) fn statements(diff: &StatementDiff) -> String {
    let mut out = String::new();
    let mut side = |sign: char, style: Style, excerpts: &[StatementExcerpt]| {
        for excerpt in excerpts {
            let lines = excerpt.text.lines().map(printable_line).collect::<Vec<_>>();
            // Writing to a String cannot fail.
            let _ = writeln!(out, "{DIM}@@ line {}, column {} @@{DIM:#}", excerpt.line, excerpt.column);
            for line in lines {
                let _ = writeln!(out, "{style}{sign}{line}{style:#}");
            }
        }
    };
    side('+', super::terminal::GREEN, &diff.only_published);
    side('-', super::terminal::RED, &diff.only_candidate);
    if diff.more > 0 {
        let _ = writeln!(out, "{DIM}… {} more{DIM:#}", diff.more);
    }
    out
}
