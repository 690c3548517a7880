//! The user's own git settings that decide where an address leads.

use std::path::{Path, PathBuf};

/// The user's `url.*.insteadOf` entries, and whether ssh is set up by the user.
#[derive(Debug, Clone, Default)]
pub struct UrlRewrites {
    /// `(prefix, replacement)`
    rewrites: Vec<(String, String)>,
    ssh_command: bool,
}

/// Where an address leads after the user's rewrites.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Destination {
    /// A repository on this machine.
    Local(PathBuf),
    /// An address to fetch from.
    Remote {
        /// The address that git goes to in the end.
        address: String,
        /// Whether this is the user's mirror rather than the host that the metadata names.
        copy: bool,
    },
}

impl UrlRewrites {
    /// Reads the system's and the user's git configuration; files that cannot be read count as empty.
    ///
    /// `global` is the file that the environment names instead of the user's own (`GIT_CONFIG_GLOBAL`):
    /// libgit2 does not know that variable, the git client does, and both must see the same settings.
    pub fn load(global: Option<&Path>) -> Self {
        let mut config = match git2::Config::open_default() {
            Ok(config) => config,
            Err(error) => {
                tracing::warn!(%error, "the git configuration cannot be read");
                return Self::default();
            }
        };
        if let Some(path) = global {
            let _ = config.add_file(path, git2::ConfigLevel::App, true);
        }
        Self::read(&config).unwrap_or_default()
    }

    /// Reads one configuration file and nothing else.
    pub fn from_file(path: &Path) -> Result<Self, git2::Error> {
        Self::read(&git2::Config::open(path)?)
    }

    /// Settings given directly.
    pub fn from_pairs(rewrites: Vec<(String, String)>) -> Self {
        Self { rewrites, ssh_command: false }
    }

    fn read(config: &git2::Config) -> Result<Self, git2::Error> {
        let ssh_command = config.get_string("core.sshCommand").is_ok_and(|command| !command.is_empty());
        Ok(Self { rewrites: rewrites(config)?, ssh_command })
    }

    /// Whether the user's configuration says how ssh is started (`core.sshCommand`).
    pub fn has_ssh_command(&self) -> bool {
        self.ssh_command
    }

    /// Applies the longest matching prefix, as git does.
    pub fn destination(&self, address: &str) -> Destination {
        let best = self
            .rewrites
            .iter()
            .filter(|(prefix, _)| address.starts_with(prefix.as_str()))
            .max_by_key(|(prefix, _)| prefix.len());
        let Some((prefix, replacement)) = best else {
            return Destination::Remote { address: address.to_owned(), copy: false };
        };
        let rewritten = format!("{replacement}{}", &address[prefix.len()..]);
        match rewritten.strip_prefix("file://") {
            Some(path) => Destination::Local(path.into()),
            None if rewritten.starts_with('/') => Destination::Local(rewritten.into()),
            None => {
                let copy = host(&rewritten) != host(address);
                Destination::Remote { address: rewritten, copy }
            }
        }
    }
}

fn host(address: &str) -> Option<String> {
    url::Url::parse(address).ok()?.host_str().map(str::to_owned)
}

fn rewrites(config: &git2::Config) -> Result<Vec<(String, String)>, git2::Error> {
    let mut rewrites = Vec::new();
    // A pattern would be matched as a regular expression against every entry; mirrors' settings have thousands.
    let entries = config.entries(None)?;
    entries.for_each(|entry| {
        if let (Ok(name), Ok(prefix)) = (entry.name(), entry.value())
            && let Some(replacement) = name.strip_prefix("url.").and_then(|rest| rest.strip_suffix(".insteadof"))
        {
            rewrites.push((prefix.to_owned(), replacement.to_owned()));
        }
    })?;
    Ok(rewrites)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_prefix_wins() {
        let rewrites = UrlRewrites::from_pairs(vec![
            ("https://git.example/".to_owned(), "git://127.0.0.1/".to_owned()),
            ("https://git.example/a/b".to_owned(), "file:///mirror/a+b/repo".to_owned()),
            ("https://git.example/a/b.git".to_owned(), "/mirror/a+b/repo".to_owned()),
        ]);
        let local = || Destination::Local("/mirror/a+b/repo".into());
        assert_eq!(rewrites.destination("https://git.example/a/b"), local());
        assert_eq!(rewrites.destination("https://git.example/a/b.git"), local());
        let remote = |address: &str, copy| Destination::Remote { address: address.to_owned(), copy };
        assert_eq!(rewrites.destination("https://git.example/c/d"), remote("git://127.0.0.1/c/d", true));
        assert_eq!(rewrites.destination("https://other.example/c/d"), remote("https://other.example/c/d", false));
    }

    #[test]
    fn the_users_own_ssh_command_is_noticed() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("config");
        std::fs::write(&path, "[url \"git@git.example:\"]\n\tinsteadOf = https://git.example/\n").unwrap();
        let rewrites = UrlRewrites::from_file(&path).unwrap();
        assert!(!rewrites.has_ssh_command());
        let Destination::Remote { address, .. } = rewrites.destination("https://git.example/a/b") else { panic!() };
        assert_eq!(address, "git@git.example:a/b");
        std::fs::write(&path, "[core]\n\tsshCommand = ssh -i key\n").unwrap();
        assert!(UrlRewrites::from_file(&path).unwrap().has_ssh_command());
    }
}
