//! No character that a terminal obeys survives, and nothing is escaped twice.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tarproof::report::printable::{printable, printable_line};

fuzz_target!(|data: &[u8]| {
    let text = String::from_utf8_lossy(data);
    let shown = printable(&text);
    let reorders = |character: char| matches!(character, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    assert!(!shown.chars().any(|character| character.is_control() || reorders(character)));
    assert_eq!(printable(&shown), shown);
    assert!(!printable_line(&text).chars().any(|character| character != '\t' && character.is_control()));
});
