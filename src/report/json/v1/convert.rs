//! From what the stages established to the structs of the report.

use super::{
    AppliedRule, Artifact, BaselineEntry, ClassCount, Commit, Diff, EvidenceEntry, File, FindingEntry, Hunk,
    Inconclusive, Key, NoveltyEntry, Origin, Provenance, Rebuild, RemovedEntry, SignalEntry, Signature, Source,
    Summary, Verified,
};
use crate::capability::Signal;
use crate::compare::LineOrigin;
use crate::finding::Finding;
use crate::ledger::{Explanation, LedgerFile};
use crate::provenance::{KeyOrigin, SignedBy, Standing};
use crate::reach::Reach;
use crate::rebuild::run::RebuildRecord;
use crate::report::explain::how;
use crate::report::words;
use crate::source::git::Completeness;
use crate::source::match_commit::{Candidate, CommitMatch, Evidence, MatchStanding};
use crate::verdict::Verdict;
use crate::verify::{Baseline, Verification};

impl From<&Verification> for Verified {
    fn from(verification: &Verification) -> Self {
        let artifact = &verification.artifact;
        let inconclusive = match &verification.verdict {
            Verdict::Inconclusive(reason) => {
                Some(Inconclusive { id: reason.id(), detail: reason.detail().map(str::to_owned) })
            }
            _ => None,
        };
        let ledger = verification.ledger.as_ref();
        Self {
            purl: verification.release.purl(),
            verdict: verification.verdict.id(),
            inconclusive,
            reason: verification.reason.clone(),
            exit_code: verification.exit_code(),
            artifact: Artifact {
                sha256: artifact.sha256.to_string(),
                integrity: artifact.integrity.to_string(),
                size: artifact.size,
                registry: artifact.registry.clone(),
                published_at: artifact.published_at,
            },
            signature: signature(&verification.publisher.signature),
            provenance: provenance(&verification.publisher.provenance),
            source: verification.source.as_ref().map(source),
            summary: ledger.map(|ledger| Summary {
                files: ledger.files.len(),
                explained: ledger.files.len() - ledger.unexplained().count(),
                classes: ledger.counts().into_iter().map(|(class, count)| ClassCount { class, count }).collect(),
            }),
            findings: verification.findings.iter().map(finding).collect(),
            files: ledger.map(|ledger| ledger.files.iter().map(|row| file(row, verification)).collect()),
            source_only: ledger.and_then(|ledger| ledger.source_only.clone()),
            baseline: baseline(&verification.baseline),
            rebuild: verification.rebuild.as_ref().map(rebuild),
        }
    }
}

fn baseline(baseline: &Baseline) -> BaselineEntry {
    BaselineEntry {
        version: baseline.version().map(ToString::to_string),
        why: baseline.id(),
        detail: words::baseline(baseline),
    }
}

/// The standing's id and, where it does not hold, the reason; `None` where nothing is stated.
fn standing<T>(standing: &Standing<T>) -> Option<(&'static str, Option<String>)> {
    match standing {
        Standing::Absent => None,
        Standing::Unknown(reason) => Some(("unknown", Some(reason.clone()))),
        Standing::Invalid(reason) => Some(("invalid", Some(reason.clone()))),
        Standing::Verified(_) => Some(("verified", None)),
    }
}

fn signature(signature: &Standing<SignedBy>) -> Option<Signature> {
    let (id, reason) = standing(signature)?;
    let signed = signature.verified();
    let key_origin = signed.map(|signed| match signed.origin {
        KeyOrigin::Pinned => "pinned",
        KeyOrigin::Registry => "registry",
    });
    Some(Signature { standing: id, key: signed.map(|signed| signed.key.clone()), key_origin, reason })
}

fn provenance(provenance: &Standing<Box<crate::provenance::Provenance>>) -> Option<Provenance> {
    let (id, reason) = standing(provenance)?;
    let proven = provenance.verified();
    Some(Provenance {
        standing: id,
        reason,
        commit: proven.map(|proven| proven.commit.to_string()),
        repository: proven.map(|proven| proven.repository.clone()),
        reference: proven.and_then(|proven| proven.reference.clone()),
        workflow: proven.and_then(|proven| proven.workflow.clone()),
        signed_at: proven.and_then(|proven| proven.signed_at),
    })
}

fn rebuild(record: &RebuildRecord) -> Rebuild {
    let best = record.best();
    Rebuild {
        failure: record
            .failure
            .as_ref()
            .map(|failure| Inconclusive { id: failure.kind.id(), detail: Some(failure.detail.clone()) }),
        best: best.and_then(|best| record.attempts.iter().position(|attempt| std::ptr::eq(attempt, best))),
        attempts: record.attempts.clone(),
    }
}

fn source(source: &crate::verify::SourceSummary) -> Source {
    let matched = source.matched.as_ref();
    let commits = |list: fn(&CommitMatch) -> &Vec<Candidate>| {
        matched.map(|matched| list(matched).iter().map(commit).collect()).unwrap_or_default()
    };
    Source {
        repository: source.claim.location.to_string(),
        claimed_by: source.claim.origin.to_string(),
        copy: source.copy,
        completeness: match source.completeness {
            Completeness::Full => "full",
            Completeness::Trees => "release-trees",
            Completeness::History => "history",
        },
        fetches: source.fetches,
        standing: matched.map(|matched| match matched.standing {
            MatchStanding::Established => "established",
            MatchStanding::Nearest => "nearest",
        }),
        commit: matched.map(|matched| commit(&matched.winner)),
        other_candidates: commits(|matched| &matched.others),
        unreachable_candidates: commits(|matched| &matched.unreachable),
        missing_commits: matched
            .map(|matched| matched.missing.iter().map(ToString::to_string).collect())
            .unwrap_or_default(),
        history_searched: matched.map(|matched| matched.history_searched),
    }
}

fn commit(candidate: &Candidate) -> Commit {
    Commit {
        id: candidate.commit.to_string(),
        directory: candidate.directory.path.clone(),
        matched_files: candidate.matched,
        version_agrees: candidate.version_agrees,
        time: candidate.time,
        evidence: candidate.evidence.iter().map(evidence).collect(),
    }
}

fn evidence(evidence: &Evidence) -> EvidenceEntry {
    let (kind, tag) = match evidence {
        Evidence::Override => ("override", None),
        Evidence::Tag { name, .. } => ("tag", Some(name.clone())),
        Evidence::Provenance => ("provenance", None),
        Evidence::GitHead => ("git-head", None),
        Evidence::VersionIntroduced => ("version-introduced", None),
        Evidence::Content => ("content", None),
    };
    EvidenceEntry { kind, tag }
}

fn finding(finding: &Finding) -> FindingEntry {
    FindingEntry {
        rule: finding.rule.id(),
        severity: finding.rule.severity().to_string(),
        confidence: finding.rule.confidence().id(),
        path: finding.path.clone(),
        message: finding.message.clone(),
        risk: finding.risk.id(),
        reach: finding.reach.map(Reach::id),
        way: finding.way.clone(),
        signals: finding.signals.iter().map(signal).collect(),
        lines: finding.span().map(|(first, last)| [first, last]),
        ranges: finding.lines.iter().map(|(first, last)| [*first, *last]).collect(),
        removed: finding
            .removed
            .iter()
            .map(|run| RemovedEntry { at: run.at, lines: [run.lines.0, run.lines.1] })
            .collect(),
        same_as: finding.same_as.clone(),
        novelty: finding
            .novelty
            .as_ref()
            .map(|novelty| NoveltyEntry { since: novelty.since.clone(), change: novelty.change.id() }),
        excepted: finding.excepted.clone(),
    }
}

fn origin(origin: &LineOrigin) -> Origin {
    Origin {
        lines: [origin.lines.0, origin.lines.1],
        commit: origin.place.as_ref().map(|place| place.commit.to_string()),
        path: origin.place.as_ref().map(|place| place.path.clone()),
        certain: origin.certain,
    }
}

fn signal(signal: &Signal) -> SignalEntry {
    SignalEntry { capability: signal.capability.id(), line: signal.line, evidence: signal.evidence.clone() }
}

fn file(row: &LedgerFile, verification: &Verification) -> File {
    let diff = verification.diffs.iter().find(|diff| diff.path == *row.path).map(|diff| Diff {
        note: diff.note.clone(),
        more_hunks: diff.more_hunks,
        hunks: diff
            .hunks
            .iter()
            .map(|hunk| Hunk {
                source_line: hunk.candidate.0,
                published_line: hunk.published.0,
                lines: hunk.lines.iter().map(|line| format!("{}{}", line.sign, line.text)).collect(),
            })
            .collect(),
        origins: diff.origins.iter().map(origin).collect(),
    });
    let (mut rules, mut stabilizers, mut keys) = (Vec::new(), Vec::new(), Vec::new());
    match &row.explanation {
        Explanation::Derived { rules: applied } => {
            rules = applied
                .iter()
                .map(|applied| AppliedRule { rule: applied.rule.to_string(), key_path: applied.key_path.clone() })
                .collect();
        }
        Explanation::Stabilized { stabilizers: used } => stabilizers = used.iter().map(ToString::to_string).collect(),
        Explanation::Modified { keys: differing, .. } => {
            keys = differing
                .iter()
                .map(|key| Key {
                    key_path: key.key_path.clone(),
                    published: key.published.clone(),
                    source: key.source.clone(),
                })
                .collect();
        }
        Explanation::RebuiltStabilized { stabilizers: used } | Explanation::Attributed { stabilizers: used } => {
            stabilizers = used.iter().map(ToString::to_string).collect();
        }
        Explanation::GitBlob
        | Explanation::Rebuilt
        | Explanation::GitBlobMoved { .. }
        | Explanation::History { .. }
        | Explanation::ArtifactOnly { .. } => {}
    }
    File {
        path: row.path.to_string(),
        class: row.explanation.class(),
        explained: row.explanation.is_explained(),
        size: row.size,
        executable: row.executable,
        git_blob: row.blob.map(|blob| blob.to_string()),
        sha256: row.sha256.map(|digest| digest.to_string()),
        source_path: row.counterpart.as_ref().map(|counterpart| counterpart.path.clone()),
        source_blob: row.counterpart.as_ref().map(|counterpart| counterpart.blob.to_string()),
        how: how(row),
        rules,
        stabilizers,
        keys,
        diff,
    }
}
