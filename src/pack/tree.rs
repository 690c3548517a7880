/// What a name in a directory of the source tree is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NodeKind {
    /// A regular file.
    File {
        /// Whether git records it as executable.
        executable: bool,
    },
    /// A directory.
    Directory,
    /// A symbolic link; packers skip it or follow it, we never follow.
    Symlink,
    /// A submodule's commit, whose content is not part of this repository.
    Submodule,
}

/// One child of a directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// File name without any slash. Names that are not UTF-8 are left out by the tree.
    pub name: String,
    /// What it is.
    pub kind: NodeKind,
}

/// A read-only tree of files, as it would be checked out from one commit.
///
/// Paths are relative to the repository root, with `/`, without leading or trailing slash; `""` is the root.
pub trait SourceTree {
    /// The children of `directory` in name order; empty where it does not exist or is not a directory.
    fn list(&self, directory: &str) -> Vec<Node>;

    /// The content of the file at `path`; `None` where there is none or its blob is not at hand.
    fn read(&self, path: &str) -> Option<Vec<u8>>;
}
