use super::javascript::{StatementDiff, StatementLimits, statement_diff, token_equal};
use super::text_diff::{DiffDepth, FileDiff, diff_texts};
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

/// Compares one file of the artifact with the file of the same path that a rebuild made.
///
/// Differences are those that remain after the stabilizers, so a time of the build within one is shown as
/// `<timestamp>`.
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
