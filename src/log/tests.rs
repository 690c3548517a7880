use std::collections::BTreeMap;
use std::path::Path;

use proptest::prelude::*;
use serde_json::{Value, json};
use tlog_tiles::{EMPTY_HASH, Hash, node_hash, record_hash};

use super::append::{NewFile, write_checkpoint, write_tiles};
use super::*;
use crate::attest::types::{PAYLOAD_TYPE, VERIFICATION};
use crate::attest::{Envelope, KeyAlgorithm, Signature, SigningKey};

pub(super) fn signer() -> LogSigner {
    LogSigner::new(SigningKey::generate(KeyAlgorithm::Ed25519).unwrap()).unwrap()
}

/// The same key once more.
fn copy(signer: &SigningKey) -> LogSigner {
    LogSigner::new(SigningKey::read(&signer.to_pem(None).unwrap(), None).unwrap()).unwrap()
}

pub(super) fn statement(number: usize) -> Value {
    json!({
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": format!("pkg:npm/left@1.0.{number}"), "digest": {"sha256": "a".repeat(64)}}],
        "predicateType": VERIFICATION,
        "predicate": {"verdict": "verbatim"},
    })
}

/// An envelope whose signature nobody has looked at.
pub(super) fn bundle(statement: &Value) -> String {
    let payload = serde_json::to_vec(statement).unwrap();
    let signatures = vec![Signature { key_id: None, bytes: vec![1] }];
    Envelope { payload_type: PAYLOAD_TYPE.to_owned(), payload, signatures }.to_value().to_string()
}

/// Short entries: what they hold is nothing to the log.
fn entries(numbers: impl IntoIterator<Item = usize>) -> Vec<Entry> {
    numbers.into_iter().map(|number| Entry(format!("e{number}").into_bytes())).collect()
}

fn origin() -> Origin {
    "log.example/a".parse().unwrap()
}

/// A log on the disk with its key.
struct OnDisk {
    directory: tempfile::TempDir,
    key: SigningKey,
}

impl OnDisk {
    fn new() -> Self {
        Self { directory: tempfile::tempdir().unwrap(), key: SigningKey::generate(KeyAlgorithm::Ed25519).unwrap() }
    }

    fn with(batches: &[usize]) -> Self {
        let (log, mut next) = (Self::new(), 0);
        for count in batches {
            log.append(&entries(next..next + count)).unwrap();
            next += count;
        }
        log
    }

    fn path(&self) -> &Path {
        self.directory.path()
    }

    fn open(&self) -> Result<Appender, LogError> {
        Appender::open(self.path(), copy(&self.key), Some(&origin()))
    }

    fn append(&self, entries: &[Entry]) -> Result<Appended, LogError> {
        self.open()?.append(entries)
    }

    fn checkpoint(&self) -> UnverifiedCheckpoint {
        read_checkpoint(self.path()).unwrap()
    }

    fn verify(&self) -> Result<Log, LogError> {
        let head = read_checkpoint(self.path())?.prove(copy(&self.key).key())?;
        Log::read(self.path(), &head)
    }

    /// All files by their paths.
    fn files(&self) -> BTreeMap<String, Vec<u8>> {
        let walk = walkdir::WalkDir::new(self.path()).into_iter().map(Result::unwrap);
        walk.filter(|entry| entry.file_type().is_file() && entry.file_name() != ".lock")
            .map(|entry| {
                let path = entry.path().strip_prefix(self.path()).unwrap().to_str().unwrap().to_owned();
                (path, std::fs::read(entry.path()).unwrap())
            })
            .collect()
    }
}

/// RFC 6962, section 2.1, word for word.
fn merkle_tree_hash(leaves: &[Entry]) -> Hash {
    match leaves {
        [] => EMPTY_HASH,
        [one] => record_hash(one.as_bytes()),
        more => {
            let split = more.len().next_power_of_two() / 2;
            node_hash(merkle_tree_hash(&more[..split]), merkle_tree_hash(&more[split..]))
        }
    }
}

fn empty_head() -> TreeHead {
    TreeHead { origin: origin(), size: 0, root: EMPTY_HASH }
}

#[test]
fn the_root_is_that_of_the_rfc() {
    let mut log = Log::empty(empty_head());
    for number in 0..=1030 {
        assert_eq!(log.head.root, merkle_tree_hash(&entries(0..number)), "{number}");
        log.grow(&entries([number])).unwrap();
    }
}

#[test]
fn the_files_are_those_of_the_specification() {
    let log = OnDisk::with(&[3, 297]);
    let files = log.files();
    let names: Vec<&str> = files.keys().map(String::as_str).collect();
    let expected = [
        "checkpoint",
        "tile/0/000",
        "tile/0/000.p/3",
        "tile/0/001.p/44",
        "tile/1/000.p/1",
        "tile/entries/000",
        "tile/entries/000.p/3",
        "tile/entries/001.p/44",
    ];
    assert_eq!(names, expected);
    assert_eq!(files["tile/entries/000.p/3"], b"\0\x02e0\0\x02e1\0\x02e2");
    let leaves: Vec<u8> = entries(0..3).iter().flat_map(|entry| entry.leaf().0).collect();
    assert_eq!(files["tile/0/000.p/3"], leaves);
    assert_eq!(files["tile/1/000.p/1"], merkle_tree_hash(&entries(0..256)).0);
    assert!(files["checkpoint"].starts_with(b"log.example/a\n300\n"));
    assert_eq!(log.verify().unwrap().left_over(), 0);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn many_appends_are_one(batches in prop::collection::vec(0_usize..400, 1..5)) {
        let (many, one) = (OnDisk::with(&batches), OnDisk::with(&[batches.iter().sum()]));
        let (left, right) = (many.verify().unwrap(), one.verify().unwrap());
        prop_assert_eq!(left.head(), right.head());
        // The one has nothing that the many have not; the many have partial tiles of their earlier checkpoints, too.
        let (left, right) = (many.files(), one.files());
        for (path, content) in right.iter().filter(|(path, _)| *path != "checkpoint") {
            prop_assert!(left.get(path) == Some(content), "{}", path);
        }
    }
}

#[test]
fn what_is_logged_is_not_logged_again() {
    let log = OnDisk::with(&[3]);
    let before = log.files();
    let known = log.append(&entries([2, 0])).unwrap();
    assert_eq!(known.positions, [Position { index: 2, new: false }, Position { index: 0, new: false }]);
    assert_eq!(log.files(), before);
    let twice = log.append(&entries([7, 1, 7])).unwrap();
    assert_eq!(
        twice.positions.iter().map(|position| (position.index, position.new)).collect::<Vec<_>>(),
        [(3, true), (1, false), (3, false),]
    );
    assert_eq!(twice.head.size, 4);
}

/// Changes one bit of a file; the log must not verify.
fn assert_found(log: &OnDisk, path: &str, content: &[u8], position: usize) {
    let mut changed = content.to_vec();
    changed[position] ^= 1 << (position % 8);
    std::fs::write(log.path().join(path), &changed).unwrap();
    let error = log.verify().map(|log| log.head).unwrap_err();
    assert!(log.append(&entries([9999])).is_err(), "{path} at {position}: {error}");
    std::fs::write(log.path().join(path), content).unwrap();
}

#[test]
fn every_changed_byte_of_every_file_is_found() {
    let small = OnDisk::with(&[3, 2]);
    for (path, content) in small.files() {
        for position in 0..content.len() {
            assert_found(&small, &path, &content, position);
        }
    }
    let large = OnDisk::with(&[200, 100]);
    for (path, content) in large.files() {
        for position in (0..content.len()).step_by(257).chain([content.len() - 1]) {
            assert_found(&large, &path, &content, position);
        }
        // Cut off, gone, or not a file.
        let file = large.path().join(&path);
        std::fs::write(&file, &content[..content.len() - 1]).unwrap();
        assert!(large.verify().is_err(), "{path}");
        std::fs::write(&file, [content.as_slice(), b"\0"].concat()).unwrap();
        assert!(large.verify().is_err(), "{path}");
        std::fs::remove_file(&file).unwrap();
        std::os::unix::fs::symlink("/dev/zero", &file).unwrap();
        assert!(large.verify().is_err(), "{path}");
        std::fs::remove_file(&file).unwrap();
        // Partial tiles of earlier checkpoints need not be there.
        assert_eq!(large.verify().is_err(), !path.ends_with(".p/200"), "{path}");
        std::fs::write(&file, &content).unwrap();
    }
    large.verify().unwrap();
}

#[test]
fn entries_that_change_places_are_found() {
    let log = OnDisk::with(&[3]);
    let bundle = log.path().join("tile/entries/000.p/3");
    std::fs::write(&bundle, b"\0\x02e1\0\x02e0\0\x02e2").unwrap();
    assert_eq!(log.verify().unwrap_err().to_string(), "`tile/0/000.p/3` does not fit the log's entries");
    let leaves: Vec<u8> = entries([1, 0, 2]).iter().flat_map(|entry| entry.leaf().0).collect();
    std::fs::write(log.path().join("tile/0/000.p/3"), leaves).unwrap();
    assert!(matches!(log.verify(), Err(LogError::Root { .. })));
    std::fs::write(&bundle, b"\0\x02e1\0\x02e0").unwrap();
    assert!(matches!(log.verify(), Err(LogError::Bundle(_))));
}

/// What an append would write.
fn planned(first: usize, second: usize) -> Vec<NewFile> {
    let mut log = Log::empty(empty_head());
    log.grow(&entries(0..first)).unwrap();
    log.grow(&entries(first..first + second)).unwrap().1
}

#[test]
fn an_append_may_end_at_any_moment() {
    for (first, second) in [(0, 3), (3, 2), (250, 300), (256, 1)] {
        let files = planned(first, second);
        for written in 0..=files.len() {
            let log = OnDisk::with(&[first]);
            let before = log.open().unwrap().log.head;
            let existing = log.files();
            assert!(files.iter().all(|file| !existing.contains_key(&file.path)), "a file is written a second time");
            write_tiles(log.path(), &files[..written], &mut Vec::new()).unwrap();
            if let Some(NewFile { path, content }) = files.get(written) {
                // Half of the next one, under its temporary name.
                let folder = log.path().join(path).parent().unwrap().to_owned();
                std::fs::create_dir_all(&folder).unwrap();
                std::fs::write(folder.join(".tarproof-half"), &content[..content.len() / 2]).unwrap();
            }
            let unfinished = usize::from(written < files.len());
            let interrupted = log.verify().unwrap();
            assert_eq!((&interrupted.head, interrupted.left_over()), (&before, written + unfinished));
            // The next ones have something else to say, and less or more of it.
            for more in [1, second, 300] {
                log.append(&entries(5000 * (more + 1)..5000 * (more + 1) + more)).unwrap();
                let log = log.verify().unwrap();
                assert!(log.extends(&before).is_ok() && log.left_over() == 0, "{first} {second} {written} {more}");
            }
        }
    }
}

#[test]
fn a_checkpoint_without_its_tiles_is_found() {
    let log = OnDisk::with(&[3]);
    let mut grown = log.verify().unwrap();
    grown.grow(&entries(3..5)).unwrap();
    write_checkpoint(log.path(), &grown.head.sign(&copy(&log.key))).unwrap();
    assert!(matches!(log.verify(), Err(LogError::Missing(path)) if path == "tile/entries/000.p/5"));
}

#[test]
fn one_at_a_time_appends() {
    let log = OnDisk::with(&[1]);
    let first = log.open().unwrap();
    assert!(matches!(log.open(), Err(LogError::Locked(_))));
    first.append(&entries([1])).unwrap();
    assert_eq!(log.append(&entries([2])).unwrap().head.size, 3);
}

#[test]
fn an_append_without_its_lock_signs_no_second_tree() {
    // Two that read the same log, since somebody removed the lock's file.
    let opened_twice = || {
        let log = OnDisk::with(&[3]);
        let first = log.open().unwrap();
        std::fs::remove_file(log.path().join(".lock")).unwrap();
        let second = log.open().unwrap();
        (log, first, second)
    };
    let (log, first, second) = opened_twice();
    first.append(&entries([10, 11])).unwrap();
    // One that would write the same files, and one that would not.
    assert!(matches!(second.append(&entries([20, 21])), Err(LogError::Disturbed(_))));
    assert_eq!(log.verify().unwrap().position(&entries([11])[0]), Some(4));
    let (log, first, second) = opened_twice();
    first.append(&entries([10, 11])).unwrap();
    assert!(matches!(second.append(&entries([20])), Err(LogError::Disturbed(_))));
    let log = log.verify().unwrap();
    assert_eq!((log.head.size, log.position(&entries([20])[0])), (5, None));
}

#[test]
fn a_log_that_was_set_back_is_not_gone_on_from_its_checkpoint() {
    let log = OnDisk::with(&[3]);
    let old = std::fs::read(log.path().join("checkpoint")).unwrap();
    log.append(&entries([3, 4])).unwrap();
    let kept = log.checkpoint();
    log.open().unwrap().must_extend(&kept).unwrap();
    std::fs::write(log.path().join("checkpoint"), old).unwrap();
    let set_back = log.open().unwrap();
    let refused = set_back.must_extend(&kept);
    assert!(matches!(refused, Err(LogError::Rewritten(LogProofError::Shrunk { older: 5, newer: 3 }))), "{refused:?}");
    let foreign = TreeHead { size: 0, ..empty_head() }.sign(&signer());
    assert!(matches!(set_back.must_extend(&foreign), Err(LogError::Checkpoint(_))));
}

#[test]
fn a_bundle_of_nothing_is_refused_in_bounds() {
    let zeros = vec![0; tile::MAX_BUNDLE];
    assert!(tile::entries(&zeros, 256).is_none());
    assert_eq!(tile::entries(&zeros[..512], 256).unwrap().len(), 256);
}

#[test]
fn a_log_is_begun_once() {
    let log = OnDisk::new();
    let open = |origin: Option<&Origin>| Appender::open(log.path(), copy(&log.key), origin).map(drop);
    assert!(matches!(open(None), Err(LogError::NoLog(_))));
    assert!(matches!(read_checkpoint(log.path()), Err(LogError::NoLog(_))));
    assert!(log.files().is_empty());
    open(Some(&origin())).unwrap();
    assert_eq!(log.verify().unwrap().head, empty_head());
    log.append(&entries([0])).unwrap();
    open(None).unwrap();
    let other = "log.example/b".parse().unwrap();
    assert!(matches!(open(Some(&other)), Err(LogError::OtherLog { .. })));
    let stranger = Appender::open(log.path(), signer(), None).map(drop);
    assert!(matches!(stranger, Err(LogError::Checkpoint(CheckpointError::UnknownKey { .. }))));
    std::fs::remove_file(log.path().join("checkpoint")).unwrap();
    assert!(matches!(open(Some(&origin())), Err(LogError::Beheaded(_))));
}

#[test]
fn a_checkpoint_of_any_size_is_read_in_bounds() {
    let log = OnDisk::with(&[1]);
    for size in [MAX_SIZE + 1, u64::MAX] {
        let head = TreeHead { size, ..empty_head() };
        write_checkpoint(log.path(), &head.sign(&copy(&log.key))).unwrap();
        assert!(matches!(log.verify(), Err(LogError::TooMany(found)) if found == size));
        // Proofs are of any size, and no higher than a tree can be.
        for length in [0, 22, 63, 64] {
            let (hashes, key) = (vec![EMPTY_HASH; length], copy(&log.key).key().clone());
            for index in [0, size / 2, size - 1, size] {
                let proof = InclusionProof { index, hashes: hashes.clone(), checkpoint: log.checkpoint() };
                let proven = proof.prove(&entries([0])[0], &key);
                assert!(matches!(proven, Err(LogProofError::NotIncluded { .. })), "{size} {length} {index}");
                let proof = ConsistencyProof { old_size: index, hashes: hashes.clone(), checkpoint: log.checkpoint() };
                let older = TreeHead { size: index, root: record_hash(b"other"), ..empty_head() };
                let proven = proof.prove(&older, &key);
                assert!(matches!(proven, Err(LogProofError::NotConsistent(_))), "{size} {length} {index}");
            }
        }
    }
}

#[test]
fn inclusion_is_proven_without_the_log() {
    for size in [1, 2, 7, 260] {
        let log = OnDisk::with(&[size]);
        let (key, whole) = (copy(&log.key).key().clone(), log.verify().unwrap());
        for (index, entry) in entries(0..size).iter().enumerate().step_by(1 + size / 16) {
            let hashes = whole.inclusion(index as u64).unwrap();
            let proof = InclusionProof { index: index as u64, hashes, checkpoint: log.checkpoint() };
            let Proof::Inclusion(read) = Proof::read(proof.to_text().as_bytes()).unwrap() else { panic!() };
            assert_eq!(read, proof);
            assert_eq!(&read.prove(entry, &key).unwrap(), whole.head());
            let other = &entries([index + 1])[0];
            assert!(matches!(read.prove(other, &key), Err(LogProofError::NotIncluded { .. })));
            assert!(matches!(read.prove(entry, signer().key()), Err(LogProofError::Checkpoint(_))));
        }
    }
}

#[test]
fn every_changed_byte_of_a_proof_is_found() {
    let log = OnDisk::with(&[5]);
    let (key, whole, entry) = (copy(&log.key).key().clone(), log.verify().unwrap(), entries([3]).remove(0));
    let proof = InclusionProof { index: 3, hashes: whole.inclusion(3).unwrap(), checkpoint: log.checkpoint() };
    let text = proof.to_text();
    assert!(text.starts_with("c2sp.org/tlog-proof@v1\nindex 3\n"), "{text}");
    for position in 0..text.len() {
        let mut changed = text.clone().into_bytes();
        changed[position] ^= 1 << (position % 8);
        let proven = Proof::read(&changed).and_then(|proof| match proof {
            Proof::Inclusion(proof) => proof.prove(&entry, &key),
            Proof::Consistency(_) => Err(LogProofError::Malformed),
        });
        assert!(proven.is_err(), "{position}");
    }
    // What somebody adds is nobody's word, and proves and spoils nothing.
    let extra = text.replacen('\n', "\nextra aGVsbG8=\n", 1);
    assert_eq!(Proof::read(extra.as_bytes()).unwrap(), Proof::read(text.as_bytes()).unwrap());
    let many = text.replacen("index 3\n", &format!("index 3\n{}", format!("{EMPTY_HASH}\n").repeat(65)), 1);
    let long = format!("{text}{}", "a".repeat(MAX_PROOF_BYTES));
    for bad in ["", "\n\n", "old\n\n", "old 01\n\n", "old +1\n\n", &text.replace("index 3", "index 03"), &many, &long] {
        assert!(Proof::read(bad.as_bytes()).is_err(), "{bad}");
    }
}

#[test]
fn consistency_is_proven_and_a_rewritten_log_is_not_consistent() {
    let key = SigningKey::generate(KeyAlgorithm::Ed25519).unwrap();
    let signer = copy(&key);
    let grown = |entries: &[Entry]| {
        let mut log = Log::empty(empty_head());
        log.grow(entries).unwrap();
        log
    };
    for new in 0..=17 {
        let log = grown(&entries(0..new));
        for old in 0..=new {
            let older = grown(&entries(0..old)).head;
            let hashes = log.consistency(old as u64).unwrap();
            let proof = ConsistencyProof { old_size: old as u64, hashes, checkpoint: log.head.sign(&signer) };
            let Proof::Consistency(read) = Proof::read(proof.to_text().as_bytes()).unwrap() else { panic!() };
            assert_eq!(read, proof);
            assert_eq!(read.prove(&older, signer.key()).unwrap(), log.head);
            log.extends(&older).unwrap();
            if old > 0 {
                let rewritten = grown(&entries((1..old).chain([99]))).head;
                assert!(matches!(log.extends(&rewritten), Err(LogError::Rewritten(LogProofError::NotConsistent(_)))));
                assert!(matches!(read.prove(&rewritten, signer.key()), Err(LogProofError::NotConsistent(_))));
            }
            let larger = grown(&entries(0..new + 1)).head;
            assert!(matches!(log.extends(&larger), Err(LogError::Rewritten(LogProofError::Shrunk { .. }))));
            assert!(matches!(read.prove(&larger, signer.key()), Err(LogProofError::OtherSize { .. })));
            let other = TreeHead { origin: "log.example/b".parse().unwrap(), ..older };
            assert!(matches!(log.extends(&other), Err(LogError::Rewritten(LogProofError::OtherOrigin { .. }))));
        }
    }
}
