//! Whatever a list or a ranking holds, what it names is told once, in bounds, and reads the same as a list again.
#![no_main]

use std::collections::HashSet;

use libfuzzer_sys::fuzz_target;
use tarproof::sweep::selection::{Entries, read_list, read_ranking};

fuzz_target!(|data: &[u8]| {
    let Some((top, bytes)) = data.split_first() else { return };
    let top = usize::from(*top);
    if let Ok(entries) = read_list(bytes) {
        hold(&entries);
    }
    if let Ok(entries) = read_ranking(bytes, top) {
        assert!(entries.subjects.len() <= top);
        hold(&entries);
    }
});

fn hold(entries: &Entries) {
    assert!(!entries.subjects.is_empty());
    assert!(entries.rejected.len() <= entries.rejected_count);
    let once: HashSet<_> = entries.subjects.iter().collect();
    assert_eq!(once.len(), entries.subjects.len());
    let list: String = entries.subjects.iter().map(|subject| format!("{subject}\n")).collect();
    let again = read_list(list.as_bytes()).expect("what was read can be written");
    assert_eq!((again.subjects, again.rejected_count), (entries.subjects.clone(), 0));
}
