//! Our own packer: npm's choice of files over what a build left, read out of the sandbox and packed as npm packs.
//!
//! Everything read is hostile. Nothing is followed: a link is never packed, a pipe or a device is a failure. Sizes are
//! those of the work area, which nothing changes any more, and their sum is bounded.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use serde_json::Value;
use tarproof_sandbox::{Entry, EntryKind, SandboxError, Session, WalkLimits};

use super::{Failure, FailureKind};
use crate::pack::npm::archive::{ArchiveError, BLOCK, END_OF_ARCHIVE, Member, gzip_to, member_header, packing_order};
use crate::pack::npm::packlist::{SelectedFile, select_files};
use crate::pack::{Node, NodeKind, SourceTree};
use crate::package::without_byte_order_mark;
use crate::rebuild::Plan;
use crate::source::tree::join;

/// How much of the work area is looked at.
const WALK: WalkLimits = WalkLimits { entries: 400_000, depth: 100 };
/// Largest ignore file or manifest that is read.
const MAX_READ: u64 = 4 << 20;

/// Packs the package in `directory` of the work area into a file; no more than `limit` bytes of content.
pub(super) fn pack(session: &Session, plan: &Plan, output: &Path, limit: u64) -> Result<(), Failure> {
    let tree = WorkTree::read(session, plan.source_directory())?;
    let directory = plan.pack.place();
    let nothing = |detail: String| Failure::new(FailureKind::NothingProduced, detail);
    let manifest = join(directory, "package.json");
    let content = tree.open(&manifest, MAX_READ)?;
    let document: Value = serde_json::from_slice(without_byte_order_mark(&content))
        .map_err(|error| nothing(format!("`{}` cannot be read: {error}", manifest.escape_debug())))?;
    let selection = select_files(&tree, directory, &document);
    if let Some(refusal) = selection.refusals.first() {
        return Err(nothing(format!("npm would not pack this: {refusal:?}")));
    }
    let mut files: Vec<(&String, &SelectedFile)> = selection.files.iter().collect();
    files.sort_by_cached_key(|(path, _)| packing_order(path));
    let write = |error: io::Error| nothing(format!("the archive cannot be written: {error}"));
    std::fs::create_dir_all(output.parent().unwrap_or(Path::new(""))).map_err(write)?;
    let mut archive = gzip_to(io::BufWriter::new(File::create(output).map_err(write)?));
    let mut left = limit;
    for (path, selected) in files {
        let inside = join(directory, path);
        let content = tree.file(&inside)?;
        let size = tree.sizes.get(&inside).copied().unwrap_or_default();
        left = left.checked_sub(size).ok_or_else(|| {
            let detail = format!("what would be packed has more than {limit} bytes");
            Failure::new(FailureKind::BuildLimit, detail)
        })?;
        let mode = if selected.executable { 0o755 } else { 0o644 };
        match append(&mut archive, &format!("package/{path}"), Member::File { mode, size }, content) {
            Ok(()) => {}
            Err(ArchiveError::Write(error)) => return Err(write(error)),
            Err(error) => return Err(nothing(error.to_string())),
        }
    }
    archive.write_all(&END_OF_ARCHIVE).map_err(write)?;
    archive.finish().and_then(|mut file| file.flush()).map_err(write)
}

fn append(archive: &mut impl Write, name: &str, member: Member<'_>, content: impl Read) -> Result<(), ArchiveError> {
    archive.write_all(&member_header(name, member)?)?;
    let Member::File { size, .. } = member else { return Ok(()) };
    let written = io::copy(&mut content.take(size), archive)?;
    if written != size {
        return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
    }
    let padding = size.next_multiple_of(BLOCK as u64) - size;
    archive.write_all(&[0; BLOCK][..padding as usize])?;
    Ok(())
}

/// The work area as a tree, listed once.
struct WorkTree<'s> {
    session: &'s Session,
    /// Where it lies inside.
    source: PathBuf,
    directories: BTreeMap<String, Vec<Node>>,
    sizes: BTreeMap<String, u64>,
}

impl<'s> WorkTree<'s> {
    fn read(session: &'s Session, source: String) -> Result<Self, Failure> {
        let source = PathBuf::from(source);
        let entries = session.walk(&source, WALK).map_err(unwalkable)?;
        let (mut directories, mut sizes) = (BTreeMap::<String, Vec<Node>>::new(), BTreeMap::new());
        for Entry { path, kind, size, mode } in entries {
            // npm's own name for what is not UTF-8 is another one; no such file is packed.
            let Some(path) = path.to_str() else { continue };
            let kind = match kind {
                EntryKind::Directory => NodeKind::Directory,
                EntryKind::Link => NodeKind::Symlink,
                // What is none of these and would be packed all the same is refused when it is opened.
                _ => NodeKind::File { executable: mode & 0o111 != 0 },
            };
            let (parent, name) = path.rsplit_once('/').unwrap_or(("", path));
            directories.entry(parent.to_owned()).or_default().push(Node { name: name.to_owned(), kind });
            sizes.insert(path.to_owned(), size);
        }
        for nodes in directories.values_mut() {
            nodes.sort_by(|one, other| one.name.cmp(&other.name));
        }
        Ok(Self { session, source, directories, sizes })
    }

    fn file(&self, path: &str) -> Result<File, Failure> {
        self.session.open_file(&self.source.join(path)).map_err(|error| refused(path, error))
    }

    fn open(&self, path: &str, limit: u64) -> Result<Vec<u8>, Failure> {
        self.session.read(&self.source.join(path), limit).map_err(|error| refused(path, error))
    }
}

impl SourceTree for WorkTree<'_> {
    fn list(&self, directory: &str) -> Vec<Node> {
        self.directories.get(directory).cloned().unwrap_or_default()
    }

    fn read(&self, path: &str) -> Option<Vec<u8>> {
        self.open(path, MAX_READ).ok()
    }
}

/// Why no packer can be blamed for a tree that it did not come through, if the tree is to blame.
pub(super) fn too_large(session: &Session, plan: &Plan) -> Option<Failure> {
    match session.walk(Path::new(&plan.source_directory()), WALK) {
        Err(error @ SandboxError::TooLarge { .. }) => Some(unwalkable(error)),
        _ => None,
    }
}

fn unwalkable(error: SandboxError) -> Failure {
    let detail = match error {
        SandboxError::TooLarge { limit, .. } if limit == WALK.depth as u64 => {
            format!("the build left folders more than {limit} levels deep")
        }
        SandboxError::TooLarge { limit, .. } => format!("the build left more than {limit} files and folders"),
        error => return error.into(),
    };
    Failure::new(FailureKind::BuildLimit, detail)
}

fn refused(path: &str, error: SandboxError) -> Failure {
    match error {
        SandboxError::NotRegular { kind, .. } => {
            let detail = format!("the build left `{}`, which is {kind}, not a file", path.escape_debug());
            Failure::new(FailureKind::NothingProduced, detail)
        }
        error => Failure { kind: FailureKind::NothingProduced, ..Failure::from(error) },
    }
}
