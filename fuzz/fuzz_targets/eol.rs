//! The `eol` stabilizer takes two texts for one exactly where it says so, and a stabilized text for itself.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tarproof::stabilize::{StabilizerId, equal_after, same_interpreter};
use tarproof_fuzz::split_at_nul;

/// The stabilizer's documentation, said a second time.
fn described(content: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(content).ok()?;
    let line = text.trim_start_matches('\u{feff}').lines().next().unwrap_or_default();
    let runtimes = ["node", "deno", "bun", "ts-node", "tsx"];
    if line.strip_prefix("#!").is_some_and(|rest| !runtimes.iter().any(|name| rest.contains(name))) {
        return None;
    }
    if text.contains("\\\r\n") {
        return None;
    }
    if text.contains('\0') || text.contains("\r\r\n") || text.ends_with('\r') {
        return None;
    }
    let text = text.trim_start_matches('\u{feff}').replace("\r\n", "\n");
    Some(if text.ends_with('\n') { text } else { text + "\n" })
}

fuzz_target!(|data: &[u8]| {
    let (left, right) = split_at_nul(data);
    let (stable_left, stable_right) = (described(left), described(right));
    let expected = stable_left.is_some() && stable_left == stable_right && same_interpreter(left, right);
    let found = equal_after("a.js", left, right);
    assert_eq!(found.is_some(), expected);
    if let (Some(used), true) = (found, left != right) {
        assert_eq!(used, [StabilizerId::Eol]);
    }
    if let Some(stable) = stable_left {
        let same = same_interpreter(stable.as_bytes(), left);
        assert!(!same || equal_after("a.js", stable.as_bytes(), left).is_some(), "once and twice differ");
    }
});
