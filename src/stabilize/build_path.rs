use std::ops::Range;

use super::javascript::{SourceKind, read_one};
use super::literal::is_literal;
use super::{Passed, Sides};

/// What stands for the directory.
const PLACEHOLDER: &str = "<build>";
/// Most components of a directory that is taken for a build's.
const MAXIMUM_COMPONENTS: usize = 12;
/// First components of directories in which people and build services work.
///
/// `/tmp` and the like are left out: they are on every machine, and anybody may write there.
const ROOTS: [&str; 13] = [
    "app",
    "build",
    "builds",
    "code",
    "codebuild",
    "drone",
    "github",
    "home",
    "project",
    "repo",
    "Users",
    "workspace",
    "workspaces",
];
/// Files other than JavaScript in which a path is only ever text.
const PLAIN: [&str; 4] = ["map", "md", "tsbuildinfo", "txt"];
/// Replaces the absolute path of the directory in which each side was built by one placeholder; text only.
///
/// Our own is known. The publisher's is whatever one text stands in its place *everywhere*: with the two exchanged, the
/// files must be equal byte by byte, so this pass makes two contents equal or leaves them alone. It must look like a
/// directory that people or services build in and consist of plain names. In JavaScript every occurrence must lie in a
/// comment or in a string that is not directly given to something that loads code.
pub(super) fn stabilize(sides: &Sides<'_>) -> Option<Passed> {
    let directory = sides.context.build_directory.as_str();
    if !is_build_directory(directory) {
        return None;
    }
    let (published, candidate) =
        (std::str::from_utf8(sides.published).ok()?, std::str::from_utf8(sides.candidate).ok()?);
    let result = equal_without(directory, sides.path, candidate, published)
        .or_else(|| equal_without(directory, sides.path, published, candidate))?
        .into_bytes();
    Some((result.clone(), result))
}

/// What both are with placeholders, if they are equal then; `ours` is the side with the known directory.
fn equal_without(directory: &str, path: &str, ours: &str, theirs: &str) -> Option<String> {
    let places = places(directory, ours);
    let count = places.len();
    let first = places.first()?.start;
    // Every occurrence has the same length on the other side, too.
    let others = theirs.len().checked_sub(ours.len() - count * directory.len())?;
    if !others.is_multiple_of(count) {
        return None;
    }
    let their_directory = theirs.get(first..first + others / count)?;
    if !is_build_directory(their_directory) || their_directory == directory {
        return None;
    }
    let filled = |with: &str| {
        let (mut text, mut kept) = (String::with_capacity(ours.len()), 0);
        for place in &places {
            text.push_str(&ours[kept..place.start]);
            text.push_str(with);
            kept = place.end;
        }
        text + &ours[kept..]
    };
    (filled(their_directory) == theirs && is_text(path, ours, &places)).then(|| filled(PLACEHOLDER))
}

/// Where the directory is named, as a whole and not as a part of another path.
fn places(directory: &str, text: &str) -> Vec<Range<usize>> {
    let in_name = |character: char| character.is_alphanumeric() || "._-@+".contains(character);
    text.match_indices(directory)
        .map(|(start, _)| start..start + directory.len())
        .filter(|place| {
            let before = &text[..place.start];
            // The third slash of `file:///build` begins the path.
            let begins = before.ends_with("file://") || !before.ends_with(|last| in_name(last) || last == '/');
            begins && !text[place.end..].starts_with(in_name)
        })
        .collect()
}

/// Whether a path is absolute, of plain names, and in a place that builds run in.
pub(super) fn is_build_directory(path: &str) -> bool {
    let (is_absolute, names) = components(path);
    let is_plain = |name: &&str| {
        let in_name = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-' | b'@' | b'+');
        name.len() <= 64 && *name != ".." && *name != "node_modules" && name.bytes().all(in_name)
    };
    let under_root = match names.first() {
        Some(drive) if is_drive(drive) => return names.len() > 2 && names[1..].iter().all(is_plain),
        Some(first) => ROOTS.contains(first),
        None => false,
    };
    is_absolute
        && under_root
        && !path.contains('\\')
        && (1..=MAXIMUM_COMPONENTS).contains(&names.len())
        && names.iter().all(is_plain)
}

fn is_drive(name: &str) -> bool {
    name.len() == 2 && name.ends_with(':') && name.starts_with(|first: char| first.is_ascii_alphabetic())
}

/// The names of a path with either separator, and whether it is absolute.
pub(super) fn components(path: &str) -> (bool, Vec<&str>) {
    let path = path.strip_prefix("file://").unwrap_or(path);
    let names: Vec<&str> = path.split(['/', '\\']).filter(|name| !name.is_empty() && *name != ".").collect();
    let is_absolute = path.starts_with(['/', '\\']) || names.first().is_some_and(|name| is_drive(name));
    (is_absolute, names)
}

/// Whether the directory is named only where it is no code.
fn is_text(path: &str, content: &str, places: &[Range<usize>]) -> bool {
    match SourceKind::of(path) {
        Some(kind) => {
            read_one(kind, content.as_bytes(), |parsed| Some(places.iter().all(|place| is_literal(parsed, place))))
                .unwrap_or(false)
        }
        None => path.rsplit_once('.').is_some_and(|(_, extension)| PLAIN.contains(&extension)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stabilize::RebuildContext;

    /// A directory of a build service, put together so that no file of ours seems to name a machine.
    fn theirs() -> String {
        ["/ho", "me/runner/work/x/x"].concat()
    }

    fn equal(path: &str, published: &str, candidate: &str) -> bool {
        let context = RebuildContext { build_directory: "/build/work".to_owned(), published_at: None };
        let published = published.replace("THEIRS", &theirs());
        let candidate = candidate.replace("OURS", "/build/work");
        let pass = |published: &str, candidate: &str| {
            let (published, candidate) = (published.as_bytes(), candidate.as_bytes());
            stabilize(&Sides { path, published, candidate, context: &context })
        };
        let result = pass(&published, &candidate);
        assert_eq!(result, pass(&candidate, &published), "symmetric");
        if let Some((left, right)) = &result {
            assert_eq!(left, right);
        }
        result.is_some()
    }

    #[test]
    fn the_directory_of_the_build_does_not_count() {
        for (path, published, candidate) in [
            ("a.js", "// THEIRS/src/a.ts\na()", "// OURS/src/a.ts\na()"),
            ("a.js", "f('THEIRS/src/a.ts', \"file://THEIRS\")", "f('OURS/src/a.ts', \"file://OURS\")"),
            ("a.js", "a=`${b}THEIRS/${c}`", "a=`${b}OURS/${c}`"),
            ("a.js.map", "{\"x\":\"THEIRS/a\"}", "{\"x\":\"OURS/a\"}"),
            ("a.js", "f('D:/a/x/x/src')", "f('OURS/src')"),
        ] {
            assert!(equal(path, published, candidate), "{published}");
        }
    }

    #[test]
    fn what_may_be_code_or_another_path_is_kept() {
        for (path, published, candidate) in [
            // Another directory in one place, or anything else beside it.
            ("a.js", "f('THEIRS/a', 'THEIRSx/b')", "f('OURS/a', 'OURS/b')"),
            ("a.js", "f('THEIRS/evil')", "f('OURS/a')"),
            ("a.js", "f('THEIRS/a');evil()", "f('OURS/a');"),
            ("a.js", "f('THEIRS/../../../tmp/a')", "f('OURS/a')"),
            ("a.js", "f('https://example.org/a')", "f('OURS/a')"),
            ("a.js", "f(''+evil()+'/a')", "f('OURS/a')"),
            ("a.js", "f('/etc/x/a')", "f('OURS/a')"),
            ("a.js", "f('/tmp/x/a')", "f('OURS/a')"),
            ("a.css", "a{b:url(THEIRS/a.png)}", "a{b:url(OURS/a.png)}"),
            // Loaded as code.
            ("a.js", "require('THEIRS/a')", "require('OURS/a')"),
            ("a.mjs", "import 'THEIRS/a'", "import 'OURS/a'"),
            ("a.mjs", "import('THEIRS/a')", "import('OURS/a')"),
            ("a.mjs", "export * from 'THEIRS/a'", "export * from 'OURS/a'"),
            // Code: divisions, a regular expression.
            ("a.js", "a = ''THEIRS/g", "a = ''OURS/g"),
            ("a.js", "a = THEIRS/g", "a = OURS/g"),
            // What a shell or a browser runs.
            ("run.sh", "exec THEIRS/a", "exec OURS/a"),
            ("a.html", "<script src='THEIRS/a'>", "<script src='OURS/a'>"),
            ("a.js", "'THEIRS/a' (", "'OURS/a' ("),
            ("a.js", "f('OURS/a')", "f('OURS/a')"),
        ] {
            assert!(!equal(path, published, candidate), "{published}");
        }
    }

    #[test]
    fn build_directories_are_absolute_and_plain() {
        assert!(is_build_directory(&theirs()));
        assert!(is_build_directory("C:/build/x"));
        for other in
            ["", "/", "a/b", "/etc/x", "/build/../etc", "/build/a b", "/build/$x", "/build/node_modules", "/build/'"]
        {
            assert!(!is_build_directory(other), "{other}");
        }
    }
}
