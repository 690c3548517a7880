//! Proofs that need no log: that an entry is in it, and that it goes on from where it was.
//!
//! An inclusion proof is a <https://c2sp.org/tlog-proof>; a consistency proof has the form in which
//! <https://c2sp.org/tlog-witness> asks for it, so that it can be sent to a witness as it is.

use tlog_tiles::{EMPTY_HASH, Hash, check_record, check_tree};

use super::checkpoint::{CheckpointError, MAX_CHECKPOINT_BYTES, TreeHead, UnverifiedCheckpoint};
use super::entry::Entry;
use super::key::{LogKey, Origin};

/// First line of an inclusion proof.
const INCLUSION: &str = "c2sp.org/tlog-proof@v1";
/// First word of a consistency proof.
const CONSISTENCY: &str = "old ";
/// No tree is higher.
const MAX_HASHES: usize = 64;
/// Largest proof, bytes: the checkpoint, the hashes, and what somebody may have added.
pub const MAX_PROOF_BYTES: usize = 2 * MAX_CHECKPOINT_BYTES;

/// A proof as it was read.
#[derive(Debug, PartialEq)]
pub enum Proof {
    /// That an entry is in the log.
    Inclusion(InclusionProof),
    /// That the log goes on from an older checkpoint.
    Consistency(ConsistencyProof),
}

/// That an entry is in a log.
#[derive(Debug, PartialEq)]
pub struct InclusionProof {
    /// Where the entry is.
    pub index: u64,
    /// The siblings on the way from the leaf to the root.
    pub hashes: Vec<Hash>,
    /// The log that the entry is in.
    pub checkpoint: UnverifiedCheckpoint,
}

/// That a log goes on from where it was.
#[derive(Debug, PartialEq)]
pub struct ConsistencyProof {
    /// How many entries it had.
    pub old_size: u64,
    /// The hashes of RFC 6962, section 2.1.2.
    pub hashes: Vec<Hash>,
    /// The log as it is now.
    pub checkpoint: UnverifiedCheckpoint,
}

/// Why a proof proves nothing.
#[derive(Debug, thiserror::Error)]
pub enum LogProofError {
    /// More text than any proof has.
    #[error("it is larger than {MAX_PROOF_BYTES} bytes, so it is no proof")]
    TooLarge,
    /// Another format.
    #[error("it is no proof: expected `{INCLUSION}` or `{CONSISTENCY}SIZE`, hashes, an empty line, and a checkpoint")]
    Malformed,
    /// Its checkpoint proves nothing.
    #[error("its checkpoint is of no use: {0}")]
    Checkpoint(#[from] CheckpointError),
    /// The statement is another one, or the hashes lead to another root.
    #[error("it does not prove that the statement is entry {index} of the log")]
    NotIncluded {
        /// The index that it states.
        index: u64,
    },
    /// Two logs.
    #[error("the older checkpoint is of another log, `{older}`, not of `{newer}`")]
    OtherOrigin {
        /// The older one's name.
        older: Origin,
        /// The newer one's name.
        newer: Origin,
    },
    /// Entries are gone.
    #[error("the older checkpoint is of size {older}, the newer one only of size {newer}")]
    Shrunk {
        /// So many there were.
        older: u64,
        /// So many there are.
        newer: u64,
    },
    /// It goes on from another size than the checkpoint given has.
    #[error("it goes on from size {stated}, and the older checkpoint is of size {older}")]
    OtherSize {
        /// The size that it states.
        stated: u64,
        /// The checkpoint's.
        older: u64,
    },
    /// Entries are others.
    #[error("it does not begin with what the older checkpoint, of size {0}, had: the log was rewritten")]
    NotConsistent(u64),
}

impl Proof {
    /// Reads a proof. Nothing of it is to be believed.
    pub fn read(bytes: &[u8]) -> Result<Self, LogProofError> {
        if bytes.len() > MAX_PROOF_BYTES {
            return Err(LogProofError::TooLarge);
        }
        let text = str::from_utf8(bytes).map_err(|_| LogProofError::Malformed)?;
        let (head, checkpoint) = text.split_once("\n\n").ok_or(LogProofError::Malformed)?;
        let mut lines = head.split('\n').peekable();
        let first = lines.next().unwrap_or_default();
        let old_size = first.strip_prefix(CONSISTENCY);
        let number = match old_size {
            Some(size) => Some(size),
            None if first == INCLUSION => {
                // Added by whoever made the proof; nothing vouches for it.
                lines.next_if(|line| line.starts_with("extra "));
                lines.next().and_then(|line| line.strip_prefix("index "))
            }
            None => None,
        };
        let number = number.and_then(decimal).ok_or(LogProofError::Malformed)?;
        let mut hashes = Vec::new();
        for line in lines {
            if hashes.len() == MAX_HASHES {
                return Err(LogProofError::Malformed);
            }
            hashes.push(Hash::parse_hash(line).map_err(|_| LogProofError::Malformed)?);
        }
        let checkpoint = UnverifiedCheckpoint::read(checkpoint.as_bytes())?;
        Ok(match old_size {
            Some(_) => Self::Consistency(ConsistencyProof { old_size: number, hashes, checkpoint }),
            None => Self::Inclusion(InclusionProof { index: number, hashes, checkpoint }),
        })
    }
}

/// A number without leading zeros and signs.
fn decimal(text: &str) -> Option<u64> {
    text.parse::<u64>().ok().filter(|number| number.to_string() == text)
}

fn written(head: &str, hashes: &[Hash], checkpoint: &UnverifiedCheckpoint) -> String {
    let hashes: String = hashes.iter().map(|hash| format!("{hash}\n")).collect();
    format!("{head}\n{hashes}\n{}", checkpoint.to_text())
}

impl InclusionProof {
    /// The proof as it is written.
    pub fn to_text(&self) -> String {
        written(&format!("{INCLUSION}\nindex {}", self.index), &self.hashes, &self.checkpoint)
    }

    /// Proves that `entry` is in the log of `key`; the tree head it is in.
    pub fn prove(&self, entry: &Entry, key: &LogKey) -> Result<TreeHead, LogProofError> {
        let head = self.checkpoint.prove(key)?;
        check_record(&self.hashes, head.size, head.root, self.index, entry.leaf())
            .map_err(|_| LogProofError::NotIncluded { index: self.index })?;
        Ok(head)
    }
}

impl ConsistencyProof {
    /// The proof as it is written.
    pub fn to_text(&self) -> String {
        written(&format!("{CONSISTENCY}{}", self.old_size), &self.hashes, &self.checkpoint)
    }

    /// Proves that the log of `key` goes on from `older`, which is proven already; the newer tree head.
    pub fn prove(&self, older: &TreeHead, key: &LogKey) -> Result<TreeHead, LogProofError> {
        let head = self.checkpoint.prove(key)?;
        if self.old_size != older.size {
            return Err(LogProofError::OtherSize { stated: self.old_size, older: older.size });
        }
        check_extends(older, &head, &self.hashes)?;
        Ok(head)
    }
}

/// Whether `newer` goes on from `older`, by a consistency proof.
pub(super) fn check_extends(older: &TreeHead, newer: &TreeHead, hashes: &[Hash]) -> Result<(), LogProofError> {
    if older.origin != newer.origin {
        return Err(LogProofError::OtherOrigin { older: older.origin.clone(), newer: newer.origin.clone() });
    }
    if older.size > newer.size {
        return Err(LogProofError::Shrunk { older: older.size, newer: newer.size });
    }
    let consistent = match older.size {
        // RFC 6962 has no proof from the empty tree, since there is nothing to prove.
        0 => older.root == EMPTY_HASH && hashes.is_empty() && (newer.size > 0 || newer.root == EMPTY_HASH),
        size => check_tree(&hashes.to_vec(), newer.size, newer.root, size, older.root).is_ok(),
    };
    if consistent { Ok(()) } else { Err(LogProofError::NotConsistent(older.size)) }
}
