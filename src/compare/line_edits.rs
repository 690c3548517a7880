//! Which lines were deleted, inserted and kept, in bounded time.
//!
//! A line diff costs the length of the texts times their distance, and both come from strangers: two files of a few
//! megabytes can keep it busy for an hour. So the distance is measured first, giving up early, and texts further apart
//! are taken as one replacement of everything between their common beginning and their common end.

use std::collections::HashMap;

use similar::{Algorithm, DiffOp, capture_diff_slices};

use crate::stabilize::javascript::SourceKind;

/// Most lines, deleted and inserted together, that are told apart.
const MAXIMUM_DISTANCE: isize = 5_000;
/// Most comparisons of lines that measuring the distance may take.
const MAXIMUM_STEPS: usize = 20_000_000;

/// Whether CRLF and LF are told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LineEnds {
    /// Another line end makes another line.
    Count,
    /// They are the same to the language, and count only where nothing else differs.
    Alike,
}

impl LineEnds {
    /// What they are in the file of that path.
    pub fn of(path: &str) -> Self {
        if SourceKind::of(path).is_some() { Self::Alike } else { Self::Count }
    }
}

/// Finds the edits that lead from `old` to `new`.
pub(super) fn line_edits(old: &[&str], new: &[&str], ends: LineEnds) -> Vec<DiffOp> {
    let edits = |old: &[&str], new: &[&str]| {
        let mut known = HashMap::new();
        number_edits(&numbered(old, &mut known), &numbered(new, &mut known))
    };
    if ends == LineEnds::Alike {
        let edits = edits(&without_ends(old), &without_ends(new));
        if edits.iter().any(|edit| !matches!(edit, DiffOp::Equal { .. })) {
            return edits;
        }
    }
    edits(old, new)
}

/// Lines without their CRLF or LF; a lone CR is part of its line.
fn without_ends<'t>(lines: &[&'t str]) -> Vec<&'t str> {
    let without_end =
        |line: &&'t str| line.strip_suffix('\n').map_or(*line, |line| line.strip_suffix('\r').unwrap_or(line));
    lines.iter().map(without_end).collect()
}

/// Finds the edits between sequences in which equal parts have equal numbers.
pub(super) fn number_edits(old: &[u32], new: &[u32]) -> Vec<DiffOp> {
    let same = |(left, right): &(&u32, &u32)| left == right;
    let head = old.iter().zip(new).take_while(same).count();
    let tail = old[head..].iter().rev().zip(new[head..].iter().rev()).take_while(same).count();
    let (old_len, new_len) = (old.len() - head - tail, new.len() - head - tail);
    if are_near(&old[head..head + old_len], &new[head..head + new_len]) {
        return capture_diff_slices(Algorithm::Myers, old, new);
    }
    let edits = [
        DiffOp::Equal { old_index: 0, new_index: 0, len: head },
        DiffOp::Replace { old_index: head, old_len, new_index: head, new_len },
        DiffOp::Equal { old_index: head + old_len, new_index: head + new_len, len: tail },
    ];
    edits.into_iter().filter(|edit| !edit.old_range().is_empty() || !edit.new_range().is_empty()).collect()
}

/// Gives equal lines equal numbers, so that each is looked at once.
fn numbered<'t>(lines: &[&'t str], known: &mut HashMap<&'t str, u32>) -> Vec<u32> {
    let number = |line: &&'t str| {
        // Far fewer lines are diffed than there are numbers.
        let next = known.len() as u32;
        *known.entry(*line).or_insert(next)
    };
    lines.iter().map(number).collect()
}

/// Whether few edits lead from one to the other: Myers' greedy search, of which only the length is kept.
fn are_near(old: &[u32], new: &[u32]) -> bool {
    if old.is_empty() || new.is_empty() {
        return true;
    }
    let limit = MAXIMUM_DISTANCE.min((old.len() + new.len()) as isize);
    // By diagonal: how many lines of `old` are used up at best.
    let mut furthest = vec![0_isize; 2 * limit as usize + 3];
    let mut steps = MAXIMUM_STEPS;
    for distance in 0..=limit {
        for diagonal in (-distance..=distance).step_by(2) {
            let index = (diagonal + limit + 1) as usize;
            let inserts = diagonal == -distance || diagonal != distance && furthest[index - 1] < furthest[index + 1];
            let start = if inserts { furthest[index + 1] } else { furthest[index - 1] + 1 };
            let (old_rest, new_rest) = (old.get(start as usize..), new.get((start - diagonal) as usize..));
            let (old_rest, new_rest) = (old_rest.unwrap_or_default(), new_rest.unwrap_or_default());
            let kept = old_rest.iter().zip(new_rest).take(steps).take_while(|(left, right)| left == right).count();
            furthest[index] = start + kept as isize;
            if kept == old_rest.len() && kept == new_rest.len() {
                return true;
            }
            steps -= kept;
            if steps == 0 {
                return false;
            }
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What `edits` make of `old`, taking inserted lines from `new`.
    fn apply<'t>(edits: &[DiffOp], old: &[&'t str], new: &[&'t str]) -> Vec<&'t str> {
        let lines = edits.iter().flat_map(|edit| match edit {
            DiffOp::Equal { .. } => old[edit.old_range()].to_vec(),
            _ => new[edit.new_range()].to_vec(),
        });
        lines.collect()
    }

    #[test]
    fn near_texts_are_diffed_and_far_ones_replaced() {
        let lines: Vec<String> = (0..40_000).map(|line: u64| (line * 7_919 % 9_973).to_string()).collect();
        let old: Vec<&str> = lines.iter().map(String::as_str).collect();
        let mut near = old.clone();
        near.insert(30_000, "x");
        near.remove(100);
        assert_eq!(line_edits(&old, &near, LineEnds::Count).len(), 5);

        let mut far: Vec<&str> = old.iter().rev().copied().collect();
        (far[0], far[39_999]) = (old[0], old[39_999]);
        let edits = line_edits(&old, &far, LineEnds::Count);
        assert!(edits.len() <= 3, "{edits:?}");
        assert_eq!(apply(&edits, &old, &far), far);
    }

    #[test]
    fn line_ends_count_where_they_are_all_that_differs() {
        let (old, new) = (["a\n", "b\n", "c"], ["a\r\n", "new\r\n", "c\r\n"]);
        let inserted = |ends| -> Vec<&str> {
            let edits = line_edits(&old, &new, ends).into_iter();
            edits
                .filter(|edit| !matches!(edit, DiffOp::Equal { .. }))
                .flat_map(|edit| new[edit.new_range()].to_vec())
                .collect()
        };
        assert_eq!(inserted(LineEnds::Alike), ["new\r\n"]);
        assert_eq!(inserted(LineEnds::Count), new);
        assert_eq!(line_edits(&["a\n"], &["a\r\n"], LineEnds::Alike).len(), 1);
        assert!(!matches!(line_edits(&["a\n"], &["a\r\n"], LineEnds::Alike)[0], DiffOp::Equal { .. }));
        assert!(!matches!(line_edits(&["//a\n", "b"], &["//a\rb"], LineEnds::Alike)[0], DiffOp::Equal { .. }));
    }

    #[test]
    fn the_measured_distance_is_a_distance() {
        assert!(are_near(&[1, 2, 3], &[2, 3, 4]));
        assert!(are_near(&[1], &[2]));
        let all: Vec<u32> = (0..3_000).collect();
        let none: Vec<u32> = (10_000..13_000).collect();
        assert!(!are_near(&all, &none));
        assert!(are_near(&all, &none[..1_500]));
    }

    proptest::proptest! {
        #[test]
        fn edits_lead_from_one_text_to_the_other(old in "[abc]{0,30}", new in "[abc]{0,30}") {
            let (old, new): (Vec<&str>, Vec<&str>) = (old.split("").collect(), new.split("").collect());
            let edits = line_edits(&old, &new, LineEnds::Count);
            proptest::prop_assert_eq!(apply(&edits, &old, &new), new);
        }
    }
}
