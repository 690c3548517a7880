use proptest::prelude::*;

use super::*;

fn top(ranking: &str, top: usize) -> Vec<String> {
    read_ranking(ranking.as_bytes(), top).unwrap().subjects.iter().map(ToString::to_string).collect()
}

#[test]
fn names_are_ranked_by_their_order() {
    let ranking = "# of the last week\nlodash\n@babel/core\npkg:npm/chalk\nlodash\nnpm:debug@4.4.1\n";
    assert_eq!(top(ranking, 3), ["npm:lodash", "npm:@babel/core", "npm:chalk"]);
    assert_eq!(top(ranking, 10).len(), 4);
}

#[test]
fn tables_are_ranked_by_their_count() {
    for ranking in [
        "lodash,10\nchalk,30\ndebug,20\n",
        "package,downloads\nlodash,10\nchalk,30\ndebug,20\n",
        "rank,name,downloads\n1,lodash,10\n2,chalk,30\n3,debug,20\n",
        "1,lodash,10\n2,chalk,30\n3,debug,20\n",
        "\"name\";\"dependent packages count\"\n\"lodash\";\"10\"\n\"chalk\";\"3e1\"\n\"debug\";\"20.0\"\n",
        "ecosystem\tpurl\tdownloads\nnpm\tpkg:npm/lodash\t10\nnpm\tpkg:npm/chalk\t30\nnpm\tpkg:npm/debug\t20\n",
    ] {
        assert_eq!(top(ranking, 2), ["npm:chalk", "npm:debug"], "{ranking}");
    }
}

#[test]
fn tables_without_a_count_keep_their_order() {
    for ranking in ["rank,name\n1,lodash\n2,chalk\n", "1,lodash\n2,chalk\n", "name,licence\nlodash,MIT\nchalk,MIT\n"] {
        assert_eq!(top(ranking, 2), ["npm:lodash", "npm:chalk"], "{ranking}");
    }
    assert_eq!(top("\"lodash\"\n\"chalk\"\n", 2), ["npm:lodash", "npm:chalk"]);
}

#[test]
fn packages_that_are_called_like_a_column_are_packages() {
    assert_eq!(top("name,10\nchalk,5\n", 2), ["npm:name", "npm:chalk"]);
}

#[test]
fn json_is_read_in_its_usual_shapes() {
    assert_eq!(top(r#" ["lodash", "pkg:npm/chalk"]"#, 5), ["npm:lodash", "npm:chalk"]);
    let objects = r#"[{"name": "lodash", "downloads": 1, "x": {}}, {"name": "chalk", "downloads": "2"}]"#;
    assert_eq!(top(objects, 5), ["npm:chalk", "npm:lodash"]);
    let both = r#"[{"name": "a", "purl": "pkg:npm/chalk"}, {"package": "lodash"}]"#;
    assert_eq!(top(both, 5), ["npm:chalk", "npm:lodash"]);
    assert_eq!(top(r#"{"lodash": 10, "chalk": 30}"#, 1), ["npm:chalk"]);
}

#[test]
fn what_is_wrong_in_the_top_is_told_with_its_place() {
    let places = |ranking: &str, top| {
        let entries = read_ranking(ranking.as_bytes(), top).unwrap();
        entries.rejected.iter().map(|rejected| rejected.place.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(places("a b\nlodash\nc d\n", 1), ["line 1"]);
    assert_eq!(places("name,count\nlodash,1\n,2\nchalk,many\npkg:gem/rails,9\n", 5), ["line 4", "line 5", "line 3"]);
    assert_eq!(places(r#"["lodash", 7, {"version": "1"}, "../x"]"#, 5), ["entry 2", "entry 3", "entry 4"]);
    // A quote that is never closed holds the rest.
    assert_eq!(places("lodash,1\n\"chalk,2\ndebug,3\n", 5), ["line 2"]);
}

#[test]
fn what_is_no_ranking_is_refused() {
    let error = |ranking: &str| read_ranking(ranking.as_bytes(), 5).unwrap_err();
    assert!(matches!(error(""), ListError::Empty));
    assert!(matches!(error("# x\n"), ListError::Empty));
    assert!(matches!(error("[]"), ListError::Empty));
    assert!(matches!(error("[\"a\""), ListError::Json(_)));
    assert!(matches!(error("[\"a\"] x"), ListError::Json(_)));
    assert!(matches!(error(r#"{"error": "not found"}"#), ListError::Json(_)));
    assert!(matches!(error("<!doctype html>\n<p>x</p>\n"), ListError::NothingUsable(_)));
    assert!(matches!(error(&"[".repeat(100_000)), ListError::Json(_)));
    assert!(matches!(error(&format!("[{}1]", "1,".repeat(MAX_ENTRIES))), ListError::TooMany));
    assert!(matches!(error(&"a\n".repeat(MAX_ENTRIES + 1)), ListError::TooMany));
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused(text in "([\\[{\"',;:#@a-c0-9 \\n\\t}\\]]|\\PC){0,120}", wanted in 0_usize..5) {
        if let Ok(entries) = read_ranking(text.as_bytes(), wanted) {
            prop_assert!(entries.subjects.len() <= wanted);
        }
    }

    #[test]
    fn every_form_names_the_same(
        counted in prop::collection::btree_map("(@[a-z]{1,5}/)?[a-z][a-z-]{0,9}", 0_u32..1_000_000, 1..20),
        wanted in 1_usize..25,
    ) {
        // Equal counts keep the file's order, which is the same in all forms.
        let mut expected: Vec<(&String, &u32)> = counted.iter().collect();
        expected.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
        let expected: Vec<String> = expected.iter().take(wanted).map(|(name, _)| format!("npm:{name}")).collect();

        let rows: String = counted.iter().map(|(name, count)| format!("{name},{count}\n")).collect();
        let quoted: String = counted.iter().map(|(name, count)| format!("\"{name}\"\t{count}\n")).collect();
        let objects: Vec<serde_json::Value> =
            counted.iter().map(|(name, count)| serde_json::json!({"name": name, "count": count})).collect();
        for ranking in [
            rows.clone(),
            format!("name,downloads\n{rows}"),
            quoted,
            serde_json::to_string(&objects).unwrap(),
            serde_json::to_string_pretty(&counted).unwrap(),
        ] {
            prop_assert_eq!(&top(&ranking, wanted), &expected, "{}", ranking);
        }
    }
}
