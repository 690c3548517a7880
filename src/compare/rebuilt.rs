use super::javascript::{StatementDiff, StatementExcerpt, StatementLimits, statement_diff, token_equal};
use super::text_diff::{DiffDepth, FileDiff, FocusLine, Hunk, diff_texts};
use crate::stabilize::javascript::SourceKind;
use crate::stabilize::{RebuildContext, StabilizerId, equal_after_rebuild, same_interpreter, stabilize_rebuilt};

/// How a published file relates to the one that a rebuild made, strongest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RebuiltComparison {
    /// Byte by byte.
    Identical,
    /// Equal after the named stabilizers.
    Stabilized {
        /// Those that were needed.
        stabilizers: Vec<StabilizerId>,
    },
    /// Not equal, but the same program: only white space and plain comments differ. Weaker than equality.
    Attributed {
        /// Those that were needed before.
        stabilizers: Vec<StabilizerId>,
    },
    /// Neither.
    Different(RebuiltDifference),
}

/// The smallest form in which a difference could be shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RebuiltDifference {
    /// The statements that only one side has; never empty.
    Statements(StatementDiff),
    /// Lines, or why there are none, for what cannot be read as a program.
    Lines(FileDiff),
}

impl RebuiltDifference {
    /// Brings first what holds one of `focus`, whose lines begin with the most telling one.
    ///
    /// Where that one is not among what was kept, `lines` takes the place of all, if it has any.
    pub fn focus(&mut self, focus: &[FocusLine], lines: &FileDiff) {
        let Some(first) = focus.first() else { return };
        let has_first = match self {
            Self::Statements(diff) => {
                let rank = |excerpt: &StatementExcerpt| focus.iter().position(|line| is_within(excerpt, line));
                diff.only_published.sort_by_key(|excerpt| rank(excerpt).unwrap_or(usize::MAX));
                diff.only_published.first().is_some_and(|excerpt| is_within(excerpt, first))
            }
            Self::Lines(diff) => {
                let rank = |hunk: &Hunk| focus.iter().position(|line| hunk.shows(line.line));
                diff.hunks.sort_by_key(|hunk| rank(hunk).unwrap_or(usize::MAX));
                diff.hunks.first().is_some_and(|hunk| hunk.shows(first.line))
            }
        };
        if !has_first && !lines.hunks.is_empty() {
            *self = Self::Lines(lines.clone());
        }
    }
}

/// Whether the line is to be seen in what was kept of the statement.
fn is_within(excerpt: &StatementExcerpt, line: &FocusLine) -> bool {
    let lines = excerpt.line..excerpt.line + excerpt.text.lines().count().max(1);
    let is_whole = !excerpt.text.contains('…');
    lines.contains(&line.line) && (is_whole || excerpt.text.contains(&line.text))
}

/// Compares one file of the artifact with the file of the same path that a rebuild made.
///
/// Differences are those that remain after the stabilizers, so a time of the build within one is shown by its form,
/// such as `<yyyy-mm-dd>`.
pub fn compare_rebuilt(path: &str, published: &[u8], candidate: &[u8], context: &RebuildContext) -> RebuiltComparison {
    if published == candidate {
        return RebuiltComparison::Identical;
    }
    if let Some(stabilizers) = equal_after_rebuild(path, published, candidate, context) {
        return RebuiltComparison::Stabilized { stabilizers };
    }
    let kind = SourceKind::of(path);
    // Tokens say nothing of how the system starts a file.
    if !same_interpreter(published, candidate) {
        return lines(path, published, candidate);
    }
    if kind.is_some_and(|kind| token_equal(published, candidate, kind)) {
        return RebuiltComparison::Attributed { stabilizers: Vec::new() };
    }
    let stable = stabilize_rebuilt(path, published, candidate, context);
    let Some(kind) = kind else {
        return lines(path, &stable.published, &stable.candidate);
    };
    if !stable.used.is_empty() && token_equal(&stable.published, &stable.candidate, kind) {
        return RebuiltComparison::Attributed { stabilizers: stable.used };
    }
    match statement_diff(&stable.published, &stable.candidate, kind, StatementLimits::EXCERPT) {
        Some(statements) if !statements.is_empty() => {
            RebuiltComparison::Different(RebuiltDifference::Statements(statements))
        }
        _ => lines(path, &stable.published, &stable.candidate),
    }
}

fn lines(path: &str, published: &[u8], candidate: &[u8]) -> RebuiltComparison {
    let lines = diff_texts(path, Some(candidate), Some(published), DiffDepth::EXCERPT);
    RebuiltComparison::Different(RebuiltDifference::Lines(lines))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compare(path: &str, published: &str, candidate: &str) -> RebuiltComparison {
        let context = RebuildContext { build_directory: "/build/work".to_owned(), published_at: Some(1_757_337_371) };
        compare_rebuilt(path, published.as_bytes(), candidate.as_bytes(), &context)
    }

    #[test]
    fn the_strongest_relation_is_named() {
        assert_eq!(compare("a.js", "a()", "a()"), RebuiltComparison::Identical);
        let stabilizers = vec![StabilizerId::Banner];
        assert_eq!(compare("a.js", "// 2025\na()", "// 2024\na()"), RebuiltComparison::Stabilized { stabilizers });
        assert_eq!(compare("a.js", "a( )\n", "a() // b\n"), RebuiltComparison::Attributed { stabilizers: Vec::new() });
        let stabilizers = vec![StabilizerId::Timestamp];
        assert_eq!(
            compare("a.js", "a('2025-09-08T13:16:11Z' )\n", "a('2025-09-08T13:16:10Z')\n"),
            RebuiltComparison::Attributed { stabilizers }
        );
        // Not a language that is read.
        assert!(matches!(compare("a.py", "a( )\n", "a()\n"), RebuiltComparison::Different(_)));
    }

    #[test]
    fn a_payload_beside_excused_differences_is_shown_alone() {
        let published = "/*! x v1.0.1 */\r\n!function(){t='2025-09-08T13:16:11Z';a();fetch(evil)}()\r\n";
        let candidate = "/*! x v1.0.0 */\n!function(){t='2025-09-08T13:16:10Z';a()}()\n";
        let RebuiltComparison::Different(RebuiltDifference::Statements(found)) = compare("a.js", published, candidate)
        else {
            panic!("statements");
        };
        assert_eq!(found.only_published.len(), 1, "{found:?}");
        assert_eq!((found.only_published[0].text.as_str(), found.only_published[0].line), ("fetch(evil)", 2));
        assert!(found.only_candidate.is_empty() && found.more == 0);
    }

    #[test]
    fn the_statement_that_matters_is_the_first_one() {
        let published = "a(1);\nb();\nc(2);\nfetch(evil);\n".repeat(9);
        let candidate = "b();\n".repeat(9);
        let RebuiltComparison::Different(mut found) = compare("a.js", &published, &candidate) else { panic!() };
        let diff = diff_texts("a.js", Some(candidate.as_bytes()), Some(published.as_bytes()), DiffDepth::EXCERPT);
        let line = |line| FocusLine { line, text: "fetch(evil)".to_owned() };
        found.focus(&[line(8), line(4)], &diff);
        let RebuiltDifference::Statements(statements) = &found else { panic!("{found:?}") };
        let first: Vec<usize> = statements.only_published.iter().map(|excerpt| excerpt.line).take(3).collect();
        assert_eq!(first, [8, 4, 1]);
        // Not among the statements that were kept.
        found.focus(&[line(36)], &diff);
        assert_eq!(found, RebuiltDifference::Lines(diff));
    }

    #[test]
    fn what_cannot_be_read_is_shown_by_lines() {
        let RebuiltComparison::Different(RebuiltDifference::Lines(found)) = compare("a.js", "a b\n", "a c\n") else {
            panic!("lines");
        };
        assert_eq!(found.hunks.len(), 1);
        // The same statements, but one is an order to a bundler.
        let RebuiltComparison::Different(RebuiltDifference::Lines(found)) =
            compare("a.js", "/*#__PURE__*/ a()\n", "a()\n")
        else {
            panic!("lines");
        };
        assert_eq!(found.hunks.len(), 1);
    }
}
