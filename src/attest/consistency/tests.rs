use serde_json::{Value, json};

use super::super::statement::Statement;
use super::super::types::{
    FILE_POLICY, PROVENANCE, STATEMENT_TYPE, STRICT_POLICY, SUMMARY, VERDICT_LOCK, VERIFICATION,
};
use super::*;
use crate::attest::Predicate;

const PURL: &str = "pkg:npm/left@1.0.0";

fn commit() -> Value {
    json!({"gitCommit": "c".repeat(40)})
}

fn sha256() -> Value {
    json!({"sha256": "a".repeat(64)})
}

fn verifier() -> Value {
    json!({"id": "v", "version": {"tarproof": "0"}})
}

/// A statement about the artifact whose content is `PURL`.
fn statement(predicate_type: &str, predicate: &Value) -> Value {
    let sha512 = hex_text(Integrity::of(PURL.as_bytes()).sha512().unwrap());
    json!({
        "_type": STATEMENT_TYPE, "predicateType": predicate_type, "predicate": predicate,
        "subject": [{"name": PURL, "digest": {"sha512": sha512}}],
    })
}

/// A statement of three files with this verdict and these classes.
fn verification(verdict: &str, classes: &Value, tier: Option<&str>) -> Value {
    let explained: u64 = classes
        .as_object()
        .unwrap()
        .iter()
        .filter(|(class, _)| Tier::of_class(class).is_some())
        .map(|(_, count)| count.as_u64().unwrap())
        .sum();
    let uses = |class: &str| classes.get(class).is_some();
    let stabilizers = if uses("stabilized") || uses("rebuilt-stabilized") { json!(["eol"]) } else { json!([]) };
    let predicate = json!({
        "verdict": verdict,
        "excepted": false,
        "source": {"digest": commit(), "directory": "", "standing": "established", "evidence": ["content"]},
        "ledger": {
            "digest": sha256(), "files": 3, "explained": explained, "classes": classes, "tier": tier, "rules": [],
            "stabilizers": stabilizers,
        },
        "findings": [],
        "rebuild": {"strategy": "s", "plan": sha256(), "tools": [], "outcome": "other-archive"},
        "policy": {"uri": STRICT_POLICY},
        "limitsHit": [],
        "verifier": verifier(),
    });
    statement(VERIFICATION, &predicate)
}

fn verbatim() -> Value {
    verification("verbatim", &json!({"git-blob": 3}), Some("tree"))
}

/// Something that a policy excepts.
fn excepted() -> Value {
    let mut statement = verification("divergent", &json!({"git-blob": 2, "modified": 1}), None);
    let findings = json!([
        {"rule": "file-modified", "severity": "error", "count": 1, "excepted": 1},
        {"rule": "any", "severity": "note", "count": 2, "excepted": 0},
    ]);
    let policy = json!({"uri": FILE_POLICY, "digest": sha256(), "exceptions": ["looked at"]});
    for (key, value) in [("findings", findings), ("policy", policy), ("excepted", true.into())] {
        statement["predicate"][key] = value;
    }
    statement
}

fn summary() -> Value {
    let predicate = json!({
        "verifier": verifier(), "resourceUri": PURL, "policy": {"uri": STRICT_POLICY}, "verificationResult": "PASSED",
        "verifiedLevels": ["SOURCE_MATCH_VERBATIM"], "slsaVersion": "1.2",
    });
    statement(SUMMARY, &predicate)
}

fn provenance() -> Value {
    let predicate = json!({
        "buildDefinition": {
            "buildType": "b",
            "resolvedDependencies": [{"uri": "git+https://git.example/a", "digest": commit()}, {"digest": sha256()}],
            "externalParameters": {"artifact": PURL, "source": "git+https://git.example/a", "directory": "", "plan": {}},
            "internalParameters": {"sandbox": [], "outcome": "same-tar"},
        },
        "runDetails": {"builder": {"id": "b", "version": {}}},
    });
    statement(PROVENANCE, &predicate)
}

fn lock() -> Value {
    let entry = json!({
        "purl": PURL, "integrity": Integrity::of(PURL.as_bytes()).to_string(), "verdict": "verbatim", "excepted": false,
        "commit": "c".repeat(40), "tier": "tree", "statement": sha256(),
    });
    let predicate = json!({
        "lockfile": sha256(), "packages": [entry], "uncovered": [], "policy": {"uri": STRICT_POLICY},
        "verifier": verifier(),
    });
    statement(VERDICT_LOCK, &predicate)
}

fn read<P: Predicate>(statement: &Value) -> Result<(), String> {
    let statement: Statement<Value> = serde_json::from_value(statement.clone()).unwrap();
    statement.with_predicate::<P>().map(drop).map_err(|error| error.to_string())
}

/// Holds `base` to be consistent, and each change of a place in it to be refused for its reason.
fn table<P: Predicate>(base: &Value, changes: &[(&str, Value, &str)]) {
    assert_eq!(read::<P>(base), Ok(()));
    for (pointer, value, reason) in changes {
        let mut changed = base.clone();
        let (parent, key) = pointer.rsplit_once('/').unwrap();
        match changed.pointer_mut(parent).unwrap() {
            Value::Array(list) => *list.get_mut(key.parse::<usize>().unwrap()).unwrap() = value.clone(),
            other => other[key] = value.clone(),
        }
        let refused = read::<P>(&changed).expect_err(pointer);
        assert!(refused.starts_with("the statement contradicts itself: "), "{pointer}: {refused}");
        assert!(refused.contains(reason), "{pointer} {value}: {refused}");
    }
}

#[test]
fn a_verification_holds_together() {
    for good in [
        verification("verbatim", &json!({"git-blob": 1, "derived": 1, "git-blob-moved": 1}), Some("attribution")),
        verification("reproduced", &json!({"git-blob": 1, "rebuilt": 2}), Some("rebuild")),
        verification("equivalent", &json!({"git-blob": 2, "stabilized": 1}), Some("tree")),
        verification("equivalent", &json!({"rebuilt": 2, "attributed": 1}), Some("attribution")),
        verification("divergent", &json!({"git-blob": 2, "artifact-only": 1}), None),
        // A class of a later version: nothing is known of its tier.
        verification("divergent", &json!({"git-blob": 2, "of-later": 1}), None),
        excepted(),
    ] {
        assert_eq!(read::<Verification>(&good), Ok(()), "{good}");
    }
    table::<Verification>(
        &verbatim(),
        &[
            ("/subject", json!([]), "it names 0 subjects"),
            ("/predicate/inconclusive", "no-plan".into(), "a reason is given why nothing could be concluded"),
            ("/predicate/verdict", "inconclusive".into(), "the verdict is `inconclusive` without a reason"),
            ("/predicate/verdict", "no-source".into(), "the verdict is `no-source` and a commit is established"),
            ("/predicate/verdict", "reproduced".into(), "no file came out of a rebuild"),
            ("/predicate/verdict", "equivalent".into(), "every file is exact"),
            ("/predicate/verdict", "divergent".into(), "every file is explained, and there is no finding"),
            ("/predicate/source", Value::Null, "no commit is established"),
            ("/predicate/source/standing", "nearest".into(), "no commit is established"),
            ("/predicate/source/digest", json!({}), "its source names no commit"),
            ("/predicate/ledger", Value::Null, "there is no ledger"),
            ("/predicate/ledger/digest", json!({}), "its ledger has no digest"),
            ("/predicate/ledger/files", 12.into(), "12 files are counted"),
            ("/predicate/ledger/explained", 2.into(), "2 of 3 files are said to be explained"),
            ("/predicate/ledger/tier", "pack".into(), "the tier is not the weakest"),
            ("/predicate/ledger/rules", json!(["r"]), "no file is derived"),
            ("/predicate/ledger/stabilizers", json!(["eol"]), "no file is stabilized"),
            ("/predicate/ledger/classes", json!({"git-blob": 3, "derived": 0}), "a class of files has no file"),
            ("/predicate/ledger/classes", json!({"git-blob": 3, "derived": u64::MAX}), "3 files are counted"),
            ("/predicate/policy/exceptions", json!(["x"]), "no finding is excepted"),
            ("/predicate/policy/digest", sha256(), "there was no policy file"),
            ("/predicate/policy/uri", FILE_POLICY.into(), "it has no digest"),
            ("/predicate/excepted", true.into(), "what speaks against the artifact is excepted"),
        ],
    );
    // `verbatim`, with 1 of 3 files explained, or in a weaker way than it says.
    for (classes, tier, reason) in [
        (json!({"git-blob": 1, "modified": 2}), None, "the verdict is `verbatim` and 1 of 3 files are explained"),
        (json!({"git-blob": 2, "stabilized": 1}), Some("tree"), "files of the class `stabilized`"),
        (json!({"git-blob": 2, "rebuilt": 1}), Some("rebuild"), "files of the class `rebuilt`"),
        (json!({"git-blob": 2, "of-later": 1}), Some("tree"), "2 of 3 files are explained"),
    ] {
        let refused = read::<Verification>(&verification("verbatim", &classes, tier)).unwrap_err();
        assert!(refused.contains(reason), "{refused}");
    }
    let rebuilt = verification("reproduced", &json!({"git-blob": 1, "rebuilt": 2}), Some("rebuild"));
    table::<Verification>(
        &rebuilt,
        &[
            ("/predicate/rebuild", Value::Null, "no rebuild made any"),
            ("/predicate/rebuild/outcome", "failed".into(), "no rebuild made any"),
        ],
    );
    let stabilized = verification("equivalent", &json!({"git-blob": 2, "stabilized": 1}), Some("tree"));
    table::<Verification>(&stabilized, &[("/predicate/ledger/stabilizers", json!([]), "no stabilizer was used")]);
}

#[test]
fn what_is_excepted_has_an_exception() {
    table::<Verification>(
        &excepted(),
        &[
            ("/predicate/policy", json!({"uri": FILE_POLICY, "digest": sha256()}), "no exception was used"),
            ("/predicate/policy", json!({"uri": STRICT_POLICY}), "no exception was used"),
            ("/predicate/findings", json!([]), "no finding is excepted"),
            ("/predicate/findings/0/count", 2.into(), "not all findings are"),
            ("/predicate/findings/0/excepted", 2.into(), "2 of 1 findings"),
            ("/predicate/findings/1/rule", "file-modified".into(), "is counted twice"),
            ("/predicate/findings/1/severity", "warning".into(), "not all findings are"),
        ],
    );
}

#[test]
fn a_summary_and_a_provenance_hold_together() {
    table::<Summary>(
        &summary(),
        &[
            ("/subject/0/name", "pkg:npm/right@1.0.0".into(), "its subject is another"),
            ("/predicate/resourceUri", "r\u{1b}".into(), "it is about `r\\u{1b}`"),
            ("/predicate/verificationResult", "FAILED".into(), "its levels are not those of its result"),
            ("/predicate/verifiedLevels", json!(["FAILED"]), "its levels are not those of its result"),
            ("/predicate/policy/exceptions", json!(["x"]), "there was no policy file"),
        ],
    );
    table::<Provenance>(
        &provenance(),
        &[
            ("/predicate/buildDefinition/internalParameters/outcome", "failed".into(), "the rebuild failed"),
            ("/predicate/buildDefinition/resolvedDependencies", json!([]), "does not name exactly one commit"),
            ("/predicate/buildDefinition/externalParameters/source", "git+https://b".into(), "of another repository"),
        ],
    );
}

#[test]
fn a_lock_holds_together() {
    table::<VerdictLock>(
        &lock(),
        &[
            ("/subject/0/name", "pkg:npm/right@1.0.0".into(), "is not the subject at its place"),
            ("/subject/0/digest", sha256(), "is not the subject at its place"),
            ("/predicate/packages", json!([]), "it has 0 packages and 1 subjects"),
            ("/predicate/packages/0/integrity", "sha1-x".into(), "is not the subject at its place"),
            ("/predicate/packages/0/tier", Value::Null, "a file is not explained"),
            ("/predicate/packages/0/tier", "rebuild".into(), "its tier is another verdict's"),
            ("/predicate/packages/0/commit", Value::Null, "there is no commit"),
            ("/predicate/packages/0/stabilizers", json!(["eol"]), "stabilizers were used"),
            ("/predicate/packages/0/verdict", "reproduced".into(), "its tier is another verdict's"),
            ("/predicate/packages/0/verdict", "inconclusive".into(), "without a reason"),
            ("/predicate/packages/0/inconclusive", "no-plan".into(), "a reason is given"),
            ("/predicate/packages/0/excepted", true.into(), "nothing excepts it"),
            ("/predicate/uncovered", json!([{"name": PURL, "reason": "r"}]), "has a verdict and has none"),
            ("/predicate/policy/exceptions", json!(["x"]), "there was no policy file"),
        ],
    );
    let mut twice = lock();
    for list in ["/subject", "/predicate/packages"] {
        let list = twice.pointer_mut(list).unwrap().as_array_mut().unwrap();
        list.push(list[0].clone());
    }
    assert!(read::<VerdictLock>(&twice).unwrap_err().contains("is named twice"));
}
