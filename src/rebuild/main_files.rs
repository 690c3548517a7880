//! A manifest's `main`, as files.

use serde_json::Value;

/// Files of which one is what a manifest names as `main`, as Node looks for it; none where it names nothing.
pub fn main_files(manifest: &Value) -> Vec<String> {
    let main = manifest.get("main").and_then(Value::as_str).unwrap_or_default();
    let mut parts: Vec<&str> = Vec::new();
    for part in main.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.pop().is_none() => return Vec::new(),
            ".." => {}
            part => parts.push(part),
        }
    }
    if parts.is_empty() {
        return Vec::new();
    }
    let main = parts.join("/");
    ["", ".js", ".json", "/index.js"].map(|end| format!("{main}{end}")).to_vec()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_way_of_writing_a_path_is_one_path() {
        let first = |main: &str| main_files(&json!({ "main": main })).into_iter().next();
        for main in ["lib/a", "./lib/a", "/lib/a", "lib//a", "lib/./a", "lib/../lib/a", "lib/a/"] {
            assert_eq!(first(main).as_deref(), Some("lib/a"), "{main}");
        }
        for main in ["", ".", "./", "..", "a/../.."] {
            assert_eq!(first(main), None, "{main}");
        }
    }
}
