use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Value, json};

use super::*;
use crate::package::{Integrity, Release, Subject};

/// Names a directory of further answers, in the form of `fixtures/provenance`.
const MORE: &str = "TARPROOF_PROVENANCE";

/// Every answer in `fixtures/provenance`, with the release that its name names and the digest that it states.
fn answers() -> Vec<(Release, Integrity, Value)> {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/provenance");
    let directories = std::iter::once(fixtures).chain(std::env::var_os(MORE).map(Into::into));
    let mut answers: Vec<_> = directories
        .flat_map(|directory| std::fs::read_dir(directory).unwrap())
        .map(|entry| entry.unwrap().path())
        .collect();
    answers.sort_by_key(|path| path.file_name().map(std::ffi::OsStr::to_owned));
    answers.dedup_by_key(|path| path.file_name().map(std::ffi::OsStr::to_owned));
    let read = |path: &Path| {
        let name = path.file_name().unwrap().to_str().unwrap().strip_suffix(".json")?.replace('+', "/");
        let subject: Subject = format!("npm:{name}").parse().unwrap();
        let release = Release { ecosystem: subject.ecosystem, name: subject.name, version: subject.version.unwrap() };
        let answer: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
        let payload = answer["attestations"][0]["bundle"]["dsseEnvelope"]["payload"].as_str().unwrap();
        let payload: Value = serde_json::from_slice(&BASE64.decode(payload).unwrap()).unwrap();
        let hexadecimal = payload["subject"][0]["digest"]["sha512"].as_str().unwrap();
        let bytes: Vec<u8> =
            (0..64).map(|index| u8::from_str_radix(&hexadecimal[2 * index..2 * index + 2], 16).unwrap()).collect();
        Some((release, Integrity::from_sha512(bytes.try_into().unwrap()), answer))
    };
    answers.iter().filter_map(|path| read(path)).collect()
}

fn verify(release: &Release, integrity: &Integrity, answer: &Value) -> Result<Provenance, ProvenanceError> {
    let root = TrustedRoot::embedded().unwrap();
    verify_attestations(&serde_json::to_vec(answer).unwrap(), release, integrity, root, RegistryKeys::embedded())
}

#[test]
fn real_provenance_of_real_releases_holds() {
    let answers = answers();
    assert!(answers.len() >= 3);
    for (release, integrity, answer) in &answers {
        let provenance = verify(release, integrity, answer).unwrap_or_else(|error| panic!("{release}: {error}"));
        assert!(provenance.repository.starts_with("https://github.com/"), "{provenance:?}");
        assert_eq!(provenance.issuer, "https://token.actions.githubusercontent.com");
        assert!(provenance.signed_at.is_some() && provenance.workflow.is_some());
        assert_eq!(provenance.published, answer["attestations"].as_array().unwrap().len() == 2, "{release}");
    }
    let of = |name: &str| answers.iter().find(|(release, ..)| release.to_string() == name).unwrap();
    let (release, integrity, answer) = of("npm:sigstore@2.3.1");
    let provenance = verify(release, integrity, answer).unwrap();
    assert_eq!(provenance.commit.to_string(), "46e7056ff9912ebfee5298d94024895a9fea76c0");
    assert_eq!(provenance.reference.as_deref(), Some("refs/heads/main"));
}

/// The provenance of an answer, wherever it stands.
fn publisher(answer: &mut Value) -> &mut Value {
    let attestations = answer["attestations"].as_array_mut().unwrap();
    attestations.iter_mut().find(|one| one["predicateType"].as_str().unwrap().contains("slsa.dev")).unwrap()
}

/// Changes one character of a base64 text in its middle, so that it stays base64.
fn bent(value: &Value) -> Value {
    let mut text = value.as_str().unwrap().to_owned();
    let middle = text.len() / 2;
    let other = if &text[middle..=middle] == "A" { "B" } else { "A" };
    text.replace_range(middle..=middle, other);
    text.into()
}

#[test]
fn real_provenance_that_was_tampered_with_does_not_hold() {
    for (release, integrity, answer) in answers() {
        let refused = |what: &str, change: &dyn Fn(&mut Value)| {
            let mut tampered = answer.clone();
            change(&mut tampered);
            assert_ne!(tampered, answer, "{release}: {what}");
            assert!(verify(&release, &integrity, &tampered).is_err(), "{release}: {what}");
        };
        let bend = |pointer: &'static str| {
            refused(pointer, &|answer| {
                let place = publisher(answer).pointer_mut(&format!("/bundle{pointer}")).unwrap();
                *place = bent(place);
            });
        };
        bend("/dsseEnvelope/payload");
        bend("/dsseEnvelope/signatures/0/sig");
        bend("/verificationMaterial/tlogEntries/0/canonicalizedBody");
        bend("/verificationMaterial/tlogEntries/0/inclusionPromise/signedEntryTimestamp");
        bend("/verificationMaterial/tlogEntries/0/logId/keyId");
        refused("the certificate", &|answer| {
            let material = &mut publisher(answer)["bundle"]["verificationMaterial"];
            let pointer = ["/certificate/rawBytes", "/x509CertificateChain/certificates/0/rawBytes"]
                .into_iter()
                .find(|pointer| material.pointer(pointer).is_some());
            let place = material.pointer_mut(pointer.unwrap()).unwrap();
            *place = bent(place);
        });
        refused("the log's time", &|answer| {
            publisher(answer)["bundle"]["verificationMaterial"]["tlogEntries"][0]["integratedTime"] =
                "1900000000".into();
        });
        refused("no log entry", &|answer| {
            publisher(answer)["bundle"]["verificationMaterial"]["tlogEntries"] = json!([]);
        });
        refused("another payload type", &|answer| {
            publisher(answer)["bundle"]["dsseEnvelope"]["payloadType"] = "application/json".into();
        });
        refused("no signature", &|answer| {
            publisher(answer)["bundle"]["dsseEnvelope"]["signatures"] = json!([]);
        });
        refused("another predicate than stated", &|answer| {
            let other =
                if publisher(answer)["predicateType"] == "https://slsa.dev/provenance/v1" { "v0.2" } else { "v1" };
            publisher(answer)["predicateType"] = format!("https://slsa.dev/provenance/{other}").into();
        });
        refused("no provenance", &|answer| publisher(answer)["predicateType"] = "https://other.example".into());
    }
}

#[test]
fn provenance_of_another_release_or_content_does_not_hold() {
    let answers = answers();
    for ((release, integrity, _), (_, _, answer)) in answers.iter().zip(answers.iter().cycle().skip(1)) {
        assert!(verify(release, integrity, answer).is_err(), "{release}");
    }
    let (release, integrity, answer) = &answers[0];
    assert!(verify(release, &Integrity::of(b"other"), answer).is_err());
    let other = Release { version: crate::package::Version::parse("9.9.9").unwrap(), ..release.clone() };
    assert!(matches!(verify(&other, integrity, answer), Err(ProvenanceError::AnotherSubject(_))));
}

#[test]
fn a_second_provenance_holds_and_names_the_same_build_or_none_counts() {
    let answers = answers();
    for ((release, integrity, answer), (_, _, others)) in answers.iter().zip(answers.iter().cycle().skip(1)) {
        let with = |second: Value| {
            let mut answer = answer.clone();
            answer["attestations"].as_array_mut().unwrap().push(second);
            verify(release, integrity, &answer)
        };
        let own = publisher(&mut answer.clone()).clone();
        let provenance = with(own.clone()).unwrap();
        let mut tampered = own;
        let signature = tampered.pointer_mut("/bundle/dsseEnvelope/signatures/0/sig").unwrap();
        *signature = bent(signature);
        let refused = with(tampered);
        assert!(matches!(refused, Err(ProvenanceError::Invalid(_) | ProvenanceError::Bundle(_))), "{refused:?}");
        assert!(with(publisher(&mut others.clone()).clone()).is_err(), "{release}: of another release");
        let commit = crate::package::CommitId::parse(&"a".repeat(40)).unwrap();
        let elsewhere = Provenance { commit, ..provenance.clone() };
        let told = npm::same_build(provenance, &elsewhere).unwrap_err().to_string();
        assert!(told.contains(&format!("and {commit} of `https://github.com/")), "{told}");
    }
}

#[test]
fn a_note_of_the_registry_that_does_not_hold_spoils_the_answer() {
    let mut with_note = 0;
    for (release, integrity, mut answer) in answers() {
        let attestations = answer["attestations"].as_array_mut().unwrap();
        let Some(note) =
            attestations.iter_mut().find(|one| one["predicateType"].as_str().unwrap().contains("/publish/"))
        else {
            continue;
        };
        with_note += 1;
        let place = note.pointer_mut("/bundle/dsseEnvelope/signatures/0/sig").unwrap();
        *place = bent(place);
        assert!(verify(&release, &integrity, &answer).is_err(), "{release}");
    }
    assert!(with_note >= 2);
}

#[test]
fn a_note_by_a_key_that_nobody_knows_says_nothing() {
    for (release, integrity, mut answer) in answers() {
        let attestations = answer["attestations"].as_array_mut().unwrap();
        let note = attestations.iter_mut().find(|one| one["predicateType"].as_str().unwrap().contains("/publish/"));
        let Some(note) = note else { continue };
        *note.pointer_mut("/bundle/verificationMaterial/publicKey/hint").unwrap() = "SHA256:nobody".into();
        let provenance = verify(&release, &integrity, &answer).unwrap();
        assert!(!provenance.published, "{release}");
    }
}

#[test]
fn keys_are_read_as_they_are_distributed_and_as_they_are_served() {
    let read = |keys: Value| RegistryKeys::read(&serde_json::to_vec(&json!({"keys": keys})).unwrap());
    let distributed = json!({"keyId": "a", "keyUsage": "npm:signatures", "publicKey": {"rawBytes": "AAAA"}});
    let served = json!({"keyid": "a", "key": "AAAA", "expires": null, "keytype": "any", "scheme": "any"});
    for good in [&distributed, &served] {
        // What is not known stands beside it and is left alone.
        assert!(read(json!([1, {"kty": "RSA"}, good])).is_ok(), "{good}");
    }
    let mut other = distributed;
    other["keyUsage"] = "other:usage".into();
    let mut endless = served.clone();
    endless["expires"] = "never".into();
    for bad in [json!([]), json!([other]), json!([endless]), json!([{"keyid": "a", "key": "%"}])] {
        assert!(read(bad.clone()).is_err(), "{bad}");
    }
    assert!(read(Value::from(vec![served; 10_000])).is_ok());
    assert!(RegistryKeys::read(b"[]").is_err() && RegistryKeys::read(b"").is_err());
}

#[test]
fn answers_that_are_none_are_refused() {
    let (release, integrity, _) = &answers()[0];
    let root = TrustedRoot::embedded().unwrap();
    let check = |bytes: &[u8]| verify_attestations(bytes, release, integrity, root, RegistryKeys::embedded());
    assert!(matches!(check(b"{}"), Err(ProvenanceError::Json(_))));
    assert!(matches!(check(br#"{"attestations":[]}"#), Err(ProvenanceError::Missing)));
    assert!(matches!(check(&vec![b' '; 9 << 20]), Err(ProvenanceError::TooLarge)));
    let many = json!({"attestations": vec![json!({"predicateType": "a", "bundle": {}}); 33]});
    assert!(matches!(check(&serde_json::to_vec(&many).unwrap()), Err(ProvenanceError::TooLarge)));
    let deep = format!("{{\"attestations\":[{{\"predicateType\":\"a\",\"bundle\":{}}}]}}", "[".repeat(100_000));
    assert!(matches!(check(deep.as_bytes()), Err(ProvenanceError::Json(_))));
}

#[test]
fn another_root_vouches_for_nothing() {
    let (release, integrity, answer) = &answers()[0];
    let root = TrustedRoot::read(sigstore_trust_root::SIGSTORE_STAGING_TRUSTED_ROOT).unwrap();
    let answer = serde_json::to_vec(answer).unwrap();
    let result = verify_attestations(&answer, release, integrity, &root, RegistryKeys::embedded());
    assert!(matches!(result, Err(ProvenanceError::Invalid(_))), "{result:?}");
    assert!(TrustedRoot::read("{}").is_err());
}

#[test]
fn authorities_and_logs_that_had_ended_vouch_for_nothing() {
    let root: Value = serde_json::from_str(sigstore_trust_root::SIGSTORE_PRODUCTION_TRUSTED_ROOT).unwrap();
    for (kind, pointer) in [("certificateAuthorities", "/validFor"), ("tlogs", "/publicKey/validFor")] {
        let mut ended = root.clone();
        for authority in ended[kind].as_array_mut().unwrap() {
            let valid = authority.pointer_mut(pointer).unwrap();
            valid["start"] = "2019-01-01T00:00:00Z".into();
            valid["end"] = "2020-01-01T00:00:00Z".into();
        }
        let ended = TrustedRoot::read(&ended.to_string()).unwrap();
        for (release, integrity, answer) in answers() {
            let answer = serde_json::to_vec(&answer).unwrap();
            let result = verify_attestations(&answer, &release, &integrity, &ended, RegistryKeys::embedded());
            assert!(matches!(result, Err(ProvenanceError::Invalid(_))), "{kind} {release}: {result:?}");
        }
    }
}

#[test]
fn a_registry_signature_is_one_over_name_version_and_content() {
    let key = p256::ecdsa::SigningKey::from_slice(&[7; 32]).unwrap();
    let der = pkcs8::EncodePublicKey::to_public_key_der(key.verifying_key()).unwrap();
    let written = |end: Option<&str>| {
        let mut valid = json!({"start": "2020-01-01T00:00:00.000Z"});
        if let Some(end) = end {
            valid["end"] = end.into();
        }
        let key = json!({"keyId": "k", "keyUsage": "npm:signatures",
            "publicKey": {"rawBytes": BASE64.encode(der.as_bytes()), "validFor": valid}});
        RegistryKeys::read(&serde_json::to_vec(&json!({"keys": [key]})).unwrap()).unwrap()
    };
    let release = |version: &str| {
        let subject: Subject = format!("npm:@studio/lamp@{version}").parse().unwrap();
        Release { ecosystem: subject.ecosystem, name: subject.name, version: subject.version.unwrap() }
    };
    let integrity = Integrity::of(b"content");
    let message = format!("@studio/lamp@1.0.0:{integrity}");
    let signature: p256::ecdsa::Signature = p256::ecdsa::signature::Signer::sign(&key, message.as_bytes());
    let signed = StatedSignature { key_id: "k".to_owned(), signature: BASE64.encode(signature.to_der().as_bytes()) };
    let keys = written(None);
    let check = |keys: &RegistryKeys, version: &str, integrity: &Integrity, stated: &StatedSignature| {
        keys.verify(&release(version), integrity, Some(1_700_000_000), std::slice::from_ref(stated))
    };
    assert_eq!(check(&keys, "1.0.0", &integrity, &signed), Ok("k".to_owned()));
    let wrong = Err(SignatureError::Wrong("k".to_owned()));
    assert_eq!(check(&keys, "1.0.1", &integrity, &signed), wrong);
    assert_eq!(check(&keys, "1.0.0", &Integrity::of(b"other"), &signed), wrong);
    let bent =
        StatedSignature { signature: bent(&json!(signed.signature)).as_str().unwrap().to_owned(), ..signed.clone() };
    assert_eq!(check(&keys, "1.0.0", &integrity, &bent), wrong);
    let other = StatedSignature { key_id: "other".to_owned(), ..signed.clone() };
    assert_eq!(check(&keys, "1.0.0", &integrity, &other), Err(SignatureError::UnknownKey("other".to_owned())));
    let ended = written(Some("2023-01-01T00:00:00.000Z"));
    assert_eq!(check(&ended, "1.0.0", &integrity, &signed), Err(SignatureError::NotInUse("k".to_owned())));
}
