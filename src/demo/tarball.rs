//! Packs a tree the way npm does, or on purpose differently, with the same bytes every time.

use super::case::ArchiveEntry;
use super::tree::{Tree, TreeFileKind};
use crate::pack::npm::archive::{ArchiveError, gzip, packing_order};
pub(crate) use crate::pack::npm::archive::{END_OF_ARCHIVE, Member, member_header};

/// Why a tarball cannot be built.
pub type TarballError = ArchiveError;

/// Packs `tree` under `package/` in npm's order, then `entries` as they stand.
pub fn build_tarball(tree: &Tree, entries: &[ArchiveEntry]) -> Result<Vec<u8>, TarballError> {
    let mut archive = Vec::new();
    let mut paths: Vec<&String> = tree.keys().collect();
    paths.sort_by_cached_key(|path| packing_order(path));
    for path in paths {
        let file = &tree[path];
        let name = format!("package/{path}");
        match file.kind {
            TreeFileKind::Regular => append_file(&mut archive, &name, 0o644, &file.content)?,
            TreeFileKind::Executable => append_file(&mut archive, &name, 0o755, &file.content)?,
            TreeFileKind::Link => archive.extend(member_header(&name, Member::Link { target: &file.content })?),
        }
    }
    for entry in entries {
        match &entry.link {
            Some(target) => {
                archive.extend(member_header(&entry.path, Member::Link { target: target.as_bytes() })?);
            }
            None => append_file(&mut archive, &entry.path, 0o644, entry.text.as_bytes())?,
        }
    }
    archive.extend(END_OF_ARCHIVE);
    Ok(gzip(&archive)?)
}

fn append_file(archive: &mut Vec<u8>, path: &str, mode: u32, content: &[u8]) -> Result<(), TarballError> {
    archive.extend(member_header(path, Member::File { mode, size: content.len() as u64 })?);
    archive.extend_from_slice(content);
    archive.resize(archive.len().next_multiple_of(END_OF_ARCHIVE.len() / 2), 0);
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;
    use crate::demo::tree::TreeFile;
    use crate::pack::npm::archive::MEMBER_TIME;

    fn names(bytes: &[u8]) -> Vec<String> {
        let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(bytes));
        let entries = archive.entries().unwrap();
        entries.map(|entry| String::from_utf8_lossy(&entry.unwrap().path_bytes()).into_owned()).collect()
    }

    #[test]
    fn members_come_in_npm_order_with_npm_headers() {
        let tree: Tree = ["README.md", "package.json", "LICENSE", "lib/b.js", "a.js"]
            .map(|path| (path.to_owned(), TreeFile::text(path)))
            .into();
        let bytes = build_tarball(&tree, &[]).unwrap();
        let expected = ["LICENSE", "a.js", "lib/b.js", "package.json", "README.md"];
        assert_eq!(names(&bytes), expected.map(|path| format!("package/{path}")));
        assert_eq!(&bytes[..10], [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 2, 255]);
        let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(bytes.as_slice()));
        let mut first = archive.entries().unwrap().next().unwrap().unwrap();
        assert_eq!((first.header().mode().unwrap(), first.header().mtime().unwrap()), (0o644, MEMBER_TIME));
        // As npm 11 writes them: numbers end in a space, and there is no owner.
        assert_eq!(&first.header().as_bytes()[100..116], b"000644 \0\0\0\0\0\0\0\0\0");
        let mut text = String::new();
        first.read_to_string(&mut text).unwrap();
        assert_eq!(text, "LICENSE");
    }

    #[test]
    fn raw_members_keep_names_a_packer_would_refuse() {
        let entry = ArchiveEntry { path: "package/../../evil".to_owned(), text: String::new(), link: None };
        let bytes = build_tarball(&Tree::new(), &[entry]).unwrap();
        assert_eq!(names(&bytes), ["package/../../evil"]);
        let long = ArchiveEntry { path: "x".repeat(101), text: String::new(), link: None };
        assert!(matches!(build_tarball(&Tree::new(), &[long]), Err(TarballError::TooLong(_))));
    }
}
