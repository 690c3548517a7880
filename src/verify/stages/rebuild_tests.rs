use super::*;
use crate::ledger::LedgerFile;
use crate::rebuild::plan::{Install, Pack, PackageManager, PackageManagerName, Tools, VersionRequest};
use crate::rebuild::run::{RanCommand, Requests};

fn plan(mode: InstallMode, lockfile: Option<&str>) -> Plan {
    let version = |text: &str| VersionRequest { version: text.to_owned(), from: "registry".to_owned() };
    Plan {
        format: Plan::FORMAT,
        strategy: "workflow".to_owned(),
        because: Vec::new(),
        tools: Some(Tools {
            node: version("20"),
            npm: version("10"),
            package_manager: PackageManager { name: PackageManagerName::Npm, version: None, path: None },
        }),
        clock: None,
        checkout: None,
        if_broken: false,
        crlf: false,
        remove: Vec::new(),
        stamps: Vec::new(),
        install: Some(Install { directory: ".".to_owned(), lockfile: lockfile.map(str::to_owned), mode, cutoff: None }),
        steps: Vec::new(),
        pack: Pack {
            directory: ".".to_owned(),
            with: PackageManagerName::Npm.into(),
            prepublish_only: false,
            scripts: true,
        },
    }
}

fn attempt(plan: Plan, result: AttemptResult) -> Attempt {
    Attempt {
        plan,
        tools: Vec::new(),
        enforced: Vec::new(),
        commands: Vec::new(),
        requests: Requests { total: 1, ..Requests::default() },
        missing: Vec::new(),
        broken: None,
        milliseconds: 0,
        peak_memory: 0,
        log: None,
        result,
    }
}

fn packed(explained: usize) -> AttemptResult {
    made(explained, 0)
}

fn made(explained: usize, different: usize) -> AttemptResult {
    AttemptResult::Packed { explained, different, same_tar: false, same_archive: false, only_rebuilt: Vec::new() }
}

fn ledger(rebuilt: bool) -> Ledger {
    let explanation = match rebuilt {
        true => Explanation::Modified { keys: Vec::new(), same_as: None, rebuilt },
        false => Explanation::ArtifactOnly { ignored_by_git: true },
    };
    Ledger { files: vec![LedgerFile::of("dist/index.js", explanation)], source_only: None }
}

fn kind(attempts: Vec<Attempt>, failure: Option<FailureKind>, rebuilt: bool) -> Option<FailureKind> {
    let failure = failure.map(|kind| Failure::new(kind, "a detail"));
    let record = RebuildRecord { plans: Vec::new(), attempts, failure };
    honest_reason(&record, &ledger(rebuilt), &BTreeSet::new(), &BTreeSet::new(), &Built::default())
        .map(|failure| failure.kind)
}

#[test]
fn a_difference_is_one_only_where_the_publishers_dependencies_are_known() {
    let followed = || plan(InstallMode::Frozen, Some("package-lock.json"));
    assert_eq!(kind(vec![attempt(followed(), packed(3))], None, true), None);
    for free in [plan(InstallMode::Loose, Some("package-lock.json")), plan(InstallMode::Loose, None)] {
        assert_eq!(kind(vec![attempt(free, packed(3))], None, true), Some(FailureKind::LockfileMissing));
    }
    // Without dependencies there is nothing that could differ.
    let alone = Plan { install: None, ..followed() };
    assert_eq!(kind(vec![attempt(alone, packed(1))], None, true), None);
    let empty = attempt(plan(InstallMode::Loose, None), packed(1));
    assert_eq!(kind(vec![Attempt { requests: Requests::default(), ..empty }], None, true), None);
}

#[test]
fn a_build_that_makes_nothing_of_what_is_left_proves_nothing() {
    let followed = || plan(InstallMode::Frozen, Some("package-lock.json"));
    assert_eq!(kind(vec![attempt(followed(), packed(0))], None, false), Some(FailureKind::NothingProduced));
    // It made other files, and this one it does not make.
    assert_eq!(kind(vec![attempt(followed(), packed(2))], None, false), None);
    // It made this one, and differently.
    assert_eq!(kind(vec![attempt(followed(), packed(0))], None, true), None);
}

#[test]
fn a_release_without_the_main_that_its_build_makes_is_another() {
    let record = RebuildRecord {
        attempts: vec![attempt(plan(InstallMode::Frozen, Some("package-lock.json")), packed(0))],
        ..RebuildRecord::default()
    };
    let reason = |absent: &[&str], main: Option<&str>| {
        let absent = absent.iter().map(|path| (*path).to_owned()).collect();
        let built = Built { absent, main: main.map(str::to_owned) };
        honest_reason(&record, &ledger(false), &BTreeSet::new(), &BTreeSet::new(), &built)
    };
    assert_eq!(reason(&["dist/a.js", "dist/main.js"], Some("dist/main.js")), None);
    // It may have been the wrong build.
    let other = reason(&["coverage/index.html"], None).unwrap();
    assert_eq!(other.kind, FailureKind::NothingProduced);
    let detail =
        "the build made none of the files that are left; what it made is not in the release: `coverage/index.html`";
    assert_eq!(other.detail, detail);
    assert_eq!(reason(&[], None).unwrap().detail, "the build made nothing that the commit does not hold");
}

#[test]
fn a_build_that_varies_is_no_difference_of_the_publishers() {
    let record = RebuildRecord {
        attempts: vec![attempt(plan(InstallMode::Frozen, Some("package-lock.json")), packed(3))],
        ..RebuildRecord::default()
    };
    let kind = |unsteady: &[&str]| {
        let unsteady = unsteady.iter().map(|path| (*path).to_owned()).collect();
        honest_reason(&record, &ledger(true), &unsteady, &BTreeSet::new(), &Built::default())
            .map(|failure| failure.kind)
    };
    assert_eq!(kind(&["dist/index.js"]), Some(FailureKind::NotDeterministic));
    // Something else is left that it makes the same each time.
    assert_eq!(kind(&["dist/other.js"]), None);
}

#[test]
fn where_no_build_ends_its_failure_stands() {
    let failed = AttemptResult::Failed { kind: "build-failed", detail: "a detail".to_owned() };
    let attempts = vec![attempt(plan(InstallMode::Loose, None), failed)];
    assert_eq!(kind(attempts, Some(FailureKind::BuildFailed), false), Some(FailureKind::BuildFailed));
}

#[test]
fn what_follows_no_lockfile_explains_nothing_once_a_build_that_did_came_to_its_end() {
    let followed = || plan(InstallMode::Frozen, Some("package-lock.json"));
    let set_aside = Plan {
        strategy: "lifecycle".to_owned(),
        remove: vec!["package-lock.json".to_owned()],
        ..plan(InstallMode::Loose, None)
    };
    let another_way = Plan { strategy: "ci".to_owned(), ..plan(InstallMode::Loose, Some("package-lock.json")) };
    for free in [&set_aside, &another_way] {
        assert!(makes_needless(&attempt(followed(), packed(0)), free));
        let given = Plan { strategy: format!("{}mine", Plan::GIVEN[0]), ..free.clone() };
        assert!(!makes_needless(&attempt(followed(), packed(0)), &given), "the user's word");
        let failed = AttemptResult::Failed { kind: "build-failed", detail: "a detail".to_owned() };
        assert!(!makes_needless(&attempt(followed(), failed), free));
        let broken = Some(Failure::new(FailureKind::BuildFailed, "a detail"));
        assert!(!makes_needless(&Attempt { broken, ..attempt(followed(), packed(3)) }, free));
        assert!(!makes_needless(&attempt(plan(InstallMode::Loose, Some("package-lock.json")), packed(3)), free));
    }
    assert!(!makes_needless(&attempt(followed(), packed(0)), &Plan { strategy: "ci".to_owned(), ..followed() }));
}

#[test]
fn stated_programs_that_fail_give_way_to_guessed_ones() {
    let stated = || plan(InstallMode::Frozen, Some("package-lock.json"));
    let mut guessed = stated();
    let tools = guessed.tools.as_mut().unwrap();
    for request in [&mut tools.node, &mut tools.npm] {
        *request = VersionRequest { version: "22".to_owned(), from: "publish-time".to_owned() };
    }
    guessed.because.push("a guess".to_owned());
    let failed = || AttemptResult::Failed { kind: "install-failed", detail: "a detail".to_owned() };
    assert!(makes_needless(&attempt(stated(), packed(3)), &guessed));
    assert!(!makes_needless(&attempt(stated(), failed()), &guessed));
    let attempts = [attempt(stated(), failed()), attempt(guessed.clone(), made(0, 1))];
    assert_eq!(in_place_of_claimed(&attempts), guessed.tools);
    assert_eq!(in_place_of_claimed(&attempts[..1]), None);
    assert_eq!(in_place_of_claimed(&[attempt(stated(), failed()), attempt(guessed.clone(), packed(0))]), None);
    // Nor do those that end and make nothing keep the guess from being tried.
    assert!(!makes_needless(&attempt(stated(), packed(0)), &guessed));
    assert!(makes_needless(&attempt(stated(), made(0, 1)), &guessed), "a difference is an answer");
    let attempts = [attempt(stated(), packed(0)), attempt(guessed.clone(), made(0, 1))];
    assert_eq!(in_place_of_claimed(&attempts), guessed.tools);
    assert_eq!(in_place_of_claimed(&[attempt(stated(), made(0, 1)), attempt(guessed, packed(3))]), None);
}

#[test]
fn not_following_a_lockfile_is_not_tried_after_following_it() {
    let followed = plan(InstallMode::Frozen, Some("package-lock.json"));
    let loose = plan(InstallMode::Loose, Some("package-lock.json"));
    let ran = |status: &str| {
        let failed = || AttemptResult::Failed { kind: "build-failed", detail: "a detail".to_owned() };
        let mut attempt = attempt(followed.clone(), failed());
        attempt.commands.push(RanCommand {
            phase: "install",
            directory: "/build".to_owned(),
            program: Vec::new(),
            status: status.to_owned(),
            milliseconds: 0,
            processor_milliseconds: 0,
        });
        attempt
    };
    assert!(makes_needless(&ran("exit 0"), &loose));
    assert!(!makes_needless(&ran("exit 0"), &followed), "the retry");
    assert!(!makes_needless(&ran("exit 1"), &loose));
}
