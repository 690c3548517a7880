use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use reqwest::StatusCode;
use reqwest::header::{ACCEPT, ACCEPT_ENCODING, CONTENT_ENCODING, HeaderMap, HeaderValue};
use serde_json::Value;
use url::Url;

use super::npmrc::NpmConfiguration;
use super::packument::{Packument, ReleaseError, decode};
use super::record::{Encoding, PACKUMENTS, RELEASES, StoredPackument, StoredRelease};
use super::{Observation, ObservationSource, PackumentError, PackumentText, RegistryError, ReleaseMetadata};
use crate::package::{PackageName, Release, Sha256Digest, Subject, Version};
use crate::registry::cache::Cache;
use crate::registry::http::{HttpClient, HttpSettings, Request, Response};
use crate::registry::redacted::take_userinfo;
use crate::registry::turns::Turns;
use crate::registry::{Environment, HttpError, HttpLimits, RedactedUrl, freshness};

/// How the npm registry is to be used.
#[derive(Debug, Clone)]
pub struct RegistryOptions {
    /// The program's cache directory; this module keeps everything in its `registry` folder.
    pub cache_directory: PathBuf,
    /// Where the project's `.npmrc` is looked for, here and upwards.
    pub working_directory: PathBuf,
    /// The variables that npm's configuration, proxies and trust roots are read from.
    pub environment: Environment,
    /// Whether the registry may be asked.
    pub access: Access,
    /// Bounds on what it may answer.
    pub limits: RegistryLimits,
}

/// Whether the network may be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// The registry is asked where the cache does not suffice.
    Online,
    /// Only the cache is used, whatever its age.
    Offline,
}

/// How recent the registry's word must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Currency {
    /// As recent as HTTP's own rules ask.
    Fresh,
    /// Given after this instant, in seconds since 1970: enough for who looks at nothing published later.
    Since(i64),
    /// Whatever is kept; the registry is asked only where nothing is, or where it lacks the version.
    Any,
}

/// Bounds on what a registry may answer.
#[derive(Debug, Clone)]
pub struct RegistryLimits {
    /// The largest packument, decompressed.
    pub packument_bytes: u64,
    /// The largest artifact, as it is served.
    pub artifact_bytes: u64,
    /// Times, retries and rates.
    pub http: HttpLimits,
}

impl Default for RegistryLimits {
    fn default() -> Self {
        Self { packument_bytes: 256 << 20, artifact_bytes: 512 << 20, http: HttpLimits::default() }
    }
}

/// The npm registry, or the several of them that scopes are configured for; cheap to clone.
#[derive(Debug, Clone)]
pub struct NpmRegistry {
    shared: Arc<Shared>,
}

#[derive(Debug)]
pub(super) struct Shared {
    pub(super) configuration: NpmConfiguration,
    pub(super) cache: Cache,
    pub(super) http: HttpClient,
    pub(super) access: Access,
    pub(super) limits: RegistryLimits,
    pub(super) turns: Turns,
    cleaned: std::sync::Once,
}

/// A packument and where it comes from.
#[derive(Debug, Clone)]
struct Source {
    name: PackageName,
    registry: Url,
    url: Url,
    key: Sha256Digest,
}

enum Answer {
    /// What we hold still holds.
    NotModified(Box<StoredPackument>),
    /// A `304` that cannot mean what we hold.
    Unrelated,
    /// A new packument, which has the asked version where one was asked for.
    Fetched(Box<StoredPackument>),
}

impl NpmRegistry {
    /// Reads the npm configuration; nothing else happens before the first question.
    pub fn new(options: RegistryOptions) -> Result<Self, RegistryError> {
        let RegistryOptions { cache_directory, working_directory, environment, access, limits } = options;
        let configuration = NpmConfiguration::load(&working_directory, &environment)?;
        let http = HttpClient::new(HttpSettings {
            proxies: configuration.proxies.clone(),
            trust: configuration.trust.clone(),
            limits: limits.http.clone(),
        });
        let cache = Cache::new(cache_directory.join("registry"));
        let (turns, cleaned) = (Turns::default(), std::sync::Once::new());
        Ok(Self { shared: Arc::new(Shared { configuration, cache, http, access, limits, turns, cleaned }) })
    }

    /// A client with the proxies and authorities that are configured for registries, and no credentials of theirs. It
    /// follows no redirect, and waits for an answer no longer than `total`.
    #[cfg(feature = "keyless")]
    pub(crate) async fn client_for_services(&self, total: Duration) -> Result<reqwest::Client, HttpError> {
        self.shared.http.bare(total).await
    }

    /// What the registry states about a release; without a version, about the latest one.
    pub async fn release(&self, subject: &Subject) -> Result<ReleaseMetadata, RegistryError> {
        self.release_while(subject, Currency::Fresh).await
    }

    /// What the registry states about a release, or stated as recently as `currency` asks.
    pub async fn release_while(&self, subject: &Subject, currency: Currency) -> Result<ReleaseMetadata, RegistryError> {
        let source = self.source(&subject.name);
        let kept = self.kept(&source)?;
        match self.shared.access {
            Access::Offline => {
                let uncached = || RegistryError::MetadataNotCached { name: subject.name.clone() };
                let kept = kept.ok_or_else(uncached)?;
                self.look_up(&source, &kept, subject, ObservationSource::Cache).await?.ok_or_else(uncached)
            }
            Access::Online => {
                if let Some(found) = self.while_current(&source, kept.as_ref(), subject, currency).await? {
                    return Ok(found);
                }
                let _turn = self.shared.turns.take(source.key).await;
                // Another task may have asked meanwhile.
                let kept = self.kept(&source)?;
                if let Some(found) = self.while_current(&source, kept.as_ref(), subject, currency).await? {
                    return Ok(found);
                }
                self.ask(&source, kept, subject).await
            }
        }
    }

    /// All that the registry states about a package, content encoding removed.
    pub async fn packument(&self, name: &PackageName, currency: Currency) -> Result<PackumentText, RegistryError> {
        let source = self.source(name);
        let kept = self.kept(&source)?;
        let uncached = || RegistryError::MetadataNotCached { name: name.clone() };
        if self.shared.access == Access::Offline {
            let kept = kept.ok_or_else(uncached)?;
            return self.text(&source, &kept, ObservationSource::Cache).await?.ok_or_else(uncached);
        }
        if let Some(kept) = kept.filter(|kept| is_current(&source, kept, currency))
            && let Some(text) = self.text(&source, &kept, ObservationSource::Cache).await?
        {
            return Ok(text);
        }
        let _turn = self.shared.turns.take(source.key).await;
        // Another task may have asked meanwhile.
        let kept = self.kept(&source)?;
        if let Some(kept) = kept.as_ref().filter(|kept| is_current(&source, kept, currency))
            && let Some(text) = self.text(&source, kept, ObservationSource::Cache).await?
        {
            return Ok(text);
        }
        match self.ask_for_text(&source, kept, None).await? {
            Some(text) => Ok(text),
            // Nothing was known that it could have been equal to.
            None => Err(uncached()),
        }
    }

    /// All that the registry states about a package at this moment; `None` where that still is what has the digest
    /// `known`.
    ///
    /// The registry is asked whatever the age of what is kept, with conditions where something is; nothing that is not
    /// new is read from the disk. Offline, what is kept counts.
    pub async fn packument_unless(
        &self,
        name: &PackageName,
        known: Option<Sha256Digest>,
    ) -> Result<Option<PackumentText>, RegistryError> {
        let source = self.source(name);
        if self.shared.access == Access::Offline {
            let text = self.packument(name, Currency::Any).await?;
            return Ok(Some(text).filter(|text| Some(text.sha256) != known));
        }
        let _turn = self.shared.turns.take(source.key).await;
        let kept = self.kept(&source)?;
        self.ask_for_text(&source, kept, known).await
    }

    /// Asks the registry, offering what we hold for confirmation; `None` where the answer has the digest `known`.
    async fn ask_for_text(
        &self,
        source: &Source,
        mut kept: Option<StoredPackument>,
        known: Option<Sha256Digest>,
    ) -> Result<Option<PackumentText>, RegistryError> {
        loop {
            let (kept, how) = match self.request(source, kept.take(), None).await? {
                Answer::NotModified(kept) => (kept, ObservationSource::Revalidated),
                Answer::Fetched(kept) => (kept, ObservationSource::Network),
                Answer::Unrelated => continue,
            };
            if known.is_some() && kept.packument() == known {
                return Ok(None);
            }
            match (self.text(source, &kept, how).await?, how) {
                (Some(text), _) => return Ok(Some(text)),
                (None, ObservationSource::Network) => {
                    return Err(RegistryError::MetadataNotCached { name: source.name.clone() });
                }
                // What we hold is damaged: the next round asks without conditions, so it is the last.
                (None, _) => {}
            }
        }
    }

    /// The decoded bytes of a kept packument; `None` where they are gone or damaged.
    async fn text(
        &self,
        source: &Source,
        kept: &StoredPackument,
        how: ObservationSource,
    ) -> Result<Option<PackumentText>, RegistryError> {
        let (Some(packument), Some(blob)) = (kept.packument(), kept.blob()) else { return Ok(None) };
        let observation = Observation { source: how, at: kept.checked_at };
        let (registry, source, encoding) = (self.clone(), source.clone(), kept.encoding);
        tokio::task::spawn_blocking(move || {
            let Some(body) = registry.shared.cache.read_blob(blob)? else { return Ok(None) };
            let bytes = decode(&body, encoding, registry.shared.limits.packument_bytes)
                .map_err(|error| malformed(RedactedUrl::new(&source.url), error))?;
            Ok(Some(PackumentText { bytes: bytes.into_owned(), sha256: packument, observation }))
        })
        .await?
    }

    /// The registry that serves a package, without userinfo.
    pub fn address(&self, name: &PackageName) -> &Url {
        self.shared.configuration.registry(name)
    }

    pub(super) fn shared(&self) -> &Shared {
        &self.shared
    }

    fn source(&self, name: &PackageName) -> Source {
        let configuration = &self.shared.configuration;
        let registry = configuration.registry(name).clone();
        let key = StoredPackument::key(&registry, name);
        Source { name: name.clone(), registry, url: configuration.packument_url(name), key }
    }

    fn kept(&self, source: &Source) -> Result<Option<StoredPackument>, RegistryError> {
        let kept: Option<StoredPackument> = self.shared.cache.read_record(PACKUMENTS, source.key)?;
        Ok(kept.filter(|kept| kept.is_for(&source.registry, &source.name)))
    }

    /// Answers from the cache where it is recent enough and knows the version.
    async fn while_current(
        &self,
        source: &Source,
        kept: Option<&StoredPackument>,
        subject: &Subject,
        currency: Currency,
    ) -> Result<Option<ReleaseMetadata>, RegistryError> {
        let Some(kept) = kept.filter(|kept| is_current(source, kept, currency)) else { return Ok(None) };
        match self.look_up(source, kept, subject, ObservationSource::Cache).await {
            // The version may have been published since.
            Err(error) if error.is_about_the_version() => Ok(None),
            other => other,
        }
    }

    /// Asks the registry, offering what we hold for confirmation.
    async fn ask(
        &self,
        source: &Source,
        mut kept: Option<StoredPackument>,
        subject: &Subject,
    ) -> Result<ReleaseMetadata, RegistryError> {
        loop {
            match self.request(source, kept.take(), Some(subject)).await? {
                Answer::NotModified(kept) => {
                    let found = self.look_up(source, &kept, subject, ObservationSource::Revalidated).await?;
                    if let Some(found) = found {
                        return Ok(found);
                    }
                }
                Answer::Unrelated => {}
                Answer::Fetched(kept) => {
                    let uncached = || RegistryError::MetadataNotCached { name: source.name.clone() };
                    let found = self.look_up(source, &kept, subject, ObservationSource::Network).await?;
                    return found.ok_or_else(uncached);
                }
            }
            // What we hold is of no use: the next round asks without conditions, so it is the last.
        }
    }

    async fn request(
        &self,
        source: &Source,
        kept: Option<StoredPackument>,
        subject: Option<&Subject>,
    ) -> Result<Answer, RegistryError> {
        let shared = &self.shared;
        let asked = asked_headers();
        let mut headers = asked.clone();
        if let Some(kept) = &kept {
            headers.extend(freshness::conditions(&kept.policy, &source.url, &asked, SystemTime::now()));
        }
        let conditional = headers.len() > asked.len();
        let authorization = shared.configuration.authorization(&source.url, &source.name)?;
        let credentials_sent = authorization.is_some();
        let request = Request { url: source.url.clone(), headers, authorization };
        let limit = shared.limits.packument_bytes;
        let received = shared.http.get(&request, |response| receive(response, limit)).await;
        let (status, answered, url, body) = received.map_err(|error| match error {
            HttpError::Status { status: StatusCode::NOT_FOUND, .. } => RegistryError::UnknownPackage {
                name: source.name.clone(),
                registry: RedactedUrl::new(&source.registry),
            },
            other => RegistryError::from_answer(other, credentials_sent),
        })?;
        let now = SystemTime::now();
        if status == StatusCode::NOT_MODIFIED {
            let Some(kept) = kept.filter(|_| conditional) else {
                return Err(HttpError::Status { url, status, retry_after: None }.into());
            };
            let Some(policy) = freshness::after_not_modified(&kept.policy, &source.url, &asked, &answered, now) else {
                return Ok(Answer::Unrelated);
            };
            let kept = kept.confirmed(policy, seconds(now));
            shared.cache.write_record(PACKUMENTS, source.key, &kept)?;
            return Ok(Answer::NotModified(Box::new(kept)));
        }
        let fetched = Fetched { registry: self.clone(), source: source.clone(), subject: subject.cloned(), url };
        let kept = tokio::task::spawn_blocking(move || fetched.store(&body, &asked, &answered, now)).await??;
        Ok(Answer::Fetched(Box::new(kept)))
    }

    /// Finds the asked version in a kept packument; `None` where the kept bytes are gone or damaged.
    async fn look_up(
        &self,
        source: &Source,
        kept: &StoredPackument,
        subject: &Subject,
        how: ObservationSource,
    ) -> Result<Option<ReleaseMetadata>, RegistryError> {
        let (Some(packument), Some(blob)) = (kept.packument(), kept.blob()) else { return Ok(None) };
        let version = asked_version(source, subject, kept.latest.as_deref())?;
        let observation = Observation { source: how, at: kept.checked_at };
        let key = StoredRelease::key(packument, &source.name, &version);
        let stored: Option<StoredRelease> = self.shared.cache.read_record(RELEASES, key)?;
        if let Some(stored) = stored.filter(|stored| stored.is_for(&source.name, &version)) {
            return self.metadata(source, stored, version, packument, observation).map(Some);
        }
        let (registry, source, encoding) = (self.clone(), source.clone(), kept.encoding);
        tokio::task::spawn_blocking(move || {
            let Some(body) = registry.shared.cache.read_blob(blob)? else { return Ok(None) };
            let malformed = |error| malformed(RedactedUrl::new(&source.url), error);
            let bytes = decode(&body, encoding, registry.shared.limits.packument_bytes).map_err(malformed)?;
            let parsed = Packument::parse(&bytes).map_err(malformed)?;
            let stored = registry.extract(&source, &parsed, &version, packument)?;
            registry.metadata(&source, stored, version, packument, observation).map(Some)
        })
        .await?
    }

    /// Takes a version out of a parsed packument and remembers it.
    fn extract(
        &self,
        source: &Source,
        parsed: &Packument<'_>,
        version: &Version,
        packument: Sha256Digest,
    ) -> Result<StoredRelease, RegistryError> {
        let stored = parsed.release(&source.name, version).map_err(|error| match error {
            ReleaseError::Missing(error) => *error,
            ReleaseError::Json(error) => malformed(RedactedUrl::new(&source.url), error.into()),
        })?;
        let key = StoredRelease::key(packument, &source.name, version);
        self.shared.cache.write_record(RELEASES, key, &stored)?;
        Ok(stored)
    }

    fn metadata(
        &self,
        source: &Source,
        stored: StoredRelease,
        version: Version,
        packument: Sha256Digest,
        observation: Observation,
    ) -> Result<ReleaseMetadata, RegistryError> {
        let release = Release { ecosystem: crate::package::Ecosystem::Npm, name: source.name.clone(), version };
        let artifact_url = self.artifact_url(source, &stored.manifest, &release)?;
        let registry = source.registry.clone();
        Ok(ReleaseMetadata::assemble(stored, release, artifact_url, registry, packument, observation))
    }

    /// The artifact's address as it is to be used.
    fn artifact_url(&self, source: &Source, manifest: &Value, release: &Release) -> Result<Url, RegistryError> {
        let stated = manifest.get("dist").and_then(|dist| dist.get("tarball")).and_then(Value::as_str);
        let usable = stated
            .and_then(|stated| Url::parse(stated).ok())
            .filter(|url| matches!(url.scheme(), "http" | "https") && url.host_str().is_some());
        let Some(mut url) = usable else {
            let stated = stated.map(str::to_owned);
            return Err(RegistryError::ArtifactAddress { release: release.clone(), stated });
        };
        take_userinfo(&mut url);
        url.set_fragment(None);
        let mut url = self.shared.configuration.artifact_url(url, &source.name);
        // Old packuments state http addresses for a host that has served https for years.
        let same_host = url.host_str() == source.registry.host_str() && url.port().is_none();
        if same_host
            && url.scheme() == "http"
            && source.registry.scheme() == "https"
            && source.registry.port().is_none()
        {
            // Both schemes are special ones, between which the change cannot fail.
            let _ = url.set_scheme("https");
        }
        Ok(url)
    }
}

/// A packument just received, on its way into the cache.
struct Fetched {
    registry: NpmRegistry,
    source: Source,
    /// The release to take out of it at once, while it is parsed.
    subject: Option<Subject>,
    url: RedactedUrl,
}

impl Fetched {
    /// Stores a packument that is one and is about the right package; a wrong one leaves no trace.
    fn store(
        self,
        body: &[u8],
        asked: &HeaderMap,
        answered: &HeaderMap,
        now: SystemTime,
    ) -> Result<StoredPackument, RegistryError> {
        let Self { registry, source, subject, url } = self;
        let cache = &registry.shared.cache;
        registry.shared.cleaned.call_once(|| cache.remove_abandoned());
        let encoding = encoding(answered).map_err(|error| malformed(url.clone(), error))?;
        let bytes = decode(body, encoding, registry.shared.limits.packument_bytes)
            .map_err(|error| malformed(url.clone(), error))?;
        let packument = Sha256Digest::of(&bytes);
        let parsed = Packument::parse(&bytes).map_err(|error| malformed(url.clone(), error))?;
        match &parsed.name {
            Some(answered) if answered != source.name.as_str() => {
                return Err(RegistryError::AnotherPackage {
                    asked: source.name,
                    answered: answered.chars().take(256).collect(),
                    registry: RedactedUrl::new(&source.registry),
                });
            }
            Some(_) => {}
            None => return Err(malformed(url, PackumentError::Missing("name"))),
        }
        let blob = cache.write_blob(body)?;
        let policy = freshness::policy(&source.url, asked, answered, now);
        let kept = StoredPackument::new(
            &source.registry,
            &source.name,
            blob,
            encoding,
            packument,
            parsed.latest.clone(),
            policy,
            seconds(now),
        );
        cache.write_record(PACKUMENTS, source.key, &kept)?;
        if let Some(subject) = subject {
            let version = asked_version(&source, &subject, parsed.latest.as_deref())?;
            registry.extract(&source, &parsed, &version, packument)?;
        }
        Ok(kept)
    }
}

/// Whether a kept packument is recent enough.
fn is_current(source: &Source, kept: &StoredPackument, currency: Currency) -> bool {
    match currency {
        Currency::Any => true,
        Currency::Since(instant) if kept.checked_at > instant => true,
        Currency::Fresh | Currency::Since(_) => {
            let checked = u64::try_from(kept.checked_at).unwrap_or_default();
            let checked = SystemTime::UNIX_EPOCH + Duration::from_secs(checked);
            freshness::is_fresh(&kept.policy, &source.url, &asked_headers(), checked, SystemTime::now())
        }
    }
}

async fn receive(response: Response, limit: u64) -> Result<(StatusCode, HeaderMap, RedactedUrl, Vec<u8>), HttpError> {
    let (status, headers, url) = (response.status(), response.headers().clone(), response.url().clone());
    Ok((status, headers, url, response.bytes(limit).await?))
}

/// The headers of every request for a packument. The full form is needed: the short one has no times.
fn asked_headers() -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
    headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("gzip"));
    headers
}

fn encoding(headers: &HeaderMap) -> Result<Encoding, PackumentError> {
    let text = headers
        .get(CONTENT_ENCODING)
        .map(|value| String::from_utf8_lossy(value.as_bytes()).trim().to_ascii_lowercase());
    match text.as_deref() {
        None | Some("" | "identity") => Ok(Encoding::Identity),
        Some("gzip" | "x-gzip") => Ok(Encoding::Gzip),
        Some(other) => Err(PackumentError::Encoding(other.to_owned())),
    }
}

fn asked_version(source: &Source, subject: &Subject, latest: Option<&str>) -> Result<Version, RegistryError> {
    if let Some(version) = &subject.version {
        return Ok(version.clone());
    }
    latest.and_then(|text| Version::parse(text).ok()).ok_or_else(|| RegistryError::NoLatest {
        name: source.name.clone(),
        registry: RedactedUrl::new(&source.registry),
    })
}

fn malformed(url: RedactedUrl, source: PackumentError) -> RegistryError {
    RegistryError::MalformedPackument { url, source }
}

pub(super) fn seconds(time: SystemTime) -> i64 {
    time.duration_since(SystemTime::UNIX_EPOCH)
        .ok()
        .and_then(|since| i64::try_from(since.as_secs()).ok())
        .unwrap_or_default()
}

#[cfg(test)]
#[path = "client_tests.rs"]
mod tests;
