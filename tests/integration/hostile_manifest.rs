//! A `package.json` that is missing or is no manifest, seen through the program.

use std::collections::BTreeMap;

use crate::support::{Archive, File, Output, Tarproof, commit_files};

const GOOD: &[u8] = br#"{"name":"odd-archive","version":"1.0.0"}"#;

/// A repository whose tag holds an honest package of that name, and a tarball with `manifest` in its place.
fn verify(manifest: Option<&[u8]>) -> (Tarproof, Output) {
    let tarproof = Tarproof::new();
    let file = |content: &[u8]| File { content: content.to_vec(), executable: false };
    let files = [("package.json", GOOD), ("index.js", b"exports.odd = true;\n")];
    let files: BTreeMap<String, File> = files.map(|(path, content)| (path.to_owned(), file(content))).into();
    commit_files(&tarproof.directory().join("source.git"), &files, "v1.0.0");
    let mut archive = Archive::new().file("package/index.js", "exports.odd = true;\n");
    if let Some(manifest) = manifest {
        archive = archive.file("package/package.json", manifest);
    }
    tarproof.write("odd.tgz", archive.end().gzip());
    let run = tarproof.run(&["verify", "--artifact", "odd.tgz", "--repository", "source.git", "--format", "json"]);
    (tarproof, run)
}

#[test]
fn an_honest_one_is_verbatim() {
    let (_, run) = verify(Some(GOOD));
    assert_eq!(run.code, 0, "{run}");
    assert_eq!(run.json()["results"][0]["verdict"], "verbatim");
}

#[test]
fn a_file_that_cannot_name_itself_is_refused() {
    let nested = format!("{}1{}", "[".repeat(100_000), "]".repeat(100_000));
    let large = format!("{{\"name\":\"odd-archive\",\"version\":\"1.0.0\",\"x\":\"{}\"}}", "x".repeat(9 << 20));
    for (manifest, part) in [
        (None, "it holds no `package.json`"),
        (Some(&b"not JSON \x1b[2J"[..]), "is not JSON"),
        (Some(b"[\"odd-archive\", \"1.0.0\"]"), "name"),
        (Some(b"{}"), "name"),
        (Some(b"\"text\""), "name"),
        (Some(br#"{"name":"odd-archive"}"#), "version"),
        (Some(br#"{"name":"odd\u001b[2J","version":"1.0.0"}"#), "name"),
        (Some(br#"{"name":"../odd","version":"1.0.0"}"#), "name"),
        (Some(nested.as_bytes()), "name"),
        (Some(large.as_bytes()), "package.json"),
    ] {
        let (_, run) = verify(manifest);
        let start = manifest.map(|manifest| manifest[..manifest.len().min(60)].escape_ascii().to_string());
        assert_eq!(run.code, 2, "{start:?}: {run}");
        let error = run.json()["results"][0]["error"].as_str().unwrap_or_default().to_owned();
        assert!(error.contains(part), "{start:?}: {error}");
        assert!(error.len() < 400 && !run.stderr.contains('\x1b'), "{start:?}: {error}");
    }
}

/// The same manifests in a tarball that is said to be a release of the world.
#[test]
fn a_release_without_a_manifest_is_divergent() {
    let nested = format!("{{\"a\":{}1{}}}", "[".repeat(100_000), "]".repeat(100_000));
    let large = format!("{{\"name\":\"pin-board\",\"version\":\"2.3.4\",\"x\":\"{}\"}}", "x".repeat(9 << 20));
    let double = br#"{"name":"pin-board","version":"2.3.4","scripts":{},"scripts":{"postinstall":"node inert.js"}}"#;
    for (manifest, rule) in [
        (None, "manifest-unreadable"),
        (Some(&b"not JSON"[..]), "manifest-unreadable"),
        (Some(b"[]"), "manifest-unreadable"),
        (Some(nested.as_bytes()), "manifest-differs"),
        (Some(large.as_bytes()), "manifest-unreadable"),
        // Of two keys readers take the last one, and so do we.
        (Some(double), "install-script-added"),
    ] {
        let tarproof = Tarproof::new();
        let mut archive = Archive::new().file("package/index.js", "x\n");
        if let Some(manifest) = manifest {
            archive = archive.file("package/package.json", manifest);
        }
        tarproof.write("odd.tgz", archive.end().gzip());
        let run = tarproof.run(&["verify", "--format", "json", "--artifact", "odd.tgz", "npm:pin-board@2.3.4"]);
        assert_eq!(run.code, 1, "{rule}: {}", run.stderr());
        let report = run.json();
        let result = &report["results"][0];
        assert_eq!(result["verdict"], "divergent");
        let rules: Vec<&str> =
            result["findings"].as_array().unwrap().iter().map(|finding| finding["rule"].as_str().unwrap()).collect();
        assert!(rules.contains(&rule), "{rule} in {rules:?}");
        assert!(rules.contains(&"digest-differs"));
    }
}
