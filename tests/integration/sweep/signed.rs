//! Statements that a sweep kept and `attest --store` signs.

use std::collections::BTreeMap;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use sqlx::Connection as _;

use crate::support::postgresql::Postgresql;
use crate::support::{Tarproof, block_on};

const LIST: [&str; 5] = [
    "npm:paint-chalk@5.6.2",
    "npm:paint-chalk@5.6.1",
    "npm:@studio/lamp@2.0.0",
    "npm:honest-build@1.0.0",
    "npm:fresh-paint@1.1.0",
];

/// Every file in a directory, by name.
fn files(directory: &Path) -> BTreeMap<String, String> {
    let entries = std::fs::read_dir(directory).unwrap().map(Result::unwrap);
    entries
        .map(|entry| (entry.file_name().into_string().unwrap(), std::fs::read_to_string(entry.path()).unwrap()))
        .collect()
}

/// A program with a key, a file of exceptions and a list.
fn prepared() -> Tarproof {
    let tarproof = Tarproof::new();
    let policy = "[[exception]]\npackage = 'npm:paint-chalk'\nrule = 'file-modified'\npath = 'index.js'\n\
                  versions = '5.6.1'\nreason = 'looked at'\n";
    tarproof.write("list.txt", LIST.join("\n")).write("tarproof.toml", policy);
    assert_eq!(tarproof.run(&["key", "generate", "--output", "key"]).code, 0);
    tarproof
}

#[test]
fn what_is_signed_from_a_store_is_what_a_verification_gives() {
    let tarproof = prepared();
    let server = Postgresql::shared();
    let mut places = vec![vec!["--store".to_owned(), "kept.db".to_owned()]];
    places.extend(
        server
            .as_ref()
            .map(|server| ["--store", &server.database("signed"), "--objects", "objects"].map(str::to_owned).to_vec()),
    );
    // Signatures are made without chance, so the very files are the same.
    let attest = |output: &str, more: &[&str]| {
        tarproof.run(
            &[&["attest", "--key", "key", "--policy", "tarproof.toml", "--output", output], &LIST[..], more].concat(),
        )
    };
    let fresh = attest("fresh", &["--cache-dir", "elsewhere"]);
    let expected = files(&tarproof.directory().join("fresh"));
    assert!(expected.keys().any(|name| name.ends_with(".vsa.sigstore.json")), "{fresh}");
    for place in places {
        let place: Vec<&str> = place.iter().map(String::as_str).collect();
        let sweep = ["sweep", "--list", "list.txt", "--policy", "tarproof.toml", "--format", "json"];
        let swept = tarproof.run(&[&sweep[..], &place].concat());
        assert_eq!(swept.json()["open"], 0, "{swept}");
        let kept = attest("kept", &place);
        assert_eq!((kept.code, &kept.stdout), (fresh.code, &fresh.stdout), "{kept}");
        assert_eq!(files(&tarproof.directory().join("kept")), expected);
        std::fs::remove_dir_all(tarproof.directory().join("kept")).unwrap();
    }
    // The exceptions of the sweep are in what was kept, and so is a rebuild where there is a sandbox.
    let excepted = payload(&expected["paint-chalk-5.6.1.verification.sigstore.json"]);
    assert_eq!(excepted["predicate"]["policy"]["exceptions"], serde_json::json!(["looked at"]));
    let rebuilt = expected.keys().any(|name| name.ends_with(".provenance.sigstore.json"));
    assert_eq!(rebuilt, fresh.stdout.contains("reproduced"), "{fresh}");
}

fn payload(bundle: &str) -> serde_json::Value {
    let bundle: serde_json::Value = serde_json::from_str(bundle).unwrap();
    let payload = bundle["dsseEnvelope"]["payload"].as_str().unwrap();
    serde_json::from_slice(&BASE64.decode(payload).unwrap()).unwrap()
}

#[test]
fn a_store_without_the_result_says_what_to_do() {
    let tarproof = prepared();
    tarproof.write("list.txt", "npm:paint-chalk@5.6.2\n");
    let place = ["--store", "kept.db"];
    assert_eq!(tarproof.run(&[&["sweep", "--list", "list.txt", "--no-rebuild"], &place[..]].concat()).code, 0);
    let attest = |more: &[&str]| {
        tarproof.run(&[&["attest", "--key", "key", "--output", "out", "--no-rebuild"], &place[..], more].concat())
    };
    assert_eq!(attest(&[LIST[0]]).code, 0);
    let refused = |more: &[&str], code: i32, reason: &str| {
        let run = attest(more);
        assert_eq!(run.code, code, "{run}");
        assert!(run.stderr.contains(reason), "{reason}: {run}");
    };
    refused(&[LIST[1]], 4, "npm:paint-chalk@5.6.1: the store has no result of it: sweep it into that store");
    refused(&[LIST[0], "--policy", "tarproof.toml"], 4, "the store has results of it under other settings only");
    refused(&["npm:paint-chalk"], 2, "it names no version");
    refused(&[LIST[0], "--time", "now"], 2, "cannot be used with");
    refused(&["--artifact", "a.tgz"], 2, "cannot be used with");
    // What has a result is signed all the same.
    let mixed = attest(&[LIST[1], LIST[0]]);
    assert!(mixed.code == 4 && mixed.stdout.starts_with("verbatim     npm:paint-chalk@5.6.2\n"), "{mixed}");

    // Objects that are gone or damaged, each in its turn.
    let export = tarproof.run(&["store", "export", "--store", "kept.db"]);
    let row: serde_json::Value = export
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .find(|line: &serde_json::Value| line.get("verification").is_some())
        .unwrap();
    tarproof.write("backup.jsonl", &export.stdout);
    let address = format!("sqlite://{}", tarproof.directory().join("kept.db").display());
    let change = |sql: &str, digest: &str| {
        block_on(async {
            let mut connection = sqlx::AnyConnection::connect(&address).await.unwrap();
            let query = sqlx::query(sqlx::AssertSqlSafe(sql.to_owned())).bind(digest.to_owned());
            assert_eq!(query.execute(&mut connection).await.unwrap().rows_affected(), 1, "{sql}");
        });
    };
    for name in ["statements", "ledger"] {
        let digest = row["verification"][name].as_str().unwrap();
        change("UPDATE objects SET bytes = substr(bytes, 1, length(bytes) - 9) WHERE digest = $1", digest);
        refused(&[LIST[0]], 4, &format!("the object {digest} is damaged"));
        let check = tarproof.run(&["store", "check", "--store", "kept.db"]);
        assert!(check.code == 1 && check.stdout.contains(digest), "{check}");
        change("UPDATE objects SET bytes = 'a text' WHERE digest = $1", digest);
        refused(&[LIST[0]], 4, &format!("the object {digest} is damaged: it is no sequence of bytes"));
        let check = tarproof.run(&["store", "check", "--store", "kept.db"]);
        assert!(check.code == 1 && check.stdout.contains(digest), "{check}");
        assert_eq!(tarproof.run(&["store", "export", "--store", "kept.db", "--output", "left.jsonl"]).code, 1);
        change("DELETE FROM objects WHERE digest = $1", digest);
        refused(&[LIST[0]], 4, &format!("the object {digest} is missing"));
        assert_eq!(tarproof.run(&["store", "import", "--store", "kept.db", "backup.jsonl"]).code, 0);
    }
    assert_eq!(attest(&[LIST[0]]).code, 0);
}

#[test]
fn a_lockfile_is_covered_from_a_store() {
    let tarproof = prepared();
    let entry = |name: &str, version: &str| {
        let release =
            tarproof.world().releases().iter().find(|one| one.name == name && one.version == version).unwrap();
        let integrity = tarproof::package::Integrity::of(&release.tarball).to_string();
        serde_json::json!({"version": version, "integrity": integrity})
    };
    let lock = serde_json::json!({"name": "app", "lockfileVersion": 3, "packages": {
        "": {"name": "app"},
        "node_modules/paint-chalk": entry("paint-chalk", "5.6.2"),
        "node_modules/@studio/lamp": entry("@studio/lamp", "2.0.0"),
    }});
    tarproof.write("package-lock.json", lock.to_string());
    let lockfile = ["--lockfile", "package-lock.json"];
    let attest = |output: &str, more: &[&str]| {
        tarproof.run(&[&["attest", "--key", "key", "--output", output], &lockfile[..], more].concat())
    };
    assert_eq!(attest("none", &["--store", "kept.db"]).code, 2, "there is no store");
    tarproof.write("other.txt", "npm:paint-chalk@5.6.0\n");
    assert_eq!(tarproof.run(&["sweep", "--store", "kept.db", "--list", "other.txt"]).code, 0);
    let empty = attest("none", &["--store", "kept.db"]);
    assert_eq!(empty.code, 3, "{empty}");
    assert!(empty.stderr.contains("names nothing that has a verdict"), "{empty}");
    assert_eq!(tarproof.run(&[&["sweep", "--store", "kept.db"], &lockfile[..]].concat()).code, 0);
    let (fresh, kept) = (attest("fresh", &[]), attest("kept", &["--store", "kept.db", "--offline"]));
    assert_eq!((fresh.code, kept.code, &kept.stdout), (0, 0, &fresh.stdout), "{kept}");
    assert_eq!(files(&tarproof.directory().join("kept")), files(&tarproof.directory().join("fresh")));
}
