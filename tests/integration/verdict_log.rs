//! The verdict log from the command line: appended to, proven, checked, and what is said of one that was changed.

use std::path::Path;

use serde_json::Value;

use crate::support::{Output, Tarproof};

const CLEAN: &str = "out/paint-chalk-5.6.2.verification.sigstore.json";
const COMPROMISED: &str = "out/paint-chalk-5.6.1.verification.sigstore.json";
const ORIGIN: &str = "log.example/verdicts";

/// A program with keys and the statements of two packages.
fn attested() -> Tarproof {
    let tarproof = Tarproof::new();
    assert_eq!(tarproof.run(&["key", "generate", "--output", "key"]).code, 0);
    for key in ["log.key", "other.key"] {
        assert_eq!(tarproof.run(&["key", "generate", "--output", key, "--algorithm", "ed25519"]).code, 0);
    }
    let packages = ["npm:paint-chalk@5.6.2", "npm:paint-chalk@5.6.1"];
    let attest = tarproof.run(&[&["attest", "--key", "key", "--output", "out"], &packages[..]].concat());
    assert_eq!(attest.code, 1, "{attest}");
    tarproof
}

fn append(tarproof: &Tarproof, more: &[&str]) -> Output {
    tarproof.run(&[&["log", "append", "log", "--key", "log.key"], more].concat())
}

/// A log with one statement, whose checkpoint is kept, and then a second one.
fn logged() -> Tarproof {
    let tarproof = attested();
    let begun = append(&tarproof, &[CLEAN, "--origin", ORIGIN, "--trust", "key.pub"]);
    assert_eq!(begun.code, 0, "{begun}");
    std::fs::copy(tarproof.directory().join("log/checkpoint"), tarproof.directory().join("kept")).unwrap();
    let grown = append(&tarproof, &[CLEAN, COMPROMISED]);
    assert_eq!(grown.code, 0, "{grown}");
    tarproof
}

/// A snapshot without what keys and archives make of the hashes.
macro_rules! assert_snapshot {
    ($name:literal, $output:expr) => {
        insta::with_settings!({filters => [
            (r"\+[0-9a-f]{8}\+[A-Za-z0-9+/]{44}", "+[KEY]"),
            (r"\+[0-9a-f]{8}`", "+[ID]`"),
            (r"[A-Za-z0-9+/]{91}=", "[SIGNATURE]"),
            (r"[A-Za-z0-9+/]{43}=", "[HASH]"),
        ]}, { insta::assert_snapshot!($name, $output.text()) })
    };
}

#[test]
fn statements_are_appended_once() {
    let tarproof = attested();
    let no_log = append(&tarproof, &[CLEAN]);
    assert!(no_log.code == 2 && no_log.stderr.contains("begin one with `--origin NAME`"), "{no_log}");
    assert!(!tarproof.directory().join("log").exists());
    assert_snapshot!("append_begins", append(&tarproof, &[CLEAN, "--origin", ORIGIN, "--trust", "key.pub"]));
    assert_snapshot!("append_grows", append(&tarproof, &[CLEAN, COMPROMISED]));
    let again = append(&tarproof, &[COMPROMISED, "--format", "json", "--trust", "key.pub"]).json();
    assert_eq!(again["schema"], "tarproof-log-append/v1");
    assert_eq!((&again["size"], &again["statements"][0]["index"]), (&Value::from(2), &Value::from(1)));
    assert_eq!((&again["statements"][0]["new"], &again["trusted"]), (&Value::Bool(false), &Value::Bool(true)));
    let bundle = std::fs::read(tarproof.directory().join("log/tile/entries/000.p/2")).unwrap();
    let bundle = String::from_utf8_lossy(&bundle);
    assert!(bundle.contains("\"name\":\"pkg:npm/paint-chalk@5.6.1\"") && bundle.contains("\"verdict\":\"no-source\""));
}

#[test]
fn what_cannot_be_appended_leaves_the_log_alone() {
    let tarproof = logged();
    let before = std::fs::read(tarproof.directory().join("log/checkpoint")).unwrap();
    let refused = |more: &[&str], code: i32, reason: &str| {
        let run = append(&tarproof, more);
        assert!(run.code == code && run.stderr.contains(reason) && run.stdout.is_empty(), "{reason}: {run}");
        assert_eq!(std::fs::read(tarproof.directory().join("log/checkpoint")).unwrap(), before);
    };
    tarproof.write("broken.json", "{}");
    refused(&["out/paint-chalk-5.6.2.vsa.sigstore.json", "broken.json"], 1, "cannot use `broken.json`");
    refused(&["missing.json"], 4, "cannot read `missing.json`");
    refused(&[CLEAN, "--trust", "other.key.pub"], 1, "by none of the keys given");
    refused(&[CLEAN, "--origin", "log.example/other"], 2, "the log is `log.example/verdicts`, not `log.example/other`");
    refused(&[CLEAN, "--origin", "two words"], 2, "is no name of a log");
    let with = |key: &str| tarproof.run(&["log", "append", "log", CLEAN, "--key", key]);
    let wrong = with("key");
    assert!(wrong.code == 2 && wrong.stderr.contains("a log is signed with Ed25519"), "{wrong}");
    let stranger = with("other.key");
    assert!(stranger.code == 1 && stranger.stderr.contains("it is not signed by the key given"), "{stranger}");
}

#[test]
fn a_log_is_checked_as_a_whole() {
    let tarproof = logged();
    let verify = |more: &[&str]| tarproof.run(&[&["log", "verify", "log"], more].concat());
    assert_snapshot!("verify", verify(&["--key", "log.key.pub"]));
    assert_snapshot!("verify_since", verify(&["--key", "log.key.pub", "--since", "kept", "--origin", ORIGIN]));
    assert_snapshot!("verify_wrong_key", verify(&["--key", "other.key.pub"]));
    let json = verify(&["--key", "log.key.pub", "--since", "kept", "--format", "json"]).json();
    assert_eq!((&json["proven"], &json["kind"], &json["since"]), (&true.into(), &"log".into(), &1.into()));
    let holds = verify(&["--key", "log.key.pub", "--file", COMPROMISED]);
    assert!(holds.code == 0 && holds.stdout.contains("entry 1 is out/paint-chalk-5.6.1."), "{holds}");
    let other = verify(&["--key", "log.key.pub", "--origin", "log.example/other"]);
    assert_eq!(other.code, 1, "{other}");
    assert_eq!(verify(&["--key", "key.pub"]).code, 2);
    assert_eq!(tarproof.run(&["log", "verify", "nothing", "--key", "log.key.pub"]).code, 4);

    let bundle = tarproof.directory().join("log/tile/entries/000.p/2");
    let mut said = std::fs::read(&bundle).unwrap();
    let verdict = said.windows(9).position(|window| window == b"no-source").unwrap();
    said[verdict..verdict + 8].copy_from_slice(b"verbatim");
    std::fs::write(&bundle, said).unwrap();
    assert_snapshot!("verify_changed", verify(&["--key", "log.key.pub"]));
    let json = verify(&["--key", "log.key.pub", "--format", "json"]);
    assert_eq!((json.code, &json.json()["proven"]), (1, &Value::Bool(false)), "{json}");
}

#[test]
fn a_log_that_was_written_anew_does_not_go_on_from_the_old_one() {
    let tarproof = logged();
    std::fs::remove_file(tarproof.directory().join("log/checkpoint")).unwrap();
    let headless = append(&tarproof, &[COMPROMISED, "--origin", ORIGIN]);
    assert!(headless.code == 1 && headless.stderr.contains("has tiles and no checkpoint"), "{headless}");
    std::fs::remove_dir_all(tarproof.directory().join("log")).unwrap();
    assert_eq!(append(&tarproof, &[COMPROMISED, CLEAN, "--origin", ORIGIN]).code, 0);
    assert_eq!(tarproof.run(&["log", "verify", "log", "--key", "log.key.pub"]).code, 0);
    let since = tarproof.run(&["log", "verify", "log", "--key", "log.key.pub", "--since", "kept"]);
    assert_snapshot!("verify_rewritten", since);
    assert_eq!(tarproof.run(&["log", "prove", "log", "--since", "kept"]).code, 1);
}

#[test]
fn a_log_that_was_set_back_is_not_appended_to_by_who_kept_a_checkpoint() {
    let tarproof = logged();
    let checkpoint = tarproof.directory().join("log/checkpoint");
    std::fs::rename(tarproof.directory().join("kept"), tarproof.directory().join("older")).unwrap();
    std::fs::copy(&checkpoint, tarproof.directory().join("kept")).unwrap();
    assert_eq!(append(&tarproof, &[CLEAN, "--since", "kept"]).code, 0);
    std::fs::copy(tarproof.directory().join("older"), &checkpoint).unwrap();
    assert_snapshot!("append_set_back", append(&tarproof, &[COMPROMISED, "--since", "kept"]));
    assert_eq!(std::fs::read(&checkpoint).unwrap(), std::fs::read(tarproof.directory().join("older")).unwrap());
}

#[test]
fn proofs_hold_without_the_log() {
    let tarproof = logged();
    let output = |proof| ["log", "prove", "log", COMPROMISED, "--output", proof];
    assert_eq!(tarproof.run(&output("one.tlog-proof")).code, 0);
    assert_snapshot!("prove", tarproof.run(&["log", "prove", "log", COMPROMISED]));
    assert_snapshot!("prove_since", tarproof.run(&["log", "prove", "log", "--since", "kept"]));
    let since = tarproof.run(&["log", "prove", "log", "--since", "kept", "--output", "since"]);
    assert_eq!(since.code, 0, "{since}");
    let absent = tarproof.run(&["log", "prove", "log", "out/paint-chalk-5.6.2.vsa.sigstore.json"]);
    assert!(absent.code == 1 && absent.stderr.contains("is not in the log"), "{absent}");
    std::fs::remove_dir_all(tarproof.directory().join("log")).unwrap();

    let verify = |target: &str, more: &[&str]| {
        tarproof.run(&[&["log", "verify", target, "--key", "log.key.pub"], more].concat())
    };
    assert_snapshot!("verify_inclusion", verify("one.tlog-proof", &["--file", COMPROMISED]));
    assert_snapshot!("verify_other_statement", verify("one.tlog-proof", &["--file", CLEAN]));
    assert_snapshot!("verify_consistency", verify("since", &["--since", "kept"]));
    let json = verify("one.tlog-proof", &["--file", COMPROMISED, "--format", "json"]).json();
    assert_eq!((&json["kind"], &json["index"], &json["size"]), (&"inclusion".into(), &1.into(), &2.into()));
    for (target, reason) in [("one.tlog-proof", "name it with `--file`"), ("since", "name it with `--since`")] {
        let unnamed = verify(target, &[]);
        assert!(unnamed.code == 2 && unnamed.stderr.contains(reason), "{unnamed}");
    }
    let no_proof = verify("kept", &["--since", "kept"]);
    assert!(no_proof.code == 1 && no_proof.stderr.contains("it is no proof"), "{no_proof}");
}

#[test]
fn the_page_says_what_the_program_does() {
    let page = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/verdict-log.md")).unwrap();
    for name in ["tarproof-log-append/v1", "tarproof-log-check/v1", tarproof::log::ENTRY_SCHEMA] {
        assert!(page.contains(name), "{name}");
    }
}
