use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use url::Url;

use super::{Object, Settlement};
use crate::attest::{Circumstances, StatementSet, Statements};
use crate::package::{Release, Sha256Digest};
use crate::report::json::v1::{Report, ResultEntry, Verified};
use crate::verdict::Verdict;
use crate::verify::Verification;

/// Longest text of a reason that a row holds, characters; the report has all of it.
const MAX_TEXT: usize = 2_000;
/// Most findings of a row, the most urgent ones; the report has all of them.
const MAX_FINDINGS: usize = 1_000;

/// One verification as it is kept: a row of its own, as the database and an export have it.
///
/// Fields are only ever added, as `Option`s that are left out while absent: [`Record::uid`] is a digest of the rest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// The key of the job that it was made for.
    pub job: String,
    /// The release.
    pub purl: String,
    /// `npm:name`.
    pub package: String,
    /// The version.
    pub version: String,
    /// SHA-512 of the artifact in the registry's form.
    pub artifact: String,
    /// SHA-256 of the artifact.
    pub sha256: String,
    /// Bytes of the artifact.
    pub size: u64,
    /// The digest that the registry stated; empty where it stated none.
    pub stated: String,
    /// SHA-256 of everything that the user set and that a verdict depends on.
    pub policy: String,
    /// The program's version.
    pub tool: String,
    /// The verdict's id.
    pub verdict: String,
    /// Why nothing could be concluded, by id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inconclusive: Option<String>,
    /// What happened, where nothing could be concluded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// One sentence, where the ledger alone does not say why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The exit code for this release alone.
    pub exit_code: u8,
    /// Whether the same inputs would give the same verdict again.
    pub settled: bool,
    /// The weakest kind of explanation that was needed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tier: Option<String>,
    /// Files of the artifact; absent where nothing was compared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub files: Option<u64>,
    /// Of these, explained.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub explained: Option<u64>,
    /// Files of each class.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub classes: Option<BTreeMap<String, u64>>,
    /// The repository's address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repository: Option<String>,
    /// Its host.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// The commit that was compared with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// SHA-256 of the plan whose rebuild explains most, as compact JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<String>,
    /// The programs of that rebuild, as package URLs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub toolchain: Vec<String>,
    /// When the registry says the release was published, seconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub published_at: Option<i64>,
    /// When it was verified, milliseconds since 1970.
    pub observed_at: i64,
    /// How long that took.
    pub milliseconds: u64,
    /// SHA-256 of the ledger's lines, an object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ledger: Option<String>,
    /// SHA-256 of the JSON report, an object.
    pub report: String,
    /// SHA-256 of the statements that can be signed about it, an object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub statements: Option<String>,
    /// The findings, most urgent first.
    pub findings: Vec<FindingRow>,
}

/// One finding as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FindingRow {
    /// The rule's id.
    pub rule: String,
    /// The rule's severity.
    pub severity: String,
    /// How urgently a human should look at it.
    pub risk: String,
    /// The file that it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
}

/// What a verification was made for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Occasion {
    /// The job's key.
    pub(crate) job: Sha256Digest,
    /// The digest that the registry stated.
    pub(crate) stated: String,
    /// The digest of what the user set.
    pub(crate) policy: Sha256Digest,
    /// The SHA-256 of the file of exceptions alone.
    pub(crate) exceptions: Option<Sha256Digest>,
    /// The program's version.
    pub(crate) tool: String,
    /// Milliseconds since 1970.
    pub(crate) observed_at: i64,
    /// How long it took.
    pub(crate) milliseconds: u64,
}

impl Record {
    /// The row of a verification, and the objects that belong to it: its report, its statements, and its ledger if it has
    /// one.
    pub(crate) fn of(
        verification: &Verification,
        occasion: Occasion,
    ) -> Result<(Self, Vec<Object>), serde_json::Error> {
        let Occasion { job, stated, policy, exceptions, tool, observed_at, milliseconds } = occasion;
        let statements = Statements::of(verification, &Circumstances { time: None, policy: exceptions });
        let set = Object::of(&StatementSet::of(&statements).to_lines());
        let predicate = statements.verification.predicate;
        let report = Report::new(vec![ResultEntry::Verified(Box::new(Verified::from(verification)))]);
        let report = Object::of(&serde_json::to_vec(&report)?);
        let ledger = statements.ledger.map(|lines| Object::of(lines.as_bytes()));
        let (release, artifact) = (&verification.release, &verification.artifact);
        let (inconclusive, detail) = match &verification.verdict {
            Verdict::Inconclusive(reason) => (Some(reason.id().to_owned()), reason.detail().map(shortened)),
            _ => (None, None),
        };
        let settlement = Settlement::of(&verification.verdict, artifact.published_at, observed_at.div_euclid(1000));
        let source = verification.source.as_ref();
        let location = source.map(|source| &source.claim.location).filter(|location| !location.is_local_path());
        let matched = source.and_then(|source| source.matched.as_ref());
        let summary = predicate.ledger;
        let record = Self {
            job: job.to_string(),
            purl: release.purl(),
            package: package_of(release),
            version: release.version.to_string(),
            artifact: artifact.integrity.to_string(),
            sha256: artifact.sha256.to_string(),
            size: artifact.size,
            stated,
            policy: policy.to_string(),
            tool,
            verdict: verification.verdict.id().to_owned(),
            inconclusive,
            detail,
            reason: verification.reason.as_deref().map(shortened),
            exit_code: verification.exit_code(),
            settled: settlement == Settlement::Settled,
            tier: summary.as_ref().and_then(|summary| summary.tier).map(|tier| tier.id().to_owned()),
            files: summary.as_ref().map(|summary| summary.files),
            explained: summary.as_ref().map(|summary| summary.explained),
            classes: summary.map(|summary| summary.classes),
            repository: location.map(ToString::to_string),
            host: location.and_then(|location| Url::parse(location.as_str()).ok()?.host_str().map(str::to_owned)),
            commit: matched.map(|matched| matched.winner.commit.to_string()),
            plan: predicate.rebuild.as_ref().and_then(|rebuild| rebuild.plan.get("sha256").cloned()),
            toolchain: predicate
                .rebuild
                .map(|rebuild| rebuild.tools.into_iter().filter_map(|tool| tool.uri.or(tool.name)).collect())
                .unwrap_or_default(),
            published_at: artifact.published_at,
            observed_at,
            milliseconds,
            ledger: ledger.as_ref().map(|ledger| ledger.digest.to_string()),
            report: report.digest.to_string(),
            statements: Some(set.digest.to_string()),
            findings: verification
                .findings
                .iter()
                .take(MAX_FINDINGS)
                .map(|finding| FindingRow {
                    rule: finding.rule.id().to_owned(),
                    severity: finding.rule.severity().to_string(),
                    risk: finding.risk.to_string(),
                    path: finding.path.clone(),
                })
                .collect(),
        };
        Ok((record, ledger.into_iter().chain([report, set]).collect()))
    }

    /// SHA-256 over the whole row: the same row has the same one in every store.
    pub(crate) fn uid(&self) -> Sha256Digest {
        Sha256Digest::of(&serde_json::to_vec(self).expect("texts, numbers and lists are always JSON"))
    }

    /// The verdict as people read it, with the reason's id.
    pub fn verdict_text(&self) -> String {
        verdict_text(self.verdict.clone(), self.inconclusive.as_deref())
    }

    /// The digests of the objects that belong to it, as they stand in the row.
    pub(crate) fn objects(&self) -> impl Iterator<Item = &String> {
        self.ledger.iter().chain([&self.report]).chain(&self.statements)
    }
}

/// A verdict as people read it, with the reason's id.
pub(crate) fn verdict_text(verdict: String, inconclusive: Option<&str>) -> String {
    match inconclusive {
        Some(id) => format!("{verdict}({id})"),
        None => verdict,
    }
}

/// A package as rows name it.
pub(crate) fn package_of(release: &Release) -> String {
    format!("{}:{}", release.ecosystem, release.name)
}

fn shortened(text: &str) -> String {
    text.chars().take(MAX_TEXT).collect()
}
