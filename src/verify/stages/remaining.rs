//! Stage 6b: whether what no rebuild explains may still be honest.

use std::collections::BTreeSet;

use crate::ledger::{Explanation, Ledger, LedgerFile};
use crate::package::read_json;
use crate::rebuild::main_files;
use crate::rebuild::run::{AttemptResult, Failure, FailureKind, RebuildRecord};
use crate::source::tree::{CommitTree, join};

/// Most paths that a reason names.
const NAMED: usize = 3;

/// What the best build made that is neither in the artifact nor in the commit.
#[derive(Debug, Default)]
pub(super) struct Built {
    /// All paths, inside the package.
    pub(super) absent: Vec<String>,
    /// The one that the commit's manifest names as `main`.
    pub(super) main: Option<String>,
}

impl Built {
    /// Compares the archive of the best build with the commit's files below `directory`.
    pub(super) fn of(record: &RebuildRecord, tree: Option<&CommitTree<'_>>, directory: &str) -> Self {
        let Some(tree) = tree else { return Self::default() };
        let Some(AttemptResult::Packed { only_rebuilt, .. }) = record.best().map(|best| &best.result) else {
            return Self::default();
        };
        let is_new = |path: &&String| tree.file(&join(directory, path)).is_none();
        let absent: Vec<String> = only_rebuilt.iter().filter(is_new).cloned().collect();
        let manifest = tree.read_file(&join(directory, "package.json")).unwrap_or_default();
        let mains = read_json(&manifest).map(|manifest| main_files(&manifest.value)).unwrap_or_default();
        let main = absent.iter().find(|path| mains.contains(path)).cloned();
        Self { absent, main }
    }
}

/// Why what is left may still be honest: no build came to its end, or not with the publisher's dependencies.
pub(super) fn honest_reason(
    record: &RebuildRecord,
    ledger: &Ledger,
    unsteady: &BTreeSet<String>,
    as_committed: &BTreeSet<String>,
    built: &Built,
) -> Option<Failure> {
    ledger.unexplained().next()?;
    let Some(best) = record.best() else { return record.failure.clone() };
    let AttemptResult::Packed { explained, .. } = best.result else { return None };
    if best.broken.is_some() {
        return best.broken.clone();
    }
    if ledger.unexplained().all(|file| unsteady.contains(&*file.path)) {
        let names = quoted(ledger.unexplained().map(|file| &*file.path));
        let detail = format!("the same build makes {names} with other content each time");
        return Some(Failure::new(FailureKind::NotDeterministic, detail));
    }
    let is_made = |file: &LedgerFile| {
        as_committed.contains(&*file.path) || matches!(file.explanation, Explanation::Modified { rebuilt: true, .. })
    };
    // Nobody publishes a package without its own `main`: where the build made that, it was the right one.
    if explained == 0 && built.main.is_none() && !ledger.unexplained().any(is_made) {
        let detail = match built.absent.as_slice() {
            [] => "the build made nothing that the commit does not hold".to_owned(),
            absent => format!(
                "the build made none of the files that are left; what it made is not in the release: {}",
                quoted(absent.iter().map(String::as_str))
            ),
        };
        return Some(Failure::new(FailureKind::NothingProduced, detail));
    }
    let install = best.plan.install.as_ref()?;
    // Where the installation asked for nothing, there is nothing that could be another.
    (!install.follows_lockfile() && best.requests.total > 0).then(|| {
        let detail =
            "the dependencies of the publisher's build are not known, and with those of that time it makes other files";
        Failure::new(FailureKind::LockfileMissing, detail)
    })
}

/// The first paths, in backticks.
fn quoted<'p>(paths: impl Iterator<Item = &'p str>) -> String {
    paths.take(NAMED).map(|path| format!("`{path}`")).collect::<Vec<_>>().join(", ")
}
