//! Results and jobs made by hand.

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
    let record = Record {
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
        explained: Some(1),
        classes: Some([("git-blob".to_owned(), 1), ("modified".to_owned(), 1)].into()),
        repository: Some("https://git.example/studio/lamp".to_owned()),
        host: Some("git.example".to_owned()),
        commit: Some("4536ce5944f56659a2dfb2198eaf81b5ad5f2ad9".to_owned()),
        plan: None,
        toolchain: vec!["pkg:npm/node@20.0.0".to_owned()],
        published_at: job.published_at,
        observed_at: at,
        milliseconds: 12,
        ledger: Some(ledger.digest.to_string()),
        report: report.digest.to_string(),
        findings: vec![FindingRow {
            rule: "file-modified".to_owned(),
            severity: "error".to_owned(),
            risk: "high".to_owned(),
            path: Some("index.js".to_owned()),
        }],
    };
    (record, vec![ledger, report])
}

pub(crate) fn verified(leased: &Leased, verdict: &str, at: i64) -> Finished {
    let (record, objects) = result(&leased.job, verdict, at);
    Finished { leased: leased.clone(), outcome: Outcome::Verified { record: Box::new(record), objects } }
}
