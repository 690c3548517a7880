use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Value, json};

use super::types::{PAYLOAD_TYPE, VERDICT_LOCK, VERIFICATION};
use super::*;
use crate::package::{Integrity, hex_text};
use crate::provenance::TrustedRoot;
use crate::rebuild::lockfile::Closure;

fn key() -> SigningKey {
    SigningKey::generate(KeyAlgorithm::EcdsaP256).unwrap()
}

fn statement() -> Value {
    json!({
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": "pkg:npm/left@1.0.0", "digest": {"sha256": "a".repeat(64)}}],
        "predicateType": VERIFICATION,
        "predicate": {
            "verdict": "equivalent",
            "excepted": false,
            "source": {"digest": {"gitCommit": "c".repeat(40)}, "directory": "", "standing": "established", "evidence": []},
            "ledger": {
                "digest": {"sha256": "b".repeat(64)},
                "files": 2,
                "explained": 2,
                "classes": {"git-blob": 1, "stabilized": 1},
                "tier": "tree",
                "rules": [],
                "stabilizers": ["eol"],
            },
            "findings": [],
            "policy": {"uri": "u"},
            "limitsHit": [],
            "verifier": {"id": "v", "version": {"tarproof": "0"}},
            "timeVerified": "2026-01-01T00:00:00Z",
        },
    })
}

/// Midnight after the statement was made.
const NOW: i64 = 1_767_225_600 + 24 * 3600;

fn signed(statement: &Value, key: &SigningKey) -> UnverifiedStatement {
    let bundle = sign(serde_json::to_vec(statement).unwrap(), key);
    UnverifiedStatement::read(bundle.as_bytes()).unwrap()
}

fn judged(change: impl FnOnce(&mut Value, &mut Acceptance)) -> Result<Accepted, String> {
    let (mut statement, mut acceptance) = (statement(), Acceptance::explained(NOW));
    change(&mut statement, &mut acceptance);
    let key = key();
    let proven = signed(&statement, &key).prove(&[], &[key.public()], 1).map_err(|error| error.to_string())?;
    acceptance.judge(&proven).map_err(|refusal| refusal.to_string())
}

fn refused(change: impl FnOnce(&mut Value, &mut Acceptance)) -> String {
    judged(change).unwrap_err()
}

#[test]
fn what_is_signed_is_proven_by_the_right_key_alone() {
    let (right, wrong) = (key(), SigningKey::generate(KeyAlgorithm::Ed25519).unwrap());
    let unverified = signed(&statement(), &right);
    let proven = unverified.prove(&[], &[wrong.public(), right.public()], 1).unwrap();
    assert_eq!(proven.signers, [Signer::Key(right.public().id())]);
    assert_eq!(proven.statement.subject[0].name.as_deref(), Some("pkg:npm/left@1.0.0"));
    assert!(matches!(unverified.prove(&[], &[wrong.public()], 1), Err(ProofError::UnknownKey { .. })));
}

#[test]
fn nothing_that_was_tampered_with_is_proven() {
    let key = key();
    let text = sign(serde_json::to_vec(&statement()).unwrap(), &key);
    let bundle: Value = serde_json::from_str(&text).unwrap();
    let prove = |bundle: &Value| {
        UnverifiedStatement::read(&serde_json::to_vec(bundle).unwrap())?.prove(&[], &[key.public()], 1)
    };
    prove(&bundle).unwrap();
    let other = sign(b"{}".to_vec(), &key);
    let other: Value = serde_json::from_str(&other).unwrap();
    let changes: [(&str, Value); 9] = [
        ("/dsseEnvelope/payload", other["dsseEnvelope"]["payload"].clone()),
        ("/dsseEnvelope/payloadType", json!("application/json")),
        ("/dsseEnvelope/signatures/0/sig", other["dsseEnvelope"]["signatures"][0]["sig"].clone()),
        ("/dsseEnvelope/signatures/0/sig", json!("")),
        ("/dsseEnvelope/signatures/0/keyid", json!("SHA256:other")),
        ("/dsseEnvelope/signatures", json!([])),
        ("/verificationMaterial/publicKey/hint", json!("SHA256:other")),
        ("/verificationMaterial", json!({"certificate": {"rawBytes": ""}})),
        ("/mediaType", json!("application/vnd.dev.sigstore.bundle+json;version=0.2")),
    ];
    for (pointer, value) in changes {
        let mut tampered = bundle.clone();
        *tampered.pointer_mut(pointer).unwrap() = value;
        assert!(prove(&tampered).is_err(), "{pointer}");
    }
    // Every single byte of the payload counts.
    let payload = serde_json::to_vec(&statement()).unwrap();
    let envelope = Envelope::read(&serde_json::to_vec(&bundle["dsseEnvelope"]).unwrap()).unwrap();
    for index in 0..payload.len() {
        let mut tampered = envelope.clone();
        tampered.payload[index] ^= 1;
        let message = tampered.signed_bytes();
        assert!(!key.public().verifies(&message, &tampered.signatures[0].bytes), "byte {index}");
    }
}

#[test]
fn several_verifiers_are_counted_once_each_and_only_for_the_same_statement() {
    let (first, second, third) = (key(), SigningKey::generate(KeyAlgorithm::Ed25519).unwrap(), key());
    let of = |key: &SigningKey| signed(&statement(), key);
    let keys = [first.public(), second.public(), third.public()];
    let proven = of(&first).prove(&[of(&second)], &keys, 2).unwrap();
    assert_eq!(proven.signers.len(), 2);
    assert!(matches!(
        of(&first).prove(&[of(&first), of(&first)], &[first.public(), first.public(), second.public()], 2),
        Err(ProofError::TooFew { found: 1, needed: 2 })
    ));
    let mut other = statement();
    other["predicate"]["verdict"] = "reproduced".into();
    assert!(matches!(of(&first).prove(&[signed(&other, &second)], &keys, 2), Err(ProofError::DifferentStatements)));
}

#[test]
fn a_signed_payload_that_is_no_statement_is_refused() {
    let changed =
        |pointer: &str, value: Value| refused(|statement, _| *statement.pointer_mut(pointer).unwrap() = value);
    assert!(changed("/_type", json!("https://in-toto.io/Statement/v0.1")).contains("Statement/v0.1"));
    assert!(changed("/subject", json!([])).contains("names no subject"));
    assert!(changed("/subject/0/digest", json!({"md5": "a"})).contains("no digest"));
    assert!(changed("/subject/0/digest", json!({"sha256": "A".repeat(64)})).contains("no digest"));
    assert!(changed("/subject/0/digest", json!({"sha256": "a".repeat(64), "sha512": "a"})).contains("no digest"));
    assert!(changed("/predicate/verdict", json!("splendid")).contains("splendid"));
    assert!(changed("/predicateType", json!("https://other.example/v1")).contains("states no verdict"));
    // A verification's fields are not a rebuild's.
    assert!(changed("/predicateType", json!(types::PROVENANCE)).contains("buildDefinition"));
    let key = key();
    let twice = sign(br#"{"_type":"a","_type":"b"}"#.to_vec(), &key);
    let error = UnverifiedStatement::read(twice.as_bytes()).unwrap().prove(&[], &[key.public()], 1).unwrap_err();
    assert!(error.to_string().contains("stands twice"), "{error}");
    // The same bytes under another type were not signed as a statement.
    let payload = serde_json::to_vec(&statement()).unwrap();
    let bytes = key.sign(&pre_authentication_encoding("text/plain", &payload));
    let signatures = vec![Signature { key_id: None, bytes }];
    let envelope = Envelope { payload_type: "text/plain".to_owned(), payload, signatures };
    let unverified = UnverifiedStatement::read(&serde_json::to_vec(&envelope.to_value()).unwrap()).unwrap();
    let error = unverified.prove(&[], &[key.public()], 1).unwrap_err();
    assert!(error.to_string().contains(PAYLOAD_TYPE), "{error}");
}

#[test]
fn unknown_fields_are_left_alone() {
    let accepted = judged(|statement, _| statement["predicate"]["later"] = json!({"a": 1})).unwrap();
    assert_eq!(accepted.verdict, Some(predicate::VerdictName::Equivalent));
}

#[test]
fn verdict_tier_stabilizers_and_age_are_held_to_what_was_asked() {
    assert!(judged(|_, acceptance| acceptance.tier = Some(predicate::Tier::Tree)).is_ok());
    assert!(judged(|_, acceptance| acceptance.maximum_age = Some(24 * 3600)).is_ok());
    assert!(judged(|_, acceptance| acceptance.stabilizers = Some(["eol".to_owned()].into())).is_ok());
    let divergent = |statement: &mut Value, excepted: u64| {
        statement["predicate"]["verdict"] = "divergent".into();
        let finding = json!({"rule": "manifest-confusion", "severity": "error", "count": 1, "excepted": excepted});
        statement["predicate"]["findings"] = json!([finding]);
    };
    assert!(refused(|statement, _| divergent(statement, 0)).contains("`divergent`"));
    let excepted = |statement: &mut Value, acceptance: &mut Acceptance| {
        divergent(statement, 1);
        statement["predicate"]["excepted"] = true.into();
        statement["predicate"]["policy"]["exceptions"] = json!(["looked at"]);
        acceptance.excepted = true;
    };
    assert!(judged(excepted).is_ok());
    assert!(refused(|_, acceptance| acceptance.stabilizers = Some([].into())).contains("`eol`"));
    let pack = |statement: &mut Value, acceptance: &mut Acceptance| {
        statement["predicate"]["ledger"]["classes"] = json!({"derived": 1, "stabilized": 1});
        statement["predicate"]["ledger"]["tier"] = "pack".into();
        acceptance.tier = Some(predicate::Tier::Tree);
    };
    assert!(refused(pack).contains("the tier `pack`"));
    let unknown = |statement: &mut Value, acceptance: &mut Acceptance| {
        // The sum knows it, and is not believed.
        statement["predicate"]["ledger"]["classes"] = json!({"new-class": 1, "stabilized": 1});
        acceptance.tier = Some(predicate::Tier::Attribution);
    };
    assert!(refused(unknown).contains("unexplained"));
    assert!(refused(|_, acceptance| acceptance.maximum_age = Some(24 * 3600 - 1)).contains("more than"));
    assert!(refused(|statement, _| statement["predicate"]["timeVerified"] = "yesterday".into()).contains("not a time"));
    let future = |statement: &mut Value, _: &mut Acceptance| {
        statement["predicate"]["timeVerified"] = "2026-01-02T00:06:00Z".into();
    };
    assert!(refused(future).contains("in the future"));
    let timeless = |statement: &mut Value, acceptance: &mut Acceptance| {
        statement["predicate"].as_object_mut().unwrap().remove("timeVerified");
        acceptance.maximum_age = Some(1);
    };
    assert!(refused(timeless).contains("does not say when"));
}

#[test]
fn a_rebuild_states_no_verdict_and_will_do_where_none_is_asked_for() {
    let rebuild = |statement: &mut Value| {
        statement["predicateType"] = types::PROVENANCE.into();
        statement["predicate"] = json!({
            "buildDefinition": {
                "buildType": "b", "resolvedDependencies": [{"digest": {"gitCommit": "c".repeat(40)}}],
                "externalParameters": {"artifact": "pkg:npm/left@1.0.0", "directory": "", "plan": {}},
                "internalParameters": {"sandbox": [], "outcome": "same-tar"},
            },
            "runDetails": {"builder": {"id": "b", "version": {}}},
        });
    };
    assert_eq!(judged(|statement, _| rebuild(statement)).unwrap().verdict, None);
    let asked = |statement: &mut Value, acceptance: &mut Acceptance| {
        rebuild(statement);
        acceptance.verdicts = Some([predicate::VerdictName::Verbatim].into());
    };
    assert!(refused(asked).contains("states no verdict"));
    let tier = |statement: &mut Value, acceptance: &mut Acceptance| {
        rebuild(statement);
        acceptance.tier = Some(predicate::Tier::Rebuild);
    };
    assert!(refused(tier).contains("states no verdict"));
    let age = |statement: &mut Value, acceptance: &mut Acceptance| {
        rebuild(statement);
        acceptance.maximum_age = Some(60);
    };
    assert!(refused(age).contains("does not say when"));
}

#[test]
fn a_summary_states_a_verdict_only_in_its_own_words() {
    let summary = |result: &str, levels: &[&str]| {
        judged(|statement, _| {
            statement["predicateType"] = types::SUMMARY.into();
            statement["predicate"] = json!({
                "verifier": {"id": "v", "version": {}}, "resourceUri": "pkg:npm/left@1.0.0", "policy": {"uri": "u"},
                "verificationResult": result, "verifiedLevels": levels, "slsaVersion": "1.2",
            });
        })
    };
    assert!(summary("PASSED", &["SLSA_BUILD_LEVEL_UNEVALUATED", "SOURCE_MATCH_REPRODUCED"]).is_ok());
    assert!(summary("PASSED", &["SLSA_BUILD_LEVEL_3"]).unwrap_err().contains("states no verdict"));
    for (result, levels) in [
        ("PASSED", &["SOURCE_MATCH_DIVERGENT"][..]),
        ("PASSED", &["SOURCE_MATCH_VERBATIM", "SOURCE_MATCH_REPRODUCED"]),
        ("PASSED", &["SOURCE_MATCH_VERBATIM", "FAILED"]),
        ("FAILED", &["SOURCE_MATCH_VERBATIM"]),
        ("FAILED", &[]),
    ] {
        assert!(summary(result, levels).unwrap_err().contains("its levels are not those of its result"), "{levels:?}");
    }
    assert!(summary("FAILED", &["FAILED"]).unwrap_err().contains("`divergent`"));
}

/// Judges a lock of `outer@1.0.0`, whose artifact holds `inner`, by the `packages` of npm's lockfile.
fn judged_lockfile(packages: &Value) -> Result<Option<usize>, String> {
    let integrity = Integrity::of(b"outer");
    let purl = "pkg:npm/outer@1.0.0";
    let entry = json!({
        "purl": purl, "integrity": integrity.to_string(), "verdict": "verbatim", "excepted": false,
        "commit": "c".repeat(40), "tier": "tree", "bundles": ["node_modules/inner"], "statement": {"sha256": "a".repeat(64)},
    });
    let statement = json!({
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": purl, "digest": {"sha512": hex_text(integrity.sha512().unwrap())}}],
        "predicateType": VERDICT_LOCK,
        "predicate": {
            "lockfile": {"sha256": "b".repeat(64)}, "packages": [entry], "uncovered": [], "policy": {"uri": "u"},
            "verifier": {"id": "v", "version": {"tarproof": "0"}},
        },
    });
    let key = key();
    let proven = signed(&statement, &key).prove(&[], &[key.public()], 1).unwrap();
    let mut places = json!({
        "node_modules/outer": {
            "version": "1.0.0", "integrity": integrity.to_string(), "bundleDependencies": ["inner", "other"],
        },
    });
    places.as_object_mut().unwrap().extend(packages.as_object().unwrap().clone());
    let lockfile = json!({"lockfileVersion": 3, "packages": places}).to_string();
    let closure = Closure::read("package-lock.json", lockfile.as_bytes()).unwrap();
    let accepted = Acceptance::explained(NOW).judge_lockfile(&proven, &closure);
    accepted.map(|accepted| accepted.covered).map_err(|refusal| refusal.to_string())
}

#[test]
fn a_lockfile_is_covered_where_every_place_is() {
    let bundled = json!({"version": "2.0.0", "inBundle": true});
    assert_eq!(judged_lockfile(&json!({})), Ok(Some(1)));
    assert_eq!(judged_lockfile(&json!({"node_modules/outer/node_modules/inner": bundled})), Ok(Some(1)));
    let unpinned = |resolved: &str| json!({"version": "1.0.0", "resolved": resolved});
    for (place, package, reason) in [
        (
            "node_modules/outer/node_modules/other",
            bundled.clone(),
            "said to be bundled, which no package with a verdict does",
        ),
        ("node_modules/inner", bundled.clone(), "said to be bundled, which no package with a verdict does"),
        (
            "node_modules/a/node_modules/outer",
            unpinned("https://r.example/x/-/x-1.0.0.tgz"),
            "has it without a SHA-512",
        ),
        ("node_modules/inner", json!({}), "a name, version or place that no registry has"),
        ("", json!({"dependencies": {"inner": "2"}}), "declared, and no place of it is locked"),
    ] {
        let refusal = judged_lockfile(&json!({place: package})).unwrap_err();
        assert!(refusal.contains(reason) && refusal.contains("are not covered"), "{place}: {refusal}");
    }
}

#[test]
fn an_artifact_is_a_subject_only_with_all_its_digests() {
    let artifact = b"artifact";
    let sha256 = crate::package::Sha256Digest::of(artifact).to_string();
    let sha512 = hex_text(Integrity::of(artifact).sha512().unwrap());
    let subject = |digests: &[(&str, &str)]| Resource {
        digest: digests.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        ..Resource::default()
    };
    let fits = |digests: &[(&str, &str)]| is_subject(&[subject(&[("sha256", "x")]), subject(digests)], artifact);
    assert!(fits(&[("sha256", &sha256)]).is_ok());
    assert!(fits(&[("sha512", &sha512)]).is_ok());
    assert!(fits(&[("sha256", &sha256), ("sha512", &sha512)]).is_ok());
    assert!(fits(&[("sha256", &sha256), ("sha512", &sha256)]).is_err());
    assert!(fits(&[("gitCommit", "a")]).is_err());
}

/// A bundle that Sigstore's staging instance signed: certificate, entry of a log of version 2, timestamp.
const STAGING: &str = include_str!("../../fixtures/attestations/keyless.staging.sigstore.json");
const IDENTITY: &str = "https://github.com/sigstore-conformance/extremely-dangerous-public-oidc-beacon/.github/workflows/\
                        extremely-dangerous-oidc-beacon.yml@refs/heads/main";
const ISSUER: &str = "https://token.actions.githubusercontent.com";

#[test]
fn a_certificate_of_a_real_instance_counts_for_its_identity_alone() {
    let staging = TrustedRoot::read(sigstore_trust_root::SIGSTORE_STAGING_TRUSTED_ROOT).unwrap();
    let prove = |text: &str, identity, issuer, root| {
        let trusted =
            TrustedSigners { keys: &[], identity: Some(CertifiedIdentity { identity, issuer }), root: Some(root) };
        UnverifiedStatement::read(text.as_bytes())?.prove_by(&[], &trusted, 1)
    };
    let proven = prove(STAGING, IDENTITY, ISSUER, &staging).unwrap();
    let signer = Signer::Certificate { identity: IDENTITY.to_owned(), issuer: ISSUER.to_owned() };
    assert_eq!(proven.signers, [signer]);
    assert_eq!(proven.statement.subject[0].name.as_deref(), Some("a.txt"));
    let public = TrustedRoot::embedded().unwrap();
    for (identity, issuer, root) in [
        ("somebody@studio.example", ISSUER, &staging),
        (&IDENTITY[..IDENTITY.len() - 1], ISSUER, &staging),
        (IDENTITY, "https://id.example", &staging),
        (IDENTITY, ISSUER, public),
    ] {
        assert!(matches!(prove(STAGING, identity, issuer, root), Err(ProofError::Certified(_))), "{identity} {issuer}");
    }
    let key = key().public();
    let keyed = UnverifiedStatement::read(STAGING.as_bytes()).unwrap().prove(&[], &[key], 1);
    assert!(matches!(keyed, Err(ProofError::Certificate)), "{keyed:?}");
    let bundle: Value = serde_json::from_str(STAGING).unwrap();
    for pointer in [
        "/dsseEnvelope/payload",
        "/dsseEnvelope/signatures/0/sig",
        "/verificationMaterial/certificate/rawBytes",
        "/verificationMaterial/timestampVerificationData/rfc3161Timestamps/0/signedTimestamp",
        "/verificationMaterial/tlogEntries/0/canonicalizedBody",
        "/verificationMaterial/tlogEntries/0/inclusionProof/hashes/0",
    ] {
        let mut tampered = bundle.clone();
        let text = tampered.pointer_mut(pointer).unwrap();
        let mut bytes = BASE64.decode(text.as_str().unwrap()).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        *text = BASE64.encode(bytes).into();
        assert!(prove(&tampered.to_string(), IDENTITY, ISSUER, &staging).is_err(), "{pointer}");
    }
}

/// A bundle by key with a log entry and a timestamp, both of a log and an authority that were made for it.
const LOGGED: &str = include_str!("../../fixtures/attestations/keyed.logged.sigstore.json");
const LOGGED_ROOT: &str = include_str!("../../fixtures/attestations/keyed.logged.root.json");

/// The key that signed it, which its log entry names.
fn logged_key() -> PublicKey {
    let bundle: Value = serde_json::from_str(LOGGED).unwrap();
    let body = bundle["verificationMaterial"]["tlogEntries"][0]["canonicalizedBody"].as_str().unwrap();
    let body: Value = serde_json::from_slice(&BASE64.decode(body).unwrap()).unwrap();
    let key = body["spec"]["hashedRekordV002"]["signature"]["verifier"]["publicKey"]["rawBytes"].as_str().unwrap();
    let lines: Vec<&str> = key.as_bytes().chunks(64).map(|line| str::from_utf8(line).unwrap()).collect();
    let pem = format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----", lines.join("\n"));
    PublicKey::read(&pem).unwrap()
}

#[test]
fn what_stands_beside_a_keys_signature_holds_or_the_bundle_is_refused() {
    let (root, keys) = (TrustedRoot::read(LOGGED_ROOT).unwrap(), [logged_key()]);
    let prove = |bundle: &Value, root| {
        let trusted = TrustedSigners { keys: &keys, identity: None, root };
        UnverifiedStatement::read(bundle.to_string().as_bytes())?
            .prove_by(&[], &trusted, 1)
            .map(|proven| proven.signers)
    };
    let bundle: Value = serde_json::from_str(LOGGED).unwrap();
    let ours = Some(&root);
    assert_eq!(prove(&bundle, ours).unwrap(), [Signer::Key(keys[0].id())]);
    let changed = |pointer: &str, value: Value| {
        let mut changed = bundle.clone();
        let (parent, key) = pointer.rsplit_once('/').unwrap();
        match changed.pointer_mut(parent).unwrap() {
            Value::Array(list) => list[key.parse::<usize>().unwrap()] = value,
            other => other[key] = value,
        }
        changed
    };
    const LOG: &str = "/verificationMaterial/tlogEntries";
    const TIMES: &str = "/verificationMaterial/timestampVerificationData";
    // Neither is needed.
    let bare = changed(TIMES, Value::Null);
    for (bundle, root) in [
        (changed(TIMES, json!({"rfc3161Timestamps": []})), ours),
        (changed(LOG, json!([])), ours),
        (changed("/verificationMaterial", json!({"publicKey": bundle["verificationMaterial"]["publicKey"]})), None),
    ] {
        prove(&bundle, root).unwrap();
    }
    prove(&bare, ours).unwrap();
    // Both must hold, and the embedded root knows neither.
    assert!(matches!(prove(&bundle, None), Err(ProofError::Witness(_))));
    let entry = &bundle["verificationMaterial"]["tlogEntries"][0];
    for (pointer, value) in [
        (LOG, json!([entry, {}])),
        (LOG, json!("nonsense")),
        (LOG, json!({})),
        (TIMES, json!(7)),
        ("/verificationMaterial/tlogEntries/0/canonicalizedBody", "e30=".into()),
        ("/verificationMaterial/tlogEntries/0/inclusionProof/hashes", json!([])),
        ("/verificationMaterial/tlogEntries/0/inclusionProof/checkpoint/envelope", "x".into()),
        ("/verificationMaterial/timestampVerificationData/rfc3161Timestamps/0/signedTimestamp", "AAAA".into()),
        ("/verificationMaterial/timestampVerificationData/rfc3161Timestamps/0", json!({})),
    ] {
        let refused = prove(&changed(pointer, value.clone()), ours);
        let told = matches!(refused, Err(ProofError::Witness(_) | ProofError::Bundle(BundleError::Material(_))));
        assert!(told, "{pointer} {value}: {refused:?}");
    }
    // Nobody else's key vouches for it because of a log.
    let stranger = UnverifiedStatement::read(LOGGED.as_bytes()).unwrap().prove(&[], &[key().public()], 1);
    assert!(matches!(stranger, Err(ProofError::UnknownKey { .. })), "{stranger:?}");
}
