use std::collections::{HashMap, HashSet};
use std::io;
use std::net::TcpListener;
use std::sync::{Arc, Mutex, PoisonError};

use hyper::body::Incoming;
use hyper::header::{ACCEPT, ALLOW, CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};
use tokio::sync::Semaphore;

use super::log::{Journal, Place};
use super::named::Named;
use super::packument::{Form, Window, shown};
use super::route::Route;
use super::server::{Patience, serve};
use super::tarball::{self, Body, whole};
use super::{Refusal, ViewHandle, guard};
use crate::package::{Ecosystem, Integrity, PackageName, Release, Sha256Digest, Subject, Version};
use crate::rebuild::lockfile::Closure;
use crate::registry::{Currency, NpmRegistry, ObservationSource, RegistryError, StoredArtifact};

/// The media type of the short form.
const SHORT: &str = "application/vnd.npm.install-v1+json";
/// Packuments that are rewritten at once; the largest take a hundred megabytes each.
const REWRITTEN_AT_ONCE: usize = 4;

/// How strictly a view keeps to the lockfile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ClosureMode {
    /// Only the packages of the lockfile, and of tarballs only its releases.
    #[default]
    Exact,
    /// Any package, and any release that was some time old at the cutoff; what the lockfile does not name is listed.
    NamesOpen,
}

/// What a package manager may see of the registry.
#[derive(Debug, Clone)]
pub struct RegistryView {
    registry: NpmRegistry,
    cutoff: Option<i64>,
    closure: Option<Arc<Closure>>,
    mode: ClosureMode,
    verified: Option<Release>,
    named: Option<Arc<Named>>,
    pub(super) patience: Patience,
}

impl RegistryView {
    /// A view without versions published after `cutoff` (seconds since 1970), limited to `closure` if there is one.
    pub fn new(registry: NpmRegistry, cutoff: Option<i64>, closure: Option<Closure>) -> Self {
        let (closure, mode, patience) = (closure.map(Arc::new), ClosureMode::default(), Patience::default());
        Self { registry, cutoff, closure, mode, verified: None, named: None, patience }
    }

    /// Sets how strictly the view keeps to the lockfile; without one this changes nothing.
    #[must_use]
    pub fn mode(self, mode: ClosureMode) -> Self {
        Self { mode, ..self }
    }

    /// Never answers with `release`, whatever names it: what it holds would explain itself.
    #[must_use]
    pub fn without(self, release: Release) -> Self {
        Self { verified: Some(release), ..self }
    }

    /// Asks the registry only for packages that `texts` name (the commit's manifests and lockfile), or the dependency lists
    /// of what was answered before.
    #[must_use]
    pub fn named_by(self, texts: Vec<String>) -> Self {
        Self { named: Some(Arc::new(Named::new(texts))), ..self }
    }

    /// Answers on `listener` until the handle is stopped. Must be called inside a runtime.
    pub fn serve(self, listener: TcpListener) -> io::Result<ViewHandle> {
        serve(self, listener)
    }

    #[cfg(test)]
    pub(super) fn patience(self, patience: Patience) -> Self {
        Self { patience, ..self }
    }
}

/// Answers the requests of one installation.
#[derive(Debug)]
pub(super) struct Answerer {
    view: RegistryView,
    port: u16,
    origin: String,
    journal: Arc<Journal>,
    /// The versions that were shown of the packages whose packument was needed.
    shown: Mutex<HashMap<PackageName, Arc<HashSet<String>>>>,
    rewriting: Semaphore,
}

struct Served {
    body: Body,
    length: u64,
    sha256: Sha256Digest,
    source: ObservationSource,
    kind: &'static str,
}

impl Answerer {
    pub(super) fn new(view: RegistryView, port: u16, journal: Arc<Journal>) -> Self {
        let (shown, rewriting) = (Mutex::default(), Semaphore::new(REWRITTEN_AT_ONCE));
        Self { view, port, origin: format!("http://127.0.0.1:{port}"), journal, shown, rewriting }
    }

    /// Answers one request, whatever it is.
    pub(super) async fn answer(&self, request: Request<Incoming>) -> Response<Body> {
        // The body of a request is never read; where there is one, the connection ends with the answer.
        let (head, _) = request.into_parts();
        let target = head.uri.to_string();
        let place = match self.journal.enter(head.method.as_str(), &target) {
            Ok(place) => place,
            Err(refusal) => return refused(&refusal),
        };
        let served = match guard::check(&head, self.port) {
            Ok(()) => self.serve(head.uri.path(), &head.headers, place).await,
            Err(refusal) => Err(refusal),
        };
        match served {
            Ok(Served { body, length, sha256, source, kind }) => {
                self.journal.served(place, length, sha256, source);
                let mut response = Response::new(body);
                response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
                response.headers_mut().insert(CONTENT_LENGTH, length.into());
                response
            }
            Err(refusal) => {
                let mut response = refused(&refusal);
                if head.method == Method::HEAD {
                    // It has no body that would have to be skipped.
                    response.headers_mut().remove(CONNECTION);
                }
                self.journal.refused(place, refusal);
                response
            }
        }
    }

    async fn serve(&self, path: &str, headers: &HeaderMap, place: Place) -> Result<Served, Refusal> {
        let stated = self.view.closure.as_ref().and_then(|closure| closure.at_path(path));
        let route = match stated {
            Some((name, version)) => Route::Tarball(name.clone(), version.clone()),
            None => Route::parse(path)?,
        };
        match route {
            Route::Packument(name) => {
                self.admit(&name)?;
                let short = headers
                    .get_all(ACCEPT)
                    .iter()
                    .any(|accept| accept.to_str().is_ok_and(|accept| accept.contains(SHORT)));
                self.packument(&name, if short { Form::Short } else { Form::Full }).await
            }
            Route::Tarball(name, version) => {
                self.admit(&name)?;
                self.tarball(Release { ecosystem: Ecosystem::Npm, name, version }, place).await
            }
        }
    }

    /// Whether the package may be asked for at all.
    fn admit(&self, name: &PackageName) -> Result<(), Refusal> {
        let Some(closure) = &self.view.closure else { return self.is_named(name) };
        if closure.has_name(name) {
            return Ok(());
        }
        self.journal.outside(name);
        match self.view.mode {
            ClosureMode::Exact => Err(Refusal::NotInLockfile),
            ClosureMode::NamesOpen => self.is_named(name),
        }
    }

    fn is_named(&self, name: &PackageName) -> Result<(), Refusal> {
        let is_named = self.view.named.as_ref().is_none_or(|named| named.has(name));
        if is_named { Ok(()) } else { Err(Refusal::NotNamed) }
    }

    async fn packument(&self, name: &PackageName, form: Form) -> Result<Served, Refusal> {
        // What was learnt after the cutoff cannot gain a version from before it.
        let currency = self.view.cutoff.map_or(Currency::Fresh, Currency::Since);
        let text = self.view.registry.packument(name, currency).await.map_err(|error| refusal_of(&error))?;
        let _permit = self.rewriting.acquire().await.expect("the semaphore is never closed");
        let (view, origin, source) = (self.view.clone(), self.origin.clone(), text.observation.source);
        let shown_name = name.clone();
        let rewritten = tokio::task::spawn_blocking(move || {
            let (closure, open) =
                (view.closure.as_deref(), view.mode == ClosureMode::NamesOpen || view.closure.is_none());
            let settled = closure.is_some();
            let verified = view.verified.as_ref();
            let window = Window { cutoff: view.cutoff, closure, open, settled, verified, origin: &origin };
            let shown = shown(&text.bytes, &shown_name, form, window)?;
            let sha256 = Sha256Digest::of(&shown.body);
            Ok::<_, serde_json::Error>((shown, sha256))
        });
        let rewritten = rewritten.await.map_err(|error| Refusal::Unavailable(error.to_string()))?;
        let (shown, sha256) = rewritten.map_err(|error| Refusal::Unavailable(error.to_string()))?;
        if shown.without_cutoff {
            self.journal.without_cutoff(name);
        }
        if shown.versions.is_empty() {
            return Err(if shown.has_recent { Refusal::Recent } else { Refusal::AfterCutoff });
        }
        if let Some(named) = &self.view.named {
            named.learn(shown.dependencies);
            named.expect_shrinkwraps(name, shown.shrinkwrapped);
        }
        self.remember(name, shown.versions);
        let kind = match form {
            Form::Full => "application/json",
            Form::Short => SHORT,
        };
        let length = shown.body.len() as u64;
        Ok(Served { body: whole(shown.body), length, sha256, source, kind })
    }

    async fn tarball(&self, release: Release, place: Place) -> Result<Served, Refusal> {
        if self.view.verified.as_ref().is_some_and(|verified| is_same(verified, &release)) {
            return Err(Refusal::Verified);
        }
        let closure = self.view.closure.as_ref();
        let locked = closure.and_then(|closure| closure.locked(&release.name, release.version.as_str()));
        if locked.is_none() {
            if closure.is_some() && self.view.mode == ClosureMode::Exact {
                return Err(Refusal::NotInLockfile);
            }
            self.visible(&release.name, &release.version).await?;
        }
        let integrity = locked.and_then(|locked| locked.integrity.as_ref());
        let mut again = true;
        loop {
            let (artifact, source) = self.fetch(&release, integrity).await.map_err(|error| refusal_of(&error))?;
            self.learn_from(&release, &artifact).await;
            let body = tarball::body(&self.view.registry, &artifact, &self.journal, place).await;
            match body {
                Ok(Some(body)) => {
                    let kind = "application/octet-stream";
                    return Ok(Served { body, length: artifact.size, sha256: artifact.sha256, source, kind });
                }
                Ok(None) if again => {
                    self.view.registry.discard(&artifact).map_err(|error| refusal_of(&error))?;
                    again = false;
                }
                Ok(None) => return Err(Refusal::Unavailable("the cache damages what it is given".to_owned())),
                Err(error) => return Err(Refusal::Unavailable(error.to_string())),
            }
        }
    }

    /// What a tarball that holds a shrinkwrap names may be asked for next.
    async fn learn_from(&self, release: &Release, artifact: &StoredArtifact) {
        let Some(named) = self.view.named.clone().filter(|named| named.expects_shrinkwrap(release)) else { return };
        let path = artifact.path.clone();
        let learnt = tokio::task::spawn_blocking(move || named.learn_shrinkwrap(&path)).await;
        if let Err(error) = learnt.map_err(io::Error::other).flatten() {
            tracing::debug!(%error, release = %release, "no shrinkwrap could be read");
        }
    }

    /// Brings a tarball: by the lockfile's integrity where it states one, else by the registry's metadata.
    async fn fetch(
        &self,
        release: &Release,
        integrity: Option<&Integrity>,
    ) -> Result<(StoredArtifact, ObservationSource), RegistryError> {
        let registry = &self.view.registry;
        if let Some(integrity) = integrity {
            return registry.tarball(release, integrity).await;
        }
        let (name, version) = (release.name.clone(), Some(release.version.clone()));
        let subject = Subject { ecosystem: release.ecosystem, name, version };
        let metadata = registry.release_while(&subject, Currency::Any).await?;
        let (artifact, source) = registry.artifact_and_source(&metadata).await?;
        // Asking for the metadata was a request, too.
        let asked = metadata.observation.source;
        Ok((artifact, if source == ObservationSource::Cache { asked } else { source }))
    }

    /// Whether the release is one of those that the packument shows.
    async fn visible(&self, name: &PackageName, version: &Version) -> Result<(), Refusal> {
        let known = self.known(name);
        let known = match known {
            Some(known) => known,
            None => {
                self.packument(name, Form::Short).await?;
                self.known(name).unwrap_or_default()
            }
        };
        if known.contains(version.as_str()) { Ok(()) } else { Err(Refusal::AfterCutoff) }
    }

    fn known(&self, name: &PackageName) -> Option<Arc<HashSet<String>>> {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
    }

    fn remember(&self, name: &PackageName, versions: HashSet<String>) {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner).insert(name.clone(), Arc::new(versions));
    }
}

/// Whether the two are one release; registries keep one for all builds of a version.
fn is_same(one: &Release, other: &Release) -> bool {
    one.name == other.name && one.version.compare_precedence(&other.version).is_eq()
}

/// Nothing of the reason goes to the client: it could name the user's registry.
fn refused(refusal: &Refusal) -> Response<Body> {
    let mut response = Response::new(whole("{\"error\":\"refused\"}"));
    *response.status_mut() = StatusCode::from_u16(refusal.status()).unwrap_or(StatusCode::FORBIDDEN);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    match refusal {
        Refusal::Method => {
            headers.insert(ALLOW, HeaderValue::from_static("GET"));
            headers.insert(CONNECTION, HeaderValue::from_static("close"));
        }
        // Honest refusals: the connection can go on.
        Refusal::Endpoint
        | Refusal::Target
        | Refusal::Query
        | Refusal::NotInLockfile
        | Refusal::AfterCutoff
        | Refusal::Recent
        | Refusal::Verified
        | Refusal::NotNamed
        | Refusal::Unknown
        | Refusal::Mismatch(_)
        | Refusal::Unavailable(_) => {}
        Refusal::Malformed
        | Refusal::Slow
        | Refusal::NotAPath
        | Refusal::Host
        | Refusal::Body
        | Refusal::Upgrade
        | Refusal::TooMany => {
            headers.insert(CONNECTION, HeaderValue::from_static("close"));
        }
    }
    response
}

fn refusal_of(error: &RegistryError) -> Refusal {
    match error {
        RegistryError::UnknownPackage { .. }
        | RegistryError::UnknownVersion { .. }
        | RegistryError::Unpublished { .. }
        | RegistryError::UnpublishedPackage { .. }
        | RegistryError::ArtifactGone { .. } => Refusal::Unknown,
        RegistryError::Mismatch { source, .. } => Refusal::Mismatch(source.to_string()),
        other => Refusal::Unavailable(other.to_string()),
    }
}
