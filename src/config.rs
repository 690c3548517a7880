//! The configuration file: defaults for what the command line can also say, and limits.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::package::line_of;

/// A configuration file's contents; every key is optional, an unknown key is an error.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Config {
    /// Where fetched artifacts and repositories are kept.
    pub cache_directory: Option<PathBuf>,
    /// Ask no registry and no remote.
    pub offline: Option<bool>,
    /// How many subjects are verified at once.
    pub jobs: Option<usize>,
    /// How long a remote's answer about its refs is good, seconds.
    pub refs_age: Option<u64>,
    /// A file of exceptions.
    pub policy: Option<PathBuf>,
    /// A directory of YARA rules.
    pub rules: Option<PathBuf>,
    /// A root of trust for provenance, in place of the embedded one.
    pub trusted_root: Option<PathBuf>,
    /// Keys of registries, in place of the embedded ones.
    pub registry_keys: Option<PathBuf>,
    /// Bounds on artifacts.
    #[serde(default)]
    pub artifact: ArtifactSection,
    /// The git client.
    #[serde(default)]
    pub git: GitSection,
    /// Rebuilds.
    #[serde(default)]
    pub rebuild: RebuildSection,
    /// Sweeps.
    #[serde(default)]
    pub sweep: SweepSection,
}

/// `[artifact]`
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ArtifactSection {
    /// Largest artifact as served, bytes.
    pub compressed_size: Option<u64>,
    /// Largest sum of its contents, bytes.
    pub unpacked_size: Option<u64>,
    /// Most archive members.
    pub entries: Option<u64>,
    /// Largest ratio of unpacked to compressed size.
    pub ratio: Option<u64>,
}

/// `[git]`
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct GitSection {
    /// Longest time one call of the git client may take, seconds.
    pub timeout: Option<u64>,
    /// Largest repository that is fetched, bytes.
    pub repository_size: Option<u64>,
}

/// `[rebuild]`
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct RebuildSection {
    /// Whether anything fetched may be run, in the sandbox.
    pub allowed: Option<bool>,
    /// Longest time that the rebuild of one package may take, seconds.
    pub timeout: Option<u64>,
    /// Most memory of one build, its files included, bytes.
    pub memory: Option<u64>,
    /// Most that one build may write, bytes.
    pub disk: Option<u64>,
    /// Most bytes of logs and archives of rebuilds that the cache keeps.
    pub records: Option<u64>,
    /// How many rebuilds run at a time.
    pub jobs: Option<usize>,
    /// A directory of plans for awkward packages.
    pub definitions: Option<PathBuf>,
}

/// `[sweep]`
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct SweepSection {
    /// Where results are kept: a path, or the address of a PostgreSQL database.
    pub store: Option<String>,
    /// Where ledgers and reports are kept: a path, or `s3://BUCKET/PREFIX`.
    pub objects: Option<String>,
    /// Who hands out jobs: `temporal://HOST:PORT/NAMESPACE`. Without it each process takes them from the store.
    pub engine: Option<String>,
    /// Most packages of one registry that the workers of an engine begin a second, all together.
    pub rate: Option<u32>,
    /// Tries of one job in one sweep.
    pub attempts: Option<u32>,
    /// Longest wait before the second try, seconds; it doubles with each further one.
    pub retry_wait: Option<u64>,
    /// How long a process may be silent before its jobs are given to others, seconds.
    pub lease: Option<u64>,
    /// How long a store that does not answer is asked again, seconds.
    pub patience: Option<u64>,
}

/// Why a configuration file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// It cannot be read.
    #[error("cannot read the configuration `{}`", path.display())]
    Read {
        /// Where it is.
        path: PathBuf,
        /// The system's reason.
        #[source]
        source: std::io::Error,
    },
    /// It is not what is documented.
    #[error("the configuration `{}` is not valid: line {line}: {reason}", path.display())]
    Parse {
        /// Where it is.
        path: PathBuf,
        /// The line, counted from 1.
        line: usize,
        /// The parser's reason, with the key.
        reason: String,
    },
}

impl Config {
    /// Reads the file at `path`.
    pub fn read(path: &Path) -> Result<Self, ConfigError> {
        let text =
            std::fs::read_to_string(path).map_err(|source| ConfigError::Read { path: path.to_owned(), source })?;
        Self::parse(path, &text)
    }

    /// Reads the file at `path` if there is one.
    pub fn read_if_present(path: &Path) -> Result<Self, ConfigError> {
        match std::fs::read_to_string(path) {
            Ok(text) => Self::parse(path, &text),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Self::default()),
            Err(source) => Err(ConfigError::Read { path: path.to_owned(), source }),
        }
    }

    fn parse(path: &Path, text: &str) -> Result<Self, ConfigError> {
        toml::from_str(text).map_err(|error| {
            let line = line_of(text, error.span().map_or(0, |span| span.start));
            ConfigError::Parse { path: path.to_owned(), line, reason: error.message().to_owned() }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_documented_file_is_read_and_an_unknown_key_refused() {
        let text = "cache-directory = '/tmp/c'\njobs = 4\n[artifact]\nratio = 100\n[git]\ntimeout = 5\n";
        let config = Config::parse(Path::new("a.toml"), text).unwrap();
        assert_eq!(config.artifact.ratio, Some(100));
        assert_eq!(config.git.timeout, Some(5));
        let error = Config::parse(Path::new("a.toml"), "jobs = 4\nofline = true\n").unwrap_err().to_string();
        assert!(
            error.starts_with("the configuration `a.toml` is not valid: line 2: unknown field `ofline`"),
            "{error}"
        );
    }
}
