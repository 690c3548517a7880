use super::Refusal;
use crate::package::{PackageName, Version};

/// Longest target, bytes: a name twice, a version, and escapes.
const MAX_TARGET: usize = 2048;

/// What a target asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Route {
    /// `/name`, scoped names with `/` or `%2f`.
    Packument(PackageName),
    /// `/name/-/file.tgz`.
    Tarball(PackageName, Version),
}

impl Route {
    /// Reads a path; whatever is not exactly one of the two forms is refused.
    pub(super) fn parse(path: &str) -> Result<Self, Refusal> {
        let path = decoded(path).ok_or(Refusal::Target)?;
        let path = path.strip_prefix('/').ok_or(Refusal::NotAPath)?;
        if path.is_empty() || path == "-" || path.starts_with("-/") {
            return Err(Refusal::Endpoint);
        }
        let Some((name, file)) = path.split_once("/-/") else {
            return PackageName::parse(path).map(Self::Packument).map_err(|_| Refusal::Target);
        };
        let name = PackageName::parse(name).map_err(|_| Refusal::Target)?;
        let version = file
            .strip_suffix(".tgz")
            .and_then(|file| file.strip_prefix(name.unscoped()))
            .and_then(|rest| rest.strip_prefix('-'))
            .and_then(|text| Version::parse(text).ok())
            .ok_or(Refusal::Target)?;
        Ok(Self::Tarball(name, version))
    }
}

/// Replaces the three escapes that package managers use; any other is refused.
fn decoded(path: &str) -> Option<String> {
    if path.len() > MAX_TARGET {
        return None;
    }
    let mut text = String::with_capacity(path.len());
    let mut rest = path;
    while let Some(at) = rest.find('%') {
        text.push_str(&rest[..at]);
        text.push(match rest.get(at..at + 3)? {
            "%2f" | "%2F" => '/',
            "%40" => '@',
            "%2b" | "%2B" => '+',
            _ => return None,
        });
        rest = &rest[at + 3..];
    }
    text.push_str(rest);
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_every_form_that_package_managers_use() {
        let packument = |name: &str| Route::Packument(PackageName::parse(name).unwrap());
        let tarball = |name: &str, version: &str| {
            Route::Tarball(PackageName::parse(name).unwrap(), Version::parse(version).unwrap())
        };
        for (path, expected) in [
            ("/a", packument("a")),
            ("/JSONStream", packument("JSONStream")),
            ("/@s/n", packument("@s/n")),
            ("/@s%2fn", packument("@s/n")),
            ("/@s%2Fn", packument("@s/n")),
            ("/%40s%2fn", packument("@s/n")),
            ("/a/-/a-1.0.0.tgz", tarball("a", "1.0.0")),
            ("/@s/n/-/n-1.0.0-beta.1.tgz", tarball("@s/n", "1.0.0-beta.1")),
            ("/@s%2fn/-/n-1.0.0.tgz", tarball("@s/n", "1.0.0")),
            ("/a-1/-/a-1-2.0.0.tgz", tarball("a-1", "2.0.0")),
        ] {
            assert_eq!(Route::parse(path), Ok(expected), "{path}");
        }
    }

    #[test]
    fn refuses_what_is_neither() {
        for path in [
            "/",
            "/-",
            "/-/all",
            "/-/v1/search",
            "/-/npm/v1/security/audits",
            "/-/package/a/dist-tags",
            "/-/whoami",
            "",
            "*",
            "/a/",
            "//a",
            "/a/1.0.0",
            "/a/latest",
            "/../a",
            "/a/../b",
            "/a/-/../b-1.0.0.tgz",
            "/a/-/b-1.0.0.tgz",
            "/a/-/a-1.0.0.tgz/x",
            "/a/-/a-latest.tgz",
            "/a/-/a-.tgz",
            "/a/-/a-1.0.0.tar.gz",
            "/a/-/-/a-1.0.0.tgz",
            "/@s/n/-/@s/n-1.0.0.tgz",
            "/@s",
            "/@s/n/m",
            "/a%00",
            "/a%2e%2e",
            "/%2e%2e/a",
            "/a%",
            "/a%2",
            "/a%é",
            "/a%252f",
            "/.a",
            "/a\\b",
            "/a b",
            "/a/-/a-1.0.0.tgz%3fx",
            "/http://b/a",
            "/a/-/a-1.0.0%2f..%2fx.tgz",
        ] {
            assert!(Route::parse(path).is_err(), "{path}");
        }
        assert!(Route::parse(&format!("/{}", "a".repeat(3000))).is_err());
    }
}
