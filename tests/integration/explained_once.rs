//! Every file gets exactly one explanation, whatever was done to an honest package on its way out.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use tarproof::source::RepositoryLocation;
use tarproof::verdict::Verdict;
use tarproof::verify::{Request, verify};

use crate::support::{Archive, File, TestContext, block_on, commit_files};

/// What happens to one file between the commit and the archive.
#[derive(Debug, Clone)]
enum Tampering {
    Nothing,
    Change(Vec<u8>),
    MoveTo(String),
    Delete,
    FlipMode,
    Crlf,
}

fn path() -> impl Strategy<Value = String> {
    let folder = prop::sample::select(vec!["", "lib/", "lib/deep/", "test/", "dist/"]);
    let extension = prop::sample::select(vec![".js", ".json", ".txt", ".md", ".png", ""]);
    (folder, "[a-d]{1,2}", extension).prop_map(|(folder, name, extension)| format!("{folder}{name}{extension}"))
}

fn content() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        4 => "([a-z ]{0,12}\n){1,6}".prop_map(String::into_bytes),
        1 => prop::collection::vec(any::<u8>(), 1..200),
        1 => Just(Vec::new()),
    ]
}

fn file() -> impl Strategy<Value = File> {
    (content(), prop::bool::weighted(0.2)).prop_map(|(content, executable)| File { content, executable })
}

fn tampering() -> impl Strategy<Value = Tampering> {
    prop_oneof![
        6 => Just(Tampering::Nothing),
        1 => content().prop_map(Tampering::Change),
        1 => path().prop_map(Tampering::MoveTo),
        1 => Just(Tampering::Delete),
        1 => Just(Tampering::FlipMode),
        1 => Just(Tampering::Crlf),
    ]
}

#[derive(Debug, Clone)]
struct Scenario {
    committed: BTreeMap<String, File>,
    published: BTreeMap<String, File>,
}

fn scenario() -> impl Strategy<Value = Scenario> {
    let files = prop::collection::btree_map(path(), (file(), tampering()), 1..10);
    let added = prop::collection::btree_map(path(), file(), 0..3);
    (files, added).prop_map(|(files, added)| {
        let manifest = br#"{ "name": "random-paint", "version": "1.0.0" }"#.to_vec();
        let manifest = File { content: manifest, executable: false };
        let mut committed = BTreeMap::from([("package.json".to_owned(), manifest.clone())]);
        let mut published = BTreeMap::from([("package.json".to_owned(), manifest)]);
        for (path, (file, tampering)) in files {
            if is_folder(&committed, &path) {
                continue;
            }
            committed.insert(path.clone(), file.clone());
            let (path, file) = match tampering {
                Tampering::Nothing => (path, file),
                Tampering::Change(content) => (path, File { content, ..file }),
                Tampering::MoveTo(other) => (other, file),
                Tampering::Delete => continue,
                Tampering::FlipMode => (path, File { executable: !file.executable, ..file }),
                Tampering::Crlf => (path, File { content: crlf(&file.content), ..file }),
            };
            if !is_folder(&published, &path) {
                published.insert(path, file);
            }
        }
        for (path, file) in added {
            if !is_folder(&published, &path) {
                published.insert(path, file);
            }
        }
        Scenario { committed, published }
    })
}

/// Whether a path is a folder of others, or lies below a file.
fn is_folder(files: &BTreeMap<String, File>, path: &str) -> bool {
    let below = |file: &str, folder: &str| file.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'));
    files.keys().any(|other| below(other, path) || below(path, other))
}

fn crlf(content: &[u8]) -> Vec<u8> {
    let mut result = Vec::new();
    for byte in content {
        if *byte == b'\n' {
            result.push(b'\r');
        }
        result.push(*byte);
    }
    result
}

fn check(test: &TestContext, scenario: &Scenario) -> Result<(), TestCaseError> {
    let directory = tempfile::tempdir().unwrap();
    let (repository, artifact) = (directory.path().join("source.git"), directory.path().join("package.tgz"));
    commit_files(&repository, &scenario.committed, "v1.0.0");
    let archive = scenario.published.iter().fold(Archive::new(), |archive, (path, file)| {
        let mode = if file.executable { 0o755 } else { 0o644 };
        archive
            .header(b'0', format!("package/{path}").as_bytes(), b"", file.content.len() as u64, mode)
            .content(&file.content)
    });
    std::fs::write(&artifact, archive.end().gzip()).unwrap();
    let request = Request {
        artifact: Some(artifact),
        repository: Some(RepositoryLocation::from_user(repository.to_str().unwrap()).unwrap()),
        ..Request::default()
    };
    let verification =
        block_on(verify(&request, &test.context)).map_err(|error| TestCaseError::fail(error.to_string()))?;
    let ledger =
        verification.ledger.as_ref().ok_or_else(|| TestCaseError::fail(format!("{:?}", verification.reason)))?;

    let rows: Vec<&str> = ledger.files.iter().map(|file| &*file.path).collect();
    let published: Vec<&str> = scenario.published.keys().map(String::as_str).collect();
    prop_assert_eq!(&rows, &published, "one row for each path, in path order");
    for row in &ledger.files {
        let file = &scenario.published[&*row.path];
        let same = scenario.committed.get(&*row.path).is_some_and(|committed| committed.content == file.content);
        let class = row.explanation.class();
        prop_assert_eq!(same, class == "git-blob", "{} is {}", &row.path, class);
        let elsewhere = scenario.committed.values().any(|committed| committed.content == file.content);
        match class {
            "git-blob-moved" => prop_assert!(elsewhere, "{} is nowhere in the commit", &row.path),
            "stabilized" => {
                let committed = row.counterpart.as_ref().map(|counterpart| &scenario.committed[&counterpart.path]);
                prop_assert!(committed.is_some_and(|one| lines(&one.content) == lines(&file.content)), "{}", &row.path);
            }
            "git-blob" | "modified" | "artifact-only" => {}
            other => prop_assert!(false, "{} is {}", &row.path, other),
        }
        prop_assert_eq!(row.executable, file.executable);
    }
    let explained = ledger.files.iter().all(|row| row.explanation.is_explained());
    prop_assert_eq!(explained, matches!(verification.verdict, Verdict::Verbatim | Verdict::Equivalent));
    let missing: BTreeSet<&str> = ledger.source_only.iter().flatten().map(String::as_str).collect();
    let deleted = scenario.committed.keys().filter(|path| !scenario.published.contains_key(*path));
    for path in missing {
        prop_assert!(deleted.clone().any(|deleted| deleted == path), "{} is not missing", path);
    }
    Ok(())
}

/// The lines without what `eol` removes: ends, a final one, a byte order mark.
fn lines(content: &[u8]) -> Vec<u8> {
    let text: Vec<u8> = content.iter().copied().filter(|byte| !matches!(byte, b'\r')).collect();
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&text);
    let end = text.iter().rposition(|byte| *byte != b'\n').map_or(0, |position| position + 1);
    text[..end].to_vec()
}

#[test]
fn every_file_gets_exactly_one_explanation() {
    let test = TestContext::alone();
    let configuration = ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() };
    proptest!(configuration, |(scenario in scenario())| check(&test, &scenario)?);
}

#[test]
fn an_untouched_package_is_verbatim() {
    let test = TestContext::alone();
    let configuration = ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() };
    proptest!(configuration, |(scenario in scenario())| {
        let honest = Scenario { published: scenario.committed.clone(), committed: scenario.committed };
        check(&test, &honest)?;
    });
}
