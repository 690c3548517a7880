//! A diff counts its lines rightly, stays within its depth, and is empty exactly for equal texts.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tarproof::compare::{DiffDepth, FocusLine, diff_texts, diff_texts_around};
use tarproof_fuzz::split_at_nul;

fuzz_target!(|data: &[u8]| {
    let (candidate, published) = split_at_nul(data);
    let whole = diff_texts("a.js", Some(candidate), Some(published), DiffDepth::WHOLE);
    assert_eq!(whole.more_hunks, 0);
    if whole.note.is_none() {
        assert_eq!(whole.hunks.is_empty(), candidate == published);
    }
    for hunk in &whole.hunks {
        let count = |sign: char| hunk.lines.iter().filter(|line| line.sign == sign).count();
        assert_eq!(count(' ') + count('-'), hunk.candidate.1);
        assert_eq!(count(' ') + count('+'), hunk.published.1);
    }
    let depth = DiffDepth::EXCERPT;
    let focus = [FocusLine { line: data.len() % 64 + 1, text: String::new() }];
    let excerpt = diff_texts_around("a.js", Some(candidate), Some(published), depth, &focus);
    assert!(excerpt.hunks.len() <= depth.hunks);
    for hunk in &excerpt.hunks {
        assert!(hunk.lines.len() <= depth.lines + 1);
        assert!(hunk.lines.iter().all(|line| line.text.chars().count() < 400));
    }
});
