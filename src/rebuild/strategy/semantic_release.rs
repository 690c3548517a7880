//! What semantic-release's plugins change in the files before it packs them.

use serde_json::Value;

use super::classify::{Purpose, classify};
use super::commit::{Commit, join, resolve, text_at};
use super::expand::Kept;
use super::shell::{Script, quote, split};
use super::workspace::braces;
use crate::package::Version;

/// Files that configure it, besides the manifest.
pub(super) const CONFIGURATIONS: [&str; 5] =
    [".releaserc", ".releaserc.json", ".releaserc.yml", ".releaserc.yaml", "release.config.json"];
/// Most patterns of one plugin.
const MAX_PATTERNS: usize = 50;

/// A plugin and what it is told.
#[derive(Debug, Clone)]
pub(super) struct Plugin {
    pub(super) name: String,
    pub(super) options: Value,
    /// The file that says so.
    pub(super) path: String,
}

/// The plugins in their order, of the first configuration that names any.
pub(super) fn plugins(commit: &Commit<'_>, directory: &str) -> Vec<Plugin> {
    let mut configurations = Vec::new();
    for name in CONFIGURATIONS {
        let path = join(directory, name);
        configurations.extend(commit.yaml(&path).map(|file| ((*file).clone(), path)));
    }
    let path = join(directory, "package.json");
    let own = commit.json(&path).and_then(|manifest| manifest.get("release").cloned());
    configurations.extend(own.map(|release| (release, path)));
    let read = |(configuration, path): (Value, String)| -> Option<Vec<Plugin>> {
        let listed = configuration.get("plugins")?.as_array()?;
        let plugin = |value: &Value| {
            let (name, options) = match value {
                Value::String(name) => (name.clone(), Value::Null),
                Value::Array(pair) => (pair.first()?.as_str()?.to_owned(), pair.get(1).cloned().unwrap_or_default()),
                _ => return None,
            };
            Some(Plugin { name, options, path: path.clone() })
        };
        Some(listed.iter().filter_map(plugin).collect())
    };
    configurations.into_iter().find_map(read).unwrap_or_default()
}

/// Whether it commits the new version itself: then what ran before it saw the version before.
pub(super) fn commits_version(commit: &Commit<'_>, directory: &str) -> bool {
    plugins(commit, directory).iter().any(|plugin| plugin.name == "@semantic-release/git")
}

/// Gives the manifest in `directory` the release's version, as semantic-release does after the build.
pub(super) fn bump(directory: &str, version: &Version) -> Kept {
    let run = format!("npm version {} --no-git-tag-version --allow-same-version", quote(version.as_str()));
    // It changes what a build has made, and makes nothing by itself.
    Kept {
        directory: directory.to_owned(),
        run,
        environment: Default::default(),
        builds: false,
        fallback: false,
        leaves: Default::default(),
    }
}

/// The commands that do what the plugins do to files, in their order.
pub(super) fn steps(commit: &Commit<'_>, directory: &str, version: &Version) -> Vec<Kept> {
    let kept = |run: String| Kept { run, ..bump(directory, version) };
    let mut steps = Vec::new();
    for plugin in plugins(commit, directory) {
        match plugin.name.as_str() {
            "semantic-release-plugin-update-version-in-files" => {
                steps.extend(version_in_files(&plugin.options, version).map(kept));
            }
            // Where another directory is packed, its manifest comes out of the build and gets its version here.
            "@semantic-release/npm" => {
                let root = text_at(&plugin.options, &["pkgRoot"]).and_then(|root| resolve(directory, root));
                steps.extend(root.filter(|root| root != directory).map(|root| bump(&root, version)));
            }
            "@semantic-release/exec" => {
                let Some(command) = text_at(&plugin.options, &["prepareCmd"]) else { continue };
                let command = command.replace("${nextRelease.version}", version.as_str());
                steps.extend(useful(&command).into_iter().map(kept));
            }
            _ => {}
        }
    }
    steps
}

/// Puts the version in the place of a mark, in the files that patterns name.
fn version_in_files(options: &Value, version: &Version) -> Option<String> {
    let listed = options.get("files").and_then(Value::as_array);
    let patterns: Vec<&str> = match listed {
        Some(list) => list.iter().filter_map(Value::as_str).take(MAX_PATTERNS).collect(),
        None => vec!["version.js"],
    };
    let placeholder = text_at(options, &["placeholder"]).unwrap_or("0.0.0-development");
    let plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._+".contains(&byte));
    if !plain(placeholder) || placeholder.is_empty() || !plain(version.as_str()) {
        return None;
    }
    let words: Vec<String> = patterns.iter().flat_map(|pattern| braces(pattern)).filter_map(|one| word(&one)).collect();
    let mark = placeholder.replace('.', "\\.");
    (!words.is_empty()).then(|| {
        format!(
            "for file in {}; do if [ -f \"$file\" ]; then sed -i 's/{mark}/{version}/g' \"$file\"; fi; done",
            words.join(" ")
        )
    })
}

/// A pattern as the shell expands it: `**` is every file below.
fn word(pattern: &str) -> Option<String> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"@+./_-*".contains(&byte);
    let pattern = pattern.strip_prefix("./").unwrap_or(pattern);
    if pattern.is_empty() || pattern.starts_with(['/', '-']) || !pattern.bytes().all(plain) || pattern.contains("..") {
        return None;
    }
    match pattern.split_once("**") {
        Some((before, after)) => {
            let base = before.trim_end_matches('/');
            let name = after.trim_start_matches('/');
            let base = if base.is_empty() { "." } else { base };
            let name = if name.is_empty() || name.contains('/') { "*" } else { name };
            Some(format!("$(find {base} -name node_modules -prune -o -type f -name {} -print)", quote(name)))
        }
        None => Some(pattern.to_owned()),
    }
}

/// The commands of `prepareCmd` that make or change files.
fn useful(script: &str) -> Vec<String> {
    // What only the release's own run knows cannot be said here.
    if script.contains("${") {
        return Vec::new();
    }
    let Script::Sequence(commands) = split(script) else { return Vec::new() };
    let is_useful = |command: &super::shell::Command| {
        matches!(classify(command), Purpose::Build | Purpose::RunScript(_) | Purpose::RunSeveral(_) | Purpose::Other)
    };
    commands.into_iter().filter(is_useful).map(|command| command.text).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_takes_a_marks_place() {
        let version = Version::parse("1.2.3").unwrap();
        let options =
            serde_json::json!({ "files": ["pkg/*/version.*", "lib/**", "src/**/v.{js,ts}", "/etc/x", "a;b"] });
        let run = version_in_files(&options, &version).unwrap();
        assert!(run.starts_with("for file in pkg/*/version.* $(find lib -name node_modules -prune"), "{run}");
        assert!(run.contains("-name v.js -print") && run.contains("-name v.ts -print"), "{run}");
        assert!(
            run.contains("s/0\\.0\\.0-development/1.2.3/g") && !run.contains("etc") && !run.contains("a;b"),
            "{run}"
        );
        let hostile = serde_json::json!({ "placeholder": "x/;rm -rf" });
        assert_eq!(version_in_files(&hostile, &version), None);
    }

    #[test]
    fn commands_that_make_files_are_kept() {
        assert_eq!(useful("npm run build && git add dist"), ["npm run build"]);
        assert_eq!(useful("node set.js 1.2.3"), ["node set.js 1.2.3"]);
        assert!(useful("echo ${branch.name}").is_empty() && useful("npm publish").is_empty());
    }
}
