//! One source repository, wherever it lies, and how it is completed step by step.

use std::cell::OnceCell;
use std::collections::BTreeSet;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use git2::{ErrorCode, ObjectType, Oid, Repository};

use crate::package::{BlobId, CommitId, PackageName, Version};
use crate::source::RepositoryLocation;
use crate::source::git::cache::{CachedRepository, Depth};
use crate::source::git::config::Destination;
use crate::source::git::remote::{HISTORY, Remote};
use crate::source::git::tag_names::tag_names;
use crate::source::git::{GitClient, GitFailure, UrlRewrites};

/// Largest single file that is read from a repository, bytes.
const BLOB_SIZE: usize = 64 << 20;
/// Most bytes of contents that one verification keeps after fetching them.
const KEPT_SIZE: usize = 512 << 20;

/// How repositories are reached.
#[derive(Debug, Clone)]
pub struct GitOptions {
    /// Where fetched repositories live.
    pub cache_directory: PathBuf,
    /// Ask no remote.
    pub offline: bool,
    /// How long an answer of a remote about its refs is good.
    pub refs_age: Duration,
    /// The git client.
    pub client: GitClient,
    /// The user's own address rewrites.
    pub rewrites: std::sync::Arc<UrlRewrites>,
}

/// Why a repository, or a part of it, could not be had.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// The remote refused, is gone, or did not answer.
    #[error("cannot fetch `{location}`")]
    Fetch {
        /// The address.
        location: String,
        /// What git said.
        #[source]
        source: GitFailure,
    },
    /// A repository on this machine cannot be opened.
    #[error("cannot open the git repository `{}`", path.display())]
    Open {
        /// Where it is.
        path: PathBuf,
        /// libgit2's reason.
        #[source]
        source: git2::Error,
    },
    /// The cache cannot be written.
    #[error("cannot use the cache at `{}`", path.display())]
    Cache {
        /// Where.
        path: PathBuf,
        /// The system's reason.
        #[source]
        source: std::io::Error,
    },
    /// Nothing is cached and nothing may be fetched.
    #[error("`{location}` is not in the cache and `--offline` forbids fetching it")]
    Offline {
        /// The address.
        location: String,
    },
    /// The host answered, and directories of the commit are still missing.
    #[error("`{location}` did not send all directories of the commit")]
    Incomplete {
        /// The address.
        location: String,
    },
    /// There is not a single commit.
    #[error("the repository `{location}` has no commits")]
    Empty {
        /// The address.
        location: String,
    },
}

impl SourceError {
    pub(super) fn open(path: &Path, source: git2::Error) -> Self {
        Self::Open { path: path.to_owned(), source }
    }
}

/// What is at hand of a repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Completeness {
    /// Everything, as in an ordinary clone.
    Full,
    /// The trees of the commits that the release's tags name.
    Trees,
    /// Every commit and tree of every branch and tag, file contents on demand.
    History,
}

/// What a local clone was made without.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gap {
    /// Commits before some depth (`git clone --depth`).
    History,
    /// Trees, and contents with them (`git clone --filter=tree:0`).
    Trees,
    /// Contents alone (`git clone --filter=blob:none`).
    Contents,
}

impl fmt::Display for Gap {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::History => "the repository at hand is a shallow clone (`git fetch --unshallow --tags` completes it)",
            Self::Trees | Self::Contents => {
                "the repository at hand is a partial clone (`git clone` without `--filter` makes a whole one)"
            }
        })
    }
}

/// A tag that named another commit when it was last seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MovedTag {
    /// Tag name.
    pub tag: String,
    /// The commit or tag object it named before.
    pub before: CommitId,
    /// What it names now.
    pub now: CommitId,
}

/// A repository opened for one verification.
pub struct SourceRepository {
    repository: Repository,
    location: RepositoryLocation,
    completeness: Completeness,
    copy: bool,
    remote: Option<Remote>,
    moved_tags: Vec<MovedTag>,
    /// Listed once: that costs more than opening the repository.
    tag_names: OnceCell<Vec<String>>,
}

impl fmt::Debug for SourceRepository {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("SourceRepository")
            .field("location", &self.location)
            .field("completeness", &self.completeness)
            .finish_non_exhaustive()
    }
}

impl SourceRepository {
    /// Opens the repository at `location`, fetching no more than the trees of the release's own tags.
    ///
    /// `directory` is the package's claimed directory: it bounds how deep trees are fetched.
    pub fn open(
        location: &RepositoryLocation,
        directory: Option<&str>,
        name: &PackageName,
        version: &Version,
        options: &GitOptions,
    ) -> Result<Self, SourceError> {
        // Objects are checked when they are fetched; hashing each again on reading costs 10 to 25 %.
        git2::opts::strict_hash_verification(false);
        if location.is_local_path() {
            return Self::open_path(location);
        }
        match options.rewrites.destination(location.as_str()) {
            Destination::Local(path) => Self::open_local(location, &path),
            Destination::Remote { address, copy } => {
                let cached = CachedRepository::new(&options.cache_directory, location, Depth::Trees);
                let remote = Remote::new(location, address, cached, (name, version), options);
                Self::open_remote(location, copy, remote, directory)
            }
        }
    }

    /// Opens the local repository that a user's path names.
    pub fn open_path(location: &RepositoryLocation) -> Result<Self, SourceError> {
        Self::open_local(location, Path::new(location.as_str()))
    }

    fn open_local(location: &RepositoryLocation, path: &Path) -> Result<Self, SourceError> {
        let repository = Repository::open(path).map_err(|source| SourceError::open(path, source))?;
        // Whether there is any commit shows when one is looked for: listing references costs more than all the rest.
        Ok(Self {
            repository,
            location: location.clone(),
            completeness: Completeness::Full,
            copy: true,
            remote: None,
            moved_tags: Vec::new(),
            tag_names: OnceCell::new(),
        })
    }

    fn open_remote(
        location: &RepositoryLocation,
        copy: bool,
        remote: Remote,
        directory: Option<&str>,
    ) -> Result<Self, SourceError> {
        if !remote.options.offline {
            remote.fetch_release(directory)?;
        } else if !remote.cached.was_asked(&remote.release_question()) {
            let history = CachedRepository::new(&remote.options.cache_directory, location, Depth::History);
            if !history.was_asked(HISTORY) {
                return Err(SourceError::Offline { location: location.to_string() });
            }
            let _lock = remote.cached.lock()?;
            remote.cached.create()?;
        }
        Ok(Self {
            repository: remote.cached.open()?,
            location: location.clone(),
            completeness: Completeness::Trees,
            copy,
            moved_tags: remote.moved_tags(),
            tag_names: OnceCell::new(),
            remote: Some(remote),
        })
    }

    /// Opens the cached copy again: a handle does not see what was fetched after it was opened.
    fn reopen(&mut self) -> Result<(), SourceError> {
        if let Some(remote) = &self.remote {
            self.repository = remote.cached.open()?;
            self.tag_names = OnceCell::new();
        }
        Ok(())
    }

    /// Fetches trees that the first fetch left out, with all trees below them; returns whether any came.
    pub(crate) fn complete_trees(&mut self, trees: &[Oid]) -> Result<bool, SourceError> {
        let Some(remote) = &self.remote else { return Ok(false) };
        if remote.options.offline || trees.is_empty() {
            return Ok(false);
        }
        remote.fetch_objects(trees.iter().map(Oid::to_string))?;
        self.reopen()?;
        Ok(trees.iter().any(|tree| self.repository.find_tree(*tree).is_ok()))
    }

    /// Fetches the contents of files that are not at hand into the cache, in one request; for very many.
    ///
    /// [`Self::fetch_blobs`] keeps what it fetched in memory.
    pub(crate) fn complete_blobs(&mut self, ids: &[BlobId]) -> Result<(), SourceError> {
        let Some(remote) = &self.remote else { return Ok(()) };
        let missing: BTreeSet<&BlobId> = match self.repository.odb() {
            Ok(odb) => ids.iter().filter(|id| !holds(&odb, id)).collect(),
            Err(_) => ids.iter().collect(),
        };
        if missing.is_empty() || remote.options.offline {
            return Ok(());
        }
        remote.fetch_objects(missing.into_iter().map(ToString::to_string))?;
        remote.contents.borrow_mut().clear();
        self.reopen()?;
        Ok(())
    }

    /// Fetches every commit and tree of every branch and tag; returns whether anything more is at hand now.
    pub fn deepen(&mut self) -> Result<bool, SourceError> {
        let Some(remote) = &mut self.remote else { return Ok(false) };
        if self.completeness == Completeness::History {
            return Ok(false);
        }
        let history = CachedRepository::new(&remote.options.cache_directory, &self.location, Depth::History);
        if remote.options.offline && !history.was_asked(HISTORY) {
            return Ok(false);
        }
        remote.cached = history;
        if !remote.options.offline {
            remote.fetch_history()?;
        }
        self.reopen()?;
        self.completeness = Completeness::History;
        for moved in self.remote.as_ref().map(Remote::moved_tags).unwrap_or_default() {
            if !self.moved_tags.contains(&moved) {
                self.moved_tags.push(moved);
            }
        }
        if self.tips().is_empty() {
            return Err(SourceError::Empty { location: self.location.to_string() });
        }
        Ok(true)
    }

    /// Asks for a commit that no branch or tag reached, by its id; what cannot be had stays missing.
    pub(crate) fn fetch_commit(&mut self, id: &CommitId) {
        let Some(remote) = &self.remote else { return };
        if remote.options.offline || self.completeness != Completeness::History {
            return;
        }
        // Most hosts that lack it say only that.
        if let Err(error) = remote.fetch_commit(id).and_then(|()| self.reopen()) {
            tracing::debug!(%error, commit = %id, "the claimed commit cannot be fetched");
        }
    }

    /// The opened repository, for reading trees.
    pub fn repository(&self) -> &Repository {
        &self.repository
    }

    /// The address.
    pub fn location(&self) -> &RepositoryLocation {
        &self.location
    }

    /// What is at hand.
    pub fn completeness(&self) -> Completeness {
        self.completeness
    }

    /// Whether this is a copy that may be older than the origin: a local path, a mirror, or the cache while offline.
    pub fn is_copy(&self) -> bool {
        self.copy || self.remote.as_ref().is_some_and(|remote| remote.options.offline)
    }

    /// What a clone at hand was made without, if anything: such a clone proves no absence.
    pub fn gap(&self) -> Option<Gap> {
        if self.remote.is_some() {
            return None;
        }
        if self.repository.is_shallow() {
            return Some(Gap::History);
        }
        // git marks the packs of a partial clone so.
        let packs = std::fs::read_dir(self.repository.commondir().join("objects").join("pack")).ok()?;
        let is_mark =
            |entry: &std::fs::DirEntry| Path::new(&entry.file_name()).extension() == Some("promisor".as_ref());
        if !packs.filter_map(Result::ok).any(|entry| is_mark(&entry)) {
            return None;
        }
        Some(if self.lacks_trees().unwrap_or(true) { Gap::Trees } else { Gap::Contents })
    }

    /// Whether one of the newest commits has no tree at hand: a checkout brings the newest one's alone.
    fn lacks_trees(&self) -> Result<bool, git2::Error> {
        const LOOKED_AT: usize = 20;
        let objects = self.repository.odb()?;
        let mut walk = self.repository.revwalk()?;
        walk.push_head()?;
        for id in walk.take(LOOKED_AT) {
            if !objects.exists(self.repository.find_commit(id?)?.tree_id()) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Whether nothing may be fetched.
    pub(crate) fn is_offline(&self) -> bool {
        self.remote.as_ref().is_some_and(|remote| remote.options.offline)
    }

    /// Tags that named something else when they were last seen.
    pub fn moved_tags(&self) -> &[MovedTag] {
        &self.moved_tags
    }

    /// How many times the git client was called.
    pub fn fetches(&self) -> u32 {
        self.remote.as_ref().map_or(0, |remote| remote.calls.get())
    }

    /// Looks up one tag by its exact name and peels it to its commit.
    pub fn tag(&self, name: &str) -> Option<Oid> {
        let reference = self.repository.find_reference(&format!("refs/tags/{name}")).ok()?;
        Some(reference.peel(ObjectType::Commit).ok()?.id())
    }

    /// Every tag's name.
    pub fn tag_names(&self) -> &[String] {
        self.tag_names.get_or_init(|| tag_names(&self.repository))
    }

    /// The commits that branches and tags name; nothing that only a pull request's or another ref names.
    pub fn tips(&self) -> Vec<Oid> {
        let mut tips = Vec::new();
        for pattern in ["refs/heads/*", "refs/tags/*", "refs/remotes/origin/*"] {
            let Ok(references) = self.repository.references_glob(pattern) else { continue };
            let branches = references.filter_map(Result::ok).filter(|reference| !is_proposal(reference));
            tips.extend(branches.filter_map(|reference| peel(&self.repository, &reference)));
        }
        tips.sort_unstable();
        tips.dedup();
        tips
    }

    /// When a commit was committed, seconds since the epoch.
    pub fn committed_at(&self, id: &CommitId) -> Option<i64> {
        Some(self.repository.find_commit(oid(&id.0)?).ok()?.time().seconds())
    }

    /// Whether a commit of that id is at hand, reachable or not.
    pub fn commit_exists(&self, id: &CommitId) -> bool {
        oid(&id.0).is_some_and(|oid| self.repository.find_commit(oid).is_ok())
    }

    /// Reads a file's content; `None` where its blob cannot be had or is too large.
    pub fn read_blob(&self, id: BlobId) -> Option<Vec<u8>> {
        if let Some(content) = self.local_blob(id) {
            return Some(content);
        }
        self.fetch_blobs(&[id]);
        let remote = self.remote.as_ref()?;
        remote.contents.borrow().get(&id).cloned().flatten()
    }

    /// Whether a file's blob is at hand.
    pub fn has_blob(&self, id: BlobId) -> bool {
        self.repository.odb().is_ok_and(|odb| holds(&odb, &id))
    }

    /// Reads a file's content if its blob is at hand, without asking the remote.
    pub fn local_blob(&self, id: BlobId) -> Option<Vec<u8>> {
        if let Some(remote) = &self.remote
            && let Some(known) = remote.contents.borrow().get(&id)
        {
            return known.clone();
        }
        let blob = self.repository.find_blob(oid(&id.0)?).ok()?;
        (blob.size() <= BLOB_SIZE).then(|| blob.content().to_vec())
    }

    /// A store of its own for reading very many contents, of which it keeps none.
    pub(crate) fn contents(&self) -> Option<Contents> {
        Repository::open(self.repository.path()).ok().map(Contents)
    }

    /// Fetches the contents of several files in one request; what cannot be had stays missing.
    pub fn fetch_blobs(&self, ids: &[BlobId]) {
        let Some(remote) = &self.remote else { return };
        let missing: BTreeSet<BlobId> = {
            let contents = remote.contents.borrow();
            let odb = self.repository.odb().ok();
            let at_hand = |id: &BlobId| contents.contains_key(id) || odb.as_ref().is_some_and(|odb| holds(odb, id));
            ids.iter().filter(|id| !at_hand(id)).copied().collect()
        };
        if missing.is_empty() {
            return;
        }
        if !remote.options.offline
            && let Err(error) = remote.fetch_objects(missing.iter().map(ToString::to_string))
        {
            let reason = std::error::Error::source(&error).map(ToString::to_string);
            tracing::warn!(%error, reason, "file contents cannot be fetched");
        }
        // libgit2 lists the pack directory again only on a miss of a fresh handle.
        let reopened = remote.cached.open().ok();
        let mut contents = remote.contents.borrow_mut();
        let mut kept: usize = contents.values().flatten().map(Vec::len).sum();
        for id in missing {
            let content = reopened.as_ref().and_then(|repository| {
                let blob = repository.find_blob(oid(&id.0)?).ok()?;
                let fits = blob.size() <= BLOB_SIZE && kept + blob.size() <= KEPT_SIZE;
                fits.then(|| blob.content().to_vec())
            });
            kept += content.as_ref().map_or(0, Vec::len);
            contents.insert(id, content);
        }
    }
}

/// Contents of files, read one by one.
pub(crate) struct Contents(Repository);

impl Contents {
    /// Reads a file's content; `None` where its blob is not at hand or too large.
    pub(crate) fn read(&self, id: BlobId) -> Option<Vec<u8>> {
        let blob = self.0.find_blob(oid(&id.0)?).ok()?;
        (blob.size() <= BLOB_SIZE).then(|| blob.content().to_vec())
    }
}

fn peel(repository: &Repository, reference: &git2::Reference<'_>) -> Option<Oid> {
    // The packed form states the peeled commit; a loose or symbolic one needs a look at the object.
    if let Some(peeled) = reference.target_peel() {
        return Some(peeled);
    }
    let target = reference.target().or_else(|| reference.resolve().ok()?.target())?;
    match repository.find_object(target, None) {
        Ok(object) if object.kind() == Some(ObjectType::Commit) => Some(target),
        Ok(object) => Some(object.peel(ObjectType::Commit).ok()?.id()),
        Err(error) if error.code() == ErrorCode::NotFound => None,
        Err(_) => None,
    }
}

/// Whether an object store holds a content; packs that appear meanwhile are not looked for.
pub(crate) fn holds(odb: &git2::Odb<'_>, blob: &BlobId) -> bool {
    oid(&blob.0).is_some_and(|id| odb.exists_ext(id, git2::OdbLookupFlags::NO_REFRESH))
}

/// Converts raw id bytes to libgit2's type.
pub(crate) fn oid(bytes: &[u8; 20]) -> Option<Oid> {
    Oid::from_bytes(bytes).ok()
}

/// Converts libgit2's type to a commit id.
pub(crate) fn commit_id(oid: Oid) -> CommitId {
    CommitId(raw(oid))
}

/// Converts libgit2's type to a blob id.
pub(crate) fn blob_id(oid: Oid) -> BlobId {
    BlobId(raw(oid))
}

fn raw(oid: Oid) -> [u8; 20] {
    let mut bytes = [0; 20];
    let source = oid.as_bytes();
    let length = source.len().min(20);
    bytes[..length].copy_from_slice(&source[..length]);
    bytes
}

/// Whether a remote-tracking ref is somebody's proposal: many fetch those beside the branches.
fn is_proposal(reference: &git2::Reference<'_>) -> bool {
    let name = reference.name().unwrap_or_default().strip_prefix("refs/remotes/origin/");
    let first = name.and_then(|name| name.split_once('/')).map(|(first, _)| first);
    matches!(first, Some("pr" | "prs" | "pull" | "pulls" | "merge-requests" | "merge" | "changes"))
}
