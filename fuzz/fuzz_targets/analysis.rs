//! Whatever a package holds, each file has a reach and a way, and each text its signals; and no text exhausts the stack.
#![no_main]

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use libfuzzer_sys::fuzz_target;
use tarproof::capability::{looks, signals, signals_of_pieces, signals_within};
use tarproof::reach::{Reach, ReachLimits, ReachMap};
use tarproof::stabilize::javascript::SourceKind;
use tarproof_fuzz::let_parser_panics_unwind;

/// The manifest, then files: each ends in NUL, and its first line is its path.
fn package(data: &[u8]) -> (serde_json::Value, BTreeMap<String, Vec<u8>>) {
    let mut parts = data.split(|byte| *byte == 0);
    let manifest = serde_json::from_slice(parts.next().unwrap_or_default()).unwrap_or_default();
    let file = |part: &[u8]| {
        let end = part.iter().position(|byte| *byte == b'\n').unwrap_or(part.len());
        let path = String::from_utf8_lossy(&part[..end]).into_owned();
        (path, part.get(end + 1..).unwrap_or_default().to_vec())
    };
    (manifest, parts.take(100).map(file).collect())
}

fuzz_target!(init: let_parser_panics_unwind(), |data: &[u8]| {
    let (manifest, contents) = package(data);
    let paths: BTreeSet<&str> = contents.keys().map(String::as_str).collect();
    let mut read = |path: &str| contents.get(path).map(|content| Cow::Borrowed(content.as_slice()));
    let map = ReachMap::of(&manifest, &paths, &mut read, None, ReachLimits::default());
    let narrow = ReachMap::of(&manifest, &paths, &mut read, None, ReachLimits { files: 1, bytes: 1_000 });
    for path in &paths {
        let way = map.way(path);
        assert!(way.is_empty() && map.reach(path) == Reach::Inert || way.last().is_some_and(|last| last == path));
        let wanted = BTreeSet::from([*path]);
        let alone = ReachMap::of(&manifest, &paths, &mut read, Some(&wanted), ReachLimits::default());
        // What is never asked for by name may be put together from pieces, but nothing becomes more urgent.
        assert!(alone.reach(path) >= map.reach(path) || !map.is_complete(), "{path} alone is more urgent");
        if !narrow.is_complete() && map.reach(path) != Reach::Inert {
            assert_ne!(narrow.reach(path), Reach::Inert, "a limit made {path} inert");
        }
    }
    for (path, content) in &contents {
        let text = String::from_utf8_lossy(content);
        let kind = SourceKind::of(path).unwrap_or(SourceKind::Unstated);
        let lines = text.split('\n').count();
        let found = signals(&text, kind);
        assert!(found.len() <= 32);
        assert!(found.iter().all(|signal| (1..=lines).contains(&signal.line) && !signal.evidence.is_empty()));
        signals_within(&text, kind, std::slice::from_ref(&(text.len() / 3..text.len() / 2)));
        let half = text.floor_char_boundary(text.len() / 2);
        signals_of_pieces(&[(1, &text[..half]), (1 + lines, &text[half..])], kind);
        looks(&text);
    }
});
