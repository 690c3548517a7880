//! Runs the git client: one subcommand at a time, on a bare repository of ours, with everything that could run code off.

use std::io::Read as _;
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
}

impl GitFailure {
    /// Whether the remote lacks a ref that was asked for by its exact name.
    pub fn is_missing_ref(&self) -> bool {
        matches!(self, Self::Refused(message) if message.contains("couldn't find remote ref"))
    }
}

/// Settings that no repository, user or remote can override: the command line wins over every file.
const SETTINGS: [&str; 20] = [
    "core.hooksPath=/dev/null",
    "core.fsmonitor=false",
    "core.askPass=",
    "protocol.allow=never",
    "protocol.https.allow=always",
    "protocol.http.allow=always",
    "protocol.git.allow=always",
    "protocol.ssh.allow=always",
    "protocol.version=2",
    "submodule.recurse=false",
    "fetch.recurseSubmodules=false",
    "fetch.fsckObjects=false",
    "fetch.writeCommitGraph=false",
    "fetch.unpackLimit=1",
    "gc.auto=0",
    "maintenance.auto=false",
    "http.lowSpeedLimit=1000",
    "http.lowSpeedTime=30",
    "http.followRedirects=initial",
    "advice.detachedHead=false",
];

impl GitClient {
    /// Runs `git --git-dir=REPOSITORY ARGUMENTS…` to its end.
    pub fn run(&self, repository: &Path, arguments: &[String]) -> Result<(), GitFailure> {
        let mut command = Command::new(&self.program);
        command.arg("--git-dir").arg(repository);
        for setting in SETTINGS {
            command.args(["-c", setting]);
        }
        command.args(arguments);
        for variable in ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_TEMPLATE_DIR"] {
            command.env_remove(variable);
        }
        command.env("GIT_TERMINAL_PROMPT", "0").env("GIT_PROTOCOL_FROM_USER", "0").env("LC_ALL", "C");
        command.env("GIT_ASKPASS", "true").env("SSH_ASKPASS", "true").env("GCM_INTERACTIVE", "never");
        if std::env::var_os("GIT_SSH_COMMAND").is_none() && std::env::var_os("GIT_SSH").is_none() {
            command.env("GIT_SSH_COMMAND", "ssh -oBatchMode=yes");
        }
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        tracing::debug!(repository = %repository.display(), ?arguments, "running git");
        let mut child =
            command.spawn().map_err(|source| GitFailure::Start { program: self.program.clone(), source })?;
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

fn size_of(directory: &Path) -> u64 {
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
        .unwrap_or("no message");
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

    #[test]
    fn a_missing_program_is_its_own_failure() {
        let client = GitClient { program: "/nonexistent/git".into(), ..GitClient::default() };
        let failure = client.run(Path::new("/nonexistent"), &["version".to_owned()]).unwrap_err();
        assert!(matches!(failure, GitFailure::Start { .. }));
    }
}
