use std::fmt;
use std::str::FromStr;

use crate::package::{Ecosystem, NameError, PackageName, Version, VersionError};

/// What a user asks about: a package, and either an exact version or the latest.
///
/// Accepts a purl (`pkg:npm/%40babel/core@7.28.0`) or the shorthand `npm:@babel/core@7.28.0`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Subject {
    /// Where the package is published.
    pub ecosystem: Ecosystem,
    /// The package.
    pub name: PackageName,
    /// The exact version; `None` asks for the registry's `latest`.
    pub version: Option<Version>,
}

/// Why a text names no package.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SubjectError {
    /// Neither `pkg:TYPE/…` nor `TYPE:…`.
    #[error("`{}` is neither a purl (`pkg:npm/name@1.2.3`) nor `npm:name@1.2.3`", .0.escape_debug())]
    Shape(String),
    /// A purl that the specification refuses.
    #[error("`{}` is not a valid purl: {reason}", text.escape_debug())]
    Purl {
        /// What was given.
        text: String,
        /// The parser's reason.
        reason: String,
    },
    /// An ecosystem this version does not read.
    #[error("the ecosystem `{}` is not supported (supported: npm)", .0.escape_debug())]
    Ecosystem(String),
    /// A bad package name.
    #[error(transparent)]
    Name(#[from] NameError),
    /// A bad version.
    #[error(transparent)]
    Version(#[from] VersionError),
}

impl FromStr for Subject {
    type Err = SubjectError;

    fn from_str(text: &str) -> Result<Self, SubjectError> {
        if text.get(..4).is_some_and(|prefix| prefix.eq_ignore_ascii_case("pkg:")) {
            return parse_purl(text);
        }
        let (kind, rest) = text.split_once(':').ok_or_else(|| SubjectError::Shape(text.to_owned()))?;
        let ecosystem = Ecosystem::from_purl_type(kind).ok_or_else(|| SubjectError::Ecosystem(kind.to_owned()))?;
        // The first character may be a scope's `@`, so the version's is looked for after it.
        let split = rest.char_indices().skip(1).find(|(_, character)| *character == '@').map(|(index, _)| index);
        let (name, version) = match split {
            Some(index) => (&rest[..index], Some(&rest[index + 1..])),
            None => (rest, None),
        };
        Self::from_parts(ecosystem, name, version)
    }
}

fn parse_purl(text: &str) -> Result<Subject, SubjectError> {
    // The scheme is case-insensitive, which the parser does not know.
    let lower = format!("pkg:{}", &text[4..]);
    let purl = packageurl::PackageUrl::from_str(&lower)
        .map_err(|error| SubjectError::Purl { text: text.to_owned(), reason: error.to_string() })?;
    if let Some(qualifier) = purl.qualifiers().keys().next() {
        let reason = format!("the qualifier `{qualifier}` is not supported");
        return Err(SubjectError::Purl { text: text.to_owned(), reason });
    }
    if let Some(path) = purl.subpath() {
        let reason = format!("a package is verified whole, not its part `{path}`");
        return Err(SubjectError::Purl { text: text.to_owned(), reason });
    }
    let ecosystem =
        Ecosystem::from_purl_type(purl.ty()).ok_or_else(|| SubjectError::Ecosystem(purl.ty().to_owned()))?;
    let name = match purl.namespace() {
        Some(namespace) => format!("{namespace}/{}", purl.name()),
        None => purl.name().to_owned(),
    };
    // The parser lower-cases names, but `JSONStream` and `jsonstream` are two packages.
    let name = as_written(text, &name).unwrap_or(name);
    Subject::from_parts(ecosystem, &name, purl.version())
}

/// The name in the purl's own letters, if it is `lower_case` apart from them.
fn as_written(text: &str, lower_case: &str) -> Option<String> {
    let path = text.split(['?', '#']).next()?.split_once('/')?.1;
    let path = path.split_once('@').filter(|(name, _)| !name.is_empty()).map_or(path, |(name, _version)| name);
    let name = percent_encoding::percent_decode_str(path.trim_matches('/')).decode_utf8().ok()?;
    name.eq_ignore_ascii_case(lower_case).then(|| name.into_owned())
}

impl Subject {
    fn from_parts(ecosystem: Ecosystem, name: &str, version: Option<&str>) -> Result<Self, SubjectError> {
        let version = match version {
            None | Some("latest") => None,
            Some(version) => Some(Version::parse(version)?),
        };
        Ok(Self { ecosystem, name: PackageName::parse(name)?, version })
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}", self.ecosystem, self.name)?;
        match &self.version {
            Some(version) => write!(formatter, "@{version}"),
            None => Ok(()),
        }
    }
}

/// A package and its exact version.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Release {
    /// Where the package is published.
    pub ecosystem: Ecosystem,
    /// The package.
    pub name: PackageName,
    /// The version.
    pub version: Version,
}

impl Release {
    /// The canonical purl, as reports and attestations name the release; a legacy name keeps its capitals.
    pub fn purl(&self) -> String {
        // Of what a name or version may hold, only these have a meaning of their own in a purl.
        let name = self.name.as_str().replace('@', "%40");
        let version = self.version.as_str().replace('+', "%2B");
        format!("pkg:{}/{name}@{version}", self.ecosystem)
    }
}

impl fmt::Display for Release {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}@{}", self.ecosystem, self.name, self.version)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn purl_and_shorthand_name_the_same_subject() {
        let purl: Subject = "pkg:npm/%40babel/core@7.28.0".parse().unwrap();
        let shorthand: Subject = "npm:@babel/core@7.28.0".parse().unwrap();
        assert_eq!(purl, shorthand);
        assert_eq!(purl.to_string(), "npm:@babel/core@7.28.0");
        let release = Release { ecosystem: purl.ecosystem, name: purl.name, version: purl.version.unwrap() };
        assert_eq!(release.purl(), "pkg:npm/%40babel/core@7.28.0");
    }

    #[test]
    fn capitals_of_legacy_names_are_kept() {
        let purl: Subject = "PKG:npm/JSONStream@1.3.5".parse().unwrap();
        assert_eq!(purl.name.as_str(), "JSONStream");
        let release = Release { ecosystem: purl.ecosystem, name: purl.name, version: purl.version.unwrap() };
        assert_eq!(release.purl(), "pkg:npm/JSONStream@1.3.5");
        assert_eq!("pkg:npm/%40Scope/Name@1.0.0".parse::<Subject>().unwrap().name.as_str(), "@Scope/Name");
        assert_eq!("pkg:npm/JSONStream".parse::<Subject>().unwrap().name.as_str(), "JSONStream");
    }

    #[test]
    fn without_a_version_the_latest_is_meant() {
        assert_eq!("npm:chalk".parse::<Subject>().unwrap().version, None);
        assert_eq!("npm:@babel/core".parse::<Subject>().unwrap().version, None);
        assert_eq!("pkg:npm/chalk".parse::<Subject>().unwrap().version, None);
    }

    #[test]
    fn errors_say_what_was_expected() {
        assert!(matches!("chalk".parse::<Subject>(), Err(SubjectError::Shape(_))));
        assert!(matches!("gem:rails@1.0.0".parse::<Subject>(), Err(SubjectError::Ecosystem(_))));
        assert!(matches!("npm:chalk@^5".parse::<Subject>(), Err(SubjectError::Version(_))));
        assert!(matches!("npm:../x@1.0.0".parse::<Subject>(), Err(SubjectError::Name(_))));
        assert!(matches!("pkg:npm/".parse::<Subject>(), Err(SubjectError::Purl { .. })));
    }
}
