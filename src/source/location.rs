//! Where the metadata says the source is.

use std::fmt;

use serde_json::Value;
use url::Url;

use crate::artifact::CollisionCheck;

/// Hosts whose git servers refuse objects that carry the marks of a SHA-1 collision.
const COLLISION_REFUSING_HOSTS: [&str; 4] = ["github.com", "gitlab.com", "bitbucket.org", "codeberg.org"];

/// Longest address that is looked at, bytes.
const MAX_LENGTH: usize = 2048;

/// Which field of the metadata named the repository; the earlier, the stronger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ClaimOrigin {
    /// The user said so.
    Override,
    /// `repository`
    Repository,
    /// `homepage`
    Homepage,
    /// `bugs`
    Bugs,
    /// The certificate of the workflow that built the artifact.
    Provenance,
    /// The `repository` of an earlier release, which this one does not name.
    EarlierRelease,
}

impl fmt::Display for ClaimOrigin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Override => "--repository",
            Self::Repository => "repository",
            Self::Homepage => "homepage",
            Self::Bugs => "bugs",
            Self::Provenance => "provenance",
            Self::EarlierRelease => "earlier release",
        })
    }
}

/// A repository that somebody says the package comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RepositoryClaim {
    /// Where it is.
    pub location: RepositoryLocation,
    /// The package's directory in it, if the claim names one; relative, without leading slash.
    pub directory: Option<String>,
    /// Who says so.
    pub origin: ClaimOrigin,
}

/// A repository's address: one of the transports that may be reached, credentials removed.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct RepositoryLocation {
    url: String,
    local: bool,
}

/// Why a text is not an address we go to.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LocationError {
    /// Empty, too long, or with control characters.
    #[error("`{}` is not a repository address", .0.escape_debug())]
    Malformed(String),
    /// A transport that metadata may not choose (`file:`, `ext::`, a plain path).
    #[error("the repository address `{}` uses a transport that package metadata may not choose", .0.escape_debug())]
    Transport(String),
}

impl RepositoryLocation {
    /// Parses an address as metadata gives it; only http(s), git and ssh may result.
    pub fn from_metadata(text: &str) -> Result<Self, LocationError> {
        let text = text.trim();
        if text.is_empty() || text.len() > MAX_LENGTH || text.chars().any(|c| c.is_control() || c.is_whitespace()) {
            return Err(LocationError::Malformed(text.chars().take(100).collect()));
        }
        if text.starts_with('-') || text.contains("::") {
            return Err(LocationError::Transport(text.to_owned()));
        }
        if let Some(url) = public_host(text).or_else(|| shorthand(text)).or_else(|| scp_like(text)) {
            return Ok(Self { url, local: false });
        }
        let text = text.strip_prefix("git+").unwrap_or(text);
        let url = Url::parse(text).map_err(|_| LocationError::Malformed(text.to_owned()))?;
        if url.host_str().is_none_or(|host| host.is_empty() || host.starts_with('-')) {
            return Err(LocationError::Transport(text.to_owned()));
        }
        match url.scheme() {
            "https" | "http" | "git" | "ssh" => Ok(Self { url: canonical(url), local: false }),
            _ => Err(LocationError::Transport(text.to_owned())),
        }
    }

    /// Parses an address given by the user, who may also name a local path.
    pub fn from_user(text: &str) -> Result<Self, LocationError> {
        if std::path::Path::new(text).exists() || text.starts_with('/') || text.starts_with("./") {
            return Ok(Self { url: text.to_owned(), local: true });
        }
        if let Some(path) = text.strip_prefix("file://") {
            return Ok(Self { url: path.to_owned(), local: true });
        }
        Self::from_metadata(text)
    }

    /// The address, without credentials.
    pub fn as_str(&self) -> &str {
        &self.url
    }

    /// Whether the user named a local path.
    pub fn is_local_path(&self) -> bool {
        self.local
    }

    /// How blob ids must be computed to be comparable with this host's objects.
    pub fn collision_check(&self) -> CollisionCheck {
        let host = Url::parse(&self.url).ok().and_then(|url| url.host_str().map(str::to_ascii_lowercase));
        match host {
            Some(host) if COLLISION_REFUSING_HOSTS.contains(&host.as_str()) => CollisionCheck::ByHost,
            _ => CollisionCheck::EveryFile,
        }
    }

    /// Whether both lead to one repository, or to two that one owner at a public host has: no stranger makes a second.
    pub fn has_owner_of(&self, other: &Self) -> bool {
        let (this, other) = (Place::of(self), Place::of(other));
        let owner = |place: &Place| place.path.split('/').next().map(str::to_owned);
        this == other || this.is_public && this.host == other.host && owner(&this) == owner(&other)
    }

    /// Whether a public host has it as that owner's repository of that name.
    pub fn is_at(&self, owner: &str, name: &str) -> bool {
        let place = Place::of(self);
        place.is_public && place.path == format!("{owner}/{name}").to_ascii_lowercase()
    }

    /// What git calls a clone of it, where that is a plain name.
    pub fn clone_name(&self) -> Option<String> {
        let path = self.url.trim_end_matches('/');
        let path = path.strip_suffix("/.git").unwrap_or(path);
        let name = path.rsplit(['/', ':']).next().map(|name| name.strip_suffix(".git").unwrap_or(name))?;
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        let is_usable = name.len() <= 64 && !name.starts_with(['.', '-']) && name != "node_modules";
        (is_usable && !name.is_empty() && name.bytes().all(is_plain)).then(|| name.to_owned())
    }
}

impl fmt::Display for RepositoryLocation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.url)
    }
}

impl fmt::Debug for RepositoryLocation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "RepositoryLocation({})", self.url)
    }
}

/// Where a repository is, whatever the transport.
#[derive(PartialEq, Eq)]
struct Place {
    /// With its port and the user, where they are named.
    host: String,
    path: String,
    is_public: bool,
}

impl Place {
    fn of(location: &RepositoryLocation) -> Self {
        let Ok(url) = Url::parse(&location.url) else {
            return Self { host: String::new(), path: location.url.clone(), is_public: false };
        };
        let host = url.host_str().unwrap_or_default();
        let is_public = COLLISION_REFUSING_HOSTS.contains(&host);
        let path = url.path().trim_matches('/');
        let path = path.strip_suffix(".git").unwrap_or(path);
        // Who reaches it by a name of his own may be shown something of his own.
        let user = Some(url.username()).filter(|user| !matches!(*user, "" | "git")).map(|user| format!("{user}@"));
        let port = url.port().map(|port| format!(":{port}"));
        Self {
            host: [user.as_deref(), Some(host), port.as_deref()].into_iter().flatten().collect(),
            // Public hosts do not tell letters apart; others may.
            path: if is_public { path.to_ascii_lowercase() } else { path.to_owned() },
            is_public,
        }
    }
}

/// Any spelling that names a public host and a path on it: without a scheme, with a colon where a slash
/// belongs, with a user. People write them all, and npm's own client corrects most.
fn public_host(text: &str) -> Option<String> {
    let rest = text.strip_prefix("git+").unwrap_or(text);
    let rest = rest.split_once("//").map_or(rest, |(_scheme, rest)| rest);
    let rest = rest.split_once('@').filter(|(user, _)| !user.contains('/')).map_or(rest, |(_user, rest)| rest);
    let rest = rest.strip_prefix("www.").unwrap_or(rest);
    let host = COLLISION_REFUSING_HOSTS.iter().find(|host| rest.starts_with(**host))?;
    let path = rest[host.len()..].strip_prefix([':', '/'])?.trim_start_matches('/');
    let scheme = text.split_once("://").map_or("https", |(scheme, _)| scheme.strip_prefix("git+").unwrap_or(scheme));
    if !matches!(scheme, "https" | "http" | "git" | "ssh")
        || path.starts_with(|c: char| c.is_ascii_digit() && rest.contains(':'))
    {
        return None;
    }
    Url::parse(&format!("https://{host}/{path}")).ok().map(canonical)
}

/// Where npm's `gist:` leads.
const GIST_HOST: &str = "gist.github.com";

/// `owner/name`, `github:owner/name`, `gitlab:…`, `bitbucket:…`, `gist:id`, with an optional `#branch`.
fn shorthand(text: &str) -> Option<String> {
    let text = text.split('#').next()?;
    let (host, path) = match text.split_once(':') {
        Some(("github", path)) => ("github.com", path),
        Some(("gitlab", path)) => ("gitlab.com", path),
        Some(("bitbucket", path)) => ("bitbucket.org", path),
        Some(("gist", path)) => (GIST_HOST, path),
        Some(_) => return None,
        None => ("github.com", text),
    };
    let path = path.strip_suffix(".git").unwrap_or(path);
    let valid = |part: &str| {
        !part.is_empty()
            && !part.starts_with('.')
            && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
    };
    let parts: Vec<_> = path.split('/').collect();
    let right_count = match host {
        "gitlab.com" => parts.len() >= 2,
        // The owner may stand before the id.
        GIST_HOST => parts.len() <= 2,
        _ => parts.len() == 2,
    };
    // `example.com/path` without a scheme is a host, not an owner.
    (right_count && parts.iter().all(|part| valid(part)) && (text.contains(':') || !parts[0].contains('.')))
        .then(|| format!("https://{host}/{path}"))
}

/// `git@host:owner/name.git`, which git reaches by ssh.
fn scp_like(text: &str) -> Option<String> {
    let bare = text.strip_prefix("git+ssh://").or_else(|| text.strip_prefix("ssh://")).unwrap_or(text);
    if bare.contains("://") {
        return None;
    }
    let (authority, path) = bare.split_once(':')?;
    // In an address with a scheme a number is the port.
    if bare != text && path.starts_with(|first: char| first.is_ascii_digit()) {
        return None;
    }
    let (user, host) = authority.split_once('@')?;
    let plain = |text: &str, also: &[u8]| {
        !text.is_empty()
            && !text.starts_with('-')
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || also.contains(&byte))
    };
    if !plain(user, b"-_.") || !plain(host, b"-_.") || path.is_empty() {
        return None;
    }
    Url::parse(&format!("ssh://{user}@{host}/{}", path.trim_start_matches('/'))).ok().map(canonical)
}

/// Drops credentials, query and fragment; public hosts are asked over https whatever the metadata's transport.
fn canonical(mut url: Url) -> String {
    let _ = url.set_password(None);
    url.set_query(None);
    url.set_fragment(None);
    let public = url.host_str().is_some_and(|host| COLLISION_REFUSING_HOSTS.contains(&host));
    if public || url.host_str() == Some("www.github.com") {
        let host = url.host_str().unwrap_or_default().trim_start_matches("www.").to_owned();
        let mut segments: Vec<&str> =
            url.path_segments().into_iter().flatten().filter(|part| !part.is_empty()).collect();
        if host != "gitlab.com" {
            segments.truncate(2);
        }
        let path = segments.join("/");
        let path = path.strip_suffix(".git").unwrap_or(&path).trim_end_matches('/');
        return format!("https://{host}/{path}");
    }
    if url.scheme() != "ssh" {
        let _ = url.set_username("");
    }
    url.to_string().trim_end_matches('/').to_owned()
}

/// Splits a browser address of a folder (`…/tree/main/packages/x`) into repository and directory.
fn split_tree_address(text: &str) -> (String, Option<String>) {
    for marker in ["/-/tree/", "/tree/", "/-/blob/", "/blob/", "/src/"] {
        // An owner or a repository may be called `tree`, too: at least both stand before the marker.
        let segments = |repository: &str| repository.split_once("://").map_or(0, |(_, path)| path.split('/').count());
        if let Some((repository, rest)) = text.split_once(marker)
            && segments(repository) >= 3
        {
            let rest = rest.split(['#', '?']).next().unwrap_or_default();
            let directory = rest.split_once('/').map(|(_branch, directory)| directory.trim_matches('/'));
            return (repository.to_owned(), directory.and_then(clean_directory));
        }
    }
    (text.to_owned(), None)
}

/// Cleans a directory claim; `None` where it is empty or climbs.
pub fn clean_directory(text: &str) -> Option<String> {
    let parts: Vec<_> = text.split('/').filter(|part| !part.is_empty() && *part != ".").collect();
    let climbs = parts.iter().any(|part| *part == ".." || part.chars().any(char::is_control));
    (!parts.is_empty() && !climbs).then(|| parts.join("/"))
}

/// Whether a directory holds material for tests, where another package's look-alike may lie.
pub fn is_test_material(directory: &str) -> bool {
    const NAMES: [&str; 6] = ["node_modules", "fixtures", "__fixtures__", "__tests__", "test", "tests"];
    directory.split('/').any(|part| NAMES.contains(&part))
}

/// What the fields of a manifest say about the repository, strongest first; also what was unusable, with the reason.
pub fn claims(
    repository: Option<&Value>,
    homepage: Option<&str>,
    bugs: Option<&Value>,
) -> (Vec<RepositoryClaim>, Vec<LocationError>) {
    let mut claims: Vec<RepositoryClaim> = Vec::new();
    let mut refused = Vec::new();
    // Very old manifests have a list.
    let repository = match repository {
        Some(Value::Array(list)) => list.first(),
        other => other,
    };
    let (text, directory) = match repository {
        Some(Value::String(text)) => (Some(text.as_str()), None),
        Some(Value::Object(object)) => (
            object.get("url").and_then(Value::as_str),
            object.get("directory").and_then(Value::as_str).and_then(clean_directory),
        ),
        _ => (None, None),
    };
    if let Some(text) = text.filter(|text| !text.is_empty()) {
        let (address, tree_directory) = split_tree_address(text);
        match RepositoryLocation::from_metadata(&address) {
            Ok(location) => claims.push(RepositoryClaim {
                location,
                // Whoever publishes writes this field.
                directory: directory.or(tree_directory).filter(|directory| !is_test_material(directory)),
                origin: ClaimOrigin::Repository,
            }),
            Err(error) => refused.push(error),
        }
    }
    match repository {
        None | Some(Value::Null | Value::String(_)) => {}
        Some(other) if text.is_none() => {
            refused.push(LocationError::Malformed(other.to_string().chars().take(100).collect()));
        }
        Some(_) => {}
    }
    let bugs = match bugs {
        Some(Value::String(text)) => Some(text.as_str()),
        Some(Value::Object(object)) => object.get("url").and_then(Value::as_str),
        _ => None,
    };
    for (text, origin) in [(homepage, ClaimOrigin::Homepage), (bugs, ClaimOrigin::Bugs)] {
        // Pages about a package are many; only addresses at known source hosts can be repositories.
        if let Some((location, directory)) = text.and_then(weak_location)
            && claims.iter().all(|claim| claim.location != location)
        {
            claims.push(RepositoryClaim { location, directory, origin });
        }
    }
    (claims, refused)
}

fn weak_location(text: &str) -> Option<(RepositoryLocation, Option<String>)> {
    let (address, directory) = split_tree_address(text);
    let url = Url::parse(&address).ok()?;
    let host = url.host_str()?.trim_start_matches("www.").to_owned();
    let segments = url.path_segments()?.filter(|part| !part.is_empty()).count();
    if !matches!(url.scheme(), "http" | "https") || !COLLISION_REFUSING_HOSTS.contains(&host.as_str()) || segments < 2 {
        return None;
    }
    let trimmed = address.split("/-/").next()?.split("/issues").next()?;
    Some((RepositoryLocation::from_metadata(trimmed).ok()?, directory))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn location(text: &str) -> String {
        RepositoryLocation::from_metadata(text).unwrap().as_str().to_owned()
    }

    #[test]
    fn every_spelling_of_a_public_repository_is_one_address() {
        for text in [
            "chalk/chalk",
            "github:chalk/chalk",
            "https://github.com/chalk/chalk",
            "https://github.com/chalk/chalk.git",
            "git+https://github.com/chalk/chalk.git",
            "git://github.com/chalk/chalk.git",
            "git+ssh://git@github.com/chalk/chalk.git",
            "ssh://git@github.com/chalk/chalk",
            "git@github.com:chalk/chalk.git",
            "git+ssh://git@github.com:chalk/chalk.git",
            "http://www.github.com/chalk/chalk/",
            "git://github.com:chalk/chalk.git",
            "https://github.com:chalk/chalk.git",
            "git+ssh://github.com:chalk/chalk",
            "git@github.com/chalk/chalk.git",
            "github.com/chalk/chalk",
            "github.com:chalk/chalk",
            "//github.com/chalk/chalk",
            "https://user:secret@github.com/chalk/chalk#main",
        ] {
            assert_eq!(location(text), "https://github.com/chalk/chalk", "{text}");
        }
    }

    #[test]
    fn a_clone_is_called_like_the_last_part_if_that_is_plain() {
        let name = |text: &str| RepositoryLocation::from_user(text).unwrap().clone_name();
        for text in
            ["mochajs/mocha", "git@git.example:team/mocha.git", "/srv/mocha", "/srv/mocha/.git", "/srv/mocha.git/"]
        {
            assert_eq!(name(text).as_deref(), Some("mocha"), "{text}");
        }
        for text in ["/", "/srv/..", "/srv/.hidden", "/srv/a b", "/srv/node_modules"] {
            assert_eq!(name(text), None, "{text}");
        }
    }

    #[test]
    fn a_repository_is_at_its_owner_on_public_hosts() {
        let parse = |text: &str| RepositoryLocation::from_metadata(text).unwrap();
        assert!(parse("github:ReactiveX/RxJS").is_at("reactivex", "rxjs"));
        assert!(!parse("github:reactivex/rxjs").is_at("reactivex", "other"));
        assert!(!parse("github:other/rxjs").is_at("reactivex", "rxjs"));
        assert!(!parse("https://git.example.org/reactivex/rxjs").is_at("reactivex", "rxjs"));
    }

    #[test]
    fn an_owner_is_known_at_public_hosts_alone() {
        let has_owner_of = |first: &str, second: &str| {
            let parse = |text: &str| RepositoryLocation::from_metadata(text).unwrap();
            parse(first).has_owner_of(&parse(second))
        };
        for (first, second) in [
            ("Chalk/Chalk", "chalk/chalk"),
            ("chalk/chalk", "chalk/ansi-styles"),
            ("gitlab:group/sub/name", "gitlab:group/other"),
            ("https://git.example/a/b.git", "git@git.example:a/b"),
        ] {
            assert!(has_owner_of(first, second), "{first} {second}");
        }
        for (first, second) in [
            ("chalk/chalk", "stranger/chalk"),
            ("chalk/chalk", "gitlab:chalk/chalk"),
            ("https://git.example/a/b", "https://git.example/a/c"),
            ("https://git.example/a/b", "https://git.example:8443/a/b"),
            ("https://git.example/Team/b", "https://git.example/team/b"),
            ("ssh://git@git.example/a/b", "ssh://other@git.example/a/b"),
        ] {
            assert!(!has_owner_of(first, second), "{first} {second}");
        }
    }

    #[test]
    fn other_hosts_keep_their_path_and_lose_their_credentials() {
        assert_eq!(location("gitlab:group/sub/name"), "https://gitlab.com/group/sub/name");
        assert_eq!(location("bitbucket:owner/name"), "https://bitbucket.org/owner/name");
        assert_eq!(location("gist:11081aaa281"), "https://gist.github.com/11081aaa281");
        assert_eq!(location("https://user:secret@git.example/a/b.git"), "https://git.example/a/b.git");
        assert_eq!(location("git@git.example:a/b.git"), "ssh://git@git.example/a/b.git");
    }

    #[test]
    fn metadata_cannot_choose_a_local_or_external_transport() {
        for text in [
            "file:///etc",
            "/etc",
            "../x",
            "ext::sh -c id",
            "ext::sh",
            "--upload-pack=id",
            "ssh://-oProxyCommand=id/x",
            "",
            "https://",
            "a b/c",
            "javascript:alert(1)",
        ] {
            assert!(RepositoryLocation::from_metadata(text).is_err(), "{text}");
        }
    }

    #[test]
    fn folders_in_addresses_and_fields_are_found() {
        let (claims, refused) = claims(
            Some(&json!({"type": "git", "url": "https://github.com/a/b/tree/main/packages/c"})),
            Some("https://github.com/a/b#readme"),
            Some(&json!({"url": "https://github.com/other/b/issues"})),
        );
        assert!(refused.is_empty());
        assert_eq!(claims.len(), 2);
        assert_eq!(claims[0].directory.as_deref(), Some("packages/c"));
        assert_eq!(claims[1].location.as_str(), "https://github.com/other/b");
        assert_eq!(claims[1].origin, ClaimOrigin::Bugs);
        assert_eq!(clean_directory("../x"), None);
        assert_eq!(split_tree_address("https://git.example/tree/repo.git").1, None);
    }
}
