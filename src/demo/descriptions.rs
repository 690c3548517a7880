//! The descriptions that are built into the program.

use super::case::{Case, CaseError};

macro_rules! descriptions {
    ($($id:literal),* $(,)?) => {
        &[$(($id, include_str!(concat!("../../fixtures/cases/", $id, ".toml")))),*]
    };
}

/// Every description by id, in the order of the demo: attacks, honest packages, misbehaving registries.
pub const DESCRIPTIONS: &[(&str, &str)] = descriptions![
    "september-replay",
    "added-install-script",
    "added-dependency",
    "added-binary",
    "imposter-commit",
    "moved-tag",
    "minified-payload",
    "built-payload",
    "rebuilt-output-payload",
    "tracked-payload",
    "manifest-confusion",
    "executable-bit",
    "duplicate-entry",
    "symbolic-link",
    "path-traversal",
    "added-command",
    "colliding-names",
    "borrowed-repository",
    "switched-repository",
    "moved-content",
    "verbatim",
    "annotated-tag",
    "monorepo-directory",
    "monorepo-undeclared",
    "scoped-tag",
    "crlf-publish",
    "lerna-git-head",
    "pnpm-workspace",
    "no-git-head",
    "no-tag",
    "renamed-repository",
    "root-licence",
    "semantic-release",
    "waking-file",
    "wrong-tag",
    "after-the-tag",
    "clean-publish",
    "suffixed-tag",
    "repository-forms",
    "reformatted-manifest",
    "left-out-files",
    "history-file",
    "sparse-mirror",
    "honest-build",
    "dated-build",
    "private-root",
    "varying-build",
    "failing-build",
    "empty-build",
    "downloading-build",
    "outdated-copy",
    "repository-gone",
    "no-repository",
    "bad-digest",
    "bad-missing-tarball",
    "bad-cut-off",
    "bad-truncated",
    "bad-not-gzip",
    "bad-bomb",
    "bad-packument",
    "bad-missing-package",
];

/// Parses all descriptions.
pub fn all_cases() -> Result<Vec<Case>, CaseError> {
    DESCRIPTIONS.iter().map(|(id, text)| Case::parse(id, text)).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::demo::CaseKind;

    #[test]
    fn every_description_in_the_folder_is_embedded_and_parses() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/cases");
        let on_disk: BTreeSet<String> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().to_string_lossy().trim_end_matches(".toml").to_owned())
            .collect();
        let embedded: BTreeSet<String> = DESCRIPTIONS.iter().map(|(id, _)| (*id).to_owned()).collect();
        assert_eq!(on_disk, embedded);
        assert_eq!(all_cases().unwrap().len(), DESCRIPTIONS.len(), "ids are unique");
        assert_eq!(embedded.len(), DESCRIPTIONS.len(), "ids are unique");
    }

    #[test]
    fn packages_are_unique_and_every_case_expects_something() {
        let cases = all_cases().unwrap();
        let packages: BTreeSet<&str> = cases.iter().map(|case| case.package.as_str()).collect();
        assert_eq!(packages.len(), cases.len());
        let repositories: Vec<&str> =
            cases.iter().flat_map(|case| &case.repositories).map(|repository| repository.name.as_str()).collect();
        assert_eq!(repositories.iter().collect::<BTreeSet<_>>().len(), repositories.len());
        for case in &cases {
            let expects = case.releases.iter().any(|release| release.expect.is_some());
            assert_eq!(expects, case.kind != CaseKind::BadRegistry, "{}", case.id);
        }
    }

    #[test]
    fn contradictions_are_named() {
        let (id, text) = DESCRIPTIONS[0];
        let spoilt = [
            ("verdict = \"no-source\"", "verdict = \"malicious\""),
            ("class = \"modified\"", "class = \"odd\""),
            ("from = \"5.6.2\"", "from = \"5.6.3\""),
            ("kind = \"attack\"", "kind = \"honest\""),
            ("label = \"clean-up\"", "label = \"5.6.0\""),
        ];
        for (from, to) in spoilt {
            assert!(text.contains(from));
            assert!(matches!(Case::parse(id, &text.replace(from, to)), Err(CaseError::Unusable { .. })), "{to}");
        }
        assert!(matches!(Case::parse(id, &text.replace("title", "titel")), Err(CaseError::Syntax { .. })));
        assert!(Case::parse("other", text).is_err());
    }
}
