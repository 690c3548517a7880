//! Which packages somebody has named: a name that goes to the registry can carry data, so none is the client's own.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use memchr::memmem;

use crate::package::PackageName;

/// What names packages: texts of the commit, and the dependency lists of what was answered before.
#[derive(Debug, Default)]
pub(super) struct Named {
    /// Manifests and lockfile as they are: each has its own ways to write a dependency, and all write its name.
    texts: Vec<String>,
    learnt: Mutex<HashSet<PackageName>>,
}

impl Named {
    pub(super) fn new(texts: Vec<String>) -> Self {
        Self { texts, learnt: Mutex::default() }
    }

    /// Whether the package was named.
    pub(super) fn has(&self, name: &PackageName) -> bool {
        self.learnt.lock().unwrap_or_else(PoisonError::into_inner).contains(name)
            || self.texts.iter().any(|text| stands_in(text, name.as_str()))
    }

    /// Adds what an answer names.
    pub(super) fn learn(&self, names: HashSet<PackageName>) {
        self.learnt.lock().unwrap_or_else(PoisonError::into_inner).extend(names);
    }
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
