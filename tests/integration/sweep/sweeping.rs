//! The commands as a user sees them.

use crate::support::{Output, Tarproof};

/// Holds one run to its snapshot; times are not what it is about.
fn hold(name: &str, output: &Output) {
    insta::with_settings!({ filters => vec![(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", "[TIME]"), (r"[0-9a-f]{64}", "[DIGEST]")] }, {
        insta::assert_snapshot!(name, output.text());
    });
}

const LIST: &str = "# what we use
npm:paint-chalk@5.6.2
npm:paint-chalk@5.6.1
pkg:npm/%40studio/lamp
npm:fresh-paint@1.1.0
npm:no-such-paint
npm:paint-chalk@9.9.9
";

#[test]
fn a_sweep_tells_what_changed() {
    let tarproof = Tarproof::new();
    tarproof.write("list.txt", LIST);
    let sweep = |more: &[&str]| tarproof.run(&[&["sweep", "--list", "list.txt", "--jobs", "1"], more].concat());
    hold("before", &tarproof.run(&["sweep", "status", "--store", "none.db"]));
    hold("first", &sweep(&[]));
    hold("again", &sweep(&[]));
    hold("again_json", &sweep(&["--format", "json"]));
    // What the user allows is part of what a result rests on: everything is verified once more, and nothing has changed.
    hold("without_rebuilds", &sweep(&["--no-rebuild"]));
    hold("status", &tarproof.run(&["sweep", "status"]));
    hold("failed", &tarproof.run(&["sweep", "failed"]));
    hold("requeue", &tarproof.run(&["sweep", "requeue", "npm:paint-chalk@5.6.2"]));
    hold("history", &tarproof.run(&["history", "npm:paint-chalk"]));
    hold("history_none", &tarproof.run(&["history", "npm:never-seen"]));
    hold("check", &tarproof.run(&["store", "check"]));
    hold("prune_dry_run", &tarproof.run(&["store", "prune", "--dry-run"]));
    let history = tarproof.run(&["history", "npm:paint-chalk@5.6.1", "--format", "json"]).json();
    assert_eq!(history["schema"], "tarproof-history/v1");
    assert_eq!(history["results"][0]["verdict"], "no-source");
    let status = tarproof.run(&["sweep", "status", "--format", "json"]).json();
    assert_eq!(status["jobs"]["waiting"], 0);
}

#[test]
fn what_the_registry_serves_does_not_stand_for_what_a_lockfile_states() {
    let tarproof = Tarproof::new();
    let integrity = tarproof::package::Integrity::of(b"other content").to_string();
    let lock = serde_json::json!({"name": "app", "lockfileVersion": 3, "packages": {
        "": {"name": "app"},
        "node_modules/paint-chalk": {"version": "5.6.2", "integrity": integrity},
    }});
    tarproof.write("package-lock.json", lock.to_string());
    for _ in 0..2 {
        let swept = tarproof.run(&["sweep", "--lockfile", "package-lock.json", "--store", "kept.db"]);
        assert!(swept.code == 4 && swept.stdout.contains("serves other content than was stated"), "{swept}");
    }
}

#[test]
fn what_is_wrong_with_a_list_or_a_store_is_named() {
    let tarproof = Tarproof::new();
    tarproof.write("list.txt", "npm:a\nchalk\n");
    hold("wrong_list", &tarproof.run(&["sweep", "--list", "list.txt"]));
    hold("no_list", &tarproof.run(&["sweep", "--list", "missing.txt"]));
    hold("nothing_named", &tarproof.run(&["sweep"]));
    tarproof.write("list.txt", "npm:paint-chalk@5.6.2\n");
    hold("no_objects", &tarproof.run(&["sweep", "--list", "list.txt", "--store", "postgresql://localhost/none"]));
    hold("no_store", &tarproof.run(&["sweep", "status", "--store", "mysql://me:secret@localhost/none"]));
    tarproof.write("text.db", "this is not a database, and long enough to be told from an empty file");
    hold("not_a_store", &tarproof.run(&["sweep", "status", "--store", "text.db"]));
    tarproof
        .write("import.jsonl", "{\"schema\":\"tarproof-store/v1\"}\n{\"object\":{\"digest\":\"x\",\"gzip\":\"\"}}\n");
    hold("wrong_import", &tarproof.run(&["store", "import", "import.jsonl"]));
}

#[test]
fn a_store_is_carried_to_another_place() {
    let tarproof = Tarproof::new();
    tarproof.write("list.txt", "npm:paint-chalk@5.6.2\nnpm:paint-chalk@5.6.1\n");
    tarproof.run(&["sweep", "--list", "list.txt", "--store", "a.db"]);
    hold("export", &tarproof.run(&["store", "export", "--store", "a.db", "--output", "a.jsonl"]));
    hold("import", &tarproof.run(&["store", "import", "a.jsonl", "--store", "b.db"]));
    hold("import_again", &tarproof.run(&["store", "import", "a.jsonl", "--store", "b.db"]));
    let sweep = tarproof.run(&["sweep", "--list", "list.txt", "--store", "b.db", "--format", "json"]).json();
    assert_eq!(sweep["settled_before"], 2, "what was imported is not verified again");
}
