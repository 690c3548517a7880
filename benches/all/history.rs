//! Searching a long history: the bare walk, an exhaustive scoring, and the whole match with and without a tag.

use criterion::{BatchSize, Criterion, Throughput};
use git2::{ObjectType, Repository};
use tarproof::artifact::{ArtifactContents, ArtifactLimits, CollisionCheck, ReadOptions, SourceContent, read_tarball};
use tarproof::demo::{Tree, TreeFile, build_tarball};
use tarproof::package::{PackageName, Version};
use tarproof::source::RepositoryLocation;
use tarproof::source::git::SourceRepository;
use tarproof::source::history::HistoryWalk;
use tarproof::source::match_commit::{MatchQuery, match_commit};
use tarproof::source::scoring::{Scorer, WantedFiles};

use crate::generate;

const COMMITS: usize = 20_000;

/// A repository of [`COMMITS`] commits and a release from the middle of it.
pub(crate) fn walking(criterion: &mut Criterion) {
    let directory = tempfile::tempdir().expect("there is room for temporary files");
    let path = directory.path().join("repo");
    generate::history(&path, COMMITS).expect("the repository is writable");
    git2::opts::strict_hash_verification(false);
    // An opened repository keeps objects that it has read, so each measurement opens its own.
    let fresh = || Repository::open(&path).expect("it was just written");
    let repository = fresh();
    let tip = repository.head().and_then(|head| head.peel_to_commit()).expect("there are commits").id();
    let middle = HistoryWalk::new(&repository, &[tip]).nth(COMMITS / 2).expect("the history is long enough");
    let artifact = release(&repository, &middle.tree().expect("it is at hand"));

    let mut group = criterion.benchmark_group(format!("history/{COMMITS} commits"));
    group.sample_size(10).throughput(Throughput::Elements(COMMITS as u64));
    group.bench_function("walk", |bencher| {
        let walk = |repository: Repository| assert_eq!(HistoryWalk::new(&repository, &[tip]).count(), COMMITS);
        bencher.iter_batched(fresh, walk, BatchSize::PerIteration);
    });
    let files = artifact.files().filter_map(|entry| Some((&*entry.path, entry.blob?, entry.blob_with_lf)));
    let wanted = WantedFiles::new(files);
    group.bench_function("score every commit", |bencher| {
        let score = |repository: Repository| {
            let mut scorer = Scorer::new(&repository, &wanted);
            HistoryWalk::new(&repository, &[tip]).map(|commit| scorer.score(commit.tree_id()).matched).max()
        };
        bencher.iter_batched(fresh, score, BatchSize::PerIteration);
    });

    let location = RepositoryLocation::from_user(&path.display().to_string()).expect("the path exists");
    let open = || SourceRepository::open_path(&location).expect("the repository exists");
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
    let expected = middle.id().to_string();
    let search = |mut source: SourceRepository| {
        let matched = match_commit(&mut source, &query).expect("nothing is fetched").expect("there are commits");
        assert_eq!(matched.winner.commit.to_string(), expected);
    };
    group.bench_function("match without a tag", |bencher| {
        bencher.iter_batched(open, search, BatchSize::PerIteration);
    });
    repository.tag_lightweight("v1.0.0", middle.as_object(), false).expect("there is no tag yet");
    group.bench_function("match with a tag", |bencher| {
        bencher.iter_batched(open, search, BatchSize::PerIteration);
    });
}

/// The commit's files as a published archive would hold them.
fn release(repository: &Repository, tree: &git2::Tree<'_>) -> ArtifactContents {
    let mut files = Tree::new();
    let walked = tree.walk(git2::TreeWalkMode::PreOrder, |above, entry| {
        if let (Some(ObjectType::Blob), Ok(name)) = (entry.kind(), entry.name()) {
            let blob = repository.find_blob(entry.id()).expect("it is at hand");
            files.insert(format!("{above}{name}"), TreeFile { content: blob.content().to_vec(), ..TreeFile::text("") });
        }
        git2::TreeWalkResult::Ok
    });
    walked.expect("the tree is at hand");
    let tarball = build_tarball(&files, &[]).expect("the paths are short");
    let options = ReadOptions {
        limits: ArtifactLimits::default(),
        collisions: CollisionCheck::ByHost,
        source: &|_, _| SourceContent::Same,
        aside: None,
        digests: false,
        threaded: false,
    };
    read_tarball(tarball.as_slice(), &options).expect("the archive is sound")
}
