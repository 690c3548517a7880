//! What every rule may look at, computed once per comparison.

use std::cell::OnceCell;
use std::collections::HashSet;

use serde_json::{Map, Value};

use super::catalog_protocol::Catalogs;
use super::compare::{ManifestInput, Workspace};
use super::{platform_packages, publish_config};

/// The two manifests, the release and lazily computed facts.
///
/// The sets exist because a rule is asked once per differing key: looking at a whole map each time would let a
/// hostile manifest make the comparison quadratic.
pub(super) struct Context<'a> {
    pub(super) input: &'a ManifestInput<'a>,
    pub(super) workspace: &'a dyn Workspace,
    pub(super) published: &'a Map<String, Value>,
    pub(super) source: &'a Map<String, Value>,
    catalogs: OnceCell<Catalogs>,
    publish_config: OnceCell<HashSet<&'a str>>,
    platform_packages: OnceCell<HashSet<String>>,
    pnpm: OnceCell<bool>,
}

impl<'a> Context<'a> {
    pub(super) fn new(
        input: &'a ManifestInput<'a>,
        workspace: &'a dyn Workspace,
        published: &'a Map<String, Value>,
        source: &'a Map<String, Value>,
    ) -> Self {
        Self {
            input,
            workspace,
            published,
            source,
            catalogs: OnceCell::new(),
            publish_config: OnceCell::new(),
            platform_packages: OnceCell::new(),
            pnpm: OnceCell::new(),
        }
    }

    /// The package's name as git has it.
    pub(super) fn name(&self) -> &'a str {
        self.source.get("name").and_then(Value::as_str).unwrap_or_default()
    }

    /// The version as git has it.
    pub(super) fn source_version(&self) -> &'a str {
        self.source.get("version").and_then(Value::as_str).unwrap_or_default()
    }

    pub(super) fn catalogs(&self) -> &Catalogs {
        self.catalogs.get_or_init(|| Catalogs::read(self.workspace))
    }

    /// Keys of `publishConfig` whose value the published manifest carries at its root.
    pub(super) fn publish_config(&self) -> &HashSet<&'a str> {
        self.publish_config.get_or_init(|| publish_config::applied(self.published, self.source))
    }

    /// Names of the platform packages that git's `napi` key announces.
    pub(super) fn platform_packages(&self) -> &HashSet<String> {
        self.platform_packages.get_or_init(|| platform_packages::announced(self.source))
    }

    /// Whether the repository is one that pnpm manages.
    pub(super) fn uses_pnpm(&self) -> bool {
        *self.pnpm.get_or_init(|| {
            self.source.contains_key("pnpm")
                || self.names_pnpm(self.source)
                || self.workspace.root_file("pnpm-workspace.yaml").is_some()
                || self.workspace.root_file("pnpm-lock.yaml").is_some()
        })
    }

    fn names_pnpm(&self, manifest: &Map<String, Value>) -> bool {
        manifest.get("packageManager").and_then(Value::as_str).is_some_and(|text| text.starts_with("pnpm@"))
    }

    /// Whether git's manifest lists `name` as a development dependency.
    pub(super) fn develops_with(&self, name: &str) -> bool {
        self.source.get("devDependencies").is_some_and(|map| map.get(name).is_some())
    }
}
