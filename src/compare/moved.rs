//! Whether content that the commit has at another path can still be what it was there.

use std::cmp::Reverse;

use crate::ledger::Counterpart;
use crate::package::{is_document, is_usual_document};

/// Folders of what is written for the repository and not for those who install the package.
const ASIDE: [&str; 22] = [
    ".github",
    "__fixtures__",
    "__mocks__",
    "__tests__",
    "bench",
    "benchmark",
    "benchmarks",
    "demo",
    "demos",
    "docs",
    "e2e",
    "example",
    "examples",
    "fixture",
    "fixtures",
    "mocks",
    "script",
    "scripts",
    "spec",
    "test",
    "tests",
    "tools",
];
/// Those of them whose prose was not written to be read as such.
const EXAMPLES: [&str; 9] =
    ["__fixtures__", "__mocks__", "__tests__", "fixture", "fixtures", "mocks", "spec", "test", "tests"];

/// Whether a file serves the repository itself: its tests, benchmarks, examples and tools.
pub(crate) fn is_set_aside(path: &str) -> bool {
    let mut parts = path.rsplit('/');
    let name = parts.next().unwrap_or_default();
    let is_test = name.split('.').rev().skip(1).any(|part| matches!(part, "test" | "spec" | "bench"));
    is_test || parts.any(|folder| ASIDE.contains(&folder) || has_part(folder, "test") || has_part(folder, "fixtures"))
}

/// Whether a word is part of a name such as `test-fixtures`.
fn has_part(name: &str, word: &str) -> bool {
    name.split(['-', '_']).any(|part| part == word)
}

/// Whether content from one path can still be what it was at another.
///
/// A copy keeps its name, though not always its extension: a program under the name of another one runs where that one would have
/// run. Prose may have any usual name of prose, unless it is an example of prose.
pub(super) fn keeps_its_part(path: &str, from: &str) -> bool {
    let is_example =
        |path: &str| path.split('/').any(|folder| EXAMPLES.contains(&folder) || has_part(folder, "fixtures"));
    let is_shown = !is_example(from) || is_example(path);
    if is_usual_document(path) {
        return is_usual_document(name(from)) && is_shown;
    }
    // Declarations are read by compilers alone, which often write the same one for several modules.
    is_declaration(path) || stem(path) == stem(from) && (is_shown || !is_document(path))
}

fn is_declaration(path: &str) -> bool {
    [".d.ts", ".d.mts", ".d.cts"].iter().any(|end| path.ends_with(end))
}

fn name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

fn stem(path: &str) -> &str {
    let name = name(path);
    name.rsplit_once('.').map_or(name, |(stem, _)| stem)
}

/// The place whose path ends most like `path`; of several the shortest.
pub(super) fn most_alike<'p>(places: impl Iterator<Item = &'p Counterpart>, path: &str) -> Option<&'p Counterpart> {
    // How many names, from the last on, two paths have in common.
    let shared = |place: &str| place.rsplit('/').zip(path.rsplit('/')).take_while(|(place, own)| place == own).count();
    places.min_by_key(|place| {
        let other_name = !name(&place.path).eq_ignore_ascii_case(name(path));
        (other_name, Reverse(shared(&place.path)), place.path.len(), place.path.clone())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::package::BlobId;

    #[test]
    fn of_equal_contents_the_one_at_the_most_similar_path_is_named() {
        let place = |path: &str| Counterpart { path: path.to_owned(), blob: BlobId([0; 20]), executable: false };
        let places = ["src/isPast/index.js.flow", "src/isSaturday/index.js.flow", "a/Index.js.flow", "b.js"].map(place);
        let named = |path: &str| most_alike(places.iter(), path).unwrap().path.clone();
        assert_eq!(named("isSaturday/index.js.flow"), "src/isSaturday/index.js.flow");
        assert_eq!(named("esm/isPast/index.js.flow"), "src/isPast/index.js.flow");
        assert_eq!(named("other/index.js.flow"), "src/isPast/index.js.flow");
        assert_eq!(named("other/b.js"), "b.js");
    }

    #[test]
    fn a_copy_keeps_its_name() {
        for (path, from) in [
            ("index.js", "src/index.js"),
            ("dist/index.mjs", "src/index.js"),
            ("index.d.cts", "types/main.d.ts"),
            ("LICENSE", "../LICENSE"),
            ("LICENSE.txt", "LICENSES/LICENSE-MIT"),
            ("README.md", "docs/readme.md"),
            ("docs/guide.md", "guide.md"),
            ("test/fixtures/a.md", "packages/a/test/fixtures/a.md"),
        ] {
            assert!(keeps_its_part(path, from), "{path} {from}");
        }
        for (path, from) in [
            ("build/install.js", "scripts/clean.js"),
            ("dist/index.js", "lib/clean.js"),
            ("bin/cli", "bin/clean"),
            ("data/allowed.json", "data/denied.json"),
            ("README.md", "test/fixtures/README.md"),
            ("README.md", "docs/guide.md"),
            ("lib/t/b.md", "docs/evil.md"),
            ("lib/t/evil.md", "test/fixtures/evil.md"),
        ] {
            assert!(!keeps_its_part(path, from), "{path} {from}");
        }
    }

    #[test]
    fn what_serves_the_repository_is_told_by_folder_and_name() {
        for path in ["test/a.js", "a/scripts/b.js", "src/a.test.js", "test-fixtures/a.js", ".github/a.js", "a.spec.mts"]
        {
            assert!(is_set_aside(path), "{path}");
        }
        for path in ["src/tests.js", "lib/contest/a.js", "src/index.js", "testing.js"] {
            assert!(!is_set_aside(path), "{path}");
        }
    }
}
