//! Named, pure passes over both sides before they are compared once more.
//!
//! A stabilizer removes a difference that cannot change what a file does. Each is listed in [`STABILIZERS`],
//! is idempotent, and its name stands in the ledger wherever it was needed.

mod eol;
pub mod javascript;

use std::fmt;

/// A stabilizer's stable id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum StabilizerId {
    /// Line ends, byte order mark and final newline of text files.
    Eol,
}

impl fmt::Display for StabilizerId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Eol => "eol",
        })
    }
}

type Pass = fn(&[u8]) -> Option<Vec<u8>>;

/// Every stabilizer in the order of application; a pass returns `None` where it does not apply.
const STABILIZERS: [(StabilizerId, Pass); 1] = [(StabilizerId::Eol, eol::stabilize)];

/// Whether the two contents are equal after some stabilizers, and which were needed.
pub fn equal_after(published: &[u8], candidate: &[u8]) -> Option<Vec<StabilizerId>> {
    let (mut published, mut candidate) = (published.to_vec(), candidate.to_vec());
    let mut used = Vec::new();
    for (id, pass) in STABILIZERS {
        let (Some(left), Some(right)) = (pass(&published), pass(&candidate)) else { continue };
        if left != published || right != candidate {
            used.push(id);
        }
        (published, candidate) = (left, right);
        if published == candidate {
            return Some(used);
        }
    }
    None
}
