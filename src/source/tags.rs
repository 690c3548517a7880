//! Which tag names may stand for a version.

use crate::package::{PackageName, Version};

/// How closely a tag's name fits a release; the earlier, the stronger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum TagForm {
    /// Names the package and the version (`@scope/name@1.2.3`, `name-v1.2.3`, `name/1.2.3`).
    Package,
    /// Only the version (`v1.2.3`, `1.2.3`).
    Version,
    /// The version behind a word that names no package (`release-1.2.3`, `rel/v1.2.3`).
    Prefixed,
    /// The version and a word behind it (`1.2.3-npm`, `v1.2.3-deno`).
    Suffixed,
    /// The version behind another package's name; in a monorepo such a tag may still be the release's commit.
    Foreign,
}

const NEUTRAL_PREFIXES: [&str; 9] = ["release", "releases", "rel", "r", "version", "ver", "stable", "tags", "publish"];
const PRERELEASE_WORDS: [&str; 14] = [
    "alpha",
    "beta",
    "rc",
    "pre",
    "preview",
    "next",
    "canary",
    "dev",
    "nightly",
    "snapshot",
    "experimental",
    "insiders",
    "a",
    "b",
];

/// Judges whether the tag `tag` (without `refs/tags/`) stands for `version` of `name`.
pub fn tag_form(tag: &str, name: &PackageName, version: &Version) -> Option<TagForm> {
    let text = version.as_str();
    // Build metadata is rarely part of a tag.
    let plain = text.split('+').next().unwrap_or(text);
    let (start, needle) =
        tag.rfind(text).map(|start| (start, text)).or_else(|| tag.rfind(plain).map(|s| (s, plain)))?;
    let before = &tag[..start];
    let after = &tag[start + needle.len()..];
    // `11.2.3` and `1.1.2.3` are other versions.
    if before.ends_with(|c: char| c.is_ascii_digit())
        || before.strip_suffix('.').is_some_and(|rest| rest.ends_with(|c: char| c.is_ascii_digit()))
    {
        return None;
    }
    let suffixed = match after.strip_prefix(['-', '_', '@']) {
        None if after.is_empty() => false,
        None => return None,
        Some(word) => {
            let word_like = !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_alphabetic());
            if !word_like || PRERELEASE_WORDS.contains(&word.to_ascii_lowercase().as_str()) {
                return None;
            }
            true
        }
    };
    let prefix = before.strip_suffix('v').or_else(|| before.strip_suffix('V')).unwrap_or(before);
    let prefix = prefix.trim_end_matches(['@', '-', '/', '_', '.', '=', ' ']);
    let lower = prefix.to_ascii_lowercase();
    let form = if prefix.is_empty() {
        TagForm::Version
    } else if prefix == name.as_str() || prefix == name.unscoped() || prefix.trim_start_matches('@') == unsigned(name) {
        TagForm::Package
    } else if NEUTRAL_PREFIXES.contains(&lower.as_str()) {
        TagForm::Prefixed
    } else if prefix.rsplit('/').next() == Some(name.unscoped()) {
        TagForm::Package
    } else {
        TagForm::Foreign
    };
    Some(if suffixed && form != TagForm::Foreign { TagForm::Suffixed } else { form })
}

fn unsigned(name: &PackageName) -> &str {
    name.as_str().trim_start_matches('@')
}

/// The names most releases carry, tried first and without listing anything.
pub fn likely_tags(name: &PackageName, version: &Version) -> [String; 4] {
    [format!("v{version}"), version.to_string(), format!("{name}@{version}"), format!("{}@{version}", name.unscoped())]
}

/// Ref patterns for one filtered fetch, each with a single `*` at its end, that together cover the usual forms.
pub fn tag_patterns(name: &PackageName, version: &Version) -> Vec<String> {
    let unscoped = name.unscoped();
    let mut patterns: Vec<String> = ["v", "", "release-", "release/", "r", "version-", "rel-"]
        .iter()
        .map(|prefix| format!("refs/tags/{prefix}{version}*"))
        .collect();
    let mut owners = vec![unscoped];
    if name.scope().is_some() {
        owners.push(name.as_str());
    }
    for owner in owners {
        for joint in ["@", "-v", "-", "/v", "@v", "/"] {
            patterns.push(format!("refs/tags/{owner}{joint}{version}*"));
        }
    }
    patterns
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(tag: &str, name: &str, version: &str) -> Option<TagForm> {
        tag_form(tag, &PackageName::parse(name).unwrap(), &Version::parse(version).unwrap())
    }

    #[test]
    fn forms_are_told_apart() {
        for (tag, name, expected) in [
            ("v1.2.3", "chalk", TagForm::Version),
            ("1.2.3", "chalk", TagForm::Version),
            ("chalk@1.2.3", "chalk", TagForm::Package),
            ("@scope/chalk@1.2.3", "@scope/chalk", TagForm::Package),
            ("chalk-v1.2.3", "@scope/chalk", TagForm::Package),
            ("scope/chalk/v1.2.3", "@scope/chalk", TagForm::Package),
            ("release-1.2.3", "chalk", TagForm::Prefixed),
            ("1.2.3-npm", "lodash", TagForm::Suffixed),
            ("v1.2.3-deno", "yargs", TagForm::Suffixed),
            ("other@1.2.3", "chalk", TagForm::Foreign),
        ] {
            assert_eq!(form(tag, name, "1.2.3"), Some(expected), "{tag}");
        }
    }

    #[test]
    fn neighbouring_versions_and_pre_releases_do_not_count() {
        for tag in
            ["v11.2.3", "v1.2.30", "v1.2.3.4", "v0.1.2.3", "v1.2.3-beta.1", "v1.2.3-rc1", "v1.2.3-rc", "v1.2", "main"]
        {
            assert_eq!(form(tag, "chalk", "1.2.3"), None, "{tag}");
        }
        assert_eq!(form("v1.2.3-beta.1", "chalk", "1.2.3-beta.1"), Some(TagForm::Version));
        assert_eq!(form("v1.2.3-beta.10", "chalk", "1.2.3-beta.1"), None);
    }
}
