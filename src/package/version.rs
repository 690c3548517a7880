use std::fmt;

/// A release's exact version, as its registry spells it.
///
/// The text is kept: `1.0.0+build` and `1.0.0` are different texts and registries may serve either.
#[derive(Debug, Clone)]
pub struct Version {
    text: String,
    parsed: nodejs_semver::Version,
}

/// Why a text is not a version.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{}` is not an exact version such as 1.2.3", .0.escape_debug())]
pub struct VersionError(String);

impl Version {
    /// Parses an exact version (`1.2.3-beta.1`), refusing ranges, tags and a leading `v`.
    pub fn parse(text: &str) -> Result<Self, VersionError> {
        let error = || VersionError(text.to_owned());
        if !text.starts_with(|first: char| first.is_ascii_digit()) || text.len() > 256 {
            return Err(error());
        }
        if !text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-+".contains(&byte)) {
            return Err(error());
        }
        let parsed = nodejs_semver::Version::parse(text).map_err(|_| error())?;
        Ok(Self { text: text.to_owned(), parsed })
    }

    /// The version as its registry spells it.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether this version carries a pre-release part (`-beta.1`).
    pub fn is_prerelease(&self) -> bool {
        !self.parsed.pre_release().is_empty()
    }

    /// Whether it lies within a range.
    pub fn satisfies(&self, range: &nodejs_semver::Range) -> bool {
        self.parsed.satisfies(range)
    }

    /// The order of semantic versioning, build metadata ignored.
    pub fn compare_precedence(&self, other: &Self) -> std::cmp::Ordering {
        self.parsed.cmp(&other.parsed)
    }
}

impl PartialEq for Version {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Version {}

impl std::hash::Hash for Version {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.text.hash(state);
    }
}

impl fmt::Display for Version {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_the_text_and_knows_the_order() {
        let release = Version::parse("1.10.0").unwrap();
        let earlier = Version::parse("1.9.0-beta.1").unwrap();
        assert_eq!(release.as_str(), "1.10.0");
        assert!(release.compare_precedence(&earlier).is_gt());
        assert!(earlier.is_prerelease() && !release.is_prerelease());
    }

    #[test]
    fn refuses_ranges_tags_and_prefixes() {
        for text in ["", "v1.2.3", "^1.2.3", "latest", "1.2", "1.2.3 ", "1.2.3/../x", "1.2.3\n"] {
            assert!(Version::parse(text).is_err(), "{text:?}");
        }
    }
}
