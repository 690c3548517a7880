//! What is logged: one short line of JSON about each statement.

use serde::Serialize;
use serde_json::Value;
use tlog_tiles::{Hash, record_hash};

use crate::attest::{DigestSet, ProofError, Statement, UnverifiedStatement, types};

/// Name and version of the line. The line of a statement never changes under this name, or it could not be found again.
pub const SCHEMA: &str = "tarproof-log-entry/v1";
/// Longest line, bytes. One that says more is reduced to the payload's digest.
pub(super) const MAX_LINE: usize = 4096;

/// A statement as it is logged.
///
/// It names the payload, not the signatures: whoever signs the same statement logs the same entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry(pub(super) Vec<u8>);

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Line<'a> {
    schema: &'static str,
    payload: DigestSet,
    #[serde(skip_serializing_if = "Option::is_none")]
    predicate_type: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<Subject<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    subjects: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    verdict: Option<&'a str>,
}

#[derive(Serialize)]
struct Subject<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    digest: &'a DigestSet,
}

impl Entry {
    /// The entry of a statement, on nobody's word; refuses what is no statement.
    pub fn of(unverified: &UnverifiedStatement) -> Result<Self, ProofError> {
        let statement = unverified.claimed()?;
        let payload = DigestSet::from([("sha256".to_owned(), unverified.payload_digest().to_string())]);
        let bare = Line { schema: SCHEMA, payload, predicate_type: None, subject: None, subjects: None, verdict: None };
        let (subject, subjects) = match statement.subject.as_slice() {
            [one] => (Some(Subject { name: one.name.as_deref(), digest: &one.digest }), None),
            several => (None, Some(several.len())),
        };
        let predicate_type = Some(statement.predicate_type.as_str());
        let full = Line { predicate_type, subject, subjects, verdict: verdict(&statement), ..bare };
        let line = written(&full);
        if line.len() <= MAX_LINE {
            return Ok(Self(line));
        }
        Ok(Self(written(&Line { predicate_type: None, subject: None, subjects: None, verdict: None, ..full })))
    }

    /// The line, without an end of line.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The hash of the tree's leaf.
    pub fn leaf(&self) -> Hash {
        record_hash(&self.0)
    }
}

fn written(line: &Line<'_>) -> Vec<u8> {
    serde_json::to_vec(line).expect("texts and numbers are always JSON")
}

/// What the statement says of itself, word for word: the words of later versions need no new kind of line.
fn verdict(statement: &Statement<Value>) -> Option<&str> {
    let field = match statement.predicate_type.as_str() {
        types::VERIFICATION => "verdict",
        types::SUMMARY => "verificationResult",
        _ => return None,
    };
    statement.predicate.get(field)?.as_str()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::tests::{bundle, statement};
    use super::*;

    fn line(statement: &Value) -> String {
        let unverified = UnverifiedStatement::read(bundle(statement).as_bytes()).unwrap();
        String::from_utf8(Entry::of(&unverified).unwrap().0).unwrap()
    }

    #[test]
    fn an_entry_says_what_was_said() {
        let digest = "a".repeat(64);
        let payload = crate::package::Sha256Digest::of(&serde_json::to_vec(&statement(1)).unwrap());
        let expected = format!(
            "{{\"schema\":\"tarproof-log-entry/v1\",\"payload\":{{\"sha256\":\"{payload}\"}},\
             \"predicateType\":\"https://tarproof.example/predicates/verification/v1\",\
             \"subject\":{{\"name\":\"pkg:npm/left@1.0.1\",\"digest\":{{\"sha256\":\"{digest}\"}}}},\
             \"verdict\":\"verbatim\"}}"
        );
        assert_eq!(line(&statement(1)), expected);
    }

    #[test]
    fn what_is_too_long_is_named_by_its_digest_alone() {
        let mut long = statement(1);
        long["subject"][0]["name"] = "n".repeat(MAX_LINE).into();
        let line = line(&long);
        assert!(line.starts_with("{\"schema\":\"tarproof-log-entry/v1\",\"payload\":{\"sha256\":\""), "{line}");
        assert!(line.ends_with("\"}}") && line.len() == 122, "{line}");
    }

    #[test]
    fn several_subjects_are_counted_and_foreign_predicates_have_no_verdict() {
        let mut other = statement(1);
        let subject = other["subject"][0].clone();
        other["subject"] = json!([subject, subject]);
        other["predicateType"] = "https://other.example/v1".into();
        let line = line(&other);
        assert!(line.ends_with("\"predicateType\":\"https://other.example/v1\",\"subjects\":2}"), "{line}");
    }
}
