//! From flags, configuration and environment to what a verification needs.

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::Context as _;

use crate::artifact::ArtifactLimits;
use crate::cli::arguments::{Common, FindingArguments, Overrides, RebuildArguments, StoreArguments, TrustArguments};
use crate::cli::error::CliError;
use crate::cli::output;
use crate::config::Config;
use crate::package::{Sha256Digest, Subject};
use crate::policy::Policy;
use crate::provenance::{RegistryKeys, Trust, TrustedRoot};
use crate::rebuild::commands::check;
use crate::rebuild::definitions;
use crate::registry::{Access, Environment, NpmRegistry, RegistryLimits, RegistryOptions};
use crate::report::printable::printable;
use crate::source::RepositoryLocation;
use crate::source::git::{GitClient, GitOptions, UrlRewrites};
use crate::store::{Clock, ObjectsAddress, Store, StoreAddress};
use crate::sweep::Conditions;
use crate::verify::{Context, Processors, Progress, RebuildSettings, Request, Shown};
use crate::yara::YaraRules;

/// How long a remote's answer about its refs is good, unless configured.
const REFS_AGE: Duration = Duration::from_secs(600);
/// Largest file of roots or keys, bytes.
const MAX_TRUST: u64 = 4 << 20;

/// The configuration that applies: the named file, or the user's own if there is one.
pub(super) fn configuration(common: &Common) -> Result<Config, CliError> {
    match &common.config {
        Some(path) => Config::read(path).map_err(CliError::usage),
        None => match user_directory("XDG_CONFIG_HOME", ".config") {
            Some(directory) => {
                Config::read_if_present(&directory.join("tarproof/config.toml")).map_err(CliError::usage)
            }
            None => Ok(Config::default()),
        },
    }
}

fn user_directory(variable: &str, below_home: &str) -> Option<PathBuf> {
    let absolute = |value: std::ffi::OsString| Some(PathBuf::from(value)).filter(|path| path.is_absolute());
    std::env::var_os(variable).and_then(absolute).or_else(|| Some(std::env::home_dir()?.join(below_home)))
}

/// Builds the context that all verifications of this run share.
pub(super) fn context(common: &Common, config: &Config) -> Result<Context, CliError> {
    let cache_directory = common
        .cache_dir
        .clone()
        .or_else(|| config.cache_directory.clone())
        .or_else(|| Some(user_directory("XDG_CACHE_HOME", ".cache")?.join("tarproof")))
        .ok_or_else(|| CliError::usage(anyhow::anyhow!("no home directory: name a cache with `--cache-dir`")))?;
    // Repositories are addressed from other working directories, and tools appear in sandboxes, so the path must be
    // whole. What is not there yet is made later.
    let cache_directory = std::fs::create_dir_all(&cache_directory)
        .and_then(|()| cache_directory.canonicalize())
        .or_else(|_| std::path::absolute(&cache_directory))
        .map_err(CliError::environment)?;
    let offline = common.offline || config.offline.unwrap_or(false);
    let global = std::env::var_os("GIT_CONFIG_GLOBAL").filter(|path| !path.is_empty()).map(PathBuf::from);
    let surroundings = Surroundings {
        cache_directory,
        working_directory: std::env::current_dir().map_err(CliError::environment)?,
        environment: std::env::vars_os().collect(),
        rewrites: UrlRewrites::load(global.as_deref()),
    };
    context_in(surroundings, offline, config)
}

/// Everything that a context takes from the machine it runs on.
pub(super) struct Surroundings {
    pub(super) cache_directory: PathBuf,
    pub(super) working_directory: PathBuf,
    pub(super) environment: Environment,
    pub(super) rewrites: UrlRewrites,
}

/// Builds a context from its parts, reading nothing of the process environment.
pub(super) fn context_in(surroundings: Surroundings, offline: bool, config: &Config) -> Result<Context, CliError> {
    let Surroundings { cache_directory, working_directory, environment, rewrites } = surroundings;
    let defaults = ArtifactLimits::default();
    let limits = ArtifactLimits {
        compressed_size: config.artifact.compressed_size.unwrap_or(defaults.compressed_size),
        unpacked_size: config.artifact.unpacked_size.unwrap_or(defaults.unpacked_size),
        entries: config.artifact.entries.unwrap_or(defaults.entries),
        ratio: config.artifact.ratio.unwrap_or(defaults.ratio).max(1),
        ..defaults
    };
    let registry = NpmRegistry::new(RegistryOptions {
        cache_directory: cache_directory.clone(),
        working_directory,
        environment,
        access: if offline { Access::Offline } else { Access::Online },
        limits: RegistryLimits { artifact_bytes: limits.compressed_size, ..RegistryLimits::default() },
    })
    .map_err(CliError::usage)?;
    let client = GitClient::default();
    let git = GitOptions {
        cache_directory,
        offline,
        refs_age: config.refs_age.map_or(REFS_AGE, Duration::from_secs),
        client: GitClient {
            timeout: config.git.timeout.map_or(client.timeout, Duration::from_secs),
            repository_size: config.git.repository_size.unwrap_or(client.repository_size),
            ..client
        },
        rewrites: Arc::new(rewrites),
    };
    let mut rebuild = RebuildSettings::default();
    rebuild.allowed = config.rebuild.allowed.unwrap_or(rebuild.allowed);
    rebuild.limits.time = config.rebuild.timeout.map_or(rebuild.limits.time, Duration::from_secs);
    rebuild.limits.memory = config.rebuild.memory.unwrap_or(rebuild.limits.memory);
    rebuild.limits.disk = config.rebuild.disk.unwrap_or(rebuild.limits.disk).min(rebuild.limits.memory);
    rebuild.records = config.rebuild.records.unwrap_or(rebuild.records);
    rebuild.definitions.clone_from(&config.rebuild.definitions);
    if let Some(jobs) = config.rebuild.jobs {
        rebuild.turns = Arc::new(tokio::sync::Semaphore::new(jobs.clamp(1, 1024)));
    }
    Ok(Context {
        registry,
        trust: trust(Trust::default(), config.trusted_root.as_deref(), config.registry_keys.as_deref())?,
        git,
        limits,
        rebuild,
        policy: Arc::default(),
        yara: None,
        processors: Processors::default(),
        progress: Progress::default(),
    })
}

/// The same context with the root and keys that the user names.
pub(super) fn with_trust(mut context: Context, arguments: &TrustArguments) -> Result<Context, CliError> {
    let (root, keys) = (arguments.trusted_root.as_deref(), arguments.registry_keys.as_deref());
    context.trust = trust(context.trust, root, keys)?;
    Ok(context)
}

/// The same trust with the root and keys in these files, where they are named.
pub(super) fn trust(mut trust: Trust, root: Option<&Path>, keys: Option<&Path>) -> Result<Trust, CliError> {
    if let Some(path) = root {
        let unusable = || format!("cannot use the trusted root `{}`", path.display());
        let bytes = read_trust(path).with_context(unusable).map_err(CliError::usage)?;
        let text = std::str::from_utf8(&bytes).with_context(unusable).map_err(CliError::usage)?;
        trust.root = Some(Arc::new(TrustedRoot::read(text).with_context(unusable).map_err(CliError::usage)?));
    }
    if let Some(path) = keys {
        let unusable = || format!("cannot use the registry keys `{}`", path.display());
        let bytes = read_trust(path).with_context(unusable).map_err(CliError::usage)?;
        trust.keys = Some(Arc::new(RegistryKeys::read(&bytes).with_context(unusable).map_err(CliError::usage)?));
    }
    Ok(trust)
}

/// Reads a file of roots or keys, within bounds.
fn read_trust(path: &Path) -> Result<Vec<u8>, anyhow::Error> {
    let mut bytes = Vec::new();
    std::fs::File::open(path)?.take(MAX_TRUST + 1).read_to_end(&mut bytes)?;
    anyhow::ensure!(bytes.len() as u64 <= MAX_TRUST, "it is larger than {MAX_TRUST} bytes");
    Ok(bytes)
}

/// The same context with what findings are weighed by: the named exceptions and rules, or the configured ones.
pub(super) fn with_findings(
    mut context: Context,
    arguments: &FindingArguments,
    config: &Config,
) -> Result<Context, CliError> {
    if let Some(path) = arguments.policy.as_deref().or(config.policy.as_deref()) {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_err(CliError::environment)?;
        context.policy = Arc::new(Policy::read(path, now.as_secs().cast_signed()).map_err(CliError::usage)?);
    }
    if let Some(path) = arguments.rules.as_deref().or(config.rules.as_deref()) {
        let rules = YaraRules::read(path).map_err(CliError::usage)?;
        if rules.ignored() > 0 {
            let text = format!("{} YARA rules are passed over: they read executables\n", rules.ignored());
            output::note(&text);
        }
        context.yara = Some(rules);
    }
    Ok(context)
}

/// The same context with what the user says of rebuilds.
pub(super) fn with_rebuild(mut context: Context, arguments: &RebuildArguments) -> Result<Context, CliError> {
    let rebuild = &mut context.rebuild;
    rebuild.allowed &= !arguments.no_rebuild;
    if let Some(time) = arguments.build_timeout {
        rebuild.limits.time = time;
    }
    if let Some(memory) = arguments.build_memory {
        rebuild.limits.memory = memory;
        rebuild.limits.disk = rebuild.limits.disk.min(memory);
    }
    if let Some(directory) = &arguments.definitions {
        definitions::Definitions::open(directory).map_err(CliError::usage)?;
        rebuild.definitions = Some(directory.clone());
    }
    if let Some(path) = &arguments.plan_file {
        let plans = definitions::read(path).map_err(CliError::usage)?;
        let unusable = |reason: String| {
            CliError::usage(anyhow::anyhow!("the plan file `{}` cannot be used: {reason}", path.display()))
        };
        if plans.is_empty() {
            return Err(unusable("it holds no plan".to_owned()));
        }
        for plan in &plans {
            check(plan).map_err(|error| unusable(error.to_string()))?;
        }
        rebuild.plans = Some(plans);
    }
    Ok(context)
}

/// Opens the store that the user names, or the one in the data directory.
pub(super) async fn store(arguments: &StoreArguments, config: &Config) -> Result<Store, CliError> {
    let (address, objects) = store_addresses(arguments, config)?;
    Store::open(&address, &objects, Clock::Database).await.map_err(CliError::environment)
}

/// The same for whoever only wants to see or to sort what is there: no file is made.
pub(super) async fn existing_store(arguments: &StoreArguments, config: &Config) -> Result<Store, CliError> {
    let (address, objects) = store_addresses(arguments, config)?;
    match (&address, &objects) {
        (StoreAddress::Sqlite(path), _) if !path.exists() => {
            Err(CliError::usage(anyhow::anyhow!("there is no store at `{address}`; `tarproof sweep` makes one")))
        }
        (StoreAddress::Sqlite(_), ObjectsAddress::Folder(path)) if !path.is_dir() => {
            Err(CliError::usage(anyhow::anyhow!("there is no folder of objects at `{objects}`")))
        }
        _ => Store::open(&address, &objects, Clock::Database).await.map_err(CliError::environment),
    }
}

fn store_addresses(arguments: &StoreArguments, config: &Config) -> Result<(StoreAddress, ObjectsAddress), CliError> {
    let address = match arguments.store.as_deref().or(config.sweep.store.as_deref()) {
        Some(text) => StoreAddress::parse(text).map_err(CliError::usage)?,
        None => {
            let directory = user_directory("XDG_DATA_HOME", ".local/share");
            let no_home = || CliError::usage(anyhow::anyhow!("no home directory: name a store with `--store`"));
            StoreAddress::Sqlite(directory.ok_or_else(no_home)?.join("tarproof/store.db"))
        }
    };
    let objects = match arguments.objects.as_deref().or(config.sweep.objects.as_deref()) {
        Some(text) => ObjectsAddress::parse(text).map_err(CliError::usage)?,
        None => address.objects().ok_or_else(|| {
            let message = "name where ledgers, reports and statements are kept with `--objects`: a directory that every machine \
                           sees, or `s3://BUCKET/PREFIX`";
            CliError::usage(anyhow::anyhow!(message))
        })?,
    };
    Ok((address, objects))
}

/// The digests of the files that the user names and that a verdict depends on.
pub(super) fn conditions(
    rebuild: &RebuildArguments,
    findings: &FindingArguments,
    trust: &TrustArguments,
    config: &Config,
) -> Result<Conditions, CliError> {
    let digest = |named: &Option<PathBuf>, configured: &Option<PathBuf>| {
        let path = named.as_deref().or(configured.as_deref());
        path.map(|path| {
            digest_of(path).with_context(|| format!("cannot read `{}`", path.display())).map_err(CliError::usage)
        })
        .transpose()
    };
    Ok(Conditions {
        policy: digest(&findings.policy, &config.policy)?,
        rules: digest(&findings.rules, &config.rules)?,
        definitions: digest(&rebuild.definitions, &config.rebuild.definitions)?,
        trusted_root: digest(&trust.trusted_root, &config.trusted_root)?,
        registry_keys: digest(&trust.registry_keys, &config.registry_keys)?,
    })
}

/// SHA-256 of a file, or over all files of a directory and their names.
fn digest_of(path: &Path) -> Result<Sha256Digest, anyhow::Error> {
    if !path.is_dir() {
        return Ok(Sha256Digest::of(&std::fs::read(path)?));
    }
    let mut lines = String::new();
    for entry in walkdir::WalkDir::new(path).sort_by_file_name() {
        let entry = entry?;
        if entry.file_type().is_file() {
            let name = entry.path().strip_prefix(path)?;
            lines.push_str(&format!("{} {name:?}\n", Sha256Digest::of(&std::fs::read(entry.path())?)));
        }
    }
    Ok(Sha256Digest::of(lines.as_bytes()))
}

/// Builds a request from a subject and what the user overrides.
pub(super) fn request(subject: Option<Subject>, overrides: &Overrides, shown: Shown) -> Result<Request, CliError> {
    let repository =
        overrides.repository.as_deref().map(RepositoryLocation::from_user).transpose().map_err(CliError::usage)?;
    if let Some(path) = repository.as_ref().filter(|repository| repository.is_local_path())
        && !Path::new(path.as_str()).exists()
    {
        return Err(CliError::usage(anyhow::anyhow!("there is nothing at `{}`", printable(path.as_str()))));
    }
    if let Some(directory) = &overrides.directory
        && directory.split('/').any(|part| part == ".." || part.chars().any(char::is_control))
    {
        let message = format!("`{directory}` is not a directory inside a repository");
        return Err(CliError::usage(anyhow::anyhow!(message)));
    }
    if let Some(path) = overrides.artifact.as_ref().filter(|path| path.is_dir()) {
        let message = format!("`{}` is a directory; --artifact takes an archive", path.display());
        return Err(CliError::usage(anyhow::anyhow!(message)));
    }
    Ok(Request {
        subject,
        artifact: overrides.artifact.clone(),
        repository,
        revision: overrides.commit.clone(),
        directory: overrides.directory.clone(),
        shown,
        since: None,
        digests: false,
    })
}
