//! Reads a packument: all that a registry states about a package, often megabytes for thousands of versions.
//!
//! The document is walked once and a version's object is only remembered by where it is; only the asked
//! version and its neighbours are then parsed. Shapes that are merely odd read as absent.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;
use std::io::{self, Read as _};

use serde::de::{Deserialize, Deserializer, Error as _, IgnoredAny, MapAccess, Visitor};
use serde_json::Value;
use serde_json::value::RawValue;

use super::claims::Claims;
use super::namings::{Naming, namings};
use super::record::{Encoding, StoredRelease};
use super::{Neighbour, Neighbours, RegistryError};
use crate::package::{Integrity, PackageName, Version, read_json};
use crate::registry::timestamp::parse_rfc3339;

/// How long a version must have been there to tell what a package has always been like, seconds: attacks are found
/// sooner as a rule.
pub(super) const SETTLED: i64 = 30 * 24 * 3600;
const MAX_WITHDRAWN: usize = 256;
/// Largest metadata object of one version, bytes of JSON.
const MAX_VERSION_LENGTH: usize = 8 << 20;

/// How many versions on each side of a missing one are named.
const NEAREST: usize = 2;

/// Why an answer is not a packument.
#[derive(Debug, thiserror::Error)]
pub enum PackumentError {
    /// Not JSON, or JSON of another shape.
    #[error("not the JSON that was expected")]
    Json(#[from] serde_json::Error),
    /// The compressed form is damaged.
    #[error("the compressed content is damaged")]
    Gzip(#[source] io::Error),
    /// More than allowed once decompressed.
    #[error("decompressed, it is larger than the limit of {limit} bytes")]
    TooLarge {
        /// The limit.
        limit: u64,
    },
    /// A content encoding that was not asked for.
    #[error("the content encoding `{}` was not asked for", .0.escape_debug())]
    Encoding(String),
    /// Neither a name nor versions: probably an error message.
    #[error("it has no `{0}`")]
    Missing(&'static str),
}

/// Removes the content encoding, refusing more than `limit` bytes.
pub(super) fn decode(body: &[u8], encoding: Encoding, limit: u64) -> Result<Cow<'_, [u8]>, PackumentError> {
    match encoding {
        Encoding::Identity if body.len() as u64 > limit => Err(PackumentError::TooLarge { limit }),
        Encoding::Identity => Ok(Cow::Borrowed(body)),
        Encoding::Gzip => {
            let mut decoded = Vec::with_capacity(body.len().saturating_mul(6).min(16 << 20));
            let decoder = flate2::read::MultiGzDecoder::new(body);
            decoder.take(limit.saturating_add(1)).read_to_end(&mut decoded).map_err(PackumentError::Gzip)?;
            if decoded.len() as u64 > limit { Err(PackumentError::TooLarge { limit }) } else { Ok(Cow::Owned(decoded)) }
        }
    }
}

/// A walked packument, borrowing from its bytes.
#[derive(Debug)]
pub(super) struct Packument<'a> {
    /// What it says it is about.
    pub(super) name: Option<String>,
    /// The version tagged `latest`.
    pub(super) latest: Option<String>,
    versions: Vec<(String, &'a RawValue)>,
    times: Vec<(String, &'a RawValue)>,
    repository: Option<&'a RawValue>,
}

impl<'a> Packument<'a> {
    /// Walks `bytes`.
    pub(super) fn parse(bytes: &'a [u8]) -> Result<Self, PackumentError> {
        let top: Top<'a> = serde_json::from_slice(bytes)?;
        let times = entries(top.time);
        let unpublished = times.iter().any(|(key, _)| key == "unpublished");
        let versions = match top.versions {
            Some(Entries(versions)) => versions,
            None if unpublished => Vec::new(),
            None => return Err(PackumentError::Missing("versions")),
        };
        let latest = entries(top.tags).into_iter().rev().find(|(tag, _)| tag == "latest");
        Ok(Self {
            name: top.name.and_then(text),
            latest: latest.and_then(|(_, version)| text(version)),
            versions,
            times,
            repository: top.repository,
        })
    }

    /// Takes one release out, with what surrounds it.
    pub(super) fn release(&self, name: &PackageName, version: &Version) -> Result<StoredRelease, ReleaseError> {
        let Some(raw) = self.stated(version) else { return Err(ReleaseError::Missing(self.missing(name, version))) };
        let manifest = manifest(raw).map_err(ReleaseError::Json)?;
        let repository = self.repository.and_then(|raw| Some(read_json(raw.get().as_bytes()).ok()?.value));
        Ok(StoredRelease::new(
            name,
            version,
            manifest,
            self.time_text(version.as_str()),
            repository.filter(|value| !value.is_null()),
            self.latest.clone(),
            self.neighbours(version),
            self.namings(version),
            &self.withdrawn(),
        ))
    }

    /// The versions and their times, ascending.
    pub(super) fn versions(&self) -> Vec<(Version, Option<i64>)> {
        let times = self.all_times();
        let parsed = self.versions.iter().filter_map(|(text, _)| Version::parse(text).ok());
        let mut versions: Vec<_> = parsed.map(|version| (times.get(version.as_str()).copied(), version)).collect();
        versions.sort_by(|(_, left), (_, right)| left.compare_precedence(right));
        versions.dedup_by(|(_, left), (_, right)| left == right);
        versions.into_iter().map(|(time, version)| (version, time)).collect()
    }

    /// The integrity that is stated for a version, or else its SHA-1, where one is there and well-formed.
    pub(super) fn integrity(&self, version: &Version) -> Option<Integrity> {
        let claims = Claims::read(&manifest(self.stated(version)?).ok()?);
        claims.integrity.or_else(|| claims.shasum.map(Integrity::from_sha1))
    }

    /// A version's own object.
    fn stated(&self, version: &Version) -> Option<&'a RawValue> {
        // Of two entries with one key the last counts, as in every JavaScript client.
        self.versions.iter().rev().find(|(text, _)| text == version.as_str()).map(|(_, raw)| *raw)
    }

    /// Whether the times have an entry for the package itself.
    pub(super) fn states_creation(&self) -> bool {
        self.times.iter().any(|(key, _)| key == "created")
    }

    fn missing(&self, name: &PackageName, version: &Version) -> Box<RegistryError> {
        let name = name.clone();
        let once = self.times.iter().any(|(text, _)| text == version.as_str());
        Box::new(if once {
            let published_at = self.time(version.as_str());
            RegistryError::Unpublished { name, version: version.clone(), published_at }
        } else if self.versions.is_empty() && self.times.iter().any(|(key, _)| key == "unpublished") {
            RegistryError::UnpublishedPackage { name }
        } else {
            RegistryError::UnknownVersion { name, version: version.clone(), nearest: self.nearest(version) }
        })
    }

    fn nearest(&self, version: &Version) -> Vec<Version> {
        let mut all: Vec<_> = self.versions.iter().filter_map(|(text, _)| Version::parse(text).ok()).collect();
        all.sort_by(Version::compare_precedence);
        let at = all.partition_point(|other| other.compare_precedence(version).is_lt());
        let (from, to) = (at.saturating_sub(NEAREST), at.saturating_add(NEAREST).min(all.len()));
        all.drain(from..to).collect()
    }

    fn neighbours(&self, version: &Version) -> Neighbours {
        let at = self.time(version.as_str());
        let times = self.all_times();
        let (mut lower, mut higher): (Option<Candidate<'_>>, Option<Candidate<'_>>) = (None, None);
        let (mut earlier, mut later): (Option<Candidate<'_>>, Option<Candidate<'_>>) = (None, None);
        let mut settled: Option<Candidate<'_>> = None;
        for (text, raw) in &self.versions {
            let Ok(other) = Version::parse(text) else { continue };
            if other == *version {
                continue;
            }
            let candidate = Candidate { published_at: times.get(text.as_str()).copied(), version: other, raw };
            let order = candidate.version.compare_precedence(version);
            if order.is_lt() {
                let better = |best: &Candidate<'_>| candidate.version.compare_precedence(&best.version).is_gt();
                if lower.as_ref().is_none_or(better) {
                    lower = Some(candidate.clone());
                }
                let long_ago = at.zip(candidate.published_at).is_some_and(|(at, time)| at - time >= SETTLED);
                if long_ago && settled.as_ref().is_none_or(better) {
                    settled = Some(candidate.clone());
                }
            } else if order.is_gt() {
                let better = |best: &Candidate<'_>| candidate.version.compare_precedence(&best.version).is_lt();
                if higher.as_ref().is_none_or(better) {
                    higher = Some(candidate.clone());
                }
            }
            let (Some(at), Some(time)) = (at, candidate.published_at) else { continue };
            if time < at && earlier.as_ref().is_none_or(|best| best.published_at < Some(time)) {
                earlier = Some(candidate);
            } else if time > at && later.as_ref().is_none_or(|best| best.published_at > Some(time)) {
                later = Some(candidate);
            }
        }
        let finish = |candidate: Option<Candidate<'_>>| candidate.map(Candidate::into_neighbour);
        Neighbours {
            lower: finish(lower),
            higher: finish(higher),
            earlier: finish(earlier),
            later: finish(later),
            settled: finish(settled),
        }
    }

    fn namings(&self, version: &Version) -> Vec<Naming> {
        let times = self.all_times();
        let published = |text: &str| times.get(text).copied();
        let others = self.versions.iter().filter_map(|(text, raw)| {
            Some((Version::parse(text).ok().filter(|other| other != version)?, published(text), *raw))
        });
        namings(version, self.time(version.as_str()), others)
    }

    fn withdrawn(&self) -> Vec<Version> {
        let served: std::collections::HashSet<&str> = self.versions.iter().map(|(text, _)| text.as_str()).collect();
        self.times
            .iter()
            .filter(|(text, _)| !served.contains(text.as_str()))
            .filter_map(|(text, _)| Version::parse(text).ok())
            .take(MAX_WITHDRAWN)
            .collect()
    }

    fn all_times(&self) -> HashMap<&str, i64> {
        self.times.iter().filter_map(|(version, raw)| Some((version.as_str(), parse_rfc3339(&text(raw)?)?))).collect()
    }

    fn time_text(&self, version: &str) -> Option<String> {
        self.times.iter().rev().find(|(text, _)| text == version).and_then(|(_, raw)| text(raw))
    }

    fn time(&self, version: &str) -> Option<i64> {
        parse_rfc3339(&self.time_text(version)?)
    }
}

/// Why a release cannot be taken out of a packument.
#[derive(Debug)]
pub(super) enum ReleaseError {
    Missing(Box<RegistryError>),
    Json(serde_json::Error),
}

#[derive(Clone)]
struct Candidate<'a> {
    version: Version,
    published_at: Option<i64>,
    raw: &'a RawValue,
}

impl Candidate<'_> {
    fn into_neighbour(self) -> Neighbour {
        let manifest = read_json(self.raw.get().as_bytes()).map_or(Value::Null, |read| read.value);
        let claims = Claims::read(&manifest);
        Neighbour {
            version: self.version,
            published_at: self.published_at,
            has_git_head: claims.git_head.is_some(),
            has_provenance: claims.has_provenance,
            publisher: claims.publisher,
        }
    }
}

/// Parses a version's own object.
fn manifest(raw: &RawValue) -> Result<Value, serde_json::Error> {
    if raw.get().len() > MAX_VERSION_LENGTH {
        return Err(serde_json::Error::custom("a version's metadata is too large"));
    }
    // serde_json reads an object with this key as embedded JSON, which no client does.
    if raw.get().contains("$serde_json::private::RawValue") {
        return Err(serde_json::Error::custom("a version's metadata has a reserved key"));
    }
    let manifest = read_json(raw.get().as_bytes())?.value;
    if !manifest.is_object() {
        return Err(serde_json::Error::custom("a version's metadata is not an object"));
    }
    Ok(manifest)
}

fn text(raw: &RawValue) -> Option<String> {
    serde_json::from_str(raw.get()).ok()
}

fn entries(raw: Option<&RawValue>) -> Vec<(String, &RawValue)> {
    raw.and_then(|raw| serde_json::from_str::<Entries<'_>>(raw.get()).ok()).map(|entries| entries.0).unwrap_or_default()
}

#[derive(Default)]
struct Top<'a> {
    name: Option<&'a RawValue>,
    tags: Option<&'a RawValue>,
    versions: Option<Entries<'a>>,
    time: Option<&'a RawValue>,
    repository: Option<&'a RawValue>,
}

impl<'de> Deserialize<'de> for Top<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TopVisitor;

        impl<'de> Visitor<'de> for TopVisitor {
            type Value = Top<'de>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("the metadata of a package")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Top<'de>, A::Error> {
                let mut top = Top::default();
                while let Some(key) = map.next_key::<String>()? {
                    match key.as_str() {
                        "name" => top.name = Some(map.next_value()?),
                        "dist-tags" => top.tags = Some(map.next_value()?),
                        "versions" => top.versions = map.next_value()?,
                        "time" => top.time = Some(map.next_value()?),
                        "repository" => top.repository = Some(map.next_value()?),
                        _ => {
                            map.next_value::<IgnoredAny>()?;
                        }
                    }
                }
                Ok(top)
            }
        }

        deserializer.deserialize_map(TopVisitor)
    }
}

/// The entries of an object, values unparsed.
struct Entries<'a>(Vec<(String, &'a RawValue)>);

impl<'de> Deserialize<'de> for Entries<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct EntriesVisitor;

        impl<'de> Visitor<'de> for EntriesVisitor {
            type Value = Entries<'de>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Entries<'de>, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(Entries(entries))
            }
        }

        deserializer.deserialize_map(EntriesVisitor)
    }
}

#[cfg(test)]
#[path = "packument_tests.rs"]
mod tests;
