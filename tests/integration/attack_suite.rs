//! The attack suite as a test: every transformation of every package it fits, each under its own name.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use tarproof::suite::{FixtureSuite, catalog, packages};

use crate::support::block_on;

#[test]
fn every_transformation_is_caught_and_honest_packages_are_quiet() {
    let directory = tempfile::tempdir().unwrap();
    let suite = FixtureSuite::build(directory.path(), catalog(), None).unwrap();
    let report = block_on(suite.run()).unwrap();
    let mut problems = String::new();
    for row in &report.transformations {
        assert!(row.packages > 0, "{} fits no package", row.id);
        for miss in &row.misses {
            writeln!(problems, "{} in {}: {}", row.id, miss.package, miss.problem).unwrap();
        }
    }
    for row in &report.honest {
        if let Some(problem) = &row.problem {
            writeln!(problems, "honest {}@{}: {problem}", row.package, row.version).unwrap();
        }
    }
    assert!(problems.is_empty(), "{problems}");
    assert!(report.transformations.len() >= 48 && packages().unwrap().len() >= 20);
}

#[test]
fn the_page_lists_every_transformation() {
    let page = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/attack-suite.md");
    let page = std::fs::read_to_string(page).unwrap();
    let listed: BTreeSet<&str> =
        page.lines().filter_map(|line| line.strip_prefix("| `")?.split_once('`')).map(|(id, _)| id).collect();
    let missing: Vec<&str> =
        catalog().iter().map(|transformation| transformation.id).filter(|id| !listed.contains(id)).collect();
    assert!(missing.is_empty(), "not in docs/attack-suite.md: {missing:?}");
}
