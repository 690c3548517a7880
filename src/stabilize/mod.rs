//! Named, pure passes over both sides before they are compared once more.
//!
//! A stabilizer removes a difference that cannot change what a file does. It is idempotent, treats both sides alike,
//! and its name stands in the ledger wherever it was needed. There are two tables, each in the order of application:
//! what git's copy of a file may differ in ([`equal_after`]), and what a second build of it may differ in
//! ([`equal_after_rebuild`]). `docs/stabilizers.md` says of each why it cannot hide an executable change.

mod banner;
mod build_path;
mod calendar;
mod eol;
pub mod javascript;
mod literal;
mod source_map;
mod timestamp;

use std::fmt;

use crate::package::without_byte_order_mark;

/// A stabilizer's stable id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum StabilizerId {
    /// Line ends, byte order mark and final newline of text files.
    Eol,
    /// Dates, years and versions in the comments that a file begins with.
    Banner,
    /// Times of the build.
    Timestamp,
    /// Where a source map says that the sources lay.
    SourceMap,
    /// The directory in which the build ran.
    BuildPath,
}

impl fmt::Display for StabilizerId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Eol => "eol",
            Self::Banner => "banner",
            Self::Timestamp => "timestamp",
            Self::SourceMap => "source-map",
            Self::BuildPath => "build-path",
        })
    }
}

/// What is known of the rebuild that made a candidate.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RebuildContext {
    /// Absolute path of the directory in which it was built, as the build saw it; without a slash at its end.
    pub build_directory: String,
    /// When the release was published, seconds since 1970. The rebuild's clock is set to it.
    pub published_at: Option<i64>,
}

/// Both sides of one file.
struct Sides<'a> {
    path: &'a str,
    published: &'a [u8],
    candidate: &'a [u8],
    context: &'a RebuildContext,
}

/// Both sides after a pass, published first.
type Passed = (Vec<u8>, Vec<u8>);
/// `None` where the pass does not apply to a file at this path.
type Pass = fn(&str, &[u8]) -> Option<Vec<u8>>;
/// The same for a pass that needs to know more than one content.
type RebuildPass = fn(&Sides<'_>) -> Option<Passed>;

/// Every stabilizer of a comparison with git.
const STABILIZERS: [(StabilizerId, Pass); 1] = [(StabilizerId::Eol, eol::stabilize)];

/// Every stabilizer of a comparison with a rebuild.
const REBUILD_STABILIZERS: [(StabilizerId, RebuildPass); 5] = [
    (StabilizerId::Eol, |sides| {
        Some((eol::stabilize(sides.path, sides.published)?, eol::stabilize(sides.path, sides.candidate)?))
    }),
    (StabilizerId::Banner, banner::stabilize),
    (StabilizerId::Timestamp, timestamp::stabilize),
    (StabilizerId::SourceMap, source_map::stabilize),
    (StabilizerId::BuildPath, build_path::stabilize),
];

/// The ids of all stabilizers, in the order of application.
pub fn stabilizers() -> impl Iterator<Item = StabilizerId> {
    REBUILD_STABILIZERS.iter().map(|(id, _)| *id)
}

/// Whether two contents of a file at `path` are equal after some stabilizers, and which were needed.
pub fn equal_after(path: &str, published: &[u8], candidate: &[u8]) -> Option<Vec<StabilizerId>> {
    if !same_interpreter(published, candidate) {
        return None;
    }
    let (mut published, mut candidate) = (published.to_vec(), candidate.to_vec());
    let mut used = Vec::new();
    for (id, pass) in STABILIZERS {
        let (Some(left), Some(right)) = (pass(path, &published), pass(path, &candidate)) else { continue };
        if left != published || right != candidate {
            used.push(id);
        }
        (published, candidate) = (left, right);
        if published == candidate {
            return Some(used);
        }
    }
    None
}

/// Whether the system would start two contents in the same way.
///
/// Where `#!` begins the file, what stands before the first LF is read by the kernel and by installers, not by
/// JavaScript: a lone CR ends a line for one and not for the other, and with a byte order mark before it there is no
/// `#!` at all. One CR right before the LF is what installers take away.
pub fn same_interpreter(published: &[u8], candidate: &[u8]) -> bool {
    let line = |content: &[u8]| {
        let rest = without_byte_order_mark(content);
        let end = content.iter().position(|byte| *byte == b'\n').unwrap_or(content.len());
        let line = content[..end].strip_suffix(b"\r").unwrap_or(&content[..end]);
        rest.starts_with(b"#!").then(|| line.to_vec())
    };
    line(published) == line(candidate)
}

/// A published file and its rebuilt candidate after every stabilizer that applies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stabilized {
    /// The published side.
    pub published: Vec<u8>,
    /// The candidate.
    pub candidate: Vec<u8>,
    /// The stabilizers that changed a side.
    pub used: Vec<StabilizerId>,
}

/// Applies every stabilizer for rebuilt files.
pub fn stabilize_rebuilt(path: &str, published: &[u8], candidate: &[u8], context: &RebuildContext) -> Stabilized {
    apply(path, published, candidate, context, &|_| true)
}

/// Whether a published file equals its rebuilt candidate after some stabilizers, and which were needed.
pub fn equal_after_rebuild(
    path: &str,
    published: &[u8],
    candidate: &[u8],
    context: &RebuildContext,
) -> Option<Vec<StabilizerId>> {
    if !same_interpreter(published, candidate) {
        return None;
    }
    let equal_with = |wanted: &[StabilizerId]| {
        let result = apply(path, published, candidate, context, &|id| wanted.contains(&id));
        (result.published == result.candidate).then_some(result.used)
    };
    let all: Vec<StabilizerId> = stabilizers().collect();
    let mut needed = equal_with(&all)?;
    // A pass may have changed both sides without being needed.
    for id in needed.clone() {
        let fewer: Vec<StabilizerId> = needed.iter().copied().filter(|other| *other != id).collect();
        if let Some(enough) = equal_with(&fewer) {
            needed = enough;
        }
    }
    Some(needed)
}

fn apply(
    path: &str,
    published: &[u8],
    candidate: &[u8],
    context: &RebuildContext,
    wanted: &dyn Fn(StabilizerId) -> bool,
) -> Stabilized {
    let mut result = Stabilized { published: published.to_vec(), candidate: candidate.to_vec(), used: Vec::new() };
    for (id, pass) in REBUILD_STABILIZERS.into_iter().filter(|(id, _)| wanted(*id)) {
        if result.published == result.candidate {
            break;
        }
        let sides = Sides { path, published: &result.published, candidate: &result.candidate, context };
        let Some((published, candidate)) = pass(&sides) else { continue };
        if published != result.published || candidate != result.candidate {
            result.used.push(id);
        }
        (result.published, result.candidate) = (published, candidate);
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    fn context() -> RebuildContext {
        RebuildContext { build_directory: "/build/work".to_owned(), published_at: Some(1_757_337_371) }
    }

    fn needed(path: &str, published: &str, candidate: &str) -> Option<Vec<StabilizerId>> {
        let result = equal_after_rebuild(path, published.as_bytes(), candidate.as_bytes(), &context());
        let backwards = equal_after_rebuild(path, candidate.as_bytes(), published.as_bytes(), &context());
        assert_eq!(result, backwards, "symmetric");
        result
    }

    #[test]
    fn what_the_kernel_reads_is_compared_byte_by_byte() {
        let honest = b"#!/usr/bin/env node\na()\n";
        for other in [
            &b"\xef\xbb\xbf#!/usr/bin/env node\na()\n"[..],
            b"#!/usr/bin/env node\r//x\na()\n",
            b"#!/usr/bin/env node\xe2\x80\xa8//x\na()\n",
            b"a()\n",
        ] {
            assert!(!same_interpreter(other, honest), "{other:?}");
            assert_eq!(equal_after("a.js", other, honest), None);
            assert_eq!(equal_after_rebuild("a.js", other, honest, &context()), None);
        }
        assert!(equal_after("a.js", b"#!/usr/bin/env node\r\na()\r\n", honest).is_some());
    }

    #[test]
    fn only_what_was_needed_is_named() {
        assert_eq!(needed("a.js", "/* 2025 */\na()", "/* 2024 */\na()"), Some(vec![StabilizerId::Banner]));
        assert_eq!(needed("a.js", "/* 2025 */\na()\n", "/* 2025 */\na()"), Some(vec![StabilizerId::Eol]));
        assert_eq!(
            needed("a.js", "/* v1.0.0 */\r\nt='2025-09-08T13:16:11Z'", "/* v1.0.1 */\nt='2025-09-08T13:00:00Z'"),
            Some(vec![StabilizerId::Eol, StabilizerId::Banner, StabilizerId::Timestamp])
        );
        assert_eq!(needed("a.js", "a()", "b()"), None);
    }

    #[test]
    fn the_page_has_a_section_for_each_in_their_order() {
        let page = include_str!("../../docs/stabilizers.md");
        let headings: Vec<&str> = page.lines().filter_map(|line| line.strip_prefix("## ")).collect();
        assert_eq!(headings, stabilizers().map(|id| id.to_string()).collect::<Vec<_>>());
    }

    #[test]
    fn comparing_with_git_uses_none_of_the_build_stabilizers() {
        assert_eq!(equal_after("a.js", b"/* 2025 */\na()\n", b"/* 2024 */\na()\n"), None);
    }

    proptest::proptest! {
        #[test]
        fn stabilizing_is_idempotent_and_symmetric(
            published in prop_side(), candidate in prop_side(), path in "(a\\.js|a\\.css|a\\.js\\.map|a\\.txt)"
        ) {
            let context = context();
            let once = stabilize_rebuilt(&path, published.as_bytes(), candidate.as_bytes(), &context);
            let twice = stabilize_rebuilt(&path, &once.published, &once.candidate, &context);
            proptest::prop_assert_eq!(&twice.published, &once.published);
            proptest::prop_assert_eq!(&twice.candidate, &once.candidate);
            let swapped = stabilize_rebuilt(&path, candidate.as_bytes(), published.as_bytes(), &context);
            proptest::prop_assert_eq!((swapped.candidate, swapped.published), (once.published, once.candidate));
        }
    }

    fn prop_side() -> impl proptest::strategy::Strategy<Value = String> {
        use proptest::prelude::*;
        let pieces = prop::sample::select(vec![
            "/* ",
            " */",
            "2025",
            "v1.2.3",
            "\n",
            "'",
            "a()",
            "2025-09-08T13:16:11.123Z",
            "/build/work/src/a.ts",
            "/builds/x/src/a.ts",
            "{\"version\":3,\"sources\":[\"",
            "\"],\"mappings\":\"\"}",
            "// ",
            "Sep 8, 2025",
            "buildTime: 1757337371000",
            "\r\n",
            "//# sourceMappingURL=data:application/json;base64,e30=",
            " ",
        ]);
        prop::collection::vec(pieces, 0..8).prop_map(|pieces| pieces.concat())
    }
}
