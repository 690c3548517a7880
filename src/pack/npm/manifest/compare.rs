//! The comparison of two manifests, top down.

use std::fmt;

use serde_json::{Map, Value};

use super::conditions;
use super::context::Context;
use super::delta::{Delta, each_delta, key_path};
use super::document::{Document, ManifestError};
use super::keys::KeyReach;
use super::rules::{CONDITIONS, JSON_FORMAT, ManifestRuleId, explain};

/// Most applied rules, and most differences, that are listed; more are counted.
const MAX_LISTED: usize = 2_000;

/// The two manifests and what is known about the release.
#[derive(Debug, Clone, Copy)]
pub struct ManifestInput<'a> {
    /// The `package.json` inside the artifact.
    pub published: &'a [u8],
    /// The `package.json` at the matched commit.
    pub source: &'a [u8],
    /// The release's version.
    pub version: &'a str,
    /// The matched commit, in full.
    pub commit: Option<&'a str>,
    /// Whether a tag or a recorded commit ties the matched commit to the release's version.
    pub version_corroborated: bool,
}

/// What rules may ask of the repository at the matched commit.
pub trait Workspace {
    /// The version that the workspace package called `name` states in its own `package.json`.
    fn package_version(&self, name: &str) -> Option<String>;

    /// The name and version of the workspace package in `directory`, relative to the package's own directory.
    fn package_at(&self, directory: &str) -> Option<(String, String)> {
        let _ = directory;
        None
    }

    /// The content of a file at the repository root (`pnpm-workspace.yaml`, `package.json`).
    fn root_file(&self, path: &str) -> Option<Vec<u8>>;

    /// Whether the repository has this commit and a branch or tag reaches it.
    fn knows_commit(&self, id: &str) -> bool;
}

/// A rule that explained one differing place.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct AppliedRule {
    /// Which rule.
    pub rule: ManifestRuleId,
    /// The place, as `dependencies.chalk`; empty where the rule concerns the whole file.
    pub key_path: String,
}

/// A differing place that no rule explains.
#[derive(Debug, Clone, PartialEq)]
pub struct ManifestDifference {
    /// The place, as `dependencies.chalk` or `exports["./a.b"]`.
    pub key_path: String,
    /// When the key takes effect.
    pub reach: KeyReach,
    /// The value in the published manifest, if it has the key.
    pub published: Option<Value>,
    /// The value on the other side, if it has the key.
    pub source: Option<Value>,
}

/// How the published manifest relates to the one in git.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ManifestComparison {
    /// The rules that explained something, in source order.
    pub applied: Vec<AppliedRule>,
    /// What is left, in source order, then what only the published manifest has.
    pub differences: Vec<ManifestDifference>,
    /// Differences beyond the first 2,000, which are not listed.
    pub unlisted_differences: usize,
}

impl ManifestComparison {
    /// Whether every differing place is explained.
    pub fn is_explained(&self) -> bool {
        self.differences.is_empty()
    }

    fn apply(&mut self, rule: ManifestRuleId, key_path: String) {
        if self.applied.len() < MAX_LISTED {
            self.applied.push(AppliedRule { rule, key_path });
        }
    }

    fn differ(&mut self, delta: Delta<'_>) {
        if self.differences.len() < MAX_LISTED {
            self.differences.push(ManifestDifference {
                key_path: key_path(delta.path),
                reach: KeyReach::of(delta.top()),
                published: delta.published.cloned(),
                source: delta.source.cloned(),
            });
        } else {
            self.unlisted_differences += 1;
        }
    }

    fn weight(&self) -> usize {
        self.differences.len() + self.unlisted_differences
    }
}

impl fmt::Display for ManifestDifference {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let change = match (&self.published, &self.source) {
            (Some(_), None) => "added",
            (None, Some(_)) => "removed",
            _ => "changed",
        };
        write!(formatter, "`{}` {change}", self.key_path)
    }
}

/// Explains the published manifest from the one in git, key by key.
///
/// Keys with equal values are equal whatever their formatting or order, except where order is meaning (`exports`,
/// `imports`, `typesVersions`). Each other key is explained by exactly one rule or is a difference.
pub fn compare_manifests(
    input: &ManifestInput<'_>,
    workspace: &dyn Workspace,
) -> Result<ManifestComparison, ManifestError> {
    let published = Document::parse("published", input.published)?;
    if input.published == input.source {
        return Ok(ManifestComparison::default());
    }
    let source = Document::parse("source", input.source)?;

    let mut comparison = compare_keys(input, workspace, &published.root, &source.root);
    for variant in conditions::variants(&published.root, &source.root) {
        let mut candidate = compare_keys(input, workspace, &published.root, &variant.manifest);
        if candidate.weight() < comparison.weight() {
            for path in variant.touched {
                candidate.apply(CONDITIONS, path);
            }
            comparison = candidate;
        }
    }

    for (shown, path) in &published.duplicates {
        // Parsers disagree on duplicate keys, and no publishing tool writes them; with the source's own
        // duplicates it would be open which of the values a reader takes.
        comparison.differences.push(odd(shown, path, "stated twice", &published.root));
    }
    for (shown, path) in published.escaped.iter().filter(|(shown, _)| !source.escaped.contains_key(*shown)) {
        // Node passes over such a key since version 22, and npm does not.
        comparison.differences.push(odd(shown, path, "written with escapes", &published.root));
    }
    if comparison.applied.is_empty() && comparison.differences.is_empty() {
        comparison.apply(JSON_FORMAT, String::new());
    }
    Ok(comparison)
}

fn compare_keys(
    input: &ManifestInput<'_>,
    workspace: &dyn Workspace,
    published: &Map<String, Value>,
    source: &Map<String, Value>,
) -> ManifestComparison {
    let context = Context::new(input, workspace, published, source);
    let mut comparison = ManifestComparison::default();
    each_delta(published, source, &mut |delta| match explain(&delta, &context) {
        Some(rule) => comparison.apply(rule, key_path(delta.path)),
        None => comparison.differ(delta),
    });
    comparison
}

/// A key that is odd in how it is written, with its own value; in a list, whose places have no keys, with the list.
fn odd(shown: &str, path: &[String], how: &str, published: &Map<String, Value>) -> ManifestDifference {
    let mut keys = path.iter();
    let top = keys.next().map_or("", String::as_str);
    let value = published
        .get(top)
        .map(|top| keys.try_fold(top, |value, key| value.get(key).ok_or(value)).unwrap_or_else(|nearest| nearest));
    ManifestDifference {
        key_path: format!("{shown} ({how})"),
        reach: KeyReach::of(top),
        published: value.cloned(),
        source: None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::support::{Case, compare, rules};
    use super::*;

    #[test]
    fn a_key_with_escapes_is_no_formatting() {
        let case = Case::of(&json!({"name": "a", "version": "1.0.0", "main": "x.js"}));
        let published = r#"{"name":"a","version":"1.0.0","m\u0061in":"x.js"}"#;
        let comparison = case.published_text(published).run();
        let paths: Vec<_> = comparison.differences.iter().map(|difference| difference.key_path.as_str()).collect();
        assert_eq!(paths, ["main (written with escapes)"]);
    }

    #[test]
    fn an_odd_key_is_shown_with_its_own_value() {
        let odd = |published: &str| {
            let comparison = Case::of(&json!({"name": "a"})).published_text(published).run();
            let mut found = comparison.differences.into_iter().filter(|found| found.key_path.ends_with(')'));
            found.next().and_then(|found| found.published)
        };
        assert_eq!(odd(r#"{"name":"a","bin":{"\u001b[1A":"x.js","b":"y.js"}}"#), Some(json!("x.js")));
        assert_eq!(odd(r#"{"name":"a","a.b":{"c":1,"c":2},"a":3}"#), Some(json!(2)));
        assert_eq!(odd(r#"{"name":"a","a":[{"\u0062":1}]}"#), Some(json!([{"b": 1}])));
    }

    #[test]
    fn another_formatting_and_key_order_is_json_format() {
        let case = Case::of(&json!({"name": "a", "version": "1.0.0", "scripts": {"test": "x", "build": "y"}}));
        let published =
            "\u{feff}{\r\n\t\"version\":\"1.0.0\",\"scripts\":{\"build\":\"y\",\"test\":\"\\u0078\"},\"name\":\"a\"}";
        let comparison = case.clone().published_text(published).run();
        assert_eq!(rules(&comparison), ["json-format"]);
        assert_eq!(case.run(), ManifestComparison::default());
    }

    #[test]
    fn a_key_stated_twice_is_a_difference_even_with_equal_values() {
        let case = Case::of(&json!({"main": "index.js"}));
        let comparison = case.published_text(r#"{"main": "evil.js", "main": "index.js"}"#).run();
        assert_eq!(comparison.differences[0].key_path, "main (stated twice)");
        assert_eq!(comparison.differences[0].reach, KeyReach::Import);
    }

    #[test]
    fn errors_are_typed() {
        let broken = Case::of(&json!({})).published_text("{").try_run();
        assert!(matches!(broken, Err(ManifestError::NotJson { side: "published", .. })));
        let list = Case::of(&json!([])).published_text("{}").try_run();
        assert!(matches!(list, Err(ManifestError::NotAnObject { side: "source" })));
        let same = Case::of(&json!([])).try_run();
        assert!(same.is_err(), "even identical bytes must be a manifest");
    }

    #[test]
    fn a_flood_of_differences_is_counted_not_listed() {
        let many: Map<String, Value> = (0..5_000).map(|index| (format!("k{index}"), json!(index))).collect();
        let comparison = compare(&json!({}), &Value::Object(many));
        assert_eq!((comparison.differences.len(), comparison.unlisted_differences), (2_000, 3_000));
        assert!(!comparison.is_explained());
    }
}
