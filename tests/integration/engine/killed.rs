use std::collections::BTreeMap;
use std::process::Child;
use std::time::Duration;

use serde_json::Value;
use sqlx::{Connection as _, Row as _};

use super::{Site, stop, until};
use crate::support::{Tarproof, block_on};
use crate::sweep::killed::results_so_far;

/// Sweeps of the same releases, each under other conditions, so that each makes new jobs.
const ROUNDS: usize = 6;
const SWEEP: [&str; 8] = ["sweep", "--list", "list.txt", "--no-rebuild", "--config", "config.toml", "--format", "json"];

/// Writes the list of all releases of the world; how many these are.
fn list(tarproof: &Tarproof) -> usize {
    let releases =
        tarproof.world().expected().map(|(release, _)| format!("npm:{}@{}\n", release.name, release.version));
    let releases: Vec<String> = releases.collect();
    tarproof.write("list.txt", releases.concat());
    releases.len()
}

/// Short leases, and conditions that no other round has.
fn configure(tarproof: &Tarproof, round: usize) {
    let sweep = "[sweep]\nlease = 3\nretry-wait = 0\nattempts = 2\n";
    tarproof.write("config.toml", format!("[artifact]\nentries = {}\n{sweep}", 50_000 + round));
}

fn ended(sweep: Child) -> Value {
    let output = sweep.wait_with_output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn jobs_outlive_their_workers_and_their_server() {
    let Some(mut site) = Site::start() else { return };
    let releases = list(&site.tarproof);
    configure(&site.tarproof, 0);
    let unbroken = site.tarproof.run(&[&SWEEP[..], &["--store", "whole.db"]].concat());
    assert_eq!(unbroken.code, 1, "{unbroken}");
    for round in 1..=ROUNDS {
        configure(&site.tarproof, round);
        let before = site.number("SELECT COUNT(*) FROM verifications");
        let goal = |part: i64| before + i64::try_from(releases).unwrap() * part / 10;
        let mut workers: Vec<Child> = (0..3).map(|number| site.worker(&format!("worker-{number}"), &[])).collect();
        let sweep = site.spawn(&SWEEP, &[]);
        // One worker in every round, and in every second one the server, too; each time a little later.
        let part = i64::try_from(round).unwrap();
        until("some jobs are done", || site.number("SELECT COUNT(*) FROM verifications") >= goal(part));
        let mut killed = workers.remove(0);
        killed.kill().unwrap();
        killed.wait().unwrap();
        if round % 2 == 0 {
            until("more jobs are done", || site.number("SELECT COUNT(*) FROM verifications") >= goal(part + 2));
            site.temporal.kill_and_restart();
        }
        let told = ended(sweep);
        assert_eq!(told["verdicts"], unbroken.json()["verdicts"], "round {round}: {told}");
        assert_eq!((&told["open"], &told["failed"]), (&0.into(), &Value::Array(Vec::new())), "round {round}: {told}");
        workers.into_iter().for_each(stop);
    }
    let status = site.run_on_engine(&["sweep", "status", "--format", "json"], &[]).json();
    assert_eq!((&status["jobs"]["waiting"], &status["jobs"]["leased"]), (&0.into(), &0.into()), "{status}");
    assert_every_job_ended_once(&site, releases, ROUNDS);
    // What is settled is not queued again; the few that are not are.
    let worker = site.worker("last", &[]);
    let again = site.run_on_engine(&SWEEP, &[]).json();
    assert_eq!(again["verdicts"], unbroken.json()["verdicts"]);
    let settled = again["settled_before"].as_u64().unwrap();
    assert!(settled > 0 && settled < again["releases"].as_u64().unwrap(), "{again}");
    stop(worker);
    let check = site.run(&["store", "check"], &[]);
    assert_eq!(check.code, 0, "{check}");
}

/// Nothing was lost, and the same inputs have one settled result; under all conditions it is the same.
fn assert_every_job_ended_once(site: &Site, releases: usize, rounds: usize) {
    let rows = block_on(async {
        let mut connection = sqlx::AnyConnection::connect(&site.database).await.unwrap();
        let sql = "SELECT purl, policy, verdict || COALESCE(inconclusive, '') AS verdict, settled FROM verifications";
        sqlx::query(sql).fetch_all(&mut connection).await.unwrap()
    });
    let (mut settled, mut jobs, mut verdicts) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
    for row in &rows {
        let [purl, policy, verdict]: [String; 3] = [row.get("purl"), row.get("policy"), row.get("verdict")];
        *jobs.entry((purl.clone(), policy.clone())).or_insert(0) += 1;
        if row.get::<i64, _>("settled") == 1 {
            *settled.entry((purl.clone(), policy)).or_insert(0) += 1;
            assert_eq!(verdicts.entry(purl.clone()).or_insert_with(|| verdict.clone()), &verdict, "{purl}");
        }
    }
    assert_eq!(jobs.len(), releases * rounds, "a job has no result");
    assert!(settled.values().all(|count| *count == 1), "{settled:?}");
    assert!(settled.len() > jobs.len() / 2, "{} of {} are settled", settled.len(), jobs.len());
}

#[test]
fn jobs_outlive_their_database() {
    let Some(mut site) = Site::start() else { return };
    let releases = list(&site.tarproof);
    configure(&site.tarproof, 0);
    let unbroken = site.tarproof.run(&[&SWEEP[..], &["--store", "whole.db"]].concat());
    let workers: Vec<Child> = (0..3).map(|number| site.worker(&format!("worker-{number}"), &[])).collect();
    let sweep = site.spawn(&SWEEP, &[]);
    let mut kept = Vec::new();
    for part in [1, 3, 6] {
        until("some jobs are done", || results_so_far(&site.database).len() >= releases * part / 10);
        site.postgresql.kill();
        // Long enough for everybody to notice.
        std::thread::sleep(Duration::from_millis(500));
        site.postgresql.restart();
        let now = results_so_far(&site.database);
        assert!(now.len() >= kept.len() && now[..kept.len()] == kept[..], "a result was lost");
        kept = now;
    }
    assert!(kept.len() < releases, "it was over before");
    let told = ended(sweep);
    assert_eq!(told["verdicts"], unbroken.json()["verdicts"], "{told}");
    assert_eq!((&told["open"], &told["failed"]), (&0.into(), &Value::Array(Vec::new())), "{told}");
    workers.into_iter().for_each(stop);
    assert_every_job_ended_once(&site, releases, 1);
    let check = site.run(&["store", "check"], &[]);
    assert_eq!(check.code, 0, "{check}");
}

#[test]
fn what_failed_for_good_is_listed_and_queued_again_on_request() {
    let Some(site) = Site::start() else { return };
    let world = site.tarproof.world();
    let missing = world.cases().iter().find(|case| case.id == "bad-missing-tarball").expect("the world has one");
    let release = format!("npm:{}@{}", missing.package, missing.releases[0].version);
    site.tarproof.write("list.txt", format!("{release}\n"));
    configure(&site.tarproof, 0);
    let worker = site.worker("worker", &[]);
    let tries = || site.run_on_engine(&["sweep", "failed", "--format", "json"], &[]).json()["failed"].clone();
    let sweep = || site.run_on_engine(&SWEEP, &[]);
    let first = sweep();
    assert_eq!(first.code, 4, "{first}");
    let failed = tries();
    assert_eq!(failed.as_array().unwrap().len(), 1, "{failed}");
    assert_eq!((&failed[0]["attempts"], &failed[0]["final"]), (&1.into(), &true.into()), "{failed}");
    // The next sweep does not try again.
    let second = sweep();
    assert_eq!(second.json()["failed"], first.json()["failed"], "{second}");
    let requeued = site.run_on_engine(&["sweep", "requeue", &release], &[]);
    assert_eq!(requeued.stdout, "1 job queued again\n");
    until("it has failed again", || tries().as_array().unwrap().len() == 1);
    assert_eq!(site.run_on_engine(&["sweep", "requeue", "npm:nobody@1.0.0"], &[]).stdout, "0 jobs queued again\n");
    stop(worker);
}
