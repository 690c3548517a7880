use super::packument::Packument;
use super::{Observation, PackumentError};
use crate::package::{Integrity, Sha256Digest, Version};

/// All that a registry states about a package.
#[derive(Debug, Clone)]
pub struct PackumentText {
    /// The JSON as it was served, content encoding removed.
    pub bytes: Vec<u8>,
    /// Its SHA-256.
    pub sha256: Sha256Digest,
    /// How and when it was learnt.
    pub observation: Observation,
}

impl PackumentText {
    /// The package's releases. This walks the whole document, which may have megabytes.
    pub fn listing(&self) -> Result<PackageListing<'_>, PackumentError> {
        Packument::parse(&self.bytes).map(PackageListing)
    }
}

/// The releases of a package as its packument lists them.
#[derive(Debug)]
pub struct PackageListing<'a>(Packument<'a>);

impl PackageListing<'_> {
    /// The versions and their stated times of publication in seconds since 1970, ascending.
    pub fn versions(&self) -> Vec<(Version, Option<i64>)> {
        self.0.versions()
    }

    /// The version that whoever names none is given (`dist-tags.latest`), where it is one.
    pub fn latest(&self) -> Option<Version> {
        self.0.latest.as_deref().and_then(|text| Version::parse(text).ok())
    }

    /// The integrity that is stated for a version (`dist.integrity`, else `dist.shasum`), where one is there and
    /// well-formed.
    pub fn integrity(&self, version: &Version) -> Option<Integrity> {
        self.0.integrity(version)
    }

    /// Whether the registry states when the package was created, as the npm registry always does.
    pub fn states_creation(&self) -> bool {
        self.0.states_creation()
    }
}
