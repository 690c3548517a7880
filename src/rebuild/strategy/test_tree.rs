use std::collections::{BTreeMap, BTreeSet};

use super::{Claims, Inputs, NoPlan, infer};
use crate::pack::{Node, NodeKind, SourceTree};
use crate::package::{PackageName, Version};
use crate::rebuild::plan::{InstallMode, Plan};

/// A tree of text files in memory.
#[derive(Debug, Default)]
pub(crate) struct TestTree(BTreeMap<String, Vec<u8>>);

impl TestTree {
    pub(crate) fn new(files: &[(&str, &str)]) -> Self {
        Self(files.iter().map(|(path, text)| ((*path).to_owned(), text.as_bytes().to_vec())).collect())
    }
}

impl SourceTree for TestTree {
    fn list(&self, directory: &str) -> Vec<Node> {
        let prefix = if directory.is_empty() { String::new() } else { format!("{directory}/") };
        let below = self.0.keys().filter_map(|path| path.strip_prefix(&prefix));
        let names: BTreeSet<(String, bool)> = below
            .map(|rest| match rest.split_once('/') {
                Some((name, _)) => (name.to_owned(), true),
                None => (rest.to_owned(), false),
            })
            .collect();
        let kind = |is_directory| match is_directory {
            true => NodeKind::Directory,
            false => NodeKind::File { executable: false },
        };
        names.into_iter().map(|(name, is_directory)| Node { name, kind: kind(is_directory) }).collect()
    }

    fn read(&self, path: &str) -> Option<Vec<u8>> {
        self.0.get(path).cloned()
    }
}

/// 1 June 2024.
pub(super) const PUBLISHED: i64 = 1_717_200_000;

/// Infers for version 1.0.0 of `name` in `directory`.
pub(super) fn infer_in(directory: &str, name: &str, files: &[(&str, &str)]) -> Result<Vec<Plan>, NoPlan> {
    let claims = Claims { published_at: Some(PUBLISHED), ..Claims::default() };
    infer_with(directory, name, files, &claims, &[])
}

pub(super) fn infer_with(
    directory: &str,
    name: &str,
    files: &[(&str, &str)],
    claims: &Claims,
    residue: &[String],
) -> Result<Vec<Plan>, NoPlan> {
    let tree = TestTree::new(files);
    infer(&Inputs {
        tree: &tree,
        directory,
        name: &PackageName::parse(name).unwrap(),
        version: &Version::parse("1.0.0").unwrap(),
        claims,
        residue,
        crlf: false,
        after_failure: true,
    })
}

/// What a plan does, on a few lines: strategy and mode, steps, packing.
pub(super) fn outline(plan: &Plan) -> String {
    let mode = match &plan.install {
        None => "no install",
        Some(install) if install.mode == InstallMode::Frozen => "frozen",
        Some(_) => "loose",
    };
    let mut lines = vec![format!("{} {mode}", plan.strategy)];
    for step in &plan.steps {
        let place = if step.directory == "." { String::new() } else { format!("[{}] ", step.directory) };
        lines.push(format!("{}{place}{}", if step.may_fail { "? " } else { "$ " }, step.run));
    }
    let flags = match (plan.pack.prepublish_only, plan.pack.scripts) {
        (true, true) => " prepublishOnly scripts",
        (true, false) => " prepublishOnly",
        (false, true) => " scripts",
        (false, false) => "",
    };
    lines.push(format!("pack {} {:?}{flags}", plan.pack.directory, plan.pack.with));
    lines.join("\n")
}
