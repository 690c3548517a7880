use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Mutex, PoisonError};

use crate::package::{PackageName, Sha256Digest};
use crate::registry::ObservationSource;

/// Requests that are answered at all in one installation; the largest honest ones need some ten thousand.
const MAX_REQUESTS: u64 = 100_000;
/// Suspicious requests after which nothing is answered any more.
const MAX_REFUSED: usize = 2_000;
/// Longest target that is kept, characters.
const MAX_TARGET: usize = 512;

/// Why a request got nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// Not a request of HTTP/1.1 at all, or too many or too large headers.
    Malformed,
    /// The head was not sent in time, or nothing was read in time.
    Slow,
    /// Another method than `GET`.
    Method,
    /// The target names a host or is no path: a proxy was asked for.
    NotAPath,
    /// No `Host`, several, or another one than the view's.
    Host,
    /// A query.
    Query,
    /// A body, or headers that announce one.
    Body,
    /// Another protocol was asked for.
    Upgrade,
    /// Neither a package nor a tarball.
    Target,
    /// A list, search, audit or account endpoint.
    Endpoint,
    /// The lockfile names no such package or release.
    NotInLockfile,
    /// Neither the commit nor anything that was answered names the package.
    NotNamed,
    /// Published after the cutoff.
    AfterCutoff,
    /// Not in the lockfile, and published shortly before the cutoff.
    Recent,
    /// The release that is being verified.
    Verified,
    /// The registry knows no such package or release, or serves it no more.
    Unknown,
    /// Another content than the one that was stated.
    Mismatch(String),
    /// The registry could not be asked, or gave no usable answer.
    Unavailable(String),
    /// Too many requests.
    TooMany,
}

impl Refusal {
    /// The status of the answer.
    pub(super) fn status(&self) -> u16 {
        match self {
            Self::Method => 405,
            Self::Target | Self::Endpoint | Self::AfterCutoff | Self::Recent | Self::Verified | Self::Unknown => 404,
            Self::Unavailable(_) => 502,
            Self::TooMany => 429,
            Self::Malformed => 400,
            Self::Slow => 408,
            Self::NotAPath
            | Self::Host
            | Self::Query
            | Self::Body
            | Self::Upgrade
            | Self::NotInLockfile
            | Self::NotNamed
            | Self::Mismatch(_) => 403,
        }
    }

    /// Whether honest package managers send such requests, too: npm asks for audits, pnpm 12 sends `HEAD`.
    fn is_ordinary(&self) -> bool {
        match self {
            Self::Method
            | Self::Endpoint
            | Self::AfterCutoff
            | Self::Recent
            | Self::Verified
            | Self::Unknown
            | Self::NotInLockfile
            | Self::Unavailable(_)
            | Self::Mismatch(_) => true,
            Self::Malformed
            | Self::Slow
            | Self::NotAPath
            | Self::Host
            | Self::Query
            | Self::Body
            | Self::Upgrade
            | Self::Target
            | Self::NotNamed
            | Self::TooMany => false,
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Malformed => "not a request of HTTP/1.1",
            Self::Slow => "too slow",
            Self::Method => "only GET is answered",
            Self::NotAPath => "a proxy was asked for",
            Self::Host => "another host was asked for",
            Self::Query => "the target has a query",
            Self::Body => "the request has a body",
            Self::Upgrade => "another protocol was asked for",
            Self::Target => "neither a package nor a tarball",
            Self::Endpoint => "no such endpoint here",
            Self::NotInLockfile => "not in the lockfile",
            Self::NotNamed => "neither the commit nor a dependency names it",
            Self::AfterCutoff => "published after the cutoff",
            Self::Recent => "not in the lockfile, and published shortly before the release",
            Self::Verified => "it is the release that is being verified",
            Self::Unknown => "not in the registry",
            Self::Mismatch(detail) => return write!(formatter, "not the stated content: {detail}"),
            Self::Unavailable(detail) => return write!(formatter, "the registry gave no answer: {detail}"),
            Self::TooMany => "too many requests",
        })
    }
}

/// One request and what became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoggedRequest {
    /// The method, or empty where no request could be read.
    pub method: String,
    /// The target, escaped and cut to 512 characters.
    pub target: String,
    /// The status of the answer.
    pub status: u16,
    /// Bytes of the answer's body.
    pub bytes: u64,
    /// The SHA-256 of the answer's body, where something was served.
    pub sha256: Option<Sha256Digest>,
    /// Whether the registry was asked for it now.
    pub source: Option<ObservationSource>,
    /// Why nothing was served.
    pub refusal: Option<Refusal>,
}

/// Everything that was asked of a view, in the order in which the requests came.
#[derive(Debug, Clone, Default)]
pub struct RequestLog {
    /// The requests.
    pub requests: Vec<LoggedRequest>,
    /// Requests that came after too many, of which nothing else is kept.
    pub not_listed: u64,
    /// Packages outside the lockfile that were asked for; their names went to the registry where they were served.
    pub outside: BTreeSet<PackageName>,
    /// Packages with a mirror's own times, so that the cutoff could not be applied.
    pub without_cutoff: BTreeSet<PackageName>,
}

impl RequestLog {
    /// How many answers needed the registry.
    pub fn fetched(&self) -> usize {
        self.requests
            .iter()
            .filter(|request| request.source.is_some_and(|source| source != ObservationSource::Cache))
            .count()
    }

    /// The requests that no honest package manager sends.
    pub fn suspicious(&self) -> impl Iterator<Item = &LoggedRequest> {
        self.requests.iter().filter(|request| request.refusal.as_ref().is_some_and(|refusal| !refusal.is_ordinary()))
    }
}

/// The log while it grows.
#[derive(Debug, Default)]
pub(super) struct Journal {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    log: RequestLog,
    requests: u64,
    refused: usize,
}

/// A request's place in the log.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place(usize);

impl Journal {
    /// Enters a request, or refuses it because there were too many.
    pub(super) fn enter(&self, method: &str, target: &str) -> Result<Place, Refusal> {
        self.with(|state| {
            state.requests += 1;
            if state.requests > MAX_REQUESTS || state.refused >= MAX_REFUSED {
                state.log.not_listed += 1;
                return Err(Refusal::TooMany);
            }
            let cut = |text: &str, length: usize| -> String {
                text.chars().take(length).flat_map(char::escape_default).take(length).collect()
            };
            state.log.requests.push(LoggedRequest {
                method: cut(method, 32),
                target: cut(target, MAX_TARGET),
                status: 0,
                bytes: 0,
                sha256: None,
                source: None,
                refusal: None,
            });
            Ok(Place(state.log.requests.len() - 1))
        })
    }

    /// Notes what a request got.
    pub(super) fn served(&self, place: Place, bytes: u64, sha256: Sha256Digest, source: ObservationSource) {
        self.with(|state| {
            if let Some(entry) = state.log.requests.get_mut(place.0) {
                (entry.status, entry.bytes, entry.sha256, entry.source) = (200, bytes, Some(sha256), Some(source));
            }
        });
    }

    /// Notes that a request got nothing.
    pub(super) fn refused(&self, place: Place, refusal: Refusal) {
        self.with(|state| {
            if !refusal.is_ordinary() {
                state.refused += 1;
            }
            if let Some(entry) = state.log.requests.get_mut(place.0) {
                (entry.status, entry.bytes, entry.sha256, entry.refusal) = (refusal.status(), 0, None, Some(refusal));
            }
        });
    }

    pub(super) fn outside(&self, name: &PackageName) {
        self.with(|state| state.log.outside.insert(name.clone()));
    }

    pub(super) fn without_cutoff(&self, name: &PackageName) {
        self.with(|state| state.log.without_cutoff.insert(name.clone()));
    }

    pub(super) fn finish(&self) -> RequestLog {
        self.with(|state| std::mem::take(&mut state.log))
    }

    fn with<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        // A panic elsewhere cannot leave an entry half-written.
        change(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
