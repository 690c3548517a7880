//! Signing by certificate against mock services on loopback, which is all that it has ever been tested against, and
//! checking such bundles.

mod authority;
mod der;
mod log;
mod services;
mod timestamps;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Value, json};

use self::services::{EMAIL, ISSUER, Mood, Services, token};
use crate::support::{Output, Tarproof};

const CLEAN: &str = "npm:paint-chalk@5.6.2";
const FILE: &str = "out/paint-chalk-5.6.2.verification.sigstore.json";
const VARIABLE: &str = "BUILDER_TOKEN";

/// Signs a clean package by certificate; the version is that of the log.
fn attest(tarproof: &Tarproof, services: &Services, version: &str) -> Output {
    let address = services.address();
    let times = format!("{address}/times");
    let call = [
        &["attest", CLEAN, "--keyless", "--identity-token-env", VARIABLE, "--output", "out", "--fulcio", &address],
        &["--rekor", &address, "--rekor-version", version, "--timestamp-authority", &times][..],
    ];
    tarproof.run_with(&call.concat(), &[(VARIABLE, services.token())])
}

/// Signed by certificate, with the root of trust in `root.json` and that of other services in `other.json`.
fn attested(version: &str) -> (Tarproof, Services, Output) {
    let (tarproof, services) = (Tarproof::new(), Services::start(10, Mood::Honest));
    let run = attest(&tarproof, &services, version);
    assert_eq!(run.code, 0, "{run}");
    tarproof.write("root.json", services.root().to_string());
    tarproof.write("other.json", Services::start(20, Mood::Honest).root().to_string());
    (tarproof, services, run)
}

fn bundle(tarproof: &Tarproof) -> Value {
    serde_json::from_slice(&std::fs::read(tarproof.directory().join(FILE)).unwrap()).unwrap()
}

fn check(tarproof: &Tarproof, file: &str, identity: &str, issuer: &str, root: &str) -> Output {
    let call = ["verify-attestation", file, "--identity", identity, "--issuer", issuer, "--trusted-root", root];
    tarproof.run(&call)
}

fn assert_secret(run: &Output, services: &Services) {
    for part in services.token().split('.') {
        assert!(!run.stdout.contains(part) && !run.stderr.contains(part), "{run}");
    }
}

#[test]
fn what_is_signed_by_certificate_is_proven_for_that_identity_alone() {
    for version in ["1", "2"] {
        let (tarproof, services, run) = attested(version);
        assert_secret(&run, &services);
        assert!(run.stdout.starts_with("verbatim     npm:paint-chalk@5.6.2\n"), "{run}");
        assert!(run.stdout.ends_with(&format!("signed by {EMAIL} ({ISSUER})\n")), "{run}");
        assert!(run.stderr.contains("keeps the digest of what is signed"), "{run}");
        let whole = bundle(&tarproof);
        assert_eq!(whole["mediaType"], "application/vnd.dev.sigstore.bundle.v0.3+json");
        let material = &whole["verificationMaterial"];
        assert!(material["certificate"]["rawBytes"].is_string(), "{material}");
        let kind = if version == "1" { "dsse" } else { "hashedrekord" };
        assert_eq!(material["tlogEntries"][0]["kindVersion"]["kind"], kind, "{material}");
        assert!(!whole.to_string().contains(services.token()));
        // Two statements were signed, each with a certificate of its own.
        let asked = services.asked();
        let count = |path: &str| asked.iter().filter(|asked| asked.contains(path)).count();
        let counts = [count("/signingCert"), count("/times"), count(&format!("/api/v{version}/log"))];
        assert_eq!(counts, [2, 2, 2], "{asked:?}");

        let accepted = check(&tarproof, FILE, EMAIL, ISSUER, "root.json");
        assert_eq!(accepted.code, 0, "{accepted}");
        assert!(accepted.stdout.contains(&format!("signed by {EMAIL} ({ISSUER})\n")), "{accepted}");
        let refused = |identity: &str, issuer: &str, root: &str, reason: &str| {
            let run = check(&tarproof, FILE, identity, issuer, root);
            assert_eq!(run.code, 1, "{run}");
            assert!(run.stderr.contains("proves nothing") && run.stderr.contains(reason), "{reason}: {run}");
        };
        refused("somebody@studio.example", ISSUER, "root.json", "somebody@studio.example");
        refused(&EMAIL.to_uppercase(), ISSUER, "root.json", "dentity");
        refused(EMAIL, "https://other.example", "root.json", "https://other.example");
        refused(EMAIL, ISSUER, "other.json", "");
        let public = ["verify-attestation", FILE, "--identity", EMAIL, "--issuer", ISSUER];
        assert_eq!(tarproof.run(&public).code, 1, "the public root knows nothing of these services");
    }
}

#[test]
fn nothing_of_a_bundle_can_be_changed() {
    for version in ["1", "2"] {
        let (tarproof, _, _) = attested(version);
        let whole = bundle(&tarproof);
        let entry = "/verificationMaterial/tlogEntries/0";
        let mut statement = BASE64.decode(whole["dsseEnvelope"]["payload"].as_str().unwrap()).unwrap();
        let end = statement.len() - 1;
        statement.insert(end, b' ');
        // One byte in the middle of each.
        let bent = |pointer: &str| {
            let mut bytes = BASE64.decode(whole.pointer(pointer).unwrap().as_str().unwrap()).unwrap();
            let middle = bytes.len() / 2;
            bytes[middle] ^= 1;
            (pointer.to_owned(), Value::from(BASE64.encode(bytes)))
        };
        let place = |rest: &str| format!("{entry}{rest}");
        let checkpoint = whole.pointer(&place("/inclusionProof/checkpoint/envelope")).unwrap().as_str().unwrap();
        let mut changes = vec![
            ("/dsseEnvelope/payload".to_owned(), BASE64.encode(statement).into()),
            ("/dsseEnvelope/payloadType".to_owned(), "text/plain".into()),
            bent("/dsseEnvelope/signatures/0/sig"),
            bent("/verificationMaterial/certificate/rawBytes"),
            bent("/verificationMaterial/timestampVerificationData/rfc3161Timestamps/0/signedTimestamp"),
            bent(&place("/canonicalizedBody")),
            bent(&place("/inclusionProof/hashes/0")),
            (
                place("/inclusionProof/checkpoint/envelope"),
                checkpoint.replace("log.example\n2", "log.example\n3").into(),
            ),
            ("/verificationMaterial/tlogEntries".to_owned(), json!([])),
            ("/verificationMaterial/certificate".to_owned(), json!({"rawBytes": ""})),
        ];
        if version == "1" {
            changes.push(bent(&place("/inclusionPromise/signedEntryTimestamp")));
            changes.push((place("/integratedTime"), "1704067201".into()));
        } else {
            let stamps = "/verificationMaterial/timestampVerificationData/rfc3161Timestamps";
            changes.push((stamps.to_owned(), json!([])));
        }
        for (pointer, value) in changes {
            let mut tampered = whole.clone();
            *tampered.pointer_mut(&pointer).unwrap_or_else(|| panic!("{pointer}: {whole}")) = value;
            assert_ne!(tampered, whole, "{pointer}");
            tarproof.write("tampered.json", tampered.to_string());
            let run = check(&tarproof, "tampered.json", EMAIL, ISSUER, "root.json");
            assert_eq!(run.code, 1, "version {version}, {pointer}: {run}");
        }
        // Another's certificate, log entry and timestamp, all of which hold, do not make the statement theirs.
        assert_eq!(attest(&tarproof, &Services::start(10, Mood::Honest), version).code, 0);
        let mut mixed = whole.clone();
        mixed["verificationMaterial"] = bundle(&tarproof)["verificationMaterial"].clone();
        tarproof.write("tampered.json", mixed.to_string());
        assert_eq!(check(&tarproof, "tampered.json", EMAIL, ISSUER, "root.json").code, 1);
    }
}

#[test]
fn a_certificate_that_nobody_logged_or_that_had_ended_proves_nothing() {
    for (mood, reason) in [(Mood::WithoutCertificateTimestamp, "SCT"), (Mood::Ended, "CertExpired")] {
        let (tarproof, services) = (Tarproof::new(), Services::start(10, mood));
        let run = attest(&tarproof, &services, "2");
        assert_eq!(run.code, 0, "{run}");
        tarproof.write("root.json", services.root().to_string());
        let run = check(&tarproof, FILE, EMAIL, ISSUER, "root.json");
        assert_eq!(run.code, 1, "{run}");
        assert!(run.stderr.contains(reason), "{run}");
    }
}

#[test]
fn a_key_and_a_certificate_are_two_signers() {
    let (tarproof, _, _) = attested("2");
    assert_eq!(tarproof.run(&["key", "generate", "--output", "key"]).code, 0);
    assert_eq!(tarproof.run(&["attest", CLEAN, "--key", "key", "--output", "keyed"]).code, 0);
    let keyed = FILE.replace("out/", "keyed/");
    let both = |files: &[&str], threshold: &str| {
        let trusted = ["--key", "key.pub", "--identity", EMAIL, "--issuer", ISSUER, "--trusted-root", "root.json"];
        tarproof.run(&[&["verify-attestation"], files, &trusted[..], &["--threshold", threshold]].concat())
    };
    let run = both(&[FILE, &keyed], "2");
    assert_eq!(run.code, 0, "{run}");
    assert_eq!(run.stdout.matches("signed by").count(), 2, "{run}");
    assert_eq!(both(&[&keyed], "1").code, 0);
    assert_eq!(both(&[FILE, FILE], "2").code, 1);
    assert_eq!(both(&[FILE, &keyed], "3").code, 2);
    let run = tarproof.run(&["verify-attestation", FILE, "--key", "key.pub"]);
    assert_eq!(run.code, 1, "{run}");
    assert!(run.stderr.contains("signed with a certificate, not with a key"), "{run}");
}

#[test]
fn services_that_fail_are_named_and_no_statement_is_written() {
    let services = Services::start(10, Mood::Honest);
    for (version, mood, reasons) in [
        ("2", Mood::Refusing, ["the certificate authority at http://127.0.0.1:", "who is [token]?"]),
        ("2", Mood::Babbling, ["the certificate authority at", "invalid Fulcio response"]),
        ("2", Mood::Redirecting, ["the certificate authority at", "307"]),
        ("2", Mood::OtherKey, ["do not fit the statement", "the certificate is for another key"]),
        ("1", Mood::LogBroken, ["the log at http://127.0.0.1:", "500"]),
        ("2", Mood::LogBroken, ["the log at http://127.0.0.1:", "out of order"]),
        ("2", Mood::LogOther, ["the log at", "does not match the submitted entry"]),
        ("2", Mood::TimesBroken, ["the timestamp authority at http://127.0.0.1:", "503"]),
    ] {
        services.set(mood);
        let tarproof = Tarproof::new();
        let run = attest(&tarproof, &services, version);
        assert_eq!(run.code, 4, "{mood:?}: {run}");
        for reason in reasons {
            assert!(run.stderr.contains(reason), "{mood:?}: {run}");
        }
        assert!(!run.stderr.contains('\u{1b}') && run.stderr.len() < 2000, "{mood:?}: {run}");
        assert_secret(&run, &services);
        assert!(!tarproof.directory().join(FILE).exists(), "{mood:?}");
        assert!(!services.asked().contains(&"/elsewhere".to_owned()));
    }
    drop(services);
    let (tarproof, gone) = (Tarproof::new(), "http://127.0.0.1:1");
    let call = ["attest", CLEAN, "--keyless", "--identity-token-env", VARIABLE, "--output", "out", "--fulcio", gone];
    let run = tarproof.run_with(&[&call[..], &["--rekor", gone]].concat(), &[(VARIABLE, &token(4_102_444_800))]);
    assert_eq!(run.code, 4, "{run}");
    assert!(run.stderr.contains("the certificate authority at http://127.0.0.1:1/ failed"), "{run}");
}

#[test]
fn a_token_comes_from_a_file_as_well_and_is_never_shown() {
    let services = Services::start(10, Mood::Honest);
    let (tarproof, address) = (Tarproof::new(), services.address());
    let call = |more: &[&str]| {
        let call = ["attest", CLEAN, "--keyless", "--output", "out", "--fulcio", &address, "--rekor", &address];
        tarproof.run(&[&call[..], more].concat())
    };
    tarproof.write("token", format!("{}\n", services.token()));
    let run = call(&["--identity-token-file", "token"]);
    assert_eq!(run.code, 0, "{run}");
    let refused = |more: &[&str], reason: &str| {
        let run = call(more);
        assert_eq!(run.code, 2, "{run}");
        assert!(run.stderr.contains(reason), "{reason}: {run}");
        assert_secret(&run, &services);
    };
    tarproof.write("ended", token(1_700_000_000)).write("other", "hunter2").write("empty", "");
    refused(&[], "no identity token");
    refused(&["--identity-token-file", "ended"], "the token ended at 2023-11-14T22:13:20Z");
    refused(&["--identity-token-file", "other"], "it is not an identity token");
    refused(&["--identity-token-file", "empty"], "it is empty");
    refused(&["--identity-token-file", services.token()], "cannot read what `--identity-token-file` names");
    refused(&["--identity-token-env", services.token()], "takes the name of a variable, not the token");
    refused(&["--identity-token-env", "NOBODY_SET_IT"], "is not set");
    let token = ["--identity-token-file", "token"];
    refused(&[&token[..], &["--rekor-version", "2"]].concat(), "name an authority with `--timestamp-authority`");
    refused(&[&token[..], &["--timestamp-authority", "http://times.example"]].concat(), "it is not https");
    refused(&[&token[..], &["--timestamp-authority", "https://a:hunter2@times.example"]].concat(), "a user name");
    refused(&[&token[..], &["--offline"]].concat(), "`--offline` forbids");
    refused(&[&token[..], &["--key", "key"]].concat(), "cannot be used with");
    let asked = services.asked();
    assert_eq!(asked.iter().filter(|path| path.contains("signingCert")).count(), 2, "{asked:?}");
}

#[test]
fn a_lockfile_is_signed_by_certificate_too() {
    let services = Services::start(10, Mood::Honest);
    let (tarproof, address) = (Tarproof::new(), services.address());
    let release = tarproof.world().releases().iter().find(|one| one.name == "paint-chalk" && one.version == "5.6.2");
    let integrity = tarproof::package::Integrity::of(&release.unwrap().tarball).to_string();
    let lockfile = json!({"name": "a", "lockfileVersion": 3, "packages": {
        "": {"name": "a"},
        "node_modules/paint-chalk": {"version": "5.6.2", "integrity": integrity},
    }});
    tarproof.write("package-lock.json", lockfile.to_string()).write("root.json", services.root().to_string());
    let call = ["attest", "--lockfile", "package-lock.json", "--keyless", "--identity-token-env", VARIABLE];
    let more = ["--output", ".", "--fulcio", &address, "--rekor", &address];
    let run = tarproof.run_with(&[&call[..], &more[..]].concat(), &[(VARIABLE, services.token())]);
    assert_eq!(run.code, 0, "{run}");
    let call = ["verify-attestation", "package-lock.verdict-lock.sigstore.json", "--lockfile", "package-lock.json"];
    let more = ["--identity", EMAIL, "--issuer", ISSUER, "--trusted-root", "root.json"];
    let run = tarproof.run(&[&call[..], &more[..]].concat());
    assert_eq!(run.code, 0, "{run}");
}
