//! A difference side by side: what it was compared with on the left, what was published on the right.

use maud::{Markup, html};

use super::{code, text};
use crate::compare::javascript::StatementExcerpt;
use crate::compare::{DiffLine, FileDiff, Hunk, RebuiltDifference};
use crate::count::counted;
use crate::report::words;

/// How many runs of added lines are told where they were seen.
const MAX_ORIGINS: usize = 12;

/// One row: a line of each side, or of one.
#[derive(Debug, Default, PartialEq, Eq)]
struct Row<'a> {
    left: Option<(usize, &'a str)>,
    right: Option<(usize, &'a str)>,
    changed: bool,
}

/// What differs between the published file and the one that the rebuild made.
pub(super) fn rebuilt(difference: &RebuiltDifference) -> Markup {
    let diff = match difference {
        RebuiltDifference::Lines(diff) => return lines(diff, "rebuilt"),
        RebuiltDifference::Statements(diff) => diff,
    };
    let side = |excerpts: &[StatementExcerpt], sign: &'static str| {
        html! {
            @for excerpt in excerpts {
                p.where { "line " (excerpt.line) ", column " (excerpt.column) }
                pre.statement.(sign) { @for line in excerpt.text.lines() { (code(line)) "\n" } }
            }
            @if excerpts.is_empty() { p { "none" } }
        }
    };
    html! {
        div.statements {
            div { h4 { "Only rebuilt" } (side(&diff.only_candidate, "removed")) }
            div { h4 { "Only published" } (side(&diff.only_published, "added")) }
        }
        @if diff.more > 0 { p { "… " (diff.more) " more" } }
    }
}

/// What differs line by line; `left` names what it was compared with.
pub(super) fn lines(diff: &FileDiff, left: &str) -> Markup {
    html! {
        @if let Some(note) = &diff.note { p { (text(note)) } }
        @if !diff.hunks.is_empty() {
            table.diff {
                caption { code { (text(&diff.path)) } }
                thead {
                    tr {
                        th.line scope="col" { span.hidden { (left) " line" } }
                        th scope="col" { (left) }
                        th.line scope="col" { span.hidden { "published line" } }
                        th scope="col" { "published" }
                    }
                }
                @for hunk in &diff.hunks { (of_hunk(hunk)) }
            }
        }
        @for origin in diff.origins.iter().take(MAX_ORIGINS) { p { (text(&words::origin(origin))) } }
        @if diff.more_hunks > 0 { p { "… " (counted(diff.more_hunks, "more place")) "; `tarproof diff` shows all" } }
    }
}

fn of_hunk(hunk: &Hunk) -> Markup {
    let (rows, rest) = rows(hunk);
    let cell = |side: Option<(usize, &str)>, class: &'static str, changed: bool| {
        html! {
            @match side {
                Some((number, line)) => {
                    td.line { (number) }
                    @if changed { td.(class) { span.sign { (if class == "added" { "+" } else { "-" }) } (code(line)) } }
                    @else { td { span.sign {} (code(line)) } }
                }
                None => { td.line {} td.nothing {} }
            }
        }
    };
    html! {
        tbody {
            @for row in rows { tr { (cell(row.left, "removed", row.changed)) (cell(row.right, "added", row.changed)) } }
            @if let Some(rest) = rest { tr { td.rest colspan="4" { (text(rest)) } } }
        }
    }
}

/// Lines paired: those removed with those that came in their place. Also the last line where it only counts the rest.
fn rows(hunk: &Hunk) -> (Vec<Row<'_>>, Option<&str>) {
    let shown = |skipped: char| hunk.lines.iter().filter(|line| line.sign != skipped).count();
    let is_cut = |last: &DiffLine| {
        // The counting line is none of either side, so a hunk that is whole never has one line too many.
        let whole = (hunk.candidate.1, hunk.published.1) == (shown('+'), shown('-'));
        last.sign == ' ' && last.text.starts_with('…') && !whole
    };
    let (lines, rest) = match hunk.lines.split_last() {
        Some((last, lines)) if is_cut(last) => (lines, Some(last.text.as_str())),
        _ => (&hunk.lines[..], None),
    };
    let (mut left, mut right) = (hunk.candidate.0, hunk.published.0);
    let mut rows = Vec::new();
    for group in lines.chunk_by(|a, b| (a.sign == ' ') == (b.sign == ' ')) {
        if group[0].sign == ' ' {
            for line in group {
                rows.push(Row { left: Some((left, &line.text)), right: Some((right, &line.text)), changed: false });
                (left, right) = (left + 1, right + 1);
            }
            continue;
        }
        let mut removed = group.iter().filter(|line| line.sign == '-');
        let mut added = group.iter().filter(|line| line.sign == '+');
        loop {
            let (old, new) = (removed.next(), added.next());
            if old.is_none() && new.is_none() {
                break;
            }
            let mut row = Row { changed: true, ..Row::default() };
            if let Some(line) = old {
                row.left = Some((left, &line.text));
                left += 1;
            }
            if let Some(line) = new {
                row.right = Some((right, &line.text));
                right += 1;
            }
            rows.push(row);
        }
    }
    (rows, rest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::{DiffDepth, diff_texts};

    fn rows_of(old: &str, new: &str, depth: DiffDepth) -> String {
        let diff = diff_texts("a", Some(old.as_bytes()), Some(new.as_bytes()), depth);
        let (rows, rest) = rows(&diff.hunks[0]);
        let side =
            |side: Option<(usize, &str)>| side.map_or("-".to_owned(), |(number, text)| format!("{number}{text}"));
        let rows: Vec<String> = rows.iter().map(|row| format!("{} {}", side(row.left), side(row.right))).collect();
        format!("{} {}", rows.join("|"), rest.unwrap_or("."))
    }

    #[test]
    fn replaced_lines_stand_beside_each_other() {
        assert_eq!(rows_of("a\nb\nc\n", "a\nx\ny\nc\n", DiffDepth::WHOLE), "1a 1a|2b 2x|- 3y|3c 4c .");
        assert_eq!(rows_of("", "x\n", DiffDepth::WHOLE), "- 1x .");
    }

    #[test]
    fn the_line_that_counts_the_rest_is_no_line_of_the_file() {
        let depth = DiffDepth { lines: 2, ..DiffDepth::WHOLE };
        assert_eq!(rows_of("a\n", "a\nb\nc\nd\n", depth), "1a 1a|- 2b … 2 more lines");
        // A file may hold such a line itself.
        assert_eq!(
            rows_of("… 2 more lines\n", "b\n… 2 more lines\n", DiffDepth::WHOLE),
            "- 1b|1… 2 more lines 2… 2 more lines ."
        );
    }
}
