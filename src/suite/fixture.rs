//! Every transformation of every package it fits, published on loopback and judged against real repositories.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use futures_util::StreamExt as _;
use serde_json::Map;

use super::archive::{ArchiveReadError, read_members};
use super::draft::{Draft, DraftWorld, Member};
use super::judge::{Outcome, Quiet, judge, judge_honest};
use super::packages::packages;
use super::publish::{PublishError, Shelf, publish};
use super::report::Report;
use super::setting::Setting;
use super::transformation::{Planted, Transformation};
use crate::demo::{
    BuiltRelease, Case, CaseError, GitHost, Registry, RegistryListener, RepositoryError, World, WorldError,
    build_repository,
};
use crate::package::{Ecosystem, PackageName, Subject, Version};
use crate::registry::RegistryError;
use crate::source::git::UrlRewrites;
use crate::verify::{Context, Request, Verification, VerifyError, verify};

/// How many verifications are under way at once.
const CONCURRENT: usize = 8;

/// How long the refs of a repository that does not change are good.
const REFS_AGE: Duration = Duration::from_secs(600);

/// The release of each package that is transformed: it has one before it and one after it.
const TRANSFORMED: &str = "1.1.0";

/// All packages and their transformations, published; dropping it ends the registries.
#[derive(Debug)]
pub struct FixtureSuite {
    world: World,
    registry: Registry,
    host: GitHost,
    directory: PathBuf,
    jobs: Vec<Job>,
    transformations: Vec<Transformation>,
}

/// One transformed package.
#[derive(Debug)]
struct Job {
    transformation: Transformation,
    package: String,
    name: String,
    version: String,
    planted: Planted,
    /// The address of its repository and another repository that it leads to, where the transformation has one.
    repository: Option<(String, PathBuf)>,
    seen_before: bool,
}

/// Why the suite cannot be built or run.
#[derive(Debug, thiserror::Error)]
pub enum SuiteError {
    /// A description is not usable.
    #[error(transparent)]
    Case(#[from] CaseError),
    /// The honest packages cannot be built.
    #[error(transparent)]
    World(#[from] WorldError),
    /// An honest archive cannot be read again.
    #[error("the archive of `{package}`")]
    Archive {
        /// The package.
        package: String,
        /// What failed.
        #[source]
        source: ArchiveReadError,
    },
    /// A changed repository cannot be built.
    #[error("cannot build the repository of `{package}` for `{transformation}`")]
    Repository {
        /// The package.
        package: String,
        /// The transformation's id.
        transformation: &'static str,
        /// What failed.
        #[source]
        source: RepositoryError,
    },
    /// A transformed package cannot be published.
    #[error("cannot publish `{package}` after `{transformation}`")]
    Publish {
        /// The package.
        package: String,
        /// The transformation's id.
        transformation: &'static str,
        /// What failed.
        #[source]
        source: PublishError,
    },
    /// The registry cannot start.
    #[error("cannot start the registry on loopback")]
    Registry(#[source] std::io::Error),
    /// The git host cannot start.
    #[error("cannot start the git host on loopback")]
    Host(#[source] std::io::Error),
    /// The settings of a verification are not usable.
    #[error(transparent)]
    Configuration(#[from] RegistryError),
    /// A name or version of a description is none.
    #[error("`{0}` is no subject")]
    Subject(String),
    /// A package has no release that can be transformed.
    #[error("`{0}` has no release {TRANSFORMED}")]
    NoRelease(String),
}

impl FixtureSuite {
    /// Builds everything below `directory`, which must be empty; each transformation on at most so many packages.
    pub fn build(
        directory: &Path,
        transformations: Vec<Transformation>,
        at_most: Option<usize>,
    ) -> Result<Self, SuiteError> {
        let cases = packages()?;
        let world = World::build_cases(directory, cases)?;
        let listener = RegistryListener::bind().map_err(SuiteError::Registry)?;
        let mut shop = Shop { directory, registry: listener.url(), answers: HashMap::new(), jobs: Vec::new() };
        let bases: Vec<Base<'_>> =
            world.cases().iter().map(|case| Base::new(&world, case)).collect::<Result<_, _>>()?;
        for (position, transformation) in transformations.iter().enumerate() {
            let mut wanted = at_most.unwrap_or(usize::MAX);
            // Each begins elsewhere, so that a part of the suite meets every package too.
            for base in (0..bases.len()).map(|index| &bases[(index + position) % bases.len()]) {
                if wanted > 0 && shop.add(transformation, base)? {
                    wanted -= 1;
                }
            }
        }
        let Shop { answers, jobs, .. } = shop;
        let registry = listener.serve(answers).map_err(SuiteError::Registry)?;
        let host = GitHost::start().map_err(SuiteError::Host)?;
        Ok(Self { world, registry, host, directory: directory.to_owned(), jobs, transformations })
    }

    /// Verifies every honest release and every transformed package.
    pub async fn run(&self) -> Result<Report, SuiteError> {
        let honest = self.run_honest().await?;
        let mut contexts: HashMap<&'static str, Context> = HashMap::new();
        for job in &self.jobs {
            let id = job.transformation.id;
            if !contexts.contains_key(id) {
                self.remember(id).await?;
                contexts.insert(id, self.context_of(id)?);
            }
        }
        let outcomes: Vec<Result<Outcome, SuiteError>> = futures_util::stream::iter(&self.jobs)
            .map(|job| async {
                let result = verified(&job.name, &job.version, &contexts[job.transformation.id]).await?;
                Ok(judge(&job.transformation, &job.package, &job.planted, &result))
            })
            .buffered(CONCURRENT)
            .collect()
            .await;
        let outcomes = outcomes.into_iter().collect::<Result<Vec<_>, _>>()?;
        Ok(Report::new(&self.transformations, &outcomes, honest))
    }

    async fn run_honest(&self) -> Result<Vec<Quiet>, SuiteError> {
        let context = self.setting(self.world.registry_url(), "cache", self.rewrites(None), REFS_AGE).context()?;
        let quiet: Vec<Result<Quiet, SuiteError>> = futures_util::stream::iter(self.world.releases())
            .map(|release| {
                let context = &context;
                async move {
                    let result = verified(&release.name, &release.version, context).await?;
                    Ok(judge_honest(&release.name, &release.version, &result))
                }
            })
            .buffered(CONCURRENT)
            .collect()
            .await;
        quiet.into_iter().collect()
    }

    /// Lets the cache of a transformation see the honest repositories first, where that is part of it.
    ///
    /// They are served by a host, because nothing is remembered of a repository on this machine.
    async fn remember(&self, transformation: &str) -> Result<(), SuiteError> {
        let jobs: Vec<&Job> =
            self.jobs.iter().filter(|job| job.transformation.id == transformation && job.seen_before).collect();
        if jobs.is_empty() {
            return Ok(());
        }
        for (case, repository) in self.world.cases().iter().zip(self.world.repositories()) {
            self.host.lead(&case.id, &repository.path);
        }
        let cache = format!("caches/{transformation}");
        let rewrites = self.rewrites(Some(transformation));
        let context = self.setting(self.world.registry_url(), &cache, rewrites, REFS_AGE).context()?;
        let seen: Vec<Result<_, SuiteError>> = futures_util::stream::iter(&jobs)
            .map(|job| verified(&job.name, TRANSFORMED, &context))
            .buffered(CONCURRENT)
            .collect()
            .await;
        // What is said of the honest releases is no part of the outcome.
        seen.into_iter().collect::<Result<Vec<_>, _>>()?;
        for job in jobs {
            if let Some((_, path)) = &job.repository {
                self.host.lead(&job.package, path);
            }
        }
        Ok(())
    }

    fn context_of(&self, transformation: &str) -> Result<Context, SuiteError> {
        let url = format!("{}{transformation}/", self.registry.url());
        let changed = self.jobs.iter().any(|job| job.transformation.id == transformation && job.repository.is_some());
        // Caches are by address, and here other repositories stand behind the addresses.
        let cache = if changed { format!("caches/{transformation}") } else { "cache".to_owned() };
        let age = if changed { Duration::ZERO } else { REFS_AGE };
        Ok(self.setting(&url, &cache, self.rewrites(Some(transformation)), age).context()?)
    }

    fn setting(&self, registry: &str, cache: &str, rewrites: UrlRewrites, refs_age: Duration) -> Setting {
        let home = self.world.home();
        let variables =
            [("HOME", home.as_os_str().to_owned()), ("npm_config_registry", registry.into()), ("NO_PROXY", "*".into())];
        Setting {
            cache_directory: self.directory.join(cache),
            working_directory: home.to_owned(),
            environment: variables.into_iter().collect(),
            rewrites,
            refs_age,
        }
    }

    /// Every address leads to its honest repository, to the one that the transformation made of it, or to the host.
    fn rewrites(&self, transformation: Option<&str>) -> UrlRewrites {
        let mut pairs: HashMap<String, String> = HashMap::new();
        for (case, repository) in self.world.cases().iter().zip(self.world.repositories()) {
            pairs.insert(address_of(case), repository.path.display().to_string());
        }
        for job in self.jobs.iter().filter(|job| Some(job.transformation.id) == transformation) {
            if let Some((address, path)) = &job.repository {
                let target = match job.seen_before {
                    true => format!("{}{}", self.host.url(), job.package),
                    false => path.display().to_string(),
                };
                pairs.insert(address.clone(), target);
            }
        }
        let pairs = pairs
            .into_iter()
            .flat_map(|(address, target)| [(format!("{address}.git"), target.clone()), (address, target)]);
        UrlRewrites::from_pairs(pairs.collect())
    }
}

fn address_of(case: &Case) -> String {
    let name = case.repositories.first().map_or("", |repository| &repository.name);
    format!("https://git.example/{name}")
}

async fn verified(
    name: &str,
    version: &str,
    context: &Context,
) -> Result<Result<Verification, VerifyError>, SuiteError> {
    let none = || SuiteError::Subject(format!("{name}@{version}"));
    let subject = Subject {
        ecosystem: Ecosystem::Npm,
        name: PackageName::parse(name).map_err(|_| none())?,
        version: Some(Version::parse(version).map_err(|_| none())?),
    };
    Ok(verify(&Request { subject: Some(subject), ..Request::default() }, context).await)
}

/// An honest package to make drafts of.
struct Base<'a> {
    case: &'a Case,
    honest: &'a BuiltRelease,
    releases: Vec<&'a BuiltRelease>,
    members: Vec<Member>,
    folder: String,
}

impl<'a> Base<'a> {
    fn new(world: &'a World, case: &'a Case) -> Result<Self, SuiteError> {
        let releases: Vec<&BuiltRelease> =
            world.releases().iter().filter(|release| release.case_id == case.id).collect();
        let no_release = || SuiteError::NoRelease(case.id.clone());
        let honest = *releases.iter().find(|release| release.version == TRANSFORMED).ok_or_else(no_release)?;
        let described = case.releases.iter().find(|release| release.version == TRANSFORMED).ok_or_else(no_release)?;
        let members = read_members(&honest.tarball)
            .map_err(|source| SuiteError::Archive { package: case.package.clone(), source })?;
        let folder = if described.root.is_empty() { String::new() } else { format!("{}/", described.root) };
        Ok(Self { case, honest, releases, members, folder })
    }

    fn draft(&self) -> Option<Draft> {
        let world = DraftWorld {
            metadata: Map::new(),
            stated_manifest: None,
            folder: self.folder.clone(),
            repository: self.case.repositories.first()?.clone(),
            repository_changed: false,
            address: None,
            git_head: Some(TRANSFORMED.to_owned()),
            seen_before: false,
        };
        Some(Draft { world: Some(world), ..Draft::new(&self.case.package, TRANSFORMED, self.members.clone()) })
    }
}

/// What is put on the shelves before the registry opens.
struct Shop<'a> {
    directory: &'a Path,
    registry: String,
    answers: HashMap<String, crate::demo::Served>,
    jobs: Vec<Job>,
}

impl Shop<'_> {
    /// Whether the transformation fits the package.
    fn add(&mut self, transformation: &Transformation, base: &Base<'_>) -> Result<bool, SuiteError> {
        let Some(mut draft) = base.draft() else { return Ok(false) };
        let Some(planted) = (transformation.apply)(&mut draft) else { return Ok(false) };
        let Some(world) = draft.world.take() else { return Ok(false) };
        let id = transformation.id;
        let mut repository = None;
        let mut git_head = world.git_head.clone();
        if world.repository_changed {
            let path = self.directory.join("changed").join(id).join(format!("{}.git", base.case.id));
            let built = build_repository(&path, &world.repository, None).map_err(|source| SuiteError::Repository {
                package: base.case.package.clone(),
                transformation: id,
                source,
            })?;
            git_head = git_head.map(|label| built.commits.get(&label).map_or(label, |commit| commit.id.clone()));
            repository = Some((world.address.clone().unwrap_or_else(|| address_of(base.case)), path));
        } else if git_head.as_deref() == Some(TRANSFORMED) {
            git_head = Some(base.honest.commit.clone());
        }
        let prefix = format!("{id}/");
        let shelf = Shelf { registry: &self.registry, prefix: &prefix };
        let (head, answers) = (git_head.as_deref(), &mut self.answers);
        publish(&draft, &world, head, base.honest, &base.releases, shelf, answers)
            .map_err(|source| SuiteError::Publish { package: base.case.package.clone(), transformation: id, source })?;
        self.jobs.push(Job {
            transformation: *transformation,
            package: base.case.id.clone(),
            name: draft.name,
            version: draft.version,
            planted,
            repository,
            seen_before: world.seen_before,
        });
        Ok(true)
    }
}
