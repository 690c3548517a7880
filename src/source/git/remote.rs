//! What is fetched of a repository elsewhere, and with how few requests.
//!
//! A call of the git client costs two or three requests: the server's abilities, the refs unless objects
//! are asked for by id, and the objects. So the release's tags are asked for in one call whatever their
//! form, and later calls name objects.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, HashMap};

use git2::{Oid, Repository};

use crate::package::{BlobId, CommitId, PackageName, Version};
use crate::source::RepositoryLocation;
use crate::source::git::cache::CachedRepository;
use crate::source::git::client::Endpoint;
use crate::source::git::repository::SourceError;
use crate::source::git::{GitFailure, GitOptions, MovedTag, plain};
use crate::source::tags::{tag_form, tag_patterns};

/// What all fetches have in common; refs and objects are named on standard input.
const FETCH: [&str; 6] =
    ["fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--no-recurse-submodules", "--stdin"];
/// Commits at hand say nothing about the objects at hand where trees and contents were left out.
const NO_NEGOTIATION: [&str; 2] = ["-c", "fetch.negotiationAlgorithm=noop"];

/// A repository elsewhere and its copy in the cache.
pub(super) struct Remote {
    pub(super) options: GitOptions,
    pub(super) cached: CachedRepository,
    pub(super) contents: RefCell<HashMap<BlobId, Option<Vec<u8>>>>,
    pub(super) calls: Cell<u32>,
    location: RepositoryLocation,
    endpoint: Endpoint,
    name: PackageName,
    version: Version,
}

impl Remote {
    pub(super) fn new(
        location: &RepositoryLocation,
        address: String,
        cached: CachedRepository,
        (name, version): (&PackageName, &Version),
        options: &GitOptions,
    ) -> Self {
        let own_ssh_command = options.rewrites.has_ssh_command();
        Self {
            options: options.clone(),
            cached,
            contents: RefCell::default(),
            calls: Cell::new(0),
            location: location.clone(),
            endpoint: Endpoint { address, own_ssh_command },
            name: name.clone(),
            version: version.clone(),
        }
    }

    /// The name under which the answer about the release's tags is remembered.
    pub(super) fn release_question(&self) -> String {
        format!("release {} {}", self.name, self.version)
    }

    /// Fetches the trees of the commits that the release's usual tags name, unless that was done lately.
    ///
    /// `directory` is the package's claimed directory: deeper trees than its own files need are left out.
    pub(super) fn fetch_release(&self, directory: Option<&str>) -> Result<(), SourceError> {
        let question = self.release_question();
        let _lock = self.cached.lock()?;
        if self.cached.asked_within(&question, self.options.refs_age) {
            return Ok(());
        }
        self.cached.create()?;
        let filter = match directory {
            // The root, the directories down to the package, the package, and one level below it.
            Some(directory) => format!("--filter=combine:blob:none+tree:{}", directory.split('/').count() + 2),
            None => "--filter=blob:none".to_owned(),
        };
        let patterns = tag_patterns(&self.name, &self.version);
        if patterns.wanted.is_empty() {
            return self.note(&question);
        }
        let mut input: String = patterns.wanted.iter().map(|pattern| format!("+{pattern}:{pattern}\n")).collect();
        input.extend(patterns.unwanted.iter().map(|pattern| format!("^{pattern}\n")));
        let arguments = [&NO_NEGOTIATION[..], &FETCH, &["--depth=1", "--prune", &filter, "origin"]].concat();
        let fetched = self.run(&arguments, &input, |path, endpoint, client| {
            plain::fetch_release(path, &endpoint.address, &self.name, &self.version, client)
        });
        match fetched {
            Err(SourceError::Fetch { source, .. }) if source.is_silent() => {}
            result => result?,
        }
        self.note(&question)
    }

    /// Fetches every commit and tree of every branch and tag, unless that was done lately.
    pub(super) fn fetch_history(&self) -> Result<(), SourceError> {
        let _lock = self.cached.lock()?;
        if self.cached.asked_within(HISTORY, self.options.refs_age) {
            return Ok(());
        }
        self.cached.create()?;
        let arguments = [&FETCH[..], &["--prune", "--filter=blob:none", "origin"]].concat();
        let input = "+refs/heads/*:refs/heads/*\n+refs/tags/*:refs/tags/*\n";
        self.run(&arguments, input, |path, endpoint, client| plain::fetch_history(path, &endpoint.address, client))?;
        self.note(HISTORY)
    }

    /// Fetches a commit and what is missing of its history by its id, unless that was tried lately.
    pub(super) fn fetch_commit(&self, id: &CommitId) -> Result<(), SourceError> {
        let question = format!("commit {id}");
        let _lock = self.cached.lock()?;
        if self.cached.asked_within(&question, self.options.refs_age) {
            return Ok(());
        }
        let arguments = [&FETCH[..], &["--filter=blob:none", "origin"]].concat();
        let fetched = self.run(&arguments, &format!("{id}\n"), |_, _, _| None);
        // A refusal is an answer.
        self.cached.note_asked(&question);
        fetched
    }

    /// Fetches objects by their ids: contents, and trees with all trees below them.
    pub(super) fn fetch_objects(&self, ids: impl Iterator<Item = String>) -> Result<(), SourceError> {
        let _lock = self.cached.lock()?;
        let arguments = [&NO_NEGOTIATION[..], &FETCH, &["--filter=blob:none", "origin"]].concat();
        let input: String = ids.map(|id| id + "\n").collect();
        // The built-in client leaves nothing out that could be asked for now.
        self.run(&arguments, &input, |_, _, _| None)
    }

    /// Tags of the release that were ever seen to name something else.
    pub(super) fn moved_tags(&self) -> Vec<MovedTag> {
        let mut moved = self.cached.moved_tags();
        moved.retain(|moved| tag_form(&moved.tag, &self.name, &self.version).is_some());
        moved
    }

    fn run(
        &self,
        arguments: &[&str],
        input: &str,
        built_in: impl FnOnce(&std::path::Path, &Endpoint, &super::GitClient) -> Option<Result<(), GitFailure>>,
    ) -> Result<(), SourceError> {
        self.calls.set(self.calls.get() + 1);
        self.cached.clear_leftovers();
        let client = &self.options.client;
        let result = match client.run(&self.cached.path, &self.endpoint, arguments, input) {
            Err(failure @ GitFailure::Start { .. }) => {
                built_in(&self.cached.path, &self.endpoint, client).unwrap_or(Err(failure))
            }
            result => result,
        };
        result.map_err(|source| SourceError::Fetch { location: self.location.to_string(), source })
    }

    /// Records an answer. Call with the lock held.
    fn note(&self, question: &str) -> Result<(), SourceError> {
        self.cached.note_tags(&tag_targets(&self.cached.open()?))?;
        self.cached.note_asked(question);
        Ok(())
    }
}

/// The name under which the answer about all refs is remembered.
pub(super) const HISTORY: &str = "history";

fn tag_targets(repository: &Repository) -> BTreeMap<String, Oid> {
    let Ok(references) = repository.references_glob("refs/tags/*") else { return BTreeMap::new() };
    references
        .filter_map(Result::ok)
        .filter_map(|reference| {
            let name = reference.name().ok()?.strip_prefix("refs/tags/")?.to_owned();
            Some((name, reference.target()?))
        })
        .collect()
}
