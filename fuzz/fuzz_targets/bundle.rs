//! Nothing that anybody writes is proven by a key that did not sign it, and every refusal can be shown.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use tarproof::attest::{KeyAlgorithm, PublicKey, SigningKey, UnverifiedStatement};
use tarproof::report::printable::printable;

static KEYS: LazyLock<Vec<PublicKey>> = LazyLock::new(|| {
    let key = |algorithm| SigningKey::generate(algorithm).expect("there are random numbers").public();
    vec![key(KeyAlgorithm::EcdsaP256), key(KeyAlgorithm::Ed25519)]
});

fuzz_target!(|data: &[u8]| {
    let proven = UnverifiedStatement::read(data).and_then(|statement| statement.prove(&[], &KEYS, 1));
    let refusal = proven.expect_err("the keys were made a moment ago").to_string();
    assert!(refusal.len() < 16 * 1024, "{}", printable(&refusal));
});
