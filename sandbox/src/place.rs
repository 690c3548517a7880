//! Paths of the work area: how they are called inside, and where they lie in the file system behind it.

use crate::policy::{BUILD_DIRECTORY, HOME_DIRECTORY};
use std::path::{Component, Path, PathBuf};

/// What is writable inside, and the directory behind it.
pub(crate) const PLACES: [(&str, &str); 4] =
    [(BUILD_DIRECTORY, "build"), (HOME_DIRECTORY, "home"), ("/tmp", "tmp"), ("/dev/shm", "shm")];

/// Where an absolute path inside lies behind. Nothing if it is not writable, or has parts other than plain names.
pub(crate) fn behind(path: &Path) -> Option<PathBuf> {
    let (rest, behind) =
        PLACES.iter().find_map(|(inside, behind)| path.strip_prefix(inside).ok().map(|rest| (rest, behind)))?;
    rest.components().all(|part| matches!(part, Component::Normal(_))).then(|| Path::new(behind).join(rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_writable_places_have_something_behind() {
        assert_eq!(behind(Path::new("/build/a/b")), Some(PathBuf::from("build/a/b")));
        assert_eq!(behind(Path::new("/home/builder")), Some(PathBuf::from("home/")));
        for path in ["/", "/usr/bin", "build/a", "/build/../usr", "/buildx", "/home", "/build/./../x"] {
            assert_eq!(behind(Path::new(path)), None, "{path}");
        }
    }
}
