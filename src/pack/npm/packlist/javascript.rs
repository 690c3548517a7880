//! The few JavaScript string and path habits that npm's file selection depends on.

use serde_json::Value;

/// Says whether JavaScript's `trim` removes this character.
fn is_trimmed(character: char) -> bool {
    character == '\u{feff}' || (character.is_whitespace() && character != '\u{85}')
}

/// Trims as JavaScript's `String.prototype.trim` does: with the byte order mark, without U+0085.
pub(super) fn trim(text: &str) -> &str {
    text.trim_matches(is_trimmed)
}

/// Renders a JSON value as a JavaScript template literal would.
pub(super) fn to_string(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(flag) => flag.to_string(),
        Value::Number(number) => number.to_string(),
        Value::String(text) => text.clone(),
        Value::Array(items) => items
            .iter()
            .map(|item| if item.is_null() { String::new() } else { to_string(item) })
            .collect::<Vec<_>>()
            .join(","),
        Value::Object(_) => "[object Object]".to_owned(),
    }
}

/// Says whether JavaScript takes the value for true.
pub(super) fn is_truthy(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(flag) => *flag,
        Value::Number(number) => number.as_f64().is_some_and(|number| number != 0.0),
        Value::String(text) => !text.is_empty(),
        Value::Array(_) | Value::Object(_) => true,
    }
}

/// Resolves `.`, `..` and repeated slashes of a path that starts at `base`; `None` where it leaves the root.
///
/// The result has no leading or trailing slash.
pub(super) fn resolve(base: &str, path: &str) -> Option<String> {
    let mut parts: Vec<&str> = Vec::new();
    for part in base.split('/').chain(path.split('/')) {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

/// Resolves a path as if its root had no parent, as `path.join('/', …)` does.
pub(super) fn resolve_in_root(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    let mut resolved = parts.join("/");
    if path.ends_with('/') && !resolved.is_empty() {
        resolved.push('/');
    }
    resolved
}

/// Joins a directory and a name, each of which may be empty.
pub(super) fn join(directory: &str, name: &str) -> String {
    match (directory, name) {
        ("", name) => name.to_owned(),
        (directory, "") => directory.to_owned(),
        (directory, name) => format!("{directory}/{name}"),
    }
}

/// Splits a path into its directory (`""` for the root) and its last part.
pub(super) fn split_last(path: &str) -> (&str, &str) {
    path.rsplit_once('/').unwrap_or(("", path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_resolved_against_their_base() {
        assert_eq!(resolve("a/b", "../c//./d/"), Some("a/c/d".to_owned()));
        assert_eq!(resolve("a", "../../c"), None);
        assert_eq!(resolve_in_root("../../etc/passwd"), "etc/passwd");
        assert_eq!(resolve_in_root("./bin/"), "bin/");
    }

    #[test]
    fn values_print_like_template_literals() {
        assert_eq!(to_string(&serde_json::json!({"a": 1})), "[object Object]");
        assert_eq!(to_string(&serde_json::json!(["a", null, 2])), "a,,2");
    }
}
