//! Line diffs of published against candidate, for people.

use std::borrow::Cow;

use similar::{ChangeTag, DiffOp, DiffableStr as _, group_diff_ops};

use crate::compare::line_edits::line_edits;
use crate::compare::unexplained::AddedText;
use crate::source::seen_lines::{Place, SeenLines};
use crate::stabilize::javascript::SourceKind;

/// Largest text that is diffed, bytes; larger ones are described, not shown.
const TEXT_SIZE: usize = 4 << 20;
/// Longest part of a line that is shown, characters.
const LINE_LENGTH: usize = 240;
/// How much of an unchanged beginning of a long line is shown before the first difference, characters.
const LEAD: usize = 60;

/// One line of a hunk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DiffLine {
    /// `' '`, `-` (only the candidate has it) or `+` (only the published file has it).
    pub sign: char,
    /// The line, lossily decoded, shortened in the middle of very long lines.
    pub text: String,
}

/// A run of changed lines with context; spans are first line (counted from 1) and number of lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hunk {
    /// Where it is in the candidate.
    pub candidate: (usize, usize),
    /// Where it is in the published file.
    pub published: (usize, usize),
    /// The lines.
    pub lines: Vec<DiffLine>,
}

/// How one published file differs from its candidate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileDiff {
    /// Path inside the package.
    pub path: String,
    /// The first hunks.
    pub hunks: Vec<Hunk>,
    /// Hunks that are not shown.
    pub more_hunks: usize,
    /// Why there are no hunks (binary, too large), if so.
    pub note: Option<String>,
    /// Where the lines that only the published file has were seen before, in its order; empty where nobody looked.
    pub origins: Vec<LineOrigin>,
}

impl FileDiff {
    /// A difference that is described and not shown.
    pub fn noted(path: &str, note: String) -> Self {
        Self { path: path.to_owned(), hunks: Vec::new(), more_hunks: 0, note: Some(note), origins: Vec::new() }
    }
}

/// A run of lines that only the published file has, and where the repository had them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LineOrigin {
    /// First and last line in the published file, counted from 1.
    pub lines: (usize, usize),
    /// Where they were seen; `None` for lines that were never seen.
    pub place: Option<Place>,
    /// Whether all of the history could be looked at.
    pub certain: bool,
}

/// Joins lines of the same origin; lines without any text belong to those around them.
pub fn line_origins(added: &[AddedText], seen: &SeenLines) -> Vec<LineOrigin> {
    let mut origins: Vec<LineOrigin> = Vec::new();
    for run in added {
        for (offset, line) in run.text.lines().enumerate() {
            let number = run.line + offset;
            let text = line.trim();
            let place = seen.places.get(text);
            match origins.last_mut().filter(|last| last.lines.1 + 1 == number) {
                Some(last) if text.is_empty() || last.place.as_ref() == place => last.lines.1 = number,
                _ if text.is_empty() => {}
                _ => origins.push(LineOrigin {
                    lines: (number, number),
                    place: place.cloned(),
                    certain: place.is_some() || seen.complete,
                }),
            }
        }
    }
    origins
}

/// How much of a difference is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DiffDepth {
    /// Files.
    pub files: usize,
    /// Hunks of each file.
    pub hunks: usize,
    /// Lines of each hunk.
    pub lines: usize,
    /// Unchanged lines around a change.
    pub context: usize,
    /// Whether very long lines are cut down to the part that differs.
    pub shorten: bool,
}

impl DiffDepth {
    /// Enough to see what it is about.
    pub const EXCERPT: Self = Self { files: 12, hunks: 3, lines: 14, context: 2, shorten: true };
    /// Enough to read on a page what differs, still bounded.
    pub const PAGE: Self = Self { files: 40, hunks: 12, lines: 80, context: 3, shorten: true };
    /// Everything.
    pub const WHOLE: Self =
        Self { files: usize::MAX, hunks: usize::MAX, lines: usize::MAX, context: 3, shorten: false };
}

/// Diffs candidate against published; a side that does not exist counts as empty.
pub fn diff_texts(path: &str, candidate: Option<&[u8]>, published: Option<&[u8]>, depth: DiffDepth) -> FileDiff {
    let (old, new) = match texts(path, candidate, published) {
        Ok(texts) => texts,
        Err(note) => return FileDiff::noted(path, note),
    };
    let mut result =
        FileDiff { path: path.to_owned(), hunks: Vec::new(), more_hunks: 0, note: None, origins: Vec::new() };
    let (old, new) = (old.tokenize_lines(), new.tokenize_lines());
    for group in group_diff_ops(line_edits(&old, &new), depth.context) {
        if result.hunks.len() == depth.hunks {
            result.more_hunks += 1;
            continue;
        }
        let (Some(first), Some(last)) = (group.first(), group.last()) else { continue };
        let span = |start: usize, end: usize| (if end > start { start + 1 } else { start }, end - start);
        let mut hunk = Hunk {
            candidate: span(first.old_range().start, last.old_range().end),
            published: span(first.new_range().start, last.new_range().end),
            lines: Vec::new(),
        };
        let changes = || group.iter().flat_map(|operation| operation.iter_changes(&old[..], &new[..]));
        let deleted = changes().filter(|change| change.tag() == ChangeTag::Delete);
        let removed: Vec<&str> = deleted.map(|change| change.value()).take(depth.lines).collect();
        let mut added = 0;
        for change in changes().take(depth.lines) {
            let text = change.value().trim_end_matches('\n');
            let (sign, twin) = match change.tag() {
                ChangeTag::Equal => (' ', None),
                ChangeTag::Delete => ('-', None),
                ChangeTag::Insert => {
                    added += 1;
                    ('+', removed.get(added - 1).copied())
                }
            };
            let text = if depth.shorten { shorten(text, twin) } else { text.to_owned() };
            hunk.lines.push(DiffLine { sign, text });
        }
        let count: usize = group.iter().map(line_count).sum();
        if count > depth.lines {
            hunk.lines.push(DiffLine { sign: ' ', text: format!("… {} more lines", count - depth.lines) });
        }
        result.hunks.push(hunk);
    }
    result
}

fn line_count(operation: &DiffOp) -> usize {
    match operation {
        DiffOp::Equal { len, .. } => *len,
        _ => operation.old_range().len() + operation.new_range().len(),
    }
}

/// Both sides as texts; a program is one whatever bytes stand in its comments and strings.
fn texts<'a>(
    path: &str,
    candidate: Option<&'a [u8]>,
    published: Option<&'a [u8]>,
) -> Result<(Cow<'a, str>, Cow<'a, str>), String> {
    let is_program = SourceKind::of(path).is_some();
    let text = |content: Option<&'a [u8]>, side: &str| {
        let content = content.unwrap_or_default();
        if content.len() > TEXT_SIZE {
            return Err(format!("the {side} file is too large to diff ({} bytes, at most {TEXT_SIZE})", content.len()));
        }
        match std::str::from_utf8(content) {
            Ok(text) if !text.contains('\0') => Ok(Cow::Borrowed(text)),
            _ if is_program => Ok(String::from_utf8_lossy(content)),
            _ => Err(format!("the {side} file is binary ({} bytes)", content.len())),
        }
    };
    Ok((text(candidate, "candidate")?, text(published, "published")?))
}

/// Cuts a long line down to the part that differs from `twin`, the line it replaces.
fn shorten(line: &str, twin: Option<&str>) -> String {
    if line.chars().nth(LINE_LENGTH).is_none() {
        return line.to_owned();
    }
    let twin = twin.unwrap_or_default();
    let common = line.chars().zip(twin.chars()).take_while(|(a, b)| a == b).count();
    let start = common.saturating_sub(LEAD);
    let shown: String = line.chars().skip(start).take(LINE_LENGTH).collect();
    let rest = line.chars().count() - start - shown.chars().count();
    let before = if start > 0 { format!("… {start} characters … ") } else { String::new() };
    let after = if rest > 0 { format!(" … {rest} more characters") } else { String::new() };
    format!("{before}{shown}{after}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_appended_line_is_one_added_line() {
        let diff = diff_texts("index.js", Some(b"a\nb\n"), Some(b"a\nb\nevil()\n"), DiffDepth::EXCERPT);
        let added: Vec<_> = diff.hunks[0].lines.iter().filter(|line| line.sign == '+').collect();
        assert_eq!(added.len(), 1);
        assert_eq!(added[0].text, "evil()");
    }

    #[test]
    fn in_a_long_line_the_part_that_differs_is_shown() {
        let old = "x".repeat(5_000);
        let new = format!("{old}evil(){old}");
        let diff = diff_texts("a.min.js", Some(old.as_bytes()), Some(new.as_bytes()), DiffDepth::EXCERPT);
        let added = diff.hunks[0].lines.iter().find(|line| line.sign == '+').unwrap();
        assert!(added.text.contains("evil()") && added.text.len() < 500, "{}", added.text);
    }

    #[test]
    fn binary_and_huge_files_are_described() {
        assert!(diff_texts("a", Some(b"\0"), Some(b"b"), DiffDepth::EXCERPT).note.unwrap().contains("binary"));
        let huge = vec![b'a'; TEXT_SIZE + 1];
        assert!(diff_texts("a", None, Some(&huge), DiffDepth::EXCERPT).note.unwrap().contains("too large"));
    }
}
