use std::path::Path as FilePath;
use std::sync::Arc;

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use object_store::aws::AmazonS3Builder;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt as _};
use url::Url;

use super::{MAX_CONTENT, Object, too_large};
use crate::package::Sha256Digest;
use crate::store::{ObjectsAddress, StoreError};

/// Objects written or removed at once.
const AT_ONCE: usize = 32;

/// Objects as files of a folder or of a bucket.
#[derive(Debug, Clone)]
pub(super) struct Outside {
    place: Arc<dyn ObjectStore>,
    prefix: Path,
}

/// Makes a folder for its owner alone.
fn make_own(path: &FilePath) -> std::io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.recursive(true).create(path)
}

/// Ends when a new folder's name is on the disk; what is written into it looks after itself.
#[cfg(unix)]
fn name_is_kept(path: &FilePath) -> std::io::Result<()> {
    let path = std::path::absolute(path)?;
    path.parent().map_or(Ok(()), |parent| std::fs::File::open(parent)?.sync_all())
}

/// No such thing can be asked for elsewhere.
#[cfg(not(unix))]
fn name_is_kept(_: &FilePath) -> std::io::Result<()> {
    Ok(())
}

impl Outside {
    /// Opens a folder, which is made where there is none.
    pub(super) fn folder(path: &FilePath) -> Result<Self, StoreError> {
        let unmade = |source| StoreError::Directory { path: path.to_owned(), source };
        if !path.exists() {
            make_own(path).map_err(unmade)?;
            name_is_kept(path).map_err(unmade)?;
        }
        let unusable = |source| StoreError::Objects { objects: path.display().to_string(), source };
        // A power cut must not take what a row that is on the disk names.
        let place = LocalFileSystem::new_with_prefix(path).map_err(unusable)?.with_fsync(true);
        Ok(Self { place: Arc::new(place), prefix: Path::default() })
    }

    /// Opens a bucket, `s3://BUCKET/PREFIX`.
    pub(super) fn bucket(url: &Url) -> Result<Self, StoreError> {
        let unusable =
            |source| StoreError::Objects { objects: ObjectsAddress::Bucket(url.clone()).to_string(), source };
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

    fn path(&self, digest: Sha256Digest) -> Path {
        let name = digest.to_string();
        let parts = ["sha256", &name[..2], &format!("{name}.gz")];
        parts.into_iter().fold(self.prefix.clone(), Path::join)
    }

    pub(super) async fn put(&self, objects: impl IntoIterator<Item = Object>) -> Result<(), StoreError> {
        let put = |object: Object| async move {
            let written = self.place.put(&self.path(object.digest), object.bytes.into()).await;
            written.map(drop).map_err(|source| StoreError::Object { digest: object.digest, action: "written", source })
        };
        stream::iter(objects).map(put).buffer_unordered(AT_ONCE).try_collect().await
    }

    pub(super) async fn get(&self, digest: Sha256Digest) -> Result<Option<Object>, StoreError> {
        let read = async {
            let found = self.place.get(&self.path(digest)).await?;
            if found.meta.size > MAX_CONTENT {
                return Ok(None);
            }
            found.bytes().await.map(Some)
        };
        match read.await {
            Ok(Some(bytes)) => Ok(Some(Object { digest, bytes: bytes.to_vec() })),
            Ok(None) => Err(too_large(digest)),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(source) => Err(StoreError::Object { digest, action: "read", source }),
        }
    }

    pub(super) async fn has(&self, digest: Sha256Digest) -> Result<bool, StoreError> {
        match self.place.head(&self.path(digest)).await {
            Ok(_) => Ok(true),
            Err(object_store::Error::NotFound { .. }) => Ok(false),
            Err(source) => Err(StoreError::Object { digest, action: "found", source }),
        }
    }

    pub(super) async fn list(&self) -> Result<Vec<Sha256Digest>, StoreError> {
        let digest = |path: &Path| Sha256Digest::parse(path.filename()?.strip_suffix(".gz")?).ok();
        let listed = self.place.list(Some(&self.prefix)).map_ok(|found| digest(&found.location));
        let found: Vec<_> = listed.try_collect().await.map_err(StoreError::Listing)?;
        Ok(found.into_iter().flatten().collect())
    }

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
