//! Stage 6a: how the release may have been built, and the commit's files to build it from.

use std::collections::BTreeSet;

use serde_json::Value;
use tarproof_sandbox::probe;
use tokio::runtime::Handle;
use tokio::sync::SemaphorePermit;

use crate::pack::SourceTree;
use crate::pack::npm::packlist::GitIgnores;
use crate::package::read_json;
use crate::rebuild::definitions::Definitions;
use crate::rebuild::run::{Failure, FailureKind, RebuildRecord};
use crate::rebuild::strategy::{Claims, Inputs, NoPlan, infer};
use crate::rebuild::{Plan, main_files};
use crate::source::git::with_source;
use crate::source::match_commit::CommitMatch;
use crate::source::tree::{AtHand, CommitTree, fetch_whole, join};
use crate::verify::request::RebuildSettings;
use crate::verify::stages::claim::Claim;
use crate::verify::stages::source::Discovery;

/// What can be done to rebuild a release.
pub(super) enum Prospect<'a> {
    /// Nothing at the commit is built, and why nobody looked for it where that is so.
    NothingBuilt(Option<String>),
    /// Something is, and this is why it will not be.
    NotBegun(RebuildRecord),
    /// Something is, by what the commit's manifest names, and nothing says how.
    NotSaid(RebuildRecord),
    /// These plans can be run, in this order, while the turn is held.
    Plans(Vec<Plan>, SemaphorePermit<'a>),
}

/// What is known of the release, and how it may be rebuilt.
pub(super) struct Planning<'a> {
    pub(super) matched: &'a CommitMatch,
    pub(super) claim: &'a Claim,
    pub(super) claims: &'a Claims,
    /// Files of the artifact that are not explained yet.
    pub(super) residue: &'a [String],
    /// Whether the artifact has CRLF where the commit has LF.
    pub(super) crlf: bool,
    pub(super) settings: &'a RebuildSettings,
}

impl<'a> Planning<'a> {
    /// Infers the plans from what was fetched for the comparison, and only if something is built fetches the rest.
    pub(super) fn prospect(&self, discovery: &mut Discovery) -> Prospect<'a> {
        let settings = self.settings;
        let (found, is_complete) = self.at_hand(discovery);
        if matches!(found, Found::NothingBuilt(_)) && is_complete && !settings.always {
            return found.without_a_build();
        }
        if !settings.allowed && !settings.always {
            return found.without_a_build();
        }
        if settings.allowed
            && matches!(found, Found::Plans(_))
            && let Some(obstacle) = probe(&settings.sandbox).obstacle
        {
            // Nothing will be run, so nothing is fetched for it.
            return found.not_begun(Failure::new(FailureKind::NoSandbox, obstacle));
        }
        // Builds take whole processors, and a commit's files space; that many packages wait costs nothing.
        let Ok(turn) = Handle::current().block_on(settings.turns.acquire()) else {
            return Prospect::NothingBuilt(None);
        };
        let found = match self.whole(discovery) {
            Ok(found) => found,
            Err(_) if !settings.allowed && matches!(found, Found::Plans(_)) => found,
            Err(failure) => return found.not_begun(failure),
        };
        match found {
            Found::Plans(plans) if settings.allowed => Prospect::Plans(plans, turn),
            found => found.without_a_build(),
        }
    }

    /// The plans by the files at hand, and whether no other file was asked for.
    fn at_hand(&self, discovery: &Discovery) -> (Found, bool) {
        let Some(tree) = self.tree(discovery) else { return (Found::NothingBuilt(None), false) };
        let at_hand = AtHand::new(&tree);
        let found = self.plans(&at_hand);
        (found, !at_hand.has_missed())
    }

    /// The plans by all of the commit's files, which are fetched where they are missing.
    fn whole(&self, discovery: &mut Discovery) -> Result<Found, Failure> {
        let Some(source) = discovery.repository_mut() else { return Ok(Found::NothingBuilt(None)) };
        fetch_whole(source, &self.matched.winner.commit).map_err(|error| {
            let detail = format!("the commit's files cannot be had: {}", with_source(&error));
            Failure::new(FailureKind::NetworkNeeded, detail)
        })?;
        Ok(self.tree(discovery).map_or(Found::NothingBuilt(None), |tree| self.plans(&tree)))
    }

    fn tree<'d>(&self, discovery: &'d Discovery) -> Option<CommitTree<'d>> {
        CommitTree::of_commit(discovery.repository()?, &self.matched.winner.commit)
    }

    /// The user's plans, else a definition's, else what the commit itself says.
    fn plans(&self, tree: &dyn SourceTree) -> Found {
        if let Some(plans) = &self.settings.plans {
            return Found::Plans(given(plans, Plan::GIVEN[0], "the user gave this plan with `--plan-file`"));
        }
        let release = &self.claim.release;
        if let Some(directory) = &self.settings.definitions {
            let defined = Definitions::open(directory).and_then(|known| known.find(&release.name, &release.version));
            match defined {
                Ok(Some(definition)) => {
                    let because = format!("the definition `{}` holds this plan", definition.path.display());
                    return Found::Plans(given(&definition.plans, Plan::GIVEN[1], &because));
                }
                Ok(None) => {}
                Err(error) => return Found::unplannable(with_source(&error)),
            }
        }
        let inputs = Inputs {
            tree,
            directory: &self.matched.winner.directory.path,
            name: &release.name,
            version: &release.version,
            claims: self.claims,
            residue: self.residue,
            crlf: self.crlf,
            after_failure: self.settings.allowed || self.settings.always,
        };
        match infer(&inputs) {
            Ok(plans) if plans.iter().any(Plan::builds) => {
                Found::Plans(plans.into_iter().filter(Plan::builds).collect())
            }
            Ok(_) => match unmade(tree, inputs.directory, self.residue) {
                Some(why) => Found::NotSaid(why),
                None => Found::NothingBuilt(None),
            },
            Err(NoPlan::NoManifest(_)) => Found::NothingBuilt(None),
            // Whoever publishes chose the name, so this leaves nothing open.
            Err(error @ NoPlan::OtherPackage { .. }) => Found::NothingBuilt(Some(error.to_string())),
            Err(error @ (NoPlan::UnsupportedInstaller { .. } | NoPlan::TooIntricate(_))) => {
                Found::unplannable(error.to_string())
            }
        }
    }
}

/// What the files say.
enum Found {
    /// Nothing is built, and why nobody looked for it where that is so.
    NothingBuilt(Option<String>),
    /// Something makes a published file, and nothing says what; why that is so.
    NotSaid(String),
    /// It is built in a way that no plan can express.
    Unplannable(Failure),
    /// At least one plan.
    Plans(Vec<Plan>),
}

impl Found {
    fn unplannable(detail: String) -> Self {
        Self::Unplannable(Failure::new(FailureKind::NoPlan, detail))
    }

    /// The record of a build that was not to be run, or could not be planned.
    fn without_a_build<'a>(self) -> Prospect<'a> {
        match self {
            Self::NothingBuilt(why) => Prospect::NothingBuilt(why),
            Self::NotSaid(why) => {
                let failure = Some(Failure::new(FailureKind::NoPlan, format!("{why}, and nothing says what makes it")));
                Prospect::NotSaid(RebuildRecord { failure, ..RebuildRecord::default() })
            }
            Self::Unplannable(failure) => Self::NothingBuilt(None).not_begun(failure),
            Self::Plans(_) => {
                let detail = "what the commit does not hold may come out of its build, which was not to be run";
                self.not_begun(Failure::new(FailureKind::RebuildOff, detail))
            }
        }
    }

    fn not_begun<'a>(self, failure: Failure) -> Prospect<'a> {
        let plans = if let Self::Plans(plans) = self { plans } else { Vec::new() };
        Prospect::NotBegun(RebuildRecord { plans, failure: Some(failure), ..RebuildRecord::default() })
    }
}

/// Why one of `residue`, files that only the artifact has, is made by something: git ignores its path, and the commit's own
/// manifest names it, as what is loaded, or below a directory of `files` that the commit does not have at all; or the
/// manifest is that of one platform's binaries.
///
/// A directory that the commit has may be named for what it holds, so what is ignored in it says nothing.
fn unmade(tree: &dyn SourceTree, directory: &str, residue: &[String]) -> Option<String> {
    let manifest = read_json(&tree.read(&join(directory, "package.json"))?).ok()?.value;
    let mut named: BTreeSet<String> = main_files(&manifest).into_iter().collect();
    for key in ["module", "browser", "types", "typings", "bin", "exports"] {
        named_files(&manifest[key], 0, &mut named);
    }
    let own: BTreeSet<String> = tree.list(directory).into_iter().map(|node| node.name).collect();
    let lists = manifest["files"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let packed: BTreeSet<&str> = lists
        .filter_map(|pattern| pattern.trim_start_matches("./").trim_start_matches('/').split('/').next())
        .filter(|first| !first.is_empty() && !first.contains(['*', '?', '[', '{', '!']) && !own.contains(*first))
        .collect();
    let is_named =
        |path: &str| named.contains(path) || path.split_once('/').is_some_and(|(first, _)| packed.contains(first));
    let is_one_platforms =
        ["os", "cpu"].iter().all(|key| manifest[*key].as_array().is_some_and(|list| !list.is_empty()));
    let mut ignores = GitIgnores::new(tree);
    // What the manifest says is at hand, and ignore files have to be read.
    let mut meant = residue.iter().filter(|path| is_one_platforms || is_named(path));
    let path = meant.find(|path| ignores.ignores(&join(directory, path)))?;
    Some(if is_named(path) {
        format!("the commit's manifest names `{path}`, which git ignores")
    } else {
        format!("the commit's manifest is for one platform, and git ignores `{path}`")
    })
}

/// The files that a value of the manifest names, however deep they stand.
fn named_files(value: &Value, depth: usize, named: &mut BTreeSet<String>) {
    match value {
        Value::String(path) if !path.contains('*') => {
            named.insert(path.trim_start_matches("./").trim_start_matches('/').to_owned());
        }
        Value::Array(values) if depth < 8 => values.iter().for_each(|value| named_files(value, depth + 1, named)),
        Value::Object(values) if depth < 8 => values.values().for_each(|value| named_files(value, depth + 1, named)),
        _ => {}
    }
}

/// Plans that were not inferred say so, whatever they call themselves: a plan can make any file it likes.
fn given(plans: &[Plan], origin: &str, because: &str) -> Vec<Plan> {
    let mut plans = plans.to_vec();
    for plan in &mut plans {
        plan.strategy = format!("{origin}{}", plan.strategy);
        plan.because.insert(0, because.to_owned());
    }
    plans
}

#[cfg(test)]
mod tests {
    use crate::rebuild::strategy::test_tree::TestTree;

    #[test]
    fn what_the_manifest_names_and_git_ignores_is_made_by_something() {
        let unmade = |manifest: &str, more: &[(&str, &str)], residue: &[&str]| {
            let files = [&[("package.json", manifest), (".gitignore", "lib/\n/dist\n*.log\n")], more].concat();
            let residue: Vec<String> = residue.iter().map(|path| (*path).to_owned()).collect();
            super::unmade(&TestTree::new(&files), "", &residue)
        };
        let main = r#"{"main": "./lib/index.js"}"#;
        let why = "the commit's manifest names `lib/index.js`, which git ignores";
        assert_eq!(unmade(main, &[], &["lib/a.js", "lib/index.js"]).as_deref(), Some(why));
        assert_eq!(unmade(main, &[], &["lib/evil.js"]), None, "what is named is not published");
        assert_eq!(unmade(r#"{"main": "index.js"}"#, &[], &["index.js"]), None, "git does not ignore it");
        assert!(unmade(r#"{"exports": {".": {"types": "./dist/a.d.ts"}}}"#, &[], &["dist/a.d.ts"]).is_some());
        let files = r#"{"files": ["src", "dist/*.js"]}"#;
        assert!(unmade(files, &[], &["dist/a.js"]).is_some());
        assert_eq!(unmade(files, &[("src/a.js", "")], &["src/evil.log"]), None, "the commit has the directory");
        assert_eq!(unmade(files, &[("dist/hand.js", "")], &["dist/a.js"]), None, "the commit has the directory");
        assert_eq!(unmade(r#"{"files": ["*"]}"#, &[], &["dist/a.js"]), None, "no name");
        let platform = r#"{"os": ["linux"], "cpu": ["x64"]}"#;
        assert!(unmade(platform, &[], &["dist/program"]).is_some());
        assert_eq!(unmade(platform, &[], &["bin/program"]), None, "git does not ignore it");
        assert_eq!(unmade(r#"{"os": ["!win32"]}"#, &[], &["dist/program"]), None, "a wish, and no platform");
    }
}
