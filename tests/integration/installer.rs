//! Archives that readers of tar read differently, held to what npm's own reader makes of them.
//!
//! What was installed is recorded from node-tar 7.5.22 with `strip: 1` and links filtered out, as npm calls it. The
//! rule is: whatever npm would install is among the files that are judged, with the same content, or the archive is
//! refused or holds a member that nothing explains. An archive whose judged files are other ones would pass for clean.

use std::collections::BTreeMap;

use tarproof::artifact::{ArtifactError, ArtifactLimits, CollisionCheck, ReadOptions, SourceContent, read_tarball};

use crate::support::Archive;

/// Type bytes of old archivers.
const OLD_PAX: u8 = b'X';

/// What is hidden in the content of another member: a whole member.
fn hidden() -> Vec<u8> {
    Archive::new().file("package/hidden.js", "hidden").plain()
}

struct Case {
    name: &'static str,
    archive: Archive,
    /// Paths and contents, `package.json` left out.
    installed: &'static [(&'static str, &'static str)],
}

fn cases() -> Vec<Case> {
    let package = Archive::package;
    let long = |archive: Archive, name: &str| archive.member(Archive::GNU_LONG_NAME, b"././@LongLink", name.as_bytes());
    let pax = |archive: Archive, records: &[(&str, &[u8])]| archive.records(Archive::PAX, records);
    let header = |archive: Archive, kind: u8, path: &str, size: usize| {
        archive.header(kind, path.as_bytes(), b"", size as u64, 0o644)
    };
    let size = hidden().len();
    let case = |name, archive, installed| Case { name, archive, installed };
    vec![
        case(
            "a long name, then a path record",
            pax(long(package(), "package/long.js"), &[("path", b"package/record.js")]).file("package/header.js", "x"),
            &[("record.js", "x")],
        ),
        case(
            "a path record, then a long name",
            long(pax(package(), &[("path", b"package/record.js")]), "package/long.js").file("package/header.js", "x"),
            &[("long.js", "x")],
        ),
        case(
            "two path records in one header",
            pax(package(), &[("path", b"package/one.js"), ("path", b"package/two.js")]).file("package/header.js", "x"),
            &[("two.js", "x")],
        ),
        case(
            "two headers with a path record",
            pax(pax(package(), &[("path", b"package/one.js")]), &[("path", b"package/two.js")])
                .file("package/header.js", "x"),
            &[("two.js", "x")],
        ),
        case(
            "two long names",
            long(long(package(), "package/one.js"), "package/two.js").file("package/header.js", "x"),
            &[("two.js", "x")],
        ),
        case(
            "a path record before a global header",
            pax(package(), &[("path", b"package/record.js")])
                .records(Archive::GLOBAL_PAX, &[("comment", b"z")])
                .file("package/header.js", "x")
                .file("package/second.js", "y"),
            &[("record.js", "x"), ("second.js", "y")],
        ),
        case(
            "a path record before a folder",
            pax(package(), &[("path", b"package/record.js")])
                .member(b'5', b"package/d/", b"")
                .file("package/header.js", "x"),
            &[("header.js", "x")],
        ),
        case(
            "a path in a global header",
            package().records(Archive::GLOBAL_PAX, &[("path", b"package/global.js")]).file("package/header.js", "x"),
            &[("header.js", "x")],
        ),
        case(
            "a size in a global header",
            package().records(Archive::GLOBAL_PAX, &[("size", b"1")]).file("package/header.js", "xyz"),
            &[("header.js", "x")],
        ),
        case(
            "a folder with a size",
            header(package(), b'5', "package/d/", size).raw(&hidden()).file("package/header.js", "x"),
            &[("hidden.js", "hidden"), ("header.js", "x")],
        ),
        case(
            "a folder with a size record",
            header(pax(package(), &[("size", size.to_string().as_bytes())]), b'5', "package/d/", 0).raw(&hidden()),
            &[("hidden.js", "hidden")],
        ),
        case(
            "a folder that calls itself a file",
            header(package(), b'0', "package/d/", size).raw(&hidden()).file("package/header.js", "x"),
            &[("hidden.js", "hidden"), ("header.js", "x")],
        ),
        case(
            "a link with a size",
            header(package(), b'2', "package/link", size).raw(&hidden()).file("package/header.js", "x"),
            &[("header.js", "x")],
        ),
        case(
            "an old PAX header",
            package().records(OLD_PAX, &[("path", b"package/record.js")]).file("package/header.js", "x"),
            &[("record.js", "x")],
        ),
        case("a root folder called `.`", package().file("./package/a.js", "x"), &[("package/a.js", "x")]),
        case("a doubled slash", package().file("package//a.js", "x"), &[("a.js", "x")]),
        case("a `.` further down", package().file("package/./a.js", "x"), &[("a.js", "x")]),
        case("a file at the root", package().file("a.js", "x"), &[]),
        case("a drive below the root", package().file("package/c:/a.js", "x"), &[("a.js", "x")]),
        case("a volume label", package().member(b'V', b"package/a.js", b"x"), &[]),
        case("a contiguous file", package().member(b'7', b"package/a.js", b"x"), &[("a.js", "x")]),
        case("one zero block", package().raw(&[0; 512]).file("package/a.js", "x"), &[("a.js", "x")]),
        case(
            "a record of the wrong length",
            package().member(Archive::PAX, b"p", b"5 path=package/b.js\n").file("package/a.js", "x"),
            &[("a.js", "x")],
        ),
    ]
}

/// The same member with sizes that only one of two parsers takes for numbers, or takes first.
fn size_cases() -> Vec<Case> {
    type Records = Vec<(&'static str, &'static [u8])>;
    let sizes: [(&'static str, Records); 4] = [
        ("a hexadecimal size", vec![("size", b"0x400")]),
        ("a size with a point", vec![("size", b"1024.0")]),
        ("two sizes", vec![("size", b"0"), ("size", b"1024")]),
        ("another size than the header's", vec![("size", b"1024")]),
    ];
    let case = |(name, records): (&'static str, Records)| Case {
        name,
        archive: Archive::package()
            .records(Archive::PAX, &records)
            .header(b'0', b"package/header.js", b"", 0, 0o644)
            .raw(&hidden()),
        // The hidden member's own header becomes content.
        installed: &[("header.js", "package/hidden.js")],
    };
    sizes.into_iter().map(case).collect()
}

#[test]
fn what_npm_installs_is_what_is_judged() {
    let nothing = |_: &str, _: &_| SourceContent::Unknown;
    let options = ReadOptions {
        limits: ArtifactLimits::default(),
        collisions: CollisionCheck::EveryFile,
        source: &nothing,
        aside: None,
        digests: false,
        threaded: false,
    };
    let mut compared = 0;
    for Case { name, archive, installed } in cases().into_iter().chain(size_cases()) {
        let contents = match read_tarball(archive.end().gzip().as_slice(), &options) {
            Ok(contents) => contents,
            Err(ArtifactError::Malformed { .. } | ArtifactError::Ambiguous { .. }) => continue,
            Err(error) => panic!("{name}: {error}"),
        };
        if contents.entries.iter().any(|entry| !entry.is_file()) {
            continue;
        }
        let judged: BTreeMap<&str, &[u8]> = contents
            .files()
            .filter(|file| &*file.path != "package.json")
            .map(|file| (&*file.path, file.content.as_deref().unwrap_or_default()))
            .collect();
        let installed: BTreeMap<&str, &[u8]> =
            installed.iter().map(|(path, content)| (*path, content.as_bytes())).collect();
        assert_eq!(judged, installed, "{name}");
        compared += 1;
    }
    // Some of these both readers read alike, and they are not all refused.
    assert!(compared >= 5, "only {compared} were compared");
}
