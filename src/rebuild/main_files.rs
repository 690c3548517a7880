use serde_json::Value;

/// Files of which one is what a manifest names as `main`, as Node looks for it; none where it names nothing.
pub(super) fn main_files(manifest: &Value) -> Vec<String> {
    let main = manifest.get("main").and_then(Value::as_str).unwrap_or_default();
    match main.trim_start_matches("./").trim_end_matches('/') {
        "" | "." => Vec::new(),
        main => ["", ".js", ".json", "/index.js"].map(|end| format!("{main}{end}")).to_vec(),
    }
}
