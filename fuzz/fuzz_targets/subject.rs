//! A subject that is accepted means the same after it was written out, as shorthand and as purl.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tarproof::package::{Release, Subject};

fuzz_target!(|text: &str| {
    let Ok(subject) = text.parse::<Subject>() else { return };
    assert_eq!(subject.to_string().parse().as_ref(), Ok(&subject));
    if let Some(version) = subject.version.clone() {
        let release = Release { ecosystem: subject.ecosystem, name: subject.name.clone(), version };
        // A purl knows no capitals, which a few old packages have.
        let lower_case = subject.to_string().to_ascii_lowercase() == subject.to_string();
        assert!(!lower_case || release.purl().parse() == Ok(subject), "{}", release.purl());
    }
});
