//! Walks two manifests side by side and names each place where they differ.

use serde_json::{Map, Value};

/// Longest part of one key that a key path shows; the rest becomes an ellipsis.
const MAX_KEY_CHARACTERS: usize = 200;

/// Keys whose entries are looked at one by one even where a side lacks the whole key.
const ENTRYWISE: [&str; 11] = [
    "scripts",
    "dependencies",
    "devDependencies",
    "optionalDependencies",
    "peerDependencies",
    "peerDependenciesMeta",
    "bin",
    "publishConfig",
    "engines",
    "config",
    "overrides",
];

/// One place where the manifests differ.
#[derive(Debug, Clone, Copy)]
pub(super) struct Delta<'a> {
    /// The keys from the root; never empty.
    pub(super) path: &'a [&'a str],
    pub(super) published: Option<&'a Value>,
    pub(super) source: Option<&'a Value>,
}

impl Delta<'_> {
    pub(super) fn top(&self) -> &str {
        self.path.first().copied().unwrap_or_default()
    }

    pub(super) fn published_text(&self) -> Option<&str> {
        self.published.and_then(Value::as_str)
    }

    pub(super) fn source_text(&self) -> Option<&str> {
        self.source.and_then(Value::as_str)
    }
}

/// Calls `visit` for each differing place, in source order and then for what only the published manifest has.
pub(super) fn each_delta(
    published: &Map<String, Value>,
    source: &Map<String, Value>,
    visit: &mut dyn FnMut(Delta<'_>),
) {
    walk_maps(Some(published), Some(source), &mut Vec::new(), visit);
}

fn walk_maps<'a>(
    published: Option<&'a Map<String, Value>>,
    source: Option<&'a Map<String, Value>>,
    path: &mut Vec<&'a str>,
    visit: &mut dyn FnMut(Delta<'_>),
) {
    for (key, value) in source.into_iter().flatten() {
        path.push(key);
        walk(published.and_then(|map| map.get(key)), Some(value), path, visit);
        path.pop();
    }
    for (key, value) in published.into_iter().flatten() {
        if source.is_some_and(|map| map.contains_key(key)) {
            continue;
        }
        path.push(key);
        walk(Some(value), None, path, visit);
        path.pop();
    }
}

fn walk<'a>(
    published: Option<&'a Value>,
    source: Option<&'a Value>,
    path: &mut Vec<&'a str>,
    visit: &mut dyn FnMut(Delta<'_>),
) {
    match (published, source) {
        (Some(Value::Object(new)), Some(Value::Object(old))) => {
            walk_maps(Some(new), Some(old), path, visit);
            if order_matters(path) && !same_order(new, old) {
                visit(Delta { path, published, source });
            }
        }
        (Some(Value::Object(map)), None) if entrywise(path, map) => walk_maps(Some(map), None, path, visit),
        (None, Some(Value::Object(map))) if entrywise(path, map) => walk_maps(None, Some(map), path, visit),
        (Some(new), Some(old)) if same_value(new, old, order_matters(path)) => {}
        _ => visit(Delta { path, published, source }),
    }
}

fn entrywise(path: &[&str], map: &Map<String, Value>) -> bool {
    matches!(path, [key] if ENTRYWISE.contains(key)) && !map.is_empty()
}

/// Whether Node takes the first match in this key, so that another order is another meaning.
fn order_matters(path: &[&str]) -> bool {
    path.first().is_some_and(|top| order_matters_in(top))
        || matches!(path, ["publishConfig", key, ..] if order_matters_in(key))
}

pub(super) fn order_matters_in(top: &str) -> bool {
    matches!(top, "exports" | "imports" | "typesVersions")
}

fn same_order(new: &Map<String, Value>, old: &Map<String, Value>) -> bool {
    let kept = new.keys().filter(|key| old.contains_key(*key));
    kept.eq(old.keys().filter(|key| new.contains_key(*key)))
}

/// Whether two values are equal; with `ordered`, also in the order of their keys.
pub(super) fn same_value(new: &Value, old: &Value, ordered: bool) -> bool {
    match (new, old) {
        (Value::Object(new), Value::Object(old)) => {
            new.len() == old.len()
                && (!ordered || new.keys().eq(old.keys()))
                && new.iter().all(|(key, value)| old.get(key).is_some_and(|other| same_value(value, other, ordered)))
        }
        (Value::Array(new), Value::Array(old)) => {
            new.len() == old.len() && new.iter().zip(old).all(|(value, other)| same_value(value, other, ordered))
        }
        _ => new == old,
    }
}

/// Writes a path as `dependencies.chalk` or `exports["./a.b"]`.
///
/// A key with anything but ASCII letters, digits and `@ / _ $ : -` is quoted and escaped, so that keys which only
/// look alike read differently; very long keys are cut.
pub fn key_path(path: &[&str]) -> String {
    let mut text = String::new();
    for key in path {
        let plain = !key.is_empty()
            && key.len() <= MAX_KEY_CHARACTERS
            && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"@/_$:-".contains(&byte));
        if plain {
            if !text.is_empty() {
                text.push('.');
            }
            text.push_str(key);
        } else {
            text.push_str("[\"");
            text.extend(key.chars().take(MAX_KEY_CHARACTERS).flat_map(char::escape_default));
            text.push_str(if key.chars().nth(MAX_KEY_CHARACTERS).is_some() { "…\"]" } else { "\"]" });
        }
    }
    text
}

/// What a manifest says under a key path in the form of [`key_path`].
pub fn value_at<'a>(manifest: &'a Value, path: &str) -> Option<&'a Value> {
    let mut keys: Vec<&str> = Vec::new();
    let mut value = manifest;
    while key_path(&keys) != path {
        let is_on_the_way = |key: &str| {
            let here = key_path(&[&keys[..], &[key]].concat());
            path.strip_prefix(here.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
        };
        let (key, below) = value.as_object()?.iter().find(|(key, _)| is_on_the_way(key))?;
        keys.push(key);
        value = below;
    }
    Some(value)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_key_path_leads_back_to_its_value() {
        let manifest = json!({"bin": "a.js", "exports": {".": {"import": 1}, "./x.y": 2}, "dependencies": {"b.c": "^1", "b": "2"}});
        for (path, keys, expected) in [
            ("bin", &["bin"][..], Some(json!("a.js"))),
            ("dependencies.b", &["dependencies", "b"], Some(json!("2"))),
            ("dependencies[\"b.c\"]", &["dependencies", "b.c"], Some(json!("^1"))),
            ("exports[\".\"].import", &["exports", ".", "import"], Some(json!(1))),
            ("dependencies.bc", &["dependencies", "bc"], None),
            ("bin.tool", &["bin", "tool"], None),
        ] {
            assert_eq!(key_path(keys), path);
            assert_eq!(value_at(&manifest, path), expected.as_ref(), "{path}");
        }
    }

    fn paths(published: &Value, source: &Value) -> Vec<String> {
        let mut found = Vec::new();
        each_delta(published.as_object().unwrap(), source.as_object().unwrap(), &mut |delta| {
            found.push(key_path(delta.path));
        });
        found
    }

    #[test]
    fn names_the_exact_place() {
        let source = json!({"dependencies": {"a": "1"}, "main": "x", "exports": {"./a.b": {"import": "x"}}});
        let published = json!({"dependencies": {"a": "1", "b.c": "1"}, "scripts": {"postinstall": "x"},
            "exports": {"./a.b": {"import": "y"}}});
        assert_eq!(
            paths(&published, &source),
            [r#"dependencies["b.c"]"#, "main", r#"exports["./a.b"].import"#, "scripts.postinstall"]
        );
    }

    #[test]
    fn the_order_of_conditions_is_part_of_their_meaning() {
        let source = json!({"exports": {".": {"node": "a", "default": "b"}}, "bin": {"a": "1", "b": "2"}});
        let published = json!({"bin": {"b": "2", "a": "1"}, "exports": {".": {"default": "b", "node": "a"}}});
        assert_eq!(paths(&published, &source), [r#"exports["."]"#]);
        let nested = |inner: Value| json!({"exports": {".": [inner]}});
        let (new, old) = (nested(json!({"default": "b", "node": "a"})), nested(json!({"node": "a", "default": "b"})));
        assert_eq!(paths(&new, &old), [r#"exports["."]"#]);
    }

    #[test]
    fn null_empty_and_absent_are_three_things() {
        for (published, source) in
            [(json!({"scripts": {}}), json!({})), (json!({"a": null}), json!({})), (json!({}), json!({"a": {}}))]
        {
            assert_eq!(paths(&published, &source).len(), 1, "{published} {source}");
        }
    }

    #[test]
    fn keys_that_look_alike_are_written_apart() {
        assert_eq!(key_path(&["dependencies", "сhalk"]), r#"dependencies["\u{441}halk"]"#);
        assert_eq!(key_path(&["a", "b\"]\n.c"]), r#"a["b\"]\n.c"]"#);
        assert_eq!(key_path(&["a.b"]), r#"["a.b"]"#);
        assert!(key_path(&[&"a".repeat(1 << 20)]).len() < 300);
    }
}
