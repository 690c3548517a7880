//! Ledgers, reports and statements, compressed, named by the SHA-256 of their content.

mod outside;
mod rows;

use std::io::Read as _;
use std::sync::{Mutex, PoisonError};

use flate2::read::GzDecoder;
use flate2::{Compress, Compression, FlushCompress, Status};
use sqlx::{AnyConnection, AnyPool};

use self::outside::Outside;
use super::{ObjectsAddress, StoreError};
use crate::package::Sha256Digest;

/// Most bytes of an object's content; the JSON report of the largest artifact is far below.
pub(super) const MAX_CONTENT: u64 = 512 << 20;

/// Compressors that nobody uses at the moment. One is 300 KiB, more than most contents: making it takes longer than using
/// it.
static IDLE: Mutex<Vec<Compress>> = Mutex::new(Vec::new());

/// Something to keep, compressed already.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Object {
    /// SHA-256 of the content.
    pub digest: Sha256Digest,
    /// The content as one gzip member.
    pub bytes: Vec<u8>,
}

impl Object {
    /// Compresses `content`.
    pub fn of(content: &[u8]) -> Self {
        Self { digest: Sha256Digest::of(content), bytes: compressed(content) }
    }

    /// The content, if it is what the digest says.
    pub fn content(&self) -> Result<Vec<u8>, StoreError> {
        let damaged = |reason: String| StoreError::Damaged { digest: self.digest, reason };
        let mut content = Vec::new();
        let mut decoder = GzDecoder::new(self.bytes.as_slice()).take(MAX_CONTENT + 1);
        decoder.read_to_end(&mut content).map_err(|error| damaged(error.to_string()))?;
        if content.len() as u64 > MAX_CONTENT {
            return Err(damaged(format!("it holds more than {MAX_CONTENT} bytes")));
        }
        match Sha256Digest::of(&content) {
            digest if digest == self.digest => Ok(content),
            digest => Err(damaged(format!("its content is {digest}"))),
        }
    }
}

/// One gzip member.
fn compressed(content: &[u8]) -> Vec<u8> {
    let idle = || IDLE.lock().unwrap_or_else(PoisonError::into_inner);
    let used = idle().pop();
    let mut compressor = used.unwrap_or_else(|| Compress::new_gzip(Compression::fast(), 15));
    compressor.reset();
    let step = content.len() / 4 + 64;
    let mut bytes = Vec::with_capacity(step);
    loop {
        let read = usize::try_from(compressor.total_in()).unwrap_or(usize::MAX);
        let rest = content.get(read..).unwrap_or_default();
        match compressor.compress_vec(rest, &mut bytes, FlushCompress::Finish) {
            Ok(Status::Ok | Status::BufError) => bytes.reserve(step),
            // It fails only where a member that was finished is gone on with.
            Ok(Status::StreamEnd) | Err(_) => break,
        }
    }
    idle().push(compressor);
    bytes
}

/// The place of a store's objects; cheap to clone.
#[derive(Debug, Clone)]
pub struct Objects(Place);

#[derive(Debug, Clone)]
enum Place {
    /// Rows beside those that name them: what is kept with a result becomes lasting with it, at once.
    Database(AnyPool),
    Outside(Outside),
}

impl Objects {
    /// Opens the place; a folder is made where there is none.
    pub(super) fn open(address: &ObjectsAddress, pool: &AnyPool) -> Result<Self, StoreError> {
        Ok(Self(match address {
            ObjectsAddress::Database => Place::Database(pool.clone()),
            ObjectsAddress::Folder(path) => Place::Outside(Outside::folder(path)?),
            ObjectsAddress::Bucket(url) => Place::Outside(Outside::bucket(url)?),
        }))
    }

    /// Keeps objects, lastingly when this ends; those that are there already are written once more, which changes nothing
    /// but what was damaged.
    pub async fn put(&self, objects: impl IntoIterator<Item = Object>) -> Result<(), StoreError> {
        match &self.0 {
            Place::Database(pool) => {
                let mut transaction = pool.begin().await?;
                rows::put(&mut transaction, objects).await?;
                Ok(transaction.commit().await?)
            }
            Place::Outside(outside) => outside.put(objects).await,
        }
    }

    /// As `put`, inside the transaction of `connection` where they are rows.
    pub(super) async fn put_within(
        &self,
        connection: &mut AnyConnection,
        objects: impl IntoIterator<Item = Object>,
    ) -> Result<(), StoreError> {
        match &self.0 {
            Place::Database(_) => rows::put(connection, objects).await,
            Place::Outside(outside) => outside.put(objects).await,
        }
    }

    /// Reads an object, unproven; `None` where there is none.
    pub async fn get(&self, digest: Sha256Digest) -> Result<Option<Object>, StoreError> {
        match &self.0 {
            Place::Database(pool) => rows::get(&mut *pool.acquire().await?, digest).await,
            Place::Outside(outside) => outside.get(digest).await,
        }
    }

    /// Whether an object is there, whatever it holds.
    pub(super) async fn has(&self, digest: Sha256Digest) -> Result<bool, StoreError> {
        match &self.0 {
            Place::Database(pool) => rows::has(&mut *pool.acquire().await?, digest).await,
            Place::Outside(outside) => outside.has(digest).await,
        }
    }

    /// The digests of all objects that are there.
    pub async fn list(&self) -> Result<Vec<Sha256Digest>, StoreError> {
        match &self.0 {
            Place::Database(pool) => rows::list(&mut *pool.acquire().await?).await,
            Place::Outside(outside) => outside.list().await,
        }
    }

    /// Removes objects, which may be gone already; inside the transaction of `connection` where they are rows.
    pub(super) async fn remove_within(
        &self,
        connection: &mut AnyConnection,
        digests: &[Sha256Digest],
    ) -> Result<(), StoreError> {
        match &self.0 {
            Place::Database(_) => rows::remove(connection, digests).await,
            Place::Outside(outside) => outside.remove(digests).await,
        }
    }
}

/// What an object is that is larger than any that is ever written.
fn too_large(digest: Sha256Digest) -> StoreError {
    StoreError::Damaged { digest, reason: format!("it is larger than {MAX_CONTENT} bytes") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_content_comes_back() {
        let noise: Vec<u8> = (0..300_000_u32).flat_map(|number| Sha256Digest::of(&number.to_be_bytes()).0).collect();
        for content in [&b""[..], b"{}", &[b'a'; 1 << 20], &noise] {
            let object = Object::of(content);
            assert_eq!(object.content().unwrap(), content);
            assert_eq!(object, Object::of(content), "a compressor that was used before writes the same");
        }
    }
}
