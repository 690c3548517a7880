//! Line diffs of published against candidate, for people.

use std::borrow::Cow;

use similar::{Change, ChangeTag, DiffOp, DiffableStr as _, group_diff_ops};

use crate::compare::line_edits::{LineEnds, line_edits};
use crate::compare::unexplained::AddedText;
use crate::count::counted;
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

impl Hunk {
    /// Whether a line of the published file is to be seen in it.
    pub fn shows(&self, line: usize) -> bool {
        let shown = self.lines.iter().filter(|line| line.sign != '-').count();
        // Where lines are left out, one more counts them.
        let shown = shown.min(self.published.1);
        (self.published.0..self.published.0 + shown).contains(&line)
    }
}

/// How one published file differs from its candidate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileDiff {
    /// Path inside the package.
    pub path: String,
    /// In their order, or where not all need be shown those that matter most first.
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

/// A line of the published file that matters, and what stands there; empty where all of the line counts alike.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FocusLine {
    /// The line, counted from 1.
    pub line: usize,
    /// The part of it that matters.
    pub text: String,
}

/// Diffs candidate against published; a side that does not exist counts as empty.
pub fn diff_texts(path: &str, candidate: Option<&[u8]>, published: Option<&[u8]>, depth: DiffDepth) -> FileDiff {
    diff_texts_around(path, candidate, published, depth, &[])
}

/// The same with the hunks first that hold one of `focus`, whose lines begin with the most telling one.
///
/// Of a hunk that is longer than what is shown, the part around that line is.
pub fn diff_texts_around(
    path: &str,
    candidate: Option<&[u8]>,
    published: Option<&[u8]>,
    depth: DiffDepth,
    focus: &[FocusLine],
) -> FileDiff {
    let (old, new) = match texts(path, candidate, published) {
        Ok(texts) => texts,
        Err(note) => return FileDiff::noted(path, note),
    };
    let (old, new) = (old.tokenize_lines(), new.tokenize_lines());
    let rank = |group: &[DiffOp]| {
        let lines = || group.iter().map(DiffOp::new_range);
        focus.iter().position(|focus| lines().any(|lines| (lines.start + 1..=lines.end).contains(&focus.line)))
    };
    // What is shown in full is a patch.
    let ends = if depth.shorten { LineEnds::of(path) } else { LineEnds::Count };
    let mut groups: Vec<(usize, Vec<DiffOp>)> = group_diff_ops(line_edits(&old, &new, ends), depth.context)
        .into_iter()
        .map(|group| (rank(&group).unwrap_or(focus.len()), group))
        .collect();
    groups.sort_by_key(|(rank, _)| *rank);
    FileDiff {
        path: path.to_owned(),
        more_hunks: groups.len().saturating_sub(depth.hunks),
        hunks: groups
            .into_iter()
            .take(depth.hunks)
            .filter_map(|(rank, group)| hunk(&group, &old, &new, depth, focus.get(rank)))
            .collect(),
        note: None,
        origins: Vec::new(),
    }
}

/// One hunk, or so much of it around the line that matters as is shown.
fn hunk(group: &[DiffOp], old: &[&str], new: &[&str], depth: DiffDepth, focus: Option<&FocusLine>) -> Option<Hunk> {
    let (first, last) = (group.first()?, group.last()?);
    let changes = || group.iter().flat_map(|operation| operation.iter_changes(old, new));
    let is_focus = |change: &Change<&str>| {
        change.new_index().is_some_and(|index| focus.is_some_and(|focus| focus.line == index + 1))
    };
    let count: usize = group.iter().map(line_count).sum();
    let hidden = count.saturating_sub(depth.lines);
    let start = match changes().position(|change| is_focus(&change)) {
        // Unless the line is at the end there is as much below it as fits.
        Some(index) if index >= depth.lines => index.saturating_sub(depth.context).min(hidden),
        _ => 0,
    };
    let skipped = |sign: ChangeTag| changes().take(start).filter(|change| change.tag() == sign).count();
    let (unchanged, deleted, mut added) =
        (skipped(ChangeTag::Equal), skipped(ChangeTag::Delete), skipped(ChangeTag::Insert));
    let span = |start: usize, end: usize| (if end > start { start + 1 } else { start }, end - start);
    let mut hunk = Hunk {
        candidate: span(first.old_range().start + unchanged + deleted, last.old_range().end),
        published: span(first.new_range().start + unchanged + added, last.new_range().end),
        lines: Vec::new(),
    };
    let removed: Vec<&str> =
        changes().filter(|change| change.tag() == ChangeTag::Delete).map(|change| change.value()).collect();
    for change in changes().skip(start).take(depth.lines) {
        let text = change.value().trim_end_matches('\n');
        let (sign, twin) = match change.tag() {
            ChangeTag::Equal => (' ', None),
            ChangeTag::Delete => ('-', None),
            ChangeTag::Insert => {
                added += 1;
                ('+', removed.get(added - 1).copied())
            }
        };
        let wanted = focus.filter(|_| is_focus(&change)).map(|focus| focus.text.as_str());
        let text = if depth.shorten { shorten(text, twin, wanted) } else { text.to_owned() };
        hunk.lines.push(DiffLine { sign, text });
    }
    if hidden > 0 {
        hunk.lines.push(DiffLine { sign: ' ', text: format!("… {}", counted(hidden, "more line")) });
    }
    Some(hunk)
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

/// Cuts a long line down to the part that differs from `twin`, the line it replaces, or from there on to `wanted`.
fn shorten(line: &str, twin: Option<&str>, wanted: Option<&str>) -> String {
    if line.chars().nth(LINE_LENGTH).is_none() {
        return line.to_owned();
    }
    let twin = twin.unwrap_or_default();
    let common: usize = line.chars().zip(twin.chars()).take_while(|(a, b)| a == b).map(|(a, _)| a.len_utf8()).sum();
    let differing = line.get(common..).unwrap_or_default();
    let wanted = wanted.filter(|wanted| !wanted.is_empty());
    let place = wanted.and_then(|wanted| {
        let place = differing.find(wanted)?;
        // What is in sight anyway needs no search.
        differing.get(..place + wanted.len())?.chars().nth(LINE_LENGTH - LEAD).map(|_| place)
    });
    let before = line.get(..common + place.unwrap_or_default()).unwrap_or_default();
    let start = before.chars().count().saturating_sub(LEAD);
    let shown: String = line.chars().skip(start).take(LINE_LENGTH).collect();
    let rest = line.chars().count() - start - shown.chars().count();
    let before = if start > 0 { format!("… {} … ", counted(start, "character")) } else { String::new() };
    let after = if rest > 0 { format!(" … {}", counted(rest, "more character")) } else { String::new() };
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
    fn a_report_shows_what_differs_beside_line_ends_and_a_patch_all() {
        let (old, new) = ("a\n".repeat(20), "a\r\n".repeat(20) + "evil()\r\n");
        let added = |path: &str, depth: DiffDepth| {
            let diff = diff_texts(path, Some(old.as_bytes()), Some(new.as_bytes()), depth);
            let lines = diff.hunks.iter().flat_map(|hunk| &hunk.lines);
            lines.filter(|line| line.sign == '+').count()
        };
        assert_eq!(added("a.js", DiffDepth::PAGE), 1);
        assert_eq!(added("a.js", DiffDepth::WHOLE), 21);
        assert_eq!(added("a.sh", DiffDepth::PAGE), 21);
    }

    #[test]
    fn in_a_long_line_the_part_that_differs_is_shown() {
        let old = "x".repeat(5_000);
        let new = format!("{old}evil(){old}");
        let diff = diff_texts("a.min.js", Some(old.as_bytes()), Some(new.as_bytes()), DiffDepth::EXCERPT);
        let added = diff.hunks[0].lines.iter().find(|line| line.sign == '+').unwrap();
        assert!(added.text.contains("evil()") && added.text.len() < 500, "{}", added.text);
    }

    /// A hundred lines, of which every tenth is another one.
    fn scattered(mark: &str) -> String {
        let line =
            |number: usize| if number.is_multiple_of(10) { format!("{mark} {number}") } else { number.to_string() };
        (1..=100).map(|number| line(number) + "\n").collect()
    }

    #[test]
    fn the_hunk_that_matters_is_the_first_one() {
        let (old, new) = (scattered("old"), scattered("new"));
        let starts = |lines: &[usize]| -> Vec<usize> {
            let focus: Vec<_> = lines.iter().map(|line| FocusLine { line: *line, text: String::new() }).collect();
            let depth = DiffDepth::EXCERPT;
            let diff = diff_texts_around("a", Some(old.as_bytes()), Some(new.as_bytes()), depth, &focus);
            assert_eq!((diff.hunks.len(), diff.more_hunks), (3, 7));
            diff.hunks.iter().map(|hunk| hunk.published.0 + 2).collect()
        };
        assert_eq!(starts(&[]), [10, 20, 30]);
        assert_eq!(starts(&[90]), [90, 10, 20]);
        assert_eq!(starts(&[90, 55, 70]), [90, 70, 10]);
    }

    #[test]
    fn of_a_long_hunk_the_part_that_matters_is_shown() {
        let new: String = (1..=60).map(|number| format!("line {number}\n")).collect();
        let shown = |line: usize| {
            let focus = [FocusLine { line, text: String::new() }];
            let diff = diff_texts_around("a", None, Some(new.as_bytes()), DiffDepth::EXCERPT, &focus);
            let [hunk] = &diff.hunks[..] else { panic!("{diff:?}") };
            assert_eq!(hunk.lines.len(), DiffDepth::EXCERPT.lines + 1);
            assert_eq!(hunk.lines.last().unwrap().text, "… 46 more lines");
            let first = &hunk.lines[0].text;
            assert_eq!(*first, format!("line {}", hunk.published.0));
            assert!(hunk.lines.iter().any(|shown| shown.text == format!("line {line}")), "{hunk:?}");
            hunk.published
        };
        assert_eq!(shown(3), (1, 60));
        assert_eq!(shown(40), (38, 23));
        assert_eq!(shown(60), (47, 14));
    }

    #[test]
    fn of_a_long_line_the_part_that_matters_is_shown() {
        let line = format!("{};fetch('evil');{}", "ä".repeat(900), "y".repeat(900));
        let text = "fetch('evil')".to_owned();
        let focus = [FocusLine { line: 1, text }];
        let diff = diff_texts_around("a.min.js", None, Some(line.as_bytes()), DiffDepth::EXCERPT, &focus);
        let shown = &diff.hunks[0].lines[0].text;
        assert!(shown.starts_with("… 841 characters … ä") && shown.contains("fetch('evil')"), "{shown}");
    }

    #[test]
    fn binary_and_huge_files_are_described() {
        assert!(diff_texts("a", Some(b"\0"), Some(b"b"), DiffDepth::EXCERPT).note.unwrap().contains("binary"));
        let huge = vec![b'a'; TEXT_SIZE + 1];
        assert!(diff_texts("a", None, Some(&huge), DiffDepth::EXCERPT).note.unwrap().contains("too large"));
    }
}
