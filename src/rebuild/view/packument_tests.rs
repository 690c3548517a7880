use serde_json::{Value, json};

use super::*;

const ORIGIN: &str = "http://127.0.0.1:1";

fn packument() -> Value {
    let version = |text: &str| {
        json!({
            "name": "a", "version": text, "scripts": { "postinstall": "x" }, "readme": "long", "dependencies": { "b": "1" },
            "dist": { "tarball": format!("https://user:secret@r.example/odd/{text}"), "integrity": "sha512-x", "shasum": "y" },
        })
    };
    json!({
        "_id": "a", "name": "a", "readme": "long", "users": { "someone": true },
        "dist-tags": { "latest": "2.0.0", "next": "3.0.0-rc.1", "old": "1.0.0" },
        "versions": {
            "1.0.0": version("1.0.0"), "1.1.0": version("1.1.0"), "2.0.0": version("2.0.0"), "3.0.0-rc.1": version("3.0.0-rc.1"),
            "../escaping": version("../escaping"),
        },
        "time": {
            "created": "2020-01-01T00:00:00.000Z", "modified": "2024-01-01T00:00:00.000Z",
            "1.0.0": "2020-01-01T00:00:00.000Z", "1.1.0": "2021-01-01T00:00:00.000Z",
            "2.0.0": "2022-01-01T00:00:00.000Z", "3.0.0-rc.1": "2023-01-01T00:00:00.000Z",
        },
    })
}

fn name() -> PackageName {
    PackageName::parse("a").unwrap()
}

fn locked(version: &str) -> Closure {
    let text = json!({ "packages": { "node_modules/a": { "version": version } } });
    Closure::read("package-lock.json", text.to_string().as_bytes()).unwrap()
}

fn look(packument: &Value, form: Form, cutoff: Option<&str>, closure: Option<&Closure>, open: bool) -> (Value, bool) {
    let cutoff = cutoff.map(|text| parse_rfc3339(text).unwrap());
    let window = Window { cutoff, closure, open, settled: false, verified: None, origin: ORIGIN };
    let shown = shown(packument.to_string().as_bytes(), &name(), form, window).unwrap();
    let value: Value = serde_json::from_slice(&shown.body).unwrap();
    let versions: HashSet<String> = value["versions"].as_object().unwrap().keys().cloned().collect();
    assert_eq!(versions, shown.versions);
    (value, shown.without_cutoff)
}

fn versions(value: &Value) -> Vec<&str> {
    value["versions"].as_object().unwrap().keys().map(String::as_str).collect()
}

#[test]
fn later_versions_are_hidden_and_tags_follow() {
    let (value, without) = look(&packument(), Form::Full, Some("2021-06-01T00:00:00Z"), None, true);
    assert!(!without);
    assert_eq!(versions(&value), ["1.0.0", "1.1.0"]);
    assert_eq!(value["dist-tags"], json!({ "latest": "1.1.0", "old": "1.0.0" }));
    let times: Vec<_> = value["time"].as_object().unwrap().keys().collect();
    assert_eq!(times, ["1.0.0", "1.1.0"]);
    let (value, _) = look(&packument(), Form::Full, None, None, true);
    assert_eq!(versions(&value), ["1.0.0", "1.1.0", "2.0.0", "3.0.0-rc.1"]);
    assert_eq!(value["dist-tags"]["latest"], "2.0.0");
}

#[test]
fn addresses_lead_to_the_view_and_nothing_else_stays() {
    for form in [Form::Full, Form::Short] {
        let (value, _) = look(&packument(), form, None, None, true);
        let text = value.to_string();
        assert!(!text.contains("r.example") && !text.contains("secret") && !text.contains("someone"), "{text}");
        let dist = &value["versions"]["1.0.0"]["dist"];
        assert_eq!(dist["tarball"], "http://127.0.0.1:1/a/-/a-1.0.0.tgz");
        assert_eq!((&dist["integrity"], &dist["shasum"]), (&json!("sha512-x"), &json!("y")));
    }
}

#[test]
fn the_short_form_says_what_an_installer_needs() {
    let (value, _) = look(&packument(), Form::Short, Some("2022-06-01T00:00:00Z"), None, true);
    let release = value["versions"]["2.0.0"].as_object().unwrap();
    assert_eq!(release["hasInstallScript"], true);
    assert_eq!(release["dependencies"], json!({ "b": "1" }));
    assert!(!release.contains_key("readme") && !release.contains_key("scripts"));
    assert_eq!(value["modified"], "2022-01-01T00:00:00.000Z");
    assert_eq!(value.get("time"), None);
}

#[test]
fn what_the_lockfile_names_is_always_there() {
    let closure = locked("2.0.0");
    let (value, without) = look(&packument(), Form::Full, Some("2021-06-01T00:00:00Z"), Some(&closure), false);
    assert!(!without);
    assert_eq!(versions(&value), ["1.0.0", "1.1.0", "2.0.0"]);
    assert_eq!(value["time"]["2.0.0"], "2021-06-01T00:00:00.000Z", "not in the future of the build");
    let (value, _) = look(&packument(), Form::Full, Some("2021-06-01T00:00:00Z"), Some(&closure), true);
    assert_eq!(versions(&value), ["1.0.0", "1.1.0", "2.0.0"]);
}

#[test]
fn a_publisher_cannot_make_the_cutoff_go_away() {
    let mut swapped = packument();
    for (version, time) in [("1.1.0", "2021-05-31T00:10:00Z"), ("1.0.0", "2021-05-31T00:20:00Z")] {
        swapped["time"][version] = json!(time);
    }
    let (value, without) = look(&swapped, Form::Full, Some("2021-06-01T00:00:00Z"), None, true);
    assert!(!without && versions(&value) == ["1.0.0", "1.1.0"], "patches in reverse order");
    let (value, without) = look(&packument(), Form::Full, Some("2019-06-01T00:00:00Z"), None, true);
    assert!(!without && versions(&value).is_empty(), "what was there then has been withdrawn");
}

#[test]
fn beside_a_lockfile_only_settled_versions_may_be_chosen() {
    let look = |cutoff: &str, closure: &Closure| {
        let cutoff = parse_rfc3339(cutoff);
        let window =
            Window { cutoff, closure: Some(closure), open: true, settled: true, verified: None, origin: ORIGIN };
        let shown = shown(packument().to_string().as_bytes(), &name(), Form::Short, window).unwrap();
        let mut versions: Vec<_> = shown.versions.into_iter().collect();
        versions.sort();
        (versions, shown.has_recent)
    };
    assert_eq!(look("2021-01-30T00:00:00Z", &locked("1.0.0")), (vec!["1.0.0".to_owned()], true));
    assert_eq!(look("2021-01-31T00:00:00Z", &locked("1.0.0")).0, ["1.0.0", "1.1.0"], "thirty days old");
    assert_eq!(look("2021-01-02T00:00:00Z", &locked("1.1.0")), (vec!["1.0.0".to_owned(), "1.1.0".to_owned()], false));
}

fn under_test(name: &str, version: &str) -> crate::package::Release {
    let (name, version) = (PackageName::parse(name).unwrap(), Version::parse(version).unwrap());
    crate::package::Release { ecosystem: crate::package::Ecosystem::Npm, name, version }
}

#[test]
fn what_cannot_do_without_the_release_came_after_it() {
    let mut dependent = packument();
    dependent["versions"]["2.0.0"]["dependencies"] = json!({ "b": "^1.1.0" });
    dependent["versions"]["1.1.0"]["dependencies"] = json!({ "b": "^1.0.0" });
    let verified = under_test("b", "1.1.0");
    let window =
        Window { cutoff: None, closure: None, open: true, settled: false, verified: Some(&verified), origin: ORIGIN };
    let shown = shown(dependent.to_string().as_bytes(), &name(), Form::Short, window).unwrap();
    let mut versions: Vec<_> = shown.versions.into_iter().collect();
    versions.sort();
    assert_eq!(versions, ["1.0.0", "1.1.0", "3.0.0-rc.1"]);
}

#[test]
fn a_release_has_no_part_in_its_own_rebuild() {
    let look = |packument: &Value, cutoff: &str, closure: Option<&Closure>, verified: &str| {
        let verified = under_test("a", verified);
        let (cutoff, verified) = (parse_rfc3339(cutoff), Some(&verified));
        let window = Window { cutoff, closure, open: true, settled: false, verified, origin: ORIGIN };
        let shown = shown(packument.to_string().as_bytes(), &name(), Form::Full, window).unwrap();
        let value: Value = serde_json::from_slice(&shown.body).unwrap();
        assert_ne!(value["dist-tags"]["latest"], json!("2.0.0"));
        let mut versions: Vec<_> = shown.versions.into_iter().collect();
        versions.sort();
        versions
    };
    let published = "2022-01-01T00:00:00Z";
    assert_eq!(look(&packument(), published, None, "2.0.0"), ["1.0.0", "1.1.0"]);
    assert_eq!(look(&packument(), published, Some(&locked("2.0.0")), "2.0.0"), ["1.0.0", "1.1.0"], "whoever names it");
    // Nor has one that was published just before.
    assert_eq!(look(&packument(), "2021-01-20T00:00:00Z", None, "2.0.0"), ["1.0.0"]);
    assert_eq!(look(&packument(), "2021-01-20T00:00:00Z", Some(&locked("1.1.0")), "2.0.0"), ["1.0.0", "1.1.0"]);
    let mut mirrored = packument();
    mirrored["time"].as_object_mut().unwrap().remove("created");
    assert_eq!(look(&mirrored, "2019-01-01T00:00:00Z", None, "2.0.0"), ["1.0.0", "1.1.0"]);
}

#[test]
fn times_of_a_mirror_hide_nothing_where_versions_are_free_to_choose() {
    let mut mirrored = packument();
    mirrored["time"].as_object_mut().unwrap().remove("created");
    let (value, without) = look(&mirrored, Form::Full, Some("2021-06-01T00:00:00Z"), None, true);
    assert!(without);
    assert_eq!(versions(&value).len(), 4);
    assert_eq!(value["dist-tags"]["latest"], "1.1.0", "it existed for certain; 2.0.0 may have");
    let (value, _) = look(&mirrored, Form::Full, Some("2019-06-01T00:00:00Z"), None, true);
    assert_eq!(value["dist-tags"]["latest"], "2.0.0", "nothing is known");
    mirrored["dist-tags"]["latest"] = json!("1.0.0");
    let (value, _) = look(&mirrored, Form::Full, Some("2022-06-01T00:00:00Z"), None, true);
    assert_eq!(value["dist-tags"]["latest"], "1.0.0", "the publisher's own is not exceeded");
    mirrored.as_object_mut().unwrap().remove("time");
    let (value, without) = look(&mirrored, Form::Short, Some("2021-06-01T00:00:00Z"), None, true);
    assert!(without && versions(&value).len() == 4);
}

#[test]
fn the_last_of_two_members_counts_and_odd_shapes_do_not_break() {
    let text = r#"{"name":"a","versions":{"1.0.0":{"dist":{"tarball":"x"}},"1.0.0":{"dist":{"tarball":"y","fileCount":2}},"1.1.0":7},
        "dist-tags":[],"time":null}"#;
    let window = Window { cutoff: None, closure: None, open: true, settled: false, verified: None, origin: ORIGIN };
    let shown = shown(text.as_bytes(), &name(), Form::Full, window).unwrap();
    let value: Value = serde_json::from_slice(&shown.body).unwrap();
    assert_eq!(value["versions"]["1.0.0"]["dist"]["fileCount"], 2);
    assert_eq!(value["dist-tags"]["latest"], "1.1.0");
    for text in ["", "[]", "null", "{\"versions\":"] {
        assert!(super::shown(text.as_bytes(), &name(), Form::Full, window).is_err(), "{text}");
    }
}

proptest::proptest! {
    #[test]
    fn times_are_written_as_they_are_read(seconds in 0_i64..4_102_444_800) {
        proptest::prop_assert_eq!(parse_rfc3339(&rfc3339(seconds)), Some(seconds));
    }
}
