//! A made-up host `https://git.example/`, a cache and a git client that knows nothing of this machine.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use tarproof::artifact::{ArtifactContents, ArtifactLimits, CollisionCheck, ReadOptions, SourceContent, read_tarball};
use tarproof::compare::{Compared, Comparison, PublishedContents, compare};
use tarproof::demo::{BuiltRepository, Tree, TreeFile, build_repository, build_tarball};
use tarproof::package::{PackageName, Version};
use tarproof::source::RepositoryLocation;
use tarproof::source::git::{GitClient, GitOptions, SourceError, SourceRepository, UrlRewrites};
use tarproof::source::match_commit::{CommitMatch, MatchQuery, match_commit};
use tempfile::TempDir;

use super::git_server::{GitServer, Kind};

/// Repositories behind a server, and how the verifier reaches them.
pub(crate) struct Hosted {
    pub(crate) server: GitServer,
    pub(crate) options: GitOptions,
    directory: TempDir,
}

impl Hosted {
    pub(crate) fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path().join("host");
        std::fs::create_dir(&root).unwrap();
        let server = GitServer::start(&root);
        let options = options(directory.path(), &server);
        Self { server, options, directory }
    }

    pub(crate) fn path(&self) -> &Path {
        self.directory.path()
    }

    pub(crate) fn repository_path(&self, name: &str) -> PathBuf {
        self.path().join("host").join(format!("{name}.git"))
    }

    /// Builds `owner/name` from a description as the fixtures have it, in place of what was there.
    pub(crate) fn build(&self, name: &str, commits: &str) -> BuiltRepository {
        let path = self.repository_path(name);
        let _ = std::fs::remove_dir_all(&path);
        let description = toml::from_str(&format!("name = '{name}'\n{commits}")).unwrap();
        build_repository(&path, &description, None).unwrap()
    }

    /// Runs git on a repository of the host.
    pub(crate) fn git(&self, name: &str, arguments: &[&str]) -> String {
        git(&self.repository_path(name), arguments)
    }

    pub(crate) fn open(
        &self,
        repository: &str,
        directory: Option<&str>,
        subject: &str,
    ) -> Result<SourceRepository, SourceError> {
        open(&self.options, repository, directory, subject)
    }

    /// Opens the repository and matches a commit to an artifact.
    pub(crate) fn matched(
        &self,
        repository: &str,
        directory: Option<&str>,
        subject: &str,
        artifact: &Artifact,
    ) -> (SourceRepository, CommitMatch) {
        let mut source = self.open(repository, directory, subject).unwrap();
        let found = find(&mut source, directory, subject, artifact).unwrap().expect("the repository has commits");
        (source, found)
    }

    /// Matches a commit and compares every file with it.
    pub(crate) fn compared(
        &self,
        repository: &str,
        directory: Option<&str>,
        subject: &str,
        artifact: &Artifact,
    ) -> (SourceRepository, Compared) {
        let (source, matched) = self.matched(repository, directory, subject, artifact);
        let contents = PublishedContents::new(artifact.path.clone(), ArtifactLimits::default());
        let (_, version) = release(subject);
        let comparison = Comparison {
            artifact: &artifact.contents,
            contents: &contents,
            source: &source,
            matched: &matched,
            version: &version,
            digests: false,
        };
        let compared = compare(&comparison).expect("the commit's tree is at hand");
        (source, compared)
    }

    /// The kinds of the requests since the last call.
    pub(crate) fn kinds(&self) -> Vec<Kind> {
        self.server.take_requests().iter().map(|request| request.kind).collect()
    }

    /// Lets every answer of a remote be old.
    pub(crate) fn forget_age(&mut self) {
        self.options.refs_age = Duration::ZERO;
    }
}

/// Options for a host, with a cache below `directory`.
pub(crate) fn options(directory: &Path, server: &GitServer) -> GitOptions {
    let program = hermetic_git(directory);
    GitOptions {
        cache_directory: directory.join("cache"),
        offline: false,
        refs_age: Duration::from_secs(600),
        client: GitClient { program, timeout: Duration::from_secs(60), ..GitClient::default() },
        rewrites: Arc::new(UrlRewrites::from_pairs(vec![("https://git.example/".to_owned(), server.url())])),
    }
}

/// A git client without the user's settings and proxies.
fn hermetic_git(directory: &Path) -> PathBuf {
    let path = directory.join("git");
    let script = "#!/bin/sh\nunset http_proxy https_proxy all_proxy HTTP_PROXY HTTPS_PROXY ALL_PROXY\n\
        unset GIT_CONFIG_COUNT GIT_CONFIG_PARAMETERS\nexport GIT_CONFIG_NOSYSTEM=1 GIT_CONFIG_GLOBAL=/dev/null\n\
        exec git \"$@\"\n";
    // Written by another process: where this one forks while the file is open for writing, it could not be started.
    let write = "printf '%s' \"$2\" > \"$1\" && chmod +x \"$1\"";
    let status = Command::new("sh").args(["-c", write, "sh"]).arg(&path).arg(script).status().unwrap();
    assert!(status.success());
    path
}

pub(crate) fn git(repository: &Path, arguments: &[&str]) -> String {
    let mut command = Command::new("git");
    command.arg("--git-dir").arg(repository).args(["-c", "safe.directory=*"]).args(arguments);
    // What is missing stays missing while it is looked at.
    command.env("GIT_NO_LAZY_FETCH", "1").env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_NOSYSTEM", "1");
    let output = command.output().unwrap();
    assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

pub(crate) fn open(
    options: &GitOptions,
    repository: &str,
    directory: Option<&str>,
    subject: &str,
) -> Result<SourceRepository, SourceError> {
    let location = RepositoryLocation::from_metadata(&format!("https://git.example/{repository}")).unwrap();
    let (name, version) = release(subject);
    SourceRepository::open(&location, directory, &name, &version, options)
}

pub(crate) fn find(
    source: &mut SourceRepository,
    directory: Option<&str>,
    subject: &str,
    artifact: &Artifact,
) -> Result<Option<CommitMatch>, SourceError> {
    let (name, version) = release(subject);
    let query = MatchQuery {
        name: &name,
        version: &version,
        artifact: &artifact.contents,
        directory,
        git_head: None,
        provenance: None,
        revision: None,
        published_at: None,
    };
    match_commit(source, &query)
}

fn release(subject: &str) -> (PackageName, Version) {
    let (name, version) = subject.rsplit_once('@').unwrap();
    (PackageName::parse(name).unwrap(), Version::parse(version).unwrap())
}

/// An artifact on disk and in memory.
pub(crate) struct Artifact {
    pub(crate) path: PathBuf,
    pub(crate) contents: ArtifactContents,
    _directory: TempDir,
}

/// The artifact that holds these files.
pub(crate) fn artifact<P: AsRef<str>, T: AsRef<str>>(files: &[(P, T)]) -> Artifact {
    let files = files.iter().map(|(path, text)| (path.as_ref().to_owned(), TreeFile::text(text.as_ref())));
    let tarball = build_tarball(&files.collect::<Tree>(), &[]).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("package.tgz");
    std::fs::write(&path, &tarball).unwrap();
    let options = ReadOptions {
        limits: ArtifactLimits::default(),
        collisions: CollisionCheck::EveryFile,
        source: &|_, _| SourceContent::Unknown,
        aside: None,
        digests: false,
        threaded: false,
    };
    let contents = read_tarball(tarball.as_slice(), &options).unwrap();
    Artifact { path, contents, _directory: directory }
}

/// The files of a commit below `directory` (with a final slash, or empty).
pub(crate) fn files_of(built: &BuiltRepository, label: &str, directory: &str) -> Vec<(String, String)> {
    let text = |file: &TreeFile| String::from_utf8(file.content.clone()).unwrap();
    let tree = &built.commits[label].tree;
    tree.iter().filter_map(|(path, file)| Some((path.strip_prefix(directory)?.to_owned(), text(file)))).collect()
}
