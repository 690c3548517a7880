//! Every case of the fixture world in every format: held to snapshots, and to the schemas of the formats.
//!
//! One file holds all cases of a format. What a rebuild measures, and what of it depends on the machine, is left out.

use std::fmt::Write as _;
use std::path::Path;

use jsonschema::Validator;
use serde_json::Value;
use tarproof::capability::{Capability, Signal};
use tarproof::finding::{Change, Finding, Novelty, Risk, Rule};
use tarproof::package::Version;
use tarproof::reach::Reach;
use tarproof::report::json::v1::{Report, ResultEntry, Verified, schema};
use tarproof::report::terminal::{self, Detail};
use tarproof::report::{html, sarif};
use tarproof::verify::{Baseline, Verification};

use crate::support::{Tarproof, TestWorld, shared_world, verified_world};

/// Builds that are there to make other bytes each time.
const UNSTEADY: &str = "frame-wobbler";

/// Every steady case, rendered and put together under the release's name.
fn rendered(world: &TestWorld, render: impl Fn(&Verification) -> String) -> String {
    let mut out = String::new();
    for (release, _, outcome) in verified_world().cases(world).filter(|(release, ..)| release.name != UNSTEADY) {
        let text = render(outcome.as_ref().unwrap());
        writeln!(out, "==== {} {}@{}\n{}\n", release.case_id, release.name, release.version, text.trim_end()).unwrap();
    }
    verified_world().normalize(world, &out)
}

macro_rules! hold {
    ($name:literal, $text:expr) => {
        insta::with_settings!({ filters => vec![
            (r"\d+\.\d s\b", "[TIME]"),
            (r#"(?s)"attempts": \[.*?\n    \]"#, r#""attempts": "[ATTEMPTS]""#),
            (r"<dt>Sandbox</dt><dd>[^<]*</dd>", "<dt>Sandbox</dt><dd>[MECHANISMS]</dd>"),
        ] }, {
            insta::assert_snapshot!($name, $text)
        })
    };
}

#[test]
fn every_case_for_a_terminal() {
    let world = shared_world();
    hold!(
        "terminal",
        rendered(&world, |one| anstream::adapter::strip_str(&terminal::render(one, Detail::Brief)).to_string())
    );
}

#[test]
fn every_case_as_json() {
    let world = shared_world();
    hold!("json", rendered(&world, |one| serde_json::to_string_pretty(&json_of(one)["results"][0]).unwrap()));
}

#[test]
fn every_case_as_sarif() {
    let world = shared_world();
    hold!(
        "sarif",
        rendered(&world, |one| {
            let mut log = sarif_of(one);
            let run = log["runs"][0].as_object_mut().unwrap();
            // The same in every log.
            run.shift_remove("tool");
            serde_json::to_string_pretty(run).unwrap()
        })
    );
    let log = serde_json::to_value(sarif::Log::new(Vec::new())).unwrap();
    let text = serde_json::to_string_pretty(&log).unwrap();
    hold!("sarif_empty", verified_world().normalize(&world, &text.replace(env!("CARGO_PKG_VERSION"), "[VERSION]")));
}

#[test]
fn every_case_as_a_page() {
    let world = shared_world();
    hold!(
        "html",
        rendered(&world, |one| {
            let page = html::page(vec![one.into()]);
            let body = page.split("<main>").nth(1).unwrap().split("</main>").next().unwrap();
            // A line for each row and paragraph, so that a change shows as one.
            ["<tr", "<li", "<p", "<dt", "<h", "<section", "<details", "<table", "<ol", "<dl"]
                .iter()
                .fold(body.to_owned(), |text, tag| text.replace(tag, &format!("\n{tag}")))
        })
    );
}

fn json_of(verification: &Verification) -> Value {
    let entry = ResultEntry::Verified(Box::new(Verified::from(verification)));
    serde_json::to_value(Report::new(vec![entry])).unwrap()
}

fn sarif_of(verification: &Verification) -> Value {
    serde_json::to_value(sarif::Log::new(vec![verification.into()])).unwrap()
}

fn file(path: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

fn validator(path: &str) -> Validator {
    // The standard's schema has a bracket too many in the pattern of languages, which strict readers refuse.
    let text = file(path).replace("-[a-zA-Z]{2}]?$", "-[a-zA-Z]{2}?$");
    let schema: Value = serde_json::from_str(&text).unwrap();
    jsonschema::options().should_validate_formats(true).build(&schema).unwrap()
}

fn assert_valid(validator: &Validator, document: &Value, what: &str) {
    let errors: Vec<String> =
        validator.iter_errors(document).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert!(errors.is_empty(), "{what}: {errors:#?}");
}

/// A run of the program with all outcomes at once: explained, unexplained, inconclusive, wrong and failed.
const MIXED: [&str; 5] = [
    "npm:paint-chalk@5.6.1",
    "npm:no such name@1.0.0",
    "npm:paint-chalk@5.6.2",
    "npm:paint-chalk@9.9.9",
    "npm:fresh-paint@1.1.0",
];

#[test]
fn the_published_schema_is_that_of_the_structs() {
    let generated = serde_json::to_string_pretty(&schema()).unwrap() + "\n";
    if std::env::var_os("UPDATE_SCHEMA").is_some() {
        std::fs::write(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/schema/report-v1.schema.json"), &generated)
            .unwrap();
    }
    let committed = file("docs/schema/report-v1.schema.json");
    assert!(committed == generated, "run this test once with UPDATE_SCHEMA=1 and look at the change");
}

#[test]
fn every_json_report_is_what_its_schema_says() {
    let world = shared_world();
    let validator = validator("docs/schema/report-v1.schema.json");
    for (release, _, outcome) in verified_world().cases(&world) {
        assert_valid(&validator, &json_of(outcome.as_ref().unwrap()), &release.case_id);
    }
    let run = Tarproof::new().run(&[&["verify", "--format", "json"], &MIXED[..]].concat());
    assert_valid(&validator, &run.json(), "several");
    let mut wrong = run.json();
    wrong["results"][0]["verdict"] = "splendid".into();
    assert!(!validator.is_valid(&wrong), "the schema says something");
}

#[test]
fn every_sarif_log_is_what_the_standard_says() {
    let world = shared_world();
    let validator = validator("tests/schemas/sarif-schema-2.1.0.json");
    for (release, _, outcome) in verified_world().cases(&world) {
        let log = sarif_of(outcome.as_ref().unwrap());
        assert_valid(&validator, &log, &release.case_id);
        assert_consistent(&log);
    }
    let run = Tarproof::new().run(&[&["verify", "--format", "sarif"], &MIXED[..]].concat());
    assert_eq!(run.code, 1, "{run}");
    let log = run.json();
    assert_valid(&validator, &log, "several");
    assert_consistent(&log);
    let run = &log["runs"][0];
    assert_eq!(run["originalUriBaseIds"].as_object().unwrap().len(), 3);
    assert_eq!(run["properties"]["packages"].as_array().unwrap().len(), 3);
    let invocation = &run["invocations"][0];
    assert_eq!((&invocation["executionSuccessful"], &invocation["exitCode"]), (&false.into(), &1.into()));
    let told = invocation["toolExecutionNotifications"].as_array().unwrap();
    let levels: Vec<&str> = told.iter().map(|one| one["level"].as_str().unwrap()).collect();
    assert_eq!(levels, ["error", "error", "warning"]);
}

/// What a schema cannot say: results point to their rules and to bases that are there.
fn assert_consistent(log: &Value) {
    let run = &log["runs"][0];
    for result in run["results"].as_array().unwrap() {
        let index = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
        assert_eq!(run["tool"]["driver"]["rules"][index]["id"], result["ruleId"]);
        let location = &result["locations"][0]["physicalLocation"]["artifactLocation"];
        assert!(run["originalUriBaseIds"][location["uriBaseId"].as_str().unwrap()].is_object(), "{location}");
    }
}

#[test]
fn fingerprints_hold_from_release_to_release() {
    let world = shared_world();
    let (_, _, outcome) = verified_world().cases(&world).find(|(release, ..)| release.version == "5.6.1").unwrap();
    let first = outcome.as_ref().unwrap();
    let mut next = first.clone();
    next.release.version = Version::parse("5.6.9").unwrap();
    let prints = |verification: &Verification| -> Vec<Value> {
        let log = sarif_of(verification);
        log["runs"][0]["results"].as_array().unwrap().iter().map(|one| one["partialFingerprints"].clone()).collect()
    };
    assert!(!prints(first).is_empty());
    assert_eq!(prints(first), prints(&next));
}

#[test]
fn a_page_holds_all_subjects_and_names_nothing_outside() {
    let tarproof = Tarproof::new();
    let run = tarproof.run(&[&["verify", "--format", "html", "--output", "report.html"], &MIXED[..]].concat());
    assert_eq!((run.code, run.stdout()), (1, ""), "{run}");
    let page = tarproof.read("report.html");
    for expected in ["npm:paint-chalk@5.6.1", "no such name", "9.9.9", "npm:fresh-paint@1.1.0", "default-src 'none'"] {
        assert!(page.contains(expected), "no {expected}");
    }
    assert_eq!(page.matches("<article").count(), MIXED.len());
    for outside in [" src=", "href=\"h", "url(", "@import", " style=", " onclick", "<link", "<iframe", "<base"] {
        assert!(!page.contains(outside), "{outside}");
    }
    assert_eq!((page.matches("<script>").count(), page.matches("<style>").count()), (1, 1));
}

#[test]
fn what_is_new_is_said_in_every_format() {
    let world = shared_world();
    let (_, _, outcome) = verified_world().cases(&world).find(|(release, ..)| release.version == "5.6.1").unwrap();
    let mut verification = outcome.as_ref().unwrap().clone();
    let finding = verification.findings.iter_mut().find(|finding| finding.rule == Rule::FileModified).unwrap();
    finding.novelty = Some(Novelty { since: "5.5.9".to_owned(), change: Change::ContentChanged, could_already: true });
    let said = "new since 5.5.9, which had other content there";

    let text = terminal::render(&verification, Detail::Brief);
    assert!(text.contains(said), "{text}");
    assert!(html::page(vec![(&verification).into()]).contains(said));
    let report = json_of(&verification);
    assert_valid(&validator("docs/schema/report-v1.schema.json"), &report, "json");
    let findings = report["results"][0]["findings"].as_array().unwrap();
    let novelty = findings.iter().find_map(|finding| finding.get("novelty")).unwrap();
    assert_eq!(*novelty, serde_json::json!({"since": "5.5.9", "change": "content-changed"}));
    let log = sarif_of(&verification);
    assert_valid(&validator("tests/schemas/sarif-schema-2.1.0.json"), &log, "sarif");
    let results = log["runs"][0]["results"].as_array().unwrap();
    let new = results.iter().find(|result| result["baselineState"] == "new").unwrap();
    assert_eq!(new["properties"]["newSince"], "5.5.9");
    assert!(new["message"]["text"].as_str().unwrap().contains(said), "{new}");
}

#[test]
fn that_nothing_could_be_compared_with_is_told_in_brief() {
    let world = shared_world();
    let (_, _, outcome) = verified_world().cases(&world).find(|(release, ..)| release.version == "5.6.1").unwrap();
    let version = Version::parse("5.5.9").unwrap();
    let baseline = Baseline::Unavailable { version, detail: "no answer".to_owned() };
    let verification = Verification { baseline, ..outcome.as_ref().unwrap().clone() };
    let text = anstream::adapter::strip_str(&terminal::render(&verification, Detail::Brief)).to_string();
    let told = "  what is new is not known: 5.5.9 cannot be compared with: no answer\n";
    assert!(text.contains(told), "{text}");
}

#[test]
fn everything_known_of_a_finding_is_in_every_format() {
    let world = shared_world();
    let (_, _, outcome) = verified_world().cases(&world).find(|(release, ..)| release.version == "5.6.1").unwrap();
    let mut verification = outcome.as_ref().unwrap().clone();
    let finding = verification.findings.iter_mut().find(|finding| finding.rule == Rule::FileModified).unwrap();
    finding.risk = Risk::Critical;
    finding.reach = Some(Reach::Import);
    finding.way = vec!["package.json main".to_owned(), "index.js".to_owned()];
    finding.signals =
        vec![Signal { capability: Capability::Network, line: 4, evidence: "fetch(\"<b>[x](y){0}\")".to_owned() }];
    finding.lines = vec![(4, 4), (7, 9)];
    finding.same_as = Some("5.5.9".to_owned());
    let excepted = Finding { excepted: Some("reviewed by hand".to_owned()), ..finding.clone() };
    verification.findings.sort();
    verification.findings.push(excepted);

    let text = anstream::adapter::strip_str(&terminal::render(&verification, Detail::Brief)).to_string();
    let told: Vec<&str> = text.lines().skip(2).take(4).collect();
    assert_eq!(
        told,
        [
            "  critical  file-modified index.js:4,7-9: the content differs from the source's",
            "            runs on import: package.json main → index.js",
            "            talks to other machines (fetch(\"<b>[x](y){0}\"), line 4)",
            "            unchanged since 5.5.9",
        ],
        "{text}"
    );
    assert!(text.contains("excepted: reviewed by hand"), "{text}");

    let report = json_of(&verification);
    assert_valid(&validator("docs/schema/report-v1.schema.json"), &report, "json");
    let first = &report["results"][0]["findings"][0];
    assert_eq!(
        (&first["reach"], &first["lines"], &first["ranges"], &first["same_as"]),
        (&"import".into(), &[4, 9].into(), &serde_json::json!([[4, 4], [7, 9]]), &"5.5.9".into())
    );

    let log = sarif_of(&verification);
    assert_valid(&validator("tests/schemas/sarif-schema-2.1.0.json"), &log, "sarif");
    assert_consistent(&log);
    let results = log["runs"][0]["results"].as_array().unwrap();
    insta::assert_snapshot!("sarif_result", serde_json::to_string_pretty(results.last().unwrap()).unwrap());

    let page = html::page(vec![(&verification).into()]);
    for expected in [
        "runs on import: <code>package.json main</code> → <code>index.js</code>",
        "&lt;b&gt;[x](y){0}",
        "reviewed by hand",
    ] {
        assert!(page.contains(expected), "no {expected}");
    }
}
