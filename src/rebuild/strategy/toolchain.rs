//! Chooses Node and npm: the registry's claim, then the commit's files, then the time of publication.

use nodejs_semver::{Range, Version};
use serde_json::Value;

use super::commit::{Commit, join, text_at};
use super::inputs::Claims;
use super::node_releases::{bundled_npm, candidates_at, current_at, long_term_at, named};
use super::package_manager::Choice;
use super::workflow::Hints;
use crate::rebuild::plan::VersionRequest;

/// Who says so where only the time of publication chooses.
const PUBLISH_TIME: &str = "publish-time";
/// Longest text that is taken for a version.
const MAX_LENGTH: usize = 100;

/// A version or range as a file states it, without `v`, hash and blanks; `None` where it is neither.
pub(super) fn version_text(text: &str) -> Option<String> {
    let text = text.trim();
    let text = text.split(['+', '#', '\n']).next()?.trim();
    let text = text.strip_prefix(['v', 'V']).unwrap_or(text);
    let stated = text.starts_with(|first: char| first.is_ascii_digit() || "^~><=".contains(first));
    let plain = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-* <>=^~|".contains(&byte));
    (stated && plain && text.len() <= MAX_LENGTH && Range::parse(text).is_ok()).then(|| text.to_owned())
}

/// What `node-version` and the like state: a version, or a name that a time resolves.
fn node_text(text: &str, claims: &Claims) -> Option<String> {
    let text = text.trim();
    let lower = text.to_ascii_lowercase();
    match lower.as_str() {
        "lts/*" | "lts" | "lts/-0" => Some(long_term_at(claims.instant()).to_string()),
        "node" | "latest" | "current" | "stable" | "*" => Some(current_at(claims.instant()).to_string()),
        _ => match lower.strip_prefix("lts/") {
            Some(name) => named(name).map(|major| major.to_string()),
            None => version_text(text),
        },
    }
}

/// Chooses Node for a package in `directory` that is installed in `root`.
pub(super) fn node(
    commit: &Commit<'_>,
    root: &str,
    directory: &str,
    publishing: &[Hints],
    others: &[Hints],
    claims: &Claims,
) -> VersionRequest {
    let request = |version: String, from: &str| VersionRequest { version, from: from.to_owned() };
    if let Some(version) = claims.node_version.as_deref().and_then(exact) {
        return request(version, VersionRequest::CLAIMED);
    }
    if let Some(version) = claims.npm_version.as_deref().and_then(node_of_lerna) {
        return request(version, VersionRequest::CLAIMED);
    }
    let hinted = |hints: &[Hints]| {
        hints.iter().find_map(|hints| {
            let text = match (&hints.node, &hints.node_file) {
                (Some(text), _) => node_text(text, claims),
                (None, Some(file)) => version_file(commit, file, claims),
                (None, None) => None,
            };
            Some(request(text?, &hints.file))
        })
    };
    if let Some(found) = hinted(publishing) {
        return found;
    }
    for place in [directory, root, ""] {
        for name in [".nvmrc", ".node-version", ".tool-versions", "package.json"] {
            let file = join(place, name);
            if let Some(version) = version_file(commit, &file, claims) {
                return request(version, &file);
            }
        }
    }
    if let Some(found) = hinted(others) {
        return found;
    }
    let engines = commit.manifest(directory).and_then(|manifest| {
        let text = text_at(&manifest, &["engines", "node"])?.to_owned();
        (text.len() <= MAX_LENGTH).then(|| Range::parse(&text).ok())?
    });
    let allowed = |major: &u32| {
        let newest = Version::from((u64::from(*major), 999, 999));
        engines.as_ref().is_none_or(|range| range.satisfies(&newest))
    };
    let major = candidates_at(claims.instant()).into_iter().find(allowed).unwrap_or(long_term_at(claims.instant()));
    request(major.to_string(), PUBLISH_TIME)
}

/// Another Node that the publisher may have had where `chosen` is a guess: the newest of the time, as people have it on
/// their own machines, else the one with long-term support.
///
/// `None` where the registry, a version file or the publishing job states it.
pub(super) fn another_node(
    chosen: &VersionRequest,
    publishing: &[Hints],
    others: &[Hints],
    claims: &Claims,
) -> Option<VersionRequest> {
    let is_of = |hints: &[Hints]| hints.iter().any(|hints| hints.file == chosen.from);
    if chosen.from != PUBLISH_TIME && (is_of(publishing) || !is_of(others)) {
        return None;
    }
    let newest = [current_at(claims.instant()), long_term_at(claims.instant())];
    let other = newest.into_iter().find(|major| Some(*major) != major_of(&chosen.version))?;
    Some(VersionRequest { version: other.to_string(), from: PUBLISH_TIME.to_owned() })
}

/// The first number of a version or range.
fn major_of(version: &str) -> Option<u32> {
    let start = version.find(|first: char| first.is_ascii_digit())?;
    let digits = version[start..].split(|character: char| !character.is_ascii_digit()).next()?;
    digits.parse().ok()
}

/// An exact version, such as registries state.
fn exact(text: &str) -> Option<String> {
    let text = text.trim();
    let text = text.strip_prefix('v').unwrap_or(text);
    (text.len() <= MAX_LENGTH && Version::parse(text).is_ok()).then(|| text.to_owned())
}

/// `lerna/4.0.0/node@v14.15.0+x64 (darwin)`.
fn node_of_lerna(text: &str) -> Option<String> {
    let (_, rest) = text.split_once("/node@v")?;
    exact(rest.split(['+', ' ']).next()?)
}

/// Reads a file that pins Node: a bare version, `.tool-versions`, or a manifest with `volta` or `devEngines`.
fn version_file(commit: &Commit<'_>, path: &str, claims: &Claims) -> Option<String> {
    if path.ends_with("package.json") {
        return in_manifest(commit.json(path)?.as_ref());
    }
    let text = commit.beginning(path, 4 << 10)?;
    if path.ends_with(".tool-versions") {
        let line = text.lines().find_map(|line| line.strip_prefix("nodejs ").or_else(|| line.strip_prefix("node ")))?;
        return node_text(line, claims);
    }
    let line = text.lines().find(|line| !line.trim().is_empty() && !line.starts_with('#'))?;
    node_text(line.split('#').next()?, claims)
}

fn in_manifest(manifest: &Value) -> Option<String> {
    let volta = text_at(manifest, &["volta", "node"]).and_then(version_text);
    volta.or_else(|| {
        let runtime = manifest.get("devEngines")?.get("runtime")?;
        let runtime = runtime.as_array().and_then(|list| list.first()).unwrap_or(runtime);
        (text_at(runtime, &["name"]) == Some("node")).then(|| text_at(runtime, &["version"]).and_then(version_text))?
    })
}

/// Chooses npm: the registry's claim, what the commit states, else what came with Node.
pub(super) fn npm(
    commit: &Commit<'_>,
    root: &str,
    node: &VersionRequest,
    choice: &Choice,
    claims: &Claims,
) -> VersionRequest {
    let request = |version: String, from: &str| VersionRequest { version, from: from.to_owned() };
    if let Some(version) = claims.npm_version.as_deref().and_then(exact) {
        return request(version, VersionRequest::CLAIMED);
    }
    if let Some(stated) = &choice.npm {
        return stated.clone();
    }
    let manifest = commit.manifest(root);
    if let Some(version) =
        manifest.as_deref().and_then(|manifest| text_at(manifest, &["volta", "npm"])).and_then(version_text)
    {
        return request(version, &join(root, "package.json"));
    }
    let major = major_of(&node.version).unwrap_or_else(|| long_term_at(claims.instant()));
    let bundled = bundled_npm(major);
    match &choice.lockfile {
        Some(lockfile) if choice.needs_npm_7 && matches!(bundled, "2" | "3" | "6") => {
            request(">=7 <9".to_owned(), lockfile)
        }
        _ => request(bundled.to_owned(), &node.from),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_as_files_state_them() {
        assert_eq!(version_text(" v20.11.1\n").as_deref(), Some("20.11.1"));
        assert_eq!(version_text("9.1.0+sha512.abc").as_deref(), Some("9.1.0"));
        assert_eq!(version_text("20.x").as_deref(), Some("20.x"));
        assert_eq!(version_text(">=18 <21").as_deref(), Some(">=18 <21"));
        for text in ["", "latest", "${{ x }}", "; rm -rf", "20; x", "../x", &"1".repeat(200)] {
            assert_eq!(version_text(text), None, "{text}");
        }
        let claims = Claims { published_at: Some(1_704_067_200), ..Claims::default() };
        assert_eq!(node_text("lts/*", &claims).as_deref(), Some("20"));
        assert_eq!(node_text("lts/hydrogen", &claims).as_deref(), Some("18"));
        assert_eq!(node_text("latest", &claims).as_deref(), Some("21"));
        assert_eq!(node_of_lerna("lerna/4.0.0/node@v14.15.0+x64 (darwin)").as_deref(), Some("14.15.0"));
    }
}
