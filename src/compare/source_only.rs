//! What the packer would have included and the artifact lacks.

use crate::artifact::ArtifactContents;
use crate::pack::npm::packlist::select_files;
use crate::package::read_json;
use crate::source::git::SourceRepository;
use crate::source::tree::{AtHand, CommitTree, join};

/// The paths, from the package's directory; `None` where that could not be determined.
pub(super) fn source_only(
    source: &SourceRepository,
    tree: &CommitTree<'_>,
    directory: &str,
    artifact: &ArtifactContents,
) -> Option<Vec<String>> {
    let manifest = tree.file(&join(directory, "package.json"))?;
    let published = artifact.entry("package.json");
    // Equal blobs need no look into the repository.
    let content = match published.filter(|entry| entry.blob == Some(manifest.blob)) {
        Some(_) => artifact.manifest.clone()?,
        None => source.local_blob(manifest.blob)?,
    };
    let manifest = read_json(&content).ok()?.value;
    // This alone is not worth asking a remote for ignore files and workspaces.
    let at_hand = AtHand::new(tree);
    let selection = select_files(&at_hand, directory, &manifest);
    if at_hand.has_missed() || !selection.unavailable.is_empty() || !selection.refusals.is_empty() {
        return None;
    }
    // Both are in path order, so one pass over them together suffices.
    let mut published = artifact.entries.iter().map(|entry| &*entry.path).peekable();
    let mut is_published = |path: &String| {
        while published.next_if(|published| *published < path.as_str()).is_some() {}
        published.peek() == Some(&path.as_str())
    };
    Some(selection.files.into_keys().filter(|path| !is_published(path)).collect())
}
