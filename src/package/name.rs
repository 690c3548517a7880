use std::fmt;

/// Longest name the npm registry accepts, in bytes.
const MAX_LENGTH: usize = 214;

/// A validated npm package name, with its scope if it has one (`chalk`, `@babel/core`).
///
/// Accepts the registry's legacy names (upper case, `~'!()*`) because old packages still carry them,
/// but nothing that could leave its path segment: no empty part, no leading dot, no slash beyond the scope's.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PackageName(String);

/// Why a text is not a package name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// Nothing before the version.
    #[error("the package name is empty")]
    Empty,
    /// More than 214 bytes.
    #[error("the package name is longer than {MAX_LENGTH} bytes")]
    TooLong,
    /// A character or shape npm never accepts.
    #[error("`{}` is not an npm package name", .0.escape_debug())]
    Malformed(String),
}

impl PackageName {
    /// Parses and validates a name.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        if text.is_empty() {
            return Err(NameError::Empty);
        }
        if text.len() > MAX_LENGTH {
            return Err(NameError::TooLong);
        }
        let valid = match text.strip_prefix('@') {
            Some(scoped) => match scoped.split_once('/') {
                Some((scope, name)) => valid_part(scope) && valid_part(name),
                None => false,
            },
            None => valid_part(text),
        };
        if valid { Ok(Self(text.to_owned())) } else { Err(NameError::Malformed(text.to_owned())) }
    }

    /// The whole name, scope included.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The scope without its `@`.
    pub fn scope(&self) -> Option<&str> {
        self.0.strip_prefix('@').and_then(|scoped| scoped.split_once('/')).map(|(scope, _)| scope)
    }

    /// The name without its scope.
    pub fn unscoped(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or(&self.0)
    }
}

fn valid_part(part: &str) -> bool {
    !part.is_empty()
        && !part.starts_with('.')
        && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.~'!()*".contains(&byte))
}

impl fmt::Display for PackageName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepts_plain_scoped_and_legacy_names() {
        for name in ["chalk", "@babel/core", "JSONStream", "lodash.merge", "a", "@a/b-c_d"] {
            assert_eq!(PackageName::parse(name).unwrap().as_str(), name);
        }
        assert_eq!(PackageName::parse("@babel/core").unwrap().scope(), Some("babel"));
        assert_eq!(PackageName::parse("@babel/core").unwrap().unscoped(), "core");
    }

    #[test]
    fn refuses_what_could_escape_a_path_or_an_address() {
        for name in
            ["", ".", "..", "../x", "@/x", "@a/", "a/b", "@a/b/c", "a b", "a?b", "a#b", "a%2fb", "a\\b", "a\0", "é"]
        {
            assert!(PackageName::parse(name).is_err(), "{name:?}");
        }
        assert_eq!(PackageName::parse(&"a".repeat(215)), Err(NameError::TooLong));
    }
}
