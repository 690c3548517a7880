//! What a published file has and its candidate lacks, as text.

use std::ops::Range;

use similar::{DiffOp, DiffableStr as _};

use super::javascript::{StatementLimits, statement_diff};
use super::line_edits::{LineEnds, line_edits};
use crate::stabilize::javascript::SourceKind;

/// Every statement that was added to a file; their text is taken from the file itself.
const ALL: StatementLimits = StatementLimits { excerpts: 5_000, length: 0 };

/// A run of lines that only the published file has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddedText {
    /// Its first line in the published file, counted from 1.
    pub line: usize,
    /// As it is written.
    pub text: String,
    /// Where it is in the published file, bytes.
    pub span: Range<usize>,
}

/// The lines that only `published` has, run by run.
pub fn added_lines(published: &str, candidate: &str, ends: LineEnds) -> Vec<AddedText> {
    let (old, new) = (candidate.tokenize_lines(), published.tokenize_lines());
    let length = |lines: &[&str]| lines.iter().map(|line| line.len()).sum::<usize>();
    let (mut passed, mut start, mut added) = (0, 0, Vec::new());
    for edit in line_edits(&old, &new, ends) {
        let lines = edit.new_range();
        if matches!(edit, DiffOp::Equal { .. }) || lines.is_empty() {
            continue;
        }
        start += length(&new[passed..lines.start]);
        let end = start + length(&new[lines.clone()]);
        added.push(AddedText { line: lines.start + 1, text: published[start..end].to_owned(), span: start..end });
        (passed, start) = (lines.end, end);
    }
    added
}

/// A run of lines that only the candidate has, and where the published file lacks them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct RemovedLines {
    /// The line of the published file that stands where they stood, or its last one, counted from 1.
    pub at: usize,
    /// The first and last of them in the candidate, counted from 1.
    pub lines: (usize, usize),
}

/// The lines that only `candidate` has and nothing stands in the place of, run by run; at most 100 runs.
pub fn removed_lines(published: &str, candidate: &str, ends: LineEnds) -> Vec<RemovedLines> {
    let (old, new) = (candidate.tokenize_lines(), published.tokenize_lines());
    let edits = line_edits(&old, &new, ends).into_iter();
    let removed = edits.filter(|edit| edit.new_range().is_empty() && !edit.old_range().is_empty());
    let told = removed.map(|edit| RemovedLines {
        at: (edit.new_range().start + 1).min(new.len()).max(1),
        lines: (edit.old_range().start + 1, edit.old_range().end),
    });
    told.take(MAX_RUNS).collect()
}

/// Most runs of lines that are told apart.
const MAX_RUNS: usize = 100;

/// First and last line of each run, runs without a line between them joined; the last of very many takes in the rest.
pub fn line_runs(added: &[AddedText]) -> Vec<(usize, usize)> {
    let mut runs: Vec<(usize, usize)> = Vec::new();
    for run in added {
        let last = run.line + run.text.lines().count().max(1) - 1;
        let full = runs.len() == MAX_RUNS;
        match runs.last_mut().filter(|before| full || before.1 + 1 >= run.line) {
            Some(before) => before.1 = last,
            None => runs.push((run.line, last)),
        }
    }
    runs
}

/// Where a program has what its candidate lacks, in bytes: statements where both can be read, lines otherwise.
///
/// A minified file is one line, so a line says too much there and a statement just enough.
pub fn added_code(published: &str, candidate: &str, kind: SourceKind) -> Vec<Range<usize>> {
    let statements = statement_diff(published.as_bytes(), candidate.as_bytes(), kind, ALL)
        .filter(|diff| diff.more == 0 && !diff.only_published.is_empty());
    match statements {
        Some(diff) => {
            let spans = diff.only_published.into_iter().flat_map(|excerpt| excerpt.spans);
            spans.filter(|span| !published.get(span.clone()).is_some_and(|text| text.trim().is_empty())).collect()
        }
        // Comments are no statements, and what does not parse has none.
        None => added_lines(published, candidate, LineEnds::Alike).into_iter().map(|run| run.span).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn added_lines_come_with_their_numbers() {
        let runs = added_lines("a\nnew\nb\nc\nmore\nlast\n", "a\nb\nc\nold\n", LineEnds::Count);
        let found: Vec<_> = runs.iter().map(|run| (run.line, run.text.as_str())).collect();
        assert_eq!(found, [(2, "new\n"), (5, "more\nlast\n")]);
        assert!(added_lines("a\n", "a\nb\n", LineEnds::Count).is_empty());
    }

    #[test]
    fn removed_lines_have_a_place() {
        let removed = |published: &str, candidate: &str| -> Vec<_> {
            removed_lines(published, candidate, LineEnds::Count).into_iter().map(|run| (run.at, run.lines)).collect()
        };
        assert_eq!(removed("a\nd\n", "a\nb\nc\nd\n"), [(2, (2, 3))]);
        assert_eq!(removed("a\n", "a\nb\n"), [(1, (2, 2))], "at its end");
        assert_eq!(removed("", "a\nb\n"), [(1, (1, 2))]);
        assert!(removed("a\nnew\n", "a\nold\n").is_empty(), "something stands in their place");
    }

    #[test]
    fn places_far_apart_are_runs_of_their_own() {
        let text: String = (1..=9).map(|number| format!("{number}\n")).collect();
        let published = text.replace("2\n", "2\nnew\nnewer\n").replace("8\n", "other\n");
        assert_eq!(line_runs(&added_lines(&published, &text, LineEnds::Count)), [(3, 4), (10, 10)]);
        assert_eq!(line_runs(&added_lines("a\nb\n", "", LineEnds::Count)), [(1, 2)]);
        assert!(line_runs(&[]).is_empty());
        let run = |line| AddedText { line, text: "a\n".to_owned(), span: 0..0 };
        let many: Vec<AddedText> = (1..=MAX_RUNS + 3).map(|number| run(2 * number)).collect();
        let runs = line_runs(&many);
        assert_eq!((runs.len(), runs.last()), (MAX_RUNS, Some(&(2 * MAX_RUNS, 2 * MAX_RUNS + 6))));
    }

    #[test]
    fn of_a_program_only_the_added_statement_comes_out() {
        let added = |published: &str, candidate: &str| -> Vec<String> {
            let spans = added_code(published, candidate, SourceKind::Unstated);
            spans.into_iter().map(|span| published[span].to_owned()).collect()
        };
        assert_eq!(added("a();evil();b()", "a();b()"), ["evil();"]);
        assert_eq!(added("f(1,()=>{a();evil()})", "f(2,()=>{a()})").last().map(String::as_str), Some("evil()"));
        assert_eq!(added("a() // evil\n", "a()\n"), ["a() // evil\n"]);
        assert_eq!(added("a(\nb(\nc(\n", "a(\nc(\n"), ["b(\n"]);
        // The comment is no statement, and the line ends are none of the difference.
        assert_eq!(added("eval(a)\r\nb() // new\r\n", "eval(a)\nb()\n"), ["b() // new\r\n"]);
    }
}
