//! Counts how many of the artifact's files a commit's tree holds at their paths.
//!
//! The wanted files form a trie. Every (tree id, trie node) pair is scored once per search, so walking
//! thousands of commits costs only the subtrees that changed and that the artifact names.

use std::collections::HashMap;

use git2::{ObjectType, Oid, Repository};

use crate::package::{BlobId, is_document};

#[derive(Debug, Default)]
struct WantedDirectory {
    files: Vec<WantedFile>,
    directories: Vec<(Box<str>, u32)>,
}

#[derive(Debug)]
struct WantedFile {
    name: Box<str>,
    blob: Oid,
    /// The content's id with LF line ends, where it has others.
    blob_with_lf: Option<Oid>,
}

impl WantedFile {
    fn is(&self, id: Oid) -> bool {
        self.blob == id || self.blob_with_lf == Some(id)
    }
}

/// The artifact's files, arranged as directories.
#[derive(Debug)]
pub struct WantedFiles {
    directories: Vec<WantedDirectory>,
    count: u32,
}

impl WantedFiles {
    /// Arranges `(path, blob, blob with LF line ends)` triples; paths relative to the package.
    pub fn new<'a>(files: impl Iterator<Item = (&'a str, BlobId, Option<BlobId>)>) -> Self {
        let mut directories = vec![WantedDirectory::default()];
        let mut known: HashMap<&str, u32> = HashMap::new();
        let mut count = 0;
        for (path, blob, blob_with_lf) in files {
            let Ok(blob) = Oid::from_bytes(&blob.0) else { continue };
            let blob_with_lf = blob_with_lf.and_then(|blob| Oid::from_bytes(&blob.0).ok());
            let (parent, name) = path.rsplit_once('/').unwrap_or(("", path));
            let index = place(parent, &mut known, &mut directories);
            directories[index as usize].files.push(WantedFile { name: name.into(), blob, blob_with_lf });
            count += 1;
        }
        Self { directories, count }
    }

    /// How many files there are.
    pub fn count(&self) -> u32 {
        self.count
    }

    /// How many of the files' contents the repository's object store holds at all: no commit can score higher.
    pub fn attainable(&self, repository: &Repository) -> u32 {
        let Ok(odb) = repository.odb() else { return self.count };
        let files = self.directories.iter().flat_map(|directory| &directory.files);
        let exists = |id: Oid| odb.exists_ext(id, git2::OdbLookupFlags::NO_REFRESH);
        files.filter(|file| exists(file.blob) || file.blob_with_lf.is_some_and(exists)).count() as u32
    }
}

fn place<'a>(path: &'a str, known: &mut HashMap<&'a str, u32>, directories: &mut Vec<WantedDirectory>) -> u32 {
    if path.is_empty() {
        return 0;
    }
    if let Some(index) = known.get(path) {
        return *index;
    }
    let (parent, name) = path.rsplit_once('/').unwrap_or(("", path));
    let parent = place(parent, known, directories);
    let index = directories.len() as u32;
    directories.push(WantedDirectory::default());
    directories[parent as usize].directories.push((name.into(), index));
    known.insert(path, index);
    index
}

/// How a tree fares against the wanted files.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Score {
    /// Files that it holds at their paths with their contents, line ends aside.
    pub matched: u32,
    /// Files that it holds at their paths with other contents, prose and the package's own manifest apart.
    pub conflicting: u32,
    /// Prose that it holds at its path with other content.
    pub differing_prose: u32,
}

/// Scores trees of one repository against one artifact.
pub struct Scorer<'a> {
    repository: &'a Repository,
    wanted: &'a WantedFiles,
    memo: HashMap<(Oid, u32), Score>,
}

impl std::fmt::Debug for Scorer<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Scorer").field("scored", &self.memo.len()).finish_non_exhaustive()
    }
}

impl<'a> Scorer<'a> {
    /// Starts a search.
    pub fn new(repository: &'a Repository, wanted: &'a WantedFiles) -> Self {
        Self { repository, wanted, memo: HashMap::new() }
    }

    /// Scores `tree`, taken as the package's directory.
    pub fn score(&mut self, tree: Oid) -> Score {
        self.score_directory(tree, 0)
    }

    fn score_directory(&mut self, id: Oid, index: u32) -> Score {
        if let Some(score) = self.memo.get(&(id, index)) {
            return *score;
        }
        let wanted = &self.wanted.directories[index as usize];
        let mut score = Score::default();
        if let Ok(tree) = self.repository.find_tree(id) {
            for file in &wanted.files {
                let name = &file.name;
                let Some(entry) = tree.get_name(name) else { continue };
                if file.is(entry.id()) {
                    score.matched += 1;
                } else if is_document(name) {
                    score.differing_prose += 1;
                } else if index != 0 || &**name != "package.json" {
                    score.conflicting += 1;
                }
            }
            for (name, child) in &wanted.directories {
                if let Some(entry) = tree.get_name(name).filter(|entry| entry.kind() == Some(ObjectType::Tree)) {
                    let below = self.score_directory(entry.id(), *child);
                    score.matched += below.matched;
                    score.conflicting += below.conflicting;
                    score.differing_prose += below.differing_prose;
                }
            }
        }
        self.memo.insert((id, index), score);
        score
    }
}
