//! Builds every case into one directory and serves it.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use super::bomb::tarball_bomb;
use super::calendar::publish_time;
use super::case::{
    Case, CaseError, CaseKind, Expectation, ExpectedFailure, Quirk, ReleaseDescription, RepositoryDescription,
};
use super::descriptions::all_cases;
use super::packument::{PackumentError, VersionInput, packument, version_document};
use super::registry::{Registry, RegistryListener, Served};
use super::repository::{BuiltRepository, RepositoryError, build_repository};
use super::tarball::{TarballError, build_tarball};
use super::tree::{EditError, Tree, TreeFileKind, apply_edits, to_crlf};

const HOST: &str = "git.example";

/// All cases as repositories on disk and packages in a registry on loopback; dropping it ends the registry.
#[derive(Debug)]
pub struct World {
    cases: Vec<Case>,
    releases: Vec<BuiltRelease>,
    repositories: Vec<BuiltRepository>,
    registry: Registry,
    home: PathBuf,
    npmrc: String,
    git_config: String,
}

/// A published release of the world and what should become of it.
#[derive(Debug, Clone)]
pub struct BuiltRelease {
    /// The id of its case.
    pub case_id: String,
    /// Which side of the verifier the case is meant for.
    pub kind: CaseKind,
    /// The case in a few words.
    pub title: String,
    /// What was planted; empty for honest cases.
    pub planted: String,
    /// The npm name.
    pub name: String,
    /// The version.
    pub version: String,
    /// Where the registry serves it.
    pub tarball_url: String,
    /// The bytes the registry serves (before any cut).
    pub tarball: Vec<u8>,
    /// What the registry states about the version.
    pub document: serde_json::Map<String, serde_json::Value>,
    /// When it was published, in seconds of the Unix epoch.
    pub published_at: i64,
    /// The id of the commit its files come from.
    pub commit: String,
    /// What verifying it should lead to; none for background releases.
    pub expectation: Option<Expectation>,
    /// What verifying it should fail with, where the registry misbehaves.
    pub failure: Option<ExpectedFailure>,
}

/// Why the world cannot be built.
#[derive(Debug, thiserror::Error)]
pub enum WorldError {
    /// A description is not usable.
    #[error(transparent)]
    Case(#[from] CaseError),
    /// A repository cannot be built.
    #[error("cannot build a repository of the case `{case}`")]
    Repository {
        /// The case's id.
        case: String,
        /// What failed.
        #[source]
        source: RepositoryError,
    },
    /// A release's edits do not fit its commit.
    #[error("cannot build version `{version}` of the case `{case}`")]
    Edit {
        /// The case's id.
        case: String,
        /// The version.
        version: String,
        /// What does not fit.
        #[source]
        source: EditError,
    },
    /// A tarball cannot be built.
    #[error("cannot pack version `{version}` of the case `{case}`")]
    Tarball {
        /// The case's id.
        case: String,
        /// The version.
        version: String,
        /// What failed.
        #[source]
        source: TarballError,
    },
    /// A packument cannot be written.
    #[error(transparent)]
    Packument(#[from] PackumentError),
    /// A file of the world cannot be written.
    #[error("cannot write `{path}`")]
    Write {
        /// The path.
        path: String,
        /// What the system says.
        #[source]
        source: std::io::Error,
    },
    /// The registry cannot start.
    #[error("cannot start the registry on loopback")]
    Registry(#[source] std::io::Error),
}

impl World {
    /// Builds all embedded cases below `directory`, which must not hold a world yet, and starts the registry.
    pub fn build(directory: &Path) -> Result<Self, WorldError> {
        Self::build_cases(directory, all_cases()?)
    }

    /// Builds only `cases`.
    pub fn build_cases(directory: &Path, cases: Vec<Case>) -> Result<Self, WorldError> {
        let listener = RegistryListener::bind().map_err(WorldError::Registry)?;
        let mut assembly = Assembly::new(directory, listener.url());
        for case in &cases {
            assembly.add_case(case)?;
        }
        let home = directory.join("home");
        let npmrc = format!("registry={}\n", assembly.registry_url);
        let git_config = assembly.git_config;
        write(&home.join(".npmrc"), &npmrc)?;
        write(&home.join(".gitconfig"), &git_config)?;
        let registry = listener.serve(assembly.answers).map_err(WorldError::Registry)?;
        let (releases, repositories) = (assembly.releases, assembly.repositories);
        Ok(Self { cases, releases, repositories, registry, home, npmrc, git_config })
    }

    /// The registry's address, with a final slash.
    pub fn registry_url(&self) -> &str {
        self.registry.url()
    }

    /// The registry itself, for what it was asked.
    pub fn registry(&self) -> &Registry {
        &self.registry
    }

    /// The `.npmrc` text that leads to the registry.
    pub fn npmrc(&self) -> &str {
        &self.npmrc
    }

    /// The git configuration text that leads every repository address of the world to a local path.
    pub fn git_config(&self) -> &str {
        &self.git_config
    }

    /// A folder that holds both texts as `.npmrc` and `.gitconfig`, to be used as a home folder.
    pub fn home(&self) -> &Path {
        &self.home
    }

    /// The cases, in the order of the demo.
    pub fn cases(&self) -> &[Case] {
        &self.cases
    }

    /// Every published release, background and misbehaving ones included.
    pub fn releases(&self) -> &[BuiltRelease] {
        &self.releases
    }

    /// The releases with an expected verdict: the rows of the demo.
    pub fn expected(&self) -> impl Iterator<Item = (&BuiltRelease, &Expectation)> {
        self.releases.iter().filter_map(|release| Some((release, release.expectation.as_ref()?)))
    }

    /// The releases of misbehaving registries with their expected failures.
    pub fn failing(&self) -> impl Iterator<Item = (&BuiltRelease, &ExpectedFailure)> {
        self.releases.iter().filter_map(|release| Some((release, release.failure.as_ref()?)))
    }

    /// The repositories that can be reached.
    pub fn repositories(&self) -> &[BuiltRepository] {
        &self.repositories
    }
}

struct Assembly {
    directory: PathBuf,
    registry_url: String,
    git_config: String,
    answers: HashMap<String, Served>,
    releases: Vec<BuiltRelease>,
    repositories: Vec<BuiltRepository>,
}

impl Assembly {
    fn new(directory: &Path, registry_url: String) -> Self {
        let mut assembly = Self {
            directory: directory.to_owned(),
            registry_url,
            git_config: String::new(),
            answers: HashMap::new(),
            releases: Vec::new(),
            repositories: Vec::new(),
        };
        // Whatever no repository answers for leads to a path that does not exist, never to a network.
        let nowhere = directory.join("nowhere/");
        for base in [format!("https://{HOST}/"), format!("ssh://git@{HOST}/"), format!("git@{HOST}:")] {
            assembly.lead(&nowhere, &base);
        }
        assembly
    }

    fn add_case(&mut self, case: &Case) -> Result<(), WorldError> {
        let mut built = Vec::with_capacity(case.repositories.len());
        for repository in &case.repositories {
            built.push(self.add_repository(case, repository)?);
        }
        let mut versions = Vec::with_capacity(case.releases.len());
        for release in &case.releases {
            versions.push(self.add_release(case, release, &built)?);
        }
        let document = packument(&case.package, case.metadata, versions);
        match case.releases.iter().find_map(|release| release.quirk) {
            Some(Quirk::PackumentMissing) => {}
            Some(Quirk::PackumentNotJson) => {
                self.answers.insert(case.package.clone(), Served::whole("text/html", "<!doctype html><p>Sorry.</p>"));
            }
            _ => {
                self.answers.insert(case.package.clone(), Served::whole("application/json", document.to_string()));
            }
        }
        Ok(())
    }

    /// Builds the complete repository and, where the reachable copy is another one, that too.
    fn add_repository(
        &mut self,
        case: &Case,
        description: &RepositoryDescription,
    ) -> Result<BuiltRepository, WorldError> {
        let failed = |source| WorldError::Repository { case: case.id.clone(), source };
        let file_name = format!("{}.git", description.name);
        let reachable = self.directory.join("repositories").join(&file_name);
        let complete = match description.gone || description.copy_ends.is_some() {
            false => reachable.clone(),
            true => self.directory.join("unreachable").join(&file_name),
        };
        let built = build_repository(&complete, description, None).map_err(failed)?;
        if let Some(last) = &description.copy_ends {
            self.repositories.push(build_repository(&reachable, description, Some(last)).map_err(failed)?);
        } else if !description.gone {
            self.repositories.push(built.clone());
        }
        for name in std::iter::once(&description.name).chain(&description.aliases) {
            for base in [format!("https://{HOST}/"), format!("ssh://git@{HOST}/"), format!("git@{HOST}:")] {
                self.lead(&reachable, &format!("{base}{name}.git"));
                self.lead(&reachable, &format!("{base}{name}"));
            }
        }
        for address in &description.addresses {
            self.lead(&reachable, &format!("{address}.git"));
            self.lead(&reachable, address);
        }
        Ok(built)
    }

    /// Git takes the longest base that fits, so the order of the entries does not matter.
    fn lead(&mut self, path: &Path, base: &str) {
        let path = path.display().to_string().replace('\\', "\\\\").replace('"', "\\\"");
        // Writing to a String cannot fail.
        let _ = writeln!(self.git_config, "[url \"{path}\"]\n\tinsteadOf = {base}");
    }

    fn add_release(
        &mut self,
        case: &Case,
        release: &ReleaseDescription,
        built: &[BuiltRepository],
    ) -> Result<(serde_json::Map<String, serde_json::Value>, i64), WorldError> {
        let commits: BTreeMap<&str, _> = built
            .iter()
            .flat_map(|repository| &repository.commits)
            .map(|(label, commit)| (label.as_str(), commit))
            .collect();
        let commit = commits[release.from.as_str()];
        let lookup = |label: Option<&str>, path: &str| {
            commits.get(label.unwrap_or(&release.from)).and_then(|commit| commit.tree.get(path)).cloned()
        };
        let mut tree = published_files(&commit.tree, release);
        apply_edits(&mut tree, &release.files, &lookup).map_err(|source| WorldError::Edit {
            case: case.id.clone(),
            version: release.version.clone(),
            source,
        })?;
        fill_in_commits(&mut tree, &commits);
        if release.crlf {
            for file in tree.values_mut().filter(|file| file.kind != TreeFileKind::Link) {
                file.content = to_crlf(&file.content);
            }
        }
        let tarball = tarball_with_quirk(&tree, release).map_err(|source| WorldError::Tarball {
            case: case.id.clone(),
            version: release.version.clone(),
            source,
        })?;
        let base_name = case.package.rsplit('/').next().unwrap_or(&case.package);
        let path = format!("{}/-/{base_name}-{}.tgz", case.package, release.version);
        let tarball_url = format!("{}{path}", self.registry_url);
        let git_head = release.git_head.as_deref().map(|label| commits.get(label).map_or(label, |commit| &commit.id));
        let published = publish_time(release.day.unwrap_or(commit.day));
        let document = version_document(&VersionInput {
            name: &case.package,
            version: &release.version,
            manifest: tree.get("package.json").map_or(b"", |file| file.content.as_slice()),
            tarball: &tarball,
            tarball_url: &tarball_url,
            git_head,
            file_count: tree.len() + release.entries.len(),
            kind: case.metadata,
            quirk: release.quirk,
            overrides: &release.metadata,
        })?;
        if release.quirk != Some(Quirk::TarballMissing) {
            let mut served = Served::whole("application/octet-stream", tarball.clone());
            served.cut_off = (release.quirk == Some(Quirk::TarballCutOff)).then_some(tarball.len() / 2);
            self.answers.insert(path, served);
        }
        self.releases.push(BuiltRelease {
            case_id: case.id.clone(),
            kind: case.kind,
            title: case.title.clone(),
            planted: case.planted.clone(),
            name: case.package.clone(),
            version: release.version.clone(),
            tarball_url,
            tarball,
            document: document.clone(),
            published_at: published,
            commit: commit.id.clone(),
            expectation: release.expect.clone(),
            failure: release.expect_failure.clone(),
        });
        Ok((document, published))
    }
}

/// The files of the package's folder that are published, by path within it.
fn published_files(tree: &Tree, release: &ReleaseDescription) -> Tree {
    let folder = if release.root.is_empty() { String::new() } else { format!("{}/", release.root) };
    let left_out = |path: &str| {
        release.without.iter().any(|left| path == left || (left.ends_with('/') && path.starts_with(left.as_str())))
    };
    tree.iter()
        .filter_map(|(path, file)| Some((path.strip_prefix(&folder)?, file)))
        .filter(|(path, _)| !left_out(path))
        .map(|(path, file)| (path.to_owned(), file.clone()))
        .collect()
}

/// Some publishers write the commit's id into what they publish: `@commit:LABEL@` stands for it.
fn fill_in_commits(tree: &mut Tree, commits: &BTreeMap<&str, &super::repository::BuiltCommit>) {
    for file in tree.values_mut() {
        if !file.content.windows(8).any(|window| window == b"@commit:") {
            continue;
        }
        let mut text = String::from_utf8_lossy(&file.content).into_owned();
        for (label, commit) in commits {
            text = text.replace(&format!("@commit:{label}@"), &commit.id);
        }
        file.content = text.into_bytes();
    }
}

fn tarball_with_quirk(tree: &Tree, release: &ReleaseDescription) -> Result<Vec<u8>, TarballError> {
    match release.quirk {
        Some(Quirk::TarballBomb) => tarball_bomb(),
        Some(Quirk::ArchiveNotGzip) => Ok(b"this is not an archive\n".to_vec()),
        Some(Quirk::ArchiveTruncated) => {
            let mut tarball = build_tarball(tree, &release.entries)?;
            tarball.truncate(tarball.len() / 2);
            Ok(tarball)
        }
        _ => build_tarball(tree, &release.entries),
    }
}

fn write(path: &Path, text: &str) -> Result<(), WorldError> {
    let failed = |source| WorldError::Write { path: path.display().to_string(), source };
    if let Some(parent) = path.parent() {
        std::fs::create_dir_all(parent).map_err(failed)?;
    }
    std::fs::write(path, text).map_err(failed)
}

#[cfg(test)]
#[path = "world_tests.rs"]
mod tests;
