//! Where lines of files were seen before: in the versions that the history has of them, or elsewhere in one commit.

use std::collections::{HashMap, HashSet};

use git2::{ObjectType, Oid, Repository};

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

/// Lines of one file that are looked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WantedLines<'a> {
    /// The file, from the repository's root.
    pub path: &'a str,
    /// White space at either end does not count, and empty lines are passed over.
    pub lines: Vec<&'a str>,
}

/// Looks for the lines of each file in every version of it that branches and tags reach, then in the other files of
/// `commit` with the same extension; the answers are in the order of the questions.
///
/// The history is walked once for all files. Contents that are not at hand are fetched in one request where the
/// history is; where only trees are, nothing is looked at.
pub fn seen_lines(source: &SourceRepository, commit: &CommitId, wanted: &[WantedLines<'_>]) -> Vec<SeenLines> {
    let mut searches: Vec<Search<'_>> = wanted.iter().map(Search::of).collect();
    if source.completeness() == Completeness::Trees {
        for search in &mut searches {
            search.found.complete = search.open.is_empty();
        }
    } else {
        let versions = versions(source, &mut searches);
        source.fetch_blobs(&versions.iter().flatten().map(|(blob, _)| *blob).collect::<Vec<_>>());
        for (search, versions) in searches.iter_mut().zip(versions) {
            for (blob, commit) in versions {
                if !search.is_open() {
                    break;
                }
                let content = source.local_blob(blob);
                search.look_into(content.as_deref(), commit, search.path);
            }
        }
        elsewhere(source, commit, &mut searches);
    }
    searches.into_iter().map(|search| search.found).collect()
}

/// What is left to do for one file.
struct Search<'a> {
    path: &'a str,
    open: HashSet<&'a str>,
    found: SeenLines,
    room: usize,
}

impl<'a> Search<'a> {
    fn of(wanted: &WantedLines<'a>) -> Self {
        Self {
            path: wanted.path,
            open: wanted.lines.iter().map(|line| line.trim()).filter(|line| !line.is_empty()).collect(),
            found: SeenLines { complete: true, ..SeenLines::default() },
            room: MAX_BYTES,
        }
    }

    fn is_open(&self) -> bool {
        !self.open.is_empty()
    }

    /// Looks into one content; one that is not at hand leaves the search incomplete.
    fn look_into(&mut self, content: Option<&[u8]>, commit: CommitId, path: &str) {
        let fitting = content.and_then(|content| Some((content, self.room.checked_sub(content.len())?)));
        let Some((content, room)) = fitting else {
            self.found.complete = false;
            return;
        };
        self.room = room;
        for line in String::from_utf8_lossy(content).lines() {
            let line = line.trim();
            if self.open.remove(line) {
                self.found.places.insert(line.to_owned(), Place { commit, path: path.to_owned() });
            }
        }
    }
}

/// The same commit's other files of the same kinds: code that was moved is not new.
fn elsewhere(source: &SourceRepository, commit: &CommitId, searches: &mut [Search<'_>]) {
    let kinds: HashSet<&str> =
        searches.iter().filter(|search| search.is_open()).map(|search| extension(search.path)).collect();
    let Some(tree) = CommitTree::of_commit(source, commit).filter(|_| !kinds.is_empty()) else { return };
    let (mut files, mut counts) = (Vec::new(), HashMap::<String, usize>::new());
    tree.for_each_file(|path, file| {
        let kind = extension(path);
        if !file.link && kinds.contains(kind) {
            let count = counts.entry(kind.to_owned()).or_default();
            *count += 1;
            if *count <= MAX_FILES {
                files.push((path.to_owned(), file.blob));
            }
        }
        counts.len() < kinds.len() || counts.values().any(|count| *count < MAX_FILES)
    });
    for (path, blob) in files {
        let kind = extension(&path);
        let mut open: Vec<&mut Search<'_>> = searches
            .iter_mut()
            .filter(|search| search.is_open() && search.path != path && extension(search.path) == kind)
            .collect();
        if open.is_empty() {
            continue;
        }
        // What would have to be fetched is not looked at: nobody said that it is the same file.
        let Some(content) = source.local_blob(blob) else { continue };
        for search in &mut open {
            search.look_into(Some(&content), *commit, &path);
        }
    }
}

fn extension(path: &str) -> &str {
    let name = path.rsplit('/').next().unwrap_or(path);
    name.rsplit_once('.').map_or("", |(_, extension)| extension)
}

/// The contents that a path ever had, newest first, each with the newest commit that has it.
type Versions = Vec<(BlobId, CommitId)>;

/// The versions of every file that is looked for, from one walk of the history.
fn versions(source: &SourceRepository, searches: &mut [Search<'_>]) -> Vec<Versions> {
    let repository = source.repository();
    let mut root = Folder::default();
    let mut open = 0;
    for (index, search) in searches.iter().enumerate().filter(|(_, search)| search.is_open()) {
        root.add(search.path, index);
        open += 1;
    }
    let mut files: Vec<FileVersions> = searches.iter().map(|_| FileVersions::default()).collect();
    let mut stopped = false;
    if open > 0 {
        for (walked, commit) in HistoryWalk::new(repository, &source.tips()).enumerate() {
            let full = files.iter().filter(|file| file.is_full()).count();
            stopped = walked == MAX_COMMITS;
            if stopped || full == open {
                break;
            }
            root.visit(repository, commit.tree_id(), &commit_id(commit.id()), &mut files);
        }
    }
    for (search, file) in searches.iter_mut().zip(&files) {
        search.found.complete &= !(file.is_full() || stopped && search.is_open());
    }
    files.into_iter().map(|file| file.found).collect()
}

#[derive(Default)]
struct FileVersions {
    found: Versions,
    known: HashSet<Oid>,
}

impl FileVersions {
    fn is_full(&self) -> bool {
        self.found.len() == MAX_VERSIONS
    }
}

/// A directory that holds files that are looked for, and which of its trees were seen already: most commits change
/// none of them.
#[derive(Default)]
struct Folder<'a> {
    files: Vec<(&'a str, usize)>,
    folders: Vec<(&'a str, Folder<'a>)>,
    seen: HashSet<Oid>,
}

impl<'a> Folder<'a> {
    fn add(&mut self, path: &'a str, index: usize) {
        let Some((name, rest)) = path.split_once('/') else {
            self.files.push((path, index));
            return;
        };
        let at = self.folders.iter().position(|(known, _)| *known == name).unwrap_or_else(|| {
            self.folders.push((name, Folder::default()));
            self.folders.len() - 1
        });
        self.folders[at].1.add(rest, index);
    }

    fn visit(&mut self, repository: &Repository, tree: Oid, commit: &CommitId, files: &mut [FileVersions]) {
        if !self.seen.insert(tree) {
            return;
        }
        let Ok(tree) = repository.find_tree(tree) else { return };
        for (name, index) in &self.files {
            let blob = tree.get_name(name).filter(|entry| entry.kind() == Some(ObjectType::Blob));
            if let (Some(entry), Some(file)) = (blob, files.get_mut(*index))
                && !file.is_full()
                && file.known.insert(entry.id())
            {
                file.found.push((blob_id(entry.id()), *commit));
            }
        }
        for (name, folder) in &mut self.folders {
            if let Some(entry) = tree.get_name(name).filter(|entry| entry.kind() == Some(ObjectType::Tree)) {
                folder.visit(repository, entry.id(), commit, files);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use git2::{Index, Signature};

    use super::*;
    use crate::source::RepositoryLocation;

    /// Commits the files, whole trees each, one after the other; answers with the last commit.
    fn history(path: &Path, states: &[&[(&str, &str)]]) -> CommitId {
        let repository = Repository::init(path).unwrap();
        let mut last: Option<Oid> = None;
        for (time, files) in states.iter().enumerate() {
            let mut index = Index::new().unwrap();
            for (path, content) in *files {
                let entry = git2::IndexEntry {
                    ctime: git2::IndexTime::new(0, 0),
                    mtime: git2::IndexTime::new(0, 0),
                    dev: 0,
                    ino: 0,
                    mode: 0o100_644,
                    uid: 0,
                    gid: 0,
                    file_size: 0,
                    id: repository.blob(content.as_bytes()).unwrap(),
                    flags: 0,
                    flags_extended: 0,
                    path: path.as_bytes().to_vec(),
                };
                index.add(&entry).unwrap();
            }
            let tree = repository.find_tree(index.write_tree_to(&repository).unwrap()).unwrap();
            let who = Signature::new("a", "a@example.org", &git2::Time::new(i64::try_from(time).unwrap(), 0)).unwrap();
            let parent = last.map(|last| repository.find_commit(last).unwrap());
            let parents: Vec<_> = parent.iter().collect();
            last = Some(repository.commit(Some("HEAD"), &who, &who, "a", &tree, &parents).unwrap());
        }
        commit_id(last.unwrap())
    }

    #[test]
    fn one_walk_answers_for_every_file() {
        let directory = tempfile::tempdir().unwrap();
        let commit = history(
            directory.path(),
            &[
                &[("lib/a.js", "old a\nkept\n"), ("lib/deep/b.js", "old b\n"), ("c.txt", "text\n")],
                &[("lib/a.js", "kept\n"), ("lib/deep/b.js", "b\n"), ("d.js", "moved\n"), ("e.txt", "moved\n")],
            ],
        );
        let location = RepositoryLocation::from_user(directory.path().to_str().unwrap()).unwrap();
        let source = SourceRepository::open_path(&location).unwrap();
        let wanted = [
            WantedLines { path: "lib/a.js", lines: vec!["  old a", "new", "", "kept", "moved"] },
            WantedLines { path: "lib/deep/b.js", lines: vec!["old b", "old a"] },
            WantedLines { path: "c.txt", lines: vec!["old a"] },
        ];
        let seen = seen_lines(&source, &commit, &wanted);
        let mut told: Vec<Vec<(&str, &str, bool)>> = Vec::new();
        for found in &seen {
            assert!(found.complete);
            let mut places: Vec<_> = found
                .places
                .iter()
                .map(|(line, place)| (line.as_str(), place.path.as_str(), place.commit == commit))
                .collect();
            places.sort_unstable();
            told.push(places);
        }
        let first = vec![("kept", "lib/a.js", true), ("moved", "d.js", true), ("old a", "lib/a.js", false)];
        assert_eq!(told, [first, vec![("old b", "lib/deep/b.js", false)], vec![]]);
    }

    #[test]
    fn a_file_with_very_many_versions_is_not_looked_at_to_the_end() {
        let directory = tempfile::tempdir().unwrap();
        let texts: Vec<String> = (0..MAX_VERSIONS + 2).map(|number| format!("line {number}\n")).collect();
        let states: Vec<[(&str, &str); 2]> = texts.iter().map(|text| [("a.js", text.as_str()), ("b", "b")]).collect();
        let states: Vec<&[(&str, &str)]> = states.iter().map(|state| &state[..]).collect();
        let commit = history(directory.path(), &states);
        let location = RepositoryLocation::from_user(directory.path().to_str().unwrap()).unwrap();
        let source = SourceRepository::open_path(&location).unwrap();
        let wanted = [
            WantedLines { path: "a.js", lines: vec!["line 0", "line 9"] },
            WantedLines { path: "b", lines: vec!["none"] },
        ];
        let seen = seen_lines(&source, &commit, &wanted);
        assert_eq!((seen[0].complete, seen[1].complete), (false, true));
        assert!(seen[0].places.keys().eq(["line 9"]), "{:?}", seen[0].places);
    }
}
