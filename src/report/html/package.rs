//! One package: how the commit was found, findings, differences, files, and what was rebuilt.

use maud::{Markup, html};

use super::{diff, findings, ledger, text};
use crate::compare::{FileDiff, RebuiltFile};
use crate::count::counted;
use crate::rebuild::run::{Attempt, AttemptResult, RebuildRecord};
use crate::report::rebuild;
use crate::report::terminal::evidence_of;
use crate::report::words;
use crate::source::match_commit::{Candidate, MatchStanding};
use crate::verdict::Verdict;
use crate::verify::{SourceSummary, Verification};

/// Everything below the package's heading.
pub(super) fn render(verification: &Verification) -> Markup {
    html! {
        @if let Verdict::Inconclusive(reason) = &verification.verdict {
            p.reason { "Not established: " code { (reason.id()) } @if let Some(detail) = reason.detail() { ", " (text(detail)) } }
        }
        @if let Some(reason) = verification.reason.as_deref().filter(|reason| detail_of(&verification.verdict) != Some(reason)) {
            p.reason { (text(reason)) }
        }
        (facts(verification))
        (findings::render(verification))
        (differences(verification))
        @if let Some(ledger) = &verification.ledger { (ledger::render(ledger, &verification.release.to_string())) }
        @if let Some(record) = &verification.rebuild { (rebuilt(record)) }
    }
}

/// What an inconclusive verdict says of itself.
fn detail_of(verdict: &Verdict) -> Option<&str> {
    match verdict {
        Verdict::Inconclusive(reason) => reason.detail(),
        _ => None,
    }
}

fn facts(verification: &Verification) -> Markup {
    let artifact = &verification.artifact;
    html! {
        section {
            h3 { "Where it comes from" }
            dl {
                dt { "Artifact" } dd { (artifact.size) " bytes, SHA-256 " code { (artifact.sha256) } }
                @if let Some(registry) = &artifact.registry { dt { "Registry" } dd { (text(registry)) } }
                dt { "Earlier release" } dd { (text(&words::baseline(&verification.baseline))) }
                @match &verification.source {
                    Some(source) => (provenance(source)),
                    None => { dt { "Repository" } dd { "none that could be opened" } },
                }
            }
        }
    }
}

fn provenance(source: &SourceSummary) -> Markup {
    html! {
        dt { "Repository" }
        dd { (text(source.claim.location.as_str())) " (from " (source.claim.origin) @if source.copy { ", a copy" } ")" }
        @if let Some(matched) = &source.matched {
            dt { @if matched.standing == MatchStanding::Established { "Commit" } @else { "Nearest commit" } }
            dd { (commit(&matched.winner)) }
            @for other in &matched.others { dt { "Passed over" } dd { (commit(other)) } }
            @for other in &matched.unreachable { dt { "On no branch" } dd { (commit(other)) } }
            @for missing in &matched.missing { dt { "Not in the repository" } dd { code { (missing) } } }
            dt { "History" } dd { @if matched.history_searched { "searched" } @else { "not searched: not needed" } }
        }
    }
}

fn commit(candidate: &Candidate) -> Markup {
    // Already safe to show: tags are escaped there.
    html! {
        code { (candidate.commit) }
        @if !candidate.directory.path.is_empty() { " in " code { (text(&candidate.directory.path)) } }
        ", " @if candidate.matched == 1 { "1 file matches; " } @else { (candidate.matched) " files match; " } (evidence_of(candidate))
        @match candidate.version_agrees {
            Some(true) => "; its manifest agrees with the version",
            Some(false) => "; its manifest has another version",
            None => "",
        }
    }
}

/// Differences of files that no finding shows already.
fn differences(verification: &Verification) -> Markup {
    let untold: Vec<&FileDiff> =
        verification.diffs.iter().filter(|diff| !findings::shows(verification, &diff.path)).collect();
    html! {
        @if !untold.is_empty() {
            section {
                h3 { "Other differences" }
                @for diff in untold {
                    details { summary { code { (text(&diff.path)) } } (of_file(verification, &diff.path)) }
                }
            }
        }
    }
}

/// How one file differs from what it was compared with; nothing where that was not written out.
pub(super) fn of_file(verification: &Verification, path: &str) -> Markup {
    let made: Option<&RebuiltFile> = verification.rebuilt.iter().find(|made| made.path == path);
    let written = verification.diffs.iter().find(|diff| diff.path == path);
    match (made, written) {
        (Some(made), _) => diff::rebuilt(&made.difference),
        (None, Some(written)) => diff::lines(written, "source"),
        (None, None) => html! {},
    }
}

fn rebuilt(record: &RebuildRecord) -> Markup {
    html! {
        section {
            h3 { "Rebuild" }
            @if let Some(brief) = rebuild::brief(record) { p { (brief) } }
            @for (index, attempt) in record.attempts.iter().enumerate() {
                details {
                    summary { "Attempt " (index + 1) ": " (text(&attempt.plan.strategy)) }
                    (of_attempt(attempt))
                }
            }
        }
    }
}

fn of_attempt(attempt: &Attempt) -> Markup {
    html! {
        ul { @for reason in &attempt.plan.because { li { (text(reason)) } } }
        @if !attempt.commands.is_empty() {
            div.wide {
                table {
                    caption { "Commands" }
                    thead { tr { th scope="col" { "Phase" } th scope="col" { "Command" } th scope="col" { "Ended" } } }
                    tbody {
                        @for command in &attempt.commands {
                            tr {
                                td { (command.phase) }
                                td { code { (text(&command.program.join(" "))) } }
                                td { (text(&command.status)) }
                            }
                        }
                    }
                }
            }
        }
        dl {
            @if !attempt.tools.is_empty() {
                dt { "Programs" }
                dd {
                    @for tool in &attempt.tools {
                        (text(&tool.name)) " " (text(&tool.version)) @if !tool.exact { " (not the very one)" } ". "
                    }
                }
            }
            @if !attempt.enforced.is_empty() { dt { "Sandbox" } dd { (text(&attempt.enforced.join(", "))) } }
            dt { "Result" }
            dd {
                @match &attempt.result {
                    AttemptResult::Packed { explained, same_tar, same_archive, .. } => {
                        (counted(*explained, "more file")) " explained; "
                        @if *same_tar { "the same tar stream, " } @else { "another tar stream, " }
                        @if *same_archive { "the same archive" } @else { "another archive" }
                    }
                    AttemptResult::Failed { kind, detail } => { (kind) ": " (text(detail)) }
                }
            }
        }
    }
}
