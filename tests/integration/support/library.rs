use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tarproof::artifact::ArtifactLimits;
use tarproof::demo::BuiltRelease;
use tarproof::provenance::Trust;
use tarproof::registry::{Access, NpmRegistry, RegistryLimits, RegistryOptions};
use tarproof::source::git::{GitClient, GitOptions, UrlRewrites};
use tarproof::verify::{Context, Processors, Progress, RebuildSettings, Request};
use tarproof_sandbox::Sandbox;

use super::TestWorld;

/// What the library needs, with a cache of its own; sees a world or nothing at all.
#[derive(Debug)]
pub(crate) struct TestContext {
    pub(crate) context: Context,
    cache: tempfile::TempDir,
}

impl TestContext {
    /// A context that sees only `world`.
    pub(crate) fn of_world(world: &TestWorld) -> Self {
        let rewrites = UrlRewrites::from_file(&world.home().join(".gitconfig")).unwrap();
        Self::new(world.home(), world.registry_url(), rewrites)
    }

    /// A context for files and repositories at hand; port 9 discards, so whoever asks the registry fails.
    pub(crate) fn alone() -> Self {
        Self::new(&std::env::temp_dir(), "http://127.0.0.1:9/", UrlRewrites::from_pairs(Vec::new()))
    }

    /// A context that sees `world`, but asks the registry at another address, within other bounds.
    pub(crate) fn of_registry(world: &TestWorld, registry: &str, limits: RegistryLimits) -> Self {
        let rewrites = UrlRewrites::from_file(&world.home().join(".gitconfig")).unwrap();
        Self::within(world.home(), registry, rewrites, limits)
    }

    /// Where it keeps what was fetched.
    pub(crate) fn cache(&self) -> &Path {
        self.cache.path()
    }

    fn new(home: &Path, registry: &str, rewrites: UrlRewrites) -> Self {
        Self::within(home, registry, rewrites, RegistryLimits::default())
    }

    fn within(home: &Path, registry: &str, rewrites: UrlRewrites, limits: RegistryLimits) -> Self {
        let cache = tempfile::tempdir().unwrap();
        let variables =
            [("HOME", home.as_os_str().to_owned()), ("npm_config_registry", registry.into()), ("NO_PROXY", "*".into())];
        let registry = NpmRegistry::new(RegistryOptions {
            cache_directory: cache.path().to_owned(),
            working_directory: home.to_owned(),
            environment: variables.into_iter().collect(),
            access: Access::Online,
            limits,
        })
        .unwrap();
        let git = GitOptions {
            cache_directory: cache.path().to_owned(),
            offline: false,
            refs_age: Duration::from_secs(600),
            client: GitClient::default(),
            rewrites: Arc::new(rewrites),
        };
        // A sandbox's first process is the program itself, which a test's binary is not.
        let sandbox = Sandbox { executable: Some(env!("CARGO_BIN_EXE_tarproof").into()), ..Sandbox::default() };
        let context = Context {
            trust: Trust::default(),
            registry,
            git,
            limits: ArtifactLimits::default(),
            rebuild: RebuildSettings { sandbox, ..RebuildSettings::default() },
            policy: Arc::default(),
            yara: None,
            processors: Processors::default(),
            progress: Progress::default(),
        };
        Self { context, cache }
    }
}

/// The request for a release of a world.
pub(crate) fn request_for(release: &BuiltRelease) -> Request {
    let subject = format!("npm:{}@{}", release.name, release.version).parse().unwrap();
    Request { subject: Some(subject), ..Request::default() }
}

/// Waits for a future on this thread.
pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}
