//! Findings in the order of their urgency, each with what is known of it and, once for a file, where it differs.

use std::collections::BTreeSet;

use maud::{Markup, html};

use super::package::of_file;
use super::{risk_badge, text};
use crate::finding::Finding;
use crate::report::words;
use crate::verify::Verification;

/// Findings from here on are folded: by then a reader has seen what matters.
const OPEN: usize = 25;

/// All findings.
pub(super) fn render(verification: &Verification) -> Markup {
    let findings = &verification.findings;
    // A file's difference stands below the first finding about it.
    let mut seen = BTreeSet::new();
    let items: Vec<Markup> = findings
        .iter()
        .map(|finding| {
            let path = finding.path.as_deref();
            one(finding, path.filter(|path| seen.insert(*path)), verification)
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
                    summary { (folded.len()) " more findings" }
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
