//! Writes what a registry says about a package.

use serde_json::{Map, Value, json};

use super::calendar::registry_time;
use super::case::{MetadataKind, Quirk};
use crate::package::{Integrity, Sha1Digest};

/// Why a packument cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum PackumentError {
    /// The published tree has no usable manifest.
    #[error("the manifest of `{name}@{version}` is not a JSON object")]
    Manifest {
        /// The package.
        name: String,
        /// The version.
        version: String,
        /// What the parser says.
        #[source]
        source: serde_json::Error,
    },
}

/// What a version document is made of.
#[derive(Debug)]
pub(crate) struct VersionInput<'a> {
    pub(crate) name: &'a str,
    pub(crate) version: &'a str,
    pub(crate) manifest: &'a [u8],
    pub(crate) tarball: &'a [u8],
    pub(crate) tarball_url: &'a str,
    pub(crate) git_head: Option<&'a str>,
    pub(crate) file_count: usize,
    pub(crate) kind: MetadataKind,
    pub(crate) quirk: Option<Quirk>,
    pub(crate) overrides: &'a Map<String, Value>,
}

/// Writes the registry's document for one version: the manifest, npm's own fields, then the overrides.
pub(crate) fn version_document(input: &VersionInput<'_>) -> Result<Map<String, Value>, PackumentError> {
    let manifest: Result<Map<String, Value>, _> = serde_json::from_slice(input.manifest);
    let mut document = manifest.map_err(|source| PackumentError::Manifest {
        name: input.name.to_owned(),
        version: input.version.to_owned(),
        source,
    })?;
    document.insert("_id".to_owned(), json!(format!("{}@{}", input.name, input.version)));
    if input.kind == MetadataKind::Full {
        let person = json!({ "name": "fixture-author", "email": "author@git.example" });
        document.insert("_npmVersion".to_owned(), json!("10.9.2"));
        document.insert("_nodeVersion".to_owned(), json!("22.14.0"));
        document.insert("_npmUser".to_owned(), person.clone());
        document.insert("maintainers".to_owned(), json!([person]));
        if let Some(commit) = input.git_head {
            document.insert("gitHead".to_owned(), json!(commit));
        }
    }
    document.insert("dist".to_owned(), dist(input));
    document.extend(input.overrides.clone());
    Ok(document)
}

fn dist(input: &VersionInput<'_>) -> Value {
    let described: &[u8] = match input.quirk {
        Some(Quirk::DigestMismatch) => b"other bytes",
        _ => input.tarball,
    };
    json!({
        "integrity": Integrity::of(described).to_string(),
        "shasum": Sha1Digest::of(described).to_string(),
        "tarball": input.tarball_url,
        "fileCount": input.file_count,
    })
}

/// Writes the packument from version documents and their times, oldest first.
pub(crate) fn packument(name: &str, kind: MetadataKind, versions: Vec<(Map<String, Value>, i64)>) -> Value {
    /// A mirror reports when it fetched a release, not when that was published.
    const MIRRORED: i64 = 120 * 86_400;
    let moved = |time: i64| registry_time(if kind == MetadataKind::Sparse { time + MIRRORED } else { time });
    let mut times = Map::new();
    let mut documents = Map::new();
    let mut latest = Value::Null;
    if let (Some((_, first)), Some((_, last))) = (versions.first(), versions.last()) {
        times.insert("created".to_owned(), json!(moved(*first)));
        times.insert("modified".to_owned(), json!(moved(*last)));
    }
    for (document, time) in versions {
        // The address decides what a version is called, whatever the manifest in it says.
        let id = document.get("_id").and_then(Value::as_str).unwrap_or_default();
        let version = id.rsplit('@').next().unwrap_or_default().to_owned();
        times.insert(version.clone(), json!(moved(time)));
        latest = json!(version);
        documents.insert(version, Value::Object(document));
    }
    json!({ "_id": name, "name": name, "dist-tags": { "latest": latest }, "versions": documents, "time": times })
}
