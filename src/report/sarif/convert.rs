//! From findings to results.

use std::collections::BTreeMap;

use sha2::{Digest as _, Sha256};

use super::model::{
    ArtifactLocation, CodeFlow, Location, LogicalLocation, PackageProperties, PhysicalLocation, Region,
    ResultProperties, SarifResult, Suppression, ThreadFlow, ThreadFlowLocation,
};
use super::{level, rank, text};
use crate::finding::Finding;
use crate::package::hex_text;
use crate::report::words;
use crate::verify::Verification;

/// Where findings about the release as a whole stand: a place that every package has.
const MANIFEST: &str = "package.json";

/// What paths of the package are relative to.
pub(super) fn base(verification: &Verification, purl: &str) -> ArtifactLocation {
    let description = text::message(&format!("The files of {}, as they are in its archive", verification.release));
    ArtifactLocation { uri: format!("{purl}/"), uri_base_id: None, description: Some(description) }
}

pub(super) fn package(verification: &Verification, purl: &str) -> PackageProperties {
    let source = verification.source.as_ref();
    let ledger = verification.ledger.as_ref();
    let matched = source.and_then(|source| source.matched.as_ref());
    PackageProperties {
        purl: purl.to_owned(),
        verdict: verification.verdict.id(),
        artifact_sha256: verification.artifact.sha256.to_string(),
        repository: source.map(|source| source.claim.location.to_string()),
        commit: matched.map(|matched| matched.winner.commit.to_string()),
        baseline: verification.baseline.version().map(ToString::to_string),
        baseline_choice: verification.baseline.id(),
        files: ledger.map(|ledger| ledger.files.len()),
        explained: ledger.map(|ledger| ledger.files.len() - ledger.unexplained().count()),
    }
}

pub(super) fn result(finding: &Finding, verification: &Verification, purl: &str) -> SarifResult {
    let path = finding.path.as_deref().unwrap_or(MANIFEST);
    let mut capabilities: Vec<&str> = finding.signals.iter().map(|signal| signal.capability.id()).collect();
    capabilities.sort_unstable();
    capabilities.dedup();
    let location = |region| Location {
        id: None,
        physical_location: place(path, purl, region),
        logical_locations: Some([LogicalLocation { fully_qualified_name: purl.to_owned(), kind: "package" }]),
        message: None,
    };
    // Several, as the standard has it for what is mended only by a change in each of the places.
    let regions = regions(finding, verification);
    let locations = match regions.is_empty() {
        true => vec![location(None)],
        false => regions.into_iter().map(|region| location(Some(region))).collect(),
    };
    SarifResult {
        rule_id: finding.rule.id(),
        rule_index: finding.rule as usize,
        kind: "fail",
        level: level(finding.rule.severity()),
        message: text::message(&sentence(finding, verification)),
        locations,
        related_locations: related(finding, purl),
        code_flows: flow(finding, purl),
        partial_fingerprints: fingerprints(finding, verification),
        baseline_state: match (&finding.same_as, &finding.novelty) {
            (Some(_), _) => Some("unchanged"),
            (None, Some(_)) => Some("new"),
            (None, None) => None,
        },
        rank: rank(finding.risk),
        suppressions: finding
            .excepted
            .as_ref()
            .map(|reason| [Suppression { kind: "external", status: "accepted", justification: reason.clone() }]),
        properties: ResultProperties {
            purl: purl.to_owned(),
            verdict: verification.verdict.id(),
            risk: finding.risk.id(),
            reach: finding.reach.map(crate::reach::Reach::id),
            capabilities,
            same_as: finding.same_as.clone(),
            new_since: finding.novelty.as_ref().map(|novelty| novelty.since.clone()),
        },
    }
}

/// The finding for somebody who sees neither the package nor the rest of the report.
fn sentence(finding: &Finding, verification: &Verification) -> String {
    let place = finding.path.as_ref().map(|path| format!(", `{path}`")).unwrap_or_default();
    let more = words::reach(finding).into_iter().chain(words::signals(finding)).chain(words::standing(finding));
    let more: String = more.map(|text| format!("; {text}")).collect();
    format!("{}{place}: {}{more}", verification.release, finding.message)
}

fn place(path: &str, purl: &str, region: Option<Region>) -> PhysicalLocation {
    let artifact_location =
        ArtifactLocation { uri: text::reference(path), uri_base_id: Some(purl.to_owned()), description: None };
    PhysicalLocation { artifact_location, region }
}

/// The runs of lines that the finding names, and where others are missing; else the first line that was written out as differing.
fn regions(finding: &Finding, verification: &Verification) -> Vec<Region> {
    if !finding.lines.is_empty() || !finding.removed.is_empty() {
        let region = |(first, last): &(usize, usize)| Region {
            start_line: *first.max(&1),
            end_line: Some(*last.max(first).max(&1)),
        };
        // What is missing is named by the line that stands in its place.
        let missing = finding.removed.iter().map(|run| Region { start_line: run.at, end_line: None });
        let mut regions: Vec<Region> = finding.lines.iter().map(region).chain(missing).collect();
        regions.sort_by_key(|region| region.start_line);
        return regions;
    }
    let diff = verification.diffs.iter().find(|diff| finding.path.as_ref() == Some(&diff.path));
    let first = diff.and_then(|diff| diff.hunks.first()).map(|hunk| {
        let before = hunk.lines.iter().take_while(|line| line.sign == ' ').count();
        Region { start_line: (hunk.published.0 + before).max(1), end_line: None }
    });
    first.into_iter().collect()
}

/// Where the signals were seen.
fn related(finding: &Finding, purl: &str) -> Vec<Location> {
    let Some(path) = &finding.path else { return Vec::new() };
    let location = |(index, signal): (usize, &crate::capability::Signal)| Location {
        id: Some(index),
        physical_location: place(path, purl, Some(Region { start_line: signal.line.max(1), end_line: None })),
        logical_locations: None,
        message: Some(text::message(&format!("{}: {}", words::capability(signal.capability), signal.evidence))),
    };
    finding.signals.iter().enumerate().map(location).collect()
}

/// The way on which the file is reached.
fn flow(finding: &Finding, purl: &str) -> Option<[CodeFlow; 1]> {
    if finding.way.is_empty() {
        return None;
    }
    let location = |step: &String| {
        let (path, key) = words::step(step);
        let location = Location {
            id: None,
            physical_location: place(path, purl, None),
            logical_locations: None,
            message: key.map(|key| text::message(&format!("`{key}` names the next file"))),
        };
        ThreadFlowLocation { location }
    };
    Some([CodeFlow { thread_flows: [ThreadFlow { locations: finding.way.iter().map(location).collect() }] }])
}

/// What stays the same from release to release while the finding does: rule, package, file and content.
///
/// A manifest's content differs in every release, so what is found in it is named by the message, which holds the key
/// and both values.
fn fingerprints(finding: &Finding, verification: &Verification) -> BTreeMap<&'static str, String> {
    let purl = verification.release.purl();
    let package = purl.rsplit_once('@').map_or(purl.as_str(), |(package, _)| package);
    let path = finding.path.as_deref().unwrap_or_default();
    let file = verification.ledger.as_ref().and_then(|ledger| ledger.file(path));
    let content = file.filter(|_| path != MANIFEST).and_then(|file| {
        file.blob.map(|blob| blob.to_string()).or_else(|| file.sha256.map(|digest| digest.to_string()))
    });
    let mut digest = Sha256::new();
    for part in [finding.rule.id(), package, path, content.as_deref().unwrap_or(&finding.message)] {
        digest.update(part.as_bytes());
        // A byte that no part holds: paths and messages are text without it, or it is in the middle of one part only.
        digest.update([0]);
    }
    let fingerprint: String = hex_text(&digest.finalize()).chars().take(32).collect();
    // The second name is the only one that code scanning reads; it wants a count behind the colon.
    BTreeMap::from([
        ("tarproofFinding/v1", fingerprint.clone()),
        ("primaryLocationLineHash", format!("{fingerprint}:1")),
    ])
}
