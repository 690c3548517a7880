//! Stabilizing a rebuilt file twice is stabilizing it once, and both sides are treated alike.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tarproof::compare::{RebuiltComparison, compare_rebuilt};
use tarproof::stabilize::{RebuildContext, equal_after_rebuild, stabilize_rebuilt};
use tarproof_fuzz::{let_parser_panics_unwind, split_at_nul};

const PATHS: [&str; 6] = ["a.js", "a.d.ts", "a.css", "a.js.map", "a.txt", "a"];

fuzz_target!(init: let_parser_panics_unwind(), |data: &[u8]| {
    let Some((first, data)) = data.split_first() else { return };
    let path = PATHS[usize::from(*first) % PATHS.len()];
    let (published, candidate) = split_at_nul(data);
    let context = RebuildContext { build_directory: "/build/w".to_owned(), published_at: Some(1_757_337_371) };

    let once = stabilize_rebuilt(path, published, candidate, &context);
    let twice = stabilize_rebuilt(path, &once.published, &once.candidate, &context);
    assert_eq!((&twice.published, &twice.candidate), (&once.published, &once.candidate));
    let swapped = stabilize_rebuilt(path, candidate, published, &context);
    assert_eq!((&swapped.candidate, &swapped.published), (&once.published, &once.candidate));

    let needed = equal_after_rebuild(path, published, candidate, &context);
    assert_eq!(needed.is_some(), once.published == once.candidate);
    match compare_rebuilt(path, published, candidate, &context) {
        RebuiltComparison::Identical => assert_eq!(published, candidate),
        RebuiltComparison::Stabilized { stabilizers } => assert_eq!(Some(stabilizers), needed),
        RebuiltComparison::Attributed { .. } | RebuiltComparison::Different(_) => assert!(needed.is_none()),
    }
});
