//! Builds a bare git repository from its description, with the same commit ids every time.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use git2::{Index, IndexEntry, IndexTime, ObjectType, Oid, Repository, RepositoryInitOptions, Signature, Time};

use super::calendar::commit_time;
use super::case::{CommitDescription, RepositoryDescription};
use super::tree::{EditError, Tree, TreeFile, TreeFileKind, apply_edits};

const MAIN: &str = "refs/heads/main";

/// A repository on disk and what went into it.
#[derive(Debug, Clone)]
pub struct BuiltRepository {
    /// Where it is.
    pub path: PathBuf,
    /// Its commits by label.
    pub commits: BTreeMap<String, BuiltCommit>,
}

/// A commit and the tree it holds.
#[derive(Debug, Clone)]
pub struct BuiltCommit {
    /// Its full hexadecimal id.
    pub id: String,
    /// Days after the world's first.
    pub day: u32,
    /// Its files.
    pub tree: Tree,
}

/// Why a repository cannot be built.
#[derive(Debug, thiserror::Error)]
pub enum RepositoryError {
    /// The git library refuses.
    #[error("cannot {action} in the repository `{repository}`")]
    Git {
        /// What was being done.
        action: &'static str,
        /// The repository's name.
        repository: String,
        /// What the library says.
        #[source]
        source: git2::Error,
    },
    /// A commit's edits do not fit its parent.
    #[error("cannot build the commit `{label}`")]
    Edit {
        /// The commit's label.
        label: String,
        /// What does not fit.
        #[source]
        source: EditError,
    },
    /// A commit names a parent that was not built before it.
    #[error("the commit `{label}` has the unknown parent `{parent}`")]
    Parent {
        /// The commit's label.
        label: String,
        /// The parent's label.
        parent: String,
    },
}

/// Builds `description` as a bare repository at `path`, ending with the commit labelled `last` if one is given.
pub fn build_repository(
    path: &Path,
    description: &RepositoryDescription,
    last: Option<&str>,
) -> Result<BuiltRepository, RepositoryError> {
    let failed = |action: &'static str| {
        move |source: git2::Error| RepositoryError::Git { action, repository: description.name.clone(), source }
    };
    let mut options = RepositoryInitOptions::new();
    options.bare(true).no_reinit(true).mkpath(true).external_template(false).initial_head("main");
    let repository = Repository::init_opts(path, &options).map_err(failed("start"))?;
    behave_like_a_host(&repository).map_err(failed("configure"))?;

    let mut commits: BTreeMap<String, BuiltCommit> = BTreeMap::new();
    let mut tips: BTreeMap<String, String> = BTreeMap::new();
    let mut previous: Option<String> = None;
    for (position, commit) in description.commits.iter().enumerate() {
        let reference = commit.on.as_deref().unwrap_or(MAIN);
        let parent = commit.parent.clone().or_else(|| tips.get(reference).cloned()).or(previous);
        let parent = match &parent {
            None => None,
            Some(label) => Some(
                commits
                    .get(label)
                    .ok_or_else(|| RepositoryError::Parent { label: commit.label.clone(), parent: label.clone() })?,
            ),
        };
        let mut tree = parent.map_or_else(Tree::new, |parent| parent.tree.clone());
        let before = tree.clone();
        let lookup = |label: Option<&str>, path: &str| match label {
            Some(label) => commits.get(label)?.tree.get(path).cloned(),
            None => before.get(path).cloned(),
        };
        apply_edits(&mut tree, &commit.files, &lookup)
            .map_err(|source| RepositoryError::Edit { label: commit.label.clone(), source })?;
        let day = commit.day.unwrap_or_else(|| u32::try_from(position).unwrap_or(u32::MAX));
        let parent_id = parent.map(|parent| parent.id.as_str());
        let id = write_commit(&repository, commit, day, &tree, parent_id).map_err(failed("commit"))?;
        point_references(&repository, commit, reference, id, day).map_err(failed("tag"))?;
        tips.insert(reference.to_owned(), commit.label.clone());
        commits.insert(commit.label.clone(), BuiltCommit { id: id.to_string(), day, tree });
        if last == Some(commit.label.as_str()) {
            break;
        }
        previous = Some(commit.label.clone());
    }
    Ok(BuiltRepository { path: path.to_owned(), commits })
}

/// Hosting services filter, and serve any commit by id; without these a test would meet a stricter server than users do.
fn behave_like_a_host(repository: &Repository) -> Result<(), git2::Error> {
    let mut config = repository.config()?;
    config.set_bool("uploadpack.allowFilter", true)?;
    config.set_bool("uploadpack.allowAnySHA1InWant", true)
}

fn write_commit(
    repository: &Repository,
    commit: &CommitDescription,
    day: u32,
    tree: &Tree,
    parent: Option<&str>,
) -> Result<Oid, git2::Error> {
    let mut index = Index::new()?;
    for (path, file) in tree {
        let id = repository.blob(&file.content)?;
        index.add(&index_entry(path, file, id))?;
    }
    let tree = repository.find_tree(index.write_tree_to(repository)?)?;
    let parent = parent.map(|id| repository.find_commit(Oid::from_str(id)?)).transpose()?;
    let parents: Vec<_> = parent.iter().collect();
    let signature = signature(day)?;
    let message = format!("{}\n", commit.message.as_deref().unwrap_or(&commit.label));
    repository.commit(None, &signature, &signature, &message, &tree, &parents)
}

fn index_entry(path: &str, file: &TreeFile, id: Oid) -> IndexEntry {
    let mode = match file.kind {
        TreeFileKind::Regular => 0o100_644,
        TreeFileKind::Executable => 0o100_755,
        TreeFileKind::Link => 0o120_000,
    };
    let never = IndexTime::new(0, 0);
    IndexEntry {
        ctime: never,
        mtime: never,
        dev: 0,
        ino: 0,
        mode,
        uid: 0,
        gid: 0,
        // Only a working tree would use it.
        file_size: 0,
        id,
        flags: 0,
        flags_extended: 0,
        path: path.as_bytes().to_vec(),
    }
}

fn point_references(
    repository: &Repository,
    commit: &CommitDescription,
    reference: &str,
    id: Oid,
    day: u32,
) -> Result<(), git2::Error> {
    if !reference.is_empty() {
        repository.reference(reference, id, true, "fixture")?;
    }
    let target = repository.find_object(id, Some(ObjectType::Commit))?;
    for tag in &commit.tags {
        repository.tag_lightweight(tag, &target, false)?;
    }
    for tag in &commit.annotated_tags {
        repository.tag(tag, &target, &signature(day)?, tag, false)?;
    }
    Ok(())
}

fn signature(day: u32) -> Result<Signature<'static>, git2::Error> {
    Signature::new("Fixture Author", "author@git.example", &Time::new(commit_time(day), 0))
}
