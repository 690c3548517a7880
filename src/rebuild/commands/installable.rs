//! Changes to lockfile and manifests without which nothing could be installed from the registry view; all of them are
//! taken back afterwards.

use std::collections::BTreeSet;

use url::Url;

use super::edits::{Edit, point_yarn_lock_at};
use super::environment::registry;
use super::phases::Surroundings;
use crate::rebuild::lockfile::{LockfileFormat, is_foreign, leave_out, manifest_without, with_registry};
use crate::rebuild::plan::{Install, PackageManagerName, Plan};

/// Adds the changes to `edits`; returns the dependencies that are left out because no registry serves them.
pub(super) fn prepare(
    plan: &Plan,
    install: &Install,
    surroundings: &Surroundings<'_>,
    edits: &mut Vec<Edit>,
) -> Vec<String> {
    let manager = plan.tools.package_manager.name;
    let directory = match install.directory.trim_start_matches("./").trim_matches('/') {
        "." => "",
        directory => directory,
    };
    let within = |file: &str| if directory.is_empty() { file.to_owned() } else { format!("{directory}/{file}") };
    let Some((path, original)) =
        install.lockfile.as_ref().and_then(|path| Some((path.clone(), (surroundings.read)(path)?)))
    else {
        let may = matches!(manager, PackageManagerName::Npm | PackageManagerName::YarnClassic);
        let names = may.then(|| without(&within("package.json"), &|_, range| is_foreign(range), surroundings, edits));
        return names.unwrap_or_default();
    };
    let format = match manager {
        PackageManagerName::Npm => LockfileFormat::Npm,
        PackageManagerName::YarnClassic => LockfileFormat::YarnClassic,
        PackageManagerName::YarnBerry => LockfileFormat::YarnBerry,
        PackageManagerName::Pnpm => LockfileFormat::Pnpm,
        PackageManagerName::Bun => LockfileFormat::Bun,
    };
    let mut names = BTreeSet::new();
    let mut text = original.clone();
    if let Some(left) = leave_out(format, &original) {
        for below in &left.directories {
            let file = if below.is_empty() { "package.json".to_owned() } else { format!("{below}/package.json") };
            without(&within(&file), &|name, range| left.names.contains(name) && is_foreign(range), surroundings, edits);
        }
        text = left.lockfile;
        names = left.names;
    }
    match (format, Url::parse(&registry(surroundings))) {
        (LockfileFormat::YarnClassic, _) => text = point_yarn_lock_at(&text, &registry(surroundings)),
        (LockfileFormat::Bun | LockfileFormat::Pnpm, Ok(address)) => text = with_registry(format, &text, &address),
        _ => {}
    }
    // npm sees to the addresses itself.
    if text != original {
        edits.push(Edit { file: path, after: text, restore: Some(original) });
    }
    names.into_iter().collect()
}

/// Takes dependencies out of a manifest, which may have been changed before; returns their names.
fn without(
    file: &str,
    leaves: &dyn Fn(&str, &str) -> bool,
    surroundings: &Surroundings<'_>,
    edits: &mut Vec<Edit>,
) -> Vec<String> {
    let stamped = edits.iter().position(|edit| edit.file == file);
    let before = match stamped {
        Some(index) => Some(edits[index].after.clone()),
        None => (surroundings.read)(file),
    };
    let Some((after, names)) = before.as_deref().and_then(|before| manifest_without(before, leaves)) else {
        return Vec::new();
    };
    if let Some(index) = stamped {
        edits.remove(index);
    }
    edits.push(Edit { file: file.to_owned(), after, restore: before });
    names
}
