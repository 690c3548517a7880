use sha1::Digest as _;

use crate::package::BlobId;

/// How blob ids of published files are computed.
///
/// Plain SHA-1 is four times faster. It suffices where the source host refuses objects that carry the
/// marks of a SHA-1 collision, because then the honest half of a colliding pair can never have entered
/// the repository. For every other host each published file is checked for those marks itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CollisionCheck {
    /// The source host refuses colliding objects.
    ByHost,
    /// Every published file is checked here.
    EveryFile,
}

/// Computes a git blob id over content that arrives in pieces.
#[derive(Debug)]
pub struct BlobHasher(Algorithm);

#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "one hasher lives at a time, on the stack, in the hot loop")]
enum Algorithm {
    Plain(sha1::Sha1),
    Detecting(sha1_checked::Sha1),
}

impl BlobHasher {
    /// Starts the id of a blob of `size` bytes.
    pub fn new(check: CollisionCheck, size: u64) -> Self {
        let mut hasher = Self(match check {
            CollisionCheck::ByHost => Algorithm::Plain(sha1::Sha1::new()),
            CollisionCheck::EveryFile => Algorithm::Detecting(sha1_checked::Sha1::new()),
        });
        hasher.update(format!("blob {size}\0").as_bytes());
        hasher
    }

    /// Feeds the next piece.
    pub fn update(&mut self, bytes: &[u8]) {
        match &mut self.0 {
            Algorithm::Plain(hasher) => hasher.update(bytes),
            Algorithm::Detecting(hasher) => sha1_checked::Digest::update(hasher, bytes),
        }
    }

    /// Returns the id; `None` where the content carries the marks of a SHA-1 collision.
    pub fn finish(self) -> Option<BlobId> {
        match self.0 {
            Algorithm::Plain(hasher) => Some(BlobId(hasher.finalize().into())),
            Algorithm::Detecting(hasher) => {
                let result = hasher.try_finalize();
                let mut id = [0; 20];
                id.copy_from_slice(result.hash());
                (!result.has_collision()).then_some(BlobId(id))
            }
        }
    }

    /// The id of a blob that is wholly in memory.
    pub fn hash(check: CollisionCheck, content: &[u8]) -> Option<BlobId> {
        let mut hasher = Self::new(check, content.len() as u64);
        hasher.update(content);
        hasher.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ways_agree_with_git() {
        // `printf 'hello\n' | git hash-object --stdin`
        let expected = BlobId::parse("ce013625030ba8dba906f756967f9e9ca394464a").unwrap();
        assert_eq!(BlobHasher::hash(CollisionCheck::ByHost, b"hello\n"), Some(expected));
        assert_eq!(BlobHasher::hash(CollisionCheck::EveryFile, b"hello\n"), Some(expected));
    }
}
