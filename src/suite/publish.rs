//! Writes a draft and what the registry says about it.

use std::collections::HashMap;

use serde_json::{Map, Value};

use super::archive::write_tarball;
use super::draft::{Draft, DraftWorld};
use crate::demo::{
    BuiltRelease, MetadataKind, PackumentError, Served, TarballError, VersionInput, packument, version_document,
};

/// Why a draft cannot be published.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// The archive cannot be written.
    #[error(transparent)]
    Tarball(#[from] TarballError),
    /// The registry's document cannot be written.
    #[error(transparent)]
    Packument(#[from] PackumentError),
}

/// Where a draft is published.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shelf<'a> {
    /// The registry's address, with a final slash.
    pub(super) registry: &'a str,
    /// The path below it that stands for a registry of its own, with a final slash.
    pub(super) prefix: &'a str,
}

/// Adds the draft's packument and archive to what is served, in the place of `honest` among its neighbours.
pub(super) fn publish(
    draft: &Draft,
    world: &DraftWorld,
    git_head: Option<&str>,
    honest: &BuiltRelease,
    neighbours: &[&BuiltRelease],
    shelf: Shelf<'_>,
    answers: &mut HashMap<String, Served>,
) -> Result<(), PublishError> {
    let tarball = write_tarball(draft)?;
    let base_name = draft.name.rsplit('/').next().unwrap_or(&draft.name);
    let path = format!("{}{}/-/{base_name}-{}.tgz", shelf.prefix, draft.name, draft.version);
    let manifest = draft.file("package.json").map_or(&b""[..], |file| &file.content);
    let document = version_document(&VersionInput {
        name: &draft.name,
        version: &draft.version,
        manifest: world.stated_manifest.as_deref().unwrap_or(manifest),
        tarball: &tarball,
        tarball_url: &format!("{}{path}", shelf.registry),
        git_head,
        file_count: draft.members.len(),
        kind: MetadataKind::Full,
        quirk: None,
        overrides: &world.metadata,
    })?;
    let mut versions: Vec<(Map<String, Value>, i64)> = Vec::new();
    for neighbour in neighbours {
        if neighbour.version != draft.version {
            versions.push((neighbour.document.clone(), neighbour.published_at));
        }
    }
    versions.push((document, honest.published_at));
    versions.sort_by_key(|(_, time)| *time);
    let document = packument(&draft.name, MetadataKind::Full, versions);
    answers.insert(format!("{}{}", shelf.prefix, draft.name), Served::whole("application/json", document.to_string()));
    answers.insert(path, Served::whole("application/octet-stream", tarball));
    Ok(())
}
