//! Whatever path an archive holds, what is accepted stays inside the package.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tarproof::artifact::{ArtifactLimits, EntryPath};

fuzz_target!(|data: &[u8]| {
    let Ok(path) = EntryPath::from_archive(data) else { return };
    let text = path.as_str();
    assert!(text.split('/').all(|part| !matches!(part, "" | "." | "..")));
    assert!(!text.contains('\\') && !text.chars().any(char::is_control));
    assert!(text.len() <= ArtifactLimits::PATH_LENGTH && text.ends_with(path.file_name()));
    assert_eq!(EntryPath::from_package(text).as_ref(), Ok(&path));
});
