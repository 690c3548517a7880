use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

/// The environment variables that registry configuration may read, handed in by the caller.
///
/// Prints only how many there are, because values may be credentials.
#[derive(Clone, Default)]
pub struct Environment {
    variables: Arc<HashMap<OsString, OsString>>,
}

impl Environment {
    /// The value of `name` where it is set, not empty and valid Unicode.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.variables.get(OsStr::new(name)).and_then(|value| value.to_str()).filter(|value| !value.is_empty())
    }

    /// The first of `names` that is set and not empty.
    pub fn first(&self, names: &[&str]) -> Option<&str> {
        names.iter().find_map(|name| self.text(name))
    }

    /// The path in `name` where it is set and not empty.
    pub fn path(&self, name: &str) -> Option<PathBuf> {
        self.variables.get(OsStr::new(name)).filter(|value| !value.is_empty()).map(PathBuf::from)
    }

    /// The paths of a search list such as `PATH`.
    pub fn paths(&self, name: &str) -> Vec<PathBuf> {
        self.variables
            .get(OsStr::new(name))
            .map(|list| std::env::split_paths(list).filter(|path| !path.as_os_str().is_empty()).collect())
            .unwrap_or_default()
    }

    /// Every variable whose name and value are valid Unicode, ordered by name.
    pub fn texts(&self) -> Vec<(&str, &str)> {
        let mut texts: Vec<_> =
            self.variables.iter().filter_map(|(name, value)| Some((name.to_str()?, value.to_str()?))).collect();
        texts.sort_unstable();
        texts
    }
}

impl<K: Into<OsString>, V: Into<OsString>> FromIterator<(K, V)> for Environment {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(variables: I) -> Self {
        let variables = variables.into_iter().map(|(name, value)| (name.into(), value.into())).collect();
        Self { variables: Arc::new(variables) }
    }
}

impl sys_traits::BaseEnvVar for Environment {
    fn base_env_var_os(&self, key: &OsStr) -> Option<OsString> {
        self.variables.get(key).cloned()
    }
}

impl fmt::Debug for Environment {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Environment({} variables)", self.variables.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn empty_values_count_as_unset_and_nothing_is_printed() {
        let environment: Environment = [("A", "secret"), ("B", "")].into_iter().collect();
        assert_eq!(environment.text("A"), Some("secret"));
        assert_eq!(environment.text("B"), None);
        assert_eq!(environment.first(&["B", "A"]), Some("secret"));
        assert_eq!(format!("{environment:?}"), "Environment(2 variables)");
    }
}
