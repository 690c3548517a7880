//! All transformations, one file for each kind.

mod archive;
mod claims;
mod content;
mod disguise;
mod files;
mod hidden;
mod manifest;
mod manifest_scripts;
mod moved;

use super::transformation::{Expected, Transformation, VerdictIs};
use crate::finding::Risk;

/// Every transformation, in the order of the table.
pub fn catalog() -> Vec<Transformation> {
    [
        content::TRANSFORMATIONS,
        disguise::TRANSFORMATIONS,
        hidden::TRANSFORMATIONS,
        files::TRANSFORMATIONS,
        moved::TRANSFORMATIONS,
        manifest_scripts::TRANSFORMATIONS,
        manifest::TRANSFORMATIONS,
        archive::TRANSFORMATIONS,
        claims::TRANSFORMATIONS,
    ]
    .concat()
}

/// Other content than the source's, in a file that people do not look at twice.
const MODIFIED: Expected =
    expect(&["file-modified", "obfuscated-code", "bidi-or-invisible-text", "minified-without-source"], Risk::Medium);

/// A file that the source has not.
const ADDED: Expected = expect(&["file-not-in-source", "obfuscated-code", "minified-without-source"], Risk::Medium);

/// A bundled package that is not as the source has it.
const BUNDLED: Expected = expect(&["file-not-in-source", "file-modified", "bundled-dependency-differs"], Risk::Medium);

/// A difference in the archive's form that different readers read differently.
const AMBIGUOUS: Expected =
    Expected { rules: &[], risk: Risk::High, verdict: VerdictIs::Exactly("inconclusive(archive-ambiguous)") };

/// Any of these rules, and an unexplained release.
const fn expect(rules: &'static [&'static str], risk: Risk) -> Expected {
    Expected { rules, risk, verdict: VerdictIs::Unexplained }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn ids_are_unique_and_in_kebab_case() {
        let catalog = catalog();
        let ids: BTreeSet<&str> = catalog.iter().map(|transformation| transformation.id).collect();
        assert_eq!(ids.len(), catalog.len());
        assert!(catalog.len() >= 48, "{}", catalog.len());
        for id in ids {
            assert!(id.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-'), "{id}");
        }
    }

    #[test]
    fn every_expectation_names_rules_or_a_verdict() {
        for Transformation { id, expected, .. } in catalog() {
            assert!(!expected.rules.is_empty() || matches!(expected.verdict, VerdictIs::Exactly(_)), "{id}");
        }
    }
}
