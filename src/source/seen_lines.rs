//! Where lines of a file were seen before: in the versions that the history has of it, or elsewhere in one commit.

use std::collections::{HashMap, HashSet};

use git2::Oid;

use crate::package::{BlobId, CommitId};
use crate::source::git::repository::{blob_id, commit_id};
use crate::source::git::{Completeness, SourceRepository};
use crate::source::history::HistoryWalk;
use crate::source::tree::CommitTree;

/// Most commits that are walked.
const MAX_COMMITS: usize = 50_000;
/// Most versions of one file that are read.
const MAX_VERSIONS: usize = 400;
/// Most bytes of contents that are read for one file.
const MAX_BYTES: usize = 24 << 20;
/// Most other files of the commit that are read.
const MAX_FILES: usize = 2_000;

/// Where a line was seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The newest commit that was found to hold it.
    pub commit: CommitId,
    /// The file, from the repository's root.
    pub path: String,
}

/// What a search for lines found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SeenLines {
    /// By line, without white space at either end.
    pub places: HashMap<String, Place>,
    /// Whether everything there is was looked at; otherwise a line without a place may still have one.
    pub complete: bool,
}

/// Looks for `wanted` lines in every version of `path` that branches and tags reach, then in the other files of
/// `commit` with the same extension.
///
/// White space at either end of a line does not count, and empty lines are passed over. Contents that are not at hand
/// are fetched in one request where the history is; where only trees are, nothing is looked at.
pub fn seen_lines(source: &SourceRepository, commit: &CommitId, path: &str, wanted: &[&str]) -> SeenLines {
    let mut search = Search {
        open: wanted.iter().map(|line| line.trim()).filter(|line| !line.is_empty()).collect(),
        found: SeenLines { complete: true, ..SeenLines::default() },
        room: MAX_BYTES,
    };
    if source.completeness() == Completeness::Trees {
        search.found.complete = search.open.is_empty();
        return search.found;
    }
    let versions = versions(source, path, &mut search);
    source.fetch_blobs(&versions.iter().map(|(blob, _)| *blob).collect::<Vec<_>>());
    for (blob, commit) in versions {
        search.look_into(source, blob, commit, path);
    }
    search.elsewhere(source, commit, path);
    search.found
}

struct Search<'a> {
    open: HashSet<&'a str>,
    found: SeenLines,
    room: usize,
}

impl Search<'_> {
    fn look_into(&mut self, source: &SourceRepository, blob: BlobId, commit: CommitId, path: &str) {
        if self.open.is_empty() {
            return;
        }
        let Some(content) = source.local_blob(blob) else {
            self.found.complete = false;
            return;
        };
        let Some(room) = self.room.checked_sub(content.len()) else {
            self.found.complete = false;
            return;
        };
        self.room = room;
        for line in String::from_utf8_lossy(&content).lines() {
            let line = line.trim();
            if self.open.remove(line) {
                self.found.places.insert(line.to_owned(), Place { commit, path: path.to_owned() });
            }
        }
    }

    /// The same commit's other files of that kind: code that was moved is not new.
    fn elsewhere(&mut self, source: &SourceRepository, commit: &CommitId, path: &str) {
        let Some(tree) = CommitTree::of_commit(source, commit) else { return };
        let extension = extension(path);
        let mut files = Vec::new();
        if !self.open.is_empty() {
            tree.for_each_file(|other, file| {
                if !file.link && other != path && self::extension(other) == extension {
                    files.push((other.to_owned(), file.blob));
                }
                files.len() < MAX_FILES
            });
        }
        for (other, blob) in files {
            // What would have to be fetched is not looked at: nobody said that it is the same file.
            if self.open.is_empty() || source.local_blob(blob).is_none() {
                continue;
            }
            self.look_into(source, blob, *commit, &other);
        }
    }
}

fn extension(path: &str) -> &str {
    let name = path.rsplit('/').next().unwrap_or(path);
    name.rsplit_once('.').map_or("", |(_, extension)| extension)
}

/// The contents that the path ever had, newest first, each with the newest commit that has it.
fn versions(source: &SourceRepository, path: &str, search: &mut Search<'_>) -> Vec<(BlobId, CommitId)> {
    let repository = source.repository();
    let (mut found, mut known, mut trees) = (Vec::new(), HashSet::new(), HashSet::<Oid>::new());
    if search.open.is_empty() {
        return found;
    }
    for (walked, commit) in HistoryWalk::new(repository, &source.tips()).enumerate() {
        if walked == MAX_COMMITS || found.len() == MAX_VERSIONS {
            search.found.complete = false;
            break;
        }
        if !trees.insert(commit.tree_id()) {
            continue;
        }
        let entry = commit.tree().ok().and_then(|tree| tree.get_path(std::path::Path::new(path)).ok());
        if let Some(entry) = entry
            && entry.kind() == Some(git2::ObjectType::Blob)
            && known.insert(entry.id())
        {
            found.push((blob_id(entry.id()), commit_id(commit.id())));
        }
    }
    found
}
