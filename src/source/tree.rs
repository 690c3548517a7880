//! One commit's tree, read lazily: only the directories that somebody names are ever opened.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;

use git2::{ObjectType, Oid, Tree};

use crate::pack::{Node, NodeKind, SourceTree};
use crate::package::{BlobId, CommitId};
use crate::source::git::repository::{blob_id, oid};
use crate::source::git::{Completeness, SourceError, SourceRepository};

/// Deepest directory that is opened.
const MAX_DEPTH: usize = 64;
/// Most directories that are opened to list one commit.
const MAX_DIRECTORIES: usize = 250_000;
/// Most directories that stay open because a listing came by.
const MAX_KEPT: usize = 4096;
/// Most files that are listed of one commit.
const MAX_FILES: usize = 2_000_000;

const MODE_EXECUTABLE: i32 = 0o100_755;
const MODE_LINK: i32 = 0o120_000;
const MODE_COMMIT: i32 = 0o160_000;

/// A file as a commit's tree records it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TreeFile {
    /// Its content's id.
    pub blob: BlobId,
    /// Whether git records it as executable.
    pub executable: bool,
    /// Whether it is a symbolic link, whose content is its target.
    pub link: bool,
}

/// A commit's tree.
pub struct CommitTree<'s> {
    source: &'s SourceRepository,
    root: Oid,
    directories: RefCell<HashMap<Box<str>, Option<Rc<Tree<'s>>>>>,
    missing: RefCell<Vec<Oid>>,
}

impl std::fmt::Debug for CommitTree<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("CommitTree").field("root", &self.root).finish_non_exhaustive()
    }
}

impl<'s> CommitTree<'s> {
    /// Opens the tree of a commit; `None` where the commit is not at hand.
    pub fn of_commit(source: &'s SourceRepository, commit: &CommitId) -> Option<Self> {
        let commit = source.repository().find_commit(oid(&commit.0)?).ok()?;
        Some(Self::of_tree(source, commit.tree_id()))
    }

    /// Opens a tree by its own id.
    pub fn of_tree(source: &'s SourceRepository, root: Oid) -> Self {
        Self { source, root, directories: RefCell::default(), missing: RefCell::default() }
    }

    /// Directories that were asked for, and are recorded but not at hand.
    pub(crate) fn missing_trees(&self) -> Vec<Oid> {
        self.missing.borrow().clone()
    }

    fn directory(&self, path: &str) -> Option<Rc<Tree<'s>>> {
        if let Some(known) = self.directories.borrow().get(path) {
            return known.clone();
        }
        if path.matches('/').count() > MAX_DEPTH {
            return None;
        }
        // From the top: of what is missing only the first folder is remembered, however deep a path claims to be.
        let mut tree = self.opened("", || Some(self.root))?;
        let mut start = 0;
        let ends = path.match_indices('/').map(|(end, _)| end).chain((!path.is_empty()).then_some(path.len()));
        for end in ends {
            tree = self.opened(&path[..end], || {
                let entry = tree.get_name(&path[start..end])?;
                (entry.kind() == Some(ObjectType::Tree)).then(|| entry.id())
            })?;
            start = end + 1;
        }
        Some(tree)
    }

    /// The tree at `path`, found once.
    fn opened(&self, path: &str, id: impl FnOnce() -> Option<Oid>) -> Option<Rc<Tree<'s>>> {
        if let Some(known) = self.directories.borrow().get(path) {
            return known.clone();
        }
        let tree = id().and_then(|id| match self.source.repository().find_tree(id) {
            Ok(tree) => Some(Rc::new(tree)),
            Err(_) => {
                self.missing.borrow_mut().push(id);
                None
            }
        });
        self.directories.borrow_mut().insert(path.into(), tree.clone());
        tree
    }

    /// Finds the file at `path`.
    pub fn file(&self, path: &str) -> Option<TreeFile> {
        let (parent, name) = path.rsplit_once('/').unwrap_or(("", path));
        let parent = self.directory(parent)?;
        let entry = parent.get_name(name)?;
        tree_file(&entry)
    }

    /// Finds the file at `path`, letter case aside; returns its true path.
    pub fn file_ignoring_case(&self, path: &str) -> Option<(String, TreeFile)> {
        let (parent_path, name) = path.rsplit_once('/').unwrap_or(("", path));
        let parent = self.directory(parent_path)?;
        let entry = parent.iter().find(|entry| {
            entry.name().is_ok_and(|candidate| candidate != name && candidate.eq_ignore_ascii_case(name))
        })?;
        Some((join(parent_path, entry.name().ok()?), tree_file(&entry)?))
    }

    /// The id of the tree at `path`, if it is a directory.
    pub fn subtree(&self, path: &str) -> Option<Oid> {
        Some(self.directory(path)?.id())
    }

    /// Reads the file at `path`.
    pub fn read_file(&self, path: &str) -> Option<Vec<u8>> {
        let file = self.file(path)?;
        if file.link { None } else { self.source.read_blob(file.blob) }
    }

    /// The tree at `path`, kept for later look-ups as long as there are few.
    fn listed(&self, path: &str, id: Oid, visited: usize) -> Option<Rc<Tree<'s>>> {
        if let Some(known) = self.directories.borrow().get(path) {
            return known.clone();
        }
        let tree = self.source.repository().find_tree(id).map(Rc::new).ok();
        if tree.is_none() {
            self.missing.borrow_mut().push(id);
        }
        if visited < MAX_KEPT {
            self.directories.borrow_mut().insert(path.into(), tree.clone());
        }
        tree
    }

    /// Visits every file of the commit in path order, until `visit` returns `false`.
    pub fn for_each_file(&self, mut visit: impl FnMut(&str, TreeFile) -> bool) {
        let mut stack = vec![(String::new(), self.root)];
        let mut count = 0;
        let mut visited = 0;
        while let Some((path, id)) = stack.pop() {
            // Directories can refer to each other so that few objects make a tree without end.
            visited += 1;
            if visited > MAX_DIRECTORIES {
                return;
            }
            let Some(tree) = self.listed(&path, id, visited) else { continue };
            let mut child = join(&path, "");
            let within = child.len();
            for entry in tree.iter() {
                let Ok(name) = entry.name() else { continue };
                child.truncate(within);
                child.push_str(name);
                if entry.kind() == Some(ObjectType::Tree) {
                    if child.matches('/').count() < MAX_DEPTH {
                        stack.push((child.clone(), entry.id()));
                    }
                } else if let Some(file) = tree_file(&entry) {
                    count += 1;
                    if count > MAX_FILES || !visit(&child, file) {
                        return;
                    }
                }
            }
        }
    }
}

fn tree_file(entry: &git2::TreeEntry<'_>) -> Option<TreeFile> {
    let mode = entry.filemode();
    (entry.kind() == Some(ObjectType::Blob)).then(|| TreeFile {
        blob: blob_id(entry.id()),
        executable: mode == MODE_EXECUTABLE,
        link: mode == MODE_LINK,
    })
}

/// Joins a directory (`""` for the root) and a name.
pub fn join(directory: &str, name: &str) -> String {
    if directory.is_empty() { name.to_owned() } else { format!("{directory}/{name}") }
}

/// Whether `path` is `place` or below it; both without a `/` at the end.
pub(crate) fn is_within(path: &str, place: &str) -> bool {
    path.strip_prefix(place).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

impl SourceTree for CommitTree<'_> {
    fn list(&self, directory: &str) -> Vec<Node> {
        let Some(tree) = self.directory(directory) else { return Vec::new() };
        tree.iter()
            .filter_map(|entry| {
                let kind = match (entry.kind(), entry.filemode()) {
                    (Some(ObjectType::Tree), _) => NodeKind::Directory,
                    (_, MODE_COMMIT) => NodeKind::Submodule,
                    (Some(ObjectType::Blob), MODE_LINK) => NodeKind::Symlink,
                    (Some(ObjectType::Blob), mode) => NodeKind::File { executable: mode == MODE_EXECUTABLE },
                    _ => return None,
                };
                Some(Node { name: entry.name().ok()?.to_owned(), kind })
            })
            .collect()
    }

    fn read(&self, path: &str) -> Option<Vec<u8>> {
        self.read_file(path)
    }
}

/// A commit's tree of which only contents at hand are read: nothing is fetched for it.
#[derive(Debug)]
pub(crate) struct AtHand<'t, 's> {
    tree: &'t CommitTree<'s>,
    missed: Cell<bool>,
}

impl<'t, 's> AtHand<'t, 's> {
    pub(crate) fn new(tree: &'t CommitTree<'s>) -> Self {
        Self { tree, missed: Cell::new(false) }
    }

    /// Whether a content was asked for that is not at hand.
    pub(crate) fn has_missed(&self) -> bool {
        self.missed.get()
    }
}

impl SourceTree for AtHand<'_, '_> {
    fn list(&self, directory: &str) -> Vec<Node> {
        self.tree.list(directory)
    }

    fn read(&self, path: &str) -> Option<Vec<u8>> {
        let file = self.tree.file(path).filter(|file| !file.link)?;
        let content = self.tree.source.local_blob(file.blob);
        self.missed.set(self.missed.get() || content.is_none());
        content
    }
}

/// Most files of a commit that are fetched at once; a build takes no more either.
const MAX_WHOLE: usize = 400_000;

/// Fetches every tree and every file of a commit that is not at hand, in two requests at most.
///
/// # Errors
///
/// Where a request fails, or trees are missing that may not be asked for.
pub(crate) fn fetch_whole(source: &mut SourceRepository, commit: &CommitId) -> Result<(), SourceError> {
    if source.completeness() == Completeness::Full {
        return Ok(());
    }
    let listed = |source: &SourceRepository| {
        let mut blobs = Vec::new();
        let tree = CommitTree::of_commit(source, commit)?;
        tree.for_each_file(|_, file| {
            blobs.push(file.blob);
            blobs.len() < MAX_WHOLE
        });
        Some((blobs, tree.missing_trees()))
    };
    let (mut blobs, mut missing) = listed(source).unwrap_or_default();
    if !missing.is_empty() {
        source.complete_trees(&missing)?;
        (blobs, missing) = listed(source).unwrap_or_default();
    }
    if !missing.is_empty() {
        let location = source.location().to_string();
        return Err(if source.is_offline() {
            SourceError::Offline { location }
        } else {
            SourceError::Incomplete { location }
        });
    }
    source.complete_blobs(&blobs)
}
