use std::fmt::Write as _;

use super::*;

fn name(text: &str) -> PackageName {
    PackageName::parse(text).unwrap()
}

fn version(text: &str) -> Version {
    Version::parse(text).unwrap()
}

const SMALL: &str = r#"{
    "versions": {
        "1.0.0": {"name": "a", "version": "1.0.0", "gitHead": "4536ce5944f56659a2dfb2198eaf81b5ad5f2ad9"},
        "2.0.0": {"name": "a", "version": "2.0.0", "_npmUser": {"name": "someone"}},
        "1.1.0": {"name": "a", "version": "1.1.0"},
        "2.1.0-rc.1": {"name": "a", "version": "2.1.0-rc.1", "dist": {"attestations": {"provenance": {}}}},
        "odd": {}
    },
    "readme": "[{\"ignored\"",
    "time": {
        "created": "2020-01-01T00:00:00.000Z", "modified": "2024-01-01T00:00:00.000Z",
        "1.0.0": "2020-01-01T00:00:00.000Z", "2.0.0": "2021-01-01T00:00:00.000Z",
        "1.1.0": "2022-01-01T00:00:00.000Z", "2.0.1": "2023-01-01T00:00:00.000Z",
        "2.1.0-rc.1": "2024-01-01T00:00:00.000Z", "9.9.9": 7
    },
    "dist-tags": {"latest": "2.0.0", "next": "2.1.0-rc.1"},
    "name": "a",
    "repository": {"url": "git+https://git.example/a.git"}
}"#;

#[test]
fn takes_a_release_out_with_its_surroundings() {
    let packument = Packument::parse(SMALL.as_bytes()).unwrap();
    assert_eq!(packument.name.as_deref(), Some("a"));
    assert_eq!(packument.latest.as_deref(), Some("2.0.0"));
    let release = packument.release(&name("a"), &version("1.1.0")).unwrap();
    assert_eq!(release.manifest["version"], "1.1.0");
    assert_eq!(release.time.as_deref(), Some("2022-01-01T00:00:00.000Z"));
    assert!(release.package_repository.is_some());
    assert_eq!(release.withdrawn, ["2.0.1", "9.9.9"]);
    let neighbours = release.neighbours.into_neighbours();
    let (lower, higher) = (neighbours.lower.unwrap(), neighbours.higher.unwrap());
    assert_eq!((lower.version.as_str(), lower.has_git_head), ("1.0.0", true));
    assert_eq!((higher.version.as_str(), higher.publisher.as_deref()), ("2.0.0", Some("someone")));
    let (earlier, later) = (neighbours.earlier.unwrap(), neighbours.later.unwrap());
    assert_eq!(earlier.version.as_str(), "2.0.0");
    assert_eq!((later.version.as_str(), later.has_provenance), ("2.1.0-rc.1", true));
}

#[test]
fn a_hole_is_told_apart_from_a_version_that_never_was() {
    let packument = Packument::parse(SMALL.as_bytes()).unwrap();
    let error = |text: &str| match packument.release(&name("a"), &version(text)) {
        Err(ReleaseError::Missing(error)) => *error,
        other => panic!("{other:?}"),
    };
    assert!(matches!(error("2.0.1"), RegistryError::Unpublished { published_at: Some(1_672_531_200), .. }));
    assert!(matches!(error("9.9.9"), RegistryError::Unpublished { published_at: None, .. }));
    assert_eq!(
        error("1.5.0").to_string(),
        "`a` has no version `1.5.0`, the nearest are `1.0.0`, `1.1.0`, `2.0.0`, `2.1.0-rc.1`"
    );
    let gone = br#"{"name": "a", "time": {"unpublished": {"versions": ["1.0.0"]}}}"#;
    let gone = Packument::parse(gone).unwrap().release(&name("a"), &version("1.0.0"));
    assert!(
        matches!(gone, Err(ReleaseError::Missing(error)) if matches!(*error, RegistryError::UnpublishedPackage { .. }))
    );
}

#[test]
fn odd_shapes_read_as_absent_or_are_refused() {
    for odd in [
        r#"{"name": 7, "versions": {"1.0.0": {}}, "time": [], "dist-tags": null, "repository": null}"#,
        r#"{"versions": {"1.0.0": {}}, "time": {"1.0.0": {}}, "dist-tags": {"latest": 1}}"#,
    ] {
        let packument = Packument::parse(odd.as_bytes()).unwrap();
        assert_eq!((&packument.name, &packument.latest), (&None, &None));
        let release = packument.release(&name("a"), &version("1.0.0")).unwrap();
        assert!(release.time.is_none() && release.package_repository.is_none());
    }
    for wrong in
        ["", "null", "[]", "<html>", r#"{"error": "not_found"}"#, r#"{"versions": []}"#, r#"{"versions": {"a": }}"#]
    {
        assert!(Packument::parse(wrong.as_bytes()).is_err(), "{wrong}");
    }
    for wrong in ["null", "7", "[]"] {
        let text = format!(r#"{{"versions": {{"1.0.0": {wrong}}}}}"#);
        let release = Packument::parse(text.as_bytes()).unwrap().release(&name("a"), &version("1.0.0"));
        assert!(matches!(release, Err(ReleaseError::Json(_))), "{wrong}");
    }
}

#[test]
fn deep_nesting_neither_overflows_nor_hides_other_versions() {
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let text = format!(r#"{{"x": {deep}, "versions": {{"1.0.0": {{"x": {deep}}}, "1.1.0": {{}}}}}}"#);
    let packument = Packument::parse(text.as_bytes()).unwrap();
    let release = packument.release(&name("a"), &version("1.0.0")).unwrap();
    assert!(release.manifest["x"].to_string().len() > 100_000, "as its text below some depth");
    assert!(packument.release(&name("a"), &version("1.1.0")).is_ok());
}

#[test]
fn half_a_surrogate_pair_hides_no_release() {
    let text = r#"{"versions": {"1.0.0": {"description": "\ud800", "main": "a.js"}}}"#;
    let release = Packument::parse(text.as_bytes()).unwrap().release(&name("a"), &version("1.0.0")).unwrap();
    assert_eq!((&release.manifest["description"], &release.manifest["main"]), (&"\u{fffd}".into(), &"a.js".into()));
}

#[test]
fn of_two_equal_keys_the_last_counts() {
    let text = r#"{"versions": {"1.0.0": {"n": 1}, "1.0.0": {"n": 2}}}"#;
    let release = Packument::parse(text.as_bytes()).unwrap().release(&name("a"), &version("1.0.0")).unwrap();
    assert_eq!(release.manifest["n"], 2);
}

#[test]
fn a_huge_packument_is_read_in_linear_time() {
    let mut text = String::from(r#"{"name": "a", "versions": {"#);
    let filler = "x".repeat(400);
    for patch in 0..50_000 {
        let comma = if patch == 0 { "" } else { "," };
        write!(text, r#"{comma}"1.0.{patch}": {{"version": "1.0.{patch}", "filler": "{filler}"}}"#).unwrap();
    }
    text.push_str(r#"}, "time": {"created": 0"#);
    for patch in 0..50_000 {
        write!(text, r#","1.0.{patch}": "2020-01-{:02}T{:02}:00:00.000Z""#, 1 + patch % 28, patch % 24).unwrap();
    }
    text.push_str("}}");
    let started = std::time::Instant::now();
    let packument = Packument::parse(text.as_bytes()).unwrap();
    let release = packument.release(&name("a"), &version("1.0.25000")).unwrap();
    assert_eq!(release.neighbours.into_neighbours().lower.unwrap().version.as_str(), "1.0.24999");
    assert!(started.elapsed().as_secs() < 20, "{:?} for {} bytes", started.elapsed(), text.len());
}

#[test]
fn decompression_is_bounded() {
    use std::io::Write as _;
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(&vec![b' '; 10_000_000]).unwrap();
    let bomb = encoder.finish().unwrap();
    assert!(matches!(decode(&bomb, Encoding::Gzip, 1_000_000), Err(PackumentError::TooLarge { .. })));
    assert_eq!(decode(&bomb, Encoding::Gzip, 10_000_000).unwrap().len(), 10_000_000);
    assert!(matches!(decode(&bomb[..bomb.len() / 2], Encoding::Gzip, 10_000_000), Err(PackumentError::Gzip(_))));
    assert!(matches!(decode(b"{}", Encoding::Gzip, 10), Err(PackumentError::Gzip(_))));
}

proptest::proptest! {
    #[test]
    fn no_input_makes_it_panic(
        text in "\\PC{0,40}",
        json in r#"\{("(name|versions|time|dist-tags|1\.0\.0)":(\{\}|\[\]|null|"x"|\{"1\.0\.0":[{\["]{0,2}\}),?){0,4}\}"#,
    ) {
        for bytes in [text.as_bytes(), json.as_bytes()] {
            if let Ok(packument) = Packument::parse(bytes) {
                let _ = packument.release(&name("a"), &version("1.0.0"));
            }
        }
        let _ = parse_rfc3339(&text);
        let _ = crate::registry::timestamp::parse_http_date(&text);
    }
}
