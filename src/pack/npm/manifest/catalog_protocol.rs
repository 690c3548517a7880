//! `catalog-protocol` and `jsr-protocol`: ranges whose meaning stands elsewhere.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::{Map, Value};

use super::compare::Workspace;
use super::context::Context;
use super::delta::Delta;
use super::document::Document;
use super::keys::dependency_map;
use super::workspace_protocol;

/// Largest catalog file that is read.
const MAX_BYTES: usize = 2 << 20;
const DEFAULT: &str = "default";

/// The ranges that the repository's catalogs state: catalog, then package, then one range per file that has it.
#[derive(Debug, Default)]
pub(super) struct Catalogs(BTreeMap<String, BTreeMap<String, Vec<String>>>);

#[derive(Deserialize)]
struct CatalogFile {
    #[serde(default)]
    catalog: Option<Entries>,
    #[serde(default)]
    catalogs: Option<BTreeMap<String, Option<Entries>>>,
}

type Entries = BTreeMap<String, Entry>;

#[derive(Deserialize)]
#[serde(untagged)]
enum Entry {
    Range(String),
    Other(IgnoredAny),
}

impl Catalogs {
    /// Reads pnpm's and yarn's YAML files and bun's keys in the root manifest; what is unreadable states nothing.
    pub(super) fn read(workspace: &dyn Workspace) -> Self {
        let mut catalogs = Self::default();
        for path in ["pnpm-workspace.yaml", ".yarnrc.yml"] {
            if let Some(bytes) = workspace.root_file(path)
                && bytes.len() <= MAX_BYTES
                && let Ok(text) = std::str::from_utf8(&bytes)
                && let Ok(file) = serde_saphyr::from_str::<CatalogFile>(text)
            {
                catalogs.add_file(file);
            }
        }
        if let Some(bytes) = workspace.root_file("package.json")
            && let Ok(document) = Document::parse("source", &bytes)
        {
            catalogs.add_manifest(&document.root);
            if let Some(Value::Object(workspaces)) = document.root.get("workspaces") {
                catalogs.add_manifest(workspaces);
            }
        }
        catalogs
    }

    fn add_file(&mut self, file: CatalogFile) {
        let named = file.catalogs.into_iter().flatten().filter_map(|(name, entries)| Some((name, entries?)));
        for (catalog, entries) in named.chain(file.catalog.map(|entries| (DEFAULT.to_owned(), entries))) {
            for (package, entry) in entries {
                if let Entry::Range(range) = entry {
                    self.add(&catalog, package, range);
                }
            }
        }
    }

    fn add_manifest(&mut self, manifest: &Map<String, Value>) {
        let mut add_all = |catalog: &str, entries: &Value| {
            for (package, range) in entries.as_object().into_iter().flatten() {
                if let Some(range) = range.as_str() {
                    self.add(catalog, package.clone(), range.to_owned());
                }
            }
        };
        if let Some(entries) = manifest.get("catalog") {
            add_all(DEFAULT, entries);
        }
        for (catalog, entries) in manifest.get("catalogs").and_then(Value::as_object).into_iter().flatten() {
            add_all(catalog, entries);
        }
    }

    fn add(&mut self, catalog: &str, package: String, range: String) {
        self.0.entry(catalog.to_owned()).or_default().entry(package).or_default().push(range);
    }

    fn ranges(&self, catalog: &str, package: &str) -> &[String] {
        self.0.get(catalog).and_then(|entries| entries.get(package)).map_or(&[], Vec::as_slice)
    }
}

pub(super) fn explains(delta: &Delta<'_>, context: &Context<'_>) -> bool {
    let ([map, name], Some(published), Some(source)) = (delta.path, delta.published_text(), delta.source_text()) else {
        return false;
    };
    let Some(catalog) = source.strip_prefix("catalog:").filter(|_| dependency_map(map)) else {
        return false;
    };
    let catalog = if catalog.trim().is_empty() { DEFAULT } else { catalog.trim() };
    context.catalogs().ranges(catalog, name).iter().any(|range| {
        range == published
            || workspace_protocol::resolves(map, name, range, published, context)
            || jsr_range(name, range).as_deref() == Some(published)
    })
}

pub(super) fn explains_jsr(delta: &Delta<'_>, _: &Context<'_>) -> bool {
    let ([map, name], Some(published), Some(source)) = (delta.path, delta.published_text(), delta.source_text()) else {
        return false;
    };
    dependency_map(map) && jsr_range(name, source).as_deref() == Some(published)
}

/// The npm form of `jsr:@scope/name@range` or, under the name `@scope/name`, of `jsr:range`.
fn jsr_range(name: &str, range: &str) -> Option<String> {
    let body = range.strip_prefix("jsr:")?;
    let (package, range) = match body.strip_prefix('@') {
        Some(scoped) => match scoped.split_once('@') {
            Some((package, range)) => (package, Some(range)),
            None => (scoped, None),
        },
        None => (name.strip_prefix('@')?, Some(body)),
    };
    let (scope, package) = package.split_once('/')?;
    let npm = format!("npm:@jsr/{scope}__{package}");
    Some(range.map_or(npm.clone(), |range| format!("{npm}@{range}")))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::support::{Case, paths, rules};

    fn case(source: &str, published: &str) -> Case {
        Case::of(&json!({"name": "a", "dependencies": {"semver": source}}))
            .published(&json!({"name": "a", "dependencies": {"semver": published}}))
    }

    const PNPM: &str = "packages:\n  - 'packages/*'\ncatalog:\n  semver: ^7.7.3\n  react: 18\ncatalogs:\n  old:\n    semver: ^6.0.0\n  empty:\n";

    #[test]
    fn resolves_from_pnpm_yarn_and_bun_catalogs() {
        for source in ["catalog:", "catalog:default", "catalog: "] {
            let comparison = case(source, "^7.7.3").file("pnpm-workspace.yaml", PNPM).run();
            assert_eq!(rules(&comparison), ["catalog-protocol"], "{source:?}");
        }
        assert!(case("catalog:old", "^6.0.0").file("pnpm-workspace.yaml", PNPM).run().is_explained());
        let yarn = "nodeLinker: node-modules\ncatalogs:\n  dev:\n    semver: 6.0.2\n";
        assert!(case("catalog:dev", "6.0.2").file(".yarnrc.yml", yarn).run().is_explained());
        let bun = r#"{"workspaces": {"packages": ["*"], "catalog": {"semver": "^7.0.0"}}}"#;
        assert!(case("catalog:", "^7.0.0").file("package.json", bun).run().is_explained());
        let default = "catalogs:\n  default:\n    semver: npm:semver@^7\n";
        assert!(case("catalog:", "npm:semver@^7").file("pnpm-workspace.yaml", default).run().is_explained());
    }

    #[test]
    fn any_other_range_is_a_difference() {
        for (source, published) in [
            ("catalog:", "^7.7.4"),
            ("catalog:", "^6.0.0"),
            ("catalog:old", "^7.7.3"),
            ("catalog:none", "^7.7.3"),
            ("catalog:", "npm:evil@^7.7.3"),
            ("catalog:empty", "*"),
        ] {
            let found = paths(&case(source, published).file("pnpm-workspace.yaml", PNPM).run());
            assert_eq!(found, ["dependencies.semver"], "{source} {published}");
        }
        assert_eq!(paths(&case("catalog:", "^7.7.3").run()), ["dependencies.semver"], "no catalog in the repository");
        let broken = case("catalog:", "^7.7.3").file("pnpm-workspace.yaml", "catalog: [\n  semver: ^7.7.3");
        assert_eq!(paths(&broken.run()), ["dependencies.semver"]);
        let aliases = format!("a: &a [{}]\n{PNPM}", "x,".repeat(1_000_000));
        assert_eq!(paths(&case("catalog:", "^9").file("pnpm-workspace.yaml", &aliases).run()), ["dependencies.semver"]);
    }

    #[test]
    fn jsr_names_have_one_npm_form() {
        let jsr = |source: &str, published: &str| {
            Case::of(&json!({"dependencies": {"@std/path": source}}))
                .published(&json!({"dependencies": {"@std/path": published}}))
                .run()
        };
        assert_eq!(rules(&jsr("jsr:^1.0.0", "npm:@jsr/std__path@^1.0.0")), ["jsr-protocol"]);
        assert_eq!(rules(&jsr("jsr:@std/fs@1", "npm:@jsr/std__fs@1")), ["jsr-protocol"]);
        assert_eq!(rules(&jsr("jsr:@std/fs", "npm:@jsr/std__fs")), ["jsr-protocol"]);
        assert_eq!(paths(&jsr("jsr:^1.0.0", "npm:@jsr/evil__path@^1.0.0")).len(), 1);
        assert_eq!(paths(&jsr("jsr:^1.0.0", "^1.0.0")).len(), 1);
    }
}
