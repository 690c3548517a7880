//! Nothing that anybody writes is proven by a key that did not sign it or for an identity that nobody has, and every
//! refusal can be shown.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use tarproof::attest::{
    CertifiedIdentity, KeyAlgorithm, PublicKey, SigningKey, TrustedSigners, UnverifiedStatement,
};
use tarproof::provenance::TrustedRoot;
use tarproof::report::printable::printable;

static KEYS: LazyLock<Vec<PublicKey>> = LazyLock::new(|| {
    let key = |algorithm| SigningKey::generate(algorithm).expect("there are random numbers").public();
    vec![key(KeyAlgorithm::EcdsaP256), key(KeyAlgorithm::Ed25519)]
});

fuzz_target!(|data: &[u8]| {
    let root = TrustedRoot::embedded().expect("the embedded root is read by a test");
    let identity = CertifiedIdentity { identity: "nobody@nowhere.example", issuer: "https://nowhere.example" };
    let trusted = TrustedSigners { keys: &KEYS, identity: Some(identity), root: Some(root) };
    let proven = UnverifiedStatement::read(data).and_then(|statement| statement.prove_by(&[], &trusted, 1));
    let refusal = proven.expect_err("the keys were made a moment ago").to_string();
    assert!(refusal.len() < 16 * 1024, "{}", printable(&refusal));
});
