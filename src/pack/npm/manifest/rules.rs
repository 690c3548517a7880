//! The table of manifest rules: the only things that excuse a differing key.

use std::fmt;

use super::context::Context;
use super::delta::Delta;
use super::{
    catalog_protocol, git_head, inert_keys, normalize, pack_scripts, platform_packages, publish_config, version_stamp,
    workspace_protocol,
};

/// The stable, kebab-case name of a manifest rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ManifestRuleId(&'static str);

impl ManifestRuleId {
    /// The id as written in ledgers and documents.
    pub fn as_str(self) -> &'static str {
        self.0
    }
}

impl fmt::Display for ManifestRuleId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.0)
    }
}

/// A named way in which publishing tools change a manifest.
#[derive(Debug, Clone, Copy)]
pub struct ManifestRule {
    /// Its id.
    pub id: ManifestRuleId,
    /// What it explains, in one sentence.
    pub summary: &'static str,
    explains: fn(&Delta<'_>, &Context<'_>) -> bool,
}

/// Equal values in another formatting or key order.
pub(super) const JSON_FORMAT: ManifestRuleId = ManifestRuleId("json-format");
/// Branches of a `condition:` range or the `conditions` key, taken as git states them.
pub(super) const CONDITIONS: ManifestRuleId = ManifestRuleId("yarn-conditions");

/// A readme cut down to its first section; it concerns no key, but the same tools do it, told by the same manifest.
pub const CLEAN_DOCS: ManifestRuleId = ManifestRuleId("clean-docs");

/// A `.npmignore` that npm made of a `.gitignore`; it concerns no key, but the same tools do it.
pub const GITIGNORE_RENAMED: ManifestRuleId = ManifestRuleId("gitignore-renamed");

/// For rules that concern a whole file; whoever compares that file applies them.
fn whole_file(_: &Delta<'_>, _: &Context<'_>) -> bool {
    false
}

/// Every rule, in the order in which they are asked; the first that explains a key is recorded.
static RULES: [ManifestRule; 16] = [
    ManifestRule {
        id: JSON_FORMAT,
        summary: "the same values in another formatting or key order",
        explains: whole_file,
    },
    ManifestRule {
        id: CONDITIONS,
        summary: "one branch of each condition that git states, as yarn's conditions plugin takes it",
        explains: whole_file,
    },
    ManifestRule {
        id: GITIGNORE_RENAMED,
        summary: "a `.npmignore` with the content of the `.gitignore` in the same directory, which has no `.npmignore` of its own",
        explains: whole_file,
    },
    ManifestRule {
        id: CLEAN_DOCS,
        summary: "a readme cut down to its first section and a link, where git's `clean-publish` asks for it",
        explains: whole_file,
    },
    ManifestRule {
        id: ManifestRuleId("version-stamp"),
        summary: "the release's version in place of a placeholder, or of another version at a commit that a tag ties to the release",
        explains: version_stamp::explains,
    },
    ManifestRule {
        id: ManifestRuleId("publish-config"),
        summary: "a key replaced by the value that git's `publishConfig` states for it",
        explains: publish_config::explains,
    },
    ManifestRule {
        id: ManifestRuleId("workspace-protocol"),
        summary: "a `workspace:` range replaced by the version that package has at the commit",
        explains: workspace_protocol::explains,
    },
    ManifestRule {
        id: ManifestRuleId("local-path-dependency"),
        summary: "a `file:` or `link:` path replaced by the version of the workspace package of that name",
        explains: workspace_protocol::explains_local_path,
    },
    ManifestRule {
        id: ManifestRuleId("catalog-protocol"),
        summary: "a `catalog:` range replaced by the entry of the repository's catalog",
        explains: catalog_protocol::explains,
    },
    ManifestRule {
        id: ManifestRuleId("jsr-protocol"),
        summary: "a `jsr:` range replaced by its npm compatibility name",
        explains: catalog_protocol::explains_jsr,
    },
    ManifestRule {
        id: ManifestRuleId("napi-optional-dependencies"),
        summary: "platform packages that git announces, added at exactly the release's version",
        explains: platform_packages::explains,
    },
    ManifestRule {
        id: ManifestRuleId("lerna-git-head"),
        summary: "`gitHead` set to the matched commit or another that a branch or tag reaches",
        explains: git_head::explains,
    },
    ManifestRule {
        id: ManifestRuleId("pnpm-pack"),
        summary: "publishing scripts, `packageManager` and `pnpm` dropped by pnpm",
        explains: pack_scripts::explains_pnpm,
    },
    ManifestRule {
        id: ManifestRuleId("pinst"),
        summary: "`postinstall` disabled for consumers by renaming it to `_postinstall`",
        explains: pack_scripts::explains_pinst,
    },
    ManifestRule {
        id: ManifestRuleId("npm-normalize"),
        summary: "the same `bin`, `repository` or `bundleDependencies` in the spelling npm prefers",
        explains: normalize::explains,
    },
    ManifestRule {
        id: ManifestRuleId("inert-keys-removed"),
        summary: "a key removed that nothing reads when the package is installed or imported",
        explains: inert_keys::explains,
    },
];

/// Every manifest rule, for documentation.
pub fn manifest_rules() -> &'static [ManifestRule] {
    &RULES
}

/// The first rule that explains `delta`.
pub(super) fn explain(delta: &Delta<'_>, context: &Context<'_>) -> Option<ManifestRuleId> {
    RULES.iter().find(|rule| (rule.explains)(delta, context)).map(|rule| rule.id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_unique_and_kebab_case() {
        let mut ids: Vec<_> = RULES.iter().map(|rule| rule.id.as_str()).collect();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), RULES.len());
        for rule in &RULES {
            assert!(rule.id.as_str().bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-'), "{}", rule.id);
            assert!(!rule.summary.is_empty() && !rule.summary.ends_with('.'));
        }
    }
}
