//! Two programs are the same or differ somewhere, whichever side is called published; and no text exhausts the stack.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tarproof::compare::javascript::{StatementLimits, statement_diff, token_equal};
use tarproof::stabilize::javascript::SourceKind;
use tarproof_fuzz::{let_parser_panics_unwind, split_at_nul};

const KINDS: [SourceKind; 5] =
    [SourceKind::Unstated, SourceKind::Module, SourceKind::TypeScript, SourceKind::Declarations, SourceKind::Jsx];

fuzz_target!(init: let_parser_panics_unwind(), |data: &[u8]| {
    let Some((first, data)) = data.split_first() else { return };
    let kind = KINDS[usize::from(*first) % KINDS.len()];
    let (published, candidate) = split_at_nul(data);
    let equal = token_equal(published, candidate, kind);
    assert_eq!(equal, token_equal(candidate, published, kind));

    let limits = StatementLimits { excerpts: 4, length: 20 };
    let found = statement_diff(published, candidate, kind, limits);
    let backwards = statement_diff(candidate, published, kind, limits);
    assert_eq!(found.is_some(), backwards.is_some());
    let Some(found) = found else {
        assert!(!equal, "a program that cannot be read is equal");
        return;
    };
    if equal {
        assert!(found.is_empty(), "{found:?}");
    }
    assert!(statement_diff(published, published, kind, limits).is_some_and(|none| none.is_empty()));
    for (excerpts, text) in [(&found.only_published, published), (&found.only_candidate, candidate)] {
        assert!(excerpts.len() <= limits.excerpts);
        let lines = text.split(|byte| *byte == b'\n').count();
        for excerpt in excerpts {
            assert!((1..=lines).contains(&excerpt.line));
            assert!(excerpt.text.chars().filter(|character| *character != '…').count() <= limits.length);
        }
    }
});
