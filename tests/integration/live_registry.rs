//! Asks the registry that this machine's npm is configured with about real packages.
#![cfg(feature = "live")]

use std::io::Read as _;

use sha2::Digest as _;
use tarproof::package::{Sha256Digest, Subject};
use tarproof::registry::{
    Access, DigestsStated, NpmRegistry, ObservationSource, RegistryError, RegistryLimits, RegistryOptions,
};

fn registry(cache: &std::path::Path, access: Access) -> NpmRegistry {
    NpmRegistry::new(RegistryOptions {
        cache_directory: cache.to_owned(),
        working_directory: cache.to_owned(),
        environment: std::env::vars_os().collect(),
        access,
        limits: RegistryLimits::default(),
    })
    .expect("the npm configuration of this machine is usable")
}

fn subject(text: &str) -> Subject {
    text.parse().expect("the tests name packages correctly")
}

#[tokio::test]
async fn real_packages_are_read_fetched_and_found_again() {
    let cache = tempfile::tempdir().unwrap();
    let online = registry(cache.path(), Access::Online);
    for package in ["npm:chalk@5.6.2", "npm:@babel/core@7.28.0", "npm:lodash@4.17.21", "npm:ms@2.1.3", "npm:vue"] {
        let metadata = online.release(&subject(package)).await.unwrap();
        assert!(metadata.release.to_string().starts_with(package), "{}", metadata.release);
        assert_ne!(metadata.digests_stated(), DigestsStated::None);
        assert!(metadata.malformed_claims.is_empty(), "{:?}", metadata.malformed_claims);
        assert!(metadata.repository.is_some() && metadata.published_at.is_some());
        // A mirror may state times of its own, so nothing is expected of the order in time.
        assert!(metadata.neighbours.lower.is_some());

        let artifact = online.artifact(&metadata).await.unwrap();
        let mut bytes = Vec::new();
        std::fs::File::open(&artifact.path).unwrap().read_to_end(&mut bytes).unwrap();
        assert_eq!(Sha256Digest(sha2::Sha256::digest(&bytes).into()), artifact.sha256);
        assert!(bytes.starts_with(&[0x1f, 0x8b]));

        let offline = registry(cache.path(), Access::Offline);
        let kept = offline.release(&subject(package)).await.unwrap();
        assert_eq!(kept.observation.source, ObservationSource::Cache);
        assert_eq!(kept.manifest, metadata.manifest);
        assert_eq!(offline.artifact(&kept).await.unwrap(), artifact);
    }
}

#[tokio::test]
async fn what_is_not_there_is_told_apart() {
    let cache = tempfile::tempdir().unwrap();
    let online = registry(cache.path(), Access::Online);
    let error = online.release(&subject("npm:tarproof-no-such-package-1f0c5a")).await.unwrap_err();
    assert!(matches!(error, RegistryError::UnknownPackage { .. } | RegistryError::Denied { .. }), "{error}");
    let error = online.release(&subject("npm:chalk@99.0.0")).await.unwrap_err();
    assert!(matches!(error, RegistryError::UnknownVersion { .. }), "{error}");
    // Published by the attacker of September 2025 and removed since.
    let error = online.release(&subject("npm:chalk@5.6.1")).await.unwrap_err();
    assert!(matches!(error, RegistryError::Unpublished { .. } | RegistryError::UnknownVersion { .. }), "{error}");
}
