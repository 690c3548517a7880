use std::fmt;

use crate::artifact::ArtifactLimits;

/// A file's path inside the package, as the installer would lay it out.
///
/// Relative, `/`-separated, UTF-8, without the archive's root folder, without `.` or `..`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EntryPath(Box<str>);

/// Why an archive's path cannot be a file of the package.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// Bytes that are not UTF-8.
    #[error("the path is not valid UTF-8")]
    NotUtf8,
    /// Starts with `/` or a drive letter.
    #[error("the path is absolute")]
    Absolute,
    /// Contains `..`.
    #[error("the path climbs out of its folder")]
    Traversal,
    /// Contains `\`, which is a separator on Windows and a file name character elsewhere.
    #[error("the path contains a backslash")]
    Backslash,
    /// Contains a control character.
    #[error("the path contains a control character")]
    Control,
    /// Longer than [`ArtifactLimits::PATH_LENGTH`].
    #[error("the path is longer than {} bytes", ArtifactLimits::PATH_LENGTH)]
    TooLong,
    /// Deeper than [`ArtifactLimits::PATH_DEPTH`].
    #[error("the path has more than {} folders", ArtifactLimits::PATH_DEPTH)]
    TooDeep,
    /// Nothing remains below the root folder, so installers drop the entry.
    #[error("the path lies outside the archive's root folder")]
    OutsideRoot,
}

impl EntryPath {
    /// Validates the path of an archive entry and strips its root folder, whatever that is called.
    pub fn from_archive(raw: &[u8]) -> Result<Self, PathError> {
        let text = std::str::from_utf8(raw).map_err(|_| PathError::NotUtf8)?;
        check(text)?;
        // Exactly one component, as it is written: `./package/a` is installed as `package/a`.
        let (_root, rest) = text.split_once('/').ok_or(PathError::OutsideRoot)?;
        Self::join(rest.split('/').filter(|component| !component.is_empty() && *component != "."))
    }

    /// Validates a path that is already relative to the package.
    pub fn from_package(text: &str) -> Result<Self, PathError> {
        check(text)?;
        Self::join(text.split('/').filter(|component| !component.is_empty() && *component != "."))
    }

    fn join<'a>(components: impl Iterator<Item = &'a str>) -> Result<Self, PathError> {
        let mut joined = String::new();
        for (depth, component) in components.enumerate() {
            if depth > ArtifactLimits::PATH_DEPTH {
                return Err(PathError::TooDeep);
            }
            if component == ".." {
                return Err(PathError::Traversal);
            }
            if !joined.is_empty() {
                joined.push('/');
            }
            joined.push_str(component);
        }
        // What an archive's root folder hid may be a drive.
        if has_drive(&joined) {
            return Err(PathError::Absolute);
        }
        if joined.is_empty() { Err(PathError::OutsideRoot) } else { Ok(Self(joined.into_boxed_str())) }
    }

    /// The path as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The last component.
    pub fn file_name(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or(&self.0)
    }
}

fn check(text: &str) -> Result<(), PathError> {
    let bytes = text.as_bytes();
    if bytes.len() > ArtifactLimits::PATH_LENGTH {
        return Err(PathError::TooLong);
    }
    if text.starts_with('/') || has_drive(text) {
        return Err(PathError::Absolute);
    }
    if text.contains('\\') {
        return Err(PathError::Backslash);
    }
    if text.chars().any(char::is_control) {
        return Err(PathError::Control);
    }
    if text.split('/').any(|component| component == "..") {
        return Err(PathError::Traversal);
    }
    Ok(())
}

/// Whether the path starts with a drive letter, which Windows takes for the root of another disk.
fn has_drive(text: &str) -> bool {
    matches!(text.as_bytes(), [letter, b':', ..] if letter.is_ascii_alphabetic())
}

impl fmt::Display for EntryPath {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strips_whatever_the_root_folder_is_called() {
        for raw in ["package/lib/a.js", "./lib/a.js", "other//lib/./a.js"] {
            assert_eq!(EntryPath::from_archive(raw.as_bytes()).unwrap().as_str(), "lib/a.js", "{raw}");
        }
        assert_eq!(EntryPath::from_archive(b"./package/a.js").unwrap().as_str(), "package/a.js");
    }

    #[test]
    fn refuses_what_could_land_elsewhere() {
        for (raw, error) in [
            (&b"package/../../etc/passwd"[..], PathError::Traversal),
            (b"../package/a.js", PathError::Traversal),
            (b"/package/a.js", PathError::Absolute),
            (b"C:/package/a.js", PathError::Absolute),
            (b"package/c:/a.js", PathError::Absolute),
            ([b"package/".as_slice(), &b"a/".repeat(65), b"a.js"].concat().leak(), PathError::TooDeep),
            (b"package\\..\\a.js", PathError::Backslash),
            (b"package/a\x1b[2J.js", PathError::Control),
            (b"package/\xff.js", PathError::NotUtf8),
            (b"a.js", PathError::OutsideRoot),
            (b"package/", PathError::OutsideRoot),
            (b"", PathError::OutsideRoot),
        ] {
            assert_eq!(EntryPath::from_archive(raw), Err(error), "{}", raw.escape_ascii());
        }
    }

    proptest::proptest! {
        #[test]
        fn whatever_is_accepted_stays_inside(raw in proptest::collection::vec(proptest::num::u8::ANY, 0..60)) {
            if let Ok(path) = EntryPath::from_archive(&raw) {
                proptest::prop_assert!(path.as_str().split('/').all(|part| !matches!(part, "" | "." | "..")));
                proptest::prop_assert_eq!(EntryPath::from_package(path.as_str()), Ok(path.clone()));
            }
        }
    }
}
