//! `workspace-protocol` and `local-path-dependency`: ranges that only make sense inside the repository.
//!
//! The result is derived from the version that the named package has at the commit. Where git has a placeholder
//! there, no such package, or the package's own not yet stamped version, the release's version counts as well:
//! packages of one repository are often released together.

use super::context::Context;
use super::delta::Delta;
use super::keys::dependency_map;
use super::version_stamp::is_placeholder;

const PROTOCOL: &str = "workspace:";

pub(super) fn explains(delta: &Delta<'_>, context: &Context<'_>) -> bool {
    let ([map, name], Some(published), Some(source)) = (delta.path, delta.published_text(), delta.source_text()) else {
        return false;
    };
    dependency_map(map) && resolves(map, name, source, published, context)
}

/// Whether the range `source` of `name` in `map` becomes exactly `published`.
pub(super) fn resolves(map: &str, name: &str, source: &str, published: &str, context: &Context<'_>) -> bool {
    if let Some(body) = source.strip_prefix(PROTOCOL)
        && resolves_body(name, body, published, context)
    {
        return true;
    }
    map == "peerDependencies" && resolves_inside(name, source, published, context)
}

fn resolves_body(name: &str, body: &str, published: &str, context: &Context<'_>) -> bool {
    let is = |prefix: &str, package: &str| {
        published.strip_prefix(prefix).is_some_and(|version| has_version(package, version, context))
    };
    match body {
        "" | "*" => return is("", name),
        "^" | "~" => return is(body, name),
        _ => {}
    }
    if body.starts_with("./") || body.starts_with("../") {
        return match context.workspace.package_at(body) {
            Some((other, version)) if other == name => published == version,
            Some((other, version)) => published == format!("npm:{other}@{version}"),
            None => is("", name),
        };
    }
    if let Some((alias, operator)) = body.rsplit_once('@').filter(|(alias, _)| !alias.is_empty()) {
        return match operator {
            "" | "*" => is(&format!("npm:{alias}@"), alias),
            "^" | "~" => is(&format!("npm:{alias}@{operator}"), alias),
            _ => published.strip_prefix("npm:") == Some(body),
        };
    }
    if body.contains('/') {
        // yarn: a path from the repository root.
        return is("", name);
    }
    // pnpm, yarn and bun keep the stated range; lerna keeps its operator and writes the current version.
    let operator = body.get(..1).filter(|operator| matches!(*operator, "^" | "~")).unwrap_or_default();
    published == body || is_version(&body[operator.len()..]) && is(operator, name)
}

/// pnpm's form for peers, which may stand inside a larger range: `workspace:^ || ^1.0.0`.
fn resolves_inside(name: &str, source: &str, published: &str, context: &Context<'_>) -> bool {
    let Some((before, after)) = source.split_once(PROTOCOL) else {
        return false;
    };
    let operator = ["^", "~", "*", ">=", ">", "<=", "<"].into_iter().find(|operator| after.starts_with(*operator));
    let operator = operator.unwrap_or_default();
    let rest = &after[operator.len()..];
    let Some(written) = published.strip_prefix(before) else {
        return false;
    };
    if rest.starts_with(|first: char| first.is_ascii_digit() || matches!(first, 'x' | 'X' | '*')) {
        return written == after;
    }
    let prefix = if operator == "*" { "" } else { operator };
    written
        .strip_prefix(prefix)
        .and_then(|written| written.strip_suffix(rest))
        .is_some_and(|version| has_version(name, version, context))
}

pub(super) fn explains_local_path(delta: &Delta<'_>, context: &Context<'_>) -> bool {
    let ([map, name], Some(published), Some(source)) = (delta.path, delta.published_text(), delta.source_text()) else {
        return false;
    };
    let local = ["file:", "link:", "portal:"].iter().any(|prefix| source.starts_with(prefix));
    dependency_map(map)
        && local
        && context.workspace.package_version(name).is_some()
        && has_version(name, published.strip_prefix(['^', '~']).unwrap_or(published), context)
}

fn has_version(name: &str, version: &str, context: &Context<'_>) -> bool {
    // A version and nothing more: `2.0.0 || 3.0.0` must not pass for one whatever git's manifest says.
    if !is_version(version) {
        return false;
    }
    let own = context.workspace.package_version(name);
    let release = context.input.version;
    let released_together = match own.as_deref() {
        None => true,
        Some(own) => is_placeholder(own) || own == context.source_version() && context.source_version() != release,
    };
    own.as_deref() == Some(version) || released_together && version == release
}

fn is_version(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_digit())
        && text.split(['-', '+']).next().is_some_and(|core| core.split('.').count() == 3)
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-+".contains(&byte))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::support::{Case, paths, rules};

    fn ranged(map: &str, source: &str, published: &str) -> Case {
        Case::of(&json!({"name": "@a/core", "version": "2.0.0", map: {"@a/b": source}}))
            .published(&json!({"name": "@a/core", "version": "2.0.0", map: {"@a/b": published}}))
            .package("@a/b", "1.4.0")
            .package("@a/other", "7.0.0")
            .directory("../b", "@a/b", "1.4.0")
            .directory("../other", "@a/other", "7.0.0")
    }

    #[test]
    fn every_form_has_exactly_one_result() {
        for (source, published) in [
            ("workspace:*", "1.4.0"),
            ("workspace:", "1.4.0"),
            ("workspace:^", "^1.4.0"),
            ("workspace:~", "~1.4.0"),
            ("workspace:1.2.3", "1.2.3"),
            ("workspace:^1.2.3", "^1.2.3"),
            ("workspace:^1.2.3", "^1.4.0"),
            ("workspace:>=1 <3", ">=1 <3"),
            ("workspace:@a/other@*", "npm:@a/other@7.0.0"),
            ("workspace:@a/other@^", "npm:@a/other@^7.0.0"),
            ("workspace:@a/other@^6.0.0", "npm:@a/other@^6.0.0"),
            ("workspace:../b", "1.4.0"),
            ("workspace:../other", "npm:@a/other@7.0.0"),
            ("workspace:packages/b", "1.4.0"),
        ] {
            let comparison = ranged("dependencies", source, published).run();
            assert_eq!(rules(&comparison), ["workspace-protocol"], "{source}");
        }
        for (source, published) in [
            ("workspace:^ || ^1.0.0", "^1.4.0 || ^1.0.0"),
            ("^1.0.0 || workspace:>=", "^1.0.0 || >=1.4.0"),
            ("workspace:>=1.0.0 || 3", ">=1.0.0 || 3"),
            ("workspace:*", "1.4.0"),
        ] {
            assert_eq!(rules(&ranged("peerDependencies", source, published).run()), ["workspace-protocol"], "{source}");
        }
    }

    #[test]
    fn any_other_result_is_a_difference() {
        for (source, published) in [
            ("workspace:*", "1.4.1"),
            ("workspace:*", "^1.4.0"),
            ("workspace:*", "2.0.0"),
            ("workspace:^", "1.4.0"),
            ("workspace:^", "^1.4.0 || ^9.0.0"),
            ("workspace:*", "npm:evil@1.4.0"),
            ("workspace:*", "https://example.org/x.tgz"),
            ("workspace:^1.2.3", "^1.2.4"),
            ("workspace:>=1 <3", ">=1.4.0"),
            ("workspace:@a/other@*", "npm:@a/evil@7.0.0"),
            ("workspace:@a/other@*", "7.0.0"),
            ("workspace:../other", "npm:@a/b@1.4.0"),
            ("1.4.0", "1.4.1"),
        ] {
            for map in ["dependencies", "peerDependencies", "optionalDependencies"] {
                let found = paths(&ranged(map, source, published).run());
                assert_eq!(found, [format!("{map}.@a/b")], "{source} {published}");
            }
        }
        let mixed = ranged("dependencies", "^1 || workspace:^", "^1 || ^1.4.0");
        assert_eq!(paths(&mixed.run()).len(), 1, "only peers take this form");
    }

    #[test]
    fn the_release_version_counts_where_git_has_none_yet() {
        let case = |own: &str, sibling: Option<&str>, published: &str| {
            let manifest =
                |version: &str, range: &str| json!({"name": "a", "version": version, "dependencies": {"b": range}});
            let case = Case::of(&manifest(own, "workspace:*")).published(&manifest("2.0.0", published)).corroborated();
            match sibling {
                Some(version) => case.package("b", version).run(),
                None => case.run(),
            }
        };
        assert!(case("0.0.0", Some("0.0.0"), "2.0.0").is_explained(), "both at a placeholder");
        assert!(case("1.9.0", Some("1.9.0"), "2.0.0").is_explained(), "both stamped in lockstep");
        assert!(case("2.0.0", None, "2.0.0").is_explained(), "unknown at the commit");
        assert_eq!(paths(&case("1.9.0", Some("1.8.0"), "2.0.0")), ["dependencies.b"]);
        assert_eq!(paths(&case("2.0.0", None, "2.0.1")), ["dependencies.b"]);
    }

    #[test]
    fn a_hostile_workspace_version_is_not_a_version() {
        let case = Case::of(&json!({"dependencies": {"b": "workspace:*"}}))
            .published(&json!({"dependencies": {"b": "npm:evil@1.0.0"}}))
            .package("b", "npm:evil@1.0.0");
        assert_eq!(paths(&case.run()), ["dependencies.b"]);
    }

    #[test]
    fn local_paths_become_the_version_of_the_same_package() {
        for published in ["1.4.0", "^1.4.0", "~1.4.0"] {
            let comparison = ranged("dependencies", "file:../b", published).run();
            assert_eq!(rules(&comparison), ["local-path-dependency"]);
        }
        for published in ["1.4.1", "npm:@a/b@1.4.0", "*", "file:../c"] {
            assert_eq!(paths(&ranged("dependencies", "file:../b", published).run()).len(), 1, "{published}");
        }
    }
}
