//! Programs that are not ours verify what we sign, and refuse ten tampered variants of it.
//!
//! The layers of Sigstore's Rust client always run, openssl where it is installed. securesystemslib and Sigstore's
//! JavaScript client run where `TARPROOF_OTHER_CLIENTS` names the directory that `scripts/install-other-clients` filled;
//! with that variable a client that is missing fails the test.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Value, json};
use sigstore_crypto::{KeyAlgorithm, verify_signature};
use sigstore_types::{Bundle, DerPublicKey, SignatureContent, Statement};
use tarproof::provenance::TrustedRoot;

use crate::support::Tarproof;

const PAYLOAD_TYPE: &str = "application/vnd.in-toto+json";

/// A file that somebody hands to a client: a bundle, a public key and an artifact.
struct Case {
    name: &'static str,
    bundle: Value,
    key: &'static str,
    artifact: &'static str,
}

/// Two packages attested with a key of this algorithm, in `out`, and what tampering needs.
fn attested(algorithm: &str) -> Tarproof {
    let tarproof = Tarproof::new();
    for key in ["key", "other"] {
        let call = ["key", "generate", "--output", key, "--algorithm", algorithm];
        assert_eq!(tarproof.run(&call).code, 0);
    }
    let call = ["attest", "npm:paint-chalk@5.6.2", "npm:@studio/lamp@2.0.0", "--key", "key", "--output", "out"];
    assert_eq!(tarproof.run(&call).code, 0);
    tarproof.write_artifact("served.tgz", "paint-chalk", "5.6.2").write_artifact("other.tgz", "paint-chalk", "5.6.1");
    tarproof
}

/// The bundle as it is, first, and then tampered with in ways that every client must notice.
fn cases(bundle: &Value, foreign: &Value) -> Vec<Case> {
    let payload = |bundle: &Value| BASE64.decode(bundle["dsseEnvelope"]["payload"].as_str().unwrap()).unwrap();
    let restated = |change: &dyn Fn(&mut Value)| {
        let mut statement: Value = serde_json::from_slice(&payload(bundle)).unwrap();
        change(&mut statement);
        (json!(BASE64.encode(serde_json::to_vec(&statement).unwrap())), "/dsseEnvelope/payload")
    };
    let signature = bundle["dsseEnvelope"]["signatures"][0]["sig"].as_str().unwrap();
    let resigned = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut bytes = BASE64.decode(signature).unwrap();
        change(&mut bytes);
        (json!(BASE64.encode(bytes)), "/dsseEnvelope/signatures/0/sig")
    };
    let of_foreign = |pointer: &'static str| (foreign.pointer(pointer).unwrap().clone(), pointer);
    let spaced: Value = serde_json::from_slice(&payload(bundle)).unwrap();
    let spaced = BASE64.encode(serde_json::to_vec_pretty(&spaced).unwrap());
    let changes: [(&'static str, (Value, &'static str)); 10] = [
        ("another verdict", restated(&|statement| statement["predicate"]["verdict"] = "reproduced".into())),
        ("another name", restated(&|statement| statement["subject"][0]["name"] = "pkg:npm/right@1.0.0".into())),
        ("another digest", restated(&|statement| statement["subject"][0]["digest"]["sha256"] = "0".repeat(64).into())),
        ("another predicate type", restated(&|statement| statement["predicateType"] = "https://a.example/v1".into())),
        ("the same in other bytes", (spaced.into(), "/dsseEnvelope/payload")),
        ("another payload type", ("text/plain".into(), "/dsseEnvelope/payloadType")),
        ("another statement of the same key", of_foreign("/dsseEnvelope/payload")),
        ("a signature over another statement", of_foreign("/dsseEnvelope/signatures/0/sig")),
        ("a bit of the signature", resigned(&|bytes| bytes[20] ^= 1)),
        ("no signature", (json!([]), "/dsseEnvelope/signatures")),
    ];
    let whole = Case { name: "what was signed", bundle: bundle.clone(), key: "key.pub", artifact: "served.tgz" };
    let mut cases = vec![whole];
    for (name, (value, pointer)) in changes {
        let mut tampered = bundle.clone();
        *tampered.pointer_mut(pointer).unwrap() = value;
        assert_ne!(tampered, *bundle, "{name}");
        cases.push(Case { name, bundle: tampered, key: "key.pub", artifact: "served.tgz" });
    }
    cases.push(Case { name: "another key", bundle: bundle.clone(), key: "other.pub", artifact: "served.tgz" });
    cases.push(Case { name: "another artifact", bundle: bundle.clone(), key: "key.pub", artifact: "other.tgz" });
    cases
}

/// Lets a client judge whole and tampered bundles, of both algorithms and of two kinds of statements.
fn judge(accepts: impl Fn(&Path, &Case) -> Result<(), String>) {
    for algorithm in ["p256", "ed25519"] {
        let tarproof = attested(algorithm);
        for predicate in ["verification", "vsa"] {
            let bundle = |package: &str| -> Value {
                let file = tarproof.directory().join(format!("out/{package}.{predicate}.sigstore.json"));
                serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap()
            };
            for (index, case) in cases(&bundle("paint-chalk-5.6.2"), &bundle("@studio+lamp-2.0.0")).iter().enumerate() {
                tarproof.write("bundle.json", serde_json::to_vec(&case.bundle).unwrap());
                let judged = accepts(&tarproof.directory(), case);
                assert_eq!(judged.is_ok(), index == 0, "{algorithm} {predicate}, {}: {judged:?}", case.name);
            }
        }
    }
}

/// The directory with the clients that are not part of the build; `None` where nobody prepared one.
fn installed() -> Option<PathBuf> {
    std::env::var_os("TARPROOF_OTHER_CLIENTS").map(PathBuf::from)
}

#[expect(clippy::print_stderr, reason = "a test has no other way to say that it did nothing")]
fn passed_over(client: &str) {
    eprintln!("{client} is not installed, so it verified nothing");
}

fn run(command: &mut Command) -> Result<(), String> {
    let output = command.stdin(Stdio::null()).output().expect("the client is installed");
    let text = || format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    if output.status.success() { Ok(()) } else { Err(text()) }
}

/// Its topmost layer wants a log entry or a timestamp, which a bundle by a key alone does not have.
#[test]
fn the_layers_of_sigstores_rust_client() {
    // It brings the cryptography along.
    TrustedRoot::embedded().unwrap();
    judge(|directory, case| {
        let text = |error: &dyn std::fmt::Display| error.to_string();
        let bundle = Bundle::from_json(&case.bundle.to_string()).map_err(|error| text(&error))?;
        let SignatureContent::DsseEnvelope(envelope) = &bundle.content else { return Err("no envelope".to_owned()) };
        let key = DerPublicKey::from_pem(&std::fs::read_to_string(directory.join(case.key)).unwrap()).unwrap();
        let scheme = KeyAlgorithm::from_spki(&key).unwrap().default_signing_scheme();
        let signature = &envelope.signature.sig;
        verify_signature(&key, &envelope.pae(), signature, scheme).map_err(|error| text(&error))?;
        let statement: Statement = serde_json::from_slice(envelope.payload.as_bytes()).map_err(|error| text(&error))?;
        let artifact = std::fs::read(directory.join(case.artifact)).unwrap();
        let is_subject = statement.matches_sha256(&sigstore_crypto::sha256(&artifact));
        if is_subject { Ok(()) } else { Err("another artifact".to_owned()) }
    });
}

/// openssl checks the signature; DSSE's encoding of what is signed is made here, by hand, from the specification.
#[test]
fn openssl() {
    let found = Command::new("openssl").arg("version").output().is_ok();
    if !found && installed().is_none() {
        passed_over("openssl");
        return;
    }
    judge(|directory, case| {
        let envelope = &case.bundle["dsseEnvelope"];
        let kind = envelope["payloadType"].as_str().unwrap();
        let payload = BASE64.decode(envelope["payload"].as_str().unwrap()).unwrap();
        let mut signed = format!("DSSEv1 {} {kind} {} ", kind.len(), payload.len()).into_bytes();
        signed.extend_from_slice(&payload);
        let signature = envelope["signatures"][0]["sig"].as_str().ok_or("no signature")?;
        std::fs::write(directory.join("signed"), signed).unwrap();
        std::fs::write(directory.join("signature"), BASE64.decode(signature).unwrap()).unwrap();
        let command = |arguments: &[&str]| {
            let mut command = Command::new("openssl");
            command.args(arguments).current_dir(directory);
            command
        };
        let shown = command(&["pkey", "-pubin", "-in", case.key, "-noout", "-text"]).output().unwrap();
        if String::from_utf8_lossy(&shown.stdout).contains("ED25519") {
            let files = ["-inkey", case.key, "-in", "signed", "-sigfile", "signature"];
            run(&mut command(&[&["pkeyutl", "-verify", "-pubin", "-rawin"], &files[..]].concat()))?;
        } else {
            run(&mut command(&["dgst", "-sha256", "-verify", case.key, "-signature", "signature", "signed"]))?;
        }
        if kind != PAYLOAD_TYPE {
            return Err(format!("a payload of type {kind}"));
        }
        let statement: Value = serde_json::from_slice(&payload).unwrap();
        let artifact = std::fs::read(directory.join(case.artifact)).unwrap();
        let digest = tarproof::package::Sha256Digest::of(&artifact).to_string();
        let is_subject = statement["subject"][0]["digest"]["sha256"] == digest.as_str();
        if is_subject { Ok(()) } else { Err("another artifact".to_owned()) }
    });
}

/// Lets a program judge that takes a bundle, a key and an artifact.
fn judge_with(program: &Path, script: &str, variable: Option<&(&str, OsString)>) {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/other-clients").join(script);
    judge(|directory, case| {
        let mut command = Command::new(program);
        command.arg(&script).args(["bundle.json", case.key, case.artifact]).current_dir(directory);
        run(command.envs(variable.cloned()))
    });
}

#[test]
fn securesystemslib() {
    match installed() {
        Some(clients) => judge_with(&clients.join("python/bin/python"), "securesystemslib_client.py", None),
        None => passed_over("securesystemslib"),
    }
}

#[test]
fn sigstores_javascript_client() {
    match installed() {
        Some(clients) => {
            let modules = ("NODE_PATH", clients.join("node_modules").into_os_string());
            judge_with(Path::new("node"), "sigstore.cjs", Some(&modules));
        }
        None => passed_over("Sigstore's JavaScript client"),
    }
}
