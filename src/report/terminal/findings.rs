//! Findings: the most urgent with everything that is known of it, the others in a line or two.

use std::collections::BTreeSet;

use anstyle::Style;

use super::files::{excerpt, size_if_large};
use super::{DIM, Detail, RED, YELLOW, line};
use crate::finding::{Finding, Risk};
use crate::ledger::Explanation;
use crate::report::groups::{Group, groups};
use crate::report::printable::printable;
use crate::report::words;
use crate::verify::Verification;

/// How many findings, or groups of them, of one rule are listed unless everything is asked for.
const MAX_FINDINGS: usize = 5;

/// Where what belongs to a finding begins, columns.
const INDENT: usize = 12;

/// What the findings have told, so that the list of files need not.
#[derive(Debug, Default)]
pub(super) struct Told<'a> {
    /// Files of which a finding stands there.
    pub(super) paths: BTreeSet<&'a str>,
    /// The file whose difference stands there.
    pub(super) excerpt: Option<&'a str>,
}

impl<'a> Told<'a> {
    /// Notes the finding's file, and shows where it differs if it is the one to be shown.
    fn tell(&mut self, out: &mut String, finding: &'a Finding, shown: Option<&str>, verification: &Verification) {
        let Some(path) = finding.path.as_deref() else { return };
        self.paths.insert(path);
        if self.excerpt.is_none() && shown == Some(path) {
            excerpt(out, path, verification);
            self.excerpt = Some(path);
        }
    }
}

/// The file whose difference is shown: of the most urgent finding that does not state it already.
///
/// What is found in a manifest names the key and both values, so its lines are shown only where there are no others.
fn shown(verification: &Verification) -> Option<&str> {
    let has_excerpt = |path: &&str| {
        verification.diffs.iter().any(|diff| diff.path == *path)
            || verification.rebuilt.iter().any(|made| made.path == *path)
    };
    let paths = || {
        let findings = verification.findings.iter().filter(|finding| finding.excepted.is_none());
        findings.filter_map(|finding| finding.path.as_deref()).filter(has_excerpt)
    };
    paths().find(|path| *path != "package.json").or_else(|| paths().next())
}

/// The findings, the top one first.
pub(super) fn render<'a>(out: &mut String, verification: &'a Verification, detail: Detail) -> Told<'a> {
    let mut told = Told::default();
    let findings = &verification.findings;
    let (top, shown) = (words::top(findings), shown(verification));
    if let Some(top) = top.map(|index| &findings[index]) {
        headline(out, top, verification);
        for text in words::reach(top).into_iter().chain(words::signals(top)).chain(words::standing(top)) {
            line(out, INDENT, &format!("{DIM}{}{DIM:#}", printable(&text)));
        }
        told.tell(out, top, shown, verification);
    }
    let others = findings.iter().enumerate().filter(|(index, _)| Some(*index) != top).map(|(_, finding)| finding);
    // The rows of the whole ledger say the same and more, unless something is known beyond the rule.
    let is_said = |finding: &&Finding| {
        let is_low = finding.risk == Risk::Low && further(finding).is_empty();
        detail == Detail::Everything && words::is_of_row(finding.rule) && is_low
    };
    let others: Vec<&Finding> = others.filter(|finding| !is_said(finding)).collect();
    if detail == Detail::Everything {
        for finding in others {
            one(out, finding, shown, verification, &mut told);
        }
        return told;
    }
    let groups = groups(&others, shown);
    for alike in groups.chunk_by(|a, b| (a.first().rule, a.first().risk) == (b.first().rule, b.first().risk)) {
        for group in alike.iter().take(MAX_FINDINGS) {
            match group.findings[..] {
                [finding] => one(out, finding, shown, verification, &mut told),
                _ => together(out, group, &mut told),
            }
        }
        // Files that are not named here are counted where files are.
        let rule = alike[0].first().rule;
        if alike.len() > MAX_FINDINGS && !words::is_of_row(rule) {
            line(out, 2, &format!("{DIM}… and {} more of {rule}{DIM:#}", alike.len() - MAX_FINDINGS));
        }
    }
    told
}

fn one<'a>(
    out: &mut String,
    finding: &'a Finding,
    shown: Option<&str>,
    verification: &Verification,
    told: &mut Told<'a>,
) {
    headline(out, finding, verification);
    beside(out, &further(finding));
    told.tell(out, finding, shown, verification);
}

/// Findings that say the same: how many, the first files, and what is known of all of them.
fn together<'a>(out: &mut String, group: &Group<'a>, told: &mut Told<'a>) {
    let first = group.first();
    let (style, risk, place) = (style_of(first), first.risk.id(), printable(&group.place()));
    let message = printable(&group.message());
    line(out, 2, &format!("{style}{risk:<9} {}{style:#} {place}: {message}", first.rule));
    beside(out, &group.further());
    told.paths.extend(group.findings.iter().filter_map(|finding| finding.path.as_deref()));
}

fn beside(out: &mut String, further: &[String]) {
    if !further.is_empty() {
        line(out, INDENT, &format!("{DIM}{}{DIM:#}", printable(&further.join("; "))));
    }
}

/// Everything known of a finding beyond its message.
fn further(finding: &Finding) -> Vec<String> {
    words::reach(finding).into_iter().chain(words::signals(finding)).chain(words::standing(finding)).collect()
}

fn headline(out: &mut String, finding: &Finding, verification: &Verification) {
    let style = style_of(finding);
    let place = words::place_of(finding).map(|place| format!(" {}:", printable(&place))).unwrap_or_default();
    let mut message = finding.message.clone();
    if words::is_of_row(finding.rule) {
        let file = verification.ledger.as_ref().zip(finding.path.as_ref()).and_then(|(ledger, path)| ledger.file(path));
        if let Some(Explanation::Modified { rebuilt: true, .. }) = file.map(|file| &file.explanation) {
            // Before what is said of the file itself.
            let end = message.find(';').unwrap_or(message.len());
            message.insert_str(end, ", and from what the rebuild made");
        }
        if let Some(size) = file.and_then(size_if_large) {
            message.push_str(&format!(" ({size})"));
        }
    }
    let risk = finding.risk.id();
    line(out, 2, &format!("{style}{risk:<9} {}{style:#}{place} {}", finding.rule, printable(&message)));
}

fn style_of(finding: &Finding) -> Style {
    match finding.risk {
        _ if finding.excepted.is_some() => DIM,
        Risk::Critical => RED.bold(),
        Risk::High => RED,
        Risk::Medium => YELLOW,
        Risk::Low => DIM,
    }
}
