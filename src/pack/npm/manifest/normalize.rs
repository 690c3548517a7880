//! `npm-normalize`: another spelling of the same `bin`, `repository` or `bundleDependencies`.
//!
//! `npm publish` leaves the manifest in the tarball alone; `npm pkg fix` and pnpm 11 write these spellings into it.

use serde_json::{Map, Value};

use super::context::Context;
use super::delta::Delta;

pub(super) fn explains(delta: &Delta<'_>, context: &Context<'_>) -> bool {
    match (delta.path, delta.published, delta.source) {
        (["bin"], Some(published), Some(source)) => same_bin(context.name(), published, source),
        (["bin", _], Some(Value::String(published)), Some(Value::String(source))) => same_target(published, source),
        (["bundleDependencies"], Some(published), None) => context.source.get("bundledDependencies") == Some(published),
        (["bundledDependencies"], None, Some(source)) => context.published.get("bundleDependencies") == Some(source),
        (["repository"], Some(Value::Object(published)), Some(Value::String(source))) => {
            published.len() == 2
                && published.get("type").and_then(Value::as_str) == Some("git")
                && published.get("url").and_then(Value::as_str).is_some_and(|url| same_repository(url, source))
        }
        (["repository", "url"] | ["repository"], Some(Value::String(published)), Some(Value::String(source))) => {
            same_repository(published, source)
        }
        _ => false,
    }
}

/// Whether two `bin` values name the same commands and files; a text stands for one command of the package's name.
pub(super) fn same_bin(name: &str, published: &Value, source: &Value) -> bool {
    let command = name.rsplit('/').next().unwrap_or(name);
    let as_map = |value: &Value| -> Option<Map<String, Value>> {
        match value {
            Value::String(_) if !command.is_empty() => Some(Map::from_iter([(command.to_owned(), value.clone())])),
            Value::Object(map) => Some(map.clone()),
            _ => None,
        }
    };
    let (Some(published), Some(source)) = (as_map(published), as_map(source)) else {
        return false;
    };
    published.len() == source.len()
        && published.iter().all(|(command, target)| {
            target
                .as_str()
                .zip(source.get(command).and_then(Value::as_str))
                .is_some_and(|(published, source)| same_target(published, source))
        })
}

fn same_target(published: &str, source: &str) -> bool {
    published.trim_start_matches("./") == source.trim_start_matches("./")
}

/// Whether two `repository` texts name the same repository.
pub(super) fn same_repository(published: &str, source: &str) -> bool {
    published == source || location(published).is_some_and(|place| Some(place) == location(source))
}

/// Host and path of a repository text, without its transport.
pub(super) fn location(text: &str) -> Option<(String, String)> {
    let text = text.strip_prefix("git+").unwrap_or(text);
    let transports = ["https://", "http://", "git://", "ssh://"];
    let (host, path) = if let Some(rest) = transports.iter().find_map(|transport| text.strip_prefix(transport)) {
        let (authority, path) = rest.split_once('/')?;
        (authority.strip_prefix("git@").unwrap_or(authority), path)
    } else if let Some(rest) = text.strip_prefix("git@") {
        rest.split_once(':')?
    } else {
        let (host, path) = match text.split_once(':') {
            Some(("github", path)) => ("github.com", path),
            Some(("gitlab", path)) => ("gitlab.com", path),
            Some(("bitbucket", path)) => ("bitbucket.org", path),
            Some(_) => return None,
            None => ("github.com", text),
        };
        // Shorthand is OWNER/NAME; anything else is a path on somebody's disk.
        let (owner, name) = path.split_once('/')?;
        if owner.is_empty() || owner.starts_with(['.', '~', '@']) || name.is_empty() || name.contains('/') {
            return None;
        }
        (host, path)
    };
    if host.is_empty() || host.contains(['@', '%', '\\']) {
        return None;
    }
    let path = path.trim_end_matches('/');
    let (path, fragment) = path.split_once('#').map_or((path, None), |(path, fragment)| (path, Some(fragment)));
    let path = path.strip_suffix(".git").unwrap_or(path);
    let path = fragment.map_or_else(|| path.to_owned(), |fragment| format!("{path}#{fragment}"));
    Some((host.to_ascii_lowercase(), path))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::support::{compare, paths, rules};
    use super::*;

    fn with(key: &str, value: Value) -> Value {
        let mut manifest = json!({"name": "@a/tool"});
        manifest[key] = value;
        manifest
    }

    #[test]
    fn accepts_the_same_thing_in_another_spelling() {
        for (key, source, published) in [
            ("bin", json!("./cli.js"), json!({"tool": "cli.js"})),
            ("bin", json!({"x": "./bin/x.js"}), json!({"x": "bin/x.js"})),
            ("bin", json!("./cli.js"), json!("cli.js")),
            ("repository", json!("a/tool"), json!({"type": "git", "url": "git+https://github.com/a/tool.git"})),
            (
                "repository",
                json!({"type": "git", "url": "git@github.com:a/tool.git"}),
                json!({"type": "git", "url": "git+ssh://git@github.com/a/tool.git"}),
            ),
        ] {
            let comparison = compare(&with(key, source), &with(key, published));
            assert_eq!(rules(&comparison), ["npm-normalize"]);
        }
        let comparison = compare(&with("bundledDependencies", json!(["x"])), &with("bundleDependencies", json!(["x"])));
        assert_eq!(rules(&comparison), ["npm-normalize"; 2]);
    }

    #[test]
    fn another_command_file_or_repository_is_a_difference() {
        for (key, source, published) in [
            ("bin", json!("./cli.js"), json!({"tool": "evil.js"})),
            ("bin", json!("./cli.js"), json!({"npm": "cli.js"})),
            ("bin", json!("./cli.js"), json!({"tool": "cli.js", "npm": "cli.js"})),
            ("bin", json!({"x": "./bin/x.js"}), json!({"x": "../bin/x.js"})),
            ("repository", json!("a/tool"), json!({"type": "git", "url": "git+https://github.com/evil/tool.git"})),
            ("repository", json!("a/tool"), json!({"type": "git", "url": "https://github.com.evil.org/a/tool"})),
            ("repository", json!("a/tool"), json!({"type": "git", "url": "https://github.com@evil.org/a/tool"})),
        ] {
            let comparison = compare(&with(key, source.clone()), &with(key, published.clone()));
            assert_eq!(comparison.differences.len(), 1, "{source} {published}");
        }
        let bundled = compare(&with("bundledDependencies", json!(["x"])), &with("bundleDependencies", json!(["y"])));
        assert_eq!(paths(&bundled), ["bundledDependencies", "bundleDependencies"]);
    }

    #[test]
    fn a_location_is_host_and_path() {
        let place = |text: &str| location(text).map(|(host, path)| format!("{host}/{path}"));
        for text in [
            "a/b",
            "github:a/b",
            "git@github.com:a/b.git",
            "git+ssh://git@github.com/a/b.git",
            "https://GitHub.com/a/b/",
        ] {
            assert_eq!(place(text).as_deref(), Some("github.com/a/b"), "{text}");
        }
        for text in ["", "b", "../a", "./a/b", "~/b", "@a/b", "C:\\a/b", "a/b/c", "https://github.com"] {
            assert_eq!(place(text), None, "{text}");
        }
    }
}
