//! A database that is reached over a network.

use std::process::Command;

use crate::support::postgresql::Postgresql;
use crate::support::{Tarproof, free_port};

#[test]
#[expect(clippy::print_stderr, reason = "a test has no other way to say that it did nothing")]
fn the_certificate_of_a_database_is_checked_where_the_address_says_so() {
    let Some(mut server) = Postgresql::start() else { return };
    let tarproof = Tarproof::new();
    let made = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"])
        .args(["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"])
        .args(["-addext", "basicConstraints=critical,CA:FALSE", "-keyout", "key.pem", "-out", "certificate.pem"])
        .current_dir(tarproof.directory())
        .output();
    if !made.is_ok_and(|made| made.status.success()) {
        eprintln!("not run: openssl is not installed");
        return;
    }
    let read = |name: &str| std::fs::read(tarproof.directory().join(name)).unwrap();
    let port = free_port();
    server.restart_encrypted(port, &read("key.pem"), &read("certificate.pem"));
    let status = |host: &str, query: &str| {
        let address = format!("postgresql://tarproof@{host}:{port}/postgres?{query}");
        tarproof.run(&["sweep", "status", "--store", &address, "--objects", "objects"])
    };
    for query in ["sslmode=verify-full&sslrootcert=certificate.pem", "sslmode=require", ""] {
        let run = status("localhost", query);
        assert_eq!(run.code, 0, "{query}: {run}");
    }
    for (host, query, expected) in [
        ("localhost", "sslmode=disable", "no encryption"),
        ("localhost", "sslmode=verify-full", "invalid peer certificate"),
        ("127.0.0.1", "sslmode=verify-full&sslrootcert=certificate.pem", "not valid for name"),
    ] {
        let run = status(host, query);
        assert_eq!((run.code, run.stderr.contains(expected)), (4, true), "{query}: {run}");
    }
}
