//! What queueing, leasing and keeping cost beside verifying.

use std::iter;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, Criterion, Throughput};
use futures_util::{StreamExt as _, stream};
use tarproof::demo::World;
use tarproof::package::{Release, Sha256Digest, Subject};
use tarproof::registry::Access;
use tarproof::store::{Clock, ObjectsAddress, Store, StoreAddress};
use tarproof::sweep::{
    Embedded, Job, LeaseSettings, Leased, Outcome, Priority, RetrySettings, Stop, WorkSettings, begin, finish,
    summarise, verify_job, work,
};
use tarproof::verify::{Context, Request, verify};
use tokio::runtime::Runtime;
use tokio::sync::watch;

use crate::packages::context;

/// Verifications under way at once, as `sweep` has them.
const AT_ONCE: usize = 32;
/// How often each release is verified in one round, under as many policies: sweeps are of thousands, and what one costs
/// whatever its length would hide what each release costs.
const TIMES: usize = 20;
/// Settled releases of the sweep that finds nothing to do.
const SETTLED: usize = 10_000;

/// The same releases in a bare loop and in a sweep, and a sweep of very many that are settled.
pub(crate) fn sweeping(criterion: &mut Criterion) {
    let directory = tempfile::tempdir().expect("there is room for temporary files");
    let world = World::build(&directory.path().join("world")).expect("the descriptions are sound");
    let cache = directory.path().join("cache");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("threads can be started");
    let releases: Vec<Release> = world
        .expected()
        .filter(|(_, expectation)| !expectation.needs_rebuild)
        .map(|(release, _)| release_of(&format!("npm:{}@{}", release.name, release.version)))
        .collect();
    let online = context(world.home(), &cache, Access::Online);
    runtime.block_on(bare(&releases, &online));

    let offline = context(world.home(), &cache, Access::Offline);
    let releases: Vec<Release> =
        releases.into_iter().filter(|release| runtime.block_on(is_settled(release, &offline))).collect();
    let mut group = criterion.benchmark_group("sweep");
    group.sample_size(20);
    let store = runtime.block_on(open(directory.path(), "rounds"));
    beside_a_loop(&mut group, &runtime, &store, &releases, &offline, TIMES);

    let many: Vec<Release> = (0..SETTLED).map(|number| release_of(&format!("npm:package-{number}@1.0.0"))).collect();
    let policy = Sha256Digest::of(b"the same");
    let jobs = || many.iter().map(|release| job(release.clone(), policy)).collect::<Vec<_>>();
    let store = runtime.block_on(async {
        let store = open(directory.path(), "settled").await;
        settle(&store, jobs(), &release_of_world(&releases), &offline).await;
        store
    });
    group.sample_size(10);
    group.throughput(Throughput::Elements(SETTLED as u64));
    group.bench_function("10,000 releases that are settled", |bencher| {
        bencher.iter(|| runtime.block_on(sweep(&store, jobs(), &offline)));
    });
}

/// Releases of the user's choice, from the user's own cache and home: the world's are far smaller than real ones.
pub(crate) fn sweeping_own(criterion: &mut Criterion) {
    let variable = |name: &str| std::env::var_os(name).map(PathBuf::from);
    let (Some(list), Some(cache), Some(home)) =
        (variable("TARPROOF_BENCH_LIST"), variable("TARPROOF_BENCH_CACHE"), variable("HOME"))
    else {
        return;
    };
    let list = std::fs::read_to_string(list).expect("the list can be read");
    let releases: Vec<Release> = list.split_whitespace().map(release_of).collect();
    let directory = tempfile::tempdir().expect("there is room for temporary files");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("threads can be started");
    let offline = context(&home, &cache, Access::Offline);
    let releases: Vec<Release> =
        releases.into_iter().filter(|release| runtime.block_on(is_settled(release, &offline))).collect();
    let store = runtime.block_on(open(directory.path(), "own"));
    let mut group = criterion.benchmark_group(format!("sweep/own list ({} are settled)", releases.len()));
    group.sample_size(10);
    beside_a_loop(&mut group, &runtime, &store, &releases, &offline, 1);
}

fn beside_a_loop(
    group: &mut BenchmarkGroup<'_, WallTime>,
    runtime: &Runtime,
    store: &Store,
    releases: &[Release],
    context: &Context,
    times: usize,
) {
    let many: Vec<Release> = iter::repeat_n(releases, times).flatten().cloned().collect();
    group.throughput(Throughput::Elements(many.len() as u64));
    group.bench_function("verify in a loop", |bencher| {
        bencher.iter(|| runtime.block_on(bare(&many, context)));
    });
    // Another policy each time, so that nothing is settled.
    let round = AtomicU64::new(0);
    group.bench_function("verify in a sweep", |bencher| {
        bencher.iter(|| {
            let policies = (0..times).map(|_| Sha256Digest::of(&round.fetch_add(1, Ordering::Relaxed).to_be_bytes()));
            let jobs = policies.flat_map(|policy| releases.iter().map(move |release| job(release.clone(), policy)));
            runtime.block_on(sweep(store, jobs.collect(), context));
        });
    });
}

async fn bare(releases: &[Release], context: &Context) {
    let one = |release: &Release| {
        let request = Request { subject: Some(subject(release)), digests: true, ..Request::default() };
        async move { verify(&request, context).await.is_ok() }
    };
    stream::iter(releases).map(one).buffer_unordered(AT_ONCE).collect::<Vec<_>>().await;
}

/// Whether there is a result that a sweep does not make again: others wait for their next try.
async fn is_settled(release: &Release, context: &Context) -> bool {
    let leased = Leased { job: job(release.clone(), Sha256Digest::of(b"chosen")), attempt: 1 };
    let finished = verify_job(leased, context, &RetrySettings::default()).await;
    matches!(finished.outcome, Outcome::Verified { record, .. } if record.settled)
}

async fn sweep(store: &Store, jobs: Vec<Job>, context: &Context) {
    let dispatcher = Embedded::new(store.clone(), LeaseSettings::default());
    let pass = begin(store, &dispatcher, jobs).await.expect("the store works");
    let retry = RetrySettings::default();
    let verify = |leased| async move { verify_job(leased, context, &retry).await };
    let settings = WorkSettings { jobs: AT_ONCE, ..WorkSettings::default() };
    let (_sender, stop) = watch::channel(Stop::No);
    work(&dispatcher, verify, &settings, stop, &|_| ()).await.expect("the store works");
    summarise(store, &dispatcher, &pass).await.expect("the store works");
    finish(store, &pass).await.expect("the store works");
}

/// Keeps one real result under the names of many.
async fn settle(store: &Store, jobs: Vec<Job>, release: &Release, context: &Context) {
    let dispatcher = Embedded::new(store.clone(), LeaseSettings { length: Duration::from_secs(3_600), losses: 5 });
    begin(store, &dispatcher, jobs).await.expect("the store works");
    let retry = RetrySettings::default();
    let verify = |leased: Leased| async move {
        let (own, purl) = (leased.clone(), leased.job.release.purl());
        let job = Job { release: release.clone(), ..leased.job };
        let mut finished = verify_job(Leased { job, attempt: 1 }, context, &retry).await;
        finished.leased = own;
        if let Outcome::Verified { record, .. } = &mut finished.outcome {
            record.package = purl.split('@').next().unwrap_or_default().replace("pkg:npm/", "npm:");
            record.purl = purl;
        }
        finished
    };
    let settings = WorkSettings { jobs: 256, ..WorkSettings::default() };
    let (_sender, stop) = watch::channel(Stop::No);
    work(&dispatcher, verify, &settings, stop, &|_| ()).await.expect("the store works");
}

async fn open(directory: &Path, name: &str) -> Store {
    let address = StoreAddress::Sqlite(directory.join(format!("{name}.db")));
    Store::open(&address, &ObjectsAddress::Database, Clock::Database).await.expect("a store can be made")
}

fn release_of(text: &str) -> Release {
    let subject: Subject = text.parse().expect("the world's names are valid");
    Release { ecosystem: subject.ecosystem, name: subject.name, version: subject.version.expect("it has a version") }
}

fn release_of_world(releases: &[Release]) -> Release {
    releases.iter().find(|release| release.name.as_str() == "paint-chalk").expect("the world has it").clone()
}

fn subject(release: &Release) -> Subject {
    let Release { ecosystem, name, version } = release.clone();
    Subject { ecosystem, name, version: Some(version) }
}

fn job(release: Release, policy: Sha256Digest) -> Job {
    let tool = env!("CARGO_PKG_VERSION").to_owned();
    Job { release, stated: String::new(), policy, tool, published_at: None, priority: Priority::Backlog }
}
