use std::collections::BTreeMap;
use std::path::Path;

use git2::{Index, IndexEntry, IndexTime, Oid, Repository, Signature, Time};

/// A file as git records it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct File {
    pub(crate) content: Vec<u8>,
    pub(crate) executable: bool,
}

/// Makes a bare repository at `path` with one commit, tagged `tag`, of these files.
pub(crate) fn commit_files(path: &Path, files: &BTreeMap<String, File>, tag: &str) -> Oid {
    let repository = Repository::init_bare(path).unwrap();
    let mut index = Index::new().unwrap();
    for (path, file) in files {
        let id = repository.blob(&file.content).unwrap();
        index.add(&entry(path, id, if file.executable { 0o100_755 } else { 0o100_644 })).unwrap();
    }
    let tree = repository.find_tree(index.write_tree_to(&repository).unwrap()).unwrap();
    let author = Signature::new("Nobody", "nobody@git.example", &Time::new(1_700_000_000, 0)).unwrap();
    let commit = repository.commit(Some("refs/heads/main"), &author, &author, "Release", &tree, &[]).unwrap();
    repository.reference(&format!("refs/tags/{tag}"), commit, false, "release").unwrap();
    repository.set_head("refs/heads/main").unwrap();
    commit
}

fn entry(path: &str, id: Oid, mode: u32) -> IndexEntry {
    let never = IndexTime::new(0, 0);
    IndexEntry {
        ctime: never,
        mtime: never,
        dev: 0,
        ino: 0,
        mode,
        uid: 0,
        gid: 0,
        file_size: 0,
        id,
        flags: 0,
        flags_extended: 0,
        path: path.as_bytes().to_vec(),
    }
}
