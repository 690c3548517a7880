//! Any tree, manifest and ignore files give a selection of files that exist, the same one each time.
#![no_main]

use libfuzzer_sys::fuzz_target;
use serde_json::Value;
use tarproof::pack::npm::packlist::{NpmGeneration, PackOptions, select_files_as};
use tarproof::pack::{NodeKind, SourceTree as _};
use tarproof_fuzz::MemoryTree;

fuzz_target!(|data: &[u8]| {
    let Some((&choice, data)) = data.split_first() else { return };
    let tree = MemoryTree::from_bytes(data);
    let directory = if choice & 1 == 0 { "" } else { "packages/a" };
    let manifest_path = if directory.is_empty() { "package.json" } else { "packages/a/package.json" };
    let manifest = tree.read(manifest_path).unwrap_or_default();
    let manifest = serde_json::from_slice(&manifest).unwrap_or(Value::Null);
    let options = PackOptions {
        generation: if choice & 2 == 0 { NpmGeneration::Ten } else { NpmGeneration::Eleven },
        inherit_workspace_ignores: choice & 4 == 0,
        maximum_steps: 300_000,
    };
    let selection = select_files_as(&tree, directory, &manifest, options);
    for path in selection.files.keys() {
        let full = if directory.is_empty() { path.clone() } else { format!("{directory}/{path}") };
        assert!(matches!(tree.kind(&full), Some(NodeKind::File { .. })), "{path}");
    }
    assert_eq!(select_files_as(&tree, directory, &manifest, options), selection);
});
