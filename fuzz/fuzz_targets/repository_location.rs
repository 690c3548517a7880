//! An address from metadata leads to one of four transports, without credentials, or nowhere.
#![no_main]

use libfuzzer_sys::fuzz_target;
use serde_json::Value;
use tarproof::source::RepositoryLocation;
use tarproof::source::location::{claims, clean_directory};

fn check(location: &RepositoryLocation) {
    let text = location.as_str();
    assert!(!location.is_local_path());
    assert!(["https://", "http://", "git://", "ssh://"].iter().any(|scheme| text.starts_with(scheme)), "{text}");
    let authority = text.split_once("://").and_then(|(_, rest)| rest.split('/').next()).unwrap_or_default();
    let user = authority.rsplit_once('@').map(|(user, _)| user);
    assert!(user.is_none_or(|user| text.starts_with("ssh://") && !user.contains(':')), "{text}");
    assert!(!text.chars().any(|character| character.is_control() || character.is_whitespace()), "{text:?}");
    assert!(RepositoryLocation::from_metadata(text).is_ok(), "{text}");
    location.collision_check();
}

fuzz_target!(|text: &str| {
    if let Ok(location) = RepositoryLocation::from_metadata(text) {
        check(&location);
    }
    if let Some(directory) = clean_directory(text) {
        assert!(directory.split('/').all(|part| !matches!(part, "" | "." | "..")));
    }
    let (found, _) = claims(Some(&Value::from(text)), Some(text), Some(&Value::from(text)));
    found.iter().for_each(|claim| check(&claim.location));
});
