//! Explains how a published `package.json` came from the one in git.
//!
//! Publishing tools rewrite the manifest: they stamp versions, resolve `workspace:` dependencies, drop development
//! keys. Each such rewrite is a named rule with an exact condition, and every key that no rule explains is a
//! difference. The module reads two manifests and asks a [`Workspace`] about the repository; it opens no file, runs
//! no code and does not judge what a difference means.
//!
//! Start reading at [`compare_manifests`]; the rules are listed in `rules.rs`, one file per rule. A rule may look at
//! git's side as it likes, but must never take the published side's word for anything: an attacker writes that side.
//!
//! [`compare_with_registry`] is the other half: what the registry says about a version against the manifest that
//! the artifact holds.
//!
//! # Deviations
//! - `npm publish` writes nothing into the tarball's manifest, yarn berry nothing beyond `publishConfig`, `workspace:`
//!   and `catalog:`; so there is a narrow `npm-normalize` rule (for `npm pkg fix` and pnpm 11) and no `yarn-pack` rule.
//! - pnpm's embedded `readme`, hooks in `.pnpmfile.cjs`, `publishConfig.directory` and manifests written by a build
//!   script are not derived; they stay differences until a rebuild shows them.
//! - A manifest nested deeper than 128 levels, or with an unpaired surrogate escape, is refused where npm reads it.

mod catalog_protocol;
mod compare;
mod conditions;
mod context;
mod delta;
mod document;
mod git_head;
mod inert_keys;
mod keys;
mod normalize;
mod pack_scripts;
mod platform_packages;
mod publish_config;
mod registry_metadata;
mod rules;
mod version_stamp;
mod workspace_protocol;

#[cfg(test)]
mod attacks;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod support;

pub use compare::{AppliedRule, ManifestComparison, ManifestDifference, ManifestInput, Workspace, compare_manifests};
pub use delta::{key_path, value_at};
pub use document::ManifestError;
pub use keys::KeyReach;
pub use registry_metadata::{GypFile, compare_with_registry};
pub use rules::{CLEAN_DOCS, GITIGNORE_RENAMED, ManifestRule, ManifestRuleId, manifest_rules};
