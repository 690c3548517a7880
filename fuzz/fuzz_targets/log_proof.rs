//! Checkpoints and proofs of anybody are read within bounds, prove nothing by a key that did not sign them, and are
//! written as they were read.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use tarproof::attest::types::PAYLOAD_TYPE;
use tarproof::attest::{Envelope, KeyAlgorithm, Signature, SigningKey, UnverifiedStatement};
use tarproof::log::{Entry, LogKey, Proof, UnverifiedCheckpoint};

static KEY: LazyLock<LogKey> = LazyLock::new(|| {
    let key = SigningKey::generate(KeyAlgorithm::Ed25519).expect("there are random numbers");
    LogKey::new(key.public()).expect("an Ed25519 key")
});
/// A statement of no consequence.
static ENTRY: LazyLock<Entry> = LazyLock::new(|| {
    let payload = format!(
        r#"{{"_type":"https://in-toto.io/Statement/v1","subject":[{{"digest":{{"sha256":"{}"}}}}],"predicateType":"a","predicate":{{}}}}"#,
        "0".repeat(64)
    );
    let envelope = Envelope {
        payload_type: PAYLOAD_TYPE.to_owned(),
        payload: payload.into_bytes(),
        signatures: vec![Signature { key_id: None, bytes: vec![0] }],
    };
    let written = serde_json::to_vec(&envelope.to_value()).expect("an envelope is JSON");
    Entry::of(&UnverifiedStatement::read(&written).expect("a constant")).expect("a constant")
});

fuzz_target!(|data: &[u8]| {
    if let Ok(checkpoint) = UnverifiedCheckpoint::read(data) {
        assert_eq!(checkpoint.to_text().as_bytes(), data);
        checkpoint.prove(&KEY).expect_err("the key was made a moment ago");
    }
    match Proof::read(data) {
        Ok(Proof::Inclusion(proof)) => {
            let again = Proof::read(proof.to_text().as_bytes()).expect("what we write we read");
            assert!(matches!(again, Proof::Inclusion(again) if again == proof));
            proof.prove(&ENTRY, &KEY).expect_err("the key was made a moment ago");
        }
        Ok(Proof::Consistency(proof)) => {
            let older = proof.checkpoint.claimed().clone();
            assert_eq!(proof.to_text().as_bytes(), data);
            proof.prove(&older, &KEY).expect_err("the key was made a moment ago");
        }
        Err(refusal) => assert!(refusal.to_string().len() < 4096),
    }
});
