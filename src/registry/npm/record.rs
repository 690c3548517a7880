//! What is written to the cache: versioned forms of their own, converted explicitly.
//!
//! A change that an older program would misread needs a new [`SCHEMA`], which is part of every record's folder.

use http_cache_semantics::CachePolicy;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use url::Url;

use super::namings::Naming;
use super::{Neighbour, Neighbours};
use crate::package::{PackageName, Sha256Digest, Version};

/// The folder of the records that lead from a package to its packument.
pub(super) const PACKUMENTS: &str = "npm-packuments-v1";
/// The folder of the records of single releases.
pub(super) const RELEASES: &str = "npm-releases-v4";
/// The folder of the records that lead from a release to its artifact.
pub(super) const ARTIFACTS: &str = "npm-artifacts-v1";
/// The folder of the records that lead from an integrity to the content that has it.
pub(super) const CONTENTS: &str = "npm-contents-v1";
/// The folder of the records that lead from a release to its attestations.
pub(super) const ATTESTATIONS: &str = "npm-attestations-v1";
/// The folder of the records that lead from a registry to its keys.
pub(super) const KEYS: &str = "npm-keys-v1";
/// The version of all six.
const SCHEMA: u32 = 1;

/// A kept packument: where its bytes are and how long they hold.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct StoredPackument {
    schema: u32,
    registry: String,
    name: String,
    /// SHA-256 of the bytes as they came, under which the blob is stored.
    blob: String,
    pub(super) encoding: Encoding,
    /// SHA-256 of the decoded bytes.
    packument: String,
    pub(super) latest: Option<String>,
    pub(super) policy: CachePolicy,
    /// When the registry last confirmed it, in seconds since 1970.
    pub(super) checked_at: i64,
}

/// The content encoding of a stored blob.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Encoding {
    Identity,
    Gzip,
}

impl StoredPackument {
    #[expect(clippy::too_many_arguments, reason = "a record is nothing but its fields")]
    pub(super) fn new(
        registry: &Url,
        name: &PackageName,
        blob: Sha256Digest,
        encoding: Encoding,
        packument: Sha256Digest,
        latest: Option<String>,
        policy: CachePolicy,
        checked_at: i64,
    ) -> Self {
        Self {
            schema: SCHEMA,
            registry: registry.to_string(),
            name: name.to_string(),
            blob: blob.to_string(),
            encoding,
            packument: packument.to_string(),
            latest,
            policy,
            checked_at,
        }
    }

    /// Whether the record is what its key promises.
    pub(super) fn is_for(&self, registry: &Url, name: &PackageName) -> bool {
        self.schema == SCHEMA && self.registry == registry.as_str() && self.name == name.as_str()
    }

    pub(super) fn blob(&self) -> Option<Sha256Digest> {
        Sha256Digest::parse(&self.blob).ok()
    }

    pub(super) fn packument(&self) -> Option<Sha256Digest> {
        Sha256Digest::parse(&self.packument).ok()
    }

    pub(super) fn confirmed(self, policy: CachePolicy, checked_at: i64) -> Self {
        Self { policy, checked_at, ..self }
    }

    pub(super) fn key(registry: &Url, name: &PackageName) -> Sha256Digest {
        key(&[registry.as_str(), name.as_str()])
    }
}

/// One release out of a packument, so that the packument need not be parsed again.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct StoredRelease {
    schema: u32,
    name: String,
    version: String,
    pub(super) manifest: Value,
    /// The time of publication as the registry writes it.
    pub(super) time: Option<String>,
    pub(super) package_repository: Option<Value>,
    /// The version tagged `latest`, as the registry writes it.
    pub(super) latest: Option<String>,
    pub(super) neighbours: StoredNeighbours,
    pub(super) namings: Vec<StoredNaming>,
    pub(super) withdrawn: Vec<String>,
}

#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct StoredNeighbours {
    lower: Option<StoredNeighbour>,
    higher: Option<StoredNeighbour>,
    earlier: Option<StoredNeighbour>,
    later: Option<StoredNeighbour>,
    settled: Option<StoredNeighbour>,
}

#[derive(Debug, Serialize, Deserialize)]
struct StoredNeighbour {
    version: String,
    published_at: Option<i64>,
    git_head: bool,
    provenance: bool,
    publisher: Option<String>,
}

/// How releases name their repository.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct StoredNaming {
    repository: Option<Value>,
    homepage: Option<String>,
    bugs: Option<Value>,
    settled: Option<String>,
    /// Version and time of publication.
    first: Option<(String, Option<i64>)>,
    lasting: bool,
}

impl StoredNaming {
    pub(super) fn into_naming(self) -> Naming {
        let version = |text: &str| Version::parse(text).ok();
        Naming {
            repository: self.repository,
            homepage: self.homepage,
            bugs: self.bugs,
            settled: self.settled.and_then(|text| version(&text)),
            first: self.first.and_then(|(text, time)| Some((version(&text)?, time))),
            has_lasted: self.lasting,
        }
    }
}

impl From<Naming> for StoredNaming {
    fn from(naming: Naming) -> Self {
        Self {
            repository: naming.repository,
            homepage: naming.homepage,
            bugs: naming.bugs,
            settled: naming.settled.map(|version| version.to_string()),
            first: naming.first.map(|(version, time)| (version.to_string(), time)),
            lasting: naming.has_lasted,
        }
    }
}

impl StoredRelease {
    #[expect(clippy::too_many_arguments, reason = "a record is nothing but its fields")]
    pub(super) fn new(
        name: &PackageName,
        version: &Version,
        manifest: Value,
        time: Option<String>,
        package_repository: Option<Value>,
        latest: Option<String>,
        neighbours: Neighbours,
        namings: Vec<Naming>,
        withdrawn: &[Version],
    ) -> Self {
        Self {
            schema: SCHEMA,
            name: name.to_string(),
            version: version.to_string(),
            manifest,
            time,
            package_repository,
            latest,
            neighbours: neighbours.into(),
            namings: namings.into_iter().map(StoredNaming::from).collect(),
            withdrawn: withdrawn.iter().map(ToString::to_string).collect(),
        }
    }

    pub(super) fn is_for(&self, name: &PackageName, version: &Version) -> bool {
        self.schema == SCHEMA && self.name == name.as_str() && self.version == version.as_str()
    }

    pub(super) fn key(packument: Sha256Digest, name: &PackageName, version: &Version) -> Sha256Digest {
        key(&[&packument.to_string(), name.as_str(), version.as_str()])
    }
}

impl StoredNeighbours {
    pub(super) fn into_neighbours(self) -> Neighbours {
        let convert = |stored: Option<StoredNeighbour>| {
            let stored = stored?;
            Some(Neighbour {
                version: Version::parse(&stored.version).ok()?,
                published_at: stored.published_at,
                has_git_head: stored.git_head,
                has_provenance: stored.provenance,
                publisher: stored.publisher,
            })
        };
        Neighbours {
            lower: convert(self.lower),
            higher: convert(self.higher),
            earlier: convert(self.earlier),
            later: convert(self.later),
            settled: convert(self.settled),
        }
    }
}

impl From<Neighbours> for StoredNeighbours {
    fn from(neighbours: Neighbours) -> Self {
        let convert = |neighbour: Option<Neighbour>| {
            neighbour.map(|neighbour| StoredNeighbour {
                version: neighbour.version.to_string(),
                published_at: neighbour.published_at,
                git_head: neighbour.has_git_head,
                provenance: neighbour.has_provenance,
                publisher: neighbour.publisher,
            })
        };
        Self {
            lower: convert(neighbours.lower),
            higher: convert(neighbours.higher),
            earlier: convert(neighbours.earlier),
            later: convert(neighbours.later),
            settled: convert(neighbours.settled),
        }
    }
}

/// A kept artifact: which bytes were served at an address and fitted the stated digests.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct StoredDownload {
    schema: u32,
    url: String,
    sha256: String,
    pub(super) size: u64,
    /// The integrity of the bytes.
    pub(super) integrity: String,
}

impl StoredDownload {
    pub(super) fn new(url: &Url, sha256: Sha256Digest, size: u64, integrity: String) -> Self {
        Self { schema: SCHEMA, url: url.to_string(), sha256: sha256.to_string(), size, integrity }
    }

    pub(super) fn is_for(&self, url: &Url) -> bool {
        self.schema == SCHEMA && self.url == url.as_str()
    }

    pub(super) fn sha256(&self) -> Option<Sha256Digest> {
        Sha256Digest::parse(&self.sha256).ok()
    }

    /// A key that changes with the address and with every digest stated for it.
    pub(super) fn key(url: &Url, integrity: &str, shasum: &str) -> Sha256Digest {
        key(&[url.as_str(), integrity, shasum])
    }
}

/// Content whose bytes fitted a stated integrity, wherever they came from.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct StoredContent {
    schema: u32,
    sha256: String,
    pub(super) size: u64,
    /// The sha512 integrity of the bytes.
    pub(super) integrity: String,
}

impl StoredContent {
    pub(super) fn new(sha256: Sha256Digest, size: u64, integrity: String) -> Self {
        Self { schema: SCHEMA, sha256: sha256.to_string(), size, integrity }
    }

    pub(super) fn sha256(&self) -> Option<Sha256Digest> {
        Sha256Digest::parse(&self.sha256).ok().filter(|_| self.schema == SCHEMA)
    }

    pub(super) fn key(integrity: &str) -> Sha256Digest {
        key(&[integrity])
    }
}

/// Kept attestations of a release: what was answered at an address.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct StoredAttestations {
    schema: u32,
    url: String,
    blob: String,
}

impl StoredAttestations {
    pub(super) fn new(url: &Url, blob: Sha256Digest) -> Self {
        Self { schema: SCHEMA, url: url.to_string(), blob: blob.to_string() }
    }

    pub(super) fn is_for(&self, url: &Url) -> bool {
        self.schema == SCHEMA && self.url == url.as_str()
    }

    pub(super) fn blob(&self) -> Option<Sha256Digest> {
        Sha256Digest::parse(&self.blob).ok()
    }

    /// A key that changes with the address and with the content that the attestations are about.
    pub(super) fn key(url: &Url, integrity: &str) -> Sha256Digest {
        key(&["attestations", url.as_str(), integrity])
    }
}

/// Kept keys of a registry: what was answered at an address, and how long that holds.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct StoredKeys {
    schema: u32,
    url: String,
    /// `None` where the registry has none.
    blob: Option<String>,
    pub(super) policy: CachePolicy,
    /// When the registry last confirmed it, in seconds since 1970.
    pub(super) checked_at: i64,
}

impl StoredKeys {
    pub(super) fn new(url: &Url, blob: Option<Sha256Digest>, policy: CachePolicy, checked_at: i64) -> Self {
        let blob = blob.map(|blob| blob.to_string());
        Self { schema: SCHEMA, url: url.to_string(), blob, policy, checked_at }
    }

    pub(super) fn is_for(&self, url: &Url) -> bool {
        self.schema == SCHEMA && self.url == url.as_str()
    }

    pub(super) fn blob(&self) -> Option<Sha256Digest> {
        Sha256Digest::parse(self.blob.as_deref()?).ok()
    }

    pub(super) fn confirmed(self, policy: CachePolicy, checked_at: i64) -> Self {
        Self { policy, checked_at, ..self }
    }

    pub(super) fn key(url: &Url) -> Sha256Digest {
        key(&["keys", url.as_str()])
    }
}

/// No part can hold a line feed, so no two lists of parts share a key.
fn key(parts: &[&str]) -> Sha256Digest {
    Sha256Digest::of(parts.join("\n").as_bytes())
}
