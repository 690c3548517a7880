use crate::pack::SourceTree;
use crate::package::{PackageName, Version};
use crate::registry::ReleaseMetadata;

/// What plans are inferred from.
#[derive(Clone, Copy)]
pub struct Inputs<'a> {
    /// The matched commit.
    pub tree: &'a dyn SourceTree,
    /// The package's directory in it; empty for the root.
    pub directory: &'a str,
    /// The package's name.
    pub name: &'a PackageName,
    /// The release's version.
    pub version: &'a Version,
    /// What the registry and the commit say about the time and the programs.
    pub claims: &'a Claims,
    /// Published paths that nothing explains yet.
    pub residue: &'a [String],
}

impl std::fmt::Debug for Inputs<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Inputs")
            .field("directory", &self.directory)
            .field("name", &self.name)
            .field("version", &self.version)
            .field("claims", &self.claims)
            .field("residue", &self.residue.len())
            .finish_non_exhaustive()
    }
}

/// Claims about a release that choose programs and the clock; each may be absent or untrue.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Claims {
    /// The publisher's Node (`_nodeVersion`).
    pub node_version: Option<String>,
    /// The publisher's npm (`_npmVersion`).
    pub npm_version: Option<String>,
    /// The time of publication, seconds since 1970.
    pub published_at: Option<i64>,
    /// The time of the matched commit, seconds since 1970.
    pub committed_at: Option<i64>,
}

impl Claims {
    /// Takes the claims from the registry's metadata, and the time from the matched commit.
    pub fn new(metadata: &ReleaseMetadata, committed_at: Option<i64>) -> Self {
        Self {
            node_version: metadata.node_version.clone(),
            npm_version: metadata.npm_version.clone(),
            published_at: metadata.published_at,
            committed_at,
        }
    }

    /// The instant at which the release was made, as far as it is known.
    pub(super) fn instant(&self) -> Option<i64> {
        self.published_at.or(self.committed_at)
    }
}

/// Why no plan could be inferred.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoPlan {
    /// The directory has no readable manifest.
    #[error("`{0}` has no readable `package.json` at the commit")]
    NoManifest(String),
    /// The commit's manifest is another package's.
    #[error("`{path}` is the manifest of `{}`, not of `{expected}`", .found.escape_debug())]
    OtherPackage {
        /// The manifest.
        path: String,
        /// The name in it.
        found: String,
        /// The release's name.
        expected: String,
    },
    /// The repository is installed by a program that we do not run.
    #[error("the repository is installed with `{program}` (`{path}`), which is not supported")]
    UnsupportedInstaller {
        /// The program.
        program: &'static str,
        /// The file that says so.
        path: String,
    },
}
