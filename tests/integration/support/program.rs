use std::fmt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use sha2::Digest as _;

use super::{TestWorld, shared_world};

/// The program as a user would run it, in a world, with a cache and a working directory of its own.
///
/// The environment holds nothing but what the world needs, so the machine's settings cannot leak in.
#[derive(Debug)]
pub(crate) struct Tarproof {
    world: Arc<TestWorld>,
    scratch: tempfile::TempDir,
}

impl Tarproof {
    /// In the world of all embedded cases.
    pub(crate) fn new() -> Self {
        Self::in_world(shared_world())
    }

    pub(crate) fn in_world(world: Arc<TestWorld>) -> Self {
        let scratch = tempfile::tempdir().unwrap();
        std::fs::create_dir(scratch.path().join("work")).unwrap();
        Self { world, scratch }
    }

    pub(crate) fn world(&self) -> &TestWorld {
        &self.world
    }

    /// Where it runs.
    pub(crate) fn directory(&self) -> PathBuf {
        self.scratch.path().join("work")
    }

    /// Puts a file where it runs.
    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) -> &Self {
        std::fs::write(self.directory().join(name), content).unwrap();
        self
    }

    pub(crate) fn read(&self, name: &str) -> String {
        self.normalize(&std::fs::read_to_string(self.directory().join(name)).unwrap())
    }

    /// Puts the tarball of a release of the world where it runs.
    pub(crate) fn write_artifact(&self, file: &str, name: &str, version: &str) -> &Self {
        let release = self.world.releases().iter().find(|one| one.name == name && one.version == version).unwrap();
        self.write(file, &release.tarball)
    }

    /// Runs it once; `@repositories` in an argument stands for the folder with the world's repositories.
    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        self.run_with(arguments, &[])
    }

    /// Runs it once with more variables.
    pub(crate) fn run_with(&self, arguments: &[&str], variables: &[(&str, &str)]) -> Output {
        let output = self.command(arguments, variables).output().unwrap();
        let code = output.status.code();
        let (stdout, stderr) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
        assert!(!stderr.contains("panicked at"), "{stderr}");
        Output {
            call: format!("tarproof {}", arguments.join(" ")),
            code: code.expect("no signal ends the program"),
            normalized: (self.normalize(&stdout), self.normalize(&stderr)),
            stdout,
            stderr,
        }
    }

    /// The command that [`Self::run_with`] runs, to be started by the caller.
    pub(crate) fn command(&self, arguments: &[&str], variables: &[(&str, &str)]) -> Command {
        let repositories = self.world.directory().join("repositories").display().to_string();
        let mut command = Command::new(env!("CARGO_BIN_EXE_tarproof"));
        command
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.world.home())
            .env("npm_config_registry", self.world.registry_url())
            .env("NO_PROXY", "*")
            .env("XDG_CACHE_HOME", self.cache())
            .env("XDG_DATA_HOME", self.data())
            .envs(variables.iter().copied())
            .current_dir(self.directory())
            .args(arguments.iter().map(|argument| argument.replace("@repositories", &repositories)));
        command
    }

    /// Where it keeps results.
    pub(crate) fn data(&self) -> PathBuf {
        self.scratch.path().join("data")
    }

    /// Where it keeps things between runs.
    pub(crate) fn cache(&self) -> PathBuf {
        self.scratch.path().join("cache")
    }

    /// Replaces what differs between machines and runs, paths among it.
    fn normalize(&self, text: &str) -> String {
        let mut text = text.to_owned();
        // A temporary directory may itself be reached through a link.
        let resolved = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned()).display().to_string();
        for (path, placeholder) in
            [(self.world.directory(), "[WORLD]"), (&self.directory(), "[DIRECTORY]"), (&self.cache(), "[CACHE]")]
        {
            text = text.replace(&path.display().to_string(), placeholder).replace(&resolved(path), placeholder);
        }
        normalize(&self.world, &text)
    }
}

/// Replaces what differs between worlds and versions: the registry's address, our version, the archives' own digests.
///
/// Those depend on the compressor's version, which no snapshot is about.
pub(crate) fn normalize(world: &TestWorld, text: &str) -> String {
    let mut text = text.replace(world.registry_url(), "[REGISTRY]/");
    text = text.replace(concat!("tarproof ", env!("CARGO_PKG_VERSION")), "tarproof [VERSION]");
    text = text
        .replace(concat!("\"version\": \"", env!("CARGO_PKG_VERSION"), "\"\n  }"), "\"version\": \"[VERSION]\"\n  }");
    for release in world.releases() {
        let size = release.tarball.len();
        let sha256 = tarproof::package::hex_text(&sha2::Sha256::digest(&release.tarball));
        let integrity = tarproof::package::Integrity::of(&release.tarball).to_string();
        text = text
            .replace(&format!("{size} bytes, sha256 {sha256}"), "[SIZE] bytes, sha256 [SHA256]")
            .replace(
                &format!("\"integrity\": \"{integrity}\",\n        \"size\": {size}"),
                "\"integrity\": \"[INTEGRITY]\",\n        \"size\": \"[SIZE]\"",
            )
            .replace(&sha256, "[SHA256]")
            .replace(&integrity, "[INTEGRITY]");
    }
    text
}

/// What one run left behind.
#[derive(Debug)]
pub(crate) struct Output {
    call: String,
    pub(crate) code: i32,
    /// As it was written.
    pub(crate) stdout: String,
    /// As it was written.
    pub(crate) stderr: String,
    normalized: (String, String),
}

impl Output {
    /// Standard output with placeholders.
    pub(crate) fn stdout(&self) -> &str {
        &self.normalized.0
    }

    /// Standard error with placeholders.
    pub(crate) fn stderr(&self) -> &str {
        &self.normalized.1
    }

    /// Everything in one text, for a snapshot.
    pub(crate) fn text(&self) -> String {
        self.to_string()
    }

    /// Standard output as JSON.
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self}"))
    }
}

impl fmt::Display for Output {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { call, code, normalized: (stdout, stderr), .. } = self;
        write!(formatter, "$ {call}\nexit code: {code}\n----- stdout -----\n{stdout}----- stderr -----\n{stderr}")
    }
}
