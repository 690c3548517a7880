//! The statements about one artifact as bytes: what is signed, and what is kept until somebody signs it.

use serde_json::Value;

use super::generate::Statements;
use super::predicate::{Provenance, Summary, Verification};
use super::statement::{Predicate, Statement, StatementError, sha256};
use super::types;
use crate::package::Sha256Digest;

/// The statements about one artifact, each as the bytes that are signed. The first one is the verification.
#[derive(Debug, Clone, PartialEq)]
pub struct StatementSet {
    verification: Statement<Verification>,
    payloads: Vec<Payload>,
}

/// One statement as bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Payload {
    /// The predicate's name.
    pub name: &'static str,
    /// The statement.
    pub bytes: Vec<u8>,
}

/// Why bytes are no such statements.
#[derive(Debug, thiserror::Error)]
pub enum StatementSetError {
    /// One of them is no statement.
    #[error(transparent)]
    Statement(#[from] StatementError),
    /// A predicate that has no place there, or for the second time.
    #[error("a `{}` stands where it does not belong", .0.escape_debug())]
    Place(String),
    /// One of them is about something else than the verification, or says something else of it.
    #[error("the statements contradict each other: {0}")]
    Contradiction(&'static str),
}

impl StatementSet {
    /// The same statements as bytes.
    pub fn of(statements: &Statements) -> Self {
        fn payload<P: Predicate>(statement: &Statement<P>) -> Payload {
            Payload { name: P::NAME, bytes: statement.to_bytes() }
        }
        let Statements { verification, summary, provenance, .. } = statements;
        let payloads = std::iter::once(payload(verification))
            .chain(summary.as_ref().map(payload))
            .chain(provenance.as_ref().map(payload));
        Self { verification: verification.clone(), payloads: payloads.collect() }
    }

    /// The verification, read.
    pub fn verification(&self) -> &Statement<Verification> {
        &self.verification
    }

    /// The bytes of the verification.
    pub(super) fn bytes(&self) -> &[u8] {
        self.payloads.first().map_or(&[], |payload| &payload.bytes)
    }

    /// What is signed, the verification first.
    pub fn payloads(&self) -> &[Payload] {
        &self.payloads
    }

    /// One line for each statement. JSON as it is written here has no line ends, so nothing is escaped or lost.
    pub fn to_lines(&self) -> Vec<u8> {
        self.payloads.iter().flat_map(|payload| payload.bytes.iter().chain(b"\n")).copied().collect()
    }

    /// Reads what [`StatementSet::to_lines`] gave, from wherever it was meanwhile: neither a statement nor two of them may
    /// contradict each other.
    pub fn read(lines: &[u8]) -> Result<Self, StatementSetError> {
        let mut lines =
            lines.split_inclusive(|byte| *byte == b'\n').map(|line| line.strip_suffix(b"\n").unwrap_or(line));
        let first = lines.next().unwrap_or_default();
        let verification = statement(first)?.with_predicate::<Verification>()?;
        let mut payloads = vec![Payload { name: Verification::NAME, bytes: first.to_owned() }];
        let (mut summary, mut provenance) = (None, None);
        for line in lines {
            let statement = statement(line)?;
            let name = match statement.predicate_type.as_str() {
                types::SUMMARY if summary.is_none() && provenance.is_none() => {
                    summary = Some(statement.with_predicate::<Summary>()?);
                    Summary::NAME
                }
                types::PROVENANCE if provenance.is_none() => {
                    provenance = Some(statement.with_predicate::<Provenance>()?);
                    Provenance::NAME
                }
                _ => return Err(StatementSetError::Place(statement.predicate_type.chars().take(256).collect())),
            };
            payloads.push(Payload { name, bytes: line.to_owned() });
        }
        summarises(summary.as_ref(), &verification, first)?;
        provenance.map_or(Ok(()), |provenance| belongs(&provenance, &verification))?;
        Ok(Self { verification, payloads })
    }
}

fn statement(line: &[u8]) -> Result<Statement<Value>, StatementError> {
    Statement::read(types::PAYLOAD_TYPE, line)
}

/// Whether the summary is the one that the verification has.
fn summarises(
    summary: Option<&Statement<Summary>>,
    verification: &Statement<Verification>,
    bytes: &[u8],
) -> Result<(), StatementSetError> {
    let expected = Summary::outcome(verification.predicate.verdict);
    let stated =
        summary.map(|summary| (summary.predicate.verification_result, summary.predicate.verified_levels.clone()));
    if stated != expected {
        return Err(StatementSetError::Contradiction("the summary's result is not that of the verification"));
    }
    let Some(Statement { subject, predicate, .. }) = summary else { return Ok(()) };
    let claim = &verification.predicate;
    let inputs: Vec<_> = predicate.input_attestations.iter().map(|input| &input.digest).collect();
    if inputs != [&sha256(Sha256Digest::of(bytes))] {
        return Err(StatementSetError::Contradiction("the summary is of another verification"));
    }
    if *subject != verification.subject
        || predicate.policy != claim.policy
        || predicate.time_verified != claim.time_verified
    {
        return Err(StatementSetError::Contradiction("the summary is of another artifact, policy or time"));
    }
    Ok(())
}

/// Whether the provenance is that of the rebuild in the verification.
fn belongs(
    provenance: &Statement<Provenance>,
    verification: &Statement<Verification>,
) -> Result<(), StatementSetError> {
    let definition = &provenance.predicate.build_definition;
    let claim = &verification.predicate;
    if verification.subject.first().and_then(|subject| subject.name.as_ref())
        != Some(&definition.external_parameters.artifact)
    {
        return Err(StatementSetError::Contradiction("the provenance is of a rebuild of another release"));
    }
    let commit = claim.source.as_ref().map(|source| &source.digest);
    let outcome = claim.rebuild.as_ref().map(|rebuild| rebuild.outcome);
    let same = definition.resolved_dependencies.iter().any(|input| Some(&input.digest) == commit)
        && outcome == Some(definition.internal_parameters.outcome);
    if same { Ok(()) } else { Err(StatementSetError::Contradiction("the provenance is of another rebuild")) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// A verification as its line, and the summary that goes with it.
    fn lines() -> (String, Value) {
        let name = "pkg:npm/left@1.0.0";
        let subject = json!([{"name": name, "digest": {"sha256": "a".repeat(64)}}]);
        let verifier = json!({"id": "v", "version": {"tarproof": "0"}});
        let verification = json!({
            "_type": types::STATEMENT_TYPE, "predicateType": types::VERIFICATION, "subject": subject,
            "predicate": {
                "verdict": "divergent", "excepted": false, "policy": {"uri": types::STRICT_POLICY}, "limitsHit": [],
                "source": {
                    "digest": {"gitCommit": "c".repeat(40)}, "directory": "", "standing": "established", "evidence": [],
                },
                "ledger": {
                    "digest": {"sha256": "b".repeat(64)}, "files": 1, "explained": 0, "classes": {"modified": 1},
                    "rules": [], "stabilizers": [],
                },
                "findings": [], "verifier": verifier,
            },
        });
        let line = verification.to_string();
        let digest = Sha256Digest::of(line.as_bytes()).to_string();
        let summary = json!({
            "_type": types::STATEMENT_TYPE, "predicateType": types::SUMMARY, "subject": subject,
            "predicate": {
                "verifier": verifier, "resourceUri": name, "policy": {"uri": types::STRICT_POLICY},
                "inputAttestations": [{"digest": {"sha256": digest}}], "verificationResult": "FAILED",
                "verifiedLevels": ["FAILED"], "slsaVersion": "1.2",
            },
        });
        (line, summary)
    }

    #[test]
    fn what_belongs_together_comes_back_byte_for_byte() {
        let (line, summary) = lines();
        let text = format!("{line}\n{summary}\n");
        let set = StatementSet::read(text.as_bytes()).unwrap();
        assert_eq!(set.payloads().iter().map(|payload| payload.name).collect::<Vec<_>>(), ["verification", "vsa"]);
        assert_eq!(set.to_lines(), text.as_bytes());
        assert_eq!(set.bytes(), line.as_bytes());
    }

    #[test]
    fn what_does_not_belong_together_is_refused() {
        let (line, summary) = lines();
        let read = |text: &str| StatementSet::read(text.as_bytes()).unwrap_err().to_string();
        let with = |pointer: &str, value: Value| {
            let mut changed = summary.clone();
            *changed.pointer_mut(pointer).unwrap() = value;
            read(&format!("{line}\n{changed}\n"))
        };
        assert!(read(&line).contains("the summary's result is not that of the verification"));
        let passed = with("/predicate/verificationResult", "PASSED".into());
        assert!(passed.contains("its levels are not those of its result"), "{passed}");
        let mut passed = summary.clone();
        passed["predicate"]["verificationResult"] = "PASSED".into();
        passed["predicate"]["verifiedLevels"] = json!(["SLSA_BUILD_LEVEL_UNEVALUATED", "SOURCE_MATCH_VERBATIM"]);
        assert!(read(&format!("{line}\n{passed}\n")).contains("the summary's result is not that of the verification"));
        assert!(with("/predicate/inputAttestations", json!([])).contains("of another verification"));
        assert!(with("/subject/0/digest/sha256", "d".repeat(64).into()).contains("of another artifact"));
        assert!(with("/predicateType", "https://other.example".into()).contains("stands where it does not belong"));
        assert!(read(&format!("{line}\n{summary}\n{summary}\n")).contains("stands where it does not belong"));
        assert!(read(&summary.to_string()).contains("the statement holds a"));
        for text in ["", "\n", "{}", &format!("{line}\n\n")] {
            assert!(read(text).contains("no statement"), "{text}");
        }
    }
}
