//! Unified diffs, candidate against published.

use std::fmt::Write as _;

use crate::artifact::EntryKind;
use crate::ledger::Ledger;
use crate::report::explain::how;
use crate::report::printable::{printable, printable_line};
use crate::verify::Verification;

/// Renders every difference that the verification wrote out; empty where there is none.
pub fn render(verification: &Verification) -> String {
    let mut out = String::new();
    let counterpart = |path: &str| {
        let file = verification.ledger.as_ref().and_then(|ledger| ledger.file(path));
        file.and_then(|file| file.counterpart.as_ref()).map(|counterpart| counterpart.path.clone())
    };
    for diff in &verification.diffs {
        if diff.hunks.is_empty() && diff.note.is_none() {
            continue;
        }
        let candidate = if verification.rebuilt.iter().any(|made| made.path == diff.path) {
            format!("rebuilt/{}", diff.path)
        } else {
            counterpart(&diff.path).map_or("/dev/null".to_owned(), |path| format!("candidate/{path}"))
        };
        // Writing to a String cannot fail.
        let _ = writeln!(out, "--- {}", printable(&candidate));
        let _ = writeln!(out, "+++ published/{}", printable(&diff.path));
        if let Some(note) = &diff.note {
            let _ = writeln!(out, "# {}", printable(note));
        }
        for hunk in &diff.hunks {
            let ((old, old_length), (new, new_length)) = (hunk.candidate, hunk.published);
            let _ = writeln!(out, "@@ -{old},{old_length} +{new},{new_length} @@");
            for line in &hunk.lines {
                let _ = writeln!(out, "{}{}", line.sign, printable_line(&line.text));
            }
        }
    }
    let shown = |path: &str| verification.diffs.iter().any(|diff| diff.path == path);
    for file in verification.ledger.iter().flat_map(Ledger::unexplained) {
        if file.kind != EntryKind::File && !shown(&file.path) {
            let _ = writeln!(out, "# published/{}: {}", printable(&file.path), printable(&how(file)));
        }
    }
    out
}
