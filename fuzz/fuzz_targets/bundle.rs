//! Nothing that anybody writes is proven by a key that did not sign it or for an identity that nobody has, whatever stands
//! beside the signature, and every refusal can be shown.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use tarproof::attest::{
    CertifiedIdentity, KeyAlgorithm, PublicKey, SigningKey, TrustedSigners, UnverifiedStatement,
};
use tarproof::package::Sha256Digest;
use tarproof::provenance::TrustedRoot;
use tarproof::report::printable::printable;

static KEYS: LazyLock<Vec<PublicKey>> = LazyLock::new(|| {
    let key = |algorithm| SigningKey::generate(algorithm).expect("there are random numbers").public();
    vec![key(KeyAlgorithm::EcdsaP256), key(KeyAlgorithm::Ed25519)]
});

/// A bundle by key with a log entry and a timestamp, its key and their root.
const LOGGED: &[u8] = include_bytes!("../../fixtures/attestations/keyed.logged.sigstore.json");
const LOGGED_KEY: &str = "-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEkZ7Ggf/Tfh/+YvqUYf4qOT0SUoi/\nSE3SVJIhk2gPnwZueOZFXSujaxlw44TAzqQZh0v1EeCgV5EKUIpB+RY0Lw==\n-----END PUBLIC KEY-----";
static LOGGED_ROOT: LazyLock<TrustedRoot> = LazyLock::new(|| {
    let root = include_str!("../../fixtures/attestations/keyed.logged.root.json");
    TrustedRoot::read(root).expect("a test reads it")
});
static SIGNED: LazyLock<(Vec<PublicKey>, Sha256Digest)> = LazyLock::new(|| {
    let bundle = UnverifiedStatement::read(LOGGED).expect("a test reads it");
    (vec![PublicKey::read(LOGGED_KEY).expect("a constant")], bundle.payload_digest())
});

fuzz_target!(|data: &[u8]| {
    let Ok(statement) = UnverifiedStatement::read(data) else { return };
    let identity = CertifiedIdentity { identity: "nobody@nowhere.example", issuer: "https://nowhere.example" };
    let trusted = TrustedSigners { keys: &KEYS, identity: Some(identity), root: None };
    let refusal = statement.prove_by(&[], &trusted, 1).expect_err("the keys were made a moment ago").to_string();
    assert!(refusal.len() < 16 * 1024, "{}", printable(&refusal));
    let (keys, signed) = &*SIGNED;
    let trusted = TrustedSigners { keys, identity: None, root: Some(&LOGGED_ROOT) };
    if statement.prove_by(&[], &trusted, 1).is_ok() {
        assert_eq!(statement.payload_digest(), *signed, "this key has signed once");
    }
});
