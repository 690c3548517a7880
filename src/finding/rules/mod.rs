//! The table of rules, in the order in which findings of one risk are shown; one file per rule.

mod archive_anomaly;
mod attestation_invalid;
mod bidi_or_invisible_text;
mod bin_added;
mod binary_added;
mod bundled_dependency_differs;
mod claims_disagree;
mod commit_missing;
mod commit_unreachable;
mod content_moved;
mod dependency_added;
mod digest_differs;
mod digest_missing;
mod dist_tag_rollback;
mod duplicate_entry;
mod entry_point_differs;
mod executable_bit_added;
mod file_modified;
mod file_not_in_source;
mod install_script_added;
mod install_script_differs;
mod manifest_confusion;
mod manifest_differs;
mod manifest_unreadable;
mod minified_without_source;
mod name_collision;
mod obfuscated_code;
mod policy_expired;
mod policy_unused;
mod provenance_dropped;
mod publisher_changed;
mod release_not_served;
mod repository_changed;
mod repository_mismatch;
mod repository_unusable;
mod sha1_collision;
mod source_file_missing;
mod source_history_only;
mod special_entry;
mod tag_moved;
mod unexpected_link;
mod unsafe_path;
mod version_not_in_source;
mod yara_match;

use crate::finding::file_kind::has_binary_name;
use crate::finding::{Description, Evidence, Finding};
use crate::ledger::{Explanation, LedgerFile};

macro_rules! rules {
    ($($variant:ident: $module:ident,)*) => {
        /// What judges a difference. The order is the order in which findings of one risk are shown.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Rule {
            $(#[doc = concat!("See `docs/rules/`, `", stringify!($module), "`.")] $variant,)*
        }

        /// What every rule says of itself, in the order of the rules.
        pub const RULES: &[Description] = &[$($module::DESCRIPTION,)*];

        /// What judges, in the order of the rules.
        pub(super) const JUDGES: &[fn(&Evidence<'_>) -> Vec<Finding>] = &[$($module::judge,)*];
    };
}

rules! {
    InstallScriptAdded: install_script_added,
    InstallScriptDiffers: install_script_differs,
    DependencyAdded: dependency_added,
    BundledDependencyDiffers: bundled_dependency_differs,
    EntryPointDiffers: entry_point_differs,
    BinAdded: bin_added,
    ManifestConfusion: manifest_confusion,
    ManifestDiffers: manifest_differs,
    ManifestUnreadable: manifest_unreadable,
    UnsafePath: unsafe_path,
    UnexpectedLink: unexpected_link,
    SpecialEntry: special_entry,
    DuplicateEntry: duplicate_entry,
    Sha1Collision: sha1_collision,
    BidiOrInvisibleText: bidi_or_invisible_text,
    ObfuscatedCode: obfuscated_code,
    YaraMatch: yara_match,
    BinaryAdded: binary_added,
    FileModified: file_modified,
    FileNotInSource: file_not_in_source,
    MinifiedWithoutSource: minified_without_source,
    NameCollision: name_collision,
    ArchiveAnomaly: archive_anomaly,
    VersionNotInSource: version_not_in_source,
    CommitUnreachable: commit_unreachable,
    CommitMissing: commit_missing,
    TagMoved: tag_moved,
    ClaimsDisagree: claims_disagree,
    RepositoryChanged: repository_changed,
    RepositoryMismatch: repository_mismatch,
    RepositoryUnusable: repository_unusable,
    DigestDiffers: digest_differs,
    ReleaseNotServed: release_not_served,
    AttestationInvalid: attestation_invalid,
    ProvenanceDropped: provenance_dropped,
    PublisherChanged: publisher_changed,
    DistTagRollback: dist_tag_rollback,
    DigestMissing: digest_missing,
    SourceHistoryOnly: source_history_only,
    ContentMoved: content_moved,
    SourceFileMissing: source_file_missing,
    ExecutableBitAdded: executable_bit_added,
    PolicyUnused: policy_unused,
    PolicyExpired: policy_expired,
}

/// The one rule that says of an unexplained file that it is unexplained; none where the manifest's keys say it.
fn speaker(evidence: &Evidence<'_>, file: &LedgerFile) -> Option<Rule> {
    let added = match &file.explanation {
        Explanation::ArtifactOnly { .. } => true,
        Explanation::Modified { keys, .. } if keys.is_empty() => false,
        _ => return None,
    };
    let is_machine_code = || has_binary_name(&file.path) || evidence.machine_code(file).is_some();
    Some(if &*file.path == "binding.gyp" {
        if added { Rule::InstallScriptAdded } else { Rule::InstallScriptDiffers }
    } else if added && is_machine_code() {
        Rule::BinaryAdded
    } else if bundled_dependency_differs::Bundled::of(&file.path).is_some() {
        Rule::BundledDependencyDiffers
    } else if added {
        Rule::FileNotInSource
    } else {
        Rule::FileModified
    })
}
