//! The tree in memory: every hash of complete subtrees, as RFC 6962 defines them.

use tlog_tiles::{Error, Hash, HashReader, Tile, prove_record, prove_tree, stored_hashes_for_record_hash, tree_hash};

const WHOLE: &str = "a tree holds all hashes of its leaves";

/// A Merkle tree. 64 bytes for each leaf.
#[derive(Debug, Default)]
pub(super) struct Tree {
    hashes: Vec<Hash>,
    size: u64,
}

impl HashReader for Tree {
    fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<Hash>, Error> {
        let hash = |index: &u64| self.hashes.get(usize::try_from(*index).ok()?).copied();
        indexes.iter().map(hash).collect::<Option<_>>().ok_or(Error::IndexesNotInTree)
    }
}

impl Tree {
    /// Number of leaves.
    pub(super) fn size(&self) -> u64 {
        self.size
    }

    /// Adds a leaf.
    pub(super) fn push(&mut self, leaf: Hash) {
        let hashes = stored_hashes_for_record_hash(self.size, leaf, self).expect(WHOLE);
        self.hashes.extend(hashes);
        self.size += 1;
    }

    /// The root.
    pub(super) fn root(&self) -> Hash {
        tree_hash(self.size, self).expect(WHOLE)
    }

    /// The hashes of a tile that lies within the tree.
    pub(super) fn tile(&self, tile: &Tile) -> Vec<u8> {
        tile.read_data(self).expect(WHOLE)
    }

    /// The proof that the leaf `index` is in the tree; `None` where there is none.
    pub(super) fn inclusion(&self, index: u64) -> Option<Vec<Hash>> {
        (index < self.size).then(|| prove_record(self.size, index, self).expect(WHOLE))
    }

    /// The proof that the tree goes on from the one with `size` leaves; `None` where there were never so many.
    pub(super) fn consistency(&self, size: u64) -> Option<Vec<Hash>> {
        match size {
            // Everything goes on from nothing.
            0 => Some(Vec::new()),
            size if size > self.size => None,
            size => Some(prove_tree(self.size, size, self).expect(WHOLE)),
        }
    }
}
