use crate::pack::SourceTree;
use crate::package::{PackageName, Version};
use crate::rebuild::plan::Plan;
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
    /// Whether the release has CRLF where the commit has LF, so that it was published from Windows.
    pub crlf: bool,
    /// Whether plans are wanted that only pay after one that broke off: to find them takes as long as all others.
    pub after_failure: bool,
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
            .field("crlf", &self.crlf)
            .finish_non_exhaustive()
    }
}

/// From the commit to the publication, seconds: clocks may be off, and some maintainers wait.
const PLAUSIBLE: std::ops::Range<i64> = -86_400..60 * 86_400;

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
    /// The next lower version that is published.
    pub lower: Option<Version>,
    /// What a clone of the repository is called.
    pub repository: Option<String>,
}

impl Claims {
    /// Takes the claims from the registry's metadata, and the time from the matched commit.
    pub fn new(metadata: &ReleaseMetadata, committed_at: Option<i64>) -> Self {
        Self {
            node_version: metadata.node_version.clone(),
            npm_version: metadata.npm_version.clone(),
            published_at: metadata.published_at,
            committed_at,
            lower: metadata.neighbours.lower.as_ref().map(|neighbour| neighbour.version.clone()),
            repository: None,
        }
    }

    /// The instant at which the release was made, as far as it is known.
    ///
    /// A mirror may state when it first saw a release, and a release cannot be older than its commit. So a time of
    /// publication that is not near the commit's gives way to the commit's.
    pub fn instant(&self) -> Option<i64> {
        let believable = |time: Option<i64>| time.filter(|time| Plan::CLOCKS.contains(time));
        match (believable(self.published_at), believable(self.committed_at)) {
            (Some(published), Some(committed)) if !PLAUSIBLE.contains(&(published - committed)) => Some(committed),
            (published, committed) => published.or(committed),
        }
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
    /// Scripts and workflows lead further than they are followed.
    #[error("the commit's scripts and workflows hold {0} than are followed")]
    TooIntricate(&'static str),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_publication_far_from_its_commit_is_not_believed() {
        let day = 86_400;
        let instant = |published, committed| {
            Claims { published_at: published, committed_at: committed, ..Claims::default() }.instant()
        };
        assert_eq!(instant(Some(1_000 * day + 5), Some(1_000 * day)), Some(1_000 * day + 5));
        assert_eq!(instant(Some(2_000 * day), Some(1_000 * day)), Some(1_000 * day), "a mirror's own time");
        assert_eq!(instant(Some(900 * day), Some(1_000 * day)), Some(1_000 * day), "before the commit");
        assert_eq!(instant(None, Some(7)), Some(7));
        assert_eq!(instant(Some(7), None), Some(7));
        assert_eq!(instant(Some(i64::MAX), Some(-1)), None, "no time at all");
    }
}
