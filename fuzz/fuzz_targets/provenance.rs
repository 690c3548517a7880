//! An answer about attestations, or about a registry's keys, is proven or refused, whatever it holds.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tarproof::package::{Integrity, Release, Subject};
use tarproof::provenance::{RegistryKeys, StatedSignature, TrustedRoot, verify_attestations};

fuzz_target!(|data: &[u8]| {
    let subject: Subject = "npm:left@1.0.0".parse().expect("a constant");
    let version = subject.version.expect("a constant");
    let release = Release { ecosystem: subject.ecosystem, name: subject.name, version };
    let root = TrustedRoot::embedded().expect("the embedded root is read by a test");
    if let Ok(keys) = RegistryKeys::read(data) {
        let signature = StatedSignature { key_id: "k".to_owned(), signature: "MAYCAQECAQE=".to_owned() };
        let verified = keys.verify(&release, &Integrity::of(b""), Some(0), &[signature]);
        assert!(verified.is_err(), "nobody has signed this");
    }
    let proven = verify_attestations(data, &release, &Integrity::of(b""), root, RegistryKeys::embedded());
    assert!(proven.is_err(), "nobody has signed for this");
});
