//! Results and jobs made by hand.

use tarproof::attest::predicate::{
    FindingCount, LedgerSummary, Outcome as SummaryOutcome, PolicyUsed, Source, Standing, Summary, Tier, VerdictName,
    Verification, Verifier,
};
use tarproof::attest::{DigestSet, Resource, Statement, StatementSet, Statements, types};
use tarproof::package::{Integrity, Release, Sha256Digest, Subject};
use tarproof::store::{FindingRow, Object, Record};
use tarproof::sweep::{Finished, Job, Leased, Outcome, Priority};

pub(crate) fn release(text: &str) -> Release {
    let subject: Subject = text.parse().unwrap();
    Release { ecosystem: subject.ecosystem, name: subject.name, version: subject.version.unwrap() }
}

/// A job for a release of which the registry states what [`result`] finds.
pub(crate) fn job(text: &str) -> Job {
    Job {
        release: release(text),
        stated: Integrity::of(text.as_bytes()).to_string(),
        policy: Sha256Digest::of(b"policy"),
        tool: "1.2.3".to_owned(),
        published_at: Some(1_700_000_000),
        priority: Priority::Backlog,
    }
}

/// A result of a job, and its objects; `at` is when it was observed.
pub(crate) fn result(job: &Job, verdict: &str, at: i64) -> (Record, Vec<Object>) {
    let text = job.release.to_string();
    let inconclusive = verdict.strip_prefix("inconclusive(").map(|id| id.trim_end_matches(')').to_owned());
    let verdict = if inconclusive.is_some() { "inconclusive" } else { verdict };
    let exit_code = match verdict {
        "divergent" | "no-source" => 1,
        "inconclusive" => 3,
        _ => 0,
    };
    let sha256 = Sha256Digest::of(text.as_bytes()).to_string();
    let report = serde_json::json!({
        "results": [{
            "purl": job.release.purl(),
            "verdict": verdict,
            "exit_code": exit_code,
            "artifact": { "sha256": sha256 },
            "observed": at,
        }],
    });
    let report = Object::of(&serde_json::to_vec(&report).unwrap());
    let ledger = Object::of(format!("{{\"path\":\"index.js\",\"of\":\"{text}\"}}\n").as_bytes());
    let mut record = Record {
        job: job.key().to_string(),
        purl: job.release.purl(),
        package: format!("{}:{}", job.release.ecosystem, job.release.name),
        version: job.release.version.to_string(),
        artifact: Integrity::of(text.as_bytes()).to_string(),
        sha256,
        size: 100,
        stated: job.stated.clone(),
        policy: job.policy.to_string(),
        tool: job.tool.clone(),
        verdict: verdict.to_owned(),
        settled: inconclusive.is_none(),
        inconclusive,
        detail: None,
        reason: None,
        exit_code,
        tier: None,
        files: Some(2),
        explained: Some(if is_explained(verdict) { 2 } else { 1 }),
        classes: Some(classes(verdict)),
        repository: Some("https://git.example/studio/lamp".to_owned()),
        host: Some("git.example".to_owned()),
        commit: Some(COMMIT.to_owned()),
        plan: None,
        toolchain: vec!["pkg:npm/node@20.0.0".to_owned()],
        published_at: job.published_at,
        observed_at: at,
        milliseconds: 12,
        ledger: Some(ledger.digest.to_string()),
        report: report.digest.to_string(),
        statements: None,
        findings: vec![FindingRow {
            rule: "file-modified".to_owned(),
            severity: "error".to_owned(),
            risk: "high".to_owned(),
            path: Some("index.js".to_owned()),
        }],
    };
    let statements = Object::of(&statements(&record).to_lines());
    record.statements = Some(statements.digest.to_string());
    (record, vec![ledger, report, statements])
}

const COMMIT: &str = "4536ce5944f56659a2dfb2198eaf81b5ad5f2ad9";

fn is_explained(verdict: &str) -> bool {
    matches!(verdict, "verbatim" | "reproduced" | "equivalent")
}

fn classes(verdict: &str) -> std::collections::BTreeMap<String, u64> {
    let second = if is_explained(verdict) { "derived" } else { "modified" };
    [("git-blob".to_owned(), 1), (second.to_owned(), 1)].into()
}

/// The statements that say the same as a row.
fn statements(record: &Record) -> StatementSet {
    let sha256 = |text: &str| DigestSet::from([("sha256".to_owned(), text.to_owned())]);
    let verdict = VerdictName::from_id(&record.verdict).unwrap();
    let policy = PolicyUsed { uri: types::STRICT_POLICY.to_owned(), digest: DigestSet::new(), exceptions: Vec::new() };
    let verifier = Verifier { version: [("tarproof".to_owned(), record.tool.clone())].into(), ..Verifier::this() };
    let artifact = Integrity::parse(&record.artifact).unwrap();
    let sha512: String = artifact.sha512().unwrap().iter().map(|byte| format!("{byte:02x}")).collect();
    let mut digest = sha256(&record.sha256);
    digest.insert("sha512".to_owned(), sha512);
    let subject = Resource { name: Some(record.purl.clone()), digest, ..Resource::default() };
    let verification = Verification {
        verdict,
        inconclusive: record.inconclusive.clone(),
        excepted: false,
        source: Some(Source {
            uri: None,
            digest: [("gitCommit".to_owned(), COMMIT.to_owned())].into(),
            directory: String::new(),
            standing: if verdict == VerdictName::NoSource { Standing::Nearest } else { Standing::Established },
            evidence: Vec::new(),
        }),
        provenance: None,
        ledger: Some(LedgerSummary {
            digest: sha256(record.ledger.as_ref().unwrap()),
            files: 2,
            explained: record.explained.unwrap(),
            classes: classes(&record.verdict),
            tier: is_explained(&record.verdict).then_some(Tier::Pack),
            rules: Vec::new(),
            stabilizers: Vec::new(),
            source_only: None,
        }),
        findings: vec![FindingCount {
            rule: "file-modified".to_owned(),
            severity: "error".to_owned(),
            count: 1,
            excepted: 0,
        }],
        rebuild: None,
        policy: policy.clone(),
        limits_hit: Vec::new(),
        verifier: verifier.clone(),
        time_verified: None,
    };
    let verification = Statement::new(vec![subject.clone()], verification);
    let outcome = match verdict {
        VerdictName::Divergent => Some((SummaryOutcome::Failed, vec!["FAILED".to_owned()])),
        VerdictName::NoSource | VerdictName::Inconclusive => None,
        passed => {
            let level = format!("SOURCE_MATCH_{}", passed.id().to_uppercase());
            Some((SummaryOutcome::Passed, vec!["SLSA_BUILD_LEVEL_UNEVALUATED".to_owned(), level]))
        }
    };
    let summary = outcome.map(|(verification_result, verified_levels)| Summary {
        verifier,
        time_verified: None,
        resource_uri: record.purl.clone(),
        policy,
        input_attestations: vec![Resource {
            digest: sha256(&Sha256Digest::of(&verification.to_bytes()).to_string()),
            ..Resource::default()
        }],
        verification_result,
        verified_levels,
        slsa_version: "1.2".to_owned(),
    });
    let summary = summary.map(|summary| Statement::new(vec![subject], summary));
    StatementSet::of(&Statements { verification, summary, provenance: None, ledger: None })
}

pub(crate) fn verified(leased: &Leased, verdict: &str, at: i64) -> Finished {
    let (record, objects) = result(&leased.job, verdict, at);
    Finished { leased: leased.clone(), outcome: Outcome::Verified { record: Box::new(record), objects } }
}
