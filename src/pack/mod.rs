//! What the ecosystem's packer would have made of a commit, derived without running it.

pub mod npm;
mod tree;

pub use tree::{Node, NodeKind, SourceTree};
