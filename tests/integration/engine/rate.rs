//! How fast jobs are queued and how much a second worker brings, where jobs only wait. Not a test: it prints figures.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tarproof::package::{Ecosystem, Sha256Digest};
use tarproof::sweep::temporal::{WorkerQueue, work};
use tarproof::sweep::{Dispatcher as _, Job, Leased, Stop, WorkSettings};

use super::{Site, connect, until};
use crate::support::block_on;
use crate::sweep::records::{job, verified};

/// How long each job waits.
const WAIT: Duration = Duration::from_millis(200);
/// Says to a process of its own which engine it works for: the engine, the store, the folder of objects, the policy and
/// how many jobs at once.
const WORKER: &str = "TARPROOF_WAITING_WORKER";

fn jobs(count: usize, policy: Sha256Digest) -> Vec<Job> {
    (0..count).map(|number| Job { policy, ..job(&format!("npm:waiting-{number}@1.0.0")) }).collect()
}

#[test]
#[ignore = "it measures; see docs/engine.md"]
#[expect(clippy::print_stdout, reason = "figures are what it is for")]
fn two_workers_against_one() {
    let Some(site) = Site::start() else { return };
    let folder = site.tarproof.directory().join("objects").display().to_string();
    let (engine, store) = (site.temporal.address(), site.database.as_str());
    for (count, slots) in [(300, 4), (600, 8), (600, 32)] {
        let mut rates = Vec::new();
        for workers in [1, 2] {
            let policy = Sha256Digest::of(format!("{count} {slots} {workers}").as_bytes());
            let queued = Instant::now();
            block_on(async {
                let (temporal, _) = connect(engine, store, &folder).await;
                temporal.enqueue(&jobs(count, policy)).await.unwrap();
            });
            let queued = queued.elapsed();
            let order = format!("{engine} {store} {folder} {policy} {slots}");
            let before = site.number("SELECT COUNT(*) FROM verifications");
            let begun = Instant::now();
            let mut processes: Vec<Child> = (0..workers).map(|_| spawn(&order)).collect();
            // From the first result on: how long a process takes to start is another question.
            until("the first is done", || site.number("SELECT COUNT(*) FROM verifications") > before);
            let first = Instant::now();
            let goal = before + i64::try_from(count).unwrap();
            until("all are done", || site.number("SELECT COUNT(*) FROM verifications") >= goal);
            let rate = count as f64 / first.elapsed().as_secs_f64();
            println!(
                "{count} jobs of {} ms, {workers} workers with {slots} at once: queued {:.0} a second, done {rate:.1} a \
                 second ({:.1} s after the start of the workers)",
                WAIT.as_millis(),
                count as f64 / queued.as_secs_f64(),
                begun.elapsed().as_secs_f64(),
            );
            rates.push(rate);
            for process in &mut processes {
                process.kill().unwrap();
                process.wait().unwrap();
            }
        }
        println!("two workers against one: {:.2}", rates[1] / rates[0]);
    }
}

fn spawn(order: &str) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "engine::rate::a_worker_whose_jobs_wait", "--ignored"])
        .env(WORKER, order)
        .stdout(Stdio::null())
        .spawn()
        .unwrap()
}

#[test]
#[ignore = "a process that the measurement starts"]
fn a_worker_whose_jobs_wait() {
    let Some(order) = std::env::var_os(WORKER).and_then(|order| order.into_string().ok()) else { return };
    let [engine, store, objects, policy, slots] = order.split(' ').collect::<Vec<_>>().try_into().unwrap();
    block_on(async {
        let (engine, _) = connect(engine, store, objects).await;
        let policy = Sha256Digest::parse(policy).unwrap();
        let queue = WorkerQueue { ecosystem: Ecosystem::Npm, policy, tool: job("npm:a@1.0.0").tool, rate: 10_000.0 };
        let settings = WorkSettings { jobs: slots.parse().unwrap(), ..WorkSettings::default() };
        let verify = |leased: Leased| async move {
            tokio::time::sleep(WAIT).await;
            verified(&leased, "verbatim", 1)
        };
        let (_sender, stop) = tokio::sync::watch::channel(Stop::No);
        work(&engine, &queue, verify, &settings, stop, &|_| {}).await.unwrap();
    });
}
