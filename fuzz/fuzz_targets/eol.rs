//! The `eol` stabilizer takes two texts for one exactly where it says so, and a stabilized text for itself.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tarproof::stabilize::{StabilizerId, equal_after};
use tarproof_fuzz::split_at_nul;

/// The stabilizer's documentation, said a second time.
fn described(content: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(content).ok()?;
    if text.contains('\0') || text.contains("\r\r\n") || text.ends_with('\r') {
        return None;
    }
    let text = text.trim_start_matches('\u{feff}').replace("\r\n", "\n");
    Some(if text.ends_with('\n') { text } else { text + "\n" })
}

fuzz_target!(|data: &[u8]| {
    let (left, right) = split_at_nul(data);
    let (stable_left, stable_right) = (described(left), described(right));
    let expected = stable_left.is_some() && stable_left == stable_right;
    let found = equal_after(left, right);
    assert_eq!(found.is_some(), expected);
    if let (Some(used), true) = (found, left != right) {
        assert_eq!(used, [StabilizerId::Eol]);
    }
    if let Some(stable) = stable_left {
        assert!(equal_after(stable.as_bytes(), left).is_some(), "once and twice differ");
    }
});
