//! Specifiers of imports, as Node and bundlers resolve them inside of a package.

use serde_json::Value;

use super::files::{Files, parent};

/// Most steps into nested conditions of `exports`.
const MAXIMUM_CONDITIONS: usize = 16;

/// The files that `specifier` may stand for in a file of `folder`.
pub(super) fn resolve<'f>(files: &Files<'f>, folder: &str, specifier: &str) -> Vec<&'f str> {
    // `raw-loader!./file` names what follows.
    let specifier = specifier.rsplit('!').next().unwrap_or(specifier);
    let specifier = specifier.strip_prefix("file:").map_or(specifier, |path| path.trim_start_matches("//"));
    let mut found = resolve_plain(files, folder, specifier);
    if found.is_empty() {
        // Modules are imported by URL: `./a%62.js?x#y`.
        let url = specifier.split(['?', '#']).next().unwrap_or(specifier);
        let decoded = percent_encoding::percent_decode_str(url).decode_utf8_lossy();
        if decoded != specifier && !decoded.is_empty() {
            found = resolve_plain(files, folder, &decoded);
        }
    }
    found
}

fn resolve_plain<'f>(files: &Files<'f>, folder: &str, specifier: &str) -> Vec<&'f str> {
    if specifier.is_empty() {
        return Vec::new();
    }
    if is_relative(specifier) {
        let completed = |path: &str| {
            let replaced = substituted(files, folder, path);
            let found = files.join(folder, path).and_then(|path| files.complete(&path));
            replaced.into_iter().chain(found).collect()
        };
        return completed(specifier);
    }
    if let Some(name) = specifier.strip_prefix('#') {
        let (scope, manifest) = files.scope(folder);
        let imports = manifest.get("imports").unwrap_or(&Value::Null);
        return from_map(files, scope, folder, imports, &format!("#{name}"));
    }
    let (name, rest) = package_name(specifier);
    let (scope, manifest) = files.scope(folder);
    let mut found: Vec<&'f str> = substituted(files, folder, specifier);
    if manifest.get("name").and_then(Value::as_str) == Some(name) {
        found.extend(in_package(files, scope, rest));
    }
    if let Some(bundled) = files.bundled(folder, name) {
        found.extend(in_package(files, &bundled, rest));
    }
    found
}

/// Whether a specifier names a path, not a package.
pub(super) fn is_relative(specifier: &str) -> bool {
    matches!(specifier, "." | "..")
        || [".", ".."].iter().any(|dots| specifier.strip_prefix(dots).is_some_and(|rest| rest.starts_with(['/', '\\'])))
}

/// The package's name and what follows it.
fn package_name(specifier: &str) -> (&str, &str) {
    let scope =
        if specifier.starts_with('@') { specifier.find('/').map_or(specifier.len(), |slash| slash + 1) } else { 0 };
    let end = specifier[scope..].find('/').map_or(specifier.len(), |slash| scope + slash);
    (&specifier[..end], specifier[end..].trim_start_matches('/'))
}

/// `rest` of the package that lies in `folder`.
fn in_package<'f>(files: &Files<'f>, folder: &str, rest: &str) -> Vec<&'f str> {
    let exports = files.scope(folder).1.get("exports").filter(|exports| !exports.is_null());
    if let (Some(exports), true) = (exports, files.scope(folder).0 == folder) {
        let subpath = if rest.is_empty() { ".".to_owned() } else { format!("./{rest}") };
        let is_map = exports.as_object().is_some_and(|map| map.keys().any(|key| key.starts_with('.')));
        return match (is_map, rest.is_empty()) {
            (true, _) => from_map(files, folder, folder, exports, &subpath),
            (false, true) => {
                targets(exports).iter().filter_map(|target| files.named(&files.join(folder, target)?)).collect()
            }
            (false, false) => Vec::new(),
        };
    }
    files.join(folder, rest).and_then(|path| files.complete(&path)).into_iter().collect()
}

/// Looks `key` up in a map of `exports` or `imports`.
fn from_map<'f>(files: &Files<'f>, scope: &str, folder: &str, map: &Value, key: &str) -> Vec<&'f str> {
    let Some(map) = map.as_object().filter(|map| files.spend(map.len())) else { return Vec::new() };
    let mut found = Vec::new();
    for (pattern, value) in map {
        let star = match pattern.split_once('*') {
            Some((before, after)) => {
                let middle = key.strip_prefix(before).and_then(|rest| rest.strip_suffix(after));
                let Some(middle) = middle else { continue };
                middle
            }
            None if pattern == key => "",
            None if pattern.ends_with('/') && key.starts_with(pattern.as_str()) => &key[pattern.len()..],
            None => continue,
        };
        for target in targets(value) {
            let target = if target.ends_with('/') { format!("{target}{star}") } else { target.replace('*', star) };
            if is_relative(&target) {
                found.extend(files.join(scope, &target).and_then(|path| files.named(&path)));
            } else if !target.starts_with('#') {
                // `imports` may name packages.
                let (name, rest) = package_name(&target);
                found.extend(
                    files.bundled(folder, name).into_iter().flat_map(|folder| in_package(files, &folder, rest)),
                );
            }
        }
    }
    found
}

/// Every file that a value of `exports` may stand for; those that only describe types are left out.
pub(super) fn targets(value: &Value) -> Vec<&str> {
    let mut found = Vec::new();
    visit_targets(value, MAXIMUM_CONDITIONS, &mut String::new(), &mut |conditions, target| {
        if !conditions.contains(".types") {
            found.push(target);
        }
    });
    found
}

/// Visits all targets with the conditions they stand under, such as `.import.default`.
pub(super) fn visit_targets<'v>(
    value: &'v Value,
    depth: usize,
    conditions: &mut String,
    visit: &mut dyn FnMut(&str, &'v str),
) {
    match value {
        Value::String(target) => visit(conditions, target),
        Value::Array(values) if depth > 0 => {
            for value in values {
                visit_targets(value, depth - 1, conditions, visit);
            }
        }
        Value::Object(map) if depth > 0 => {
            for (condition, value) in map {
                let length = conditions.len();
                conditions.push('.');
                conditions.push_str(condition);
                visit_targets(value, depth - 1, conditions, visit);
                conditions.truncate(length);
            }
        }
        _ => {}
    }
}

/// What the maps of `browser` and `react-native` put in the place of a specifier.
fn substituted<'f>(files: &Files<'f>, folder: &str, specifier: &str) -> Vec<&'f str> {
    let (scope, manifest) = files.scope(folder);
    let wanted = if is_relative(specifier) { files.join(folder, specifier) } else { None };
    let mut found = Vec::new();
    for field in ["browser", "react-native"] {
        let Some(map) = manifest.get(field).and_then(Value::as_object) else { continue };
        let direct = map.get(specifier).into_iter();
        let written =
            wanted.as_deref().and_then(|wanted| wanted.strip_prefix(scope)).map(|path| path.trim_start_matches('/'));
        let by_path = written.into_iter().flat_map(|path| {
            ["", ".js", ".json", "/index.js"].into_iter().filter_map(move |end| map.get(&format!("./{path}{end}")))
        });
        for target in direct.chain(by_path).filter_map(Value::as_str) {
            found.extend(files.join(scope, target).and_then(|path| files.complete(&path)));
        }
    }
    found
}

/// The file that a path in a manifest names, relative to the manifest's folder.
pub(super) fn in_manifest<'f>(files: &Files<'f>, folder: &str, path: &str) -> Option<&'f str> {
    files.join(folder, path).and_then(|path| files.complete(&path))
}

/// The folder of a file.
pub(super) fn folder_of(path: &str) -> &str {
    parent(path)
}
