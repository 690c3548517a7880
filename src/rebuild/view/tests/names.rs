//! Which names may leave this machine.

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_nobody_named_stays_on_this_machine() {
    let setup = Setup::new().await;
    let packument = json!({ "name": "c", "time": { "1.0.0": "2020-01-01T00:00:00.000Z" }, "versions": {
        "1.0.0": { "dependencies": { "alias": "npm:a@^1.0.0" }, "peerDependencies": { "@s/b": "1" }, "dist": {} },
    } });
    setup.serve("/c", ResponseTemplate::new(200).set_body_json(packument)).await;
    let texts = || vec![r#"{"name":"x","devDependencies":{"c":"1"}}"#.to_owned()];
    for closure in [None, Some(closure(&[("d", "1.0.0", None)]))] {
        let view = setup.view(None, closure).mode(ClosureMode::NamesOpen).named_by(texts()).serve(listen()).unwrap();
        for (target, status) in [
            ("/a", 403),
            ("/a/-/a-1.0.0.tgz", 403),
            ("/stolen-secret", 403),
            ("/c", 200),
            ("/a", 200),
            ("/@s%2fb", 200),
        ] {
            assert_eq!(get(view.address(), target).await.status, status, "{target}");
        }
        let log = view.stop().await;
        assert_eq!(refusals(&log), vec![Refusal::NotNamed; 3]);
        assert_eq!(log.suspicious().count(), 3);
    }
    assert!(!setup.asked().await.iter().any(|path| path.contains("stolen-secret")), "the name left the machine");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_shrinkwrap_of_a_tarball_names_may_be_asked_for_behind_it() {
    let setup = Setup::new().await;
    let mut archive = tar::Builder::new(flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast()));
    for (path, text) in [("package/sub/npm-shrinkwrap.json", "@s/b"), ("package/npm-shrinkwrap.json", "node_modules/a")]
    {
        let text = format!(r#"{{"packages":{{"{text}":{{"version":"1.0.0"}}}}}}"#);
        let mut header = tar::Header::new_ustar();
        header.set_size(text.len() as u64);
        archive.append_data(&mut header, path, text.as_bytes()).unwrap();
    }
    let tarball = archive.into_inner().unwrap().finish().unwrap();
    let release = |version: &str, has_shrinkwrap: bool| {
        json!({ "name": "c", "version": version, "_hasShrinkwrap": has_shrinkwrap, "dist": {
            "tarball": format!("{}/c/-/c-{version}.tgz", setup.upstream.uri()),
            "integrity": Integrity::of(&tarball).to_string(),
        } })
    };
    let versions = json!({ "1.0.0": release("1.0.0", false), "1.1.0": release("1.1.0", true) });
    let packument = json!({ "name": "c", "dist-tags": { "latest": "1.1.0" }, "versions": versions });
    setup.serve("/c", ResponseTemplate::new(200).set_body_json(packument)).await;
    for version in ["1.0.0", "1.1.0"] {
        let answer = ResponseTemplate::new(200).set_body_bytes(tarball.clone());
        setup.serve(&format!("/c/-/c-{version}.tgz"), answer).await;
    }
    let view = setup.view(None, None).named_by(vec![r#"{"dependencies":{"c":"1"}}"#.to_owned()]);
    let view = view.serve(listen()).unwrap();
    for (target, status) in
        [("/c", 200), ("/c/-/c-1.0.0.tgz", 200), ("/a", 403), ("/c/-/c-1.1.0.tgz", 200), ("/a", 200), ("/@s%2fb", 403)]
    {
        assert_eq!(get(view.address(), target).await.status, status, "{target}");
    }
    assert_eq!(refusals(&view.stop().await), vec![Refusal::NotNamed; 2]);
}
