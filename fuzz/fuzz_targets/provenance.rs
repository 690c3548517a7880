//! An answer about attestations is proven or refused, whatever it holds.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tarproof::package::{Integrity, Release, Subject};
use tarproof::provenance::{RegistryKeys, TrustedRoot, verify_attestations};

fuzz_target!(|data: &[u8]| {
    let subject: Subject = "npm:left@1.0.0".parse().expect("a constant");
    let version = subject.version.expect("a constant");
    let release = Release { ecosystem: subject.ecosystem, name: subject.name, version };
    let root = TrustedRoot::embedded().expect("the embedded root is read by a test");
    let proven = verify_attestations(data, &release, &Integrity::of(b""), root, RegistryKeys::embedded());
    assert!(proven.is_err(), "nobody has signed for this");
});
