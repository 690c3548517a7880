//! A package name that is accepted is safe to put into an address and falls apart into scope and name.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tarproof::package::PackageName;

fuzz_target!(|text: &str| {
    let Ok(name) = PackageName::parse(text) else { return };
    assert_eq!(name.as_str(), text);
    assert!(text.is_ascii() && text.len() <= 214 && !text.contains(['\\', '%', '?', '#', ' ']));
    assert!(text.split('/').all(|part| !part.is_empty() && !part.starts_with('.')));
    match name.scope() {
        Some(scope) => assert_eq!(format!("@{scope}/{}", name.unscoped()), text),
        None => assert_eq!(name.unscoped(), text),
    }
});
