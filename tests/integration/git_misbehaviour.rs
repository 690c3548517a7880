//! Hosts that are down, lie or attack: each ends in a clear error, and the next good run is none the worse.

use std::time::Duration;

use tarproof::demo::BuiltRepository;
use tarproof::source::git::{GitFailure, SourceError};

use crate::support::git_server::{Behaviour, GitServer, Kind};
use crate::support::hosted::{Artifact, Hosted, artifact, files_of, find};

const EASEL: &str = r#"
[[commits]]
label = "first"
files."package.json" = '{"name": "easel", "version": "1.0.0"}'
files."index.js" = "exports.legs = 2;\n"
[[commits]]
label = "second"
tags = ["v1.1.0"]
files."package.json" = '{"name": "easel", "version": "1.1.0"}'
files."index.js" = "exports.legs = 3;\n"
files."README.md" = "A stand.\n"
"#;

const PALETTE: &str = r#"
[[commits]]
label = "first"
tags = ["v1.1.0"]
files."package.json" = '{"name": "palette", "version": "1.1.0"}'
files."paint.js" = "exports.colours = 12;\n"
"#;

const NAME: &str = "brushworks/easel";

fn easel() -> (Hosted, BuiltRepository, Artifact) {
    let hosted = Hosted::new();
    let built = hosted.build(NAME, EASEL);
    let artifact = artifact(&files_of(&built, "second", ""));
    (hosted, built, artifact)
}

fn with_crlf(mut files: Vec<(String, String)>, name: &str) -> Vec<(String, String)> {
    let (_, text) = files.iter_mut().find(|(path, _)| path == name).unwrap();
    *text = text.replace('\n', "\r\n");
    files
}

fn message(error: &SourceError) -> String {
    let cause = std::error::Error::source(error).map(ToString::to_string);
    format!("{error}: {}", cause.unwrap_or_default())
}

/// Opens the misbehaving repository, then the same one when it behaves again.
fn fails_and_recovers(
    hosted: &mut Hosted,
    behaviour: Behaviour,
    built: &BuiltRepository,
    artifact: &Artifact,
) -> SourceError {
    hosted.server.behave(NAME, behaviour);
    let error = hosted.open(NAME, None, "easel@1.1.0").unwrap_err();
    hosted.server.behave(NAME, Behaviour::Honest);
    hosted.options.client.timeout = Duration::from_secs(60);
    hosted.options.client.repository_size = 1 << 30;
    let (_, matched) = hosted.matched(NAME, None, "easel@1.1.0", artifact);
    assert_eq!(matched.winner.commit.to_string(), built.commits["second"].id);
    error
}

#[test]
fn refusals_are_told_in_the_hosts_words_and_nothing_is_asked_of_the_user() {
    for (status, words) in [(404, "not found"), (401, "Authentication failed"), (503, "503")] {
        let (mut hosted, built, artifact) = easel();
        let error = fails_and_recovers(&mut hosted, Behaviour::Status(status), &built, &artifact);
        let message = message(&error);
        assert!(matches!(error, SourceError::Fetch { source: GitFailure::Refused(_), .. }), "{message}");
        assert!(message.contains("https://git.example/brushworks/easel") && message.contains(words), "{message}");
    }
}

#[test]
fn a_host_that_never_answers_is_given_up() {
    let (mut hosted, built, artifact) = easel();
    hosted.options.client.timeout = Duration::from_secs(1);
    let error = fails_and_recovers(&mut hosted, Behaviour::Hang, &built, &artifact);
    assert!(matches!(error, SourceError::Fetch { source: GitFailure::Timeout(_), .. }), "{error:?}");
    assert!(message(&error).ends_with("git did not finish within 1 seconds"));
}

#[test]
fn a_slow_host_is_waited_for() {
    let (hosted, built, artifact) = easel();
    hosted.server.behave(NAME, Behaviour::Slow(Duration::from_millis(300)));
    let (_, matched) = hosted.matched(NAME, None, "easel@1.1.0", &artifact);
    assert_eq!(matched.winner.commit.to_string(), built.commits["second"].id);
}

#[test]
fn a_pack_that_breaks_off_does_no_harm() {
    let (mut hosted, built, artifact) = easel();
    let error = fails_and_recovers(&mut hosted, Behaviour::TruncatePacks, &built, &artifact);
    assert!(matches!(error, SourceError::Fetch { source: GitFailure::Refused(_), .. }), "{error:?}");
}

#[test]
fn a_history_that_breaks_off_is_not_taken_for_an_empty_one() {
    let (hosted, built, _) = easel();
    let artifact = artifact(&files_of(&built, "first", ""));
    let mut source = hosted.open(NAME, None, "easel@1.0.0").unwrap();
    hosted.server.behave(NAME, Behaviour::TruncatePacks);
    let error = find(&mut source, None, "easel@1.0.0", &artifact).unwrap_err();
    assert!(matches!(error, SourceError::Fetch { .. }), "{error:?}");
    hosted.server.behave(NAME, Behaviour::Honest);
    let (_, matched) = hosted.matched(NAME, None, "easel@1.0.0", &artifact);
    assert_eq!(matched.winner.commit.to_string(), built.commits["first"].id);
}

#[test]
fn a_pack_without_end_is_cut_off_at_the_limit() {
    let (mut hosted, built, artifact) = easel();
    hosted.options.client.repository_size = 4 << 20;
    let error = fails_and_recovers(&mut hosted, Behaviour::EndlessPacks, &built, &artifact);
    assert!(matches!(error, SourceError::Fetch { source: GitFailure::TooLarge(_), .. }), "{error:?}");
    // What came of it is gone.
    let cache = walkdir::WalkDir::new(&hosted.options.cache_directory).into_iter().filter_map(Result::ok);
    let size: u64 = cache.filter_map(|entry| Some(entry.metadata().ok()?.len())).sum();
    assert!(size < 1 << 20, "{size} bytes are left in the cache");
}

#[test]
fn a_repository_without_commits_is_empty_and_not_unreachable() {
    let hosted = Hosted::new();
    hosted.build(NAME, "commits = []");
    let mut source = hosted.open(NAME, None, "easel@1.1.0").unwrap();
    let artifact = artifact(&[("package.json", r#"{"name": "easel", "version": "1.1.0"}"#)]);
    let error = find(&mut source, None, "easel@1.1.0", &artifact).unwrap_err();
    assert!(matches!(error, SourceError::Empty { .. }), "{error:?}");
}

#[test]
fn a_renamed_repository_is_followed() {
    let (hosted, built, artifact) = easel();
    hosted.server.behave("old/name", Behaviour::Redirect(format!("{}{NAME}.git", hosted.server.url())));
    let (_, matched) = hosted.matched("old/name", None, "easel@1.1.0", &artifact);
    assert_eq!(matched.winner.commit.to_string(), built.commits["second"].id);
}

#[test]
fn a_redirect_leads_to_no_other_transport() {
    let (mut hosted, built, artifact) = easel();
    let path = hosted.repository_path(NAME);
    for address in [format!("file://{}", path.display()), "ftp://127.0.0.1/a".to_owned(), "ext::sh -c id".to_owned()] {
        let error = fails_and_recovers(&mut hosted, Behaviour::Redirect(address.clone()), &built, &artifact);
        assert!(matches!(error, SourceError::Fetch { source: GitFailure::Refused(_), .. }), "{address}: {error:?}");
        std::fs::remove_dir_all(&hosted.options.cache_directory).unwrap();
    }
}

#[test]
fn objects_that_were_not_asked_for_prove_nothing() {
    let (mut hosted, built, artifact) = easel();
    hosted.build("brushworks/palette", PALETTE);
    let other = Behaviour::PacksOf(hosted.repository_path("brushworks/palette"));
    let error = fails_and_recovers(&mut hosted, other, &built, &artifact);
    assert!(matches!(error, SourceError::Fetch { source: GitFailure::Refused(_), .. }), "{error:?}");
}

#[test]
fn contents_that_were_not_asked_for_explain_nothing() {
    let (hosted, built, _) = easel();
    hosted.build("brushworks/palette", PALETTE);
    let mut files = with_crlf(files_of(&built, "second", ""), "README.md");
    // Something no commit holds, so that the history is not worth fetching.
    files.push(("dist/built.js".to_owned(), "exports.built = true;\n".to_owned()));
    let artifact = artifact(&files);
    hosted.open(NAME, None, "easel@1.1.0").unwrap();
    hosted.server.behave(NAME, Behaviour::PacksOf(hosted.repository_path("brushworks/palette")));
    let class = |hosted: &Hosted| {
        let (_, compared) = hosted.compared(NAME, None, "easel@1.1.0", &artifact);
        compared.ledger.file("README.md").unwrap().explanation.class()
    };
    assert_eq!(class(&hosted), "modified");
    hosted.server.behave(NAME, Behaviour::Honest);
    assert_eq!(class(&hosted), "stabilized");
}

#[test]
fn refs_that_were_not_asked_for_are_not_kept() {
    let (hosted, built, artifact) = easel();
    let first = &built.commits["first"].id;
    let lines = ["refs/tags/v9.9.9", "refs/heads/evil", "refs/tags/../../evil", "refs/tags/v1.1.0-beta.0"];
    hosted.server.behave(NAME, Behaviour::ListAlso(lines.iter().map(|name| format!("{first} {name}")).collect()));
    let (source, matched) = hosted.matched(NAME, None, "easel@1.1.0", &artifact);
    assert_eq!(matched.winner.commit.to_string(), built.commits["second"].id);
    assert_eq!(source.tag_names(), ["v1.1.0"]);
    assert_eq!(source.repository().references().unwrap().count(), 1);
}

#[test]
fn nothing_that_a_repository_holds_is_run_or_followed() {
    let hosted = Hosted::new();
    let trap = GitServer::start(&hosted.path().join("host"));
    let marker = hosted.path().join("executed");
    let touch = format!("touch '{}'", marker.display());
    let commits = EASEL.to_owned()
        + &format!(
            r#"files.".gitattributes" = "* filter=run diff=run merge=run\n"
files.".gitmodules" = '''
[submodule "a"]
	path = a
	url = ext::sh -c "{touch}"
	update = !{touch}
[submodule "b"]
	path = b
	url = {}brushworks/palette
'''
files.".lfsconfig" = "[lfs]\n\turl = {}brushworks/palette\n"
files."config" = "[core]\n\tfsmonitor = {touch}\n\thooksPath = hooks\n[filter \"run\"]\n\tsmudge = {touch}\n"
"#,
            trap.url(),
            trap.url()
        );
    let built = hosted.build(NAME, &commits);
    // A submodule's commit in the tree, which the description cannot express.
    let tree = hosted.git(NAME, &["ls-tree", "v1.1.0"]);
    let with_submodule = tree + &format!("160000 commit {}\ta\n", built.commits["first"].id);
    let list = hosted.path().join("list");
    std::fs::write(&list, with_submodule).unwrap();
    let tree = make_tree(&hosted, &list);
    let identity = ["-c", "user.name=Fixture", "-c", "user.email=author@git.example"];
    let commit = hosted.git(NAME, &[&identity[..], &["commit-tree", "-m", "release", tree.trim()]].concat());
    hosted.git(NAME, &["update-ref", "refs/tags/v1.1.0", commit.trim()]);
    for hook in ["post-checkout", "reference-transaction", "post-merge", "pre-auto-gc"] {
        let path = hosted.repository_path(NAME).join("hooks").join(hook);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        let install = "printf '#!/bin/sh\\n%s\\n' \"$2\" > \"$1\" && chmod +x \"$1\"";
        let status = std::process::Command::new("sh").args(["-c", install, "sh"]).arg(&path).arg(&touch).status();
        assert!(status.unwrap().success());
    }

    let mut files = files_of(&built, "second", "");
    for (_, text) in &mut files {
        text.push('\n');
    }
    hosted.compared(NAME, None, "easel@1.1.0", &artifact(&files));
    // The whole history as well.
    hosted.matched(NAME, None, "easel@1.0.0", &artifact(&files_of(&built, "first", "")));
    let requests = hosted.server.take_requests();
    assert!(requests.iter().any(|request| request.kind == Kind::Objects));
    assert!(requests.iter().all(|request| request.repository == NAME), "{requests:?}");
    assert_eq!(trap.take_requests(), []);
    assert!(!marker.exists(), "something of the repository was run");
}

fn make_tree(hosted: &Hosted, list: &std::path::Path) -> String {
    let mut command = std::process::Command::new("git");
    command.arg("--git-dir").arg(hosted.repository_path(NAME)).args(["mktree", "--missing"]);
    let output = command.stdin(std::fs::File::open(list).unwrap()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn without_a_git_client_the_built_in_one_fetches() {
    let (mut hosted, built, tagged) = easel();
    hosted.options.client.program = "/nonexistent/git".into();
    let (source, matched) = hosted.matched(NAME, None, "easel@1.1.0", &tagged);
    assert_eq!(matched.winner.commit.to_string(), built.commits["second"].id);
    assert!(!source.commit_exists(&matched_id(&built, "first")), "the history was fetched for a tagged release");

    let untagged = artifact(&files_of(&built, "first", ""));
    let (source, matched) = hosted.matched(NAME, None, "easel@1.0.0", &untagged);
    assert_eq!(matched.winner.commit.to_string(), built.commits["first"].id);
    assert!(source.commit_exists(&matched_id(&built, "second")));

    // Contents came with the commits.
    let files = with_crlf(files_of(&built, "second", ""), "index.js");
    let (_, compared) = hosted.compared(NAME, None, "easel@1.1.0", &artifact(&files));
    assert_eq!(compared.ledger.file("index.js").unwrap().explanation.class(), "stabilized");
}

fn matched_id(built: &BuiltRepository, label: &str) -> tarproof::package::CommitId {
    tarproof::package::CommitId::parse(&built.commits[label].id).unwrap()
}

#[test]
fn the_built_in_client_fails_as_clearly() {
    let (mut hosted, built, artifact) = easel();
    hosted.options.client.program = "/nonexistent/git".into();
    let error = fails_and_recovers(&mut hosted, Behaviour::Status(404), &built, &artifact);
    assert!(matches!(error, SourceError::Fetch { source: GitFailure::BuiltIn(_), .. }), "{error:?}");
    std::fs::remove_dir_all(&hosted.options.cache_directory).unwrap();

    hosted.options.client.timeout = Duration::from_secs(1);
    let error = fails_and_recovers(&mut hosted, Behaviour::Hang, &built, &artifact);
    assert!(matches!(error, SourceError::Fetch { source: GitFailure::Timeout(_), .. }), "{error:?}");
    std::fs::remove_dir_all(&hosted.options.cache_directory).unwrap();

    let file = format!("file://{}", hosted.repository_path(NAME).display());
    let error = fails_and_recovers(&mut hosted, Behaviour::Redirect(file), &built, &artifact);
    assert!(matches!(error, SourceError::Fetch { source: GitFailure::BuiltIn(_), .. }), "{error:?}");
}

#[cfg(not(feature = "libgit2-https"))]
#[test]
fn without_a_git_client_https_is_out_of_reach() {
    let (mut hosted, ..) = easel();
    hosted.options.client.program = "/nonexistent/git".into();
    hosted.options.rewrites = std::sync::Arc::default();
    let error = hosted.open(NAME, None, "easel@1.1.0").unwrap_err();
    assert!(matches!(error, SourceError::Fetch { source: GitFailure::Start { .. }, .. }), "{error:?}");
    assert!(message(&error).contains("the git client `/nonexistent/git` cannot be started"));
}
