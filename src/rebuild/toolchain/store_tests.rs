use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;

use super::*;

/// A tarball of files (path, mode, content), and its sha512.
fn tarball(directory: &Path, files: &[(&str, u32, &str)]) -> (PathBuf, Vec<u8>) {
    let mut builder = tar::Builder::new(Vec::new());
    for (path, mode, content) in files {
        let mut header = tar::Header::new_ustar();
        header.set_size(content.len() as u64);
        header.set_mode(*mode);
        header.as_ustar_mut().unwrap().name[..path.len()].copy_from_slice(path.as_bytes());
        header.set_cksum();
        builder.append(&header, content.as_bytes()).unwrap();
    }
    packed(directory, &builder.into_inner().unwrap())
}

fn packed(directory: &Path, archive: &[u8]) -> (PathBuf, Vec<u8>) {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(archive).unwrap();
    let bytes = encoder.finish().unwrap();
    let path = directory.join("tool.tgz");
    fs::write(&path, &bytes).unwrap();
    (path, sha2::Sha512::digest(&bytes).to_vec())
}

fn store() -> (tempfile::TempDir, Store) {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::new(directory.path());
    (directory, store)
}

fn unpack(store: &Store, sha512: &[u8], tarball: &Path) -> PathBuf {
    store.unpack(sha512, tarball).ok().expect("it can be unpacked")
}

fn leftovers(store: &Store) -> usize {
    fs::read_dir(store.root.join("tmp")).map_or(0, Iterator::count)
}

const FILES: [(&str, u32, &str); 3] = [
    ("package/bin/node", 0o755, "program"),
    ("package/package.json", 0o666, "{}"),
    ("package/lib/deep/a.js", 0o644, "text"),
];

#[test]
fn files_are_read_only_and_keep_their_executable_bit() {
    let (directory, store) = store();
    let (path, sha512) = tarball(directory.path(), &FILES);
    assert_eq!(store.find(&sha512), None);
    let tree = unpack(&store, &sha512, &path);
    let mode = |file: &str| fs::metadata(tree.join(file)).unwrap().permissions().mode() & 0o7777;
    assert_eq!((mode("bin/node"), mode("package.json"), mode("lib/deep/a.js")), (0o555, 0o444, 0o444));
    assert_eq!((mode(""), mode("lib/deep")), (0o755, 0o755));
    assert_eq!(fs::read(tree.join("bin/node")).unwrap(), b"program");
    assert_eq!(store.find(&sha512), Some(tree.clone()));
    fs::remove_file(&path).unwrap();
    assert_eq!(unpack(&store, &sha512, &path), tree, "the tarball is not needed again");
    assert_eq!(leftovers(&store), 0);
}

#[test]
fn a_damaged_tree_is_noticed_and_replaced() {
    let (directory, store) = store();
    let (path, sha512) = tarball(directory.path(), &FILES);
    let tree = unpack(&store, &sha512, &path);
    let damage: [&dyn Fn(); 5] = [
        &|| fs::remove_file(tree.join("lib/deep/a.js")).unwrap(),
        &|| {
            fs::remove_file(tree.join("bin/node")).unwrap();
            fs::write(tree.join("bin/node"), "short").unwrap();
        },
        &|| fs::write(tree.join("added"), "").unwrap(),
        &|| std::os::unix::fs::symlink("/etc", tree.join("link")).unwrap(),
        &|| fs::remove_file(tree.parent().unwrap().join("complete")).unwrap(),
    ];
    for (case, damage) in damage.iter().enumerate() {
        damage();
        assert_eq!(store.find(&sha512), None, "case {case}");
        assert_eq!(unpack(&store, &sha512, &path), tree, "case {case}");
        assert_eq!(fs::read(tree.join("bin/node")).unwrap(), b"program", "case {case}");
        assert_eq!(leftovers(&store), 0, "case {case}");
    }
}

#[test]
fn many_unpack_the_same_at_once() {
    let (directory, store) = store();
    let (path, sha512) = tarball(directory.path(), &FILES);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                let tree = unpack(&store, &sha512, &path);
                assert_eq!(fs::read(tree.join("bin/node")).unwrap(), b"program");
            });
        }
    });
    assert!(store.find(&sha512).is_some());
    assert_eq!(leftovers(&store), 0);
}

#[test]
fn other_bytes_than_the_digests_are_refused() {
    let (directory, store) = store();
    let (path, mut sha512) = tarball(directory.path(), &FILES);
    sha512[63] ^= 1;
    assert!(matches!(store.unpack(&sha512, &path), Err(UnpackError::Damaged)));
    fs::write(&path, "no archive at all").unwrap();
    assert!(matches!(store.unpack(&sha512, &path), Err(UnpackError::Damaged)));
    assert_eq!(leftovers(&store), 0);
}

#[test]
fn whatever_could_land_elsewhere_is_refused_whole() {
    let (directory, store) = store();
    let link = |kind: tar::EntryType, target: &str| {
        let mut builder = tar::Builder::new(Vec::new());
        let mut header = tar::Header::new_ustar();
        header.set_entry_type(kind);
        header.set_size(0);
        builder.append_link(&mut header, "package/link", target).unwrap();
        builder.into_inner().unwrap()
    };
    let device = || {
        let mut builder = tar::Builder::new(Vec::new());
        let mut header = tar::Header::new_ustar();
        header.set_entry_type(tar::EntryType::Fifo);
        header.set_size(0);
        builder.append_data(&mut header, "package/fifo", io::empty()).unwrap();
        builder.into_inner().unwrap()
    };
    let refused = |(path, sha512): (PathBuf, Vec<u8>), case: &str| {
        let result = store.unpack(&sha512, &path);
        assert!(matches!(result, Err(UnpackError::Archive(_) | UnpackError::Store(_))), "{case}");
        assert_eq!((store.find(&sha512), leftovers(&store)), (None, 0), "{case}");
    };
    refused(packed(directory.path(), &link(tar::EntryType::Symlink, "../../outside")), "symbolic link");
    refused(packed(directory.path(), &link(tar::EntryType::Symlink, "inside")), "symbolic link inside");
    refused(packed(directory.path(), &link(tar::EntryType::Link, "package/a")), "hard link");
    refused(packed(directory.path(), &device()), "fifo");
    for path in ["package/../../outside", "/outside", "package/a\\b", "outside", "package/"] {
        refused(tarball(directory.path(), &[FILES[0], (path, 0o644, "x")]), path);
    }
    refused(tarball(directory.path(), &[FILES[0], FILES[0]]), "a file twice");
    refused(tarball(directory.path(), &[FILES[0], ("package/bin/node/a", 0o644, "x")]), "a file that is a folder");
    refused(packed(directory.path(), &[0; 1024]), "nothing");
    let outside: Vec<_> = fs::read_dir(directory.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(outside.len(), 2, "{outside:?}");
}
