//! A version that is accepted keeps its text, and its order is an order.
#![no_main]

use std::cmp::Ordering;

use libfuzzer_sys::fuzz_target;
use tarproof::package::Version;

fuzz_target!(|text: &str| {
    let (first, second) = text.split_once('\0').unwrap_or((text, text));
    let Ok(first_version) = Version::parse(first) else { return };
    assert_eq!(first_version.to_string(), first);
    assert!(!first.contains(['/', '\\', ' ', '*']) && first.is_ascii());
    first_version.is_prerelease();
    assert_eq!(first_version.compare_precedence(&first_version), Ordering::Equal);
    if let Ok(second_version) = Version::parse(second) {
        let order = first_version.compare_precedence(&second_version);
        assert_eq!(second_version.compare_precedence(&first_version), order.reverse());
    }
});
