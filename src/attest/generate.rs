//! From a verification to statements. Nothing here looks at a clock, and everything is ordered: the same verification
//! gives the same bytes.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io;
use std::path::Path;

use sha2::Digest as _;

use super::ledger_lines::{ledger_lines, stabilizers};
use super::predicate::{
    BuildDefinition, Builder, ExternalParameters, FindingCount, InternalParameters, LedgerSummary, PolicyUsed,
    Provenance, ProvenanceNamed, RebuildOutcome, RebuildSummary, RunDetails, Source, Standing, Summary, Tier,
    VerdictName, Verification as Predicate, Verifier,
};
use super::statement::{DigestSet, Resource, Statement, sha256};
use super::types;
use crate::ledger::{Explanation, Ledger};
use crate::package::{Integrity, Release, Sha256Digest, hex_text};
use crate::rebuild::run::{Attempt, AttemptResult, RebuildRecord, UsedTool};
use crate::source::match_commit::{CommitMatch, Evidence, MatchStanding};
use crate::verdict::{InconclusiveReason, Verdict};
use crate::verify::{SourceSummary, Verification};

/// What whoever signs adds to a verification.
#[derive(Debug, Clone, Default)]
pub struct Circumstances {
    /// When the verification was made, as RFC 3339; only where it is to be stated.
    pub time: Option<String>,
    /// The SHA-256 of the policy file that was applied.
    pub policy: Option<Sha256Digest>,
}

/// Everything that can be said of one verification.
#[derive(Debug, Clone)]
pub struct Statements {
    /// The verification itself.
    pub verification: Statement<Predicate>,
    /// Whether it passed; `None` where that could not be told.
    pub summary: Option<Statement<Summary>>,
    /// The rebuild; `None` where none brought an archive.
    pub provenance: Option<Statement<Provenance>>,
    /// The whole ledger; `None` where nothing was compared.
    pub ledger: Option<String>,
}

impl Statements {
    /// States what a verification found.
    pub fn of(verification: &Verification, circumstances: &Circumstances) -> Self {
        let subject = Resource::artifact(verification.release.purl(), &verification.artifact);
        let ledger = verification.ledger.as_ref().map(ledger_lines);
        let predicate = predicate(verification, ledger.as_deref(), circumstances);
        let (verdict, policy) = (predicate.verdict, predicate.policy.clone());
        let stated = Statement::new(vec![subject.clone()], predicate);
        let input = Resource {
            digest: sha256(Sha256Digest::of(&stated.to_bytes())),
            media_type: Some(types::PAYLOAD_TYPE.to_owned()),
            ..Resource::default()
        };
        let summary = Summary::outcome(verdict).map(|(verification_result, verified_levels)| {
            let summary = Summary {
                verifier: Verifier::this(),
                time_verified: circumstances.time.clone(),
                resource_uri: verification.release.purl(),
                policy,
                input_attestations: vec![input],
                verification_result,
                verified_levels,
                slsa_version: super::predicate::SLSA_VERSION.to_owned(),
            };
            Statement::new(vec![subject], summary)
        });
        let provenance = verification.rebuild.as_ref().and_then(|record| provenance(verification, record));
        Self { verification: stated, summary, provenance, ledger }
    }
}

fn predicate(verification: &Verification, lines: Option<&str>, circumstances: &Circumstances) -> Predicate {
    let reason = match &verification.verdict {
        Verdict::Inconclusive(reason) => Some(reason),
        _ => None,
    };
    let limits_hit = match reason {
        Some(InconclusiveReason::LimitReached(detail)) => vec![detail.clone()],
        _ => Vec::new(),
    };
    let ledger = verification.ledger.as_ref().zip(lines);
    Predicate {
        verdict: VerdictName::from(&verification.verdict),
        inconclusive: reason.map(|reason| reason.id().to_owned()),
        excepted: verification.is_excepted(),
        source: verification.source.as_ref().and_then(|source| Some(commit(source, source.matched.as_ref()?))),
        provenance: verification.publisher.provenance.verified().map(|provenance| ProvenanceNamed {
            uri: format!("git+{}", provenance.repository),
            digest: DigestSet::from([("gitCommit".to_owned(), provenance.commit.to_string())]),
            workflow: provenance.workflow.clone(),
        }),
        ledger: ledger.map(|(ledger, lines)| summary_of(ledger, lines)),
        findings: findings(verification),
        rebuild: verification.rebuild.as_ref().and_then(rebuild),
        policy: policy(verification, circumstances),
        limits_hit,
        verifier: Verifier::this(),
        time_verified: circumstances.time.clone(),
    }
}

/// The repository's address as a package URL's `git+` form; `None` for a path of this machine.
fn uri(source: &SourceSummary) -> Option<String> {
    let location = &source.claim.location;
    (!location.is_local_path()).then(|| format!("git+{location}"))
}

fn commit(source: &SourceSummary, matched: &CommitMatch) -> Source {
    let winner = &matched.winner;
    Source {
        uri: uri(source),
        digest: DigestSet::from([("gitCommit".to_owned(), winner.commit.to_string())]),
        directory: winner.directory.path.clone(),
        standing: match matched.standing {
            MatchStanding::Established => Standing::Established,
            MatchStanding::Nearest => Standing::Nearest,
        },
        evidence: winner.evidence.iter().map(evidence).collect(),
    }
}

fn evidence(evidence: &Evidence) -> String {
    match evidence {
        Evidence::Override => "override".to_owned(),
        Evidence::Tag { name, .. } => format!("tag:{name}"),
        Evidence::Provenance => "provenance".to_owned(),
        Evidence::GitHead => "git-head".to_owned(),
        Evidence::VersionIntroduced => "version-introduced".to_owned(),
        Evidence::Content => "content".to_owned(),
    }
}

fn summary_of(ledger: &Ledger, lines: &str) -> LedgerSummary {
    let rules: BTreeSet<String> = ledger
        .files
        .iter()
        .filter_map(|file| match &file.explanation {
            Explanation::Derived { rules } => Some(rules.iter().map(|applied| applied.rule.to_string())),
            _ => None,
        })
        .flatten()
        .collect();
    let used: BTreeSet<String> = ledger.files.iter().flat_map(|file| stabilizers(&file.explanation)).collect();
    LedgerSummary {
        digest: sha256(Sha256Digest::of(lines.as_bytes())),
        files: ledger.files.len() as u64,
        explained: (ledger.files.len() - ledger.unexplained().count()) as u64,
        classes: ledger.counts().into_iter().map(|(class, count)| (class.to_owned(), count as u64)).collect(),
        tier: Tier::of_classes(ledger.files.iter().map(|file| file.explanation.class())),
        rules: rules.into_iter().collect(),
        stabilizers: used.into_iter().collect(),
        source_only: ledger.source_only.as_ref().map(|paths| paths.len() as u64),
    }
}

fn findings(verification: &Verification) -> Vec<FindingCount> {
    let mut counts: BTreeMap<&str, FindingCount> = BTreeMap::new();
    for finding in &verification.findings {
        let count = counts.entry(finding.rule.id()).or_insert_with(|| FindingCount {
            rule: finding.rule.id().to_owned(),
            severity: finding.rule.severity().to_string(),
            count: 0,
            excepted: 0,
        });
        count.count += 1;
        count.excepted += u64::from(finding.excepted.is_some());
    }
    counts.into_values().collect()
}

fn policy(verification: &Verification, circumstances: &Circumstances) -> PolicyUsed {
    let reasons: BTreeSet<&String> =
        verification.findings.iter().filter_map(|finding| finding.excepted.as_ref()).collect();
    used_policy(circumstances, reasons.into_iter().cloned().collect())
}

pub(super) fn used_policy(circumstances: &Circumstances, exceptions: Vec<String>) -> PolicyUsed {
    let uri = if circumstances.policy.is_some() { types::FILE_POLICY } else { types::STRICT_POLICY };
    PolicyUsed { uri: uri.to_owned(), digest: circumstances.policy.map(sha256).unwrap_or_default(), exceptions }
}

fn rebuild(record: &RebuildRecord) -> Option<RebuildSummary> {
    let attempt = record.best().or_else(|| record.attempts.first())?;
    let plan = serde_json::to_vec(&attempt.plan).ok()?;
    Some(RebuildSummary {
        strategy: attempt.plan.strategy.clone(),
        plan: sha256(Sha256Digest::of(&plan)),
        tools: attempt.tools.iter().map(tool).collect(),
        outcome: outcome(attempt),
    })
}

fn outcome(attempt: &Attempt) -> RebuildOutcome {
    match &attempt.result {
        AttemptResult::Packed { same_archive: true, .. } => RebuildOutcome::SameArchive,
        AttemptResult::Packed { same_tar: true, .. } => RebuildOutcome::SameTar,
        AttemptResult::Packed { .. } => RebuildOutcome::OtherArchive,
        AttemptResult::Failed { .. } => RebuildOutcome::Failed,
    }
}

/// Programs come from the npm registry, so they are named like packages.
fn tool(tool: &UsedTool) -> Resource {
    let subject = format!("npm:{}@{}", tool.name, tool.version).parse::<crate::package::Subject>().ok();
    let release = subject.and_then(|subject| {
        Some(Release { ecosystem: subject.ecosystem, name: subject.name, version: subject.version? })
    });
    let sha512 = Integrity::parse(&tool.integrity).ok().and_then(|integrity| integrity.sha512().map(hex_text));
    Resource {
        name: release.is_none().then(|| format!("{}@{}", tool.name, tool.version)),
        uri: release.map(|release| release.purl()),
        digest: sha512.map(|digest| DigestSet::from([("sha512".to_owned(), digest)])).unwrap_or_default(),
        media_type: None,
    }
}

fn provenance(verification: &Verification, record: &RebuildRecord) -> Option<Statement<Provenance>> {
    let attempt = record.best()?;
    let (source, matched) = verification.source.as_ref().and_then(|source| Some((source, source.matched.as_ref()?)))?;
    let outcome = outcome(attempt);
    let release = &verification.release;
    let digest = match outcome {
        RebuildOutcome::SameArchive => Resource::artifact(String::new(), &verification.artifact).digest,
        RebuildOutcome::SameTar | RebuildOutcome::OtherArchive => {
            digests_of(&attempt.log.as_ref()?.with_file_name("candidate.tgz")).ok()?
        }
        RebuildOutcome::Failed => return None,
    };
    let file = format!("{}-{}.tgz", release.name.unscoped(), release.version);
    let subject = Resource { name: Some(format!("rebuild/{file}")), digest, ..Resource::default() };
    let serde_json::Value::Object(plan) = serde_json::to_value(&attempt.plan).ok()? else { return None };
    let git = Resource {
        uri: uri(source),
        digest: DigestSet::from([("gitCommit".to_owned(), matched.winner.commit.to_string())]),
        ..Resource::default()
    };
    let mut sandbox = attempt.enforced.clone();
    sandbox.sort();
    let predicate = Provenance {
        build_definition: BuildDefinition {
            build_type: types::REBUILD.to_owned(),
            external_parameters: ExternalParameters {
                artifact: release.purl(),
                source: uri(source),
                directory: matched.winner.directory.path.clone(),
                plan,
            },
            internal_parameters: InternalParameters { sandbox, outcome },
            resolved_dependencies: std::iter::once(git).chain(attempt.tools.iter().map(tool)).collect(),
        },
        run_details: RunDetails { builder: Builder::this() },
    };
    Some(Statement::new(vec![subject], predicate))
}

fn digests_of(path: &Path) -> io::Result<DigestSet> {
    let (mut sha256, mut sha512) = (sha2::Sha256::new(), sha2::Sha512::new());
    let mut file = File::open(path)?;
    let mut block = vec![0; 64 * 1024];
    loop {
        let read = io::Read::read(&mut file, &mut block)?;
        if read == 0 {
            break;
        }
        sha256.update(&block[..read]);
        sha512.update(&block[..read]);
    }
    Ok(DigestSet::from([
        ("sha256".to_owned(), hex_text(&sha256.finalize())),
        ("sha512".to_owned(), hex_text(&sha512.finalize())),
    ]))
}
