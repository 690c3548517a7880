use std::collections::BTreeSet;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::process::Command;

use super::*;
use crate::package::{Integrity, PackageName, Sha1Digest, Version};

fn build() -> (tempfile::TempDir, World) {
    let directory = tempfile::tempdir().unwrap();
    let world = World::build(directory.path()).unwrap();
    (directory, world)
}

fn get(world: &World, path: &str) -> (u16, Vec<u8>) {
    let address = world.registry_url().trim_start_matches("http://").trim_end_matches('/');
    let mut stream = TcpStream::connect(address).unwrap();
    write!(stream, "GET /{path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    let head_end = answer.windows(4).position(|window| window == b"\r\n\r\n").unwrap();
    let head = String::from_utf8(answer[..head_end].to_vec()).unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, answer[head_end + 4..].to_vec())
}

fn git(world: &World, arguments: &[&str]) -> std::process::Output {
    Command::new("git")
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("HOME", world.home())
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_TERMINAL_PROMPT", "0")
        .args(arguments)
        .output()
        .unwrap()
}

#[test]
fn building_twice_gives_the_same_commits_and_tarballs() {
    let ((_first_directory, first), (_second_directory, second)) = (build(), build());
    let tarballs = |world: &World| -> Vec<_> {
        let digest = |release: &BuiltRelease| Integrity::of(&release.tarball).to_string();
        world.releases().iter().map(|release| (release.name.clone(), digest(release), release.commit.clone())).collect()
    };
    let commits = |world: &World| -> Vec<String> {
        world.repositories().iter().flat_map(|one| one.commits.values().map(|commit| commit.id.clone())).collect()
    };
    assert_eq!(tarballs(&first), tarballs(&second));
    assert_eq!(commits(&first), commits(&second));
    assert!(World::build(first.home().parent().unwrap()).is_err(), "a directory holds one world");
}

#[test]
fn names_versions_and_attack_counts_are_sound() {
    let (_directory, world) = build();
    let mut seen = BTreeSet::new();
    for release in world.releases() {
        PackageName::parse(&release.name).unwrap();
        Version::parse(&release.version).unwrap();
        assert!(seen.insert((&release.name, &release.version)));
    }
    assert_eq!(world.failing().count(), 8);
    let planted = world.expected().filter(|(release, _)| !release.planted.is_empty());
    assert!(planted.map(|(release, _)| &release.case_id).collect::<BTreeSet<_>>().len() >= 17);
}

#[test]
fn every_expected_file_is_in_its_tarball() {
    let (_directory, world) = build();
    for (release, expectation) in world.expected() {
        let Some(file) = &expectation.file else { continue };
        let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(release.tarball.as_slice()));
        let found = archive.entries().unwrap().any(|entry| {
            let path = String::from_utf8_lossy(&entry.unwrap().path_bytes()).into_owned();
            path == *file || path.strip_prefix("package/") == Some(file)
        });
        assert!(found, "{}: {file}", release.case_id);
    }
}

#[test]
fn git_finds_every_repository_sound() {
    let (_directory, world) = build();
    for repository in world.repositories() {
        let path = repository.path.to_str().unwrap();
        let output = git(&world, &["-C", path, "fsck", "--full", "--strict", "--no-dangling"]);
        assert!(output.status.success() && output.stderr.is_empty(), "{path}: {output:?}");
    }
}

#[test]
fn git_is_led_to_local_repositories_and_nowhere_else() {
    let (_directory, world) = build();
    let tags = |address: &str| git(&world, &["ls-remote", "--tags", address]);
    for address in [
        "https://git.example/brushworks/paint-chalk",
        "https://git.example/brushworks/paint-chalk.git",
        "ssh://git@git.example/brushworks/paint-chalk.git",
        "git@git.example:brushworks/paint-chalk.git",
        "https://git.example/old-owner/rungs",
        "https://github.com/tarproof-fixtures/form-mould.git",
    ] {
        let output = tags(address);
        assert!(output.status.success() && !output.stdout.is_empty(), "{address}: {output:?}");
    }
    for address in ["https://git.example/brushworks/lost-crayon", "https://git.example/never/was.git"] {
        let output = tags(address);
        assert!(!output.status.success(), "{address}");
        assert!(String::from_utf8_lossy(&output.stderr).contains("does not appear to be a git repository"));
    }
}

#[test]
fn repositories_answer_filtered_and_shallow_requests_as_hosts_do() {
    let (directory, world) = build();
    let copy = directory.path().join("copy.git");
    let copy = copy.to_str().unwrap();
    let release = world.releases().iter().find(|release| release.case_id == "imposter-commit").unwrap();
    assert!(git(&world, &["init", "--bare", "-q", copy]).status.success());
    let address = "https://git.example/brushworks/easel-stand";
    let fetch = ["-C", copy, "fetch", "-q", "--depth=1", "--filter=blob:none", address, &release.commit];
    let output = git(&world, &fetch);
    assert!(output.status.success(), "{output:?}");
    let reached = git(&world, &["ls-remote", address, "refs/heads/*", "refs/tags/*"]);
    assert!(!String::from_utf8_lossy(&reached.stdout).contains(&release.commit));
}

#[test]
fn an_outdated_copy_lacks_the_release() {
    let (_directory, world) = build();
    let release = world.releases().iter().find(|release| release.case_id == "outdated-copy").unwrap();
    let repository = world.repositories().iter().find(|one| one.path.ends_with("brushworks/fresh-paint.git")).unwrap();
    let opened = git2::Repository::open_bare(&repository.path).unwrap();
    assert!(opened.find_commit(git2::Oid::from_str(&release.commit).unwrap()).is_err());
    assert!(opened.head().unwrap().peel_to_commit().is_ok());
}

#[test]
#[expect(clippy::disallowed_methods, reason = "our own archives, unpacked to prove that they can be")]
fn honest_tarballs_unpack() {
    let (directory, world) = build();
    for release in world.releases().iter().filter(|release| release.kind == CaseKind::Honest) {
        let target = directory.path().join("unpacked").join(format!("{}-{}", release.name, release.version));
        std::fs::create_dir_all(&target).unwrap();
        let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(release.tarball.as_slice()));
        for entry in archive.entries().unwrap() {
            assert!(entry.unwrap().unpack_in(&target).unwrap(), "{}", release.name);
        }
        assert!(target.join("package/package.json").is_file(), "{}", release.name);
    }
}

#[test]
fn the_registry_answers_over_http() {
    let (_directory, world) = build();
    let skipped = ["bad-packument", "bad-missing-package", "bad-missing-tarball", "bad-cut-off", "bad-digest"];
    for release in world.releases().iter().filter(|release| !skipped.contains(&release.name.as_str())) {
        let (status, body) = get(&world, &release.name.replace('/', "%2f"));
        assert_eq!(status, 200, "{}", release.name);
        let document: serde_json::Value = serde_json::from_slice(&body).unwrap();
        let version = &document["versions"][&release.version];
        assert_eq!(version["dist"]["tarball"], release.tarball_url.as_str());
        assert!(document["time"][&release.version].is_string());
        let (status, tarball) = get(&world, release.tarball_url.strip_prefix(world.registry_url()).unwrap());
        assert_eq!((status, tarball.len()), (200, release.tarball.len()));
        Integrity::parse(version["dist"]["integrity"].as_str().unwrap()).unwrap().check(&tarball).unwrap();
        assert_eq!(version["dist"]["shasum"], Sha1Digest::of(&tarball).to_string());
    }
    assert!(world.registry().requests().contains(&"GET /@studio%2flamp".to_owned()));
}

#[test]
fn metadata_follows_the_description() {
    let (_directory, world) = build();
    let version = |name: &str, version: &str| -> serde_json::Value {
        let (_, body) = get(&world, name);
        let mut document: serde_json::Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(
            document["dist-tags"]["latest"].as_str(),
            document["versions"].as_object().unwrap().keys().next_back().map(String::as_str)
        );
        document["versions"][version].take()
    };
    let commit = |id: &str| world.releases().iter().find(|release| release.case_id == id).unwrap().commit.clone();
    assert_eq!(version("easel-stand", "3.0.1")["gitHead"], commit("imposter-commit"));
    assert_eq!(version("paint-chalk", "5.6.1")["gitHead"], serde_json::Value::Null);
    assert_eq!(version("varnish-coat", "1.0.0")["scripts"]["postinstall"], "node inert-look-alike.js");
    assert_eq!(version("mirror-tile", "1.0.0")["_npmVersion"], serde_json::Value::Null);
}

#[test]
fn misbehaviour_is_served_as_described() {
    let (_directory, world) = build();
    let named = |name: &str| world.releases().iter().find(|release| release.name == name).unwrap();
    let tarball = |name: &str| get(&world, named(name).tarball_url.strip_prefix(world.registry_url()).unwrap());
    assert_eq!(get(&world, "bad-missing-package").0, 404);
    assert!(get(&world, "bad-packument").1.starts_with(b"<!doctype"));
    assert_eq!(tarball("bad-missing-tarball").0, 404);
    assert_eq!(tarball("bad-cut-off").1.len(), named("bad-cut-off").tarball.len() / 2);
    let (_, body) = get(&world, "bad-digest");
    let document: serde_json::Value = serde_json::from_slice(&body).unwrap();
    let stated = document["versions"]["1.0.0"]["dist"]["integrity"].as_str().unwrap().to_owned();
    assert!(Integrity::parse(&stated).unwrap().check(&tarball("bad-digest").1).is_err());
    let (_, truncated) = tarball("bad-truncated");
    assert!(std::io::copy(&mut flate2::read::GzDecoder::new(truncated.as_slice()), &mut std::io::sink()).is_err());
}
