//! The fixture world as a test: what each case was made for, and that nothing but the inputs decides a report.

use std::fmt::Write as _;

use serde_json::Value;
use tarproof::demo::{BuiltRelease, Expectation};
use tarproof::finding::{FileKind, Risk};
use tarproof::ledger::Ledger;
use tarproof::registry::{HttpError, RegistryError};
use tarproof::verdict::Verdict;
use tarproof::verify::{Verification, VerifyError, verify};

use crate::support::{Output, Tarproof, TestContext, block_on, request_for, shared_world, verified_world};

#[test]
fn every_case_gets_what_it_was_made_for() {
    let world = shared_world();
    let (mut deviations, mut cases) = (String::new(), 0);
    for (release, expectation, outcome) in verified_world().cases(&world) {
        if let Some(deviation) = deviation(outcome, expectation) {
            writeln!(deviations, "{} ({}): {deviation}", release.case_id, release.version).unwrap();
        }
        cases += 1;
    }
    assert!(cases >= 40, "only {cases} cases");
    assert!(deviations.is_empty(), "{deviations}");
}

fn deviation(outcome: &Result<Verification, VerifyError>, expectation: &Expectation) -> Option<String> {
    let verification = match outcome {
        Ok(verification) => verification,
        Err(error) => return Some(error.to_string()),
    };
    if verification.verdict.to_string() != expectation.verdict {
        return Some(format!("{} instead of {}", verification.verdict, expectation.verdict));
    }
    if let Some(path) = &expectation.file {
        let file = verification.ledger.as_ref().and_then(|ledger| ledger.file(path));
        let class = file.map(|file| file.explanation.class());
        if class != expectation.class.as_deref() {
            return Some(format!("{path} is {class:?} instead of {:?}", expectation.class));
        }
    }
    let ids: Vec<&str> = verification.findings.iter().map(|finding| finding.rule.id()).collect();
    let missing: Vec<&String> = expectation.findings.iter().filter(|id| !ids.contains(&id.as_str())).collect();
    (!missing.is_empty()).then(|| format!("no {missing:?} among {ids:?}"))
}

#[test]
fn attacks_are_never_explained_and_honest_releases_raise_no_alarm() {
    let world = shared_world();
    for (release, expectation, outcome) in verified_world().cases(&world) {
        let verification = outcome.as_ref().unwrap();
        let explained = matches!(verification.verdict, Verdict::Verbatim | Verdict::Reproduced | Verdict::Equivalent);
        if !release.planted.is_empty() && (expectation.file.is_some() || !expectation.findings.is_empty()) {
            assert!(!verification.findings.is_empty(), "{} has no finding", release.case_id);
            assert!(!explained || !expectation.findings.is_empty(), "{} is explained", release.case_id);
        } else if explained {
            let alarms: Vec<_> = verification.findings.iter().filter(|finding| finding.risk < Risk::Low).collect();
            assert!(alarms.is_empty(), "{}: {alarms:?}", release.case_id);
        }
        for file in verification.ledger.iter().flat_map(Ledger::unexplained) {
            let findings = verification.findings.iter().filter(|finding| finding.path.as_deref() == Some(&*file.path));
            let least = if FileKind::of(&file.path).is_read_only() { Risk::Low } else { Risk::Medium };
            let risk = findings.map(|finding| finding.risk).min();
            assert!(risk.is_some_and(|risk| risk <= least), "{}: {} is {risk:?}", release.case_id, file.path);
        }
    }
}

#[test]
fn every_misbehaving_registry_is_told_apart() {
    let world = shared_world();
    let test = TestContext::of_world(&world);
    for (release, failure) in world.failing() {
        let outcome = block_on(verify(&request_for(release), &test.context));
        assert_eq!(kind_of(&outcome), failure.kind, "{}: {outcome:?}", release.case_id);
    }
}

fn kind_of(outcome: &Result<Verification, VerifyError>) -> &str {
    match outcome {
        Ok(Verification { verdict: Verdict::Inconclusive(reason), .. }) => reason.id(),
        Err(VerifyError::Registry(error)) => match error {
            RegistryError::UnknownPackage { .. } => "package-not-found",
            RegistryError::ArtifactGone { .. } => "tarball-not-found",
            RegistryError::Mismatch { .. } => "digest-mismatch",
            RegistryError::MalformedPackument { .. } => "malformed-packument",
            RegistryError::Http(HttpError::Interrupted { .. }) => "transfer-failed",
            _ => "another error of the registry",
        },
        _ => "no failure",
    }
}

#[test]
fn every_misbehaving_registry_gets_a_clear_message() {
    let tarproof = Tarproof::new();
    let failing: Vec<(&BuiltRelease, _)> = tarproof.world().failing().collect();
    for (release, failure) in &failing {
        let run = tarproof.run(&["verify", &subject(release)]);
        assert_eq!(run.code, i32::from(failure.exit), "{run}");
        insta::assert_snapshot!(release.case_id.replace('-', "_"), run.text());
    }
    let subjects: Vec<String> = failing.iter().map(|(release, _)| subject(release)).collect();
    let mut arguments: Vec<&str> =
        ["verify", "--format", "json"].into_iter().chain(subjects.iter().map(String::as_str)).collect();
    arguments.push("npm:quill-pen@1.0.0");
    let report = tarproof.run(&arguments).json();
    let results = report["results"].as_array().unwrap();
    assert_eq!(results.len(), failing.len() + 1);
    assert_eq!(results.last().unwrap()["verdict"], "verbatim", "the rest goes on");
    for (result, (release, failure)) in results.iter().zip(&failing) {
        assert_eq!(result["exit_code"], failure.exit, "{}", release.case_id);
        match failure.exit {
            3 => assert_eq!(result["inconclusive"]["id"], failure.kind.as_str(), "{}", release.case_id),
            _ => assert!(result["error"].as_str().unwrap().contains(&release.name), "{result}"),
        }
    }
}

fn subject(release: &BuiltRelease) -> String {
    format!("npm:{}@{}", release.name, release.version)
}

#[test]
fn the_demo_holds_and_its_table_is_data() {
    let tarproof = Tarproof::new();
    let run = tarproof.run(&["demo"]);
    assert_eq!(run.code, 0, "{run}");
    insta::assert_snapshot!("demo", run.text());
    let run = tarproof.run(&["demo", "--format", "json"]);
    assert_eq!(run.code, 0, "{run}");
    let table = run.json();
    assert_eq!(table["schema"], "tarproof-demo/v1");
    assert_eq!(table["as_expected"], true);
    let cases = table["cases"].as_array().unwrap();
    assert_eq!(cases.len(), tarproof.world().expected().count());
    assert!(cases.iter().all(|case| case["as_expected"] == true && case["why"].is_string()));
}

#[test]
fn without_a_sandbox_nothing_is_built_and_it_is_said() {
    let world = shared_world();
    let mut test = TestContext::of_world(&world);
    // What starts here is no sandbox.
    test.context.rebuild.sandbox.executable = Some("/bin/false".into());
    for (release, _) in world.expected().filter(|(_, expectation)| expectation.needs_rebuild) {
        let verification = block_on(verify(&request_for(release), &test.context)).unwrap();
        assert_eq!(verification.verdict.to_string(), "inconclusive(no-sandbox)", "{}", release.case_id);
        assert!(verification.rebuild.unwrap().attempts.iter().all(|attempt| attempt.commands.is_empty()));
    }
}

#[test]
fn a_payload_in_built_code_is_shown_alone() {
    let tarproof = Tarproof::new();
    for (subject, own) in [("npm:frame-builder@1.0.0", "area ="), ("npm:tile-cutter@2.1.0", "tile.slice")] {
        let run = tarproof.run(&["verify", subject]);
        assert_eq!(run.code, 1, "{run}");
        assert!(run.stdout.contains("inertLookAlike") && run.stdout.contains("shell-build"), "{run}");
        assert!(!run.stdout.contains(own), "what the build made as well is not shown: {run}");
    }
}

#[test]
fn the_same_inputs_give_the_same_bytes() {
    let (first, second) = (Tarproof::new(), Tarproof::new());
    // One build is there to make other bytes each time.
    let same = first.world().expected().filter(|(release, _)| release.name.as_str() != "frame-wobbler");
    let subjects: Vec<String> = same.map(|(release, _)| subject(release)).collect();
    let report = |tarproof: &Tarproof, options: &[&'static str]| {
        let subjects = subjects.iter().map(String::as_str);
        let arguments: Vec<&str> =
            ["verify", "--format", "json"].into_iter().chain(options.iter().copied()).chain(subjects).collect();
        tarproof.run(&arguments)
    };
    let online = report(&first, &[]);
    let again = report(&second, &["--jobs", "1"]);
    // Before the reports are compared as values: nothing but what rebuilds measure may differ, not even the order.
    let lines =
        |run: &Output| run.stdout.lines().filter(|line| !is_measured(line)).map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(lines(&online), lines(&again), "two fresh caches");
    let offline = report(&first, &["--offline"]);
    assert_eq!(without_observations(online.json()), without_observations(offline.json()), "the same cache, offline");
}

/// Whether a line of a report says how long a rebuild took, what it used, or where its log is.
fn is_measured(line: &str) -> bool {
    ["\"milliseconds\":", "\"processor_milliseconds\":", "\"peak_memory\":", "\"log\":"]
        .iter()
        .any(|key| line.trim_start().starts_with(key))
}

fn without_measurements(value: &mut Value) {
    match value {
        Value::Object(map) => {
            map.retain(|key, _| !is_measured(&format!("\"{key}\":")));
            map.values_mut().for_each(without_measurements);
        }
        Value::Array(list) => list.iter_mut().for_each(without_measurements),
        _ => {}
    }
}

/// Removes what `docs/json-report.md` names as depending on the cache and on `--offline`.
fn without_observations(mut report: Value) -> Value {
    without_measurements(&mut report);
    for result in report["results"].as_array_mut().unwrap() {
        if let Some(source) = result["source"].as_object_mut() {
            for field in ["fetches", "copy", "completeness"] {
                assert!(source.remove(field).is_some(), "no {field}");
            }
        }
    }
    report
}
