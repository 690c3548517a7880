//! Chooses the package manager and its version.

use std::cell::LazyCell;

use serde_json::Value;

use super::commit::{Commit, join, parent, text_at};
use super::inputs::{Claims, NoPlan};
use super::toolchain::version_text;
use super::workflow::Hints;
use crate::rebuild::plan::{PackageManager, PackageManagerName, VersionRequest};

/// Lockfiles, in the order in which they count where several are there.
pub(super) const LOCKFILES: [(&str, PackageManagerName); 6] = [
    ("pnpm-lock.yaml", PackageManagerName::Pnpm),
    ("yarn.lock", PackageManagerName::YarnClassic),
    ("bun.lock", PackageManagerName::Bun),
    ("bun.lockb", PackageManagerName::Bun),
    ("npm-shrinkwrap.json", PackageManagerName::Npm),
    ("package-lock.json", PackageManagerName::Npm),
];

/// How much of a lockfile is looked at.
const LOCKFILE_BEGINNING: usize = 4 << 10;
/// When pnpm 10 came out; 9 and 10 write the same lockfile version.
const PNPM_10: i64 = 1_736_208_000;

/// What was chosen.
#[derive(Debug, Clone)]
pub(super) struct Choice {
    pub(super) manager: PackageManager,
    /// npm's version where the commit states one.
    pub(super) npm: Option<VersionRequest>,
    pub(super) lockfile: Option<String>,
    /// Whether npm wrote the lockfile in a form that versions before 7 cannot read.
    pub(super) needs_npm_7: bool,
    pub(super) because: Vec<String>,
}

/// Chooses what installs in `root`.
pub(super) fn choose(commit: &Commit<'_>, root: &str, hints: &[Hints], claims: &Claims) -> Result<Choice, NoPlan> {
    if commit.is_file("rush.json") {
        return Err(NoPlan::UnsupportedInstaller { program: "rush", path: "rush.json".to_owned() });
    }
    let files = commit.files(root);
    let lock_of = |wanted: &[PackageManagerName]| {
        let found = LOCKFILES.iter().find(|(name, manager)| {
            let same = |wanted: &PackageManagerName| wanted == manager || (is_yarn(*wanted) && is_yarn(*manager));
            files.iter().any(|file| file == name) && (wanted.is_empty() || wanted.iter().any(same))
        });
        found.map(|(name, manager)| (join(root, name), *manager))
    };
    let yarn_path = yarn_path(commit, root);
    let declared = declared(commit, root);
    let installer = hints.iter().find_map(|hints| Some((hints.installer?, hints.file.as_str())));
    let (name, from) = if let Some((settings, _)) = &yarn_path {
        (PackageManagerName::YarnBerry, settings.clone())
    } else if let Some((name, _, path)) = &declared {
        (*name, path.clone())
    } else if let Some((name, file)) = installer.filter(|(name, _)| lock_of(&[*name]).is_some()) {
        (name, file.to_owned())
    } else if let Some((path, name)) = lock_of(&[]) {
        (name, path)
    } else if let Some((name, file)) = installer {
        (name, file.to_owned())
    } else {
        (PackageManagerName::Npm, "the absence of any other lockfile".to_owned())
    };
    let lockfile = lock_of(&[name]).map(|(path, _)| path);
    // Lockfiles are large, and mostly what a manifest states decides.
    let beginning = LazyCell::new(|| lockfile.as_deref().and_then(|path| commit.beginning(path, LOCKFILE_BEGINNING)));
    let is_berry_lock = || beginning.as_deref().is_some_and(|text| text.contains("__metadata:"));
    let stated = declared.filter(|(declared, ..)| *declared == name || (is_yarn(*declared) && is_yarn(name)));
    let is_version_2 = stated.as_ref().is_some_and(|(_, version, _)| {
        !version.starts_with('1') && version.starts_with(|first: char| first.is_ascii_digit())
    });
    let name = match name {
        PackageManagerName::YarnClassic if is_version_2 || is_berry_lock() => PackageManagerName::YarnBerry,
        other => other,
    };
    let because = vec![format!("`{}` installs: {from}", title(name))];
    let request = |version: String, from: &str| VersionRequest { version, from: from.to_owned() };
    let stated = stated.map(|(_, version, path)| request(version, &path));
    let hinted = |of: fn(&Hints) -> Option<&String>| {
        hints.iter().find_map(|hints| Some(request(version_text(of(hints)?)?, &hints.file)))
    };
    let in_lockfile = |version: Option<&str>| Some(request(version?.to_owned(), lockfile.as_deref()?));
    let mut path = None;
    let mut npm = None;
    let version = match name {
        PackageManagerName::Npm => {
            npm = stated.or_else(|| hinted(|hints| hints.npm.as_ref()));
            None
        }
        PackageManagerName::YarnBerry => {
            path = yarn_path.as_ref().map(|(_, path)| path.clone());
            let in_path =
                yarn_path.as_ref().and_then(|(settings, path)| Some(request(version_in_path(path)?, settings)));
            let by_lock = || in_lockfile(beginning.as_deref().map(berry_by_lockfile));
            in_path.or(stated).or_else(by_lock).or_else(|| Some(request("4".to_owned(), "publish-time")))
        }
        PackageManagerName::YarnClassic => {
            let by_lock = in_lockfile(Some("1"));
            stated.or(by_lock).or_else(|| Some(request("1".to_owned(), &from)))
        }
        PackageManagerName::Pnpm => {
            let by_lock =
                || in_lockfile(beginning.as_deref().and_then(|text| pnpm_by_lockfile(text, claims.instant())));
            let recent = || request("10".to_owned(), "publish-time");
            stated.or_else(|| hinted(|hints| hints.pnpm.as_ref())).or_else(by_lock).or_else(|| Some(recent()))
        }
        PackageManagerName::Bun => {
            let file = join(root, ".bun-version");
            let pinned = commit.text(&file).and_then(|text| Some(request(version_text(&text)?, &file)));
            let any = || request("1".to_owned(), &from);
            stated.or(pinned).or_else(|| hinted(|hints| hints.bun.as_ref())).or_else(|| Some(any()))
        }
    };
    let needs_npm_7 = name == PackageManagerName::Npm
        && beginning.as_deref().is_some_and(|text| {
            let rest = text.split_once("\"lockfileVersion\"").map_or("", |(_, rest)| rest);
            rest.trim_start_matches([':', ' ', '\t']).starts_with(['2', '3'])
        });
    Ok(Choice { manager: PackageManager { name, version, path }, npm, lockfile, needs_npm_7, because })
}

fn is_yarn(name: PackageManagerName) -> bool {
    matches!(name, PackageManagerName::YarnClassic | PackageManagerName::YarnBerry)
}

/// The name for reasons and commands.
pub(super) fn title(name: PackageManagerName) -> &'static str {
    match name {
        PackageManagerName::Npm => "npm",
        PackageManagerName::YarnClassic | PackageManagerName::YarnBerry => "yarn",
        PackageManagerName::Pnpm => "pnpm",
        PackageManagerName::Bun => "bun",
    }
}

/// `yarnPath` of the nearest `.yarnrc.yml`: the settings file, and the program.
fn yarn_path(commit: &Commit<'_>, root: &str) -> Option<(String, String)> {
    let mut candidate = Some(root);
    while let Some(directory) = candidate {
        let settings = join(directory, ".yarnrc.yml");
        if let Some(file) = commit.yaml(&settings)
            && let Some(path) = text_at(&file, &["yarnPath"])
            && let Some(path) = super::commit::resolve(directory, path)
            && commit.is_file(&path)
        {
            return Some((settings, path));
        }
        candidate = parent(directory);
    }
    None
}

/// `.yarn/releases/yarn-3.4.1.cjs`.
fn version_in_path(path: &str) -> Option<String> {
    let stem = path.rsplit('/').next()?.strip_prefix("yarn-")?;
    let stem = stem.strip_suffix(".cjs").or_else(|| stem.strip_suffix(".js")).unwrap_or(stem);
    version_text(stem)
}

/// What manifests state: `packageManager`, `devEngines`, `volta`.
fn declared(commit: &Commit<'_>, root: &str) -> Option<(PackageManagerName, String, String)> {
    let mut candidate = Some(root);
    while let Some(directory) = candidate {
        let path = join(directory, "package.json");
        if let Some(found) = commit.manifest(directory).and_then(|manifest| in_manifest(&manifest)) {
            return Some((found.0, found.1, path));
        }
        candidate = parent(directory);
    }
    None
}

fn in_manifest(manifest: &Value) -> Option<(PackageManagerName, String)> {
    if let Some(text) = text_at(manifest, &["packageManager"])
        && let Some((name, version)) = text.split_once('@')
        && let Some(version) = version_text(version)
    {
        return Some((by_name(name, &version)?, version));
    }
    if let Some(stated) = manifest.get("devEngines").and_then(|engines| engines.get("packageManager")) {
        let stated = stated.as_array().and_then(|list| list.first()).unwrap_or(stated);
        if let (Some(name), Some(version)) =
            (text_at(stated, &["name"]), text_at(stated, &["version"]).and_then(version_text))
        {
            return Some((by_name(name, &version)?, version));
        }
    }
    let volta = manifest.get("volta")?;
    ["pnpm", "yarn", "npm"].into_iter().find_map(|name| {
        let version = version_text(text_at(volta, &[name])?)?;
        Some((by_name(name, &version)?, version))
    })
}

fn by_name(name: &str, version: &str) -> Option<PackageManagerName> {
    match name {
        "npm" => Some(PackageManagerName::Npm),
        "pnpm" => Some(PackageManagerName::Pnpm),
        "bun" => Some(PackageManagerName::Bun),
        "yarn" if version.starts_with(['0', '1']) => Some(PackageManagerName::YarnClassic),
        "yarn" => Some(PackageManagerName::YarnBerry),
        _ => None,
    }
}

/// The pnpm that writes a lockfile of this version.
fn pnpm_by_lockfile(beginning: &str, instant: Option<i64>) -> Option<&'static str> {
    let line = beginning.lines().find_map(|line| line.strip_prefix("lockfileVersion:"))?;
    match line.trim().trim_matches(['\'', '"']) {
        "5" | "5.0" | "5.1" => Some(">=3 <5"),
        "5.2" => Some("5"),
        "5.3" | "5.3-inlineSpecifiers" => Some("6"),
        "5.4" | "5.4-inlineSpecifiers" => Some("7"),
        version if version.starts_with('6') => Some("8"),
        version if version.starts_with('9') => {
            Some(if instant.is_some_and(|instant| instant < PNPM_10) { "9" } else { "10" })
        }
        _ => None,
    }
}

/// The yarn that writes a lockfile with these metadata.
fn berry_by_lockfile(beginning: &str) -> &'static str {
    let version = beginning.lines().find_map(|line| line.strip_prefix("  version:")).unwrap_or_default();
    match version.trim() {
        "4" => "2",
        "5" | "6" | "7" => "3",
        _ => "4",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lockfile_versions_name_their_writer() {
        let pnpm = |version: &str, instant| pnpm_by_lockfile(&format!("lockfileVersion: {version}\n"), instant);
        assert_eq!(pnpm("5.4", None), Some("7"));
        assert_eq!(pnpm("'6.0'", None), Some("8"));
        assert_eq!(pnpm("'9.0'", Some(1_720_000_000)), Some("9"));
        assert_eq!(pnpm("'9.0'", Some(1_750_000_000)), Some("10"));
        assert_eq!(pnpm("7", None), None);
        assert_eq!(berry_by_lockfile("# x\n\n__metadata:\n  version: 6\n"), "3");
        assert_eq!(version_in_path(".yarn/releases/yarn-3.4.1.cjs").as_deref(), Some("3.4.1"));
        assert_eq!(version_in_path(".yarn/releases/yarn-berry.js"), None);
    }
}
