//! A signed payload is a statement or refused, and what is accepted states a verdict; kept statements come back as they
//! were.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use tarproof::attest::types::PAYLOAD_TYPE;
use tarproof::attest::{
    Acceptance, Envelope, KeyAlgorithm, Signature, SigningKey, StatementSet, UnverifiedStatement, pre_authentication_encoding,
};
use tarproof::rebuild::lockfile::Closure;

static KEY: LazyLock<SigningKey> =
    LazyLock::new(|| SigningKey::generate(KeyAlgorithm::Ed25519).expect("there are random numbers"));
const LOCKFILE: &str = r#"{"lockfileVersion":3,"packages":{"node_modules/a":{"version":"1.0.0","integrity":"sha512-z4PhNX7vuL3xVChQ1m2AB9Yg5AULVxXcg/SpIdNs6c5H0NE8XYXysP+DGNKHfuwvY7kxvUdBeoGlODJ6+SfaPg=="}}}"#;

fuzz_target!(|payload: &[u8]| {
    if let Ok(set) = StatementSet::read(payload) {
        assert_eq!(StatementSet::read(&set.to_lines()).expect("what we write we read"), set);
    }
    let bytes = KEY.sign(&pre_authentication_encoding(PAYLOAD_TYPE, payload));
    let signatures = vec![Signature { key_id: None, bytes }];
    let envelope = Envelope { payload_type: PAYLOAD_TYPE.to_owned(), payload: payload.to_vec(), signatures };
    let written = serde_json::to_vec(&envelope.to_value()).expect("an envelope is JSON");
    let unverified = UnverifiedStatement::read(&written).expect("what we write we read");
    let Ok(proven) = unverified.prove(&[], &[KEY.public()], 1) else { return };
    let acceptance = Acceptance::explained(1_800_000_000);
    if let Ok(accepted) = acceptance.judge(&proven) {
        let explained = ["verbatim", "reproduced", "equivalent"];
        assert!(accepted.verdict.is_none_or(|verdict| explained.contains(&verdict.id())));
    }
    let closure = Closure::read("package-lock.json", LOCKFILE.as_bytes()).expect("a constant");
    if let Ok(accepted) = acceptance.judge_lockfile(&proven, &closure) {
        assert_eq!(accepted.covered, Some(1));
    }
});
