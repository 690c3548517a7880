//! Contents, trees and repositories, the same ones on every run.

use std::io::Write as _;
use std::path::Path;

use git2::{Buf, Commit, Oid, Repository, RepositoryInitOptions, Signature, Time};
use tarproof::demo::{Tree, TreeFile};

const WORDS: [&str; 16] = [
    "const ",
    "value",
    " = ",
    "require(",
    "'./module'",
    ");\n",
    "function ",
    "return ",
    "if (",
    "exports.",
    "{\n",
    "}\n",
    "// a note\n",
    "length",
    " => ",
    "undefined",
];

/// A small linear congruential generator.
#[derive(Debug)]
pub(crate) struct Numbers(u64);

impl Numbers {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub(crate) fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % bound
    }
}

/// Text that compresses about as well as program text does.
pub(crate) fn source_text(size: usize, seed: u64) -> Vec<u8> {
    let mut numbers = Numbers::new(seed);
    let mut text = Vec::with_capacity(size + 32);
    while text.len() < size {
        text.extend_from_slice(WORDS[numbers.below(WORDS.len())].as_bytes());
        if numbers.below(3) == 0 {
            text.extend_from_slice(numbers.below(1 << 20).to_string().as_bytes());
        }
    }
    text.truncate(size);
    text
}

/// A package of `count` files of `size` bytes, in directories of forty.
pub(crate) fn package(count: usize, size: usize) -> Tree {
    let mut tree: Tree = (0..count)
        .map(|index| {
            let text = source_text(size, index as u64);
            let file = TreeFile { content: text, ..TreeFile::text("") };
            (format!("lib/part-{}/file-{index}.js", index / 40), file)
        })
        .collect();
    let manifest = "{\n  \"name\": \"generated\",\n  \"version\": \"1.0.0\",\n  \"files\": [\"lib\"]\n}\n";
    tree.insert("package.json".to_owned(), TreeFile::text(manifest));
    tree
}

/// Starts a bare repository.
pub(crate) fn repository(path: &Path) -> Repository {
    let mut options = RepositoryInitOptions::new();
    options.bare(true).no_reinit(true).mkpath(true).external_template(false).initial_head("main");
    Repository::init_opts(path, &options).expect("the directory is empty and writable")
}

/// Commits the files to `main`.
pub(crate) fn commit(repository: &Repository, tree: &Tree) -> Oid {
    let mut index = git2::Index::new().expect("memory suffices");
    for (path, file) in tree {
        let id = repository.blob(&file.content).expect("the repository is writable");
        let never = git2::IndexTime::new(0, 0);
        let entry = git2::IndexEntry {
            ctime: never,
            mtime: never,
            dev: 0,
            ino: 0,
            mode: 0o100_644,
            uid: 0,
            gid: 0,
            file_size: 0,
            id,
            flags: 0,
            flags_extended: 0,
            path: path.as_bytes().to_vec(),
        };
        index.add(&entry).expect("the path is valid");
    }
    let tree = index.write_tree_to(repository).expect("the repository is writable");
    commit_tree(repository, tree, 0)
}

fn commit_tree(repository: &Repository, tree: Oid, minutes: i64) -> Oid {
    let tree = repository.find_tree(tree).expect("it was just written");
    let parent = repository.head().ok().and_then(|head| head.peel_to_commit().ok());
    write(repository, &tree, parent.as_ref(), minutes).expect("the repository is writable")
}

fn write(
    repository: &Repository,
    tree: &git2::Tree<'_>,
    parent: Option<&Commit<'_>>,
    minutes: i64,
) -> Result<Oid, git2::Error> {
    let signature = Signature::new("Bench Author", "author@git.example", &Time::new(1_500_000_000 + minutes * 60, 0))?;
    let parents: Vec<_> = parent.into_iter().collect();
    repository.commit(Some("refs/heads/main"), &signature, &signature, "change\n", tree, &parents)
}

/// Commits `count` changes of one file each to `main`, over 400 files in 20 directories, and packs them.
///
/// Objects are gathered in memory and written as one pack, which is how a fetched repository stores them.
pub(crate) fn history(path: &Path, count: usize) -> Result<(), git2::Error> {
    let repository = repository(path);
    let odb = repository.odb()?;
    let memory = odb.add_new_mempack_backend(1_000)?;
    let mut numbers = Numbers::new(7);
    let mut directories: Vec<Option<Oid>> = vec![None; 20];
    let mut packages = None;
    let mut parent: Option<Oid> = None;
    for index in 0..count {
        let directory = numbers.below(directories.len());
        let blob = repository.blob(&source_text(200, index as u64))?;
        let old = directories[directory].map(|id| repository.find_tree(id)).transpose()?;
        let mut builder = repository.treebuilder(old.as_ref())?;
        builder.insert(format!("file-{}.js", numbers.below(20)), blob, 0o100_644)?;
        directories[directory] = Some(builder.write()?);
        let old = packages.map(|id| repository.find_tree(id)).transpose()?;
        let mut builder = repository.treebuilder(old.as_ref())?;
        let id = directories[directory].expect("it was just written");
        builder.insert(format!("part-{directory}"), id, 0o040_000)?;
        let tree = builder.write()?;
        packages = Some(tree);
        let parent_commit = parent.map(|id| repository.find_commit(id)).transpose()?;
        parent = Some(write(&repository, &repository.find_tree(tree)?, parent_commit.as_ref(), index as i64)?);
    }
    let mut pack = Buf::new();
    memory.dump(&repository, &mut pack)?;
    let mut writer = odb.packwriter()?;
    writer.write_all(&pack).map_err(|error| git2::Error::from_str(&error.to_string()))?;
    writer.commit()?;
    memory.reset()
}
