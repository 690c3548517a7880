//! Two manifests are compared within bounds, and an added install hook is never explained away.
#![no_main]

use libfuzzer_sys::fuzz_target;
use serde_json::Value;
use tarproof::pack::npm::manifest::{GypFile, ManifestInput, Workspace, compare_manifests, compare_with_registry};
use tarproof_fuzz::split_at_nul;

/// A repository of which everything is known that a rule can ask.
struct Permissive<'a> {
    root_file: &'a [u8],
}

impl Workspace for Permissive<'_> {
    fn package_version(&self, name: &str) -> Option<String> {
        (name.len() % 2 == 0).then(|| "1.2.3".to_owned())
    }

    fn package_at(&self, directory: &str) -> Option<(String, String)> {
        (!directory.is_empty()).then(|| (directory.to_owned(), "1.2.3".to_owned()))
    }

    fn root_file(&self, _path: &str) -> Option<Vec<u8>> {
        (!self.root_file.is_empty()).then(|| self.root_file.to_vec())
    }

    fn knows_commit(&self, id: &str) -> bool {
        id.starts_with('a')
    }
}

/// Whether `published` has an install hook of which `source` says nothing at all.
fn adds_install_hook(published: &[u8], source: &[u8]) -> bool {
    let hook = |manifest: &[u8]| {
        let manifest: Value = serde_json::from_slice(manifest).ok()?;
        manifest.get("scripts")?.get("postinstall").filter(|hook| hook.is_string()).cloned()
    };
    hook(published).is_some() && !source.windows(11).any(|window| window == b"postinstall") && !source.contains(&b'\\')
}

fuzz_target!(|data: &[u8]| {
    let (published, rest) = split_at_nul(data);
    let (source, root_file) = split_at_nul(rest);
    let workspace = Permissive { root_file };
    for version_corroborated in [false, true] {
        let commit = Some("a94a8fe5ccb19ba61c4c0873d391e987982fbbd3");
        let input = ManifestInput { published, source, version: "1.2.3", commit, version_corroborated };
        if let Ok(comparison) = compare_manifests(&input, &workspace) {
            assert!(published != source || comparison.is_explained());
            assert!(!adds_install_hook(published, source) || !comparison.is_explained());
        }
    }
    if let Ok(metadata) = serde_json::from_slice::<Value>(source) {
        let _ = compare_with_registry(&metadata, published, GypFile::Absent);
        let _ = tarproof::source::location::claims(metadata.get("repository"), None, metadata.get("bugs"));
    }
});
