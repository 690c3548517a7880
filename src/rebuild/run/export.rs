//! The commit's files, written into the sandbox without any filter, attribute or hook of git.

use std::borrow::Cow;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::PathBuf;

use tarproof_sandbox::Session;

use super::Failure;
use super::failure::FailureKind;
use super::git_index::index;
use crate::package::CommitId;
use crate::rebuild::Plan;
use crate::rebuild::plan::place;
use crate::source::git::SourceRepository;
use crate::source::tree::{CommitTree, TreeFile, is_within};

/// Most files of a commit that is built.
const MAX_FILES: usize = 400_000;

/// Writes every file of the commit but those that the plan removes; returns the paths whose contents are not at hand.
pub(super) fn export(
    source: &SourceRepository,
    commit: &CommitId,
    plan: &Plan,
    session: &mut Session,
) -> Result<Vec<String>, Failure> {
    let tree = CommitTree::of_commit(source, commit)
        .ok_or_else(|| Failure::new(FailureKind::BuildFailed, format!("the tree of commit {commit} is not at hand")))?;
    let remove: Vec<&str> = plan.remove.iter().map(|path| place(path)).collect();
    let is_removed = |path: &str| remove.iter().any(|removed| is_within(path, removed));
    let mut files: Vec<(String, TreeFile)> = Vec::new();
    tree.for_each_file(|path, file| {
        if !is_removed(path) {
            files.push((path.to_owned(), file));
        }
        files.len() < MAX_FILES
    });
    if files.len() >= MAX_FILES {
        return Err(Failure::new(FailureKind::BuildLimit, format!("the commit has more than {MAX_FILES} files")));
    }
    let directory = plan.source_directory();
    let contents = source.contents();
    let mut missing = Vec::new();
    for (path, file) in &files {
        let Some(content) = contents.as_ref().and_then(|contents| contents.read(file.blob)) else {
            missing.push(path.clone());
            continue;
        };
        let inside = PathBuf::from(format!("{directory}/{path}"));
        if file.link {
            session.put_link(&inside, OsStr::from_bytes(&content))?;
        } else {
            let content = checked_out(path, content.into(), plan.crlf);
            session.put(&inside, if file.executable { 0o755 } else { 0o644 }, &mut content.as_ref())?;
        }
    }
    // Programs that ask git for the commit's id or its files get them; there is no history and no remote.
    session.put(&PathBuf::from(format!("{directory}/.git/index")), 0o644, &mut index(&files).as_slice())?;
    for (name, content) in [
        ("HEAD", format!("{commit}\n")),
        ("config", "[core]\n\trepositoryformatversion = 0\n\tbare = false\n".to_owned()),
        ("objects/info/packs", String::new()),
        ("refs/heads/.keep", String::new()),
    ] {
        session.put(&PathBuf::from(format!("{directory}/.git/{name}")), 0o644, &mut content.as_bytes())?;
    }
    Ok(missing)
}

/// What a checkout writes for a file of the commit: with `crlf` the line ends of text become CRLF.
///
/// As for git a file with a NUL or a carriage return is left alone. So is a script of the shell, which ends at the first
/// carriage return; on Windows it would not have run either.
pub(super) fn checked_out<'c>(path: &str, content: Cow<'c, [u8]>, crlf: bool) -> Cow<'c, [u8]> {
    if !crlf || path.ends_with(".sh") || content.starts_with(b"#!") {
        return content;
    }
    match std::str::from_utf8(&content) {
        Ok(text) if !text.contains(['\0', '\r']) => Cow::Owned(text.replace('\n', "\r\n").into_bytes()),
        _ => content,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_checkout_on_windows_changes_text_alone() {
        let written = |path: &str, content: &str| {
            String::from_utf8(checked_out(path, content.as_bytes().into(), true).into_owned()).unwrap()
        };
        assert_eq!(written("a.ts", "a\nb\n"), "a\r\nb\r\n");
        for (path, content) in [("a.ts", "a\r\nb\n"), ("a.bin", "a\0\n"), ("a.sh", "a\n"), ("bin/a", "#!/bin/sh\na\n")]
        {
            assert_eq!(written(path, content), content, "{path}");
        }
        assert_eq!(checked_out("a.png", (&b"\xff\n"[..]).into(), true).as_ref(), b"\xff\n");
        assert_eq!(checked_out("a.ts", (&b"a\n"[..]).into(), false).as_ref(), b"a\n");
    }
}
