//! What a published file has and its candidate lacks, as text.

use similar::{DiffOp, DiffableStr as _};

use super::javascript::{StatementLimits, statement_diff};
use super::line_edits::line_edits;
use crate::stabilize::javascript::SourceKind;

/// Enough to hold every statement that was added to a file, in whole.
const WHOLE: StatementLimits = StatementLimits { excerpts: 5_000, length: 1 << 20 };

/// A run of text that only the published file has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddedText {
    /// Its first line in the published file, counted from 1.
    pub line: usize,
    /// As it is written.
    pub text: String,
}

/// The lines that only `published` has, run by run.
pub fn added_lines(published: &str, candidate: &str) -> Vec<AddedText> {
    let (old, new) = (candidate.tokenize_lines(), published.tokenize_lines());
    let edits = line_edits(&old, &new);
    let runs = edits.iter().filter(|edit| !matches!(edit, DiffOp::Equal { .. }) && !edit.new_range().is_empty());
    runs.map(|edit| AddedText { line: edit.new_range().start + 1, text: new[edit.new_range()].concat() }).collect()
}

/// What only `published` has: statements where both sides are programs, lines otherwise, all of it where there is no
/// candidate.
///
/// A minified file is one line, so a line says too much there and a statement just enough.
pub fn added_text(path: &str, published: &str, candidate: Option<&str>) -> Vec<AddedText> {
    let Some(candidate) = candidate else {
        return vec![AddedText { line: 1, text: published.to_owned() }];
    };
    let statements = SourceKind::of(path)
        .and_then(|kind| statement_diff(published.as_bytes(), candidate.as_bytes(), kind, WHOLE))
        .filter(|diff| diff.more == 0 && !diff.only_published.is_empty());
    match statements {
        Some(diff) => {
            let pieces = diff.only_published.into_iter();
            pieces.map(|excerpt| AddedText { line: excerpt.line, text: excerpt.text }).collect()
        }
        // Comments are no statements, and text that is no program has none.
        None => added_lines(published, candidate),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn added_lines_come_with_their_numbers() {
        let runs = added_lines("a\nnew\nb\nc\nmore\nlast\n", "a\nb\nc\nold\n");
        let found: Vec<_> = runs.iter().map(|run| (run.line, run.text.as_str())).collect();
        assert_eq!(found, [(2, "new\n"), (5, "more\nlast\n")]);
        assert!(added_lines("a\n", "a\nb\n").is_empty());
    }

    #[test]
    fn of_a_program_only_the_added_statement_comes_out() {
        let added = added_text("a.js", "a();evil();b()", Some("a();b()"));
        assert_eq!(added, [AddedText { line: 1, text: "evil()".to_owned() }]);
        let added = added_text("a.txt", "a();evil();b()", Some("a();b()"));
        assert_eq!(added, [AddedText { line: 1, text: "a();evil();b()".to_owned() }]);
        let added = added_text("a.js", "a() // evil\n", Some("a()\n"));
        assert_eq!(added, [AddedText { line: 1, text: "a() // evil\n".to_owned() }]);
        assert_eq!(added_text("a.js", "evil()", None), [AddedText { line: 1, text: "evil()".to_owned() }]);
    }
}
