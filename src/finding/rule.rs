use std::fmt;

use crate::finding::Risk;

/// How urgently a finding wants to be read, in SARIF's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Decides what runs on a user's machine, or breaks a claim.
    Error,
    /// Unexplained, but inert as far as can be told.
    Warning,
    /// Worth knowing.
    Note,
}

impl fmt::Display for Severity {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Note => "note",
        })
    }
}

macro_rules! rules {
    ($($variant:ident, $id:literal, $severity:ident, $summary:literal;)*) => {
        /// What judges a difference. The order is the order in which findings are shown.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Rule {
            $(#[doc = $summary] $variant,)*
        }

        /// Every rule with its stable id, severity and summary.
        pub const RULES: &[(Rule, &str, Severity, &str)] =
            &[$((Rule::$variant, $id, Severity::$severity, $summary),)*];
    };
}

rules! {
    InstallScriptAdded, "install-script-added", Error, "A script that runs at installation is not in the source's manifest.";
    InstallScriptDiffers, "install-script-differs", Error, "A script that runs at installation differs from the source's.";
    DependencyAdded, "dependency-added", Error, "A dependency is not in the source's manifest.";
    EntryPointDiffers, "entry-point-differs", Error, "The files that an import reaches are named differently than in the source.";
    BinAdded, "bin-added", Error, "A command is not in the source's manifest.";
    ManifestConfusion, "manifest-confusion", Error, "The registry's metadata and the manifest inside the artifact disagree.";
    ManifestDiffers, "manifest-differs", Warning, "The manifest differs from the source's and no packer rule explains it.";
    ManifestUnreadable, "manifest-unreadable", Error, "A manifest is not a JSON object.";
    UnsafePath, "unsafe-path", Error, "An archive member's path cannot be a file of the package.";
    UnexpectedLink, "unexpected-link", Error, "An archive member is a link.";
    SpecialEntry, "special-entry", Error, "An archive member is neither a file nor a folder nor a link.";
    DuplicateEntry, "duplicate-entry", Error, "A path comes more than once in the archive.";
    Sha1Collision, "sha1-collision", Error, "A file carries the marks of a SHA-1 collision attack.";
    BinaryAdded, "binary-added", Error, "A binary file is not in the source.";
    FileModified, "file-modified", Warning, "A file differs from the source's.";
    FileNotInSource, "file-not-in-source", Warning, "A file is not in the source.";
    NameCollision, "name-collision", Warning, "Two paths are one on some file systems.";
    ArchiveAnomaly, "archive-anomaly", Warning, "The archive is built in an unusual way.";
    CommitUnreachable, "commit-unreachable", Error, "A commit that metadata names is on no branch and under no tag.";
    CommitMissing, "commit-missing", Warning, "A commit that metadata names is not in the repository.";
    TagMoved, "tag-moved", Error, "A tag names another commit than when it was last seen.";
    ClaimsDisagree, "claims-disagree", Warning, "Tag, registry and manifest point to different commits.";
    RepositoryMismatch, "repository-mismatch", Error, "The repository holds no package of that name and none of its files.";
    RepositoryUnusable, "repository-unusable", Warning, "The repository field names nothing that can be fetched.";
    DigestDiffers, "digest-differs", Error, "The given file is not what the registry serves for this release.";
    ReleaseNotServed, "release-not-served", Warning, "The registry does not serve the release that the given file is judged as.";
    DigestMissing, "digest-missing", Note, "The registry states no digest of the artifact.";
    SourceHistoryOnly, "source-history-only", Warning, "A file's content is in the repository, but in another commit.";
    ContentMoved, "content-moved", Note, "Code is at another path than in the source.";
    ExecutableBitAdded, "executable-bit-added", Note, "A file is executable only in the artifact.";
}

impl Rule {
    fn row(self) -> &'static (Self, &'static str, Severity, &'static str) {
        // The table is generated in the order of the variants.
        &RULES[self as usize]
    }

    /// The stable id.
    pub fn id(self) -> &'static str {
        self.row().1
    }

    /// How urgently its findings want to be read.
    pub fn severity(self) -> Severity {
        self.row().2
    }

    /// The risk of its findings before anything else is known.
    pub fn risk(self) -> Risk {
        match self.severity() {
            Severity::Error => Risk::High,
            Severity::Warning => Risk::Medium,
            Severity::Note => Risk::Low,
        }
    }

    /// One sentence about what it finds.
    pub fn summary(self) -> &'static str {
        self.row().3
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.id())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_finds_its_own_row_and_ids_are_unique() {
        let mut ids = std::collections::BTreeSet::new();
        for (rule, id, _, summary) in RULES {
            assert_eq!(rule.id(), *id);
            assert!(ids.insert(id), "{id} twice");
            assert!(id.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-' || byte.is_ascii_digit()), "{id}");
            assert!(summary.ends_with('.'));
        }
    }
}
