use std::collections::{BTreeMap, HashMap};

use url::Url;

use super::{bun, npm, pnpm, yarn_berry, yarn_classic};
use crate::package::{Integrity, PackageName, Sha1Digest, Version, without_byte_order_mark};

/// Largest lockfile, bytes.
const MAX_BYTES: usize = 64 << 20;
/// Most entries of one lockfile.
const MAX_ENTRIES: usize = 200_000;
/// Most dependencies that the packages of one lockfile declare.
pub(super) const MAX_DECLARED: usize = 1_000_000;
/// Longest text of an unfetchable dependency that is kept, characters.
const MAX_SHOWN: usize = 256;

/// The formats that can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LockfileFormat {
    /// `package-lock.json` or `npm-shrinkwrap.json`, versions 1 to 3.
    Npm,
    /// `yarn.lock` of yarn 1.
    YarnClassic,
    /// `yarn.lock` of yarn 2 and later.
    YarnBerry,
    /// `pnpm-lock.yaml`.
    Pnpm,
    /// `bun.lock`.
    Bun,
}

/// Why a lockfile names nothing.
#[derive(Debug, thiserror::Error)]
pub enum LockfileError {
    /// No lockfile by its name.
    #[error("`{}` is not the name of a lockfile", .0.escape_debug())]
    UnknownName(String),
    /// A format that is not read.
    #[error("{0} is not read")]
    Unsupported(&'static str),
    /// Too many bytes.
    #[error("the lockfile is larger than the limit of {MAX_BYTES} bytes")]
    TooLarge,
    /// Too many entries.
    #[error("the lockfile has more than {MAX_ENTRIES} entries")]
    TooMany,
    /// Too many declarations.
    #[error("the packages of the lockfile declare more than {MAX_DECLARED} dependencies")]
    TooManyDeclared,
    /// Not UTF-8.
    #[error("the lockfile is not UTF-8 text")]
    Text(#[from] std::str::Utf8Error),
    /// Not the JSON that was expected.
    #[error("the lockfile is not the JSON that was expected")]
    Json(#[from] serde_json::Error),
    /// Not the YAML that was expected.
    #[error("the lockfile is not the YAML that was expected")]
    Yaml(#[source] Box<serde_saphyr::Error>),
    /// Breaks the format in a place that matters.
    #[error("the lockfile is malformed in line {line}: {reason}")]
    Malformed {
        /// The line, from 1.
        line: usize,
        /// What is wrong there.
        reason: &'static str,
    },
    /// One release with two contents.
    #[error("the lockfile states two integrities for `{name}@{version}`")]
    Conflict {
        /// The package.
        name: PackageName,
        /// The version.
        version: Version,
    },
}

impl From<serde_saphyr::Error> for LockfileError {
    fn from(error: serde_saphyr::Error) -> Self {
        Self::Yaml(Box::new(error))
    }
}

/// One release that a lockfile names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Locked {
    /// The version.
    pub version: Version,
    /// The integrity of its tarball, where the lockfile states one.
    pub integrity: Option<Integrity>,
    /// Whether every place that names it states a SHA-512: what others fetch may be anything.
    pub is_pinned: bool,
}

/// A dependency that no registry serves, so that installing it would need the network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unfetchable {
    /// What the lockfile calls it, cut to 256 characters.
    pub name: String,
    /// What it is.
    pub kind: UnfetchableKind,
    /// Where the lockfile says it is, cut to 256 characters.
    pub address: String,
}

/// Why a dependency cannot be had from a registry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnfetchableKind {
    /// A git repository.
    Git,
    /// A tarball at an address of its own.
    Address,
    /// A tarball that lies beside the lockfile.
    File,
    /// Its lockfile accepts more contents than one.
    Ambiguous,
    /// A name, version or place that no registry can serve.
    Malformed,
    /// Declared as a dependency, and nothing at a place where it would be found.
    Missing,
}

/// A package that a lockfile says comes in the artifact of another one, so that nothing states its content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bundled {
    /// Its place, cut to 256 characters.
    pub place: String,
    /// The package that would bring it; `None` where the lockfile names none of a registry that does.
    pub bundler: Option<Bundler>,
}

/// The package that is said to bring another one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bundler {
    /// Its name.
    pub name: PackageName,
    /// Its version.
    pub version: Version,
    /// Where in its artifact the other one must lie, such as `node_modules/a`.
    pub inside: String,
}

impl UnfetchableKind {
    /// What it is, in a few words.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Git => "a git repository, not a package of a registry",
            Self::Address => "a tarball at an address of its own, not a package of a registry",
            Self::File => "a tarball beside the lockfile, not a package of a registry",
            Self::Ambiguous => "the lockfile accepts more contents than one",
            Self::Malformed => "a name, version or place that no registry has",
            Self::Missing => "declared, and no place of it is locked",
        }
    }
}

/// All the releases that a lockfile names.
#[derive(Debug, Clone)]
pub struct Closure {
    format: LockfileFormat,
    packages: BTreeMap<PackageName, BTreeMap<String, Locked>>,
    /// Paths of stated addresses that are not where registries keep tarballs as a rule.
    unusual_paths: HashMap<String, (PackageName, Version)>,
    unfetchable: Vec<Unfetchable>,
    bundled: Vec<Bundled>,
    entries: usize,
}

impl Closure {
    /// Whether a file of this name is a lockfile that can be read.
    pub fn is_lockfile(path: &str) -> bool {
        let name = path.rsplit('/').next().unwrap_or(path);
        matches!(name, "package-lock.json" | "npm-shrinkwrap.json" | "yarn.lock" | "pnpm-lock.yaml" | "bun.lock")
    }

    /// Reads the lockfile of this name.
    pub fn read(file_name: &str, bytes: &[u8]) -> Result<Self, LockfileError> {
        if bytes.len() > MAX_BYTES {
            return Err(LockfileError::TooLarge);
        }
        match file_name.rsplit('/').next().unwrap_or(file_name) {
            "package-lock.json" | "npm-shrinkwrap.json" | ".package-lock.json" => npm::read(text(bytes)?),
            "yarn.lock" => {
                let text = text(bytes)?;
                if text.lines().any(|line| line.starts_with("__metadata:")) {
                    yarn_berry::read(text)
                } else {
                    yarn_classic::read(text)
                }
            }
            "pnpm-lock.yaml" => pnpm::read(text(bytes)?),
            "bun.lock" => bun::read(text(bytes)?),
            "bun.lockb" => Err(LockfileError::Unsupported("the binary lockfile of bun")),
            other => Err(LockfileError::UnknownName(other.to_owned())),
        }
    }

    /// A closure of nothing, to be filled.
    pub(super) fn new(format: LockfileFormat) -> Self {
        let (packages, unusual_paths) = (BTreeMap::new(), HashMap::new());
        Self { format, packages, unusual_paths, unfetchable: Vec::new(), bundled: Vec::new(), entries: 0 }
    }

    /// The format it was read from.
    pub fn format(&self) -> LockfileFormat {
        self.format
    }

    /// The packages and their releases, ordered by name and by the text of the version.
    pub fn packages(&self) -> impl Iterator<Item = (&PackageName, impl Iterator<Item = &Locked>)> {
        self.packages.iter().map(|(name, releases)| (name, releases.values()))
    }

    /// How many releases there are.
    pub fn len(&self) -> usize {
        self.packages.values().map(BTreeMap::len).sum()
    }

    /// Whether it names no release at all.
    pub fn is_empty(&self) -> bool {
        self.packages.is_empty()
    }

    /// Whether any version of the package is in it.
    pub fn has_name(&self, name: &PackageName) -> bool {
        self.packages.contains_key(name)
    }

    /// The release, where the lockfile names it.
    pub fn locked(&self, name: &PackageName, version: &str) -> Option<&Locked> {
        self.packages.get(name)?.get(version)
    }

    /// The releases of one package.
    pub fn of(&self, name: &PackageName) -> impl Iterator<Item = &Locked> {
        self.packages.get(name).into_iter().flat_map(BTreeMap::values)
    }

    /// The release whose stated address has this unusual path.
    pub fn at_path(&self, path: &str) -> Option<(&PackageName, &Version)> {
        self.unusual_paths.get(path).map(|(name, version)| (name, version))
    }

    /// What no registry serves.
    pub fn unfetchable(&self) -> &[Unfetchable] {
        &self.unfetchable
    }

    /// What is said to come in the artifacts of others; only of npm's lockfiles, for others list no such packages.
    pub fn bundled(&self) -> &[Bundled] {
        &self.bundled
    }

    /// Adds a release of a registry; `address` is what the lockfile states, if anything.
    pub(super) fn add(
        &mut self,
        name: &str,
        version: &str,
        integrity: Option<&str>,
        address: Option<&str>,
    ) -> Result<(), LockfileError> {
        self.count()?;
        let (Ok(parsed), Ok(version)) = (PackageName::parse(name), Version::parse(version)) else {
            self.list(name, UnfetchableKind::Malformed, &format!("{name}@{version}"));
            return Ok(());
        };
        let address = address.filter(|address| !address.is_empty());
        let url = address.and_then(|address| Url::parse(address).ok());
        if let Some(address) = address {
            let served = url.as_ref().is_some_and(is_of_registry);
            if !served {
                self.list(name, kind_of(address), address);
                return Ok(());
            }
        }
        // Package managers take any of them.
        let digests = integrity.into_iter().flat_map(str::split_whitespace).filter(|text| text.starts_with("sha512-"));
        if digests.collect::<std::collections::BTreeSet<_>>().len() > 1 {
            self.list(name, UnfetchableKind::Ambiguous, integrity.unwrap_or_default());
            return Ok(());
        }
        let stated = integrity.and_then(|text| Integrity::parse(text).ok());
        let stated = stated.or_else(|| sha1_fragment(url.as_ref()?.fragment()?));
        let is_pinned = stated.as_ref().and_then(Integrity::sha512).is_some();
        let releases = self.packages.entry(parsed.clone()).or_default();
        let locked = releases.entry(version.as_str().to_owned()).or_insert_with(|| Locked {
            version: version.clone(),
            integrity: stated.clone(),
            is_pinned,
        });
        locked.is_pinned &= is_pinned;
        if locked.integrity != stated {
            locked.integrity = match (locked.integrity.take(), stated) {
                (kept, None) => kept,
                (None, stated) => stated,
                (Some(kept), Some(stated)) => match (kept.sha512().is_some(), stated.sha512().is_some()) {
                    (true, false) => Some(kept),
                    (false, true) => Some(stated),
                    _ => return Err(LockfileError::Conflict { name: parsed, version }),
                },
            };
        }
        if let Some(url) = url {
            let usual = format!("/{parsed}/-/{}-{version}.tgz", parsed.unscoped());
            if url.path() != usual {
                self.unusual_paths.insert(url.path().to_owned(), (parsed, version));
            }
        }
        Ok(())
    }

    /// Adds a dependency that is not one of a registry.
    pub(super) fn add_foreign(&mut self, name: &str, address: &str) -> Result<(), LockfileError> {
        self.count()?;
        if !is_local(address) {
            self.list(name, kind_of(address), address);
        } else if is_file(address) {
            self.list(name, UnfetchableKind::File, address);
        }
        Ok(())
    }

    /// Adds what stands at a place that no package manager gives a dependency.
    pub(super) fn add_misplaced(&mut self, place: &str) -> Result<(), LockfileError> {
        self.count()?;
        self.list(place, UnfetchableKind::Malformed, place);
        Ok(())
    }

    /// Adds a tarball that lies beside the lockfile, whatever its name ends with.
    pub(super) fn add_file(&mut self, name: &str, address: &str) -> Result<(), LockfileError> {
        self.count()?;
        self.list(name, UnfetchableKind::File, address);
        Ok(())
    }

    /// Adds a dependency that nothing answers.
    pub(super) fn add_missing(&mut self, name: &str, declared_at: &str) -> Result<(), LockfileError> {
        self.count()?;
        self.list(name, UnfetchableKind::Missing, declared_at);
        Ok(())
    }

    /// Adds what is said to come in the artifact of `bundler`: name, version, and the place inside it.
    pub(super) fn add_bundled(&mut self, place: &str, bundler: Option<[&str; 3]>) -> Result<(), LockfileError> {
        self.count()?;
        let bundler = bundler.and_then(|[name, version, inside]| {
            let (name, version) = (PackageName::parse(name).ok()?, Version::parse(version).ok()?);
            Some(Bundler { name, version, inside: inside.to_owned() })
        });
        self.bundled.push(Bundled { place: cut(place), bundler });
        Ok(())
    }

    fn count(&mut self) -> Result<(), LockfileError> {
        self.entries += 1;
        if self.entries > MAX_ENTRIES { Err(LockfileError::TooMany) } else { Ok(()) }
    }

    fn list(&mut self, name: &str, kind: UnfetchableKind, address: &str) {
        let listed = Unfetchable { name: cut(name), kind, address: cut(address) };
        if self.unfetchable.last() != Some(&listed) {
            self.unfetchable.push(listed);
        }
    }
}

fn cut(text: &str) -> String {
    text.chars().take(MAX_SHOWN).collect()
}

fn text(bytes: &[u8]) -> Result<&str, LockfileError> {
    Ok(std::str::from_utf8(without_byte_order_mark(bytes))?)
}

/// Whether an address looks like one of a registry's tarballs.
///
/// GitHub's own registry keeps them under `/download/`, everybody else behind `/-/`.
pub(super) fn is_of_registry(url: &Url) -> bool {
    matches!(url.scheme(), "http" | "https")
        && ((url.path().contains("/-/") && url.path().ends_with(".tgz")) || url.path().starts_with("/download/@"))
}

/// Whether a place is inside the repository itself.
pub(super) fn is_local(address: &str) -> bool {
    ["file:", "link:", "portal:", "workspace:", "patch:", "exec:", "./", "../", "/"]
        .iter()
        .any(|prefix| address.starts_with(prefix))
}

/// Whether a place inside the repository is an archive and no directory.
fn is_file(address: &str) -> bool {
    let path = address.split(['?', '#']).next().unwrap_or(address).to_ascii_lowercase();
    [".tgz", ".tar.gz", ".tar"].iter().any(|end| path.ends_with(end))
}

fn kind_of(address: &str) -> UnfetchableKind {
    if ["file:", "./", "../", "/"].iter().any(|prefix| address.starts_with(prefix)) {
        return UnfetchableKind::File;
    }
    let is_git = ["git", "ssh:", "github:", "gitlab:", "bitbucket:", "gist:"].iter().any(|s| address.starts_with(s))
        || address.contains(".git#")
        || address.contains("#commit=")
        || address.ends_with(".git")
        || address.contains("codeload.");
    let is_address = address.starts_with("http:") || address.starts_with("https:");
    match (is_git, is_address) {
        (true, _) => UnfetchableKind::Git,
        (false, true) => UnfetchableKind::Address,
        // `owner/repository#commit`, as npm 5 wrote it.
        (false, false) if address.contains('#') => UnfetchableKind::Git,
        (false, false) => UnfetchableKind::Malformed,
    }
}

/// The digest that yarn 1 writes behind an address.
fn sha1_fragment(fragment: &str) -> Option<Integrity> {
    Sha1Digest::parse(fragment).ok().map(Integrity::from_sha1)
}

/// Splits `name@rest` behind a name that may begin with `@`.
pub(in crate::rebuild) fn split_descriptor(text: &str) -> Option<(&str, &str)> {
    let at = text.get(1..)?.find('@')? + 1;
    Some((&text[..at], &text[at + 1..]))
}
