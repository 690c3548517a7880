//! Signed statements from the command line: made, proven, refused, and what their schemas say.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use jsonschema::Validator;
use serde_json::{Value, json};
use tarproof::attest::predicate::schemas;
use tarproof::attest::{Circumstances, StatementSet, Statements};

use crate::support::{Output, Tarproof, TestWorld, shared_world, verified_world};

const CLEAN: &str = "npm:paint-chalk@5.6.2";
const COMPROMISED: &str = "npm:paint-chalk@5.6.1";

/// A program with a key, and its statements about one package in `out`.
fn attested(subject: &str) -> (Tarproof, Output) {
    let tarproof = Tarproof::new();
    assert_eq!(tarproof.run(&["key", "generate", "--output", "key"]).code, 0);
    assert_eq!(tarproof.run(&["key", "generate", "--output", "other", "--algorithm", "ed25519"]).code, 0);
    let run = tarproof.run(&["attest", subject, "--key", "key", "--output", "out"]);
    (tarproof, run)
}

fn bundle(tarproof: &Tarproof, file: &str) -> Value {
    serde_json::from_slice(&std::fs::read(tarproof.directory().join(file)).unwrap()).unwrap()
}

fn statement(bundle: &Value) -> Value {
    let payload = bundle["dsseEnvelope"]["payload"].as_str().unwrap();
    serde_json::from_slice(&BASE64.decode(payload).unwrap()).unwrap()
}

fn schema_path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("docs/predicates/{name}-v1.schema.json"))
}

fn validator(name: &str) -> Validator {
    let schema: Value = serde_json::from_slice(&std::fs::read(schema_path(name)).unwrap()).unwrap();
    jsonschema::options().should_validate_formats(true).build(&schema).unwrap()
}

fn assert_valid(name: &str, statement: &Value, what: &str) {
    let validator = validator(name);
    let errors: Vec<String> =
        validator.iter_errors(statement).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert!(errors.is_empty(), "{what}: {errors:#?}");
    let mut wrong = statement.clone();
    wrong["predicateType"] = "https://other.example/v1".into();
    assert!(!validator.is_valid(&wrong), "the schema of {name} accepts everything");
}

#[test]
fn the_published_schemas_are_those_of_the_structs() {
    for (name, schema) in schemas() {
        let generated = serde_json::to_string_pretty(&schema).unwrap() + "\n";
        let path = schema_path(name);
        if std::env::var_os("UPDATE_SCHEMA").is_some() {
            std::fs::write(&path, &generated).unwrap();
        }
        let committed = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(committed == generated, "{name}: run this test once with UPDATE_SCHEMA=1 and look at the change");
    }
}

#[test]
fn every_verification_has_statements_that_are_valid_and_the_same_each_time() {
    let world = shared_world();
    let circumstances = Circumstances { time: Some("2026-01-01T00:00:00Z".to_owned()), policy: None };
    let (mut summaries, mut without) = (0, 0);
    for (release, _, outcome) in verified_world().cases(&world) {
        let Ok(verification) = outcome else { continue };
        let statements = Statements::of(verification, &circumstances);
        let bytes = statements.verification.to_bytes();
        assert_eq!(Statements::of(verification, &circumstances).verification.to_bytes(), bytes);
        assert_valid("verification", &serde_json::from_slice(&bytes).unwrap(), &release.case_id);
        // What is kept and read again is the same, and none of it contradicts itself.
        let set = StatementSet::of(&statements);
        assert_eq!(StatementSet::read(&set.to_lines()).unwrap(), set, "{}", release.case_id);
        match &statements.summary {
            Some(summary) => {
                summaries += 1;
                assert_valid("vsa", &serde_json::to_value(summary).unwrap(), &release.case_id);
            }
            // What could not be told is neither passed nor failed.
            None => {
                without += 1;
                assert!(matches!(verification.verdict.id(), "inconclusive" | "no-source"), "{}", release.case_id);
            }
        }
        if let Some(provenance) = &statements.provenance {
            assert_valid("provenance", &serde_json::to_value(provenance).unwrap(), &release.case_id);
        }
    }
    assert!(summaries > 10 && without > 2, "{summaries} {without}");
}

#[test]
fn a_clean_package_is_attested_and_accepted() {
    let (tarproof, run) = attested(CLEAN);
    assert_eq!(run.code, 0, "{run}");
    assert!(run.stdout.starts_with("verbatim     npm:paint-chalk@5.6.2\n"), "{run}");
    let file = "out/paint-chalk-5.6.2.verification.sigstore.json";
    let statement = statement(&bundle(&tarproof, file));
    assert_eq!(statement["subject"][0]["name"], "pkg:npm/paint-chalk@5.6.2");
    let digests = statement["subject"][0]["digest"].as_object().unwrap();
    assert_eq!(digests.keys().collect::<Vec<_>>(), ["sha256", "sha512"]);
    let ledger = std::fs::read(tarproof.directory().join("out/paint-chalk-5.6.2.ledger.jsonl")).unwrap();
    let digest = tarproof::package::Sha256Digest::of(&ledger).to_string();
    assert_eq!(statement["predicate"]["ledger"]["digest"]["sha256"], digest.as_str());

    tarproof.write_artifact("served.tgz", "paint-chalk", "5.6.2");
    tarproof.write_artifact("other.tgz", "paint-chalk", "5.6.1");
    let check = |more: &[&str]| tarproof.run(&[&["verify-attestation", file, "--key", "key.pub"], more].concat());
    let accepted = check(&["--artifact", "served.tgz", "--subject", CLEAN, "--verdict", "verbatim"]);
    assert_eq!(accepted.code, 0, "{accepted}");
    assert!(accepted.stdout.starts_with("accepted     verbatim  npm:paint-chalk@5.6.2\n"), "{accepted}");
    assert!(check(&[]).stdout.contains("not compared with any artifact"));
    assert_eq!(check(&["--fetch"]).code, 0);
    let summary = ["verify-attestation", "out/paint-chalk-5.6.2.vsa.sigstore.json", "--key", "key.pub"];
    assert_eq!(tarproof.run(&summary).code, 0);

    let refused = |more: &[&str], reason: &str| {
        let run = check(more);
        assert_eq!(run.code, 1, "{run}");
        assert!(run.stderr.contains(reason) && run.stdout.is_empty(), "{reason}: {run}");
    };
    refused(&["--artifact", "other.tgz"], "no subject of the statement has the artifact's digest");
    refused(&["--subject", COMPROMISED], "the statement is not about npm:paint-chalk@5.6.1");
    refused(&["--verdict", "reproduced"], "the verdict is `verbatim`, and accepted are `reproduced`");
    refused(&["--max-age", "30d"], "does not say when it was made");
    let json = check(&["--format", "json", "--verdict", "equivalent"]);
    assert_eq!((json.code, json.json()["accepted"].clone()), (1, Value::Bool(false)), "{json}");
    assert_eq!(json.json()["signers"].as_array().unwrap().len(), 1);
}

#[test]
fn whatever_is_wrong_with_a_signed_file_is_told() {
    let (tarproof, _) = attested(CLEAN);
    let file = "out/paint-chalk-5.6.2.verification.sigstore.json";
    let whole = bundle(&tarproof, file);
    let refused = |content: &[u8], key: &str, reason: &str| {
        tarproof.write("signed.json", content);
        let run = tarproof.run(&["verify-attestation", "signed.json", "--key", key]);
        assert_eq!(run.code, 1, "{reason}: {run}");
        assert!(run.stderr.starts_with("error: ") && run.stderr.contains(reason), "{reason}: {run}");
        assert!(run.stderr.len() < 500, "{run}");
    };
    let changed = |pointer: &str, value: Value| {
        let mut bundle = whole.clone();
        *bundle.pointer_mut(pointer).unwrap() = value;
        serde_json::to_vec(&bundle).unwrap()
    };
    refused(&serde_json::to_vec(&whole).unwrap(), "other.pub", "by none of the keys given");
    let mut payload = statement(&whole);
    payload["predicate"]["verdict"] = "reproduced".into();
    let payload = BASE64.encode(serde_json::to_vec(&payload).unwrap());
    refused(&changed("/dsseEnvelope/payload", payload.into()), "key.pub", "does not fit the statement");
    refused(&changed("/dsseEnvelope/payloadType", "text/plain".into()), "key.pub", "does not fit the statement");
    refused(&changed("/dsseEnvelope/signatures/0/sig", "AA==".into()), "key.pub", "does not fit the statement");
    refused(&changed("/dsseEnvelope/signatures", json!([])), "key.pub", "0 signatures");
    refused(&changed("/verificationMaterial/publicKey/hint", "SHA256:x".into()), "key.pub", "names the key `SHA256:x`");
    let certificate = json!({"x509CertificateChain": {"certificates": []}});
    refused(&changed("/verificationMaterial", certificate), "key.pub", "signed with a certificate");
    refused(&changed("/mediaType", "text/\u{1b}[2J".into()), "key.pub", "media type `text/\\u{1b}[2J`");
    refused(b"{\"mediaType\":\"a\",\"mediaType\":\"b\"}", "key.pub", "the key `mediaType` stands twice");
    refused(&b"[".repeat(1 << 20), "key.pub", "recursion limit");
    refused(b"", "key.pub", "not the JSON that was expected");
    let one = |call: &[&str], code: i32, reason: &str| {
        let run = tarproof.run(&[&["verify-attestation"], call].concat());
        assert_eq!(run.code, code, "{run}");
        assert!(run.stderr.contains(reason), "{reason}: {run}");
    };
    one(&["missing.json", "--key", "key.pub"], 4, "cannot read `missing.json`");
    one(&[file, "--key", "key"], 2, "it is a private key; give the public one");
    one(&[file, "--key", "signed.json"], 2, "it is not a public key");
    one(&[file, "--key", "key.pub", "--threshold", "2"], 2, "can never be met");
    one(&[file, "--key", "key.pub", "--verdict", "fine"], 2, "`fine` is not a verdict");
    one(&[file, "--key", "key.pub", "--allow-stabilizer", "all"], 2, "`all` is not a stabilizer");
    let large = std::fs::File::create(tarproof.directory().join("large.json")).unwrap();
    large.set_len(33 << 20).unwrap();
    let huge = std::fs::File::create(tarproof.directory().join("huge")).unwrap();
    huge.set_len((1 << 30) + 1).unwrap();
    one(&["large.json", "--key", "key.pub"], 1, "larger than the limit");
    let json = tarproof.run(&["verify-attestation", "large.json", "--key", "key.pub", "--format", "json"]);
    assert!(json.code == 1 && json.json()["accepted"] == false, "{json}");
    one(&[file, "--key", "key.pub", "--artifact", "huge"], 1, "larger than the limit");
    // A key counts once, however often it is named.
    one(&[file, "--key", "key.pub", "--key", "key.pub", "--threshold", "2"], 2, "can never be met by 1 signer: name");
    let mut nonsense = whole.clone();
    nonsense["verificationMaterial"]["tlogEntries"] = json!([{"logIndex": "0"}]);
    refused(&serde_json::to_vec(&nonsense).unwrap(), "key.pub", "the bundle cannot be read: ");
}

#[test]
fn a_divergent_package_is_attested_as_such() {
    let (tarproof, run) = attested(COMPROMISED);
    assert_eq!(run.code, 1, "{run}");
    let file = "out/paint-chalk-5.6.1.verification.sigstore.json";
    let run = tarproof.run(&["verify-attestation", file, "--key", "key.pub"]);
    assert_eq!(run.code, 1, "{run}");
    assert!(run.stderr.contains("the verdict is `no-source`"), "{run}");
    let run = tarproof.run(&["verify-attestation", file, "--key", "key.pub", "--verdict", "no-source"]);
    assert_eq!(run.code, 0, "{run}");
    assert!(!tarproof.directory().join("out/paint-chalk-5.6.1.vsa.sigstore.json").exists());
}

#[test]
fn two_verifiers_sign_the_same_bytes_and_are_counted() {
    let (tarproof, _) = attested(CLEAN);
    // Another machine, as far as this one can play it: another cache, another key.
    let call = ["attest", CLEAN, "--key", "other", "--output", "theirs", "--cache-dir", "elsewhere"];
    assert_eq!(tarproof.run(&call).code, 0);
    let name = "paint-chalk-5.6.2.verification.sigstore.json";
    let (ours, theirs) = (format!("out/{name}"), format!("theirs/{name}"));
    let payload = |file: &str| bundle(&tarproof, file)["dsseEnvelope"]["payload"].clone();
    assert_eq!(payload(&ours), payload(&theirs));
    let keys = ["--key", "key.pub", "--key", "other.pub", "--threshold", "2"];
    let run = tarproof.run(&[&["verify-attestation", &ours, &theirs], &keys[..]].concat());
    assert_eq!(run.code, 0, "{run}");
    assert_eq!(run.stdout.matches("signed by").count(), 2, "{run}");
    let run = tarproof.run(&[&["verify-attestation", &ours, &ours], &keys[..]].concat());
    assert_eq!(run.code, 1, "{run}");
    assert!(run.stderr.contains("1 of those given signed it, and 2 are needed"), "{run}");
}

#[test]
fn a_stated_time_has_an_age() {
    let (tarproof, _) = attested(CLEAN);
    let file = "out/paint-chalk-5.6.2.verification.sigstore.json";
    let attest = |time: &str| {
        let call = ["attest", CLEAN, "--key", "key", "--output", "out", "--time", time];
        tarproof.run(&call)
    };
    let check = || tarproof.run(&["verify-attestation", file, "--key", "key.pub", "--max-age", "1h"]);
    assert_eq!(attest("now").code, 0);
    assert_eq!(check().code, 0);
    assert_eq!(attest("2026-01-01T00:00:00+01:00").code, 0);
    assert_eq!(statement(&bundle(&tarproof, file))["predicate"]["timeVerified"], "2025-12-31T23:00:00Z");
    assert!(check().stderr.contains("more than 3600 seconds ago"));
    assert_eq!(attest("99999999999").code, 0);
    let run = tarproof.run(&["verify-attestation", file, "--key", "key.pub"]);
    assert!(run.code == 1 && run.stderr.contains("in the future"), "{run}");
    assert_eq!(attest("yesterday").code, 2);
}

#[test]
fn keys_come_from_files_and_the_environment_and_never_replace_one() {
    let tarproof = Tarproof::new();
    let sealed = [("TARPROOF_KEY_PASSPHRASE", "open sesame")];
    let run = tarproof.run_with(&["key", "generate", "--output", "key"], &sealed);
    assert!(run.code == 0 && run.stdout.contains("private  key (encrypted)"), "{run}");
    let private = std::fs::read_to_string(tarproof.directory().join("key")).unwrap();
    assert!(private.starts_with("-----BEGIN ENCRYPTED PRIVATE KEY-----"));
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = std::fs::metadata(tarproof.directory().join("key")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    let again = tarproof.run(&["key", "generate", "--output", "key"]);
    assert!(again.code == 2 && again.stderr.contains("`key` exists already"), "{again}");
    std::fs::remove_file(tarproof.directory().join("key")).unwrap();
    let beside = tarproof.run(&["key", "generate", "--output", "key"]);
    assert!(beside.code == 2 && beside.stderr.contains("`key.pub` exists already"), "{beside}");
    assert!(!tarproof.directory().join("key").exists(), "half a pair");

    let attest = |more: &[&str], variables: &[(&str, &str)]| {
        tarproof.run_with(&[&["attest", CLEAN, "--output", "out"], more].concat(), variables)
    };
    let whole = [("TARPROOF_KEY", private.as_str()), sealed[0]];
    assert_eq!(attest(&[], &whole).code, 0);
    let refused = |run: Output, reason: &str| {
        assert_eq!(run.code, 2, "{run}");
        assert!(run.stderr.contains(reason) && !run.stderr.contains("sesame"), "{reason}: {run}");
    };
    refused(attest(&[], &[]), "no key: name a file with `--key`, or set `TARPROOF_KEY`");
    refused(attest(&[], &whole[..1]), "no passphrase was given");
    let wrong = [whole[0], ("TARPROOF_KEY_PASSPHRASE", "sesame seeds")];
    refused(attest(&[], &wrong), "the passphrase is wrong");
    refused(attest(&["--key", "key.pub"], &[]), "it is not a private key");
    refused(attest(&["--key", "-", "--passphrase-stdin"], &[]), "cannot both come from standard input");
}

#[test]
fn roots_and_keys_of_the_user_are_read_or_refused() {
    let tarproof = Tarproof::new();
    let keys = json!({"keys": [{"keyid": "a", "key": "AAAA", "expires": null}]});
    tarproof
        .write("root.json", sigstore_trust_root::SIGSTORE_STAGING_TRUSTED_ROOT)
        .write("keys.json", keys.to_string())
        .write("none.json", "{}")
        .write("latin1.json", b"\"\xe9\"")
        .write("good.toml", "trusted-root = 'root.json'\nregistry-keys = 'keys.json'\n")
        .write("bad.toml", "trusted-root = 'none.json'\n");
    let large = std::fs::File::create(tarproof.directory().join("large.json")).unwrap();
    large.set_len(5 << 20).unwrap();
    let verify = |more: &[&str]| tarproof.run(&[&["verify", CLEAN, "--no-rebuild"], more].concat());
    for good in [&["--trusted-root", "root.json", "--registry-keys", "keys.json"][..], &["--config", "good.toml"]] {
        let run = verify(good);
        assert_eq!(run.code, 0, "{run}");
    }
    for (option, what) in [("--trusted-root", "the trusted root"), ("--registry-keys", "the registry keys")] {
        for file in ["none.json", "latin1.json", "large.json", "missing.json"] {
            let run = verify(&[option, file]);
            assert!(run.code == 2 && run.stderr.contains(&format!("cannot use {what} `{file}`: ")), "{run}");
        }
    }
    let run = verify(&["--config", "bad.toml"]);
    assert!(run.code == 2 && run.stderr.contains("cannot use the trusted root `none.json`"), "{run}");
}

/// A lockfile of these releases of the world.
fn lockfile(tarproof: &Tarproof, releases: &[(&str, &str)]) -> Value {
    let mut packages = serde_json::Map::new();
    packages.insert(String::new(), json!({"name": "app", "version": "1.0.0"}));
    for (name, version) in releases {
        let release = tarproof.world().releases().iter().find(|one| one.name == *name && one.version == *version);
        let integrity = tarproof::package::Integrity::of(&release.unwrap().tarball).to_string();
        let entry = json!({"version": version, "integrity": integrity});
        packages.insert(format!("node_modules/{name}"), entry);
    }
    json!({"name": "app", "lockfileVersion": 3, "packages": packages})
}

#[test]
fn what_an_artifact_bundles_is_covered_with_it() {
    let bundling = tarproof::suite::packages().unwrap().into_iter().filter(|case| case.id == "nest-box").collect();
    let tarproof = Tarproof::in_world(Arc::new(TestWorld::of_cases(bundling)));
    assert_eq!(tarproof.run(&["key", "generate", "--output", "key"]).code, 0);
    let mut lock = lockfile(&tarproof, &[("nest-box", "1.0.0")]);
    lock["packages"]["node_modules/nest-box"]["bundleDependencies"] = json!(["tiny-knot", "loose-knot"]);
    lock["packages"]["node_modules/nest-box/node_modules/tiny-knot"] = json!({"version": "1.0.0", "inBundle": true});
    tarproof.write("package-lock.json", serde_json::to_vec(&lock).unwrap());
    let run = tarproof.run(&["attest", "--lockfile", "package-lock.json", "--key", "key", "--output", "."]);
    assert_eq!(run.code, 0, "{run}");
    let file = "package-lock.verdict-lock.sigstore.json";
    let stated = statement(&bundle(&tarproof, file));
    assert_valid("verdict-lock", &stated, "the lock");
    assert_eq!(stated["predicate"]["packages"][0]["bundles"], json!(["node_modules/tiny-knot"]));
    let check = ["verify-attestation", file, "--key", "key.pub", "--lockfile", "package-lock.json"];
    let run = tarproof.run(&check);
    assert_eq!(run.code, 0, "{run}");
    lock["packages"]["node_modules/nest-box/node_modules/loose-knot"] = json!({"version": "1.0.0", "inBundle": true});
    tarproof.write("package-lock.json", serde_json::to_vec(&lock).unwrap());
    let run = tarproof.run(&check);
    assert!(run.code == 1 && run.stderr.contains("1 of 2 packages of the lockfile are not covered"), "{run}");
}

#[test]
fn a_lockfile_is_covered_as_a_whole_or_refused() {
    let (tarproof, _) = attested(CLEAN);
    let clean = [("paint-chalk", "5.6.2"), ("@studio/lamp", "2.0.0")];
    let write = |name: &str, lock: &Value| {
        tarproof.write(name, serde_json::to_vec(lock).unwrap());
    };
    let lock = lockfile(&tarproof, &clean);
    write("package-lock.json", &lock);
    let run = tarproof.run(&["attest", "--lockfile", "package-lock.json", "--key", "key", "--output", "."]);
    assert_eq!(run.code, 0, "{run}");
    let file = "package-lock.verdict-lock.sigstore.json";
    assert!(run.stdout.contains("2 packages with a verdict, 0 without: ") && run.stdout.contains(file), "{run}");
    assert_valid("verdict-lock", &statement(&bundle(&tarproof, file)), "the lock");
    std::fs::create_dir(tarproof.directory().join("changed")).unwrap();
    let check = |lock: &Value, more: &[&str]| {
        write("changed/package-lock.json", lock);
        let call = ["verify-attestation", file, "--key", "key.pub", "--lockfile", "changed/package-lock.json"];
        tarproof.run(&[&call[..], more].concat())
    };
    let run = check(&lock, &[]);
    assert_eq!(run.code, 0, "{run}");
    assert!(run.stdout.starts_with("accepted     2 packages covered\n"), "{run}");
    assert_eq!(check(&lockfile(&tarproof, &clean[..1]), &[]).code, 0, "fewer packages are covered, too");
    assert_eq!(check(&lock, &["--offline"]).code, 0);

    let refused = |lock: &Value, more: &[&str], reason: &str| {
        let run = check(lock, more);
        assert_eq!(run.code, 1, "{run}");
        assert!(run.stderr.contains(reason), "{reason}: {run}");
    };
    let more = lockfile(&tarproof, &[clean[0], clean[1], ("paint-chalk", "5.6.1")]);
    refused(&more, &[], "pkg:npm/paint-chalk@5.6.1 (it has no verdict)");
    let mut other = lock.clone();
    other["packages"]["node_modules/paint-chalk"]["integrity"] =
        tarproof::package::Integrity::of(b"other").to_string().into();
    refused(&other, &[], "its verdict is about other content than the lockfile states");
    let mut without = lock.clone();
    without["packages"]["node_modules/paint-chalk"].as_object_mut().unwrap().remove("integrity");
    refused(&without, &[], "pkg:npm/paint-chalk@5.6.2 (the lockfile has it without a SHA-512)");
    let mut bundled = lock.clone();
    bundled["packages"]["node_modules/paint-chalk/node_modules/lamp"] = json!({"version": "1.0.0", "inBundle": true});
    refused(&bundled, &[], "node_modules/paint-chalk/node_modules/lamp (said to be bundled, which no package with");
    write("package-lock.json", &bundled);
    let run = tarproof.run(&["attest", "--lockfile", "package-lock.json", "--key", "key", "--output", "bundled"]);
    assert_eq!(run.code, 3, "{run}");
    assert!(run.stdout.starts_with("2 packages with a verdict, 1 without: "), "{run}");
    let bundled = statement(&bundle(&tarproof, &format!("bundled/{file}")));
    assert_eq!(bundled["predicate"]["uncovered"][0]["name"], "node_modules/paint-chalk/node_modules/lamp");
    let mut git = lock.clone();
    git["packages"]["node_modules/from-git"] =
        json!({"version": "1.0.0", "resolved": "git+ssh://git@git.example/a/b.git#0123"});
    refused(&git, &[], "from-git (a git repository)");
    refused(&lock, &["--verdict", "equivalent"], "2 of 2 packages of the lockfile are not covered");

    // What is divergent is in the lock, and not accepted.
    write("package-lock.json", &lockfile(&tarproof, &[("paint-chalk", "5.6.1"), clean[1]]));
    let run = tarproof.run(&["attest", "--lockfile", "package-lock.json", "--key", "key", "--output", "."]);
    assert_eq!(run.code, 1, "{run}");
    let run = tarproof.run(&["verify-attestation", file, "--key", "key.pub"]);
    assert!(run.code == 1 && run.stderr.contains("pkg:npm/paint-chalk@5.6.1 (no-source)"), "{run}");
}

#[cfg(not(feature = "keyless"))]
#[test]
fn a_build_that_cannot_sign_by_certificate_says_so() {
    let tarproof = Tarproof::new();
    let call = ["attest", CLEAN, "--keyless", "--identity-token-env", "ID_TOKEN", "--output", "out"];
    let run = tarproof.run(&call);
    assert_eq!(run.code, 2, "{run}");
    assert!(run.stderr.contains("build it with `cargo build --release --features keyless`"), "{run}");
    assert!(!tarproof.directory().join("out").exists());
}

#[test]
fn an_identity_comes_with_its_issuer() {
    let (tarproof, _) = attested(CLEAN);
    let file = "out/paint-chalk-5.6.2.verification.sigstore.json";
    for (call, reason) in [
        (&["--identity", "a@studio.example"][..], "--issuer <URL>"),
        (&["--issuer", "https://id.example", "--key", "key.pub"], "--identity <NAME>"),
        (&["--trusted-root", "root.json", "--key", "key.pub"], "cannot use the trusted root `root.json`"),
        (&[], "--key <PUB>"),
    ] {
        let run = tarproof.run(&[&["verify-attestation", file], call].concat());
        assert_eq!(run.code, 2, "{run}");
        assert!(run.stderr.contains(reason), "{run}");
    }
    let identity = ["--identity", "a@studio.example", "--issuer", "https://id.example"];
    let run = tarproof.run(&[&["verify-attestation", file], &identity[..]].concat());
    assert_eq!(run.code, 1, "{run}");
    assert!(run.stderr.contains("by none of the keys given"), "{run}");
}
