use serde_json::Value;
use url::Url;

use super::claims::Claims;
use super::namings::Naming;
use super::record::{StoredNaming, StoredRelease};
use crate::package::{CommitId, Integrity, Release, Sha1Digest, Sha256Digest, Version};
use crate::registry::timestamp::parse_rfc3339;

/// What the registry states about one release. Every claim is optional: a mirror may serve fewer than the origin.
#[derive(Debug, Clone)]
pub struct ReleaseMetadata {
    /// The release.
    pub release: Release,
    /// Where its artifact is, without userinfo and after npm's `replace-registry-host`.
    pub artifact_url: Url,
    /// The stated integrity (`dist.integrity`).
    pub integrity: Option<Integrity>,
    /// The stated SHA-1 (`dist.shasum`).
    pub shasum: Option<Sha1Digest>,
    /// The version's own `repository`.
    pub repository: Option<Value>,
    /// The package's `repository`, which the registry takes from its latest version.
    pub package_repository: Option<Value>,
    /// The version's `homepage`.
    pub homepage: Option<String>,
    /// The version's `bugs`.
    pub bugs: Option<Value>,
    /// The stated commit (`gitHead`).
    pub git_head: Option<CommitId>,
    /// The stated time of publication in seconds since 1970; mirrors may state their own.
    pub published_at: Option<i64>,
    /// The version that the registry gives to whoever names none (`dist-tags.latest`).
    pub latest: Option<Version>,
    /// The published versions next to this one.
    pub neighbours: Neighbours,
    /// How the other releases name the repository, at most 64 different ways.
    pub namings: Vec<Naming>,
    /// Versions that have a time of publication but are served no more, at most 256.
    pub withdrawn: Vec<Version>,
    /// The publisher's npm version (`_npmVersion`).
    pub npm_version: Option<String>,
    /// The publisher's Node version (`_nodeVersion`).
    pub node_version: Option<String>,
    /// The publisher's account name (`_npmUser.name`).
    pub publisher: Option<String>,
    /// Whether the registry states a provenance attestation (`dist.attestations.provenance`).
    pub has_provenance: bool,
    /// Claims that are present but not in the form they should have.
    pub malformed_claims: Vec<MalformedClaim>,
    /// The registry, without userinfo.
    pub registry: Url,
    /// The SHA-256 of the packument that all of this was read from, content encoding removed.
    pub packument: Sha256Digest,
    /// The version's own metadata object, as the registry states it.
    pub manifest: Value,
    /// How and when this was learnt.
    pub observation: Observation,
}

/// A claim that is present but unusable, kept as it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MalformedClaim {
    /// The claim's name in the registry's metadata, such as `gitHead`.
    pub claim: &'static str,
    /// What it holds, cut to 256 characters.
    pub text: String,
}

/// The published versions next to a release, in both orders that matter.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Neighbours {
    /// The next lower version in the order of semantic versioning.
    pub lower: Option<Neighbour>,
    /// The next higher version in the order of semantic versioning.
    pub higher: Option<Neighbour>,
    /// The version published last before this one.
    pub earlier: Option<Neighbour>,
    /// The version published first after this one.
    pub later: Option<Neighbour>,
    /// The highest lower version that had been there for 30 days when this one was published.
    pub settled: Option<Neighbour>,
}

/// Another published version and which claims the registry has for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Neighbour {
    /// The version.
    pub version: Version,
    /// Its stated time of publication in seconds since 1970.
    pub published_at: Option<i64>,
    /// Whether it states a commit.
    pub has_git_head: bool,
    /// Whether it states a provenance attestation.
    pub has_provenance: bool,
    /// The publisher's account name.
    pub publisher: Option<String>,
}

impl Neighbour {
    /// Whether it was published before this release, as far as the registry tells.
    pub fn is_before(&self, release: &ReleaseMetadata) -> bool {
        match (self.published_at, release.published_at) {
            (Some(other), Some(this)) => other < this,
            _ => true,
        }
    }
}

/// Which digests of the artifact the registry states.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DigestsStated {
    /// Both an integrity and a SHA-1.
    Both,
    /// Only an integrity.
    Integrity,
    /// Only a SHA-1.
    Shasum,
    /// None: nothing ties the artifact to the metadata.
    None,
}

/// When the metadata was learnt, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Observation {
    /// How.
    pub source: ObservationSource,
    /// When the registry last said so, in seconds since 1970.
    pub at: i64,
}

/// How metadata was learnt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ObservationSource {
    /// The registry sent it now.
    Network,
    /// The registry said now that what we kept still holds.
    Revalidated,
    /// It was kept, and the registry was not asked.
    Cache,
}

impl ReleaseMetadata {
    /// Which digests of the artifact the registry states in a usable form.
    pub fn digests_stated(&self) -> DigestsStated {
        match (&self.integrity, &self.shasum) {
            (Some(_), Some(_)) => DigestsStated::Both,
            (Some(_), None) => DigestsStated::Integrity,
            (None, Some(_)) => DigestsStated::Shasum,
            (None, None) => DigestsStated::None,
        }
    }

    pub(super) fn assemble(
        stored: StoredRelease,
        release: Release,
        artifact_url: Url,
        registry: Url,
        packument: Sha256Digest,
        observation: Observation,
    ) -> Self {
        let mut claims = Claims::read(&stored.manifest);
        let published_at = stored.time.as_deref().and_then(parse_rfc3339);
        if let (Some(text), None) = (&stored.time, published_at) {
            claims.malformed.push(MalformedClaim::new("time", text));
        }
        Self {
            release,
            artifact_url,
            integrity: claims.integrity,
            shasum: claims.shasum,
            repository: present(&stored.manifest, "repository"),
            package_repository: stored.package_repository,
            homepage: stored.manifest.get("homepage").and_then(Value::as_str).map(str::to_owned),
            bugs: present(&stored.manifest, "bugs"),
            git_head: claims.git_head,
            published_at,
            latest: stored.latest.as_deref().and_then(|text| Version::parse(text).ok()),
            neighbours: stored.neighbours.into_neighbours(),
            namings: stored.namings.into_iter().map(StoredNaming::into_naming).collect(),
            withdrawn: stored.withdrawn.iter().filter_map(|text| Version::parse(text).ok()).collect(),
            npm_version: claims.npm_version,
            node_version: claims.node_version,
            publisher: claims.publisher,
            has_provenance: claims.has_provenance,
            malformed_claims: claims.malformed,
            registry,
            packument,
            manifest: stored.manifest,
            observation,
        }
    }
}

fn present(manifest: &Value, key: &str) -> Option<Value> {
    manifest.get(key).filter(|value| !value.is_null()).cloned()
}

impl MalformedClaim {
    pub(super) fn new(claim: &'static str, text: &str) -> Self {
        Self { claim, text: text.chars().take(256).collect() }
    }
}
