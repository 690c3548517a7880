//! A tree of files in memory and the edits that lead from one to the next.

use std::collections::BTreeMap;

use super::case::{Change, Edit};

/// Files by path, `/`-separated, without a leading slash.
pub type Tree = BTreeMap<String, TreeFile>;

/// One file of a tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TreeFile {
    /// Its bytes; the target of a link.
    pub content: Vec<u8>,
    /// What it is.
    pub kind: TreeFileKind,
}

/// What a path of a tree is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TreeFileKind {
    /// An ordinary file.
    Regular,
    /// An ordinary file with the executable bit.
    Executable,
    /// A symbolic link.
    Link,
}

/// Why an edit cannot be applied.
#[derive(Debug, thiserror::Error)]
pub enum EditError {
    /// It changes a file that does not exist.
    #[error("there is no file `{0}` to change")]
    NoFile(String),
    /// It copies what does not exist.
    #[error("there is nothing at `{0}` to copy")]
    NothingToCopy(String),
    /// The text to replace does not occur.
    #[error("`{path}` does not contain `{text}`")]
    NoText {
        /// The file.
        path: String,
        /// What it should contain.
        text: String,
    },
    /// Not hexadecimal.
    #[error("the content of `{0}` is not hexadecimal")]
    Hexadecimal(String),
}

impl TreeFile {
    /// An ordinary file with this text.
    pub fn text(text: &str) -> Self {
        Self { content: text.as_bytes().to_vec(), kind: TreeFileKind::Regular }
    }
}

/// Applies `edits` to `tree`; `lookup` finds what a copy refers to (a commit's label, if not this one, and a path).
pub(crate) fn apply_edits(
    tree: &mut Tree,
    edits: &BTreeMap<String, Edit>,
    lookup: &dyn Fn(Option<&str>, &str) -> Option<TreeFile>,
) -> Result<(), EditError> {
    for (path, edit) in edits {
        match edit {
            Edit::Text(text) => {
                tree.insert(path.clone(), TreeFile::text(text));
            }
            Edit::Change(change) if change.remove => {
                tree.remove(path).ok_or_else(|| EditError::NoFile(path.clone()))?;
            }
            Edit::Change(change) => {
                let file = changed_file(path, change, tree.get(path).cloned(), lookup)?;
                tree.insert(path.clone(), file);
            }
        }
    }
    Ok(())
}

fn changed_file(
    path: &str,
    change: &Change,
    before: Option<TreeFile>,
    lookup: &dyn Fn(Option<&str>, &str) -> Option<TreeFile>,
) -> Result<TreeFile, EditError> {
    let mut file = match (&change.copy, &change.text, &change.hex, &change.link) {
        _ if !change.concatenate.is_empty() => {
            let mut content = change.text.clone().unwrap_or_default().into_bytes();
            for from in &change.concatenate {
                let found = lookup(change.of.as_deref(), from);
                content.extend(found.ok_or_else(|| EditError::NothingToCopy(from.clone()))?.content);
            }
            TreeFile { content, kind: TreeFileKind::Regular }
        }
        (Some(from), ..) => lookup(change.of.as_deref(), from).ok_or_else(|| EditError::NothingToCopy(from.clone()))?,
        (_, Some(text), ..) => TreeFile::text(text),
        (_, _, Some(hex), _) => {
            let content = parse_hex(hex).ok_or_else(|| EditError::Hexadecimal(path.to_owned()))?;
            TreeFile { content, kind: TreeFileKind::Regular }
        }
        (.., Some(target)) => TreeFile { content: target.as_bytes().to_vec(), kind: TreeFileKind::Link },
        _ => before.ok_or_else(|| EditError::NoFile(path.to_owned()))?,
    };
    for (from, to) in &change.replace {
        let text = String::from_utf8_lossy(&file.content);
        if !text.contains(from) {
            return Err(EditError::NoText { path: path.to_owned(), text: from.clone() });
        }
        file.content = text.replacen(from, to, 1).into_bytes();
    }
    if let Some(text) = &change.append {
        file.content.extend_from_slice(text.as_bytes());
    }
    if let Some(executable) = change.executable {
        file.kind = if executable { TreeFileKind::Executable } else { TreeFileKind::Regular };
    }
    Ok(file)
}

fn parse_hex(text: &str) -> Option<Vec<u8>> {
    let digits: Vec<u8> = text.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
    let pairs = digits.chunks_exact(2);
    if !pairs.remainder().is_empty() {
        return None;
    }
    pairs.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect()
}

/// Turns every lone line feed into CRLF.
pub(crate) fn to_crlf(content: &[u8]) -> Vec<u8> {
    let mut converted = Vec::with_capacity(content.len() + content.len() / 16);
    let mut previous = 0;
    for &byte in content {
        if byte == b'\n' && previous != b'\r' {
            converted.push(b'\r');
        }
        converted.push(byte);
        previous = byte;
    }
    converted
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edits(text: &str) -> BTreeMap<String, Edit> {
        toml::from_str(text).unwrap()
    }

    #[test]
    fn edits_replace_append_copy_and_remove() {
        let mut tree = Tree::new();
        let nothing = |_: Option<&str>, _: &str| None;
        apply_edits(&mut tree, &edits("a = 'one'\nb = 'two'\n"), &nothing).unwrap();
        let copy = tree.clone();
        let lookup = |_: Option<&str>, path: &str| copy.get(path).cloned();
        let text = "a = { replace = [['on', 'th']], append = '!', executable = true }\nb = { remove = true }\n\
                    c = { copy = 'b' }\nf = { text = '1', concatenate = ['a', 'b'] }\nd = { hex = '7f 45' }\ne = { link = 'a' }";
        apply_edits(&mut tree, &edits(text), &lookup).unwrap();
        assert_eq!(tree["a"], TreeFile { content: b"the!".to_vec(), kind: TreeFileKind::Executable });
        assert!(!tree.contains_key("b"));
        assert_eq!(tree["c"].content, b"two");
        assert_eq!(tree["f"].content, b"1onetwo");
        assert_eq!(tree["d"].content, [0x7f, 0x45]);
        assert_eq!(tree["e"].kind, TreeFileKind::Link);
    }

    #[test]
    fn edits_that_miss_their_target_are_errors() {
        let nothing = |_: Option<&str>, _: &str| None;
        for text in ["a = { append = 'x' }", "a = { remove = true }", "a = { copy = 'b' }", "a = { hex = 'f' }"] {
            assert!(apply_edits(&mut Tree::new(), &edits(text), &nothing).is_err(), "{text}");
        }
        let mut tree = Tree::from([("a".to_owned(), TreeFile::text("x"))]);
        assert!(apply_edits(&mut tree, &edits("a = { replace = [['y', 'z']] }"), &nothing).is_err());
    }

    #[test]
    fn line_ends_become_crlf_once() {
        assert_eq!(to_crlf(b"a\nb\r\nc"), b"a\r\nb\r\nc");
    }
}
