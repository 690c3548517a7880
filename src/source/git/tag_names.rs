//! The names of a repository's tags.
//!
//! libgit2 lists references by loading and sorting every one of them, in a mirror those of all pull requests too: with
//! 7,000 that takes as long as a whole verification. This reads the same files for the names alone. What a name means
//! is asked of libgit2.

use std::path::Path;

use git2::Repository;
use walkdir::WalkDir;

const TAGS: &[u8] = b"refs/tags/";
/// Larger files are left to libgit2, bytes.
const PACKED_SIZE: u64 = 64 << 20;

/// Every tag's name, in order.
pub(super) fn tag_names(repository: &Repository) -> Vec<String> {
    let directory = repository.commondir();
    let packed = directory.join("packed-refs");
    if std::fs::metadata(&packed).is_ok_and(|file| file.len() > PACKED_SIZE) {
        return by_libgit2(repository);
    }
    let mut names = std::fs::read(&packed).map(|content| packed_names(&content)).unwrap_or_default();
    names.extend(loose_names(&directory.join("refs/tags")));
    names.sort_unstable();
    names.dedup();
    names
}

fn by_libgit2(repository: &Repository) -> Vec<String> {
    let Ok(names) = repository.tag_names(None) else { return Vec::new() };
    names.iter().filter_map(|name| name.ok().flatten().map(str::to_owned)).collect()
}

/// The second word of each line; lines that begin with `#` or `^` describe others and have no such word.
fn packed_names(content: &[u8]) -> Vec<String> {
    let lines = content.split(|byte| *byte == b'\n');
    let names = lines.filter_map(|line| {
        let space = line.iter().position(|byte| *byte == b' ')?;
        let name = line[space + 1..].strip_prefix(TAGS)?;
        let name = name.strip_suffix(b"\r").unwrap_or(name);
        String::from_utf8(name.to_vec()).ok()
    });
    names.collect()
}

fn loose_names(directory: &Path) -> impl Iterator<Item = String> {
    WalkDir::new(directory).into_iter().filter_map(move |entry| {
        let entry = entry.ok().filter(|entry| entry.file_type().is_file())?;
        let name = entry.path().strip_prefix(directory).ok()?.to_str()?;
        (!name.ends_with(".lock")).then(|| name.replace(std::path::MAIN_SEPARATOR, "/"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_tags_are_listed_as_by_libgit2() {
        let directory = tempfile::tempdir().unwrap();
        let repository = Repository::init_bare(directory.path()).unwrap();
        let author = git2::Signature::new("a", "a@example", &git2::Time::new(0, 0)).unwrap();
        let tree = repository.find_tree(repository.treebuilder(None).unwrap().write().unwrap()).unwrap();
        let commit = repository.commit(Some("refs/heads/main"), &author, &author, "one", &tree, &[]).unwrap();
        let packed = format!(
            "# pack-refs with: peeled fully-peeled sorted \n{commit} refs/heads/v9\n{commit} refs/pull/1/head\n\
             {commit} refs/tags/@scope/name@1.0.0\n^{commit}\n{commit} refs/tags/v1.0.0\n"
        );
        std::fs::write(directory.path().join("packed-refs"), packed).unwrap();
        for name in ["v1.0.0", "v2.0.0", "nested/name/v3"] {
            let commit = repository.find_object(commit, None).unwrap();
            repository.tag_lightweight(name, &commit, true).unwrap();
        }
        let mut listed = by_libgit2(&repository);
        listed.sort_unstable();
        assert_eq!(tag_names(&repository), listed);
        assert_eq!(listed, ["@scope/name@1.0.0", "nested/name/v3", "v1.0.0", "v2.0.0"]);
    }
}
