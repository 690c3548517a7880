//! A registry, a cache and a disk that fail, one after the other, and what becomes of the jobs.

use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use tarproof::package::Sha256Digest;
use tarproof::registry::{HttpLimits, RegistryLimits};
use tarproof::sweep::{Job, Leased, Outcome, RetrySettings, verify_job};

use super::records::job;
use crate::support::faulty::{Fault, FaultyServer};
use crate::support::{Tarproof, TestContext, block_on, shared_world};

const CLEAN: &str = "npm:paint-chalk@5.6.2";

/// Bounds that make a test wait for no more than it must; the client itself tries no request again.
fn hasty() -> RegistryLimits {
    let http = HttpLimits {
        idle_timeout: Duration::from_millis(300),
        total_timeout: Duration::from_millis(900),
        retries: 0,
        requests_per_second: NonZeroU32::new(1_000).unwrap(),
        ..HttpLimits::default()
    };
    RegistryLimits { http, ..RegistryLimits::default() }
}

fn attempt(number: u32) -> Leased {
    Leased { job: Job { tool: "0.0.0".to_owned(), stated: String::new(), ..job(CLEAN) }, attempt: number }
}

#[test]
fn a_registry_that_fails_is_asked_again_and_in_the_end_not() {
    let world = shared_world();
    let faulty = FaultyServer::before(world.registry_url());
    let retry = RetrySettings { attempts: 3, ..RetrySettings::default() };
    let run = |number: u32| {
        // A cache of its own: what one try fetched must not help the next one.
        let test = TestContext::of_registry(&world, faulty.url(), hasty());
        block_on(verify_job(attempt(number), &test.context, &retry)).outcome
    };
    for fault in [
        Fault::Status(429),
        Fault::Status(500),
        Fault::Status(503),
        Fault::CutOff,
        Fault::Silence,
        Fault::Trickle,
        Fault::Page,
    ] {
        faulty.misbehave([fault]);
        let Outcome::Retry { wait, error } = run(1) else { panic!("{fault:?} is worth another try") };
        assert!(wait <= retry.longest_wait && !error.is_empty(), "{fault:?}: {wait:?}: {error}");
        assert_eq!(faulty.left(), 0, "{fault:?} was had");
        faulty.misbehave([fault]);
        assert!(matches!(run(3), Outcome::Failed { is_final: false, .. }), "{fault:?}: the last try");
        let Outcome::Verified { record, objects } = run(2) else { panic!("{fault:?} has passed") };
        assert_eq!((record.verdict.as_str(), objects.len()), ("verbatim", 3));
    }
    for fault in [Fault::Status(401), Fault::Status(404), Fault::Status(410)] {
        faulty.misbehave([fault]);
        assert!(matches!(run(1), Outcome::Failed { is_final: true, .. }), "{fault:?} is final");
    }
}

#[test]
fn a_poisoned_cache_changes_no_verdict() {
    let world = shared_world();
    let test = TestContext::of_world(&world);
    let retry = RetrySettings::default();
    let run = |number| block_on(verify_job(attempt(number), &test.context, &retry)).outcome;
    let Outcome::Verified { record: before, .. } = run(1) else { panic!("it can be verified") };
    let blobs: Vec<PathBuf> = files(&test.cache().join("registry/blobs"));
    assert!(blobs.len() >= 2, "packument and artifact");
    for blob in &blobs {
        let mut bytes = std::fs::read(blob).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 0xff;
        std::fs::write(blob, &bytes).unwrap();
        let Outcome::Verified { record, .. } = run(2) else { panic!("{} is fetched again", blob.display()) };
        assert_eq!(
            (&record.verdict, &record.sha256, &record.ledger, &record.statements),
            (&before.verdict, &before.sha256, &before.ledger, &before.statements)
        );
    }
    let artifact = blobs.iter().find(|blob| blob.ends_with(&before.sha256)).unwrap();
    let digest = Sha256Digest::of(&std::fs::read(artifact).unwrap());
    assert_eq!(digest.to_string(), before.sha256, "it was fetched again");
}

fn files(directory: &Path) -> Vec<PathBuf> {
    let entries = walkdir::WalkDir::new(directory).into_iter().map(Result::unwrap);
    entries.filter(|entry| entry.file_type().is_file()).map(walkdir::DirEntry::into_path).collect()
}

/// Whether this machine lets a process have mounts of its own.
fn has_own_mounts() -> bool {
    let mount = "mount -t tmpfs none /tmp";
    Command::new("unshare")
        .args(["--mount", "--user", "--map-root-user", "sh", "-c", mount])
        .output()
        .is_ok_and(|run| run.status.success())
}

#[test]
#[cfg(target_os = "linux")]
#[expect(clippy::print_stderr, reason = "a test has no other way to say that it did nothing")]
fn a_disk_that_has_room_again_is_gone_on_with() {
    if !has_own_mounts() {
        eprintln!("not run: no user namespaces with mounts of their own on this machine");
        return;
    }
    let tarproof = Tarproof::new();
    tarproof.write("one.txt", "npm:paint-chalk@5.6.0\n").write("two.txt", "npm:paint-chalk@5.6.1\n");
    tarproof.write("config.toml", "[sweep]\npatience = 60\n");
    std::fs::create_dir(tarproof.directory().join("small")).unwrap();
    let sweep = |list: &str| {
        let arguments =
            ["sweep", "--list", list, "--no-rebuild", "--config", "config.toml", "--store", "small/store.db"];
        tarproof.command(&[&arguments[..], &["--objects", "objects"]].concat(), &[])
    };
    let words = |command: &Command| -> String {
        let words = [command.get_program()].into_iter().chain(command.get_args());
        words.map(|word| word.to_str().unwrap()).collect::<Vec<_>>().join(" ")
    };
    let (first, second) = (sweep("one.txt"), sweep("two.txt"));
    // There is a store, the disk is filled but for what opening it takes, and has room again a while later.
    let script = format!(
        "mount -t tmpfs -o size=2m none small && {} > /dev/null && {{ dd if=/dev/zero of=small/filler 2> /dev/null; \
         truncate -s -48k small/filler; (sleep 3; rm small/filler) & {}; }}",
        words(&first),
        words(&second)
    );
    let mut inside = Command::new("unshare");
    inside.args(["--mount", "--user", "--map-root-user", "sh", "-c", &script]).current_dir(tarproof.directory());
    inside.env_clear().envs(second.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let run = inside.output().unwrap();
    let stderr = String::from_utf8_lossy(&run.stderr);
    assert!(stderr.contains("it is asked again"), "the disk was not full: {stderr}");
    assert_eq!(run.status.code(), Some(1), "it is divergent: {stderr}");
}

#[test]
#[cfg(target_os = "linux")]
#[expect(clippy::print_stderr, reason = "a test has no other way to say that it did nothing")]
fn a_full_disk_loses_nothing_that_was_told() {
    if !has_own_mounts() {
        eprintln!("not run: no user namespaces with mounts of their own on this machine");
        return;
    }
    let tarproof = Tarproof::new();
    let world = tarproof.world();
    let list: String =
        world.expected().map(|(release, _)| format!("npm:{}@{}\n", release.name, release.version)).collect();
    tarproof.write("list.txt", &list).write("config.toml", "[sweep]\nlease = 1\nattempts = 1\npatience = 2\n");
    let small = tarproof.directory().join("small");
    std::fs::create_dir(&small).unwrap();
    let arguments = ["sweep", "--list", "list.txt", "--no-rebuild", "--config", "config.toml"];
    // The packages' own fetches are not what is short here.
    let warm = tarproof.run(&[&arguments[..], &["--store", "warm.db"]].concat());
    assert_ne!(warm.code, 4, "{warm}");
    let command = tarproof.command(&[&arguments[..], &["--store", "small/store.db"]].concat(), &[]);
    let program = command.get_program().to_str().unwrap().to_owned();
    let words: Vec<String> = command.get_args().map(|word| word.to_str().unwrap().to_owned()).collect();
    // What the small disk holds when it is full is copied out, to be looked at.
    let script = format!(
        "mount -t tmpfs -o size=600k none small && {{ {program} {} ; code=$?; cp -r small kept; exit $code; }}",
        words.join(" ")
    );
    let mut inside = Command::new("unshare");
    inside.args(["--mount", "--user", "--map-root-user", "sh", "-c", &script]).current_dir(tarproof.directory());
    inside.env_clear().envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let run = inside.output().unwrap();
    let stderr = String::from_utf8_lossy(&run.stderr);
    assert!(!stderr.contains("panicked"), "{stderr}");
    assert_eq!(run.status.code(), Some(4), "{stderr}");
    assert!(stderr.contains("it is asked again"), "the disk was not full: {stderr}");
    // On a disk with room everything that is there is sound, and the rest is done.
    let checked = tarproof.run(&["store", "check", "--store", "kept/store.db"]);
    assert_eq!(checked.code, 0, "{checked}");
    assert!(!checked.stdout.starts_with("0 results"), "{checked}");
    let resumed = tarproof.run(&[&arguments[..], &["--store", "kept/store.db", "--format", "json"]].concat());
    let whole = tarproof.run(&[&arguments[..], &["--store", "warm.db", "--format", "json"]].concat());
    assert_eq!(resumed.json()["verdicts"], whole.json()["verdicts"]);
    assert!(resumed.json()["settled_before"].as_u64().unwrap() > 0, "{resumed}");
}
