//! The command line as a user sees it: exit code, standard output and standard error of each call in one snapshot.
//!
//! These tests hold the wiring and the words; what a verdict depends on is tested where it is decided.

use crate::support::{Archive, File, Tarproof, commit_files};

/// The release of the replay that is what its tag says, and the one that the attacker published.
const CLEAN: &str = "npm:paint-chalk@5.6.2";
const BUILT: &str = "npm:frame-maker@1.0.0";
const COMPROMISED: &str = "npm:paint-chalk@5.6.1";

/// Holds one run to its snapshot.
macro_rules! hold {
    ($name:literal, $output:expr) => {
        insta::assert_snapshot!($name, $output.text())
    };
}

#[test]
fn verify_clean() {
    let tarproof = Tarproof::new();
    hold!("verify_clean", tarproof.run(&["verify", CLEAN]));
    hold!("verify_clean_verbose", tarproof.run(&["verify", "--verbose", CLEAN]));
    hold!("verify_clean_json", tarproof.run(&["verify", "--format", "json", CLEAN]));
}

#[test]
fn verify_compromised() {
    let tarproof = Tarproof::new();
    hold!("verify_compromised", tarproof.run(&["verify", COMPROMISED]));
    hold!("verify_compromised_verbose", tarproof.run(&["verify", "--verbose", COMPROMISED]));
    hold!("verify_compromised_json", tarproof.run(&["verify", "--format", "json", COMPROMISED]));
}

#[test]
fn one_wrong_subject_does_not_stop_the_rest() {
    let tarproof = Tarproof::new();
    let subjects = [COMPROMISED, "npm:no such name@1.0.0", CLEAN, "npm:paint-chalk@9.9.9", "npm:fresh-paint@1.1.0"];
    hold!("several", tarproof.run(&[&["verify"], &subjects[..]].concat()));
    hold!("several_json", tarproof.run(&[&["verify", "--format", "json", "--jobs", "1"], &subjects[1..4]].concat()));
}

#[test]
fn the_most_urgent_outcome_decides_the_exit_code() {
    let tarproof = Tarproof::new();
    let code = |subjects: &[&str]| tarproof.run(&[&["verify"], subjects].concat()).code;
    let (inconclusive, usage, failure) = ("npm:fresh-paint@1.1.0", "pypi:x@1.0.0", "npm:paint-chalk@9.9.9");
    assert_eq!(code(&[CLEAN, CLEAN]), 0);
    assert_eq!(code(&[CLEAN, inconclusive]), 3);
    assert_eq!(code(&[inconclusive, usage, CLEAN]), 2);
    assert_eq!(code(&[failure, usage, inconclusive]), 4);
    assert_eq!(code(&[COMPROMISED, failure, usage, inconclusive]), 1);
}

#[test]
fn subjects_take_several_forms() {
    let tarproof = Tarproof::new();
    hold!("latest", tarproof.run(&["verify", "npm:paint-chalk"]));
    hold!("purl_scoped", tarproof.run(&["verify", "pkg:npm/%40studio/lamp@2.0.0"]));
    hold!("purl_latest", tarproof.run(&["verify", "pkg:npm/%40studio/lamp"]));
    hold!("other_ecosystem", tarproof.run(&["verify", "pkg:cargo/serde@1.0.0"]));
    hold!("no_ecosystem", tarproof.run(&["verify", "paint-chalk"]));
}

#[test]
fn what_the_registry_does_not_have_is_named() {
    let tarproof = Tarproof::new();
    hold!("unknown_version", tarproof.run(&["verify", "npm:paint-chalk@5.6.3"]));
    hold!("unknown_package", tarproof.run(&["verify", "npm:no-such-paint@1.0.0"]));
}

#[test]
fn a_file_does_not_choose_the_repository_of_a_known_package() {
    let tarproof = Tarproof::new();
    // Every file of it is in a repository: another package's.
    let manifest = r#"{"name":"paint-chalk","version":"5.7.0","repository":"https://git.example/studio/shelves"}"#;
    tarproof.write("chosen.tgz", Archive::new().file("package/package.json", manifest).end().gzip());
    let run = tarproof.run(&["verify", "--artifact", "chosen.tgz", "npm:paint-chalk@5.7.0"]);
    assert_eq!(run.code, 1, "{run}");
    assert!(run.stdout.contains(") of git.example/brushworks/paint-chalk"), "{run}");
    assert!(run.stdout.contains("names another repository than the package's"), "{run}");
    // And it is judged as the release that it is given for.
    let manifest = r#"{"name":"paint-chalk","version":"5.6.2"}"#;
    tarproof.write("other.tgz", Archive::new().file("package/package.json", manifest).end().gzip());
    let run = tarproof.run(&["verify", "--artifact", "other.tgz", "--commit", "v5.6.2", "npm:paint-chalk@5.8.0"]);
    assert_eq!(run.code, 1, "{run}");
    assert!(run.stdout.contains("the manifest inside names npm:paint-chalk@5.6.2"), "{run}");
}

#[test]
fn a_file_at_hand_is_judged_as_the_release_it_is_given_for() {
    let tarproof = Tarproof::new();
    tarproof.write_artifact("given.tgz", "paint-chalk", "5.6.1");
    hold!("artifact_same", tarproof.run(&["verify", "--artifact", "given.tgz", COMPROMISED]));
    hold!("artifact_digest_differs", tarproof.run(&["verify", "--artifact", "given.tgz", CLEAN]));
    hold!("artifact_not_yet_published", tarproof.run(&["verify", "--artifact", "given.tgz", "npm:paint-chalk@5.7.0"]));
    tarproof.write(
        "new.tgz",
        Archive::new().file("package/package.json", r#"{"name":"pin-board","version":"2.4.0"}"#).end().gzip(),
    );
    hold!(
        "artifact_unpublished",
        tarproof.run(&[
            "verify",
            "--artifact",
            "new.tgz",
            "npm:pin-board@2.4.0",
            "--repository",
            "@repositories/brushworks/pin-board.git"
        ])
    );
    hold!("artifact_missing", tarproof.run(&["verify", "--artifact", "absent.tgz", CLEAN]));
}

#[test]
fn a_file_at_hand_names_itself() {
    let tarproof = Tarproof::new();
    let asked = tarproof.world().registry().requests().iter().filter(|path| path.contains("shelf-bracket")).count();
    tarproof.write_artifact("bracket.tgz", "shelf-bracket", "1.3.0").write("text.tgz", "no archive\n");
    hold!("anonymous", tarproof.run(&["verify", "--artifact", "bracket.tgz"]));
    hold!("anonymous_missing", tarproof.run(&["verify", "--artifact", "absent.tgz"]));
    hold!("anonymous_no_archive", tarproof.run(&["verify", "--artifact", "text.tgz"]));
    let after = tarproof.world().registry().requests().iter().filter(|path| path.contains("shelf-bracket")).count();
    // Other tests use the same world, but none of them asks for this package.
    assert_eq!(asked, after, "no registry is asked about a file that names itself");
}

#[test]
fn the_user_may_know_better_than_the_metadata() {
    let tarproof = Tarproof::new();
    hold!(
        "repository",
        tarproof.run(&[
            "verify",
            "npm:nameless-brush@1.0.0",
            "--repository",
            "@repositories/brushworks/nameless-brush.git"
        ])
    );
    hold!("repository_absent", tarproof.run(&["verify", CLEAN, "--repository", "@repositories/brushworks/none.git"]));
    hold!("repository_malformed", tarproof.run(&["verify", CLEAN, "--repository", "ext::sh -c true"]));
    hold!("commit", tarproof.run(&["verify", "npm:pin-board@2.3.4", "--commit", "main"]));
    hold!("commit_unknown", tarproof.run(&["verify", CLEAN, "--commit", "v99"]));
    hold!("commit_without_repository", tarproof.run(&["verify", "npm:nameless-brush@1.0.0", "--commit", "main"]));
    hold!("directory", tarproof.run(&["verify", "npm:@studio/lamp@2.0.0", "--directory", "packages/lamp/"]));
    hold!("directory_absent", tarproof.run(&["verify", "npm:@studio/lamp@2.0.0", "--directory", "../elsewhere"]));
}

#[test]
fn overrides_apply_to_one_subject() {
    let tarproof = Tarproof::new();
    hold!("override_of_several", tarproof.run(&["verify", CLEAN, COMPROMISED, "--commit", "main"]));
    hold!("nothing_to_verify", tarproof.run(&["verify"]));
}

#[test]
fn a_report_goes_to_a_file() {
    let tarproof = Tarproof::new();
    let run = tarproof.run(&["verify", "--output", "report.txt", CLEAN]);
    hold!("output_file", run);
    assert_eq!(tarproof.read("report.txt"), tarproof.run(&["verify", CLEAN]).stdout());
    tarproof.run(&["verify", "--format", "json", "--output", "report.json", CLEAN]);
    assert_eq!(tarproof.read("report.json"), tarproof.run(&["verify", "--format", "json", CLEAN]).stdout());
    hold!("output_impossible", tarproof.run(&["verify", "--output", "no/such/folder.txt", CLEAN]));
}

#[test]
fn offline_answers_from_the_cache() {
    let tarproof = Tarproof::new();
    hold!("offline_empty_cache", tarproof.run(&["--offline", "verify", CLEAN]));
    let online = tarproof.run(&["verify", CLEAN]);
    let asked = tarproof.world().registry().requests().len();
    let offline = tarproof.run(&["--offline", "verify", CLEAN]);
    assert_eq!((offline.code, offline.stdout(), offline.stderr()), (online.code, online.stdout(), online.stderr()));
    assert!(asked > 0);
}

#[test]
fn the_configuration_sets_limits_and_refuses_what_it_does_not_know() {
    let tarproof = Tarproof::new();
    tarproof.write("few.toml", "[artifact]\nentries = 2\n").write("small.toml", "[artifact]\nunpacked-size = 1000\n");
    tarproof.write("unknown.toml", "offline = false\n\n[artifact]\nentry-count = 2\n");
    hold!("config_entries", tarproof.run(&["--config", "few.toml", "verify", CLEAN]));
    hold!("config_unpacked_size", tarproof.run(&["--config", "small.toml", "verify", CLEAN]));
    hold!("config_unknown_key", tarproof.run(&["--config", "unknown.toml", "verify", CLEAN]));
    hold!("config_missing", tarproof.run(&["--config", "absent.toml", "verify", CLEAN]));
    // What it asks of the machine is not in any configuration.
    let doctor = tarproof.run(&["--config", "absent.toml", "doctor", "--format", "json"]);
    assert!(doctor.stdout().contains("tarproof-doctor/1"), "{}", doctor.stderr());
}

#[test]
fn plans_go_to_a_file() {
    let tarproof = Tarproof::new();
    let printed = tarproof.run(&["rebuild", "--plan", BUILT]);
    let written = tarproof.run(&["rebuild", "--plan", "--output", "plans.toml", BUILT]);
    assert_eq!((printed.code, written.code, written.stdout()), (0, 0, ""));
    assert!(printed.stdout().starts_with("[[plan]]"), "{}", printed.stdout());
    assert_eq!(tarproof.read("plans.toml"), printed.stdout());
}

#[test]
fn the_manifest_of_another_package_is_why_there_is_no_plan_and_leaves_nothing_open() {
    let tarproof = Tarproof::new();
    let scripts = r#""scripts":{"prepack":"mkdir dist && touch dist/a.js"}"#;
    let manifest = |name: &str| format!(r#"{{"name":"{name}","version":"1.0.0","main":"dist/a.js",{scripts}}}"#);
    let same = [("a.js", "1"), ("b.js", "2"), ("c.js", "3"), (".gitignore", "dist\n")];
    let file = |content: &str| File { content: content.into(), executable: false };
    let mut files: std::collections::BTreeMap<String, File> =
        same.iter().map(|(path, content)| ((*path).to_owned(), file(content))).collect();
    files.insert("package.json".to_owned(), file(&manifest("stool")));
    commit_files(&tarproof.directory().join("source.git"), &files, "v1.0.0");
    let mut archive = Archive::new();
    for (path, content) in &same[..3] {
        archive = archive.file(format!("package/{path}"), content);
    }
    archive = archive.file("package/package.json", manifest("easel")).file("package/dist/a.js", "4");
    tarproof.write("easel.tgz", archive.end().gzip());
    let of_file = ["--artifact", "easel.tgz", "--repository", "source.git"];
    let reason = "`package.json` is the manifest of `stool`, not of `easel`";
    let plan = tarproof.run(&[&["rebuild", "--plan"], &of_file[..]].concat());
    assert!(plan.code == 3 && plan.stderr().contains(reason), "{plan}");
    let verified = tarproof.run(&[&["verify"], &of_file[..]].concat());
    assert!(verified.code == 1 && verified.stdout().contains(reason), "{verified}");
}

#[test]
fn diff() {
    let tarproof = Tarproof::new();
    hold!("diff_whole", tarproof.run(&["diff", COMPROMISED]));
    hold!("diff_path", tarproof.run(&["diff", COMPROMISED, "package.json"]));
    hold!("diff_explained_path", tarproof.run(&["diff", "npm:knot-tie@1.0.0", "package.json"]));
    hold!("diff_nothing", tarproof.run(&["diff", CLEAN]));
    hold!("diff_equal_path", tarproof.run(&["diff", CLEAN, "index.js"]));
    hold!("diff_no_such_path", tarproof.run(&["diff", CLEAN, "lib/none.js"]));
    hold!("diff_binary", tarproof.run(&["diff", "npm:pigment-native@0.9.0"]));
    hold!("diff_not_compared", tarproof.run(&["diff", "npm:nameless-brush@1.0.0", "index.js"]));
    tarproof.write_artifact("given.tgz", "paint-chalk", "5.6.1");
    let of_file = ["diff", "package.json", "--artifact", "given.tgz"];
    assert_eq!(tarproof.run(&of_file).stdout(), tarproof.run(&["diff", COMPROMISED, "package.json"]).stdout());
}

#[test]
fn explain() {
    let tarproof = Tarproof::new();
    hold!("explain_git_blob", tarproof.run(&["explain", CLEAN, "index.js"]));
    hold!("explain_derived", tarproof.run(&["explain", "npm:@studio/clock@3.1.0", "package.json"]));
    hold!("explain_modified", tarproof.run(&["explain", COMPROMISED, "index.js"]));
    hold!("explain_modified_manifest", tarproof.run(&["explain", "npm:canvas-roller@1.14.1", "package.json"]));
    hold!("explain_taken_from_elsewhere", tarproof.run(&["explain", "npm:chisel-kit@1.0.0", "index.js"]));
    hold!("explain_artifact_only", tarproof.run(&["explain", "npm:brush-cleaner@2.1.0", "setup.js"]));
    hold!("explain_build_output", tarproof.run(&["explain", "npm:frame-builder@1.0.0", "dist/index.js"]));
    hold!("explain_unsafe_path", tarproof.run(&["explain", "npm:tracing-paper@1.0.0", "package/../../evil"]));
    hold!("explain_no_such_file", tarproof.run(&["explain", CLEAN, "lib/none.js"]));
    hold!("explain_not_compared", tarproof.run(&["explain", "npm:nameless-brush@1.0.0", "index.js"]));
    hold!("explain_no_path", tarproof.run(&["explain", CLEAN]));
}

#[test]
fn explain_says_where_each_line_was_seen() {
    let tarproof = Tarproof::new();
    tarproof.write("policy.toml", POLICY);
    hold!("explain_policy", tarproof.run(&["explain", COMPROMISED, "index.js", "--policy", "policy.toml"]));
    hold!("explain_since", tarproof.run(&["explain", COMPROMISED, "index.js", "--since", "5.6.0"]));
    hold!("explain_since_later", tarproof.run(&["explain", COMPROMISED, "index.js", "--since", "5.6.2"]));
    tarproof.write_artifact("given.tgz", "paint-chalk", "5.6.1");
    hold!("explain_artifact", tarproof.run(&["explain", "--artifact", "given.tgz", "index.js"]));
    hold!("explain_artifact_no_path", tarproof.run(&["explain", "--artifact", "given.tgz"]));
    hold!("explain_artifact_subject_alone", tarproof.run(&["explain", "--artifact", "given.tgz", COMPROMISED]));
    hold!("explain_nothing", tarproof.run(&["explain"]));
}

/// Excepts what the attacker changed, and what nobody did.
const POLICY: &str = "[[exception]]\npackage = 'paint-chalk'\nrule = 'file-modified'\npath = 'index.js'\n\
                      versions = '<=5.6.1'\nreason = 'looked at'\n\n\
                      [[exception]]\npackage = 'paint-chalk'\nrule = 'file-modified'\npath = 'absent.js'\n\
                      versions = '<=5.6.1'\nreason = 'looked at'\n";

#[test]
fn large_files_are_shown_in_part_or_said_not_to_be() {
    let tarproof = Tarproof::new();
    let filler = |bytes: usize| "// filler, filler, filler, filler\n".repeat(bytes / 34);
    let archive = |name: &str, file: &str, content: &str| {
        let manifest = r#"{"name":"paint-chalk","version":"5.6.2"}"#;
        let archive = Archive::new().file("package/package.json", manifest).file(file, content);
        tarproof.write(name, archive.end().gzip());
        tarproof.run(&["verify", "--artifact", name, "--repository", "@repositories/brushworks/paint-chalk.git"])
    };
    let evil = format!("evil();\n{}", filler(1_200_000));
    hold!("large_modified", archive("modified.tgz", "package/index.js", &evil));
    hold!("large_beyond", archive("beyond.tgz", "package/index.js", &filler(4_300_000)));
    hold!("large_added", archive("added.tgz", "package/added.js", &filler(2_300_000)));
}

#[test]
fn findings_that_say_the_same_are_told_together() {
    let tarproof = Tarproof::new();
    let manifest = r#"{"name":"paint-chalk","version":"5.6.2","main":"index.js"}"#;
    let mut archive = Archive::new()
        .file("package/package.json", manifest)
        .file("package/index.js", "require('./lib/a')\nrequire('./lib/b')\nevil()\n");
    for name in ["a", "b", "c", "d", "e", "f", "g"] {
        archive = archive.file(format!("package/lib/{name}.js"), format!("module.exports = '{name}'\n"));
        archive = archive.file(format!("package/docs/{name}.md"), format!("# {name}\n"));
    }
    tarproof.write("many.tgz", archive.end().gzip());
    let run = |more: &[&str]| {
        let repository = ["--repository", "@repositories/brushworks/paint-chalk.git"];
        tarproof.run(&[&["verify", "--artifact", "many.tgz"], &repository[..], more].concat())
    };
    hold!("grouped", run(&[]));
    let told = |text: &str| text.matches("file-not-in-source").count();
    assert!(told(run(&["--verbose"]).stdout()) >= 14);
    assert_eq!(told(run(&["--format", "json"]).stdout()), 14);
    let page = run(&["--format", "html"]);
    assert!(page.stdout().contains("<summary>7 findings</summary>"), "{page}");
    assert!(page.stdout().contains("docs/g.md"), "{page}");
}

#[cfg(not(feature = "yara"))]
#[test]
fn without_the_feature_rules_are_refused_and_it_is_said_how_to_get_it() {
    let tarproof = Tarproof::new();
    tarproof.write("rules.toml", "rules = 'rules'\n");
    hold!("rules_not_built", tarproof.run(&["verify", CLEAN, "--rules", "rules"]));
    let configured = tarproof.run(&["--config", "rules.toml", "explain", CLEAN, "index.js"]);
    assert_eq!((configured.code, configured.stdout()), (2, ""), "{configured}");
}

#[cfg(feature = "yara")]
#[test]
fn yara_rules_order_findings_and_change_no_verdict() {
    let tarproof = Tarproof::new();
    for (directory, rules) in [
        ("rules", "rule look_alike { meta: description = \"planted\" strings: $a = \"inert\" condition: $a }"),
        ("broken", "rule a { condition: true }\nrule b { condition: $none }"),
    ] {
        std::fs::create_dir(tarproof.directory().join(directory)).unwrap();
        tarproof.write(&format!("{directory}/names.yar"), rules);
    }
    let subject = "npm:brush-cleaner@2.1.0";
    hold!("rules", tarproof.run(&["verify", subject, "--rules", "rules"]));
    let (plain, ruled) = (tarproof.run(&["verify", subject]), tarproof.run(&["verify", subject, "--rules", "rules"]));
    assert_eq!(plain.code, ruled.code);
    assert_eq!(plain.stdout().lines().next(), ruled.stdout().lines().next());
    let clean = tarproof.run(&["verify", CLEAN, "--rules", "rules"]);
    assert_eq!((clean.code, clean.stdout()), (0, tarproof.run(&["verify", CLEAN]).stdout()));
    hold!("rules_broken", tarproof.run(&["verify", subject, "--rules", "broken"]));
    hold!("rules_absent", tarproof.run(&["verify", subject, "--rules", "absent"]));
}

#[test]
fn a_reason_is_told_once() {
    let tarproof = Tarproof::new();
    hold!("rebuild_off", tarproof.run(&["verify", "--no-rebuild", BUILT]));
    hold!("rebuild_off_verbose", tarproof.run(&["verify", "--no-rebuild", "--verbose", BUILT]));
}

#[test]
fn explain_weaker_explanations() {
    let tarproof = Tarproof::new();
    hold!("explain_stabilized", tarproof.run(&["explain", "npm:old-ribbon@1.1.4", "index.js"]));
    hold!("explain_history", tarproof.run(&["explain", "npm:stale-sponge@1.1.0", "README.md"]));
    hold!("explain_moved", tarproof.run(&["explain", "npm:@studio/hook@1.0.0", "LICENSE"]));
    hold!("explain_executable", tarproof.run(&["explain", "npm:ink-tool@1.0.0", "helper.sh"]));
    hold!("explain_link", tarproof.run(&["explain", "npm:ruler-set@1.0.0", "notes"]));
}

#[test]
fn help_is_complete() {
    let tarproof = Tarproof::new();
    hold!("help", tarproof.run(&["--help"]));
    hold!("help_verify", tarproof.run(&["verify", "--help"]));
    hold!("help_diff", tarproof.run(&["diff", "--help"]));
    hold!("help_explain", tarproof.run(&["explain", "--help"]));
    hold!("help_demo", tarproof.run(&["demo", "--help"]));
    hold!("version", tarproof.run(&["--version"]));
    hold!("unknown_command", tarproof.run(&["verfy"]));
}

#[test]
fn completions_and_manual_pages_are_generated() {
    let tarproof = Tarproof::new();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let run = tarproof.run(&["completions", shell]);
        assert_eq!(run.code, 0, "{run}");
        assert!(run.stdout().contains("--repository") || run.stdout().contains("repository"), "{run}");
    }
    assert_eq!(tarproof.run(&["man", "pages"]).code, 0);
    let pages: Vec<String> = std::fs::read_dir(tarproof.directory().join("pages"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    for page in ["tarproof.1", "tarproof-verify.1", "tarproof-diff.1", "tarproof-explain.1", "tarproof-demo.1"] {
        assert!(pages.iter().any(|name| name == page), "{page} in {pages:?}");
    }
}

#[test]
fn files_that_npm_would_pack_are_listed() {
    let tarproof = Tarproof::new();
    hold!("packlist", tarproof.run(&["packlist", "--repository", "@repositories/brushworks/spare-parts.git"]));
    hold!(
        "packlist_unknown_commit",
        tarproof.run(&["packlist", "--repository", "@repositories/brushworks/spare-parts.git", "--commit", "v9"])
    );
}
