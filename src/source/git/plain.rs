//! The fetch without a git client: libgit2's, which filters nothing and speaks http and git only.
//!
//! https needs the cargo feature `libgit2-https`. A release's tags come at depth 1 with all contents, a
//! history comes whole.

use std::path::Path;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use git2::{
    AutotagOption, Direction, FetchOptions, FetchPrune, ProxyOptions, RemoteCallbacks, RemoteRedirect, Repository,
};

use crate::package::{PackageName, Version};
use crate::source::git::{GitClient, GitFailure};
use crate::source::tags::{TagForm, tag_form};

/// Fetches the commits that tags of the release name; `None` where the address is out of reach.
pub(super) fn fetch_release(
    repository: &Path,
    address: &str,
    name: &PackageName,
    version: &Version,
    client: &GitClient,
) -> Option<Result<(), GitFailure>> {
    let (name, version) = (name.clone(), version.clone());
    let is_wanted = move |tag: &str| tag_form(tag, &name, &version).is_some_and(|form| form != TagForm::Foreign);
    run(repository, address, client, move |fetch| {
        let tags = fetch.tags(is_wanted)?;
        // An empty list would stand for everything.
        if tags.is_empty() { Ok(()) } else { fetch.fetch(&tags, Some(1)) }
    })
}

/// Fetches every branch and tag; `None` where the address is out of reach.
pub(super) fn fetch_history(repository: &Path, address: &str, client: &GitClient) -> Option<Result<(), GitFailure>> {
    let everything = ["+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*"].map(str::to_owned);
    run(repository, address, client, move |fetch| fetch.fetch(&everything, None))
}

/// libgit2 waits for a silent server for ever, so it does so on a thread of its own.
fn run(
    repository: &Path,
    address: &str,
    client: &GitClient,
    work: impl FnOnce(&PlainFetch) -> Result<(), git2::Error> + Send + 'static,
) -> Option<Result<(), GitFailure>> {
    let reachable = ["http://", "git://"].iter().any(|scheme| address.starts_with(scheme))
        || (cfg!(feature = "libgit2-https") && address.starts_with("https://"));
    if !reachable {
        return None;
    }
    tracing::warn!(program = %client.program.display(), "no git client: fetching without filters");
    let (timeout, size) = (client.timeout, client.repository_size);
    let (path, address) = (repository.to_owned(), address.to_owned());
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        let result = PlainFetch::open(&path, address, timeout, size).and_then(|fetch| work(&fetch));
        let _ = sender.send(result);
    });
    Some(match receiver.recv_timeout(timeout) {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) if error.code() == git2::ErrorCode::User => Err(GitFailure::TooLarge(size)),
        Ok(Err(error)) => Err(GitFailure::BuiltIn(error)),
        Err(_) => Err(GitFailure::Timeout(timeout)),
    })
}

struct PlainFetch {
    repository: Repository,
    address: String,
    deadline: Instant,
    size: u64,
}

impl PlainFetch {
    fn open(path: &Path, address: String, timeout: Duration, size: u64) -> Result<Self, git2::Error> {
        Ok(Self { repository: Repository::open_bare(path)?, address, deadline: Instant::now() + timeout, size })
    }

    /// Lists the remote's tags and gives those that are wanted as refspecs.
    fn tags(&self, is_wanted: impl Fn(&str) -> bool) -> Result<Vec<String>, git2::Error> {
        let mut remote = self.repository.remote_anonymous(&self.address)?;
        let mut proxy = ProxyOptions::new();
        proxy.auto();
        let connection = remote.connect_auth(Direction::Fetch, None, Some(proxy))?;
        let names = connection.list()?.iter().filter_map(|head| head.name().strip_prefix("refs/tags/"));
        let wanted = names.filter(|tag| !tag.ends_with("^{}") && is_wanted(tag));
        Ok(wanted.map(|tag| format!("+refs/tags/{tag}:refs/tags/{tag}")).collect())
    }

    fn fetch(&self, refspecs: &[String], depth: Option<i32>) -> Result<(), git2::Error> {
        let mut callbacks = RemoteCallbacks::new();
        callbacks.transfer_progress(|progress| {
            progress.received_bytes() as u64 <= self.size && Instant::now() < self.deadline
        });
        let mut proxy = ProxyOptions::new();
        proxy.auto();
        let mut options = FetchOptions::new();
        options.remote_callbacks(callbacks).proxy_options(proxy).follow_redirects(RemoteRedirect::Initial);
        options.download_tags(AutotagOption::None).update_fetchhead(false).prune(FetchPrune::Off);
        if let Some(depth) = depth {
            options.depth(depth);
        }
        let mut remote = self.repository.remote_anonymous(&self.address)?;
        remote.fetch(refspecs, Some(&mut options), None)
    }
}
