//! Changes to lockfile and manifests without which nothing could be installed from the registry view; all of them are
//! taken back afterwards.

use std::collections::BTreeSet;

use nodejs_semver::{Range, Version};
use serde_json::Value;
use url::Url;

use super::edits::{Edit, point_yarn_lock_at, stamp_version};
use super::environment::registry;
use super::phases::Surroundings;
use crate::rebuild::lockfile::{LISTS, LockfileFormat, is_foreign, leave_out, manifest_without, with_registry};
use crate::rebuild::plan::{Install, PackageManagerName, Plan, place};
use crate::source::tree::join;

/// Most packages of a workspace that are looked at.
const MAX_MEMBERS: usize = 500;
/// Largest manifest of one, bytes, and most dependencies of it.
const MAX_MANIFEST: usize = 1 << 20;
const MAX_ASKED: usize = 5_000;

/// Adds the changes to `edits`; returns the dependencies that are left out because no registry serves them.
pub(super) fn prepare(
    plan: &Plan,
    install: &Install,
    surroundings: &Surroundings<'_>,
    edits: &mut Vec<Edit>,
) -> Vec<String> {
    let manager = plan.manager().name;
    let directory = place(&install.directory);
    let within = |file: &str| join(directory, file);
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
    if format == LockfileFormat::Npm {
        as_locked(&text, &within, surroundings, edits);
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

/// Takes dependencies out of a manifest; returns their names.
fn without(
    file: &str,
    leaves: &dyn Fn(&str, &str) -> bool,
    surroundings: &Surroundings<'_>,
    edits: &mut Vec<Edit>,
) -> Vec<String> {
    let mut names = Vec::new();
    change(file, surroundings, edits, &mut |before| {
        let (after, found) = manifest_without(before, leaves)?;
        names = found;
        Some(after)
    });
    names
}

/// A manifest of the workspace, as far as it says who it is and what it asks for.
struct Member {
    file: String,
    name: String,
    version: String,
    /// Its version in npm's lockfile; `None` for the root, which keeps its own.
    locked: Option<String>,
    asks: Vec<(String, Range)>,
}

impl Member {
    fn read(file: String, text: &str, locked: Option<String>) -> Option<Self> {
        let manifest: Value = (text.len() <= MAX_MANIFEST).then(|| serde_json::from_str(text).ok())??;
        let text_of = |key: &str| manifest.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        let lists = LISTS.iter().filter_map(|list| manifest.get(list)?.as_object());
        // For npm `*` takes every version of a neighbour, trials too, which no range does.
        let range = |(name, range): (&String, &Value)| {
            let text = range.as_str().filter(|text| !matches!(text.trim(), "" | "*"))?;
            Some((name.clone(), Range::parse(text).ok()?))
        };
        let asks = lists.flatten().take(MAX_ASKED).filter_map(range).collect();
        Some(Self { file, name: text_of("name"), version: text_of("version"), locked, asks })
    }
}

/// Gives a package of the workspace another version where the others do not take its own.
///
/// A release gives one package its new version after everything was installed; with it the others, which still ask
/// for the old one, would send npm to the registry. It gets the lockfile's version, else the lowest that they take.
fn as_locked(lockfile: &str, within: &dyn Fn(&str) -> String, surroundings: &Surroundings<'_>, edits: &mut Vec<Edit>) {
    let Ok(lockfile) = serde_json::from_str::<Value>(lockfile) else { return };
    let packages = lockfile.get("packages").and_then(Value::as_object);
    let places = packages
        .into_iter()
        .flatten()
        .filter(|(place, _)| !place.contains("node_modules/") && !place.split('/').any(|part| part == ".."));
    let member = |(place, entry): (&String, &Value)| {
        let file = within(&join(place, "package.json"));
        let edited = edits.iter().find(|edit| edit.file == file).map(|edit| edit.after.clone());
        let locked = entry.get("version").and_then(Value::as_str).filter(|_| !place.is_empty()).map(str::to_owned);
        Member::read(file.clone(), &edited.or_else(|| (surroundings.read)(&file))?, locked)
    };
    let members: Vec<Member> = places.take(MAX_MEMBERS).filter_map(member).collect();
    for Member { file, name, version: stated, locked, .. } in &members {
        let Some(locked) = locked else { continue };
        let asked = members.iter().flat_map(|member| &member.asks).filter(|(asked, _)| asked == name);
        let ranges: Vec<&Range> = asked.map(|(_, range)| range).collect();
        let fits = |version: &Version| ranges.iter().all(|range| range.satisfies(version));
        let lowest = ranges.iter().filter_map(|range| range.min_version());
        let candidates = [stated, locked].into_iter().filter_map(|text| Version::parse(text).ok()).chain(lowest);
        let Some(version) = candidates.into_iter().find(fits).map(|version| version.to_string()) else { continue };
        if version != *stated {
            change(file, surroundings, edits, &mut |before| stamp_version(before, &version));
        }
    }
}

/// Changes a file for the installation, which may have been changed before.
fn change(
    file: &str,
    surroundings: &Surroundings<'_>,
    edits: &mut Vec<Edit>,
    how: &mut dyn FnMut(&str) -> Option<String>,
) {
    if let Some(edit) = edits.iter_mut().find(|edit| edit.file == file) {
        if let Some(after) = how(&edit.after) {
            let stays = std::mem::replace(&mut edit.after, after);
            edit.restore.get_or_insert(stays);
        }
        return;
    }
    let Some(before) = (surroundings.read)(file) else { return };
    if let Some(after) = how(&before) {
        edits.push(Edit { file: file.to_owned(), after, restore: Some(before) });
    }
}
