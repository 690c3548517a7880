//! Very many findings that say the same, put together for people: those of one rule and risk, folder by folder.
//!
//! Programs get every finding by itself; only reports for people are shortened.

use std::collections::{BTreeMap, BTreeSet};

use crate::count::counted;
use crate::finding::{Finding, Rule};
use crate::reach::Reach;
use crate::report::words;

/// Fewest findings of one rule and risk that are put together.
const MANY: usize = 6;
/// Most folders that the findings of one rule and risk are told apart by.
const MAX_FOLDERS: usize = 4;
/// How many files of a group are named.
const MAX_EXAMPLES: usize = 3;
/// Findings of one file say more than their path.
const MANIFEST: &str = "package.json";

/// Findings that are told together, in their order; one that stands alone is a group of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Group<'a> {
    /// The deepest folder that holds all of them, with a slash at its end; empty for the package's root.
    pub(super) folder: String,
    /// At least one.
    pub(super) findings: Vec<&'a Finding>,
}

/// Puts findings together, each group at the place of its first one; findings about the file `alone` stay alone.
pub(super) fn groups<'a>(findings: &[&'a Finding], alone: Option<&str>) -> Vec<Group<'a>> {
    let mut alike: BTreeMap<_, Vec<usize>> = BTreeMap::new();
    for (index, finding) in findings.iter().enumerate() {
        if finding.path.as_deref().is_some_and(|path| path != MANIFEST && alone != Some(path)) {
            // What a binary begins as tells it from others; other messages hold paths or are all the same.
            let kind = (finding.rule == Rule::BinaryAdded).then_some(&finding.message);
            let key = (finding.risk, finding.rule, finding.excepted.is_some(), kind);
            alike.entry(key).or_default().push(index);
        }
    }
    let together: BTreeMap<usize, Vec<usize>> = alike
        .into_values()
        .filter(|indices| indices.len() >= MANY)
        .flat_map(|indices| by_folder(findings, indices))
        .map(|indices| (indices[0], indices))
        .collect();
    let grouped: BTreeSet<usize> = together.values().flatten().copied().collect();
    let mut groups = Vec::new();
    for (index, finding) in findings.iter().enumerate() {
        match together.get(&index) {
            Some(indices) => groups.push(Group {
                folder: common_folder(findings, indices),
                findings: indices.iter().map(|index| findings[*index]).collect(),
            }),
            None if grouped.contains(&index) => {}
            None => groups.push(Group { folder: String::new(), findings: vec![finding] }),
        }
    }
    for alike in groups.chunk_by_mut(|a, b| (a.first().rule, a.first().risk) == (b.first().rule, b.first().risk)) {
        if alike[0].first().rule == Rule::BinaryAdded {
            // Few of a kind stand out from many.
            alike.sort_by_key(|group| group.findings.len());
        }
    }
    groups
}

fn path_of(finding: &Finding) -> &str {
    finding.path.as_deref().unwrap_or_default()
}

/// Splits by folder as long as every part holds many and the parts stay few.
fn by_folder(findings: &[&Finding], indices: Vec<usize>) -> Vec<Vec<usize>> {
    let mut done = Vec::new();
    let mut open = vec![indices];
    while let Some(indices) = open.pop() {
        let parts = parts(findings, &indices);
        let few = done.len() + open.len() + parts.len() <= MAX_FOLDERS;
        if parts.len() > 1 && few && parts.iter().all(|part| part.len() >= MANY) {
            open.extend(parts);
        } else {
            done.push(indices);
        }
    }
    done
}

/// The same by what comes first below their common folder: files in it are one part, each folder is another.
fn parts(findings: &[&Finding], indices: &[usize]) -> Vec<Vec<usize>> {
    let within = common_folder(findings, indices).len();
    let mut parts: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for index in indices {
        let below = path_of(findings[*index]).get(within..).unwrap_or_default();
        let folder = below.split_once('/').map_or("", |(folder, _)| folder);
        parts.entry(folder).or_default().push(*index);
    }
    parts.into_values().collect()
}

fn common_folder(findings: &[&Finding], indices: &[usize]) -> String {
    let mut paths = indices.iter().map(|index| path_of(findings[*index]));
    let folder_of = |path: &str| path.rfind('/').map_or(0, |end| end + 1);
    let Some(first) = paths.next() else { return String::new() };
    let mut common = &first[..folder_of(first)];
    for path in paths {
        while !path.starts_with(common) {
            common = &common[..folder_of(common.trim_end_matches('/'))];
        }
    }
    common.to_owned()
}

impl Group<'_> {
    /// The most urgent one.
    pub(super) fn first(&self) -> &Finding {
        self.findings[0]
    }

    /// How many files in which folder: `124 files in dist/`.
    pub(super) fn place(&self) -> String {
        let files = counted(self.paths().len(), "file");
        if self.folder.is_empty() { files } else { format!("{files} in {}", self.folder) }
    }

    /// What all of them say, if they say the same, and the first of the files.
    pub(super) fn message(&self) -> String {
        let message = &self.first().message;
        let said = self.findings.iter().all(|finding| finding.message == *message);
        let mut named = BTreeSet::new();
        let examples = self.findings.iter().filter(|finding| named.insert(path_of(finding)));
        let examples: Vec<String> = examples
            .filter_map(|finding| words::place_of(finding))
            .take(MAX_EXAMPLES)
            .map(|place| format!("`{place}`"))
            .collect();
        let said = if said { format!("{message}, ") } else { String::new() };
        format!("{said}such as {}", examples.join(", "))
    }

    /// What is known of them beyond that: when they take effect, what they can do, what makes them less urgent.
    pub(super) fn further(&self) -> Vec<String> {
        let all = self.findings.len();
        let mut reaches: BTreeMap<Reach, usize> = BTreeMap::new();
        let mut standings: BTreeMap<String, usize> = BTreeMap::new();
        let mut capabilities: BTreeMap<_, Vec<&Finding>> = BTreeMap::new();
        for finding in &self.findings {
            if let Some(reach) = finding.reach {
                *reaches.entry(reach).or_default() += 1;
            }
            for standing in words::standing(finding) {
                *standings.entry(standing).or_default() += 1;
            }
            let can: BTreeSet<_> = finding.signals.iter().map(|signal| signal.capability).collect();
            for capability in can {
                capabilities.entry(capability).or_default().push(finding);
            }
        }
        let counted = |text: &str, count: usize| {
            if count == all { text.to_owned() } else { format!("{text} ({count})") }
        };
        let mut further = Vec::new();
        if !reaches.is_empty() {
            let reaches: Vec<String> = reaches.iter().map(|(reach, count)| counted(reach.describe(), *count)).collect();
            let way = self.first().way.join(" → ");
            let way = if way.is_empty() { way } else { format!(", the first by {way}") };
            further.push(format!("{}{way}", reaches.join(", ")));
        }
        for (capability, having) in capabilities {
            let more = if having.len() > 1 { format!(" and {} more", having.len() - 1) } else { String::new() };
            further.push(format!("{} (`{}`{more})", words::capability(capability), path_of(having[0])));
        }
        further.extend(standings.iter().map(|(standing, count)| counted(standing, *count)));
        further
    }

    /// The files, each once.
    pub(super) fn paths(&self) -> BTreeSet<&str> {
        self.findings.iter().filter_map(|finding| finding.path.as_deref()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capability::{Capability, Signal};
    use crate::finding::Risk;

    fn added(path: &str) -> Finding {
        Finding { reach: Some(Reach::Import), ..Finding::new(Rule::FileNotInSource, Some(path), "not in the source") }
    }

    fn many(folder: &str, count: usize) -> Vec<Finding> {
        (0..count).map(|number| added(&format!("{folder}{number:02}.js"))).collect()
    }

    fn told(findings: &[Finding], alone: Option<&str>) -> Vec<String> {
        let findings: Vec<&Finding> = findings.iter().collect();
        let tell = |group: &Group<'_>| match group.findings.len() {
            1 => path_of(group.first()).to_owned(),
            _ => group.place(),
        };
        groups(&findings, alone).iter().map(tell).collect()
    }

    #[test]
    fn few_findings_stay_alone() {
        assert_eq!(told(&many("lib/", MANY - 1), None).len(), MANY - 1);
        assert_eq!(told(&many("lib/", MANY), None), ["6 files in lib/"]);
    }

    #[test]
    fn folders_are_told_apart_while_they_are_few_and_hold_many() {
        let two = [many("dist/esm/", 9), many("dist/cjs/deep/", 7)].concat();
        assert_eq!(told(&two, None), ["9 files in dist/esm/", "7 files in dist/cjs/deep/"]);
        let uneven = [many("dist/esm/", 9), many("dist/cjs/", 2)].concat();
        assert_eq!(told(&uneven, None), ["11 files in dist/"]);
        let wide: Vec<Finding> = (0..9).flat_map(|number| many(&format!("{number}/"), 8)).collect();
        assert_eq!(told(&wide, None), ["72 files"]);
        let similar = [many("lib/", 6), many("library/", 6)].concat();
        assert_eq!(told(&similar, None), ["6 files in lib/", "6 files in library/"]);
    }

    #[test]
    fn what_differs_in_rule_or_risk_or_is_shown_stays_apart() {
        let mut findings = many("lib/", 9);
        findings[3].risk = Risk::High;
        findings[5].excepted = Some("reviewed".to_owned());
        assert_eq!(told(&findings, Some("lib/00.js")), ["lib/00.js", "6 files in lib/", "lib/03.js", "lib/05.js"]);
        let keys: Vec<Finding> = (0..9)
            .map(|number| Finding::new(Rule::DependencyAdded, Some(MANIFEST), format!("`dependencies.{number}`")))
            .collect();
        assert_eq!(told(&keys, None).len(), 9);
    }

    #[test]
    fn of_binaries_those_of_another_kind_stand_out() {
        let binary = |number: usize, what: &str| {
            Finding::new(Rule::BinaryAdded, Some(&format!("lib/{number:02}.bin")), format!("a binary file: {what}"))
        };
        let mut findings: Vec<Finding> = (0..20).map(|number| binary(number, "a WebAssembly module")).collect();
        findings[13] = binary(13, "an ELF file");
        assert_eq!(told(&findings, None), ["lib/13.bin", "19 files in lib/"]);
    }

    #[test]
    fn a_group_says_what_is_known_of_its_files() {
        let mut findings = many("lib/", 7);
        findings[0].way = vec!["package.json main".to_owned(), "lib/00.js".to_owned()];
        findings[0].lines = vec![(3, 4)];
        findings[6].reach = Some(Reach::Reachable);
        findings[6].same_as = Some("1.0.0".to_owned());
        let signal = Signal { capability: Capability::FileSystem, line: 1, evidence: "fs".to_owned() };
        findings[2].signals = vec![signal.clone(), signal.clone()];
        findings[4].signals = vec![signal];
        let findings: Vec<&Finding> = findings.iter().collect();
        let groups = groups(&findings, None);
        let [group] = &groups[..] else { panic!("{groups:?}") };
        assert_eq!(group.message(), "not in the source, such as `lib/00.js:3-4`, `lib/01.js`, `lib/02.js`");
        assert_eq!(
            group.further(),
            [
                "runs on import (6), can be reached (1), the first by package.json main → lib/00.js",
                "reads or writes files (`lib/02.js` and 1 more)",
                "unchanged since 1.0.0 (1)",
            ]
        );
    }
}
