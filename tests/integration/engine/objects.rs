//! The objects of a store in a bucket; no engine and no PostgreSQL are needed for that.

use super::installed;
use super::servers::ObjectServer;
use crate::support::Tarproof;

#[test]
fn a_bucket_holds_what_a_folder_would() {
    let Some(directory) = installed() else { return };
    let server = ObjectServer::start(&directory);
    let tarproof = Tarproof::new();
    tarproof.write("list.txt", "npm:paint-chalk@5.6.0\nnpm:paint-chalk@5.6.1\nnpm:paint-chalk@5.6.2\n");
    let run = |command: &[&str]| {
        let store = ["--store", "store.db", "--objects", "s3://sweeps/deep/er"];
        tarproof.run_with(&[command, &store].concat(), &server.variables())
    };
    let sweep = ["sweep", "--list", "list.txt", "--no-rebuild", "--jobs", "1"];
    assert_eq!(run(&sweep).code, 1);
    let keys = server.keys();
    assert!(keys.len() > 3 && keys.iter().all(|key| key.starts_with("deep/er/sha256/")), "{keys:?}");
    let sound = run(&["store", "check"]);
    assert_eq!(sound.code, 0, "{sound}");
    assert!(sound.stdout.starts_with(&format!("3 results, {} objects: all sound", keys.len())), "{sound}");
    // What is kept in a folder is the same, byte by byte.
    assert_eq!(run(&["store", "export", "--output", "copy.jsonl"]).code, 0);
    tarproof.run(&["store", "import", "copy.jsonl", "--store", "other.db"]);
    tarproof.run(&["store", "export", "--store", "other.db", "--output", "again.jsonl"]);
    assert_eq!(tarproof.read("copy.jsonl"), tarproof.read("again.jsonl"));
    // What goes, or is replaced, is found, and an import puts it back.
    server.change("DELETE", &keys[0], "");
    server.change("PUT", &keys[1], "something else");
    let flaws = run(&["store", "check"]);
    assert_eq!((flaws.code, flaws.stdout.contains("2 not sound")), (1, true), "{flaws}");
    assert!(flaws.stdout.contains("it is missing") && flaws.stdout.contains("it is damaged"), "{flaws}");
    assert_eq!(run(&["store", "import", "copy.jsonl"]).code, 0);
    assert_eq!(run(&["store", "check"]).code, 0);
    // The newest result stays, with what it names.
    let pruned = run(&["store", "prune", "--keep", "1"]);
    assert_eq!(pruned.code, 0, "{pruned}");
    let left = server.keys();
    assert!(!left.is_empty() && left.len() < keys.len(), "{left:?}");
    let sound = run(&["store", "check"]);
    assert_eq!(sound.code, 0, "{sound}");
    assert!(sound.stdout.contains(&format!("{} objects: all sound", left.len())), "{sound}");
}

#[test]
fn a_bucket_that_is_not_there_is_told() {
    let Some(directory) = installed() else { return };
    let server = ObjectServer::start(&directory);
    let tarproof = Tarproof::new();
    tarproof.write("list.txt", "npm:paint-chalk@5.6.2\n").write("config.toml", "[sweep]\npatience = 1\n");
    let sweep = ["sweep", "--list", "list.txt", "--store", "store.db", "--objects", "s3://elsewhere/objects"];
    let run = tarproof.run_with(&[&sweep[..], &["--config", "config.toml"]].concat(), &server.variables());
    assert_eq!(run.code, 4, "{run}");
    assert!(run.stderr.contains("cannot be written"), "{run}");
    // Nothing names what was not kept.
    let check = tarproof.run(&["store", "check", "--store", "store.db"]);
    assert_eq!((check.code, check.stdout.starts_with("0 results")), (0, true), "{check}");
}
