//! Changes to files of the build tree that a command plan needs: the release's version, and yarn 1's lockfile.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A file that holds something else for a while, or from the start.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Edit {
    /// The file, relative to the source tree.
    pub file: String,
    /// What is written.
    pub after: String,
    /// What is put back after the installation; `None` where the change stays.
    pub restore: Option<String>,
}

/// Points the `resolved` addresses of a yarn 1 lockfile at another registry, for yarn 1 never does that itself.
///
/// Only addresses of the registry's own form (`…/NAME/-/FILE.tgz`) are changed; those of git hosts and tarballs from
/// elsewhere stay, and are then refused where they are asked for. `registry` ends with a slash.
pub fn point_yarn_lock_at(lockfile: &str, registry: &str) -> String {
    let mut result = String::with_capacity(lockfile.len());
    for line in lockfile.split_inclusive('\n') {
        match moved(line, registry) {
            Some(changed) => result.push_str(&changed),
            None => result.push_str(line),
        }
    }
    result
}

fn moved(line: &str, registry: &str) -> Option<String> {
    let start = line.trim_start();
    let rest = start.strip_prefix("resolved ")?.trim_start_matches('"');
    let address = rest.strip_prefix("https://").or_else(|| rest.strip_prefix("http://"))?;
    let (before, file) = address.split_once("/-/")?;
    let mut parts = before.rsplit('/');
    let name = parts.next().filter(|name| !name.is_empty())?;
    // The host itself is no package, and neither is a lone scope.
    let above = parts.next()?;
    let (scope, name) = match name.strip_prefix('@').filter(|name| name.contains("%2f") || name.contains("%2F")) {
        Some(_) => (String::new(), name.replace("%2f", "/").replace("%2F", "/")),
        None if above.starts_with('@') => (format!("{above}/"), name.to_owned()),
        None => (String::new(), name.to_owned()),
    };
    let indent = &line[..line.len() - start.len()];
    Some(format!("{indent}resolved \"{registry}{scope}{name}/-/{file}"))
}

/// Writes a version into a manifest and leaves every other byte as it is; `None` where the text is no manifest.
pub fn stamp_version(manifest: &str, version: &str) -> Option<String> {
    let document: Value = serde_json::from_str(manifest.trim_start_matches('\u{feff}')).ok()?;
    let object = document.as_object()?;
    let text = Value::String(version.to_owned()).to_string();
    let stamped = if object.contains_key("version") {
        let (start, end) = top_level_value(manifest, "version")?;
        format!("{}{text}{}", &manifest[..start], &manifest[end..])
    } else {
        let brace = manifest.find('{')?;
        let comma = if object.is_empty() { "" } else { "," };
        format!("{}\n  \"version\": {text}{comma}{}", &manifest[..=brace], &manifest[brace + 1..])
    };
    // Whatever went wrong with the positions, nothing but the version may differ.
    let mut expected = object.clone();
    expected.insert("version".to_owned(), Value::String(version.to_owned()));
    let actual: Value = serde_json::from_str(stamped.trim_start_matches('\u{feff}')).ok()?;
    (actual == Value::Object(expected)).then_some(stamped)
}

/// Where the value of a key of the outermost object is, its last one if there are several.
fn top_level_value(document: &str, wanted: &str) -> Option<(usize, usize)> {
    let bytes = document.as_bytes();
    let (mut depth, mut index, mut key, mut found) = (0_usize, 0, None::<String>, None);
    let mut value_start = None;
    while index < bytes.len() {
        match bytes[index] {
            b'"' => {
                let end = string_end(bytes, index)?;
                if depth == 1 && key.is_none() {
                    key = serde_json::from_str(document.get(index..end)?).ok();
                }
                index = end;
                continue;
            }
            b':' if depth == 1 && value_start.is_none() => value_start = Some(index + 1),
            b'{' | b'[' => depth += 1,
            closing @ (b'}' | b']' | b',') => {
                if depth == 1
                    && let Some(start) = value_start.take()
                    && key.take().as_deref() == Some(wanted)
                {
                    let raw = document.get(start..index)?;
                    let leading = raw.len() - raw.trim_start().len();
                    found = Some((start + leading, start + raw.trim_end().len()));
                }
                if closing != b',' {
                    depth = depth.checked_sub(1)?;
                }
            }
            _ => {}
        }
        index += 1;
    }
    found
}

fn string_end(bytes: &[u8], start: usize) -> Option<usize> {
    let mut index = start + 1;
    loop {
        match bytes.get(index)? {
            b'\\' => index += 2,
            b'"' => return Some(index + 1),
            _ => index += 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const VIEW: &str = "http://127.0.0.1:4873/";

    #[test]
    fn registry_addresses_of_a_lockfile_are_moved_and_no_others() {
        let lockfile = "# yarn lockfile v1\n\n\"@a/b@^1\":\n  version \"1.0.0\"\n  resolved \"https://registry.example/@a/b/-/b-1.0.0.tgz#abc\"\n  integrity sha512-x\n\nc@1:\r\n  resolved \"https://mirror.example/api/npm/c/-/c-1.0.0.tgz\"\r\nd@2:\n  resolved \"https://registry.example/@d%2fe/-/e-1.tgz#1\"\nf@x:\n  resolved \"https://codeload.example/f/tar.gz/abc\"\n  resolved \"git+ssh://git@host.example/g/-/h\"\n";
        let moved = point_yarn_lock_at(lockfile, VIEW);
        let expected = "# yarn lockfile v1\n\n\"@a/b@^1\":\n  version \"1.0.0\"\n  resolved \"http://127.0.0.1:4873/@a/b/-/b-1.0.0.tgz#abc\"\n  integrity sha512-x\n\nc@1:\r\n  resolved \"http://127.0.0.1:4873/c/-/c-1.0.0.tgz\"\r\nd@2:\n  resolved \"http://127.0.0.1:4873/@d/e/-/e-1.tgz#1\"\nf@x:\n  resolved \"https://codeload.example/f/tar.gz/abc\"\n  resolved \"git+ssh://git@host.example/g/-/h\"\n";
        assert_eq!(moved, expected);
        assert_eq!(point_yarn_lock_at("", VIEW), "");
    }

    #[test]
    fn a_version_is_written_where_it_stands() {
        let manifest = "{\n\t\"config\": {\"version\": \"9\"},\n\t\"version\" : \"0.0.0\" ,\n\t\"x\": [\"version\", {\"a\": 1}]\n}\n";
        let stamped = stamp_version(manifest, "1.2.3").unwrap();
        assert_eq!(stamped, manifest.replace("\"0.0.0\"", "\"1.2.3\""));
        assert_eq!(stamp_version("{\"name\":\"a\"}", "1.0.0").unwrap(), "{\n  \"version\": \"1.0.0\",\"name\":\"a\"}");
        assert_eq!(stamp_version("{}", "1.0.0").unwrap(), "{\n  \"version\": \"1.0.0\"}");
        assert_eq!(
            stamp_version("{\"version\":null,\"a\":\"}\"}", "1.0.0").unwrap(),
            "{\"version\":\"1.0.0\",\"a\":\"}\"}"
        );
    }

    #[test]
    fn what_is_no_manifest_is_not_stamped() {
        for text in ["", "[]", "{", "\"version\"", "{\"version\"}"] {
            assert_eq!(stamp_version(text, "1.0.0"), None, "{text}");
        }
    }
}
