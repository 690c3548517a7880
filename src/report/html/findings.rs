//! Findings in the order of their urgency, each with what is known of it and, once for a file, where it differs.

use std::collections::BTreeSet;

use maud::{Markup, html};

use super::package::of_file;
use super::{risk_badge, text};
use crate::finding::Finding;
use crate::report::groups::{Group, groups};
use crate::report::words;
use crate::verify::Verification;

/// Findings from here on are folded: by then a reader has seen what matters.
const OPEN: usize = 25;

/// More findings than this of one group are counted, not listed: browsers get slow.
const MAX_TOGETHER: usize = 500;

/// All findings.
pub(super) fn render(verification: &Verification) -> Markup {
    let findings: Vec<&Finding> = verification.findings.iter().collect();
    // A file's difference stands below the first finding about it.
    let mut seen = BTreeSet::new();
    let top = words::top(&verification.findings).and_then(|index| findings[index].path.as_deref());
    let items: Vec<Markup> = groups(&findings, top)
        .iter()
        .map(|group| {
            // Where a file differs must not get lost.
            let is_listed = |(index, finding): &(usize, &&Finding)| {
                *index < MAX_TOGETHER || finding.path.as_ref().is_some_and(|path| differs(verification, path))
            };
            let listed = group.findings.iter().enumerate().filter(is_listed);
            let items: Vec<Markup> = listed
                .map(|(_, finding)| {
                    let path = finding.path.as_deref();
                    one(finding, path.filter(|path| seen.insert(*path)), verification)
                })
                .collect();
            match group.findings.len() {
                1 => html! { @for item in items { (item) } },
                _ => together(group, &items),
            }
        })
        .collect();
    let (open, folded) = items.split_at(items.len().min(OPEN));
    html! {
        section {
            h3 { "Findings" }
            @if findings.is_empty() { p { "None." } }
            ol.findings { @for item in open { (item) } }
            @if !folded.is_empty() {
                details {
                    summary { (folded.len()) " more" }
                    ol.findings start=(OPEN + 1) { @for item in folded { (item) } }
                }
            }
        }
    }
}

/// Whether a finding is about this file, and so shows how it differs.
pub(super) fn shows(verification: &Verification, path: &str) -> bool {
    verification.findings.iter().any(|finding| finding.path.as_deref() == Some(path))
}

/// Findings that say the same, folded.
fn together(group: &Group<'_>, items: &[Markup]) -> Markup {
    let first = group.first();
    html! {
        li.excepted[first.excepted.is_some()] {
            p.headline {
                (risk_badge(first.risk.id())) " " code.path { (text(&group.place())) } " "
                (text(&group.message())) " "
                span.rule title=(first.rule.summary()) { (first.rule.id()) }
            }
            ul.signals { @for further in group.further() { li { (text(&further)) } } }
            details {
                summary { (group.findings.len()) " findings" }
                ul.findings { @for item in items { (item) } }
                @if group.findings.len() > items.len() {
                    p { "… and " (group.findings.len() - items.len()) " more, which the JSON report lists" }
                }
            }
        }
    }
}

fn differs(verification: &Verification, path: &str) -> bool {
    verification.diffs.iter().any(|diff| diff.path == path) || verification.rebuilt.iter().any(|made| made.path == path)
}

fn one(finding: &Finding, shown: Option<&str>, verification: &Verification) -> Markup {
    let signals = words::signals(finding);
    html! {
        li.excepted[finding.excepted.is_some()] {
            p.headline {
                (risk_badge(finding.risk.id())) " "
                @if let Some(place) = words::place_of(finding) { code.path { (text(&place)) } " " }
                (text(&finding.message)) " "
                span.rule title=(finding.rule.summary()) { (finding.rule.id()) }
            }
            @if !finding.way.is_empty() || finding.reach.is_some() { (way(finding)) }
            @if !signals.is_empty() { ul.signals { @for signal in signals { li { (text(&signal)) } } } }
            @for standing in words::standing(finding) { p.standing { (text(&standing)) } }
            @if let Some(path) = shown { (of_file(verification, path)) }
        }
    }
}

fn way(finding: &Finding) -> Markup {
    html! {
        p.way {
            @if let Some(reach) = finding.reach { (reach.describe()) @if !finding.way.is_empty() { ": " } }
            @for (index, step) in finding.way.iter().enumerate() {
                @if index > 0 { " → " }
                code { (text(step)) }
            }
        }
    }
}
