//! Processes that are killed without warning, or asked to stop.

use std::collections::BTreeMap;
use std::process::{Child, Stdio};
use std::time::Duration;

use nix::sys::signal::Signal;
use sqlx::{Connection as _, Row as _};

use crate::support::postgresql::Postgresql;
use crate::support::{Tarproof, block_on};

/// Writes the list of all releases of the world, and a configuration with short leases.
pub(super) fn prepared() -> (Tarproof, usize) {
    let tarproof = Tarproof::new();
    let releases: Vec<String> =
        tarproof.world().expected().map(|(release, _)| format!("npm:{}@{}\n", release.name, release.version)).collect();
    tarproof
        .write("list.txt", releases.concat())
        .write("config.toml", "[sweep]\nlease = 1\nretry-wait = 0\nattempts = 2\n");
    (tarproof, releases.len())
}

pub(super) fn arguments<'a>(store: &'a [&'a str]) -> Vec<&'a str> {
    let own =
        ["sweep", "--list", "list.txt", "--no-rebuild", "--jobs", "4", "--config", "config.toml", "--format", "json"];
    [&own[..], store].concat()
}

pub(super) fn start(tarproof: &Tarproof, arguments: &[&str]) -> Child {
    tarproof.command(arguments, &[]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

/// The newest verdict of each release, as the store's own copy tells it.
pub(super) fn verdicts(tarproof: &Tarproof, store: &[&str]) -> BTreeMap<String, String> {
    let run = tarproof.run(&[&["store", "export"], store].concat());
    assert_eq!(run.code, 0, "{run}");
    let lines = run.stdout.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    let rows = lines.filter_map(|mut line| line.get_mut("verification").map(serde_json::Value::take));
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    rows.map(|row| (text(&row["purl"]), text(&row["verdict"]) + &text(&row["inconclusive"]))).collect()
}

/// The results that are there; none while there is no store yet.
pub(crate) fn results_so_far(address: &str) -> Vec<(i64, String)> {
    block_on(async {
        sqlx::any::install_default_drivers();
        let Ok(mut connection) = sqlx::AnyConnection::connect(address).await else { return Vec::new() };
        let rows = sqlx::query("SELECT id, purl FROM verifications ORDER BY id").fetch_all(&mut connection).await;
        rows.unwrap_or_default().iter().map(|row| (row.get("id"), row.get("purl"))).collect()
    })
}

/// Waits until a sweep has found something.
pub(super) fn wait_for_results(address: &str, sweep: &mut Child) {
    while sweep.try_wait().unwrap().is_none() && results_so_far(address).is_empty() {
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Tries of all jobs together.
async fn tries(address: &str) -> i64 {
    let mut connection = sqlx::AnyConnection::connect(address).await.unwrap();
    let tries = sqlx::query("SELECT CAST(COALESCE(SUM(attempts), 0) AS BIGINT) AS tries FROM jobs");
    tries.fetch_one(&mut connection).await.unwrap().get("tries")
}

#[test]
fn a_sweep_that_is_killed_again_and_again_comes_to_the_same_end() {
    let (tarproof, releases) = prepared();
    let unbroken = tarproof.run(&arguments(&["--store", "whole.db"]));
    assert_eq!(unbroken.code, 1, "{unbroken}");
    let address = format!("sqlite://{}", tarproof.directory().join("killed.db").display());
    let (mut kills, mut kept) = (0, Vec::new());
    // Not random, but at moments that have nothing to do with what goes on.
    for wait in [0, 7, 3, 13, 5, 17, 11, 2] {
        let mut sweep = start(&tarproof, &arguments(&["--store", "killed.db"]));
        let before = kept.len();
        while sweep.try_wait().unwrap().is_none() && results_so_far(&address).len() <= before {
            std::thread::sleep(Duration::from_millis(5));
        }
        std::thread::sleep(Duration::from_millis(wait));
        if sweep.try_wait().unwrap().is_none() {
            sweep.kill().unwrap();
            kills += 1;
        }
        sweep.wait().unwrap();
        let now = results_so_far(&address);
        assert_eq!(now[..before], kept[..], "a result was lost");
        kept = now;
    }
    assert!(kills >= 3 && kept.len() > 3, "{kills} kills, {} results before the last one", kept.len());
    let resumed = tarproof.run(&arguments(&["--store", "killed.db"]));
    assert_eq!(resumed.json()["verdicts"], unbroken.json()["verdicts"], "{resumed}");
    assert_eq!(
        resumed.json()["changes"].as_array().unwrap().len(),
        releases,
        "what came before the kills is told, too"
    );
    assert_eq!(verdicts(&tarproof, &["--store", "killed.db"]), verdicts(&tarproof, &["--store", "whole.db"]));
    let checked = tarproof.run(&["store", "check", "--store", "killed.db"]);
    assert_eq!(checked.code, 0, "{checked}");
    // Each kill may repeat the four jobs that were under way and the results that were being written, and no others.
    let whole = block_on(tries(&address.replace("killed.db", "whole.db")));
    let tries = block_on(tries(&address));
    assert!(tries <= whole + kills * 8, "{tries} tries after {kills} kills, {whole} without");
}

#[test]
fn a_database_that_is_killed_loses_nothing() {
    let Some(mut server) = Postgresql::start() else { return };
    let (tarproof, _) = prepared();
    let address = server.database("killed");
    let store = ["--store", address.as_str(), "--objects", "objects"];
    let unbroken = tarproof.run(&arguments(&["--store", "whole.db"]));
    // A first start makes the tables.
    assert_eq!(tarproof.run(&[&["sweep", "status"], &store[..]].concat()).code, 0);
    let mut sweep = start(&tarproof, &arguments(&store));
    wait_for_results(&address, &mut sweep);
    let (mut kept, mut kills) = (Vec::new(), 0);
    for wait in [60, 150] {
        if sweep.try_wait().unwrap().is_none() {
            server.kill();
            std::thread::sleep(Duration::from_millis(200));
            server.restart();
            let now = results_so_far(&address);
            assert_eq!(now[..kept.len()], kept[..], "a result was lost");
            (kept, kills) = (now, kills + 1);
            std::thread::sleep(Duration::from_millis(wait));
        }
    }
    assert!(kills > 0, "the sweep had ended before");
    // The sweep waits for its database and goes on by itself.
    assert_eq!(sweep.wait().unwrap().code(), Some(1));
    assert_eq!(verdicts(&tarproof, &store), verdicts(&tarproof, &["--store", "whole.db"]));
    let again = tarproof.run(&arguments(&store));
    assert_eq!(again.json()["verdicts"], unbroken.json()["verdicts"], "{again}");
    assert_eq!(tarproof.run(&[&["store", "check"], &store[..]].concat()).code, 0);
}

#[test]
fn a_signal_ends_a_sweep_so_that_it_can_go_on_at_once() {
    let (tarproof, _) = prepared();
    // Leases that nobody would wait for.
    tarproof.write("config.toml", "[sweep]\nlease = 3600\nattempts = 1\n");
    let address = format!("sqlite://{}", tarproof.directory().join("stopped.db").display());
    let mut sweep = tarproof
        .command(&arguments(&["--store", "stopped.db"]), &[])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    wait_for_results(&address, &mut sweep);
    let process = nix::unistd::Pid::from_raw(i32::try_from(sweep.id()).unwrap());
    nix::sys::signal::kill(process, Signal::SIGTERM).unwrap();
    let output = sweep.wait_with_output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.code().is_some(), "{stderr}");
    let told: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(told["stopped"], true, "it had ended before: {told}");
    assert!(stderr.contains("the same command goes on"), "{stderr}");
    let resumed = tarproof.run(&arguments(&["--store", "stopped.db"])).json();
    assert_eq!((&resumed["stopped"], &resumed["open"]), (&false.into(), &0.into()));
    let whole = tarproof.run(&arguments(&["--store", "whole.db"])).json();
    assert_eq!(resumed["verdicts"], whole["verdicts"]);
}

#[test]
fn a_second_signal_ends_a_sweep_at_once() {
    let (tarproof, releases) = prepared();
    let mut arguments = arguments(&["--store", "stopped.db"]);
    let jobs = arguments.iter().position(|argument| *argument == "4").unwrap();
    // More under way than can end between two signals.
    arguments[jobs] = "64";
    let address = format!("sqlite://{}", tarproof.directory().join("stopped.db").display());
    let mut sweep = tarproof.command(&arguments, &[]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    wait_for_results(&address, &mut sweep);
    let process = nix::unistd::Pid::from_raw(i32::try_from(sweep.id()).unwrap());
    // It hears of both when it runs again.
    for signal in [Signal::SIGSTOP, Signal::SIGTERM, Signal::SIGINT, Signal::SIGCONT] {
        nix::sys::signal::kill(process, signal).unwrap();
    }
    let output = sweep.wait_with_output().unwrap();
    let told: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(told["stopped"], true, "it had ended before: {told}");
    let leased = block_on(async {
        let mut connection = sqlx::AnyConnection::connect(&address).await.unwrap();
        let leased = sqlx::query("SELECT COUNT(*) AS leased FROM jobs WHERE state = 'leased'");
        leased.fetch_one(&mut connection).await.unwrap().get::<i64, _>("leased")
    });
    assert!(leased > 0, "it gave everything back: {told}");
    let resumed = tarproof.run(&arguments).json();
    assert_eq!((&resumed["releases"], &resumed["open"]), (&releases.into(), &0.into()), "{resumed}");
    let whole = tarproof.run(&self::arguments(&["--store", "whole.db"])).json();
    assert_eq!(resumed["verdicts"], whole["verdicts"]);
}
