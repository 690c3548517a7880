//! Properties that hold for any manifest.

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::GypFile;
use super::support::{Case, compare, paths};

const ACTIVE: [&str; 12] = [
    "main",
    "module",
    "exports",
    "imports",
    "type",
    "types",
    "browser",
    "bin",
    "bundleDependencies",
    "engines",
    "os",
    "gypfile",
];
const MAPS: [&str; 4] = ["scripts", "dependencies", "optionalDependencies", "peerDependencies"];

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        any::<i32>().prop_map(|number| json!(number)),
        "[a-z./:^@*-]{0,12}".prop_map(Value::String),
        "\\PC{0,6}".prop_map(Value::String),
    ];
    leaf.prop_recursive(4, 32, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
            prop::collection::vec(("[a-z./@]{1,6}", inner), 0..4)
                .prop_map(|pairs| Value::Object(pairs.into_iter().collect())),
        ]
    })
}

fn manifest() -> impl Strategy<Value = Value> {
    let key =
        prop_oneof![prop::sample::select([&ACTIVE[..], &MAPS[..]].concat()).prop_map(str::to_owned), "[a-z]{1,8}"];
    prop::collection::vec((key, value()), 0..10).prop_map(|pairs| Value::Object(pairs.into_iter().collect()))
}

proptest! {
    #[test]
    fn a_manifest_never_differs_from_itself(manifest in manifest()) {
        let same = compare(&manifest, &manifest);
        prop_assert!(same.is_explained(), "{:?}", same);
        let reformatted = Case::of(&manifest).published_text(&format!("\u{feff}{manifest}\n")).run();
        prop_assert!(reformatted.is_explained(), "{:?}", reformatted);
    }

    #[test]
    fn a_changed_or_added_active_key_is_reported(
        manifest in manifest(), key in prop::sample::select(&ACTIVE[..]), value in value(),
    ) {
        let mut published = manifest.clone();
        published[key] = value;
        // `./x` and `x` name the same command's file.
        prop_assume!(key != "bin" && published[key] != manifest[key] || published.get(key).is_some() && manifest.get(key).is_none());
        let found = paths(&Case::of(&manifest).published(&published).corroborated().run());
        let inside = |path: &String| path == key || path.starts_with(&format!("{key}.")) || path.starts_with(&format!("{key}["));
        prop_assert!(!found.is_empty() && found.iter().all(inside), "{:?}", found);
    }

    #[test]
    fn a_changed_or_added_entry_is_reported(
        manifest in manifest(), map in prop::sample::select(&MAPS[..]), entry in "[a-z]{1,8}", text in "[a-z0-9.^: ]{0,12}",
    ) {
        let mut published = manifest.clone();
        let mut entries = published[map].as_object().cloned().unwrap_or_default();
        prop_assume!(entries.get(&entry) != Some(&json!(text)));
        entries.insert(entry.clone(), json!(text));
        published[map] = Value::Object(entries);
        let found = paths(&Case::of(&manifest).published(&published).corroborated().run());
        let whole = !manifest.get(map).is_none_or(Value::is_object);
        prop_assert_eq!(found, [if whole { map.to_owned() } else { format!("{map}.{entry}") }]);
    }

    #[test]
    fn hostile_pairs_do_not_panic(one in manifest(), two in manifest(), bytes in prop::collection::vec(any::<u8>(), 0..64)) {
        let comparison = Case::of(&one).published(&two).corroborated().run();
        prop_assert!(one != two || comparison.is_explained());
        drop(super::document::Document::parse("published", &bytes));
        drop(super::compare_with_registry(&one, two.to_string().as_bytes(), GypFile::Absent));
        prop_assert!(super::compare_with_registry(&one, one.to_string().as_bytes(), GypFile::Absent).unwrap().is_empty()
            || !matches!(one.get("name"), None | Some(Value::String(_)))
            || !matches!(one.get("version"), None | Some(Value::String(_))));
    }
}

#[test]
fn maps_and_values_agree_on_emptiness() {
    assert_eq!(paths(&compare(&json!({}), &Value::Object(Map::new()))), [""; 0]);
}
