//! A builder for manifest tests.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{ManifestComparison, ManifestError, ManifestInput, Workspace, compare_manifests};

pub(super) const COMMIT: &str = "49da9a07c81156e997e60146eb001ea77b7044c4";
pub(super) const KNOWN_COMMIT: &str = "4750471fdceb6b90ac7c58a93872d61e3f7f143b";

/// Two manifests, a repository around them, and the release 2.0.0.
#[derive(Debug, Clone)]
pub(super) struct Case {
    source: String,
    published: String,
    corroborated: bool,
    packages: BTreeMap<String, String>,
    directories: BTreeMap<String, (String, String)>,
    files: BTreeMap<String, String>,
}

impl Case {
    /// Starts with the same manifest on both sides.
    pub(super) fn of(source: &Value) -> Self {
        let text = serde_json::to_string_pretty(source).unwrap();
        Self {
            published: text.clone(),
            source: text,
            corroborated: false,
            packages: BTreeMap::new(),
            directories: BTreeMap::new(),
            files: BTreeMap::new(),
        }
    }

    pub(super) fn published(self, published: &Value) -> Self {
        self.published_text(&published.to_string())
    }

    pub(super) fn published_text(mut self, published: &str) -> Self {
        published.clone_into(&mut self.published);
        self
    }

    pub(super) fn corroborated(mut self) -> Self {
        self.corroborated = true;
        self
    }

    pub(super) fn package(mut self, name: &str, version: &str) -> Self {
        self.packages.insert(name.to_owned(), version.to_owned());
        self
    }

    pub(super) fn directory(mut self, directory: &str, name: &str, version: &str) -> Self {
        self.directories.insert(directory.to_owned(), (name.to_owned(), version.to_owned()));
        self
    }

    pub(super) fn file(mut self, path: &str, text: &str) -> Self {
        self.files.insert(path.to_owned(), text.to_owned());
        self
    }

    pub(super) fn try_run(&self) -> Result<ManifestComparison, ManifestError> {
        let input = ManifestInput {
            published: self.published.as_bytes(),
            source: self.source.as_bytes(),
            version: "2.0.0",
            commit: Some(COMMIT),
            version_corroborated: self.corroborated,
        };
        compare_manifests(&input, self)
    }

    pub(super) fn run(&self) -> ManifestComparison {
        self.try_run().unwrap()
    }
}

impl Workspace for Case {
    fn package_version(&self, name: &str) -> Option<String> {
        self.packages.get(name).cloned()
    }

    fn package_at(&self, directory: &str) -> Option<(String, String)> {
        self.directories.get(directory).cloned()
    }

    fn root_file(&self, path: &str) -> Option<Vec<u8>> {
        self.files.get(path).map(|text| text.clone().into_bytes())
    }

    fn knows_commit(&self, id: &str) -> bool {
        id == KNOWN_COMMIT
    }
}

/// Compares two manifests with an empty repository around them.
pub(super) fn compare(source: &Value, published: &Value) -> ManifestComparison {
    Case::of(source).published(published).run()
}

/// The applied rules, for a comparison without differences.
pub(super) fn rules(comparison: &ManifestComparison) -> Vec<&'static str> {
    assert!(comparison.is_explained(), "unexplained: {:?}", comparison.differences);
    comparison.applied.iter().map(|applied| applied.rule.as_str()).collect()
}

/// The places that stayed unexplained.
pub(super) fn paths(comparison: &ManifestComparison) -> Vec<String> {
    comparison.differences.iter().map(|difference| difference.key_path.clone()).collect()
}
