//! What several fuzz targets share: a tree in memory, built from the fuzzer's bytes.

use std::collections::BTreeMap;

use tarproof::pack::{Node, NodeKind, SourceTree};

/// More files make a run slower, not more interesting.
const MAXIMUM_FILES: usize = 200;

/// A tree of files in memory.
#[derive(Debug, Default)]
pub struct MemoryTree {
    directories: BTreeMap<String, BTreeMap<String, NodeKind>>,
    contents: BTreeMap<String, Vec<u8>>,
}

impl MemoryTree {
    /// Reads files out of `data`: each ends in NUL, and its first line is its path.
    ///
    /// A path that ends in `@` is a symbolic link, in `*` executable, in `%` a submodule. A path through a file, or one
    /// that git would not store, is left out.
    pub fn from_bytes(data: &[u8]) -> Self {
        let mut tree = Self::default();
        for file in data.split(|&byte| byte == 0).take(MAXIMUM_FILES) {
            let mut parts = file.splitn(2, |&byte| byte == b'\n');
            let path = String::from_utf8_lossy(parts.next().unwrap_or_default()).into_owned();
            let (path, kind) = match path.chars().last() {
                Some('@') => (&path[..path.len() - 1], NodeKind::Symlink),
                Some('*') => (&path[..path.len() - 1], NodeKind::File { executable: true }),
                Some('%') => (&path[..path.len() - 1], NodeKind::Submodule),
                _ => (path.as_str(), NodeKind::File { executable: false }),
            };
            tree.add(path, kind, parts.next().unwrap_or_default());
        }
        tree
    }

    fn add(&mut self, path: &str, kind: NodeKind, content: &[u8]) {
        let stored = |part: &str| !matches!(part, "" | "." | "..") && !part.eq_ignore_ascii_case(".git");
        if self.contents.contains_key(path) || self.directories.contains_key(path) || !path.split('/').all(stored) {
            return;
        }
        let above = path.match_indices('/').map(|(end, _)| &path[..end]);
        if above.clone().any(|directory| self.contents.contains_key(directory)) {
            return;
        }
        let (mut child, mut child_kind) = (path, kind);
        loop {
            let (directory, name) = child.rsplit_once('/').unwrap_or(("", child));
            self.directories.entry(directory.to_owned()).or_default().insert(name.to_owned(), child_kind);
            if directory.is_empty() {
                break;
            }
            (child, child_kind) = (directory, NodeKind::Directory);
        }
        self.contents.insert(path.to_owned(), content.to_vec());
    }

    /// Paths of everything that is not a directory.
    pub fn paths(&self) -> impl Iterator<Item = &str> {
        self.contents.keys().map(String::as_str)
    }

    /// What is at `path`, directories apart.
    pub fn kind(&self, path: &str) -> Option<NodeKind> {
        let (directory, name) = path.rsplit_once('/').unwrap_or(("", path));
        self.directories.get(directory)?.get(name).copied()
    }
}

impl SourceTree for MemoryTree {
    fn list(&self, directory: &str) -> Vec<Node> {
        let children = self.directories.get(directory).into_iter().flatten();
        children.map(|(name, &kind)| Node { name: name.clone(), kind }).collect()
    }

    fn read(&self, path: &str) -> Option<Vec<u8>> {
        self.contents.get(path).cloned()
    }
}

/// Splits at the first NUL; the second part is empty where there is none.
pub fn split_at_nul(data: &[u8]) -> (&[u8], &[u8]) {
    match data.iter().position(|&byte| byte == 0) {
        Some(position) => (&data[..position], &data[position + 1..]),
        None => (data, &[]),
    }
}

/// Lets panics of the JavaScript parser unwind instead of ending the fuzzer.
///
/// The parser asserts invariants of its own in debug builds that some invalid texts break. It runs on a thread of its
/// own, and a panic there counts as a text that was not read.
pub fn let_parser_panics_unwind() {
    let abort = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if !panic.location().is_some_and(|location| location.file().contains("oxc_parser")) {
            abort(panic);
        }
    }));
}
