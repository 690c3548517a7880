//! Turns what the stages established into findings.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use crate::artifact::ArtifactEntry;
use crate::capability::Signal;
use crate::finding::rank::is_alarming;
use crate::finding::rules::JUDGES;
use crate::finding::{Evidence, FileKind, Finding, Risk, Rule, Weighing, Weight, rank};
use crate::reach::Reach;
use crate::stabilize::javascript::SourceKind;

/// More findings of one rule and one risk than this are told as one, unless the risk is high.
const MAX_SINGLE: usize = 5_000;

/// Lists findings, most urgent first, in an order that depends on nothing but the inputs.
pub fn judge(evidence: &Evidence<'_>) -> Vec<Finding> {
    debug_assert!(evidence.unexplained.is_sorted_by(|first, second| first.path <= second.path), "looked up by path");
    let explained = evidence.is_explained();
    let findings = JUDGES.iter().flat_map(|judge| judge(evidence));
    finish(findings.map(|finding| weigh(finding, evidence, explained)).collect())
}

/// Adds to a finding what is known of its file, and gives it its place in the order.
fn weigh(mut finding: Finding, evidence: &Evidence<'_>, explained: bool) -> Finding {
    let weighing = finding.rule.description().weighing;
    let mut weight = Weight {
        own: finding.risk,
        weighing,
        explained,
        kind: FileKind::Data,
        reach: None,
        alarming: false,
        unchanged: false,
        awaits_build: false,
        may_be_quiet: false,
    };
    if weighing == Weighing::Content
        && let Some(path) = finding.path.clone()
    {
        if let Some((reach, way)) = evidence.reach.and_then(|reach| reach(&path)) {
            finding.reach = Some(reach);
            finding.way = way;
        }
        if let Some(text) = evidence.text_of(&path) {
            finding.signals.clone_from(&text.signals);
            finding.lines.clone_from(&text.lines);
            finding.removed.clone_from(&text.removed);
        }
        finding.same_as = evidence.unchanged.and_then(|unchanged| unchanged(&path));
        if finding.same_as.is_none() {
            finding.novelty = evidence.novelty.and_then(|novelty| novelty(&path));
        }
        let could_already = finding.same_as.is_none() && evidence.could_already.is_some_and(|could| could(&path));
        if let Some(novelty) = &mut finding.novelty {
            novelty.could_already = could_already;
        }
        weight.kind = kind_of(evidence, &path);
        weight.reach = finding.reach;
        weight.awaits_build = evidence.awaits_build && evidence.is_output(&path) && !is_dependency(&path);
        weight.may_be_quiet = may_be_quiet(evidence, &path, weight.kind);
        // What nobody can read must not be ranked as if it could do nothing: padding costs an author nothing.
        let is_alarming_file = evidence.text_of(&path).is_some_and(|text| {
            let is_unparsed = text.is_unparsed && finding.reach != Some(Reach::Inert);
            text.is_unread || is_unparsed || !text.yara.matches.is_empty()
        });
        let is_alarming = |signal: &Signal| is_alarming(signal.capability);
        weight.alarming = is_alarming_file || !could_already && finding.signals.iter().any(is_alarming);
        weight.unchanged = finding.same_as.is_some();
    }
    finding.risk = rank(&weight);
    finding
}

/// What a file is, by its name as long as mode and content do not tell another thing.
fn kind_of(evidence: &Evidence<'_>, path: &str) -> FileKind {
    let by_name = FileKind::of(path);
    let Some(entry) = evidence.artifact.and_then(|artifact| artifact.entry(path)) else { return by_name };
    if entry.machine_code.is_some() {
        FileKind::Unfollowed
    } else if by_name.is_read_only() && is_started(entry) {
        FileKind::Code
    } else {
        by_name
    }
}

/// Whether it stands where dependencies are installed, which no build makes.
fn is_dependency(path: &str) -> bool {
    path.split('/').any(|name| name == "node_modules")
}

/// Whether a file that nothing leads to does nothing as far as signals tell: they are looked for in JavaScript alone, and
/// pictures and data do nothing by themselves.
fn may_be_quiet(evidence: &Evidence<'_>, path: &str, kind: FileKind) -> bool {
    let is_read = SourceKind::of(path).is_some() || kind.is_read_only() || FileKind::is_media(path);
    is_read && !evidence.artifact.and_then(|artifact| artifact.entry(path)).is_some_and(is_started)
}

/// Whether mode or content say that the system can start it.
fn is_started(entry: &ArtifactEntry) -> bool {
    entry.executable || entry.content.as_deref().is_some_and(|content| content.starts_with(b"#!"))
}

/// Orders findings.
fn finish(mut findings: Vec<Finding>) -> Vec<Finding> {
    findings.sort_by(by_urgency);
    findings.dedup();
    findings
}

/// Tells of very many equal findings how many there are; what a policy excepts does not count.
///
/// An archive of a hundred thousand files must not make as many findings, and the ledger still lists every file.
pub fn cut(mut findings: Vec<Finding>) -> Vec<Finding> {
    let mut counts: BTreeMap<(Risk, Rule), usize> = BTreeMap::new();
    findings.retain(|finding| {
        if finding.excepted.is_some() || finding.risk <= Risk::High {
            return true;
        }
        let count = counts.entry((finding.risk, finding.rule)).or_default();
        *count += 1;
        *count <= MAX_SINGLE
    });
    for ((risk, rule), count) in counts {
        if count > MAX_SINGLE {
            let message = format!("and {} more like these", count - MAX_SINGLE);
            findings.push(Finding::new(rule, None, message).with_risk(risk));
        }
    }
    findings.sort_by(by_urgency);
    findings
}

/// Risk, then reach, rule and path; what has none of these comes after what has.
fn by_urgency(first: &Finding, second: &Finding) -> Ordering {
    let key = |finding: &Finding| (finding.risk, finding.reach.is_none(), finding.reach, finding.rule);
    let place = |finding: &Finding| finding.path.is_none();
    key(first)
        .cmp(&key(second))
        .then_with(|| place(first).cmp(&place(second)))
        .then_with(|| first.path.cmp(&second.path))
        .then_with(|| first.cmp(second))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capability::Capability;
    use crate::finding::support::{added, contents, file, ledger, matched, modified, text};
    use crate::finding::{Change, Novelty, UnexplainedText};
    use crate::ledger::Explanation;
    use crate::reach::Reach;
    use crate::source::match_commit::MatchStanding;

    #[test]
    fn what_is_known_of_a_file_decides_its_place() {
        let ledger = ledger(vec![
            file("README.md", modified()),
            file("a.js", modified()),
            file("index.js", modified()),
            file("old.js", added()),
            file("setup.js", added()),
        ]);
        let reach = |path: &str| match path {
            "setup.js" => Some((Reach::Install, vec!["package.json scripts.postinstall".to_owned()])),
            "index.js" => Some((Reach::Import, Vec::new())),
            _ => Some((Reach::Inert, Vec::new())),
        };
        let unchanged = |path: &str| (path == "old.js").then(|| "1.0.0".to_owned());
        let novelty =
            |_: &str| Some(Novelty { since: "1.0.0".to_owned(), change: Change::FileAdded, could_already: false });
        let signal = Signal { capability: Capability::FileSystem, line: 3, evidence: "require('fs')".to_owned() };
        let texts = [
            UnexplainedText {
                path: "index.js".to_owned(),
                lines: vec![(3, 4), (9, 9)],
                signals: vec![signal],
                ..UnexplainedText::default()
            },
            text("setup.js", ""),
        ];
        let findings = judge(&Evidence {
            ledger: Some(&ledger),
            unexplained: &texts,
            reach: Some(&reach),
            unchanged: Some(&unchanged),
            novelty: Some(&novelty),
            ..Evidence::default()
        });
        let shown: Vec<_> = findings.iter().map(|found| (found.risk, found.path.as_deref().unwrap())).collect();
        assert_eq!(
            shown,
            [
                (Risk::Critical, "setup.js"),
                (Risk::High, "index.js"),
                (Risk::Medium, "a.js"),
                (Risk::Low, "README.md"),
                (Risk::Low, "old.js"),
            ]
        );
        assert_eq!(findings[0].way, ["package.json scripts.postinstall"]);
        assert_eq!((findings[1].span(), findings[1].signals.len()), (Some((3, 9)), 1));
        assert_eq!(findings[4].same_as.as_deref(), Some("1.0.0"));
        let new: Vec<bool> = findings.iter().map(|finding| finding.novelty.is_some()).collect();
        assert_eq!(new, [true, true, true, true, false]);
    }

    #[test]
    fn what_cannot_be_parsed_is_as_urgent_as_what_acts() {
        let ledger = ledger(vec![file("a.js", added()), file("b.js", added())]);
        let unparsed = |path: &str| UnexplainedText { is_unparsed: true, ..text(path, "") };
        let reach = |path: &str| Some((if path == "a.js" { Reach::Import } else { Reach::Inert }, Vec::new()));
        let findings = judge(&Evidence {
            ledger: Some(&ledger),
            unexplained: &[unparsed("a.js"), unparsed("b.js")],
            reach: Some(&reach),
            ..Evidence::default()
        });
        let shown: Vec<_> = findings.iter().map(|found| (found.risk, found.path.as_deref().unwrap())).collect();
        assert_eq!(shown, [(Risk::Critical, "a.js"), (Risk::Medium, "b.js")]);
        assert!(findings[0].message.ends_with("it cannot be parsed, so it may do more than is told"), "{findings:?}");
    }

    #[test]
    fn what_the_earlier_file_could_do_already_makes_nothing_more_urgent() {
        let ledger = ledger(vec![file("a.js", added()), file("b.js", added()), file("c.js", added())]);
        let able = |path: &str| {
            let signal = Signal { capability: Capability::Network, line: 1, evidence: "fetch()".to_owned() };
            UnexplainedText { signals: vec![signal], ..text(path, "") }
        };
        let mut unreadable = able("c.js");
        unreadable.is_unread = true;
        let reach = |_: &str| Some((Reach::Import, Vec::new()));
        let change = Change::ContentChanged;
        let novelty = |_: &str| Some(Novelty { since: "1.0.0".to_owned(), change, could_already: false });
        let findings = judge(&Evidence {
            ledger: Some(&ledger),
            unexplained: &[able("a.js"), able("b.js"), unreadable],
            reach: Some(&reach),
            novelty: Some(&novelty),
            could_already: Some(&|path: &str| path != "a.js"),
            ..Evidence::default()
        });
        let shown: Vec<_> = findings
            .iter()
            .map(|found| {
                let could_already = found.novelty.as_ref().is_some_and(|novelty| novelty.could_already);
                (found.risk, found.path.as_deref().unwrap(), could_already, found.signals.len())
            })
            .collect();
        assert_eq!(
            shown,
            [(Risk::Critical, "a.js", false, 1), (Risk::Critical, "c.js", true, 1), (Risk::High, "b.js", true, 1),]
        );
    }

    #[test]
    fn what_is_too_large_to_read_is_ranked_as_if_it_could_do_anything() {
        let ledger = ledger(vec![file("a.js", added()), file("b.js", modified()), file("c.js", added())]);
        let unread = |path: &str| UnexplainedText { is_unread: true, ..text(path, "") };
        let reach = |_: &str| Some((Reach::Import, Vec::new()));
        let findings = judge(&Evidence {
            ledger: Some(&ledger),
            unexplained: &[unread("a.js"), unread("b.js"), text("c.js", "x()")],
            reach: Some(&reach),
            ..Evidence::default()
        });
        let shown: Vec<_> = findings.iter().map(|found| (found.risk, found.message.as_str())).collect();
        assert_eq!(
            shown,
            [
                (Risk::Critical, "the content differs from the source's; it is too large to tell what it can do"),
                (Risk::Critical, "not in the source; it is too large to tell what it can do"),
                (Risk::High, "not in the source"),
            ]
        );
    }

    #[test]
    fn a_name_does_not_hide_what_a_file_is() {
        let ledger = ledger(vec![file("LICENSE", added()), file("NOTICE", added()), file("README.md", added())]);
        let files: [(&str, &[u8]); 3] = [("LICENSE", b"\x7fELF"), ("NOTICE", b"#!/bin/sh\n"), ("README.md", b"# A")];
        let contents = contents(Vec::new(), &files);
        let reach = |_: &str| Some((Reach::Inert, Vec::new()));
        let findings = judge(&Evidence {
            ledger: Some(&ledger),
            artifact: Some(&contents),
            reach: Some(&reach),
            ..Evidence::default()
        });
        let risks: Vec<Risk> = findings.iter().map(|finding| finding.risk).collect();
        assert_eq!(risks, [Risk::Critical, Risk::Medium, Risk::Low], "{findings:?}");
    }

    #[test]
    fn many_equal_findings_become_one_but_never_those_that_are_urgent() {
        let files = (0..MAX_SINGLE + 30).map(|number| file(&format!("data/{number:04}.json"), added()));
        let binaries = (0..30).map(|number| file(&format!("lib/{number:02}.node"), added()));
        let ledger = ledger(files.chain(binaries).collect());
        let findings = cut(judge(&Evidence { ledger: Some(&ledger), ..Evidence::default() }));
        assert_eq!(findings.iter().filter(|found| found.rule == Rule::BinaryAdded).count(), 30);
        assert_eq!(findings.iter().filter(|found| found.rule == Rule::FileNotInSource).count(), MAX_SINGLE + 1);
        assert_eq!(findings.last().unwrap().message, "and 30 more like these");
    }

    #[test]
    fn an_explained_release_has_nothing_above_low() {
        let commit = crate::finding::support::commit('b');
        let ledger = ledger(vec![
            file("notes.md", Explanation::History { commit }),
            file("lib.js", Explanation::GitBlobMoved { from: "src/lib.js".to_owned() }),
        ]);
        let matched = match_commit_with_missing();
        let evidence =
            Evidence { ledger: Some(&ledger), matched: Some(&matched), digest_missing: true, ..Evidence::default() };
        let findings = judge(&evidence);
        assert_eq!(findings.len(), 4, "{findings:?}");
        assert!(findings.iter().all(|found| found.risk == Risk::Low), "{findings:?}");
    }

    fn match_commit_with_missing() -> crate::source::match_commit::CommitMatch {
        let mut matched = matched(MatchStanding::Established);
        matched.missing.push(crate::finding::support::commit('c'));
        matched
    }
}
