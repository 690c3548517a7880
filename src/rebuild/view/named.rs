//! Which packages somebody has named: a name that goes to the registry can carry data, so none is the client's own.

use std::collections::HashSet;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Component, Path};
use std::sync::{Mutex, MutexGuard, PoisonError};

use flate2::read::GzDecoder;
use memchr::memmem;
use tar::Archive;

use crate::package::{PackageName, Release};

/// Most shrinkwraps that are kept, and the most that is read of one, bytes.
const SHRINKWRAPS: usize = 100;
const SHRINKWRAP_SIZE: u64 = 8 << 20;
/// The most that is unpacked of a tarball to look for one, bytes.
const UNPACKED_SIZE: u64 = 256 << 20;

/// What names packages: texts of the commit, and the dependency lists of what was answered before.
#[derive(Debug, Default)]
pub(super) struct Named {
    /// Manifests and lockfile as they are: each has its own ways to write a dependency, and all write its name.
    texts: Vec<String>,
    learnt: Mutex<HashSet<PackageName>>,
    /// Releases whose tarballs hold a shrinkwrap, which names what their packuments need not.
    shrinkwrapped: Mutex<HashSet<(PackageName, String)>>,
    shrinkwraps: Mutex<Vec<String>>,
}

impl Named {
    pub(super) fn new(texts: Vec<String>) -> Self {
        Self { texts, ..Self::default() }
    }

    /// Whether the package was named.
    pub(super) fn has(&self, name: &PackageName) -> bool {
        let names = |text: &String| stands_in(text, name.as_str());
        lock(&self.learnt).contains(name) || self.texts.iter().any(names) || lock(&self.shrinkwraps).iter().any(names)
    }

    /// Adds what an answer names.
    pub(super) fn learn(&self, names: HashSet<PackageName>) {
        lock(&self.learnt).extend(names);
    }

    /// Remembers which releases of a package hold a shrinkwrap.
    pub(super) fn expect_shrinkwraps(&self, name: &PackageName, versions: HashSet<String>) {
        lock(&self.shrinkwrapped).extend(versions.into_iter().map(|version| (name.clone(), version)));
    }

    /// Whether the release holds one, as its packument says.
    pub(super) fn expects_shrinkwrap(&self, release: &Release) -> bool {
        lock(&self.shrinkwrapped).contains(&(release.name.clone(), release.version.to_string()))
    }

    /// Adds what the shrinkwrap of an answered tarball names, if it has one.
    pub(super) fn learn_shrinkwrap(&self, tarball: &Path) -> io::Result<()> {
        let Some(text) = shrinkwrap(File::open(tarball)?)? else { return Ok(()) };
        let mut shrinkwraps = lock(&self.shrinkwraps);
        if shrinkwraps.len() < SHRINKWRAPS && !shrinkwraps.contains(&text) {
            shrinkwraps.push(text);
        }
        Ok(())
    }
}

fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The shrinkwrap in an npm tarball.
fn shrinkwrap(tarball: impl Read) -> io::Result<Option<String>> {
    let mut archive = Archive::new(GzDecoder::new(tarball).take(UNPACKED_SIZE));
    for entry in archive.entries()? {
        let entry = entry?;
        // The first folder has any name.
        let is_it = entry.path()?.components().skip(1).eq([Component::Normal("npm-shrinkwrap.json".as_ref())]);
        if is_it {
            let mut text = Vec::new();
            entry.take(SHRINKWRAP_SIZE).read_to_end(&mut text)?;
            return Ok(Some(String::from_utf8_lossy(&text).into_owned()));
        }
    }
    Ok(None)
}

/// Whether the name stands in the text, and not as a part of a longer one.
fn stands_in(text: &str, name: &str) -> bool {
    let bytes = text.as_bytes();
    let belongs = |byte: Option<&u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric() || b"._~-".contains(byte));
    memmem::find_iter(bytes, name).any(|start| {
        let before = start.checked_sub(1).and_then(|before| bytes.get(before));
        !belongs(before) && !belongs(bytes.get(start + name.len()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_stands_in_every_form_that_manifests_and_lockfiles_have() {
        for text in [
            r#"{"devDependencies":{"left-pad":"^1.0.0"}}"#,
            r#"{"dependencies":{"x":"npm:left-pad@1"}}"#,
            r#""node_modules/a/node_modules/left-pad": {"#,
            "left-pad@^1.0.0:\n  version \"1.1.0\"",
            "  /left-pad/1.0.0:\n",
            "  /left-pad@1.0.0:\n",
            "catalog:\n  left-pad: 1.0.0\n",
        ] {
            assert!(stands_in(text, "left-pad"), "{text}");
        }
        assert!(stands_in("'@s/n@npm:^1'", "@s/n"));
        for text in ["left-padding", "my-left-pad", "left-pad.js", "left_pad", "left", ""] {
            assert!(!stands_in(text, "left-pad"), "{text}");
        }
    }
}
