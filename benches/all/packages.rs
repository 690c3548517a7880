//! Matching and comparing a package with its tree, and whole verifications of the fixture world.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use criterion::{BatchSize, Criterion, Throughput};
use tarproof::artifact::{ArtifactLimits, CollisionCheck, ReadOptions, SourceContent, read_tarball};
use tarproof::compare::{Comparison, PublishedContents, compare};
use tarproof::demo::{World, build_tarball};
use tarproof::package::{PackageName, Version};
use tarproof::provenance::Trust;
use tarproof::registry::{Access, NpmRegistry, RegistryLimits, RegistryOptions};
use tarproof::source::RepositoryLocation;
use tarproof::source::git::{GitClient, GitOptions, SourceRepository, UrlRewrites};
use tarproof::source::match_commit::{MatchQuery, match_commit};
use tarproof::verify::{Context, Processors, Progress, RebuildSettings, Request, verify};

use crate::generate;

/// One package of a thousand files, all of them as in git.
pub(crate) fn comparing(criterion: &mut Criterion) {
    let directory = tempfile::tempdir().expect("there is room for temporary files");
    let tree = generate::package(1_000, 2_000);
    let path = directory.path().join("repo");
    let repository = generate::repository(&path);
    let commit = generate::commit(&repository, &tree);
    let target = repository.find_object(commit, None).expect("it was just written");
    repository.tag_lightweight("v1.0.0", &target, false).expect("there is no tag yet");
    let tarball = build_tarball(&tree, &[]).expect("the paths are short");
    let artifact_path = directory.path().join("generated-1.0.0.tgz");
    std::fs::write(&artifact_path, &tarball).expect("there is room for temporary files");

    let location = RepositoryLocation::from_user(&path.display().to_string()).expect("the path exists");
    let open = || SourceRepository::open_path(&location).expect("the repository exists");
    let options = ReadOptions {
        limits: ArtifactLimits::default(),
        collisions: CollisionCheck::ByHost,
        source: &|_, _| SourceContent::Same,
        aside: None,
        digests: false,
        threaded: false,
    };
    let artifact = read_tarball(tarball.as_slice(), &options).expect("the archive is sound");
    let name = PackageName::parse("generated").expect("it is a name");
    let version = Version::parse("1.0.0").expect("it is a version");
    let query = MatchQuery {
        name: &name,
        version: &version,
        artifact: &artifact,
        directory: None,
        git_head: None,
        provenance: None,
        revision: None,
        published_at: None,
    };
    let mut group = criterion.benchmark_group("tree/1000 files");
    group.throughput(Throughput::Elements(1_000));
    group.bench_function("match the commit", |bencher| {
        bencher.iter_batched(open, |mut source| match_commit(&mut source, &query), BatchSize::SmallInput);
    });
    let mut source = open();
    let matched = match_commit(&mut source, &query).expect("nothing is fetched").expect("there is a commit");
    group.bench_function("compare", |bencher| {
        bencher.iter(|| {
            let contents = PublishedContents::new(artifact_path.clone(), ArtifactLimits::default());
            let comparison = Comparison {
                artifact: &artifact,
                contents: &contents,
                source: &source,
                matched: &matched,
                version: &version,
                digests: false,
            };
            compare(&comparison)
        });
    });
}

/// Whole verifications from a filled cache: nothing is asked of any registry while it is measured.
pub(crate) fn verifying(criterion: &mut Criterion) {
    let directory = tempfile::tempdir().expect("there is room for temporary files");
    let world = World::build(&directory.path().join("world")).expect("the descriptions are sound");
    let cache = directory.path().join("cache");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("threads can be started");
    let requests: Vec<(String, Request)> = world
        .expected()
        .map(|(release, _)| {
            let subject =
                format!("npm:{}@{}", release.name, release.version).parse().expect("the world's names are valid");
            (release.case_id.clone(), Request { subject: Some(subject), ..Request::default() })
        })
        .collect();
    let online = context(world.home(), &cache, Access::Online);
    for (case, request) in &requests {
        if let Err(error) = runtime.block_on(verify(request, &online)) {
            panic!("the case `{case}` cannot be verified: {error}");
        }
    }

    let offline = context(world.home(), &cache, Access::Offline);
    let mut group = criterion.benchmark_group("verify");
    for case in ["verbatim", "monorepo-directory", "crlf-publish", "september-replay", "no-tag"] {
        let (_, request) = requests.iter().find(|(id, _)| id == case).expect("the world has the case");
        group.bench_function(case, |bencher| bencher.iter(|| runtime.block_on(verify(request, &offline))));
    }
    group.throughput(Throughput::Elements(requests.len() as u64));
    group.bench_function("the whole world", |bencher| {
        bencher.iter(|| {
            for (_, request) in &requests {
                let _ = runtime.block_on(verify(request, &offline));
            }
        });
    });
}

pub(crate) fn context(home: &Path, cache: &Path, access: Access) -> Context {
    let registry = NpmRegistry::new(RegistryOptions {
        cache_directory: cache.to_owned(),
        working_directory: home.to_owned(),
        environment: [("HOME", home.as_os_str())].into_iter().collect(),
        access,
        limits: RegistryLimits::default(),
    });
    let git = GitOptions {
        cache_directory: cache.to_owned(),
        offline: access == Access::Offline,
        refs_age: Duration::from_secs(600),
        client: GitClient::default(),
        rewrites: Arc::new(rewrites(home)),
    };
    Context {
        trust: Trust::default(),
        registry: registry.expect("the world's configuration is valid"),
        git,
        limits: ArtifactLimits::default(),
        // What is measured is what needs no build.
        rebuild: RebuildSettings { allowed: false, ..RebuildSettings::default() },
        policy: Arc::default(),
        yara: None,
        processors: Processors::default(),
        progress: Progress::default(),
    }
}

/// The address rewrites of this home, and none of the user's.
fn rewrites(home: &Path) -> UrlRewrites {
    let config = git2::Config::open(&home.join(".gitconfig")).expect("there is a configuration of git");
    let mut pairs = Vec::new();
    let entries = config.entries(Some("^url\\..*\\.insteadof$")).expect("the expression is valid");
    let read = entries.for_each(|entry| {
        let replacement = entry.name().ok().and_then(|name| name.strip_prefix("url.")?.strip_suffix(".insteadof"));
        if let (Some(replacement), Ok(prefix)) = (replacement, entry.value()) {
            pairs.push((prefix.to_owned(), replacement.to_owned()));
        }
    });
    read.expect("the configuration is readable");
    UrlRewrites::from_pairs(pairs)
}
