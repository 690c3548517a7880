//! Ledgers, reports and statements, compressed, named by the SHA-256 of their content.

use std::io::{Read as _, Write as _};
use std::sync::Arc;

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use object_store::aws::AmazonS3Builder;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt as _};

use super::{ObjectsAddress, StoreError};
use crate::package::Sha256Digest;

/// Most bytes of an object's content; the JSON report of the largest artifact is far below.
pub(super) const MAX_CONTENT: u64 = 512 << 20;
/// Objects written or removed at once.
const AT_ONCE: usize = 8;

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
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        // Writing to a Vec cannot fail.
        let _ = encoder.write_all(content);
        Self { digest: Sha256Digest::of(content), bytes: encoder.finish().unwrap_or_default() }
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

/// Makes a folder for its owner alone.
fn make_own(path: &std::path::Path) -> std::io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.recursive(true).create(path)
}

/// Ends when a new folder's name is on the disk; what is written into it looks after itself.
#[cfg(unix)]
fn name_is_kept(path: &std::path::Path) -> std::io::Result<()> {
    let path = std::path::absolute(path)?;
    path.parent().map_or(Ok(()), |parent| std::fs::File::open(parent)?.sync_all())
}

/// No such thing can be asked for elsewhere.
#[cfg(not(unix))]
fn name_is_kept(_: &std::path::Path) -> std::io::Result<()> {
    Ok(())
}

/// The place of a store's objects; cheap to clone.
#[derive(Debug, Clone)]
pub struct Objects {
    place: Arc<dyn ObjectStore>,
    prefix: Path,
}

impl Objects {
    /// Opens the place; a folder is made where there is none.
    pub fn open(address: &ObjectsAddress) -> Result<Self, StoreError> {
        let unusable = |source| StoreError::Objects { objects: address.to_string(), source };
        match address {
            ObjectsAddress::Folder(path) => {
                let unmade = |source| StoreError::Directory { path: path.clone(), source };
                if !path.exists() {
                    make_own(path).map_err(unmade)?;
                    name_is_kept(path).map_err(unmade)?;
                }
                // A power cut must not take what a row that is on the disk names.
                let place = LocalFileSystem::new_with_prefix(path).map_err(unusable)?.with_fsync(true);
                Ok(Self { place: Arc::new(place), prefix: Path::default() })
            }
            ObjectsAddress::Bucket(url) => {
                // The process-wide provider of cryptography; whoever installed one before has made a valid choice.
                let _ = rustls::crypto::ring::default_provider().install_default();
                // Region, endpoint and credentials come from the variables that every S3 client reads.
                let place = AmazonS3Builder::from_env()
                    .with_url(format!("s3://{}", url.host_str().unwrap_or_default()))
                    .build()
                    .map_err(unusable)?;
                let prefix = Path::from_url_path(url.path())
                    .map_err(|error| unusable(object_store::Error::InvalidPath { source: error }))?;
                Ok(Self { place: Arc::new(place), prefix })
            }
        }
    }

    fn path(&self, digest: Sha256Digest) -> Path {
        let name = digest.to_string();
        let parts = ["sha256", &name[..2], &format!("{name}.gz")];
        parts.into_iter().fold(self.prefix.clone(), Path::join)
    }

    /// Keeps objects, on the disk or in the bucket when this ends; those that are there already are written once more,
    /// which changes nothing.
    pub async fn put(&self, objects: impl IntoIterator<Item = Object>) -> Result<(), StoreError> {
        let put = |object: Object| async move {
            let written = self.place.put(&self.path(object.digest), object.bytes.into()).await;
            written.map(drop).map_err(|source| StoreError::Object { digest: object.digest, action: "written", source })
        };
        stream::iter(objects).map(put).buffer_unordered(AT_ONCE).try_collect().await
    }

    /// Reads an object, unproven; `None` where there is none.
    pub async fn get(&self, digest: Sha256Digest) -> Result<Option<Object>, StoreError> {
        let read = async {
            let found = self.place.get(&self.path(digest)).await?;
            if found.meta.size > MAX_CONTENT {
                return Ok(None);
            }
            found.bytes().await.map(Some)
        };
        match read.await {
            Ok(Some(bytes)) => Ok(Some(Object { digest, bytes: bytes.to_vec() })),
            Ok(None) => Err(StoreError::Damaged { digest, reason: format!("it is larger than {MAX_CONTENT} bytes") }),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(source) => Err(StoreError::Object { digest, action: "read", source }),
        }
    }

    /// Whether an object is there, whatever it holds.
    pub(super) async fn has(&self, digest: Sha256Digest) -> Result<bool, StoreError> {
        match self.place.head(&self.path(digest)).await {
            Ok(_) => Ok(true),
            Err(object_store::Error::NotFound { .. }) => Ok(false),
            Err(source) => Err(StoreError::Object { digest, action: "found", source }),
        }
    }

    /// The digests of all objects that are there.
    pub async fn list(&self) -> Result<Vec<Sha256Digest>, StoreError> {
        let digest = |path: &Path| Sha256Digest::parse(path.filename()?.strip_suffix(".gz")?).ok();
        let listed = self.place.list(Some(&self.prefix)).map_ok(|found| digest(&found.location));
        let found: Vec<_> = listed.try_collect().await.map_err(StoreError::Listing)?;
        Ok(found.into_iter().flatten().collect())
    }

    /// Removes objects, which may be gone already.
    pub(super) async fn remove(&self, digests: &[Sha256Digest]) -> Result<(), StoreError> {
        let remove = |digest: Sha256Digest| async move {
            match self.place.delete(&self.path(digest)).await {
                Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
                Err(source) => Err(StoreError::Object { digest, action: "removed", source }),
            }
        };
        stream::iter(digests.to_vec()).map(remove).buffer_unordered(AT_ONCE).try_collect().await
    }
}
