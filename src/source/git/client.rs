//! Runs the git client: one subcommand at a time, on a bare repository of ours, with everything that could run code off.

use std::io::{Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How much of the client's own words is kept, bytes.
const MESSAGE_SIZE: u64 = 16 << 10;

/// The git client and what it may cost.
#[derive(Debug, Clone)]
pub struct GitClient {
    /// Program name or path.
    pub program: PathBuf,
    /// Longest time one call may take.
    pub timeout: Duration,
    /// Largest repository that is fetched, bytes on disk.
    pub repository_size: u64,
}

impl Default for GitClient {
    fn default() -> Self {
        Self { program: "git".into(), timeout: Duration::from_secs(600), repository_size: 4 << 30 }
    }
}

/// Why a call of the git client gave nothing.
#[derive(Debug, thiserror::Error)]
pub enum GitFailure {
    /// No such program.
    #[error("the git client `{}` cannot be started", program.display())]
    Start {
        /// What was tried.
        program: PathBuf,
        /// The system's reason.
        #[source]
        source: std::io::Error,
    },
    /// It ran and refused; its last words.
    #[error("git: {0}")]
    Refused(String),
    /// It did not end in time.
    #[error("git did not finish within {} seconds", .0.as_secs())]
    Timeout(Duration),
    /// What it fetched grew too large.
    #[error("the repository is larger than the limit of {0} bytes")]
    TooLarge(u64),
    /// There is no git client, and the built-in one failed.
    #[error("the built-in git client failed")]
    BuiltIn(#[source] git2::Error),
}

impl GitFailure {
    /// Whether git gave no reason, as where a shallow fetch asks for patterns and no ref matches.
    pub(super) fn is_silent(&self) -> bool {
        matches!(self, Self::Refused(words) if words == NO_WORDS)
    }
}

/// What stands for a refusal without a word.
const NO_WORDS: &str = "no message";

/// Settings that no repository, user or remote can override: the command line wins over every file.
const SETTINGS: [&str; 21] = [
    "core.hooksPath=/dev/null",
    "core.fsmonitor=false",
    "core.askPass=",
    "protocol.allow=never",
    "protocol.https.allow=always",
    "protocol.git.allow=always",
    "protocol.ssh.allow=always",
    "protocol.version=2",
    "submodule.recurse=false",
    "fetch.recurseSubmodules=false",
    "fetch.fsckObjects=false",
    "fetch.writeCommitGraph=false",
    "fetch.unpackLimit=1",
    // Both would have the server name other hosts to fetch from.
    "fetch.uriProtocols=",
    "transfer.bundleURI=false",
    "gc.auto=0",
    "maintenance.auto=false",
    "http.lowSpeedLimit=1000",
    "http.lowSpeedTime=30",
    "http.followRedirects=initial",
    "advice.detachedHead=false",
];

/// Variables that would lead the client to another repository, or past the settings above.
const FOREIGN_VARIABLES: [&str; 12] = [
    "GIT_ALLOW_PROTOCOL",
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_COMMON_DIR",
    "GIT_CONFIG",
    "GIT_DIR",
    "GIT_INDEX_FILE",
    "GIT_NAMESPACE",
    "GIT_OBJECT_DIRECTORY",
    "GIT_PROXY_COMMAND",
    "GIT_SHALLOW_FILE",
    "GIT_TEMPLATE_DIR",
    "GIT_WORK_TREE",
];

/// The one remote that a call may reach.
#[derive(Debug, Clone)]
pub(super) struct Endpoint {
    /// Its address, after the user's rewrites.
    pub(super) address: String,
    /// Whether the user's configuration says how ssh is started.
    pub(super) own_ssh_command: bool,
}

impl Endpoint {
    /// The settings that belong to this remote alone.
    fn settings(&self) -> [String; 2] {
        // A redirect must not lead from https to a transport that anybody on the way can rewrite.
        let http = if self.address.starts_with("http://") { "always" } else { "never" };
        [format!("remote.origin.url={}", self.address), format!("protocol.http.allow={http}")]
    }
}

impl GitClient {
    /// What the program says of itself; `None` where there is none.
    pub fn version(&self) -> Option<String> {
        let output = Command::new(&self.program).arg("--version").stdin(Stdio::null()).output().ok()?;
        let text = String::from_utf8(output.stdout).ok().filter(|_| output.status.success())?;
        Some(text.trim().trim_start_matches("git version ").to_owned())
    }

    /// Runs `git --git-dir=REPOSITORY ARGUMENTS…` to its end, with `input` as its standard input.
    ///
    /// In the repository, `origin` is the endpoint.
    pub(super) fn run(
        &self,
        repository: &Path,
        endpoint: &Endpoint,
        arguments: &[&str],
        input: &str,
    ) -> Result<(), GitFailure> {
        let start_failure = |source| GitFailure::Start { program: self.program.clone(), source };
        // A file and no pipe: a client that does not read must not hold us up.
        let mut stdin = tempfile::tempfile().map_err(start_failure)?;
        stdin.write_all(input.as_bytes()).and_then(|()| stdin.rewind()).map_err(start_failure)?;
        let mut command = self.command(repository, endpoint, arguments);
        command.stdin(stdin).stdout(Stdio::null()).stderr(Stdio::piped());
        let address = redact(&endpoint.address);
        tracing::debug!(repository = %repository.display(), %address, ?arguments, input, "running git");
        let mut child = command.spawn().map_err(start_failure)?;
        let stderr = child.stderr.take();
        let words = std::thread::spawn(move || {
            let mut message = Vec::new();
            if let Some(stderr) = stderr {
                let mut bounded = stderr.take(MESSAGE_SIZE);
                let _ = bounded.read_to_end(&mut message);
                let _ = std::io::copy(&mut bounded.into_inner(), &mut std::io::sink());
            }
            message
        });
        let status = self.wait(&mut child, repository)?;
        let message = words.join().unwrap_or_default();
        if status.success() { Ok(()) } else { Err(GitFailure::Refused(last_words(&message))) }
    }

    fn command(&self, repository: &Path, endpoint: &Endpoint, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command.arg("--git-dir").arg(repository);
        let own_settings = endpoint.settings();
        for setting in SETTINGS.into_iter().chain(own_settings.iter().map(String::as_str)) {
            command.args(["-c", setting]);
        }
        command.args(arguments);
        for variable in FOREIGN_VARIABLES {
            command.env_remove(variable);
        }
        command.env("GIT_TERMINAL_PROMPT", "0").env("GIT_PROTOCOL_FROM_USER", "0").env("LC_ALL", "C");
        // What is missing is asked for by us, all at once.
        command.env("GIT_NO_LAZY_FETCH", "1");
        // An empty answer to every question; `force` because ssh would ask the terminal itself.
        command.env("GIT_ASKPASS", "true").env("SSH_ASKPASS", "true").env("SSH_ASKPASS_REQUIRE", "force");
        command.env("GCM_INTERACTIVE", "never");
        let chosen = ["GIT_SSH_COMMAND", "GIT_SSH"].into_iter().any(|name| std::env::var_os(name).is_some());
        if !chosen && !endpoint.own_ssh_command {
            command.env("GIT_SSH_COMMAND", "ssh -oBatchMode=yes");
        }
        command
    }

    fn wait(&self, child: &mut Child, repository: &Path) -> Result<std::process::ExitStatus, GitFailure> {
        let start = Instant::now();
        let mut pause = Duration::from_millis(1);
        let mut measured = start;
        loop {
            match child.try_wait() {
                Ok(Some(status)) => return Ok(status),
                Ok(None) => {}
                Err(error) => return Err(GitFailure::Refused(error.to_string())),
            }
            let failure = if start.elapsed() > self.timeout {
                Some(GitFailure::Timeout(self.timeout))
            } else if measured.elapsed() > Duration::from_secs(1) {
                measured = Instant::now();
                (size_of(repository) > self.repository_size).then_some(GitFailure::TooLarge(self.repository_size))
            } else {
                None
            };
            if let Some(failure) = failure {
                let _ = child.kill();
                let _ = child.wait();
                return Err(failure);
            }
            std::thread::sleep(pause);
            pause = (pause * 2).min(Duration::from_millis(20));
        }
    }
}

pub(super) fn size_of(directory: &Path) -> u64 {
    walkdir::WalkDir::new(directory)
        .into_iter()
        .filter_map(Result::ok)
        .filter_map(|entry| entry.metadata().ok())
        .filter(std::fs::Metadata::is_file)
        .map(|metadata| metadata.len())
        .sum()
}

/// The client's own reason, without its progress and without what a server sent beside it.
fn last_words(message: &[u8]) -> String {
    let text = String::from_utf8_lossy(message);
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let line = lines
        .iter()
        .find(|line| line.starts_with("fatal:") || line.starts_with("error:"))
        .or_else(|| lines.last())
        .copied()
        .unwrap_or(NO_WORDS);
    let line = line.trim_start_matches("fatal:").trim_start_matches("error:").trim();
    redact(line).chars().take(400).collect()
}

/// Removes `user:password@` from addresses in a message.
fn redact(line: &str) -> String {
    let mut result = String::with_capacity(line.len());
    let mut rest = line;
    while let Some(start) = rest.find("://") {
        let (before, after) = rest.split_at(start + 3);
        result.push_str(before);
        let authority_end = after.find(['/', ' ', '\'', '"']).unwrap_or(after.len());
        rest = match after[..authority_end].rfind('@') {
            Some(at) => &after[at + 1..],
            None => after,
        };
    }
    result.push_str(rest);
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reason_is_found_and_credentials_are_not_repeated() {
        let message = b"remote: hello\nfatal: unable to access 'https://user:secret@git.example/a/b/': 404\n";
        assert_eq!(last_words(message), "unable to access 'https://git.example/a/b/': 404");
        assert_eq!(last_words(b""), "no message");
    }

    fn endpoint(address: &str) -> Endpoint {
        Endpoint { address: address.to_owned(), own_ssh_command: false }
    }

    #[test]
    fn a_missing_program_is_its_own_failure() {
        let client = GitClient { program: "/nonexistent/git".into(), ..GitClient::default() };
        let endpoint = endpoint("https://git.example/a/b");
        let failure = client.run(Path::new("/nonexistent"), &endpoint, &["version"], "").unwrap_err();
        assert!(matches!(failure, GitFailure::Start { .. }));
    }

    #[test]
    fn a_redirect_cannot_leave_https() {
        let allowed = |address: &str| endpoint(address).settings()[1].clone();
        assert_eq!(allowed("https://git.example/a/b"), "protocol.http.allow=never");
        assert_eq!(allowed("http://git.example/a/b"), "protocol.http.allow=always");
        assert!(!SETTINGS.iter().any(|setting| setting.starts_with("protocol.http.")));
    }

    #[test]
    fn the_users_own_ssh_command_is_not_replaced() {
        let endpoint = Endpoint { own_ssh_command: true, ..endpoint("ssh://git@git.example/a/b") };
        let command = GitClient::default().command(Path::new("/nonexistent"), &endpoint, &[]);
        assert!(command.get_envs().all(|(name, _)| name != "GIT_SSH_COMMAND"));
    }

    #[test]
    fn the_environment_cannot_lead_elsewhere() {
        let command = GitClient::default().command(Path::new("/nonexistent"), &endpoint("https://git.example/a"), &[]);
        let removed: Vec<_> = command.get_envs().filter(|(_, value)| value.is_none()).map(|(name, _)| name).collect();
        assert!(FOREIGN_VARIABLES.iter().all(|variable| removed.contains(&std::ffi::OsStr::new(variable))));
    }
}
