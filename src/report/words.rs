//! What is known of a finding beyond its message, in words that every report shares.
//!
//! Nothing here is escaped yet: evidence and ways hold text of packages.

use crate::capability::{Capability, Signal};
use crate::compare::{LineOrigin, RemovedLines};
use crate::finding::{Finding, Rule, Severity};
use crate::verify::Baseline;

/// More places than this of one capability are counted, not listed.
const MAX_PLACES: usize = 2;

/// More runs of lines than this are not written beside a path.
const MAX_RUNS: usize = 4;

/// What code can do, as the end of a sentence about it.
pub(super) fn capability(capability: Capability) -> &'static str {
    match capability {
        Capability::DynamicCode => "runs text as code",
        Capability::Process => "starts programs",
        Capability::Network => "talks to other machines",
        Capability::Patching => "replaces what other code relies on",
        Capability::Environment => "reads the environment or credentials",
        Capability::FileSystem => "reads or writes files",
        Capability::EncodedPayload => "carries long encoded text",
        Capability::WalletAddress => "names what looks like a wallet's address",
    }
}

/// When the file takes effect, and on which way: `runs on import: package.json main → index.js`.
pub(super) fn reach(finding: &Finding) -> Option<String> {
    let way = finding.way.join(" → ");
    match (finding.reach, way.is_empty()) {
        (Some(reach), true) => Some(reach.describe().to_owned()),
        (Some(reach), false) => Some(format!("{}: {way}", reach.describe())),
        (None, true) => None,
        (None, false) => Some(format!("reached by {way}")),
    }
}

/// What the unexplained part can do, a capability at a time, each with the places where it was seen.
pub(super) fn signals(finding: &Finding) -> Vec<String> {
    let mut signals: Vec<&Signal> = finding.signals.iter().collect();
    signals.sort();
    signals
        .chunk_by(|a, b| a.capability == b.capability)
        .map(|group| {
            let places = group.iter().take(MAX_PLACES).map(|signal| place(signal));
            let more = group.len().saturating_sub(MAX_PLACES);
            let more = (more > 0).then(|| format!("{more} more"));
            let places: Vec<String> = places.chain(more).collect();
            format!("{} ({})", capability(group[0].capability), places.join("; "))
        })
        .collect()
}

fn place(signal: &Signal) -> String {
    if signal.evidence.is_empty() {
        return format!("line {}", signal.line);
    }
    format!("{}, line {}", signal.evidence, signal.line)
}

/// How a finding stands to an earlier release and to the policy: `unchanged since 1.2.3`, `excepted: reason`.
pub(super) fn standing(finding: &Finding) -> Vec<String> {
    let unchanged = finding.same_as.as_ref().map(|release| format!("unchanged since {release}"));
    let excepted = finding.excepted.as_ref().map(|reason| format!("excepted: {reason}"));
    let novelty = finding.novelty.as_ref().map(ToString::to_string);
    unchanged.into_iter().chain(novelty).chain(excepted).collect()
}

/// Which lines are missing, and where: `lines 4-6 of the source, at line 3`.
pub(super) fn removed(finding: &Finding) -> Vec<String> {
    let tell = |run: &RemovedLines| {
        let (first, last) = run.lines;
        let lines = if first == last { format!("line {first}") } else { format!("lines {first}-{last}") };
        format!("{lines} of what it was compared with, at line {}", run.at)
    };
    finding.removed.iter().map(tell).collect()
}

/// The path and, where known, the lines, or else those at which others are missing: `index.js:3-5`.
pub(super) fn place_of(finding: &Finding) -> Option<String> {
    let path = finding.path.as_ref()?;
    let mut runs = lines(finding, MAX_RUNS);
    if let (true, Some(first)) = (runs.is_empty(), finding.removed.first()) {
        runs = first.at.to_string();
    }
    Some(if runs.is_empty() { path.clone() } else { format!("{path}:{}", runs.replace(", ", ",")) })
}

/// The unexplained lines, so many runs of them: `3-5, 40, …`.
pub(super) fn lines(finding: &Finding, limit: usize) -> String {
    let run = |(first, last): &(usize, usize)| {
        if first == last { first.to_string() } else { format!("{first}-{last}") }
    };
    let more = (finding.lines.len() > limit).then(|| "…".to_owned());
    let runs: Vec<String> = finding.lines.iter().take(limit).map(run).chain(more).collect();
    runs.join(", ")
}

/// The finding that a report begins with: the first that is neither excepted nor a mere note.
pub(super) fn top(findings: &[Finding]) -> Option<usize> {
    findings.iter().position(|finding| finding.excepted.is_none() && finding.rule.severity() != Severity::Note)
}

/// With which earlier release unexplained content was compared, and why.
pub(super) fn baseline(baseline: &Baseline) -> String {
    match baseline {
        Baseline::Chosen(version) => format!("{version}, as asked for"),
        Baseline::Settled(version) => {
            format!("{version}, the highest lower version that had been there for a month")
        }
        Baseline::NotNeeded => "not needed: nothing is looked into".to_owned(),
        Baseline::NoneSettled => "none known that is lower and had been there for a month".to_owned(),
        Baseline::Unavailable { version, detail } => format!("{version} cannot be compared with: {detail}"),
    }
}

/// Whether the finding says of a file what its row in the ledger says as well.
pub(super) fn is_of_row(rule: Rule) -> bool {
    matches!(rule, Rule::FileModified | Rule::FileNotInSource | Rule::BinaryAdded)
}

/// A step of a way: the file, and what of it leads on, as in `package.json main`.
pub(super) fn step(step: &str) -> (&str, Option<&str>) {
    match step.strip_prefix("package.json ") {
        Some(key) => ("package.json", Some(key)),
        None => (step, None),
    }
}

/// Where the lines of a run were seen before, without an escape for a terminal.
pub(super) fn origin(origin: &LineOrigin) -> String {
    let (first, last) = origin.lines;
    let lines = if first == last { format!("line {first}") } else { format!("lines {first} to {last}") };
    match &origin.place {
        Some(place) => {
            format!("{lines}: seen in `{}` at commit {}", place.path, place.commit.short())
        }
        None if origin.certain => format!("{lines}: never seen in the source"),
        None => format!("{lines}: not seen in what could be looked at of the history"),
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::finding::Risk;
    use crate::reach::Reach;

    /// A finding of which everything is known that can be.
    pub(in crate::report) fn full(path: &str) -> Finding {
        let signal = |capability, line, evidence: &str| Signal { capability, line, evidence: evidence.to_owned() };
        Finding {
            risk: Risk::Critical,
            reach: Some(Reach::Import),
            way: vec!["package.json main".to_owned(), "index.js".to_owned(), path.to_owned()],
            signals: vec![
                signal(Capability::Network, 4, "fetch"),
                signal(Capability::Process, 3, "require('child_process')"),
                signal(Capability::Network, 5, "require('https')"),
                signal(Capability::Network, 9, "WebSocket"),
            ],
            lines: vec![(3, 5), (9, 9)],
            same_as: Some("1.2.3".to_owned()),
            excepted: Some("reviewed".to_owned()),
            ..Finding::new(Rule::FileModified, Some(path), "the content differs from the source's")
        }
    }

    #[test]
    fn a_finding_is_told_in_words() {
        let finding = full("lib/x.js");
        assert_eq!(reach(&finding).unwrap(), "runs on import: package.json main → index.js → lib/x.js");
        assert_eq!(
            signals(&finding),
            [
                "starts programs (require('child_process'), line 3)",
                "talks to other machines (fetch, line 4; require('https'), line 5; 1 more)"
            ]
        );
        assert_eq!(standing(&finding), ["unchanged since 1.2.3", "excepted: reviewed"]);
        assert_eq!(place_of(&finding).unwrap(), "lib/x.js:3-5,9");
        let gap = RemovedLines { at: 7, lines: (8, 9) };
        let lacking = Finding { lines: Vec::new(), removed: vec![gap], ..finding.clone() };
        assert_eq!(place_of(&lacking).unwrap(), "lib/x.js:7");
        assert_eq!(removed(&lacking), ["lines 8-9 of what it was compared with, at line 7"]);
        let many = Finding { lines: (1..=9).map(|line| (2 * line, 2 * line)).collect(), ..finding };
        assert_eq!(place_of(&many).unwrap(), "lib/x.js:2,4,6,8,…");
    }

    #[test]
    fn nothing_is_said_of_what_is_not_known() {
        let finding = Finding::new(Rule::TagMoved, None, "the tag moved");
        assert_eq!((reach(&finding), place_of(&finding)), (None, None));
        assert!(signals(&finding).is_empty() && standing(&finding).is_empty());
    }

    #[test]
    fn the_top_finding_is_neither_excepted_nor_a_note() {
        let note = Finding::new(Rule::ContentMoved, Some("a"), "moved");
        let plain = Finding::new(Rule::FileModified, Some("b"), "differs");
        assert_eq!(top(&[full("c"), note.clone(), plain]), Some(2));
        assert_eq!(top(&[full("c"), note]), None);
    }
}
