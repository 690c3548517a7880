//! Where artifact and source came from, and which commits were looked at.

use super::{evidence_of, line};
use crate::provenance::{KeyOrigin, Provenance, SignedBy, Standing};
use crate::report::printable::printable;
use crate::report::words;
use crate::source::git::Completeness;
use crate::source::match_commit::{Candidate, CommitMatch};
use crate::verify::Verification;

/// Everything about the artifact, the repository and the commits.
pub(super) fn render(out: &mut String, verification: &Verification) {
    let artifact = &verification.artifact;
    line(out, 2, &format!("artifact    {} bytes, sha256 {}", artifact.size, artifact.sha256));
    line(out, 2, &format!("            {}", artifact.integrity));
    if let Some(registry) = &artifact.registry {
        line(out, 2, &format!("registry    {}", printable(registry)));
    }
    line(out, 2, &format!("earlier     {}", printable(&words::baseline(&verification.baseline))));
    let told = |signed: &SignedBy| {
        let own = match signed.origin {
            KeyOrigin::Pinned => "",
            KeyOrigin::Registry => ", which only the registry itself vouches for",
        };
        format!("by the key {}{own}", printable(&signed.key))
    };
    if let Some(text) = standing(&verification.publisher.signature, told) {
        line(out, 2, &format!("signature   {text}"));
    }
    let told = |provenance: &Provenance| {
        let by = provenance.workflow.as_deref().map(|workflow| format!(", by {}", printable(workflow)));
        let by = by.unwrap_or_default();
        format!("commit {} of {}{by}", provenance.commit, printable(&provenance.repository))
    };
    if let Some(text) = standing(&verification.publisher.provenance, |provenance| told(provenance)) {
        line(out, 2, &format!("provenance  {text}"));
    }
    let Some(source) = &verification.source else { return };
    let claim = &source.claim;
    let copy = if source.copy { ", a copy" } else { "" };
    let completeness = match source.completeness {
        Completeness::Full => "all objects at hand",
        Completeness::Trees => "trees of the release's tags fetched",
        Completeness::History => "whole history fetched, contents on demand",
    };
    line(
        out,
        2,
        &format!("repository  {} (from {}{copy}; {completeness})", printable(claim.location.as_str()), claim.origin),
    );
    if let Some(matched) = &source.matched {
        candidates(out, matched);
    }
}

/// What became of something that is signed; `None` where nothing is stated.
fn standing<T>(standing: &Standing<T>, told: impl FnOnce(&T) -> String) -> Option<String> {
    match standing {
        Standing::Absent => None,
        Standing::Unknown(reason) => Some(format!("not checked: {}", printable(reason))),
        Standing::Invalid(reason) => Some(format!("does not hold: {}", printable(reason))),
        Standing::Verified(proven) => Some(told(proven)),
    }
}

fn candidates(out: &mut String, matched: &CommitMatch) {
    let show = |label: &str, candidate: &Candidate| {
        let directory = if candidate.directory.path.is_empty() { "." } else { &candidate.directory.path };
        let version = match candidate.version_agrees {
            Some(true) => "its manifest agrees with the version",
            Some(false) => "its manifest has another version",
            None => "its manifest was not read",
        };
        format!(
            "{label:<11} {} in `{}`: {} matching; {}; {version}",
            candidate.commit,
            printable(directory),
            candidate.matched,
            evidence_of(candidate)
        )
    };
    line(out, 2, &show("commit", &matched.winner));
    for other in &matched.others {
        line(out, 2, &show("  or", other));
    }
    for other in &matched.unreachable {
        line(out, 2, &show("  unreached", other));
    }
    for commit in &matched.missing {
        line(out, 2, &format!("  missing   {commit}"));
    }
    let searched = if matched.history_searched { "searched" } else { "not searched" };
    line(out, 2, &format!("history     {searched}"));
}
