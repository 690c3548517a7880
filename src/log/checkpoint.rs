//! Checkpoints: signed tree heads, as <https://c2sp.org/tlog-checkpoint> has them.

use signed_note::{Note, NoteError, Signature, VerifierList};
use tlog_tiles::{Checkpoint, Hash};

use super::key::{LogKey, LogSigner, Origin, OriginError};
use crate::report::printable::is_hidden;

/// Largest checkpoint, bytes: room for some hundred witnesses' signatures.
pub const MAX_CHECKPOINT_BYTES: usize = 64 * 1024;

/// What a checkpoint says: so many entries, with this root.
#[derive(Debug, Clone, PartialEq)]
pub struct TreeHead {
    /// Which log.
    pub origin: Origin,
    /// Number of entries.
    pub size: u64,
    /// The root of the tree over them.
    pub root: Hash,
}

/// A checkpoint as it was read: somebody's word.
#[derive(Debug, PartialEq)]
pub struct UnverifiedCheckpoint {
    note: Note,
    head: TreeHead,
}

/// Why a checkpoint says nothing.
#[derive(Debug, thiserror::Error)]
pub enum CheckpointError {
    /// More text than any checkpoint has.
    #[error("it is larger than {MAX_CHECKPOINT_BYTES} bytes, so it is no checkpoint")]
    TooLarge,
    /// Another format.
    #[error("it is no signed checkpoint: expected a name, a size and a root, an empty line, and signatures")]
    Malformed,
    /// A name that could mislead.
    #[error(transparent)]
    Origin(#[from] OriginError),
    /// Signed by others.
    #[error("it is not signed by the key given (`{expected}`)")]
    UnknownKey {
        /// The key given, as it would be named.
        expected: String,
    },
    /// The key is named, and the signature is not its own.
    #[error("the signature of `{key}` does not fit the checkpoint")]
    WrongSignature {
        /// The key.
        key: String,
    },
}

impl UnverifiedCheckpoint {
    /// Reads a checkpoint. Nothing of it is to be believed.
    pub fn read(bytes: &[u8]) -> Result<Self, CheckpointError> {
        if bytes.len() > MAX_CHECKPOINT_BYTES {
            return Err(CheckpointError::TooLarge);
        }
        let text = str::from_utf8(bytes).map_err(|_| CheckpointError::Malformed)?;
        // It is shown and handed on as it is.
        if text.chars().any(|character| character != '\n' && is_hidden(character)) {
            return Err(CheckpointError::Malformed);
        }
        let note = Note::from_bytes(bytes).map_err(|_| CheckpointError::Malformed)?;
        let checkpoint = Checkpoint::from_bytes(note.text()).map_err(|_| CheckpointError::Malformed)?;
        if note.to_bytes() != bytes {
            return Err(CheckpointError::Malformed);
        }
        let origin = checkpoint.origin().parse()?;
        Ok(Self { head: TreeHead { origin, size: checkpoint.size(), root: *checkpoint.hash() }, note })
    }

    /// What it says, on nobody's word.
    pub fn claimed(&self) -> &TreeHead {
        &self.head
    }

    /// Proves that the log's key signed it. Signatures by others are ignored.
    pub fn prove(&self, key: &LogKey) -> Result<TreeHead, CheckpointError> {
        let origin = &self.head.origin;
        let named = || format!("{origin}+{:08x}", key.id(origin));
        match self.note.verify(&VerifierList::new(vec![Box::new(key.verifier(origin))])) {
            Ok(_) => Ok(self.head.clone()),
            Err(NoteError::UnverifiedNote) => Err(CheckpointError::UnknownKey { expected: named() }),
            Err(NoteError::InvalidSignature { .. }) => Err(CheckpointError::WrongSignature { key: named() }),
            Err(_) => Err(CheckpointError::Malformed),
        }
    }

    /// The checkpoint as it was read, with all signatures.
    pub fn to_text(&self) -> String {
        String::from_utf8(self.note.to_bytes()).expect("a note is UTF-8")
    }
}

impl TreeHead {
    /// Signs it. Ed25519 is deterministic: one tree head has one checkpoint.
    pub(super) fn sign(&self, signer: &LogSigner) -> UnverifiedCheckpoint {
        let Self { origin, size, root } = self;
        let checkpoint = Checkpoint::new(origin.as_str(), *size, *root, "").expect("a name is not empty");
        let text = checkpoint.to_bytes();
        let signature = Signature::new(origin.to_string(), signer.key().id(origin), signer.sign(&text));
        let signature = signature.expect("the name of a log is one of a key");
        let note = Note::new(&text, &[signature]).expect("a checkpoint is short text");
        UnverifiedCheckpoint { note, head: self.clone() }
    }
}

#[cfg(test)]
mod tests {
    use signed_note::{StandardVerifier, Verifier as _};
    use tlog_tiles::EMPTY_HASH;

    use super::super::tests::signer;
    use super::*;

    fn head() -> TreeHead {
        TreeHead { origin: "log.example/a".parse().unwrap(), size: 0, root: EMPTY_HASH }
    }

    #[test]
    fn a_checkpoint_is_proven_by_its_key_alone() {
        let (signer, other) = (signer(), signer());
        let text = head().sign(&signer).to_text();
        assert_eq!(text, head().sign(&signer).to_text(), "deterministic");
        let read = UnverifiedCheckpoint::read(text.as_bytes()).unwrap();
        assert_eq!(read.prove(signer.key()).unwrap(), head());
        assert!(matches!(read.prove(other.key()), Err(CheckpointError::UnknownKey { .. })));
        // A witness' signature beside it changes nothing.
        let second = head().sign(&other).to_text();
        let both = format!("{text}{}\n", second.lines().last().unwrap());
        assert_eq!(UnverifiedCheckpoint::read(both.as_bytes()).unwrap().prove(signer.key()).unwrap(), head());
    }

    #[test]
    fn other_programs_verify_it_by_the_key_as_they_write_it() {
        let signer = signer();
        let verifier = StandardVerifier::new(&signer.key().verifier_key(&head().origin)).unwrap();
        let checkpoint = head().sign(&signer);
        let verified = checkpoint.note.verify(&VerifierList::new(vec![Box::new(verifier.clone())])).unwrap();
        assert_eq!((verified.0[0].name(), verified.0[0].id()), ("log.example/a", verifier.key_id()));
    }

    #[test]
    fn every_changed_byte_is_found() {
        let signer = signer();
        let text = head().sign(&signer).to_text().into_bytes();
        for position in 0..text.len() {
            for change in [1, 2, 0x20, 0x80] {
                let mut changed = text.clone();
                changed[position] ^= change;
                let proven = UnverifiedCheckpoint::read(&changed).and_then(|checkpoint| checkpoint.prove(signer.key()));
                assert!(proven.is_err(), "{position} {change}");
            }
        }
    }

    #[test]
    fn what_is_no_checkpoint_is_refused() {
        let whole = head().sign(&signer()).to_text();
        let long = "a".repeat(MAX_CHECKPOINT_BYTES + 1);
        let hidden = whole.replace("log.example", "log\u{202e}.example");
        let spaced = whole.replace("log.example", "log .example");
        let padded = whole.replacen("\n0\n", "\n00\n", 1);
        let (unsigned, _) = whole.split_once("\n\n").unwrap();
        for text in ["", "\n\n", "a\n0\n", unsigned, &long, &hidden, &spaced, &padded, whole.trim_end()] {
            assert!(UnverifiedCheckpoint::read(text.as_bytes()).is_err(), "{text}");
        }
    }
}
