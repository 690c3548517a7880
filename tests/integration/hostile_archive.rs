//! Archives that are wrong in every way one can be, built by the byte and read as an installer would read them.
//!
//! Each outcome is exact: what is kept, what is odd, or which error; and both ways of reading agree on it.

use std::io::Read;

use flate2::Compression;
use flate2::read::GzEncoder;
use tarproof::artifact::{
    ArchiveAnomaly, ArtifactContents, ArtifactEntry, ArtifactError, ArtifactLimits, CollisionCheck, EntryKind,
    LimitKind, PathError, ReadOptions, SourceContent, read_tarball,
};
use tarproof::package::BlobId;

use crate::support::Archive;

fn read_within(
    source: impl Read + Send,
    limits: ArtifactLimits,
    threaded: bool,
) -> Result<ArtifactContents, ArtifactError> {
    let nothing = |_: &str, _: &BlobId| SourceContent::Unknown;
    read_tarball(
        source,
        &ReadOptions {
            limits,
            collisions: CollisionCheck::EveryFile,
            source: &nothing,
            aside: Some(|path| !path.ends_with(".bin")),
            digests: true,
            threaded,
        },
    )
}

/// Reads with one and with two threads, which must not make a difference.
fn read(bytes: &[u8]) -> Result<ArtifactContents, ArtifactError> {
    let (one, two) = [false, true].map(|threaded| read_within(bytes, ArtifactLimits::default(), threaded)).into();
    match (&one, &two) {
        (Ok(one), Ok(two)) => assert_eq!(one, two),
        // With two threads an error may arrive before the members in front of it are through, and so be another.
        (Err(_), Err(_)) => {}
        _ => panic!("one thread: {one:?}, two: {two:?}"),
    }
    one
}

fn contents(archive: Archive) -> ArtifactContents {
    read(&archive.end().gzip()).unwrap()
}

fn paths(contents: &ArtifactContents) -> Vec<&str> {
    contents.entries.iter().map(|entry| &*entry.path).collect()
}

fn entry<'a>(contents: &'a ArtifactContents, path: &str) -> &'a ArtifactEntry {
    contents.entry(path).unwrap_or_else(|| panic!("no {path:?} in {:?}", paths(contents)))
}

fn limit_hit(outcome: Result<ArtifactContents, ArtifactError>) -> LimitKind {
    match outcome {
        Err(ArtifactError::Limit(kind)) => kind,
        other => panic!("{other:?}"),
    }
}

/// Whether the archive was refused, as broken or as something that readers read differently.
fn is_malformed(outcome: &Result<ArtifactContents, ArtifactError>) -> bool {
    use ArtifactError::{Ambiguous, Malformed, OtherFormat};
    matches!(outcome, Err(Malformed { .. } | Ambiguous { .. } | OtherFormat(_)))
}

#[test]
fn what_is_no_archive_is_named() {
    let cases: [(&[u8], &str); 6] = [
        (b"", "an empty file"),
        (b"<!doctype html><p>502</p>", "an HTML or XML page"),
        (b"{\"error\":\"not found\"}", "a JSON text"),
        (b"PK\x03\x04\x14\0", "a zip archive"),
        (b"\xfd7zXZ\0\0\x04", "an xz file"),
        (b"\x28\xb5\x2f\xfd\x04", "a zstd file"),
    ];
    for (bytes, format) in cases {
        let outcome = read(bytes);
        assert!(matches!(&outcome, Err(ArtifactError::OtherFormat(named)) if *named == format), "{outcome:?}");
    }
    // A member's name may begin in the same way.
    let contents = read(&Archive::package().file("{id}/index.js", "x").end().plain()).unwrap();
    assert_eq!(paths(&contents), ["index.js", "package.json"]);
    let contents = read(&Archive::new().file("{id}/index.js", "x").end().plain()).unwrap();
    assert_eq!(paths(&contents), ["index.js"]);
}

#[test]
fn every_type_byte_has_its_own_outcome() {
    // These are headers about other members, not members; they have their own tests.
    let about_others = [Archive::PAX, Archive::GLOBAL_PAX, Archive::GNU_LONG_NAME, Archive::GNU_LONG_LINK];
    for kind in (0..=u8::MAX).filter(|kind| !about_others.contains(kind)) {
        let outcome = read(&Archive::package().member(kind, b"package/odd", b"").end().gzip());
        if !matches!(kind, 0 | b'0'..=b'7') {
            // What is no known type is skipped by some readers and unpacked by others.
            assert!(matches!(outcome, Err(ArtifactError::Ambiguous { .. })), "type {kind}: {outcome:?}");
            continue;
        }
        let odd = outcome.unwrap().entry("odd").map(|entry| entry.kind.clone());
        let expected = match kind {
            b'0' | 0 | b'7' => Some(EntryKind::File),
            b'1' => Some(EntryKind::HardLink { target: String::new() }),
            b'2' => Some(EntryKind::SymbolicLink { target: String::new() }),
            b'5' => None,
            other => Some(EntryKind::Special(other)),
        };
        assert_eq!(odd, expected, "type {kind} ({})", kind.escape_ascii());
    }
}

#[test]
fn links_keep_their_target_and_no_content() {
    let archive =
        Archive::package().link(b'2', "package/s", "../../etc/passwd").link(b'1', "package/h", "package/a\x1b");
    let contents = contents(archive);
    let symbolic = entry(&contents, "s");
    assert_eq!(symbolic.kind, EntryKind::SymbolicLink { target: "../../etc/passwd".to_owned() });
    assert_eq!((symbolic.blob, symbolic.is_file()), (None, false));
    assert_eq!(entry(&contents, "h").kind, EntryKind::HardLink { target: "package/a\x1b".to_owned() });
}

#[test]
fn long_link_targets_come_whole() {
    let target = "t/".repeat(200);
    let archive = Archive::package().records(Archive::PAX, &[("linkpath", target.as_bytes())]).link(
        b'2',
        "package/long",
        "short",
    );
    let contents = contents(archive);
    assert_eq!(entry(&contents, "long").kind, EntryKind::SymbolicLink { target });
}

#[test]
fn paths_that_could_land_elsewhere_are_no_files() {
    let outside: &[(&[u8], PathError)] = &[
        (b"package/../../evil", PathError::Traversal),
        (b"..", PathError::Traversal),
        (b"package/lib/..", PathError::Traversal),
        (b"/etc/passwd", PathError::Absolute),
        (b"//host/share", PathError::Absolute),
        (b"C:/Windows/evil", PathError::Absolute),
        (b"c:evil", PathError::Absolute),
        (b"package\\..\\evil.js", PathError::Backslash),
        (b"package/a\x1b[2J.js", PathError::Control),
        (b"package/new\nline.js", PathError::Control),
        (b"package/\xc2\x9b2J.js", PathError::Control),
        (b"package/\xff\xfe.js", PathError::NotUtf8),
        (b"package.json", PathError::OutsideRoot),
        (b"package", PathError::OutsideRoot),
        (b"./.", PathError::OutsideRoot),
        (b"package/.", PathError::OutsideRoot),
    ];
    for (raw, error) in outside {
        let contents = contents(Archive::package().file(raw, "inert"));
        let odd: Vec<_> = contents.entries.iter().filter(|entry| !entry.is_file()).collect();
        assert_eq!(odd.len(), 1, "{}", raw.escape_ascii());
        assert_eq!(odd[0].kind, EntryKind::UnsafePath(*error), "{}", raw.escape_ascii());
        assert_eq!(odd[0].entry_path(), None);
        assert_eq!(
            contents.manifest.as_deref(),
            Some(&br#"{"name":"odd-archive","version":"1.0.0"}"#[..]),
            "{}",
            raw.escape_ascii()
        );
    }
}

#[test]
fn a_member_outside_the_root_folder_does_not_displace_the_one_inside() {
    let contents = contents(Archive::package().file("package.json", "{}"));
    assert_eq!(paths(&contents), ["../package.json", "package.json"]);
    assert_eq!(entry(&contents, "../package.json").kind, EntryKind::UnsafePath(PathError::OutsideRoot));
    assert!(contents.manifest.is_some_and(|manifest| manifest.starts_with(b"{\"name\"")));
    assert!(contents.anomalies.is_empty(), "{:?}", contents.anomalies);
}

#[test]
fn extended_records_override_the_header() {
    let contents = contents(
        Archive::package()
            .records(Archive::PAX, &[("path", b"package/renamed.js"), ("comment", b"x")])
            .file("package/plain.js", "renamed\n")
            .records(Archive::PAX, &[("size", b"8")])
            .header(b'0', b"package/size.js", b"", 8, 0o644)
            .content(b"12345678")
            .records(Archive::PAX, &[("path", b"/absolute.js")])
            .file("package/innocent.js", "inert")
            .file("package/after.js", "after\n"),
    );
    assert_eq!(paths(&contents), ["/absolute.js", "after.js", "package.json", "renamed.js", "size.js"]);
    assert_eq!(entry(&contents, "/absolute.js").kind, EntryKind::UnsafePath(PathError::Absolute));
    assert_eq!(entry(&contents, "size.js").size, 8);
    assert_eq!(entry(&contents, "size.js").content.as_deref(), Some(&b"12345678"[..]));
    assert!(contents.anomalies.is_empty(), "{:?}", contents.anomalies);
}

#[test]
fn records_that_are_no_records_end_the_reading() {
    for records in [
        &b"zz path=package/a\n"[..],
        b"999999999 path=package/a\n",
        b"0 \n",
        b"11 size=-1\n",
        b"13 size=1e99\n",
        b"\0\0\0\0",
    ] {
        let archive = Archive::package().member(Archive::PAX, b"PaxHeader", records).file("package/index.js", "x\n");
        assert_ambiguous(&archive.end().gzip(), &records.escape_ascii().to_string());
    }
}

#[test]
fn gnu_long_names_come_whole_up_to_the_longest_allowed() {
    let long = |length: usize| format!("package/{}", "n".repeat(length - "package/".len()));
    for length in [101, 255, ArtifactLimits::PATH_LENGTH] {
        let name = long(length);
        let archive = Archive::package()
            .member(Archive::GNU_LONG_NAME, b"././@LongLink", name.as_bytes())
            .file("package/short", "x");
        let contents = contents(archive);
        assert!(entry(&contents, name.strip_prefix("package/").unwrap()).is_file());
        assert_eq!(contents.entries.len(), 2);
        assert!(contents.anomalies.is_empty(), "{:?}", contents.anomalies);
    }
    let name = long(ArtifactLimits::PATH_LENGTH + 1);
    let archive =
        Archive::package().member(Archive::GNU_LONG_NAME, b"././@LongLink", name.as_bytes()).file("package/short", "x");
    let contents = contents(archive);
    let shown = format!("{}… ({} bytes)", &name[..200], name.len());
    assert_eq!(entry(&contents, &shown).kind, EntryKind::UnsafePath(PathError::TooLong));
}

#[test]
fn a_path_of_very_many_folders_is_none_of_a_package() {
    let deep = |folders: usize| format!("package/{}a.js", "a/".repeat(folders));
    let name = deep(ArtifactLimits::PATH_DEPTH);
    let archive =
        Archive::package().member(Archive::GNU_LONG_NAME, b"././@LongLink", name.as_bytes()).file("package/short", "x");
    assert!(entry(&contents(archive), name.strip_prefix("package/").unwrap()).is_file());
    let name = deep(ArtifactLimits::PATH_DEPTH + 1);
    let archive =
        Archive::package().member(Archive::GNU_LONG_NAME, b"././@LongLink", name.as_bytes()).file("package/short", "x");
    assert_eq!(entry(&contents(archive), &name).kind, EntryKind::UnsafePath(PathError::TooDeep));
}

#[test]
fn a_file_with_the_name_of_a_directory_is_refused_wherever_the_name_stands() {
    // node-tar makes a directory of it and reads its content as the next headers.
    let inner = Archive::new().file("package/index.js", "run()").end().plain();
    let archives = [
        Archive::package().file("package/fixture.tar/", inner.clone()),
        Archive::package()
            .records(Archive::PAX, &[("path", b"package/fixture.tar/")])
            .file("package/fixture.tar", inner.clone()),
        Archive::package()
            .member(Archive::GNU_LONG_NAME, b"././@LongLink", b"package/fixture.tar/")
            .file("package/fixture.tar", inner.clone()),
        Archive::package().file("", inner),
    ];
    for (index, archive) in archives.into_iter().enumerate() {
        let outcome = read(&archive.end().gzip());
        assert!(matches!(outcome, Err(ArtifactError::Ambiguous { .. })), "{index}: {outcome:?}");
    }
}

#[test]
fn a_global_header_is_told_unless_it_is_a_comment() {
    let with = |records: &[(&str, &[u8])]| {
        contents(Archive::new().records(Archive::GLOBAL_PAX, records).file("package/package.json", "{}"))
    };
    assert!(with(&[("comment", b"04bf5a29f72fb974a326c81f6fd1e1805a3945a2")]).anomalies.is_empty());
    for key in ["path", "size", "mtime"] {
        let odd = Archive::new()
            .records(Archive::GLOBAL_PAX, &[(key, b"1"), ("comment", b"x")])
            .file("package/package.json", "{}");
        assert_ambiguous(&odd.end().gzip(), key);
    }
}

/// A reader may or may not see what stands there, so nothing is read at all.
fn assert_ambiguous(bytes: &[u8], what: &str) {
    let outcome = read(bytes);
    assert!(matches!(outcome, Err(ArtifactError::Ambiguous { .. })), "{what}: {outcome:?}");
}

#[test]
fn of_duplicates_the_last_wins() {
    let contents = contents(
        Archive::package()
            .file("package/index.js", "first\n")
            .file("package/./index.js", "second\n")
            .file("other//index.js", "third\n"),
    );
    assert_eq!(entry(&contents, "index.js").content.as_deref(), Some(&b"third\n"[..]));
    let duplicate = ArchiveAnomaly::DuplicateEntry { path: "index.js".into(), differs: true };
    let roots = ArchiveAnomaly::SeveralRoots { roots: vec!["other".to_owned(), "package".to_owned()] };
    assert_eq!(contents.anomalies, [duplicate.clone(), duplicate, roots]);
}

#[test]
fn the_digest_is_that_of_the_content_that_stays() {
    let large = noise(100 << 10, 40);
    for (first, second) in [(&b"small"[..], large.as_slice()), (&large, b"small"), (b"one", b"two")] {
        let contents = contents(Archive::package().file("package/a.bin", first).file("package/a.bin", second));
        assert_eq!(entry(&contents, "a.bin").sha256, Some(tarproof::package::Sha256Digest::of(second)));
    }
    // Where the source has the content that stays, no digest is due.
    let bytes = Archive::package().file("package/a.js", "one").file("package/a.js", "two").end().gzip();
    let kept = tarproof::artifact::BlobHasher::hash(CollisionCheck::EveryFile, b"two");
    let source =
        |_: &str, blob: &BlobId| if Some(*blob) == kept { SourceContent::Same } else { SourceContent::Unknown };
    for threaded in [false, true] {
        let limits = ArtifactLimits::default();
        let options = ReadOptions {
            limits,
            collisions: CollisionCheck::EveryFile,
            source: &source,
            aside: None,
            digests: true,
            threaded,
        };
        assert_eq!(entry(&read_tarball(bytes.as_slice(), &options).unwrap(), "a.js").sha256, None);
    }
}

#[test]
fn of_what_is_put_aside_the_last_counts() {
    let limits = ArtifactLimits { retained_size: 0, ..ArtifactLimits::default() };
    let archive = Archive::package()
        .file("package/twice.js", "first\n")
        .file("package/twice.js", "second\n")
        .file("package/link.js", "first\n")
        .link(b'2', "package/link.js", "twice.js")
        .file("package/large.js", "first\n")
        .file("package/large.js", "x".repeat(2 << 20))
        .file("package/other.bin", "x");
    let bytes = archive.end().gzip();
    for threaded in [false, true] {
        let mut aside = read_within(bytes.as_slice(), limits, threaded).unwrap().aside;
        assert!(aside.remove("package.json").is_some());
        assert_eq!(aside.into_iter().collect::<Vec<_>>(), [("twice.js".into(), b"second\n".to_vec())]);
    }
}

#[test]
fn a_link_may_displace_a_file_and_is_told() {
    let contents = contents(Archive::package().file("package/index.js", "first\n").link(b'2', "package/index.js", "x"));
    assert!(matches!(entry(&contents, "index.js").kind, EntryKind::SymbolicLink { .. }));
    assert_eq!(contents.anomalies, [ArchiveAnomaly::DuplicateEntry { path: "index.js".into(), differs: true }]);
}

#[test]
fn names_that_meet_on_some_file_systems_are_told() {
    for (first, second) in [
        ("Index.js", "index.js"),
        ("lib/A/x.js", "lib/a/x.js"),
        // Composed and decomposed, and letters that only lose their case together.
        ("caf\u{e9}.js", "cafe\u{301}.js"),
        ("\u{212a}.js", "k.js"),
        ("\u{c4}.js", "\u{e4}.js"),
        ("\u{fb01}le.js", "file.js"),
    ] {
        let contents =
            contents(Archive::package().file(format!("package/{first}"), "1").file(format!("package/{second}"), "2"));
        assert!(
            matches!(&contents.anomalies[..], [ArchiveAnomaly::NameCollision { .. }]),
            "{first} {second}: {:?}",
            contents.anomalies
        );
    }
    let contents = contents(Archive::package().file("package/index.js", "1").file("package/index.mjs", "2"));
    assert!(contents.anomalies.is_empty());
}

#[test]
fn a_path_that_is_file_and_folder_is_told() {
    let contents = contents(
        Archive::package().file("package/lib", "1").file("package/lib/deep/a.js", "2").file("package/lib.js", "3"),
    );
    assert_eq!(contents.anomalies, [ArchiveAnomaly::FileAndFolder { path: "lib".into() }]);
}

#[test]
fn nothing_but_zeros_may_follow_the_end_marker() {
    assert_ambiguous(&Archive::package().end().file("package/late.js", "late\n").end().gzip(), "a late file");
    let padded = read(&Archive::package().end().end().end().gzip()).unwrap();
    assert_eq!(paths(&padded), ["package.json"]);
}

#[test]
fn nothing_but_zeros_may_follow_the_compressed_stream() {
    let plain = Archive::package().end().gzip();
    let trailing = [plain.as_slice(), &[0; 700]].concat();
    let (read_plain, read_trailing) = (read(&plain).unwrap(), read(&trailing).unwrap());
    assert_eq!(read_plain.anomalies, []);
    assert_eq!(read_trailing.anomalies, [ArchiveAnomaly::TrailingData]);
    assert_eq!(read_plain.entries, read_trailing.entries);
    assert_ne!(read_plain.sha256, read_trailing.sha256);
    assert_ambiguous(&[plain.as_slice(), b"anything"].concat(), "text");
    assert_ambiguous(&[plain.as_slice(), &[0; 700], plain.as_slice()].concat(), "zeros and another stream");
}

#[test]
fn an_archive_in_several_compressed_members_is_refused() {
    let archive = || Archive::package().file("package/index.js", "x\n").end();
    for cut in [1, 511, 512, 700, 1024] {
        assert!(is_malformed(&read(&archive().gzip_in_two(cut))), "cut at {cut}");
    }
}

#[test]
fn an_archive_without_compression_is_read_and_told() {
    let contents = read(&Archive::package().end().plain()).unwrap();
    assert_eq!(paths(&contents), ["package.json"]);
    assert_eq!(contents.anomalies, [ArchiveAnomaly::NotCompressed]);
}

/// Bytes that do not compress, so that every hundredth byte of the archive is somewhere else in it.
fn noise(length: usize, seed: u64) -> Vec<u8> {
    let mut state = 0x2545_f491_4f6c_dd1d_u64 ^ (seed << 20);
    std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[0]
    })
    .take(length)
    .collect()
}

#[test]
fn a_truncated_archive_never_passes_for_a_whole_one() {
    let mut archive = Archive::package().records(Archive::PAX, &[("path", b"package/renamed.js")]);
    for index in 0..20 {
        archive = archive.file(format!("package/{index}.bin"), noise(700, index));
    }
    let whole = archive.end().gzip();
    assert!(read(&whole).is_ok());
    let lengths: Vec<usize> = (0..whole.len()).step_by(100).chain(whole.len() - 9..whole.len()).collect();
    assert!(lengths.len() > 100);
    for length in lengths {
        let outcome = read(&whole[..length]);
        assert!(is_malformed(&outcome), "cut at {length} of {}: {outcome:?}", whole.len());
    }
}

#[test]
fn a_truncated_archive_without_compression_keeps_only_whole_members() {
    let whole =
        Archive::package().file("package/a.bin", noise(900, 1)).file("package/b.bin", noise(900, 2)).end().plain();
    for length in (100..whole.len()).step_by(100) {
        match read(&whole[..length]) {
            Ok(contents) => {
                // Nothing marks the missing rest where the cut is between two members.
                assert!(contents.files().all(|file| file.size < 1000 && file.blob.is_some()), "cut at {length}");
                assert!(contents.entries.len() <= 1 + (length - 1) / 1536, "cut at {length}");
            }
            Err(error) => assert!(matches!(error, ArtifactError::Malformed { .. }), "cut at {length}: {error}"),
        }
    }
}

#[test]
fn flipped_bytes_never_go_unnoticed() {
    let whole = Archive::package().file("package/a.bin", noise(4000, 3)).end().gzip();
    let honest = read(&whole).unwrap();
    for position in (0..whole.len()).step_by(37) {
        let mut bytes = whole.clone();
        bytes[position] ^= 0x55;
        if let Ok(contents) = read(&bytes) {
            // Only what says nothing about the content (time, system, flags) may change without an error.
            assert!(position < 10, "byte {position} of {}", whole.len());
            assert_eq!(contents.entries, honest.entries);
        }
    }
}

/// Counts what is taken of a source that never ends.
struct Endless<'a> {
    start: &'a [u8],
    taken: &'a std::sync::atomic::AtomicU64,
}

impl Read for Endless<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let length = if self.start.is_empty() {
            buffer.fill(b'7');
            buffer.len()
        } else {
            self.start.read(buffer)?
        };
        self.taken.fetch_add(length as u64, std::sync::atomic::Ordering::Relaxed);
        Ok(length)
    }
}

#[test]
fn huge_headers_are_refused_before_they_are_read() {
    for kind in [Archive::PAX, Archive::GNU_LONG_NAME, Archive::GNU_LONG_LINK] {
        for size in [2 << 20, 1 << 32, 1 << 40, u64::MAX >> 1] {
            let start = Archive::package().header(kind, b"PaxHeader", b"", size, 0o644).plain();
            for threaded in [false, true] {
                let taken = std::sync::atomic::AtomicU64::new(0);
                let source = Endless { start: &start, taken: &taken };
                let outcome = read_within(source, ArtifactLimits::default(), threaded);
                assert!(
                    is_malformed(&outcome) || matches!(outcome, Err(ArtifactError::Limit(LimitKind::HeaderSize))),
                    "{} of {size} bytes: {outcome:?}",
                    kind.escape_ascii()
                );
                let taken = taken.into_inner();
                assert!(taken < 4 << 20, "{} of {size} bytes: {taken} bytes were taken", kind.escape_ascii());
            }
        }
    }
}

#[test]
fn a_chain_of_headers_is_bounded_too() {
    let mut archive = Archive::package();
    for _ in 0..40 {
        archive = archive.member(Archive::PAX, b"PaxHeader", &vec![b'7'; 100 << 10]);
    }
    let outcome = read(&archive.file("package/x", "x").end().gzip());
    assert!(
        is_malformed(&outcome) || matches!(outcome, Err(ArtifactError::Limit(LimitKind::HeaderSize))),
        "{outcome:?}"
    );
}

#[test]
fn a_bomb_ends_at_the_ratio() {
    let head = Archive::package().header(b'0', b"package/zeros", b"", 7 << 30, 0o644).plain();
    let bomb = head.chain(std::io::repeat(0).take(1 << 28));
    let limits = ArtifactLimits { ratio: 50, ..ArtifactLimits::default() };
    assert_eq!(limit_hit(read_within(GzEncoder::new(bomb, Compression::fast()), limits, false)), LimitKind::Ratio);
}

trait Chained: Sized {
    fn chain<R: Read>(self, next: R) -> std::io::Chain<std::io::Cursor<Vec<u8>>, R>;
}

impl Chained for Vec<u8> {
    fn chain<R: Read>(self, next: R) -> std::io::Chain<std::io::Cursor<Vec<u8>>, R> {
        std::io::Cursor::new(self).chain(next)
    }
}

#[test]
fn every_limit_is_named() {
    let bytes =
        Archive::package().file("package/a.bin", noise(5000, 4)).file("package/b.bin", noise(5000, 5)).end().gzip();
    let ends_at = |limits: ArtifactLimits| {
        [false, true].map(|threaded| limit_hit(read_within(bytes.as_slice(), limits, threaded)))
    };
    let defaults = ArtifactLimits::default();
    assert_eq!(ends_at(ArtifactLimits { entries: 2, ..defaults }), [LimitKind::Entries; 2]);
    assert_eq!(ends_at(ArtifactLimits { compressed_size: 6000, ..defaults }), [LimitKind::CompressedSize; 2]);
    assert_eq!(ends_at(ArtifactLimits { unpacked_size: 8000, ..defaults }), [LimitKind::UnpackedSize; 2]);
    assert!(read_within(bytes.as_slice(), ArtifactLimits { entries: 3, ..defaults }, false).is_ok());
}

#[test]
fn folders_count_as_entries_too() {
    let mut archive = Archive::package();
    for index in 0..50 {
        archive = archive.member(b'5', format!("package/{index}/").as_bytes(), b"");
    }
    let bytes = archive.end().gzip();
    let limits = ArtifactLimits { entries: 50, ..ArtifactLimits::default() };
    assert_eq!(limit_hit(read_within(bytes.as_slice(), limits, false)), LimitKind::Entries);
}

#[test]
fn sizes_that_lie_are_told() {
    let lying = |size: u64| {
        read(&Archive::package().header(b'0', b"package/a.js", b"", size, 0o644).content(b"short\n").end().gzip())
    };
    // More than is there.
    for size in [4096, 1 << 21, 1 << 33, 1 << 50] {
        assert!(is_malformed(&lying(size)), "{size}: {:?}", lying(size));
    }
    assert!(lying(u64::MAX >> 1).is_err());
    // Less: the rest of the block would be padding, and bytes there are content for some readers.
    assert!(matches!(lying(2), Err(ArtifactError::Ambiguous { .. })));
    // A size that skips the next header hides it from nobody: what it covers is content.
    let archive =
        Archive::package().header(b'0', b"package/a.js", b"", 1536, 0o644).content(b"x").file("package/hidden.js", "x");
    assert_eq!(paths(&contents_of(archive)), ["a.js", "package.json"]);
}

fn contents_of(archive: Archive) -> ArtifactContents {
    contents(archive)
}

#[test]
fn archives_without_files_are_told_apart() {
    assert!(is_malformed(&read(b"")));
    assert!(is_malformed(&read(&Archive::new().gzip())));
    assert!(is_malformed(&read(&Archive::new().end().gzip())));
    assert!(is_malformed(&read(b"this is not an archive\n")));
    let folders = contents(Archive::new().member(b'5', b"package/", b"").member(b'5', b"package/lib/", b""));
    assert_eq!((folders.entries.len(), folders.manifest), (0, None));
}

#[test]
fn a_wrong_checksum_ends_the_reading() {
    let mut bytes = Archive::package().file("package/index.js", "x\n").end().plain();
    bytes[1024 + 3] ^= 1;
    assert!(is_malformed(&read(&bytes)));
}

#[test]
fn executable_bits_are_any_of_the_three() {
    let with = |mode: u32| {
        let contents = contents(Archive::package().header(b'0', b"package/run", b"", 0, mode));
        entry(&contents, "run").executable
    };
    assert_eq!([0o644, 0o755, 0o100, 0o010, 0o001, 0o4644, 0].map(with), [false, true, true, true, true, false, false]);
}
