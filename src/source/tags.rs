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

/// The version that a tag of the package's own stands for, in one of the usual forms.
pub fn tagged_version(tag: &str, name: &PackageName) -> Option<Version> {
    let begins = |at: &usize| {
        let before = tag[..*at].chars().next_back();
        tag[*at..].starts_with(|first: char| first.is_ascii_digit())
            && !before.is_some_and(|before| before.is_ascii_digit() || before == '.')
    };
    let found = tag.char_indices().map(|(at, _)| at).filter(begins).find_map(|at| Version::parse(&tag[at..]).ok())?;
    let form = tag_form(tag, name, &found)?;
    matches!(form, TagForm::Package | TagForm::Version | TagForm::Prefixed).then_some(found)
}

fn unsigned(name: &PackageName) -> &str {
    name.as_str().trim_start_matches('@')
}

/// The names most releases carry, tried first and without listing anything.
pub fn likely_tags(name: &PackageName, version: &Version) -> [String; 4] {
    [format!("v{version}"), version.to_string(), format!("{name}@{version}"), format!("{}@{version}", name.unscoped())]
}

/// Ref patterns for one fetch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TagPatterns {
    /// Match the usual forms of the version's tag, and few others.
    pub wanted: Vec<String>,
    /// Match what would come along.
    pub unwanted: Vec<String>,
}

/// Words that packages put behind a version when they tag what they publish beside what they develop.
const PUBLISHED_SUFFIXES: [&str; 2] = ["-npm", "-deno"];

/// Patterns that together cover the usual forms of a version's tag.
///
/// Asking for one form after the other costs requests, and a name that the remote lacks fails the whole
/// fetch. A pattern that matches nothing does not, so every name is made a pattern by a `*` within the
/// version, where it can stand for little: `v1.2.*3` also matches `v1.2.13`, and hardly ever there is one.
pub fn tag_patterns(name: &PackageName, version: &Version) -> TagPatterns {
    let text = version.as_str();
    // The number of a pre-release is the whole last part: `1.0.0-rc*.1` does not match `1.0.0-rc.11`.
    let star = match text.rfind('.') {
        Some(dot) if text.contains('-') => dot,
        _ => text.char_indices().next_back().map_or(0, |(last, _)| last),
    };
    let starred = format!("{}*{}", &text[..star], &text[star..]);
    let unscoped = name.unscoped();
    let mut prefixes: Vec<String> =
        ["v", "", "release-", "release/", "r", "version-", "rel-"].map(str::to_owned).into();
    let mut owners = vec![unscoped];
    if name.scope().is_some() {
        owners.push(name.as_str());
    }
    for owner in owners {
        prefixes.extend(["@", "-v", "-", "/v", "@v", "/"].map(|joint| format!("{owner}{joint}")));
    }
    let mut wanted: Vec<String> = prefixes.iter().map(|prefix| format!("refs/tags/{prefix}{starred}")).collect();
    for suffix in PUBLISHED_SUFFIXES {
        wanted.extend(["v", ""].map(|prefix| format!("refs/tags/{prefix}{starred}{suffix}")));
    }
    let mut unwanted = Vec::new();
    if !text.contains('-') {
        for likely in likely_tags(name, version) {
            unwanted.extend(PRERELEASE_WORDS.iter().map(|word| format!("refs/tags/{likely}-{word}*")));
        }
    }
    // Old package names may hold what no ref name may, and one such pattern would fail the whole fetch.
    let is_valid = |pattern: &String| git2::Reference::is_valid_name(&pattern.replacen('*', "x", 1));
    wanted.retain(is_valid);
    unwanted.retain(is_valid);
    TagPatterns { wanted, unwanted }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(tag: &str, name: &str, version: &str) -> Option<TagForm> {
        tag_form(tag, &PackageName::parse(name).unwrap(), &Version::parse(version).unwrap())
    }

    #[test]
    fn the_version_of_a_tag_is_read_out_of_it() {
        let version = |tag: &str| Some(tagged_version(tag, &PackageName::parse("a2b").unwrap())?.as_str().to_owned());
        for (tag, expected) in [
            ("v1.2.3", Some("1.2.3")),
            ("a2b@1.2.3-rc.1", Some("1.2.3-rc.1")),
            ("release-10.2.3", Some("10.2.3")),
            ("other@1.2.3", None),
            ("v1.2", None),
            ("nightly", None),
        ] {
            assert_eq!(version(tag).as_deref(), expected, "{tag}");
        }
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

    /// What a fetch with the patterns brings of `tags`; a pattern's `*` stands for any text, even none.
    fn fetched<'t>(tags: &[&'t str], name: &str, version: &str) -> Vec<&'t str> {
        let patterns = tag_patterns(&PackageName::parse(name).unwrap(), &Version::parse(version).unwrap());
        let matches = |tag: &str, pattern: &String| {
            let (before, after) = pattern.strip_prefix("refs/tags/").unwrap().split_once('*').unwrap();
            tag.len() >= before.len() + after.len() && tag.starts_with(before) && tag.ends_with(after)
        };
        let any = |tag: &str, patterns: &[String]| patterns.iter().any(|pattern| matches(tag, pattern));
        tags.iter().filter(|tag| any(tag, &patterns.wanted) && !any(tag, &patterns.unwanted)).copied().collect()
    }

    #[test]
    fn patterns_match_every_usual_form_and_few_other_versions() {
        let forms =
            ["v1.2.3", "1.2.3", "chalk@1.2.3", "@scope/chalk@1.2.3", "chalk-v1.2.3", "release-1.2.3", "1.2.3-npm"];
        assert_eq!(fetched(&forms, "@scope/chalk", "1.2.3"), forms);
        let others = ["v1.2.30", "v1.2.4", "v11.2.3", "v1.2.3-beta.3", "v1.2.3-rc.13", "v1.2", "other@1.2.3"];
        assert_eq!(fetched(&others, "@scope/chalk", "1.2.3"), Vec::<&str>::new());
        let many = ["v15.0.0", "v15.0.0-canary.0", "v15.0.0-canary.110", "v15.0.0-rc.0", "v15.0.10"];
        assert_eq!(fetched(&many, "next", "15.0.0"), ["v15.0.0", "v15.0.10"]);
        let pre = ["v15.0.0-canary.1", "v15.0.0-canary.11", "v15.0.0-canary.111", "v15.0.0"];
        assert_eq!(fetched(&pre, "next", "15.0.0-canary.1"), ["v15.0.0-canary.1"]);
    }

    #[test]
    fn names_that_no_ref_can_have_are_left_out() {
        let count = |name: &str, version: &str| {
            let patterns = tag_patterns(&PackageName::parse(name).unwrap(), &Version::parse(version).unwrap());
            assert!(patterns.wanted.iter().chain(&patterns.unwanted).all(|pattern| pattern.matches('*').count() == 1));
            patterns.wanted.len()
        };
        let plain = count("chalk", "1.2.3");
        for name in ["old~name", "old*name"] {
            assert!((1..plain).contains(&count(name, "1.2.3")), "{name}");
        }
        // Only a suffix makes `.lock` bearable.
        assert_eq!(count("chalk", "1.2.3-x.lock"), 2 * PUBLISHED_SUFFIXES.len());
    }
}
