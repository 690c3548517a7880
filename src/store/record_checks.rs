//! What must hold of a row that comes from outside.

use super::record::package_of;
use super::{Object, Record};
use crate::attest::predicate::{Tier, VerdictName, Verifier};
use crate::attest::{Statement, StatementSet, types};
use crate::ledger::Explanation;
use crate::package::{CommitId, Integrity, Release, Sha256Digest, Subject, Version, hex_text};
use crate::verdict::exit;

/// Longest address, name or id, bytes.
const MAX_WORD: usize = 2_048;
/// Longest sentence and longest path, bytes.
const MAX_TEXT: usize = 8_192;
/// Times that can be written with a year of four digits, in milliseconds since 1970; seconds are below.
const TIMES: std::ops::Range<i64> = 0..253_402_300_800_000;
/// Longest verification, milliseconds: a year.
const LONGEST: u64 = 365 * 24 * 3_600_000;
/// Most findings, programs or classes.
const MAX_LIST: usize = 1_000;

fn exit_code_of(verdict: VerdictName) -> u8 {
    match verdict {
        VerdictName::Verbatim | VerdictName::Reproduced | VerdictName::Equivalent => exit::EXPLAINED,
        VerdictName::Divergent | VerdictName::NoSource => exit::UNEXPLAINED,
        VerdictName::Inconclusive => exit::INCONCLUSIVE,
    }
}

impl Record {
    /// Holds a row to what this program writes; an error says what is wrong with it.
    pub(super) fn check(&self) -> Result<(), String> {
        let subject: Subject = self.purl.parse().map_err(|error| format!("`purl`: {error}"))?;
        let Subject { ecosystem, name, version: Some(version) } = subject else {
            return Err("`purl`: it names no version".to_owned());
        };
        let release = Release { ecosystem, name, version };
        if release.purl() != self.purl {
            return Err("`purl` is not in its canonical form".to_owned());
        }
        if package_of(&release) != self.package || release.version.as_str() != self.version {
            return Err("`package` and `version` are not those of the purl".to_owned());
        }
        let artifact = Integrity::parse(&self.artifact).map_err(|error| format!("`artifact`: {error}"))?;
        if artifact.sha512().is_none() || artifact.to_string() != self.artifact {
            return Err("`artifact` is not a SHA-512 in its canonical form".to_owned());
        }
        if !self.stated.is_empty() {
            let stated = Integrity::parse(&self.stated).map_err(|_| "`stated` is not a digest".to_owned())?;
            // What the registry states and does not serve is no result.
            if stated.contradicts(&artifact) {
                return Err("`stated` is the digest of another artifact".to_owned());
            }
        }
        let digests =
            [("job", &self.job), ("sha256", &self.sha256), ("policy", &self.policy), ("report", &self.report)];
        let more = [("ledger", &self.ledger), ("plan", &self.plan), ("statements", &self.statements)];
        let more = more.map(|(name, digest)| (name, digest.as_ref()));
        let more = more.into_iter().filter_map(|(name, digest)| Some((name, digest?)));
        for (name, digest) in digests.into_iter().chain(more) {
            Sha256Digest::parse(digest).map_err(|error| format!("`{name}`: {error}"))?;
        }
        if let Some(commit) = &self.commit {
            CommitId::parse(commit).map_err(|error| format!("`commit`: {error}"))?;
        }
        Version::parse(&self.tool).map_err(|error| format!("`tool`: {error}"))?;
        self.check_verdict()?;
        self.check_sizes()
    }

    fn check_verdict(&self) -> Result<(), String> {
        let verdict = VerdictName::from_id(&self.verdict).ok_or("`verdict` is not one")?;
        if self.inconclusive.is_some() != (verdict == VerdictName::Inconclusive) {
            return Err("`inconclusive` does not fit the verdict".to_owned());
        }
        let own = exit_code_of(verdict);
        // Exceptions may excuse a difference.
        if self.exit_code != own && (own, self.exit_code) != (exit::UNEXPLAINED, exit::EXPLAINED) {
            return Err("`exit_code` is not that of the verdict".to_owned());
        }
        if !TIMES.contains(&self.observed_at) || self.published_at.is_some_and(|time| !TIMES.contains(&time)) {
            return Err("a time is none".to_owned());
        }
        if let Some(tier) = &self.tier
            && !Tier::ALL.iter().any(|known| known.id() == tier)
        {
            return Err("`tier` is not one".to_owned());
        }
        let is_class = |class: &String| Explanation::CLASSES.contains(&class.as_str());
        if !self.classes.iter().flatten().all(|(class, _)| is_class(class)) {
            return Err("`classes` names one that is none".to_owned());
        }
        match (self.files, self.explained) {
            (Some(files), Some(explained)) if explained <= files => Ok(()),
            (None, None) => Ok(()),
            _ => Err("`files` and `explained` do not fit".to_owned()),
        }
    }

    fn check_sizes(&self) -> Result<(), String> {
        let words = self.inconclusive.iter().chain(&self.repository).chain(&self.host).chain([&self.stated]);
        let findings = self.findings.iter().flat_map(|finding| [&finding.rule, &finding.severity, &finding.risk]);
        if let Some(word) = words.chain(&self.toolchain).chain(findings).find(|word| word.len() > MAX_WORD) {
            return Err(format!("a word of {} bytes is too long", word.len()));
        }
        let paths = self.findings.iter().filter_map(|finding| finding.path.as_ref());
        if let Some(text) = self.detail.iter().chain(&self.reason).chain(paths).find(|text| text.len() > MAX_TEXT) {
            return Err(format!("a text of {} bytes is too long", text.len()));
        }
        if self.findings.len() > MAX_LIST || self.toolchain.len() > MAX_LIST {
            return Err(format!("a list has more than {MAX_LIST} items"));
        }
        if self.milliseconds > LONGEST {
            return Err("`milliseconds` is longer than any verification".to_owned());
        }
        if [self.size, self.milliseconds].into_iter().chain(self.files).any(|number| i64::try_from(number).is_err()) {
            return Err("a number is beyond every bound".to_owned());
        }
        // A text with a NUL can be kept by SQLite and not by PostgreSQL.
        let json = serde_json::to_string(self).map_err(|error| error.to_string())?;
        if json.contains("\\u0000") { Err("a text holds a NUL".to_owned()) } else { Ok(()) }
    }

    /// Reads the statements that the row names; an error says where they are none, or say something else than the row.
    pub(crate) fn read_statements(&self, statements: &Object) -> Result<StatementSet, String> {
        let content = statements.content().map_err(|error| error.to_string())?;
        let set = StatementSet::read(&content).map_err(|error| format!("the statements: {error}"))?;
        let Statement { subject, predicate, .. } = set.verification();
        let ledger = predicate.ledger.as_ref();
        let commit = predicate.source.as_ref().and_then(|source| source.digest.get("gitCommit"));
        let sha512 = Integrity::parse(&self.artifact).ok().and_then(|artifact| Some(hex_text(artifact.sha512()?)));
        let is_subject = subject.iter().all(|subject| {
            subject.name.as_ref() == Some(&self.purl)
                && subject.digest.get("sha256") == Some(&self.sha256)
                && subject.digest.get("sha512") == sha512.as_ref()
        });
        let is_excused = predicate.excepted && self.verdict != VerdictName::Inconclusive.id();
        let exit_code = if is_excused { exit::EXPLAINED } else { exit_code_of(predicate.verdict) };
        // What a sweep keeps states no time, and is by this program.
        let is_of_sweep = predicate.time_verified.is_none()
            && predicate.verifier.id == Verifier::this().id
            && [types::STRICT_POLICY, types::FILE_POLICY].contains(&&*predicate.policy.uri);
        let same = is_subject
            && is_of_sweep
            && self.exit_code == exit_code
            && predicate.verdict.id() == self.verdict
            && predicate.inconclusive == self.inconclusive
            && ledger.and_then(|ledger| ledger.digest.get("sha256")) == self.ledger.as_ref()
            && commit == self.commit.as_ref()
            && predicate.verifier.version.values().eq([&self.tool]);
        if same { Ok(set) } else { Err("the statements say something else than the row".to_owned()) }
    }

    /// Holds a report to the row that names it.
    pub(super) fn check_report(&self, report: &Object) -> Result<(), String> {
        let content = report.content().map_err(|error| error.to_string())?;
        let value: serde_json::Value =
            serde_json::from_slice(&content).map_err(|error| format!("the report is not JSON: {error}"))?;
        let result = &value["results"][0];
        let same = result["purl"] == self.purl.as_str()
            && result["verdict"] == self.verdict.as_str()
            && result["artifact"]["sha256"] == self.sha256.as_str()
            && result["exit_code"] == self.exit_code;
        if same { Ok(()) } else { Err("the report says something else than the row".to_owned()) }
    }
}
